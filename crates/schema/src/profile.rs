//! `profile.json`: what the rows of a run are, counted while they are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{column::ColumnKind, format::FormatVersion};

/// The format of `profile.json`.
///
/// - 2.0: verdicts and statuses of any name; no count of rows that the live edition's split rule would move.
/// - 1.0: the first.
pub const PROFILE_FORMAT: FormatVersion = FormatVersion::new(2, 0);

/// The content of `profile.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataProfile {
    /// The file's format.
    pub format: FormatVersion,
    /// Whether the rows are known to be made by the generator.
    pub synthetic: bool,
    /// The files that were read, in the order they were read.
    pub files: Vec<FileProfile>,
    /// Accepted rows, after sampling.
    pub rows: u64,
    /// Accepted rows that the sample of training rows left out.
    pub sampled_out: u64,
    /// Rejected rows.
    pub rejected: u64,
    /// Rejected rows by reason.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Columns that are not in the schema, with the number of rows that had them.
    pub extra_columns: BTreeMap<String, u64>,
    /// The 25 columns.
    pub columns: Vec<ColumnProfile>,
    /// Every split, empty ones included, in the dataset's order.
    pub splits: Vec<SplitProfile>,
    /// Static reason codes, by the rows that carry each.
    pub reason_codes: BTreeMap<String, u64>,
    /// SkillSpector issue categories, by the rows that carry each.
    pub issue_categories: BTreeMap<String, u64>,
    /// Quantiles of SkillSpector's score by verdict.
    pub score_by_verdict: BTreeMap<String, Quantiles>,
    /// Bundles over all rows.
    pub bundles: BundleProfile,
    /// One output of each scanner, from the first row that has one: scanner name to JSON text.
    pub examples: BTreeMap<String, String>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProfile {
    /// Its name below the source's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of what was read, in hex.
    pub sha256: String,
    /// Lines of a JSONL file, rows of a Parquet file.
    pub lines: u64,
    /// Lines that are empty or hold only blanks.
    pub blank: u64,
    /// Rows that were accepted.
    pub accepted: u64,
    /// Rows that were rejected; `lines = blank + accepted + rejected`.
    pub rejected: u64,
}

/// A column of the raw rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Accepted rows where it is null.
    pub nulls: u64,
    /// Accepted rows where it is an empty text, list or object.
    pub empty: u64,
}

/// A split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitProfile {
    /// Its name.
    pub split: String,
    /// Its rows.
    pub rows: u64,
    /// Rows by verdict; one that is none of the three stands under its own name, made printable.
    pub verdicts: BTreeMap<String, u64>,
    /// Scanner, then status text (`null` for none), to rows.
    pub statuses: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows by severity band (`null` for none, `other` for an unknown text).
    pub severities: BTreeMap<String, u64>,
    /// Length of the SKILL.md text in characters, over the rows that have one.
    pub text_chars: Quantiles,
}

/// A distribution in a few numbers, by the nearest-rank method over the values that exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Number of values.
    pub n: u64,
    /// The smallest; absent without values, as are the others.
    pub min: Option<f64>,
    /// The 5th percentile.
    pub p5: Option<f64>,
    /// The lower quartile.
    pub p25: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The upper quartile.
    pub p75: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
}

/// What bundles hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleProfile {
    /// Rows with at least one file.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Sum of their declared sizes.
    pub bytes: u64,
    /// Paths repeated inside a bundle.
    pub duplicate_paths: u64,
    /// Paths that would leave the bundle's folder.
    pub unsafe_paths: u64,
    /// Files by extension, the most frequent ones.
    pub extensions: BTreeMap<String, u64>,
}
