//! Truncated Newton: preconditioned conjugate gradients inside, an exact line search outside.
//!
//! One pass over the matrix gives a Hessian product and the direction's scores together, so the
//! line search is free and an iteration costs what its conjugate gradients cost.
//! After Steihaug (1983), Nash and Sofer's truncation as in LIBLINEAR (Hsia, Chiang and Lin 2018).

use super::{
    descent::Point,
    passes::{Blocks, Rows, axpy, dot},
    spec::{Raw, Stop},
};

/// Conjugate-gradient steps within one Newton step.
const INNER_LIMIT: usize = 400;

pub(super) fn solve<const N: usize>(
    rows: &Rows<'_, N>,
    l2: f64,
    start: Blocks<N>,
    stop: Stop,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Raw<N> {
    let mut point = Point::new(rows, l2, start);
    let blocks = rows.blocks();
    let cols = rows.x.cols();
    let n = rows.x.rows();
    let mut diagonal = vec![[0.0; N]; blocks];
    let mut d = vec![[0.0; N]; blocks];
    let mut r = vec![[0.0; N]; blocks];
    let mut y = vec![[0.0; N]; blocks];
    let mut s = vec![[0.0; N]; blocks];
    let mut hs = vec![[0.0; N]; blocks];
    let mut dz = vec![[0.0; N]; n];
    let mut xs = vec![[0.0; N]; n];
    let mut iterations = 0;
    let first_norm = point.gradient_norm();
    loop {
        rows.diagonal(&point.state.p, &mut point.work, &mut diagonal);
        point.passes += 0.5;
        let gap = point.relative_gap(Point::intercept_curvature(&diagonal));
        let converged = gap <= stop.tolerance;
        if converged || iterations >= stop.max_iterations || !point.objective.is_finite() {
            return Raw::new(point, gap, iterations, converged);
        }
        for (at, block) in diagonal.iter_mut().enumerate() {
            for h in block {
                *h += if at < cols { l2 } else { 0.0 };
                if *h <= 0.0 {
                    *h = 1.0;
                }
            }
        }
        let precondition = |r: &[[f64; N]], y: &mut [[f64; N]]| {
            for ((y, r), h) in y.iter_mut().zip(r).zip(&diagonal) {
                for n in 0..N {
                    y[n] = r[n] / h[n];
                }
            }
        };
        d.fill([0.0; N]);
        dz.fill([0.0; N]);
        for (r, g) in r.iter_mut().zip(&point.gradient) {
            *r = g.map(|g| -g);
        }
        precondition(&r, &mut y);
        s.copy_from_slice(&y);
        let mut ry = dot(&r, &y);
        let target = ry * {
            let ratio = (point.gradient_norm() / first_norm).sqrt().clamp(FORCING.0, FORCING.1);
            ratio * ratio
        };
        for _ in 0..INNER_LIMIT {
            rows.hessian(&point.state.p, &s, &mut xs, &mut point.work, &mut hs);
            point.passes += 1.0;
            axpy(l2, &s[..cols], &mut hs[..cols]);
            let curvature = dot(&s, &hs);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let alpha = ry / curvature;
            axpy(alpha, &s, &mut d);
            axpy(alpha, &xs, &mut dz);
            axpy(-alpha, &hs, &mut r);
            precondition(&r, &mut y);
            let next = dot(&r, &y);
            if next <= target {
                break;
            }
            let beta = next / ry;
            ry = next;
            for (s, y) in s.iter_mut().zip(&y) {
                for n in 0..N {
                    s[n] = y[n] + beta * s[n];
                }
            }
        }
        let moved = point.search(&d, &dz);
        iterations += 1;
        progress(iterations as u64, 0);
        point.update_gradient();
        if !moved {
            let gap = point.relative_gap(Point::intercept_curvature(&diagonal));
            return Raw::new(point, gap, iterations, gap <= stop.tolerance);
        }
    }
}

/// Least and greatest residual, relative to the first, at which the inner iteration stops.
const FORCING: (f64, f64) = (0.01, 0.3);
