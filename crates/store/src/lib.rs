#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod hash;
mod known;
mod lock;
mod manifest;
mod plan;
mod run;
mod state;

pub use error::StoreError;
pub use hash::{FileHash, Sha256Hex, hash_bytes, hash_file};
pub use manifest::{FORMAT, Input, MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest, Output};
pub use plan::Plan;
pub use run::{Discarded, RunFolder, Scratch, TIMING_FILE, Work, discard_unfinished};
pub use state::{Reason, State};
