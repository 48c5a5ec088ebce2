//! `manifest.json`: refused with a reason, or it names files inside its folder only.
#![no_main]

use std::{
    fs,
    path::{Component, Path},
    sync::LazyLock,
};

use clawsig_store::{MANIFEST_FILE, Manifest, hash_bytes};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a scratch folder"));

/// JSON gets the seal of its content, as no mutation would ever meet it.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    value.as_object_mut()?.remove("seal");
    let seal = hash_bytes(value.to_string().as_bytes());
    value.as_object_mut()?.insert("seal".to_owned(), seal.as_str().into());
    Some(value.to_string().into_bytes())
}

fuzz_target!(|bytes: &[u8]| {
    let text = sealed(bytes).unwrap_or_else(|| bytes.to_vec());
    fs::write(FOLDER.path().join(MANIFEST_FILE), text).expect("the scratch folder takes a file");
    match Manifest::read(FOLDER.path()) {
        Ok(manifest) => {
            for output in manifest.into_iter().flat_map(|manifest| manifest.outputs) {
                let parts = Path::new(&output.path).components();
                assert!(parts.into_iter().all(|part| matches!(part, Component::Normal(_))));
            }
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
});
