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
        (good.replace("\"owner\"", "\"who\""), "`who` is no known name"),
        ("{".to_owned(), "line 2: the text ends inside an object"),
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
    // Only the flags of one rule, and another rule asked for.
    let mut line: serde_json::Value = serde_json::from_str(good).unwrap();
    line.as_object_mut().unwrap().retain(|key, _| !key.starts_with("label_"));
    fs::write(sandbox.path("counts.jsonl"), format!("{line}\n")).unwrap();
    sandbox.clawsig(&["agreement", "--counts", "counts.jsonl", "--quiet"]).done();
    sandbox
        .clawsig(&["agreement", "--counts", "counts.jsonl", "--set", "flags.rule=label"])
        .fails_with(1, &["no line has a flag by the rule `label`", "flags.rule=status"]);
}

/// The registry's own counts, without a row and without a run.
#[test]
fn the_published_counts_give_the_table_without_a_download() {
    let sandbox = Sandbox::new();
    let quick = ["--set", "agreement.replicates=200"];
    let words = [&["agreement", "--published"][..], &quick].concat();
    let printed = sandbox.clawsig(&words).done().stdout;
    for text in [
        "67,453 rows of real skills",
        "0.0646 [",
        "0.5941 [",
        "Gwet's AC1",
        "192 of the 206 malicious rows have no result of it",
        "1.36 times",
        "prevalence 0.3818",
    ] {
        assert!(printed.contains(text), "no {text:?} in:\n{printed}");
    }
    let json = [&words[..], &["--format", "json"]].concat();
    let found: serde_json::Value =
        serde_json::from_str(&sandbox.clawsig(&json).done().stdout).unwrap();
    assert_eq!(found["agreement"]["patterns"].as_array().map(Vec::len), Some(8));
    assert!(found["readings"].as_array().unwrap().iter().all(|one| one["this_run"].is_null()));
    sandbox.clawsig(&[&words[..], &["--out", "found", "--quiet"]].concat()).done();
    for name in ["registry.json", "registry_pairs.csv", "figures.csv", "missing.csv", "bounds.csv"]
    {
        assert!(sandbox.path("found").join(name).is_file(), "{name}");
    }
    let void = [&words[..], &["--set", "flags.rule=label"]].concat();
    sandbox.clawsig(&void).fails_with(2, &["flags.rule has no effect"]);
    let both = [&words[..], &["--counts", "x.csv"]].concat();
    assert_eq!(sandbox.clawsig(&both).code, Some(2));
}

/// The paper's eight patterns as CSV by name, as CSV by rater and as JSON lines: one result.
#[test]
fn counts_of_patterns_are_read_in_every_form() {
    let sandbox = Sandbox::new();
    let patterns = [
        ("none", 31_853),
        ("vt", 1_821),
        ("st", 805),
        ("ss", 26_527),
        ("vt+st", 118),
        ("vt+ss", 2_818),
        ("st+ss", 3_043),
        ("vt+st+ss", 468),
    ];
    let mut by_name = "pattern,count\n".to_owned();
    let mut by_rater = "\u{feff}vt, st, ss, count\n".to_owned();
    let mut lines = String::new();
    for (pattern, count) in patterns {
        by_name.push_str(&format!("{},{count}\n", pattern.replace('+', " + ")));
        let bit = |name: &str| u8::from(pattern.split('+').any(|one| one == name));
        by_rater.push_str(&format!("{}, {}, {}, {count}\n", bit("vt"), bit("st"), bit("ss")));
        lines.push_str(&format!("{{\"pattern\": \"{pattern}\", \"count\": {count}}}\n"));
    }
    let mut results = Vec::new();
    for (name, text) in [("a.csv", by_name), ("b.csv", by_rater), ("c.jsonl", lines)] {
        fs::write(sandbox.path(name), text).unwrap();
        let words = ["agreement", "--counts", name, "--set", "agreement.replicates=200"];
        let printed = sandbox.clawsig(&words).done().stdout;
        assert!(printed.contains("0.0646 [") && printed.contains("prevalence 0.3818"), "{printed}");
        results.push(printed);
    }
    assert!(results.iter().all(|printed| *printed == results[0]));
    // What it writes, it reads.
    let words = ["agreement", "--counts", "a.csv", "--out", "found", "--quiet"];
    sandbox.clawsig(&words).done();
    sandbox.clawsig(&["agreement", "--counts", "found/patterns.csv", "--quiet"]).done();
    fs::write(sandbox.path("a.csv"), "pattern,count\nvt,3\nvt+st,2\n").unwrap();
    sandbox.clawsig(&words[..3]).fails_with(1, &["a.csv", "no rater flags", "`none`"]);
    fs::write(sandbox.path("a.csv"), "vt,st,count\n0,0,3\n1,yes,2\n").unwrap();
    sandbox.clawsig(&words[..3]).fails_with(1, &["line 3: `yes` in the column `st`"]);
    // A list of names is a pattern, and what is no name is not left out of it.
    let lists = |second: &str| {
        let lines =
            format!("{{\"pattern\":[],\"count\":9}}\n{{\"pattern\":{second},\"count\":2}}\n");
        fs::write(sandbox.path("lists.jsonl"), lines).unwrap();
        sandbox.clawsig(&["agreement", "--counts", "lists.jsonl"])
    };
    lists("[\"vt\",\"st\"]").done();
    lists("[\"vt\",3]").fails_with(1, &["lists.jsonl", "line 2", "names of raters"]);
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
