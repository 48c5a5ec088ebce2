//! Rows outside a dataset, one at a time: what a scorer is given.
//!
//! Nothing is asked of such a row but that what it holds has the right types: a skill that is to be
//! judged has no verdict yet, and maybe no scanner has seen it.

use std::{borrow::Cow, path::Path};

use clawsig_schema::{BundleStats, SkillRow, column::Column};

use crate::{
    Columns, IngestError, RejectReason, Rows, SignalsReader, json,
    parquet::ParquetTable,
    process::utf8,
    raw::RawGroup,
    reject::Fault,
    row::{BundleTally, ColumnSet, Nulls, Row},
};

/// One row of any source.
#[derive(Clone, Debug, PartialEq)]
pub struct SingleRow {
    /// The row. What it does not hold is absent or 0, and a split that is none of the four `eval_holdout`.
    pub row: SkillRow,
    /// Whether the row has any column that a scanner writes. Without one it is not known what the
    /// scanners say, which is something else than that they have said nothing.
    pub has_scanners: bool,
}

/// Why a row can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RowError {
    /// The kind of fault.
    pub reason: RejectReason,
    /// The fault in words: the column and what was expected. It may hold text of the row.
    pub detail: String,
}

impl From<Fault> for RowError {
    fn from(fault: Fault) -> RowError {
        RowError { reason: fault.reason, detail: fault.detail }
    }
}

/// Reads one line of JSON: an object with columns of the dataset, any of which may be missing as
/// long as there is a text or a scanner's column. Other keys are passed over.
///
/// # Errors
/// The line is no UTF-8 or no JSON object, a column has another type than the schema's, or there is
/// nothing to go by.
pub fn parse_row(line: &[u8]) -> Result<SingleRow, RowError> {
    let text = utf8(line)?;
    single(json::parse(text.trim_start_matches('\u{feff}'), Nulls::Anywhere)?)
}

/// A row that has anything to go by.
fn single(row: Row<'_>) -> Result<SingleRow, RowError> {
    let scanners: ColumnSet = Column::ALL.iter().copied().filter(|c| c.of_scanners()).collect();
    let has_scanners = row.seen.meets(scanners);
    if !has_scanners && !row.seen.contains(Column::SkillMdContent) {
        return Err(RowError {
            reason: RejectReason::MissingColumn,
            detail: "has neither `skill_md_content` nor a scanner's column".to_owned(),
        });
    }
    Ok(SingleRow { row: row.into_skill(), has_scanners })
}

/// The figures of a bundle from its files' paths (with `/`, below the skill's folder) and sizes.
pub fn bundle_stats(files: impl IntoIterator<Item = (String, u64)>) -> BundleStats {
    let mut tally = BundleTally::default();
    for (path, bytes) in files {
        tally.add(Cow::Owned(path), bytes);
    }
    tally.finish()
}

/// The rows of a Parquet file: the dataset's own, or a signals file that [`crate::ingest`] wrote.
pub struct SingleRows {
    rows: SingleSource,
}

enum SingleSource {
    Signals(Rows),
    Raw { table: ParquetTable, next: usize, group: Option<RawGroup>, at: usize },
}

impl SingleRows {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// The file can't be read or is no Parquet file.
    pub fn open(path: &Path) -> Result<SingleRows, IngestError> {
        let table = ParquetTable::open(path)?;
        let rows = match SignalsReader::recognises(&table) {
            true => SingleSource::Signals(SignalsReader::open(path)?.rows(Columns::All)),
            false => SingleSource::Raw { table, next: 0, group: None, at: 0 },
        };
        Ok(SingleRows { rows })
    }
}

impl Iterator for SingleRows {
    /// A row, a row that can't be read, or the end of a damaged file.
    type Item = Result<Result<SingleRow, RowError>, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (table, next, group, at) = match &mut self.rows {
            SingleSource::Signals(rows) => {
                return Some(rows.next()?.map(|row| Ok(SingleRow { row, has_scanners: true })));
            }
            SingleSource::Raw { table, next, group, at } => (table, next, group, at),
        };
        loop {
            if let Some(rows) = group
                && *at < rows.rows
            {
                *at += 1;
                let row = rows.row(*at - 1, Nulls::Anywhere).map_err(RowError::from);
                return Some(Ok(row.and_then(single)));
            }
            if *next >= table.groups() {
                return None;
            }
            match RawGroup::read(table, *next) {
                Ok(read) => (*group, *at, *next) = (Some(read), 0, *next + 1),
                Err(error) => {
                    (*group, *next) = (None, table.groups());
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::VerdictLabel;

    use super::*;

    #[test]
    fn a_text_alone_is_a_row_without_scanners() {
        let read = parse_row(br##"{"skill_md_content": "# Hi", "other": [1]}"##).unwrap();
        assert_eq!(read.row.text.as_deref(), Some("# Hi"));
        assert!(!read.has_scanners && read.row.verdict == VerdictLabel::Absent);
        let nulls = br#"{"skill_md_content": "x", "clawscan_verdict": null, "id": null}"#;
        assert_eq!(parse_row(nulls).unwrap().row.verdict, VerdictLabel::Absent);
        let read = parse_row(br#"{"skillspector_score": 12}"#).unwrap();
        assert!(read.has_scanners);
        assert_eq!(read.row.skillspector.score, Some(12.0));
        for &column in Column::ALL {
            let line = format!(r#"{{"skill_md_content": "x", "{}": null}}"#, column.name());
            let read =
                parse_row(line.replacen("\"skill_md_content\": null", "\"a\": 1", 1).as_bytes());
            assert_eq!(read.unwrap().has_scanners, column.of_scanners(), "{}", column.name());
        }
    }

    #[test]
    fn the_figures_of_a_bundle_are_those_of_its_row() {
        let files = [("a/run.SH", 3), ("../b", 4), ("c.sh", 0), ("c.sh", 5)];
        let json =
            files.map(|(path, bytes)| format!(r#"{{"path": "{path}", "sizeBytes": {bytes}}}"#));
        let line = format!(
            r#"{{"skill_md_content": "x", "skill_bundle_content": [{}]}}"#,
            json.join(", ")
        );
        let of_row = parse_row(line.as_bytes()).unwrap().row.bundle;
        let found = bundle_stats(files.map(|(path, bytes)| (path.to_owned(), bytes)));
        assert_eq!(found, of_row);
        let counts = (found.files, found.bytes, found.duplicate_paths, found.unsafe_paths);
        assert_eq!(counts, (4, 12, 1, 1));
    }

    #[test]
    fn what_is_no_row_says_why() {
        let reason = |line: &[u8]| parse_row(line).unwrap_err().reason;
        assert_eq!(reason(b"{}"), RejectReason::MissingColumn);
        assert_eq!(reason(b"[1]"), RejectReason::BadJson);
        assert_eq!(reason(b"{\"skill_md_content\": 1}"), RejectReason::WrongType);
        assert_eq!(reason(b"{\"skill_md_content\": \"\xff\"}"), RejectReason::InvalidUtf8);
        assert_eq!(reason(br#"{"skillspector_score": 101}"#), RejectReason::NumberOutOfRange);
    }
}
