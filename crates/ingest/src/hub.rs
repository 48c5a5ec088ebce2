//! The Hugging Face Hub as a source: which files a revision of the dataset is, and having them on
//! this machine.
//!
//! Protocol and authorization are hf-hub's. What it leaves open is decided here: the cache is
//! asked before the network, a download goes to a folder of its own and enters the cache only
//! when it has the size that the Hub lists, and what a file has to be is handed to
//! [`crate::ingest`], which hashes it while it reads it.

mod access;
mod cache;
mod download;
mod error;

use std::path::PathBuf;

use clawsig_schema::{
    Split,
    lock::{DatasetLock, LockedSnapshot},
};
use serde_json::Value;

pub use access::{HubAccess, HubOptions, Token};
pub use error::HubError;

use crate::source::{Expected, Form, InputFile};
use cache::{Cache, is_commit};
use download::{Listed, Remote};

/// The revision on which the Hub keeps its Parquet conversion.
pub const PARQUET_REVISION: &str = "refs/convert/parquet";
/// The live edition's manifest.
pub const LIVE_MANIFEST: &str = "metadata/latest-manifest.json";

/// Which of the Hub's forms of the dataset is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubFormat {
    /// `data/<split>.jsonl`.
    Raw,
    /// The Hub's own conversion, `default/<split>/NNNN.parquet`. It is older than the snapshot.
    Parquet,
    /// The moving edition: `data/latest.jsonl`, which the exporter's hash rule splits.
    Live,
}

/// What to read from the Hub.
#[derive(Clone, Debug)]
pub struct HubSource {
    /// The dataset, `owner/name`.
    pub repo: String,
    /// A commit, branch or other revision. `None` takes the first one that the lock has for the
    /// dataset, for the Parquet conversion [`PARQUET_REVISION`], otherwise `main`.
    pub revision: Option<String>,
    /// The form.
    pub format: HubFormat,
    /// What the files must be, if the commit is one of its. Only for [`HubFormat::Raw`].
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
    /// What the lock says of the commit, if it knows it: for [`crate::IngestParams::lock`].
    pub locked: Option<LockedSnapshot>,
    /// The live edition's manifest, as it was published.
    pub manifest: Option<Value>,
    /// What a reader must know before using a figure made from it.
    pub warnings: Vec<String>,
    pub(crate) files: Vec<InputFile>,
    /// Whether a file that turns out damaged may be thrown away, to be downloaded again.
    pub(crate) replaceable: bool,
}

/// What happens while files are fetched.
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
        /// What was asked for.
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
    let cache = Cache::new(&access.cache, &source.repo);
    let remote = Remote::new(&source.repo, access, event);
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
            .map_err(|e| HubError::Manifest { path, reason: e.to_string() })?;
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
            self.remote.tree(&self.commit, "default")?.into_iter().map(|file| file.path).collect()
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
        let is_here = |w: &Wanted| match &w.expected {
            Some(expected) => self.cache.holds_expected(&self.commit, &w.name, expected),
            None => self.cache.holds(&self.commit, &w.name, None),
        };
        let known_absent = |w: &Wanted| !all && self.cache.is_absent(&self.commit, &w.name);
        let missing: Vec<&Wanted> =
            wanted.iter().filter(|w| !is_here(w) && !known_absent(w)).collect();
        if !missing.is_empty() && self.access.offline {
            let names: Vec<&str> = missing.iter().map(|w| w.name.as_str()).collect();
            return Err(HubError::NotCached {
                repo: self.source.repo.clone(),
                revision: self.revision.clone(),
                missing: names.join(", "),
                cache: self.access.cache.clone(),
            });
        }
        if !missing.is_empty() {
            self.download(&missing, all)?;
        }
        let mut files = Vec::new();
        // What was not the expected file has been downloaded by now.
        for w in wanted.iter().filter(|w| self.cache.holds(&self.commit, &w.name, None)) {
            files.push(InputFile {
                path: self.cache.pointer(&self.commit, &w.name),
                name: w.name.clone(),
                form: w.form,
                split: w.split,
                expected: match &w.expected {
                    Some(expected) => Some(expected.clone()),
                    None => self.cache.known(&self.commit, &w.name),
                },
            });
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
            warnings: Vec::new(),
            files,
            replaceable: !self.access.offline,
        })
    }

    fn download(&self, missing: &[&Wanted], all: bool) -> Result<(), HubError> {
        let names = missing.iter().map(|w| w.name.clone()).collect();
        let listed: Vec<Listed> = self.remote.sizes(&self.commit, names)?;
        let mut due = Vec::new();
        for w in missing {
            match listed.iter().find(|file| file.path == w.name) {
                Some(file) => due.push((w, file)),
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
        for (w, file) in due {
            self.remote.download(&self.cache, &self.commit, file)?;
            // Of another size than the lock says it is the locked file only if it has the locked
            // hash, which the Hub gives it for a name; ingest checks that name.
            if let Some(expected) = &w.expected
                && expected.bytes != file.bytes
                && self
                    .cache
                    .known(&self.commit, &w.name)
                    .is_none_or(|known| known.sha256 != expected.sha256)
            {
                return Err(HubError::Listed {
                    repo: self.source.repo.clone(),
                    commit: self.commit.clone(),
                    file: w.name.clone(),
                    expected: expected.bytes,
                    found: file.bytes,
                });
            }
        }
        Ok(())
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
        if !self.replaceable {
            return format!(
                "offline, so it was left there; delete {} and run again without --offline",
                blob.display()
            );
        }
        let removed = [&blob, &file.path].map(PathBuf::as_path).map(std::fs::remove_file);
        // The pointer and what it points to may be one file.
        if removed[0].is_ok() {
            "it was removed from the cache; run again to download it".to_owned()
        } else {
            format!("delete {} and run again", blob.display())
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
