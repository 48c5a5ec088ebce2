//! The cache's layout, which hf-hub and Python's huggingface_hub share:
//! `datasets--owner--name/{blobs,snapshots,refs,.no_exist}`, where a snapshot's files are links to
//! blobs, and a blob of the large-file store is named by its SHA-256.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::HubError;
use crate::{lines::fingerprint, source::Expected};

/// One dataset's part of the cache.
pub(super) struct Cache {
    folder: PathBuf,
    locks: PathBuf,
}

/// Whether it is a full commit hash.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Cache {
    pub(super) fn new(cache: &Path, repo: &str) -> Cache {
        let name = format!("datasets--{}", repo.replace('/', "--"));
        Cache { folder: cache.join(&name), locks: cache.join(".locks").join(name) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of a commit is, or would be.
    pub(super) fn pointer(&self, commit: &str, name: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(name)
    }

    /// Whether a file is there, of the given size where one is given.
    pub(super) fn holds(&self, commit: &str, name: &str, bytes: Option<u64>) -> bool {
        // Follows the link, so that one to nowhere does not count.
        fs::metadata(self.pointer(commit, name))
            .is_ok_and(|found| found.is_file() && bytes.is_none_or(|bytes| bytes == found.len()))
    }

    /// Whether a file is there and can be the expected one: it has the size, or the SHA-256. The
    /// file is read only if the size is another.
    pub(super) fn holds_expected(&self, commit: &str, name: &str, expected: &Expected) -> bool {
        self.holds(commit, name, Some(expected.bytes))
            || (self.holds(commit, name, None)
                && fingerprint(&self.pointer(commit, name))
                    .is_ok_and(|found| found.sha256 == expected.sha256))
    }

    /// What a cached file must be, if its blob's name says so.
    pub(super) fn known(&self, commit: &str, name: &str) -> Option<Expected> {
        let blob = fs::canonicalize(self.pointer(commit, name)).ok()?;
        let sha256 = blob.file_name()?.to_str()?.to_owned();
        let is_hash = sha256.len() == 64
            && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let bytes = fs::metadata(&blob).ok()?.len();
        is_hash.then_some(Expected { bytes, sha256 })
    }

    pub(super) fn read_ref(&self, revision: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        let path = self.folder.join("refs").join(revision);
        parent(&path)?;
        fs::write(&path, commit).map_err(HubError::io("write", &path))
    }

    /// Whether the commit is known to lack a file.
    pub(super) fn is_absent(&self, commit: &str, name: &str) -> bool {
        self.folder.join(".no_exist").join(commit).join(name).exists()
    }

    pub(super) fn mark_absent(&self, commit: &str, name: &str) -> Result<(), HubError> {
        let path = self.folder.join(".no_exist").join(commit).join(name);
        parent(&path)?;
        fs::write(&path, b"").map_err(HubError::io("write", &path))
    }

    /// Every cached file of a commit below a folder, sorted.
    pub(super) fn list(&self, commit: &str, below: &str) -> Result<Vec<String>, HubError> {
        let mut names = Vec::new();
        let mut folders = vec![below.to_owned()];
        while let Some(folder) = folders.pop() {
            let path = self.pointer(commit, &folder);
            let entries = match fs::read_dir(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(HubError::io("read", &path))?,
            };
            for entry in entries {
                let entry = entry.map_err(HubError::io("read", &path))?;
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    folders.push(name);
                } else if self.holds(commit, &name, None) {
                    names.push(name);
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// The file by which two clawsig processes keep off one download; the system unlocks it when
    /// its holder ends.
    pub(super) fn lock_file(&self, commit: &str, name: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{commit}-{}.clawsig.lock", name.replace('/', "-")));
        parent(&path)?;
        File::create(&path).map_err(HubError::io("create", &path))
    }

    /// The folder into which a file is downloaded, empty.
    pub(super) fn staging(&self, commit: &str, name: &str) -> Result<Staging, HubError> {
        let folder =
            self.folder.join(".clawsig").join(format!("{commit}-{}", name.replace('/', "-")));
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(HubError::io("remove", &folder)(e));
            }
            _ => {}
        }
        fs::create_dir_all(&folder).map_err(HubError::io("create", &folder))?;
        Ok(Staging { folder })
    }

    /// Takes a downloaded blob in: renamed into place, then pointed to.
    pub(super) fn adopt(&self, blob: &Path, commit: &str, name: &str) -> Result<(), HubError> {
        let etag = blob.file_name().unwrap_or_default();
        let place = self.folder.join("blobs").join(etag);
        parent(&place)?;
        let synced = File::open(blob).and_then(|file| file.sync_all());
        synced.map_err(HubError::io("write", blob))?;
        fs::rename(blob, &place).map_err(HubError::io("write", &place))?;
        let pointer = self.pointer(commit, name);
        parent(&pointer)?;
        // Out of snapshots/<commit>/<folders of the name>.
        let mut target = PathBuf::from("../..");
        target.extend(std::iter::repeat_n("..", name.matches('/').count()));
        target = target.join("blobs").join(etag);
        match fs::remove_file(&pointer) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(HubError::io("replace", &pointer)(e));
            }
            _ => {}
        }
        link(&target, &place, &pointer).map_err(HubError::io("write", &pointer))
    }
}

#[cfg(unix)]
fn link(target: &Path, _place: &Path, pointer: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

/// Where links need privileges, the file itself stands in the snapshot, as huggingface_hub has it.
#[cfg(not(unix))]
fn link(_target: &Path, place: &Path, pointer: &Path) -> io::Result<()> {
    fs::rename(place, pointer)
}

fn parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(HubError::io("create", folder)),
        None => Ok(()),
    }
}

/// A folder that is removed with what is left in it.
pub(super) struct Staging {
    pub(super) folder: PathBuf,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be removed now is removed before the next download of the file.
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(parent) = self.folder.parent() {
            let _ = fs::remove_dir(parent);
        }
    }
}
