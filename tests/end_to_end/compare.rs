//! `clawsig diff` finds what was changed between two runs, and nothing where nothing was.

use std::fs;

use serde_json::Value;

use crate::program::Sandbox;

/// Two runs to the agreement stage; `change` edits the rows of the second.
fn two_runs(sandbox: &Sandbox, change: impl Fn(usize, &mut Value) -> bool) {
    let data = sandbox.dataset(400, "jsonl");
    fs::create_dir(sandbox.path("later")).unwrap();
    let mut number = 0;
    for split in ["train", "validation", "test", "eval_holdout"] {
        let text = fs::read_to_string(sandbox.path(data).join(format!("{split}.jsonl"))).unwrap();
        let mut kept = String::new();
        for line in text.lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if change(number, &mut row) {
                kept.push_str(&format!("{row}\n"));
            }
            number += 1;
        }
        fs::write(sandbox.path("later").join(format!("{split}.jsonl")), kept).unwrap();
    }
    for (source, out) in [(data, "a"), ("later", "b")] {
        let path = format!("source.path={source}");
        let base = ["--set", "source.kind=path", "--set", &path, "--out", out];
        sandbox.clawsig(&[&["ingest"][..], &base].concat()).done();
        sandbox.clawsig(&[&["agreement"][..], &base].concat()).done();
    }
}

fn difference(sandbox: &Sandbox, words: &[&str]) -> Value {
    let words = [&["diff", "a", "b", "--format", "json"][..], words].concat();
    serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap()
}

#[test]
fn two_runs_of_the_same_rows_do_not_differ() {
    let sandbox = Sandbox::new();
    two_runs(&sandbox, |_, _| true);
    let found = difference(&sandbox, &[]);
    let data = &found["data"]["compared"];
    assert_eq!(data["common"], data["rows_a"]);
    for key in ["added", "removed", "updated", "verdict_flips", "text_changed"] {
        assert_eq!(data[key], 0, "{key}: {data}");
    }
    assert_eq!(found["findings"], Value::Array(Vec::new()));
    for change in found["agreement"]["compared"].as_array().unwrap() {
        assert!(change["change"].is_null() || change["change"] == 0.0, "{change}");
    }
    assert!(found["metrics"]["undefined"].as_str().unwrap().contains("evaluate has not finished"));
    let words = ["diff", "a", "b", "--fail-on", "drift", "--fail-on", "agreement"];
    let text = sandbox.clawsig(&words).done().stdout;
    assert!(text.contains("nothing has moved by more than noise"), "{text}");
}

#[test]
fn every_planted_change_is_counted() {
    let sandbox = Sandbox::new();
    two_runs(&sandbox, |number, row| {
        match number {
            0..10 => return false,
            // Another artifact under the same name, and one under a new name.
            10..13 => row["id"] = format!("{number:064x}").into(),
            13 => {
                row["id"] = format!("{number:064x}").into();
                row["skill_slug"] = "synth-new/skill".into();
            }
            14..16 => row["skill_md_content"] = "other words".into(),
            16..=18 => {
                let clean = row["clawscan_verdict"] == "clean";
                row["clawscan_verdict"] = if clean { "malicious" } else { "clean" }.into();
            }
            // A scanner that has begun to flag.
            19..60 => row["virustotal_status"] = "malicious".into(),
            _ => {}
        }
        true
    });
    let found = difference(&sandbox, &["--top", "2"]);
    let data = &found["data"]["compared"];
    assert_eq!(data["rows_a"], 400);
    assert_eq!(data["rows_b"], 390);
    assert_eq!(data["removed"], 11, "{data}");
    assert_eq!(data["added"], 1, "{data}");
    assert_eq!(data["updated"], 3, "{data}");
    assert_eq!(data["common"], 389, "{data}");
    assert_eq!(data["text_changed"], 2, "{data}");
    assert_eq!(data["verdict_flips"], 3, "{data}");
    assert_eq!(data["flipped_skills"].as_array().unwrap().len(), 2);
    let scanner = |name: &str| {
        let scanners = data["scanners"].as_array().unwrap();
        scanners.iter().find(|one| one["scanner"] == name).unwrap().clone()
    };
    let drifted = scanner("virustotal");
    assert!(drifted["only_b"].as_u64().unwrap() > 20, "{drifted}");
    assert_eq!(drifted["only_a"], 0);
    assert!(drifted["p_value"].as_f64().unwrap() < 1e-6, "{drifted}");
    assert!(scanner("static")["p_value"].is_null());

    let outcome = sandbox.clawsig(&["diff", "a", "b", "--fail-on", "drift"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("drift: virustotal flags the same skills differently"));
    // A check that was not made has not passed.
    let outcome = sandbox.clawsig(&["diff", "a", "b", "--fail-on", "metrics"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("metrics: not compared: evaluate has not finished"));
    let outcome = sandbox.clawsig(&["diff", "a", "b", "--without-texts"]).done();
    assert!(outcome.stdout.contains("texts of the same id were not compared"));
}

#[test]
fn changed_settings_are_listed_and_a_folder_that_is_no_run_is_named() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--out", "a"]).done();
    sandbox.clawsig(&["run", "--set", "model.grid=[0.1]", "--out", "b"]).done();
    let text = sandbox.clawsig(&["diff", "a", "b"]).done().stdout;
    for expected in ["model.grid", "[0.1]", "macro on test", "2,000 rows in a"] {
        assert!(text.contains(expected), "no {expected:?} in:\n{text}");
    }
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.clawsig(&["diff", "a", "empty"]).fails_with(2, &["empty", "clawsig run"]);
    sandbox.clawsig(&["diff", "nowhere", "b"]).fails_with(2, &["nowhere"]);
}
