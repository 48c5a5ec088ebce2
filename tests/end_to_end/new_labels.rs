//! Verdicts and statuses that no published analysis knows: kept, counted under their own names, and told by every
//! stage that leaves them out.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::program::Sandbox;

/// A verdict that the registry may come to write, and one that a spreadsheet would run.
const REVIEW: &str = "review";
const HOSTILE: &str = "=1+1";

/// A small dataset with new verdicts and a new status; how many rows have each, and how many there are.
fn dataset(sandbox: &Sandbox) -> (String, BTreeMap<&'static str, u64>, u64) {
    let data = sandbox.path(sandbox.dataset(600, "jsonl"));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut number = 0;
    for split in ["train", "validation", "test", "eval_holdout"] {
        let path = data.join(format!("{split}.jsonl"));
        let mut text = String::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            let verdict = match number % 10 {
                3 => REVIEW,
                7 if number % 20 == 7 => HOSTILE,
                _ => "",
            };
            if !verdict.is_empty() {
                row["clawscan_verdict"] = json!(verdict);
                *counts.entry(verdict).or_default() += 1;
            }
            if number % 4 == 0 {
                row["static_status"] = json!("quarantined");
                *counts.entry("quarantined").or_default() += 1;
            }
            number += 1;
            text.push_str(&format!("{row}\n"));
        }
        fs::write(path, text).unwrap();
    }
    (format!("source.path={}", data.display()), counts, number)
}

fn json(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(sandbox.path(path)).unwrap()).unwrap()
}

#[test]
fn a_new_verdict_or_status_is_counted_by_name_and_told_by_every_stage() {
    let sandbox = Sandbox::new();
    let (path, counts, rows) = dataset(&sandbox);
    let (review, hostile) = (counts[REVIEW], counts[HOSTILE]);
    let words = ["run", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    let quick = [
        "--set",
        "agreement.replicates=100",
        "--set",
        "evaluate.replicates=100",
        "--set",
        "evaluate.refits=false",
        "--set",
        "tfidf.max_features=200",
    ];
    let ran = sandbox.clawsig(&[&words[..], &quick].concat()).done();

    // Ingest tells it at once and the summary at the end; agreement and train, what they do with the rows.
    let verdicts = format!(
        "verdicts that are none of clean, suspicious, malicious: `{REVIEW}` in {review} rows, `{HOSTILE}` in \
         {hostile} rows; kept and counted by name"
    );
    let statuses = format!(": `quarantined` in {} rows; kept and counted", counts["quarantined"]);
    for text in [&ran.stderr, &ran.stdout] {
        assert!(text.contains(&verdicts) && text.contains(&statuses), "{text}");
    }
    for (verdict, number) in [(REVIEW, review), (HOSTILE, hostile)] {
        let said = format!("{number} rows with the verdict `{verdict}`");
        let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(&said)).collect();
        assert_eq!(told.len(), 2, "{said}:\n{}", ran.stderr);
        assert!(told[0].contains("in none of the verdict"), "{}", told[0]);
        assert!(told[1].contains("no model is trained or evaluated on them"), "{}", told[1]);
    }
    let heading = ran.stdout.lines().find(|line| line.contains("split ")).unwrap();
    let heading: Vec<&str> = heading.split_whitespace().collect();
    assert_eq!(heading, ["split", "rows", "clean", "suspicious", "malicious", REVIEW, HOSTILE]);

    // The results: no row is lost, and each is under its own name.
    let agreement = json(&sandbox, "r/agreement/agreement.json");
    assert_eq!(agreement["rows"], rows);
    assert_eq!(agreement["unjudged"], json!({ REVIEW: review, HOSTILE: hostile }));
    let by_verdict = agreement["by_verdict"].as_array().unwrap();
    let of = |verdict: &str| by_verdict.iter().filter(|row| row["verdict"] == verdict).count();
    assert_eq!([REVIEW, HOSTILE, "clean", "all"].map(of), [3; 4]);
    let raters = agreement["slices"][0]["raters"].as_array().unwrap();
    let rated = |rater: &str| {
        raters.iter().find(|found| found["rater"] == rater).unwrap()["rated"].as_u64().unwrap()
    };
    assert_eq!(rated("verdict"), rows - review - hostile);
    let evaluation = json(&sandbox, "r/evaluate/evaluation.json");
    let splits = evaluation["counts"].as_array().unwrap();
    let left_out = |verdict: &str| -> u64 {
        splits.iter().map(|split| split["left_out"][verdict].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!((left_out(REVIEW), left_out(HOSTILE)), (review, hostile));
    let taken: u64 = splits.iter().map(|split| split["rows"].as_u64().unwrap()).sum();
    assert_eq!(taken, rows - review - hostile);
    let of_rows = fs::read_to_string(sandbox.path("r/features/rows_train.csv")).unwrap();
    assert!(of_rows.contains(",review,") && of_rows.contains(",'=1+1,"), "{of_rows}");

    // The page and the card have a column for each.
    let page = fs::read_to_string(sandbox.path("r/report/report.html")).unwrap();
    let card = fs::read_to_string(sandbox.path("r/report/DATA_CARD.md")).unwrap();
    assert!(page.contains(&format!("{review} rows with the verdict {REVIEW}")), "no warning");
    assert!(page.contains("review</th>"), "no column");
    assert!(card.contains("| `review` | `=1+1` |"), "{card}");

    // A later command tells it again, a program by JSON.
    let again = [&words[..], &quick, &["--format", "json"]].concat();
    let again: Value = serde_json::from_str(&sandbox.clawsig(&again).done().stdout).unwrap();
    assert_eq!(again["verdicts"][REVIEW], review);
    let warnings = again["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains(REVIEW)));
    sandbox.clawsig(&["verify", "r"]).done();
}
