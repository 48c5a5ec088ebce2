//! Rows that fail are counted and kept apart; the rest goes on.

use std::fs;

use serde_json::Value;

use crate::program::Sandbox;

/// Appends broken lines to the training file of a small dataset.
fn with_broken_lines(sandbox: &Sandbox) -> (String, usize) {
    let data = sandbox.dataset(200, "jsonl");
    let train = sandbox.path(data).join("train.jsonl");
    let mut bytes = fs::read(&train).unwrap();
    let first_line = bytes.split(|&b| b == b'\n').next().unwrap().to_vec();
    let mut row: Value = serde_json::from_slice(&first_line).unwrap();
    let good_lines = bytes.iter().filter(|&&b| b == b'\n').count();
    let mut push = |line: &[u8]| {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    };
    push(b"{\"id\": ");
    push(&first_line);
    row["id"] = "f".repeat(64).into();
    row["skillspector_score"] = 101.into();
    push(row.to_string().as_bytes());
    row["skillspector_score"] = 3.into();
    row["static_finding_count"] = "three".into();
    push(row.to_string().as_bytes());
    push(b"{\"id\": \"\xff\xfe\"}");
    fs::write(&train, bytes).unwrap();
    (format!("source.path={data}"), good_lines)
}

#[test]
fn every_broken_line_is_accounted_for() {
    let sandbox = Sandbox::new();
    let (path, good_lines) = with_broken_lines(&sandbox);
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    let outcome = sandbox.clawsig(&words).done();
    assert!(outcome.stdout.contains("5"), "{}", outcome.stdout);
    let rejects = fs::read_to_string(sandbox.path("r/ingest/rejects.jsonl")).unwrap();
    let rejects: Vec<Value> =
        rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rejects.len(), 5, "{rejects:#?}");
    let lines: Vec<u64> = rejects.iter().map(|r| r["line"].as_u64().unwrap()).collect();
    let first = good_lines as u64 + 1;
    assert_eq!(lines, (first..first + 5).collect::<Vec<_>>());
    assert!(rejects.iter().all(|r| r["reason"].is_string() && r["file"].is_string()));
}

#[test]
fn strict_makes_a_reject_fatal_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let (path, _) = with_broken_lines(&sandbox);
    sandbox
        .clawsig(&["run", "--strict", "--set", "source.kind=path", "--set", &path, "--out", "r"])
        .fails_with(1, &["train.jsonl"]);
    assert!(!sandbox.path("r/ingest").exists());
}

/// The generator's own file of known faults, each with the line it stands in.
#[test]
fn every_known_fault_is_rejected_at_its_place_and_nothing_else_is() {
    let sandbox = Sandbox::new();
    let limit = 64 << 10;
    let malformed = clawsig_synth::malformed(3, limit).unwrap();
    fs::write(sandbox.path("faults.jsonl"), &malformed.bytes).unwrap();
    let limit = format!("ingest.max_row_bytes={limit}");
    let words = ["ingest", "--set", "source.kind=path", "--set", "source.path=faults.jsonl"];
    // The file has as many faults as sound rows.
    let all = ["--set", "ingest.max_reject_share=1", "--set", &limit, "--out", "r"];
    sandbox.clawsig(&[&words[..], &all].concat()).done();

    let rejects = fs::read_to_string(sandbox.path("r/ingest/rejects.jsonl")).unwrap();
    let found: Vec<(u64, u64)> = rejects
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|reject| (reject["line"].as_u64().unwrap(), reject["byte_offset"].as_u64().unwrap()))
        .collect();
    let faults = malformed.lines.iter().filter(|line| line.fault.is_some());
    let expected: Vec<(u64, u64)> = faults.map(|line| (line.number, line.offset)).collect();
    assert_eq!(found, expected);

    let profile = fs::read(sandbox.path("r/ingest/profile.json")).unwrap();
    let profile: Value = serde_json::from_slice(&profile).unwrap();
    assert_eq!(profile["rejected"], expected.len());
    assert_eq!(profile["rows"], malformed.lines.len() - expected.len());
    assert_eq!(profile["extra_columns"].as_object().unwrap().len(), 1);
}
