//! The names of the temporaries in a run folder, written down before they are made.
//!
//! The next process that opens the folder removes what is named here and nothing else. A line is
//! sealed; the last one may be torn, and then nothing was made under its name yet.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use clawsig_schema::unread;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{StoreError, disk, error::io, lock::LOCK_FILE, seal};

/// The journal's name in the folder of temporaries.
const JOURNAL_FILE: &str = "journal.jsonl";

/// The largest journal that is read; a line has some 150 bytes and a run a few lines.
const MAX_BYTES: u64 = 4 << 20;

/// The beginning of every line.
const BEGINNING: &[u8] = b"{\"name\":\"";

/// Tells the temporaries of this process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A temporary file or folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Its name in the folder of temporaries.
    name: String,
    /// The stage whose result was moved there to make place for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result_of: Option<String>,
}

/// The journal of an open run folder.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    file: File,
}

/// Whether a name is safe to be joined to a folder: no separators, no dots.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    !name.is_empty() && name.bytes().all(plain)
}

/// The entries that a journal names.
fn read(folder: &Path) -> Result<Vec<Entry>, StoreError> {
    let path = folder.join(JOURNAL_FILE);
    let foreign = |why: String| StoreError::NotOurs { path: path.clone(), why };
    let bytes = match seal::read_small(&path, MAX_BYTES)? {
        None => return Ok(Vec::new()),
        Some(content) => content.map_err(foreign)?,
    };
    // What follows the last line end was being written when its writer died, if it begins as a line
    // of ours does.
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let torn = &bytes[whole..];
    if !torn.starts_with(BEGINNING) && !BEGINNING.starts_with(torn) {
        return Err(foreign("it ends in what is no entry".to_owned()));
    }
    let lines = bytes[..whole].split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let entry = |line: &[u8]| -> Result<Entry, String> {
        let value: Value = serde_json::from_slice(line).map_err(|e| unread::json(&e))?;
        let entry = Entry::deserialize(seal::unseal(value)?).map_err(|e| unread::json(&e))?;
        let plain = is_plain_name(&entry.name)
            && entry.name != "lock"
            && entry.result_of.as_deref().is_none_or(is_plain_name);
        if plain { Ok(entry) } else { Err(format!("{:?} names no temporary", entry.name)) }
    };
    lines.map(|line| entry(line).map_err(foreign)).collect()
}

/// Whether the folder of temporaries holds no more than a lock and a journal of ours.
pub(crate) fn is_unused(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let bookkeeping = |name: &std::ffi::OsStr| name == LOCK_FILE || name == JOURNAL_FILE;
    entries.into_iter().all(|entry| entry.is_ok_and(|entry| bookkeeping(&entry.file_name())))
        && read(folder).is_ok()
}

/// Where the result of a stage lies that was moved aside when its process died, by stage.
pub(crate) fn moved_results(
    root: &Path,
    folder: &Path,
) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let moved = read(folder)?.into_iter().filter_map(|entry| {
        let stage = entry.result_of?;
        let path = folder.join(&entry.name);
        (is_absent(&root.join(&stage)) && path.is_dir()).then_some((stage, path))
    });
    Ok(moved.collect())
}

fn is_absent(path: &Path) -> bool {
    matches!(fs::symlink_metadata(path), Err(e) if crate::state::is_absence(&e))
}

impl Journal {
    /// Opens the journal of a folder that is locked. What a dead process left is put back, if it
    /// is a stage's only result, or else removed.
    pub(crate) fn open(root: &Path, folder: &Path) -> Result<Journal, StoreError> {
        for (stage, path) in moved_results(root, folder)? {
            disk::rename(&path, &root.join(stage)).map_err(io("put back", &path))?;
        }
        for entry in read(folder)? {
            remove(&folder.join(&entry.name))?;
        }
        let path = folder.join(JOURNAL_FILE);
        let file = disk::open_or_create(&path).map_err(io("open", &path))?;
        disk::empty(&file).map_err(io("write", &path))?;
        Ok(Journal { folder: folder.to_owned(), file })
    }

    /// Writes down a name for a temporary that is about to be made, and gives its path. `purpose`
    /// is a plain name.
    pub(crate) fn enter(
        &self,
        purpose: &str,
        result_of: Option<&str>,
    ) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(JOURNAL_FILE);
        let (name, made) = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{purpose}-{}-{number}", std::process::id());
            let made = self.folder.join(&name);
            if is_absent(&made) {
                break (name, made);
            }
        };
        let entry = Entry { name, result_of: result_of.map(str::to_owned) };
        let line = seal::line(&entry)
            .map_err(|source| StoreError::Parameter { name: "journal".to_owned(), source })?;
        disk::write(&self.file, &line)
            .and_then(|()| self.file.sync_data())
            .map_err(io("write", &path))?;
        Ok(made)
    }

    /// Forgets the entries if nothing that they name is left.
    pub(crate) fn settle(&self) {
        let left = |entry: &Entry| !is_absent(&self.folder.join(&entry.name));
        if read(&self.folder).is_ok_and(|entries| !entries.iter().any(left)) {
            // Names of nothing do no harm: the next process empties the file.
            let _ = disk::empty(&self.file);
        }
    }

    /// Removes the journal's file.
    pub(crate) fn remove(self) -> std::io::Result<()> {
        disk::remove_file(&self.folder.join(JOURNAL_FILE))
    }
}

/// Removes a temporary if it is there. A link in its place is someone else's and stays.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => disk::remove_tree(path),
        Ok(found) if found.is_file() => disk::remove_file(path),
        Ok(_) => Ok(()),
        Err(e) if crate::state::is_absence(&e) => Ok(()),
        Err(e) => Err(e),
    };
    removed.map_err(io("remove", path))
}
