//! Settings and counts that no study can be made of.

use thiserror::Error;

/// Input that is no study.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StudyError {
    /// Settings of the resampling, or clusters that do not fit.
    #[error(transparent)]
    Resampling(#[from] clawsig_agreement::resampling::Error),
    /// A setting outside its range.
    #[error(transparent)]
    Setting(#[from] clawsig_schema::settings::SettingError),
    /// A parameter outside its range.
    #[error("parameter {name} is {value}, expected {range}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The value given.
        value: String,
        /// The values accepted.
        range: &'static str,
    },
    /// Counted rows that add up to more than can be computed with.
    #[error("the counts add up to more than 2^53 rows")]
    TooManyRows,
    /// Counts of patterns that make no table.
    #[error("{0}")]
    Patterns(String),
    /// Published figures that lack a count or contradict one another.
    #[error("the published figures: {0}")]
    Published(String),
}
