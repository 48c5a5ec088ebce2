//! The server's content: repositories, their revisions and files.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The readers of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    /// Only with this token; without it the Hub answers 401.
    Token(String),
    /// With this token, but its owner has not accepted the conditions: 403.
    Gated(String),
}

/// A dataset repository with one or more commits.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) id: String,
    pub(crate) access: Access,
    pub(crate) commits: Vec<Commit>,
    pub(crate) page: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) hash: String,
    pub(crate) revision: String,
    pub(crate) files: Vec<StoredFile>,
}

#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) path: String,
    pub(crate) body: Body,
    pub(crate) size: u64,
    /// Its `ETag`: the SHA-256 of a large file, git's SHA-1 of any other.
    pub(crate) etag: String,
    /// Large files lie on another host.
    pub(crate) large: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    OnDisk(PathBuf),
}

impl Repository {
    /// A dataset `owner/name` without a commit, readable by everyone, whose tree is listed in
    /// pages of 1,000 entries.
    pub fn new(id: &str) -> Repository {
        let (access, commits) = (Access::Open, Vec::new());
        Repository { id: id.to_owned(), access, commits, page: 1000 }
    }

    /// Adds a commit by its full hash, with the branch or other revision that points to it. The
    /// files named next are its files.
    pub fn commit(mut self, hash: &str, revision: &str) -> Repository {
        let (hash, revision) = (hash.to_owned(), revision.to_owned());
        self.commits.push(Commit { hash, revision, files: Vec::new() });
        self
    }

    /// Adds a file that git holds itself: answered without a redirect, and its `ETag` is git's
    /// SHA-1 of it.
    pub fn small_file(self, path: &str, bytes: Vec<u8>) -> Repository {
        let mut hash = Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
        hash.update(&bytes);
        let known = (bytes.len() as u64, hex(hash.finalize()));
        self.with(path, Body::Bytes(bytes), known, false)
    }

    /// Adds a file of the large-file store: its `ETag` is its SHA-256, and its bytes come from
    /// another host.
    pub fn large_file(self, path: &str, bytes: Vec<u8>) -> Repository {
        let known = (bytes.len() as u64, hex(Sha256::digest(&bytes)));
        self.with(path, Body::Bytes(bytes), known, true)
    }

    /// Adds every file below a folder. `.jsonl` and `.parquet` become large files; they are read
    /// from the folder each time they are asked for.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn folder(mut self, folder: &Path) -> io::Result<Repository> {
        let mut paths = Vec::new();
        walk(folder, "", &mut paths)?;
        paths.sort();
        for name in paths {
            let path = folder.join(&name);
            self = match name.ends_with(".jsonl") || name.ends_with(".parquet") {
                true => {
                    let body = Body::OnDisk(path);
                    let known = body.digest()?;
                    self.with(&name, body, known, true)
                }
                false => self.small_file(&name, fs::read(path)?),
            };
        }
        Ok(self)
    }

    /// Requires this token; without it the answer is 401.
    pub fn private(mut self, token: &str) -> Repository {
        self.access = Access::Token(token.to_owned());
        self
    }

    /// Answers 403 even to this token: the repository's conditions were not accepted.
    pub fn gated(mut self, token: &str) -> Repository {
        self.access = Access::Gated(token.to_owned());
        self
    }

    /// Entries in a page of the tree's listing.
    pub fn page(mut self, entries: usize) -> Repository {
        self.page = entries.max(1);
        self
    }

    /// Adds a file to the last commit; without one, to a commit of ones on `main`.
    fn with(
        mut self,
        path: &str,
        body: Body,
        (size, etag): (u64, String),
        large: bool,
    ) -> Repository {
        if self.commits.is_empty() {
            self = self.commit(&"1".repeat(40), "main");
        }
        if let Some(commit) = self.commits.last_mut() {
            commit.files.push(StoredFile { path: path.to_owned(), body, size, etag, large });
        }
        self
    }

    /// The commit that a revision names: a branch or a full hash.
    pub(crate) fn find(&self, revision: &str) -> Option<&Commit> {
        self.commits.iter().find(|c| c.hash == revision || c.revision == revision)
    }
}

impl Body {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Body::Bytes(bytes) => Box::new(bytes.as_slice()),
            Body::OnDisk(path) => Box::new(File::open(path)?),
        })
    }

    /// The bytes from an offset on.
    pub(crate) fn from(&self, offset: u64) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Body::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Box::new(&bytes[start..])
            }
            Body::OnDisk(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
        })
    }

    pub(crate) fn digest(&self) -> io::Result<(u64, String)> {
        let mut source = self.open()?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            size += read as u64;
        }
        Ok((size, hex(hasher.finalize())))
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
