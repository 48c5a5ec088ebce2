//! What a model must beat: constant, random and scanner answers on the same rows.

use clawsig_schema::{estimate::Estimate, evaluation::PairedTest, matrix::RowInfo, target::Target};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;
use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF};

use crate::{
    error::Result,
    metrics::{Bootstrap, Scored, owner_units, percentile_interval},
};

/// Each baseline's name and its answer for every row, as positions in the target's classes.
///
/// `majority` and `stratified` know the training labels; `always-<class>` names the second class
/// (suspicious, or the positive one); a scanner that flags a row answers the second class, one
/// that doesn't, or has no result, the first. Scanners don't answer for a severity. A baseline
/// whose scanners have no result for any of the rows has a reason in place of answers: silence of
/// a scanner that was never run is not a "clean".
pub fn baselines(
    target: Target,
    train: &[usize],
    rows: &[RowInfo],
    seed: u64,
) -> Vec<(String, std::result::Result<Vec<usize>, String>)> {
    let names = target.classes();
    let mut counts = vec![0_u64; names.len()];
    train.iter().for_each(|&label| counts[label] += 1);
    let mut majority = 0;
    for (class, count) in counts.iter().enumerate() {
        if *count > counts[majority] {
            majority = class;
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let total: u64 = counts.iter().sum::<u64>().max(1);
    let mut draw = || {
        let mut left = rng.next_u64() % total;
        for (class, &count) in counts.iter().enumerate() {
            if left < count {
                return class;
            }
            left -= count;
        }
        majority
    };
    let mut all = vec![
        ("majority".to_owned(), Ok(vec![majority; rows.len()])),
        ("stratified".to_owned(), Ok(rows.iter().map(|_| draw()).collect())),
        (format!("always-{}", names[1]), Ok(vec![1; rows.len()])),
    ];
    if target != Target::Severity {
        type Flags = (&'static str, &'static str, fn(&RowInfo) -> [Option<bool>; 3]);
        let scanners: [Flags; 4] = [
            ("static-flag", "static", |row| [row.flag_static, None, None]),
            ("virustotal-flag", "virustotal", |row| [row.flag_virustotal, None, None]),
            ("skillspector-flag", "skillspector", |row| [row.flag_skillspector, None, None]),
            ("worst-of-scanners", "no scanner", |row| {
                [row.flag_static, row.flag_virustotal, row.flag_skillspector]
            }),
        ];
        for (name, scanner, flags) in scanners {
            let rated = rows.iter().any(|row| flags(row).iter().any(Option::is_some));
            let answers =
                || rows.iter().map(|row| usize::from(flags(row).contains(&Some(true)))).collect();
            let answers = if rated {
                Ok(answers())
            } else if scanner == "no scanner" {
                Err("no scanner rated a row".to_owned())
            } else {
                Err(format!("{scanner} rated no row"))
            };
            all.push((name.to_owned(), answers));
        }
    }
    all
}

/// Answers as predictions that are certain of themselves.
///
/// # Errors
/// If lengths disagree.
pub fn as_scored(
    classes: &[String],
    truth: &[usize],
    answers: &[usize],
    rows: &[RowInfo],
) -> Result<Scored> {
    let certain = |answer: usize| {
        (0..classes.len()).map(|class| if class == answer { 1.0 } else { 0.0 }).collect()
    };
    Scored::from_probabilities(
        classes.to_vec(),
        truth.to_vec(),
        answers.iter().map(|&answer| certain(answer)).collect(),
        owner_units(rows),
    )
}

/// Accuracy and macro F1 (over the classes with rows) under row weights.
fn accuracy_and_f1(s: &Scored, w: &[f64]) -> Option<(f64, f64)> {
    let k = s.classes.len();
    let (mut hits, mut support, mut called) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
    for row in 0..s.len() {
        support[s.truth[row]] += w[row];
        called[s.predicted[row]] += w[row];
        if s.truth[row] == s.predicted[row] {
            hits[s.truth[row]] += w[row];
        }
    }
    let n: f64 = support.iter().sum();
    let present: Vec<usize> = (0..k).filter(|&c| support[c] > 0.0).collect();
    if present.is_empty() {
        return None;
    }
    let f1: f64 = present.iter().map(|&c| 2.0 * hits[c] / (support[c] + called[c])).sum();
    Some((hits.iter().sum::<f64>() / n, f1 / present.len() as f64))
}

/// The model against a baseline on the same rows.
pub fn paired_test(
    split: &str,
    name: &str,
    model: &Scored,
    baseline: &Scored,
    bootstrap: Bootstrap,
) -> PairedTest {
    let (mut only_model, mut only_baseline) = (0_u64, 0_u64);
    for row in 0..model.len() {
        match (
            model.predicted[row] == model.truth[row],
            baseline.predicted[row] == model.truth[row],
        ) {
            (true, false) => only_model += 1,
            (false, true) => only_baseline += 1,
            _ => {}
        }
    }
    let n = model.len() as u64;
    let discordant = only_model + only_baseline;
    let mcnemar = if discordant == 0 {
        Estimate::undefined("model and baseline are right on the same rows", n)
    } else {
        let difference = only_model as f64 - only_baseline as f64;
        let statistic = difference * difference / discordant as f64;
        let mut estimate = Estimate::point(statistic, n);
        estimate.p_value = if discordant < 25 {
            let least = only_model.min(only_baseline);
            Binomial::new(0.5, discordant).ok().map(|b| (2.0 * b.cdf(least)).min(1.0))
        } else {
            ChiSquared::new(1.0).ok().map(|chi| chi.sf(statistic))
        };
        estimate
    };
    let difference = |w: &[f64]| {
        let (a, b) = (accuracy_and_f1(model, w)?, accuracy_and_f1(baseline, w)?);
        Some((a.0 - b.0, a.1 - b.1))
    };
    let draws: Vec<(f64, f64)> = (0..bootstrap.replicates)
        .into_par_iter()
        .filter_map(|replicate| difference(&bootstrap.weights(&model.owners, replicate)))
        .collect();
    let whole = difference(&vec![1.0; model.len()]);
    let estimate = |pick: fn(&(f64, f64)) -> f64| match &whole {
        None => Estimate::undefined("no rows", 0),
        Some(value) => {
            let estimate = Estimate::point(pick(value), n);
            match percentile_interval(draws.iter().map(pick).collect()) {
                Some((low, high, error)) => {
                    let mut e = estimate.with_interval(low, high, "paired-bootstrap-owners");
                    e.standard_error = Some(error);
                    e
                }
                None => estimate,
            }
        }
    };
    PairedTest {
        split: split.to_owned(),
        baseline: name.to_owned(),
        only_model_right: only_model,
        only_baseline_right: only_baseline,
        mcnemar,
        accuracy_difference: estimate(|d| d.0),
        macro_f1_difference: estimate(|d| d.1),
    }
}
