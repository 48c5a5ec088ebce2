#![doc = include_str!("../README.md")]
//!
//! The study's own questions: three scanners and the registry's verdict as raters of agent skills.
//!
//! [`Study`] reads rows one at a time and keeps counts by owner and kind of row, the thresholds'
//! levels and a bounded list of disagreements; [`Study::finish`] computes everything from those. It
//! takes the counts of others as well ([`Study::observe_counted`]).
//! A scanner that rated no row of a slice takes no part in it: each of its statistics is undefined
//! with that reason, under the policy `negative` too, since a scanner that was never run has not
//! said "no" to anything.
#![forbid(unsafe_code)]

mod bounds;
mod choices;
mod collect;
mod counted;
mod disagree;
mod error;
mod figures;
mod findings;
mod latent;
mod missing;
mod params;
mod patterns;
mod progress;
mod readings;
mod registry;
mod slice;
mod stated;
mod sweep;

pub use collect::Study;
pub use counted::CountedRows;
pub use error::StudyError;
pub use figures::FigureCounts;
pub use params::{StudyParams, ValidStudyParams};
pub use patterns::{MOST_RATERS, PatternCounts};
pub use registry::registry;
pub use stated::stated;

use clawsig_schema::{Scanner, agreement::VERDICT_RATER, estimate};

/// The scanners and the verdict.
pub(crate) const RATERS: usize = 4;

/// The verdict's place among the raters.
pub(crate) const VERDICT: usize = 3;

/// One rating a rater: flagged, not flagged, or none.
pub(crate) type Flags = [Option<bool>; RATERS];

pub(crate) fn rater_name(rater: usize) -> &'static str {
    Scanner::ALL.get(rater).map_or(VERDICT_RATER, |scanner| scanner.as_str())
}

pub(crate) fn rater_names() -> [&'static str; RATERS] {
    [0, 1, 2, VERDICT].map(rater_name)
}

/// The estimate of every statistic that needs a rater without ratings.
pub(crate) fn unrated<'n>(raters: impl IntoIterator<Item = &'n str>) -> estimate::Estimate {
    let names: Vec<_> = raters.into_iter().collect();
    estimate::Estimate::undefined(format!("{} rated no row", names.join(" and ")), 0)
}
