//! Preconditioned conjugate gradients on the Hessian of all rows or of a sample, in the weights alone.

use super::{
    chunks::RowSet,
    coupling::Coupling,
    passes::{Blocks, TargetRows, Workspace, axpy, dot},
    precondition::Preconditioner,
};

/// The most steps of one solution.
const LIMIT: usize = 400;

/// The buffers and the result.
pub(super) struct Cg<const N: usize> {
    /// The solution.
    pub(super) d: Blocks<N>,
    /// What is left: the right side minus the Hessian times `d`.
    r: Blocks<N>,
    y: Blocks<N>,
    s: Blocks<N>,
    hs: Blocks<N>,
}

/// When conjugate gradients stop.
#[derive(Clone, Copy)]
pub(super) struct Enough {
    /// The residual's preconditioned norm relative to the first.
    pub(super) ratio: f64,
    /// The residual's squared norm that is small enough in any case.
    pub(super) square: f64,
}

impl<const N: usize> Cg<N> {
    pub(super) fn new(blocks: usize) -> Cg<N> {
        let zeros = || vec![[0.0; N]; blocks];
        Cg { d: zeros(), r: zeros(), y: zeros(), s: zeros(), hs: zeros() }
    }

    /// Solves `(H + l2) d = right` about, `H` the Hessian of the loss over `set` without the intercept, in
    /// which `right` is 0 and so `d`; gives the steps.
    #[expect(clippy::too_many_arguments, reason = "one call")]
    pub(super) fn solve(
        &mut self,
        rows: &TargetRows<'_, N>,
        set: &RowSet,
        p: &[f64],
        l2: f64,
        right: &[[f64; N]],
        coupling: &Coupling<N>,
        preconditioner: &Preconditioner<'_, N>,
        enough: Enough,
        work: &mut Workspace<N>,
    ) -> usize {
        let cols = rows.x.cols();
        self.d.fill([0.0; N]);
        self.r.copy_from_slice(right);
        self.precondition(preconditioner);
        self.s.copy_from_slice(&self.y);
        let mut ry = dot(&self.r, &self.y);
        let target = ry * enough.ratio * enough.ratio;
        for step in 1..=LIMIT {
            rows.hessian(set, p, &self.s, work, &mut self.hs);
            coupling.reduce(&mut self.hs);
            axpy(l2, &self.s[..cols], &mut self.hs[..cols]);
            let curvature = dot(&self.s, &self.hs);
            if curvature.is_nan() || curvature <= 0.0 {
                return step;
            }
            let alpha = ry / curvature;
            axpy(alpha, &self.s, &mut self.d);
            axpy(-alpha, &self.hs, &mut self.r);
            self.precondition(preconditioner);
            let next = dot(&self.r, &self.y);
            if next <= target || dot(&self.r, &self.r) <= enough.square {
                return step;
            }
            let beta = next / ry;
            ry = next;
            for (s, y) in self.s.iter_mut().zip(&self.y) {
                for n in 0..N {
                    s[n] = y[n] + beta * s[n];
                }
            }
        }
        LIMIT
    }

    fn precondition(&mut self, preconditioner: &Preconditioner<'_, N>) {
        preconditioner.apply(&self.r, &mut self.y);
        if let Some(intercept) = self.y.last_mut() {
            *intercept = [0.0; N];
        }
    }
}
