//! The errors of a review.

/// Why a review can't be designed, written, read back or estimated. Every message ends with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdjudicateError {
    /// A setting outside its range.
    #[error("{name} is {value}, not {range}")]
    Parameter {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that it may have.
        range: &'static str,
    },
    /// What was given can't be a review's.
    #[error("{0}")]
    Design(String),
    /// A file of answers.
    #[error("{place}: {reason}")]
    Answers {
        /// The file, and where in it.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
}
