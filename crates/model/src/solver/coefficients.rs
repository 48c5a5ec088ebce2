//! The fitted numbers, and the probabilities that follow from them.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matrix::{Matrix, Row};
use crate::error::{ModelError, Result};

pub(crate) fn outputs_of(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// The fitted numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

    /// Checks that the lists are as long as classes and columns say and hold finite numbers, as
    /// numbers from a file or from other code need not.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self) -> Result<()> {
        self.check_lengths()?;
        for (what, list) in [("weight", &self.weights), ("intercept", &self.intercepts)] {
            if let Some(at) = list.iter().position(|number| !number.is_finite()) {
                return Err(ModelError::NotFinite { what, at, value: list[at] });
            }
        }
        Ok(())
    }

    /// The part of [`Coefficients::check`] that takes no time.
    pub(crate) fn check_lengths(&self) -> Result<()> {
        if self.classes < 2 {
            return Err(ModelError::Shape {
                what: "the list of classes",
                found: self.classes,
                expected: 2,
            });
        }
        let weights = self.cols.checked_mul(self.outputs());
        for (what, list, expected) in [
            ("the list of weights", &self.weights, weights.unwrap_or(usize::MAX)),
            ("the list of intercepts", &self.intercepts, self.outputs()),
        ] {
            if list.len() != expected {
                return Err(ModelError::Shape { what, found: list.len(), expected });
            }
        }
        Ok(())
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

impl Coefficients {
    /// Probabilities of every row, one a class, in parallel on the current rayon pool.
    ///
    /// # Errors
    /// If the matrix has another number of columns.
    pub fn probabilities<'x>(&self, x: impl Into<Matrix<'x>>) -> Result<Vec<Vec<f64>>> {
        self.check()?;
        let x = x.into();
        if x.cols() != self.cols {
            return Err(ModelError::Shape {
                what: "a row of the matrix",
                found: x.cols(),
                expected: self.cols,
            });
        }
        Ok((0..x.rows()).into_par_iter().map(|row| self.row_probabilities(x.row(row))).collect())
    }

    /// Probabilities of one row, one a class.
    pub(crate) fn row_probabilities(&self, row: Row<'_>) -> Vec<f64> {
        let mut scores = vec![0.0; self.classes];
        class_scores(self, row, &mut scores);
        softmax(&mut scores);
        scores
    }
}

/// The class scores of one row, whose softmax are the probabilities. Columns the model does not
/// know are left out.
pub(crate) fn class_scores(model: &Coefficients, row: Row<'_>, scores: &mut [f64]) {
    match scores {
        [first, second] if model.outputs() == 1 => {
            let [sum] = sums(model, row);
            (*first, *second) = (0.0, sum);
        }
        [_, _, _] => scores.copy_from_slice(&sums::<3>(model, row)),
        _ => {
            scores.copy_from_slice(&model.intercepts);
            row.for_each(|column, value| {
                if column < model.cols {
                    for (score, weight) in scores.iter_mut().zip(model.column(column)) {
                        *score += value * weight;
                    }
                }
            });
        }
    }
}

/// The row's product with the weights, for a number of outputs that is known when this is compiled.
fn sums<const N: usize>(model: &Coefficients, row: Row<'_>) -> [f64; N] {
    let mut sums = [0.0; N];
    sums.copy_from_slice(&model.intercepts);
    let (blocks, _) = model.weights.as_chunks::<N>();
    row.for_each(|column, value| {
        if let Some(block) = blocks.get(column) {
            for (sum, weight) in sums.iter_mut().zip(block) {
                *sum += value * weight;
            }
        }
    });
    sums
}

/// `exp(x - max)` over its sum, in place; gives the log of the sum of exponentials.
pub(crate) fn softmax(scores: &mut [f64]) -> f64 {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - top).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
    top + sum.ln()
}
