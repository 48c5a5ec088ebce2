//! Scoring with a saved model.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::Bench;
use crate::{
    Failure,
    cargo::{build_clawsig, run as execute},
};

/// Rows of the corpus whose training split is scored.
const ROWS: &str = "12000";

impl Bench {
    /// Skills a second of a saved model at the notebook's settings; loading is timed on one skill
    /// and taken off.
    pub(super) fn predict(&self) -> Result<(), Failure> {
        let clawsig = build_clawsig()?;
        let (corpus, run) = (self.folder.join("predict"), self.folder.join("predict-run"));
        let words = ["synth", "--rows", ROWS, "--seed", "2", "--quiet", "--out"];
        execute(Command::new(&clawsig).args(words).arg(&corpus))?;
        let path = format!("source.path={}", corpus.display());
        for stage in ["ingest", "features", "train"] {
            let words = ["--profile", "tutorial", "--set", "source.kind=path", "--set", &path];
            let mut command = Command::new(&clawsig);
            execute(command.arg(stage).args(words).args(["--quiet", "--out"]).arg(&run))?;
        }
        let rows = corpus.join("train.jsonl");
        let fail = |e| Failure::Check(format!("cannot read {}: {e}", rows.display()));
        let text = fs::read(&rows).map_err(fail)?;
        let skills = text.iter().filter(|byte| **byte == b'\n').count();
        let first = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let one = self.folder.join("one.jsonl");
        fs::write(&one, first).map_err(fail)?;
        let time = |input: &Path| -> Result<f64, Failure> {
            let started = Instant::now();
            let mut command = Command::new(&clawsig);
            command.arg("predict").arg(input).arg("--model").arg(&run).args(["--as", "jsonl"]);
            execute(command.stdout(Stdio::null()))?;
            Ok(started.elapsed().as_secs_f64())
        };
        // The first pass warms the page cache.
        time(&rows)?;
        let (all, load) = (time(&rows)?, time(&one)?);
        println!(
            "{{\"skills\":{skills},\"megabytes\":{:.1},\"seconds\":{all:.3},\
             \"load_seconds\":{load:.3},\"skills_per_second\":{:.0}}}",
            text.len() as f64 / 1e6,
            (skills as f64 - 1.0) / (all - load)
        );
        Ok(())
    }
}
