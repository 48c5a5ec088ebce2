//! Whether what stands in a stage's place is a result of the store's, and nothing else is in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clawsig_schema::unread;
use serde_json::Value;

use crate::{
    StoreError,
    error::io,
    manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES},
    run::TIMING_FILE,
    seal,
    state::is_absence,
};

/// Checks that a stage's place may be replaced: it is free, or it holds a result with a sealed
/// manifest of that stage and no entry that the manifest does not list. A result whose files were
/// edited or removed may be replaced; a manifest of any format counts, as long as its seal holds.
///
/// # Errors
/// [`StoreError::NotOurs`] names the entry that was not written by a stage.
pub(crate) fn check(place: &Path, stage: &str) -> Result<(), StoreError> {
    let not_ours = |path: &Path, why: String| StoreError::NotOurs { path: path.to_owned(), why };
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(not_ours(place, "it is no folder".to_owned())),
        Err(e) if is_absence(&e) => return Ok(()),
        Err(e) => return Err(io("open", place)(e)),
    }
    let known = match seal::read_small(&place.join(MANIFEST_FILE), MAX_MANIFEST_BYTES)? {
        None => Err("it is missing".to_owned()),
        Some(content) => content.and_then(|bytes| outputs_of(&bytes, stage)),
    };
    let known = known.map_err(|why| {
        let why = format!(
            "without an intact {MANIFEST_FILE} ({why}) its files can't be told from someone's own"
        );
        not_ours(place, why)
    })?;
    walk(place, "", &known)
}

/// The paths of a manifest's outputs, and of what stands beside them.
fn outputs_of(bytes: &[u8], stage: &str) -> Result<BTreeSet<String>, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| unread::json(&e))?;
    let value = seal::unseal(value)?;
    if value["stage"] != stage {
        return Err(format!("it is not of stage `{stage}`"));
    }
    let outputs = value["outputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let paths = outputs.iter().filter_map(|output| output["path"].as_str().map(str::to_owned));
    Ok(paths.chain([MANIFEST_FILE.to_owned(), TIMING_FILE.to_owned()]).collect())
}

fn walk(folder: &Path, prefix: &str, known: &BTreeSet<String>) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        let path: PathBuf = entry.path();
        let kind = entry.file_type().map_err(io("read", &path))?;
        let relative = entry.file_name().to_str().map(|name| format!("{prefix}{name}"));
        let within = |relative: &String| {
            let below = format!("{relative}/");
            known.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
        };
        match relative {
            Some(relative) if kind.is_file() && known.contains(&relative) => {}
            Some(relative) if kind.is_dir() && within(&relative) => {
                walk(&path, &format!("{relative}/"), known)?;
            }
            _ => {
                let why = "the stage's manifest does not list it".to_owned();
                return Err(StoreError::NotOurs { path, why });
            }
        }
    }
    Ok(())
}
