//! The Hugging Face Hub as a source: which files a revision of the dataset is, and having them on
//! this machine.
//!
//! The cache is asked before the network. A download goes to a folder of its own and enters the
//! cache only when it has the size that the Hub lists; a file that git holds itself must have
//! git's hash too. The SHA-256 that any other file must have is handed to [`crate::ingest`], which
//! hashes it while it reads it.

mod access;
mod answer;
mod cache;
mod error;
mod remote;

use clawsig_schema::{
    Split,
    lock::{DatasetLock, LockedSnapshot},
    unread,
};
use serde_json::Value;

pub use access::{HubAccess, HubOptions, Token};
pub use error::HubError;

use crate::source::{Expected, Form, InputFile};
use cache::{Cache, Hash, git_hash, is_commit, is_safe_name};
use remote::{Listed, Remote};

/// The revision on which the Hub keeps its Parquet conversion.
pub const PARQUET_REVISION: &str = "refs/convert/parquet";
/// The live edition's manifest.
pub const LIVE_MANIFEST: &str = "metadata/latest-manifest.json";

/// The form of the dataset on the Hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubFormat {
    /// `data/<split>.jsonl`.
    Raw,
    /// The Hub's own conversion, `default/<split>/NNNN.parquet`. It is older than the snapshot.
    Parquet,
    /// The moving edition: `data/latest.jsonl`, which the exporter's hash rule splits.
    Live,
}

/// A dataset on the Hub, and how it is read.
#[derive(Clone, Debug)]
pub struct HubSource {
    /// The dataset, `owner/name`.
    pub repo: String,
    /// A commit, branch or other revision. `None` takes the first one that the lock has for the
    /// dataset, for the Parquet conversion [`PARQUET_REVISION`], otherwise `main`.
    pub revision: Option<String>,
    /// The form.
    pub format: HubFormat,
    /// The lock, which says how the files must be if the commit is one of its. Only for [`HubFormat::Raw`].
    pub lock: DatasetLock,
}

/// A revision's files, on this machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HubSnapshot {
    /// The dataset, `owner/name`.
    pub repo: String,
    /// The revision that was asked for.
    pub revision: String,
    /// The commit that the revision was.
    pub commit: String,
    /// The lock's entry for the commit, if it has one: for [`crate::IngestParams::lock`].
    pub locked: Option<LockedSnapshot>,
    /// The live edition's manifest, as it was published.
    pub manifest: Option<Value>,
    /// Warnings for a reader of any figure made from it.
    pub warnings: Vec<String>,
    pub(crate) files: Vec<InputFile>,
    cache: Cache,
    /// Whether a file that turns out damaged may be thrown away, to be downloaded again.
    pub(crate) replaceable: bool,
}

/// An event while files are fetched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HubEvent<'a> {
    /// Another process downloads this file; it is waited for.
    Waiting {
        /// The file's path in the repository.
        file: &'a str,
    },
    /// Bytes have arrived.
    Progress {
        /// The file's path in the repository.
        file: &'a str,
        /// Bytes so far, from 0 again after a failure.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// An attempt failed and another follows.
    Retry {
        /// The thing that was asked for.
        file: &'a str,
        /// Why it failed.
        reason: &'a str,
        /// Seconds until the next attempt.
        wait: f64,
    },
    /// The file is in the cache.
    Done {
        /// The file's path in the repository.
        file: &'a str,
        /// Its bytes.
        bytes: u64,
    },
}

/// Finds a revision's files in the cache and downloads those that are not there.
///
/// Nothing is asked of the network if a full commit hash is given (or locked) and its files are
/// all in the cache. The files' content is not read here: [`crate::ingest`] checks it against the
/// lock, or else against the SHA-256 under which the Hub's large files are known.
///
/// # Errors
/// See [`HubError`]; nothing partial is left in the cache.
pub fn fetch(
    source: &HubSource,
    access: &HubAccess,
    event: &dyn Fn(HubEvent<'_>),
) -> Result<HubSnapshot, HubError> {
    check_repo(&source.repo)?;
    let is_raw = source.format == HubFormat::Raw;
    let default = source.lock.default_of(&source.repo).filter(|_| is_raw);
    let revision = match (&source.revision, source.format) {
        (Some(given), _) => given.clone(),
        (None, HubFormat::Parquet) => PARQUET_REVISION.to_owned(),
        (None, HubFormat::Raw | HubFormat::Live) => default
            .and_then(|lock| lock.revisions.first().cloned())
            .unwrap_or_else(|| "main".to_owned()),
    };
    check_revision(&revision)?;
    let cache = Cache::new(&access.cache, &source.repo, &revision);
    let remote = Remote::new(&source.repo, access, event)?;
    let commit = if is_commit(&revision) {
        revision.clone()
    } else if access.offline {
        cache.read_ref(&revision).ok_or_else(|| HubError::NotCached {
            repo: source.repo.clone(),
            revision: revision.clone(),
            missing: "which commit the revision is".to_owned(),
            cache: access.cache.clone(),
        })?
    } else {
        let commit = remote.commit(&revision)?;
        cache.write_ref(&revision, &commit)?;
        commit
    };
    let lock = source.lock.find(&source.repo, &commit).filter(|_| is_raw);
    let fetcher = Fetcher { source, access, cache, remote, commit, revision };
    let mut snapshot = match source.format {
        HubFormat::Raw => fetcher.raw(lock)?,
        HubFormat::Parquet => fetcher.parquet()?,
        HubFormat::Live => fetcher.live()?,
    };
    snapshot.locked = lock.cloned();
    if is_raw && lock.is_none() {
        snapshot.warnings.insert(
            0,
            format!(
                "{} at {} is in no lock: nothing proves that these are the rows someone else had; \
                 `clawsig lock` prints the entry that would",
                source.repo, snapshot.commit
            ),
        );
    }
    Ok(snapshot)
}

struct Fetcher<'a> {
    source: &'a HubSource,
    access: &'a HubAccess,
    cache: Cache,
    remote: Remote<'a>,
    commit: String,
    revision: String,
}

/// A file that has to be here.
struct Wanted {
    name: String,
    form: Form,
    split: Option<Split>,
    expected: Option<Expected>,
}

impl Fetcher<'_> {
    fn raw(&self, lock: Option<&LockedSnapshot>) -> Result<HubSnapshot, HubError> {
        let wanted = match lock {
            Some(lock) => lock
                .files
                .iter()
                .map(|file| Wanted {
                    name: file.path.clone(),
                    form: Form::Jsonl,
                    split: Some(file.split),
                    expected: Some(Expected { bytes: file.bytes, sha256: file.sha256.clone() }),
                })
                .collect(),
            None => Split::ALL
                .iter()
                .map(|&split| Wanted {
                    name: format!("data/{split}.jsonl"),
                    form: Form::Jsonl,
                    split: Some(split),
                    expected: None,
                })
                .collect(),
        };
        self.have(wanted, lock.is_some())
    }

    fn live(&self) -> Result<HubSnapshot, HubError> {
        let (name, form) = ("data/latest.jsonl".to_owned(), Form::Jsonl);
        let rows = Wanted { name, form, split: None, expected: None };
        let mut snapshot = self.have(vec![rows], true)?;
        let manifest = Wanted {
            name: LIVE_MANIFEST.to_owned(),
            form: Form::Jsonl,
            split: None,
            expected: None,
        };
        let path = self.have(vec![manifest], true)?.files.remove(0).path;
        let text = std::fs::read(&path).map_err(HubError::io("read", &path))?;
        let manifest = serde_json::from_slice(&text)
            .map_err(|e| HubError::Manifest { path, reason: unread::json(&e) })?;
        snapshot.manifest = Some(manifest);
        snapshot.warnings.push(format!(
            "this is the live edition, which moves: these rows are commit {} of it; set \
             source.revision to that commit to have them again",
            self.commit
        ));
        Ok(snapshot)
    }

    fn parquet(&self) -> Result<HubSnapshot, HubError> {
        let listed = if self.access.offline {
            self.cache.list(&self.commit, "default")?
        } else {
            self.remote.tree(&self.commit, "default")?
        };
        let mut wanted = Vec::new();
        for &split in Split::ALL {
            let folder = format!("default/{split}/");
            let mut shards: Vec<&String> = listed
                .iter()
                .filter(|name| name.starts_with(&folder) && name.ends_with(".parquet"))
                .collect();
            shards.sort();
            wanted.extend(shards.into_iter().map(|name| Wanted {
                name: name.clone(),
                form: Form::Parquet,
                split: Some(split),
                expected: None,
            }));
        }
        if wanted.is_empty() {
            return Err(HubError::NoFiles {
                repo: self.source.repo.clone(),
                commit: self.commit.clone(),
                expected: "default/<split>/NNNN.parquet".to_owned(),
            });
        }
        let mut snapshot = self.have(wanted, true)?;
        snapshot.warnings.push(format!(
            "this is the Hub's Parquet conversion, which is STALE and not the paper's data: it was \
             seen with 66,192 rows instead of 67,453 and with a fourth verdict, `unknown`, which \
             is kept out of every target (commit {})",
            self.commit
        ));
        if self.access.offline {
            snapshot.warnings.push(
                "offline, the shards are those in the cache: whether the Hub has more is not known"
                    .to_owned(),
            );
        }
        Ok(snapshot)
    }

    /// Has the wanted files in the cache. Those that the repository lacks are an error if `all`
    /// are needed, or if there is none.
    fn have(&self, wanted: Vec<Wanted>, all: bool) -> Result<HubSnapshot, HubError> {
        if let Some(w) = wanted.iter().find(|w| !is_safe_name(&w.name)) {
            return Err(HubError::Parameter {
                name: "a file of the lock",
                value: w.name.clone(),
                expected: "a path inside the repository",
            });
        }
        let mut warnings = Vec::new();
        let mut missing: Vec<&Wanted> = Vec::new();
        for w in &wanted {
            let known_absent = !all && self.cache.is_absent(&self.commit, &w.name);
            if !known_absent && !self.is_here(w, &mut warnings)? {
                missing.push(w);
            }
        }
        if !missing.is_empty() && self.access.offline {
            let names: Vec<&str> = missing.iter().map(|w| w.name.as_str()).collect();
            return Err(HubError::NotCached {
                repo: self.source.repo.clone(),
                revision: self.revision.clone(),
                missing: names.join(", "),
                cache: self.access.cache.clone(),
            });
        }
        self.download(&missing, all)?;
        let mut files = Vec::new();
        // A file that was not the expected one has been downloaded by now.
        for w in wanted.iter().filter(|w| self.cache.holds(&self.commit, &w.name, None)) {
            let path = self.cache.pointer(&self.commit, &w.name);
            let expected = match (&w.expected, self.cache.hash(&self.commit, &w.name)) {
                (Some(expected), _) => Some(expected.clone()),
                (None, Some(Hash::Sha256(sha256))) => {
                    let found = std::fs::metadata(&path).map_err(HubError::io("read", &path))?;
                    Some(Expected { bytes: found.len(), sha256 })
                }
                (None, _) => None,
            };
            let (name, form, split) = (w.name.clone(), w.form, w.split);
            files.push(InputFile { path, name, form, split, expected });
        }
        let has = |name: &str| files.iter().any(|file| file.name == name);
        for w in wanted.iter().filter(|w| !has(&w.name)) {
            let (repo, commit) = (&self.source.repo, &self.commit);
            warnings.push(format!("{repo} at {commit} has no file {}", w.name));
        }
        if files.is_empty() {
            let names: Vec<&str> = wanted.iter().map(|w| w.name.as_str()).collect();
            return Err(HubError::NoFiles {
                repo: self.source.repo.clone(),
                commit: self.commit.clone(),
                expected: names.join(", "),
            });
        }
        Ok(HubSnapshot {
            repo: self.source.repo.clone(),
            revision: self.revision.clone(),
            commit: self.commit.clone(),
            locked: None,
            manifest: None,
            warnings,
            files,
            cache: self.cache.clone(),
            replaceable: !self.access.offline,
        })
    }

    /// Whether the cache holds a file that can be the wanted one. A file whose hash reading will
    /// check may still turn out to be another.
    fn is_here(&self, w: &Wanted, warnings: &mut Vec<String>) -> Result<bool, HubError> {
        let path = self.cache.pointer(&self.commit, &w.name);
        if let Some(expected) = &w.expected {
            return Ok(self.cache.holds_expected(&self.commit, &w.name, expected));
        }
        if !self.cache.holds(&self.commit, &w.name, None) {
            return Ok(false);
        }
        let listed = match self.cache.hash(&self.commit, &w.name) {
            Some(Hash::Sha256(_)) => return Ok(true),
            Some(Hash::Git(hash)) if git_hash(&path)? == hash => return Ok(true),
            Some(Hash::Git(_)) if self.access.offline => {
                return Err(HubError::Damaged { path });
            }
            Some(Hash::Git(_)) => return Ok(false),
            None if self.access.offline => {
                warnings.push(format!(
                    "{} is in a cache without links, where nothing says what it must be, and \
                     offline the Hub is not asked: it was not checked",
                    path.display()
                ));
                return Ok(true);
            }
            None => self.remote.listed(&self.commit, &w.name)?,
        };
        let Some(listed) = listed else { return Ok(false) };
        let same_size = self.cache.holds(&self.commit, &w.name, listed.bytes);
        Ok(same_size
            && match Hash::of(&listed.etag) {
                Some(Hash::Sha256(hash)) => {
                    crate::lines::fingerprint(&path).is_ok_and(|found| found.sha256 == hash)
                }
                Some(Hash::Git(hash)) => git_hash(&path)? == hash,
                None => true,
            })
    }

    fn download(&self, missing: &[&Wanted], all: bool) -> Result<(), HubError> {
        let mut due: Vec<Listed> = Vec::new();
        for w in missing {
            match self.remote.listed(&self.commit, &w.name)? {
                Some(file) => {
                    self.check_lock(w, &file)?;
                    due.push(file);
                }
                None if all => {
                    return Err(HubError::FileMissing {
                        repo: self.source.repo.clone(),
                        commit: self.commit.clone(),
                        file: w.name.clone(),
                    });
                }
                None => self.cache.mark_absent(&self.commit, &w.name)?,
            }
        }
        due.iter().try_for_each(|file| self.remote.download(&self.cache, &self.commit, file))
    }

    /// Refuses a file of another size than the lock says, before it is downloaded, unless it has
    /// the locked hash: then the size was written down wrong.
    fn check_lock(&self, w: &Wanted, file: &Listed) -> Result<(), HubError> {
        let Some((expected, bytes)) = w.expected.as_ref().zip(file.bytes) else { return Ok(()) };
        let is_locked = Hash::of(&file.etag) == Some(Hash::Sha256(expected.sha256.clone()));
        if expected.bytes == bytes || is_locked {
            return Ok(());
        }
        Err(HubError::Listed {
            repo: self.source.repo.clone(),
            commit: self.commit.clone(),
            file: w.name.clone(),
            expected: expected.bytes,
            found: bytes,
        })
    }
}

impl HubSnapshot {
    /// Throws a file out of the cache, so that the next run downloads it again; gives what has to
    /// be done where that is not possible.
    pub(crate) fn discard(&self, name: &str) -> String {
        let Some(file) = self.files.iter().find(|file| file.name == name) else {
            return String::new();
        };
        let blob = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
        let path = blob.display();
        if !self.replaceable {
            return format!(
                "offline, so it was left there; delete {path} and run again without --offline"
            );
        }
        if self.cache.discard(&self.commit, name) {
            "it was removed from the cache; run again to download it".to_owned()
        } else {
            format!("delete {path} and run again")
        }
    }
}

/// `owner/name` in the letters that the Hub allows, so that it is no path elsewhere.
fn check_repo(repo: &str) -> Result<(), HubError> {
    let part = |text: &str| {
        !text.is_empty()
            && !text.contains("..")
            && !text.contains("--")
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match repo.split_once('/') {
        Some((owner, name)) if part(owner) && part(name) => Ok(()),
        _ => Err(HubError::Parameter {
            name: "repository",
            value: repo.to_owned(),
            expected: "owner/name, for example OpenClaw/clawhub-security-signals",
        }),
    }
}

fn check_revision(revision: &str) -> Result<(), HubError> {
    let sound = revision.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@".contains(c))
    });
    if sound {
        return Ok(());
    }
    Err(HubError::Parameter {
        name: "revision",
        value: revision.to_owned(),
        expected: "a commit of 40 hex digits, a branch or a tag",
    })
}
