//! Rows outside a dataset, one at a time: what a scorer is given.
//!
//! Nothing is asked of such a row but that what it holds has the right types: a skill that is to be
//! judged has no verdict yet, and maybe no scanner has seen it.

use std::{borrow::Cow, path::Path};

use clawsig_schema::{
    BundleStats, JudgeFields, SkillRow, SkillSpectorSignals, Split, StaticSignals,
    VirusTotalSignals, column::COLUMNS,
};

use crate::{
    Columns, IngestError, RejectReason, Rows, SignalsReader,
    decode::Table,
    json,
    raw::RawGroup,
    reject::Fault,
    row::{BundleTally, Row},
};

/// The columns of the schema that scanners write, as bits of [`Row::seen`]: `static_status` to
/// `clawscan_context`.
const SCANNER_COLUMNS: u32 = 0x7fff << 9;
/// The column of the text.
const TEXT_COLUMN: u32 = 1 << 3;

/// One row of any source.
#[derive(Clone, Debug, PartialEq)]
pub struct SingleRow {
    /// The row. What it does not hold is absent or 0; a verdict that is none of the three is
    /// `None`, and a split that is none of the four `eval_holdout`.
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
    let text = std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        Fault::new(RejectReason::InvalidUtf8, format!("byte {at} of the line is no UTF-8"))
    })?;
    let row = json::parse_with_nulls(text.trim_start_matches('\u{feff}'))?;
    if row.seen & (SCANNER_COLUMNS | TEXT_COLUMN) == 0 {
        return Err(RowError {
            reason: RejectReason::MissingColumn,
            detail: "has neither `skill_md_content` nor a scanner's column".to_owned(),
        });
    }
    let has_scanners = row.seen & SCANNER_COLUMNS != 0;
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
    rows: Source,
}

enum Source {
    Signals(Rows),
    Raw { table: Table, next: usize, group: Option<RawGroup>, at: usize },
}

impl SingleRows {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// The file can't be read, is no Parquet file, or lacks a column of the dataset.
    pub fn open(path: &Path) -> Result<SingleRows, IngestError> {
        let table = Table::open(path)?;
        if table.has("static_has_output") {
            return Ok(SingleRows {
                rows: Source::Signals(SignalsReader::open(path)?.rows(Columns::All)),
            });
        }
        if let Some(column) =
            COLUMNS.iter().find(|column| column.name != "split" && !table.has(column.name))
        {
            return Err(IngestError::Source {
                path: path.to_owned(),
                reason: format!(
                    "has no column `{}`; rows need the dataset's 25 columns",
                    column.name
                ),
            });
        }
        Ok(SingleRows { rows: Source::Raw { table, next: 0, group: None, at: 0 } })
    }
}

impl Iterator for SingleRows {
    /// A row, a row that can't be read, or the end of a damaged file.
    type Item = Result<Result<SingleRow, RowError>, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (table, next, group, at) = match &mut self.rows {
            Source::Signals(rows) => {
                return Some(rows.next()?.map(|row| Ok(SingleRow { row, has_scanners: true })));
            }
            Source::Raw { table, next, group, at } => (table, next, group, at),
        };
        loop {
            if let Some(rows) = group
                && *at < rows.rows
            {
                *at += 1;
                let row = rows.row(*at - 1).map(Row::into_skill).map_err(RowError::from);
                return Some(Ok(row.map(|row| SingleRow { row, has_scanners: true })));
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

impl Row<'_> {
    /// The row as later stages see it, without a judgement of verdict and split.
    fn into_skill(self) -> SkillRow {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let list =
            |list: Vec<Cow<'_, str>>| list.into_iter().map(Cow::into_owned).collect::<Vec<_>>();
        let context = self.context;
        let [static_output, virustotal_output, skillspector_output] = context.has_output;
        let [malicious, suspicious, harmless, undetected] = self.engines;
        SkillRow {
            verdict: self.verdict.parse().ok(),
            split: self.split.and_then(|split| split.parse().ok()).unwrap_or(Split::EvalHoldout),
            id: self.id.into_owned(),
            slug: owned(self.slug),
            version: self.version.into_owned(),
            text: owned(self.text),
            bundle: self.bundle,
            judge: JudgeFields {
                confidence: owned(self.confidence),
                model: owned(self.model),
                summary: owned(self.summary),
            },
            static_scan: StaticSignals {
                status: owned(self.static_status),
                finding_count: self.finding_count,
                reason_codes: list(self.reason_codes),
                has_output: static_output,
            },
            virustotal: VirusTotalSignals {
                status: owned(self.virustotal_status),
                verdict_text: owned(context.virustotal_verdict),
                malicious,
                suspicious,
                harmless,
                undetected,
                has_output: virustotal_output,
            },
            skillspector: SkillSpectorSignals {
                status: owned(self.skillspector_status),
                recommendation: owned(
                    context.skillspector_verdict.or(context.skillspector_recommendation),
                ),
                score: self.score,
                severity: owned(self.severity),
                issue_count: self.issue_count,
                issue_codes: list(self.issue_codes),
                issue_categories: list(self.issue_categories),
                has_output: skillspector_output,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_alone_is_a_row_without_scanners() {
        let read = parse_row(br##"{"skill_md_content": "# Hi", "other": [1]}"##).unwrap();
        assert_eq!(read.row.text.as_deref(), Some("# Hi"));
        assert!(!read.has_scanners && read.row.verdict.is_none());
        let nulls = br#"{"skill_md_content": "x", "clawscan_verdict": null, "id": null}"#;
        assert_eq!(parse_row(nulls).unwrap().row.verdict, None);
        let read = parse_row(br#"{"skillspector_score": 12}"#).unwrap();
        assert!(read.has_scanners);
        assert_eq!(read.row.skillspector.score, Some(12.0));
        for column in &COLUMNS[9..24] {
            assert!(
                ["static_", "virustotal_", "skillspector_", "clawscan_context"]
                    .iter()
                    .any(|head| column.name.starts_with(head)),
                "{} is a scanner's",
                column.name
            );
        }
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
