//! The solvers by name, and the one function that runs them.

use std::{fmt, str::FromStr};

use clawsig_schema::UnknownLabel;
use serde::{Deserialize, Serialize};

use super::{
    centre,
    chunks::Moments,
    coefficients::Coefficients,
    lbfgs, linfa_dense, newton,
    passes::{Blocks, TargetRows, offset_of},
    point::{Penalty, Point, Raw},
    problem::{MAX_CLASSES, Problem, Solution, SolverReport, StepProgress, Stop},
    proximal,
};
use crate::error::{ModelError, Result};

/// A way to the optimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// [`Solver::SampledNewton`] without, [`Solver::ProximalNewton`] with an L1 penalty.
    #[default]
    Auto,
    /// Newton steps on a sample of the rows, corrected by L-BFGS, for a ridge penalty and many
    /// rows. With too few rows to sample it is [`Solver::NewtonCg`].
    SampledNewton,
    /// Truncated Newton with preconditioned conjugate gradients, for a ridge penalty.
    NewtonCg,
    /// L-BFGS, for a ridge penalty.
    Lbfgs,
    /// Proximal Newton by coordinate descent, for penalties with an L1 part.
    ProximalNewton,
    /// linfa-logistic's L-BFGS on a dense copy of the matrix, as a cross-check: a ridge penalty,
    /// unit weights, no start, and at most 64 million cells.
    Linfa,
}

impl Solver {
    /// Every solver.
    pub const ALL: &'static [Solver] = &[
        Solver::Auto,
        Solver::SampledNewton,
        Solver::NewtonCg,
        Solver::Lbfgs,
        Solver::ProximalNewton,
        Solver::Linfa,
    ];
    /// The names of [`Solver::ALL`], in the same order, as a profile writes them.
    pub const NAMES: &'static [&'static str] =
        &["auto", "sampled-newton", "newton-cg", "lbfgs", "proximal-newton", "linfa"];

    /// The name a profile uses.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The solver that runs for a penalty with or without an L1 part.
    const fn resolve(self, l1: bool) -> Solver {
        match self {
            Solver::Auto if l1 => Solver::ProximalNewton,
            Solver::Auto => Solver::SampledNewton,
            other => other,
        }
    }
}

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Solver {
    type Err = UnknownLabel;

    fn from_str(text: &str) -> std::result::Result<Solver, UnknownLabel> {
        Solver::ALL.iter().copied().find(|solver| solver.as_str() == text).ok_or_else(|| {
            UnknownLabel { kind: "solver", found: text.to_owned(), expected: Solver::NAMES }
        })
    }
}

impl Problem<'_> {
    /// Minimises the objective with a solver, from `start` if there is one.
    ///
    /// # Errors
    /// If the solver can't take this penalty, these weights or a start, or the objective is not
    /// finite. Not reaching the optimum is no error: the report says so.
    pub fn solve(
        &self,
        solver: Solver,
        start: Option<&Coefficients>,
        stop: Stop,
        progress: StepProgress<'_>,
    ) -> Result<Solution> {
        if let Some(start) = start {
            self.check_shape("the start's list of weights", start)?;
        }
        if !(stop.tolerance > 0.0 && stop.tolerance < 1.0) {
            return Err(ModelError::Parameter {
                name: "tolerance",
                value: stop.tolerance.to_string(),
                expected: "a number above 0 and below 1",
            });
        }
        self.check_optimum()?;
        let solver = solver.resolve(self.l1 > 0.0);
        if self.l1 > 0.0 && solver != Solver::ProximalNewton {
            return Err(ModelError::Unsupported {
                solver: solver.as_str(),
                what: "take an L1 penalty",
            });
        }
        if solver == Solver::Linfa {
            if start.is_some() {
                return Err(ModelError::Unsupported {
                    solver: solver.as_str(),
                    what: "begin at a given start",
                });
            }
            let coefficients = linfa_dense::solve(self, stop, progress)?;
            // linfa says nothing of where it got to, so its end point is measured here.
            let once = Stop { max_iterations: 0, ..stop };
            let mut measured = self.solve(Solver::NewtonCg, Some(&coefficients), once, progress)?;
            let report = &mut measured.report;
            (report.iterations, report.passes) = (None, None);
            report.solver = solver.as_str().to_owned();
            return Ok(measured);
        }
        let width = match (self.classes, self.l1 > 0.0) {
            (2, _) => 1,
            (classes, true) => classes,
            (classes, false) => classes - 1,
        };
        // Inside the pool, so that a pass need not enter it. Two to four classes, which every target
        // has, have just their width; more have one for all.
        rayon::scope(|_| match width {
            1 => run::<1>(solver, self, start, stop, progress),
            2 => run::<2>(solver, self, start, stop, progress),
            3 => run::<3>(solver, self, start, stop, progress),
            4 => run::<4>(solver, self, start, stop, progress),
            _ => run::<MAX_CLASSES>(solver, self, start, stop, progress),
        })
    }
}

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

fn to_blocks<const N: usize>(
    c: &Coefficients,
    rows: &TargetRows<'_, N>,
    shift: &[f64],
) -> Blocks<N> {
    let block = |outputs: &[f64]| {
        let mut block = [0.0; N];
        if let [single] = outputs {
            block[0] = *single;
        } else {
            for (output, q) in outputs.iter().zip(&rows.basis) {
                for n in 0..N {
                    block[n] += output * q[n];
                }
            }
        }
        block
    };
    let mut blocks: Blocks<N> = (0..c.cols).map(|column| block(c.column(column))).collect();
    let (offset, far, mut last) =
        (rows.offset(&blocks), offset_of(shift, &blocks), block(&c.intercepts));
    (0..N).for_each(|n| last[n] += offset[n] + far[n]);
    blocks.push(last);
    blocks
}

fn of_blocks<const N: usize>(
    blocks: &[[f64; N]],
    rows: &TargetRows<'_, N>,
    shift: &[f64],
) -> Coefficients {
    let q = &rows.basis;
    let classes = q.len();
    let cols = blocks.len() - 1;
    let (offset, far) = (rows.offset(blocks), offset_of(shift, blocks));
    let last = std::array::from_fn(|n| blocks[cols][n] - offset[n] - far[n]);
    let outputs = |block: &[f64; N]| -> Vec<f64> {
        if classes == 2 {
            vec![block[0]]
        } else {
            q.iter().map(|q| (0..N).map(|n| q[n] * block[n]).sum()).collect()
        }
    };
    let mut intercepts = outputs(&last);
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
    solver: Solver,
    problem: &Problem<'_>,
    start: Option<&Coefficients>,
    stop: Stop,
    progress: StepProgress<'_>,
) -> Result<Solution> {
    let q = basis::<N>(problem);
    let mut moments = problem.intercept.then(|| Moments::of(problem.x, &problem.weights));
    let copy = moments.as_ref().and_then(|moments| centre::shifted(problem.x, moments));
    let (x, shift) = match &copy {
        Some((copy, shift)) => {
            moments = Some(Moments::of(copy.into(), &problem.weights));
            (copy.into(), &shift[..])
        }
        None => (problem.x, &[][..]),
    };
    let rows = TargetRows::new(x, problem.labels, &problem.weights, q, moments);
    let penalty = Penalty { l1: problem.l1, l2: problem.l2 };
    let point = Point::new(&rows, penalty, start.map(|start| to_blocks(start, &rows, shift)));
    let raw: Raw<N> = match solver {
        Solver::NewtonCg => newton::solve(&rows, point, false, stop, progress),
        Solver::Lbfgs => lbfgs::solve(&rows, point, stop, progress),
        Solver::ProximalNewton => proximal::solve(&rows, point, stop, progress),
        Solver::Auto | Solver::SampledNewton | Solver::Linfa => {
            newton::solve(&rows, point, true, stop, progress)
        }
    };
    if !raw.objective.is_finite() {
        return Err(ModelError::Diverged { iterations: raw.iterations });
    }
    Ok(Solution {
        coefficients: of_blocks(&raw.w, &rows, shift),
        report: SolverReport {
            solver: solver.as_str().to_owned(),
            objective: raw.objective,
            gradient_norm: raw.gradient_norm,
            relative_gap: raw.gap,
            iterations: Some(raw.iterations as u64),
            passes: Some(raw.passes),
            converged: raw.converged,
        },
    })
}
