//! A sparse matrix in half the memory.

use std::ops::Range;

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;

use super::picked::PickedRows;
use crate::error::{ModelError, Result};

/// A sparse matrix at six bytes an entry in place of [`Csr`]'s twelve: values in `f32`, column
/// numbers in 16 bits, or in 32 where there are more than 65,536 columns.
///
/// Objective and gradient are still summed in `f64`, and only the products that choose a direction
/// in `f32`. A value is off by at most 6e-8 of itself. Where columns lie about 0 that moves the
/// optimum's objective by about as much: far less than the 1e-6 that a comparison asks for, but more
/// than the last digits of an exact solution. A column far from 0 loses as much of its mean, so that
/// a date as 20261126 is off by up to a day: shift such a column first, or take a
/// [`Csr`]. Rows are appended one at a time, so that a matrix on disk need
/// not be in memory twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Compact {
    pub(super) cols: usize,
    pub(super) indptr: Vec<u64>,
    pub(super) columns: Columns,
    pub(super) values: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Columns {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Compact {
    /// A matrix without rows, with room for as many entries.
    pub fn new(cols: usize, entries: usize) -> Compact {
        let columns = if cols <= 1 << 16 {
            Columns::Narrow(Vec::with_capacity(entries))
        } else {
            Columns::Wide(Vec::with_capacity(entries))
        };
        Compact { cols, indptr: vec![0], columns, values: Vec::with_capacity(entries) }
    }

    /// The compact copy of a matrix.
    ///
    /// # Errors
    /// If it has a value beyond the range of `f32`, or 2^32 rows or more.
    pub fn of(x: &Csr) -> Result<Compact> {
        PickedRows::all(x)?.compact(|_| true)
    }

    /// A matrix of rows that are known to be in order, made on all threads: `entries` gives the
    /// columns and values of a row, the same ones on every call.
    pub(super) fn of_rows<I: Iterator<Item = (u32, f64)>>(
        cols: usize,
        rows: usize,
        entries: impl Fn(usize) -> I + Sync,
    ) -> Result<Compact> {
        let lengths: Vec<usize> =
            (0..rows).into_par_iter().map(|row| entries(row).count()).collect();
        let all = lengths.iter().sum();
        let mut compact = Compact::new(cols, 0);
        for &length in &lengths {
            compact.indptr.push(compact.indptr[compact.indptr.len() - 1] + length as u64);
        }
        compact.values = vec![0.0; all];
        match &mut compact.columns {
            // A column is below `cols`, which is at most 2^16 here.
            Columns::Narrow(columns) => {
                columns.resize(all, 0);
                fill(columns, &mut compact.values, &lengths, entries, |column| column as u16)?;
            }
            Columns::Wide(columns) => {
                columns.resize(all, 0);
                fill(columns, &mut compact.values, &lengths, entries, |column| column)?;
            }
        }
        Ok(compact)
    }

    /// Appends a row: its columns, strictly ascending, and their values.
    ///
    /// # Errors
    /// If lengths differ, a column is out of range or out of order, or a value is not finite in
    /// `f32`. The row is then not appended.
    pub fn push(&mut self, columns: &[u32], values: &[f64]) -> Result<()> {
        if columns.len() != values.len() {
            return Err(ModelError::Shape {
                what: "a row's list of values",
                found: values.len(),
                expected: columns.len(),
            });
        }
        let row = self.rows();
        for (at, &column) in columns.iter().enumerate() {
            if column as usize >= self.cols || at > 0 && columns[at - 1] >= column {
                return Err(ModelError::RowValue {
                    what: "a column",
                    row,
                    value: column.to_string(),
                    expected: "ascending column numbers",
                });
            }
            if !(values[at] as f32).is_finite() {
                return Err(unfit_value(row, values[at]));
            }
        }
        match &mut self.columns {
            // Checked above to be below `cols`, which is at most 2^16 here.
            Columns::Narrow(all) => all.extend(columns.iter().map(|&column| column as u16)),
            Columns::Wide(all) => all.extend_from_slice(columns),
        }
        self.values.extend(values.iter().map(|&value| value as f32));
        self.indptr.push(self.values.len() as u64);
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Number of stored entries.
    pub fn entries(&self) -> usize {
        self.values.len()
    }
}

/// Rows that a thread fills at a time.
const CHUNK: usize = 256;

/// Fills columns and values with the entries of rows of the given lengths.
fn fill<C: Send, I: Iterator<Item = (u32, f64)>>(
    mut columns: &mut [C],
    mut values: &mut [f32],
    lengths: &[usize],
    entries: impl Fn(usize) -> I + Sync,
    narrow: impl Fn(u32) -> C + Sync,
) -> Result<()> {
    let mut chunks = Vec::new();
    for (chunk, lengths) in lengths.chunks(CHUNK).enumerate() {
        let all = lengths.iter().sum();
        let (its_columns, its_values);
        (its_columns, columns) = std::mem::take(&mut columns).split_at_mut(all);
        (its_values, values) = std::mem::take(&mut values).split_at_mut(all);
        let first = chunk * CHUNK;
        chunks.push((first..first + lengths.len(), its_columns, its_values));
    }
    let fill = |(rows, columns, values): (Range<usize>, &mut [C], &mut [f32])| {
        let mut places = columns.iter_mut().zip(values);
        for row in rows {
            for ((column, value), place) in entries(row).zip(&mut places) {
                if !(value as f32).is_finite() {
                    return Err(unfit_value(row, value));
                }
                *place.0 = narrow(column);
                *place.1 = value as f32;
            }
        }
        Ok(())
    };
    // Of several errors the first row's is told, whichever thread was faster.
    chunks.into_par_iter().map(fill).collect::<Vec<_>>().into_iter().collect()
}

fn unfit_value(row: usize, value: f64) -> ModelError {
    ModelError::RowValue {
        what: "a value",
        row,
        value: value.to_string(),
        expected: "a number within f32's range",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::matrix::Matrix;

    #[test]
    fn a_compact_copy_holds_the_same_entries() {
        let x = Csr::new(4, vec![0, 2, 2, 3], vec![0, 3, 1], vec![1.0, 0.1, 3.0]).unwrap();
        let copy = Compact::of(&x).unwrap();
        assert_eq!((copy.rows(), copy.cols(), copy.entries()), (3, 4, 3));
        let wide = Csr::new(70_000, vec![0, 2, 2, 3], vec![0, 3, 1], vec![1.0, 0.1, 3.0]).unwrap();
        let wide = Compact::of(&wide).unwrap();
        let v = [[1.0], [10.0], [100.0], [1000.0]];
        for row in 0..3 {
            let exact = Matrix::from(&x).row(row).dot(&v)[0];
            for copy in [&copy, &wide] {
                assert!((Matrix::from(copy).row(row).dot(&v)[0] - exact).abs() <= 6e-8 * exact);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut x = Compact::new(3, 0);
        for (columns, values) in
            [(&[3][..], &[1.0][..]), (&[1, 1], &[1.0, 1.0]), (&[0], &[1e39]), (&[0], &[])]
        {
            assert!(x.push(columns, values).is_err());
            assert_eq!((x.rows(), x.entries()), (0, 0));
        }
    }
}
