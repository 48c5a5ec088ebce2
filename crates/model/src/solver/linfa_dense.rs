//! linfa-logistic on a dense copy of the matrix: for small problems and as a cross-check.

use linfa::{Dataset, traits::Fit};
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::{
    coefficients::Coefficients,
    problem::{Problem, StepProgress, Stop},
};
use crate::error::{ModelError, Result};

/// The most cells of the dense copy: 64 million, which are 512 MB.
const LIMIT: usize = 64_000_000;

/// The optimum as linfa sees it; it says nothing of convergence.
pub(super) fn solve(
    problem: &Problem<'_>,
    stop: Stop,
    progress: StepProgress<'_>,
) -> Result<Coefficients> {
    let refuse = |what| Err(ModelError::Unsupported { solver: "linfa", what });
    if problem.weights.iter().any(|w| *w != 1.0) {
        return refuse("take class or row weights");
    }
    let (rows, cols) = (problem.x.rows(), problem.x.cols());
    if rows.saturating_mul(cols) > LIMIT {
        return refuse("hold a dense copy of more than 64 million cells");
    }
    let mut present = vec![false; problem.classes];
    problem.labels.iter().for_each(|&label| present[label as usize] = true);
    if present.contains(&false) {
        return refuse("fit a class without rows");
    }
    let mut dense = Array2::<f64>::zeros((rows, cols));
    for row in 0..rows {
        problem.x.row(row).for_each(|column, value| dense[[row, column]] = value);
    }
    let targets: Array1<usize> = problem.labels.iter().map(|&label| label as usize).collect();
    let data = Dataset::new(dense, targets);
    progress(0, stop.max_iterations as u64);
    // linfa stops on the gradient's norm; the gap is that norm squared over twice the penalty.
    let scale = rows as f64 * (problem.classes as f64).ln();
    let gradient = (2.0 * problem.l2 * stop.tolerance * scale * 1e-2).sqrt().max(1e-8);
    let mut coefficients = Coefficients::zeros(problem.classes, cols);
    if problem.classes == 2 {
        let model = LogisticRegression::default()
            .alpha(problem.l2)
            .with_intercept(problem.intercept)
            .max_iterations(stop.max_iterations as u64)
            .gradient_tolerance(gradient)
            .fit(&data)?;
        // The more frequent class is linfa's positive one.
        let sign = if model.labels().pos.class == 1 { 1.0 } else { -1.0 };
        coefficients.weights = model.params().iter().map(|w| sign * w).collect();
        coefficients.intercepts = vec![sign * model.intercept()];
    } else {
        let model = MultiLogisticRegression::default()
            .alpha(problem.l2)
            .with_intercept(problem.intercept)
            .max_iterations(stop.max_iterations as u64)
            .gradient_tolerance(gradient)
            .fit(&data)?;
        for column in 0..cols {
            for (output, &class) in model.classes().iter().enumerate() {
                coefficients.weights[column * problem.classes + class] =
                    model.params()[[column, output]];
            }
        }
        let mean = model.intercept().sum() / problem.classes as f64;
        for (output, &class) in model.classes().iter().enumerate() {
            coefficients.intercepts[class] = model.intercept()[output] - mean;
        }
    }
    Ok(coefficients)
}
