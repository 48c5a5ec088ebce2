//! The stage's parameters.

use std::{num::NonZero, path::PathBuf, thread};

use clawsig_schema::{
    choices,
    lock::LockedSnapshot,
    settings::{Is, MOST_EXACT, Need, Params as _},
};

use crate::{HubFormat, IngestError};

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The bundled synthetic sample.
    Sample,
    /// A folder or file on this machine.
    Path,
    /// The Hugging Face Hub.
    Hub,
}

choices!(SourceKind, "source kind", Sample => "sample", Path => "path", Hub => "hub");
choices!(HubFormat, "form of the dataset", Raw => "raw", Parquet => "parquet", Live => "live");

/// Where the keys of the Hub act.
const ON_THE_HUB: Need = Need::new("source.kind", Is::OneOf(&["hub"]));

clawsig_schema::params! {
    /// Where the rows are. [`crate::Source`] and [`crate::HubSource`] are made from it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SourceParams {
        keys {
            /// Where the rows come from: the bundled sample, a folder or file (`path`), or the
            /// Hugging Face Hub.
            "source.kind" kind: SourceKind = SourceKind::Sample;
            /// A folder of JSONL or Parquet files, or one such file.
            "source.path" path: PathBuf = PathBuf::new(),
                needs(Need::new("source.kind", Is::OneOf(&["path"])));
            /// The dataset's repository on the Hub.
            "source.repo" repo: String = "OpenClaw/clawhub-security-signals".to_owned(),
                needs(ON_THE_HUB);
            /// The commit or branch to read; an empty text takes the locked commit.
            "source.revision" revision: String = String::new(), needs(ON_THE_HUB);
            /// The form of the dataset: `data/<split>.jsonl` of the snapshot (`raw`), the Hub's
            /// Parquet conversion, which is stale, or `data/latest.jsonl` of the moving edition
            /// (`live`).
            "source.format" format: HubFormat = HubFormat::Raw, needs(ON_THE_HUB);
            /// A dataset lock (JSON) to take instead of the built-in one; an empty text takes
            /// that.
            "source.lock" lock: PathBuf = PathBuf::new(),
                needs(ON_THE_HUB, Need::new("source.format", Is::OneOf(&["raw"])));
        }
    }
}

clawsig_schema::params! {
    /// What may be asked of [`crate::ingest`]; [`IngestParams::check`] makes it usable.
    #[derive(Clone, Debug, PartialEq)]
    pub struct IngestParams {
        keys {
            /// The largest row that is read, in bytes; a larger one is rejected without being
            /// held.
            "ingest.max_row_bytes" max_row_bytes: usize = 64 << 20, range(1 << 10, 1 << 30);
            /// Whether one rejected row is an error.
            "ingest.strict" strict: bool = false;
            /// The largest share of a file's rows that may be rejected. Up to 10 rejected rows are no
            /// error as long as any row is accepted.
            "ingest.max_reject_share" max_reject_share: f64 = 0.1, range(0, 1);
            /// Training rows to draw; the other splits are always whole.
            "sample.rows" sample_rows: usize = 0, range(1, MOST_EXACT), zero("all of them");
            /// The seed of the draw of training rows.
            "sample.seed" sample_seed: u64 = 42, range(0, MOST_EXACT),
                needs(Need::new("sample.rows", Is::On));
            /// Threads; the results do not depend on them.
            "run.threads" threads: usize = 0, range(1, 256), zero("one a core");
        }
        plain {
            /// The snapshot that the files must be, byte for byte.
            lock: Option<LockedSnapshot> = None;
        }
    }
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub struct ValidIngestParams {
    pub(crate) max_row_bytes: usize,
    pub(crate) strict: bool,
    pub(crate) max_reject_share: f64,
    pub(crate) sample_rows: usize,
    pub(crate) sample_seed: u64,
    pub(crate) threads: usize,
    pub(crate) lock: Option<LockedSnapshot>,
}

impl IngestParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first parameter out of range, with its key, value and range.
    pub fn check(self) -> Result<ValidIngestParams, IngestError> {
        self.check_ranges()?;
        let threads = match self.threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            given => given,
        };
        Ok(ValidIngestParams {
            max_row_bytes: self.max_row_bytes,
            strict: self.strict,
            max_reject_share: self.max_reject_share,
            sample_rows: self.sample_rows,
            sample_seed: self.sample_seed,
            threads,
            lock: self.lock,
        })
    }
}
