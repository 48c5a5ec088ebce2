//! Everything that can go wrong in this crate.

use std::path::PathBuf;

use clawsig_schema::format::FormatVersion;

/// Why training, evaluating or loading did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A setting is outside its range.
    #[error(transparent)]
    Setting(#[from] clawsig_schema::settings::SettingError),
    /// A parameter is out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Parameter {
        /// The key, as a profile writes it.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// The range that is accepted.
        expected: &'static str,
    },
    /// Lengths or widths that must agree do not.
    #[error("{what} has length {found}, expected {expected}")]
    Shape {
        /// What has the wrong length.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that was expected.
        expected: usize,
    },
    /// Fewer than two classes have training rows.
    #[error(
        "only {found} class(es) of target `{target}` have training rows; a classifier needs two: \
         use more rows or another target"
    )]
    TooFewClasses {
        /// The target.
        target: String,
        /// The number of classes with rows.
        found: usize,
    },
    /// A problem whose objective has no lowest value.
    #[error("the problem has no optimum: {why}")]
    NoOptimum {
        /// The reason, and what to change.
        why: String,
    },
    /// No row of an evaluated split has a label.
    #[error(
        "no row of {splits} has a label for target `{target}` ({unlabelled} have none): there is \
         nothing to evaluate; use rows with labels, or another target"
    )]
    NothingToEvaluate {
        /// The target.
        target: &'static str,
        /// The evaluated splits.
        splits: String,
        /// Their rows, none of which has a label.
        unlabelled: u64,
    },
    /// More classes than the solvers can carry.
    #[error("{found} classes, the solvers carry at most {limit}")]
    TooManyClasses {
        /// The number of classes.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A weight, label or value the mathematics has no meaning for.
    #[error("{what} of row {row} is {value}, expected {expected}")]
    RowValue {
        /// What it is.
        what: &'static str,
        /// The row.
        row: usize,
        /// The value.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// A solver that can't do what it is asked.
    #[error("solver `{solver}` can't {what}; use `auto`")]
    Unsupported {
        /// The solver.
        solver: &'static str,
        /// What it can't do.
        what: &'static str,
    },
    /// The objective became infinite or NaN.
    #[error("the objective is not finite after {iterations} iterations: scale the columns")]
    Diverged {
        /// Iterations done.
        iterations: usize,
    },
    /// linfa's solver failed.
    #[error("linfa-logistic failed")]
    Linfa(#[from] linfa_logistic::error::Error),
    /// linfa's own base error, which its traits require.
    #[error(transparent)]
    LinfaBase(#[from] linfa::error::Error),
    /// A model file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A model file is not what it claims to be.
    #[error("{}: {reason}; train again or fetch the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A model file of another format version.
    #[error("{}: format {found} is {remedy}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: FormatVersion,
        /// Whether it is older or newer, and what to do.
        remedy: &'static str,
    },
    /// Two classes of one name.
    #[error("two classes are named `{class}`")]
    RepeatedClass {
        /// The name.
        class: String,
    },
    /// A number that is not finite.
    #[error("{what} {at} is {value}, expected a finite number")]
    NotFinite {
        /// The kind of number.
        what: &'static str,
        /// Its position.
        at: usize,
        /// The number.
        value: f64,
    },
    /// Weights that can't be put into a file.
    #[error("the weights can't be written")]
    Weights(#[from] safetensors::SafeTensorError),
    /// A model that can't be put into JSON.
    #[error("the model can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The model was trained on other columns.
    #[error(
        "the model's columns are not the matrix's (hash {expected} against {found}): use the \
         vectorizer that the model was trained with"
    )]
    Columns {
        /// The model's hash.
        expected: String,
        /// The hash of the columns given.
        found: String,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ModelError>;
