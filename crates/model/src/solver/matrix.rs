//! How the solvers read the matrix: as it is, or in a compact copy.

use std::ops::{AddAssign, Mul};

use clawsig_schema::matrix::Csr;

use crate::{
    error::{ModelError, Result},
    parts::PickedRows,
};

/// A sparse matrix at six bytes an entry in place of [`Csr`]'s twelve: values in `f32`, column
/// numbers in 16 bits, or in 32 where there are more than 65,536 columns.
///
/// Objective and gradient are still summed in `f64`, and only the products that choose a direction
/// in `f32`. A value is off by at most 6e-8 of itself, which moves the optimum's objective by about
/// as much: far less than the 1e-6 that a comparison asks for, but more than the last digits of an
/// exact solution. Rows are appended one at a time, so that a matrix on disk need not be in memory
/// twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Compact {
    cols: usize,
    indptr: Vec<u64>,
    columns: Columns,
    values: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq)]
enum Columns {
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
    /// If it has a value beyond the range of `f32`.
    pub fn of(x: &Csr) -> Result<Compact> {
        let mut compact = Compact::new(x.cols(), x.entries());
        for row in 0..x.rows() {
            let (columns, values) = x.row(row);
            compact.push(columns, values)?;
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
        let refuse = |what, value: String, expected| {
            Err(ModelError::RowValue { what, row, value, expected })
        };
        for (at, &column) in columns.iter().enumerate() {
            if column as usize >= self.cols || at > 0 && columns[at - 1] >= column {
                return refuse("a column", column.to_string(), "ascending column numbers");
            }
            if !(values[at] as f32).is_finite() {
                return refuse("a value", values[at].to_string(), "a number within f32's range");
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

/// The matrix of a [`super::Problem`].
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// Every value as it is.
    Exact(&'a Csr),
    /// Values rounded to `f32`.
    Compact(&'a Compact),
    /// Rows of other matrices, as they are.
    Picked(&'a PickedRows<'a>),
}

impl<'a> From<&'a Csr> for Matrix<'a> {
    fn from(x: &'a Csr) -> Matrix<'a> {
        Matrix::Exact(x)
    }
}

impl<'a> From<&'a Compact> for Matrix<'a> {
    fn from(x: &'a Compact) -> Matrix<'a> {
        Matrix::Compact(x)
    }
}

impl<'a> From<&'a PickedRows<'a>> for Matrix<'a> {
    fn from(x: &'a PickedRows<'a>) -> Matrix<'a> {
        Matrix::Picked(x)
    }
}

/// One row's entries.
#[derive(Clone, Copy)]
pub(crate) enum Row<'a> {
    Exact(&'a [u32], &'a [f64]),
    Narrow(&'a [u16], &'a [f32]),
    Wide(&'a [u32], &'a [f32]),
}

impl<'a> Matrix<'a> {
    /// Number of rows.
    pub fn rows(self) -> usize {
        self.indptr().len() - 1
    }

    /// Number of columns.
    pub fn cols(self) -> usize {
        match self {
            Matrix::Exact(x) => x.cols(),
            Matrix::Compact(x) => x.cols,
            Matrix::Picked(x) => x.cols(),
        }
    }

    pub(crate) fn indptr(self) -> &'a [u64] {
        match self {
            Matrix::Exact(x) => x.indptr(),
            Matrix::Compact(x) => &x.indptr,
            Matrix::Picked(x) => x.indptr(),
        }
    }

    /// The largest absolute value, of a matrix whose values are held in `f32`.
    pub(crate) fn largest_single(self) -> Option<f64> {
        let Matrix::Compact(x) = self else { return None };
        Some(f64::from(x.values.iter().fold(0.0, |top: f32, value| top.max(value.abs()))))
    }

    #[inline(always)]
    pub(crate) fn row(self, row: usize) -> Row<'a> {
        let exact = |(columns, values)| Row::Exact(columns, values);
        match self {
            Matrix::Exact(x) => exact(x.row(row)),
            Matrix::Picked(x) => exact(x.row(row)),
            Matrix::Compact(x) => {
                let range = x.indptr[row] as usize..x.indptr[row + 1] as usize;
                let values = &x.values[range.clone()];
                match &x.columns {
                    Columns::Narrow(columns) => Row::Narrow(&columns[range], values),
                    Columns::Wide(columns) => Row::Wide(&columns[range], values),
                }
            }
        }
    }
}

/// The numbers that sums are taken in: `f64`, or `f32` where an approximation serves.
pub(crate) trait Real:
    Copy + Default + AddAssign + Mul<Output = Self> + Send + Sync
{
    fn of(number: f64) -> Self;
    fn wide(self) -> f64;
}

impl Real for f64 {
    #[inline(always)]
    fn of(number: f64) -> f64 {
        number
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

impl Real for f32 {
    #[inline(always)]
    fn of(number: f64) -> f32 {
        number as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// Sums of a product that are kept apart, so that one addition need not wait for the one before.
const LANES: usize = 4;

#[inline(always)]
fn dot<const N: usize, C: Copy + Into<u32>, V: Copy + Into<f64>, T: Real>(
    columns: &[C],
    values: &[V],
    v: &[[T; N]],
) -> [f64; N] {
    let mut sums = [[T::default(); N]; LANES];
    let mut step = |lane: usize, column: C, value: V| {
        let (block, value) = (&v[column.into() as usize], T::of(value.into()));
        for n in 0..N {
            sums[lane][n] += value * block[n];
        }
    };
    let (columns, last_columns) = columns.as_chunks::<LANES>();
    let (values, last_values) = values.as_chunks::<LANES>();
    for (columns, values) in columns.iter().zip(values) {
        for lane in 0..LANES {
            step(lane, columns[lane], values[lane]);
        }
    }
    for (lane, (&column, &value)) in last_columns.iter().zip(last_values).enumerate() {
        step(lane, column, value);
    }
    std::array::from_fn(|n| sums.iter().map(|sum| sum[n].wide()).sum())
}

#[inline(always)]
fn add<const N: usize, T: Real>(
    entries: impl Iterator<Item = (usize, f64)>,
    u: &[f64; N],
    to: &mut [[T; N]],
) {
    let u = u.map(T::of);
    for (column, value) in entries {
        let (block, value) = (&mut to[column], T::of(value));
        for n in 0..N {
            block[n] += value * u[n];
        }
    }
}

/// A row's columns and values, in whatever widths they are held.
#[inline(always)]
fn entries<'a, C: Copy + Into<u32>, V: Copy + Into<f64>>(
    columns: &'a [C],
    values: &'a [V],
) -> impl Iterator<Item = (usize, f64)> + 'a {
    let number = |&column: &C| -> u32 { column.into() };
    columns.iter().map(number).zip(values).map(|(column, &value)| (column as usize, value.into()))
}

/// Calls with the columns and values of a row, compiled once for each of their widths.
macro_rules! with_entries {
    ($row:expr, $columns:ident, $values:ident => $call:expr) => {
        match $row {
            Row::Exact($columns, $values) => $call,
            Row::Narrow($columns, $values) => $call,
            Row::Wide($columns, $values) => $call,
        }
    };
}

impl Row<'_> {
    /// The row's product with one block a column.
    #[inline(always)]
    pub(crate) fn dot<const N: usize, T: Real>(self, v: &[[T; N]]) -> [f64; N] {
        with_entries!(self, columns, values => dot(columns, values, v))
    }

    /// Adds the row times `u` to the columns' blocks.
    #[inline(always)]
    pub(crate) fn add<const N: usize, T: Real>(self, u: &[f64; N], to: &mut [[T; N]]) {
        with_entries!(self, columns, values => add(entries(columns, values), u, to));
    }

    /// Adds the row's squares times `u` to the columns' blocks.
    #[inline(always)]
    pub(crate) fn add_squares<const N: usize>(self, u: &[f64; N], to: &mut [[f64; N]]) {
        with_entries!(self, columns, values => {
            add(entries(columns, values).map(|(column, value)| (column, value * value)), u, to);
        });
    }

    /// Calls with every column and value.
    pub(crate) fn for_each(self, mut visit: impl FnMut(usize, f64)) {
        with_entries!(self, columns, values => {
            entries(columns, values).for_each(|(column, value)| visit(column, value));
        });
    }

    /// The sum of the values' squares.
    pub(crate) fn square(self) -> f64 {
        let mut sum = 0.0;
        self.for_each(|_, value| sum += value * value);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
