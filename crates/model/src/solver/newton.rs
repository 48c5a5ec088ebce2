//! Truncated Newton: preconditioned conjugate gradients inside, an exact line search outside.
//!
//! A pass over the matrix gives a Hessian product, and half a pass the direction's scores, after
//! which the line search is free: an iteration costs little more than its conjugate gradients.
//! After Steihaug (1983), Nash and Sofer's truncation as in LIBLINEAR (Hsia, Chiang and Lin 2018).

use super::{
    cg::{Cg, Enough, with_penalty},
    passes::Rows,
    point::{Point, Raw},
    problem::Stop,
};

/// Least and greatest residual, relative to the first, at which the inner iteration stops.
const FORCING: (f64, f64) = (0.01, 0.3);

/// Goes from `point`, which has `iterations` behind it, to the optimum.
pub(super) fn solve<const N: usize>(
    rows: &Rows<'_, N>,
    mut point: Point<'_, '_, N>,
    mut iterations: usize,
    stop: Stop,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Raw<N> {
    let (l2, cols) = (point.l2, rows.x.cols());
    let all = rows.all();
    let mut cg = Cg::new(rows.blocks());
    let mut diagonal = vec![[0.0; N]; rows.blocks()];
    let mut right = vec![[0.0; N]; rows.blocks()];
    let mut dz = vec![[0.0; N]; rows.x.rows()];
    let first_norm = point.gradient_norm();
    loop {
        let gap = point.relative_gap();
        let converged = gap <= stop.tolerance;
        if converged || iterations >= stop.max_iterations || !point.objective.is_finite() {
            return Raw::new(point, gap, iterations, converged);
        }
        rows.diagonal(all, &point.state.p, &mut point.work, &mut diagonal);
        with_penalty(&mut diagonal, cols, l2);
        for (r, g) in right.iter_mut().zip(&point.gradient) {
            *r = g.map(|g| -g);
        }
        let enough = Enough {
            ratio: (point.gradient_norm() / first_norm).sqrt().clamp(FORCING.0, FORCING.1),
            square: point.residual_for(stop.tolerance),
        };
        let p = &point.state.p;
        let steps = cg.solve(rows, all, p, l2, &right, &diagonal, enough, &mut point.work);
        rows.scores(&cg.d, &mut dz);
        point.passes += 1.0 + steps as f64;
        let moved = point.search(&cg.d, &dz);
        iterations += 1;
        progress(iterations as u64, 0);
        point.update_gradient();
        if !moved {
            let gap = point.relative_gap();
            return Raw::new(point, gap, iterations, gap <= stop.tolerance);
        }
    }
}
