//! Parquet files: read a column of a row group at a time, written a row group at a time.
//!
//! The types are those of Parquet's own schema. The Arrow schema that writers add to it (dictionaries, categories,
//! extension types, fixed-size lists, views) says nothing that a reader of values needs, and is not looked at.

mod cells;
mod write;

use std::{
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use polars_arrow::{
    array::Array,
    datatypes::{ArrowDataType, ArrowSchema, Field},
};
use polars_parquet::{
    parquet::compression::Compression,
    read::{
        BasicDecompressor, FileMetadata, PageReader, column_iter_to_arrays, n_columns,
        read_metadata, schema::parquet_to_arrow_schema,
    },
    write::CompressedPage,
};

pub(crate) use cells::{list_range, primitive_number, scalar, value};
pub(crate) use write::{Builder, FAST, RowGroup, SMALL, TableSchema, TableWriter, failed};

use crate::{
    IngestError,
    guard::guarded,
    look::{HEAD, look},
};

/// An open Parquet file.
#[derive(Clone)]
pub(crate) struct ParquetTable {
    path: PathBuf,
    length: u64,
    metadata: Arc<FileMetadata>,
    schema: Arc<ArrowSchema>,
}

impl ParquetTable {
    pub(crate) fn open(path: &Path) -> Result<ParquetTable, IngestError> {
        let damaged = |reason: String| IngestError::Parquet { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(IngestError::io("open", path))?;
        let length = file.metadata().map_err(IngestError::io("read", path))?.len();
        let (mut head, mut tail) = ([0; 4], [0; 4]);
        let read = file.read_exact(&mut head).is_ok()
            && length >= 12
            && file.seek(SeekFrom::End(-4)).is_ok()
            && file.read_exact(&mut tail).is_ok();
        if tail == *b"PARE" {
            return Err(damaged(
                "is an encrypted Parquet file; write it without encryption".into(),
            ));
        }
        if head != *b"PAR1" {
            let mut start = head.to_vec();
            let more =
                file.rewind().and_then(|()| (&mut file).take(HEAD as u64).read_to_end(&mut start));
            let found = more.ok().and_then(|_| look(&start[head.len()..]).described());
            if let Some(found) = found {
                return Err(damaged(format!("is no Parquet file, but {found}")));
            }
        }
        if !read || head != *b"PAR1" || tail != head {
            return Err(damaged(
                "is not a whole Parquet file (cut short or another format); make or download it again".into(),
            ));
        }
        file.rewind().map_err(IngestError::io("read", path))?;
        let footer =
            || damaged("its footer can't be read; make or download the file again".to_owned());
        let metadata = guarded(|| read_metadata(&mut file));
        let metadata = metadata.ok().and_then(Result::ok).ok_or_else(footer)?;
        let schema = guarded(|| parquet_to_arrow_schema(metadata.schema().fields()));
        let schema = schema.map_err(|_| footer())?;
        Ok(ParquetTable {
            path: path.to_owned(),
            length,
            metadata: metadata.into(),
            schema: schema.into(),
        })
    }

    pub(crate) fn damaged(&self, reason: String) -> IngestError {
        IngestError::Parquet { path: self.path.clone(), reason }
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.schema.get(column).is_some()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.schema.iter_names().map(|name| name.as_str())
    }

    pub(crate) fn rows(&self) -> u64 {
        self.metadata.row_groups.iter().map(|group| group.num_rows() as u64).sum()
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.row_groups.len()
    }

    pub(crate) fn group_rows(&self, group: usize) -> usize {
        self.metadata.row_groups[group].num_rows()
    }

    /// The type of a column as [`ParquetTable::array`] gives it.
    #[cfg(feature = "frame")]
    pub(crate) fn dtype(&self, column: &str) -> Option<ArrowDataType> {
        Some(decodable(self.schema.get(column)?, None, &mut Vec::new())?.dtype)
    }

    /// A column as an Arrow array; of its structs only the fields for which `keep` is true, where there is one.
    pub(crate) fn array(
        &self,
        group: usize,
        name: &str,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<Box<dyn Array>, IngestError> {
        guarded(|| self.decode(group, name, keep)).unwrap_or_else(|_| Err(self.undecodable(name)))
    }

    fn decode(
        &self,
        group: usize,
        name: &str,
        keep: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<Box<dyn Array>, IngestError> {
        let wrong = |reason: &str| {
            self.damaged(format!("column `{name}`: {reason}; make or download the file again"))
        };
        let Some(field) = self.schema.get(name) else {
            return Err(self.damaged(format!("has no column `{name}`")));
        };
        let mut kept = Vec::new();
        let field = match decodable(field, keep, &mut kept) {
            Some(field) => field,
            None => {
                // Nothing of it is of interest, but how many there are.
                kept.clear();
                decodable(field, None, &mut kept).ok_or_else(|| wrong("has no values"))?
            }
        };
        let rows = self.group_rows(group);
        let mut file = File::open(&self.path).map_err(IngestError::io("open", &self.path))?;
        let (mut pages, mut types) = (Vec::new(), Vec::new());
        let columns = self.metadata.row_groups[group].columns_under_root_iter(name);
        for (column, _) in columns.into_iter().flatten().zip(&kept).filter(|(_, kept)| **kept) {
            if column.compression() == Compression::Lzo {
                return Err(self.damaged(format!(
                    "column `{name}`: is compressed with LZO, which is not read; compress with zstd or snappy"
                )));
            }
            let range = column.byte_range();
            if range.end > self.length || range.start > range.end {
                return Err(wrong("lies outside the file, which was cut"));
            }
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.seek(SeekFrom::Start(range.start))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(IngestError::io("read", &self.path))?;
            let bytes = Cursor::new(bytes.into());
            let reader = |bytes| PageReader::new(bytes, column, Vec::new(), usize::MAX);
            // The decoder makes room for as many values as a page says it has, before it has any.
            let most = usize::try_from(column.num_values()).ok().filter(|most| *most >= rows);
            let Some(most) = most else {
                return Err(wrong("has fewer values than the group has rows"));
            };
            let beyond = |page: &CompressedPage| match page {
                CompressedPage::Data(page) => page.num_values() > most,
                CompressedPage::Dict(_) => false,
            };
            if reader(bytes.clone()).map_while(Result::ok).any(|page| beyond(&page)) {
                return Err(wrong("has a page of more values than the column"));
            }
            pages.push(BasicDecompressor::new(reader(bytes), Vec::new()));
            types.push(&column.descriptor().descriptor.primitive_type);
        }
        let (arrays, _) =
            column_iter_to_arrays(pages, types, field, None).map_err(|_| self.undecodable(name))?;
        let mut arrays = arrays.into_iter();
        let (Some(array), None) = (arrays.next(), arrays.next()) else {
            return Err(wrong("has no single chunk in a row group"));
        };
        if array.len() != rows {
            return Err(wrong(&format!("has {} values in a group of {rows} rows", array.len())));
        }
        Ok(array)
    }

    /// The decoder's own words are of its insides, so that none is passed on.
    fn undecodable(&self, name: &str) -> IngestError {
        self.damaged(format!(
            "column `{name}`: its pages can't be decoded; make or download the file again, or write it with plain \
             encoding"
        ))
    }
}

/// The field with the types that the decoder gives, and whether each leaf below it is read; `None` where nothing of
/// it is kept.
fn decodable(
    field: &Field,
    keep: Option<&dyn Fn(&str) -> bool>,
    kept: &mut Vec<bool>,
) -> Option<Field> {
    use ArrowDataType as T;
    let dtype = match &field.dtype {
        T::Struct(fields) => {
            let mut parts = Vec::new();
            for part in fields {
                if keep.is_none_or(|keep| keep(&part.name)) {
                    // Whatever lies below a field that is kept is kept.
                    parts.extend(decodable(part, None, kept));
                } else {
                    kept.extend(std::iter::repeat_n(false, n_columns(&part.dtype)));
                }
            }
            if parts.is_empty() {
                return None;
            }
            T::Struct(parts)
        }
        T::List(item) | T::LargeList(item) => T::LargeList(Box::new(decodable(item, keep, kept)?)),
        // An object of keys to values is a list of pairs.
        T::Map(item, _) => T::LargeList(Box::new(decodable(item, keep, kept)?)),
        leaf => {
            kept.push(true);
            leaf.clone()
        }
    };
    Some(Field { dtype, ..field.clone() })
}
