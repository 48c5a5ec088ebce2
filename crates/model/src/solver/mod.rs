//! Solvers of penalised logistic regression on a sparse matrix.

mod cg;
mod descent;
mod lbfgs;
mod linfa_dense;
mod linfa_traits;
mod matrix;
mod newton;
pub(crate) mod passes;
mod proximal;
mod sampled;
mod spec;

pub use linfa_dense::LinfaDense;
pub use linfa_traits::SparseLogistic;
pub use matrix::{Compact, Matrix};
pub(crate) use spec::outputs_of;
pub use spec::{Coefficients, MAX_CLASSES, Problem, Solution, SolverReport, Stop};

use crate::error::{ModelError, Result};
use descent::Point;
pub(crate) use matrix::Row;
use passes::{Blocks, Rows};
use spec::Raw;

/// Called with the iterations done and, where known, their total (0 is unknown).
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// A way to the optimum.
pub trait Solver: Sync {
    /// The name a profile uses.
    fn name(&self) -> &'static str;

    /// Minimises the problem's objective, from `start` if there is one.
    ///
    /// # Errors
    /// If the solver can't take this penalty or start, or the objective is not finite. Not
    /// reaching the optimum is no error: the report says so.
    fn solve(
        &self,
        problem: &Problem<'_>,
        start: Option<&Coefficients>,
        stop: Stop,
        progress: Progress<'_>,
    ) -> Result<Solution>;
}

/// Truncated Newton with preconditioned conjugate gradients, for a ridge penalty.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewtonCg;

/// Newton steps on a sample of the rows, corrected by L-BFGS, for a ridge penalty and many rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampledNewton;

/// L-BFGS, for a ridge penalty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lbfgs;

/// Proximal Newton by coordinate descent, for penalties with an L1 part.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProximalNewton;

/// [`SampledNewton`] without, [`ProximalNewton`] with an L1 part. With too few rows to sample,
/// the former is [`NewtonCg`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Auto;

/// The class contrasts: `K - 1` orthonormal vectors orthogonal to the vector of ones (Helmert).
fn contrasts<const N: usize>(classes: usize) -> Vec<[f64; N]> {
    let mut q = vec![[0.0; N]; classes];
    for n in 0..classes - 1 {
        let m = (n + 1) as f64;
        let length = (m * (m + 1.0)).sqrt();
        for row in q.iter_mut().take(n + 1) {
            row[n] = 1.0 / length;
        }
        q[n + 1][n] = -m / length;
    }
    q
}

fn basis<const N: usize>(problem: &Problem<'_>) -> Vec<[f64; N]> {
    if problem.classes == 2 {
        let mut q = vec![[0.0; N]; 2];
        q[0][0] = -0.5;
        q[1][0] = 0.5;
        q
    } else if problem.l1 > 0.0 {
        let mut q = vec![[0.0; N]; problem.classes];
        q.iter_mut().enumerate().for_each(|(class, row)| row[class] = 1.0);
        q
    } else {
        contrasts(problem.classes)
    }
}

fn to_blocks<const N: usize>(c: &Coefficients, q: &[[f64; N]]) -> Blocks<N> {
    let block = |outputs: &[f64]| {
        let mut block = [0.0; N];
        if let [single] = outputs {
            block[0] = *single;
        } else {
            for (output, q) in outputs.iter().zip(q) {
                for n in 0..N {
                    block[n] += output * q[n];
                }
            }
        }
        block
    };
    let mut blocks: Blocks<N> = (0..c.cols).map(|column| block(c.column(column))).collect();
    blocks.push(block(&c.intercepts));
    blocks
}

fn of_blocks<const N: usize>(blocks: &[[f64; N]], q: &[[f64; N]]) -> Coefficients {
    let classes = q.len();
    let cols = blocks.len() - 1;
    let outputs = |block: &[f64; N]| -> Vec<f64> {
        if classes == 2 {
            vec![block[0]]
        } else {
            q.iter().map(|q| (0..N).map(|n| q[n] * block[n]).sum()).collect()
        }
    };
    let mut intercepts = outputs(&blocks[cols]);
    if classes > 2 {
        let mean = intercepts.iter().sum::<f64>() / classes as f64;
        intercepts.iter_mut().for_each(|b| *b -= mean);
    }
    Coefficients {
        classes,
        cols,
        weights: blocks[..cols].iter().flat_map(outputs).collect(),
        intercepts,
    }
}

fn run<const N: usize>(
    method: Method,
    problem: &Problem<'_>,
    start: Option<&Coefficients>,
    stop: Stop,
    progress: Progress<'_>,
) -> Result<Solution> {
    let q = basis::<N>(problem);
    let first = match start {
        Some(start) => to_blocks(start, &q),
        None => vec![[0.0; N]; problem.x.cols() + 1],
    };
    let rows = Rows::new(problem.x, problem.labels, &problem.weights, q, problem.intercept);
    let ridge = |rows, first| Point::new(rows, problem.l2, first);
    let raw: Raw<N> = match method {
        Method::Newton => newton::solve(&rows, ridge(&rows, first), 0, stop, progress),
        Method::Sampled => sampled::solve(&rows, ridge(&rows, first), stop, progress),
        Method::Lbfgs => lbfgs::solve(&rows, ridge(&rows, first), stop, progress),
        Method::Proximal => proximal::solve(&rows, (problem.l1, problem.l2), first, stop, progress),
    };
    if !raw.objective.is_finite() {
        return Err(ModelError::Diverged { iterations: raw.iterations });
    }
    Ok(Solution {
        coefficients: of_blocks(&raw.w, &rows.basis),
        report: SolverReport {
            solver: method.name().to_owned(),
            objective: raw.objective,
            gradient_norm: raw.gradient_norm,
            relative_gap: if raw.gap.is_finite() { raw.gap } else { f64::MAX },
            iterations: raw.iterations as u64,
            passes: raw.passes,
            converged: raw.converged,
        },
    })
}

#[derive(Clone, Copy)]
enum Method {
    Newton,
    Sampled,
    Lbfgs,
    Proximal,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Newton => "newton-cg",
            Method::Sampled => "sampled-newton",
            Method::Lbfgs => "lbfgs",
            Method::Proximal => "proximal-newton",
        }
    }
}

/// Picks the compile-time width of a block for the number of classes.
fn dispatch(
    method: Method,
    problem: &Problem<'_>,
    start: Option<&Coefficients>,
    stop: Stop,
    progress: Progress<'_>,
) -> Result<Solution> {
    if let Some(start) = start
        && (start.cols != problem.x.cols() || start.classes != problem.classes)
    {
        return Err(ModelError::Shape {
            what: "the start's list of weights",
            found: start.weights.len(),
            expected: problem.x.cols() * problem.outputs(),
        });
    }
    if problem.l1 == 0.0 && problem.l2 == 0.0 {
        return Err(ModelError::Parameter {
            name: "l2",
            value: "0".to_owned(),
            expected: "a penalty: without one, separable rows have no optimum",
        });
    }
    let width = match (problem.classes, problem.l1 > 0.0) {
        (2, _) => 1,
        (classes, true) => classes,
        (classes, false) => classes - 1,
    };
    match width {
        1 => run::<1>(method, problem, start, stop, progress),
        2 => run::<2>(method, problem, start, stop, progress),
        3 => run::<3>(method, problem, start, stop, progress),
        4 => run::<4>(method, problem, start, stop, progress),
        5..=8 => run::<8>(method, problem, start, stop, progress),
        9..=33 => run::<33>(method, problem, start, stop, progress),
        _ => Err(ModelError::TooManyClasses { found: problem.classes, limit: MAX_CLASSES }),
    }
}

macro_rules! ridge_solver {
    ($type:ty, $method:expr, $name:literal) => {
        impl Solver for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn solve(
                &self,
                problem: &Problem<'_>,
                start: Option<&Coefficients>,
                stop: Stop,
                progress: Progress<'_>,
            ) -> Result<Solution> {
                if problem.l1 > 0.0 {
                    return Err(ModelError::Unsupported {
                        solver: $name,
                        what: "take an L1 penalty",
                    });
                }
                dispatch($method, problem, start, stop, progress)
            }
        }
    };
}

ridge_solver!(NewtonCg, Method::Newton, "newton-cg");
ridge_solver!(SampledNewton, Method::Sampled, "sampled-newton");
ridge_solver!(Lbfgs, Method::Lbfgs, "lbfgs");

impl Solver for ProximalNewton {
    fn name(&self) -> &'static str {
        "proximal-newton"
    }

    fn solve(
        &self,
        problem: &Problem<'_>,
        start: Option<&Coefficients>,
        stop: Stop,
        progress: Progress<'_>,
    ) -> Result<Solution> {
        dispatch(Method::Proximal, problem, start, stop, progress)
    }
}

impl Solver for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn solve(
        &self,
        problem: &Problem<'_>,
        start: Option<&Coefficients>,
        stop: Stop,
        progress: Progress<'_>,
    ) -> Result<Solution> {
        let method = if problem.l1 > 0.0 { Method::Proximal } else { Method::Sampled };
        dispatch(method, problem, start, stop, progress)
    }
}

impl Problem<'_> {
    /// The objective at given coefficients.
    ///
    /// # Errors
    /// If the coefficients are for other columns or classes.
    pub fn objective(&self, at: &Coefficients) -> Result<f64> {
        if at.cols != self.x.cols() || at.classes != self.classes {
            return Err(ModelError::Shape {
                what: "the list of weights",
                found: at.weights.len(),
                expected: self.x.cols() * self.outputs(),
            });
        }
        let mut loss = 0.0;
        let mut scores = vec![0.0; self.classes];
        for row in 0..self.x.rows() {
            class_scores(at, self.x.row(row), &mut scores);
            let own = scores[self.labels[row] as usize];
            loss += self.weights[row] * (passes::softmax(&mut scores) - own);
        }
        let squares: f64 = at.weights.iter().map(|w| w * w).sum();
        let sizes: f64 = at.weights.iter().map(|w| w.abs()).sum();
        Ok(loss + 0.5 * self.l2 * squares + self.l1 * sizes)
    }
}

/// The class scores of one row, whose softmax are the probabilities. Columns the model does not
/// know are left out.
pub(crate) fn class_scores(model: &Coefficients, row: Row<'_>, scores: &mut [f64]) {
    let outputs = model.outputs();
    if let [first, second] = scores
        && outputs == 1
    {
        let mut sum = model.intercepts[0];
        row.for_each(|column, value| {
            sum += value * model.weights.get(column).copied().unwrap_or(0.0);
        });
        (*first, *second) = (0.0, sum);
        return;
    }
    scores.copy_from_slice(&model.intercepts);
    row.for_each(|column, value| {
        if column < model.cols {
            for (score, weight) in scores.iter_mut().zip(model.column(column)) {
                *score += value * weight;
            }
        }
    });
}
