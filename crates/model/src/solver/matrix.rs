//! How the solvers read the matrix, in whatever form it is held.

use std::ops::{AddAssign, Mul};

use clawsig_schema::matrix::Csr;

use super::{
    compact::{Columns, Compact},
    picked::PickedRows,
};

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
