//! Measurements against named peers, on the same work in one go.
//!
//! Each side is a process of its own and prints its own time and peak memory; this module makes
//! the input, starts both sides one after the other, and prints the ratios. The peers are Python
//! programs in xtask/peers, in a virtual environment below target/.

mod ingest;
mod model;
mod predict;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure,
    cargo::{cargo, output, release_folder, root, run as execute},
    scale,
};

/// What can be measured.
const NAMES: [&str; 6] = ["agreement", "features", "model", "notebook", "ingest", "predict"];

/// Rows of the study's training split.
const TRAIN_ROWS: u64 = 47_262;
/// Rows of the study.
pub(crate) const ALL_ROWS: u64 = 67_453;

/// Measures the named parts, or all of them.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    // No part of "all of them": it has no peer and takes long.
    if let Some(("scale", times)) = names.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        return scale::run(times);
    }
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(Failure::Usage(format!("no bench `{unknown}`: {}", NAMES.join(", "))));
    }
    let bench = Bench::prepare()?;
    for name in NAMES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("\n== {name}");
            match name {
                "agreement" => bench.agreement()?,
                "features" => bench.features()?,
                "model" => bench.model()?,
                "notebook" => bench.notebook()?,
                "predict" => bench.predict()?,
                _ => bench.ingest()?,
            }
        }
    }
    Ok(())
}

/// Compares finished runs with scikit-learn, on the synthetic corpus and on a folder if given.
pub(crate) fn parity(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => Bench::prepare()?.parity(None),
        [folder] => Bench::prepare()?.parity(Some(folder)),
        _ => Err(Failure::Usage("parity takes one folder at most".to_owned())),
    }
}

/// Tries other families of models on a folder's rows.
pub(crate) fn families(arguments: &[String]) -> Result<(), Failure> {
    let [folder] = arguments else {
        return Err(Failure::Usage("families takes one folder of rows".to_owned()));
    };
    Bench::prepare()?.families(folder)
}

/// Where a comparison finds its programs and keeps its files.
pub(crate) struct Bench {
    /// Where inputs and outputs lie.
    folder: PathBuf,
    /// Python with the peers; absent where it can't be had.
    python: Option<PathBuf>,
}

impl Bench {
    /// Makes the folder and, where it can be had, the peers' environment.
    pub(crate) fn prepare() -> Result<Bench, Failure> {
        let folder = Bench::folder_of("")?;
        let python = match environment(&folder, "requirements.txt") {
            Ok(python) => Some(python),
            Err(Failure::Check(why)) => {
                println!("the peers can't be installed, so our side runs alone: {why}");
                None
            }
            Err(other) => return Err(other),
        };
        Ok(Bench { folder, python })
    }

    /// A folder of that name below the one for all measurements; made where it is not there yet.
    pub(crate) fn folder_of(name: &str) -> Result<PathBuf, Failure> {
        let folder = root().join("target").join("bench").join(name);
        let fail = |e| Failure::Check(format!("cannot create {}: {e}", folder.display()));
        fs::create_dir_all(&folder).map_err(fail)?;
        Ok(folder)
    }

    /// Where inputs and outputs lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Python with the peers.
    pub(crate) fn python(&self) -> Result<&Path, Failure> {
        let missing = || Failure::Check("without the peers there is nothing to compare".to_owned());
        self.python.as_deref().ok_or_else(missing)
    }

    /// Builds an example of a crate and gives its path.
    pub(crate) fn example(&self, package: &str, name: &str) -> Result<PathBuf, Failure> {
        let arguments =
            ["build", "--release", "--locked", "--quiet", "--package", package, "--example", name];
        execute(&mut cargo(&arguments))?;
        Ok(release_folder().join("examples").join(name))
    }

    /// Where a peer's script lies.
    fn script(&self, name: &str) -> PathBuf {
        root().join("xtask").join("peers").join(name)
    }

    /// Runs a peer's script, if Python is there.
    fn peer(&self, script: &str, arguments: &[&str]) -> Result<Option<String>, Failure> {
        let Some(python) = &self.python else { return Ok(None) };
        let text = output(Command::new(python).arg(self.script(script)).args(arguments))?;
        print!("{text}");
        Ok(Some(text))
    }

    fn agreement(&self) -> Result<(), Failure> {
        let bench = ["bench", "--quiet", "--locked", "--package", "clawsig-agreement", "--bench"];
        let ours = output(cargo(&bench).arg("two_raters"))?;
        print!("{ours}");
        let Some(theirs) = self.peer("agreement.py", &["20"])? else { return Ok(()) };
        let lines = [
            ("seconds", "seconds_2000_replicates_scaled", "scikit-learn on resampled rows"),
            (
                "five_seconds",
                "numpy_counts_seconds",
                "numpy on the patterns' counts, same statistics",
            ),
        ];
        for (own, other, peer) in lines {
            if let (Some(own), Some(other)) = (number(&ours, own), number(&theirs, other)) {
                println!("ratio of time, {peer} over clawsig: {:.2}", other / own);
            }
        }
        Ok(())
    }

    fn features(&self) -> Result<(), Failure> {
        let program = self.example("clawsig-features", "bench_features")?;
        let corpus = |rows: u64| -> Result<String, Failure> {
            let file = self.folder.join("features.jsonl").display().to_string();
            execute(Command::new(&program).args(["generate", &rows.to_string(), &file]))?;
            Ok(file)
        };
        let file = corpus(TRAIN_ROWS)?;
        let ours = side(&program, &["clawsig", &file])?;
        let theirs = self.peer("features.py", &[&file])?;
        ratios(&ours, theirs.as_deref());
        ratios(&ours, Some(&side(&program, &["linfa", &file])?));
        let file = corpus(ALL_ROWS)?;
        side(&program, &["duplicates", &file])?;
        side(&program, &["recall", &file])?;
        println!("growth: rows, seconds, MB/s, entries, peak MB, ns an entry, bytes an entry");
        for times in [1, 2, 4, 8] {
            let file = corpus(TRAIN_ROWS * times)?;
            let line = output(Command::new(&program).args(["clawsig", &file]))?;
            let keys = ["rows", "seconds", "megabytes_per_second", "entries", "peak_megabytes"];
            let values = keys.map(|key| number(&line, key).unwrap_or(f64::NAN));
            let [_, seconds, _, entries, megabytes] = values;
            let cells = values.map(|value| value.to_string()).join(", ");
            let (time, memory) = (seconds * 1e9 / entries, megabytes * 1_048_576.0 / entries);
            println!("  {times} times: {cells}, {time:.0}, {memory:.1}");
            fs::remove_file(&file)
                .map_err(|e| Failure::Check(format!("cannot remove {file}: {e}")))?;
        }
        Ok(())
    }
}

/// Reads the files of a folder, so that no side waits for the disk which the one before it spared.
fn warm(folder: &Path) -> Result<(), Failure> {
    let read = || -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            io::copy(&mut fs::File::open(entry?.path())?, &mut io::sink())?;
        }
        Ok(())
    };
    read().map_err(|e| Failure::Check(format!("cannot read {}: {e}", folder.display())))
}

/// Runs our side and shows what it printed.
fn side(program: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let text = output(Command::new(program).args(arguments))?;
    print!("{text}");
    Ok(text)
}

/// Prints the peer's time and memory over ours.
fn ratios(ours: &str, theirs: Option<&str>) {
    let Some(theirs) = theirs else { return };
    for (key, what) in [("seconds", "time"), ("peak_megabytes", "peak memory")] {
        if let (Some(ours), Some(theirs)) = (number(ours, key), number(theirs, key)) {
            println!("ratio of {what}, peer over clawsig: {:.2}", theirs / ours);
        }
    }
}

/// The number behind `"key":` in a line of JSON.
fn number(json: &str, key: &str) -> Option<f64> {
    let (_, rest) = json.split_once(&format!("\"{key}\":"))?;
    let digits = rest.trim_start();
    let inside = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e');
    let end = digits.find(|c| !inside(c)).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Python with the peers of a requirements file, made where it is not there yet.
pub(crate) fn environment(folder: &Path, requirements: &str) -> Result<PathBuf, Failure> {
    let environment = folder.join("venv");
    let python = environment.join("bin").join("python");
    if !python.is_file() {
        output(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let requirements = root().join("xtask").join("peers").join(requirements);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    output(Command::new(&python).args(pip).arg(requirements))?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_behind_its_key() {
        let json = r#"{"rows": 5, "seconds": 1.25, "gradient": 2.5e-3, "peak_megabytes":300}"#;
        assert_eq!(number(json, "gradient"), Some(2.5e-3));
        assert_eq!(number(json, "seconds"), Some(1.25));
        assert_eq!(number(json, "peak_megabytes"), Some(300.0));
        assert_eq!(number(json, "entries"), None);
    }
}
