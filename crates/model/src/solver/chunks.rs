//! Rows in chunks, which fix the order of every sum, and the columns' moments.

use std::ops::Range;

use rayon::prelude::*;

use super::matrix::{Matrix, Real};

/// The most row chunks: enough for as many threads as the passes can feed from memory.
pub(super) const CHUNKS: u64 = 16;
/// Entries that a chunk has for each column at least, so that adding up the chunks' accumulators
/// costs little beside filling them.
const ENTRIES_PER_COLUMN: u64 = 16;

/// The cost of a pass below which it is over before another thread has woken up.
const ALONE: u64 = 1 << 15;

/// Rows, weighted, and the chunks in which they are passed over.
pub(crate) struct RowSet {
    pub(super) rows: Vec<u32>,
    pub(super) weights: Vec<f64>,
    pub(super) chunks: Vec<Range<usize>>,
}

impl RowSet {
    /// The given rows with their weights, times a factor each if there is one.
    pub(crate) fn new(
        x: Matrix<'_>,
        rows: Vec<u32>,
        weights: &[f64],
        scale: Option<&[f64]>,
    ) -> RowSet {
        let weights = rows
            .iter()
            .enumerate()
            .map(|(at, &row)| weights[row as usize] * scale.map_or(1.0, |scale| scale[at]))
            .collect();
        let indptr = x.indptr();
        // A row costs its entries plus some dozens of operations of its own.
        let cost = |row: u32| indptr[row as usize + 1] - indptr[row as usize] + 16;
        let total: u64 = rows.iter().map(|&row| cost(row)).sum();
        let least = if total < ALONE { 1 } else { 2 };
        let count = (total / (ENTRIES_PER_COLUMN * (x.cols() as u64 + 1))).clamp(least, CHUNKS);
        let mut chunks = Vec::with_capacity(count as usize);
        let (mut begin, mut sum) = (0, 0);
        for (at, &row) in rows.iter().enumerate() {
            sum += cost(row);
            if sum * count >= total * (chunks.len() as u64 + 1) {
                chunks.push(begin..at + 1);
                begin = at + 1;
            }
        }
        RowSet { rows, weights, chunks }
    }

    pub(crate) fn entries(&self, x: Matrix<'_>) -> u64 {
        let indptr = x.indptr();
        self.rows.iter().map(|&row| indptr[row as usize + 1] - indptr[row as usize]).sum()
    }

    /// Cuts a slice with `per_row` items a row at the chunks' borders.
    pub(super) fn cut<'s, T>(&self, mut all: &'s mut [T], per_row: usize) -> Vec<&'s mut [T]> {
        let mut pieces = Vec::with_capacity(self.chunks.len());
        for chunk in &self.chunks {
            let (piece, rest) = std::mem::take(&mut all).split_at_mut(chunk.len() * per_row);
            pieces.push(piece);
            all = rest;
        }
        pieces
    }

    /// A chunk's rows and weights.
    pub(super) fn part(&self, chunk: &Range<usize>) -> impl Iterator<Item = (usize, f64)> + '_ {
        let rows = self.rows[chunk.clone()].iter().map(|&row| row as usize);
        rows.zip(self.weights[chunk.clone()].iter().copied())
    }
}

/// Adds up the chunks' sums in their order.
pub(super) fn reduce<const N: usize, T: Real>(
    set: &RowSet,
    sums: &[Vec<[T; N]>],
    out: &mut [[f64; N]],
) {
    const BLOCK: usize = 4096;
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(at, out)| {
        out.fill([0.0; N]);
        let begin = at * BLOCK;
        for sums in &sums[..set.chunks.len()] {
            for (sum, out) in sums[begin..begin + out.len()].iter().zip(&mut *out) {
                for n in 0..N {
                    out[n] += sum[n].wide();
                }
            }
        }
    });
}

/// The columns' weighted means, and their variances over their mean squares.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) mean: Vec<f64>,
    /// 1 for a column of mean 0, 0 for a constant.
    pub(super) spread: Vec<f64>,
}

impl Moments {
    /// Those of columns that are to be taken as they are.
    pub(super) fn none(cols: usize) -> Moments {
        Moments { mean: vec![0.0; cols], spread: vec![1.0; cols] }
    }

    /// One pass over the matrix.
    pub(super) fn of(x: Matrix<'_>, weights: &[f64]) -> Moments {
        let all = RowSet::new(x, (0..x.rows() as u32).collect(), weights, None);
        let mut work = vec![vec![[0.0; 2]; x.cols()]; all.chunks.len()];
        all.chunks.par_iter().zip(&mut work).for_each(|(chunk, sums)| {
            for (row, weight) in all.part(chunk) {
                x.row(row).for_each(|column, value| {
                    sums[column][0] += weight * value;
                    sums[column][1] += weight * value * value;
                });
            }
        });
        let mut sums = vec![[0.0; 2]; x.cols()];
        reduce(&all, &work, &mut sums);
        let total: f64 = weights.iter().sum();
        let of = |[first, second]: [f64; 2]| {
            let (mean, square) = (first / total, second / total);
            (mean, if square > 0.0 { (1.0 - mean * mean / square).max(0.0) } else { 1.0 })
        };
        let (mean, spread) = sums.into_iter().map(of).unzip();
        Moments { mean, spread }
    }
}
