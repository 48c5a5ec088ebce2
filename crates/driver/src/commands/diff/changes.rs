//! A statistic in two runs, and whether its change is more than noise.

use clawsig_schema::{
    agreement::SliceResult,
    estimate::Estimate,
    evaluation::{MACRO, MetricTable, OVERALL, metric},
};
use clawsig_stats::wilson;
use serde::Serialize;

/// One statistic in both runs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Change {
    /// A pair of raters, a rater, or a split and a class.
    pub(super) scope: [String; 2],
    /// The statistic or metric.
    pub(super) statistic: String,
    /// In the first run.
    pub(super) a: Estimate,
    /// In the second run.
    pub(super) b: Estimate,
    /// Second less first; absent where one is undefined.
    pub(super) change: Option<f64>,
    /// The ends of the change's 95 % interval.
    pub(super) low: Option<f64>,
    /// See `low`.
    pub(super) high: Option<f64>,
    /// Whether that interval leaves out 0; absent without an interval.
    pub(super) beyond_noise: Option<bool>,
}

/// The smallest change of a share, a coefficient or a metric that counts. With many rows noise is
/// small, and a smaller change is beyond noise without being of use to anyone.
pub(super) const SMALLEST: f64 = 0.01;

impl Change {
    fn new(scope: [&str; 2], statistic: &str, a: &Estimate, b: &Estimate) -> Change {
        let change = a.value.zip(b.value).map(|(a, b)| b - a);
        let interval = noise(a, b);
        Change {
            scope: scope.map(str::to_owned),
            statistic: statistic.to_owned(),
            a: a.clone(),
            b: b.clone(),
            change,
            low: interval.map(|ends| ends.0),
            high: interval.map(|ends| ends.1),
            beyond_noise: interval.map(|(low, high)| low > 0.0 || high < 0.0),
        }
    }

    /// Whether the change is one of those that the text shows and `--fail-on` judges.
    pub(super) fn is_headline(&self) -> bool {
        let agreement = ["positive_rate", "cohen_kappa", "gwet_ac1", "jaccard"];
        let test = self.scope[0] == "test" || self.scope[0] == "validation";
        match self.scope[1].as_str() {
            OVERALL => test && [metric::ACCURACY, metric::MCC].contains(&self.statistic.as_str()),
            MACRO => test && self.statistic == metric::F1,
            _ if test => {
                [metric::PRECISION, metric::RECALL].contains(&self.statistic.as_str())
                    && self.scope[1] != "weighted"
            }
            _ => agreement.contains(&self.statistic.as_str()),
        }
    }

    /// Whether it moved by more than noise and by enough to count.
    pub(super) fn counts(&self) -> bool {
        self.beyond_noise == Some(true) && self.change.is_some_and(|by| by.abs() >= SMALLEST)
    }

    /// Why it has no value any more, if it had one.
    pub(super) fn lost(&self) -> Option<&str> {
        self.a.value.and(self.b.undefined.as_deref())
    }

    /// The statistic's name, in words.
    pub(super) fn name(&self) -> String {
        let [first, second] = &self.scope;
        let statistic = self.statistic.replace('_', " ");
        match second.as_str() {
            "" => format!("{statistic} of {first}"),
            second if first == "test" || first == "validation" => {
                format!("{statistic} of {second} on {first}")
            }
            second => format!("{statistic} of {first} and {second}"),
        }
    }
}

/// The 95 % interval of a difference from the two values' own intervals: the "square and add"
/// method (Newcombe 1998, method 10; Zou and Donner 2008), which allows for intervals that are not
/// symmetric. It takes the runs as independent: where they share rows the true interval is narrower.
fn noise(a: &Estimate, b: &Estimate) -> Option<(f64, f64)> {
    let (value_a, low_a, high_a) = (a.value?, a.low?, a.high?);
    let (value_b, low_b, high_b) = (b.value?, b.low?, b.high?);
    let change = value_b - value_a;
    Some((
        change - (value_b - low_b).hypot(high_a - value_a),
        change + (high_b - value_b).hypot(value_a - low_a),
    ))
}

/// The 95 % interval of the change from one share of rows to another, each `(hits, rows)`.
pub(super) fn share_change(a: (u64, u64), b: (u64, u64)) -> Option<(f64, f64)> {
    let estimate = |(hits, of): (u64, u64)| {
        let ends = wilson(hits as f64, of as f64, 0.95)?;
        let share = Estimate::point(hits as f64 / of as f64, of);
        Some(share.with_interval(ends.low, ends.high, "wilson"))
    };
    noise(&estimate(a)?, &estimate(b)?)
}

/// The positive rates and the statistics of each pair of the first slice; one that the second
/// lacks is undefined there.
pub(super) fn agreement(a: &SliceResult, b: &SliceResult) -> Vec<Change> {
    let absent = Estimate::undefined(ABSENT, 0);
    let mut changes = Vec::new();
    for rater in &a.raters {
        let now = b.raters.iter().find(|other| other.rater == rater.rater);
        let now = now.map_or(&absent, |now| &now.rate);
        changes.push(Change::new([rater.rater.as_str(), ""], "positive_rate", &rater.rate, now));
    }
    for pair in &a.pairs {
        let other = b.pairs.iter().find(|p| p.a == pair.a && p.b == pair.b);
        for was in &pair.statistics {
            let now = other.and_then(|other| {
                other.statistics.iter().find(|now| now.statistic == was.statistic)
            });
            let now = now.map_or(&absent, |now| &now.estimate);
            let scope = [pair.a.as_str(), pair.b.as_str()];
            changes.push(Change::new(scope, &was.statistic, &was.estimate, now));
        }
    }
    changes
}

/// Every metric of the first table; one that the second lacks is undefined there. A split that only
/// one run evaluated, as the hold-out, is left out.
pub(super) fn metrics(a: &MetricTable, b: &MetricTable) -> Vec<Change> {
    let absent = Estimate::undefined(ABSENT, 0);
    let mut changes = Vec::new();
    for (split, scopes) in a.0.iter().filter(|(split, _)| b.0.contains_key(*split)) {
        for (scope, metrics) in scopes {
            for (name, was) in metrics.iter().filter(|(name, _)| *name != metric::SUPPORT) {
                let now = b.get(split, scope, name).unwrap_or(&absent);
                changes.push(Change::new([split, scope], name, was, now));
            }
        }
    }
    changes
}

/// Why a statistic of the first run has no value in the second.
const ABSENT: &str = "the second run does not have it";

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998, table II, contrast (a): 56/70 against 48/80 gives 0.2 (0.0524, 0.3339) by
    /// method 10, from the two Wilson intervals.
    #[test]
    fn the_interval_of_a_difference_is_newcombes() {
        let estimate =
            |value, low, high, n| Estimate::point(value, n).with_interval(low, high, "wilson");
        let a = estimate(48.0 / 80.0, 0.490_5, 0.700_4, 80);
        let b = estimate(56.0 / 70.0, 0.691_8, 0.877_0, 70);
        let (low, high) = noise(&a, &b).unwrap();
        assert!((low - 0.052_4).abs() < 2e-4, "{low}");
        assert!((high - 0.333_9).abs() < 2e-4, "{high}");
    }

    #[test]
    fn an_undefined_value_has_no_change() {
        let known = Estimate::point(0.5, 9).with_interval(0.4, 0.6, "wilson");
        let change = Change::new(["a", "b"], "jaccard", &Estimate::undefined("no flag", 0), &known);
        assert_eq!((change.change, change.low, change.beyond_noise), (None, None, None));
    }
}
