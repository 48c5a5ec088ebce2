//! Columns under construction, and files that are written a row group at a time. Encoding and compression need no
//! file, so that several threads can do them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    mem,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    raw::BundleFile,
    signal::{Cell, SignalKind},
};
use polars_arrow::{
    array::{Array, BooleanArray, ListArray, PrimitiveArray, StructArray, Utf8Array},
    bitmap::MutableBitmap,
    datatypes::{ArrowDataType, ArrowSchema, Field},
    offset::OffsetsBuffer,
    types::NativeType,
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

type Finished = PolarsResult<Box<dyn Array>>;

/// Strings, some of them null.
#[derive(Default)]
pub(crate) struct Texts {
    ends: Vec<i64>,
    bytes: Vec<u8>,
    validity: MutableBitmap,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.ends.push(self.bytes.len() as i64);
        self.validity.push(text.is_some());
    }

    fn finish(self) -> Finished {
        let (offsets, validity) = (offsets(self.ends)?, self.validity.into());
        let dtype = ArrowDataType::LargeUtf8;
        Ok(Utf8Array::<i64>::try_new(dtype, offsets, self.bytes.into(), validity)?.boxed())
    }
}

fn offsets(ends: Vec<i64>) -> PolarsResult<OffsetsBuffer<i64>> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends);
    OffsetsBuffer::try_from(offsets)
}

/// Numbers, some of them null.
pub(crate) struct Numbers<T> {
    values: Vec<T>,
    validity: MutableBitmap,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Numbers { values: Vec::new(), validity: MutableBitmap::new() }
    }
}

impl<T: NativeType> Numbers<T> {
    fn push(&mut self, value: Option<T>) {
        self.values.push(value.unwrap_or_default());
        self.validity.push(value.is_some());
    }

    fn finish(self) -> Finished {
        let dtype = ArrowDataType::from(T::PRIMITIVE);
        let array = PrimitiveArray::try_new(dtype, self.values.into(), self.validity.into())?;
        Ok(array.boxed())
    }
}

/// A column under construction, and so its type.
#[expect(clippy::large_enum_variant, reason = "a file has a few dozen of them")]
pub(crate) enum Builder {
    Texts(Texts),
    Counts(Numbers<u32>),
    Bytes(Numbers<u64>),
    Numbers(Numbers<f64>),
    Flags(MutableBitmap),
    TextLists(Vec<i64>, Texts),
    CountLists(Vec<i64>, Numbers<u32>),
    /// The files of bundles: path, content, sha256 and size.
    Bundles(Vec<i64>, [Texts; 3], Numbers<i64>),
}

impl Builder {
    /// A column of signals.
    pub(crate) fn of(kind: SignalKind) -> Builder {
        match kind {
            SignalKind::Text => Builder::Texts(Texts::default()),
            SignalKind::Count => Builder::Counts(Numbers::default()),
            SignalKind::Bytes => Builder::Bytes(Numbers::default()),
            SignalKind::Number => Builder::Numbers(Numbers::default()),
            SignalKind::Flag => Builder::Flags(MutableBitmap::new()),
            SignalKind::TextList => Builder::TextLists(Vec::new(), Texts::default()),
            SignalKind::CountList => Builder::CountLists(Vec::new(), Numbers::default()),
        }
    }

    /// The column of the bundles' files.
    pub(crate) fn bundles() -> Builder {
        Builder::Bundles(Vec::new(), Default::default(), Numbers::default())
    }

    /// Makes room for so many bytes of text.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        if let Builder::Texts(texts) = self {
            texts.bytes.reserve(bytes);
        }
    }

    /// Adds a value; one of another kind is null.
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Builder::Texts(column), Cell::Text(text)) => column.push(text),
            (Builder::Texts(column), _) => column.push(None),
            (Builder::Counts(column), Cell::Count(count)) => column.push(count),
            (Builder::Counts(column), _) => column.push(None),
            (Builder::Bytes(column), Cell::Bytes(bytes)) => column.push(Some(bytes)),
            (Builder::Bytes(column), _) => column.push(None),
            (Builder::Numbers(column), Cell::Number(number)) => column.push(number),
            (Builder::Numbers(column), _) => column.push(None),
            (Builder::Flags(column), cell) => column.push(cell == Cell::Flag(true)),
            (Builder::TextLists(ends, items), cell) => {
                if let Cell::TextList(list) = cell {
                    list.into_iter().for_each(|item| items.push(Some(item)));
                }
                ends.push(items.ends.len() as i64);
            }
            (Builder::CountLists(ends, items), cell) => {
                if let Cell::CountList(list) = cell {
                    list.into_iter().for_each(|item| items.push(Some(item)));
                }
                ends.push(items.values.len() as i64);
            }
            (bundles @ Builder::Bundles(..), _) => bundles.push_bundle(&[]),
        }
    }

    /// Adds a bundle.
    pub(crate) fn push_bundle(&mut self, files: &[BundleFile]) {
        let Builder::Bundles(ends, [paths, contents, hashes], sizes) = self else { return };
        for file in files {
            paths.push(Some(&file.path));
            contents.push(Some(&file.content));
            hashes.push(Some(&file.sha256));
            sizes.push(i64::try_from(file.size_bytes).ok());
        }
        ends.push(sizes.values.len() as i64);
    }

    /// The column as an array.
    pub(crate) fn finish(self) -> Finished {
        match self {
            Builder::Texts(column) => column.finish(),
            Builder::Counts(column) => column.finish(),
            Builder::Bytes(column) => column.finish(),
            Builder::Numbers(column) => column.finish(),
            Builder::Flags(column) => {
                Ok(BooleanArray::try_new(ArrowDataType::Boolean, column.into(), None)?.boxed())
            }
            Builder::TextLists(ends, items) => lists(ends, items.finish()?),
            Builder::CountLists(ends, items) => lists(ends, items.finish()?),
            Builder::Bundles(ends, [paths, contents, hashes], sizes) => {
                let parts = [
                    ("path", paths.finish()?),
                    ("content", contents.finish()?),
                    ("sha256", hashes.finish()?),
                    ("sizeBytes", sizes.finish()?),
                ];
                let length = parts[0].1.len();
                let (fields, arrays) = parts
                    .map(|(name, array)| {
                        (Field::new(name.into(), array.dtype().clone(), true), array)
                    })
                    .into_iter()
                    .unzip();
                let files =
                    StructArray::try_new(ArrowDataType::Struct(fields), length, arrays, None)?;
                lists(ends, files.boxed())
            }
        }
    }
}

fn lists(ends: Vec<i64>, items: Box<dyn Array>) -> Finished {
    let item = Field::new("item".into(), items.dtype().clone(), true);
    let dtype = ArrowDataType::LargeList(Box::new(item));
    Ok(ListArray::<i64>::try_new(dtype, offsets(ends)?, items, None)?.boxed())
}

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
    /// The schema of columns with these names.
    pub(crate) fn new(
        columns: impl IntoIterator<Item = (&'static str, Builder)>,
        compression: CompressionOptions,
    ) -> PolarsResult<TableSchema> {
        let field = |(name, column): (&str, Builder)| {
            Ok(Field::new(name.into(), column.finish()?.dtype().clone(), true))
        };
        let arrow: ArrowSchema = columns.into_iter().map(field).collect::<PolarsResult<_>>()?;
        let parquet = to_parquet_schema(&arrow)?.fields().to_vec();
        Ok(TableSchema { arrow, parquet, options: options(compression), as_it_is: None })
    }

    /// Leaves one column uncompressed.
    pub(crate) fn leaving(self, column: &'static str) -> TableSchema {
        TableSchema { as_it_is: Some(column), ..self }
    }

    /// Encodes and compresses the columns, all of one length. `scratch` is memory for a page whose compressed
    /// size is not known yet.
    pub(crate) fn encode(
        &self,
        columns: Vec<Builder>,
        scratch: &mut Vec<u8>,
    ) -> PolarsResult<RowGroup> {
        let mut group = RowGroup::default();
        for (column, parquet) in columns.into_iter().zip(&self.parquet) {
            let array = column.finish()?;
            group.rows = array.len() as u64;
            let compression = match self.as_it_is == Some(parquet.name()) {
                true => CompressionOptions::Uncompressed,
                false => self.options.compression,
            };
            let encodings = vec![Encoding::Plain; n_columns(array.dtype())];
            let leaves = array_to_columns(&array, parquet.clone(), self.options, &encodings)?;
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
                group.columns.push(pages.collect::<PolarsResult<_>>()?);
            }
        }
        let size = |page: &CompressedPage| match page {
            CompressedPage::Data(page) => page.uncompressed_size(),
            // Plain encoding has no dictionary.
            CompressedPage::Dict(_) => 0,
        };
        group.bytes = group.columns.iter().flatten().map(size).sum();
        Ok(group)
    }
}

/// A Parquet file under construction.
pub(crate) struct TableWriter {
    path: PathBuf,
    writer: FileWriter<BufWriter<File>>,
    /// The rows of the group that is not full yet.
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
