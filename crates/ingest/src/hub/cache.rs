//! The cache that Python's huggingface_hub shares, in the layout that hf-hub gives it:
//! `datasets--owner--name/{blobs,snapshots,refs,.no_exist}`. A snapshot's files are links to blobs,
//! and a blob is named by its `ETag`: the SHA-256 of a file of the large-file store, git's SHA-1 of
//! any other. Where links are not possible the file itself stands in the snapshot.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use hf_hub::{Cache as HubCache, CacheRepo, Repo, RepoType};
use sha1::{Digest, Sha1};

use super::HubError;
use crate::source::Expected;

/// One dataset's part of the cache.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    locks: PathBuf,
    repo: Arc<CacheRepo>,
}

/// How a cached file's content can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// By its SHA-256, in lower-case hex.
    Sha256(String),
    /// By git's SHA-1 of it, in lower-case hex.
    Git(String),
}

impl Hash {
    /// The hash that an `ETag`, which is a blob's name too, states.
    pub(super) fn of(etag: &str) -> Option<Hash> {
        let is_hex = etag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match etag.len() {
            64 if is_hex => Some(Hash::Sha256(etag.to_owned())),
            40 if is_hex => Some(Hash::Git(etag.to_owned())),
            _ => None,
        }
    }
}

/// Whether it is a full commit hash.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a repository's file name stays below the folder that it is put into.
pub(super) fn is_safe_name(name: &str) -> bool {
    let sound = |part: &str| !["", ".", ".."].contains(&part);
    name.split('/').all(sound) && !name.contains(['\\', ':']) && !name.contains(char::is_control)
}

/// Git's SHA-1 of a file.
pub(super) fn git_hash(path: &Path) -> Result<String, HubError> {
    let read = || {
        let mut file = File::open(path)?;
        let mut hash = Sha1::new_with_prefix(format!("blob {}\0", file.metadata()?.len()));
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                bytes => hash.update(&buffer[..bytes]),
            }
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    };
    read().map_err(HubError::io("read", path))
}

impl Cache {
    pub(super) fn new(cache: &Path, repo: &str, revision: &str) -> Cache {
        let (kind, revision) = (RepoType::Dataset, revision.to_owned());
        let repo = Repo::with_revision(repo.to_owned(), kind, revision);
        let name = repo.folder_name();
        Cache {
            folder: cache.join(&name),
            locks: cache.join(".locks").join(name),
            repo: Arc::new(HubCache::new(cache.to_owned()).repo(repo)),
        }
    }

    /// The place of a file of a commit, whether it is there or not.
    pub(super) fn pointer(&self, commit: &str, name: &str) -> PathBuf {
        self.repo.pointer_path(commit).join(name)
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
                && crate::lines::fingerprint(&self.pointer(commit, name))
                    .is_ok_and(|found| found.sha256 == expected.sha256))
    }

    /// The hash of a cached file, by the name of the blob that its link names. That blob may be a
    /// link itself, to a store whose names are other hashes.
    pub(super) fn hash(&self, commit: &str, name: &str) -> Option<Hash> {
        let blob = fs::read_link(self.pointer(commit, name)).ok()?;
        Hash::of(blob.file_name()?.to_str()?)
    }

    pub(super) fn read_ref(&self, revision: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Remembers the commit of the revision, for a later run without the network. A cache that
    /// can't be written is left as it is.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if self.read_ref(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        self.unless_read_only(self.repo.create_ref(commit), &self.folder.join("refs"))
    }

    /// Whether the commit is known to lack a file.
    pub(super) fn is_absent(&self, commit: &str, name: &str) -> bool {
        self.folder.join(".no_exist").join(commit).join(name).exists()
    }

    /// Remembers that a commit lacks a file, unless the cache can't be written.
    pub(super) fn mark_absent(&self, commit: &str, name: &str) -> Result<(), HubError> {
        let path = self.folder.join(".no_exist").join(commit).join(name);
        let folder = path.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, b""));
        self.unless_read_only(written, &path)
    }

    fn unless_read_only(&self, written: io::Result<()>, path: &Path) -> Result<(), HubError> {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match written {
            Err(e) if ![PermissionDenied, ReadOnlyFilesystem].contains(&e.kind()) => {
                Err(HubError::io("write", path)(e))
            }
            _ => Ok(()),
        }
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

    /// The file whose lock huggingface_hub and clawsig hold while they download a blob. The system
    /// unlocks it when its holder ends.
    pub(super) fn lock_file(&self, etag: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        parent(&path)?;
        // As huggingface_hub opens it, which may hold it now.
        let mut options = File::options();
        options.create(true).write(true).truncate(false);
        options.open(&path).map_err(HubError::io("create", &path))
    }

    /// The folder into which a blob is downloaded, empty.
    pub(super) fn staging(&self, etag: &str) -> Result<Staging, HubError> {
        let folder = self.folder.join(".clawsig").join(etag);
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(HubError::io("remove", &folder)(e));
            }
            _ => {}
        }
        fs::create_dir_all(&folder).map_err(HubError::io("create", &folder))?;
        Ok(Staging { folder })
    }

    /// The place of a blob, whether it is there or not.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.repo.blob_path(etag)
    }

    /// Takes a download in: renamed into place as a blob.
    pub(super) fn adopt(&self, download: &Path, etag: &str) -> Result<(), HubError> {
        let place = self.blob(etag);
        parent(&place)?;
        let synced = File::open(download).and_then(|file| file.sync_all());
        synced.map_err(HubError::io("write", download))?;
        fs::rename(download, &place).map_err(HubError::io("write", &place))
    }

    /// Makes a commit's file a link to a blob.
    pub(super) fn point(&self, commit: &str, name: &str, etag: &str) -> Result<(), HubError> {
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
        link(&target, &self.blob(etag), &pointer).map_err(HubError::io("write", &pointer))
    }

    /// Removes a file of a commit with its blob, and says whether it is gone.
    pub(super) fn discard(&self, commit: &str, name: &str) -> bool {
        let pointer = self.pointer(commit, name);
        if let Ok(target) = fs::read_link(&pointer)
            && let Some(etag) = target.file_name().and_then(|etag| etag.to_str())
        {
            // The link alone is enough: a download replaces the blob.
            let _ = fs::remove_file(self.blob(etag));
        }
        fs::remove_file(&pointer).is_ok()
    }
}

#[cfg(unix)]
fn link(target: &Path, _blob: &Path, pointer: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

/// Links need privileges here, so that the file itself stands in the snapshot, as huggingface_hub
/// has it.
#[cfg(not(unix))]
fn link(_target: &Path, blob: &Path, pointer: &Path) -> io::Result<()> {
    fs::rename(blob, pointer)
}

fn parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(HubError::io("create", folder)),
        None => Ok(()),
    }
}

/// A folder that is removed with what is left in it.
pub(super) struct Staging {
    folder: PathBuf,
}

impl Staging {
    /// The file that grows while the bytes come.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("part")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A rest that can't be removed now is removed before the next download of the file.
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(parent) = self.folder.parent() {
            let _ = fs::remove_dir(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'hello\n' | git hash-object --stdin` of git 2.47.3.
    #[test]
    fn the_hash_is_gits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "hello\n").unwrap();
        assert_eq!(git_hash(&path).unwrap(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn a_name_that_leaves_its_folder_is_none() {
        for name in ["data/train.jsonl", "default/train/0000.parquet", "a..b/c"] {
            assert!(is_safe_name(name), "{name}");
        }
        for name in ["", "/etc/x", "a//b", "../x", "a/../../x", "a/.", "a\\b", "c:x", "a\nb"] {
            assert!(!is_safe_name(name), "{name:?}");
        }
    }
}
