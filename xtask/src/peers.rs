//! Other programs on the same data: `cargo xtask peers scale` counts with other engines, `peers formats` reads what
//! other writers write, `peers transfer` trains by scikit-learn, `peers registry` computes the statistics of the
//! published counts, `peers ratings` agreement of any raters.

use std::{fs, process::Command};

use crate::{
    Failure,
    bench::environment,
    cargo::{build_clawsig, root, run as execute},
};

/// Rows by default: enough for engines to split their work, few enough for a minute or two.
const ROWS: &str = "20000";

/// Runs the comparison of that name.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    match words {
        [name] if name == "scale" => scale(ROWS),
        [name, rows] if name == "scale" && rows.parse::<u64>().is_ok() => scale(rows),
        [name] if name == "formats" => formats(),
        [name] if name == "registry" => registry(),
        [name, corpora @ ..] if name == "transfer" && !corpora.is_empty() => transfer(corpora),
        [name, files @ ..] if name == "ratings" => ratings(files),
        _ => {
            let known = "scale [ROWS], formats, registry, ratings [FILE...], transfer CORPUS...";
            Err(Failure::Usage(format!("which peers? {known}")))
        }
    }
}

/// The table of `clawsig transfer` over JSON lines of text and label, and scikit-learn's on the same
/// rows.
fn transfer(corpora: &[String]) -> Result<(), Failure> {
    let folder = root().join("target").join("bench").join("transfer");
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::Check(format!("cannot create {}: {e}", folder.display())))?;
    let python = environment(&folder, "requirements.txt")?;
    let out = folder.join("out");
    let mut ours = Command::new(build_clawsig()?);
    execute(
        ours.arg("transfer")
            .args(corpora)
            .args(["--unlabelled", "benign", "--force", "--out"])
            .arg(&out),
    )?;
    let script = root().join("xtask").join("peers").join("transfer.py");
    execute(Command::new(python).arg(script).arg(&out).args(corpora))
}

/// Files of every writer that people use, read back cell by cell.
fn formats() -> Result<(), Failure> {
    let folder = root().join("target").join("bench").join("formats");
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::Check(format!("cannot create {}: {e}", folder.display())))?;
    let python = match environment(&folder, "formats-requirements.txt") {
        Ok(python) => python,
        Err(Failure::Check(why)) => {
            println!("skipped: the writers can't be installed: {why}");
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let script = root().join("xtask").join("peers").join("formats.py");
    let mut command = Command::new(python);
    command.arg(script).arg(build_clawsig()?).arg(folder.join("work"));
    execute(&mut command)
}

/// irrCAC, statsmodels and numpy on the published counts.
fn registry() -> Result<(), Failure> {
    let folder = root().join("target").join("bench").join("registry");
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::Check(format!("cannot create {}: {e}", folder.display())))?;
    let python = match environment(&folder, "registry-requirements.txt") {
        Ok(python) => python,
        Err(Failure::Check(why)) => {
            println!("skipped: irrCAC and statsmodels can't be installed: {why}");
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let script = root().join("xtask").join("peers").join("registry.py");
    execute(Command::new(python).arg(script).arg(build_clawsig()?))
}

/// Coefficients of any raters, by irrCAC and krippendorff.
fn ratings(files: &[String]) -> Result<(), Failure> {
    let folder = root().join("target").join("bench").join("ratings");
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::Check(format!("cannot create {}: {e}", folder.display())))?;
    let python = environment(&folder, "ratings-requirements.txt")?;
    let script = root().join("xtask").join("peers").join("ratings.py");
    let mut command = Command::new(python);
    command.arg(script).arg(build_clawsig()?).arg(folder.join("work")).args(files);
    execute(&mut command)
}

/// DuckDB and Spark over a synthetic corpus: the same counts, statistics and predictions.
fn scale(rows: &str) -> Result<(), Failure> {
    let folder = root().join("target").join("bench").join("scale");
    fs::create_dir_all(&folder)
        .map_err(|e| Failure::Check(format!("cannot create {}: {e}", folder.display())))?;
    let python = match environment(&folder, "scale-requirements.txt") {
        Ok(python) => python,
        Err(Failure::Check(why)) => {
            println!("skipped: DuckDB and Spark can't be installed: {why}");
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let clawsig = build_clawsig()?;
    let (data, run) = (folder.join(format!("data-{rows}")), folder.join(format!("run-{rows}")));
    let synth = ["synth", "--rows", rows, "--seed", "1", "--quiet", "--out"];
    execute(Command::new(&clawsig).args(synth).arg(&data))?;
    let source = format!("source.path={}", data.display());
    for stage in ["ingest", "agreement", "features", "train"] {
        let words = [stage, "--quiet", "--set", "source.kind=path", "--set", &source, "--out"];
        execute(Command::new(&clawsig).args(words).arg(&run))?;
    }
    let script = root().join("xtask").join("peers").join("scale.py");
    let mut command = Command::new(python);
    command.arg(script).arg(clawsig).args([data, run]).arg(folder.join("work"));
    execute(&mut command)
}
