//! `clawsig verify`: what holds, what is caught, and what is not compared.
#![allow(clippy::print_stderr, reason = "a skipped test says why")]
#![allow(clippy::panic, reason = "a missing line fails the test")]

use std::{fs, path::Path, process::Command};

use crate::program::{Outcome, Sandbox};

const ROWS: u32 = 1500;
/// Nothing that verify looks at depends on it.
const QUICK: [&str; 2] = ["--set", "agreement.replicates=100"];

/// Ingest and agreement over a folder, into a run folder of that name.
fn study(sandbox: &Sandbox, data: &str, run: &str) {
    let path = format!("source.path={data}");
    let source = ["--set", "source.kind=path", "--set", &path, "--out", run];
    sandbox.clawsig(&[&["ingest"][..], &source].concat()).done();
    sandbox.clawsig(&[&["agreement", "--out", run][..], &QUICK].concat()).done();
}

/// Lock and figures of a folder, counted by Python alone; false where there is no Python.
fn count_by_python(sandbox: &Sandbox, data: &str) -> bool {
    let script = Path::new("../xtask/peers/published.py");
    let words = [sandbox.path(data), "small".into(), sandbox.path("python")];
    match Command::new("python3").arg(script).args(words).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(e) => {
            eprintln!("skipped: python3, which counts the figures independently, can't start: {e}");
            false
        }
    }
}

fn against_python(sandbox: &Sandbox, run: &str) -> Outcome {
    let figures = ["--lock", "python/lock.json", "--published", "python/published.json"];
    sandbox.clawsig(&[&["verify", run][..], &figures].concat())
}

/// The lines of a result that hold a text.
#[track_caller]
fn line<'a>(outcome: &'a Outcome, text: &str) -> &'a str {
    let found = outcome.stdout.lines().find(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no line with {text:?} in\n{}", outcome.stdout))
}

#[test]
fn rows_of_another_dataset_are_not_measured_by_the_papers_figures() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(300, "jsonl");
    study(&sandbox, data, "r");
    let outcome = sandbox.clawsig(&["verify", "r"]).done();
    line(&outcome, "The rows of this run are synthetic, so they are not compared.");
    line(&outcome, "0 differ, 0 not in this run");
    assert!(line(&outcome, "rows in the file of another").ends_with("holds"));
    // Asked for by name, they are compared, and most differ.
    let published = std::path::absolute("../data/published.json").unwrap();
    let words = ["verify", "r", "--published", published.to_str().unwrap()];
    let outcome = sandbox.clawsig(&words);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(line(&outcome, "rows of test  ").contains("6,747"));
    assert!(line(&outcome, "every other rule engine").contains("not in this run"));
}

#[test]
fn every_figure_that_another_program_counted_is_reproduced() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(ROWS, "jsonl");
    study(&sandbox, data, "r");
    if !count_by_python(&sandbox, data) {
        return;
    }
    let outcome = against_python(&sandbox, "r").done();
    line(&outcome, " 0 differ, 0 not in this run");
    for figure in
        ["largest overlap", "pattern all three", "F1 of always-suspicious", "median SKILL.md"]
    {
        assert!(line(&outcome, figure).ends_with("holds"), "{}", outcome.stdout);
    }
    let words = ["verify", "r", "--format", "json", "--lock", "python/lock.json"];
    let words = [&words[..], &["--published", "python/published.json"]].concat();
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap();
    assert_eq!(json["counts"]["differs"], 0);
    assert!(json["counts"]["holds"].as_u64() > Some(90), "{}", json["counts"]);

    // The figures are of rows: a run that left some out is not measured by figures of all.
    let set = ["--set", "source.kind=path", "--set", &format!("source.path={data}")];
    let sampled = ["ingest", "--out", "s", "--set", "sample.rows=50"];
    sandbox.clawsig(&[&sampled[..], &set].concat()).done();
    let outcome = against_python(&sandbox, "s");
    let largest = line(&outcome, "largest overlap");
    assert!(largest.contains("not in this run: the run left"), "{largest}");
    assert!(line(&outcome, "rows of test  ").ends_with("holds"));
}

#[test]
fn one_byte_one_row_and_one_verdict_are_each_caught_and_named() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(ROWS, "jsonl");
    if !count_by_python(&sandbox, data) {
        return;
    }
    let test = fs::read_to_string(sandbox.path(data).join("test.jsonl")).unwrap();
    let (head, tail) = test.split_once("\"skill_md_content\":\"").unwrap();
    let byte = format!(
        "{head}\"skill_md_content\":\"{}{}",
        if tail.starts_with('X') { 'Y' } else { 'X' },
        &tail[1..]
    );
    let (_, row) = test.split_once('\n').unwrap();
    let verdict =
        test.replacen("\"clawscan_verdict\":\"clean\"", "\"clawscan_verdict\":\"malicious\"", 1);
    let changes: [(&str, &str, &[&str], &[&str]); 3] = [
        (
            "byte",
            &byte,
            &["data/test.jsonl: SHA-256"],
            &["data/test.jsonl: rows", "rows of test  "],
        ),
        ("row", row, &["data/test.jsonl: rows", "data/test.jsonl: bytes", "rows of test  "], &[]),
        (
            "verdict",
            &verdict,
            &[
                "data/test.jsonl: clean rows",
                "malicious rows of test",
                "rows of test that are not clean",
            ],
            &["data/test.jsonl: rows", "rows of eval_holdout that are not clean"],
        ),
    ];
    for (name, text, differ, hold) in changes {
        let folder = sandbox.path(name);
        fs::create_dir(&folder).unwrap();
        for split in ["train", "validation", "eval_holdout"] {
            let file = format!("{split}.jsonl");
            fs::copy(sandbox.path(data).join(&file), folder.join(&file)).unwrap();
        }
        assert_ne!(text, test);
        fs::write(folder.join("test.jsonl"), text).unwrap();
        let run = format!("r-{name}");
        study(&sandbox, name, &run);
        let outcome = against_python(&sandbox, &run);
        assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
        for figure in differ {
            assert!(line(&outcome, figure).ends_with("differs"), "{name}: {}", outcome.stdout);
        }
        for figure in hold {
            assert!(line(&outcome, figure).ends_with("holds"), "{name}: {}", outcome.stdout);
        }
        assert!(line(&outcome, "data/train.jsonl: SHA-256").ends_with("holds"));
    }
}

#[test]
fn a_damaged_run_is_named_and_nothing_in_it_is_compared() {
    let sandbox = Sandbox::new();
    study(&sandbox, sandbox.dataset(300, "jsonl"), "r");
    let pairs = sandbox.path("r/agreement/pairs.csv");
    let text = fs::read_to_string(&pairs).unwrap();
    fs::write(&pairs, text.replacen("jaccard", "Jaccard", 1)).unwrap();
    let outcome = sandbox.clawsig(&["verify", "r"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(
        line(&outcome, "changed files of agreement").contains("differs: pairs.csv: its SHA-256")
    );
    line(&outcome, "The run is damaged");
    fs::write(&pairs, text).unwrap();
    sandbox.clawsig(&["verify", "r"]).done();
    let manifest = sandbox.path("r/ingest/manifest.json");
    let sealed = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, sealed.replacen("\"rows_in\": 300", "\"rows_in\": 301", 1)).unwrap();
    let outcome = sandbox.clawsig(&["verify", "r"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(line(&outcome, "changed files of ingest").contains("manifest.json"));
    sandbox.clawsig(&["verify", "nowhere"]).fails_with(2, &["nowhere"]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.clawsig(&["verify", "empty"]).fails_with(2, &["empty", "clawsig run"]);
}

#[test]
fn stages_that_are_not_of_one_piece_are_told() {
    let sandbox = Sandbox::new();
    let quick = ["--set", "model.grid=[1.0]", "--set", "evaluate.replicates=50"];
    sandbox.clawsig(&[&["run", "--out", "r"][..], &QUICK, &quick].concat()).done();
    let other = ["run", "--out", "other", "--set", "model.target=severity"];
    sandbox.clawsig(&[&other[..], &QUICK, &quick].concat()).done();
    let outcome = sandbox.clawsig(&["verify", "r"]).done();
    for held in ["columns of the model", "predictions for skills", "rejected rows"] {
        assert!(line(&outcome, held).ends_with("holds"), "{}", outcome.stdout);
    }
    // Every file is as it was written, but the model is of another matrix.
    fs::rename(sandbox.path("r/train"), sandbox.path("kept")).unwrap();
    fs::rename(sandbox.path("other/train"), sandbox.path("r/train")).unwrap();
    let outcome = sandbox.clawsig(&["verify", "r"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(line(&outcome, "changed files of train").ends_with("holds"), "{}", outcome.stdout);
    let inputs = line(&outcome, "inputs that are other files now");
    assert!(inputs.contains("train was made from another features/"), "{inputs}");
    for differs in ["target of the model", "columns of the model", "model of evaluate"] {
        assert!(line(&outcome, differs).ends_with("differs"), "{}", outcome.stdout);
    }
    let record = sandbox.path("r/run.toml");
    let text = fs::read_to_string(&record).unwrap();
    let changed = text.replacen("replicates = 100", "replicates = 101", 1);
    assert_ne!(text, changed);
    fs::write(&record, changed).unwrap();
    let outcome = sandbox.clawsig(&["verify", "r"]);
    let settings = line(&outcome, "settings that a stage was not made with");
    assert!(settings.contains("agreement.replicates is 101"), "{settings}");
    fs::write(&record, text).unwrap();
    fs::remove_dir_all(sandbox.path("r/train")).unwrap();
    let outcome = sandbox.clawsig(&["verify", "r"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(line(&outcome, "stages that are missing").contains("evaluate was made from train"));
}

#[test]
fn rejected_rows_are_a_difference_with_its_reasons() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(300, "jsonl");
    let path = sandbox.path(data).join("test.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let cut = text.lines().next().unwrap().len() / 2;
    fs::write(&path, format!("{text}{}\n", &text[..cut])).unwrap();
    study(&sandbox, data, "r");
    let outcome = sandbox.clawsig(&["verify", "r"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    let rejected = line(&outcome, "rejected rows");
    assert!(rejected.contains("differs: 1 ") && rejected.contains("rejects.jsonl"), "{rejected}");
}

#[test]
fn a_run_is_made_again_byte_for_byte() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(400, "jsonl");
    let path = format!("source.path={data}");
    let words = ["run", "--profile", "tutorial", "--set", "source.kind=path", "--set", &path];
    let more = ["--set", "evaluate.replicates=100", "--set", "run.seed=7", "--out", "r"];
    sandbox.clawsig(&[&words[..], &QUICK, &more].concat()).done();
    let again = |path: &str, threads: &str| {
        let threads = format!("run.threads={threads}");
        let words = ["verify", "r", "--rebuild", "--set", path, "--set", &threads];
        sandbox.clawsig(&words)
    };
    let outcome = again(&path, "1").done();
    for stage in ["ingest", "agreement", "features", "train", "evaluate", "report"] {
        let text = format!("files of {stage} that came out otherwise");
        assert!(line(&outcome, &text).ends_with("holds"), "{}", outcome.stdout);
    }
    let names = fs::read_dir(sandbox.path("r")).unwrap().map(|e| e.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("rebuild")));
    // Other rows come out otherwise, and the files that show it are named.
    fs::rename(sandbox.path(data), sandbox.path("first")).unwrap();
    let words = ["synth", "--rows", "400", "--seed", "6", "--small", "--out", data];
    sandbox.clawsig(&words).done();
    let outcome = again(&path, "2");
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    let ingest = line(&outcome, "files of ingest that came out otherwise");
    assert!(ingest.contains("ingest/profile.json differs"), "{ingest}");
    let ingest = sandbox.clawsig(&["verify", "r", "--rebuild", "--set", "source.path=nowhere"]);
    ingest.fails_with(2, &["nowhere"]);
}
