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

/// The groups of columns whose models are timed: the notebook's words, and character n-grams beside them.
const GROUPS: [&str; 2] = ["text", "text,chars"];

impl Bench {
    /// Skills a second of saved models at the notebook's settings; loading is timed on one skill
    /// and taken off.
    pub(super) fn predict(&self) -> Result<(), Failure> {
        let clawsig = build_clawsig()?;
        let corpus = self.folder.join("predict");
        let words = ["synth", "--rows", ROWS, "--seed", "2", "--quiet", "--out"];
        execute(Command::new(&clawsig).args(words).arg(&corpus))?;
        let path = format!("source.path={}", corpus.display());
        let rows = corpus.join("train.jsonl");
        let fail = |e| Failure::Check(format!("cannot read {}: {e}", rows.display()));
        let text = fs::read(&rows).map_err(fail)?;
        let skills = text.iter().filter(|byte| **byte == b'\n').count();
        let first = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let one = self.folder.join("one.jsonl");
        fs::write(&one, first).map_err(fail)?;
        for (number, groups) in GROUPS.into_iter().enumerate() {
            let run = self.folder.join(format!("predict-run-{number}"));
            let set = format!("features.groups={groups}");
            let words = [
                "--profile",
                "tutorial",
                "--set",
                "source.kind=path",
                "--set",
                &path,
                "--set",
                &set,
            ];
            let mut command = Command::new(&clawsig);
            let words = command.args(["train", "--with-upstream"]).args(words);
            execute(words.args(["--quiet", "--out"]).arg(&run))?;
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
                "{{\"groups\":\"{groups}\",\"skills\":{skills},\"megabytes\":{:.1},\"seconds\":{all:.3},\
                 \"load_seconds\":{load:.3},\"skills_per_second\":{:.0}}}",
                text.len() as f64 / 1e6,
                (skills as f64 - 1.0) / (all - load)
            );
        }
        Ok(())
    }
}
