#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod disk;
mod error;
mod hash;
mod journal;
#[cfg(test)]
mod killed;
mod known;
mod lock;
mod manifest;
mod marker;
mod outputs;
mod owned;
mod plan;
mod run;
mod seal;
mod state;
mod temporary;

pub use error::StoreError;
pub use hash::{FileHash, Sha256Hex, hash_bytes, hash_file};
pub use manifest::{FORMAT, Input, MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest, Output};
pub use marker::{MARKER_FILE, Standing, TEMPORARY_FOLDER};
pub use plan::Plan;
pub use run::{RunFolder, TIMING_FILE, Work};
pub use state::{Reason, State};
pub use temporary::{Discarded, Scratch, discard_unfinished};
