//! Matrices of ratings by several raters, with gaps.

use clawsig_agreement::{
    Precision, RatingStatistic, Ratings,
    multi::Metric,
    resampling::{ResamplingParams, resample_ratings},
};
use num_rational::BigRational;
use num_traits::Zero;

use super::exact::{Tally, coefficient, count, gwet, identity, product, weights, whole};
use crate::{CampaignReport, rng::CaseRng};

/// Every so many matrices are resampled too.
const RESAMPLED: u64 = 25;

pub(super) fn run(matrices: u64, seed: u64, report: &mut CampaignReport) {
    let mut tally = Tally::default();
    for case in 0..matrices {
        // Other cases than those of the tables.
        let mut rng = CaseRng::new(seed, case + (1 << 40));
        let (raters, q) = (2 + rng.below(4), 2 + rng.below(3));
        let patterns = 1 + rng.below(8);
        let gaps = rng.below(5);
        let rows: Vec<(Vec<Option<usize>>, u64)> = (0..patterns)
            .map(|_| {
                let mut rating = || (rng.below(10) >= gaps).then(|| rng.below(q));
                let row = (0..raters).map(|_| rating()).collect();
                (row, count(&mut rng, patterns))
            })
            .collect();
        let name = format!("seed {seed} case {case}, {rows:?}");
        let Ok(ratings) = Ratings::from_patterns(raters, q, rows) else { continue };
        one(&ratings, case, &mut rng, &name, &mut tally);
    }
    report.cases += matrices;
    report.note(format!(
        "{matrices} rating matrices, seed {seed}: {} values and {} intervals, {} violations",
        tally.values,
        tally.intervals,
        tally.broken.len()
    ));
    report.broken.extend(tally.broken);
}

fn one(ratings: &Ratings, case: u64, rng: &mut CaseRng, name: &str, tally: &mut Tally) {
    let q = ratings.categories();
    let mut all = Vec::new();
    for (weights, apart) in [identity(q), weights(rng, q)] {
        let data = Data::new(ratings, &apart);
        let (shares, totals) = (&data.shares, &data.totals);
        let distance = |c: usize, k: usize| apart[c * q + k].clone();
        let expected = [
            (RatingStatistic::PercentAgreement(weights.clone()), Some(whole(1))),
            (RatingStatistic::Fleiss(weights.clone()), Some(product(&apart, shares, shares))),
            (RatingStatistic::Conger(weights.clone()), data.conger(&apart)),
            (
                RatingStatistic::BrennanPrediger(weights.clone()),
                Some(apart.iter().sum::<BigRational>() / whole(apart.len() as u64)),
            ),
            (RatingStatistic::Gwet(weights.clone()), Some(gwet(&apart, shares))),
        ];
        for (statistic, expected) in expected {
            let exact = data.observed.as_ref().zip(expected).and_then(|(o, e)| coefficient(o, &e));
            tally.value(&format!("{statistic:?}"), name, statistic.value(ratings), exact.as_ref());
            all.push(statistic);
        }
        let metrics = [
            (Metric::Distance(weights.clone()), data.alpha(&distance)),
            (Metric::Ordinal, data.alpha(&|c, k| ordinal(totals, c, k))),
        ];
        for (metric, exact) in metrics {
            let statistic = RatingStatistic::Krippendorff(metric);
            tally.value(&format!("{statistic:?}"), name, statistic.value(ratings), exact.as_ref());
            all.push(statistic);
        }
        all.push(RatingStatistic::Light(weights));
    }
    for statistic in &all {
        let found = statistic.estimate(ratings, &Precision::default());
        tally.interval(&format!("{statistic:?}"), name, &found, statistic.range(ratings));
    }
    let settings = ResamplingParams { replicates: 100, seed: case, level: 0.9 }.check();
    let Some(settings) = settings.ok().filter(|_| case.is_multiple_of(RESAMPLED)) else { return };
    let drawn = resample_ratings(ratings, &settings, &all);
    for (place, statistic) in all.iter().enumerate() {
        for found in [drawn.bca(place), drawn.percentile(place), drawn.jackknife(place)] {
            tally.interval(&format!("{statistic:?}"), name, &found, statistic.range(ratings));
        }
    }
}

fn ordinal(totals: &[BigRational], c: usize, k: usize) -> BigRational {
    let between: BigRational = totals[c.min(k)..=c.max(k)].iter().sum();
    let gap = between - (&totals[c] + &totals[k]) / whole(2);
    &gap * &gap
}

/// Means over subjects, as the formulas have them.
struct Data<'r> {
    ratings: &'r Ratings,
    /// Mean disagreement of subjects with two ratings; `None` without such subjects.
    observed: Option<BigRational>,
    shares: Vec<BigRational>,
    /// Ratings of subjects with two of them, by category.
    totals: Vec<BigRational>,
}

fn uses(row: &[Option<usize>], q: usize) -> Vec<BigRational> {
    let times = |k: usize| row.iter().filter(|rating| **rating == Some(k)).count() as u64;
    (0..q).map(|k| whole(times(k))).collect()
}

impl<'r> Data<'r> {
    fn new(ratings: &'r Ratings, apart: &[BigRational]) -> Data<'r> {
        let q = ratings.categories();
        let zeros = || vec![BigRational::zero(); q];
        let (mut rated, mut paired) = (BigRational::zero(), BigRational::zero());
        let (mut sum, mut shares, mut totals) = (BigRational::zero(), zeros(), zeros());
        for (row, count) in ratings.patterns() {
            let (uses, count) = (uses(row, q), whole(count));
            let given: BigRational = uses.iter().sum();
            if given.is_zero() {
                continue;
            }
            rated += &count;
            for (share, used) in shares.iter_mut().zip(&uses) {
                *share += &count * used / &given;
            }
            if given > whole(1) {
                paired += &count;
                sum += &count * product(apart, &uses, &uses) / (&given * (&given - whole(1)));
                for (total, used) in totals.iter_mut().zip(&uses) {
                    *total += &count * used;
                }
            }
        }
        if !rated.is_zero() {
            shares.iter_mut().for_each(|share| *share /= &rated);
        }
        let observed = (!paired.is_zero()).then(|| sum / paired);
        Data { ratings, observed, shares, totals }
    }

    fn conger(&self, apart: &[BigRational]) -> Option<BigRational> {
        let (q, raters) = (self.ratings.categories(), self.ratings.raters());
        let mut shares = Vec::new();
        for rater in 0..raters {
            let mut own = vec![BigRational::zero(); q];
            for (row, count) in self.ratings.patterns() {
                if let Some(category) = row[rater] {
                    own[category] += whole(count);
                }
            }
            let given: BigRational = own.iter().sum();
            if given.is_zero() {
                return None;
            }
            shares.push(own.into_iter().map(|times| times / &given).collect::<Vec<_>>());
        }
        let mut sum = BigRational::zero();
        for g in 0..raters {
            for h in (0..raters).filter(|&h| h != g) {
                sum += product(apart, &shares[g], &shares[h]);
            }
        }
        Some(sum / whole((raters * (raters - 1)) as u64))
    }

    fn alpha(&self, distance: &dyn Fn(usize, usize) -> BigRational) -> Option<BigRational> {
        let q = self.ratings.categories();
        let cells = || (0..q * q).map(|cell| (cell / q, cell % q)).filter(|(c, k)| c != k);
        let mut observed = BigRational::zero();
        for (row, count) in self.ratings.patterns() {
            let uses = uses(row, q);
            let given: BigRational = uses.iter().sum();
            if given > whole(1) {
                let pairs: BigRational =
                    cells().map(|(c, k)| &uses[c] * &uses[k] * distance(c, k)).sum();
                observed += whole(count) * pairs / (given - whole(1));
            }
        }
        let all: BigRational = self.totals.iter().sum();
        let expected: BigRational =
            cells().map(|(c, k)| &self.totals[c] * &self.totals[k] * distance(c, k)).sum();
        coefficient(&(observed * (all - whole(1))), &expected)
    }
}
