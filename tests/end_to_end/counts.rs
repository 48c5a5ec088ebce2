//! The agreement of rows that a database has counted.

use std::fs;

use crate::program::Sandbox;

pub(crate) const COUNTS: &str = r#"{"owner":"ann","split":"train","verdict":"clean","severity":"low","status_static":0,"status_virustotal":0,"status_skillspector":0,"label_static":0,"label_virustotal":0,"label_skillspector":0,"any_static":1,"any_virustotal":1,"any_skillspector":1,"engines":0,"score":1,"static_ran":1,"virustotal_ran":1,"skillspector_ran":1,"row_count":60}
{"owner":"bob","split":"test","verdict":"suspicious","severity":"high","status_static":1,"status_virustotal":0,"status_skillspector":1,"label_static":1,"label_virustotal":null,"label_skillspector":1,"any_static":1,"any_virustotal":1,"any_skillspector":1,"engines":0,"score":71,"static_ran":1,"virustotal_ran":1,"skillspector_ran":1,"row_count":30}
{"split":"test","verdict":"malicious","status_skillspector":0,"any_static":0,"any_virustotal":0,"any_skillspector":1,"static_ran":0,"virustotal_ran":0,"skillspector_ran":1,"row_count":9007199254740900}
"#;

#[test]
fn counts_give_every_file_but_the_lists() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("counts.jsonl"), COUNTS).unwrap();
    let words = ["agreement", "--counts", "counts.jsonl", "--out", "found"];
    let printed = sandbox.clawsig(&words).done().stdout;
    assert!(printed.contains("agreement of 9,007,199,254,740,990 rows from 3 counts"), "{printed}");
    let text = fs::read_to_string(sandbox.path("found/agreement.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pair = &results["slices"][0]["pairs"][1];
    assert_eq!((pair["a"].as_str(), pair["b"].as_str()), (Some("static"), Some("skillspector")));
    assert_eq!(pair["counts"]["both"], 30);
    assert!(sandbox.path("found/pairs.csv").is_file());
    assert!(!sandbox.path("found/disagreements.csv").exists());
    // A second time only when told so.
    sandbox.clawsig(&words).fails_with(2, &["found exists"]);
    sandbox.clawsig(&[&words[..], &["--force", "--quiet"]].concat()).done();
}

#[test]
fn bad_counts_are_named_by_line() {
    let sandbox = Sandbox::new();
    let good = COUNTS.lines().next().unwrap();
    let cases = [
        (good.replace("\"status_static\":0", "\"status_static\":7"), "status_static is 7"),
        (good.replace("train", "training"), "split"),
        (good.replace("60}", "-1}"), "line 2"),
        (
            good.replace("60}", "18446744073709551615}"),
            "counts.jsonl: the counts add up to more than 2^53 rows",
        ),
        (good.replace("\"owner\"", "\"who\""), "unknown field `who`"),
        ("{".to_owned(), "line 2"),
    ];
    for (line, reason) in cases {
        fs::write(sandbox.path("counts.jsonl"), format!("{good}\n{line}\n")).unwrap();
        let words = ["agreement", "--counts", "counts.jsonl", "--out", "found"];
        sandbox.clawsig(&words).fails_with(1, &[reason]);
        assert!(!sandbox.path("found").exists());
    }
    fs::write(sandbox.path("counts.jsonl"), "\n").unwrap();
    let words = ["agreement", "--counts", "counts.jsonl", "--out", "found"];
    sandbox.clawsig(&words).fails_with(1, &["holds no counts"]);
    let words = ["agreement", "--counts", "nowhere.jsonl", "--out", "found"];
    sandbox.clawsig(&words).fails_with(2, &["nowhere.jsonl"]);
    assert_eq!(sandbox.clawsig(&["agreement", "--counts", "counts.jsonl"]).code, Some(2));
}

#[test]
fn queries_are_written_for_each_engine_and_source() {
    let sandbox = Sandbox::new();
    for engine in ["duckdb", "spark"] {
        for over in ["jsonl", "signals"] {
            let words = ["export", "sql", "data", "--engine", engine, "--over", over];
            let out = format!("{engine}-{over}");
            sandbox.clawsig(&[&words[..], &["--out", &out]].concat()).done();
            let view = fs::read_to_string(sandbox.path(&format!("{out}/skills.sql"))).unwrap();
            let ending = if over == "jsonl" { "data/*.jsonl" } else { "data/*.parquet" };
            assert!(view.contains(ending), "{view}");
        }
    }
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).unwrap();
    for query in ["counts.sql", "counts_by_owner.sql", "profile.sql"] {
        let first = read(&format!("duckdb-jsonl/{query}"));
        assert!(first.contains("GROUP BY"));
        assert_eq!(first, read(&format!("spark-signals/{query}")), "one query for all engines");
    }
    let words = ["export", "sql", "it's", "--out", "sql"];
    sandbox.clawsig(&words).fails_with(2, &["it's", "quotes"]);
}
