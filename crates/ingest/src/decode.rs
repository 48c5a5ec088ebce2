//! Parquet files, read one column of one row group at a time.

use std::{
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use polars_arrow::{
    array::{
        Array, BooleanArray, ListArray, PrimitiveArray, StaticArray, StructArray, Utf8ViewArray,
        new_empty_array,
    },
    bitmap::Bitmap,
    datatypes::{ArrowDataType, ArrowSchema, Field},
    offset::OffsetsBuffer,
};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, PageReader, column_iter_to_arrays, infer_schema, read_metadata,
};

use crate::{IngestError, guard::guarded};

/// An open Parquet file.
#[derive(Clone)]
pub(crate) struct Table {
    path: PathBuf,
    length: u64,
    metadata: Arc<FileMetadata>,
    schema: Arc<ArrowSchema>,
}

/// The values of a column in one row group, whatever integer or string type the file has.
pub(crate) enum Values {
    /// Every value is null.
    Null,
    Text(Utf8ViewArray),
    Flag(BooleanArray),
    Float(PrimitiveArray<f64>),
    Whole(PrimitiveArray<i64>),
    List {
        offsets: OffsetsBuffer<i64>,
        validity: Option<Bitmap>,
        items: Box<Values>,
    },
    Struct {
        names: Vec<String>,
        fields: Vec<Values>,
        validity: Option<Bitmap>,
    },
}

impl Table {
    pub(crate) fn open(path: &Path) -> Result<Table, IngestError> {
        let damaged = |reason: String| IngestError::Parquet { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(IngestError::io("open", path))?;
        let length = file.metadata().map_err(IngestError::io("read", path))?.len();
        let (mut head, mut tail) = ([0; 4], [0; 4]);
        let ends_right = length >= 12
            && file.read_exact(&mut head).is_ok()
            && file.seek(SeekFrom::End(-4)).is_ok()
            && file.read_exact(&mut tail).is_ok()
            && head == *b"PAR1"
            && tail == head;
        if !ends_right {
            return Err(damaged(
                "is not a whole Parquet file (cut short or another format)".into(),
            ));
        }
        file.rewind().map_err(IngestError::io("read", path))?;
        let footer = |error| damaged(format!("the footer can't be read: {error}"));
        let metadata = guarded(|| read_metadata(&mut file))
            .map_err(footer)?
            .map_err(|error| footer(error.to_string()))?;
        let schema = guarded(|| infer_schema(&metadata))
            .map_err(footer)?
            .map_err(|error| damaged(format!("the schema can't be read: {error}")))?;
        Ok(Table {
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

    /// The values of a column; of a struct (or list of structs) only the fields that `keep` names.
    pub(crate) fn fields(
        &self,
        group: usize,
        name: &str,
        keep: Option<&[&str]>,
    ) -> Result<Values, IngestError> {
        let array = self.array(group, name, keep)?;
        Values::of(array.as_ref())
            .ok_or_else(|| self.damaged(format!("column `{name}`: has a type that is not read")))
    }

    /// A column as an Arrow array; of a struct (or list of structs) only the fields that `keep`
    /// names.
    pub(crate) fn array(
        &self,
        group: usize,
        name: &str,
        keep: Option<&[&str]>,
    ) -> Result<Box<dyn Array>, IngestError> {
        guarded(|| self.decode(group, name, keep))
            .unwrap_or_else(|reason| Err(self.damaged(format!("column `{name}`: {reason}"))))
    }

    fn decode(
        &self,
        group: usize,
        name: &str,
        keep: Option<&[&str]>,
    ) -> Result<Box<dyn Array>, IngestError> {
        let wrong = |reason: String| self.damaged(format!("column `{name}`: {reason}"));
        let Some(field) = self.schema.get(name) else {
            return Err(wrong("is missing".into()));
        };
        let dtype = readable(&field.dtype, keep)
            .ok_or_else(|| wrong(format!("has the type {:?}, which is not read", field.dtype)))?;
        let rows = self.group_rows(group);
        let mut file = File::open(&self.path).map_err(IngestError::io("open", &self.path))?;
        let (mut pages, mut types) = (Vec::new(), Vec::new());
        for column in
            self.metadata.row_groups[group].columns_under_root_iter(name).into_iter().flatten()
        {
            let path = &column.descriptor().path_in_schema;
            let kept =
                keep.is_none_or(|keep| path.iter().any(|part| keep.contains(&part.as_str())));
            if !kept {
                continue;
            }
            let range = column.byte_range();
            if range.end > self.length || range.start > range.end {
                return Err(wrong("lies outside the file, which was cut".into()));
            }
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.seek(SeekFrom::Start(range.start))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(IngestError::io("read", &self.path))?;
            let reader = PageReader::new(Cursor::new(bytes.into()), column, Vec::new(), usize::MAX);
            pages.push(BasicDecompressor::new(reader, Vec::new()));
            types.push(&column.descriptor().descriptor.primitive_type);
        }
        let field = Field::new(name.into(), dtype, true);
        let (arrays, _) = column_iter_to_arrays(pages, types, field, None)
            .map_err(|error| wrong(format!("can't be decoded: {error}")))?;
        let mut arrays = arrays.into_iter();
        let (Some(array), None) = (arrays.next(), arrays.next()) else {
            return Err(wrong("has no single chunk in a row group".into()));
        };
        if array.len() != rows {
            return Err(wrong(format!("has {} values in a group of {rows} rows", array.len())));
        }
        Ok(array)
    }

    /// A column of no rows, of the type that [`Table::array`] gives.
    pub(crate) fn empty_array(&self, name: &str) -> Option<Box<dyn Array>> {
        Some(new_empty_array(readable(&self.schema.get(name)?.dtype, None)?))
    }

    pub(crate) fn column(&self, group: usize, name: &str) -> Result<Values, IngestError> {
        self.fields(group, name, None)
    }
}

/// The type to decode into: one kind of strings, one kind of lists, integers and floats as they are.
fn readable(dtype: &ArrowDataType, keep: Option<&[&str]>) -> Option<ArrowDataType> {
    use ArrowDataType as T;
    Some(match dtype {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8View,
        T::Boolean
        | T::Int32
        | T::Int64
        | T::UInt32
        | T::UInt64
        | T::Float32
        | T::Float64
        | T::Null => dtype.clone(),
        T::List(item) | T::LargeList(item) => T::LargeList(Box::new(Field::new(
            item.name.clone(),
            readable(&item.dtype, keep)?,
            item.is_nullable,
        ))),
        T::Struct(fields) => T::Struct(
            fields
                .iter()
                .filter(|field| keep.is_none_or(|keep| keep.contains(&field.name.as_str())))
                .map(|field| {
                    let dtype = readable(&field.dtype, None)?;
                    Some(Field::new(field.name.clone(), dtype, field.is_nullable))
                })
                .collect::<Option<Vec<_>>>()?,
        ),
        _ => return None,
    })
}

fn cast<T: polars_arrow::types::NativeType, U: polars_arrow::types::NativeType>(
    array: &dyn Array,
    convert: impl Fn(T) -> U,
) -> Option<PrimitiveArray<U>> {
    let array = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
    let values: Vec<U> = array.values().iter().map(|&value| convert(value)).collect();
    let dtype = ArrowDataType::from(U::PRIMITIVE);
    PrimitiveArray::try_new(dtype, values.into(), array.validity().cloned()).ok()
}

impl Values {
    fn of(array: &dyn Array) -> Option<Values> {
        use ArrowDataType as T;
        // A count beyond i64 becomes negative and is then refused as out of range.
        Some(match array.dtype() {
            T::Null => Values::Null,
            T::Utf8View => Values::Text(array.as_any().downcast_ref::<Utf8ViewArray>()?.clone()),
            T::Boolean => Values::Flag(array.as_any().downcast_ref::<BooleanArray>()?.clone()),
            T::Int32 => Values::Whole(cast(array, |v: i32| i64::from(v))?),
            T::UInt32 => Values::Whole(cast(array, |v: u32| i64::from(v))?),
            T::Int64 => Values::Whole(cast(array, |v: i64| v)?),
            T::UInt64 => Values::Whole(cast(array, |v: u64| i64::try_from(v).unwrap_or(-1))?),
            T::Float32 => Values::Float(cast(array, |v: f32| f64::from(v))?),
            T::Float64 => Values::Float(cast(array, |v: f64| v)?),
            T::LargeList(_) => {
                let list = array.as_any().downcast_ref::<ListArray<i64>>()?;
                Values::List {
                    offsets: list.offsets().clone(),
                    validity: list.validity().cloned(),
                    items: Box::new(Values::of(list.values().as_ref())?),
                }
            }
            T::Struct(fields) => {
                let parts = array.as_any().downcast_ref::<StructArray>()?;
                Values::Struct {
                    names: fields.iter().map(|field| field.name.to_string()).collect(),
                    fields: parts
                        .values()
                        .iter()
                        .map(|part| Values::of(part.as_ref()))
                        .collect::<Option<_>>()?,
                    validity: parts.validity().cloned(),
                }
            }
            _ => return None,
        })
    }

    pub(crate) fn is_null(&self, at: usize) -> bool {
        let null = |validity: &Option<Bitmap>| validity.as_ref().is_some_and(|v| !v.get_bit(at));
        match self {
            Values::Null => true,
            Values::Text(array) => array.is_null(at),
            Values::Flag(array) => array.is_null(at),
            Values::Float(array) => array.is_null(at),
            Values::Whole(array) => array.is_null(at),
            Values::List { validity, .. } | Values::Struct { validity, .. } => null(validity),
        }
    }

    /// Whether nothing below this value is there.
    pub(crate) fn is_hollow(&self, at: usize) -> bool {
        self.is_null(at)
            || match self {
                Values::Struct { fields, .. } => fields.iter().all(|field| field.is_hollow(at)),
                _ => false,
            }
    }

    pub(crate) fn text(&self, at: usize) -> Option<&str> {
        match self {
            Values::Text(array) => array.get(at),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, at: usize) -> bool {
        matches!(self, Values::Flag(array) if array.get(at) == Some(true))
    }

    pub(crate) fn number(&self, at: usize) -> Option<f64> {
        match self {
            Values::Float(array) => array.get(at),
            Values::Whole(array) => array.get(at).map(|value| value as f64),
            _ => None,
        }
    }

    pub(crate) fn whole(&self, at: usize) -> Option<u64> {
        match self {
            Values::Whole(array) => array.get(at).and_then(|value| u64::try_from(value).ok()),
            other => other.number(at).and_then(crate::json::whole).map(u64::from),
        }
    }

    pub(crate) fn list(&self, at: usize) -> Option<(&Values, Range<usize>)> {
        match self {
            Values::List { offsets, items, .. } if !self.is_null(at) => {
                let (start, end) = offsets.start_end(at);
                Some((items, start..end))
            }
            _ => None,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Values> {
        match self {
            Values::Struct { names, fields, .. } => {
                names.iter().position(|known| known == name).map(|at| &fields[at])
            }
            _ => None,
        }
    }
}
