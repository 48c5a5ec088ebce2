//! Whole ingests of rows that have everything a row may have, in every form, held against their record.
//!
//! `UPDATE_RECORDS=1 cargo test -p clawsig-ingest` writes the record anew; read it before it is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::{fmt::Write as _, fs, sync::Mutex};

use clawsig_ingest::{Columns, IngestParams, OutputPaths, SignalsReader, Source, ingest};
use clawsig_schema::{Split, column::Column};
use clawsig_test_record::compare;
use serde_json::{Value, json};

/// One of some values, in turn.
fn turn(values: &[Value], at: usize) -> Value {
    values[at % values.len()].clone()
}

/// A row whose fields go through their values at different speeds; some of the values are faults.
fn row(n: usize) -> Value {
    let texts =
        |words: &[&str], at| turn(&words.iter().map(|word| json!(word)).collect::<Vec<_>>(), at);
    let file = |path: &str, size: usize| json!({"path": path, "content": "x", "sizeBytes": size});
    let bundles = [
        json!([]),
        json!([file("SKILL.md", 20 + n), file("run/Setup.SH", 7), file("run/Setup.SH", 7)]),
        json!([file("/etc/x", 1), file("a/../b.py", 2), file("c:\\d", 3), file(".env", 4)]),
        json!({"path": ["one.py", "two.tar.gz"], "sizeBytes": [n, 10.0]}),
        json!(json!([file("as/text.md", 5)]).to_string()),
        Value::Null,
        json!([file("é.ÄÖ", 1), file("long.extension-of-many-bytes", 2)]),
    ];
    let contexts = [
        json!({"static": {"status": "clean"}, "virustotal": {"verdict": "harmless"},
            "skillspector": {"recommendation": "CAUTION"}}),
        json!({"static": {}, "virustotal": {"verdict": null}, "skillspector": {"issues": [1]}}),
        Value::Null,
        json!({"static": {"a": {"b": null}}, "skillspector": {"verdict": "SAFE", "recommendation": "no"}}),
        json!(json!({"virustotal": {"verdict": "malware", "n": 1.5}}).to_string()),
    ];
    let counts = [json!(0), json!(3), Value::Null, json!(60), json!(2.0)];
    let mut row = json!({
        "id": format!("{:064x}", if n % 41 == 40 { n - 1 } else { n }),
        "skill_slug": turn(&[json!(format!("owner{}/skill{n}", n % 5)), Value::Null, json!("alone")], n),
        "skill_version": texts(&["1.0.0", "latest", ""], n / 2),
        "skill_md_content": turn(
            &[json!(format!("Text {n}\n\"é\"\t{}", "word ".repeat(n % 30))), json!(""), Value::Null,
                json!("nul \u{0} and 😀")],
            n / 3,
        ),
        "skill_bundle_content": turn(&bundles, n),
        "clawscan_verdict": texts(&["clean", "suspicious", "malicious", "clean", "pending"], n),
        "clawscan_confidence": turn(&[json!("high"), Value::Null, json!("0.8")], n / 2),
        "clawscan_model": turn(&[json!("judge"), Value::Null, json!("synthetic")], n / 7),
        "clawscan_summary": turn(&[Value::Null, json!("short")], n),
        "static_status": turn(&[json!("clean"), json!("suspicious"), Value::Null, json!("odd\u{1b}")], n / 2),
        "static_finding_count": turn(&[json!(0), json!(2), json!(7.0)], n),
        "static_reason_codes": turn(
            &[json!([]), json!(["suspicious.a", "suspicious.b"]), Value::Null,
                json!(["suspicious.a", "suspicious.a", ""])],
            n / 3,
        ),
        "virustotal_status": turn(&[Value::Null, json!("clean"), json!("malicious"), json!("stale")], n),
        "virustotal_malicious_count": turn(&counts, n),
        "virustotal_suspicious_count": turn(&counts, n / 2),
        "virustotal_harmless_count": turn(&counts, n / 3),
        "virustotal_undetected_count": turn(&counts, n / 5),
        "skillspector_status": turn(&[json!("suspicious"), Value::Null, json!("error")], n / 2),
        "skillspector_score": turn(&[json!(0), json!(20.5), Value::Null, json!(100), json!(33.25)], n),
        "skillspector_severity": turn(&[json!("low"), Value::Null, json!("HIGH"), json!("dire")], n / 2),
        "skillspector_issue_count": turn(&[json!(1), json!(0)], n / 4),
        "skillspector_issue_codes": turn(&[json!(["LP3", "TP1"]), json!([])], n),
        "skillspector_issue_categories": turn(
            &[json!(["Data Flow"]), json!([]), json!(["Supply Chain", "Data Flow"])], n / 2),
        "clawscan_context": turn(&contexts, n / 2),
        "split": turn(&[json!("train"), Value::Null, json!("test"), json!("latest")], n / 6),
    });
    let fields = row.as_object_mut().unwrap();
    match n % 23 {
        5 => fields["skillspector_score"] = json!(100.5),
        9 => fields["static_finding_count"] = json!("3"),
        13 => fields["virustotal_harmless_count"] = json!(-1),
        17 => drop(fields.remove("skill_version")),
        19 => drop(fields.insert("not_in_the_schema".to_owned(), json!([n]))),
        21 => fields["clawscan_verdict"] = json!(""),
        _ => {}
    }
    row
}

fn lines(rows: impl IntoIterator<Item = usize>) -> String {
    rows.into_iter().map(|n| row(n).to_string() + "\n").collect()
}

fn csv(rows: impl IntoIterator<Item = usize>) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(Column::ALL.iter().map(|column| column.name())).unwrap();
    for n in rows {
        let row = row(n);
        table.write_record(Column::ALL.iter().map(|column| cell(&row[column.name()]))).unwrap();
    }
    String::from_utf8(table.into_inner().unwrap()).unwrap()
}

/// Nulls, zeros and what is empty left out, ids and long texts cut.
fn plain(value: &Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    };
    match value {
        Value::String(text) => {
            let text = text.replace(&"0".repeat(60), "");
            let chars = text.chars().count();
            if chars > 240 {
                let begin: String = text.chars().take(20).collect();
                json!(format!("{begin} ({chars} characters)"))
            } else {
                json!(text)
            }
        }
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), plain(value)));
            fields.filter(|(_, value)| !is_nothing(value)).collect()
        }
        other => other.clone(),
    }
}

/// Ingests a folder of files and writes down all that comes of it.
fn record(out: &mut String, title: &str, files: &[(&str, String)], params: IngestParams) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let work = tempfile::tempdir().unwrap();
    let paths = OutputPaths {
        signals_dir: work.path().join("signals"),
        rejects: work.path().join("rejects.jsonl"),
    };
    let source = Source::Path { path: folder.path().to_owned() };
    let told = Mutex::new((0, 0));
    let progress = |_: &str, done: u64, of: u64| {
        let mut told = told.lock().unwrap();
        assert!(told.0 <= done && done <= of, "{done} of {of} after {told:?}");
        *told = (done, of);
    };
    let found = ingest(&source, &params.check().unwrap(), &paths, &progress).unwrap();
    let (done, of) = *told.lock().unwrap();
    assert_eq!(done, of);
    writeln!(out, "\n# {title}").unwrap();
    for (name, value) in serde_json::to_value(&found.profile).unwrap().as_object().unwrap() {
        match value {
            Value::Array(values) => {
                values.iter().for_each(|value| writeln!(out, "{name}: {}", plain(value)).unwrap());
            }
            value => writeln!(out, "{name}: {}", plain(value)).unwrap(),
        }
    }
    for line in fs::read_to_string(&paths.rejects).unwrap().lines() {
        writeln!(out, "reject: {}", plain(&serde_json::from_str(line).unwrap())).unwrap();
    }
    for split in Split::ALL {
        let path = paths.signals_dir.join(format!("{split}.parquet"));
        let rows = SignalsReader::open(path).unwrap().rows(Columns::All);
        for row in rows {
            writeln!(out, "{split}: {}", plain(&serde_json::to_value(row.unwrap()).unwrap()))
                .unwrap();
        }
    }
}

#[test]
fn rows_arrive_and_are_counted_as_they_are_on_record() {
    let mut found = String::new();
    let all = IngestParams { max_reject_share: 1.0, ..IngestParams::default() };
    let array: Vec<Value> = (100..130).map(row).collect();
    // Two rows that fill a block each, so that counts of several blocks are added up.
    let big = |n: usize| {
        let mut row = row(n);
        row["skill_md_content"] = json!("big ".repeat(1_100_000));
        row.to_string() + "\n"
    };
    let files = [
        ("train.jsonl", lines(0..60) + &big(61) + &lines(62..70) + &big(70) + &lines(71..82)),
        ("test.csv", csv(200..230)),
        ("validation.json", serde_json::to_string_pretty(&array).unwrap()),
    ];
    record(&mut found, "files that name their split", &files, all.clone());
    let files = [("latest.jsonl", lines(300..340) + &lines(320..324))];
    record(&mut found, "a file that names no split", &files, all.clone());
    let sampled = IngestParams { sample_rows: 9, sample_seed: 7, ..all };
    record(&mut found, "a sample", &[("train.jsonl", lines(0..60))], sampled);
    compare("tests/recorded.txt", &found);
}
