//! `manifest.json`: what a stage's folder holds and where it came from.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use clawsig_schema::format::FormatVersion;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Sha256Hex, StoreError, error::io};

/// The manifest's name in a stage's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The largest manifest that is read: a real one has a few kilobytes.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// The manifest's format.
///
/// - 1.0: the first.
pub const FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// A file that a stage reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name, independent of the folder it lies in: `ingest/signals/train.parquet`.
    pub name: String,
    /// The SHA-256 of its content.
    pub sha256: Sha256Hex,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A file that a stage wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its path below the stage's folder, with `/` between the parts.
    pub path: String,
    /// The SHA-256 of its content.
    pub sha256: Sha256Hex,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The content of `manifest.json`. It holds nothing that differs between two runs of the same
/// plan: no time, no machine, no absolute path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's own format.
    pub format: FormatVersion,
    /// The stage's name.
    pub stage: String,
    /// The version of the stage's code.
    pub stage_version: u32,
    /// The version of the program that ran it.
    pub clawsig: String,
    /// The key of the plan that was carried out.
    pub key: Sha256Hex,
    /// The stage's parameters.
    pub parameters: BTreeMap<String, Value>,
    /// The stage's seed.
    pub seed: u64,
    /// What it read, sorted by name.
    pub inputs: Vec<Input>,
    /// What it wrote, sorted by path.
    pub outputs: Vec<Output>,
    /// Rows that went in.
    pub rows_in: u64,
    /// Rows that came out.
    pub rows_out: u64,
}

/// Read first, so that a manifest of another generation is told apart from a damaged one.
#[derive(Deserialize)]
struct FormatOnly {
    format: FormatVersion,
}

impl Manifest {
    /// Reads the manifest of a stage's folder; `None` if the folder has none.
    pub fn read(stage_folder: &Path) -> Result<Option<Manifest>, StoreError> {
        let path = stage_folder.join(MANIFEST_FILE);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound) => return Ok(None),
            Err(e) => return Err(io("open", &path)(e)),
        };
        let bad = |reason: String| StoreError::BadManifest { path: path.clone(), reason };
        let mut text = Vec::new();
        file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut text).map_err(io("read", &path))?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(bad(format!("it is larger than {MAX_MANIFEST_BYTES} bytes")));
        }
        let FormatOnly { format } =
            serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
        FORMAT
            .can_read(format)
            .map_err(|mismatch| StoreError::Format { path: path.clone(), mismatch })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
        for output in &manifest.outputs {
            if !is_inside(&output.path) {
                return Err(bad(format!("output path {:?} leaves the folder", output.path)));
            }
        }
        Ok(Some(manifest))
    }

    /// The recorded output of that path.
    pub fn output(&self, path: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.path == path)
    }

    /// The outputs as inputs of another stage, named `<stage>/<path>`.
    pub fn outputs_as_inputs(&self) -> impl Iterator<Item = Input> + '_ {
        self.outputs.iter().map(|output| Input {
            name: format!("{}/{}", self.stage, output.path),
            sha256: output.sha256.clone(),
            bytes: output.bytes,
        })
    }
}

/// Whether a path from a manifest stays below the folder: relative, made of plain names only.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest_with(change: impl FnOnce(&mut Value)) -> Result<Option<Manifest>, StoreError> {
        let hash = "a".repeat(64);
        let mut value = serde_json::json!({
            "format": "1.0", "stage": "s", "stage_version": 1, "clawsig": "0.1.0", "key": hash,
            "parameters": {}, "seed": 0, "inputs": [],
            "outputs": [{"path": "a/b.csv", "sha256": hash, "bytes": 3}],
            "rows_in": 1, "rows_out": 1,
        });
        change(&mut value);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST_FILE), value.to_string()).unwrap();
        Manifest::read(folder.path())
    }

    #[test]
    fn a_whole_manifest_reads_back() {
        let manifest = manifest_with(|_| {}).unwrap().unwrap();
        assert_eq!(manifest.output("a/b.csv").unwrap().bytes, 3);
        assert_eq!(manifest.outputs_as_inputs().next().unwrap().name, "s/a/b.csv");
    }

    #[test]
    fn a_newer_minor_with_unknown_fields_is_read() {
        let manifest = manifest_with(|v| {
            v["format"] = "1.9".into();
            v["novelty"] = 1.into();
        });
        assert!(manifest.unwrap().is_some());
    }

    #[test]
    fn other_generations_and_damage_are_told_apart() {
        let err = manifest_with(|v| v["format"] = "0.9".into()).unwrap_err();
        assert!(err.to_string().contains("older"), "{err}");
        let err = manifest_with(|v| v["format"] = "2.0".into()).unwrap_err();
        assert!(err.to_string().contains("newer"), "{err}");
        let err = manifest_with(|v| v["key"] = "x".into()).unwrap_err();
        assert!(matches!(err, StoreError::BadManifest { .. }), "{err}");
        let err = manifest_with(|v| *v = Value::Null).unwrap_err();
        assert!(matches!(err, StoreError::BadManifest { .. }), "{err}");
    }

    #[test]
    fn an_output_can_not_point_outside() {
        for path in ["../x", "/etc/passwd", "a//b", "", "a/../../b", "c:x", "a\\b"] {
            let err = manifest_with(|v| v["outputs"][0]["path"] = path.into()).unwrap_err();
            assert!(err.to_string().contains("leaves the folder"), "{path}: {err}");
        }
    }
}
