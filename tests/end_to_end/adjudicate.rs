//! A review from its sample to its scores.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::program::Sandbox;

const QUESTIONS: [&str; 9] = [
    "declared_purpose",
    "observed_behaviour",
    "privilege",
    "data_sinks",
    "secrets",
    "persistence",
    "hidden_instructions",
    "bundled_code",
    "tool_use",
];

fn read(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(sandbox.path(name)).unwrap()).unwrap()
}

/// What a reviewer who knows nothing but the id says.
fn posture(item: &str) -> &'static str {
    if item.as_bytes().last().is_some_and(|byte| byte % 3 == 0) { "suspicious" } else { "clean" }
}

#[test]
fn a_review_goes_round() {
    let sandbox = Sandbox::new();
    let few = ["--set", "sample.rows=500", "--set", "agreement.replicates=100"];
    let run = ["run", "--out", "run", "--quiet", "--set", "evaluate.replicates=100"];
    let run = [&run[..], &["--set", "model.grid=[]", "--set", "tfidf.max_features=300"]].concat();
    sandbox.clawsig(&[&run[..], &few].concat()).done();
    let words = ["adjudicate", "sample", "run", "--reviews", "120", "--seed", "3", "--out"];
    let told = sandbox.clawsig(&[&words[..], &["review"]].concat()).done().stdout;
    for part in ["single_scanner", "clean_but_advised", "rest", "to review"] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    // The same seed draws the same skills, byte for byte.
    sandbox.clawsig(&[&words[..], &["again", "--quiet"]].concat()).done();
    for name in [
        "design.json",
        "sample.csv",
        "label_studio.json",
        "label_studio.xml",
        "argilla.json",
        "argilla_settings.json",
    ] {
        let bytes = |folder: &str| fs::read(sandbox.path(folder).join(name)).unwrap();
        assert_eq!(bytes("review"), bytes("again"), "{name}");
    }
    let design = read(&sandbox, "review/design.json");
    let strata = design["design"]["strata"].as_array().unwrap();
    let drawn = design["design"]["drawn"].as_array().unwrap();
    let tasks = read(&sandbox, "review/label_studio.json");
    assert_eq!(tasks.as_array().unwrap().len(), drawn.len());
    // Blind: neither verdict nor model nor stratum.
    for task in tasks.as_array().unwrap() {
        let keys: Vec<&String> = task["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["bundle", "findings", "item", "text"]);
    }

    // One reviewer by Label Studio, one by Argilla, one by spreadsheet, who all say the same.
    let items: Vec<&str> = drawn.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let done: Vec<Value> = items
        .iter()
        .map(|item| {
            let choice = |name: &str, answer: &str| {
                json!({"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": [answer]}})
            };
            let mut result: Vec<Value> = QUESTIONS.iter().map(|name| choice(name, "none")).collect();
            result.push(choice("posture", posture(item)));
            json!({"data": {"item": item}, "annotations": [{"completed_by": {"id": 4, "email": "ann@example.org"}, "result": result}]})
        })
        .collect();
    fs::write(sandbox.path("ls.json"), json!(done).to_string()).unwrap();
    let records: Vec<Value> = items
        .iter()
        .map(|item| {
            let given = |answer: &str| json!([{"value": answer, "user_id": "bob"}]);
            let mut answers: serde_json::Map<String, Value> =
                QUESTIONS.iter().map(|name| ((*name).to_owned(), given("some"))).collect();
            answers.insert("posture".to_owned(), given(posture(item)));
            json!({"id": item, "fields": {}, "responses": answers})
        })
        .collect();
    fs::write(sandbox.path("argilla.json"), json!(records).to_string()).unwrap();
    let sheet = fs::read_to_string(sandbox.path("review/sample.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(sheet.as_bytes());
    let header = reader.headers().unwrap().clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        let item = row[0].to_owned();
        let cells = header.iter().zip(row.iter()).map(|(name, cell)| match name {
            "reviewer" => "carl".to_owned(),
            "posture" => posture(&item).to_owned(),
            name if QUESTIONS.contains(&name) => "cannot_tell".to_owned(),
            _ => cell.to_owned(),
        });
        writer.write_record(cells).unwrap();
    }
    fs::write(sandbox.path("carl.csv"), writer.into_inner().unwrap()).unwrap();

    let words =
        ["adjudicate", "score", "run", "ls.json", "argilla.json", "carl.csv", "--sample", "review"];
    let more = ["--replicates", "300", "--out", "scored"];
    let told = sandbox.clawsig(&[&words[..], &more].concat()).done().stdout;
    for part in [
        "3 reviewers",
        "an export of Label Studio",
        "records of Argilla",
        "a table of answers",
        "recall",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    let scored = read(&sandbox, "scored/review.json");
    assert_eq!(scored["resolved"].as_u64(), Some(items.len() as u64));
    // Prevalence by hand: each stratum's share of positives, weighted by its size.
    let mut counts = vec![(0.0, 0.0); strata.len()];
    for one in drawn {
        let stratum = one["stratum"].as_u64().unwrap() as usize;
        counts[stratum].1 += 1.0;
        counts[stratum].0 +=
            f64::from(u8::from(posture(one["id"].as_str().unwrap()) == "suspicious"));
    }
    let size = |stratum: &Value| stratum["population"].as_f64().unwrap();
    let all: f64 = strata.iter().map(size).sum();
    let by_hand: f64 =
        strata.iter().zip(&counts).map(|(stratum, (hits, n))| size(stratum) / all * hits / n).sum();
    let found = scored["estimates"]["prevalence"]["hajek"]["value"].as_f64().unwrap();
    assert!((found - by_hand).abs() < 1e-12, "{found} for {by_hand}");
    let questions: BTreeMap<&str, &Value> = scored["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["question"].as_str().unwrap(), &one["coefficients"]))
        .collect();
    assert_eq!(questions["posture"][0]["value"].as_f64(), Some(1.0));
    assert!(scored["estimates"]["claimants"].as_array().unwrap().len() == 5);
    assert!(
        fs::read_to_string(sandbox.path("scored/report.html"))
            .unwrap()
            .contains("What the reviewers found")
    );
    assert!(
        fs::read_to_string(sandbox.path("scored/estimates.csv")).unwrap().lines().count() == 17
    );

    // Mistakes: one clear error each.
    sandbox
        .clawsig(&[&words[..], &["--decides", "dora"]].concat())
        .fails_with(2, &["dora", "ann@example.org"]);
    sandbox
        .clawsig(&[&words[..], &["--positive", "evil"]].concat())
        .fails_with(2, &["evil", "suspicious"]);
    sandbox
        .clawsig(&[&words[..], &["carl.csv"]].concat())
        .fails_with(1, &["carl.csv", "before", "keep one"]);
    fs::write(sandbox.path("other.csv"), "item,reviewer,posture\nelsewhere,ann,clean\n").unwrap();
    let words = ["adjudicate", "score", "run", "other.csv", "--sample", "review"];
    sandbox.clawsig(&words).fails_with(1, &["other.csv, line 2", "not in the sample"]);
    sandbox
        .clawsig(&["adjudicate", "sample", "run", "--out", "review"])
        .fails_with(2, &["review exists"]);
    sandbox
        .clawsig(&["adjudicate", "sample", "nowhere", "--out", "r2"])
        .fails_with(2, &["nowhere"]);
    sandbox
        .clawsig(&["adjudicate", "sample", "run", "--width", "3", "--out", "r2"])
        .fails_with(2, &["width"]);
    let words = ["adjudicate", "score", "run", "ls.json", "--sample", "nowhere"];
    sandbox.clawsig(&words).fails_with(2, &["nowhere"]);
    let words = ["--set", "sample.rows=400", "--out", "run", "--quiet"];
    sandbox.clawsig(&[&["ingest"], &words[..]].concat()).done();
    let words = ["adjudicate", "score", "run", "ls.json", "--sample", "review"];
    assert_eq!(sandbox.clawsig(&words).code, Some(2));
}
