//! What an interrupted or crowded run leaves behind.

use std::fs;

use crate::program::Sandbox;

#[test]
fn what_a_killed_run_left_is_cleared_up_by_the_next() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    fs::create_dir_all(sandbox.path("r/.work-ingest-1/signals")).unwrap();
    fs::write(sandbox.path("r/.work-ingest-1/signals/train.parquet"), b"half").unwrap();
    sandbox.clawsig(&["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"]).done();
    let mut names: Vec<_> =
        fs::read_dir(sandbox.path("r")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", "ingest"]);
}

#[test]
fn a_manifest_of_another_generation_is_rebuilt_with_a_reason() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&words).done();
    let manifest = sandbox.path("r/ingest/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("\"format\": \"1.0\"", "\"format\": \"9.0\"", 1)).unwrap();
    let outcome = sandbox.clawsig(&words).done();
    assert!(outcome.stderr.contains("format 9.0 is newer"), "{}", outcome.stderr);
}
