//! Standardising numbers with the training rows' mean and deviation.

use linfa::{DatasetBase, traits::Fit};
use linfa_preprocessing::linear_scaling::LinearScaler;
use ndarray::Array2;
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
    pub(crate) fn fit(column: &str, values: Vec<f64>) -> Result<Scaling, FeaturesError> {
        let column = column.to_owned();
        // linfa's scaler lets NaN through, so it must not see one.
        if values.iter().any(|value| !value.is_finite()) {
            return Err(FeaturesError::NotFinite { id: "(training rows)".to_owned(), column });
        }
        if values.is_empty() {
            return Ok(Scaling { column, mean: 0.0, scale: 1.0 });
        }
        let records = Array2::from_shape_vec((values.len(), 1), values)
            .map_err(|error| FeaturesError::Damaged(error.to_string()))?;
        let scaler = LinearScaler::standard()
            .fit(&DatasetBase::from(records))
            .map_err(|source| FeaturesError::Scaler { column: column.clone(), source })?;
        Ok(Scaling { column, mean: scaler.offsets()[0], scale: scaler.scales()[0] })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_standardised_and_a_constant_one_centred() {
        let scaling = Scaling::fit("x", vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(scaling.mean, 2.5);
        // scikit-learn's StandardScaler: 1 / sqrt(1.25).
        assert!((scaling.scale - 1.25_f64.sqrt().recip()).abs() < 1e-15);
        let constant = Scaling::fit("x", vec![7.0; 3]).unwrap();
        assert_eq!((constant.apply(7.0), constant.apply(8.0)), (Some(0.0), Some(1.0)));
        assert_eq!(Scaling::fit("x", Vec::new()).unwrap().apply(3.0), Some(3.0));
        let huge = Scaling { column: "x".to_owned(), mean: -1e297, scale: 1e16 };
        assert!(huge.is_sound());
        assert_eq!((huge.apply(1.0), constant.apply(f64::NAN)), (None, None));
        assert!(Scaling::fit("x", vec![1.0, f64::NAN]).is_err());
    }
}
