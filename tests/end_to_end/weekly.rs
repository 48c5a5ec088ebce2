//! `clawsig diff` for someone who reads every weekly edition: what changed stands first, in words
//! with its numbers, and `--fail-on` ends with exit code 3.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Outcome, Sandbox};

/// Rows of an edition; the first are gone in the next, the last are new in it.
const ROWS: u32 = 600;
const REMOVED: usize = 12;
const ADDED: usize = 30;
const ALL: [&str; 5] = ["coverage", "rejects", "verdicts", "drift", "agreement"];

/// The rows of the generator in the live edition's form.
fn rows(sandbox: &Sandbox) -> Vec<Value> {
    let data = sandbox.path(sandbox.dataset(ROWS, "jsonl"));
    let mut rows = Vec::new();
    for split in ["train", "validation", "test", "eval_holdout"] {
        let text = fs::read_to_string(data.join(format!("{split}.jsonl"))).unwrap();
        for line in text.lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row["split"] = json!("latest");
            rows.push(row);
        }
    }
    rows
}

/// Ingest over an edition.
fn ingest(sandbox: &Sandbox, name: &str, rows: &[Value]) -> Outcome {
    let folder = sandbox.path(&format!("{name}-edition/data"));
    fs::create_dir_all(&folder).unwrap();
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    fs::write(folder.join("latest.jsonl"), text).unwrap();
    let path = format!("source.path={name}-edition");
    sandbox.clawsig(&["ingest", "--set", "source.kind=path", "--set", &path, "--out", name])
}

/// Ingest and agreement over an edition.
fn read(sandbox: &Sandbox, name: &str, rows: &[Value]) {
    ingest(sandbox, name, rows).done();
    let path = format!("source.path={name}-edition");
    let source = ["--set", "source.kind=path", "--set", &path, "--out", name];
    let quick = ["--set", "agreement.replicates=100"];
    sandbox.clawsig(&[&["agreement"][..], &source, &quick].concat()).done();
}

/// The next edition as weeks are: some skills gone, some new, some updated, a few verdicts revised.
fn next(all: &[Value]) -> Vec<Value> {
    let mut rows = all[REMOVED..].to_vec();
    for (number, row) in rows[100..115].iter_mut().enumerate() {
        row["id"] = json!(format!("{:064x}", 0xabc0_0000 + number));
        let version = format!("{}.1", row["skill_version"].as_str().unwrap());
        row["skill_version"] = json!(version);
    }
    for row in &mut rows[200..204] {
        let clean = row["clawscan_verdict"] == "clean";
        row["clawscan_verdict"] = json!(if clean { "suspicious" } else { "clean" });
    }
    rows
}

fn silence(row: &mut Value, scanner: &str) {
    let columns: Vec<String> =
        row.as_object().unwrap().keys().filter(|key| key.starts_with(scanner)).cloned().collect();
    for column in columns {
        row[&column] = match &row[&column] {
            Value::Array(_) => json!([]),
            _ if column == "static_finding_count" || column == "skillspector_issue_count" => {
                json!(0)
            }
            _ => Value::Null,
        };
    }
    row["clawscan_context"].as_object_mut().unwrap().remove(scanner);
}

fn set_status(row: &mut Value, scanner: &str, status: &str) {
    row[format!("{scanner}_status")] = json!(status);
    if let Some(output) = row["clawscan_context"].get_mut(scanner).and_then(Value::as_object_mut) {
        output.insert("status".to_owned(), json!(status));
    }
}

/// An edition: its name, what makes it of a usual week's rows, and the sentences that tell, each
/// with its concern.
struct Edition {
    name: &'static str,
    change: fn(&mut Vec<Value>),
    told: &'static [(&'static str, &'static [&'static str])],
}

const EDITIONS: [Edition; 16] = [
    Edition {
        name: "static-silent",
        change: |rows| rows.iter_mut().for_each(|row| silence(row, "static")),
        told: &[
            ("coverage", &["static has gone silent: rated", ", now 0"]),
            ("agreement", &["statistics became undefined", "positive rate of static"]),
        ],
    },
    Edition {
        name: "virustotal-silent",
        change: |rows| rows.iter_mut().for_each(|row| silence(row, "virustotal")),
        told: &[("coverage", &["virustotal has gone silent: rated", ", now 0"])],
    },
    Edition {
        name: "virustotal-half",
        change: |rows| rows.iter_mut().step_by(2).for_each(|row| silence(row, "virustotal")),
        told: &[(
            "coverage",
            &["virustotal rates fewer: rated", "in both runs it no longer rates"],
        )],
    },
    Edition {
        name: "new-status",
        change: |rows| {
            for row in rows.iter_mut() {
                if ["suspicious", "malicious"].contains(&text(row, "virustotal_status")) {
                    set_status(row, "virustotal", "quarantined");
                }
            }
        },
        told: &[(
            "coverage",
            &["virustotal has a status that it did not have: `quarantined` (", "gone: `"],
        )],
    },
    Edition {
        name: "static-review",
        change: |rows| {
            for row in rows.iter_mut() {
                if text(row, "static_status") == "suspicious" {
                    set_status(row, "static", "review");
                }
            }
        },
        told: &[
            ("coverage", &["static has a status that it did not have: `review` ("]),
            ("coverage", &["gone: `suspicious` ("]),
        ],
    },
    Edition {
        name: "new-verdict",
        change: |rows| {
            rows.iter_mut().step_by(10).for_each(|row| row["clawscan_verdict"] = json!("review"));
        },
        told: &[("verdicts", &["the verdict `review` is new: 59 rows"])],
    },
    Edition {
        name: "unknown-verdict",
        change: |rows| {
            rows.iter_mut().step_by(10).for_each(|row| row["clawscan_verdict"] = json!("unknown"));
        },
        told: &[("verdicts", &["the verdict `unknown` is new: 59 rows"])],
    },
    Edition {
        name: "flips",
        change: |rows| {
            for row in rows.iter_mut().step_by(5) {
                if row["clawscan_verdict"] == "clean" {
                    row["clawscan_verdict"] = json!("suspicious");
                }
            }
        },
        told: &[("verdicts", &["another verdict for", "clean to suspicious"])],
    },
    Edition {
        name: "static-drift",
        change: |rows| {
            for row in rows.iter_mut().step_by(6) {
                if text(row, "static_status") == "clean" {
                    set_status(row, "static", "suspicious");
                    row["static_finding_count"] = json!(1);
                    row["static_reason_codes"] = json!(["x.y"]);
                }
            }
        },
        told: &[(
            "drift",
            &["static flags the same skills differently:", "newly flagged, 0 no longer"],
        )],
    },
    Edition {
        name: "new-column",
        change: |rows| rows.iter_mut().for_each(|row| row["clawscan_risk"] = json!("low")),
        told: &[(
            "coverage",
            &["columns outside the schema that are new: `clawscan_risk` (588 rows)"],
        )],
    },
    Edition {
        name: "texts",
        change: |rows| {
            for row in &mut rows[..50] {
                let text = format!("{} x", row["skill_md_content"].as_str().unwrap_or_default());
                row["skill_md_content"] = json!(text);
            }
        },
        told: &[("coverage", &["50 skills have another text under the same id"])],
    },
    // Four of our own.
    Edition {
        name: "cut",
        change: |rows| rows.truncate(250),
        told: &[("coverage", &["of 588 skills are gone"])],
    },
    Edition {
        name: "new-rows-unrated",
        change: |rows| {
            let mut more = rows[300..330].to_vec();
            for (number, row) in more.iter_mut().enumerate() {
                row["id"] = json!(format!("{:064x}", 0xdef0_0000 + number));
                row["skill_slug"] = json!(format!("new/skill-{number}"));
                silence(row, "skillspector");
            }
            rows.append(&mut more);
        },
        told: &[(
            "coverage",
            &["skillspector rates few of the new: 0 of 30 new or updated skills"],
        )],
    },
    Edition {
        name: "never-malicious",
        change: |rows| {
            for row in rows.iter_mut() {
                if row["clawscan_verdict"] == "malicious" {
                    row["clawscan_verdict"] = json!("suspicious");
                }
            }
        },
        told: &[("verdicts", &["no row has the verdict `malicious` any more (before "])],
    },
    Edition {
        name: "broken-rows",
        change: |rows| {
            for row in rows.iter_mut().step_by(25) {
                row["id"] = json!(7);
            }
        },
        told: &[("rejects", &["24 of 588 rows rejected: 24 "])],
    },
    Edition { name: "as-before", change: |_| {}, told: &[] },
];

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column].as_str().unwrap_or_default()
}

#[test]
fn each_weekly_edition_is_told_in_a_sentence_and_by_the_exit_code() {
    let sandbox = Sandbox::new();
    let all = rows(&sandbox);
    let usual = next(&all);
    read(&sandbox, "w1", &all[..all.len() - ADDED]);
    read(&sandbox, "w2", &usual);
    // Nothing to look at in a usual week.
    let usual_check = sandbox.clawsig(&["verify", "w2"]).done().stdout;
    assert!(!usual_check.contains("what to look at"), "{usual_check}");
    for edition in &EDITIONS {
        let mut changed = usual.clone();
        (edition.change)(&mut changed);
        read(&sandbox, edition.name, &changed);
        let diff = ["diff", "w2", edition.name];
        let json = sandbox.clawsig(&[&diff[..], &["--format", "json"]].concat()).done().stdout;
        let found: Value = serde_json::from_str(&json).unwrap();
        let findings = found["findings"].as_array().unwrap();
        println!("{}: {findings:#?}", edition.name);
        for (concern, parts) in edition.told {
            let tells = |finding: &Value| {
                let text = finding["text"].as_str().unwrap();
                finding["concern"] == *concern && parts.iter().all(|part| text.contains(part))
            };
            assert!(findings.iter().any(tells), "{}: no {parts:?} in {findings:#?}", edition.name);
        }
        let told = |concern: &str| findings.iter().any(|finding| finding["concern"] == concern);
        let code = |concerns: &[&str]| {
            let asked = concerns.iter().flat_map(|concern| ["--fail-on", concern]);
            sandbox.clawsig(&diff.into_iter().chain(asked).collect::<Vec<_>>()).code
        };
        let (loud, quiet): (Vec<&str>, Vec<&str>) = ALL.iter().partition(|concern| told(concern));
        assert_eq!(code(&quiet), Some(0), "{}: {quiet:?}", edition.name);
        for concern in loud {
            assert_eq!(code(&[concern]), Some(3), "{}: {concern}", edition.name);
        }
    }
    // verify compares with no other week; what it finds in this one stands first.
    for (edition, code, told) in [
        ("static-silent", 0, "static rated none of 588 rows"),
        (
            "new-verdict",
            0,
            "verdicts that are none of clean, suspicious, malicious: `review` in 59 rows",
        ),
        ("new-status", 0, "statuses of virustotal that are none of"),
        (
            "new-column",
            0,
            "a column `clawscan_risk` that the dataset did not have, in all of 588 rows",
        ),
        ("broken-rows", 3, ""),
    ] {
        let outcome = sandbox.clawsig(&["verify", edition]);
        assert_eq!(outcome.code, Some(code), "{edition}: {}", outcome.stdout);
        if code == 0 {
            let first = outcome.stdout.split("\n\n").nth(1).unwrap();
            assert!(first.starts_with("what to look at") && first.contains(told), "{first}");
        }
    }
    // No edition was evaluated, so that metrics can't be compared.
    let outcome = sandbox.clawsig(&["diff", "w1", "w2", "--fail-on", "metrics"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stdout);
    // A column that no row has is no edition of the dataset, which ingest says.
    let mut dropped = usual;
    for row in &mut dropped {
        row.as_object_mut().unwrap().remove("clawscan_model");
    }
    ingest(&sandbox, "dropped-column", &dropped).fails_with(1, &["`clawscan_model` is missing"]);
}
