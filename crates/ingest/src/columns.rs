//! Arrow columns under construction.

use polars_arrow::{
    array::{Array, BooleanArray, ListArray, PrimitiveArray, StructArray, Utf8Array},
    bitmap::MutableBitmap,
    datatypes::{ArrowDataType, Field},
    offset::OffsetsBuffer,
};
use polars_error::PolarsResult;

/// A column that ends as one Arrow array.
pub(crate) type Finished = PolarsResult<Box<dyn Array>>;

/// Strings, some of them null.
#[derive(Default)]
pub(crate) struct Texts {
    ends: Vec<i64>,
    bytes: Vec<u8>,
    validity: MutableBitmap,
}

impl Texts {
    /// No strings yet, with room for so many bytes of them.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Texts { bytes: Vec::with_capacity(bytes), ..Texts::default() }
    }

    pub(crate) fn push(&mut self, text: Option<&str>) {
        self.bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.ends.push(self.bytes.len() as i64);
        self.validity.push(text.is_some());
    }

    pub(crate) fn dtype() -> ArrowDataType {
        ArrowDataType::LargeUtf8
    }

    pub(crate) fn finish(self) -> Finished {
        let array = Utf8Array::<i64>::try_new(
            Self::dtype(),
            offsets(self.ends)?,
            self.bytes.into(),
            self.validity.into(),
        )?;
        Ok(array.boxed())
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

impl<T: polars_arrow::types::NativeType> Numbers<T> {
    pub(crate) fn push(&mut self, value: Option<T>) {
        self.values.push(value.unwrap_or_default());
        self.validity.push(value.is_some());
    }

    pub(crate) fn finish(self) -> Finished {
        let dtype = ArrowDataType::from(T::PRIMITIVE);
        let array = PrimitiveArray::try_new(dtype, self.values.into(), self.validity.into())?;
        Ok(array.boxed())
    }
}

/// Truth values, none of them null.
#[derive(Default)]
pub(crate) struct Flags(MutableBitmap);

impl Flags {
    pub(crate) fn push(&mut self, value: bool) {
        self.0.push(value);
    }

    pub(crate) fn finish(self) -> Finished {
        Ok(BooleanArray::try_new(ArrowDataType::Boolean, self.0.into(), None)?.boxed())
    }
}

/// Where the lists of a column end among its items.
#[derive(Default)]
pub(crate) struct Lists(Vec<i64>);

impl Lists {
    pub(crate) fn push(&mut self, items: usize) {
        let end = self.0.last().copied().unwrap_or(0) + items as i64;
        self.0.push(end);
    }

    pub(crate) fn dtype(items: ArrowDataType) -> ArrowDataType {
        ArrowDataType::LargeList(Box::new(Field::new("item".into(), items, true)))
    }

    pub(crate) fn finish(self, items: Box<dyn Array>) -> Finished {
        let dtype = Self::dtype(items.dtype().clone());
        Ok(ListArray::<i64>::try_new(dtype, offsets(self.0)?, items, None)?.boxed())
    }
}

/// Lists of strings, none of them null.
#[derive(Default)]
pub(crate) struct TextLists {
    lists: Lists,
    items: Texts,
}

impl TextLists {
    pub(crate) fn push<'a>(&mut self, items: impl ExactSizeIterator<Item = &'a str>) {
        self.lists.push(items.len());
        items.for_each(|item| self.items.push(Some(item)));
    }

    pub(crate) fn dtype() -> ArrowDataType {
        Lists::dtype(Texts::dtype())
    }

    pub(crate) fn finish(self) -> Finished {
        self.lists.finish(self.items.finish()?)
    }
}

/// Columns of equal length as the fields of one struct.
pub(crate) fn structs(fields: Vec<Field>, columns: Vec<Box<dyn Array>>) -> Finished {
    let length = columns.first().map_or(0, |column| column.len());
    let dtype = ArrowDataType::Struct(fields);
    Ok(StructArray::try_new(dtype, length, columns, None)?.boxed())
}
