//! L-BFGS (Nocedal 1980), ten pairs, with the line search that needs no pass over the matrix.

use std::collections::VecDeque;

use super::{
    passes::{Blocks, TargetRows, axpy, dot},
    point::{Point, Raw},
    problem::{StepProgress, Stop},
};

const PAIRS: usize = 10;

struct Pair<const N: usize> {
    step: Blocks<N>,
    change: Blocks<N>,
    rho: f64,
}

/// The last steps and what they changed in the gradient; its two loops turn an approximation of
/// the inverse Hessian into a better one.
pub(super) struct Pairs<const N: usize>(VecDeque<Pair<N>>);

impl<const N: usize> Pairs<N> {
    pub(super) fn new() -> Pairs<N> {
        Pairs(VecDeque::with_capacity(PAIRS))
    }

    /// Turns minus the gradient into what the approximation is to be applied to.
    pub(super) fn first_loop(&self, d: &mut [[f64; N]]) -> Vec<f64> {
        let mut alphas = Vec::with_capacity(PAIRS);
        for pair in self.0.iter().rev() {
            let alpha = pair.rho * dot(&pair.step, d);
            axpy(-alpha, &pair.change, d);
            alphas.push(alpha);
        }
        alphas
    }

    /// Turns the approximation's answer into the direction.
    pub(super) fn second_loop(&self, alphas: &[f64], d: &mut [[f64; N]]) {
        for (pair, alpha) in self.0.iter().zip(alphas.iter().rev()) {
            let beta = pair.rho * dot(&pair.change, d);
            axpy(alpha - beta, &pair.step, d);
        }
    }

    /// Takes in the step to `point` from where the weights and the gradient were these.
    pub(super) fn push(&mut self, point: &Point<'_, '_, N>, from: Blocks<N>, slope: Blocks<N>) {
        let (mut step, mut change) = (from, slope);
        for (mine, new) in [(&mut step, &point.w), (&mut change, &point.gradient)] {
            for (mine, new) in mine.iter_mut().zip(new) {
                for n in 0..N {
                    mine[n] = new[n] - mine[n];
                }
            }
        }
        let curvature = dot(&step, &change);
        if curvature > 0.0 {
            if self.0.len() == PAIRS {
                self.0.pop_front();
            }
            self.0.push_back(Pair { step, change, rho: 1.0 / curvature });
        }
    }
}

pub(super) fn solve<const N: usize>(
    rows: &TargetRows<'_, N>,
    mut point: Point<'_, '_, N>,
    stop: Stop,
    progress: StepProgress<'_>,
) -> Raw<N> {
    let mut pairs = Pairs::new();
    let mut dz = vec![[0.0; N]; rows.x.rows()];
    let mut iterations = 0;
    loop {
        if let Some(end) = point.finished(iterations, stop) {
            return point.into_raw(end, iterations);
        }
        let mut d: Blocks<N> = point.gradient.iter().map(|g| g.map(|g| -g)).collect();
        let alphas = pairs.first_loop(&mut d);
        let scale = match pairs.0.back() {
            Some(pair) => 1.0 / (pair.rho * dot(&pair.change, &pair.change)),
            None => 1.0 / dot(&d, &d).sqrt().max(1e-300),
        };
        d.iter_mut().flatten().for_each(|d| *d *= scale);
        pairs.second_loop(&alphas, &mut d);
        point.follow(&mut d, &mut dz);
        let (from, slope) = (point.w.clone(), point.gradient.clone());
        let moved = point.search(&d, &dz);
        iterations += 1;
        progress(iterations as u64, 0);
        if moved {
            pairs.push(&point, from, slope);
        } else if pairs.0.is_empty() {
            return point.stuck(iterations, stop);
        } else {
            pairs.0.clear();
        }
    }
}
