//! Sparse logistic regression to the proven optimum, and an evaluation that doubts itself.
#![forbid(unsafe_code)]

mod error;
pub mod solver;

pub use error::{ModelError, Result};
