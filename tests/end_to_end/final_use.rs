//! `--final`: the hold-out is looked at once, and whatever goes beyond that is on record.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::program::Sandbox;

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The entries of a run's own ledger.
fn entries(sandbox: &Sandbox) -> Vec<Value> {
    read(&sandbox.path("run/ledger.jsonl"))
}

/// The ledgers of the user, one a hold-out.
fn outside(sandbox: &Sandbox) -> Vec<PathBuf> {
    let folder = sandbox.path("state/clawsig/holdouts");
    if !folder.exists() {
        return Vec::new();
    }
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_model_is_entered_once_and_a_changed_one_as_a_second_look() {
    let sandbox = Sandbox::new();
    let data = format!("source.path={}", sandbox.dataset(300, "parquet"));
    let run = |more: &[&str]| {
        let words = ["run", "--set", "source.kind=path", "--set", &data, "--out", "run"];
        sandbox.clawsig(&[&words[..], more].concat()).done()
    };
    let page = || fs::read_to_string(sandbox.path("run/report/report.html")).unwrap();

    run(&[]);
    assert!(entries(&sandbox).is_empty(), "no look without --final");
    assert!(outside(&sandbox).is_empty(), "no look without --final");
    assert!(!page().contains("hold-out was looked at"));

    let first = run(&["--final"]);
    assert!(first.stderr.contains("the first look"), "{}", first.stderr);
    assert!(page().contains("looked at once"));
    let ledger = entries(&sandbox);
    // One entry before the evaluation, and one with what came of it.
    assert_eq!(ledger.len(), 2);
    assert_eq!(ledger[0]["earlier_models"], 0);
    assert_eq!(ledger[0]["metrics"], Value::Null);
    let metrics: Value =
        serde_json::from_slice(&fs::read(sandbox.path("run/evaluate/metrics.json")).unwrap())
            .unwrap();
    assert_eq!(ledger[1]["metrics"], metrics["eval_holdout"]);
    assert_eq!(ledger[1]["model_sha256"], ledger[0]["model_sha256"]);
    let holdout = ledger[0]["holdout_sha256"].as_str().unwrap();
    let user = sandbox.path("state/clawsig/holdouts").join(format!("{holdout}.jsonl"));
    assert_eq!(outside(&sandbox), std::slice::from_ref(&user));
    assert_eq!(read(&user), ledger);

    for more in [&["--final"][..], &["--final", "--force"]] {
        let again = run(more);
        assert!(again.stderr.contains("no new look"), "{}", again.stderr);
        assert_eq!(entries(&sandbox), ledger, "the same model is no new look, forced or not");
    }

    let changed = run(&["--final", "--set", "model.c=0.1", "--set", "model.grid=[]", "--quiet"]);
    assert!(changed.stderr.contains("no longer held out"), "{}", changed.stderr);
    let ledger = entries(&sandbox);
    assert_eq!(ledger.len(), 4);
    assert_eq!(ledger[2]["earlier_models"], 1);
    assert_ne!(ledger[2]["model_sha256"], ledger[0]["model_sha256"]);
    assert!(page().contains("looked at with 2 models"));
    assert_eq!(read(&user), ledger);

    // The page that is made again tells both looks, and takes none.
    sandbox.clawsig(&["verify", "run", "--rebuild"]).done();
    assert_eq!(read(&user), ledger);

    fs::write(sandbox.path("run/ledger.jsonl"), "{}\n").unwrap();
    let words = ["run", "--set", "source.kind=path", "--set", &data, "--out", "run", "--final"];
    sandbox.clawsig(&words).fails_with(1, &["ledger.jsonl", "line 1"]);
}

/// Neither another run folder nor a deleted ledger hides an earlier look.
#[test]
fn another_folder_is_no_first_look() {
    let sandbox = Sandbox::new();
    let data = format!("source.path={}", sandbox.dataset(300, "parquet"));
    let run = |out: &str, more: &[&str]| {
        let words = ["run", "--set", "source.kind=path", "--set", &data, "--final", "--out", out];
        sandbox.clawsig(&[&words[..], more].concat()).done()
    };
    let page =
        |out: &str| fs::read_to_string(sandbox.path(out).join("report/report.html")).unwrap();
    run("run", &[]);
    let other = ["--set", "model.c=0.1", "--set", "model.grid=[]"];
    let second = run("second", &other);
    assert!(second.stderr.contains("looked at before with 1 other model"), "{}", second.stderr);
    assert!(page("second").contains("looked at with 2 models"));
    let again = run("third", &other);
    assert!(again.stderr.contains("no new look"), "{}", again.stderr);

    fs::remove_file(sandbox.path("run/ledger.jsonl")).unwrap();
    let told = run("run", &[]);
    assert!(told.stderr.contains("no new look"), "{}", told.stderr);
    assert!(page("run").contains("looked at with 2 models"));
    assert_eq!(entries(&sandbox).len(), 2, "it is entered again");
}

/// A process that is killed while it looks has entered the look before.
#[test]
fn a_killed_evaluation_is_on_record() {
    let sandbox = Sandbox::new();
    let data = format!("source.path={}", sandbox.dataset(300, "parquet"));
    let words = ["run", "--set", "source.kind=path", "--set", &data, "--final", "--out", "run"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
        .args(words)
        .current_dir(sandbox.path(""))
        .env("XDG_STATE_HOME", sandbox.path("state"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("the first look") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended before it looked");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = entries(&sandbox);
    assert_eq!(begun[0]["metrics"], Value::Null);
    assert_eq!(read(&outside(&sandbox)[0])[0], begun[0]);
    let again = sandbox.clawsig(&words).done();
    assert!(again.stderr.contains("no new look"), "{}", again.stderr);
    assert_ne!(entries(&sandbox)[1]["metrics"], Value::Null);
}

/// A place that can't be written is told before anything is looked at.
#[test]
fn a_look_that_can_not_be_entered_is_not_taken() {
    let sandbox = Sandbox::new();
    let data = format!("source.path={}", sandbox.dataset(300, "parquet"));
    fs::write(sandbox.path("state"), "a file where a folder belongs").unwrap();
    let words = ["run", "--set", "source.kind=path", "--set", &data, "--final", "--out", "run"];
    sandbox.clawsig(&words).fails_with(1, &["holdouts", "--ledger", "--no-ledger"]);
    assert!(!sandbox.path("run/evaluate").exists());
}
