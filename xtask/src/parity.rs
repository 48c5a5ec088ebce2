//! Comparison of the vectorizers with scikit-learn's, and of the Unicode tables with Python's.

use std::process::Command;

use crate::{
    Failure,
    bench::Bench,
    cargo::{output, root, run as execute},
};

/// The synthetic corpora: rows and what `write_jsonl` calls them.
const CORPORA: [(&str, &str); 2] = [("3000", "sample"), ("1000", "hostile")];

/// Compares on the texts of the given files, or of synthetic corpora.
pub(crate) fn run(files: &[String]) -> Result<(), Failure> {
    let bench = Bench::prepare()?;
    let example = bench.example("clawsig-features", "features_parity")?;
    let script = root().join("xtask/peers/features_parity.py");
    let compare = |corpus: &str, files: &[String]| {
        let ties = bench.folder().join(format!("ties-{corpus}.txt"));
        let mut command = Command::new(bench.python()?);
        execute(command.arg(&script).arg(&example).arg(ties).args(files))
    };
    if !files.is_empty() {
        return compare("files", files);
    }
    let synth = bench.example("clawsig-synth", "write_jsonl")?;
    for (rows, preset) in CORPORA {
        println!("{rows} synthetic rows, {preset}");
        let corpus = bench.folder().join(format!("parity-{preset}"));
        output(Command::new(&synth).args([rows, "1"]).arg(&corpus).arg(preset))?;
        let file = |split: &str| corpus.join(split).display().to_string();
        compare(
            preset,
            &["train.jsonl", "validation.jsonl", "test.jsonl", "eval_holdout.jsonl"].map(file),
        )?;
    }
    Ok(())
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
