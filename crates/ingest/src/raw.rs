//! The dataset's 25 columns as Parquet: written from raw rows, read in whatever types a writer gave them.

use std::path::{Path, PathBuf};

use clawsig_schema::{
    column::{Column, ColumnKind},
    raw::{RawRow, RawValue},
    signal::{Cell, SignalKind},
};
use polars_arrow::array::Array;

use crate::{
    IngestError,
    json::file_field,
    parquet::{Builder, ParquetTable, SMALL, TableSchema, TableWriter, failed, value},
    reject::Fault,
    row::{Nulls, Row},
};

/// A row group is closed at this many bytes of text, or rows.
const GROUP_BYTES: usize = 16 << 20;
const GROUP_ROWS: usize = 4096;

fn builder(column: Column) -> Builder {
    match column.kind() {
        ColumnKind::Text | ColumnKind::Context => Builder::of(SignalKind::Text),
        ColumnKind::Count => Builder::of(SignalKind::Count),
        ColumnKind::Number => Builder::of(SignalKind::Number),
        ColumnKind::TextList => Builder::of(SignalKind::TextList),
        ColumnKind::Bundle => Builder::bundles(),
    }
}

fn builders() -> Vec<Builder> {
    Column::ALL.iter().map(|&column| builder(column)).collect()
}

/// Writes raw rows as Parquet, in row groups of bounded size.
pub struct RawParquetWriter {
    path: PathBuf,
    schema: TableSchema,
    writer: TableWriter,
    columns: Vec<Builder>,
    rows: usize,
    bytes: usize,
    scratch: Vec<u8>,
}

impl RawParquetWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// The file can't be created.
    pub fn create(path: impl AsRef<Path>) -> Result<RawParquetWriter, IngestError> {
        let path = path.as_ref();
        let columns = Column::ALL.iter().map(|&column| (column.name(), builder(column)));
        let schema = TableSchema::new(columns, SMALL).map_err(|error| failed(path, error))?;
        let writer = TableWriter::create(path, &schema)?;
        Ok(RawParquetWriter {
            path: path.to_owned(),
            schema,
            writer,
            columns: builders(),
            rows: 0,
            bytes: 0,
            scratch: Vec::new(),
        })
    }

    /// Adds a row; a full row group is written.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn push(&mut self, row: &RawRow) -> Result<(), IngestError> {
        for (column, builder) in Column::ALL.iter().zip(&mut self.columns) {
            match row.value(*column) {
                RawValue::Text(text) => {
                    self.bytes += text.map_or(0, str::len);
                    builder.push(Cell::Text(text));
                }
                RawValue::Context(text) => {
                    self.bytes += text.len();
                    builder.push(Cell::Text(Some(text)));
                }
                RawValue::Count(count) => builder.push(Cell::Count(count)),
                RawValue::Number(number) => builder.push(Cell::Number(number)),
                RawValue::TextList(list) => {
                    builder.push(Cell::TextList(list.iter().map(String::as_str).collect()));
                }
                RawValue::Bundle(files) => {
                    self.bytes += files.iter().map(|file| file.content.len()).sum::<usize>();
                    builder.push_bundle(files);
                }
            }
        }
        self.rows += 1;
        if self.bytes >= GROUP_BYTES || self.rows >= GROUP_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        let columns = std::mem::replace(&mut self.columns, builders());
        (self.rows, self.bytes) = (0, 0);
        let group = self.schema.encode(columns, &mut self.scratch);
        self.writer.write(group.map_err(|error| failed(&self.path, error))?)
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
    columns: Vec<(Column, Box<dyn Array>)>,
    pub(crate) rows: usize,
}

impl RawGroup {
    pub(crate) fn read(table: &ParquetTable, group: usize) -> Result<RawGroup, IngestError> {
        let mut columns = Vec::new();
        for &column in Column::ALL.iter().filter(|column| table.has(column.name())) {
            let of_file = |name: &str| file_field(name).is_some();
            let keep: Option<&dyn Fn(&str) -> bool> = match column.kind() {
                ColumnKind::Bundle => Some(&of_file),
                _ => None,
            };
            columns.push((column, table.array(group, column.name(), keep)?));
        }
        if columns.is_empty() {
            // Nothing would say how many rows there really are.
            let names: Vec<&str> = table.names().take(4).collect();
            return Err(table.damaged(format!(
                "has none of the dataset's columns, but {}",
                clawsig_schema::hostile::printable(&names.join(", "), 80)
            )));
        }
        Ok(RawGroup { columns, rows: table.group_rows(group) })
    }

    /// The row at a position of the group.
    pub(crate) fn row(&self, at: usize, nulls: Nulls) -> Result<Row<'_>, Fault> {
        let mut row = Row::default();
        for (column, array) in &self.columns {
            row.put(*column, value(array.as_ref(), at, *column)?, nulls)?;
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::raw::BundleFile;

    use super::*;

    #[test]
    fn a_group_is_closed_at_its_rows_or_at_the_bytes_of_all_its_texts() {
        let scratch = tempfile::tempdir().unwrap();
        let mut writer = RawParquetWriter::create(scratch.path().join("a.parquet")).unwrap();
        let content = "x".repeat(GROUP_BYTES / 4);
        let row = RawRow {
            skill_md_content: Some(content.clone()),
            skill_bundle_content: vec![BundleFile {
                content: content.clone(),
                ..Default::default()
            }],
            clawscan_context: content,
            ..RawRow::default()
        };
        writer.push(&row).unwrap();
        assert_eq!((writer.rows, writer.bytes), (1, GROUP_BYTES / 4 * 3));
        writer.push(&row).unwrap();
        assert_eq!((writer.rows, writer.bytes), (0, 0));
        for _ in 1..GROUP_ROWS {
            writer.push(&RawRow::default()).unwrap();
        }
        assert_eq!((writer.rows, writer.bytes), (GROUP_ROWS - 1, 0));
        writer.push(&RawRow::default()).unwrap();
        assert_eq!(writer.rows, 0);
        writer.finish().unwrap();
        let table = ParquetTable::open(&scratch.path().join("a.parquet")).unwrap();
        let rows: Vec<usize> = (0..table.groups()).map(|group| table.group_rows(group)).collect();
        assert_eq!(rows[..2], [2, GROUP_ROWS]);
    }

    #[test]
    fn a_table_of_other_columns_is_told_by_their_names() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.parquet");
        let texts = || ["first", "second"].map(|name| (name, Builder::of(SignalKind::Text)));
        let schema = TableSchema::new(texts(), SMALL).unwrap();
        let mut columns = Vec::from(texts().map(|(_, builder)| builder));
        columns.iter_mut().for_each(|column| column.push(Cell::Text(Some("x"))));
        let mut writer = TableWriter::create(&path, &schema).unwrap();
        writer.write(schema.encode(columns, &mut Vec::new()).unwrap()).unwrap();
        writer.finish().unwrap();
        let table = ParquetTable::open(&path).unwrap();
        let told = RawGroup::read(&table, 0).err().unwrap().to_string();
        assert!(told.ends_with("has none of the dataset's columns, but first, second"), "{told}");
    }
}
