//! Any Parquet file as a table of texts, for data that are not the dataset's rows.

use std::path::Path;

use polars_arrow::{array::Array, datatypes::ArrowDataType};

use crate::{
    IngestError,
    parquet::{ParquetTable, primitive_number, scalar},
    value::Scalar,
};

/// The columns of a Parquet file that hold single values, as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTable {
    /// The columns' names, in the file's order.
    pub columns: Vec<String>,
    /// One cell a column; `None` where there is no value.
    pub rows: Vec<Vec<Option<String>>>,
    /// Columns of lists, objects and other types, which are left out.
    pub left_out: Vec<String>,
}

impl TextTable {
    /// Reads the file whole. Numbers are written without a needless `.0`; dates and times are the
    /// numbers that the file holds (days, or fractions of a second, since 1970), which sort.
    ///
    /// # Errors
    /// A file that is not whole Parquet, or can't be decoded.
    pub fn read(path: impl AsRef<Path>) -> Result<TextTable, IngestError> {
        let table = ParquetTable::open(path.as_ref())?;
        let mut out = TextTable::default();
        let names: Vec<String> = table.names().map(str::to_owned).collect();
        let mut single = Vec::new();
        for name in names {
            let sound = match table.groups() {
                0 => true,
                _ => is_single(table.array(0, &name, None)?.dtype()),
            };
            if sound { single.push(name) } else { out.left_out.push(name) }
        }
        for group in 0..table.groups() {
            let arrays: Vec<Box<dyn Array>> = single
                .iter()
                .map(|name| table.array(group, name, None))
                .collect::<Result<_, _>>()?;
            for row in 0..table.group_rows(group) {
                out.rows.push(arrays.iter().map(|array| cell(array.as_ref(), row)).collect());
            }
        }
        out.columns = single;
        Ok(out)
    }
}

fn is_single(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as T;
    !matches!(
        dtype,
        T::LargeList(_) | T::List(_) | T::Struct(_) | T::Map(..) | T::FixedSizeList(..)
    )
}

fn cell(array: &dyn Array, at: usize) -> Option<String> {
    match scalar(array, at) {
        Scalar::Null => None,
        Scalar::Text(text) => (!text.is_empty()).then(|| text.into_owned()),
        Scalar::Whole(number) => Some(number.to_string()),
        Scalar::Float(number) => Some(number.to_string()),
        Scalar::Other(flag @ ("true" | "false")) => Some(flag.to_owned()),
        Scalar::Other(_) => primitive_number(array, at).map(|number| number.to_string()),
    }
}
