//! What raters' agreement says about a truth that nobody has recorded (Dawid and Skene 1979).
//!
//! Each subject has one hidden category; each rater answers by its own confusion matrix,
//! independently of the others **given the hidden category**. That independence is the model's
//! weak point: raters that share a method err together, and the model then takes their common
//! error for the truth. Two raters never identify the model; three raters of two categories
//! identify it without leaving anything to test it by.

use crate::{Error, MOST_SUBJECTS, Ratings, Undefined};

/// Settings of the fit, to be checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentParams {
    /// Steps at most, 20,000 by default.
    pub max_iterations: u32,
    /// The fit ends when a step raises the log-likelihood by less than this per rated subject;
    /// 1e-14 by default.
    pub tolerance: f64,
}

impl Default for LatentParams {
    fn default() -> LatentParams {
        LatentParams { max_iterations: 20_000, tolerance: 1e-14 }
    }
}

/// Checked settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValidLatentParams(LatentParams);

impl LatentParams {
    /// The settings, if each is in its range.
    pub fn check(self) -> Result<ValidLatentParams, Error> {
        if self.max_iterations == 0 {
            return Err(Error::Parameter {
                name: "max_iterations",
                value: "0".to_owned(),
                range: "1 and up",
            });
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(Error::Parameter {
                name: "tolerance",
                value: self.tolerance.to_string(),
                range: "a finite number above 0",
            });
        }
        Ok(ValidLatentParams(self))
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentClasses {
    /// The share of each hidden category.
    pub prevalence: Vec<f64>,
    /// `confusion[rater][hidden][given]`: how the rater answers subjects of a hidden category.
    pub confusion: Vec<Vec<Vec<f64>>>,
    /// The log-likelihood (natural logarithm).
    pub log_likelihood: f64,
    /// EM steps taken.
    pub iterations: u32,
    /// Whether the log-likelihood had stopped rising.
    pub converged: bool,
    /// Independent cells less free parameters; 0 fits any data that the model can produce.
    pub degrees_of_freedom: i64,
}

/// The degrees of freedom left by the model: `q^r - 1` cells less the parameters.
pub fn degrees_of_freedom(raters: usize, categories: usize) -> i64 {
    let (q, r) = (categories as i64, raters as i64);
    let cells = q.saturating_pow(u32::try_from(raters).unwrap_or(u32::MAX)).saturating_sub(1);
    cells.saturating_sub((q - 1) + r * q * (q - 1))
}

/// Fits the model by EM from a start that takes each subject's share of votes as its hidden
/// category, so that hidden categories carry the raters' own labels. The result depends on the
/// ratings alone. EM finds a local maximum; the vote start picks the one in which raters are
/// right more often than wrong.
///
/// ```
/// use clawsig_agreement::{Ratings, latent::{LatentParams, dawid_skene}};
/// // A hidden class of 30 %; raters with sensitivity and specificity 0.9, 0.8, 0.7.
/// let hit = [0.9, 0.8, 0.7];
/// let patterns = (0..8_usize).map(|bits| {
///     let rated: Vec<Option<usize>> = (0..3).map(|r| Some(bits >> r & 1)).collect();
///     let chance = |truth: usize| (0..3).map(|r| {
///         if bits >> r & 1 == truth { hit[r] } else { 1.0 - hit[r] }
///     }).product::<f64>();
///     let share = 0.3 * chance(1) + 0.7 * chance(0);
///     (rated, (share * 1e6).round() as u64)
/// });
/// let ratings = Ratings::from_patterns(3, 2, patterns)?;
/// let model = dawid_skene(&ratings, &LatentParams::default().check()?)?;
/// assert!((model.prevalence[1] - 0.3).abs() < 1e-3);
/// assert!((model.confusion[0][1][1] - 0.9).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dawid_skene(
    ratings: &Ratings,
    params: &ValidLatentParams,
) -> Result<LatentClasses, Undefined> {
    let (q, r) = (ratings.categories(), ratings.raters());
    if q < 2 {
        return Err(Undefined::TooFewCategories);
    }
    if r < 3 {
        return Err(Undefined::TooFewRaters);
    }
    if ratings.subjects() > MOST_SUBJECTS {
        return Err(Undefined::TooManySubjects);
    }
    let freedom = degrees_of_freedom(r, q);
    if freedom < 0 {
        return Err(Undefined::NotIdentified);
    }
    let rows: Vec<(&[Option<usize>], f64)> = ratings
        .patterns()
        .filter(|(pattern, count)| *count > 0 && pattern.iter().any(Option::is_some))
        .map(|(pattern, count)| (pattern, count as f64))
        .collect();
    let total: f64 = rows.iter().map(|(_, count)| count).sum();
    if rows.is_empty() {
        return Err(Undefined::NoSubjects);
    }
    if (0..r).any(|rater| rows.iter().all(|(pattern, _)| pattern[rater].is_none())) {
        return Err(Undefined::UnratedRater);
    }
    let used =
        (0..q).filter(|&c| rows.iter().any(|(pattern, _)| pattern.contains(&Some(c)))).count();
    if used < 2 {
        return Err(Undefined::OneCategory);
    }
    let mut belief: Vec<Vec<f64>> = rows.iter().map(|(pattern, _)| votes(pattern, q)).collect();
    let mut last = f64::NEG_INFINITY;
    let mut model = maximise(&rows, &belief, total, r, q);
    for iteration in 1..=params.0.max_iterations {
        let likelihood = expect(&rows, &model, &mut belief);
        let gain = (likelihood - last) / total;
        last = likelihood;
        model.log_likelihood = likelihood;
        model.iterations = iteration;
        if gain.abs() < params.0.tolerance {
            model.converged = true;
            break;
        }
        if iteration < params.0.max_iterations {
            let next = maximise(&rows, &belief, total, r, q);
            model = LatentClasses { log_likelihood: likelihood, iterations: iteration, ..next };
        }
    }
    model.degrees_of_freedom = freedom;
    Ok(model)
}

fn votes(pattern: &[Option<usize>], q: usize) -> Vec<f64> {
    let given = pattern.iter().flatten().count() as f64;
    let mut shares = vec![0.0; q];
    for &category in pattern.iter().flatten() {
        shares[category] += 1.0 / given;
    }
    shares
}

fn maximise(
    rows: &[(&[Option<usize>], f64)],
    belief: &[Vec<f64>],
    total: f64,
    r: usize,
    q: usize,
) -> LatentClasses {
    let mut prevalence = vec![0.0; q];
    let mut confusion = vec![vec![vec![0.0; q]; q]; r];
    for ((pattern, count), shares) in rows.iter().zip(belief) {
        for (hidden, share) in shares.iter().enumerate() {
            prevalence[hidden] += count * share / total;
            for (rater, rating) in pattern.iter().enumerate() {
                if let Some(category) = rating {
                    confusion[rater][hidden][*category] += count * share;
                }
            }
        }
    }
    for row in confusion.iter_mut().flatten() {
        let sum: f64 = row.iter().sum();
        for value in row.iter_mut() {
            // A hidden category that nobody is in says nothing about the rater.
            *value = if sum > 0.0 { *value / sum } else { 1.0 / q as f64 };
        }
    }
    LatentClasses {
        prevalence,
        confusion,
        log_likelihood: f64::NEG_INFINITY,
        iterations: 0,
        converged: false,
        degrees_of_freedom: 0,
    }
}

/// Each row's distribution over the hidden categories; returns the log-likelihood.
fn expect(rows: &[(&[Option<usize>], f64)], model: &LatentClasses, belief: &mut [Vec<f64>]) -> f64 {
    let mut likelihood = 0.0;
    for ((pattern, count), shares) in rows.iter().zip(belief) {
        let mut sum = 0.0;
        for (hidden, share) in shares.iter_mut().enumerate() {
            *share = model.prevalence[hidden];
            for (rater, rating) in pattern.iter().enumerate() {
                if let Some(category) = rating {
                    *share *= model.confusion[rater][hidden][*category];
                }
            }
            sum += *share;
        }
        if sum > 0.0 {
            for share in shares.iter_mut() {
                *share /= sum;
            }
            likelihood += count * sum.ln();
        }
    }
    likelihood
}
