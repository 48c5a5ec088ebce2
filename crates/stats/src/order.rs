//! Means, deviations and quantiles of lists of numbers.

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation with divisor `n - 1`; `None` of fewer than two values. Equal values
/// deviate by exactly 0.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let (first, n) = (*values.first()?, values.len());
    if n < 2 {
        return None;
    }
    // Differences from one of the values do not lose the digits that a large mean would take.
    let shift = values.iter().map(|value| value - first).sum::<f64>() / n as f64;
    let square: f64 = values.iter().map(|value| (value - first - shift).powi(2)).sum();
    Some((square / (n - 1) as f64).sqrt())
}

/// The quantile of a sorted list by linear interpolation (Hyndman and Fan's type 7, the default of
/// numpy and R); `None` of nothing. A `p` outside 0 to 1 counts as the nearer end, NaN as 0.
///
/// ```
/// use clawsig_stats::quantile;
/// assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
/// ```
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = if p.is_nan() { 0.0 } else { p.clamp(0.0, 1.0) } * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.quantile` and `numpy.std(ddof=1)`, numpy 1.26.4.
    #[test]
    fn quantiles_and_deviation_equal_numpys() {
        let values = [0.1, 0.4, 0.45, 0.7, 0.9];
        for (p, theirs) in [(0.0, 0.1), (0.025, 0.13), (0.5, 0.45), (0.9, 0.82), (1.0, 0.9)] {
            let ours = quantile(&values, p).unwrap_or(f64::NAN);
            assert!((ours - theirs).abs() < 1e-15, "{p}: {ours}");
        }
        let spread = deviation(&values).unwrap_or(f64::NAN);
        assert!((spread - 0.304_959_013_639_538_15).abs() < 1e-15, "{spread}");
        assert_eq!(mean(&values), Some(0.51));
    }

    #[test]
    fn edges() {
        assert_eq!((quantile(&[], 0.5), mean(&[]), deviation(&[1.0])), (None, None, None));
        assert_eq!(quantile(&[3.0], 0.9), Some(3.0));
        assert_eq!(quantile(&[3.0, 4.0], 7.0), Some(4.0));
        assert_eq!(quantile(&[3.0, 4.0], -7.0), Some(3.0));
        assert_eq!(quantile(&[3.0, 4.0], f64::NAN), Some(3.0));
        assert_eq!(deviation(&[0.1; 7]), Some(0.0));
        let far = deviation(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        assert_eq!(far, Some(1.0));
    }
}
