//! One writer a run folder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{StoreError, disk, error::io as failed};

/// The lock's name in the folder of temporaries.
pub(crate) const LOCK_FILE: &str = "lock";

/// Holds the folder until it is dropped. The lock is the operating system's (advisory, on the
/// open file), so a holder that was killed holds nothing any more; the file's text only tells a
/// second process whom it is waiting for.
#[derive(Debug)]
pub(crate) struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Takes the lock of a run folder, which lies in its folder of temporaries, or says who has it.
    pub(crate) fn take(root: &Path, temporaries: &Path) -> Result<FolderLock, StoreError> {
        let path = temporaries.join(LOCK_FILE);
        let file = loop {
            let file = disk::open_or_create(&path).map_err(failed("open", &path))?;
            if let Some(file) = Self::locked(file, root, &path)? {
                break file;
            }
        };
        let holder = format!("process {}\n", std::process::id());
        disk::empty(&file)
            .and_then(|()| disk::write(&file, holder.as_bytes()))
            .map_err(failed("write", &path))?;
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

    /// Removes the lock's file while it is still held.
    pub(crate) fn remove(self) -> io::Result<()> {
        disk::remove_file(&self.path)
    }
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
        let first = FolderLock::take(folder.path(), folder.path()).unwrap();
        let err = FolderLock::take(folder.path(), folder.path()).unwrap_err();
        let me = format!("process {}", std::process::id());
        assert!(err.to_string().contains(&me), "{err}");
        drop(first);
        FolderLock::take(folder.path(), folder.path()).unwrap();
    }

    #[test]
    fn a_dead_holders_text_does_not_hold_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        fs::write(&path, "process 1, whose text is longer\n").unwrap();
        let lock = FolderLock::take(folder.path(), folder.path()).unwrap();
        let me = format!("process {}\n", std::process::id());
        assert_eq!(fs::read_to_string(&path).unwrap(), me);
        lock.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_holder_that_did_not_write_itself_down_is_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), folder.path()).unwrap();
        first._file.set_len(0).unwrap();
        let err = FolderLock::take(folder.path(), folder.path()).unwrap_err();
        assert!(err.to_string().contains("in use by another process;"), "{err}");
    }

    #[test]
    fn a_lock_that_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(LOCK_FILE)).unwrap();
        let err = FolderLock::take(folder.path(), folder.path()).unwrap_err();
        assert!(matches!(err, StoreError::Io { action: "open", .. }), "{err}");
    }

    /// A lock's file that was removed or put in another's place is not the one of that name.
    #[cfg(unix)]
    #[test]
    fn a_file_is_known_by_more_than_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        fs::write(&path, "another").unwrap();
        assert!(!is_at(&file, &path).unwrap());
        assert!(is_at(&file, &path.join("below")).is_err(), "the path leads through a file");
    }
}
