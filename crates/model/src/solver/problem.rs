//! What is solved, when to stop, and what comes out.

use serde::{Deserialize, Serialize};

use super::{
    coefficients::{Coefficients, class_scores, outputs_of, softmax},
    matrix::Matrix,
};
use crate::error::{ModelError, Result};

/// The most classes that the solvers carry.
pub const MAX_CLASSES: usize = 32;

/// Called with the iterations done and, where known, their total (0 is unknown).
pub type StepProgress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// When a solver stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Upper bound of (objective - optimum) / objective at which the optimum counts as reached: the
    /// objective, all of whose terms are positive, is then within this share of itself from the
    /// lowest value there is. Above 0 and below 1; rounding sets an end at about 1e-14.
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
        if classes < 2 {
            return Err(ModelError::NoOptimum { why: "there is one class only".to_owned() });
        }
        if classes > MAX_CLASSES {
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

/// What a solver did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolverReport {
    /// The solver's name.
    pub solver: String,
    /// The objective of [`Problem`] at the end.
    pub objective: f64,
    /// Largest absolute value of the gradient (with L1: of the shortest subgradient).
    pub gradient_norm: f64,
    /// Proven upper bound of (objective - optimum) / objective, from 0 to 1.
    pub relative_gap: f64,
    /// Outer iterations; `None` where the solver does not tell, which is linfa's.
    pub iterations: Option<u64>,
    /// Passes over the matrix, a Hessian product counted as one; `None` likewise.
    pub passes: Option<f64>,
    /// Whether the gap is within the tolerance.
    pub converged: bool,
}

/// The fitted numbers and how they were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The fitted numbers.
    pub coefficients: Coefficients,
    /// How they were found.
    pub report: SolverReport,
}

impl Problem<'_> {
    /// Refuses a problem whose objective has no lowest value.
    pub(super) fn check_optimum(&self) -> Result<()> {
        let no_optimum = |why: String| Err(ModelError::NoOptimum { why });
        if self.l1 == 0.0 && self.l2 == 0.0 {
            return no_optimum(
                "without a penalty the weights of separable rows grow for ever; set l1 or l2"
                    .to_owned(),
            );
        }
        let mut masses = vec![0.0; self.classes];
        for (&label, weight) in self.labels.iter().zip(&self.weights) {
            masses[label as usize] += weight;
        }
        let total: f64 = masses.iter().sum();
        if total <= 0.0 || !total.is_finite() {
            return no_optimum(format!("the rows' weights sum to {total}"));
        }
        match masses.iter().position(|&mass| mass == 0.0) {
            Some(class) if self.intercept => no_optimum(format!(
                "class {class} has no row with a weight, so its intercept falls for ever; leave \
                 the class out"
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn check_shape(&self, what: &'static str, of: &Coefficients) -> Result<()> {
        let expected = self.x.cols() * self.outputs();
        let fits = of.cols == self.x.cols() && of.classes == self.classes;
        if fits && of.weights.len() == expected && of.intercepts.len() == self.outputs() {
            return Ok(());
        }
        Err(ModelError::Shape { what, found: of.weights.len(), expected })
    }

    /// The objective at given coefficients.
    ///
    /// # Errors
    /// If the coefficients are for other columns or classes.
    pub fn objective(&self, at: &Coefficients) -> Result<f64> {
        self.check_shape("the list of weights", at)?;
        let mut loss = 0.0;
        let mut scores = vec![0.0; self.classes];
        for row in 0..self.x.rows() {
            class_scores(at, self.x.row(row), &mut scores);
            let own = scores[self.labels[row] as usize];
            loss += self.weights[row] * (softmax(&mut scores) - own);
        }
        let squares: f64 = at.weights.iter().map(|w| w * w).sum();
        let sizes: f64 = at.weights.iter().map(|w| w.abs()).sum();
        Ok(loss + 0.5 * self.l2 * squares + self.l1 * sizes)
    }
}
