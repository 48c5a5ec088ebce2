//! From hits to weighted, normed rows.

use std::sync::LazyLock;

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;

use super::{
    fitted::SparseRow,
    params::{Norm, VectorizerParams},
};
use crate::FeaturesError;

/// Consecutive rows that one thread makes at a time.
pub(crate) const PIECE_ROWS: usize = 64;
/// For each thread, the pieces of so many rows that are made before they are put into their place.
const PIECES_A_THREAD: usize = 16;

/// A matrix that is being put together row by row.
#[derive(Debug, Default)]
pub(crate) struct MatrixRows {
    lengths: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl MatrixRows {
    pub(crate) fn push(&mut self, columns: &[u32], values: &[f64]) {
        self.lengths.push(columns.len() as u32);
        self.indices.extend_from_slice(columns);
        self.values.extend_from_slice(values);
    }

    /// So many rows, made in parallel: `append` is given a row's number, and the row to put its entries
    /// into. While some are made, those before them are put into their place, so that little of the
    /// matrix exists twice.
    pub(crate) fn make(
        rows: usize,
        append: impl Fn(usize, &mut SparseRow) -> Result<(), FeaturesError> + Sync,
    ) -> Result<MatrixRows, FeaturesError> {
        let piece = |&first: &usize| {
            let (mut piece, mut row) = (MatrixRows::default(), SparseRow::default());
            for number in first..rows.min(first + PIECE_ROWS) {
                row.columns.clear();
                row.values.clear();
                append(number, &mut row)?;
                piece.push(&row.columns, &row.values);
            }
            Ok(piece)
        };
        let (mut made, mut pieces) = (MatrixRows::default(), Vec::new());
        let mut take = |pieces: Vec<Result<MatrixRows, FeaturesError>>| {
            for piece in pieces {
                // Of several errors the first row's is told, whichever thread was faster.
                made.extend([piece?]);
            }
            Ok::<(), FeaturesError>(())
        };
        let starts: Vec<usize> = (0..rows).step_by(PIECE_ROWS).collect();
        for starts in starts.chunks(PIECES_A_THREAD * rayon::current_num_threads()) {
            let block = || starts.par_iter().map(piece).collect();
            let (next, taken) = rayon::join(block, || take(pieces));
            taken?;
            pieces = next;
        }
        take(pieces)?;
        Ok(made)
    }

    /// Ends the matrix, which has so many columns.
    pub(crate) fn finish(self, cols: usize) -> Result<Csr, FeaturesError> {
        let mut end = 0_u64;
        let ends = self.lengths.iter().map(|&length| {
            end += u64::from(length);
            end
        });
        let indptr = std::iter::once(0).chain(ends).collect();
        Ok(Csr::new(cols, indptr, self.indices, self.values)?)
    }
}

impl Extend<MatrixRows> for MatrixRows {
    /// Puts the rows of others behind its own.
    fn extend<I: IntoIterator<Item = MatrixRows>>(&mut self, others: I) {
        for other in others {
            self.lengths.extend_from_slice(&other.lengths);
            self.indices.extend_from_slice(&other.indices);
            self.values.extend_from_slice(&other.values);
        }
    }
}

/// Counts of one document, with memory that serves many.
#[derive(Debug)]
pub(crate) struct Counter {
    counts: Vec<u32>,
    /// A bit for every column that was hit, which puts the columns in order without a sort.
    bits: Vec<u64>,
    /// A bit for every place in `bits` where there is any.
    places: Vec<u64>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Counter {
    pub(crate) fn new(cols: usize) -> Counter {
        Counter {
            counts: vec![0; cols],
            bits: vec![0; cols.div_ceil(64)],
            places: vec![0; cols.div_ceil(64 * 64)],
            columns: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Counts a column so many times. Nothing here depends on whether it was hit before, as nobody
    /// could guess that.
    #[inline]
    pub(crate) fn add(&mut self, column: u32, times: u32) {
        let column = column as usize;
        let count = &mut self.counts[column];
        *count = count.saturating_add(times);
        self.bits[column / 64] |= 1 << (column % 64);
        self.places[column / (64 * 64)] |= 1 << (column / 64 % 64);
    }

    /// Calls `take` with every column that was hit and its count, in order; all counts are 0 afterwards.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(u32, u32)) {
        let Counter { counts, bits, places, .. } = self;
        each_bit(places, |place| {
            each_bit(&mut bits[place..=place], |bit| {
                let column = place * 64 + bit;
                take(column as u32, std::mem::take(&mut counts[column]));
            });
        });
    }

    /// The document's row; all counts are 0 afterwards.
    pub(crate) fn row(&mut self, weighting: &Weighting<'_>) -> (&[u32], &[f64]) {
        let (mut columns, mut values) =
            (std::mem::take(&mut self.columns), std::mem::take(&mut self.values));
        columns.clear();
        values.clear();
        self.drain(|column, count| {
            columns.push(column);
            values.push(weighting.weigh(column, count));
        });
        normalise(&mut values, weighting.norm);
        (self.columns, self.values) = (columns, values);
        (&self.columns, &self.values)
    }
}

/// Calls `take` with the position of every bit that is set, in order; none is set afterwards.
#[inline]
fn each_bit(words: &mut [u64], mut take: impl FnMut(usize)) {
    for (at, word) in words.iter_mut().enumerate() {
        let mut bits = std::mem::take(word);
        while bits != 0 {
            take(at * 64 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
    }
}

/// The natural logarithms of the counts that nearly all terms have.
static KNOWN_LOGS: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|count| (count.max(1) as f64).ln()));

/// How counts become values.
#[derive(Debug)]
pub(crate) struct Weighting<'a> {
    idf: Option<&'a [f64]>,
    /// The logarithms of small counts, if counts are damped.
    logs: Option<&'static [f64; 256]>,
    binary: bool,
    norm: Norm,
}

impl<'a> Weighting<'a> {
    pub(crate) fn new(params: &VectorizerParams, idf: Option<&'a [f64]>) -> Weighting<'a> {
        let logs = params.sublinear.then(|| &*KNOWN_LOGS);
        Weighting { idf, logs, binary: params.binary, norm: params.norm }
    }

    #[inline]
    fn weigh(&self, column: u32, count: u32) -> f64 {
        let count = if self.binary { 1 } else { count };
        let mut value = f64::from(count);
        if let Some(logs) = self.logs {
            let log = logs.get(count as usize).copied();
            value = log.unwrap_or_else(|| value.ln()) + 1.0;
        }
        match self.idf {
            Some(idf) => value * idf[column as usize],
            None => value,
        }
    }
}

/// Divides a row by its norm, summed in column order; a row of zeros stays as it is.
pub(crate) fn normalise(values: &mut [f64], norm: Norm) {
    let size = match norm {
        Norm::None => return,
        Norm::L1 => values.iter().map(|v| v.abs()).sum::<f64>(),
        Norm::L2 => values.iter().map(|v| v * v).sum::<f64>().sqrt(),
    };
    if size > 0.0 {
        for value in values {
            *value /= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_divided_by_its_norm_and_one_of_zeros_stays() {
        for (norm, expected) in [
            (Norm::None, [3.0, -4.0]),
            (Norm::L1, [3.0 / 7.0, -4.0 / 7.0]),
            (Norm::L2, [0.6, -0.8]),
        ] {
            let (mut values, mut zeros) = ([3.0, -4.0], [0.0; 2]);
            normalise(&mut values, norm);
            normalise(&mut zeros, norm);
            assert_eq!((values, zeros), (expected, [0.0; 2]), "{norm:?}");
        }
    }

    #[test]
    fn rows_stand_in_order_whatever_the_threads_and_the_first_error_is_told() {
        for (rows, threads) in [(0, 1), (1, 2), (1_024, 1), (1_025, 1), (5_000, 3)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let append = |number: usize, row: &mut SparseRow| {
                for column in 0..number as u32 % 3 {
                    row.columns.push(column);
                    row.values.push(number as f64);
                }
                Ok(())
            };
            let made = pool.install(|| MatrixRows::make(rows, append).unwrap());
            let matrix = made.finish(2).unwrap();
            assert_eq!(matrix.rows(), rows);
            for number in 0..rows {
                let (columns, values) = ([0, 1], [number as f64; 2]);
                let entries = number % 3;
                assert_eq!(matrix.row(number), (&columns[..entries], &values[..entries]));
            }
            let failing = |number: usize, row: &mut SparseRow| match number {
                700.. => Err(FeaturesError::TooMany {
                    what: if number == 700 { "first" } else { "later" },
                }),
                _ => append(number, row),
            };
            let failed = pool.install(|| MatrixRows::make(rows, failing));
            let first = matches!(failed, Err(FeaturesError::TooMany { what: "first" }));
            assert_eq!(first, rows > 700);
        }
    }
}
