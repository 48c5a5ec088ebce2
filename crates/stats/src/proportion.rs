//! Intervals of a share.

use crate::{Interval, beta::incomplete_beta, distribution::normal_quantile};

/// Wilson's (1927) score interval of `hits` out of `of` at a level (0.95 for 95 %). It contains the
/// share; its lower end is 0 without a hit, its upper end 1 where all are hits. Counts may be
/// effective ones, not whole. `None` where `of` is not positive, `hits` is not among them, or the
/// level is not between 0 and 1.
///
/// ```
/// let found = clawsig_stats::wilson(7.0, 20.0, 0.95).unwrap();
/// assert!((found.low - 0.181191).abs() < 1e-6 && (found.high - 0.567146).abs() < 1e-6);
/// ```
pub fn wilson(hits: f64, of: f64, level: f64) -> Option<Interval> {
    let z = checked(hits, of, level)?;
    let share = hits / of;
    let (z2, rest) = (z * z, (of - hits) / of);
    let root = z * (share * rest / of + z2 / (4.0 * of * of)).sqrt();
    let scale = 1.0 + z2 / of;
    let half = z2 / (2.0 * of);
    // Each end from the root that does not cancel: the product of both is share^2 / scale.
    let high_of = |share: f64| (share + half + root) / scale;
    let low_of = |share: f64| share * share / scale / high_of(share);
    // Ends on the share's side of one half keep their digits; rounding may not pass the share.
    let low = if hits == 0.0 { 0.0 } else { low_of(share).min(share) };
    let high = if hits == of { 1.0 } else { (1.0 - low_of(rest)).clamp(share, 1.0) };
    Some(Interval { low, high })
}

/// The exact interval of Clopper and Pearson (1934): its coverage is never below the level. `None`
/// as for [`wilson`].
///
/// ```
/// let found = clawsig_stats::clopper_pearson(7.0, 20.0, 0.95).unwrap();
/// assert!((found.low - 0.1539092).abs() < 1e-6 && (found.high - 0.5921885).abs() < 1e-6);
/// ```
pub fn clopper_pearson(hits: f64, of: f64, level: f64) -> Option<Interval> {
    checked(hits, of, level)?;
    let tail = (1.0 - level) / 2.0;
    let low = if hits == 0.0 { 0.0 } else { beta_quantile(hits, of - hits + 1.0, tail)? };
    let high = if hits == of { 1.0 } else { 1.0 - beta_quantile(of - hits, hits + 1.0, tail)? };
    Some(Interval { low, high })
}

fn checked(hits: f64, of: f64, level: f64) -> Option<f64> {
    let sound = of.is_finite() && of > 0.0 && (0.0..=of).contains(&hits);
    (sound && level > 0.0 && level < 1.0).then(|| normal_quantile(0.5 + level / 2.0))
}

/// Where I_x(a, b) reaches `p`, by bisection down to neighbouring numbers.
fn beta_quantile(a: f64, b: f64, p: f64) -> Option<f64> {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(middle);
        }
        if incomplete_beta(a, b, middle)? < p { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: Option<Interval>, low: f64, high: f64) {
        let found = found.unwrap_or(Interval { low: f64::NAN, high: f64::NAN });
        let apart = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-9 * theirs.abs();
        assert!(apart(found.low, low) && apart(found.high, high), "{found:?} ({low}, {high})");
    }

    /// `statsmodels.stats.proportion.proportion_confint(hits, of, 1 - level, method)` with `wilson`
    /// and `beta`, statsmodels 0.15.0; the printed 6.9e-18 for the low end of 0 of 35 is 0.
    #[test]
    fn both_intervals_equal_statsmodels() {
        for (hits, of, level, wilson_ends, exact_ends) in include!("../tests/data/proportions.in") {
            near(wilson(hits, of, level), wilson_ends.0, wilson_ends.1);
            near(clopper_pearson(hits, of, level), exact_ends.0, exact_ends.1);
        }
    }

    #[test]
    fn nonsense_has_no_interval() {
        let cases = [
            (1.0, 0.0, 0.95),
            (3.0, 2.0, 0.95),
            (-1.0, 2.0, 0.95),
            (1.0, 2.0, 1.0),
            (1.0, 2.0, 0.0),
            (f64::NAN, 2.0, 0.95),
            (1.0, f64::INFINITY, 0.95),
        ];
        for (hits, of, level) in cases {
            assert_eq!(wilson(hits, of, level), None, "{hits} {of} {level}");
            assert_eq!(clopper_pearson(hits, of, level), None, "{hits} {of} {level}");
        }
    }

    proptest! {
        #[test]
        fn an_interval_contains_its_share_and_mirrors(
            of in 1_u64..1 << 53,
            part in 0.0..=1.0_f64,
            level in 0.5..0.999_f64,
        ) {
            let (of, hits) = (of as f64, (of as f64 * part).floor());
            let found = wilson(hits, of, level).unwrap_or(Interval { low: 2.0, high: 2.0 });
            prop_assert!(found.contains(hits / of) && found.low >= 0.0 && found.high <= 1.0);
            let mirrored = wilson(of - hits, of, level).unwrap_or(found);
            prop_assert!((found.low - (1.0 - mirrored.high)).abs() < 1e-15);
        }
    }
}
