//! A statistic in two runs, and whether its change is more than noise.

use clawsig_schema::{
    agreement::SliceResult,
    estimate::Estimate,
    evaluation::{MACRO, MetricTable, OVERALL, metric},
};
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

    /// What changed, in words.
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

/// The positive rates and the statistics of each pair that both slices have.
pub(super) fn agreement(a: &SliceResult, b: &SliceResult) -> Vec<Change> {
    let mut changes = Vec::new();
    for rater in &b.raters {
        if let Some(before) = a.raters.iter().find(|other| other.rater == rater.rater) {
            let scope = [rater.rater.as_str(), ""];
            changes.push(Change::new(scope, "positive_rate", &before.rate, &rater.rate));
        }
    }
    for pair in &b.pairs {
        let Some(before) = a.pairs.iter().find(|p| p.a == pair.a && p.b == pair.b) else {
            continue;
        };
        for now in &pair.statistics {
            let was = before.statistics.iter().find(|s| s.statistic == now.statistic);
            if let Some(was) = was {
                let scope = [pair.a.as_str(), pair.b.as_str()];
                changes.push(Change::new(scope, &now.statistic, &was.estimate, &now.estimate));
            }
        }
    }
    changes
}

/// Every metric that both tables have.
pub(super) fn metrics(a: &MetricTable, b: &MetricTable) -> Vec<Change> {
    let mut changes = Vec::new();
    for (split, scopes) in &b.0 {
        for (scope, metrics) in scopes {
            for (name, now) in metrics.iter().filter(|(name, _)| *name != metric::SUPPORT) {
                if let Some(was) = a.get(split, scope, name) {
                    changes.push(Change::new([split, scope], name, was, now));
                }
            }
        }
    }
    changes
}

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
