//! A dense copy for linfa's algorithms.

use clawsig_schema::matrix::Csr;
use linfa::Dataset;
use ndarray::{Array1, Array2, Ix1};

use crate::FeaturesError;

/// The matrix and its labels as linfa's `Dataset`, one record a row.
///
/// `limit` is the most bytes the records may take: 47,262 rows of 20,000 columns are 7.6 GB.
///
/// # Errors
/// [`FeaturesError::LabelCount`], [`FeaturesError::TooDense`].
pub fn linfa_dataset<L>(
    matrix: &Csr,
    labels: Vec<L>,
    limit: u64,
) -> Result<Dataset<f64, L, Ix1>, FeaturesError> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    if labels.len() != rows {
        return Err(FeaturesError::LabelCount { labels: labels.len(), rows });
    }
    if (rows as u128) * (cols as u128) * 8 > u128::from(limit) {
        return Err(FeaturesError::TooDense { rows, cols, limit });
    }
    let mut records = Array2::zeros((rows, cols));
    for row in 0..rows {
        let (columns, values) = matrix.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            records[[row, column as usize]] = value;
        }
    }
    Ok(Dataset::new(records, Array1::from_vec(labels)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_labels_stand_side_by_side() {
        let matrix = Csr::new(3, vec![0, 1, 2], vec![2, 0], vec![5.0, 6.0]).unwrap();
        let dataset = linfa_dataset(&matrix, vec!["a", "b"], 48).unwrap();
        assert_eq!(dataset.records()[[0, 2]], 5.0);
        assert_eq!(dataset.records().sum(), 11.0);
        assert_eq!(dataset.targets()[1], "b");
        assert!(linfa_dataset(&matrix, vec!["a"], 1 << 10).is_err());
        assert!(linfa_dataset(&matrix, vec!["a", "b"], 47).is_err());
    }
}
