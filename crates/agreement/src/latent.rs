//! Latent classes: raters' agreement as evidence of a truth that nobody has recorded (Dawid and Skene
//! 1979).
//!
//! Each subject has one hidden category; each rater answers by its own confusion matrix,
//! independently of the others **given the hidden category**. That independence is the model's
//! weak point: raters that share a method err together, and the model then takes their common
//! error for the truth. Two raters never identify the model; three raters of two categories
//! identify it without leaving anything to test it by.

mod closed_form;
mod em;

use clawsig_stats::distribution::chi_squared_tail;

use crate::{Error, MOST_SUBJECTS, Ratings, Undefined};

/// Settings of the fit, to be checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentParams {
    /// Steps at most from each start, 5,000 by default.
    pub max_iterations: u32,
    /// The fit ends when the parameters are this close to where they are heading, by the rate at
    /// which they approach it; 1e-9 by default.
    pub tolerance: f64,
    /// Starts besides that of the votes, 4 by default: EM finds a local maximum.
    pub starts: u32,
}

impl Default for LatentParams {
    fn default() -> LatentParams {
        LatentParams { max_iterations: 5_000, tolerance: 1e-9, starts: 4 }
    }
}

/// Checked settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValidLatentParams(LatentParams);

impl LatentParams {
    /// The settings, if each is in its range.
    pub fn check(self) -> Result<ValidLatentParams, Error> {
        let wrong = |name, value: String, range| Err(Error::Parameter { name, value, range });
        if self.max_iterations == 0 {
            return wrong("max_iterations", "0".to_owned(), "1 and up");
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return wrong("tolerance", self.tolerance.to_string(), "a finite number above 0");
        }
        if self.starts > 1_000 {
            return wrong("starts", self.starts.to_string(), "0 to 1000");
        }
        Ok(ValidLatentParams(self))
    }
}

/// How the parameters were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatentSolution {
    /// By the moments' closed form: three raters, two categories, no gaps.
    ClosedForm,
    /// By EM, the best of several starts.
    Em,
}

/// Why a fitted model should not be read as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// The steps ran out before the parameters stood still.
    NotConverged,
    /// Other parameters, far from these, fit as well: the data can't tell them apart.
    NotIdentified,
    /// A parameter is at 0 or 1, where no rater without error was assumed: often a sign that the
    /// raters do not err independently.
    AtLimit,
    /// The patterns are not those of such a model (likelihood-ratio test, p below 0.01; with no
    /// degrees of freedom left, a likelihood below that of the data).
    DoesNotFit,
}

impl Doubt {
    /// The doubt in words, a lower-case fragment.
    pub const fn reason(self) -> &'static str {
        match self {
            Doubt::NotConverged => "the fit had not come to rest",
            Doubt::NotIdentified => "other parameters fit the data as well",
            Doubt::AtLimit => "a parameter is at the end of its range",
            Doubt::DoesNotFit => "the model does not fit the data",
        }
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
    /// EM steps taken from the best start.
    pub iterations: u32,
    /// Whether the parameters had come to rest.
    pub converged: bool,
    /// Independent cells less free parameters; 0 fits any data that the model can produce.
    pub degrees_of_freedom: i64,
    /// How the parameters were found.
    pub solution: LatentSolution,
    /// The p-value of the likelihood-ratio test of the model against the patterns as they are;
    /// `None` with gaps, or without degrees of freedom.
    pub fit_p_value: Option<f64>,
    /// Everything that speaks against reading the parameters as they stand.
    pub doubts: Vec<Doubt>,
}

impl LatentClasses {
    /// The probability of each hidden category, given one subject's ratings: a category's place a
    /// rater, or none. `None` where the model can't have produced them, or where the ratings are not
    /// those of its raters and categories.
    pub fn posterior(&self, ratings: &[Option<usize>]) -> Option<Vec<f64>> {
        em::posterior_of(ratings, &self.prevalence, &self.confusion)
    }
}

/// The degrees of freedom left by the model: `q^r - 1` cells less the parameters.
pub fn degrees_of_freedom(raters: usize, categories: usize) -> i64 {
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (q, r) = (whole(categories), whole(raters));
    let cells = q.saturating_pow(u32::try_from(raters).unwrap_or(u32::MAX)).saturating_sub(1);
    let shares = r.saturating_mul(q).saturating_add(1).saturating_mul(q - 1);
    cells.saturating_sub(shares)
}

/// Patterns with their counts.
type Rows<'r> = Vec<(&'r [Option<usize>], f64)>;

/// Fits the model: in closed form where there is one, else by EM from several starts, of which the
/// best is kept. Hidden categories carry the raters' own labels: of the ways to name them that fit
/// alike, the one in which raters are right most often. The result depends on the ratings alone.
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
/// // A subject of which all three are sure: 0.3 * 0.504 / (0.3 * 0.504 + 0.7 * 0.006).
/// let sure = model.posterior(&[Some(1); 3]).ok_or("no such subject")?;
/// assert!((sure[1] - 0.972973).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dawid_skene(
    ratings: &Ratings,
    params: &ValidLatentParams,
) -> Result<LatentClasses, Undefined> {
    fit(ratings, params, None)
}

/// Fits drawn data by the estimator of a fitted model, for its intervals: in closed form where the
/// model was, even where a replicate's share then lies beyond 0 or 1 and is cut, else by EM. The
/// maximum of the likelihood, which gives such a replicate other parameters altogether, is another
/// estimator, and its replicates another distribution.
pub fn refit(
    model: &LatentClasses,
    ratings: &Ratings,
    params: &ValidLatentParams,
) -> Result<LatentClasses, Undefined> {
    fit(ratings, params, Some(model.solution))
}

fn fit(
    ratings: &Ratings,
    params: &ValidLatentParams,
    by: Option<LatentSolution>,
) -> Result<LatentClasses, Undefined> {
    let (q, r) = (ratings.categories(), ratings.raters());
    if q < 2 {
        return Err(Undefined::TooFewCategories);
    }
    if ratings.raters_are_unknown() {
        return Err(Undefined::UnknownRaters);
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
    let rows: Rows<'_> = ratings
        .patterns()
        .filter(|(pattern, count)| *count > 0 && pattern.iter().any(Option::is_some))
        .map(|(pattern, count)| (pattern, count as f64))
        .collect();
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
    let complete = rows.iter().all(|(pattern, _)| pattern.iter().all(Option::is_some));
    let wanted = complete && r == 3 && q == 2 && by != Some(LatentSolution::Em);
    let closed = wanted.then(|| closed_form::fit(&rows, by.is_some())).flatten();
    let mut model = match closed {
        Some(model) => model,
        None => em::fit(&rows, r, q, &params.0),
    };
    model.degrees_of_freedom = freedom;
    weigh_fit(&mut model, &rows, complete);
    Ok(model)
}

/// Enters what speaks against the model.
fn weigh_fit(model: &mut LatentClasses, rows: &Rows<'_>, complete: bool) {
    let all = || model.prevalence.iter().chain(model.confusion.iter().flatten().flatten());
    if all().any(|p| *p <= 1e-9 || *p >= 1.0 - 1e-9) {
        model.doubts.push(Doubt::AtLimit);
    }
    if !complete {
        return;
    }
    let total: f64 = rows.iter().map(|(_, count)| count).sum();
    let saturated: f64 = rows.iter().map(|(_, count)| count * (count / total).ln()).sum();
    let excess = (2.0 * (saturated - model.log_likelihood)).max(0.0);
    let fails = if model.degrees_of_freedom > 0 {
        model.fit_p_value = chi_squared_tail(excess, model.degrees_of_freedom as f64);
        model.fit_p_value.is_some_and(|p| p < 0.01)
    } else {
        // Rounding of the likelihood grows with the subjects.
        excess > 1e-3 + 1e-11 * saturated.abs()
    };
    if fails {
        model.doubts.push(Doubt::DoesNotFit);
    }
}
