//! Comparison of the vectorizers with scikit-learn's, and of the Unicode tables with Python's.

use std::process::Command;

use crate::{
    Failure,
    bench::Bench,
    cargo::{output, root, run as execute},
};

/// Compares on the texts of the given files, or of a synthetic corpus.
pub(crate) fn run(files: &[String]) -> Result<(), Failure> {
    let bench = Bench::prepare()?;
    let example = bench.example("clawsig-features", "features_parity")?;
    let mut files = files.to_vec();
    if files.is_empty() {
        let synth = bench.example("clawsig-synth", "write_jsonl")?;
        let corpus = bench.folder().join("parity");
        output(Command::new(synth).args(["2000", "1"]).arg(&corpus))?;
        files.push(corpus.join("train.jsonl").display().to_string());
    }
    let script = root().join("xtask/peers/features_parity.py");
    execute(Command::new(bench.python()?).arg(script).arg(example).args(files))
}

/// Writes crates/features/UNICODE.md anew.
pub(crate) fn unicode() -> Result<(), Failure> {
    let bench = Bench::prepare()?;
    let example = bench.example("clawsig-features", "features_parity")?;
    let characters = bench.folder().join("characters");
    output(Command::new(example).arg("characters").arg(&characters))?;
    let script = root().join("xtask/peers/unicode.py");
    let out = root().join("crates/features/UNICODE.md");
    execute(Command::new(bench.python()?).arg(script).arg(characters).arg(out))
}
