//! What is solved, when to stop, and what comes out.

use serde::{Deserialize, Serialize};

use super::{descent::Point, matrix::Matrix, passes::Blocks};
use crate::error::{ModelError, Result};

/// The most classes that the solvers carry.
pub const MAX_CLASSES: usize = 33;

/// When a solver stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Upper bound of (objective - optimum) / objective at which the optimum counts as reached.
    pub tolerance: f64,
    /// Iterations after which it gives up, with `converged` false.
    pub max_iterations: usize,
}

impl Default for Stop {
    /// A gap of at most 1e-6 of the objective, 1,000 iterations.
    fn default() -> Stop {
        Stop { tolerance: 1e-6, max_iterations: 1_000 }
    }
}

/// Penalised logistic regression on a sparse matrix:
///
/// sum over rows of weight * -ln p(class) + l2/2 |w|^2 + l1 |w|_1, the intercepts unpenalised.
///
/// With `l2 = 1/C` and `l1 = 0` this is scikit-learn's objective divided by C. Two classes have
/// one weight a column (the log-odds of the second class), more classes one a column and class.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    pub(crate) x: Matrix<'a>,
    pub(crate) labels: &'a [u32],
    pub(crate) classes: usize,
    pub(crate) weights: Vec<f64>,
    pub(crate) l2: f64,
    pub(crate) l1: f64,
    pub(crate) intercept: bool,
}

impl<'a> Problem<'a> {
    /// A problem with unit weights, an intercept, and the ridge penalty `l2`, on a
    /// [`clawsig_schema::matrix::Csr`] or a [`super::Compact`] matrix.
    ///
    /// # Errors
    /// If there is no row, lengths differ, a label is not below `classes`, there are fewer than 2
    /// or more than [`MAX_CLASSES`] classes, or `l2` is not a finite number of at least 0.
    pub fn new(
        x: impl Into<Matrix<'a>>,
        labels: &'a [u32],
        classes: usize,
        l2: f64,
    ) -> Result<Problem<'a>> {
        let x = x.into();
        if x.rows() == 0 {
            return Err(ModelError::Shape { what: "the training matrix", found: 0, expected: 1 });
        }
        if labels.len() != x.rows() {
            return Err(ModelError::Shape {
                what: "the list of labels",
                found: labels.len(),
                expected: x.rows(),
            });
        }
        if !(2..=MAX_CLASSES).contains(&classes) {
            return Err(ModelError::TooManyClasses { found: classes, limit: MAX_CLASSES });
        }
        if let Some(row) = labels.iter().position(|&label| label as usize >= classes) {
            return Err(ModelError::RowValue {
                what: "the label",
                row,
                value: labels[row].to_string(),
                expected: "a class number",
            });
        }
        let weights = vec![1.0; x.rows()];
        let problem = Problem { x, labels, classes, weights, l2, l1: 0.0, intercept: true };
        problem.check_penalty()?;
        Ok(problem)
    }

    fn check_penalty(&self) -> Result<()> {
        for (name, value) in [("l2", self.l2), ("l1", self.l1)] {
            if !value.is_finite() || value < 0.0 {
                return Err(ModelError::Parameter {
                    name,
                    value: value.to_string(),
                    expected: "a finite number, 0 or more",
                });
            }
        }
        Ok(())
    }

    /// Adds an L1 penalty.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn with_l1(mut self, l1: f64) -> Result<Problem<'a>> {
        self.l1 = l1;
        self.check_penalty()?;
        Ok(self)
    }

    /// Sets the rows' weights.
    ///
    /// # Errors
    /// If there is not one a row, or one is negative or not finite.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Problem<'a>> {
        if weights.len() != self.x.rows() {
            return Err(ModelError::Shape {
                what: "the list of row weights",
                found: weights.len(),
                expected: self.x.rows(),
            });
        }
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(ModelError::RowValue {
                what: "the weight",
                row,
                value: weights[row].to_string(),
                expected: "a finite number, 0 or more",
            });
        }
        self.weights = weights;
        Ok(self)
    }

    /// Leaves the intercepts at 0.
    #[must_use]
    pub fn without_intercept(mut self) -> Problem<'a> {
        self.intercept = false;
        self
    }

    /// Numbers a column has in [`Coefficients`]: 1 for two classes, else one a class.
    pub fn outputs(&self) -> usize {
        outputs_of(self.classes)
    }
}

pub(crate) fn outputs_of(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// The fitted numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficients {
    /// Number of classes.
    pub classes: usize,
    /// Number of columns.
    pub cols: usize,
    /// Column by column; each has one weight (two classes: the log-odds of the second) or one a
    /// class.
    pub weights: Vec<f64>,
    /// One intercept, or one a class; for more than two classes they sum to 0.
    pub intercepts: Vec<f64>,
}

impl Coefficients {
    /// All zeros.
    pub fn zeros(classes: usize, cols: usize) -> Coefficients {
        let outputs = outputs_of(classes);
        Coefficients {
            classes,
            cols,
            weights: vec![0.0; cols * outputs],
            intercepts: vec![0.0; outputs],
        }
    }

    /// Numbers a column has.
    pub fn outputs(&self) -> usize {
        outputs_of(self.classes)
    }

    /// The weights of one column.
    ///
    /// # Panics
    /// If the column is not below `cols`.
    pub fn column(&self, column: usize) -> &[f64] {
        &self.weights[column * self.outputs()..(column + 1) * self.outputs()]
    }

    /// Number of columns with a weight that is not 0.
    pub fn used_columns(&self) -> usize {
        self.weights.chunks_exact(self.outputs()).filter(|c| c.iter().any(|w| *w != 0.0)).count()
    }
}

/// What a solver did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolverReport {
    /// The solver's name.
    pub solver: String,
    /// The objective of [`Problem`] at the end.
    pub objective: f64,
    /// Largest absolute value of the gradient (with L1: of the shortest subgradient).
    pub gradient_norm: f64,
    /// Proven upper bound of (objective - optimum) / objective.
    pub relative_gap: f64,
    /// Outer iterations.
    pub iterations: u64,
    /// Passes over the matrix, a Hessian product counted as one.
    pub passes: f64,
    /// Whether the gap is within the tolerance.
    pub converged: bool,
}

/// The fitted numbers and how they were found.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The fitted numbers.
    pub coefficients: Coefficients,
    /// How they were found.
    pub report: SolverReport,
}

/// A solver's result in its own coordinates.
pub(crate) struct Raw<const N: usize> {
    pub(crate) w: Blocks<N>,
    pub(crate) objective: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) gap: f64,
    pub(crate) iterations: usize,
    pub(crate) passes: f64,
    pub(crate) converged: bool,
}

impl<const N: usize> Raw<N> {
    pub(super) fn new(
        point: Point<'_, '_, N>,
        gap: f64,
        iterations: usize,
        converged: bool,
    ) -> Raw<N> {
        Raw {
            objective: point.objective,
            gradient_norm: point.gradient_norm(),
            passes: point.passes,
            w: point.w,
            gap,
            iterations,
            converged,
        }
    }
}
