//! What can go wrong: a parameter out of range, or a sink that takes no more bytes.

use std::io;

use thiserror::Error;

/// The crate's error.
#[derive(Debug, Error)]
pub enum SynthError {
    /// A parameter is outside its range.
    #[error("synthetic corpus: `{name}` is {value}, expected {range}")]
    Param {
        /// The parameter's name.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// The values that are accepted.
        range: &'static str,
    },
    /// A writer refused the rows.
    #[error("could not write synthetic rows; free space or choose another folder")]
    Write(#[source] io::Error),
}
