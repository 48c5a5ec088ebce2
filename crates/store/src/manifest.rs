//! `manifest.json`: what a stage's folder holds and where it came from.

use std::{collections::BTreeMap, path::Path};

use clawsig_schema::{format::FormatVersion, unread};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Sha256Hex, StoreError, seal};

/// The manifest's name in a stage's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The largest manifest that is read: a real one has a few kilobytes.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// The manifest's format.
///
/// - 1.0: the first.
/// - 2.0: `seal`, the hash of everything else in the file, so that an edit is noticed.
pub const FORMAT: FormatVersion = FormatVersion::new(3, 0);

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
    /// The stage's parameters, the seed among them.
    pub parameters: BTreeMap<String, Value>,
    /// What it read, sorted by name.
    pub inputs: Vec<Input>,
    /// What it wrote, sorted by path.
    pub outputs: Vec<Output>,
    /// Rows that went in.
    pub rows_in: u64,
    /// Rows that came out.
    pub rows_out: u64,
}

impl Manifest {
    /// Reads the manifest of a stage's folder; `None` if the folder has none.
    ///
    /// # Errors
    /// [`StoreError::Format`] for another generation, [`StoreError::BadManifest`] for what is no
    /// manifest, was edited, is oversized or names a file outside its folder.
    pub fn read(stage_folder: &Path) -> Result<Option<Manifest>, StoreError> {
        let path = stage_folder.join(MANIFEST_FILE);
        let bad = |reason: String| StoreError::BadManifest { path: path.clone(), reason };
        let Some(content) = seal::read_small(&path, MAX_MANIFEST_BYTES)? else { return Ok(None) };
        let text = content.map_err(bad)?;
        let value: Value = serde_json::from_slice(&text).map_err(|e| bad(unread::json(&e)))?;
        // Looked at first, so that another generation is told apart from damage.
        let format = value.get("format").cloned().unwrap_or_default();
        let format = FormatVersion::deserialize(format)
            .map_err(|e| bad(format!("format: {}", unread::json(&e))))?;
        FORMAT.can_read(format).map_err(|mismatch| StoreError::Format {
            path: path.clone(),
            stage: stage_of(stage_folder),
            mismatch,
        })?;
        let value = seal::unseal(value).map_err(bad)?;
        let manifest = Manifest::deserialize(value).map_err(|e| bad(unread::json(&e)))?;
        for output in &manifest.outputs {
            if !is_inside(&output.path) {
                return Err(bad(format!("output path {:?} leaves the folder", output.path)));
            }
        }
        Ok(Some(manifest))
    }

    /// The text of `manifest.json`, sealed.
    pub(crate) fn to_text(&self) -> Result<Vec<u8>, serde_json::Error> {
        seal::text(self)
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

/// The stage whose folder this is, for messages.
fn stage_of(stage_folder: &Path) -> String {
    stage_folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a path from a manifest stays below the folder: relative, made of plain names only.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn manifest_with(change: impl FnOnce(&mut Value)) -> Result<Option<Manifest>, StoreError> {
        let hash = "a".repeat(64);
        let mut value = serde_json::json!({
            "format": "3.0", "stage": "s", "stage_version": 1, "clawsig": "0.1.0", "key": hash,
            "parameters": {}, "inputs": [],
            "outputs": [{"path": "a/b.csv", "sha256": hash, "bytes": 3}],
            "rows_in": 1, "rows_out": 1,
        });
        change(&mut value);
        let text = match value.as_object() {
            Some(fields) if !fields.contains_key("seal") => seal::text(&value).unwrap(),
            _ => value.to_string().into_bytes(),
        };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST_FILE), text).unwrap();
        Manifest::read(folder.path())
    }

    #[test]
    fn a_whole_manifest_reads_back() {
        let manifest = manifest_with(|_| {}).unwrap().unwrap();
        assert_eq!(manifest.output("a/b.csv").unwrap().bytes, 3);
        assert_eq!(manifest.outputs_as_inputs().next().unwrap().name, "s/a/b.csv");
    }

    #[test]
    fn a_newer_minor_is_refused_before_its_fields_are_looked_at() {
        let newer = |v: &mut Value| {
            v["format"] = "3.9".into();
            v["novelty"] = 1.into();
        };
        let err = manifest_with(newer).unwrap_err();
        assert!(matches!(err, StoreError::Format { .. }), "{err}");
        assert!(err.to_string().contains("format 3.9 is newer"), "{err}");
    }

    #[test]
    fn other_generations_and_damage_are_told_apart() {
        let err = manifest_with(|v| v["format"] = "1.0".into()).unwrap_err();
        assert!(err.to_string().contains("older") && err.to_string().contains("again"), "{err}");
        let err = manifest_with(|v| v["format"] = "4.0".into()).unwrap_err();
        assert!(err.to_string().contains("newer") && err.to_string().contains("again"), "{err}");
        let err = manifest_with(|v| v["key"] = "x".into()).unwrap_err();
        assert!(matches!(err, StoreError::BadManifest { .. }), "{err}");
        let err = manifest_with(|v| *v = Value::Null).unwrap_err();
        assert!(matches!(err, StoreError::BadManifest { .. }), "{err}");
    }

    #[test]
    fn an_edit_of_any_field_breaks_the_seal() {
        let whole = manifest_with(|_| {}).unwrap().unwrap();
        let value: Value = serde_json::from_slice(&whole.to_text().unwrap()).unwrap();
        let names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names.len(), 11);
        for name in names.iter().filter(|name| *name != "format") {
            let edit = |v: &mut Value| {
                *v = value.clone();
                v[name] = "edited".into();
            };
            let err = manifest_with(edit).unwrap_err().to_string();
            assert!(err.contains("seal"), "{name}: {err}");
        }
        let err = manifest_with(|v| v["rows_in"] = 2.into());
        assert!(err.is_ok(), "sealed again by the helper");
    }

    #[test]
    fn a_folder_in_the_manifests_place_is_no_manifest() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(MANIFEST_FILE)).unwrap();
        let err = Manifest::read(folder.path()).unwrap_err();
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
