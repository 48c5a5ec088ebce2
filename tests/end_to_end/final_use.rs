//! `--final`: the hold-out is looked at once, and whatever goes beyond that is on record.

use std::fs;

use crate::program::Sandbox;

fn entries(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(sandbox.path("run/ledger.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
    assert!(!page().contains("hold-out was looked at"));

    let first = run(&["--final"]);
    assert!(first.stderr.contains("the first look"), "{}", first.stderr);
    assert!(page().contains("looked at once"));
    let ledger = entries(&sandbox);
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0]["earlier_uses"], 0);
    assert_eq!(ledger[0]["other_model_before"], false);
    let metrics: serde_json::Value =
        serde_json::from_slice(&fs::read(sandbox.path("run/evaluate/metrics.json")).unwrap())
            .unwrap();
    assert_eq!(ledger[0]["metrics"], metrics["eval_holdout"]);

    for more in [&["--final"][..], &["--final", "--force"]] {
        let again = run(more);
        assert!(again.stderr.contains("no new look"), "{}", again.stderr);
        assert_eq!(entries(&sandbox), ledger, "the same model is no new look, forced or not");
    }

    let changed = run(&["--final", "--set", "model.c=0.1", "--set", "model.grid=[]", "--quiet"]);
    assert!(changed.stderr.contains("no longer held out"), "{}", changed.stderr);
    let ledger = entries(&sandbox);
    assert_eq!(ledger.len(), 2);
    assert_eq!(ledger[1]["earlier_uses"], 1);
    assert_eq!(ledger[1]["other_model_before"], true);
    assert_ne!(ledger[1]["model_sha256"], ledger[0]["model_sha256"]);
    assert!(page().contains("looked at with 2 models"));

    fs::write(sandbox.path("run/ledger.jsonl"), "{}\n").unwrap();
    let words = ["run", "--set", "source.kind=path", "--set", &data, "--out", "run", "--final"];
    sandbox.clawsig(&words).fails_with(1, &["ledger.jsonl", "line 1"]);
}
