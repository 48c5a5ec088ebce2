//! The JSONL reader: whatever the bytes, every line is kept, rejected or blank.
#![no_main]

use std::{fs, sync::LazyLock};

use clawsig_ingest::{IngestParams, OutputPaths, Source, ValidIngestParams, ingest};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a scratch folder"));
static PARAMS: LazyLock<ValidIngestParams> = LazyLock::new(|| {
    let params = IngestParams {
        max_row_bytes: 4096,
        max_reject_share: 1.0,
        threads: 1,
        ..IngestParams::default()
    };
    params.check().expect("parameters in range")
});

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("rows.jsonl");
    fs::write(&path, bytes).expect("the scratch folder takes a file");
    let out = OutputPaths {
        signals_dir: FOLDER.path().join("signals"),
        rejects: FOLDER.path().join("rejects.jsonl"),
    };
    // An array's elements are its lines.
    let text = String::from_utf8_lossy(bytes);
    let is_array = text.trim_start_matches('\u{feff}').trim_start().starts_with('[');
    if let Ok(done) = ingest(&Source::Path { path }, &PARAMS, &out, &|_, _, _| {}) {
        let file = &done.profile.files[0];
        let ends = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let lines = ends + u64::from(bytes.last().is_some_and(|&byte| byte != b'\n'));
        assert!(is_array || file.lines == lines);
        assert_eq!(file.lines, file.accepted + file.rejected + file.blank);
        assert_eq!(file.bytes, bytes.len() as u64);
    }
});
