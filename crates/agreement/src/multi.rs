//! Agreement of any number of raters, with missing ratings.
//!
//! Percent agreement, Fleiss, Conger, Brennan-Prediger and Gwet follow Gwet (2014), as irrCAC does:
//! agreement is averaged over subjects with two ratings or more, marginals over all rated
//! subjects. Standard errors are Gwet's linearised ones, divided by `n (n - 1)`, unconditional on
//! the raters, with Student's t on `n - 1` degrees of freedom; `n` counts rated subjects.
#![doc = include_str!("multi.md")]

use crate::{
    Caution, Estimate, MOST_SUBJECTS, Outcome, Ratings, Undefined, Weights, outcome::t_estimate,
    two_raters,
};

/// The statistics of one pattern's ratings.
struct Pattern<'r> {
    ratings: &'r [Option<usize>],
    subjects: f64,
    /// Ratings in each category.
    uses: Vec<f64>,
    /// Ratings.
    given: f64,
    /// Agreement of the pattern's pairs of ratings; 0 with fewer than two.
    agreement: f64,
}

/// All patterns with at least one rating, and the observed agreement.
struct Data<'r> {
    patterns: Vec<Pattern<'r>>,
    /// Subjects with one rating or more.
    rated: f64,
    /// Subjects with two ratings or more.
    paired: f64,
    observed: f64,
}

impl<'r> Data<'r> {
    fn new(ratings: &'r Ratings, weights: &Weights) -> Result<Data<'r>, Undefined> {
        let q = ratings.categories();
        if weights.categories() != q {
            return Err(Undefined::WeightsShape);
        }
        if ratings.raters() < 2 {
            return Err(Undefined::TooFewRaters);
        }
        if ratings.subjects() > MOST_SUBJECTS {
            return Err(Undefined::TooManySubjects);
        }
        let mut patterns = Vec::new();
        let (mut rated, mut paired, mut sum) = (0.0, 0.0, 0.0);
        for (row, count) in ratings.patterns().filter(|(_, count)| *count > 0) {
            let mut uses = vec![0.0; q];
            for &category in row.iter().flatten() {
                uses[category] += 1.0;
            }
            let given: f64 = uses.iter().sum();
            if given == 0.0 {
                continue;
            }
            let subjects = count as f64;
            rated += subjects;
            let mut agreement = 0.0;
            if given >= 2.0 {
                for (k, used) in uses.iter().enumerate() {
                    let near: f64 = (0..q).map(|l| weights.get(k, l) * uses[l]).sum();
                    agreement += used * (near - 1.0);
                }
                agreement /= given * (given - 1.0);
                paired += subjects;
                sum += subjects * agreement;
            }
            patterns.push(Pattern { ratings: row, subjects, uses, given, agreement });
        }
        if paired == 0.0 {
            return Err(Undefined::NoSubjects);
        }
        Ok(Data { patterns, rated, paired, observed: sum / paired })
    }

    /// The average over rated subjects of each category's share of the subject's ratings.
    fn shares(&self, q: usize) -> Vec<f64> {
        let mut shares = vec![0.0; q];
        for pattern in &self.patterns {
            for (share, used) in shares.iter_mut().zip(&pattern.uses) {
                *share += pattern.subjects * used / pattern.given / self.rated;
            }
        }
        shares
    }

    /// The coefficient for an expected agreement and each pattern's own contribution to it.
    fn finish(
        &self,
        expected: f64,
        own_expected: impl Fn(&Pattern<'_>) -> f64,
        corrected: bool,
    ) -> Estimate {
        let n = self.rated as u64;
        let rest = 1.0 - expected;
        if rest < 1e-12 {
            return Estimate::point(Err(Undefined::OneCategory), n);
        }
        let value = (self.observed - expected) / rest;
        let square: f64 = self
            .patterns
            .iter()
            .map(|pattern| {
                let own = if pattern.given >= 2.0 {
                    self.rated / self.paired * (pattern.agreement - expected) / rest
                } else {
                    0.0
                };
                let chance = 2.0 * (1.0 - value) * (own_expected(pattern) - expected) / rest;
                pattern.subjects * (own - chance - value).powi(2)
            })
            .sum();
        let error = (square / (self.rated * (self.rated - 1.0))).sqrt();
        let low = if corrected { f64::NEG_INFINITY } else { 0.0 };
        t_estimate(value, error, n, (low, 1.0), corrected)
    }
}

fn with_data<'r>(
    ratings: &'r Ratings,
    weights: &Weights,
    compute: impl FnOnce(Data<'r>) -> Estimate,
) -> Estimate {
    match Data::new(ratings, weights) {
        Ok(_) if ratings.categories() < 2 => {
            Estimate::point(Err(Undefined::TooFewCategories), ratings.subjects())
        }
        Ok(data) => compute(data),
        Err(why) => Estimate::point(Err(why), 0),
    }
}

/// The average agreement of a subject's pairs of ratings (0 to 1).
pub fn percent_agreement(ratings: &Ratings, weights: &Weights) -> Estimate {
    with_data(ratings, weights, |data| data.finish(0.0, |_| 0.0, false))
}

/// Fleiss' kappa (1971), generalised to missing ratings and weights by Gwet.
pub fn fleiss_kappa(ratings: &Ratings, weights: &Weights) -> Estimate {
    with_data(ratings, weights, |data| {
        let q = ratings.categories();
        let shares = data.shares(q);
        let near: Vec<f64> =
            (0..q).map(|k| (0..q).map(|l| weights.get(k, l) * shares[l]).sum()).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let expected = dot(&shares, &near);
        data.finish(expected, |pattern| dot(&pattern.uses, &near) / pattern.given, true)
    })
}

/// Gwet's AC1, with weights AC2.
pub fn gwet_ac1(ratings: &Ratings, weights: &Weights) -> Estimate {
    with_data(ratings, weights, |data| {
        let q = ratings.categories();
        let shares = data.shares(q);
        let scale = weights.sum() / (q * (q - 1)) as f64;
        let expected = scale * shares.iter().map(|p| p * (1.0 - p)).sum::<f64>();
        let own = |pattern: &Pattern<'_>| {
            let rare: f64 = pattern.uses.iter().zip(&shares).map(|(u, p)| u * (1.0 - p)).sum();
            scale * rare / pattern.given
        };
        data.finish(expected, own, true)
    })
}

/// The Brennan-Prediger coefficient (1981).
pub fn brennan_prediger(ratings: &Ratings, weights: &Weights) -> Estimate {
    with_data(ratings, weights, |data| {
        let expected = weights.sum() / ratings.categories().pow(2) as f64;
        data.finish(expected, |_| expected, true)
    })
}

/// Conger's kappa (1980): as Fleiss', with each rater's own marginals; with two raters, Cohen's.
/// Undefined where a rater has no rating at all.
pub fn conger_kappa(ratings: &Ratings, weights: &Weights) -> Estimate {
    with_data(ratings, weights, |data| {
        let (q, r) = (ratings.categories(), ratings.raters());
        let raters = r as f64;
        // Each rater's ratings and their share by category.
        let mut given = vec![0.0; r];
        let mut shares = vec![vec![0.0; q]; r];
        for pattern in &data.patterns {
            for (g, rating) in pattern.ratings.iter().enumerate() {
                if let Some(category) = rating {
                    given[g] += pattern.subjects;
                    shares[g][*category] += pattern.subjects;
                }
            }
        }
        if given.contains(&0.0) {
            return Estimate::point(Err(Undefined::UnratedRater), data.rated as u64);
        }
        for (share, total) in shares.iter_mut().zip(&given) {
            for value in share {
                *value /= total;
            }
        }
        let near = |rating_shares: &[f64], k: usize| -> f64 {
            (0..q).map(|l| weights.get(k, l) * rating_shares[l]).sum()
        };
        let sums: Vec<f64> = (0..q).map(|k| shares.iter().map(|s| s[k]).sum()).collect();
        // What the other raters do, for each rater: its own share taken off the sum.
        let others: Vec<Vec<f64>> = shares
            .iter()
            .map(|own| {
                let rest: Vec<f64> = sums.iter().zip(own).map(|(s, o)| s - o).collect();
                (0..q).map(|k| near(&rest, k)).collect()
            })
            .collect();
        let pairs = raters * (raters - 1.0);
        let expected: f64 = shares
            .iter()
            .zip(&others)
            .map(|(own, rest)| own.iter().zip(rest).map(|(o, n)| o * n).sum::<f64>())
            .sum::<f64>()
            / pairs;
        let own = |pattern: &Pattern<'_>| {
            let mut sum = 0.0;
            for (g, rating) in pattern.ratings.iter().enumerate() {
                let average: f64 = shares[g].iter().zip(&others[g]).map(|(o, n)| o * n).sum();
                let present = f64::from(u8::from(rating.is_some()));
                let met = rating.map_or(0.0, |category| others[g][category]);
                sum += data.rated / given[g] * (met - (present - given[g] / data.rated) * average);
            }
            sum / pairs
        };
        data.finish(expected, own, true)
    })
}

/// Light's kappa (1971): the mean of Cohen's kappa over all pairs of raters, each on the subjects
/// both rated. No analytic standard error; resample instead. Undefined as soon as one pair's is.
pub fn light_kappa(ratings: &Ratings) -> Estimate {
    let n = ratings.subjects();
    let r = ratings.raters();
    if r < 2 {
        return Estimate::point(Err(Undefined::TooFewRaters), n);
    }
    let mut sum = 0.0;
    let mut caution = None;
    for a in 0..r {
        for b in a + 1..r {
            let table = ratings.table(a, b);
            match two_raters::cohen_kappa(&table) {
                Ok(kappa) => sum += kappa,
                Err(why) => return Estimate::point(Err(why), n),
            }
            if table.has_constant_rater() {
                caution = Some(Caution::ConstantRater);
            }
        }
    }
    let pairs = (r * (r - 1) / 2) as f64;
    Estimate { caution, ..Estimate::point(Ok(sum / pairs), n) }
}

/// How far apart two categories are for [`krippendorff_alpha`].
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Different or not.
    Nominal,
    /// Ranks: the ratings between the two, which depends on the data.
    Ordinal,
    /// The squared difference of the categories' values.
    Interval(Vec<f64>),
}

/// Krippendorff's alpha (1970; Hayes and Krippendorff 2007): `1 - Do / De` over the coincidences of
/// ratings, subjects with one rating left out. The standard error is Gwet's, for the nominal and
/// interval metrics; the ordinal one has none, since its distances are estimated too.
pub fn krippendorff_alpha(ratings: &Ratings, metric: &Metric) -> Estimate {
    let q = ratings.categories();
    let weights = match metric {
        Metric::Nominal | Metric::Ordinal => Ok(Weights::identity(q)),
        Metric::Interval(scores) => Weights::interval(scores),
    };
    let Ok(weights) = weights else {
        return Estimate::point(Err(Undefined::OneCategory), ratings.subjects());
    };
    with_data(ratings, &weights, |mut data| {
        data.patterns.retain(|pattern| pattern.given >= 2.0);
        let n = data.paired as u64;
        let value = match alpha(&data.patterns, q, metric, &weights) {
            Ok(value) => value,
            Err(why) => return Estimate::point(Err(why), n),
        };
        match metric {
            Metric::Ordinal => Estimate::point(Ok(value), n),
            _ => {
                let error = alpha_error(&data, q, &weights);
                t_estimate(value, error, n, (f64::NEG_INFINITY, 1.0), true)
            }
        }
    })
}

fn alpha(patterns: &[Pattern<'_>], q: usize, metric: &Metric, weights: &Weights) -> Outcome {
    let mut totals = vec![0.0; q];
    for pattern in patterns {
        for (total, used) in totals.iter_mut().zip(&pattern.uses) {
            *total += pattern.subjects * used;
        }
    }
    let distance = |c: usize, k: usize| match metric {
        Metric::Nominal | Metric::Interval(_) => 1.0 - weights.get(c, k),
        Metric::Ordinal => {
            let (low, high) = (c.min(k), c.max(k));
            let between: f64 = totals[low..=high].iter().sum();
            (between - (totals[c] + totals[k]) / 2.0).powi(2)
        }
    };
    let (mut observed, mut expected) = (0.0, 0.0);
    for c in 0..q {
        for k in (0..q).filter(|&k| k != c) {
            let apart = distance(c, k);
            expected += totals[c] * totals[k] * apart;
            for pattern in patterns {
                let pairs = pattern.uses[c] * pattern.uses[k];
                observed += pattern.subjects * pairs / (pattern.given - 1.0) * apart;
            }
        }
    }
    let all: f64 = totals.iter().sum();
    if expected == 0.0 {
        return Err(Undefined::OneCategory);
    }
    Ok(1.0 - (all - 1.0) * observed / expected)
}

/// Gwet's linearised standard error of alpha, over subjects with two ratings or more.
fn alpha_error(data: &Data<'_>, q: usize, weights: &Weights) -> f64 {
    let n = data.paired;
    let given: f64 = data.patterns.iter().map(|p| p.subjects * p.given).sum();
    let mean = given / n;
    let epsilon = 1.0 / given;
    let pairs = |p: &Pattern<'_>| p.agreement * p.given / mean;
    let raw: f64 = data.patterns.iter().map(|p| p.subjects * pairs(p)).sum::<f64>() / n;
    let observed = (1.0 - epsilon) * raw + epsilon;
    let shares: Vec<f64> = (0..q)
        .map(|k| data.patterns.iter().map(|p| p.subjects * p.uses[k]).sum::<f64>() / (mean * n))
        .collect();
    let near: Vec<f64> =
        (0..q).map(|k| (0..q).map(|l| weights.get(k, l) * shares[l]).sum()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let expected = dot(&shares, &near);
    let rest = 1.0 - expected;
    let value = (raw - expected) / rest;
    let square: f64 = data
        .patterns
        .iter()
        .map(|p| {
            let surplus = (p.given - mean) / mean;
            let own = (pairs(p) - observed * surplus - expected) / rest;
            let chance = dot(&p.uses, &near) / mean - expected * surplus;
            let term = own - 2.0 * (1.0 - value) * (chance - expected) / rest - value;
            p.subjects * term * term
        })
        .sum();
    (square / (n * (n - 1.0))).sqrt()
}
