//! Typed results: a value with what is known about its precision, or the reason there is none.

use clawsig_schema::estimate;
use std::fmt;

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
}

/// The most subjects a statistic takes, 2^53: beyond it a count is no longer exact in floating
/// point, and neither are sums of counts nor the sampler of the bootstrap.
pub const MOST_SUBJECTS: u64 = 1 << 53;

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
            Method::Jackknife => "jackknife",
            Method::BootstrapPercentile => "bootstrap-percentile",
            Method::BootstrapBca => "bootstrap-bca",
            Method::ClusterJackknife => "cluster-jackknife",
            Method::ClusterBootstrapPercentile => "cluster-bootstrap-percentile",
            Method::ClusterBootstrapBca => "cluster-bootstrap-bca",
        }
    }
}

/// The ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One statistic of one data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: Outcome,
    /// Its standard error, where the method has one.
    pub standard_error: Option<f64>,
    /// The 95 % interval, or that of the level asked for.
    pub interval: Option<Interval>,
    /// Subjects the value rests on.
    pub n: u64,
    /// How `standard_error` and `interval` were made.
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
            n,
            method: None,
            p_value: None,
            caution: None,
        }
    }
}

impl From<&Estimate> for estimate::Estimate {
    fn from(found: &Estimate) -> estimate::Estimate {
        let value = match found.value {
            Ok(value) => value,
            Err(why) => return estimate::Estimate::undefined(why.reason(), found.n),
        };
        let mut out = estimate::Estimate::point(value, found.n);
        if out.value.is_none() {
            return out;
        }
        if let (Some(interval), Some(method)) = (found.interval, found.method) {
            out = out.with_interval(interval.low, interval.high, method.as_str());
        }
        out.standard_error = found.standard_error.filter(|error| error.is_finite());
        out.p_value = found.p_value.filter(|p| p.is_finite());
        out.note = found.caution.map(|caution| caution.reason().to_owned());
        out
    }
}

impl From<Estimate> for estimate::Estimate {
    fn from(found: Estimate) -> estimate::Estimate {
        estimate::Estimate::from(&found)
    }
}
