//! Mistakes of a caller. A statistic that merely has no value on valid data is not an
//! error: see [`Undefined`](crate::Undefined).

use thiserror::Error;

/// Input that no statistic can be computed from.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Error {
    /// Two raters with different numbers of ratings.
    #[error("the first rater has {a} ratings and the second {b}; pass one rating each per subject")]
    LengthMismatch {
        /// Ratings of the first rater.
        a: usize,
        /// Ratings of the second.
        b: usize,
    },
    /// A label that is not in the list of categories.
    #[error("subject {subject} has a label outside the category list; add it to the list")]
    UnknownCategory {
        /// The subject's position, from 0.
        subject: usize,
    },
    /// A category listed twice, or none at all.
    #[error("the category list must hold at least one label and none twice")]
    BadCategories,
    /// A row of ratings of the wrong length.
    #[error("subject {subject} has {found} ratings, expected one for each of {expected} raters")]
    RaterCount {
        /// The subject's position, from 0.
        subject: usize,
        /// Ratings found.
        found: usize,
        /// Raters.
        expected: usize,
    },
    /// A count table that is not square.
    #[error("{cells} counts do not fill a square table of {categories} categories")]
    NotSquare {
        /// Counts given.
        cells: usize,
        /// Categories.
        categories: usize,
    },
    /// A weight matrix of the wrong shape, not symmetric, outside 0 to 1, or without a unit
    /// diagonal.
    #[error(
        "agreement weights must be a symmetric {categories} x {categories} matrix in 0..=1 with 1 on the diagonal"
    )]
    BadWeights {
        /// Categories.
        categories: usize,
    },
    /// Settings of a resampling, or clusters that do not fit.
    #[error(transparent)]
    Resampling(#[from] clawsig_stats::Error),
    /// Distances of the wrong shape, not symmetric, negative, not finite, or all 0.
    #[error(
        "distances must be a symmetric {categories} x {categories} matrix of finite numbers from 0, \
         0 on the diagonal and not everywhere"
    )]
    BadDistances {
        /// Categories.
        categories: usize,
    },
    /// Another number of counts than there are kinds of subject.
    #[error("{found} counts given, expected {expected}")]
    CountsLength {
        /// Counts given.
        found: usize,
        /// Counts there are.
        expected: usize,
    },
    /// A row with another number of categories.
    #[error("subject {subject} has counts of {found} categories, expected {expected}")]
    CategoryCount {
        /// The subject's position, from 0.
        subject: usize,
        /// Counts found.
        found: usize,
        /// Categories.
        expected: usize,
    },
    /// A category outside the list.
    #[error("there is no category {category}: {categories} are numbered from 0")]
    NoSuchCategory {
        /// The category asked for.
        category: usize,
        /// How many there are.
        categories: usize,
    },
    /// A score that is not a finite number.
    #[error("subject {subject} has the score {value} of rater {rater}, expected a finite number")]
    BadScore {
        /// The subject's position, from 0.
        subject: usize,
        /// The rater's position, from 0.
        rater: usize,
        /// The score.
        value: f64,
    },
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
}
