//! Intervals from the replicates of one statistic, however these were computed.

use crate::{
    Interval, NoInterval, Spread, deviation,
    distribution::{normal_cdf, normal_quantile, t_quantile},
    quantile,
};

/// An interval needs this share of its replicates to be defined.
const DEFINED_SHARE: f64 = 0.9;

/// A statistic's value with its bootstrap replicates and leave-one-out values. All of them have to
/// come from the same estimator: an interval that leaves out its own value is not given.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    value: Option<f64>,
    /// Units that were resampled.
    units: u64,
    /// Replicates drawn, undefined ones included.
    drawn: usize,
    sorted: Vec<f64>,
    /// Leave-one-out values with the number of units that give them.
    left_out: Vec<(Option<f64>, u64)>,
}

/// How a bootstrap interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Percentiles of the replicates.
    Percentile,
    /// Bias-corrected and accelerated percentiles.
    Bca,
}

impl Replicates {
    /// The value on the whole data, the number of units, and the replicates, `None` for undefined
    /// ones. A number that is not finite counts as undefined.
    pub fn new(
        value: Option<f64>,
        units: u64,
        replicates: impl IntoIterator<Item = Option<f64>>,
    ) -> Replicates {
        let mut drawn = 0;
        let mut sorted: Vec<f64> = (replicates.into_iter().inspect(|_| drawn += 1).flatten())
            .filter(|replicate| replicate.is_finite())
            .collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let value = value.filter(|value| value.is_finite());
        Replicates { value, units, drawn, sorted, left_out: Vec::new() }
    }

    /// With leave-one-out values, each with the number of units that give it. [`Replicates::bca`]
    /// takes its acceleration from them, and [`Replicates::jackknife`] everything.
    #[must_use]
    pub fn with_left_out(mut self, left_out: Vec<(Option<f64>, u64)>) -> Replicates {
        self.left_out = left_out;
        self
    }

    /// The value on the whole data.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// The defined replicates, sorted.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    fn usable(&self, range: (f64, f64)) -> Result<f64, NoInterval> {
        let value = self.value.ok_or(NoInterval::NoValue)?;
        if self.units < 2 {
            return Err(NoInterval::TooFewUnits);
        }
        let (Some(first), Some(last)) = (self.sorted.first(), self.sorted.last()) else {
            let none = if self.drawn == 0 {
                NoInterval::NoMethod
            } else {
                NoInterval::UndefinedReplicates
            };
            return Err(none);
        };
        if (self.sorted.len() as f64) < DEFINED_SHARE * self.drawn as f64 {
            Err(NoInterval::UndefinedReplicates)
        } else if equal(*first, *last) {
            Err(NoInterval::NoSpread)
        } else if value <= range.0 || value >= range.1 {
            Err(NoInterval::AtLimit)
        } else {
            Ok(value)
        }
    }

    fn spread(&self, value: f64, interval: Option<Interval>) -> Spread {
        let kept = interval.filter(|interval| interval.contains(value));
        Spread {
            standard_error: deviation(&self.sorted),
            interval: kept.ok_or(NoInterval::LeavesOutValue),
        }
    }

    /// The percentile bootstrap (Efron 1979) at a level (0.95 for 95 %), with the replicates'
    /// standard deviation as standard error. `range` is the statistic's own.
    pub fn percentile(&self, level: f64, range: (f64, f64)) -> Spread {
        let value = match self.usable(range) {
            Ok(value) => value,
            Err(why) => return Spread::none(why),
        };
        let tail = (1.0 - level) / 2.0;
        let ends = quantile(&self.sorted, tail).zip(quantile(&self.sorted, 1.0 - tail));
        self.spread(value, ends.map(|(low, high)| Interval { low, high }))
    }

    /// The bias-corrected and accelerated bootstrap (Efron 1987): percentiles moved by the
    /// replicates' median bias and by the skewness of the leave-one-out values. Where it can't be
    /// given, or would leave out the value, the percentile interval is given (and named).
    pub fn bca(&self, level: f64, range: (f64, f64)) -> (Scheme, Spread) {
        let corrected = self.usable(range).ok().and_then(|value| {
            let spread = self.spread(value, Some(self.corrected(value, level)?));
            spread.interval.is_ok().then_some(spread)
        });
        match corrected {
            Some(spread) => (Scheme::Bca, spread),
            None => (Scheme::Percentile, self.percentile(level, range)),
        }
    }

    fn corrected(&self, value: f64, level: f64) -> Option<Interval> {
        let list = &self.sorted;
        let below = list.partition_point(|&x| x < value);
        let up_to = list.partition_point(|&x| x <= value);
        // Ties count half: statistics of counts are discrete.
        let share = (below + up_to) as f64 / 2.0 / list.len() as f64;
        if share <= 0.0 || share >= 1.0 {
            return None;
        }
        let bias = normal_quantile(share);
        let acceleration = self.deviations().map_or(0.0, |parts| {
            let square: f64 = parts.iter().map(|(d, w)| w * d * d).sum();
            let cube: f64 = parts.iter().map(|(d, w)| w * d * d * d).sum();
            if square > 0.0 { cube / (6.0 * square.powf(1.5)) } else { 0.0 }
        });
        let end = |p: f64| {
            let z = bias + normal_quantile(p);
            quantile(list, normal_cdf(bias + z / (1.0 - acceleration * z)))
        };
        let tail = (1.0 - level) / 2.0;
        Some(Interval { low: end(tail)?, high: end(1.0 - tail)? })
    }

    /// How far the leave-one-out values lie below their mean, with the number of units that give
    /// each, if all are defined.
    fn deviations(&self) -> Result<Vec<(f64, f64)>, NoInterval> {
        let first = self.left_out.first().ok_or(NoInterval::NoMethod)?;
        let first = first.0.ok_or(NoInterval::UndefinedLeftOut)?;
        let mut gaps = Vec::with_capacity(self.left_out.len());
        for &(value, units) in &self.left_out {
            let value = value.filter(|value| value.is_finite());
            let value = value.ok_or(NoInterval::UndefinedLeftOut)?;
            gaps.push((if equal(first, value) { 0.0 } else { value - first }, units as f64));
        }
        let units: f64 = gaps.iter().map(|(_, units)| units).sum();
        let mean = gaps.iter().map(|(gap, units)| gap * units).sum::<f64>() / units;
        Ok(gaps.into_iter().map(|(gap, units)| (mean - gap, units)).collect())
    }

    /// The delete-one jackknife (Tukey 1958), Student's t with units - 1 degrees of freedom, cut to
    /// the statistic's range.
    pub fn jackknife(&self, level: f64, range: (f64, f64)) -> Spread {
        let Some(value) = self.value else { return Spread::none(NoInterval::NoValue) };
        if self.units < 2 {
            return Spread::none(NoInterval::TooFewUnits);
        }
        let parts = match self.deviations() {
            Ok(parts) => parts,
            Err(why) => return Spread::none(why),
        };
        let square: f64 = parts.iter().map(|(d, w)| w * d * d).sum();
        let units = self.units as f64;
        let error = (square * (units - 1.0) / units).sqrt();
        t_interval(value, error, self.units - 1, level, range)
    }
}

/// Whether two values differ by rounding at most.
fn equal(a: f64, b: f64) -> bool {
    (a - b).abs() <= 4.0 * f64::EPSILON * a.abs().max(b.abs())
}

/// The interval of Student's t around a value, cut to the statistic's range: none without spread
/// (raters that never differ), at the end of the range, or without degrees of freedom.
pub fn t_interval(value: f64, error: f64, freedom: u64, level: f64, range: (f64, f64)) -> Spread {
    if !error.is_finite() {
        return Spread::none(NoInterval::NoMethod);
    }
    let interval = match t_quantile(0.5 + level / 2.0, freedom) {
        None => Err(NoInterval::TooFewUnits),
        Some(_) if error == 0.0 => Err(NoInterval::NoSpread),
        Some(_) if value <= range.0 || value >= range.1 => Err(NoInterval::AtLimit),
        // A width that rounding takes away is none.
        Some(t) if value + t * error <= value - t * error => Err(NoInterval::NoSpread),
        Some(t) => Ok(Interval {
            low: (value - t * error).max(range.0),
            high: (value + t * error).min(range.1),
        }),
    };
    Spread { standard_error: Some(error), interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

    /// The mean of 1 to 10 with every leave-one-out mean.
    fn of_means(replicates: impl IntoIterator<Item = f64>) -> Replicates {
        let left_out = (1..=10).map(|x| (Some((55.0 - f64::from(x)) / 9.0), 1)).collect();
        Replicates::new(Some(5.5), 10, replicates.into_iter().map(Some)).with_left_out(left_out)
    }

    #[test]
    fn the_jackknife_of_a_mean_is_its_t_interval() {
        let found = of_means([]).jackknife(0.95, OPEN);
        // sqrt(82.5 / 9 / 10), and `scipy.stats.t.interval(0.95, 9, 5.5, se)`, SciPy 1.12.0.
        assert!((found.standard_error.unwrap_or(0.0) - 0.957_427_107_756_338_1).abs() < 1e-14);
        let ends = found.interval.unwrap_or(Interval { low: 0.0, high: 0.0 });
        assert!((ends.low - 3.334_149_410_386_608_7).abs() < 1e-7, "{ends:?}");
        assert!((ends.high - 7.665_850_589_613_392).abs() < 1e-7, "{ends:?}");
        let cut = of_means([]).jackknife(0.95, (4.0, 7.0)).interval;
        assert_eq!(cut, Ok(Interval { low: 4.0, high: 7.0 }));
    }

    #[test]
    fn replicates_are_sorted_and_enough_of_them_defined() {
        let of = |undefined: usize| {
            let drawn = (0..1_000).map(|k| (k >= undefined).then(|| f64::from(1_000 - k as u32)));
            Replicates::new(Some(500.0), 10, drawn)
        };
        assert_eq!(of(0).sorted().first(), Some(&1.0));
        assert!(of(7).sorted().is_sorted() && of(7).sorted().len() == 993);
        let most = (1_000.0 * (1.0 - DEFINED_SHARE)).round() as usize;
        assert!(of(most).percentile(0.95, OPEN).interval.is_ok());
        let found = of(most + 1).percentile(0.95, OPEN).interval;
        assert_eq!(found, Err(NoInterval::UndefinedReplicates));
    }

    /// A width of rounding alone is no interval, whichever sign the value has.
    #[test]
    fn an_error_that_rounding_takes_away_is_no_spread() {
        let width = |value: f64, error: f64| t_interval(value, error, 9, 0.95, OPEN).interval;
        for value in [-1.0, 1.0] {
            assert_eq!(width(value, 1e-18), Err(NoInterval::NoSpread));
            assert!(width(value, 1e-12).is_ok());
        }
    }

    #[test]
    fn percentiles_and_the_corrected_ones() {
        let list = of_means((0..=1000).map(|k| 5.0 + f64::from(k) / 1000.0));
        let ends = list.percentile(0.95, OPEN).interval;
        let (low, high) = ends.map_or((0.0, 0.0), |ends| (ends.low, ends.high));
        assert!((low - 5.025).abs() < 1e-12 && (high - 5.975).abs() < 1e-12);
        let narrow = list.percentile(0.5, OPEN).interval.map(|ends| ends.high - ends.low);
        assert!((narrow.unwrap_or(0.0) - 0.5).abs() < 1e-12);
        // Neither biased nor skewed: the same ends.
        let (scheme, spread) = list.bca(0.95, OPEN);
        assert_eq!(scheme, Scheme::Bca);
        let ends = spread.interval.unwrap_or(Interval { low: 0.0, high: 0.0 });
        assert!((ends.low - 5.025).abs() < 1e-3 && (ends.high - 5.975).abs() < 1e-3, "{ends:?}");
    }

    /// z0 = normal quantile of 0.6, a from the leave-one-out values 1, 1, 1, 6 of four units:
    /// deviations 1.25, 1.25, 1.25, -3.75, so a = (3 * 1.25^3 - 3.75^3) / (6 * 18.75^1.5).
    #[test]
    fn bias_and_acceleration_move_the_ends() {
        let left_out = vec![(Some(1.0), 3), (Some(6.0), 1)];
        let list = (0..=1000).map(|k| Some(f64::from(k)));
        let found = Replicates::new(Some(600.0), 4, list).with_left_out(left_out);
        let z0 = normal_quantile(600.5 / 1001.0);
        let a = (3.0 * 1.25_f64.powi(3) - 3.75_f64.powi(3)) / (6.0 * 18.75_f64.powf(1.5));
        let end = |z: f64| 1000.0 * normal_cdf(z0 + (z0 + z) / (1.0 - a * (z0 + z)));
        let (scheme, spread) = found.bca(0.9, OPEN);
        let ends = spread.interval.unwrap_or(Interval { low: 0.0, high: 0.0 });
        assert_eq!(scheme, Scheme::Bca);
        let z = normal_quantile(0.95);
        assert!((ends.low - end(-z)).abs() < 1e-9 && (ends.high - end(z)).abs() < 1e-9);
    }

    #[test]
    fn every_reason_against_an_interval() {
        let reason = |found: &Replicates, range| {
            let (_, bca) = found.bca(0.95, range);
            assert_eq!(bca.interval, found.percentile(0.95, range).interval);
            found.percentile(0.95, range).interval
        };
        let some = |values: &[f64]| values.iter().map(|&v| Some(v)).collect::<Vec<_>>();
        let full: Vec<f64> = (0..100).map(f64::from).collect();
        let with = |value, units, list| Replicates::new(value, units, list);
        assert_eq!(reason(&with(None, 9, some(&full)), OPEN), Err(NoInterval::NoValue));
        assert_eq!(reason(&with(Some(f64::NAN), 9, some(&full)), OPEN), Err(NoInterval::NoValue));
        assert_eq!(reason(&with(Some(9.0), 1, some(&full)), OPEN), Err(NoInterval::TooFewUnits));
        assert_eq!(reason(&with(Some(9.0), 9, Vec::new()), OPEN), Err(NoInterval::NoMethod));
        assert_eq!(reason(&with(Some(9.0), 9, some(&[9.0; 50])), OPEN), Err(NoInterval::NoSpread));
        assert_eq!(reason(&with(Some(0.0), 9, some(&full)), (0.0, 1e9)), Err(NoInterval::AtLimit));
        assert_eq!(
            reason(&with(Some(99.0), 9, some(&full)), (0.0, 99.0)),
            Err(NoInterval::AtLimit)
        );
        let outside = with(Some(-1.0), 9, some(&full));
        assert_eq!(reason(&outside, OPEN), Err(NoInterval::LeavesOutValue));
        for (undefined, fails) in [(11, false), (12, true)] {
            let list = some(&full).into_iter().chain(vec![None; undefined]);
            let found = Replicates::new(Some(50.0), 9, list).percentile(0.95, OPEN);
            assert_eq!(found.interval == Err(NoInterval::UndefinedReplicates), fails);
        }
        let all_undefined = Replicates::new(Some(1.0), 9, [None, Some(f64::INFINITY)]);
        assert_eq!(reason(&all_undefined, OPEN), Err(NoInterval::UndefinedReplicates));
    }

    #[test]
    fn every_reason_against_a_jackknife() {
        let with = |value, units, left_out: &[Option<f64>]| {
            let left_out = left_out.iter().map(|&value| (value, 1)).collect();
            Replicates::new(value, units, []).with_left_out(left_out).jackknife(0.95, (0.0, 1.0))
        };
        let reason = |spread: Spread| spread.interval.map(|_| ());
        assert_eq!(reason(with(Some(0.5), 2, &[])), Err(NoInterval::NoMethod));
        assert_eq!(reason(with(None, 2, &[Some(1.0)])), Err(NoInterval::NoValue));
        assert_eq!(reason(with(Some(0.5), 1, &[Some(1.0)])), Err(NoInterval::TooFewUnits));
        let undefined = with(Some(0.5), 2, &[Some(1.0), None]);
        assert_eq!(reason(undefined), Err(NoInterval::UndefinedLeftOut));
        let infinite = with(Some(0.5), 2, &[Some(1.0), Some(f64::INFINITY)]);
        assert_eq!(reason(infinite), Err(NoInterval::UndefinedLeftOut));
        let equal = with(Some(0.3), 3, &[Some(0.3), Some(0.1 + 0.2), Some(0.3)]);
        assert_eq!((equal.standard_error, reason(equal)), (Some(0.0), Err(NoInterval::NoSpread)));
        assert_eq!(reason(with(Some(1.0), 2, &[Some(0.9), Some(0.8)])), Err(NoInterval::AtLimit));
        assert_eq!(reason(with(Some(0.0), 2, &[Some(0.9), Some(0.8)])), Err(NoInterval::AtLimit));
        assert_eq!(reason(with(Some(0.5), 2, &[Some(0.4), Some(0.6)])), Ok(()));
    }

    #[test]
    fn a_t_interval_needs_a_finite_error_and_freedom() {
        let reason = |error, freedom| t_interval(0.5, error, freedom, 0.95, OPEN).interval;
        assert_eq!(reason(f64::NAN, 5), Err(NoInterval::NoMethod));
        assert_eq!(reason(0.1, 0), Err(NoInterval::TooFewUnits));
    }
}
