//! The intercept taken out of the Hessian.
//!
//! The intercept is at its optimum where a step begins and follows the weights along it
//! ([`super::intercept`]), so what is minimised is a function of the weights alone. Its Hessian is the
//! Schur complement `H_ww - H_wb H_bb^-1 H_bw`. The residual of conjugate gradients on it is the gradient
//! that the step leaves; beside the intercept they would spend half of their steps on an equation
//! that is solved exactly in any case.

use super::{
    chunks::RowSet,
    intercept::Cholesky,
    passes::{Blocks, TargetRows, Workspace},
};

/// The Hessian's columns of the intercept, and a factor of its own part.
pub(super) struct Coupling<const N: usize> {
    /// `H_wb`, and `H_bb` last.
    columns: [Blocks<N>; N],
    factor: Cholesky<N>,
}

impl<const N: usize> Coupling<N> {
    /// Over the rows of `set`; `N` half passes.
    pub(super) fn of(
        rows: &TargetRows<'_, N>,
        set: &RowSet,
        p: &[f64],
        work: &mut Workspace<N>,
    ) -> Coupling<N> {
        let columns: [Blocks<N>; N] = std::array::from_fn(|n| {
            let mut column = vec![[0.0; N]; rows.blocks()];
            rows.coupling(set, p, n, work, &mut column);
            column
        });
        let curvature = std::array::from_fn(|n| columns[n][rows.x.cols()]);
        Coupling { factor: Cholesky::of(curvature, rows.joint()), columns }
    }

    /// Makes the Hessian's product with weights, in which the intercept has no part, that of the Schur
    /// complement.
    pub(super) fn reduce(&self, product: &mut [[f64; N]]) {
        let Some((last, product)) = product.split_last_mut() else { return };
        let response = self.factor.solve(std::mem::replace(last, [0.0; N]));
        for (column, response) in self.columns.iter().zip(response) {
            for (out, h) in product.iter_mut().zip(column) {
                (0..N).for_each(|n| out[n] -= response * h[n]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::matrix::Csr;

    use super::*;
    use crate::solver::{chunks::Moments, matrix::Matrix};

    /// The product of the joint Hessian with the weights and the intercept that answers them has nothing
    /// left in the intercept, and in the weights what the Schur complement gives.
    #[test]
    fn the_intercept_follows_the_weights() {
        let values: Vec<[f64; 2]> =
            (0..30).map(|row| [f64::from(row * 7 % 11), f64::from(row % 4) - 1.0]).collect();
        let x = Csr::from_rows(2, values.iter().map(|row| (&[0, 1][..], &row[..]))).unwrap();
        let labels: Vec<u32> = (0..30).map(|row| row % 3).collect();
        let weights: Vec<f64> = (0..30).map(|row| 1.0 + f64::from(row % 5)).collect();
        let basis = vec![[0.5, 0.25], [-0.5, 0.25], [0.0, -0.5]];
        let p: Vec<f64> = (0..30)
            .flat_map(|row| {
                let (a, b) = (0.1 + 0.05 * f64::from(row % 7), 0.2 + 0.02 * f64::from(row % 3));
                [a, b, 1.0 - a - b]
            })
            .collect();
        for intercept in [true, false] {
            let moments = intercept.then(|| Moments::of(Matrix::from(&x), &weights));
            let rows =
                TargetRows::<2>::new(Matrix::from(&x), &labels, &weights, basis.clone(), moments);
            let (set, mut work) = (rows.all(), rows.workspace());
            let mut v = vec![[1.0, -0.5], [0.25, 2.0], [0.0; 2]];
            let mut reduced = v.clone();
            rows.hessian(set, &p, &v, &mut work, &mut reduced);
            let alone = reduced.clone();
            let coupling = Coupling::of(&rows, set, &p, &mut work);
            let response = coupling.factor.solve(alone[2]);
            coupling.reduce(&mut reduced);
            v[2] = response.map(|r| -r);
            let mut joint = v.clone();
            rows.hessian(set, &p, &v, &mut work, &mut joint);
            for (joint, reduced) in joint.iter().zip(&reduced) {
                for n in 0..2 {
                    assert!((joint[n] - reduced[n]).abs() < 1e-4, "{joint:?} {reduced:?}");
                }
            }
            assert_eq!(reduced[2], [0.0; 2]);
            // With an intercept there is something to follow.
            let moved = alone[..2].iter().zip(&reduced).any(|(a, r)| (a[0] - r[0]).abs() > 1e-2);
            assert_eq!(moved, intercept, "{alone:?} {reduced:?}");
        }
    }
}
