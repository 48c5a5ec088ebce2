//! Signals as a polars data frame: the feature `frame`.

use clawsig_schema::signal::Signal;
use polars::prelude::{Column, DataFrame, PlSmallStr, Series};
use polars_arrow::array::new_empty_array;

use crate::{Columns, IngestError, SignalsReader};

impl SignalsReader {
    /// All rows as a data frame: one column a signal, by the names in the file and in its order.
    ///
    /// Texts are `String`, counts `UInt32` or `UInt64`, the score `Float64`, whether a scanner left
    /// an output `Boolean`, codes, categories and extensions lists. A missing value is null. The
    /// whole file is in memory; [`SignalsReader::rows`] holds one row group at a time.
    /// [`Columns::WithoutText`] leaves `skill_md_content` out. Needs the feature `frame`.
    ///
    /// # Errors
    /// The file is damaged or can't be read.
    pub fn to_data_frame(self, columns: Columns) -> Result<DataFrame, IngestError> {
        let table = &self.table;
        let mut frame = Vec::new();
        for &signal in Signal::ALL.iter().filter(|&&signal| columns.holds(signal)) {
            let name = signal.name();
            let Some(dtype) = table.dtype(name) else { continue };
            let mut chunks = (0..table.groups())
                .map(|group| table.array(group, name, None))
                .collect::<Result<Vec<_>, _>>()?;
            if chunks.is_empty() {
                chunks.push(new_empty_array(dtype));
            }
            let column = Series::try_from((PlSmallStr::from_str(name), chunks))
                .map_err(|error| table.damaged(format!("column `{name}`: {error}")))?;
            frame.push(Column::from(column));
        }
        let rows = usize::try_from(self.len())
            .map_err(|_| table.damaged("holds more rows than this machine can count".to_owned()))?;
        DataFrame::new(rows, frame).map_err(|error| table.damaged(error.to_string()))
    }
}
