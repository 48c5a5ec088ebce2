//! Reading the dataset's JSON lines, against two Python readers.

use std::{fs, path::Path, process::Command};

use super::{ALL_ROWS, Bench, ratios, side, warm};
use crate::{
    Failure,
    cargo::{build_clawsig, cargo, release_folder, run as execute},
};

/// The study's rows times this is the second size.
const LARGER: u64 = 10;

impl Bench {
    /// Both sizes: the first against every peer, the larger one against the one that can hold it.
    pub(super) fn ingest(&self) -> Result<(), Failure> {
        let clawsig = build_clawsig()?;
        // Built together with the program, the reader shares its dependencies; alone it would be
        // given other features of them, and build them again.
        execute(&mut cargo(&[
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "clawsig",
            "--package",
            "clawsig-ingest",
            "--example",
            "bench_ingest",
        ]))?;
        let program = release_folder().join("examples").join("bench_ingest");
        for times in [1, LARGER] {
            let rows = (ALL_ROWS * times).to_string();
            println!("{rows} rows");
            let corpus = self.folder.join("corpus");
            let words = ["--rows", &rows, "--seed", "1", "--quiet", "--out"];
            execute(Command::new(&clawsig).arg("synth").args(words).arg(&corpus))?;
            self.read(&program, &corpus, times)?;
            let fail = |e| Failure::Check(format!("cannot remove {}: {e}", corpus.display()));
            fs::remove_dir_all(&corpus).map_err(fail)?;
        }
        Ok(())
    }

    fn read(&self, program: &Path, corpus: &Path, times: u64) -> Result<(), Failure> {
        let folder = corpus.display().to_string();
        let out = self.folder.join("ingest").display().to_string();
        let files: Vec<String> = ["train", "validation", "test", "eval_holdout"]
            .map(|split| corpus.join(format!("{split}.jsonl")).display().to_string())
            .into();
        warm(corpus)?;
        let ours = side(program, &[&folder, &out])?;
        for peer in ["polars", "pandas"] {
            if times > 1 && peer == "pandas" {
                println!("pandas is left out: it holds a file several times over");
                continue;
            }
            let mut words = vec![peer];
            words.extend(files.iter().map(String::as_str));
            warm(corpus)?;
            match self.peer("ingest.py", &words) {
                Ok(theirs) => ratios(&ours, theirs.as_deref()),
                Err(Failure::Check(why)) => println!("{peer} did not get through: {why}"),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}
