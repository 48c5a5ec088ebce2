//! The ends of an interval, or why there are none.

use std::fmt;

/// The ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the value lies between the ends or on one of them.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Why a value has no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoInterval {
    /// The statistic itself has no value.
    NoValue,
    /// Fewer than two units.
    TooFewUnits,
    /// The standard error is 0 or all replicates are equal: the data show no variation.
    NoSpread,
    /// The value is at the end of the statistic's range, where an interval of this kind looks
    /// narrower than it is.
    AtLimit,
    /// Over a tenth of the replicates are undefined.
    UndefinedReplicates,
    /// The statistic is undefined without one of the units.
    UndefinedLeftOut,
    /// The replicates lie so far to one side that the interval would leave out its own value.
    LeavesOutValue,
    /// The method has no interval for this statistic.
    NoMethod,
}

impl NoInterval {
    /// The reason in words, a lower-case fragment.
    pub const fn reason(self) -> &'static str {
        match self {
            NoInterval::NoValue => "no value",
            NoInterval::TooFewUnits => "fewer than two units",
            NoInterval::NoSpread => "the data show no variation",
            NoInterval::AtLimit => "the value is at the end of its range",
            NoInterval::UndefinedReplicates => "over a tenth of the replicates are undefined",
            NoInterval::UndefinedLeftOut => "undefined without one of the units",
            NoInterval::LeavesOutValue => "the replicates lie to one side of the value",
            NoInterval::NoMethod => "the method has no interval for it",
        }
    }
}

impl fmt::Display for NoInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for NoInterval {}

/// How well a value is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The standard error, where the method has one.
    pub standard_error: Option<f64>,
    /// The interval, which contains the value, or the reason for its absence.
    pub interval: Result<Interval, NoInterval>,
}

impl Spread {
    /// Nothing is known, for this reason.
    pub const fn none(why: NoInterval) -> Spread {
        Spread { standard_error: None, interval: Err(why) }
    }
}
