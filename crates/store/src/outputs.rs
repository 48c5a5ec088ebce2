//! The files that a stage wrote, on disk and by their hashes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use crate::{Output, StoreError, disk, error::io, hash::hash_file, run::TIMING_FILE};

/// The files below `folder`, with their paths relative to it; the folders below it are synced.
fn files_below(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(io("read", &path))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(StoreError::NotAFile { path });
        };
        let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            files_below(&path, &relative, files)?;
            sync(&path)?;
        } else if kind.is_file() {
            files.push((relative, path));
        } else {
            return Err(StoreError::NotAFile { path });
        }
    }
    Ok(())
}

/// Syncs and hashes every file below `folder`, on all threads; the outputs by path.
pub(crate) fn outputs_of(folder: &Path) -> Result<Vec<Output>, StoreError> {
    let mut files = Vec::new();
    files_below(folder, "", &mut files)?;
    files.sort_unstable();
    let finish = |(name, path): (String, PathBuf)| {
        if name == TIMING_FILE {
            return sync(&path).map(|()| None);
        }
        // One waits for the disk while the other computes.
        let (hash, synced) = rayon::join(|| hash_file(&path), || sync(&path));
        synced?;
        let hash = hash?;
        Ok(Some(Output { path: name, sha256: hash.sha256, bytes: hash.bytes }))
    };
    let finished: Vec<Result<Option<Output>, StoreError>> =
        files.into_par_iter().map(finish).collect();
    // Of several errors the first file's is told.
    finished.into_iter().filter_map(Result::transpose).collect()
}

/// Waits until a file or folder is on disk.
pub(crate) fn sync(path: &Path) -> Result<(), StoreError> {
    disk::sync(path).map_err(io("sync", path))
}
