//! One writer a run folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::{StoreError, error::io};

const LOCK_FILE: &str = ".lock";

/// Holds the folder until it is dropped. The lock is the operating system's (advisory, on the
/// open file), so a holder that was killed holds nothing any more; the file's text only tells a
/// second process whom it is waiting for.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<FolderLock, StoreError> {
        let path = folder.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a courtesy: whatever can't be read leaves it empty.
                let _ = file.take(200).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    text => clawsig_schema::hostile::printable(text, 120),
                };
                return Err(StoreError::Locked { path: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(e)) => return Err(io("lock", &path)(e)),
        }
        file.set_len(0).map_err(io("write", &path))?;
        file.seek(SeekFrom::Start(0)).map_err(io("write", &path))?;
        writeln!(file, "process {}", std::process::id()).map_err(io("write", &path))?;
        Ok(FolderLock { _file: file })
    }
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
        std::fs::write(folder.path().join(LOCK_FILE), "process 1\n").unwrap();
        FolderLock::take(folder.path()).unwrap();
    }
}
