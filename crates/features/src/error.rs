//! The errors of this crate.

use clawsig_schema::{
    Target,
    format::FormatMismatch,
    hostile::printable,
    matrix::{ColumnGroup, CsrError},
    settings::SettingError,
    unread,
};

/// An error of a source of rows, whatever its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why features could not be made, saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// A setting is outside its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A parameter is outside its range.
    #[error("parameter `{name}` is {value}, expected {expected}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The value it was given.
        value: String,
        /// The values that it may have.
        expected: &'static str,
    },
    /// A view of the text can't be fitted.
    #[error("the column group `{}`: {source}", group.as_str())]
    View {
        /// The view's group.
        group: ColumnGroup,
        /// Why.
        source: Box<FeaturesError>,
    },
    /// The documents hold no n-gram of the lengths asked for, stop words left out.
    #[error(
        "the vocabulary is empty: no document holds an n-gram of the lengths asked for; check that \
         the texts are there and are not made of stop words alone, and see ngrams"
    )]
    EmptyVocabulary,
    /// Nothing was given to fit to.
    #[error("there is no document: nothing can be fitted; check that the texts are there")]
    NoDocuments,
    /// Every term was dropped by the document frequency limits.
    #[error(
        "no term is left between min_df and max_df ({min} to {max} of {documents} documents); \
         lower min_df or raise max_df"
    )]
    EverythingPruned {
        /// The lower limit in documents.
        min: f64,
        /// The upper limit in documents.
        max: f64,
        /// The number of documents.
        documents: u64,
    },
    /// A term of a fixed vocabulary is in no document, and the plain idf is not defined for it.
    #[error(
        "the plain idf of `{}` is not defined, since no document holds it; use the smooth idf",
        printable(term, 60)
    )]
    UndefinedIdf {
        /// The term.
        term: String,
    },
    /// More documents, tokens or terms than the 32-bit numbers of this crate hold.
    #[error("more than 4,294,967,294 {what}: split the input")]
    TooMany {
        /// The things that are too many.
        what: &'static str,
    },
    /// More n-grams of characters than can be searched for at once.
    #[error("{found} n-grams of characters, expected {limit} at most: set max_features")]
    TooManyChars {
        /// Their number.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A column that may not be a feature for the target was asked for.
    #[error(
        "column `{}` can't be a feature for target `{target}`: {reason}",
        printable(column, 60)
    )]
    BarredColumn {
        /// The dataset's column.
        column: String,
        /// The target.
        target: Target,
        /// Why it is barred.
        reason: &'static str,
    },
    /// A column that no feature comes from was asked for.
    #[error(
        "no feature comes from a column `{}`, expected one of {expected}",
        printable(column, 60)
    )]
    UnknownColumn {
        /// The name that was given.
        column: String,
        /// The names that would do.
        expected: String,
    },
    /// No training row came.
    #[error("there are no training rows: nothing can be fitted; check the source's train split")]
    NoTrainingRows,
    /// The source of rows failed.
    #[error("can't read the rows")]
    Source(#[source] BoxError),
    /// A second reading gave other rows than the first.
    #[error("the rows changed while they were read; run again when nothing writes to the source")]
    Changed,
    /// A number of a row is NaN or infinite.
    #[error(
        "row {}: `{column}` is not a finite number; leave it empty where there is no value",
        printable(id, 80)
    )]
    NotFinite {
        /// The skill's id.
        id: String,
        /// The column.
        column: String,
    },
    /// A saved state is not of a version that this build reads.
    #[error("saved features: {0}")]
    Format(#[from] FormatMismatch),
    /// A saved state is longer than any that is read.
    #[error(
        "saved features of more than {limit} bytes are not read; fit with fewer terms \
         (max_features, min_df)"
    )]
    TooLong {
        /// The most that is read.
        limit: usize,
    },
    /// A saved state is no JSON of the expected shape, or has a field that is not known.
    #[error(
        "saved features can't be read: {}; fit and save them again",
        unread::json(.0)
    )]
    Json(#[from] serde_json::Error),
    /// A saved state contradicts itself.
    #[error("saved features are damaged: {0}; fit and save them again")]
    Damaged(String),
    /// The numbers of a column are finite, but their sum or their variance is not.
    #[error(
        "`{column}` can't be standardised: its numbers are too large for their variance to be a \
         64-bit number"
    )]
    TooLarge {
        /// The column.
        column: String,
    },
    /// An assembled matrix broke a rule of its form.
    #[error("the matrix is not valid: {0}")]
    Matrix(#[from] CsrError),
    /// A dense matrix would be too large.
    #[error(
        "a dense matrix of {rows} rows and {cols} columns takes more than {limit} bytes; keep it \
         sparse or ask for fewer columns"
    )]
    TooDense {
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
        /// The limit in bytes.
        limit: u64,
    },
    /// Labels and rows differ in number.
    #[error("{labels} labels for {rows} rows: give one label for each row")]
    LabelCount {
        /// The number of labels.
        labels: usize,
        /// The number of rows.
        rows: usize,
    },
    /// A `.npz` file could not be written or read.
    #[error(transparent)]
    Npz(#[from] crate::npz::NpzError),
}
