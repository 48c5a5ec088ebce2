//! Metrics of predictions, and their intervals.

use std::sync::atomic::{AtomicU64, Ordering};

use clawsig_schema::{
    Progress,
    estimate::Estimate,
    evaluation::{MACRO, OVERALL, SplitMetrics, WEIGHTED, metric},
};
use clawsig_stats::{NoInterval, Replicates, generator, resampled_units, wilson};
use rayon::prelude::*;

use crate::{
    scored::Scored,
    weighted::{MetricLine, Prepared, Scope, Value},
};

/// Smallest probability taken into a logarithm, as scikit-learn's `log_loss` has it for `f64`.
pub const LOG_FLOOR: f64 = f64::EPSILON;

/// Rows a class needs for a bootstrap interval of a figure that rests on it. Resampling repeats the
/// rows there are: with one row of a class, found by the model, every replicate finds it, and the
/// interval would be 1 to 1.
pub const LEAST_SUPPORT: u64 = 10;

/// The level of every interval.
const LEVEL: f64 = 0.95;

/// Replicates and seed of a bootstrap over owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of replicates.
    pub replicates: u32,
    /// The seed; a replicate is a stream of it, so that the number of threads does not matter.
    pub seed: u64,
}

impl Bootstrap {
    /// Row weights of one replicate: how often the row's owner was drawn.
    pub(crate) fn weights(&self, scored: &Scored, replicate: u32) -> Vec<f64> {
        let mut generator = generator(self.seed, u64::from(replicate) + 1);
        let drawn = resampled_units(scored.units, &mut generator);
        scored.owners.iter().map(|&owner| f64::from(drawn[owner])).collect()
    }

    /// A value with the interval of its replicates, or with the reason for having none.
    pub(crate) fn estimate(
        scored: &Scored,
        value: f64,
        replicates: impl IntoIterator<Item = Option<f64>>,
        range: (f64, f64),
        method: &str,
    ) -> Estimate {
        let estimate = Estimate::point(value, scored.len() as u64);
        let found = Replicates::new(Some(value), scored.units as u64, replicates);
        let found = found.percentile(LEVEL, range);
        match found.interval {
            Ok(ends) => Estimate {
                standard_error: found.standard_error,
                ..estimate.with_interval(ends.low, ends.high, method)
            },
            // No replicates were asked for: that needs no excuse.
            Err(NoInterval::NoMethod) => estimate,
            Err(why) => no_interval(estimate, why.reason()),
        }
    }
}

/// A value without an interval, and the reason.
fn no_interval(estimate: Estimate, reason: &str) -> Estimate {
    Estimate { no_interval: Some(reason.to_owned()), ..estimate }
}

/// A value that rests on a class of fewer than [`LEAST_SUPPORT`] rows.
pub(crate) fn too_few(estimate: Estimate) -> Estimate {
    no_interval(estimate, &format!("a class has fewer than {LEAST_SUPPORT} rows"))
}

/// A share with Wilson's interval.
pub(crate) fn share(hits: f64, of: f64, undefined: &str) -> Estimate {
    match wilson(hits, of, LEVEL) {
        Some(ends) => {
            let estimate = Estimate::point(hits / of, of as u64);
            estimate.with_interval(ends.low, ends.high, "wilson")
        }
        None => Estimate::undefined(undefined, 0),
    }
}

/// All metrics of one split: Wilson intervals for proportions, and with a bootstrap percentile
/// intervals over owners for the rest.
///
/// A mean over classes is that over the classes that have rows. A replicate that draws no row of
/// one of them has no such mean. A value at the end of its range, one whose replicates are all
/// equal, and one that rests on a class of fewer than [`LEAST_SUPPORT`] rows have no bootstrap
/// interval; `no_interval` says why.
pub fn split_metrics(scored: &Scored, bootstrap: Option<Bootstrap>) -> SplitMetrics {
    metrics_over(scored, None, bootstrap, "", &|_, _, _| {})
}

/// [`split_metrics`] with means over the given classes (`None`: those that have rows), which tells
/// how many replicates of `name` are done.
pub(crate) fn metrics_over(
    scored: &Scored,
    classes: Option<&[usize]>,
    bootstrap: Option<Bootstrap>,
    name: &str,
    progress: Progress<'_>,
) -> SplitMetrics {
    let done = AtomicU64::new(0);
    let prepared = Prepared::new(scored, classes);
    let plain = prepared.lines(&vec![1.0; scored.len()]);
    let replicates: Vec<Vec<Value>> = match bootstrap {
        Some(b) if !scored.is_empty() => (0..b.replicates)
            .into_par_iter()
            .map(|replicate| {
                let w = b.weights(scored, replicate);
                let values = prepared.lines(&w).into_iter().map(|line| line.value).collect();
                let (done, all) = (done.fetch_add(1, Ordering::Relaxed) + 1, b.replicates);
                let part = format!("replicate {done} of {all}: {name}");
                progress(&part, done, all.into());
                values
            })
            .collect(),
        _ => Vec::new(),
    };
    let support = scored.support();
    let least = prepared.averaged().iter().map(|&class| support[class]).min().unwrap_or(0);
    let mut table = SplitMetrics::new();
    for (at, MetricLine { scope, name, value, n, hits }) in plain.into_iter().enumerate() {
        // A mean of the classes, each with the same weight, is no surer than its rarest class.
        let rests_on = match scope {
            // These two are means over all rows, whichever class they are asked of.
            Scope::Class(_) if matches!(name, metric::BRIER | metric::ECE) => u64::MAX,
            Scope::Class(class) => support[class],
            Scope::Macro => least,
            Scope::Overall if name == metric::BALANCED_ACCURACY => least,
            Scope::Weighted | Scope::Overall => u64::MAX,
        };
        let estimate = match (value, hits) {
            (Err(why), _) => Estimate::undefined(why, n as u64),
            (Ok(_), Some(hits)) => share(hits, n, "no rows"),
            (Ok(value), None) if name == metric::SUPPORT => Estimate::point(value, n as u64),
            (Ok(value), None) if rests_on < LEAST_SUPPORT && !replicates.is_empty() => {
                too_few(Estimate::point(value, n as u64))
            }
            (Ok(value), None) => {
                let values = replicates.iter().map(|values| values[at].ok());
                let method = "bootstrap-percentile-owners";
                let found = Bootstrap::estimate(scored, value, values, range(scope, name), method);
                Estimate { n: n as u64, ..found }
            }
        };
        let scope = match scope {
            Scope::Class(class) => scored.classes[class].as_str(),
            Scope::Macro => MACRO,
            Scope::Weighted => WEIGHTED,
            Scope::Overall => OVERALL,
        };
        table.entry(scope.to_owned()).or_default().insert(name.to_owned(), estimate);
    }
    table
}

/// The range that a metric can't leave.
fn range(scope: Scope, name: &str) -> (f64, f64) {
    match name {
        metric::KAPPA | metric::MCC => (-1.0, 1.0),
        metric::LOG_LOSS => (-(1.0 - LOG_FLOOR).ln(), f64::INFINITY),
        metric::BRIER if scope == Scope::Overall => (0.0, 2.0),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(labels: Vec<usize>, p: impl Fn(usize) -> f64, owners: &[usize]) -> Scored {
        let classes = ["no", "yes"].map(str::to_owned).to_vec();
        let rows = (0..labels.len()).map(|row| vec![1.0 - p(row), p(row)]).collect();
        Scored::from_probabilities(classes, labels, rows, owners).unwrap()
    }

    #[test]
    fn a_perfect_model_has_wilson_intervals_and_no_bootstrap_ones() {
        let labels: Vec<usize> = (0..125).map(|row| usize::from(row < 43)).collect();
        let owners: Vec<usize> = (0..125).collect();
        let scored = binary(labels, |row| if row < 43 { 0.9 } else { 0.2 }, &owners);
        let table = split_metrics(&scored, Some(Bootstrap { replicates: 100, seed: 1 }));
        for (scope, name) in [
            (MACRO, metric::F1),
            (WEIGHTED, metric::PRECISION),
            (OVERALL, metric::MCC),
            (OVERALL, metric::KAPPA),
            ("yes", metric::ROC_AUC),
            ("yes", metric::PR_AUC),
        ] {
            let found = &table[scope][name];
            assert_eq!((found.value, found.low, found.high), (Some(1.0), None, None), "{name}");
            assert!(found.no_interval.is_some(), "{name}");
        }
        let recall = &table["yes"][metric::RECALL];
        // statsmodels 0.15.0: proportion_confint(43, 43, method="wilson")
        assert!((recall.low.unwrap() - 0.917_990_5).abs() < 1e-6, "{recall:?}");
        assert_eq!((recall.value, recall.high), (Some(1.0), Some(1.0)));
        let missed = &table["no"][metric::FALSE_POSITIVE_RATE];
        assert_eq!((missed.value, missed.low), (Some(0.0), Some(0.0)));
        let plain = split_metrics(&scored, None);
        assert_eq!(plain[MACRO][metric::F1].no_interval, None, "nobody asked for one");
    }

    /// 0.1 + 0.1 + ... in another order of summation gave 1.0000000000000007.
    #[test]
    fn no_area_passes_1() {
        for positives in 1..60_usize {
            let labels: Vec<usize> = (0..70).map(|row| usize::from(row < positives)).collect();
            let owners: Vec<usize> = (0..70).collect();
            let scored = binary(labels, |row| 0.99 - row as f64 / 100.0, &owners);
            let table = split_metrics(&scored, None);
            assert_eq!(table["yes"][metric::PR_AUC].value, Some(1.0), "{positives}");
            assert_eq!(table["yes"][metric::ROC_AUC].value, Some(1.0), "{positives}");
            assert_eq!(table[MACRO][metric::PR_AUC].value, Some(1.0), "{positives}");
        }
    }

    #[test]
    fn an_interval_contains_its_value_and_owners_stay_together() {
        let labels: Vec<usize> = (0..90).map(|row| usize::from(row % 3 == 0)).collect();
        let p = |row: usize| if row.is_multiple_of(4) { 0.7 } else { 0.3 };
        let alone: Vec<usize> = (0..90).collect();
        let of_five: Vec<usize> = (0..90).map(|row| row / 18).collect();
        let bootstrap = Bootstrap { replicates: 300, seed: 7 };
        let width = |owners: &[usize]| {
            let scored = binary(labels.clone(), p, owners);
            let table = split_metrics(&scored, Some(bootstrap));
            for metrics in table.values() {
                for (name, found) in metrics {
                    let (Some(value), Some(low), Some(high)) = (found.value, found.low, found.high)
                    else {
                        continue;
                    };
                    assert!(low <= value && value <= high, "{name}: {found:?}");
                }
            }
            let f1 = &table["yes"][metric::F1];
            assert!(f1.standard_error.unwrap() > 0.0);
            f1.high.unwrap() - f1.low.unwrap()
        };
        assert_ne!(width(&alone), width(&of_five));
        let weights = bootstrap.weights(&binary(labels.clone(), p, &of_five), 3);
        assert_eq!(weights.iter().sum::<f64>(), 90.0);
        assert!(weights.chunks(18).all(|owner| owner.iter().all(|w| *w == owner[0])));
        assert_ne!(weights, bootstrap.weights(&binary(labels.clone(), p, &of_five), 4));
        let one = binary(labels.clone(), p, &[0; 90]);
        let table = split_metrics(&one, Some(bootstrap));
        assert_eq!(table["yes"][metric::F1].no_interval.as_deref(), Some("fewer than two units"));
    }
}
