//! A row of the dataset as it is published: 25 columns, nothing judged yet.

pub use crate::column::{RawRow, RawValue};

/// The `clawscan_model` of generated rows: no judge has this name, so that generated data says what
/// it is wherever it goes.
pub const SYNTHETIC_MODEL: &str = "synthetic";

/// One file of a skill's bundle: `{path, content, sha256, sizeBytes}` in JSON, the same four
/// names as the fields of a struct in Parquet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFile {
    /// The path inside the bundle, as its author wrote it: not to be trusted.
    pub path: String,
    /// The content as text.
    pub content: String,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// The size of the content in bytes; `sizeBytes` in JSON.
    pub size_bytes: u64,
}
