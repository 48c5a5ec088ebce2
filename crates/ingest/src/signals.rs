//! `signals/<split>.parquet`: its columns, how rows are put in and how they are read again.

use std::path::Path;

use clawsig_schema::{
    BundleStats, ExtensionCount, JudgeFields, SkillRow, SkillSpectorSignals, StaticSignals,
    VirusTotalSignals,
};
use polars_arrow::{
    array::Array,
    datatypes::{ArrowDataType, Field},
};
use polars_error::PolarsResult;

use crate::{
    IngestError,
    columns::{Flags, Lists, Numbers, TextLists, Texts},
    decode::{Table, Values},
    row::{Judged, Row},
    table::{FAST, TableSchema},
};

/// The schema of the files; names are the dataset's where a column is the dataset's.
pub(crate) fn schema() -> PolarsResult<TableSchema> {
    let text = Texts::dtype;
    let count = || ArrowDataType::UInt32;
    let flag = || ArrowDataType::Boolean;
    let texts = TextLists::dtype;
    let columns = [
        ("id", text()),
        ("skill_slug", text()),
        ("skill_version", text()),
        ("skill_md_content", text()),
        ("bundle_files", count()),
        ("bundle_bytes", ArrowDataType::UInt64),
        ("bundle_duplicate_paths", count()),
        ("bundle_unsafe_paths", count()),
        ("bundle_extensions", texts()),
        ("bundle_extension_files", Lists::dtype(count())),
        ("clawscan_verdict", text()),
        ("clawscan_confidence", text()),
        ("clawscan_model", text()),
        ("clawscan_summary", text()),
        ("static_status", text()),
        ("static_finding_count", count()),
        ("static_reason_codes", texts()),
        ("static_has_output", flag()),
        ("virustotal_status", text()),
        ("virustotal_verdict_text", text()),
        ("virustotal_malicious_count", count()),
        ("virustotal_suspicious_count", count()),
        ("virustotal_harmless_count", count()),
        ("virustotal_undetected_count", count()),
        ("virustotal_has_output", flag()),
        ("skillspector_status", text()),
        ("skillspector_recommendation", text()),
        ("skillspector_score", ArrowDataType::Float64),
        ("skillspector_severity", text()),
        ("skillspector_issue_count", count()),
        ("skillspector_issue_codes", texts()),
        ("skillspector_issue_categories", texts()),
        ("skillspector_has_output", flag()),
        ("split", text()),
    ];
    let fields = columns.map(|(name, dtype)| Field::new(name.into(), dtype, true));
    // Compressing the texts, even so, would cost a quarter of all that is done with a row, and they
    // take less room than the source they come from.
    Ok(TableSchema::new(fields.to_vec(), FAST)?.leaving("skill_md_content"))
}

/// Rows of one split on their way into one row group.
#[derive(Default)]
pub(crate) struct Batch {
    texts: [Texts; 15],
    counts: [Numbers<u32>; 9],
    bundle_bytes: Numbers<u64>,
    score: Numbers<f64>,
    extensions: TextLists,
    extension_files: (Lists, Numbers<u32>),
    lists: [TextLists; 3],
    outputs: [Flags; 3],
}

impl Batch {
    /// No rows yet, with room for so many bytes of SKILL.md text.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut batch = Batch::default();
        batch.texts[3] = Texts::with_room(bytes);
        batch
    }

    pub(crate) fn push(&mut self, row: &Row<'_>, judged: Judged) {
        let context = &row.context;
        let recommendation = context
            .skillspector_verdict
            .as_deref()
            .or(context.skillspector_recommendation.as_deref());
        let texts = [
            Some(row.id.as_ref()),
            row.slug.as_deref(),
            Some(row.version.as_ref()),
            row.text.as_deref(),
            judged.verdict.map(|verdict| verdict.as_str()),
            row.confidence.as_deref(),
            row.model.as_deref(),
            row.summary.as_deref(),
            row.static_status.as_deref(),
            row.virustotal_status.as_deref(),
            context.virustotal_verdict.as_deref(),
            row.skillspector_status.as_deref(),
            recommendation,
            row.severity.as_deref(),
            Some(judged.split.as_str()),
        ];
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        let bundle = &row.bundle;
        let counts = [
            Some(bundle.files),
            Some(bundle.duplicate_paths),
            Some(bundle.unsafe_paths),
            Some(row.finding_count),
            row.engines[0],
            row.engines[1],
            row.engines[2],
            row.engines[3],
            Some(row.issue_count),
        ];
        self.counts.iter_mut().zip(counts).for_each(|(column, count)| column.push(count));
        self.bundle_bytes.push(Some(bundle.bytes));
        self.score.push(row.score);
        self.extensions.push(bundle.extensions.iter().map(|e| e.extension.as_str()));
        self.extension_files.0.push(bundle.extensions.len());
        bundle.extensions.iter().for_each(|e| self.extension_files.1.push(Some(e.files)));
        let lists = [&row.reason_codes, &row.issue_codes, &row.issue_categories];
        self.lists
            .iter_mut()
            .zip(lists)
            .for_each(|(column, list)| column.push(list.iter().map(AsRef::as_ref)));
        self.outputs.iter_mut().zip(context.has_output).for_each(|(column, has)| column.push(has));
    }

    /// The columns in the order of [`schema`].
    pub(crate) fn finish(self) -> PolarsResult<Vec<Box<dyn Array>>> {
        let [
            id,
            slug,
            version,
            text,
            verdict,
            confidence,
            model,
            summary,
            status,
            vt_status,
            vt_verdict,
            ss_status,
            ss_recommendation,
            severity,
            split,
        ] = self.texts;
        let [files, duplicates, unsafe_paths, findings, e0, e1, e2, e3, issues] = self.counts;
        let [reasons, issue_codes, categories] = self.lists;
        let [static_output, vt_output, ss_output] = self.outputs;
        let (lists, items) = self.extension_files;
        Ok(vec![
            id.finish()?,
            slug.finish()?,
            version.finish()?,
            text.finish()?,
            files.finish()?,
            self.bundle_bytes.finish()?,
            duplicates.finish()?,
            unsafe_paths.finish()?,
            self.extensions.finish()?,
            lists.finish(items.finish()?)?,
            verdict.finish()?,
            confidence.finish()?,
            model.finish()?,
            summary.finish()?,
            status.finish()?,
            findings.finish()?,
            reasons.finish()?,
            static_output.finish()?,
            vt_status.finish()?,
            vt_verdict.finish()?,
            e0.finish()?,
            e1.finish()?,
            e2.finish()?,
            e3.finish()?,
            vt_output.finish()?,
            ss_status.finish()?,
            ss_recommendation.finish()?,
            self.score.finish()?,
            severity.finish()?,
            issues.finish()?,
            issue_codes.finish()?,
            categories.finish()?,
            ss_output.finish()?,
            split.finish()?,
        ])
    }
}

/// Which columns to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// All of them.
    All,
    /// All but the SKILL.md text, which is nearly all of a file's bytes; `text` is `None`.
    WithoutText,
}

/// Reads `signals/<split>.parquet`.
pub struct SignalsReader {
    pub(crate) table: Table,
}

impl SignalsReader {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// The file can't be read, is no Parquet file, is cut, or holds other columns.
    pub fn open(path: impl AsRef<Path>) -> Result<SignalsReader, IngestError> {
        let table = Table::open(path.as_ref())?;
        for column in
            ["id", "skill_version", "static_has_output", "skillspector_has_output", "split"]
        {
            if !table.has(column) {
                return Err(table.damaged(format!(
                    "has no column `{column}`, so it is not a signals file of clawsig"
                )));
            }
        }
        Ok(SignalsReader { table })
    }

    /// The number of rows.
    pub fn len(&self) -> u64 {
        self.table.rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in the order of the file; one row group is in memory at a time. After an error
    /// the iterator ends.
    pub fn rows(self, columns: Columns) -> Rows {
        Rows { table: self.table, columns, group: 0, rows: Vec::new().into_iter() }
    }
}

/// The rows of a file.
pub struct Rows {
    table: Table,
    columns: Columns,
    group: usize,
    rows: std::vec::IntoIter<SkillRow>,
}

impl Iterator for Rows {
    type Item = Result<SkillRow, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            if self.group >= self.table.groups() {
                return None;
            }
            let read = read_group(&self.table, self.group, self.columns);
            self.group += 1;
            match read {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => {
                    self.group = self.table.groups();
                    return Some(Err(error));
                }
            }
        }
    }
}

fn read_group(table: &Table, group: usize, which: Columns) -> Result<Vec<SkillRow>, IngestError> {
    let read = |name: &str| table.column(group, name);
    let text = match which {
        Columns::All => Some(read("skill_md_content")?),
        Columns::WithoutText => None,
    };
    let (id, slug, version) = (read("id")?, read("skill_slug")?, read("skill_version")?);
    let files = read("bundle_files")?;
    let bytes = read("bundle_bytes")?;
    let duplicates = read("bundle_duplicate_paths")?;
    let unsafe_paths = read("bundle_unsafe_paths")?;
    let extensions = read("bundle_extensions")?;
    let extension_files = read("bundle_extension_files")?;
    let verdict = read("clawscan_verdict")?;
    let confidence = read("clawscan_confidence")?;
    let model = read("clawscan_model")?;
    let summary = read("clawscan_summary")?;
    let static_status = read("static_status")?;
    let findings = read("static_finding_count")?;
    let reasons = read("static_reason_codes")?;
    let static_output = read("static_has_output")?;
    let vt_status = read("virustotal_status")?;
    let vt_verdict = read("virustotal_verdict_text")?;
    let malicious = read("virustotal_malicious_count")?;
    let suspicious = read("virustotal_suspicious_count")?;
    let harmless = read("virustotal_harmless_count")?;
    let undetected = read("virustotal_undetected_count")?;
    let vt_output = read("virustotal_has_output")?;
    let ss_status = read("skillspector_status")?;
    let recommendation = read("skillspector_recommendation")?;
    let score = read("skillspector_score")?;
    let severity = read("skillspector_severity")?;
    let issues = read("skillspector_issue_count")?;
    let issue_codes = read("skillspector_issue_codes")?;
    let categories = read("skillspector_issue_categories")?;
    let ss_output = read("skillspector_has_output")?;
    let split = read("split")?;

    let owned = |values: &Values, at: usize| values.text(at).map(str::to_owned);
    let count = |values: &Values, at: usize| values.number(at).and_then(crate::json::whole);
    let list = |values: &Values, at: usize| -> Vec<String> {
        values
            .list(at)
            .map(|(items, range)| range.filter_map(|i| items.text(i).map(str::to_owned)).collect())
            .unwrap_or_default()
    };
    let wrong = |at: usize, what: &str| {
        table.damaged(format!("row {} of row group {}: {what}", at + 1, group + 1))
    };
    (0..table.group_rows(group))
        .map(|at| {
            let kinds = list(&extensions, at);
            let numbers: Vec<u32> = extension_files
                .list(at)
                .map(|(items, range)| range.filter_map(|i| count(items, i)).collect())
                .unwrap_or_default();
            let verdict = verdict
                .text(at)
                .map(str::parse)
                .transpose()
                .map_err(|error| wrong(at, &format!("{error}")))?;
            Ok(SkillRow {
                id: owned(&id, at).ok_or_else(|| wrong(at, "has no id"))?,
                slug: owned(&slug, at),
                version: owned(&version, at).unwrap_or_default(),
                text: text.as_ref().and_then(|text| owned(text, at)),
                bundle: BundleStats {
                    files: count(&files, at).unwrap_or(0),
                    bytes: bytes.whole(at).unwrap_or(0),
                    duplicate_paths: count(&duplicates, at).unwrap_or(0),
                    unsafe_paths: count(&unsafe_paths, at).unwrap_or(0),
                    extensions: kinds
                        .into_iter()
                        .zip(numbers)
                        .map(|(extension, files)| ExtensionCount { extension, files })
                        .collect(),
                },
                verdict,
                judge: JudgeFields {
                    confidence: owned(&confidence, at),
                    model: owned(&model, at),
                    summary: owned(&summary, at),
                },
                static_scan: StaticSignals {
                    status: owned(&static_status, at),
                    finding_count: count(&findings, at).unwrap_or(0),
                    reason_codes: list(&reasons, at),
                    has_output: static_output.flag(at),
                },
                virustotal: VirusTotalSignals {
                    status: owned(&vt_status, at),
                    verdict_text: owned(&vt_verdict, at),
                    malicious: count(&malicious, at),
                    suspicious: count(&suspicious, at),
                    harmless: count(&harmless, at),
                    undetected: count(&undetected, at),
                    has_output: vt_output.flag(at),
                },
                skillspector: SkillSpectorSignals {
                    status: owned(&ss_status, at),
                    recommendation: owned(&recommendation, at),
                    score: score.number(at),
                    severity: owned(&severity, at),
                    issue_count: count(&issues, at).unwrap_or(0),
                    issue_codes: list(&issue_codes, at),
                    issue_categories: list(&categories, at),
                    has_output: ss_output.flag(at),
                },
                split: split
                    .text(at)
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| wrong(at, "has no split"))?,
            })
        })
        .collect()
}
