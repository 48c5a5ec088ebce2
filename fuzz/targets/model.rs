//! `model.json` and its weights: refused with a reason, or it gives probabilities.
#![no_main]

use std::{fs, sync::LazyLock};

use clawsig_model::TrainedModel;
use clawsig_store::hash_bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a scratch folder"));

/// JSON gets the hash of the weights, as no mutation would ever meet it.
fn with_hash(json: &[u8], weights: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(json).ok()?;
    let hash = hash_bytes(weights);
    value.as_object_mut()?.insert("weights_sha256".to_owned(), hash.as_str().into());
    Some(value.to_string().into_bytes())
}

// The JSON comes first; what stands behind the first NUL are the weights.
fuzz_target!(|bytes: &[u8]| {
    let cut = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (json, weights) = bytes.split_at(cut);
    let weights = weights.get(1..).unwrap_or_default();
    let json = with_hash(json, weights).unwrap_or_else(|| json.to_vec());
    let paths = ["model.json", "model.safetensors"].map(|name| FOLDER.path().join(name));
    fs::write(&paths[0], json).expect("the scratch folder takes a file");
    fs::write(&paths[1], weights).expect("it takes another");
    match TrainedModel::load(&paths[0], &paths[1]) {
        Ok(model) => {
            let again = ["again.json", "again.safetensors"].map(|name| FOLDER.path().join(name));
            model.save(&again[0], &again[1]).expect("a model that was read can be written");
            TrainedModel::load(&again[0], &again[1]).expect("its own file");
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
});
