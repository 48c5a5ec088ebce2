//! Standardising numbers with the training rows' mean and deviation.

use serde::{Deserialize, Serialize};

use crate::FeaturesError;

/// One column's scaling: a value becomes `(value - mean) * scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scaling {
    /// The column.
    pub(crate) column: String,
    /// The mean of the training rows that have a value.
    pub(crate) mean: f64,
    /// One over their standard deviation (of a population); 1 for a constant column.
    pub(crate) scale: f64,
}

impl Scaling {
    /// The scaling of a column; all values must be finite. Without a value it is the identity.
    ///
    /// As in scikit-learn, a column counts as constant where its variance is within what rounding
    /// makes of a constant, `n eps variance + (n mean eps)^2`. Sums are compensated, so that a
    /// constant column becomes exactly 0.
    pub(crate) fn fit(column: &str, values: &[f64]) -> Result<Scaling, FeaturesError> {
        let column = column.to_owned();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(FeaturesError::NotFinite { id: "(training rows)".to_owned(), column });
        }
        if values.is_empty() {
            return Ok(Scaling { column, mean: 0.0, scale: 1.0 });
        }
        let rows = values.len() as f64;
        let mean = sum(values.iter().copied()) / rows;
        // The first division was rounded: a constant's mean must be the constant.
        let mean = mean + sum(values.iter().map(|value| value - mean)) / rows;
        let variance = sum(values.iter().map(|value| (value - mean).powi(2))) / rows;
        if !(mean.is_finite() && variance.is_finite()) {
            return Err(FeaturesError::TooLarge { column });
        }
        let rounding = rows * f64::EPSILON * variance + (rows * mean * f64::EPSILON).powi(2);
        let scale = if variance <= rounding { 1.0 } else { variance.sqrt().recip() };
        Ok(Scaling { column, mean, scale })
    }

    /// The scaled value; `None` if it is not finite, since the value was not or since mean and
    /// scale, which may come from a file, take it out of range.
    pub(crate) fn apply(&self, value: f64) -> Option<f64> {
        Some((value - self.mean) * self.scale).filter(|scaled| scaled.is_finite())
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.mean.is_finite() && self.scale.is_finite()
    }
}

/// A sum whose error does not grow with the number of terms (Neumaier 1974).
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for term in terms {
        let next = sum + term;
        let (larger, smaller) = if sum.abs() >= term.abs() { (sum, term) } else { (term, sum) };
        lost += (larger - next) + smaller;
        sum = next;
    }
    sum + lost
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The column's values, and what some of them become.
    fn check(name: &str, values: &[f64], expected: &[(f64, f64)]) {
        let scaling = Scaling::fit("x", values).unwrap();
        for &(value, expected) in expected {
            let scaled = scaling.apply(value).unwrap();
            let close = (scaled - expected).abs() <= 1e-12 * expected.abs().max(1.0);
            assert!(close, "{name}: {value} becomes {scaled}, not {expected}");
        }
    }

    #[test]
    fn columns_are_standardised_as_in_scikit_learn() {
        // StandardScaler().fit(values).transform(others) of scikit-learn 1.9.1.
        let (low, high) = (14.62, 14.620000000000001);
        let ulp = 1e8 + 1.5e-8;
        check("alternating", &[low, high].repeat(50), &[(15.0, 0.38), (low, 0.0)]);
        check("one ulp", &[1e8, 1e8, ulp], &[(1e8, 0.0), (1e8 + 1.0, 1.0)]);
        check("tiny", &[1e-17, 2e-17, 3e-17], &[(1e-17, -1.224744871391589), (2e-17, 0.0)]);
        check("constant", &[14.62; 1000], &[(14.62, 0.0), (15.0, 0.38)]);
        let (down, up) = (-1.0690449676496974, 1.3363062095621219);
        check("huge", &[1e150, 2e150, 4e150], &[(1e150, down), (4e150, up)]);
        check("tinier", &[1e-150, 2e-150, 4e-150], &[(1e-150, down), (4e-150, up)]);
        check("underflow", &[1e-200, 2e-200, 4e-200], &[(1.0, 1.0), (4e-200, 0.0)]);
        let offset: Vec<f64> = (0..10).map(|i| 1e9 + f64::from(i)).collect();
        check("offset", &offset, &[(1e9, -1.5666989036012806), (1e9 + 4.5, 0.0)]);
        let scores = [0.0, 20.0, 35.5, 100.0, 100.0];
        check("scores", &scores, &[(50.0, -0.02651688095741162), (0.0, -1.2318296517488472)]);
        check("one", &[3.0], &[(3.0, 0.0), (4.0, 1.0)]);
        check("two", &[3.0, 5.0], &[(3.0, -1.0), (4.0, 0.0)]);
        check("negative", &[-1e5, -1e5 + 1.0, -1e5 - 3.0], &[(-1e5, 0.3922322702792219)]);
    }

    #[test]
    fn a_sum_keeps_what_a_large_term_swallows() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100].into_iter()), 2.0);
        assert_eq!(sum([1e100, 1.0, -1e100, -3.0].into_iter()), -2.0);
    }

    #[test]
    fn a_constant_column_is_zero_in_every_bit() {
        for value in [0.1, 14.62, -1e-300, 1e300, f64::MIN_POSITIVE, 0.0] {
            let scaling = Scaling::fit("x", &[value; 1003]).unwrap();
            assert_eq!((scaling.apply(value), scaling.scale), (Some(0.0), 1.0));
        }
        assert_eq!(Scaling::fit("x", &[]).unwrap().apply(3.0), Some(3.0));
    }

    #[test]
    fn what_no_number_can_hold_is_an_error() {
        // scikit-learn gives NaN for these.
        for values in [[1e200, 2e200], [f64::MAX, f64::MAX]] {
            let error = Scaling::fit("x", &values).unwrap_err();
            assert!(matches!(error, FeaturesError::TooLarge { .. }));
        }
        let error = Scaling::fit("x", &[1.0, f64::NAN]).unwrap_err();
        assert!(matches!(error, FeaturesError::NotFinite { .. }));
        let huge = Scaling { column: "x".to_owned(), mean: -1e297, scale: 1e16 };
        assert!(huge.is_sound());
        assert_eq!((huge.apply(1.0), huge.apply(f64::NAN)), (None, None));
        for unsound in [
            Scaling { mean: f64::NAN, ..huge.clone() },
            Scaling { mean: f64::INFINITY, ..huge.clone() },
            Scaling { scale: f64::NAN, ..huge },
        ] {
            assert!(!unsound.is_sound());
        }
    }

    proptest! {
        /// Values are whole steps above an offset, so that their mean and variance are known from
        /// whole numbers, however far the offset is.
        #[test]
        fn an_offset_changes_nothing(
            steps in prop::collection::vec(0_i64..1000, 2..200), offset in 0_u32..33,
        ) {
            let step = 2.0_f64.powi(-20);
            let base = 2.0_f64.powi(offset as i32) - 1.0;
            let values: Vec<f64> = steps.iter().map(|&s| base + s as f64 * step).collect();
            let scaling = Scaling::fit("x", &values).unwrap();
            let rows = steps.len() as i128;
            let total: i128 = steps.iter().map(|&s| i128::from(s)).sum();
            let squares: i128 = steps.iter().map(|&s| i128::from(s) * i128::from(s)).sum();
            let spread = (rows * squares - total * total) as f64;
            let limit = (rows as f64).powi(2) * base * f64::EPSILON / step;
            prop_assume!(spread.sqrt() > 2.0 * limit);
            for (&s, &value) in steps.iter().zip(&values) {
                let expected = (rows * i128::from(s) - total) as f64 / spread.sqrt();
                let scaled = scaling.apply(value).unwrap();
                // The mean is rounded to f64.
                let rounding = base * f64::EPSILON / step * rows as f64 / spread.sqrt();
                prop_assert!((scaled - expected).abs() <= 1e-12 + rounding);
            }
        }
    }
}
