//! `profile.json`: what ingest found in the data.

use serde::{Deserialize, Serialize};

use crate::{Split, format::FormatVersion};

/// The format of `profile.json`.
///
/// - 1.0: first version.
pub const PROFILE_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// The shape of the data, of every column and of every split. It names files relative to their
/// source and holds no time, so that the same bytes give the same profile on any machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataProfile {
    /// The format of this file.
    pub format: FormatVersion,
    /// Where the rows came from.
    pub source: SourceProfile,
    /// The files, in the order they were read.
    pub files: Vec<FileProfile>,
    /// The counts of all files together.
    pub lines: LineCounts,
    /// Rejected rows by reason, most frequent first.
    pub rejects: Vec<NameCount>,
    /// Columns outside the schema that were left out, with the rows that have them.
    pub unknown_columns: Vec<NameCount>,
    /// Rows whose own `split` differs from the file they are in (the file decides).
    pub split_disagreements: u64,
    /// Written rows whose split is not the one the exporter's hash rule gives.
    pub split_rule_disagreements: u64,
    /// The 25 columns over all written rows.
    pub columns: Vec<ColumnProfile>,
    /// The splits, in the order of [`Split::ALL`]; one without rows is listed with zeros.
    pub splits: Vec<SplitProfile>,
    /// Static reason codes, most frequent first.
    pub reason_codes: Vec<CodeCount>,
    /// SkillSpector issue codes, most frequent first.
    pub issue_codes: Vec<CodeCount>,
    /// SkillSpector issue categories, most frequent first.
    pub issue_categories: Vec<CodeCount>,
    /// Bundles over all written rows.
    pub bundles: BundleTotals,
    /// What a reader of the results should know, in words.
    pub warnings: Vec<String>,
}

/// Where rows came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceProfile {
    /// `path` or `hub`.
    pub kind: String,
    /// The repository, for a source on the Hub.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repo: Option<String>,
    /// The commit that was read, for a source on the Hub.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
    /// The locked snapshot that every file was found to equal, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snapshot: Option<String>,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProfile {
    /// The path relative to the source.
    pub name: String,
    /// `jsonl` or `parquet`.
    pub format: String,
    /// The split the file's name gives; absent where each row says its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub split: Option<Split>,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// What became of its lines.
    pub lines: LineCounts,
    /// Accepted rows by verdict, in the order of `Verdict::ALL`.
    pub verdicts: [u64; 3],
    /// Accepted rows with the verdict `unknown`.
    pub verdict_unknown: u64,
}

/// What became of the lines of a file: `read = blank + rejected + accepted`, and
/// `accepted = written + not_sampled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCounts {
    /// Lines of a JSONL file, rows of a Parquet file.
    pub read: u64,
    /// Lines with nothing but white space.
    pub blank: u64,
    /// Rows that failed a check.
    pub rejected: u64,
    /// Rows that passed every check.
    pub accepted: u64,
    /// Accepted training rows that the sample left out.
    pub not_sampled: u64,
    /// Accepted rows that were written.
    pub written: u64,
}

impl LineCounts {
    /// Adds the counts of another file.
    pub fn add(&mut self, other: &LineCounts) {
        self.read += other.read;
        self.blank += other.blank;
        self.rejected += other.rejected;
        self.accepted += other.accepted;
        self.not_sampled += other.not_sampled;
        self.written += other.written;
    }

    /// Whether both sums of the type's documentation hold.
    pub fn adds_up(&self) -> bool {
        self.read == self.blank + self.rejected + self.accepted
            && self.accepted == self.written + self.not_sampled
    }
}

/// A name and how many rows have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCount {
    /// The name.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
}

/// A code of a list column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCount {
    /// The code.
    pub code: String,
    /// Rows whose list holds it at least once.
    pub rows: u64,
    /// Times it occurs over all lists.
    pub occurrences: u64,
}

/// One column of the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type, as `ColumnKind` writes it (`text`, `count`, …).
    pub kind: String,
    /// Whether the schema allows null.
    pub nullable: bool,
    /// Rows with null.
    pub nulls: u64,
    /// Rows with an empty text, list or object.
    pub empty: u64,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitProfile {
    /// The split.
    pub split: Split,
    /// Written rows.
    pub rows: u64,
    /// Rows by verdict, in the order of `Verdict::ALL`.
    pub verdicts: [u64; 3],
    /// Rows whose verdict is `unknown`: kept out of every target.
    pub verdict_unknown: u64,
    /// Rows by SkillSpector severity, upper-cased, most frequent first; `null` where missing.
    pub severities: Vec<NameCount>,
    /// Rows by status text for each scanner, in the order of `Scanner::ALL`, most frequent first;
    /// `null` where missing.
    pub statuses: [Vec<NameCount>; 3],
    /// Quantiles of the text's length.
    pub text_chars: TextLengths,
}

/// Exact quantiles of text lengths in characters (the smallest length that at least that share of
/// the rows do not exceed); all 0 where no row has a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLengths {
    /// Rows with a text.
    pub rows: u64,
    /// The shortest.
    pub min: u64,
    /// The first quartile.
    pub p25: u64,
    /// The median.
    pub median: u64,
    /// The third quartile.
    pub p75: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// The sum.
    pub total: u64,
}

/// What the bundles of all rows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleTotals {
    /// Rows with at least one bundled file.
    pub rows: u64,
    /// Bundled files.
    pub files: u64,
    /// Sum of their declared sizes in bytes.
    pub bytes: u64,
    /// Paths that repeat an earlier one of the same bundle.
    pub duplicate_paths: u64,
    /// Paths that could leave the folder they are unpacked into.
    pub unsafe_paths: u64,
}
