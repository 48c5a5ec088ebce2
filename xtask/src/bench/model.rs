//! The classifier against scikit-learn and linfa: the solver, the whole notebook, and the parity
//! of finished runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{ALL_ROWS, Bench, TRAIN_ROWS, number, ratios, warm};
use crate::{
    Failure,
    cargo::{build_clawsig, output, run as execute},
};

/// One line of the table of methods, from the JSON that each side prints.
fn line(json: &str) -> String {
    let method = json
        .split_once("\"method\": \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("?", |(method, _)| method);
    let of = |key: &str, digits: usize| {
        number(json, key).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    format!(
        "{method:36}{:>8}{:>10}{:>6}{:>9}{:>17}{:>11}{:>9}",
        of("rows", 0),
        of("entries", 0),
        of("iterations", 0),
        of("seconds", 2),
        of("objective", 5),
        number(json, "gradient_norm").map_or_else(|| "-".to_owned(), |g| format!("{g:.1e}")),
        of("peak_megabytes", 0),
    )
}

impl Bench {
    /// Time, iterations, objective and memory of every method on three problems, and the growth
    /// with the rows.
    pub(super) fn model(&self) -> Result<(), Failure> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let Some(python) = &self.python else {
            println!("model: its problems are made by the peer's script, so nothing can be timed");
            return Ok(());
        };
        let script = self.script("model.py");
        let peer = |arguments: &[&str]| output(Command::new(python).arg(&script).args(arguments));
        let program = self.example("clawsig-model", "bench_model")?;
        let ours = |folder: &str, solver: &str, setting: &[&str]| -> Result<String, Failure> {
            let text = output(Command::new(&program).args([folder, solver]).args(setting))?;
            println!("{}", line(&text));
            Ok(text)
        };
        let theirs = |folder: &str, setting: &[&str]| -> Result<String, Failure> {
            let mut arguments = vec!["solve", folder];
            arguments.extend(setting);
            let text = peer(&arguments)?;
            println!("{}", line(&text));
            Ok(text)
        };
        let drawn = path("model");
        let rows = TRAIN_ROWS.to_string();
        print!("drawn terms: {}", peer(&["generate", &drawn, &rows, "20004", "14200000"])?);
        let texts = path("texts");
        let run = self.notebook_run("0", "features")?;
        print!("synthetic texts: {}", peer(&["convert", &run.display().to_string(), &texts])?);
        println!(
            "{:36}{:>8}{:>10}{:>6}{:>9}{:>17}{:>11}{:>9}",
            "method", "rows", "entries", "iter", "seconds", "objective", "gradient", "peak MB"
        );
        for folder in [&drawn, &texts] {
            let near = ours(folder, "sampled-newton", &["4", "balanced", "1e-6"])?;
            for solver in ["newton-cg", "lbfgs"] {
                ours(folder, solver, &["4", "balanced", "1e-6"])?;
            }
            let stop = theirs(folder, &["4", "balanced", "1e-4", "2000"])?;
            println!("sampled-newton to 1e-6 against scikit-learn's default stop:");
            ratios(&near, Some(&stop));
        }
        println!("growth with the rows:");
        for (rows, entries) in [("11816", "3550000"), ("23631", "7100000"), ("94524", "28400000")] {
            let part = path("part");
            peer(&["generate", &part, rows, "20004", entries])?;
            ours(&part, "sampled-newton", &["4", "balanced", "1e-6"])?;
        }
        println!("a small dense problem:");
        let dense = path("dense");
        peer(&["generate", &dense, "5000", "1000", "500000"])?;
        for solver in ["linfa", "newton-cg", "sampled-newton"] {
            ours(&dense, solver, &["1", "none"])?;
        }
        theirs(&dense, &["1", "none", "1e-7", "20000"])?;
        Ok(())
    }

    /// The corpus of the study's size, made once.
    fn corpus(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("study");
        if !folder.join("train.jsonl").is_file() {
            let rows = ALL_ROWS.to_string();
            let words = ["--rows", &rows, "--seed", "1", "--quiet", "--out"];
            execute(Command::new(build_clawsig()?).arg("synth").args(words).arg(&folder))?;
        }
        Ok(folder)
    }

    /// A run of the notebook's profile on `rows` training rows (0 is all), up to a stage.
    fn notebook_run(&self, rows: &str, stage: &str) -> Result<PathBuf, Failure> {
        let settings = ["--profile", "tutorial", "--set", &format!("sample.rows={rows}")];
        let out = self.folder.join(format!("notebook-{rows}"));
        self.up_to(stage, &settings, &self.corpus()?, &out)?;
        Ok(out)
    }

    /// A stage of a run and what lies before it.
    fn up_to(
        &self,
        stage: &str,
        settings: &[&str],
        source: &Path,
        out: &Path,
    ) -> Result<(), Failure> {
        let mut clawsig = Command::new(build_clawsig()?);
        clawsig.args([stage, "--with-upstream"]).args(settings);
        clawsig.args(["--set", "source.kind=path", "--set"]);
        clawsig.arg(format!("source.path={}", source.display())).arg("--out").arg(out);
        output(&mut clawsig)?;
        Ok(())
    }

    /// The notebook from JSONL to metrics on all training rows, against Python without figures:
    /// first everything that `clawsig run` does, then without the folds by owner, without all other refits
    /// too, and last the notebook's own steps as far as a run can be cut down to them.
    pub(super) fn notebook(&self) -> Result<(), Failure> {
        let Some(python) = &self.python else {
            println!("notebook: without the peers there is nothing to compare with");
            return Ok(());
        };
        let source = self.corpus()?;
        let out = self.folder.join("notebook-run");
        let clawsig = build_clawsig()?;
        let folds = "evaluate.folds=0";
        let refits = "evaluate.refits=false";
        let shortest =
            ["agreement.replicates=100", "evaluate.replicates=0", "model.text_only=false"];
        let own_steps: Vec<&str> = [folds, refits].into_iter().chain(shortest).collect();
        let mut sides = Vec::new();
        for (name, more) in [
            ("everything", &[][..]),
            ("without the folds", &[folds]),
            ("without all refits", &[folds, refits]),
            ("the notebook's own steps", &own_steps),
        ] {
            if out.exists() {
                let fail = |e| Failure::Check(format!("cannot remove {}: {e}", out.display()));
                fs::remove_dir_all(&out).map_err(fail)?;
            }
            warm(&source)?;
            let text = output(
                Command::new(python)
                    .arg(self.script("measure.py"))
                    .arg(&clawsig)
                    .args(["run", "--profile", "tutorial", "--quiet"])
                    .args(["--set", "sample.rows=0", "--set", "source.kind=path", "--set"])
                    .arg(format!("source.path={}", source.display()))
                    .args(more.iter().flat_map(|setting| ["--set", setting]))
                    .arg("--out")
                    .arg(&out),
            )?;
            print!("{name}: {text}");
            sides.push((name, text));
        }
        warm(&source)?;
        let (source, out) = (source.display().to_string(), out.display().to_string());
        let theirs = self.peer("notebook.py", &[&source, &out])?;
        for (name, ours) in &sides {
            println!("{name}:");
            ratios(ours, theirs.as_deref());
        }
        self.peer("notebook.py", &[&source, &out, "1e-7"])?;
        Ok(())
    }

    /// Objective, predictions and metrics beside scikit-learn's, on a folder of rows and on the
    /// synthetic corpus of the study's size.
    pub(super) fn parity(&self, folder: Option<&str>) -> Result<(), Failure> {
        let mut sources = vec![("synthetic", self.corpus()?)];
        if let Some(folder) = folder {
            sources.insert(0, ("given", PathBuf::from(folder)));
        }
        let none = "model.class_weight=none";
        let balanced = "model.class_weight=balanced";
        let settings: [(&str, &[&str]); 6] = [
            ("seed", &["--profile", "seed"]),
            ("seed, balanced", &["--profile", "seed", "--set", balanced]),
            ("notebook", &["--profile", "tutorial", "--set", "sample.rows=0"]),
            (
                "notebook, unweighted",
                &["--profile", "tutorial", "--set", "sample.rows=0", "--set", none],
            ),
            (
                "notebook, non-clean",
                &[
                    "--profile",
                    "tutorial",
                    "--set",
                    "sample.rows=0",
                    "--set",
                    "model.target=non-clean",
                ],
            ),
            ("notebook, rare class", &["--profile", "tutorial", "--set", "sample.rows=5700"]),
        ];
        for (name, source) in sources {
            for (at, (setting, arguments)) in settings.iter().enumerate() {
                let out = self.folder.join(format!("parity-{name}-{at}"));
                let words: Vec<&str> =
                    arguments.iter().copied().chain(["--set", "evaluate.replicates=0"]).collect();
                self.up_to("evaluate", &words, &source, &out)?;
                self.peer("model_parity.py", &[&format!("{name}: {setting}={}", out.display())])?;
            }
        }
        Ok(())
    }

    /// Other families on the matrices of the profile `paper`, with and without the scanners' columns.
    pub(super) fn families(&self, folder: &str) -> Result<(), Failure> {
        let sets = [
            ("every group", "[\"text\", \"flags\", \"numeric\", \"codes\", \"shape\"]"),
            ("text and shape", "[\"text\", \"shape\"]"),
        ];
        let mut runs = Vec::new();
        for (at, (name, groups)) in sets.into_iter().enumerate() {
            let out = self.folder.join(format!("families-{at}"));
            let groups = format!("features.groups={groups}");
            let settings = ["--profile", "paper", "--set", &groups];
            self.up_to("train", &settings, Path::new(folder), &out)?;
            runs.push(format!("{name}={}", out.display()));
        }
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        self.peer("families.py", &runs)?;
        Ok(())
    }
}
