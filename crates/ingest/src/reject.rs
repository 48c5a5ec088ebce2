//! Rows that failed a check.

use clawsig_schema::column::Column;
use serde::Serialize;

/// Why a row was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectReason {
    /// Not one JSON object.
    BadJson,
    /// A column holds another type, or null where the schema has none.
    WrongType,
    /// A required column is absent from this row.
    MissingColumn,
    /// The split is none of the four, nor `latest`.
    UnknownSplit,
    /// The id occurred before in the same split; the first row stays.
    DuplicateId,
    /// The line is not UTF-8.
    InvalidUtf8,
    /// The line is longer than the limit.
    OversizedRow,
    /// A number is not finite, not whole where a count is due, or outside its range.
    NumberOutOfRange,
}

impl RejectReason {
    /// The reason as files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            RejectReason::BadJson => "bad_json",
            RejectReason::WrongType => "wrong_type",
            RejectReason::MissingColumn => "missing_column",
            RejectReason::UnknownSplit => "unknown_split",
            RejectReason::DuplicateId => "duplicate_id",
            RejectReason::InvalidUtf8 => "invalid_utf8",
            RejectReason::OversizedRow => "oversized_row",
            RejectReason::NumberOutOfRange => "number_out_of_range",
        }
    }
}

/// One line of `rejects.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The input file, relative to its source.
    pub file: String,
    /// The line, or the row of a Parquet file, from 1.
    pub line: u64,
    /// Where the line starts; absent for Parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_offset: Option<u64>,
    /// Why.
    pub reason: RejectReason,
    /// Why, in words: the column and what was expected.
    pub detail: String,
    /// The beginning of the line, its deceptive characters escaped.
    pub excerpt: String,
}

/// A failed check of one row, before it is known where the row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: RejectReason,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(reason: RejectReason, detail: impl Into<String>) -> Fault {
        Fault { reason, detail: detail.into() }
    }

    pub(crate) fn wrong_type(detail: String) -> Fault {
        Fault { reason: RejectReason::WrongType, detail }
    }

    /// The fault with its column's name before it.
    pub(crate) fn in_column(self, column: Column) -> Fault {
        Fault { detail: format!("column `{}`: {}", column.name(), self.detail), ..self }
    }
}
