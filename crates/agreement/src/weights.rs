//! How much two categories agree: 1 on the diagonal, less the further apart they are.

use crate::Error;

/// A symmetric matrix of agreement weights in 0..=1 with 1 on the diagonal.
///
/// The named schemes follow Gwet, Handbook of Inter-Rater Reliability (4th ed. 2014, chapter 3);
/// they take the categories to be the ranks 1, 2, ..., q unless scores are given.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    categories: usize,
    values: Vec<f64>,
}

impl Weights {
    fn build(categories: usize, weight: impl Fn(usize, usize) -> f64) -> Weights {
        let values =
            (0..categories * categories).map(|c| weight(c / categories, c % categories)).collect();
        Weights { categories, values }
    }

    /// 1 for the same category, else 0: the unweighted statistics.
    pub fn identity(categories: usize) -> Weights {
        Weights::build(categories, |i, j| f64::from(u8::from(i == j)))
    }

    /// `1 - |i - j| / (q - 1)`.
    pub fn linear(categories: usize) -> Weights {
        let span = categories.saturating_sub(1).max(1) as f64;
        Weights::build(categories, |i, j| 1.0 - i.abs_diff(j) as f64 / span)
    }

    /// `1 - (i - j)^2 / (q - 1)^2`.
    pub fn quadratic(categories: usize) -> Weights {
        let span = categories.saturating_sub(1).max(1) as f64;
        Weights::build(categories, |i, j| 1.0 - (i.abs_diff(j) as f64 / span).powi(2))
    }

    /// Gwet's ordinal weights: `1 - C(|i - j| + 1, 2) / C(q, 2)`.
    pub fn ordinal(categories: usize) -> Weights {
        let pairs = |steps: usize| (steps * (steps + 1)) as f64 / 2.0;
        let most = pairs(categories.saturating_sub(1)).max(1.0);
        Weights::build(categories, |i, j| 1.0 - pairs(i.abs_diff(j)) / most)
    }

    /// `1 - (x_i - x_j)^2 / (max - min)^2` for the categories' scores.
    pub fn interval(scores: &[f64]) -> Result<Weights, Error> {
        let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = high - low;
        if !(span.is_finite() && span > 0.0) {
            return Err(Error::Parameter {
                name: "scores",
                value: format!("{scores:?}"),
                range: "finite numbers, not all equal",
            });
        }
        Ok(Weights::build(scores.len(), |i, j| 1.0 - ((scores[i] - scores[j]) / span).powi(2)))
    }

    /// An own matrix in row-major order.
    pub fn from_matrix(categories: usize, values: Vec<f64>) -> Result<Weights, Error> {
        let weights = Weights { categories, values };
        let square =
            categories > 0 && categories.checked_mul(categories) == Some(weights.values.len());
        let sound = square
            && (0..categories).all(|i| {
                weights.get(i, i) == 1.0
                    && (0..categories).all(|j| {
                        (0.0..=1.0).contains(&weights.get(i, j))
                            && weights.get(i, j) == weights.get(j, i)
                    })
            });
        if sound { Ok(weights) } else { Err(Error::BadWeights { categories }) }
    }

    /// The weight of two categories.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.categories + j]
    }

    /// The number of categories.
    pub fn categories(&self) -> usize {
        self.categories
    }

    /// The sum of all weights.
    pub fn sum(&self) -> f64 {
        self.values.iter().sum()
    }
}
