//! Estimates from reviewed units, weighted by the design.
//!
//! A unit of a stratum of which `n` of `N` were reviewed stands for `N / n` units. Sums of these
//! weights are Horvitz and Thompson's (1952) estimates of totals; their ratios are Hajek's (1971).
//! Intervals come from a stratified bootstrap with rescaled weights (Rao, Wu and Yue 1992): of `n`
//! reviewed units `n - 1` are drawn again with replacement, and the spread shrinks by the share of
//! the stratum that was reviewed. They are symmetric on the logit, from the replicates' standard
//! deviation and Student's t, so that they stay between 0 and 1.

use clawsig_schema::estimate::Estimate;
use clawsig_stats::{
    NoInterval,
    distribution::{normal_quantile, t_quantile},
    generator,
};
use serde::Serialize;

use crate::AdjudicateError;

/// One reviewed unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// The place of its stratum.
    pub stratum: usize,
    /// Whether the reviewers find it positive.
    pub truth: bool,
    /// Whether each claimant says that it is positive; `None` where the claimant says nothing.
    pub claims: Vec<Option<bool>>,
}

/// What was reviewed, of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The units of each stratum.
    pub populations: Vec<u64>,
    /// The reviewed units.
    pub units: Vec<Reviewed>,
    /// For each claimant, how many units of the whole population it calls positive.
    pub claimed: Vec<u64>,
}

/// Settings of the estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EstimateParams {
    /// Bootstrap replicates, 2,000 by default.
    pub replicates: u32,
    /// The level of intervals, 0.95 by default.
    pub level: f64,
    /// The seed of the bootstrap, 0 by default.
    pub seed: u64,
    /// The full width of an interval that is wanted, 0.1 by default.
    pub wanted: f64,
}

impl Default for EstimateParams {
    fn default() -> EstimateParams {
        EstimateParams { replicates: 2_000, level: 0.95, seed: 0, wanted: 0.1 }
    }
}

/// One share, estimated in three ways.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// A ratio of two weighted sums, with its interval.
    pub hajek: Estimate,
    /// A weighted sum over a count that is known without a review, where there is one. It can lie
    /// above 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horvitz_thompson: Option<Estimate>,
    /// As if the reviewed units had been drawn with equal probabilities: what not to report.
    pub unweighted: Option<f64>,
    /// How many more reviews of each stratum the wanted width takes, if the spread stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<Vec<u64>>,
}

/// How a claimant fares against the reviewers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Of what it calls positive, the share that is.
    pub precision: Share,
    /// Of what is positive, the share that it calls so.
    pub recall: Share,
    /// Of what is not positive, the share that it does not call so.
    pub specificity: Share,
}

/// All estimates of a review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimates {
    /// The share of positive units in the population.
    pub prevalence: Share,
    /// Each claimant's quality, in the claimants' order.
    pub claimants: Vec<Quality>,
    /// What speaks against taking the estimates as they stand.
    pub remarks: Vec<String>,
}

/// Sums of weights leave a share of 1, and replicates that are all alike, so far apart at most.
const ROUNDING: f64 = 1e-12;

/// A ratio of counts over reviewed units.
struct Ratio {
    above: Vec<bool>,
    below: Vec<bool>,
    known: Option<u64>,
}

/// The reviewed units by stratum, with their weights.
struct Sample<'r> {
    review: &'r Review,
    /// The places of each stratum's reviewed units.
    members: Vec<Vec<usize>>,
    weights: Vec<f64>,
    /// Bootstrap weights, one list a replicate.
    replicates: Vec<Vec<f64>>,
    params: EstimateParams,
}

/// Estimates prevalence and each claimant's quality.
///
/// # Errors
/// A setting outside its range; a unit of no stratum, or with claims of another number of claimants;
/// more reviewed units than the stratum has.
pub fn estimates(review: &Review, params: &EstimateParams) -> Result<Estimates, AdjudicateError> {
    let sample = Sample::new(review, params)?;
    let all = |of: &dyn Fn(&Reviewed) -> bool| review.units.iter().map(of).collect::<Vec<bool>>();
    let population: u64 = review.populations.iter().sum();
    let prevalence =
        Ratio { above: all(&|unit| unit.truth), below: all(&|_| true), known: Some(population) };
    let quality = |claimant: usize| {
        let says = |unit: &Reviewed, what: bool| unit.claims[claimant] == Some(what);
        let ratio =
            |above: &dyn Fn(&Reviewed) -> bool, below: &dyn Fn(&Reviewed) -> bool, known| {
                sample.share(&Ratio { above: all(above), below: all(below), known })
            };
        let spoke = |unit: &Reviewed| unit.claims[claimant].is_some();
        Quality {
            precision: ratio(
                &|unit| says(unit, true) && unit.truth,
                &|unit| says(unit, true),
                Some(review.claimed[claimant]),
            ),
            recall: ratio(
                &|unit| says(unit, true) && unit.truth,
                &|unit| spoke(unit) && unit.truth,
                None,
            ),
            specificity: ratio(
                &|unit| says(unit, false) && !unit.truth,
                &|unit| spoke(unit) && !unit.truth,
                None,
            ),
        }
    };
    Ok(Estimates {
        prevalence: sample.share(&prevalence),
        claimants: (0..review.claimed.len()).map(quality).collect(),
        remarks: sample.remarks(),
    })
}

impl<'r> Sample<'r> {
    fn new(review: &'r Review, params: &EstimateParams) -> Result<Sample<'r>, AdjudicateError> {
        let wrong =
            |name, value: String, range| Err(AdjudicateError::Parameter { name, value, range });
        if !(100..=100_000).contains(&params.replicates) {
            return wrong("replicates", params.replicates.to_string(), "100 to 100000");
        }
        if !(0.5..=0.999).contains(&params.level) {
            return wrong("level", params.level.to_string(), "0.5 to 0.999");
        }
        if !(0.001..=1.0).contains(&params.wanted) {
            return wrong("width", params.wanted.to_string(), "0.001 to 1");
        }
        let mut members = vec![Vec::new(); review.populations.len()];
        for (place, unit) in review.units.iter().enumerate() {
            match members.get_mut(unit.stratum) {
                Some(list) if unit.claims.len() == review.claimed.len() => list.push(place),
                _ => {
                    let text =
                        "a reviewed unit is in no stratum, or has other claimants than the rest";
                    return Err(AdjudicateError::Design(text.to_owned()));
                }
            }
        }
        let mut weights = vec![0.0; review.units.len()];
        for (list, &population) in members.iter().zip(&review.populations) {
            if list.len() as u64 > population {
                let text = "more units of a stratum were reviewed than there are in it";
                return Err(AdjudicateError::Design(text.to_owned()));
            }
            list.iter().for_each(|&place| weights[place] = population as f64 / list.len() as f64);
        }
        let mut sample =
            Sample { review, members, weights, replicates: Vec::new(), params: *params };
        sample.replicates =
            (0..params.replicates).map(|replicate| sample.replicate(replicate.into())).collect();
        Ok(sample)
    }

    /// Weights of one bootstrap replicate (Rao, Wu and Yue 1992).
    fn replicate(&self, stream: u64) -> Vec<f64> {
        let mut draws = generator(self.params.seed, stream);
        let mut weights = self.weights.clone();
        for (list, &population) in self.members.iter().zip(&self.review.populations) {
            let n = list.len();
            if n < 2 || n as u64 >= population {
                continue;
            }
            let left = (1.0 - n as f64 / population as f64).sqrt();
            let mut times = vec![0_u32; n];
            for _ in 1..n {
                times[clawsig_stats::below(&mut draws, n)] += 1;
            }
            for (&place, &times) in list.iter().zip(&times) {
                let drawn = f64::from(times) * n as f64 / (n - 1) as f64;
                weights[place] *= 1.0 - left + left * drawn;
            }
        }
        weights
    }

    fn sums(&self, ratio: &Ratio, weights: &[f64]) -> (f64, f64) {
        let sum = |of: &[bool]| {
            let held = of.iter().zip(weights).filter(|(holds, _)| **holds);
            // A sum of nothing is -0, which would be shown as such.
            held.map(|(_, weight)| weight).sum::<f64>() + 0.0
        };
        (sum(&ratio.above), sum(&ratio.below))
    }

    fn share(&self, ratio: &Ratio) -> Share {
        let count = |of: &[bool]| of.iter().filter(|holds| **holds).count() as u64;
        let (hits, of) = (count(&ratio.above), count(&ratio.below));
        let (above, below) = self.sums(ratio, &self.weights);
        let unweighted = (of > 0).then(|| hits as f64 / of as f64);
        if of == 0 {
            let why = "no reviewed unit is of that kind";
            let hajek = Estimate::undefined(why, 0);
            return Share { hajek, horvitz_thompson: None, unweighted, more: None };
        }
        let value = above / below;
        let replicates: Vec<f64> = self
            .replicates
            .iter()
            .map(|weights| self.sums(ratio, weights))
            .filter(|(_, below)| *below > 0.0)
            .map(|(above, below)| above / below)
            .collect();
        let hajek = self.with_interval(value, of, &replicates, ratio);
        let horvitz_thompson = ratio.known.filter(|known| *known > 0).map(|known| {
            let known = known as f64;
            let all: Vec<f64> =
                self.replicates.iter().map(|weights| self.sums(ratio, weights).0 / known).collect();
            let mut estimate = Estimate::point(above / known, of);
            estimate.standard_error = clawsig_stats::deviation(&all);
            estimate
        });
        Share { hajek, horvitz_thompson, unweighted, more: self.more(ratio, value, below) }
    }

    /// The value with an interval on the logit.
    fn with_interval(&self, value: f64, n: u64, replicates: &[f64], ratio: &Ratio) -> Estimate {
        let point = Estimate::point(value, n);
        let none = |why: NoInterval| Estimate {
            no_interval: Some(why.reason().to_owned()),
            ..Estimate::point(value, n)
        };
        if value <= ROUNDING || value >= 1.0 - ROUNDING {
            return none(NoInterval::AtLimit);
        }
        let inside: Vec<f64> =
            replicates.iter().copied().filter(|r| *r > 0.0 && *r < 1.0).collect();
        if (inside.len() as f64) < 0.9 * f64::from(self.params.replicates) {
            return none(NoInterval::UndefinedReplicates);
        }
        let Some(error) = clawsig_stats::deviation(replicates).filter(|error| *error > ROUNDING)
        else {
            return none(NoInterval::NoSpread);
        };
        let freedom = self.freedom(ratio);
        let tail = 0.5 + self.params.level / 2.0;
        let t = t_quantile(tail, freedom).unwrap_or_else(|| normal_quantile(tail));
        let logit = (value / (1.0 - value)).ln();
        let reach = t * error / (value * (1.0 - value));
        let back = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        let mut out = point.with_interval(
            back(logit - reach),
            back(logit + reach),
            "stratified-bootstrap-logit",
        );
        out.standard_error = Some(error);
        out
    }

    /// Reviewed units that the ratio is about, less their strata.
    fn freedom(&self, ratio: &Ratio) -> u64 {
        let used =
            |list: &Vec<usize>| list.iter().filter(|place| ratio.below[**place]).count() as u64;
        self.members.iter().map(|list| used(list).saturating_sub(1)).sum::<u64>().max(1)
    }

    /// Neyman's allocation for a variance that gives the wanted width, by linearised residuals: the
    /// reviews to add in each stratum.
    fn more(&self, ratio: &Ratio, value: f64, below: f64) -> Option<Vec<u64>> {
        let z = normal_quantile(0.5 + self.params.level / 2.0);
        let wanted = (self.params.wanted / (2.0 * z)).powi(2);
        let mut spread = Vec::new();
        for (list, &population) in self.members.iter().zip(&self.review.populations) {
            let residual = |&place: &usize| {
                let above = f64::from(u8::from(ratio.above[place]));
                let base = f64::from(u8::from(ratio.below[place]));
                (above - value * base) / below
            };
            let all: Vec<f64> = list.iter().map(residual).collect();
            let deviation =
                if all.is_empty() { 0.0 } else { clawsig_stats::deviation(&all).unwrap_or(0.0) };
            spread.push((population as f64, deviation, list.len() as u64));
        }
        let first: f64 = spread.iter().map(|(n, s, _)| n * s).sum();
        let second: f64 = spread.iter().map(|(n, s, _)| n * s * s).sum();
        if first <= 0.0 {
            return None;
        }
        let left = |n: f64, reviewed: u64| 1.0 / reviewed.max(1) as f64 - 1.0 / n.max(1.0);
        let now: f64 =
            spread.iter().map(|&(n, s, reviewed)| n * n * s * s * left(n, reviewed)).sum();
        if now <= wanted {
            return Some(vec![0; spread.len()]);
        }
        let size = |&(population, deviation, reviewed): &(f64, f64, u64)| {
            let best = population * deviation * first / (wanted + second);
            (best.ceil().min(population) as u64).saturating_sub(reviewed)
        };
        Some(spread.iter().map(size).collect())
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let all: u64 = self.review.populations.iter().sum();
        let strata = || self.members.iter().zip(&self.review.populations);
        let out: u64 = strata().filter(|(list, _)| list.is_empty()).map(|(_, n)| n).sum();
        if out > 0 {
            remarks.push(format!(
                "no unit of some strata was reviewed: the estimates leave out {out} of {all} units"
            ));
        }
        let single = strata().filter(|(list, n)| list.len() == 1 && **n > 1).count();
        if single > 0 {
            remarks.push(format!(
                "{single} strata have one reviewed unit each: their part of the uncertainty is not in \
                 the intervals"
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two strata of 100 and 900 units, 50 and 30 of them reviewed.
    fn review() -> Review {
        let unit = |stratum, truth, claim| Reviewed { stratum, truth, claims: vec![Some(claim)] };
        let mut units = Vec::new();
        units.extend((0..50).map(|n| unit(0, n < 40, true)));
        units.extend((0..30).map(|n| unit(1, n < 3, false)));
        Review { populations: vec![100, 900], units, claimed: vec![100] }
    }

    #[test]
    fn weighted_shares_are_the_hand_computed_ones() {
        let found = estimates(&review(), &EstimateParams::default()).unwrap();
        let value = |share: &Share| share.hajek.value.unwrap();
        // 2 * 40 + 30 * 3 of 1,000.
        assert!((value(&found.prevalence) - 0.17).abs() < 1e-12);
        assert_eq!(found.prevalence.unweighted, Some(43.0 / 80.0));
        let claimant = &found.claimants[0];
        assert!((value(&claimant.precision) - 0.8).abs() < 1e-12);
        assert!((value(&claimant.recall) - 80.0 / 170.0).abs() < 1e-12);
        assert!((value(&claimant.specificity) - 810.0 / 830.0).abs() < 1e-12);
        let total = claimant.precision.horvitz_thompson.as_ref().unwrap().value.unwrap();
        assert!((total - 0.8).abs() < 1e-12);
        let interval = &claimant.recall.hajek;
        assert!(interval.low.unwrap() < 80.0 / 170.0 && interval.high.unwrap() > 80.0 / 170.0);
    }

    #[test]
    fn the_bootstrap_error_is_the_textbooks() {
        let found = estimates(
            &review(),
            &EstimateParams { replicates: 20_000, ..EstimateParams::default() },
        )
        .unwrap();
        // sum W^2 (1 - f) s^2 / n with s^2 = n p (1 - p) / (n - 1).
        let part = |share: f64, f: f64, p: f64, n: f64| {
            share * share * (1.0 - f) * p * (1.0 - p) / (n - 1.0)
        };
        let exact = (part(0.1, 0.5, 0.8, 50.0) + part(0.9, 1.0 / 30.0, 0.1, 30.0)).sqrt();
        let error = found.prevalence.hajek.standard_error.unwrap();
        assert!((error / exact - 1.0).abs() < 0.02, "{error} for {exact}");
    }

    #[test]
    fn a_census_has_no_spread_and_a_limit_no_interval() {
        let mut census = review();
        census.populations = vec![50, 30];
        census.claimed = vec![50];
        let found = estimates(&census, &EstimateParams::default()).unwrap();
        assert_eq!(found.prevalence.hajek.value, Some(43.0 / 80.0));
        assert!(
            found.prevalence.hajek.low.is_none() && found.prevalence.hajek.no_interval.is_some()
        );
        let mut sure = review();
        sure.units.retain(|unit| unit.truth);
        let found = estimates(&sure, &EstimateParams::default()).unwrap();
        assert!(found.prevalence.hajek.low.is_none());
        assert!(found.claimants[0].specificity.hajek.undefined.is_some());
    }

    #[test]
    fn rounding_is_no_spread_and_nothing_is_0() {
        // Each stratum is of one kind, so that no replicate can differ but by rounding.
        let unit = |stratum, truth| Reviewed { stratum, truth, claims: vec![Some(false)] };
        for populations in [vec![444, 65, 423, 820], vec![7, 11, 13, 1_000_003], vec![3, 3, 3, 3]] {
            let units = (0..12).map(|n| unit(n / 3, n / 3 % 2 == 0)).collect();
            let review = Review { populations, units, claimed: vec![0] };
            let found = estimates(&review, &EstimateParams::default()).unwrap();
            let (prevalence, recall) = (&found.prevalence.hajek, &found.claimants[0].recall.hajek);
            assert!(prevalence.low.is_none() && prevalence.no_interval.is_some(), "{prevalence:?}");
            assert_eq!(recall.value.map(f64::to_bits), Some(0.0_f64.to_bits()));
        }
    }

    #[test]
    fn more_reviews_reach_the_wanted_width() {
        let enough =
            estimates(&review(), &EstimateParams { wanted: 0.5, ..EstimateParams::default() });
        assert_eq!(enough.unwrap().prevalence.more, Some(vec![0, 0]));
        let params = EstimateParams { wanted: 0.08, ..EstimateParams::default() };
        let found = estimates(&review(), &params).unwrap();
        let more = found.prevalence.more.clone().unwrap();
        // With these sizes and spreads the variance is that of the wanted width.
        let variance: f64 = [(100.0, 0.8, 50), (900.0, 0.1, 30)]
            .iter()
            .zip(&more)
            .map(|(&(population, p, n), more)| {
                let spread = p * (1.0 - p) * f64::from(n) / f64::from(n - 1);
                let sample = f64::from(n) + *more as f64;
                population * population / 1e6 * spread * (1.0 / sample - 1.0 / population)
            })
            .sum();
        assert!(more[1] > 0);
        assert!(2.0 * 1.96 * variance.sqrt() <= 0.0805, "{variance} {more:?}");
    }

    #[test]
    fn what_was_not_reviewed_is_told() {
        let mut partial = review();
        partial.units.retain(|unit| unit.stratum == 0);
        let found = estimates(&partial, &EstimateParams::default()).unwrap();
        assert!(found.remarks[0].contains("leave out 900 of 1000"));
        partial.units.truncate(1);
        let found = estimates(&partial, &EstimateParams::default()).unwrap();
        assert!(found.remarks[1].contains("one reviewed unit"));
    }
}
