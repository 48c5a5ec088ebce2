//! Rows of other matrices as a matrix, without a copy.

use clawsig_schema::matrix::Csr;

use super::compact::Compact;
use crate::error::{ModelError, Result};

/// Rows of one or more matrices as a matrix of their own, none of them copied.
#[derive(Clone, Debug)]
pub struct PickedRows<'a> {
    cols: usize,
    rows: Vec<(&'a Csr, u32)>,
    indptr: Vec<u64>,
}

impl<'a> PickedRows<'a> {
    /// A matrix of `cols` columns without rows.
    pub fn new(cols: usize) -> PickedRows<'a> {
        PickedRows { cols, rows: Vec::new(), indptr: vec![0] }
    }

    /// All rows of a matrix.
    ///
    /// # Errors
    /// If it has 2^32 rows or more.
    pub fn all(x: &'a Csr) -> Result<PickedRows<'a>> {
        let mut rows = PickedRows::new(x.cols());
        (0..x.rows()).try_for_each(|row| rows.push(x, row))?;
        Ok(rows)
    }

    /// Appends a row of a matrix.
    ///
    /// # Errors
    /// If the matrix has no such row or another number of columns.
    pub fn push(&mut self, x: &'a Csr, row: usize) -> Result<()> {
        if x.cols() != self.cols {
            return Err(ModelError::Shape {
                what: "a split's matrix",
                found: x.cols(),
                expected: self.cols,
            });
        }
        let (Some(position), true) = (u32::try_from(row).ok(), row < x.rows()) else {
            return Err(ModelError::Shape {
                what: "a split's rows",
                found: x.rows(),
                expected: row.saturating_add(1),
            });
        };
        self.push_known((x, position));
        Ok(())
    }

    /// Appends a row that is known to be there.
    fn push_known(&mut self, (x, row): (&'a Csr, u32)) {
        let entries = x.row(row as usize).0.len() as u64;
        self.rows.push((x, row));
        self.indptr.push(self.indptr[self.indptr.len() - 1] + entries);
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Where each row's entries would begin and end if they stood one after the other.
    pub(crate) fn indptr(&self) -> &[u64] {
        &self.indptr
    }

    /// The columns and values of one row.
    ///
    /// # Panics
    /// If there is no such row, as for a slice.
    pub fn row(&self, row: usize) -> (&'a [u32], &'a [f64]) {
        let (x, row) = self.rows[row];
        x.row(row as usize)
    }

    /// The copy that a solver reads, with the entries of columns for which `keep` does not hold
    /// left out; columns keep their numbers.
    ///
    /// # Errors
    /// If a value is beyond the range of `f32`.
    pub(crate) fn compact(&self, keep: impl Fn(usize) -> bool) -> Result<Compact> {
        let kept: Vec<bool> = (0..self.cols).map(keep).collect();
        let entries = |row| {
            let (columns, values) = self.row(row);
            let entries = columns.iter().copied().zip(values.iter().copied());
            entries.filter(|&(column, _)| kept[column as usize])
        };
        Compact::of_rows(self.cols, self.rows.len(), entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::matrix::Matrix;

    fn matrix(first: f64) -> Csr {
        Csr::new(3, vec![0, 2, 3], vec![0, 2, 1], vec![first, 2.0, 3.0]).unwrap()
    }

    #[test]
    fn picked_rows_are_a_matrix_of_their_own() {
        let (a, b) = (matrix(1.0), matrix(9.0));
        let mut both = PickedRows::new(3);
        both.push(&b, 0).unwrap();
        both.push(&a, 1).unwrap();
        assert_eq!((both.row(0), both.row(1)), (b.row(0), a.row(1)));
        assert_eq!(Matrix::from(&both).indptr(), [0, 2, 3]);
        assert!(both.push(&a, 2).is_err());
        assert!(PickedRows::new(4).push(&a, 0).is_err());

        let without_last = both.compact(|column| column != 2).unwrap();
        let whole = both.compact(|_| true).unwrap();
        assert_eq!((whole.entries(), without_last.entries()), (3, 2));
        let v = [[1.0], [10.0], [100.0]];
        assert_eq!(Matrix::from(&whole).row(0).dot(&v), [209.0]);
        assert_eq!(Matrix::from(&without_last).row(0).dot(&v), [9.0]);

        // The first of several values that do not fit, whichever thread meets it.
        let mut values = vec![1.0; 3_000];
        (values[700], values[2_900]) = (1e39, -1e39);
        let indptr = (0..=3_000).collect();
        let large = Csr::new(1, indptr, vec![0; 3_000], values).unwrap();
        let error = PickedRows::all(&large).unwrap().compact(|_| true).unwrap_err();
        assert!(matches!(error, ModelError::RowValue { row: 700, .. }), "{error}");
    }
}
