//! Hashes that this process knows already, by what the file system says of the file.
//!
//! A run hashes a stage's files when they are written, and they are asked for again before and
//! after each stage that reads them. A file whose device, inode, length, time of modification and
//! time of change are what they were has not been written to since, as no program can set the time
//! of change (through a memory map alone the time may lag behind, until the page is written back).
//! That holds only once the clock of the file system has moved on from that time: a file that was
//! changed a moment ago is waited for, and one whose time has no fraction of a second, or lies in
//! the future, is never remembered. On systems without inodes nothing is.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::Sha256Hex;

/// Files below this length are read again: remembering them saves nothing.
const LEAST_BYTES: u64 = 1 << 20;
/// Longer than any tick that file systems take their times from.
const SETTLED: Duration = Duration::from_millis(25);

/// What changes whenever a file's content does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

static KNOWN: Mutex<Option<HashMap<Identity, Sha256Hex>>> = Mutex::new(None);

fn known() -> MutexGuard<'static, Option<HashMap<Identity, Sha256Hex>>> {
    // Each entry is whole whatever a thread that panicked was doing.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn identity_of(found: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    (found.is_file() && found.len() >= LEAST_BYTES && found.ctime_nsec() != 0).then(|| Identity {
        device: found.dev(),
        inode: found.ino(),
        bytes: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

#[cfg(not(unix))]
fn identity_of(_: &Metadata) -> Option<Identity> {
    None
}

impl Identity {
    /// The identity of an open file that is worth remembering, once its times are in the past by
    /// more than a tick. `None` where a later change might not show in it.
    pub(crate) fn settled(file: &File) -> Option<Identity> {
        let identity = identity_of(&file.metadata().ok()?)?;
        let changed = Duration::new(
            u64::try_from(identity.changed.0).ok()?,
            u32::try_from(identity.changed.1).ok()?,
        );
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + changed).ok()?;
        if let Some(rest) = SETTLED.checked_sub(age) {
            std::thread::sleep(rest);
        }
        Some(identity)
    }

    /// The file's length.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash that was remembered for it.
    pub(crate) fn hash(&self) -> Option<Sha256Hex> {
        known().as_ref()?.get(self).cloned()
    }

    /// Remembers the hash of what was read from `file`, unless the file changed meanwhile.
    pub(crate) fn remember(self, file: &File, sha256: &Sha256Hex) {
        let now = file.metadata().ok().as_ref().and_then(identity_of);
        if now.as_ref() == Some(&self) {
            known().get_or_insert_default().insert(self, sha256.clone());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, io::Write as _, os::unix::fs::FileExt as _};

    use super::*;
    use crate::{hash_bytes, hash_file};

    fn large(byte: u8) -> Vec<u8> {
        vec![byte; LEAST_BYTES as usize]
    }

    #[test]
    fn a_hash_is_known_until_the_file_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, large(b'a')).unwrap();
        let identity = || Identity::settled(&File::open(&path).unwrap()).unwrap();
        assert_eq!(identity().hash(), None);
        assert_eq!(hash_file(&path).unwrap().sha256, hash_bytes(&large(b'a')));
        assert_eq!(identity().hash(), Some(hash_bytes(&large(b'a'))));

        // One byte, the same length, and the time of modification put back.
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(b"b", 77).unwrap();
        file.set_modified(before).unwrap();
        let mut changed = large(b'a');
        changed[77] = b'b';
        assert_eq!(identity().hash(), None);
        assert_eq!(hash_file(&path).unwrap().sha256, hash_bytes(&changed));
    }

    #[test]
    fn a_file_put_in_anothers_place_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, large(b'a')).unwrap();
        fs::write(&other, large(b'b')).unwrap();
        hash_file(&path).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(hash_file(&path).unwrap().sha256, hash_bytes(&large(b'b')));
    }

    #[test]
    fn what_changes_while_it_is_read_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, large(b'a')).unwrap();
        let file = File::open(&path).unwrap();
        let identity = Identity::settled(&file).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"b").unwrap();
        identity.clone().remember(&file, &hash_bytes(b"stale"));
        assert_eq!(identity.hash(), None);
    }

    #[test]
    fn a_small_file_is_not_worth_remembering() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small");
        fs::write(&path, b"small").unwrap();
        assert_eq!(Identity::settled(&File::open(&path).unwrap()), None);
    }
}
