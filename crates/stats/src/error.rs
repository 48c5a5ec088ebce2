//! Settings that no resampling can run with.

use thiserror::Error;

/// A value outside what a function takes.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Error {
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
    /// A cluster with a kind of subject that does not exist.
    #[error("a cluster holds subjects of kind {kind}, but there are {kinds} kinds, from 0")]
    UnknownKind {
        /// The kind.
        kind: usize,
        /// How many kinds there are.
        kinds: usize,
    },
}
