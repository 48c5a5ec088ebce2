//! Truncated Newton: preconditioned conjugate gradients inside, an exact line search outside, on all
//! rows or, for many rows, on a sample of them. The intercept is not among their unknowns
//! ([`super::coupling`]).
//!
//! Gradient, objective and line search see every row. A pass over the matrix gives a Hessian
//! product, and half a pass the direction's scores, after which the line search is free: an
//! iteration costs little more than its conjugate gradients. After Steihaug (1983), Nash and Sofer's
//! truncation as in LIBLINEAR (Hsia, Chiang and Lin 2018).
//!
//! With [`super::sample`] only the Hessian is of about a tenth of the rows, drawn anew in every
//! iteration. The Newton step on it stands where L-BFGS has its initial matrix, and the last pairs
//! mend what the sample got wrong. If the gap does not fall the sample doubles, until it is all rows.

use std::collections::VecDeque;

use super::{
    cg::{Cg, Enough},
    chunks::RowSet,
    coupling::Coupling,
    lbfgs::Pairs,
    passes::{Blocks, TargetRows, dot},
    point::{Point, Raw},
    precondition::{Preconditioner, Together, diagonal},
    problem::{StepProgress, Stop},
    sample::sample,
};

/// The residual at which the inner iteration stops is at most this share of the gradient.
const FORCING: f64 = 0.3;
/// It is this much of the square of the share that the last iteration left of the gradient (Eisenstat and
/// Walker 1996, choice 2).
const SQUARED_FORCING: f64 = 0.9;

/// The sample's share of the rows at first, and its least number of rows.
const SHARE: f64 = 0.1;
const LEAST_ROWS: f64 = 2_000.0;
/// Preconditioned residual of the inner solution on a sample, relative to the first: it deserves no more.
const SAMPLE_FORCING: f64 = 0.7;
/// The gap has to halve within as many iterations, or the sample doubles.
const PATIENCE: usize = 5;

/// How many rows the next sample has.
struct Sampling {
    wanted: f64,
    gaps: VecDeque<f64>,
}

impl Sampling {
    /// Doubles the sample where the gap no longer falls; false where it would be most rows.
    fn goes_on(&mut self, gap: f64, rows: usize) -> bool {
        let stalls = |before: f64| gap.is_nan() || gap > 0.5 * before;
        if self.gaps.len() == PATIENCE && self.gaps.pop_front().is_some_and(stalls) {
            self.wanted *= 2.0;
            self.gaps.clear();
        }
        self.gaps.push_back(gap);
        2.0 * self.wanted <= rows as f64
    }
}

/// Goes from `point` to the optimum, on samples as long as they serve if `sampled`.
pub(super) fn solve<const N: usize>(
    rows: &TargetRows<'_, N>,
    mut point: Point<'_, '_, N>,
    sampled: bool,
    stop: Stop,
    progress: StepProgress<'_>,
) -> Raw<N> {
    let (l2, n) = (point.penalty.l2, rows.x.rows());
    let entries = rows.x.indptr()[n].max(1) as f64;
    let wanted = (SHARE * n as f64).max(LEAST_ROWS);
    let mut sampling = sampled.then(|| Sampling { wanted, gaps: VecDeque::new() });
    let mut cg = Cg::new(rows.blocks());
    let mut pairs = Pairs::new();
    let mut together = None;
    let mut dz = vec![[0.0; N]; n];
    let mut before: Option<f64> = None;
    let mut iterations = 0;
    loop {
        if let Some(end) = point.finished(iterations, stop) {
            return point.into_raw(end, iterations);
        }
        if sampling.as_mut().is_some_and(|s| !s.goes_on(point.gap(), n)) {
            (sampling, pairs) = (None, Pairs::new());
        }
        let picked = sampling.as_ref().map(|sampling| {
            let size = rows.curvatures(&point.state.p);
            let (picked, scale) = sample(&size, sampling.wanted, iterations);
            RowSet::new(rows.x, picked, rows.weights, Some(&scale))
        });
        let (set, enough) = match &picked {
            Some(set) => (set, Enough { ratio: SAMPLE_FORCING, square: 0.0 }),
            None => {
                let norm = dot(&point.gradient, &point.gradient).sqrt();
                let left = before.replace(norm).map_or(1.0, |before| norm / before);
                let residual = norm * (SQUARED_FORCING * left * left).min(FORCING);
                let square = (residual * residual).max(point.residual_for(stop.tolerance));
                (rows.all(), Enough { ratio: 0.0, square })
            }
        };
        let share = set.entries(rows.x) as f64 / entries;
        let p = &point.state.p;
        let diagonal = diagonal(rows, set, p, l2, &mut point.work);
        let together = together.get_or_insert_with(|| {
            point.passes += 1.0;
            Together::of(rows, &diagonal, l2)
        });
        let coupling = Coupling::of(rows, set, p, &mut point.work);
        point.passes += share * 0.5 * N as f64;
        let precondition = Preconditioner::new(rows, set, p, l2, diagonal, together);
        let mut right: Blocks<N> = point.gradient.iter().map(|g| g.map(|g| -g)).collect();
        let alphas = pairs.first_loop(&mut right);
        let steps =
            cg.solve(rows, set, p, l2, &right, &coupling, &precondition, enough, &mut point.work);
        point.passes += share * (0.5 + steps as f64);
        pairs.second_loop(&alphas, &mut cg.d);
        point.follow(&mut cg.d, &mut dz);
        let (from, slope) = (point.w.clone(), point.gradient.clone());
        let moved = point.search(&cg.d, &dz);
        iterations += 1;
        progress(iterations as u64, 0);
        match (moved, sampling.is_some()) {
            (true, true) => pairs.push(&point, from, slope),
            (true, false) => {}
            (false, true) => (sampling, pairs) = (None, Pairs::new()),
            (false, false) => return point.stuck(iterations, stop),
        }
    }
}
