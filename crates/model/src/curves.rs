//! Curves, reliability tables, thresholds and calibration.

use std::collections::BTreeMap;

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{
        CalibrationScores, Curve, CurveKind, CurvePoint, Goal, OVERALL, OperatingPoint,
        ReliabilityBin, metric,
    },
};

use crate::{
    error::{ModelError, Result},
    metrics::{share, split_metrics},
    params::Calibration,
    scored::Scored,
    weighted::{Ranking, add_to_bin, bin_of},
};

/// How far a dropped point of a curve may lie from one that is kept, in both coordinates: half a
/// pixel of a figure of 500. Recall changes by more at each row of a class of fewer than 1,000.
const TOLERANCE: f64 = 0.001;

/// Leaves out points that lie within the tolerance of the one kept before them. The point before a
/// larger step is kept too, so that each step begins and ends where it does.
fn thin(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let far = |a: &CurvePoint, b: &CurvePoint| {
        (a.x - b.x).abs() > TOLERANCE || (a.y - b.y).abs() > TOLERANCE
    };
    let mut kept: Vec<CurvePoint> = Vec::new();
    let mut skipped = None;
    for point in points {
        match kept.last() {
            Some(last) if !far(last, &point) => skipped = Some(point),
            _ => {
                kept.extend(skipped.take());
                kept.push(point);
            }
        }
    }
    kept.extend(skipped);
    kept
}

/// True positives, false positives and threshold after each run of equal probabilities.
fn steps(scored: &Scored, class: usize) -> Vec<(f64, f64, f64)> {
    let mut steps = Vec::new();
    Ranking::new(scored, class).walk(&vec![1.0; scored.len()], |tp, fp, row| {
        steps.push((tp, fp, scored.probabilities[row][class]));
    });
    steps
}

/// ROC and precision-recall curve of every class that has rows of both kinds.
///
/// A ROC curve has its corners, those where its direction changes; between two it is straight. A
/// precision-recall curve has a point for every threshold at which recall grows; it is a step
/// function, whose precision from the recall before a point up to the point's is the point's, and
/// average precision is its area. Points that no drawing can tell apart (0.001 in both coordinates)
/// are left out.
pub fn curves(scored: &Scored, split: &str) -> Vec<Curve> {
    let table = split_metrics(scored, None);
    let n = scored.len() as f64;
    let mut curves = Vec::new();
    for (class, (name, positives)) in scored.classes.iter().zip(scored.support()).enumerate() {
        let positives = positives as f64;
        if positives == 0.0 || positives == n {
            continue;
        }
        let steps = steps(scored, class);
        let area = |metric: &str| table[name.as_str()][metric].clone();
        let point = |x, y, t| CurvePoint { x, y, threshold: Some(t) };
        let roc = corners(&steps).into_iter().map(|(tp, fp, threshold)| CurvePoint {
            x: fp / (n - positives),
            y: tp / positives,
            threshold,
        });
        let mut recalled = 0.0;
        let grows = |step: &&(f64, f64, f64)| step.0 > std::mem::replace(&mut recalled, step.0);
        let pr = steps.iter().filter(grows);
        let pr = pr.map(|&(tp, fp, t)| point(tp / positives, tp / (tp + fp), t));
        for (kind, metric, points) in [
            (CurveKind::Roc, metric::ROC_AUC, roc.collect()),
            (CurveKind::PrecisionRecall, metric::PR_AUC, pr.collect()),
        ] {
            curves.push(Curve {
                split: split.to_owned(),
                class: name.clone(),
                kind,
                area: area(metric),
                prevalence: positives / n,
                points: thin(points),
            });
        }
    }
    curves
}

/// The points of a ROC curve where its direction changes, with 0 positives first.
fn corners(steps: &[(f64, f64, f64)]) -> Vec<(f64, f64, Option<f64>)> {
    let mut corners = vec![(0.0, 0.0, None)];
    for (at, &(tp, fp, threshold)) in steps.iter().enumerate() {
        let before = if at == 0 { (0.0, 0.0) } else { (steps[at - 1].0, steps[at - 1].1) };
        // Counts of rows: the cross product is exact.
        let straight = steps
            .get(at + 1)
            .is_some_and(|next| (tp - before.0) * (next.1 - fp) == (fp - before.1) * (next.0 - tp));
        if !straight {
            corners.push((tp, fp, Some(threshold)));
        }
    }
    corners
}

/// Ten bins a class, and ten of the highest probability under `overall`.
pub fn reliability(scored: &Scored, split: &str, probabilities: &str) -> Vec<ReliabilityBin> {
    let mut rows = Vec::new();
    for class in (0..scored.classes.len()).map(Some).chain([None]) {
        let mut bins = [(0.0, 0.0, 0.0); 10];
        for row in 0..scored.len() {
            let at = class.unwrap_or(scored.predicted[row]);
            let p = scored.probabilities[row][at];
            add_to_bin(&mut bins[bin_of(p)], p, scored.labels[row] == at, 1.0);
        }
        for (bin, (n, sum, hits)) in bins.into_iter().enumerate() {
            rows.push(ReliabilityBin {
                split: split.to_owned(),
                class: class.map_or(OVERALL, |class| &scored.classes[class]).to_owned(),
                probabilities: probabilities.to_owned(),
                low: bin as f64 / 10.0,
                high: (bin + 1) as f64 / 10.0,
                rows: n as u64,
                mean_probability: (n > 0.0).then(|| sum / n),
                observed: share(hits, n, "no rows in the bin"),
            });
        }
    }
    rows
}

/// Recall, false-positive rate, precision and F1 of calling a row `class` (a position) whose
/// probability of it is at least `threshold`. Nothing is of a class that is not there.
pub fn at_threshold(scored: &Scored, class: usize, threshold: f64) -> BTreeMap<String, Estimate> {
    let (mut tp, mut fp, mut fn_, mut tn) = (0.0, 0.0, 0.0, 0.0);
    for row in 0..scored.len() {
        let called = scored.probabilities[row].get(class).is_some_and(|&p| p >= threshold);
        *match (scored.labels[row] == class, called) {
            (true, true) => &mut tp,
            (false, true) => &mut fp,
            (true, false) => &mut fn_,
            (false, false) => &mut tn,
        } += 1.0;
    }
    let f1 = if tp + fp + fn_ > 0.0 {
        Estimate::point(2.0 * tp / (2.0 * tp + fp + fn_), scored.len() as u64)
    } else {
        Estimate::undefined("no row is or is called positive", scored.len() as u64)
    };
    [
        (metric::RECALL, share(tp, tp + fn_, "the class has no rows")),
        (metric::FALSE_POSITIVE_RATE, share(fp, fp + tn, "every row is of the class")),
        (metric::PRECISION, share(tp, tp + fp, "nothing reaches the threshold")),
        (metric::F1, f1),
    ]
    .map(|(name, estimate)| (name.to_owned(), estimate))
    .into()
}

/// Thresholds chosen on `validation` for each class and goal, applied unchanged to the others.
///
/// # Errors
/// If the others have other classes.
pub fn operating_points(
    validation: &Scored,
    others: &[(&str, &Scored)],
    goals: &[Goal],
) -> Result<Vec<OperatingPoint>> {
    for (_, scored) in others {
        if scored.classes.len() != validation.classes.len() {
            return Err(ModelError::Shape {
                what: "the list of classes",
                found: scored.classes.len(),
                expected: validation.classes.len(),
            });
        }
    }
    let mut points = Vec::new();
    for (class, name) in validation.classes.iter().enumerate() {
        let positives = validation.support()[class] as f64;
        let negatives = validation.len() as f64 - positives;
        let steps = steps(validation, class);
        for &goal in goals {
            let chosen = match goal {
                // The last step within the rate has the highest recall.
                Goal::FalsePositiveRate(rate) => {
                    steps.iter().rev().find(|step| step.1 <= rate * negatives)
                }
                Goal::Recall(recall) => steps.iter().find(|step| step.0 >= recall * positives),
            };
            let (threshold, undefined) = match chosen {
                _ if positives == 0.0 => (None, Some("the class has no validation rows")),
                _ if negatives == 0.0 => (None, Some("every validation row is of the class")),
                None => (None, Some("no threshold on validation reaches it")),
                Some(step) => (Some(step.2), None),
            };
            let mut scores = BTreeMap::new();
            if let Some(threshold) = threshold {
                scores.insert("validation".to_owned(), at_threshold(validation, class, threshold));
                for (split, scored) in others {
                    scores.insert((*split).to_owned(), at_threshold(scored, class, threshold));
                }
            }
            points.push(OperatingPoint {
                class: name.clone(),
                goal,
                threshold,
                undefined: undefined.map(str::to_owned),
                scores,
            });
        }
    }
    Ok(points)
}

/// A map from a class's probability to a calibrated one.
#[derive(Clone, Debug, PartialEq)]
enum ClassCurve {
    /// 1 / (1 + exp(a logit + b)).
    Platt { a: f64, b: f64 },
    /// Rising steps: (lowest probability, value).
    Isotonic(Vec<(f64, f64)>),
}

/// A calibration fitted on one set of predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrator {
    curves: Vec<ClassCurve>,
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    (p / (1.0 - p)).ln()
}

impl Calibrator {
    /// Fits one curve a class; `None` for [`Calibration::None`], without rows, or where a class
    /// has no rows or all of them, so that there is nothing to fit.
    pub fn fit(method: Calibration, scored: &Scored) -> Option<Calibrator> {
        let fit_one = |class: usize| {
            let hits = scored.support()[class];
            if hits == 0 || hits == scored.len() as u64 {
                return None;
            }
            match method {
                Calibration::None => None,
                Calibration::Platt => Some(platt(scored, class, hits as f64)),
                Calibration::Isotonic => Some(isotonic(scored, class)),
            }
        };
        let curves = (0..scored.classes.len()).map(fit_one).collect::<Option<Vec<_>>>()?;
        Some(Calibrator { curves })
    }

    /// The calibrated predictions; rows are normalised to sum to 1.
    ///
    /// # Errors
    /// If the predictions have other classes than those fitted.
    pub fn apply(&self, scored: &Scored) -> Result<Scored> {
        let probabilities = scored.probabilities.iter().map(|row| {
            let mut p: Vec<f64> =
                row.iter().zip(&self.curves).map(|(p, curve)| curve.at(*p)).collect();
            let sum: f64 = p.iter().sum();
            if sum > 0.0 {
                p.iter_mut().for_each(|p| *p = (*p / sum).min(1.0));
                p
            } else {
                row.clone()
            }
        });
        Scored::from_probabilities(
            scored.classes.clone(),
            scored.labels.clone(),
            probabilities.collect(),
            &scored.owners,
        )
    }
}

impl ClassCurve {
    fn at(&self, p: f64) -> f64 {
        match self {
            ClassCurve::Platt { a, b } => 1.0 / (1.0 + (a * logit(p) + b).exp()),
            ClassCurve::Isotonic(steps) => {
                let at = steps.partition_point(|step| step.0 <= p);
                steps[at.saturating_sub(1)].1
            }
        }
    }
}

/// Platt's fit with his smoothed targets, by damped Newton (Lin, Lin and Weng 2007), of log-odds
/// less their mean: the slope of equal ones is then 0 rather than what rounding makes of it.
fn platt(scored: &Scored, class: usize, hits: f64) -> ClassCurve {
    let n = scored.len() as f64;
    let misses = n - hits;
    let (high, low) = ((hits + 1.0) / (hits + 2.0), 1.0 / (misses + 2.0));
    let log_odds = |row: usize| logit(scored.probabilities[row][class]);
    // From the first one on, so that equal ones differ from their mean by exactly 0.
    let first = log_odds(0);
    let mean = first + (0..scored.len()).map(|row| log_odds(row) - first).sum::<f64>() / n;
    let pairs: Vec<(f64, f64)> = (0..scored.len())
        .map(|row| {
            let target = if scored.labels[row] == class { high } else { low };
            (log_odds(row) - mean, target)
        })
        .collect();
    let loss = |a: f64, b: f64| -> f64 {
        pairs
            .iter()
            .map(|&(f, t)| {
                let z = a * f + b;
                t * z + if z > 0.0 { (-z).exp().ln_1p() } else { z.exp().ln_1p() - z }
            })
            .sum()
    };
    let (mut a, mut b) = (0.0, ((misses + 1.0) / (hits + 1.0)).ln());
    let mut value = loss(a, b);
    for _ in 0..100 {
        let (mut h11, mut h22, mut h12, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for &(f, t) in &pairs {
            let p = 1.0 / (1.0 + (a * f + b).exp());
            let (d1, d2) = (t - p, p * (1.0 - p));
            h11 += f * f * d2;
            h22 += d2;
            h12 += f * d2;
            g1 += f * d1;
            g2 += d1;
        }
        // Beyond 1e-12 a row both sums are rounding.
        if g1.abs().max(g2.abs()) < 1e-12 * n {
            break;
        }
        let det = h11 * h22 - h12 * h12;
        let (da, db) = (-(h22 * g1 - h12 * g2) / det, -(h11 * g2 - h12 * g1) / det);
        // The last steps change the loss by less than its rounding. A step that is no number raises it.
        let raises = |found: f64| found.is_nan() || found > value * (1.0 + 1e-14);
        let mut step = 1.0;
        while step > 1e-10 && raises(loss(a + step * da, b + step * db)) {
            step /= 2.0;
        }
        if step <= 1e-10 {
            break;
        }
        (a, b) = (a + step * da, b + step * db);
        value = loss(a, b);
    }
    ClassCurve::Platt { a, b: b - a * mean }
}

fn isotonic(scored: &Scored, class: usize) -> ClassCurve {
    // (lowest probability, hits, rows), pooled while a later block is lower.
    let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
    let mut order = scored.ranking(class);
    order.reverse();
    for row in order {
        let p = scored.probabilities[row][class];
        let hit = if scored.labels[row] == class { 1.0 } else { 0.0 };
        match blocks.last_mut() {
            Some(block) if block.0 == p && block.2 > 0.0 => {
                block.1 += hit;
                block.2 += 1.0;
            }
            _ => blocks.push((p, hit, 1.0)),
        }
    }
    let mut pooled: Vec<(f64, f64, f64)> = Vec::new();
    for block in blocks {
        pooled.push(block);
        while let [.., before, last] = pooled.as_mut_slice()
            && before.1 * last.2 >= last.1 * before.2
        {
            *before = (before.0, before.1 + last.1, before.2 + last.2);
            pooled.pop();
        }
    }
    ClassCurve::Isotonic(pooled.into_iter().map(|(p, hits, n)| (p, hits / n)).collect())
}

/// Log-loss, Brier score and ECE before and after.
pub(crate) fn calibration_scores(
    method: &str,
    split: &str,
    before: &Scored,
    after: &Scored,
) -> CalibrationScores {
    let pick = |scored: &Scored| {
        let table = split_metrics(scored, None);
        [metric::LOG_LOSS, metric::BRIER, metric::ECE]
            .map(|name| (name.to_owned(), table[OVERALL][name].clone()))
            .into()
    };
    CalibrationScores {
        method: method.to_owned(),
        split: split.to_owned(),
        before: pick(before),
        after: pick(after),
    }
}
