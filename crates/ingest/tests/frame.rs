//! Signals as a data frame hold what the rows hold.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{fs, path::Path};

use clawsig_ingest::{Columns, IngestParams, OutputPaths, SignalsReader, Source, ingest};
use clawsig_schema::SkillRow;
use polars::prelude::{DataFrame, DataType};
use serde_json::json;

/// The signals of a number of training rows, among them nulls, empty lists and long lists.
fn signals(folder: &Path, rows: usize) -> (Vec<SkillRow>, DataFrame, DataFrame) {
    let line = |n: usize| {
        json!({
            "id": format!("{n:064x}"), "skill_slug": n.is_multiple_of(2).then_some("owner/skill"),
            "skill_version": "1", "skill_md_content": format!("text {n}"),
            "skill_bundle_content":
                [{"path": "a.py", "content": "x", "sha256": "00", "sizeBytes": n}],
            "clawscan_verdict": (["clean", "suspicious"][n % 2]), "clawscan_confidence": null,
            "clawscan_model": null, "clawscan_summary": null, "static_status": "clean",
            "static_finding_count": n % 3,
            "static_reason_codes": (0..n % 3).map(|i| format!("code{i}")).collect::<Vec<_>>(),
            "virustotal_status": null,
            "virustotal_malicious_count": (n % 2 == 1).then_some(n),
            "virustotal_suspicious_count": null, "virustotal_harmless_count": null,
            "virustotal_undetected_count": null, "skillspector_status": null,
            "skillspector_score": n.is_multiple_of(2).then_some(n as f64 / 7.0),
            "skillspector_severity": null, "skillspector_issue_count": 0,
            "skillspector_issue_codes": [], "skillspector_issue_categories": [],
            "clawscan_context": {}, "split": "train",
        })
        .to_string()
    };
    let text: String = (0..rows).map(|n| line(n) + "\n").collect();
    fs::write(folder.join("train.jsonl"), text).unwrap();
    let out =
        OutputPaths { signals_dir: folder.join("signals"), rejects: folder.join("rejects.jsonl") };
    let source = Source::Path { path: folder.to_owned() };
    ingest(&source, &IngestParams::default().check().unwrap(), &out, &|_, _, _| {}).unwrap();
    let open = |split: &str| SignalsReader::open(folder.join(format!("signals/{split}.parquet")));
    (
        open("train").unwrap().rows(Columns::All).collect::<Result<_, _>>().unwrap(),
        open("train").unwrap().to_data_frame(Columns::All).unwrap(),
        open("test").unwrap().to_data_frame(Columns::All).unwrap(),
    )
}

#[test]
fn a_data_frame_holds_the_rows_column_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, frame, empty) = signals(folder.path(), 50);
    assert_eq!((rows.len(), frame.height()), (50, 50));
    let column = |name: &str| frame.column(name).unwrap();
    let texts = |name: &str| -> Vec<Option<String>> {
        column(name).str().unwrap().iter().map(|t| t.map(str::to_owned)).collect()
    };
    let of = |get: fn(&SkillRow) -> Option<String>| rows.iter().map(get).collect::<Vec<_>>();
    assert_eq!(texts("id"), of(|row| Some(row.id.clone())));
    assert_eq!(texts("skill_slug"), of(|row| row.slug.clone()));
    assert_eq!(texts("skill_md_content"), of(|row| row.text.clone()));
    assert_eq!(texts("clawscan_verdict"), of(|row| row.verdict.text().map(str::to_owned)));
    let score: Vec<Option<f64>> = column("skillspector_score").f64().unwrap().iter().collect();
    assert_eq!(score, rows.iter().map(|row| row.skillspector.score).collect::<Vec<_>>());
    let engines = column("virustotal_malicious_count").u32().unwrap();
    let engines: Vec<Option<u32>> = engines.iter().collect();
    assert_eq!(engines, rows.iter().map(|row| row.virustotal.malicious).collect::<Vec<_>>());

    // Lists keep their lengths and their items.
    assert_eq!(*column("static_reason_codes").dtype(), DataType::List(DataType::String.into()));
    let lists = column("static_reason_codes").list().unwrap();
    for (at, row) in rows.iter().enumerate() {
        let list = lists.get_as_series(at).unwrap();
        let codes: Vec<&str> = list.str().unwrap().iter().flatten().collect();
        assert_eq!(codes, row.static_scan.reason_codes, "row {at}");
    }

    // A split without rows has the same columns.
    assert_eq!((empty.height(), empty.schema()), (0, frame.schema()));
}

#[test]
fn the_text_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_, all, _) = signals(folder.path(), 3);
    let path = folder.path().join("signals/train.parquet");
    let frame = SignalsReader::open(path).unwrap().to_data_frame(Columns::WithoutText).unwrap();
    assert_eq!((frame.width() + 1, frame.height()), (all.width(), 3));
    assert!(frame.column("skill_md_content").is_err());
}
