//! The Parquet conversion and the live edition.

use std::fs;

use clawsig_ingest::{HubError, HubFormat, HubSource, RawParquetWriter, hub};
use clawsig_schema::raw::RawRow;
use clawsig_test_hub::{Action, Fault, Repository};
use serde_json::json;

use super::{Bench, COMMIT, REPO, read, row, source};

fn parquet(first: usize, verdict: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let mut writer = RawParquetWriter::create(&path).unwrap();
    for number in first..first + 5 {
        let row = RawRow {
            id: format!("{number:064x}"),
            skill_version: "1".to_owned(),
            clawscan_verdict: verdict.to_owned(),
            clawscan_context: "{}".to_owned(),
            split: "train".to_owned(),
            ..RawRow::default()
        };
        writer.push(&row).unwrap();
    }
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

#[test]
fn the_parquet_conversion_is_listed_page_by_page_and_called_stale() {
    let converted = Repository::new(REPO)
        .commit(COMMIT, hub::PARQUET_REVISION)
        .large_file("default/train/0000.parquet", parquet(0, "clean"))
        .large_file("default/train/0001.parquet", parquet(10, "suspicious"))
        .large_file("default/train/0002.parquet", parquet(20, "unknown"))
        .large_file("default/test/0000.parquet", parquet(30, "malicious"))
        .large_file("other/test/0000.parquet", parquet(40, "malicious"))
        .page(2);
    let bench = Bench::new(converted);
    let source = source(HubFormat::Parquet);
    let snapshot = bench.fetch(&source).unwrap();
    let pages = bench.hub.requests().iter().filter(|r| r.path.contains("/tree/")).count();
    assert_eq!(pages, 3, "four files and two folders, two a page");
    assert!(snapshot.warnings[0].contains("STALE"), "{:?}", snapshot.warnings);
    let profile = read(snapshot, None).unwrap().profile;
    assert_eq!((profile.rows, profile.rejected, profile.files.len()), (20, 0, 4));
    assert_eq!(profile.splits[0].verdicts["unknown"], 5);
    assert!(profile.warnings.iter().any(|w| w.contains("`unknown` in 5 rows")));

    let offline = bench.fetch_by(&source, &bench.offline()).unwrap();
    assert!(offline.warnings[1].contains("whether the Hub has more"), "{:?}", offline.warnings);
    assert_eq!(read(offline, None).unwrap().profile.files.len(), 4);
}

#[test]
fn a_mirror_without_a_tree_lists_the_shards_with_the_commit() {
    let converted = Repository::new(REPO)
        .commit(COMMIT, hub::PARQUET_REVISION)
        .large_file("default/train/0000.parquet", parquet(0, "clean"))
        .large_file("other/test/0000.parquet", parquet(40, "malicious"));
    for code in [400, 404, 405, 422, 501] {
        let bench = Bench::new(converted.clone());
        bench.hub.fail(Fault::on("/default", Action::Status { code, header: None }));
        let snapshot = bench.fetch(&source(HubFormat::Parquet));
        if code == 404 {
            // As the Hub says that there is no such folder.
            assert!(matches!(snapshot, Err(HubError::NoFiles { .. })), "{snapshot:?}");
            continue;
        }
        assert_eq!(read(snapshot.unwrap(), None).unwrap().profile.files.len(), 1, "{code}");
    }
}

/// Half a list is not taken for the whole.
#[test]
fn a_page_that_fails_after_the_first_is_an_error() {
    let converted = Repository::new(REPO)
        .commit(COMMIT, hub::PARQUET_REVISION)
        .large_file("default/train/0000.parquet", parquet(0, "clean"))
        .large_file("default/train/0001.parquet", parquet(10, "clean"))
        .page(2);
    for code in [400, 404, 501] {
        let bench = Bench::new(converted.clone());
        bench.hub.fail(Fault::on("/default", Action::Status { code, header: None }).after(1));
        let error = bench.fetch(&source(HubFormat::Parquet)).unwrap_err();
        let told = matches!(error, HubError::NotFound { .. } | HubError::Status { .. });
        assert!(told, "{code}: {error}");
    }
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let hostile = Repository::new(REPO)
        .commit(COMMIT, hub::PARQUET_REVISION)
        .large_file("default/train/../../../../x.parquet", parquet(0, "clean"));
    let bench = Bench::new(hostile);
    let error = bench.fetch(&source(HubFormat::Parquet)).unwrap_err();
    assert!(matches!(error, HubError::Answer { .. }), "{error}");
}

#[test]
fn the_live_edition_is_split_by_hash_and_its_manifest_kept() {
    let manifest = json!({ "generatedAt": "2026-01-05", "rows": 40 });
    let rows: String = (0..40)
        .map(|n: usize| {
            let mut row = row(n, "clean");
            row["split"] = json!("latest");
            row.to_string() + "\n"
        })
        .collect();
    let edition = |commit: &str, manifest: Vec<u8>| {
        Repository::new(REPO)
            .commit(commit, "main")
            .large_file("data/latest.jsonl", rows.clone().into_bytes())
            .small_file(hub::LIVE_MANIFEST, manifest)
    };
    let bench = Bench::new(edition(COMMIT, manifest.to_string().into_bytes()));
    let snapshot = bench.fetch(&source(HubFormat::Live)).unwrap();
    assert_eq!(snapshot.manifest, Some(manifest));
    assert!(snapshot.warnings[0].contains(COMMIT), "{:?}", snapshot.warnings);
    let profile = read(snapshot, None).unwrap().profile;
    let by_split: Vec<u64> = profile.splits.iter().map(|split| split.rows).collect();
    // Counted by Python 3.11.7: int(hashlib.sha256(id.encode()).hexdigest()[:8], 16) / 0xffffffff
    // of f"{n:064x}" for n in range(40), below 0.70, 0.85, 0.95 and the rest.
    assert_eq!(by_split, [27, 8, 3, 2]);

    let moved = "f".repeat(40);
    bench.hub.replace(edition(&moved, b"no json".to_vec()));
    let error = bench.fetch(&source(HubFormat::Live)).unwrap_err();
    assert!(matches!(error, HubError::Manifest { .. }), "{error}");
    let again = HubSource { revision: Some(COMMIT.to_owned()), ..source(HubFormat::Live) };
    assert_eq!(bench.fetch(&again).unwrap().commit, COMMIT, "from the cache");
}
