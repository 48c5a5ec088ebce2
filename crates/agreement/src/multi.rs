//! Agreement of any number of raters, with missing ratings.
//!
//! Percent agreement, Fleiss, Conger, Brennan-Prediger and Gwet follow Gwet (2014), as irrCAC does:
//! agreement is averaged over subjects with two ratings or more, marginals over all rated
//! subjects. Standard errors are linearised ones, divided by `n (n - 1)`, unconditional on the
//! raters, with Student's t on one degree of freedom less than the subjects with two ratings.
//! Where every rated subject has two ratings they are Gwet's. Subjects with a single rating are no
//! evidence of agreement: irrCAC's standard error is larger there, since it counts their absence of
//! agreement as if it varied; ours is that of the two means whose ratio the coefficient is.
#![doc = include_str!("multi.md")]

mod sums;

use clawsig_stats::Wide;

use crate::{
    Caution, Estimate, NoInterval, Outcome, Precision, Ratings, Table, Undefined, Weights,
    chance::{Chance, dot, gwet, met, one_less_ratio, precise},
    outcome::Method,
};
use sums::{SubjectPart, Sums, parts};

/// How far apart two categories are for [`krippendorff_alpha`].
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Different or not.
    Nominal,
    /// Ranks: the ratings between the two, which depends on the data.
    Ordinal,
    /// The distance that these weights stand for: [`Weights::interval`], [`Weights::ratio`],
    /// [`Weights::circular`] and [`Weights::bipolar`] are Krippendorff's metrics of those names, and
    /// [`Weights::from_distances`] is one of one's own.
    Distance(Weights),
}

/// A statistic of any number of raters.
#[derive(Clone, Debug, PartialEq)]
pub enum RatingStatistic {
    /// The average agreement of a subject's pairs of ratings.
    PercentAgreement(Weights),
    /// Fleiss' kappa (1971), generalised to missing ratings and weights by Gwet.
    Fleiss(Weights),
    /// Conger's kappa (1980): as Fleiss', with each rater's own marginals; with two raters, Cohen's.
    /// Undefined where a rater has no rating at all, or where raters are unknown.
    Conger(Weights),
    /// Light's kappa (1971): the mean of Cohen's kappa over all pairs of raters, each on the subjects
    /// both rated. No analytic standard error; resample instead. Undefined as soon as one pair's is.
    Light(Weights),
    /// The Brennan-Prediger coefficient (1981).
    BrennanPrediger(Weights),
    /// Gwet's AC1, with weights AC2.
    Gwet(Weights),
    /// Krippendorff's alpha (1970; Hayes and Krippendorff 2007).
    Krippendorff(Metric),
}

/// A mean disagreement over an expected one, and what each subject adds to both.
struct Ratio<'s> {
    observed: Wide,
    expected: Wide,
    /// The subject's own expected disagreement less the expected one, half its influence.
    influence: Box<dyn Fn(&SubjectPart) -> Wide + 's>,
}

impl RatingStatistic {
    /// The value; leaving out, resampling and estimating all go through the same sums.
    pub fn value(&self, ratings: &Ratings) -> Outcome {
        self.of_sums(&self.sums(ratings), ratings.subjects())
    }

    fn sums(&self, ratings: &Ratings) -> Sums {
        let light = matches!(self, RatingStatistic::Light(_));
        Sums::empty(ratings, light).of(&parts(ratings), ratings.counts())
    }

    fn weights(&self) -> Option<&Weights> {
        match self {
            RatingStatistic::PercentAgreement(weights)
            | RatingStatistic::Fleiss(weights)
            | RatingStatistic::Conger(weights)
            | RatingStatistic::Light(weights)
            | RatingStatistic::BrennanPrediger(weights)
            | RatingStatistic::Gwet(weights)
            | RatingStatistic::Krippendorff(Metric::Distance(weights)) => Some(weights),
            RatingStatistic::Krippendorff(_) => None,
        }
    }

    /// The least and the greatest value on ratings with or without single ratings and gaps. Where
    /// marginals rest on subjects that take no part in the observed agreement, nothing bounds the
    /// coefficients of Fleiss and Conger from below; nor does it with weights ([`Chance::range`]).
    pub fn range(&self, ratings: &Ratings) -> (f64, f64) {
        let complete =
            || ratings.patterns().all(|(pattern, _)| pattern.iter().all(Option::is_some));
        let low = match self {
            RatingStatistic::PercentAgreement(weights) => 1.0 - weights.most_apart(|_| true),
            RatingStatistic::BrennanPrediger(weights) => Chance::BrennanPrediger.range(weights).0,
            RatingStatistic::Gwet(weights) => Chance::Gwet.range(weights).0,
            RatingStatistic::Fleiss(weights) | RatingStatistic::Conger(weights)
                if weights.is_identity() && complete() =>
            {
                -1.0
            }
            RatingStatistic::Light(weights) if weights.is_identity() => -1.0,
            RatingStatistic::Krippendorff(Metric::Nominal) => -1.0,
            _ => f64::NEG_INFINITY,
        };
        (low, 1.0)
    }

    fn of_sums(&self, sums: &Sums, subjects: u64) -> Outcome {
        let (observed, expected) = match self {
            RatingStatistic::Light(weights) => {
                sums.sound(subjects)?;
                return self.light(sums, weights).map(|(value, _)| value);
            }
            RatingStatistic::Krippendorff(metric) => {
                sums.sound(subjects)?;
                match metric {
                    Metric::Nominal => sums.alpha(|_, _| Wide::from(1.0)),
                    Metric::Ordinal => sums.alpha(sums.ordinal()),
                    Metric::Distance(weights) => {
                        self.fitting(weights, sums)?;
                        sums.alpha(|k, l| weights.apart(k, l))
                    }
                }
            }
            _ => {
                let ratio = self.ratio(sums, subjects)?;
                (ratio.observed, ratio.expected)
            }
        };
        if expected > Wide::ZERO {
            Ok(one_less_ratio(observed, expected).value())
        } else {
            Err(Undefined::OneCategory)
        }
    }

    fn fitting(&self, weights: &Weights, sums: &Sums) -> Result<(), Undefined> {
        if weights.categories() == sums.categories() {
            Ok(())
        } else {
            Err(Undefined::WeightsShape)
        }
    }

    /// The coefficients that are one less a ratio of means.
    fn ratio<'s>(&'s self, sums: &'s Sums, subjects: u64) -> Result<Ratio<'s>, Undefined> {
        let Some(weights) = self.weights() else { return Err(Undefined::WeightsShape) };
        self.fitting(weights, sums)?;
        sums.sound(subjects)?;
        let observed = sums.observed(weights);
        let ratio = |expected, influence| Ok(Ratio { observed, expected, influence });
        match self {
            RatingStatistic::Fleiss(_) => {
                let shares = sums.shares();
                let near = met(weights, &shares);
                let expected = dot(&shares, &near);
                ratio(expected, Box::new(move |part: &SubjectPart| part.mean(&near) - expected))
            }
            RatingStatistic::Gwet(_) => {
                let shares = sums.shares();
                let (expected, factor) = gwet(weights, &shares);
                let square = dot(&shares, &shares);
                ratio(
                    expected,
                    Box::new(move |part: &SubjectPart| factor * (part.mean(&shares) - square)),
                )
            }
            RatingStatistic::Conger(_) => conger(sums, weights)
                .map(|(expected, influence)| Ratio { observed, expected, influence }),
            RatingStatistic::BrennanPrediger(_) => {
                let q = Wide::from(weights.categories() as u64);
                ratio(weights.total_apart() / (q * q), Box::new(|_: &SubjectPart| Wide::ZERO))
            }
            _ => ratio(Wide::from(1.0), Box::new(|_: &SubjectPart| Wide::ZERO)),
        }
    }

    /// The mean kappa over pairs of raters, and whether one of them is constant.
    fn light(&self, sums: &Sums, weights: &Weights) -> Result<(f64, bool), Undefined> {
        let raters = sums.raters()?.len();
        let (mut sum, mut constant) = (Wide::ZERO, false);
        for a in 0..raters {
            for b in a + 1..raters {
                let table = Table::sized(sums.categories(), sums.table(a, b).to_vec());
                sum = sum + precise(&table, weights, Chance::Cohen)?;
                constant |= table.has_constant_rater();
            }
        }
        let pairs = Wide::from((raters * (raters - 1) / 2) as u64);
        let mean = (sum / pairs).value();
        // As for one coefficient.
        Ok((if mean.abs() < 1e-29 { 0.0 } else { mean }, constant))
    }

    /// The value with its analytic standard error, interval and p-value against zero.
    pub fn estimate(&self, ratings: &Ratings, precision: &Precision) -> Estimate {
        let sums = self.sums(ratings);
        let n = match self {
            RatingStatistic::Krippendorff(_) | RatingStatistic::Light(_) => sums.paired,
            _ => sums.rated,
        };
        let point = Estimate::point(self.of_sums(&sums, ratings.subjects()), n);
        if point.value.is_err() {
            return point;
        }
        let all = parts(ratings);
        let subjects = || {
            all.iter().zip(ratings.counts()).filter(|(part, count)| part.given > 0 && **count > 0)
        };
        let size = Wide::from(n);
        let mean_square = |influence: &dyn Fn(&SubjectPart) -> Wide| -> Wide {
            let square: Wide = subjects()
                .map(|(part, &count)| {
                    let influence = influence(part);
                    Wide::from(count) * influence * influence
                })
                .sum();
            square / (size * (size - Wide::from(1.0)))
        };
        let (variance, largest) = match self {
            RatingStatistic::Light(weights) => {
                let constant = self.light(&sums, weights).is_ok_and(|(_, constant)| constant);
                let caution = constant.then_some(Caution::ConstantRater);
                let none = clawsig_stats::Spread::none(NoInterval::NoMethod);
                return Estimate { caution, ..point.with_spread(none, Method::Analytic) };
            }
            RatingStatistic::Krippendorff(metric) => {
                let (influence, largest) = alpha_influence(&sums, metric);
                (mean_square(&*influence), largest)
            }
            _ => match self.ratio(&sums, ratings.subjects()) {
                Err(why) => return Estimate { value: Err(why), ..point },
                Ok(ratio) => {
                    let weights = self.weights();
                    let paired = size / Wide::from(sums.paired);
                    let relative = ratio.observed / ratio.expected;
                    let most = weights.map_or(0.0, |weights| sums.most_apart(weights));
                    let variance = mean_square(&|part: &SubjectPart| {
                        let own = match weights.filter(|_| part.given >= 2) {
                            Some(weights) => {
                                let pairs = Wide::from(part.given) * Wide::from(part.given - 1);
                                paired * (part.apart(weights) / pairs - ratio.observed)
                            }
                            None => Wide::ZERO,
                        };
                        let by_chance = relative * (ratio.influence)(part);
                        (by_chance + by_chance - own) / ratio.expected
                    });
                    (variance, most / ratio.expected.value())
                }
            },
        };
        let tested = !matches!(self, RatingStatistic::PercentAgreement(_));
        precision.estimate(point, variance, largest, sums.paired, self.range(ratings), tested)
    }
}

type Influence<'s> = Box<dyn Fn(&SubjectPart) -> Wide + 's>;

/// Conger's expected disagreement, `1 / (r (r - 1)) sum_{g != h} sum_kl v_kl p_gk p_hl`.
fn conger<'s>(sums: &Sums, weights: &Weights) -> Result<(Wide, Influence<'s>), Undefined> {
    let raters = sums.raters()?;
    let q = weights.categories();
    let all: Vec<Wide> = (0..q).map(|k| raters.iter().map(|(_, own)| own[k]).sum()).collect();
    let near_all = met(weights, &all);
    // Each rater's categories against the other raters' shares, its own taken off the sum.
    let others: Vec<Vec<Wide>> = raters
        .iter()
        .map(|(_, own)| near_all.iter().zip(met(weights, own)).map(|(a, o)| *a - o).collect())
        .collect();
    let r = Wide::from(raters.len() as u64);
    let pairs = r * (r - Wide::from(1.0));
    let means: Vec<Wide> =
        raters.iter().zip(&others).map(|((_, own), rest)| dot(own, rest)).collect();
    let expected = means.iter().copied().sum::<Wide>() / pairs;
    let rated = Wide::from(sums.rated);
    let factors: Vec<Wide> = raters.iter().map(|(given, _)| rated / *given / pairs).collect();
    let influence = move |part: &SubjectPart| {
        let own = part.given_by.iter();
        own.map(|&(g, category)| factors[g] * (others[g][category] - means[g])).sum()
    };
    Ok((expected, Box::new(influence)))
}

/// One subject's influence on alpha: alpha is one less `C A / Q`, with C the mean number of ratings, A
/// the mean disagreement of the subjects' pairs and Q that of the mean ratings' pairs. The term in
/// epsilon is Gwet's, who takes one part in N of the observed agreement as given. Beside it about the
/// largest influence that a subject could have.
fn alpha_influence<'s>(sums: &'s Sums, metric: &'s Metric) -> (Influence<'s>, f64) {
    let n = Wide::from(sums.paired);
    let means: Vec<Wide> = sums.totals().iter().map(|&total| total / n).collect();
    let ratings: Wide = means.iter().copied().sum();
    let weights = match metric {
        Metric::Distance(weights) => weights.clone(),
        Metric::Nominal => Weights::identity(means.len()),
        Metric::Ordinal => Weights::of_distances(means.len(), sums.ordinal()),
    };
    let near = met(&weights, &means);
    let expected = dot(&means, &near);
    let observed = sums.mean_coincidence(&weights);
    let slopes = match metric {
        Metric::Ordinal => sums.ordinal_slopes(observed / expected, &means),
        _ => vec![Wide::ZERO; means.len()],
    };
    let mean_slope = dot(&means, &slopes);
    let epsilon = Wide::from(1.0) / (n * ratings);
    let largest = (ratings / expected).value() * sums.most_apart(&weights);
    let influence = move |part: &SubjectPart| {
        if part.given < 2 {
            return Wide::ZERO;
        }
        let given = Wide::from(part.given);
        let own = part.apart(&weights) / (given - Wide::from(1.0));
        let surplus = given / ratings - Wide::from(1.0);
        let met = part.mean(&near) * given / expected - Wide::from(1.0);
        let moved = part.mean(&slopes) * given - mean_slope;
        let linear = own - observed + observed * (surplus - met - met) + moved;
        ratings * (linear + epsilon * observed * surplus) / expected
    };
    (Box::new(influence), largest)
}

/// The sums of several statistics' data, which resampling changes.
pub(crate) struct Running<'r> {
    statistics: &'r [RatingStatistic],
    parts: Vec<SubjectPart>,
    empty: Sums,
    whole: Sums,
    subjects: u64,
}

impl<'r> Running<'r> {
    pub(crate) fn new(ratings: &Ratings, statistics: &'r [RatingStatistic]) -> Running<'r> {
        let light = statistics.iter().any(|one| matches!(one, RatingStatistic::Light(_)));
        let (parts, empty) = (parts(ratings), Sums::empty(ratings, light));
        let whole = empty.clone().of(&parts, ratings.counts());
        Running { statistics, parts, empty, whole, subjects: ratings.subjects() }
    }

    /// Every statistic of other counts of the same patterns.
    pub(crate) fn of_counts(&self, counts: &[u64], out: &mut [Outcome]) {
        let sums = self.empty.clone().of(&self.parts, counts);
        for (slot, statistic) in out.iter_mut().zip(self.statistics) {
            *slot = statistic.of_sums(&sums, crate::table::sum(counts));
        }
    }

    /// Every statistic without these subjects.
    pub(crate) fn without(&mut self, members: &[(usize, u64)], out: &mut [Outcome]) {
        let change = |sums: &mut Sums, parts: &[SubjectPart], add| {
            for (kind, count) in members {
                if let Some(part) = parts.get(*kind) {
                    sums.change(part, *count, add);
                }
            }
        };
        change(&mut self.whole, &self.parts, false);
        for (slot, statistic) in out.iter_mut().zip(self.statistics) {
            *slot = statistic.of_sums(&self.whole, self.subjects);
        }
        change(&mut self.whole, &self.parts, true);
    }
}

/// [`RatingStatistic::PercentAgreement`] with its analytic precision at 95 %.
pub fn percent_agreement(ratings: &Ratings, weights: &Weights) -> Estimate {
    default_of(RatingStatistic::PercentAgreement(weights.clone()), ratings)
}

/// [`RatingStatistic::Fleiss`] with its analytic precision at 95 %.
pub fn fleiss_kappa(ratings: &Ratings, weights: &Weights) -> Estimate {
    default_of(RatingStatistic::Fleiss(weights.clone()), ratings)
}

/// [`RatingStatistic::Conger`] with its analytic precision at 95 %.
pub fn conger_kappa(ratings: &Ratings, weights: &Weights) -> Estimate {
    default_of(RatingStatistic::Conger(weights.clone()), ratings)
}

/// [`RatingStatistic::Light`] without weights.
pub fn light_kappa(ratings: &Ratings) -> Estimate {
    default_of(RatingStatistic::Light(Weights::identity(ratings.categories())), ratings)
}

/// [`RatingStatistic::BrennanPrediger`] with its analytic precision at 95 %.
pub fn brennan_prediger(ratings: &Ratings, weights: &Weights) -> Estimate {
    default_of(RatingStatistic::BrennanPrediger(weights.clone()), ratings)
}

/// [`RatingStatistic::Gwet`] with its analytic precision at 95 %.
pub fn gwet_ac1(ratings: &Ratings, weights: &Weights) -> Estimate {
    default_of(RatingStatistic::Gwet(weights.clone()), ratings)
}

/// [`RatingStatistic::Krippendorff`] with its analytic precision at 95 %.
pub fn krippendorff_alpha(ratings: &Ratings, metric: &Metric) -> Estimate {
    default_of(RatingStatistic::Krippendorff(metric.clone()), ratings)
}

fn default_of(statistic: RatingStatistic, ratings: &Ratings) -> Estimate {
    statistic.estimate(ratings, &Precision::default())
}
