//! The stage from files to files.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clawsig_ingest::{
    Columns, IngestError, IngestParams, Ingested, OutputPaths, RawParquetWriter, SignalsReader,
    Source, TextTable, ingest,
};
use clawsig_schema::{
    SkillRow, Split, Verdict, VerdictLabel,
    column::Column,
    lock::LockedSnapshot,
    raw::{BundleFile, RawRow},
};
use polars_parquet::parquet::read::read_metadata;
use serde_json::{Value, json};
use tempfile::TempDir;

fn id(number: usize) -> String {
    format!("{number:064x}")
}

fn row(number: usize) -> Value {
    let verdict = ["clean", "suspicious", "malicious"][number % 3];
    json!({
        "id": id(number), "skill_slug": format!("owner{}/skill", number % 7),
        "skill_version": "1.0.0",
        "skill_md_content": format!("Text {number} é \"quoted\"\n{}", "word ".repeat(number % 90)),
        "skill_bundle_content": [
            {"path": "a.py", "content": "x\u{0}y", "sha256": "00", "sizeBytes": 3},
            {"path": "../b", "content": "", "sha256": "00", "sizeBytes": 0}],
        "clawscan_verdict": verdict, "clawscan_confidence": null, "clawscan_model": "m",
        "clawscan_summary": null, "static_status": "clean", "static_finding_count": 1,
        "static_reason_codes": ["suspicious.x", "suspicious.x"], "virustotal_status": null,
        "virustotal_malicious_count": null, "virustotal_suspicious_count": 0,
        "virustotal_harmless_count": 60, "virustotal_undetected_count": null,
        "skillspector_status": "suspicious", "skillspector_score": 20.5,
        "skillspector_severity": "medium", "skillspector_issue_count": 1,
        "skillspector_issue_codes": ["E1"], "skillspector_issue_categories": [],
        "clawscan_context": {"static": {"status": "clean"}, "virustotal": {}, "skillspector":
            {"verdict": "CAUTION", "issues": [{"a": [1, {"b": null}]}]}},
        "split": "train",
    })
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| row.to_string() + "\n").collect()
}

fn run_with(folder: &Path, params: IngestParams) -> (TempDir, Result<Ingested, IngestError>) {
    let work = tempfile::tempdir().unwrap();
    let out = OutputPaths {
        signals_dir: work.path().join("signals"),
        rejects: work.path().join("rejects.jsonl"),
    };
    let source = Source::Path { path: folder.to_owned() };
    let done = ingest(&source, &params.check().unwrap(), &out, &|_, _, _| {});
    (work, done)
}

fn signals(work: &TempDir, split: Split) -> Vec<SkillRow> {
    let path = work.path().join(format!("signals/{split}.parquet"));
    let reader = SignalsReader::open(path).unwrap();
    let (len, is_empty) = (reader.len(), reader.is_empty());
    let rows: Vec<SkillRow> = reader.rows(Columns::All).collect::<Result<_, _>>().unwrap();
    assert_eq!((len, is_empty), (rows.len() as u64, rows.is_empty()));
    rows
}

/// A folder that holds the table of some rows, and the path of the table.
fn table_of(rows: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.jsonl"), lines((0..rows).map(row))).unwrap();
    let (work, done) = run_with(folder.path(), IngestParams::default());
    done.unwrap();
    let path = work.path().join("signals/train.parquet");
    (work, path)
}

fn bytes(work: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let mut names: Vec<_> =
        Split::ALL.iter().map(|split| format!("signals/{split}.parquet")).collect();
    names.push("rejects.jsonl".to_owned());
    names
        .into_iter()
        .map(|name| (name.clone(), fs::read(work.path().join(name)).unwrap()))
        .collect()
}

#[test]
fn no_folder_is_made_above_that_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.jsonl"), lines([row(1)])).unwrap();
    let gone = folder.path().join("gone");
    let out =
        OutputPaths { signals_dir: gone.join("signals"), rejects: gone.join("rejects.jsonl") };
    let source = Source::Path { path: folder.path().to_owned() };
    let params = IngestParams::default().check().unwrap();
    let error = ingest(&source, &params, &out, &|_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("signals"), "{error}");
    assert!(!gone.exists());
}

#[test]
fn a_row_arrives_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.jsonl"), lines([row(7)])).unwrap();
    let (work, done) = run_with(folder.path(), IngestParams::default());
    let profile = done.unwrap().profile;
    let rows = signals(&work, Split::Train);
    assert_eq!(rows.len(), 1);
    let found = &rows[0];
    assert_eq!((found.id.as_str(), found.owner()), (id(7).as_str(), Some("owner0")));
    assert_eq!(found.text.as_deref(), row(7)["skill_md_content"].as_str());
    assert_eq!(found.verdict, VerdictLabel::Known(Verdict::Suspicious));
    assert_eq!((found.bundle.files, found.bundle.bytes, found.bundle.unsafe_paths), (2, 3, 1));
    assert_eq!(found.static_scan.reason_codes, ["suspicious.x", "suspicious.x"]);
    assert!(found.static_scan.has_output && !found.virustotal.has_output);
    assert_eq!((found.virustotal.malicious, found.virustotal.harmless), (None, Some(60)));
    assert_eq!(found.skillspector.recommendation.as_deref(), Some("CAUTION"));
    assert_eq!(found.skillspector.score, Some(20.5));
    assert!(signals(&work, Split::Test).is_empty());
    assert_eq!(profile.reason_codes["suspicious.x"], 1);
    assert_eq!(profile.splits[0].severities["MEDIUM"], 1);
    assert_eq!(profile.examples["static"], r#"{"status":"clean"}"#);
}

#[test]
fn faults_are_rejected_with_their_place_and_the_rest_goes_on() {
    let with = |number: usize, column: &str, value: Value| {
        let mut row = row(number);
        row[column] = value;
        row.to_string()
    };
    let mut missing = row(20);
    missing.as_object_mut().unwrap().remove("skill_version");
    let cases: Vec<(Vec<u8>, Option<&str>)> = vec![
        (row(1).to_string().into(), None),
        (b"   ".to_vec(), None),
        (b"{\"id\": ".to_vec(), Some("bad_json")),
        (b"[1]".to_vec(), Some("bad_json")),
        (with(30, "static_reason_codes", json!(null)).into(), None),
        (with(2, "skill_version", json!(3)).into(), Some("wrong_type")),
        (with(3, "static_reason_codes", json!("x")).into(), Some("wrong_type")),
        (with(4, "id", Value::Null).into(), Some("wrong_type")),
        (missing.to_string().into(), Some("missing_column")),
        (with(5, "clawscan_verdict", json!("odd\u{1b}")).into(), None),
        (with(31, "clawscan_verdict", json!("")).into(), Some("wrong_type")),
        (with(6, "clawscan_verdict", json!("unknown")).into(), None),
        (row(1).to_string().into(), Some("duplicate_id")),
        (b"{\"id\":\"\xff\"}".to_vec(), Some("invalid_utf8")),
        (with(8, "skill_md_content", json!("a\u{0}b")).into(), None),
        (b"{\"id\":\"a\x00b\"}".to_vec(), Some("bad_json")),
        (with(9, "skill_md_content", json!("x".repeat(9000))).into(), Some("oversized_row")),
        (with(10, "skillspector_score", json!(100.5)).into(), Some("number_out_of_range")),
        (with(11, "static_finding_count", json!(-1)).into(), Some("number_out_of_range")),
        (with(12, "static_finding_count", json!(2.0)).into(), None),
        (with(13, "new_column", json!([1])).into(), None),
    ];
    let mut content = b"\xef\xbb\xbf".to_vec();
    let mut expected = Vec::new();
    for (number, (line, reason)) in (1..).zip(&cases) {
        let at = if number == 1 { 3 } else { content.len() };
        expected.extend(reason.map(|reason| (number, at as u64, reason.to_owned())));
        content.extend_from_slice(line);
        content.extend_from_slice(if number % 2 == 0 { b"\r\n" } else { b"\n" });
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.jsonl"), content).unwrap();
    let params =
        IngestParams { max_row_bytes: 8192, max_reject_share: 1.0, ..IngestParams::default() };
    let (work, done) = run_with(folder.path(), params.clone());
    let profile = done.unwrap().profile;
    let rejects = fs::read_to_string(work.path().join("rejects.jsonl")).unwrap();
    let found: Vec<(u64, u64, String)> = rejects
        .lines()
        .map(|line| {
            let reject: Value = serde_json::from_str(line).unwrap();
            let number = |name: &str| reject[name].as_u64().unwrap();
            (number("line"), number("byte_offset"), reject["reason"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(found, expected);
    assert!(!rejects.contains('\u{1b}'));
    let file = &profile.files[0];
    assert_eq!((file.lines, file.blank, file.accepted), (21, 1, 7));
    assert_eq!(file.lines, file.blank + file.accepted + file.rejected);
    assert_eq!(profile.extra_columns["new_column"], 1);
    assert_eq!(profile.splits[0].verdicts["unknown"], 1);
    assert_eq!(profile.splits[0].verdicts["odd\\u{1b}"], 1);
    let verdicts: Vec<VerdictLabel> =
        signals(&work, Split::Train).into_iter().map(|row| row.verdict).collect();
    assert!(verdicts.contains(&VerdictLabel::Other("unknown".to_owned())), "{verdicts:?}");
    assert!(verdicts.contains(&VerdictLabel::Other("odd\u{1b}".to_owned())), "{verdicts:?}");
    let told = |part: &str| profile.warnings.iter().any(|warning| warning.contains(part));
    assert!(told(
        "verdicts that are none of clean, suspicious, malicious: `odd\\u{1b}` in 1 row, `unknown` in 1 row; kept"
    ));
    assert!(told("a column `new_column` that the dataset did not have, in 1 of 7 rows"));
    assert!(told("no rows of validation, test, eval_holdout"));
    assert!(!profile.warnings.iter().any(|warning| warning.contains('\u{1b}')));

    let strict = IngestParams { strict: true, ..params };
    let (work, done) = run_with(folder.path(), strict);
    assert!(matches!(done, Err(IngestError::Strict { line: 3, .. })));
    assert!(!work.path().join("rejects.jsonl").exists());
    assert!(!work.path().join("signals/train.parquet").exists());
}

#[test]
fn threads_change_nothing_and_a_sample_is_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<Value> = (0..20_000).map(row).collect();
    all.push(row(3));
    fs::write(folder.path().join("train.jsonl"), lines(all)).unwrap();
    let run = |threads, sample_rows, sample_seed| {
        let params = IngestParams { threads, sample_rows, sample_seed, ..IngestParams::default() };
        let (work, done) = run_with(folder.path(), params);
        (bytes(&work), done.unwrap().profile, work)
    };
    let (one, profile, _) = run(1, 0, 1);
    let (many, other, _) = run(7, 0, 1);
    assert!(one == many && profile == other);
    assert_eq!((profile.rows, profile.rejected), (20_000, 1));
    let (_, sampled, work) = run(2, 500, 1);
    assert_eq!((sampled.rows, sampled.sampled_out), (500, 19_500));
    let ids = |work: &TempDir| -> Vec<String> {
        signals(work, Split::Train).into_iter().map(|row| row.id).collect()
    };
    let first = ids(&work);
    assert!(first.is_sorted());
    assert_eq!(first, ids(&run(3, 500, 1).2));
    assert_ne!(first, ids(&run(3, 500, 2).2));
}

#[test]
fn raw_parquet_reads_back_as_the_same_signals() {
    let jsonl = tempfile::tempdir().unwrap();
    let parquet = tempfile::tempdir().unwrap();
    fs::write(jsonl.path().join("test.jsonl"), lines((0..50).map(row))).unwrap();
    let mut writer = RawParquetWriter::create(parquet.path().join("test.parquet")).unwrap();
    for number in 0..50 {
        let json = row(number);
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        writer
            .push(&RawRow {
                id: text("id").unwrap(),
                skill_slug: text("skill_slug"),
                skill_version: text("skill_version").unwrap(),
                skill_md_content: text("skill_md_content"),
                skill_bundle_content: vec![
                    BundleFile { path: "a.py".into(), size_bytes: 3, ..BundleFile::default() },
                    BundleFile { path: "../b".into(), ..BundleFile::default() },
                ],
                clawscan_verdict: text("clawscan_verdict").unwrap(),
                clawscan_model: text("clawscan_model"),
                static_status: text("static_status"),
                static_finding_count: 1,
                static_reason_codes: vec!["suspicious.x".into(); 2],
                virustotal_suspicious_count: Some(0),
                virustotal_harmless_count: Some(60),
                skillspector_status: text("skillspector_status"),
                skillspector_score: Some(20.5),
                skillspector_severity: text("skillspector_severity"),
                skillspector_issue_count: 1,
                skillspector_issue_codes: vec!["E1".into()],
                clawscan_context: json["clawscan_context"].to_string(),
                split: "train".into(),
                ..RawRow::default()
            })
            .unwrap();
    }
    writer.finish().unwrap();
    let (from_json, done) = run_with(jsonl.path(), IngestParams::default());
    done.unwrap();
    let (from_parquet, done) = run_with(parquet.path(), IngestParams::default());
    done.unwrap();
    assert_eq!(signals(&from_json, Split::Test), signals(&from_parquet, Split::Test));
    assert_eq!(signals(&from_parquet, Split::Test).len(), 50);
}

#[test]
fn texts_are_read_at_any_places_of_several_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    // A group is closed by the bytes of its pages, so that the texts must not be easy to compress.
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'0' + (state >> 58) as u8)
    };
    let texts: Vec<Value> = (0..7)
        .map(|number| match number {
            3 => Value::Null,
            _ => (0..8 << 20).map(|_| letter()).collect::<String>().into(),
        })
        .collect();
    let text = |number: usize| texts[number].clone();
    let large = (0..7).map(|number| {
        let mut row = row(number);
        row["skill_md_content"] = text(number);
        row
    });
    fs::write(folder.path().join("train.jsonl"), lines(large)).unwrap();
    let (work, done) = run_with(folder.path(), IngestParams::default());
    done.unwrap();
    let path = work.path().join("signals/train.parquet");
    let metadata = read_metadata(&mut fs::File::open(&path).unwrap()).unwrap();
    let groups: Vec<usize> = metadata.row_groups.iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [2, 3, 2]);
    let open = || SignalsReader::open(&path).unwrap();
    for places in [&[][..], &[0], &[6], &[1, 3, 4], &[0, 1, 2, 3, 4, 5, 6], &[2, 9], &[3]] {
        let found: Vec<String> = open().texts(places).collect::<Result<_, _>>().unwrap();
        let there = places.iter().filter(|&&place| place < 7);
        let expected: Vec<Value> = there.map(|&place| text(place)).collect();
        assert_eq!(found.len(), expected.len(), "{places:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(found == expected.as_str().unwrap_or_default(), "{places:?}");
        }
    }
}

#[test]
fn rows_without_text_lack_it_alone() {
    let (_work, path) = table_of(9);
    let rows = |columns| -> Vec<SkillRow> {
        SignalsReader::open(&path).unwrap().rows(columns).collect::<Result<_, _>>().unwrap()
    };
    let (all, without) = (rows(Columns::All), rows(Columns::WithoutText));
    assert!(all.iter().all(|row| row.text.is_some()) && without.len() == 9);
    for (mut all, without) in all.into_iter().zip(without) {
        all.text = None;
        assert_eq!(all, without);
    }
}

#[test]
fn a_table_of_texts_has_the_columns_of_single_values() {
    let (_work, path) = table_of(3);
    let table = TextTable::read(&path).unwrap();
    let cells = |name: &str| -> Vec<Option<&str>> {
        let at = table.columns.iter().position(|column| column == name).unwrap();
        table.rows.iter().map(|row| row[at].as_deref()).collect()
    };
    let ids: Vec<String> = (0..3).map(id).collect();
    assert_eq!(cells("id"), ids.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>());
    assert_eq!(cells("skillspector_score"), [Some("20.5"); 3]);
    assert_eq!(cells("virustotal_malicious_count"), [None; 3]);
    assert!(table.left_out.contains(&"static_reason_codes".to_owned()), "{:?}", table.left_out);
}

#[test]
fn a_cut_or_foreign_parquet_file_is_one_clear_error() {
    let (_work, path) = table_of(50);
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 11, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(SignalsReader::open(&path), Err(IngestError::Parquet { .. })), "{length}");
    }
}

/// Its footer is whole and tells of pages that are not there.
#[test]
fn a_parquet_file_that_lost_its_middle_is_told_so() {
    let (_work, path) = table_of(3_000);
    let whole = fs::read(&path).unwrap();
    // The length of the footer stands before the last four bytes.
    let at = whole.len() - 8;
    let footer = u32::from_le_bytes(*whole[at..].first_chunk().unwrap()) as usize + 8;
    assert!(footer < whole.len() / 2);
    fs::write(&path, [&whole[..4], &whole[whole.len() - footer..]].concat()).unwrap();
    let read: Result<Vec<_>, _> = SignalsReader::open(&path).unwrap().rows(Columns::All).collect();
    let error = read.unwrap_err().to_string();
    assert!(error.contains("lies outside the file, which was cut"), "{error}");
}

#[test]
fn sources_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| run_with(path, IngestParams::default()).1.unwrap_err().to_string();
    assert!(error(folder.path()).contains("holds no data"));
    assert!(error(&folder.path().join("absent")).contains("can't open"));
    fs::write(folder.path().join("train.jsonl"), [0x1f, 0x8b, 8, 0]).unwrap();
    assert!(error(folder.path()).contains("gzip"));
    fs::write(folder.path().join("train.jsonl"), "\n\n").unwrap();
    assert!(error(folder.path()).contains("train.jsonl: no rows"));
    fs::write(folder.path().join("train.jsonl"), "{\"id\":\"x\"}\n{\"id\":\"y\"}\n").unwrap();
    assert!(error(folder.path()).contains("`skill_slug` is missing from the first 2 rows"));
    fs::write(folder.path().join("train.parquet"), "").unwrap();
    assert!(error(folder.path()).contains("more than once"));
}

#[test]
fn a_file_that_is_not_the_locked_one_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    let content = lines((0..30).map(row));
    fs::write(&path, &content).unwrap();
    let files = run_with(folder.path(), IngestParams::default()).1.unwrap().lock_files;
    let lock = LockedSnapshot {
        name: "test".to_owned(),
        repo: "a/b".to_owned(),
        revisions: Vec::new(),
        files,
    };
    let params = IngestParams { lock: Some(lock), ..IngestParams::default() };
    run_with(folder.path(), params.clone()).1.unwrap();
    let (head, tail) = content.split_once('\n').unwrap();
    for (changed, named) in [
        (content.replacen("Text 4", "Text 5", 1), "SHA-256"),
        (tail.to_owned(), "rows expected 30 found 29"),
        (
            head.replace("verdict\":\"clean", "verdict\":\"malicious") + "\n" + tail,
            "verdict clean expected 10 found 9",
        ),
    ] {
        fs::write(&path, changed).unwrap();
        let (work, done) = run_with(folder.path(), params.clone());
        let error = done.unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("train.jsonl"), "{error}");
        assert!(!work.path().join("signals/train.parquet").exists());
    }
}

#[test]
fn the_right_bytes_are_taken_though_the_lock_miscounts_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.jsonl"), lines((0..30).map(row))).unwrap();
    let mut files = run_with(folder.path(), IngestParams::default()).1.unwrap().lock_files;
    let bytes = files[0].bytes;
    files[0].bytes += 1;
    let mut lock = LockedSnapshot {
        name: "test".to_owned(),
        repo: "a/b".to_owned(),
        revisions: Vec::new(),
        files,
    };
    let locked = |lock| IngestParams { lock: Some(lock), ..IngestParams::default() };
    let profile = run_with(folder.path(), locked(lock.clone())).1.unwrap().profile;
    let told = format!("train.jsonl has the locked SHA-256, so it is the locked file, but {bytes}");
    assert!(profile.warnings[0].starts_with(&told), "{:?}", profile.warnings);
    assert!(profile.warnings[0].ends_with("correct `bytes` in the lock"), "{:?}", profile.warnings);
    lock.files[0].sha256 = "0".repeat(64);
    let error = run_with(folder.path(), locked(lock)).1.unwrap_err().to_string();
    assert!(error.contains("bytes expected") && error.contains("SHA-256 expected 0"), "{error}");
}

/// The same rows in every text form, and what is none of them.
#[test]
fn text_forms_read_alike() {
    let rows: Vec<Value> = (0..40).map(row).collect();
    let plain = lines(rows.clone());
    let columns = Column::ALL;
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(columns.iter().map(|column| column.name())).unwrap();
    for row in &rows {
        csv.write_record(columns.iter().map(|column| cell(&row[column.name()]))).unwrap();
    }
    let csv = csv.into_inner().unwrap();
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let array = serde_json::to_vec(&rows).unwrap();
    let pretty = serde_json::to_vec_pretty(&rows).unwrap();
    let read = |name: &str, bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let (work, done) = run_with(folder.path(), IngestParams::default());
        let profile = done.map_err(|error| error.to_string())?.profile;
        assert_eq!(profile.files[0].bytes, bytes.len() as u64, "{name}");
        Ok::<_, String>(signals(&work, Split::Train))
    };
    let expected = read("train.jsonl", plain.as_bytes()).unwrap();
    assert_eq!(expected.len(), 40);
    for (name, bytes) in [
        ("train.NDJSON", plain.clone().into_bytes()),
        ("train.json", plain.clone().into_bytes()),
        ("train.json", array.clone()),
        ("train.jsonl", pretty),
        ("train.csv", csv.clone()),
        ("train.jsonl.gz", gzip(plain.as_bytes())),
        ("train.json.gz", gzip(&array)),
        ("train.csv.gz", gzip(&csv)),
        ("train.jsonl.zst", zstd::encode_all(plain.as_bytes(), 1).unwrap()),
        ("train-00000-of-00001.json", array),
    ] {
        assert_eq!(read(name, &bytes).as_ref(), Ok(&expected), "{name}");
    }
    let utf16: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let object = serde_json::to_string_pretty(&rows[0]).unwrap();
    for (name, bytes, told) in [
        ("train.jsonl", csv, "is CSV; name it *.csv"),
        ("train.csv", plain.clone().into_bytes(), "is JSON lines; name it *.jsonl"),
        ("train.jsonl", object.into_bytes(), "is JSON over several lines"),
        ("train.jsonl", b"[1, 2]\n[3]\n".to_vec(), "is JSON arrays"),
        ("train.jsonl", b"<!DOCTYPE html>\n".to_vec(), "is a web page"),
        ("train.jsonl", utf16, "UTF-16"),
        ("train.jsonl", plain.replace('\n', "\r").into_bytes(), "CR alone"),
        ("train.jsonl", gzip(plain.as_bytes()), "is gzip-compressed; name it *.gz"),
        ("train.jsonl.gz", plain.clone().into_bytes(), "not compressed as its name says"),
        ("train.parquet", plain.into_bytes(), "JSON lines; name it *.jsonl"),
    ] {
        let error = read(name, &bytes).unwrap_err();
        assert!(error.contains(told), "{name}: {error}");
    }
}

#[test]
fn too_many_rejects_are_an_error_with_the_first_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |good: usize, bad: usize| {
        let mut text = "not a row\n".repeat(bad);
        text.push_str(&lines((0..good).map(row)));
        fs::write(folder.path().join("train.jsonl"), text).unwrap();
    };
    let run = |max_reject_share| {
        run_with(folder.path(), IngestParams { max_reject_share, ..IngestParams::default() }).1
    };
    file(100, 12);
    let error = run(0.1).unwrap_err().to_string();
    for part in [
        "train.jsonl: 12 of 112 rows rejected, more than the 10 % that ingest.max_reject_share",
        "(bad_json 12); line 1: at byte 2 a bare word is none of true, false and null",
        "line 3: ",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("line 4"), "{error}");
    assert_eq!(run(0.2).unwrap().profile.rejected, 12);
    // Few rejects of few rows are no error, unless no row is left.
    file(5, 10);
    assert_eq!(run(0.1).unwrap().profile.rejected, 10);
    file(0, 2);
    assert!(matches!(run(0.1), Err(IngestError::TooManyRejects { rejected: 2, rows: 2, .. })));
    assert_eq!(run(1.0).unwrap().profile.rejected, 2);
}

/// Every extension is another one: what is counted by extension is not searched from the start each time.
#[test]
fn a_bundle_of_many_extensions_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut big = row(0);
    let files: Vec<Value> =
        (0..60_000).map(|n| json!({"path": format!("f.{n}"), "sizeBytes": 1})).collect();
    big["skill_bundle_content"] = json!(files);
    fs::write(folder.path().join("train.jsonl"), lines([big])).unwrap();
    let (work, done) = run_with(folder.path(), IngestParams::default());
    done.unwrap();
    assert_eq!(signals(&work, Split::Train)[0].bundle.extensions.len(), 60_000);
}
