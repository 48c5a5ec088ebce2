//! Typed results: a value with what is known about its precision, or the reason there is none.

use std::fmt;

pub use clawsig_stats::{Interval, MOST_SUBJECTS};

use crate::Error;
use clawsig_stats::{NoInterval, Spread, Wide, t_interval, wilson};

/// Why a statistic has no value on valid data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undefined {
    /// No subject was rated by enough raters.
    NoSubjects,
    /// Every rating is the same category, so that agreement by chance is certain.
    OneCategory,
    /// The category list has fewer than two entries, so nothing can be disagreed on.
    TooFewCategories,
    /// A rater always gives the same category, and the statistic divides by its variation.
    ConstantRater,
    /// No rater uses the category that the statistic is about.
    CategoryUnused,
    /// A cell of the table is zero, and the statistic divides by it.
    ZeroCell,
    /// The raters never differ, so that a test of how they differ has nothing to go by.
    NoDisagreement,
    /// A two-by-two statistic was asked of a larger table.
    NotBinary,
    /// A matrix that has to be inverted is singular.
    Singular,
    /// A rater without a single rating.
    UnratedRater,
    /// Fewer raters than the statistic needs.
    TooFewRaters,
    /// More free parameters than independent cells.
    NotIdentified,
    /// The weights are for another number of categories.
    WeightsShape,
    /// Fewer subjects than a measure of spread needs.
    TooFewSubjects,
    /// More subjects than [`MOST_SUBJECTS`].
    TooManySubjects,
    /// A share of which more was counted than there is.
    MoreHitsThanSubjects,
    /// A place in a resampling at which no statistic was computed.
    NoSuchStatistic,
    /// A rater that does not exist.
    NoSuchRater,
    /// It is unknown which rater gave which rating, and the statistic tells raters apart.
    UnknownRaters,
    /// All scores are equal, so that there is nothing to agree on.
    NoVariation,
    /// The variance that a correlation of scores divides by is estimated at 0 or below, as where all
    /// subjects have the same mean.
    NoVariance,
}

impl Undefined {
    /// The reason in words, a lower-case fragment.
    pub const fn reason(self) -> &'static str {
        match self {
            Undefined::NoSubjects => "no subject was rated by enough raters",
            Undefined::OneCategory => "every rating is the same category",
            Undefined::TooFewCategories => "fewer than two categories",
            Undefined::ConstantRater => "a rater is constant",
            Undefined::CategoryUnused => "no rater uses the category",
            Undefined::ZeroCell => "a cell that the statistic divides by is zero",
            Undefined::NoDisagreement => "the raters never differ",
            Undefined::NotBinary => "the statistic needs a two-by-two table",
            Undefined::Singular => "a matrix to invert is singular",
            Undefined::UnratedRater => "a rater has no rating at all",
            Undefined::TooFewRaters => "fewer raters than the statistic needs",
            Undefined::NotIdentified => "more free parameters than independent cells",
            Undefined::WeightsShape => "the weights are for another number of categories",
            Undefined::TooFewSubjects => "fewer than two subjects",
            Undefined::TooManySubjects => "more than 2^53 subjects",
            Undefined::MoreHitsThanSubjects => "more hits than subjects",
            Undefined::NoSuchStatistic => "no such statistic was computed",
            Undefined::NoSuchRater => "there is no such rater",
            Undefined::UnknownRaters => "it is unknown which rater gave which rating",
            Undefined::NoVariation => "all scores are equal",
            Undefined::NoVariance => {
                "the variance that the statistic divides by is estimated at zero or below"
            }
        }
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Undefined {}

/// Why a value that its formula does have is arithmetic rather than a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caution {
    /// Cohen's kappa with exactly one constant rater: observed and expected agreement are equal,
    /// so it is 0 whatever the other rater does.
    ConstantRater,
    /// Yule's Q or the odds ratio with an empty cell: the value is the end of its range whatever
    /// the other cells hold.
    ZeroCell,
}

impl Caution {
    /// The reason in words, a lower-case fragment.
    pub const fn reason(self) -> &'static str {
        match self {
            Caution::ConstantRater => "a rater is constant, so the value is 0 by arithmetic",
            Caution::ZeroCell => "a cell is zero, so the value is the end of its range",
        }
    }
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

/// A finite number, or why there is none.
pub type Outcome = Result<f64, Undefined>;

/// How an interval and its standard error were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The large-sample variance of the literature, Student's t with n - 1 degrees of freedom.
    Analytic,
    /// Wilson's score interval of a proportion.
    Wilson,
    /// The logarithm of the value is taken to be normal.
    LogNormal,
    /// The large-sample variance if the raters answered independently.
    Independence,
    /// Leave one subject (or one cluster) out.
    Jackknife,
    /// Percentiles of bootstrap replicates.
    BootstrapPercentile,
    /// Bias-corrected and accelerated bootstrap (Efron 1987).
    BootstrapBca,
    /// As [`Method::Jackknife`], leaving out whole clusters.
    ClusterJackknife,
    /// As [`Method::BootstrapPercentile`], resampling whole clusters.
    ClusterBootstrapPercentile,
    /// As [`Method::BootstrapBca`], resampling whole clusters.
    ClusterBootstrapBca,
}

impl Method {
    /// The name used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Analytic => "analytic",
            Method::Wilson => "wilson",
            Method::LogNormal => "log-normal",
            Method::Independence => "independence",
            Method::Jackknife => "jackknife",
            Method::BootstrapPercentile => "bootstrap-percentile",
            Method::BootstrapBca => "bootstrap-bca",
            Method::ClusterJackknife => "cluster-jackknife",
            Method::ClusterBootstrapPercentile => "cluster-bootstrap-percentile",
            Method::ClusterBootstrapBca => "cluster-bootstrap-bca",
        }
    }
}

/// One statistic of one data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: Outcome,
    /// Its standard error, where the method has one.
    pub standard_error: Option<f64>,
    /// The 95 % interval, or that of the level asked for. It contains the value.
    pub interval: Option<Interval>,
    /// Why there is no interval, where one was asked for.
    pub no_interval: Option<NoInterval>,
    /// Subjects the value rests on.
    pub n: u64,
    /// How `standard_error` and `interval` were made, or by what none could be.
    pub method: Option<Method>,
    /// The two-sided p-value against zero (for a test statistic, the p-value of the test).
    pub p_value: Option<f64>,
    /// Why the value says less than it seems to.
    pub caution: Option<Caution>,
}

impl Estimate {
    /// A value, or its absence, of which nothing more is known.
    pub fn point(value: Outcome, n: u64) -> Estimate {
        Estimate {
            value,
            standard_error: None,
            interval: None,
            no_interval: None,
            n,
            method: None,
            p_value: None,
            caution: None,
        }
    }

    /// The estimate with what a method says of its precision. Without a value there is nothing to
    /// be precise about.
    #[must_use]
    pub fn with_spread(self, spread: Spread, method: Method) -> Estimate {
        if self.value.is_err() {
            return self;
        }
        Estimate {
            standard_error: spread.standard_error,
            interval: spread.interval.ok(),
            no_interval: spread.interval.err(),
            method: Some(method),
            ..self
        }
    }
}

/// A share with Wilson's score interval at 95 % (Wilson 1927).
pub fn proportion(hits: u64, of: u64) -> Estimate {
    let value = match of {
        0 => Err(Undefined::NoSubjects),
        _ if hits > of => Err(Undefined::MoreHitsThanSubjects),
        _ if of > MOST_SUBJECTS => Err(Undefined::TooManySubjects),
        _ => Ok(hits as f64 / of as f64),
    };
    let point = Estimate::point(value, of);
    let (Ok(share), Some(interval)) = (value, wilson(hits as f64, of as f64, 0.95)) else {
        return point;
    };
    let error = (share * (1.0 - share) / of as f64).sqrt();
    point
        .with_spread(Spread { standard_error: Some(error), interval: Ok(interval) }, Method::Wilson)
}

/// How analytic precision is stated: the level of intervals and the size of the population that
/// the subjects were drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    level: f64,
    population: Option<u64>,
}

impl Default for Precision {
    /// 95 % and a population without end.
    fn default() -> Precision {
        Precision { level: 0.95, population: None }
    }
}

impl Precision {
    /// A level of 0.5 to 0.999. With a finite population, from which the subjects were drawn
    /// without replacement, the variance shrinks by the share that was drawn (Gwet 2014).
    pub fn new(level: f64, population: Option<u64>) -> Result<Precision, Error> {
        if (0.5..=0.999).contains(&level) {
            return Ok(Precision { level, population });
        }
        let value = level.to_string();
        Err(Error::Parameter { name: "level", value, range: "0.5 to 0.999" })
    }

    /// An estimate with Student's t on `evidence - 1` degrees of freedom, from the variance of its
    /// influence over `n` subjects; `tested` ones have a p-value against 0. `largest` is about the
    /// largest influence that any subject could have.
    pub(crate) fn estimate(
        &self,
        point: Estimate,
        variance: Wide,
        largest: f64,
        evidence: u64,
        range: (f64, f64),
        tested: bool,
    ) -> Estimate {
        let Ok(value) = point.value else { return point };
        let Some(freedom) = evidence.checked_sub(1).filter(|&freedom| freedom > 0) else {
            return point.with_spread(Spread::none(NoInterval::TooFewUnits), Method::Analytic);
        };
        let left = match self.population {
            Some(all) if all < point.n => {
                return point.with_spread(Spread::none(NoInterval::NoMethod), Method::Analytic);
            }
            Some(all) => Wide::from(all - point.n) / Wide::from(all),
            None => Wide::from(1.0),
        };
        // A single one of 2^53 subjects that differs gives a deviation of 1e-8 of the largest
        // influence. One far below is the rounding of weights: the influences are equal.
        let deviation = (variance * Wide::from(point.n)).sqrt().value();
        let varies = deviation > 1e-13 * largest;
        let error = if varies { (variance * left).sqrt().value() } else { 0.0 };
        let p_value = (tested && error > 0.0)
            .then(|| clawsig_stats::distribution::t_two_sided(value / error, freedom))
            .flatten();
        let spread = t_interval(value, error, freedom, self.level, range);
        Estimate { p_value, ..point.with_spread(spread, Method::Analytic) }
    }

    /// The level of intervals.
    pub fn level(&self) -> f64 {
        self.level
    }
}
