//! L-BFGS (Nocedal 1980), ten pairs, with the line search that needs no pass over the matrix.

use std::collections::VecDeque;

use super::{
    descent::Point,
    passes::{Blocks, Rows, axpy, dot},
    spec::{Raw, Stop},
};

const PAIRS: usize = 10;

struct Pair<const N: usize> {
    step: Blocks<N>,
    change: Blocks<N>,
    rho: f64,
}

pub(super) fn solve<const N: usize>(
    rows: &Rows<'_, N>,
    l2: f64,
    start: Blocks<N>,
    stop: Stop,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Raw<N> {
    let mut point = Point::new(rows, l2, start);
    let mut pairs: VecDeque<Pair<N>> = VecDeque::new();
    let mut dz = vec![[0.0; N]; rows.x.rows()];
    let mut diagonal = vec![[0.0; N]; rows.blocks()];
    rows.diagonal(&point.state.p, &mut point.work, &mut diagonal);
    let mut iterations = 0;
    loop {
        let gap = point.relative_gap(Point::intercept_curvature(&diagonal));
        let converged = gap <= stop.tolerance;
        if converged || iterations >= stop.max_iterations || !point.objective.is_finite() {
            return Raw::new(point, gap, iterations, converged);
        }
        let mut d: Blocks<N> = point.gradient.iter().map(|g| g.map(|g| -g)).collect();
        let mut alphas = Vec::with_capacity(PAIRS);
        for pair in pairs.iter().rev() {
            let alpha = pair.rho * dot(&pair.step, &d);
            axpy(-alpha, &pair.change, &mut d);
            alphas.push(alpha);
        }
        let scale = match pairs.back() {
            Some(pair) => 1.0 / (pair.rho * dot(&pair.change, &pair.change)),
            None => 1.0 / dot(&d, &d).sqrt().max(1e-300),
        };
        d.iter_mut().flatten().for_each(|d| *d *= scale);
        for (pair, alpha) in pairs.iter().zip(alphas.iter().rev()) {
            let beta = pair.rho * dot(&pair.change, &d);
            axpy(alpha - beta, &pair.step, &mut d);
        }
        rows.scores(&d, &mut dz);
        point.passes += 0.5;
        let (from, slope) = (point.w.clone(), point.gradient.clone());
        let moved = point.search(&d, &dz);
        point.update_gradient();
        iterations += 1;
        progress(iterations as u64, 0);
        if !moved {
            if pairs.is_empty() {
                let gap = point.relative_gap(Point::intercept_curvature(&diagonal));
                return Raw::new(point, gap, iterations, gap <= stop.tolerance);
            }
            pairs.clear();
            continue;
        }
        let mut step = point.w.clone();
        axpy(-1.0, &from, &mut step);
        let mut change = point.gradient.clone();
        axpy(-1.0, &slope, &mut change);
        let curvature = dot(&step, &change);
        if curvature > 0.0 {
            if pairs.len() == PAIRS {
                pairs.pop_front();
            }
            pairs.push_back(Pair { step, change, rho: 1.0 / curvature });
        }
        if iterations % 20 == 0 {
            rows.diagonal(&point.state.p, &mut point.work, &mut diagonal);
            point.passes += 0.5;
        }
    }
}
