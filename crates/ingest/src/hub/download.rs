//! Asking the Hub, again where it is worth it.
//!
//! Seen in hf-hub 1.0.0 and guarded against here: it does not look at the status of a file's `GET`
//! (an error page would become the file), does not compare what came with the size that was
//! announced, retries without regard to `Retry-After`, and waits for ever on a connection over
//! which nothing comes. So it downloads into a folder that is no part of the cache, its own
//! retries are off, and one loop below does what it leaves out. It does not resume either: an
//! attempt begins at the first byte.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clawsig_schema::hostile::printable;
use futures_util::TryStreamExt;
use hf_hub::{
    HFClient, HFError, HFRepository, RepoTypeDataset,
    progress::{DownloadEvent, ProgressEvent, ProgressHandler},
    repository::RepoTreeEntry,
    split_id,
};
use tokio::runtime::Builder;

use super::{
    HubAccess, HubError, HubEvent,
    cache::{Cache, is_commit},
};

/// How often progress is told and a stalled connection looked for.
const TICK: Duration = Duration::from_millis(100);
/// A `Retry-After` beyond this is for the user to obey.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Characters of the Hub's words that are shown.
const MESSAGE: usize = 300;

/// A file as the Hub lists it.
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// One dataset on the Hub.
pub(super) struct Remote<'a> {
    repo: &'a str,
    access: &'a HubAccess,
    event: &'a dyn Fn(HubEvent<'_>),
}

/// Why an attempt failed.
enum Failure {
    /// The next one would fail too.
    Final(HubError),
    /// The next one may succeed.
    Passing { reason: String, limited: bool, wait: Option<Duration> },
}

/// Counts a download's bytes, from hf-hub's events.
#[derive(Default)]
struct Meter {
    done: AtomicU64,
}

impl ProgressHandler for Meter {
    fn on_progress(&self, event: &ProgressEvent) {
        let ProgressEvent::Download(event) = event else { return };
        let done = match event {
            DownloadEvent::Progress { files } => files.last().map(|file| file.bytes_completed),
            DownloadEvent::AggregateProgress { bytes_completed, .. } => Some(*bytes_completed),
            DownloadEvent::Start { .. } | DownloadEvent::Complete => None,
        };
        if let Some(done) = done {
            self.done.store(done, Ordering::Relaxed);
        }
    }
}

impl<'a> Remote<'a> {
    pub(super) fn new(
        repo: &'a str,
        access: &'a HubAccess,
        event: &'a dyn Fn(HubEvent<'_>),
    ) -> Remote<'a> {
        Remote { repo, access, event }
    }

    /// The commit that a revision is now.
    pub(super) fn commit(&self, revision: &str) -> Result<String, HubError> {
        let what = format!("revision {revision} of {}", self.repo);
        self.persist(&what, || {
            let repository = self.repository(&self.access.cache)?;
            let request = repository.info().revision(revision.to_owned()).send();
            let info = self.wait(&what, request, None)?;
            info.sha
                .filter(|commit| is_commit(commit))
                .ok_or_else(|| Failure::Final(self.no_hub(&what, "names no commit")))
        })
    }

    /// Those of the files that the commit has, with their sizes.
    pub(super) fn sizes(&self, commit: &str, names: Vec<String>) -> Result<Vec<Listed>, HubError> {
        let what = format!("the list of files of {} at {commit}", self.repo);
        self.persist(&what, || {
            let repository = self.repository(&self.access.cache)?;
            let request =
                repository.get_paths_info().paths(names.clone()).revision(commit.to_owned()).send();
            Ok(files(self.wait(&what, request, None)?))
        })
    }

    /// Every file of the commit below a folder.
    pub(super) fn tree(&self, commit: &str, below: &str) -> Result<Vec<Listed>, HubError> {
        let what = format!("the folder {below} of {} at {commit}", self.repo);
        self.persist(&what, || {
            let repository = self.repository(&self.access.cache)?;
            let request = async {
                let pages = repository
                    .list_tree()
                    .revision(commit.to_owned())
                    .path_in_repo(below.to_owned())
                    .recursive(true)
                    .send()?;
                pages.try_collect::<Vec<_>>().await
            };
            Ok(files(self.wait(&what, request, None)?))
        })
    }

    /// Downloads a file into the cache, unless another process does it first.
    pub(super) fn download(
        &self,
        cache: &Cache,
        commit: &str,
        file: &Listed,
    ) -> Result<(), HubError> {
        let lock = cache.lock_file(commit, &file.path)?;
        self.hold(&lock, cache, &file.path)?;
        if cache.holds(commit, &file.path, Some(file.bytes)) {
            return Ok(());
        }
        let what = format!("{} of {}", file.path, self.repo);
        self.persist(&what, || {
            let staging = cache.staging(commit, &file.path).map_err(Failure::Final)?;
            let repository = self.repository(&staging.folder)?;
            let meter = Arc::new(Meter::default());
            let request = repository
                .download_file()
                .filename(file.path.clone())
                .revision(commit.to_owned())
                .progress(Arc::clone(&meter))
                .send();
            let pointer = self.wait(&what, request, Some((&meter, file)))?;
            self.accept(&pointer, cache, commit, file)
        })?;
        (self.event)(HubEvent::Done { file: &file.path, bytes: file.bytes });
        Ok(())
    }

    /// Takes a finished download into the cache, if it is what was asked for.
    fn accept(
        &self,
        pointer: &Path,
        cache: &Cache,
        commit: &str,
        file: &Listed,
    ) -> Result<(), Failure> {
        let what = format!("{} of {}", file.path, self.repo);
        if !pointer.components().any(|part| part.as_os_str() == commit) {
            return Err(Failure::Final(self.no_hub(&what, "is of another commit than asked for")));
        }
        let failed = |e| Failure::Final(HubError::io("read", pointer)(e));
        let blob = fs::canonicalize(pointer).map_err(failed)?;
        let found = fs::metadata(&blob).map_err(failed)?.len();
        if found != file.bytes {
            return Err(Failure::Passing {
                reason: format!("{found} bytes came instead of {}", file.bytes),
                limited: false,
                wait: None,
            });
        }
        cache.adopt(&blob, commit, &file.path).map_err(Failure::Final)
    }

    /// Waits until no other process downloads the file.
    fn hold(&self, lock: &File, cache: &Cache, name: &str) -> Result<(), HubError> {
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(e)) => {
                    return Err(HubError::io("lock a file of", cache.folder())(e));
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        (self.event)(HubEvent::Waiting { file: name });
                        told = true;
                    }
                    thread::sleep(TICK);
                }
            }
        }
    }

    /// Tries until it succeeds, can't succeed, or was tried often enough.
    fn persist<T>(&self, what: &str, once: impl Fn() -> Result<T, Failure>) -> Result<T, HubError> {
        let (mut attempt, mut pause) = (1, self.access.pause);
        loop {
            let (reason, limited, asked) = match once() {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { reason, limited, wait }) => (reason, limited, wait),
            };
            let endpoint = self.access.endpoint.clone();
            let too_long = asked.is_some_and(|wait| wait > LONGEST_WAIT);
            if limited && (too_long || attempt >= self.access.attempts) {
                return Err(HubError::RateLimited { endpoint, wait: asked });
            }
            if attempt >= self.access.attempts {
                let (what, attempts) = (what.to_owned(), attempt);
                return Err(HubError::Network { what, endpoint, attempts, reason });
            }
            let wait = asked.unwrap_or_default().max(pause);
            (self.event)(HubEvent::Retry { file: what, reason: &reason, wait: wait.as_secs_f64() });
            thread::sleep(wait);
            (attempt, pause) = (attempt + 1, pause.saturating_mul(2));
        }
    }

    fn repository(&self, cache: &Path) -> Result<HFRepository<RepoTypeDataset>, Failure> {
        // Without a token hf-hub looks for one by itself. This one can't be sent in a header, so
        // that nothing is sent.
        let token = self.access.token.as_ref().map_or("\n", |token| token.secret());
        let client = HFClient::builder()
            .endpoint(self.access.endpoint.as_str())
            .token(token)
            .cache_dir(cache)
            .user_agent(concat!("clawsig/", env!("CARGO_PKG_VERSION")))
            .retry_max_attempts(0)
            .build()
            .map_err(|e| {
                Failure::Final(HubError::Client {
                    endpoint: self.access.endpoint.clone(),
                    reason: self.clean(&chain(&e)),
                })
            })?;
        let (owner, name) = split_id(self.repo);
        Ok(client.dataset(owner, name))
    }

    /// Waits for an answer, as long as something arrives; `download` tells how much has.
    fn wait<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, HFError>>,
        download: Option<(&Meter, &Listed)>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| {
            Failure::Final(HubError::Client {
                endpoint: self.access.endpoint.clone(),
                reason: e.to_string(),
            })
        })?;
        let answer = runtime.block_on(async {
            let mut request = pin!(request);
            let (mut moved, mut last) = (Instant::now(), 0);
            loop {
                if let Ok(answer) = tokio::time::timeout(TICK, request.as_mut()).await {
                    return Some(answer);
                }
                if let Some((meter, file)) = download {
                    let done = meter.done.load(Ordering::Relaxed);
                    if done != last {
                        (last, moved) = (done, Instant::now());
                    }
                    (self.event)(HubEvent::Progress { file: &file.path, done, total: file.bytes });
                }
                if moved.elapsed() > self.access.stall {
                    return None;
                }
            }
        });
        // A name that is still being looked up must not hold us.
        runtime.shutdown_background();
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(self.judge(error, what, download.map(|(_, file)| file))),
            None => Err(Failure::Passing {
                reason: format!("nothing came for {} s", self.access.stall.as_secs()),
                limited: false,
                wait: None,
            }),
        }
    }

    /// What an error of hf-hub means here.
    fn judge(&self, error: HFError, what: &str, file: Option<&Listed>) -> Failure {
        let passing = |reason: String| Failure::Passing { reason, limited: false, wait: None };
        let endpoint = self.access.endpoint.clone();
        match error {
            HFError::Request { source, .. } => passing(self.clean(&chain(&source.without_url()))),
            HFError::RateLimited { retry_after, .. } => Failure::Passing {
                reason: "it limits our requests (429)".to_owned(),
                limited: true,
                wait: retry_after,
            },
            HFError::Http { context }
            | HFError::AuthRequired { context }
            | HFError::Forbidden { context }
            | HFError::Conflict { context } => {
                let message = self.clean(context.server_message.as_deref().unwrap_or_default());
                let repo = self.repo.to_owned();
                match context.status.as_u16() {
                    401 => Failure::Final(HubError::Unauthorized {
                        endpoint,
                        repo,
                        token: self.access.token.is_some(),
                        message,
                    }),
                    403 => Failure::Final(HubError::Forbidden { endpoint, repo, message }),
                    404 => Failure::Final(HubError::NotFound { endpoint, what: what.to_owned() }),
                    408 | 500..=599 => passing(format!("it answers {}", context.status)),
                    429 => Failure::Passing {
                        reason: "it limits our requests (429)".to_owned(),
                        limited: true,
                        wait: None,
                    },
                    status => {
                        let what = what.to_owned();
                        Failure::Final(HubError::Status { endpoint, status, message, what })
                    }
                }
            }
            HFError::RepoNotFound { .. }
            | HFError::RevisionNotFound { .. }
            | HFError::EntryNotFound { .. } => {
                Failure::Final(HubError::NotFound { endpoint, what: what.to_owned() })
            }
            HFError::Io(source) => Failure::Final(self.disk(source, file)),
            HFError::Xet { source, .. } => passing(self.clean(&source.to_string())),
            other => Failure::Final(self.no_hub(what, &other.to_string())),
        }
    }

    fn disk(&self, source: io::Error, file: Option<&Listed>) -> HubError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match file {
            Some(file) if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
                HubError::NoSpace {
                    file: file.path.clone(),
                    bytes: file.bytes,
                    cache: self.access.cache.clone(),
                    source,
                }
            }
            _ => HubError::io("write in", &self.access.cache)(source),
        }
    }

    /// An answer that a Hub would not give.
    fn no_hub(&self, what: &str, reason: &str) -> HubError {
        HubError::Answer {
            endpoint: self.access.endpoint.clone(),
            what: what.to_owned(),
            reason: self.clean(reason),
        }
    }

    /// Words from outside, fit to be shown: no control characters, no token, no address with the
    /// signature that lets anyone read the file.
    fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(token) = &self.access.token {
            text = text.replace(token.secret(), "(token)");
        }
        let words: Vec<&str> = text
            .split(' ')
            .map(|word| match word.find('?') {
                Some(query) if word.contains("://") => &word[..query],
                _ => word,
            })
            .collect();
        printable(&words.join(" "), MESSAGE)
    }
}

fn files(entries: Vec<RepoTreeEntry>) -> Vec<Listed> {
    entries
        .into_iter()
        .filter_map(|entry| match entry {
            RepoTreeEntry::File { path, size, .. } => Some(Listed { path, bytes: size }),
            RepoTreeEntry::Directory { .. } => None,
        })
        .collect()
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let shown = error.to_string();
        if !text.contains(&shown) {
            text = format!("{text}: {shown}");
        }
        cause = error.source();
    }
    text
}
