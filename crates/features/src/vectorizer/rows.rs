//! From hits to weighted, normed rows.

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;

use super::params::{Norm, VectorizerParams};
use crate::FeaturesError;

/// A matrix that is being put together row by row.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    lengths: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl Rows {
    pub(crate) fn push(&mut self, columns: &[u32], values: &[f64]) {
        self.lengths.push(columns.len() as u32);
        self.indices.extend_from_slice(columns);
        self.values.extend_from_slice(values);
    }

    /// The columns and values of every row, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u32], &[f64])> {
        let mut end = 0;
        self.lengths.iter().map(move |&length| {
            let begin = end;
            end += length as usize;
            (&self.indices[begin..end], &self.values[begin..end])
        })
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Joins pieces in order, in parallel; each is freed as soon as it is copied.
    pub(crate) fn join(pieces: Vec<Rows>, cols: usize) -> Result<Csr, FeaturesError> {
        let rows = pieces.iter().map(Rows::len).sum::<usize>();
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
    touched: Vec<u32>,
    values: Vec<f64>,
}

impl Counter {
    pub(crate) fn new(cols: usize) -> Counter {
        Counter { counts: vec![0; cols], touched: Vec::new(), values: Vec::new() }
    }

    #[inline]
    pub(crate) fn hit(&mut self, column: u32) {
        let count = &mut self.counts[column as usize];
        if *count == 0 {
            self.touched.push(column);
        }
        *count = count.saturating_add(1);
    }

    /// The columns that were hit, in order, after which all counts are 0 again.
    pub(crate) fn drain_columns(&mut self) -> &[u32] {
        self.touched.sort_unstable();
        for &column in &self.touched {
            self.counts[column as usize] = 0;
        }
        self.values.clear();
        &self.touched
    }

    /// Forgets the columns that [`Counter::drain_columns`] gave.
    pub(crate) fn clear(&mut self) {
        self.touched.clear();
    }

    /// The document's row; all counts are 0 afterwards.
    pub(crate) fn row(&mut self, weighting: &Weighting<'_>) -> (Vec<u32>, &[f64]) {
        self.touched.sort_unstable();
        self.values.clear();
        for &column in &self.touched {
            let count = std::mem::take(&mut self.counts[column as usize]);
            self.values.push(weighting.weigh(column, count));
        }
        normalise(&mut self.values, weighting.norm);
        (std::mem::take(&mut self.touched), &self.values)
    }

    /// Adds the document's row to a matrix; all counts are 0 afterwards.
    pub(crate) fn push_to(&mut self, rows: &mut Rows, weighting: &Weighting<'_>) {
        let (mut columns, values) = self.row(weighting);
        rows.push(&columns, values);
        columns.clear();
        self.touched = columns;
    }
}

/// The natural logarithms of the counts that nearly all terms have.
const KNOWN_LOGS: usize = 256;

/// How counts become values.
#[derive(Debug)]
pub(crate) struct Weighting<'a> {
    idf: Option<&'a [f64]>,
    sublinear: bool,
    binary: bool,
    norm: Norm,
    logs: Vec<f64>,
}

impl<'a> Weighting<'a> {
    pub(crate) fn new(params: &VectorizerParams, idf: Option<&'a [f64]>) -> Weighting<'a> {
        let logs = if params.sublinear {
            (0..KNOWN_LOGS).map(|n| (n.max(1) as f64).ln()).collect()
        } else {
            Vec::new()
        };
        Weighting {
            idf,
            sublinear: params.sublinear,
            binary: params.binary,
            norm: params.norm,
            logs,
        }
    }

    #[inline]
    fn weigh(&self, column: u32, count: u32) -> f64 {
        let mut value = if self.binary { 1.0 } else { f64::from(count) };
        if self.sublinear {
            let log = self.logs.get(value as usize).copied().unwrap_or_else(|| value.ln());
            value = log + 1.0;
        }
        match self.idf {
            Some(idf) => value * idf[column as usize],
            None => value,
        }
    }

    /// The row of a document whose hits are listed, in any order.
    pub(crate) fn row_of_hits(&self, mut hits: Vec<u32>) -> (Vec<u32>, Vec<f64>) {
        hits.sort_unstable();
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for run in hits.chunk_by(|a, b| a == b) {
            columns.push(run[0]);
            values.push(self.weigh(run[0], u32::try_from(run.len()).unwrap_or(u32::MAX)));
        }
        normalise(&mut values, self.norm);
        (columns, values)
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
