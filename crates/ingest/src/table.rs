//! Parquet files, written a row group at a time; encoding and compression need no file, so that
//! several threads can do them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    mem,
    path::{Path, PathBuf},
};

use polars_arrow::{
    array::Array,
    datatypes::{ArrowSchema, Field},
};
use polars_error::{PolarsError, PolarsResult};
use polars_parquet::{
    read::n_columns,
    write::{
        CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FileWriter,
        ParquetType, StatisticsOptions, Version, WriteOptions, array_to_columns, compress,
        fallible_streaming_iterator, to_parquet_schema,
    },
};

use crate::IngestError;

/// A compression that costs little beside parsing, but for long texts.
pub(crate) const FAST: CompressionOptions = CompressionOptions::Lz4Raw;
/// A compression for files that are kept and handed around.
pub(crate) const SMALL: CompressionOptions = CompressionOptions::Zstd(None);

/// Bytes that a row group of a file has at least, before compression: every group costs the writer some
/// kilobytes of memory until the file ends.
const GROUP_BYTES: usize = 16 << 20;

/// The settings of a file: no statistics, as they would hold skill text.
const fn options(compression: CompressionOptions) -> WriteOptions {
    WriteOptions {
        statistics: StatisticsOptions {
            min_value: false,
            max_value: false,
            distinct_count: false,
            null_count: true,
            binary_statistics_truncate_length: None,
        },
        version: Version::V1,
        compression,
        data_page_size: None,
    }
}

/// The columns of a file, ready to encode row groups.
#[derive(Clone)]
pub(crate) struct TableSchema {
    arrow: ArrowSchema,
    parquet: Vec<ParquetType>,
    options: WriteOptions,
    /// A column that is not compressed.
    as_it_is: Option<&'static str>,
}

/// A row group, or a part of one, as the bytes of its pages.
#[derive(Default)]
pub(crate) struct RowGroup {
    rows: u64,
    /// Before compression.
    bytes: usize,
    columns: Vec<Vec<CompressedPage>>,
}

impl RowGroup {
    /// Appends the rows of another.
    fn append(&mut self, more: RowGroup) {
        self.rows += more.rows;
        self.bytes += more.bytes;
        if self.columns.is_empty() {
            self.columns = more.columns;
        } else {
            self.columns.iter_mut().zip(more.columns).for_each(|(all, pages)| all.extend(pages));
        }
    }
}

impl TableSchema {
    pub(crate) fn new(
        fields: Vec<Field>,
        compression: CompressionOptions,
    ) -> PolarsResult<TableSchema> {
        let arrow: ArrowSchema = fields.into_iter().collect();
        let parquet = to_parquet_schema(&arrow)?.fields().to_vec();
        Ok(TableSchema { arrow, parquet, options: options(compression), as_it_is: None })
    }

    /// Leaves one column uncompressed.
    pub(crate) fn leaving(self, column: &'static str) -> TableSchema {
        TableSchema { as_it_is: Some(column), ..self }
    }

    /// Encodes and compresses one array a column, all of one length. `scratch` is memory for a
    /// page whose compressed size is not known yet.
    pub(crate) fn encode(
        &self,
        arrays: &[Box<dyn Array>],
        scratch: &mut Vec<u8>,
    ) -> PolarsResult<RowGroup> {
        let rows = arrays.first().map_or(0, |array| array.len()) as u64;
        let mut columns: Vec<Vec<CompressedPage>> = Vec::new();
        for (array, parquet) in arrays.iter().zip(&self.parquet) {
            let compression = match self.as_it_is == Some(parquet.name()) {
                true => CompressionOptions::Uncompressed,
                false => self.options.compression,
            };
            let encodings = vec![Encoding::Plain; n_columns(array.dtype())];
            let leaves = array_to_columns(array, parquet.clone(), self.options, &encodings)?;
            for pages in leaves {
                let pages = pages.map(|page| {
                    if compression == CompressionOptions::Uncompressed {
                        return Ok(compress(page?, Vec::new(), compression)?);
                    }
                    let mut page = compress(page?, mem::take(scratch), compression)?;
                    if let CompressedPage::Data(page) = &mut page {
                        // The page keeps as much memory as it needs, and the next one finds this.
                        let buffer = page.slice_mut().to_mut();
                        *scratch = mem::replace(buffer, buffer.to_vec());
                        scratch.clear();
                    }
                    Ok(page)
                });
                columns.push(pages.collect::<PolarsResult<_>>()?);
            }
        }
        let size = |page: &CompressedPage| match page {
            CompressedPage::Data(page) => page.uncompressed_size(),
            // Plain encoding has no dictionary.
            CompressedPage::Dict(_) => 0,
        };
        let bytes = columns.iter().flatten().map(size).sum();
        Ok(RowGroup { rows, bytes, columns })
    }
}

/// A Parquet file under construction.
pub(crate) struct TableWriter {
    path: PathBuf,
    writer: FileWriter<BufWriter<File>>,
    /// What is yet to be written.
    pending: RowGroup,
}

impl TableWriter {
    pub(crate) fn create(path: &Path, schema: &TableSchema) -> Result<TableWriter, IngestError> {
        let file = File::create(path).map_err(IngestError::io("create", path))?;
        let writer = FileWriter::try_new(
            BufWriter::with_capacity(1 << 20, file),
            schema.arrow.clone(),
            schema.options,
        )
        .map_err(|error| failed(path, error))?;
        Ok(TableWriter { path: path.to_owned(), writer, pending: RowGroup::default() })
    }

    /// Takes rows; they are written when there are enough for a group.
    pub(crate) fn write(&mut self, rows: RowGroup) -> Result<(), IngestError> {
        self.pending.append(rows);
        if self.pending.bytes < GROUP_BYTES { Ok(()) } else { self.write_pending() }
    }

    fn write_pending(&mut self) -> Result<(), IngestError> {
        let group = mem::take(&mut self.pending);
        if group.rows == 0 {
            return Ok(());
        }
        let columns = DynIter::new(group.columns.iter().map(|pages| {
            Ok(DynStreamingIterator::new(fallible_streaming_iterator::convert(
                pages.iter().map(Ok::<_, PolarsError>),
            )))
        }));
        self.writer.write(group.rows, columns).map_err(|error| failed(&self.path, error))
    }

    pub(crate) fn finish(mut self) -> Result<(), IngestError> {
        self.write_pending()?;
        self.writer.end(None).map_err(|error| failed(&self.path, error))?;
        let mut file = self.writer.into_inner();
        file.flush().map_err(IngestError::io("write", &self.path))
    }
}

/// An error of the Parquet library while writing; a full disk arrives as one of its own.
pub(crate) fn failed(path: &Path, error: PolarsError) -> IngestError {
    let source = match error {
        PolarsError::IO { error, .. } => std::io::Error::new(error.kind(), error.to_string()),
        other => std::io::Error::other(other.to_string()),
    };
    IngestError::Io { action: "write", path: path.to_owned(), source }
}
