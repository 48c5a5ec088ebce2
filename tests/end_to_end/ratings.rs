//! `clawsig agreement --ratings`: any raters, any labels.

use std::fs;

use clawsig_ingest::TextTable;

use crate::program::Sandbox;

/// Three raters of 40 items in ten clusters, with gaps, a second version of one rater, and names that
/// attack whoever shows them.
fn ratings() -> String {
    let mut text = "item,rater,rating,cluster,version,note\n".to_owned();
    for item in 0..40 {
        let truth = if item % 3 == 0 { "bad" } else { "good" };
        let other = if item % 3 == 0 { "good" } else { "bad" };
        let name = if item == 0 { "=cmd()<script>".to_owned() } else { format!("item {item}") };
        let second = if item % 7 == 0 { other } else { truth };
        text.push_str(&format!("{name},ann,{truth},c{},,x\n", item / 4));
        text.push_str(&format!("{name},bob,{second},c{},1,x\n", item / 4));
        if item % 5 == 0 {
            text.push_str(&format!("{name},bob,{truth},c{},2,x\n", item / 4));
        }
        if item % 4 != 0 {
            text.push_str(&format!(
                "{name},carl,{},c{},,x\n",
                if item % 6 == 1 { other } else { truth },
                item / 4
            ));
        }
    }
    text
}

#[test]
fn a_file_of_ratings_becomes_a_folder_a_summary_and_json() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("r.csv"), ratings()).unwrap();
    let words = ["agreement", "--ratings", "r.csv", "--labels", "good,bad", "--out", "found"];
    let words = [&words[..], &["--set", "agreement.replicates=200"]].concat();
    let told = sandbox.clawsig(&words).done().stdout;
    for part in [
        "40 items by 3 raters with 2 labels",
        "10 whole clusters",
        "positive is the label bad",
        "columns not used: note",
        "the same rater again",
        "Krippendorff",
        "independent errors",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    let read = |name: &str| fs::read_to_string(sandbox.path("found").join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("ratings.json")).unwrap();
    // ann and bob's last words: bob differs on 0, 7, 14, 21, 28, 35, and took 0 and 35 back.
    let pair = &json["pairs"][0];
    assert_eq!((pair["a"].as_str(), pair["n"].as_u64()), (Some("ann"), Some(40)));
    let agreed = &pair["statistics"][0];
    assert_eq!(
        (agreed["statistic"].as_str(), agreed["value"].as_f64()),
        (Some("observed_agreement"), Some(0.9))
    );
    assert!(agreed["method"].as_str().unwrap().starts_with("cluster-bootstrap"));
    let again = &json["retests"][0];
    assert_eq!(
        (again["rater"].as_str(), again["pairs"].as_u64(), again["flips"].as_u64()),
        (Some("bob"), Some(8), Some(2))
    );
    assert_eq!((again["from"].as_str(), again["to"].as_str()), (Some("1"), Some("2")));
    for name in [
        "raters.csv",
        "pairs.csv",
        "coefficients.csv",
        "patterns.csv",
        "disagreements.csv",
        "retests.csv",
        "posteriors.csv",
    ] {
        let text = read(name);
        assert!(text.lines().count() > 1, "{name}");
        assert!(!text.lines().any(|line| line.starts_with('=')), "{name}: {text}");
    }
    assert!(!read("report.html").contains("<script"));
    // The same bytes again; a second time only when told so.
    let first = read("ratings.json") + &read("report.html") + &read("posteriors.csv");
    sandbox.clawsig(&words).fails_with(2, &["found exists"]);
    sandbox.clawsig(&[&words[..], &["--force"]].concat()).done();
    assert_eq!(first, read("ratings.json") + &read("report.html") + &read("posteriors.csv"));
    let words = [
        "agreement",
        "--ratings",
        "r.csv",
        "--labels",
        "good,bad",
        "--format",
        "json",
        "--set",
        "agreement.replicates=200",
    ];
    let printed: serde_json::Value =
        serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap();
    assert_eq!(printed["pairs"], json["pairs"]);
}

#[test]
fn csv_json_and_parquet_give_the_same_findings() {
    let sandbox = Sandbox::new();
    sandbox.dataset(60, "parquet");
    // Two columns of the dataset as two raters.
    let table = TextTable::read(sandbox.path("data-parquet/train.parquet")).unwrap();
    let place = |name: &str| table.columns.iter().position(|column| column == name).unwrap();
    let columns = [place("id"), place("static_status"), place("skillspector_status")];
    let (mut csv, mut json) = ("id,static_status,skillspector_status\n".to_owned(), String::new());
    for row in &table.rows {
        let cells: Vec<&str> =
            columns.iter().map(|&at| row[at].as_deref().unwrap_or_default()).collect();
        csv.push_str(&format!("{}\n", cells.join(",")));
        let object = serde_json::json!({"id": cells[0], "static_status": row[columns[1]], "skillspector_status": row[columns[2]]});
        json.push_str(&format!("{object}\n"));
    }
    fs::write(sandbox.path("r.csv"), csv).unwrap();
    fs::write(sandbox.path("r.jsonl"), json).unwrap();
    let found = ["data-parquet/train.parquet", "r.csv", "r.jsonl"].map(|file| {
        let words = [
            "agreement",
            "--ratings",
            file,
            "--column",
            "item=id",
            "--raters",
            "static_status,skillspector_status",
        ];
        let words =
            [&words[..], &["--format", "json", "--set", "agreement.replicates=100"]].concat();
        let mut json: serde_json::Value =
            serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap();
        json["sources"].take();
        json["ignored_columns"].take();
        json
    });
    assert!(found[0]["items"].as_u64().unwrap() > 20);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[1], found[2]);
}

#[test]
fn a_run_is_a_source_and_its_verdict_a_rater() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["ingest", "--out", "run", "--quiet"]).done();
    let words = ["agreement", "--ratings", "run", "--set", "agreement.replicates=100"];
    let told = sandbox.clawsig(&words).done().stdout;
    for part in
        ["by 4 raters with 3 labels", "verdict", "share errors", "a label model is a baseline"]
    {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

#[test]
fn odd_ratings_are_answered_in_words() {
    let sandbox = Sandbox::new();
    let told = |text: &str, more: &[&str]| {
        fs::write(sandbox.path("r.csv"), text).unwrap();
        let words =
            [&["agreement", "--ratings", "r.csv", "--set", "agreement.replicates=100"], more]
                .concat();
        sandbox.clawsig(&words)
    };
    // One rater, one item, one label: a value or a reason, never a crash.
    let one = told("item,rater,rating\nx,a,1\n", &[]).done().stdout;
    assert!(one.contains("undefined"), "{one}");
    let constant = told("item,rater,rating\nx,a,1\nx,b,1\ny,a,1\ny,b,1\n", &[]).done().stdout;
    assert!(constant.contains("undefined"), "{constant}");
    for scale in ["ordinal", "interval"] {
        told("item,rater,rating\nx,a,1\nx,b,2\ny,a,3\ny,b,3.5\n", &["--scale", scale]).done();
        told("item,rater,rating\nx,a,1\nx,b,1\n", &["--scale", scale]).done();
    }
    let evil = told("item,rater,rating\nx,\u{1b}[31ma,\u{202e}1\nx,b,=2\n", &[]).done().stdout;
    assert!(!evil.contains('\u{1b}') && !evil.contains('\u{202e}'), "{evil:?}");
    for (text, more, reasons) in [
        (
            "item,rater,rating\nx,a,1\nx,a,2\n",
            &[][..],
            &["r.csv, line 3", "line 2", "version or time"][..],
        ),
        ("item,who,rating\nx,a,1\n", &[], &["r.csv: has no column `rater`", "--column rater=NAME"]),
        ("item,rater,rating\n", &[], &["hold no rating"]),
        ("item;rater;rating\nx;a;1\n", &[], &["commas"]),
        ("item,rater,rating\nx,a,high\n", &["--scale", "interval"], &["line 2", "no number"]),
        ("item,rater,rating\nx,a,b\n", &["--rename", "c=d"], &["no rating is `c`"]),
    ] {
        told(text, more).fails_with(1, reasons);
    }
    for (more, reason) in [
        (&["--column", "thing=x"][..], "ROLE one of item"),
        (&["--cut", "a=high"], "RATER=NUMBER"),
        (&["--rename", "x"], "VALUE=LABEL"),
    ] {
        told("item,rater,rating\nx,a,1\n", more).fails_with(2, &[reason]);
    }
    let words = ["agreement", "--ratings", "nowhere.csv"];
    sandbox.clawsig(&words).fails_with(2, &["nowhere.csv"]);
    assert_eq!(sandbox.clawsig(&["agreement", "--raters", "a,b"]).code, Some(2));
}

#[test]
fn scanners_files_are_ratings_of_the_same_skills() {
    let sandbox = Sandbox::new();
    let mut cisco = Vec::new();
    for skill in 0..12 {
        let (bad, doubtful) = (skill % 4 == 0, skill % 3 == 0);
        cisco.push(serde_json::json!({"skill_name": "x", "skill_path": format!("/skills/s{skill}"), "is_safe": !bad, "max_severity": "HIGH"}));
        let spector = serde_json::json!({"skill": {"name": "x", "source": format!("skills/s{skill}")}, "risk_assessment": {"score": if doubtful { 60 } else { 3 }}});
        fs::write(sandbox.path(&format!("spector{skill}.json")), spector.to_string()).unwrap();
        let results = if bad {
            serde_json::json!([{"level": "error", "locations": [{"physicalLocation": {"artifactLocation": {"uri": "SKILL.md"}}}]}])
        } else {
            serde_json::json!([])
        };
        let sarif = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "third"}}, "results": results}]});
        fs::write(sandbox.path(&format!("s{skill}.sarif")), sarif.to_string()).unwrap();
    }
    fs::write(
        sandbox.path("cisco.json"),
        serde_json::json!({"summary": {}, "results": cisco}).to_string(),
    )
    .unwrap();
    let mut words = vec!["agreement".to_owned(), "--ratings".to_owned(), "cisco.json".to_owned()];
    words.extend(
        (0..12).flat_map(|skill| [format!("spector{skill}.json"), format!("s{skill}.sarif")]),
    );
    words.extend(["--format".to_owned(), "json".to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found: serde_json::Value =
        serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap();
    assert_eq!(found["items"].as_u64(), Some(12));
    assert_eq!(found["labels"], serde_json::json!(["flagged", "clean"]));
    let pair = &found["pairs"][1];
    assert_eq!((pair["a"].as_str(), pair["b"].as_str()), (Some("cisco"), Some("third")));
    assert_eq!(pair["statistics"][0]["value"].as_f64(), Some(1.0));
    assert!(found["sources"][0]["taken_for"].as_str().unwrap().contains("is_safe"));
    let words = [
        "agreement",
        "--ratings",
        "cisco.json",
        "--field",
        "cisco=max_severity",
        "--format",
        "json",
    ];
    let found: serde_json::Value =
        serde_json::from_str(&sandbox.clawsig(&words).done().stdout).unwrap();
    assert_eq!(found["labels"], serde_json::json!(["HIGH"]));
    for field in ["cisco=max_severiti", "nobody=max_severity"] {
        let (who, path) = field.split_once('=').unwrap();
        let words = ["agreement", "--ratings", "cisco.json", "--field", field];
        sandbox.clawsig(&words).fails_with(1, &[&format!("`{who}`"), &format!("`{path}`")]);
    }
}
