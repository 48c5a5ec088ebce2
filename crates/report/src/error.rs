//! What keeps a report from being made.

use thiserror::Error;

/// Why a report could not be made.
///
/// Undefined figures and absent parts are no errors: the page says why they are missing.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The drawing backend refused an element.
    #[error("figure `{name}` could not be drawn: {reason}")]
    Figure {
        /// The figure's name.
        name: String,
        /// What the backend said.
        reason: String,
    },
    /// The numbers of a figure could not be written as CSV.
    #[error("the numbers of figure `{name}` could not be written as CSV")]
    Csv {
        /// The figure's name.
        name: String,
        /// What the writer said.
        source: csv::Error,
    },
    /// The page's template failed.
    #[error("the page could not be assembled from its template")]
    Template(#[from] askama::Error),
    /// The page would be too large to open on a phone.
    #[error(
        "the page has {bytes} bytes, more than {limit}; shorten the longest texts of the input"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}
