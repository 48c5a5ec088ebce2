//! McNemar's (1947) test of two paired answers, from the discordant counts.

use crate::distribution;

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom of a chi-squared statistic; `None` for an exact test.
    pub freedom: Option<u64>,
    /// The p-value; [`LEAST_P`](crate::LEAST_P) stands for it and anything below.
    pub p_value: f64,
}

impl Test {
    /// The test of a chi-squared statistic.
    pub fn chi_squared(statistic: f64, freedom: u64) -> Option<Test> {
        let p_value = distribution::chi_squared_tail(statistic, freedom as f64)?;
        Some(Test { statistic, freedom: Some(freedom), p_value })
    }
}

/// The exact test: the statistic is the smaller count, the p-value twice its binomial tail under
/// 1/2, at most 1. `None` where no pair differs, or over 2^53 do.
///
/// ```
/// let test = clawsig_stats::mcnemar_exact(1, 7).unwrap();
/// assert!((test.p_value - 0.0703125).abs() < 1e-12);
/// ```
pub fn mcnemar_exact(b: u64, c: u64) -> Option<Test> {
    let discordant = discordant(b, c)?;
    let least = b.min(c);
    let tail = distribution::fair_binomial_cdf(least, discordant)?;
    let p_value = distribution::bounded((2.0 * tail).min(1.0));
    Some(Test { statistic: least as f64, freedom: None, p_value })
}

/// Chi-squared without a correction, `(b - c)^2 / (b + c)`, one degree of freedom. `None` as for
/// [`mcnemar_exact`]. For fewer than about 25 differing pairs prefer that one.
pub fn mcnemar_uncorrected(b: u64, c: u64) -> Option<Test> {
    let discordant = discordant(b, c)?;
    let gap = b.abs_diff(c) as f64;
    Test::chi_squared(gap / discordant as f64 * gap, 1)
}

/// Chi-squared with Edwards' (1948) continuity correction, `max(|b - c| - 1, 0)^2 / (b + c)`: the
/// correction moves the difference towards 0 and stops there. `None` as for [`mcnemar_exact`].
pub fn mcnemar_corrected(b: u64, c: u64) -> Option<Test> {
    let discordant = discordant(b, c)?;
    let gap = b.abs_diff(c).saturating_sub(1) as f64;
    Test::chi_squared(gap / discordant as f64 * gap, 1)
}

fn discordant(b: u64, c: u64) -> Option<u64> {
    b.checked_add(c).filter(|sum| (1..=1 << 53).contains(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(test: Option<Test>, statistic: f64, p_value: f64) {
        let test = test.unwrap_or(Test { statistic: f64::NAN, freedom: None, p_value: f64::NAN });
        let apart = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-11 * theirs.abs();
        assert!(apart(test.statistic, statistic) && apart(test.p_value, p_value), "{test:?}");
    }

    /// `statsmodels.stats.contingency_tables.mcnemar([[10, b], [c, 20]], exact, correction)`,
    /// statsmodels 0.15.0; for (1, 1) the correction is stopped at 0, as R 4's `mcnemar.test` does
    /// with `correct = TRUE` where the counts are equal.
    #[test]
    fn the_three_tests_equal_statsmodels() {
        near(mcnemar_exact(1, 7), 1.0, 0.0703125);
        near(mcnemar_exact(3, 40), 3.0, 3.021_341_399_289_667_6e-9);
        near(mcnemar_corrected(1, 7), 3.125, 0.077_099_871_743_542_02);
        near(mcnemar_uncorrected(1, 7), 4.5, 0.033_894_853_524_689_295);
        near(mcnemar_corrected(1, 1), 0.0, 1.0);
        near(mcnemar_corrected(2, 3), 0.0, 1.0);
    }

    #[test]
    fn no_difference_and_too_many_have_no_test() {
        for test in [mcnemar_exact, mcnemar_corrected, mcnemar_uncorrected] {
            assert_eq!(test(0, 0), None);
            assert_eq!(test(1 << 53, 1), None);
            assert_eq!(test(u64::MAX, 1), None);
        }
    }

    #[test]
    fn a_p_value_is_never_0() {
        for test in [mcnemar_exact, mcnemar_corrected, mcnemar_uncorrected] {
            assert_eq!(test(0, 1 << 53).map(|test| test.p_value), Some(crate::LEAST_P));
        }
    }
}
