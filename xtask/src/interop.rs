//! What `clawsig export`, `clawsig predict` and `clawsig adjudicate` write, opened by the tools it is meant for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure,
    cargo::{build_clawsig, output, root, run},
};

/// The npm package that carries the SARIF 2.1.0 schema, and the file that npm makes of it.
const SCHEMA: (&str, &str) =
    ("@microsoft/jest-sarif@1.0.0-beta.0", "microsoft-jest-sarif-1.0.0-beta.0.tgz");

/// Exports the bundled sample's run in every form and checks each, or says why that was skipped.
pub(crate) fn check() -> Result<(), Failure> {
    let folder = root().join("target").join("interop");
    let fail = |e| Failure::Check(format!("cannot create {}: {e}", folder.display()));
    fs::create_dir_all(&folder).map_err(fail)?;
    let (python, annotators, schema) = match tools(&folder) {
        Ok(tools) => tools,
        Err(Failure::Check(why)) => {
            println!("interop: skipped, the tools can't be had: {why}");
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let scratch = std::env::temp_dir().join(format!("clawsig-interop-{}", std::process::id()));
    let program = build_clawsig()?;
    let result = check_in(&program, &scratch, &python, &schema)
        .and_then(|()| check_review(&program, &scratch, &annotators));
    // The folder is scratch: what can't be removed stays in the temporary folder.
    let _ = fs::remove_dir_all(&scratch);
    result
}

fn check_in(program: &Path, scratch: &Path, python: &Path, schema: &Path) -> Result<(), Failure> {
    let at = |name: &str| scratch.join(name).display().to_string();
    let (sample, out) = (at("run"), at("out"));
    run(Command::new(program).args(["run", "--final", "--quiet", "--out", &sample]))?;
    for (form, name) in [
        ("csv", "skills.csv"),
        ("npz", "npz"),
        ("parquet", "parquet"),
        ("sarif", "run.sarif"),
        ("model-card", "README.md"),
        ("croissant", "croissant"),
        ("leaderboard", "submission"),
    ] {
        let mut export = Command::new(program);
        export.args(["export", form, &sample, "--quiet", "--out"]);
        export.arg(Path::new(&out).join(name));
        if form == "leaderboard" {
            export.args(["--revision", "0000000000000000000000000000000000000000"]);
        }
        run(&mut export)?;
    }
    let skills = root().join("tests").join("examples").join("skills");
    let rows = Path::new(&sample).join("ingest").join("signals").join("test.parquet");
    for (form, name) in [("sarif", "predict.sarif"), ("csv", "predict.csv")] {
        let mut predict = Command::new(program);
        predict.arg("predict").arg(&skills).arg(&rows).args(["--model", &sample, "--as", form]);
        let path = Path::new(&out).join(name);
        fs::write(&path, output(&mut predict)?)
            .map_err(|e| Failure::Check(format!("cannot write {}: {e}", path.display())))?;
    }
    let script = root().join("tests").join("interop").join("check.py");
    run(Command::new(python).arg(script).args([&sample, &out]).arg(schema))
}

/// A review sample in the annotation tools' packages, and their exports back.
fn check_review(program: &Path, scratch: &Path, python: &Path) -> Result<(), Failure> {
    let at = |name: &str| scratch.join(name);
    let sample = ["--reviews", "40", "--quiet", "--out"];
    run(Command::new(program)
        .args(["adjudicate", "sample"])
        .arg(at("run"))
        .args(sample)
        .arg(at("review")))?;
    let script = root().join("tests").join("interop").join("review.py");
    run(Command::new(python).arg(script).arg(program).args(["run", "review", "answers"].map(at)))
}

/// Python with the packages of a file beside the scripts.
fn python(folder: &Path, name: &str, requirements: &str) -> Result<PathBuf, Failure> {
    let environment = folder.join(name);
    let python = environment.join("bin").join("python");
    if !python.is_file() {
        output(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let requirements = root().join("tests").join("interop").join(requirements);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    output(Command::new(&python).args(pip).arg(requirements))?;
    Ok(python)
}

/// Python with the data tools, Python with the annotation tools, and the SARIF schema's package.
fn tools(folder: &Path) -> Result<(PathBuf, PathBuf, PathBuf), Failure> {
    let python_of_data = python(folder, "venv", "requirements.txt")?;
    let annotators = python(folder, "review", "review-requirements.txt")?;
    let schema = folder.join(SCHEMA.1);
    if !schema.is_file() {
        let npm = ["pack", "--silent", SCHEMA.0, "--pack-destination"];
        output(Command::new("npm").args(npm).arg(folder))?;
    }
    Ok((python_of_data, annotators, schema))
}
