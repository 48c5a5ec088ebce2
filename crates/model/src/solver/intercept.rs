//! The intercept at its optimum for given weights.
//!
//! The intercept is not penalised, so a column with a mean is nearly a copy of it, and a bound that
//! looks at weights and intercept apart says nothing. Here it is profiled out: after every step it
//! is solved for by Newton's method, which looks at the rows' scores alone and costs no pass over
//! the matrix. What the solvers minimise is then a function of the weights.

use super::passes::{RowState, TargetRows};

/// The most Newton steps, and halvings of one.
const STEPS: usize = 100;
const HALVINGS: usize = 60;
/// The longest step, in a score.
const LONGEST: f64 = 20.0;
/// The longest that tells how far the optimum is.
const NEAR: f64 = 0.01;
/// The Newton step, relative to the intercept, at which it counts as reached.
const ENOUGH: f64 = 1e-12;

/// How well the intercept is solved for, and its curvature there.
pub(super) struct Intercept<const N: usize> {
    /// The size of the next Newton step: how far the optimum is.
    pub(super) distance: f64,
    /// What that step would decrease the loss by, twice.
    pub(super) decrement: f64,
    factor: Cholesky<N>,
}

impl<const N: usize> Intercept<N> {
    /// Of a problem without an intercept.
    pub(super) const NONE: Intercept<N> = Intercept {
        distance: 0.0,
        decrement: 0.0,
        factor: Cholesky { lower: [[0.0; N]; N], joint: 0 },
    };

    /// Moves the intercept `b`, and scores and probabilities with it, from where the loss is this to
    /// the optimum. Gives the loss there.
    pub(super) fn settle(
        rows: &TargetRows<'_, N>,
        mut loss: f64,
        b: &mut [f64; N],
        state: &mut RowState<N>,
    ) -> (f64, Intercept<N>) {
        if !rows.intercept {
            return (loss, Intercept::NONE);
        }
        let mut steps = 0;
        loop {
            let (residual, curvature) = rows.of_intercept(&state.p);
            let factor = Cholesky::of(curvature, rows.joint());
            let step = factor.solve(residual).map(|d| -d);
            let largest = |v: &[f64; N]| v.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
            // Where all scores are beyond the range of `exp` there is no curvature to go by.
            let known = factor.product(step);
            let blind = (0..N).any(|n| (residual[n] + known[n]).abs() > 1e-9 * rows.total);
            let distance = if blind { f64::INFINITY } else { largest(&step) };
            let decrement: f64 = -(0..N).map(|n| residual[n] * step[n]).sum::<f64>();
            let reached = distance <= ENOUGH * (1.0 + largest(b));
            if reached || steps == STEPS || !distance.is_finite() {
                // A long step is no measure of the distance.
                let distance = if distance > NEAR { f64::INFINITY } else { distance };
                return (loss, Intercept { distance, decrement: decrement.abs(), factor });
            }
            // A longer step, from where the curvature is next to nothing, would cost the scores
            // their digits even if it was taken back.
            let mut t = (LONGEST / distance).min(1.0);
            let mut moved = 0.0;
            for halving in 0..HALVINGS {
                // Not at all, where no step leads down.
                let to = if halving + 1 == HALVINGS { 0.0 } else { t };
                for z in &mut state.z {
                    (0..N).for_each(|n| z[n] += (to - moved) * step[n]);
                }
                moved = to;
                let value = rows.loss(&state.z, None, &mut state.p);
                if value <= loss - 1e-4 * t * decrement || (value - loss).abs() <= 1e-15 * loss {
                    loss = value;
                    break;
                }
                t *= 0.5;
            }
            (0..N).for_each(|n| b[n] += moved * step[n]);
            steps = if moved == 0.0 { STEPS } else { steps + 1 };
        }
    }

    /// The change of the intercept that keeps it at its optimum, to first order, where the scores
    /// change by `dz`.
    pub(super) fn response(
        &self,
        rows: &TargetRows<'_, N>,
        p: &[f64],
        dz: &[[f64; N]],
    ) -> [f64; N] {
        self.factor.solve(rows.pull(p, dz)).map(|d| -d)
    }

    /// The inverse of the curvature times `v`.
    pub(super) fn solve(&self, v: [f64; N]) -> [f64; N] {
        self.factor.solve(v)
    }
}

/// A Cholesky factor of a small matrix. A direction without curvature has 0 on the diagonal.
pub(super) struct Cholesky<const N: usize> {
    lower: [[f64; N]; N],
    /// The first so many scores rise together without curvature. A solution has nothing in that
    /// direction: over many steps it would grow and take the scores' digits.
    joint: usize,
}

impl<const N: usize> Cholesky<N> {
    pub(super) fn of(a: [[f64; N]; N], joint: usize) -> Cholesky<N> {
        let mut l = [[0.0; N]; N];
        for n in 0..N {
            for m in 0..=n {
                let rest = a[n][m] - (0..m).map(|k| l[n][k] * l[m][k]).sum::<f64>();
                if m < n {
                    l[n][m] = if l[m][m] > 0.0 { rest / l[m][m] } else { 0.0 };
                } else if rest > 1e-13 * a[n][n] {
                    l[n][n] = rest.sqrt();
                }
            }
        }
        Cholesky { lower: l, joint }
    }

    /// The matrix times `v`.
    fn product(&self, v: [f64; N]) -> [f64; N] {
        let l = &self.lower;
        let half: [f64; N] = std::array::from_fn(|m| (m..N).map(|n| l[n][m] * v[n]).sum());
        std::array::from_fn(|n| (0..=n).map(|m| l[n][m] * half[m]).sum())
    }

    /// The inverse of the matrix times `v`.
    pub(super) fn solve(&self, mut v: [f64; N]) -> [f64; N] {
        let l = &self.lower;
        for n in 0..N {
            let rest = v[n] - (0..n).map(|m| l[n][m] * v[m]).sum::<f64>();
            v[n] = if l[n][n] > 0.0 { rest / l[n][n] } else { 0.0 };
        }
        for n in (0..N).rev() {
            let rest = v[n] - (n + 1..N).map(|m| l[m][n] * v[m]).sum::<f64>();
            v[n] = if l[n][n] > 0.0 { rest / l[n][n] } else { 0.0 };
        }
        let mean = v[..self.joint].iter().sum::<f64>() / self.joint.max(1) as f64;
        v[..self.joint].iter_mut().for_each(|v| *v -= mean);
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_solved_for_what_it_gives() {
        let a = [[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]];
        let factor = Cholesky::of(a, 0);
        let v = [1.0, -2.0, 0.25];
        let product: [f64; 3] = std::array::from_fn(|n| (0..3).map(|m| a[n][m] * v[m]).sum());
        for (found, expected) in [(factor.product(v), product), (factor.solve(product), v)] {
            assert!((0..3).all(|n| (found[n] - expected[n]).abs() < 1e-14), "{found:?}");
        }
    }

    /// The curvature of three classes' scores: none where all rise together.
    #[test]
    fn a_direction_without_curvature_is_left_alone() {
        let a = [[0.5, -0.3, -0.2], [-0.3, 0.4, -0.1], [-0.2, -0.1, 0.3]];
        let factor = Cholesky::of(a, 3);
        let right = [0.7, -0.5, -0.2];
        let found = factor.solve(right);
        assert!(found.iter().sum::<f64>().abs() < 1e-15, "{found:?}");
        let product = factor.product(found);
        assert!((0..3).all(|n| (product[n] - right[n]).abs() < 1e-14), "{found:?} {product:?}");
    }
}
