//! A point of the ridge-penalised problem and the exact line search from it.

use super::passes::{Blocks, RowState, Rows, Workspace, axpy, dot};

/// A solver's result in its own coordinates.
pub(crate) struct Raw<const N: usize> {
    pub(crate) w: Blocks<N>,
    pub(crate) objective: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) gap: f64,
    pub(crate) iterations: usize,
    pub(crate) passes: f64,
    pub(crate) converged: bool,
}

impl<const N: usize> Raw<N> {
    pub(super) fn new(
        point: Point<'_, '_, N>,
        gap: f64,
        iterations: usize,
        converged: bool,
    ) -> Raw<N> {
        Raw {
            objective: point.objective,
            gradient_norm: point.gradient_norm(),
            passes: point.passes,
            w: point.w,
            gap,
            iterations,
            converged,
        }
    }
}

/// A point, with all that follows from it.
pub(super) struct Point<'r, 'a, const N: usize> {
    pub(super) rows: &'r Rows<'a, N>,
    pub(super) l2: f64,
    pub(super) w: Blocks<N>,
    pub(super) state: RowState<N>,
    pub(super) objective: f64,
    pub(super) gradient: Blocks<N>,
    pub(super) work: Workspace<N>,
    /// Full passes over the matrix so far; a product or a transposed product alone is half of one.
    pub(super) passes: f64,
}

/// Relative change of the objective that rounding alone explains.
const ROUNDING: f64 = 1e-14;

impl<'r, 'a, const N: usize> Point<'r, 'a, N> {
    pub(super) fn new(rows: &'r Rows<'a, N>, l2: f64, w: Blocks<N>) -> Point<'r, 'a, N> {
        let n = rows.x.rows();
        let mut point = Point {
            rows,
            l2,
            state: RowState { z: vec![[0.0; N]; n], p: vec![0.0; n * rows.classes()] },
            objective: 0.0,
            gradient: vec![[0.0; N]; rows.blocks()],
            work: rows.workspace(),
            passes: 1.0,
            w,
        };
        rows.scores(&point.w, &mut point.state.z);
        let loss = rows.loss(&point.state.z, None, &mut point.state.p);
        point.objective = loss + 0.5 * l2 * point.penalised(&point.w, &point.w);
        point.update_gradient();
        point
    }

    /// Inner product over the penalised blocks: all but the intercept.
    pub(super) fn penalised(&self, a: &[[f64; N]], b: &[[f64; N]]) -> f64 {
        let cols = self.rows.x.cols();
        dot(&a[..cols], &b[..cols])
    }

    pub(super) fn update_gradient(&mut self) {
        self.rows.gradient(&self.state.p, &mut self.work, &mut self.gradient);
        let cols = self.rows.x.cols();
        axpy(self.l2, &self.w[..cols], &mut self.gradient[..cols]);
        self.passes += 0.5;
    }

    /// An upper bound of (objective - optimum) / objective.
    ///
    /// With the intercept at its best, what remains is strongly convex with modulus `l2`, so the
    /// gap is at most |g|^2 / (2 l2). The intercept's own gradient is not zero on the way; its
    /// part is bounded by the decrease that a Newton step in the intercept alone would promise.
    pub(super) fn relative_gap(&self) -> f64 {
        let cols = self.rows.x.cols();
        let weights = dot(&self.gradient[..cols], &self.gradient[..cols]) / (2.0 * self.l2);
        let intercept = &self.gradient[cols..];
        let curvature = self.rows.intercept_curvature(&self.state.p);
        let intercept = dot(intercept, intercept) / curvature.max(1e-300);
        (weights + intercept) / self.objective.max(1e-300)
    }

    /// The squared norm of a gradient whose gap is well below `tolerance`.
    pub(super) fn residual_for(&self, tolerance: f64) -> f64 {
        0.2 * tolerance * self.objective.max(0.0) * 2.0 * self.l2
    }

    /// Largest absolute value of the gradient.
    pub(super) fn gradient_norm(&self) -> f64 {
        self.gradient.iter().flatten().fold(0.0, |top: f64, g| top.max(g.abs()))
    }

    /// Moves along `d`, whose `X d` is `dz`, to about the minimum on that line. Costs no pass over
    /// the matrix. Gives false where the line has no decrease left beyond rounding.
    pub(super) fn search(&mut self, d: &[[f64; N]], dz: &[[f64; N]]) -> bool {
        let slope0 = dot(&self.gradient, d);
        if slope0.is_nan() || slope0 >= 0.0 {
            return false;
        }
        let (wd, dd) = (self.penalised(&self.w, d), self.penalised(d, d));
        let ww = self.penalised(&self.w, &self.w);
        let before = self.objective;
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        let mut best = (0.0, before);
        let mut at = f64::NAN;
        for _ in 0..40 {
            at = t;
            let loss = self.rows.loss(&self.state.z, Some((t, dz)), &mut self.state.p);
            let value = loss + 0.5 * self.l2 * (ww + 2.0 * t * wd + t * t * dd);
            let (first, second) = self.rows.slope(&self.state.p, dz);
            let slope = first + self.l2 * (wd + t * dd);
            let curvature = second + self.l2 * dd;
            if value < best.1 {
                best = (t, value);
            }
            let small = slope.abs() <= 0.2 * slope0.abs();
            let decreased = value <= before + 1e-4 * t * slope0;
            let rounding = (value - before).abs() <= ROUNDING * before.abs();
            if value.is_finite() && small && (decreased || rounding) {
                best = (t, value);
                break;
            }
            if slope < 0.0 && value.is_finite() {
                low = t;
            } else {
                high = t;
            }
            // A Newton step on the line, kept inside the bracket.
            let step = t - slope / curvature.max(1e-300);
            let inside = step.is_finite() && step > low && step < high;
            t = match (inside, high.is_finite()) {
                (true, true) => step,
                (true, false) => step.min(8.0 * t),
                (false, true) => 0.5 * (low + high),
                (false, false) => 4.0 * t,
            };
        }
        let moved = best.0 > 0.0;
        if moved {
            axpy(best.0, d, &mut self.w);
            axpy(best.0, dz, &mut self.state.z);
            self.objective = best.1;
        }
        if at != best.0 {
            self.rows.loss(&self.state.z, None, &mut self.state.p);
        }
        moved
    }
}
