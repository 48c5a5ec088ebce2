//! What stops a study of ratings.

use std::fmt;

/// Where something stands in an input: a file, and in it a line, a row or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// What is counted: `line`, `row`, `result`.
    pub unit: &'static str,
    /// Which one, from 1.
    pub number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} {}", self.file, self.unit, self.number)
    }
}

/// Why ratings can't be read or studied. Every message ends with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RatingsError {
    /// A file as a whole.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// One place in a file.
    #[error("{place}: {reason}")]
    Row {
        /// Where.
        place: Place,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The ratings taken together, or how they are to be read.
    #[error("{0}")]
    Study(String),
}

impl RatingsError {
    pub(crate) fn row(place: &Place, reason: impl Into<String>) -> RatingsError {
        RatingsError::Row { place: place.clone(), reason: reason.into() }
    }

    pub(crate) fn file(file: &str, reason: impl Into<String>) -> RatingsError {
        RatingsError::File { file: file.to_owned(), reason: reason.into() }
    }
}
