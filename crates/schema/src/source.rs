//! `source.json`: which revision of a dataset on the Hub a run's rows are.

use serde::{Deserialize, Serialize};

use crate::format::FormatVersion;

/// The format of `source.json`.
///
/// - 1.0: the first.
pub const SOURCE_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// The content of `source.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The file's format.
    pub format: FormatVersion,
    /// The dataset, `owner/name`.
    pub repo: String,
    /// The full hash of the commit.
    pub commit: String,
    /// `raw`, `parquet` or `live`.
    pub edition: String,
    /// The name of the locked snapshot that the files were checked to be, if any.
    pub locked: Option<String>,
    /// The live edition's manifest as JSON text.
    pub manifest: Option<String>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}
