//! What stops ingest altogether; a row that fails a check is a [`crate::Reject`] instead.

use std::{io, path::PathBuf};

use clawsig_schema::{lock::LockDifference, settings::SettingError, wording::grouped};

/// Why the input could not be turned into signals.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The files could not be had from the Hub.
    #[error(transparent)]
    Hub(#[from] crate::HubError),
    /// A file or folder could not be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried, for example `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The source holds nothing that can be read as the dataset.
    #[error("{}: {reason}", path.display())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A required column is absent from all of a file's first rows.
    #[error(
        "{file}: column `{column}` is missing from the first {rows} rows; this is not a file of \
         the dataset's 25-column schema, or its schema has changed"
    )]
    MissingColumn {
        /// The input file.
        file: String,
        /// The column.
        column: &'static str,
        /// The rows that were looked at.
        rows: u64,
    },
    /// A Parquet file is cut, damaged or holds other columns.
    #[error("{}: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// More rows of a file were rejected than `ingest.max_reject_share` allows.
    #[error(
        "{file}: {} of {} rows rejected, more than the {} % that ingest.max_reject_share allows ({reasons}); \
         {first}; mend the file, or raise the share to go on without these rows",
        grouped(*rejected), grouped(*rows), share * 100.0
    )]
    TooManyRejects {
        /// The input file.
        file: String,
        /// Its rejected rows.
        rejected: u64,
        /// Its rows.
        rows: u64,
        /// The largest share that is allowed.
        share: f64,
        /// Rejected rows by reason, the most frequent one first.
        reasons: String,
        /// The first rejected rows with their reasons.
        first: String,
    },
    /// The source's files hold not one row.
    #[error("{files}: no rows; the source is empty")]
    NoRows {
        /// The files, or the first of them.
        files: String,
    },
    /// A step panicked on a row, which is a fault of this crate.
    #[error(
        "{file}, row {line}: a fault of clawsig itself: {reason}; please report it with this row"
    )]
    Panicked {
        /// The input file.
        file: String,
        /// The line or row, from 1.
        line: u64,
        /// The message of the panic.
        reason: String,
    },
    /// The threads that parse could not be started.
    #[error("the threads can't be started: {reason}; ask for fewer with run.threads")]
    Threads {
        /// The system's reason.
        reason: String,
    },
    /// A row was rejected although `strict` is set.
    #[error("{file}, line {line}: {reason} (strict: any rejected row is an error)")]
    Strict {
        /// The input file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// Why the row was rejected.
        reason: String,
    },
    /// A file is not the one in the dataset lock, or not the one that the Hub lists.
    #[error("{file} is not the expected file: {}; {remedy}", list(differences))]
    Lock {
        /// The input file.
        file: String,
        /// What to do, or what was done about it.
        remedy: String,
        /// Every figure that differs.
        differences: Vec<LockDifference>,
    },
    /// A locked snapshot lacks a file.
    #[error("the locked snapshot has a file for the split {split}, and the source has none")]
    LockedFileMissing {
        /// The split.
        split: String,
    },
    /// A file changed between the pass that drew the sample and the pass that wrote it.
    #[error("{file} changed while it was read; run again when nothing writes to it")]
    Changed {
        /// The input file.
        file: String,
    },
    /// A setting is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

fn list(differences: &[LockDifference]) -> String {
    let parts: Vec<String> = differences
        .iter()
        .map(|d| format!("{} expected {} found {}", d.what, d.expected, d.found))
        .collect();
    parts.join("; ")
}

impl IngestError {
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> IngestError {
        let path = path.to_owned();
        move |source| IngestError::Io { action, path, source }
    }
}
