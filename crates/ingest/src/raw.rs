//! The dataset's 25 columns as Parquet: written from raw rows, read in this form and in that of
//! the Hub's conversion.

use std::{borrow::Cow, path::Path};

use clawsig_schema::{column::COLUMNS, raw::RawRow};
use polars_arrow::{
    array::Array,
    datatypes::{ArrowDataType, Field},
};
use polars_error::PolarsResult;

use crate::{
    IngestError,
    columns::{Lists, Numbers, TextLists, Texts, structs},
    decode::{Table, Values},
    json::{parse_context, whole},
    reject::{Fault, RejectReason},
    row::{BundleTally, Context, Row},
    table::{SMALL, TableSchema, TableWriter, failed},
};

/// A row group is closed at this many bytes of text, or rows.
const GROUP_BYTES: usize = 16 << 20;
const GROUP_ROWS: usize = 4096;

fn bundle_fields() -> Vec<Field> {
    [
        ("path", Texts::dtype()),
        ("content", Texts::dtype()),
        ("sha256", Texts::dtype()),
        ("sizeBytes", ArrowDataType::Int64),
    ]
    .map(|(name, dtype)| Field::new(name.into(), dtype, true))
    .to_vec()
}

fn schema() -> PolarsResult<TableSchema> {
    use clawsig_schema::column::ColumnKind;
    let fields = COLUMNS.iter().map(|column| {
        let dtype = match column.kind {
            ColumnKind::Text | ColumnKind::Context => Texts::dtype(),
            ColumnKind::Count => ArrowDataType::UInt32,
            ColumnKind::Number => ArrowDataType::Float64,
            ColumnKind::TextList => TextLists::dtype(),
            ColumnKind::Bundle => Lists::dtype(ArrowDataType::Struct(bundle_fields())),
        };
        Field::new(column.name.into(), dtype, true)
    });
    TableSchema::new(fields.collect(), SMALL)
}

#[derive(Default)]
struct RawBatch {
    rows: usize,
    bytes: usize,
    texts: [Texts; 14],
    counts: [Numbers<u32>; 6],
    score: Numbers<f64>,
    lists: [TextLists; 3],
    bundles: Lists,
    files: [Texts; 3],
    sizes: Numbers<i64>,
}

impl RawBatch {
    fn push(&mut self, row: &RawRow) {
        let texts = [
            Some(row.id.as_str()),
            row.skill_slug.as_deref(),
            Some(row.skill_version.as_str()),
            row.skill_md_content.as_deref(),
            Some(row.clawscan_verdict.as_str()),
            row.clawscan_confidence.as_deref(),
            row.clawscan_model.as_deref(),
            row.clawscan_summary.as_deref(),
            row.static_status.as_deref(),
            row.virustotal_status.as_deref(),
            row.skillspector_status.as_deref(),
            row.skillspector_severity.as_deref(),
            Some(row.clawscan_context.as_str()),
            Some(row.split.as_str()),
        ];
        self.bytes += texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        let counts = [
            Some(row.static_finding_count),
            row.virustotal_malicious_count,
            row.virustotal_suspicious_count,
            row.virustotal_harmless_count,
            row.virustotal_undetected_count,
            Some(row.skillspector_issue_count),
        ];
        self.counts.iter_mut().zip(counts).for_each(|(column, count)| column.push(count));
        self.score.push(row.skillspector_score);
        let lists = [
            &row.static_reason_codes,
            &row.skillspector_issue_codes,
            &row.skillspector_issue_categories,
        ];
        self.lists
            .iter_mut()
            .zip(lists)
            .for_each(|(column, list)| column.push(list.iter().map(String::as_str)));
        self.bundles.push(row.skill_bundle_content.len());
        for file in &row.skill_bundle_content {
            let texts = [&file.path, &file.content, &file.sha256];
            self.files.iter_mut().zip(texts).for_each(|(column, text)| column.push(Some(text)));
            self.sizes.push(i64::try_from(file.size_bytes).ok());
            self.bytes += file.content.len();
        }
        self.rows += 1;
    }

    fn finish(self) -> PolarsResult<Vec<Box<dyn Array>>> {
        let [
            id,
            slug,
            version,
            text,
            verdict,
            confidence,
            model,
            summary,
            st,
            vt,
            ss,
            severity,
            context,
            split,
        ] = self.texts;
        let [findings, e0, e1, e2, e3, issues] = self.counts;
        let [reasons, codes, categories] = self.lists;
        let [path, content, sha256] = self.files;
        let files = vec![path.finish()?, content.finish()?, sha256.finish()?, self.sizes.finish()?];
        Ok(vec![
            id.finish()?,
            slug.finish()?,
            version.finish()?,
            text.finish()?,
            self.bundles.finish(structs(bundle_fields(), files)?)?,
            verdict.finish()?,
            confidence.finish()?,
            model.finish()?,
            summary.finish()?,
            st.finish()?,
            findings.finish()?,
            reasons.finish()?,
            vt.finish()?,
            e0.finish()?,
            e1.finish()?,
            e2.finish()?,
            e3.finish()?,
            ss.finish()?,
            self.score.finish()?,
            severity.finish()?,
            issues.finish()?,
            codes.finish()?,
            categories.finish()?,
            context.finish()?,
            split.finish()?,
        ])
    }
}

/// Writes raw rows as Parquet, in row groups of bounded size.
pub struct RawParquetWriter {
    path: std::path::PathBuf,
    schema: TableSchema,
    writer: TableWriter,
    batch: RawBatch,
    scratch: Vec<u8>,
}

impl RawParquetWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// The file can't be created.
    pub fn create(path: impl AsRef<Path>) -> Result<RawParquetWriter, IngestError> {
        let path = path.as_ref();
        let schema = schema().map_err(|error| failed(path, error))?;
        let writer = TableWriter::create(path, &schema)?;
        Ok(RawParquetWriter {
            path: path.to_owned(),
            schema,
            writer,
            batch: RawBatch::default(),
            scratch: Vec::new(),
        })
    }

    /// Adds a row; a full row group is written.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn push(&mut self, row: &RawRow) -> Result<(), IngestError> {
        self.batch.push(row);
        if self.batch.bytes >= GROUP_BYTES || self.batch.rows >= GROUP_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        let arrays = std::mem::take(&mut self.batch).finish();
        let group = arrays
            .and_then(|arrays| self.schema.encode(&arrays, &mut self.scratch))
            .map_err(|error| failed(&self.path, error))?;
        self.writer.write(group)
    }

    /// Writes the rest and the footer; without it the file is no Parquet file.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn finish(mut self) -> Result<(), IngestError> {
        self.flush()?;
        self.writer.finish()
    }
}

/// The columns of one row group of a raw file, as far as they are kept.
pub(crate) struct RawGroup {
    columns: Vec<Option<Values>>,
    pub(crate) rows: usize,
}

impl RawGroup {
    pub(crate) fn read(table: &Table, group: usize) -> Result<RawGroup, IngestError> {
        let columns = COLUMNS.iter().map(|column| {
            if !table.has(column.name) {
                return Ok(None);
            }
            let keep: Option<&[&str]> = (column.name == "skill_bundle_content").then_some(&[
                "path",
                "sizeBytes",
                "size_bytes",
            ]);
            table.fields(group, column.name, keep).map(Some)
        });
        let columns: Vec<Option<Values>> = columns.collect::<Result<_, _>>()?;
        if columns.iter().all(Option::is_none) {
            // Nothing would say how many rows there really are.
            return Err(table.damaged("has none of the dataset's columns".to_owned()));
        }
        Ok(RawGroup { columns, rows: table.group_rows(group) })
    }

    /// The row at a position of the group.
    pub(crate) fn row(&self, at: usize) -> Result<Row<'_>, Fault> {
        let cell = |column: usize| Cell { values: self.columns[column].as_ref(), at, column };
        let mut row = Row {
            id: cell(0).required_text()?,
            slug: cell(1).text()?,
            version: cell(2).required_text()?,
            text: cell(3).text()?,
            verdict: cell(5).required_text()?,
            confidence: cell(6).text()?,
            model: cell(7).text()?,
            summary: cell(8).text()?,
            static_status: cell(9).text()?,
            finding_count: cell(10).required_count()?,
            reason_codes: cell(11).list()?,
            virustotal_status: cell(12).text()?,
            engines: [cell(13).count()?, cell(14).count()?, cell(15).count()?, cell(16).count()?],
            skillspector_status: cell(17).text()?,
            score: cell(18).score()?,
            severity: cell(19).text()?,
            issue_count: cell(20).required_count()?,
            issue_codes: cell(21).list()?,
            issue_categories: cell(22).list()?,
            context: cell(23).context()?,
            split: cell(24).text()?,
            ..Row::default()
        };
        let mut tally = BundleTally::default();
        let bundle = cell(4);
        if let Some((files, range)) = bundle.values.and_then(|values| values.list(at)) {
            let path = files.field("path").ok_or_else(|| bundle.wrong("expected paths"))?;
            let size = files.field("sizeBytes").or_else(|| files.field("size_bytes"));
            for file in range {
                let path = path.text(file).ok_or_else(|| bundle.wrong("a path is null"))?;
                tally.add(path.into(), size.and_then(|size| size.whole(file)).unwrap_or(0));
            }
        }
        row.bundle = tally.finish();
        for (column, values) in self.columns.iter().enumerate() {
            row.seen |= u32::from(values.is_some()) << column;
        }
        Ok(row)
    }
}

struct Cell<'a> {
    values: Option<&'a Values>,
    at: usize,
    column: usize,
}

impl<'a> Cell<'a> {
    fn fault(&self, reason: RejectReason, what: &str) -> Fault {
        Fault::new(reason, format!("column `{}`: {what}", COLUMNS[self.column].name))
    }

    fn wrong(&self, what: &str) -> Fault {
        self.fault(RejectReason::WrongType, what)
    }

    fn null(&self) -> bool {
        self.values.is_none_or(|values| values.is_null(self.at))
    }

    fn text(&self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.null() {
            return Ok(None);
        }
        let text = self
            .values
            .and_then(|values| values.text(self.at))
            .ok_or_else(|| self.wrong("expected a string"))?;
        if text.as_bytes().contains(&0) {
            return Err(self.fault(RejectReason::Nul, "holds a NUL"));
        }
        Ok(Some(text.into()))
    }

    fn required<T>(&self, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| self.wrong("is null, which it may not be"))
    }

    fn required_text(&self) -> Result<Cow<'a, str>, Fault> {
        self.required(self.text()?)
    }

    fn count(&self) -> Result<Option<u32>, Fault> {
        if self.null() {
            return Ok(None);
        }
        let number = self
            .values
            .and_then(|values| values.number(self.at))
            .ok_or_else(|| self.wrong("expected a whole number"))?;
        whole(number).map(Some).ok_or_else(|| {
            self.fault(RejectReason::NumberOutOfRange, "expected a whole number, 0 to 4294967295")
        })
    }

    fn required_count(&self) -> Result<u32, Fault> {
        self.required(self.count()?)
    }

    fn score(&self) -> Result<Option<f64>, Fault> {
        if self.null() {
            return Ok(None);
        }
        let score = self
            .values
            .and_then(|values| values.number(self.at))
            .ok_or_else(|| self.wrong("expected a number"))?;
        if !(0.0..=100.0).contains(&score) {
            return Err(
                self.fault(RejectReason::NumberOutOfRange, "expected a score from 0 to 100")
            );
        }
        Ok(Some(score))
    }

    /// A null list is an empty one: the Hub's conversion does not tell them apart.
    fn list(&self) -> Result<Vec<Cow<'a, str>>, Fault> {
        let Some((items, range)) = self.values.and_then(|values| values.list(self.at)) else {
            return if self.null() { Ok(Vec::new()) } else { Err(self.wrong("expected a list")) };
        };
        range
            .map(|at| Cell { values: Some(items), at, column: self.column }.required_text())
            .collect()
    }

    fn context(&self) -> Result<Context<'a>, Fault> {
        let Some(values) = self.values.filter(|_| !self.null()) else {
            return Ok(Context::default());
        };
        if let Some(text) = values.text(self.at) {
            return parse_context(text);
        }
        let mut context = Context::default();
        for (has, name) in
            context.has_output.iter_mut().zip(["static", "virustotal", "skillspector"])
        {
            *has = values.field(name).is_some_and(|output| !output.is_hollow(self.at));
        }
        let member = |scanner: &str, name: &str| {
            let member = values.field(scanner).and_then(|output| output.field(name));
            Cell { values: member, at: self.at, column: self.column }.text()
        };
        context.virustotal_verdict = member("virustotal", "verdict")?;
        context.skillspector_verdict = member("skillspector", "verdict")?;
        context.skillspector_recommendation = member("skillspector", "recommendation")?;
        Ok(context)
    }
}
