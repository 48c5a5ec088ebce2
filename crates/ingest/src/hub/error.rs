//! The failures between here and the Hub, each with its remedy.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Why a revision's files could not be had. No message holds the token or a signed address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A name or address that can't be right.
    #[error("{name} is {value:?}, expected {expected}")]
    Parameter {
        /// The name of the parameter.
        name: &'static str,
        /// Its value; never the token.
        value: String,
        /// The values that would be right.
        expected: &'static str,
    },
    /// The token file can't be read, or holds no token.
    #[error("no token in {}: {reason}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The fault, without the file's content.
        reason: String,
    },
    /// Offline, and not in the cache.
    #[error(
        "offline, and the cache {} lacks {missing} of {repo} at {revision}; run once without \
         --offline (and HF_HUB_OFFLINE), or name the cache that has it with --hf-cache",
        cache.display()
    )]
    NotCached {
        /// The dataset.
        repo: String,
        /// The revision that was asked for.
        revision: String,
        /// The files or facts that are missing.
        missing: String,
        /// The cache.
        cache: PathBuf,
    },
    /// No answer, or one that broke off, time after time.
    #[error(
        "can't get {what} from {endpoint} after {attempts} attempts: {reason}; try again later, \
         or with --offline use what is in the cache"
    )]
    Network {
        /// The thing that was asked for.
        what: String,
        /// The Hub's address.
        endpoint: String,
        /// Attempts made.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// 401: who asks is not known.
    #[error(
        "{endpoint} does not let us read {repo} (401{}): it is private, gated or does not exist, \
         and {}; put a token that may read it into HF_TOKEN or name its file with --hf-token-file",
        colon(message),
        if *token { "the token that was sent is not accepted" } else { "no token was sent" }
    )]
    Unauthorized {
        /// The Hub's address.
        endpoint: String,
        /// The dataset.
        repo: String,
        /// Whether a token was sent.
        token: bool,
        /// The Hub's words.
        message: String,
    },
    /// 403: who asks is known, and may not.
    #[error(
        "{endpoint} forbids reading {repo} (403{}): ask for access or accept its conditions on \
         {endpoint}/datasets/{repo} with the account of the token",
        colon(message)
    )]
    Forbidden {
        /// The Hub's address.
        endpoint: String,
        /// The dataset.
        repo: String,
        /// The Hub's words.
        message: String,
    },
    /// 404.
    #[error("{endpoint} has no {what}; check source.repo and source.revision")]
    NotFound {
        /// The Hub's address.
        endpoint: String,
        /// The thing that was asked for.
        what: String,
        /// Whether a file is missing, and not the dataset or its revision.
        entry: bool,
    },
    /// 429, time after time.
    #[error(
        "{endpoint} limits our requests (429) and asks to wait{}; wait, or send a token \
         (HF_TOKEN), which has a higher limit",
        seconds(wait)
    )]
    RateLimited {
        /// The Hub's address.
        endpoint: String,
        /// How long it says to wait.
        wait: Option<Duration>,
    },
    /// Any other answer that is no success.
    #[error(
        "{endpoint} answers {status}{} to the request for {what}; check HF_ENDPOINT or \
         --hf-endpoint, and any proxy or firewall between",
        colon(message)
    )]
    Status {
        /// The address that answered: the Hub's, or one that it sent us to.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// The Hub's words.
        message: String,
        /// The thing that was asked for.
        what: String,
    },
    /// A success that a Hub would not give.
    #[error(
        "{endpoint} does not answer like a Hub to the request for {what}: {reason}; check \
         HF_ENDPOINT or --hf-endpoint, and any proxy between"
    )]
    Answer {
        /// The Hub's address.
        endpoint: String,
        /// The thing that was asked for.
        what: String,
        /// The fault of the answer.
        reason: String,
    },
    /// The Hub lists the file with another size than the lock.
    #[error(
        "{file} of {repo} at {commit} is not the locked file: bytes expected {expected} found \
         {found} (as the Hub lists it; nothing was downloaded); the Hub holds another file under \
         this name, or the lock is wrong"
    )]
    Listed {
        /// The dataset.
        repo: String,
        /// The commit.
        commit: String,
        /// The file.
        file: String,
        /// Bytes in the lock.
        expected: u64,
        /// Bytes on the Hub.
        found: u64,
    },
    /// The commit lacks a file that it must have.
    #[error("{repo} at {commit} has no file {file}; check source.format and source.revision")]
    FileMissing {
        /// The dataset.
        repo: String,
        /// The commit.
        commit: String,
        /// The file.
        file: String,
    },
    /// The commit has none of the files that could be read.
    #[error(
        "{repo} at {commit} has none of the files {expected}; check source.format (raw, parquet \
         or live) and source.revision"
    )]
    NoFiles {
        /// The dataset.
        repo: String,
        /// The commit.
        commit: String,
        /// The names that were looked for.
        expected: String,
    },
    /// The live edition's manifest is no JSON.
    #[error("{} is no JSON: {reason}; delete it and download it again", path.display())]
    Manifest {
        /// The file in the cache.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "no space for {file} ({bytes} bytes) in the cache {}: {source}; what was downloaded of it \
         is removed; free some space, or name a cache elsewhere with --hf-cache",
        cache.display()
    )]
    NoSpace {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// The cache.
        cache: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of the cache does not have the hash by which its blob is named.
    #[error(
        "{} is damaged: it does not have the hash by which its blob is named; offline it can't be \
         downloaded again, so delete it and run without --offline",
        path.display()
    )]
    Damaged {
        /// The file in the cache.
        path: PathBuf,
    },
    /// The cache can't be read or written.
    #[error("can't {action} {}: {source}{}", path.display(), elsewhere(source))]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no way to the Hub: no such host, no certificate that is trusted, no proxy.
    #[error(
        "can't connect to {endpoint}: {reason}; check HF_ENDPOINT or --hf-endpoint, the proxy \
         (HTTPS_PROXY) and the certificates (SSL_CERT_FILE)"
    )]
    Client {
        /// The Hub's address.
        endpoint: String,
        /// The fault.
        reason: String,
    },
}

fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// The remedy for a cache that may not be written.
fn elsewhere(source: &io::Error) -> &'static str {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match source.kind() {
        PermissionDenied | ReadOnlyFilesystem => {
            "; name a cache that can be written with --hf-cache, or with --offline use only what \
             is in this one"
        }
        _ => "",
    }
}

fn seconds(wait: &Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!(" {} s", wait.as_secs()))
}

impl HubError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HubError {
        let path = path.to_owned();
        move |source| HubError::Io { action, path, source }
    }
}
