//! Solvers of penalised logistic regression on a sparse matrix.

mod centre;
mod cg;
mod chunks;
mod coefficients;
mod compact;
mod coupling;
mod intercept;
mod lbfgs;
mod linfa_dense;
mod linfa_traits;
mod matrix;
mod newton;
mod passes;
mod picked;
mod point;
mod precondition;
mod problem;
mod proximal;
mod sample;
mod solve;

pub use coefficients::Coefficients;
pub use compact::Compact;
pub use linfa_traits::SparseLogistic;
pub use matrix::Matrix;
pub(crate) use matrix::Row;
pub use picked::PickedRows;
pub use problem::{MAX_CLASSES, Problem, Solution, SolverReport, StepProgress, Stop};
pub use solve::Solver;
