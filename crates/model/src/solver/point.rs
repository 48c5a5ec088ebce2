//! A point of the problem with the intercept at its optimum, the exact line search from it, and the
//! bound of its distance to the optimum.
//!
//! # The bound
//!
//! The objective is `sum_i c_i loss_i(s_i) + sum_j g(w_j)` with scores `s_i = X_i w + b`. Fenchel's
//! inequality (Rockafellar 1970, section 31) gives a lower bound of the optimum for every choice of
//! probabilities `q_i`, one distribution over the classes a row, that the unpenalised intercept
//! allows: the class masses must be those of the labels, `sum_i c_i q_i = sum_i c_i y_i`. With
//! `u = -sum_i c_i X_i (q_i - y_i)` and `p_i = softmax(s_i)` the gap between the objective and that
//! bound is
//!
//! `sum_i c_i KL(q_i | p_i) + sum_j (g(w_j) + g*(u_j) - u_j w_j)`,
//!
//! a sum of numbers that are not negative, so nothing cancels. The model's own probabilities have
//! the right class masses exactly where the intercept is at its optimum for these weights, which is
//! why [`super::intercept`] solves for it before every bound. The first sum is then 0. (What is
//! left of the distance to that optimum, and rounding, are added to the bound.) For a ridge
//! penalty the second is `|gradient|^2 / (2 l2)`. With an L1 part `g*` may be infinite; there
//! `q_i = t p_i + (1 - t) y_i` is tried too, which keeps the class masses and shrinks `u` by `t`
//! until no `u_j` is beyond the penalty (Ndiaye, Fercoq, Gramfort and Salmon 2017, section 3).

use super::{
    intercept::Intercept,
    passes::{Blocks, RowState, TargetRows, Workspace, axpy, dot},
    problem::Stop,
};

/// A solver's result in its own coordinates.
pub(super) struct Raw<const N: usize> {
    pub(super) w: Blocks<N>,
    pub(super) objective: f64,
    pub(super) gradient_norm: f64,
    pub(super) gap: f64,
    pub(super) iterations: usize,
    pub(super) passes: f64,
    pub(super) converged: bool,
}

/// The sizes of the two penalties.
#[derive(Clone, Copy)]
pub(super) struct Penalty {
    pub(super) l1: f64,
    pub(super) l2: f64,
}

/// A point, with all that follows from it.
pub(super) struct Point<'r, 'a, const N: usize> {
    pub(super) rows: &'r TargetRows<'a, N>,
    pub(super) penalty: Penalty,
    pub(super) w: Blocks<N>,
    pub(super) state: RowState<N>,
    pub(super) objective: f64,
    /// Of the smooth part: the loss and the ridge penalty. The intercept's block is 0.
    pub(super) gradient: Blocks<N>,
    pub(super) work: Workspace<N>,
    /// Full passes over the matrix so far; a product or a transposed product alone is half of one.
    pub(super) passes: f64,
    /// The loss's curvature in the intercept.
    pub(super) intercept: Intercept<N>,
    /// Whether the scores were computed from the weights, not from the steps since.
    fresh: bool,
    /// Steps since the objective last fell.
    stalled: usize,
}

/// Relative change of the objective that rounding alone explains.
const ROUNDING: f64 = 1e-14;

/// Steps without a decrease of the objective after which rounding is all that is left.
const STALLED: usize = 10;

/// What a score may be off by in rounding, relative to the largest number in its sum.
const EPSILON: f64 = 8.0 * f64::EPSILON;

impl<'r, 'a, const N: usize> Point<'r, 'a, N> {
    pub(super) fn new(
        rows: &'r TargetRows<'a, N>,
        penalty: Penalty,
        start: Option<Blocks<N>>,
    ) -> Point<'r, 'a, N> {
        let n = rows.x.rows();
        let mut point = Point {
            rows,
            penalty,
            w: vec![[0.0; N]; rows.blocks()],
            state: RowState { z: vec![[0.0; N]; n], p: vec![0.0; n * rows.classes()] },
            objective: 0.0,
            gradient: vec![[0.0; N]; rows.blocks()],
            work: rows.workspace(),
            // The columns' means.
            passes: 0.5,
            intercept: Intercept::NONE,
            fresh: true,
            stalled: 0,
        };
        if let Some(start) = start {
            point.w = start;
            point.refresh();
            // A start that is worse than none, or beyond all range, is none.
            if point.objective <= rows.entropy() {
                return point;
            }
            point.w.fill([0.0; N]);
        }
        let shares = rows.log_shares();
        point.w[rows.x.cols()] = shares;
        point.state.z.fill(shares);
        let loss = point.loss();
        point.evaluate(loss);
        point
    }

    /// Computes the scores from the weights, and all that follows.
    fn refresh(&mut self) {
        self.rows.scores(&self.w, &mut self.state.z);
        self.passes += 0.5;
        let loss = self.loss();
        self.evaluate(loss);
        self.fresh = true;
    }

    /// The loss and the probabilities, from the scores.
    fn loss(&mut self) -> f64 {
        self.rows.loss(&self.state.z, None, &mut self.state.p)
    }

    /// Solves for the intercept from where the loss is this, and computes objective and gradient.
    fn evaluate(&mut self, loss: f64) {
        let cols = self.rows.x.cols();
        let (loss, intercept) =
            Intercept::settle(self.rows, loss, &mut self.w[cols], &mut self.state);
        self.objective = loss + self.penalty_at(&self.w);
        self.intercept = intercept;
        self.rows.gradient(&self.state.p, &mut self.work, &mut self.gradient);
        axpy(self.penalty.l2, &self.w[..cols], &mut self.gradient[..cols]);
        self.gradient[cols] = [0.0; N];
        self.passes += 0.5;
    }

    fn penalty_at(&self, w: &[[f64; N]]) -> f64 {
        let Penalty { l1, l2 } = self.penalty;
        let w = &w[..self.rows.x.cols()];
        let sizes: f64 = if l1 > 0.0 { w.iter().flatten().map(|w| w.abs()).sum() } else { 0.0 };
        l1 * sizes + 0.5 * l2 * dot(w, w)
    }

    /// The result if there is nothing left to do: the optimum is reached to `stop.tolerance`, or the
    /// iterations are used up. It is that of a point computed anew.
    pub(super) fn finished(&mut self, iterations: usize, stop: Stop) -> Option<(f64, bool)> {
        let given_up = iterations >= stop.max_iterations
            || self.stalled >= STALLED
            || !self.objective.is_finite();
        let mut gap = self.relative_gap();
        if (given_up || gap <= stop.tolerance) && !self.fresh {
            self.refresh();
            gap = self.relative_gap();
        }
        let converged = gap <= stop.tolerance;
        (converged || given_up).then_some((gap, converged))
    }

    /// The result at this point.
    pub(super) fn into_raw(self, (gap, converged): (f64, bool), iterations: usize) -> Raw<N> {
        Raw {
            objective: self.objective,
            gradient_norm: self.gradient_norm(),
            passes: self.passes,
            w: self.w,
            gap,
            iterations,
            converged,
        }
    }

    /// The result of a point from which no step leads down.
    pub(super) fn stuck(mut self, iterations: usize, stop: Stop) -> Raw<N> {
        self.refresh();
        let gap = self.relative_gap();
        self.into_raw((gap, gap <= stop.tolerance), iterations)
    }

    /// An upper bound of (objective - optimum) / objective; at most 1, as the optimum is not
    /// negative. The module's documentation has the proof.
    pub(super) fn relative_gap(&self) -> f64 {
        if self.objective == 0.0 {
            return 0.0;
        }
        let gap = self.gap() / self.objective;
        // A NaN, of scores beyond all range, is no bound either.
        if gap < 1.0 { gap } else { 1.0 }
    }

    /// An upper bound of objective - optimum.
    pub(super) fn gap(&self) -> f64 {
        let Penalty { l1, l2 } = self.penalty;
        let cols = self.rows.x.cols();
        // `u` is minus the loss's gradient. In the 2-norm it is off by no more than this: scores
        // that are off by `d` move their row's residual by no more than `2 d` times that residual.
        let offset = self.rows.offset(&self.w).iter().fold(0.0, |top: f64, o| top.max(o.abs()));
        let (scores, residual) = self.rows.sizes(&self.state);
        let off = EPSILON * (1.0 + scores + offset) + self.intercept.distance;
        let error = 2.0 * self.rows.length * residual * off;
        let pairs = || {
            let blocks = self.gradient[..cols].iter().zip(&self.w[..cols]);
            blocks.flat_map(move |(g, w)| (0..N).map(move |n| (w[n], l2 * w[n] - g[n])))
        };
        let whole = if l2 > 0.0 {
            let sum: f64 = pairs().map(|(w, u)| conjugate_gap(w, u, self.penalty)).sum();
            (sum.sqrt() + error / (2.0 * l2).sqrt()).powi(2)
        } else {
            f64::INFINITY
        };
        let shrunk = if l1 > 0.0 {
            let largest = pairs().fold(0.0, |top: f64, (_, u)| top.max(u.abs()));
            let t = (l1 / (largest + error)).min(1.0);
            let within = |u: f64| (t * u).clamp(-l1, l1);
            let sum: f64 = pairs().map(|(w, u)| conjugate_gap(w, within(u), self.penalty)).sum();
            let length = dot(&self.w[..cols], &self.w[..cols]).sqrt();
            sum + self.rows.divergence(&self.state.p, t) + error * length
        } else {
            f64::INFINITY
        };
        whole.min(shrunk) + self.intercept.decrement
    }

    /// The squared norm of a gradient whose gap is well below `tolerance`.
    pub(super) fn residual_for(&self, tolerance: f64) -> f64 {
        0.2 * tolerance * self.objective.max(0.0) * 2.0 * self.penalty.l2
    }

    /// Largest absolute value of the gradient, or of the shortest subgradient.
    pub(super) fn gradient_norm(&self) -> f64 {
        let l1 = self.penalty.l1;
        let all = self.gradient.iter().flatten().zip(self.w.iter().flatten());
        let cols = self.rows.x.cols() * N;
        all.take(cols).map(|(&g, &w)| subgradient(g, w, l1)).fold(0.0, |top, g| top.max(g.abs()))
    }

    /// Sets `dz` to the scores' change along `d`, and the intercept's part of `d` to what it needs
    /// to stay at its optimum to first order. Half a pass.
    pub(super) fn follow(&mut self, d: &mut [[f64; N]], dz: &mut [[f64; N]]) {
        let cols = self.rows.x.cols();
        d[cols] = [0.0; N];
        self.rows.scores(d, dz);
        self.passes += 0.5;
        if self.rows.intercept {
            let response = self.intercept.response(self.rows, &self.state.p, dz);
            d[cols] = response;
            dz.iter_mut().for_each(|dz| (0..N).for_each(|n| dz[n] += response[n]));
        }
    }

    /// Moves along `d`, whose change of the scores is `dz`, to about the minimum on that line, and
    /// computes what follows there. Half a pass. Gives false where the line has no decrease left
    /// beyond rounding.
    pub(super) fn search(&mut self, d: &[[f64; N]], dz: &[[f64; N]]) -> bool {
        let cols = self.rows.x.cols();
        let l2 = self.penalty.l2;
        let slope0 = dot(&self.gradient, d);
        if slope0.is_nan() || slope0 >= 0.0 {
            return false;
        }
        let (wd, dd) = (dot(&self.w[..cols], &d[..cols]), dot(&d[..cols], &d[..cols]));
        let ww = dot(&self.w[..cols], &self.w[..cols]);
        let before = self.objective;
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        let mut best = (0.0, before);
        let mut last = (0.0, f64::NAN);
        for _ in 0..40 {
            let loss = self.rows.loss(&self.state.z, Some((t, dz)), &mut self.state.p);
            let value = loss + 0.5 * l2 * (ww + 2.0 * t * wd + t * t * dd);
            last = (t, loss);
            let (first, second) = self.rows.slope(&self.state.p, dz);
            let slope = first + l2 * (wd + t * dd);
            let curvature = second + l2 * dd;
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
        self.step(best.0, (last.0 == best.0).then_some(last.1), d, dz)
    }

    /// Moves along `d` to the first halved step that decreases the objective by a part of what the
    /// model promised, and computes what follows there. For penalties with an L1 part.
    pub(super) fn backtrack(&mut self, promised: f64, d: &[[f64; N]], dz: &[[f64; N]]) -> bool {
        let before = self.objective;
        let mut t = 1.0;
        for _ in 0..40 {
            let mut w = self.w.clone();
            axpy(t, d, &mut w);
            let loss = self.rows.loss(&self.state.z, Some((t, dz)), &mut self.state.p);
            let value = loss + self.penalty_at(&w);
            let rounding = (value - before).abs() <= ROUNDING * before;
            if value <= before + 0.01 * t * promised.min(0.0) || rounding {
                return self.step(t, Some(loss), d, dz);
            }
            t *= 0.5;
        }
        self.step(0.0, None, d, dz)
    }

    /// Moves by `t` along `d`. The loss there is given if the probabilities are already those.
    fn step(&mut self, t: f64, loss: Option<f64>, d: &[[f64; N]], dz: &[[f64; N]]) -> bool {
        let before = self.objective;
        axpy(t, d, &mut self.w);
        axpy(t, dz, &mut self.state.z);
        let loss = loss.unwrap_or_else(|| self.loss());
        self.evaluate(loss);
        self.stalled = if self.objective < before { 0 } else { self.stalled + 1 };
        self.fresh = false;
        t > 0.0
    }
}

/// The shortest subgradient in one coordinate, from the smooth part's derivative.
pub(super) fn subgradient(g: f64, w: f64, l1: f64) -> f64 {
    if w == 0.0 { g.signum() * (g.abs() - l1).max(0.0) } else { g + l1 * w.signum() }
}

/// `g(w) + g*(u) - u w` of the penalty `g(w) = l1 |w| + l2 w^2 / 2`, without cancellation.
fn conjugate_gap(w: f64, u: f64, Penalty { l1, l2 }: Penalty) -> f64 {
    let size = w.abs();
    // By symmetry `w` may be taken as positive.
    let u = if w == 0.0 { u.abs() } else { u * w.signum() };
    let square = |over: f64| if over == 0.0 { 0.0 } else { over * over / (2.0 * l2) };
    if u > l1 {
        square(u - l1 - l2 * size)
    } else {
        let beyond = (-u - l1).max(0.0);
        size * (l1 - u) + 0.5 * l2 * size * size + square(beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_of_a_weight_is_the_penalty_plus_its_conjugate_less_the_product() {
        let values = [-3.0, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0, 7.0];
        for penalty in [(0.0, 2.0), (0.5, 0.25), (1.0, 4.0)].map(|(l1, l2)| Penalty { l1, l2 }) {
            let Penalty { l1, l2 } = penalty;
            for (w, u) in values.iter().flat_map(|&w: &f64| values.map(|u: f64| (w, u))) {
                let over = (u.abs() - l1).max(0.0);
                let direct = l1 * w.abs() + 0.5 * l2 * w * w + over * over / (2.0 * l2) - u * w;
                let found = conjugate_gap(w, u, penalty);
                assert!(
                    found >= 0.0 && (found - direct).abs() < 1e-12,
                    "{w} {u}: {found} {direct}"
                );
            }
            // At its optimum a weight has no gap.
            assert_eq!(conjugate_gap(2.0, l1 + 2.0 * l2, penalty), 0.0);
            assert_eq!(conjugate_gap(-2.0, -l1 - 2.0 * l2, penalty), 0.0);
        }
        let lasso = Penalty { l1: 1.0, l2: 0.0 };
        assert_eq!(conjugate_gap(3.0, 0.5, lasso), 1.5);
        assert_eq!(conjugate_gap(-3.0, 0.5, lasso), 4.5);
        assert_eq!(conjugate_gap(0.0, -1.0, lasso), 0.0);
    }

    #[test]
    fn the_shortest_subgradient_is_0_within_the_penalty() {
        for (g, w, expected) in [
            (0.5, 0.0, 0.0),
            (-3.0, 0.0, -2.0),
            (3.0, 0.0, 2.0),
            (0.5, 1.0, 1.5),
            (0.5, -1.0, -0.5),
        ] {
            assert_eq!(subgradient(g, w, 1.0), expected, "{g} {w}");
        }
    }
}
