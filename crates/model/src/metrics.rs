//! Predictions, their metrics, and the intervals of these.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{MACRO, OVERALL, SplitMetrics, WEIGHTED, metric},
    matrix::RowInfo,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, first_maximum},
    solver::Matrix,
    train::PartProgress,
    weighted::{Line, Prepared, Value},
};

/// Predictions with their truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The target's classes, those without rows too.
    pub classes: Vec<String>,
    /// True classes.
    pub truth: Vec<usize>,
    /// Predicted classes.
    pub predicted: Vec<usize>,
    /// Probabilities, one a class.
    pub probabilities: Vec<Vec<f64>>,
    /// The resampling unit of every row: rows of one owner stay together.
    pub owners: Vec<usize>,
}

/// Smallest probability taken into a logarithm, as scikit-learn's `log_loss` has it for `f64`.
pub const LOG_FLOOR: f64 = f64::EPSILON;

/// Numbers owners in order of first appearance; a row without one is its own.
pub fn owner_units(rows: &[RowInfo]) -> Vec<usize> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    rows.iter()
        .map(|row| match row.owner.as_deref() {
            Some(owner) => *known.entry(owner).or_insert_with(&mut fresh),
            None => fresh(),
        })
        .collect()
}

impl Scored {
    /// A model's predictions on rows.
    ///
    /// # Errors
    /// If lengths or widths disagree.
    pub fn new<'x>(
        model: &TrainedModel,
        x: impl Into<Matrix<'x>>,
        labels: &[usize],
        rows: &[RowInfo],
    ) -> Result<Scored> {
        let names = model.target.classes();
        let place: Vec<Option<usize>> =
            names.iter().map(|n| model.classes.iter().position(|class| class == n)).collect();
        let probabilities = model
            .probabilities(x)?
            .into_iter()
            .map(|p| place.iter().map(|at| at.map_or(0.0, |at| p[at])).collect())
            .collect();
        let classes = names.iter().map(|name| (*name).to_owned()).collect();
        Scored::from_probabilities(classes, labels.to_vec(), probabilities, owner_units(rows))
    }

    /// Predictions given as probabilities; the first of equal highest is predicted.
    ///
    /// # Errors
    /// If lengths disagree, a label is no class, or a probability is not in 0..=1.
    pub fn from_probabilities(
        classes: Vec<String>,
        truth: Vec<usize>,
        probabilities: Vec<Vec<f64>>,
        owners: Vec<usize>,
    ) -> Result<Scored> {
        for (what, found) in [
            ("the list of probabilities", probabilities.len()),
            ("the list of owners", owners.len()),
        ] {
            if found != truth.len() {
                return Err(ModelError::Shape { what, found, expected: truth.len() });
            }
        }
        for (row, p) in probabilities.iter().enumerate() {
            if p.len() != classes.len() || truth[row] >= classes.len() {
                return Err(ModelError::Shape {
                    what: "a row of probabilities",
                    found: p.len(),
                    expected: classes.len(),
                });
            }
            if let Some(bad) = p.iter().find(|p| !(0.0..=1.0 + 1e-9).contains(*p)) {
                return Err(ModelError::RowValue {
                    what: "a probability",
                    row,
                    value: bad.to_string(),
                    expected: "a number from 0 to 1",
                });
            }
        }
        let predicted = probabilities.iter().map(|p| first_maximum(p)).collect();
        Ok(Scored { classes, truth, predicted, probabilities, owners })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// The rows for which `keep` holds.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Scored {
        let kept: Vec<usize> = (0..self.len()).filter(|&row| keep(row)).collect();
        Scored {
            classes: self.classes.clone(),
            truth: kept.iter().map(|&row| self.truth[row]).collect(),
            predicted: kept.iter().map(|&row| self.predicted[row]).collect(),
            probabilities: kept.iter().map(|&row| self.probabilities[row].clone()).collect(),
            owners: kept.iter().map(|&row| self.owners[row]).collect(),
        }
    }

    /// Rows by true, then predicted class.
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.classes.len()]; self.classes.len()];
        for (&truth, &predicted) in self.truth.iter().zip(&self.predicted) {
            counts[truth][predicted] += 1;
        }
        counts
    }

    /// Rows by falling probability of a class, ties in row order.
    pub fn ranking(&self, class: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|&a, &b| {
            self.probabilities[b][class].total_cmp(&self.probabilities[a][class])
        });
        order
    }
}

/// The 95 % Wilson interval of a share.
pub fn wilson(hits: f64, n: f64) -> (f64, f64) {
    let z = 1.959_963_984_540_054_f64;
    let (p, z2) = (hits / n, z * z);
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Rows a class needs for a bootstrap interval of what rests on it. Resampling repeats the rows
/// there are: with one row of a class, found by the model, every replicate finds it, and the
/// interval would be 1 to 1.
pub const LEAST_SUPPORT: f64 = 10.0;

const TOO_FEW: &str = "no interval: a class has fewer than 10 rows";

/// Replicates and seed of a bootstrap over owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of replicates.
    pub replicates: u32,
    /// The seed; a replicate is a stream of it, so threads don't matter.
    pub seed: u64,
}

impl Bootstrap {
    /// Row weights of one replicate: how often each row's owner was drawn.
    pub fn weights(&self, owners: &[usize], replicate: u32) -> Vec<f64> {
        let units = owners.iter().max().map_or(0, |&top| top + 1);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(replicate) + 1);
        let mut drawn = vec![0.0; units];
        for _ in 0..units {
            drawn[(rng.next_u64() % units.max(1) as u64) as usize] += 1.0;
        }
        owners.iter().map(|&owner| drawn[owner]).collect()
    }
}

/// The 2.5 % and 97.5 % quantiles and the standard deviation; `None` for fewer than 20 values.
pub fn percentile_interval(mut values: Vec<f64>) -> Option<(f64, f64, f64)> {
    if values.len() < 20 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        values[low] + part * (values[(low + 1).min(values.len() - 1)] - values[low])
    };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    Some((at(0.025), at(0.975), (spread / (values.len() - 1) as f64).sqrt()))
}

/// All metrics of one split: Wilson intervals for proportions, and with a bootstrap percentile
/// intervals over owners for the rest.
pub fn split_metrics(scored: &Scored, bootstrap: Option<Bootstrap>) -> SplitMetrics {
    split_metrics_told(scored, bootstrap, "", &|_, _, _| {})
}

/// [`split_metrics`], which tells how many replicates are done of what `name` says is resampled.
pub(crate) fn split_metrics_told(
    scored: &Scored,
    bootstrap: Option<Bootstrap>,
    name: &str,
    progress: PartProgress<'_>,
) -> SplitMetrics {
    let done = AtomicU64::new(0);
    let prepared = Prepared::new(scored);
    let plain = prepared.lines(&vec![1.0; scored.len()]);
    let replicates: Vec<Vec<Value>> = match bootstrap {
        Some(b) if !scored.is_empty() => (0..b.replicates)
            .into_par_iter()
            .map(|replicate| {
                let w = b.weights(&scored.owners, replicate);
                let values = prepared.lines(&w).into_iter().map(|line| line.value).collect();
                let (done, all) = (done.fetch_add(1, Ordering::Relaxed) + 1, b.replicates);
                let part = format!("replicate {done} of {all}: {name}");
                progress(&part, done, all.into());
                values
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut support = vec![0.0; scored.classes.len()];
    scored.truth.iter().for_each(|&truth| support[truth] += 1.0);
    let least = support.iter().copied().filter(|&n| n > 0.0).fold(f64::INFINITY, f64::min);
    let mut table = SplitMetrics::new();
    for (at, Line { scope, name, value, n, hits }) in plain.into_iter().enumerate() {
        // A mean of the classes, each with the same weight, is no surer than its rarest class.
        let rests_on = match scope.checked_sub(scored.classes.len()) {
            None => support[scope],
            Some(0) => least,
            Some(2) if name == metric::BALANCED_ACCURACY => least,
            Some(_) => f64::INFINITY,
        };
        // These two are means over all rows, whichever class they are asked of.
        let of_all_rows =
            scope < scored.classes.len() && matches!(name, metric::BRIER | metric::ECE);
        let scope = match scope.checked_sub(scored.classes.len()) {
            None => scored.classes[scope].as_str(),
            Some(0) => MACRO,
            Some(1) => WEIGHTED,
            Some(_) => OVERALL,
        };
        let estimate = match (value, hits) {
            (Err(why), _) => Estimate::undefined(why, n as u64),
            (Ok(value), Some(hits)) => {
                let (low, high) = wilson(hits, n);
                Estimate::point(value, n as u64).with_interval(low, high, "wilson")
            }
            (Ok(value), None) => {
                let estimate = Estimate::point(value, n as u64);
                let values = replicates.iter().filter_map(|r| r[at].ok()).collect();
                match percentile_interval(values) {
                    Some(_) if rests_on < LEAST_SUPPORT && !of_all_rows => {
                        Estimate { method: Some(TOO_FEW.to_owned()), ..estimate }
                    }
                    Some((low, high, error)) if name != metric::SUPPORT => {
                        let mut e =
                            estimate.with_interval(low, high, "bootstrap-percentile-owners");
                        e.standard_error = Some(error);
                        e
                    }
                    _ => estimate,
                }
            }
        };
        table.entry(scope.to_owned()).or_default().insert(name.to_owned(), estimate);
    }
    table
}
