//! From hits to weighted, normed rows.

use std::sync::LazyLock;

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;

use super::{
    fitted::SparseRow,
    params::{Norm, VectorizerParams},
};
use crate::FeaturesError;

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

    /// So many rows, made in parallel in pieces of consecutive ones: `append` is given a row's number,
    /// and the row to put its entries into.
    pub(crate) fn pieces(
        rows: usize,
        append: impl Fn(usize, &mut SparseRow) -> Result<(), FeaturesError> + Sync,
    ) -> Result<Vec<MatrixRows>, FeaturesError> {
        let numbers: Vec<usize> = (0..rows).collect();
        let piece = |numbers: &[usize]| {
            let (mut piece, mut row) = (MatrixRows::default(), SparseRow::default());
            for &number in numbers {
                row.columns.clear();
                row.values.clear();
                append(number, &mut row)?;
                piece.push(&row.columns, &row.values);
            }
            Ok(piece)
        };
        let pieces: Vec<Result<_, FeaturesError>> = numbers.par_chunks(64).map(piece).collect();
        // Of several errors the first row's is told, whichever thread was faster.
        pieces.into_iter().collect()
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Joins pieces in order, in parallel; each is freed as soon as it is copied.
    pub(crate) fn join(pieces: Vec<MatrixRows>, cols: usize) -> Result<Csr, FeaturesError> {
        let rows = pieces.iter().map(MatrixRows::len).sum::<usize>();
        let entries = pieces.iter().map(|p| p.values.len()).sum();
        let mut indptr = Vec::with_capacity(rows + 1);
        let mut end = 0_u64;
        indptr.push(0);
        for &length in pieces.iter().flat_map(|piece| &piece.lengths) {
            end += u64::from(length);
            indptr.push(end);
        }
        let (mut indices, mut values) = (vec![0; entries], vec![0.0; entries]);
        let mut places = Vec::with_capacity(pieces.len());
        let (mut columns_left, mut values_left) = (&mut indices[..], &mut values[..]);
        for piece in pieces {
            let (columns, rest) = columns_left.split_at_mut(piece.indices.len());
            columns_left = rest;
            let (numbers, rest) = values_left.split_at_mut(piece.values.len());
            values_left = rest;
            places.push((piece, columns, numbers));
        }
        places.into_par_iter().for_each(|(piece, columns, numbers)| {
            columns.copy_from_slice(&piece.indices);
            numbers.copy_from_slice(&piece.values);
        });
        Ok(Csr::new(cols, indptr, indices, values)?)
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
