//! The stage's parameters.

use std::{num::NonZero, thread};

use clawsig_schema::lock::LockedSnapshot;

use crate::IngestError;

/// What may be asked of [`crate::ingest`]; [`IngestParams::check`] makes it usable.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestParams {
    /// The largest row in bytes; a larger one is rejected without being held. Default 64 MiB.
    pub max_row_bytes: u64,
    /// Whether one rejected row is an error. Default false.
    pub strict: bool,
    /// The largest share of a file's rows that may be rejected, 0 to 1. Up to 10 rejected rows are no error as long as
    /// any row is accepted. Default 0.1.
    pub max_reject_share: f64,
    /// Training rows to draw, 0 for all; the other splits are always whole. Default 0.
    pub sample_rows: u64,
    /// The seed of the draw. Default 42.
    pub sample_seed: u64,
    /// Threads that parse; 0 takes as many as the machine has. The output does not depend on it.
    pub threads: usize,
    /// The snapshot that the files must be, byte for byte. Default none.
    pub lock: Option<LockedSnapshot>,
}

impl Default for IngestParams {
    fn default() -> IngestParams {
        IngestParams {
            max_row_bytes: 64 << 20,
            strict: false,
            max_reject_share: 0.1,
            sample_rows: 0,
            sample_seed: 42,
            threads: 0,
            lock: None,
        }
    }
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub struct ValidParams {
    pub(crate) max_row_bytes: usize,
    pub(crate) strict: bool,
    pub(crate) max_reject_share: f64,
    pub(crate) sample_rows: usize,
    pub(crate) sample_seed: u64,
    pub(crate) threads: usize,
    pub(crate) lock: Option<LockedSnapshot>,
}

impl IngestParams {
    /// Checks the ranges: `max_row_bytes` from 1 KiB to 1 GiB, `max_reject_share` from 0 to 1, at most 256 threads.
    pub fn check(self) -> Result<ValidParams, IngestError> {
        let wrong = |name, value: u64, expected| IngestError::Parameter {
            name,
            value: value.to_string(),
            expected,
        };
        let max_row_bytes = usize::try_from(self.max_row_bytes)
            .ok()
            .filter(|bytes| (1 << 10..=1 << 30).contains(bytes))
            .ok_or_else(|| wrong("max_row_bytes", self.max_row_bytes, "1 KiB to 1 GiB"))?;
        if !(0.0..=1.0).contains(&self.max_reject_share) {
            return Err(IngestError::Parameter {
                name: "max_reject_share",
                value: self.max_reject_share.to_string(),
                expected: "a share from 0 to 1",
            });
        }
        if self.threads > 256 {
            return Err(wrong("threads", self.threads as u64, "0 to 256"));
        }
        let sample_rows = usize::try_from(self.sample_rows)
            .map_err(|_| wrong("sample_rows", self.sample_rows, "a number of rows that fits"))?;
        let threads = match self.threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            given => given,
        };
        Ok(ValidParams {
            max_row_bytes,
            strict: self.strict,
            max_reject_share: self.max_reject_share,
            sample_rows,
            sample_seed: self.sample_seed,
            threads,
            lock: self.lock,
        })
    }
}
