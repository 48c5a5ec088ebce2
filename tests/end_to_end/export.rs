//! A finished run in the forms that other tools read.

use std::{collections::BTreeSet, fs, path::Path};

use crate::program::Sandbox;

/// A sandbox with a run of the bundled sample in `run`, the hold-out looked at.
fn final_run() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--final", "--out", "run", "--quiet"]).done();
    sandbox
}

/// The cells of a CSV file whose cells hold no line ends, quotes dropped.
fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let cells = |line: &str| {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    };
    text.lines().map(cells).collect()
}

#[test]
fn the_table_has_every_skill_once_and_the_predictions_of_the_evaluated_splits() {
    let sandbox = final_run();
    let printed = sandbox.clawsig(&["export", "csv", "run", "--out", "skills.csv"]).done().stdout;
    assert_eq!(printed, "skills.csv: 2,000 skills\n");
    let table = csv(&sandbox.path("skills.csv"));
    assert_eq!(table.len(), 2001);
    let at = |name: &str| table[0].iter().position(|found| found == name).unwrap();
    let ids: BTreeSet<&String> = table[1..].iter().map(|row| &row[at("id")]).collect();
    assert_eq!(ids.len(), 2000);
    let predictions = csv(&sandbox.path("run/evaluate/predictions.csv"));
    let predicted: Vec<&Vec<String>> =
        table[1..].iter().filter(|row| !row[at("predicted")].is_empty()).collect();
    assert_eq!(predicted.len(), predictions.len() - 1);
    for (row, prediction) in predicted.iter().zip(&predictions[1..]) {
        assert_eq!(row[at("id")], prediction[0]);
        assert_eq!(row[at("predicted")..], prediction[3..7], "predicted and three probabilities");
        assert_eq!(row[at("clawscan_verdict")], prediction[2]);
    }
}

#[test]
fn a_submission_has_every_id_of_the_hold_out_once() {
    let sandbox = final_run();
    let words = ["export", "leaderboard", "run", "--out", "submission"];
    sandbox.clawsig(&words).fails_with(2, &["--revision"]);
    let printed = sandbox.clawsig(&[&words[..], &["--revision", "abc"]].concat()).done().stdout;
    assert!(printed.contains("91 predictions"), "{printed}");
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(sandbox.path("submission/metadata.json")).unwrap())
            .unwrap();
    assert_eq!(metadata["schemaVersion"], "clawscan-security-signals-submission-v1");
    assert_eq!(metadata["benchmark"]["dataset"], "clawhub-security-signals");
    assert_eq!(metadata["benchmark"]["split"], "eval_holdout");
    assert_eq!(metadata["benchmark"]["revision"], "abc");
    let ids: BTreeSet<String> = fs::read_to_string(sandbox.path("submission/predictions.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line.as_object().unwrap().len(), 2);
            let label = line["prediction"].as_str().unwrap();
            assert!(["clean", "suspicious", "malicious"].contains(&label), "{label}");
            line["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let rows = csv(&sandbox.path("run/features/rows_eval_holdout.csv"));
    assert_eq!(ids, rows[1..].iter().map(|row| row[0].clone()).collect());
    // The rule, once more, on the predictions themselves.
    let (mut tp, mut fp, mut negatives, mut positives) = (0.0, 0.0, 0.0, 0.0);
    for row in &csv(&sandbox.path("run/evaluate/predictions.csv"))[1..] {
        if row[1] == "eval_holdout" {
            let (truth, predicted) = (row[2] != "clean", row[3] != "clean");
            positives += f64::from(u8::from(truth));
            negatives += f64::from(u8::from(!truth));
            tp += f64::from(u8::from(truth && predicted));
            fp += f64::from(u8::from(!truth && predicted));
        }
    }
    for (name, part, whole) in [
        ("precision", tp, tp + fp),
        ("recall", tp, positives),
        ("false-positive rate", fp, negatives),
    ] {
        let wanted = format!("{name} {:.4}", (10_000.0_f64 * part / whole).round() / 10_000.0);
        assert!(printed.contains(&wanted), "{wanted} not in {printed}");
    }
}

#[test]
fn a_submission_needs_the_hold_out_and_the_three_verdicts() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--out", "run", "--quiet"]).done();
    let words = ["export", "leaderboard", "run", "--revision", "abc", "--out", "submission"];
    sandbox.clawsig(&words).fails_with(1, &["eval_holdout", "--final"]);
    let other = ["run", "--set", "model.target=non-clean", "--out", "run", "--quiet"];
    sandbox.clawsig(&other).done();
    sandbox.clawsig(&words).fails_with(2, &["non-clean", "model.target=verdict"]);
    assert!(!sandbox.path("submission").exists());
}

#[test]
fn copies_are_the_run_s_files_and_a_changed_one_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--out", "run", "--quiet"]).done();
    let same = |a: &str, b: &str| {
        assert_eq!(fs::read(sandbox.path(a)).unwrap(), fs::read(sandbox.path(b)).unwrap());
    };
    sandbox.clawsig(&["export", "npz", "run", "--out", "npz"]).done();
    same("npz/test.npz", "run/features/test.npz");
    sandbox.clawsig(&["export", "parquet", "run", "--out", "parquet"]).done();
    same("parquet/train.parquet", "run/ingest/signals/train.parquet");
    sandbox.clawsig(&["export", "model-card", "run", "--out", "card/README.md"]).done();
    same("card/README.md", "run/report/MODEL_CARD.md");
    fs::write(sandbox.path("run/features/test.npz"), "changed").unwrap();
    sandbox.clawsig(&["export", "npz", "run", "--out", "again"]).fails_with(1, &["test.npz"]);
    assert!(!sandbox.path("again").exists(), "nothing half-made stays behind");
}

#[test]
fn what_exists_is_kept_unless_forced() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--out", "run", "--quiet"]).done();
    fs::write(sandbox.path("mine.csv"), "mine").unwrap();
    let words = ["export", "csv", "run", "--out", "mine.csv"];
    sandbox.clawsig(&words).fails_with(2, &["mine.csv exists", "--force"]);
    assert_eq!(fs::read_to_string(sandbox.path("mine.csv")).unwrap(), "mine");
    sandbox.clawsig(&[&words[..], &["--force"]].concat()).done();
    assert!(fs::read_to_string(sandbox.path("mine.csv")).unwrap().starts_with("id,"));
    fs::create_dir(sandbox.path("folder")).unwrap();
    fs::write(sandbox.path("folder/keep"), "mine").unwrap();
    let words = ["export", "npz", "run", "--out", "folder"];
    sandbox.clawsig(&words).fails_with(2, &["folder exists", "--force"]);
    sandbox.clawsig(&[&words[..], &["--force"]].concat()).done();
    assert_eq!(fs::read_to_string(sandbox.path("folder/keep")).unwrap(), "mine");
    sandbox
        .clawsig(&["export", "csv", "nowhere", "--out", "x"])
        .fails_with(2, &["nowhere does not exist", "clawsig run"]);
}
