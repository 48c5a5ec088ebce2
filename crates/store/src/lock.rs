//! One writer a run folder.

use std::{
    fs::{self, DirEntry, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{StoreError, error::io as failed};

/// The lock's name in a run folder.
pub(crate) const LOCK_FILE: &str = ".lock";

/// Holds the folder until it is dropped. The lock is the operating system's (advisory, on the
/// open file), so a holder that was killed holds nothing any more; the file's text only tells a
/// second process whom it is waiting for.
#[derive(Debug)]
pub(crate) struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Takes the lock or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<FolderLock, StoreError> {
        let path = folder.join(LOCK_FILE);
        let mut file = loop {
            let file = open(&path).map_err(failed("open", &path))?;
            if let Some(file) = Self::locked(file, folder, &path)? {
                break file;
            }
        };
        file.set_len(0).map_err(failed("write", &path))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("write", &path))?;
        writeln!(file, "process {}", std::process::id()).map_err(failed("write", &path))?;
        Ok(FolderLock { path, _file: file })
    }

    /// Locks the open file; `None` if it was removed meanwhile by a holder that took its empty
    /// folder away.
    fn locked(file: File, folder: &Path, path: &Path) -> Result<Option<File>, StoreError> {
        match file.try_lock() {
            Ok(()) if is_at(&file, path).map_err(failed("open", path))? => Ok(Some(file)),
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a courtesy: whatever can't be read leaves it empty.
                let _ = file.take(200).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    text => clawsig_schema::hostile::printable(text, 120),
                };
                Err(StoreError::Locked { path: folder.to_owned(), holder })
            }
            Err(TryLockError::Error(e)) => Err(failed("lock", path)(e)),
        }
    }

    /// Whether a folder's entry is the lock.
    pub(crate) fn is_file_of(&self, entry: &DirEntry) -> bool {
        entry.path() == self.path
    }

    /// Removes the lock's file while it is still held.
    pub(crate) fn remove(self) {
        // It is a courtesy to whoever looks at the folder; a lock that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Looked at before it is opened: opening a pipe would wait for its other end.
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
        }
        _ => {}
    }
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}

/// Whether the open file is still the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Elsewhere an open file can't be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_learns_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let err = FolderLock::take(folder.path()).unwrap_err();
        let me = format!("process {}", std::process::id());
        assert!(err.to_string().contains(&me), "{err}");
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_dead_holders_text_does_not_hold() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK_FILE), "process 1\n").unwrap();
        FolderLock::take(folder.path()).unwrap();
    }
}
