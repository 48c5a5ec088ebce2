//! linfa's `Fit` and `Predict` on the sparse matrix, so that it fits where linfa's models do.

use linfa::{
    DatasetBase,
    dataset::Records,
    traits::{Fit, PredictInplace},
};
use ndarray::Array1;

use super::{
    coefficients::{Coefficients, class_scores, softmax},
    compact::Compact,
    matrix::Matrix,
    problem::{Problem, Solution, Stop},
    solve::Solver,
};
use crate::{
    error::{ModelError, Result},
    model::first_maximum,
};

impl Records for Compact {
    type Elem = f32;

    fn nsamples(&self) -> usize {
        self.rows()
    }

    fn nfeatures(&self) -> usize {
        self.cols()
    }
}

/// Ridge-penalised logistic regression on a [`Compact`] matrix as linfa has its models: set, then
/// `fit` a dataset whose targets are class numbers from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparseLogistic {
    /// The inverse of the penalty, as in scikit-learn.
    pub c: f64,
    /// When the solver stops.
    pub stop: Stop,
}

impl Default for SparseLogistic {
    /// C = 1, to the default gap.
    fn default() -> SparseLogistic {
        SparseLogistic { c: 1.0, stop: Stop::default() }
    }
}

impl Fit<Compact, Array1<usize>, ModelError> for SparseLogistic {
    type Object = Solution;

    /// # Errors
    /// As [`Problem::new`] and [`Problem::solve`]. A solution that is not the optimum is no error:
    /// its report says so.
    fn fit(&self, dataset: &DatasetBase<Compact, Array1<usize>>) -> Result<Solution> {
        let labels: Vec<u32> = dataset
            .targets
            .iter()
            // A number beyond u32 is beyond the classes too, and is refused there.
            .map(|&label| u32::try_from(label).unwrap_or(u32::MAX))
            .collect();
        let classes = labels.iter().max().map_or(0, |&top| top as usize + 1).max(2);
        let problem = Problem::new(&dataset.records, &labels, classes, 1.0 / self.c)?;
        problem.solve(Solver::Auto, None, self.stop, &|_, _| {})
    }
}

/// The most probable class of every row, the first of equals.
impl PredictInplace<Compact, Array1<usize>> for Coefficients {
    fn predict_inplace(&self, x: &Compact, y: &mut Array1<usize>) {
        let mut scores = vec![0.0; self.classes];
        for (row, y) in (0..x.rows()).zip(y.iter_mut()) {
            class_scores(self, Matrix::from(x).row(row), &mut scores);
            softmax(&mut scores);
            *y = first_maximum(&scores);
        }
    }

    fn default_target(&self, x: &Compact) -> Array1<usize> {
        Array1::zeros(x.rows())
    }
}

#[cfg(test)]
mod tests {
    use linfa::traits::Predict;

    use super::*;

    #[test]
    fn a_dataset_is_fitted_and_predicted() {
        let mut x = Compact::new(2, 0);
        for row in 0..40 {
            x.push(&[(row % 2) as u32], &[1.0 + f64::from(row)]).unwrap();
        }
        let dataset = DatasetBase::new(x, (0..40).map(|row| row % 2).collect::<Array1<usize>>());
        let solution = SparseLogistic::default().fit(&dataset).unwrap();
        assert!(solution.report.converged);
        assert_eq!(solution.coefficients.predict(&dataset), dataset.targets);
        let wrong = DatasetBase::new(Compact::new(2, 0), Array1::<usize>::zeros(0));
        assert!(SparseLogistic::default().fit(&wrong).is_err());
    }
}
