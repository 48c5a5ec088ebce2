//! Columns so far from 0 for their spread that a shift in the products would leave no digits.

use clawsig_schema::matrix::Csr;

use super::{chunks::Moments, matrix::Matrix};

/// The share of its mean square that a column's variance is at least, or the column is shifted: a
/// mean of ten standard deviations.
const SPREAD: f64 = 1e-2;

/// A copy of the matrix with its far columns shifted by their means, and the shifts; `None` where
/// there is no such column. Such a column has few zeros, if any, so that the copy is hardly larger.
pub(super) fn shifted(x: Matrix<'_>, moments: &Moments) -> Option<(Csr, Vec<f64>)> {
    let far: Vec<usize> = (0..x.cols()).filter(|&column| moments.spread[column] < SPREAD).collect();
    if far.is_empty() {
        return None;
    }
    let mut shift = vec![0.0; x.cols()];
    far.iter().for_each(|&column| shift[column] = moments.mean[column]);
    let rows = (0..x.rows()).map(|row| {
        let mut values: Vec<(usize, f64)> = far.iter().map(|&column| (column, 0.0)).collect();
        x.row(row).for_each(|column, value| match far.binary_search(&column) {
            Ok(at) => values[at].1 = value,
            Err(_) => values.push((column, value)),
        });
        values.sort_unstable_by_key(|(column, _)| *column);
        let columns: Vec<u32> = values.iter().map(|&(column, _)| column as u32).collect();
        let values: Vec<f64> = values.iter().map(|&(column, v)| v - shift[column]).collect();
        (columns, values)
    });
    let rows: Vec<(Vec<u32>, Vec<f64>)> = rows.collect();
    let copy = Csr::from_rows(x.cols(), rows.iter().map(|(columns, v)| (&columns[..], &v[..])));
    // The columns are those of a matrix, and the values finite: a difference that is not would need
    // values near the end of the range, which no solver can take.
    copy.ok().map(|copy| (copy, shift))
}
