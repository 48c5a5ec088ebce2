//! The passes over the matrix, fixed in their order of summation.
//!
//! Rows are cut into chunks of about equal work, their number a function of the matrix alone. A thread takes whole chunks,
//! each with its own accumulator, and the accumulators are added in the chunks' order: the result
//! is the same bits for one thread or sixty-four.
//!
//! The scores of a row are held as `N` numbers `z`, from which the `K` class scores follow by a
//! small matrix `Q` (`K x N`):
//! - two classes: `N = 1`, `Q = (-1/2, 1/2)`, so that softmax is the logistic function of `z`;
//! - `K` classes under a ridge penalty: the optimum has weights that sum to zero over the classes,
//!   so `N = K - 1` orthonormal contrasts carry it, the penalty is unchanged, and a third of the
//!   work of three classes is saved;
//! - `K` classes with an L1 part: `Q` is the identity, for L1 is not invariant under rotation.
//!
//! `N` is a compile-time number so that a column's weights are one cache access and the inner
//! loops unroll; unused dimensions have zeros in `Q` and stay zero.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    chunks::{CHUNKS, Moments, RowSet, reduce},
    coefficients::softmax,
    matrix::{Matrix, Real},
};

/// One vector of the optimisation: a block of `N` a column, the intercept's block last.
pub(crate) type Blocks<const N: usize> = Vec<[f64; N]>;

/// The matrix with its targets, ready for passes.
pub(crate) struct TargetRows<'a, const N: usize> {
    pub(crate) x: Matrix<'a>,
    pub(crate) labels: &'a [u32],
    pub(crate) weights: &'a [f64],
    /// One row of `Q` a class.
    pub(crate) basis: Vec<[f64; N]>,
    pub(crate) intercept: bool,
    /// By the means the columns are shifted in every product: with an intercept that changes no
    /// score but the intercept's own, and a column with a mean is no near-copy of it. The matrix
    /// stays sparse.
    moments: Moments,
    /// Weight of every class's rows, and of all.
    masses: Vec<f64>,
    pub(crate) total: f64,
    /// The squares of the matrix's values, summed by row, and the root of their sum.
    pub(crate) squares: Vec<f64>,
    pub(crate) length: f64,
    /// Whether Hessian products are taken in `f32`: a direction needs no more, as objective,
    /// gradient and step are in `f64` and so the end point is none the worse. Only where values and
    /// weights are of a common size, and the values have no more digits.
    single: bool,
    all: RowSet,
}

/// The largest value, and the range of the largest weight, up to which products in `f32` can't
/// leave its range.
const SINGLE_VALUE: f64 = 1e6;
const SINGLE_WEIGHT: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// What the current point looks like from the rows.
pub(crate) struct RowState<const N: usize> {
    /// `z` of every row.
    pub(crate) z: Vec<[f64; N]>,
    /// Class probabilities, `K` a row.
    pub(crate) p: Vec<f64>,
}

/// Accumulators, kept between passes.
pub(crate) struct Workspace<const N: usize> {
    sums: Vec<Blocks<N>>,
    short: Short<N>,
}

/// What a Hessian product in `f32` needs.
#[derive(Default)]
struct Short<const N: usize> {
    v: Vec<[f32; N]>,
    sums: Vec<Vec<[f32; N]>>,
}

pub(crate) fn dot<const N: usize>(a: &[[f64; N]], b: &[[f64; N]]) -> f64 {
    let mut sum = [0.0; N];
    for (a, b) in a.iter().zip(b) {
        for n in 0..N {
            sum[n] += a[n] * b[n];
        }
    }
    sum.iter().sum()
}

/// `y += t x`.
pub(crate) fn axpy<const N: usize>(t: f64, x: &[[f64; N]], y: &mut [[f64; N]]) {
    for (x, y) in x.iter().zip(y) {
        for n in 0..N {
            y[n] += t * x[n];
        }
    }
}

impl<'a, const N: usize> TargetRows<'a, N> {
    pub(crate) fn new(
        x: Matrix<'a>,
        labels: &'a [u32],
        weights: &'a [f64],
        basis: Vec<[f64; N]>,
        moments: Option<Moments>,
    ) -> TargetRows<'a, N> {
        let intercept = moments.is_some();
        let moments = moments.unwrap_or_else(|| Moments::none(x.cols()));
        let all = RowSet::new(x, (0..x.rows() as u32).collect(), weights, None);
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let small = x.largest_single().is_some_and(|value| value <= SINGLE_VALUE);
        let mut masses = vec![0.0; basis.len()];
        labels.iter().zip(weights).for_each(|(&label, weight)| masses[label as usize] += weight);
        let total = masses.iter().sum();
        let squares: Vec<f64> =
            (0..x.rows()).into_par_iter().map(|row| x.row(row).square()).collect();
        let length = squares.iter().sum::<f64>().sqrt();
        TargetRows {
            x,
            labels,
            weights,
            basis,
            intercept,
            moments,
            masses,
            total,
            squares,
            length,
            single: SINGLE_WEIGHT.contains(&heaviest) && small,
            all,
        }
    }

    /// What the shift of the columns takes from every score.
    pub(crate) fn offset<T: Real>(&self, v: &[[T; N]]) -> [f64; N] {
        offset_of(&self.moments.mean, v)
    }

    /// Takes from sums over the rows what the shift of the columns takes from them.
    fn shift(&self, out: &mut [[f64; N]]) {
        let total = out[self.x.cols()];
        if self.intercept {
            for (mean, out) in self.moments.mean.iter().zip(&mut *out) {
                for n in 0..N {
                    out[n] -= mean * total[n];
                }
            }
        } else {
            out[self.x.cols()] = [0.0; N];
        }
    }

    /// The loss of weights that are all 0, the intercept at its optimum.
    pub(crate) fn entropy(&self) -> f64 {
        if !self.intercept {
            return self.total * (self.classes() as f64).ln();
        }
        self.masses.iter().map(|mass| mass * (self.total / mass).ln()).sum()
    }

    /// The intercept of weights that are all 0: the logarithms of the classes' shares.
    pub(crate) fn log_shares(&self) -> [f64; N] {
        let mut shares = [0.0; N];
        if self.intercept {
            for (mass, q) in self.masses.iter().zip(&self.basis) {
                // Two classes have one score, their difference.
                let scale = if self.classes() == 2 { 2.0 } else { 1.0 };
                (0..N).for_each(|n| shares[n] += scale * q[n] * mass.ln());
            }
        }
        shares
    }

    /// All rows with their own weights.
    pub(crate) fn all(&self) -> &RowSet {
        &self.all
    }

    pub(crate) fn classes(&self) -> usize {
        self.basis.len()
    }

    /// Dimensions of a block that are in use.
    pub(crate) fn dimensions(&self) -> usize {
        self.classes().min(N)
    }

    /// How many dimensions, from the first on, may rise together without a change of any probability:
    /// each class has its own, or there is no such direction.
    pub(crate) fn joint(&self) -> usize {
        let k = self.classes();
        if k > 2 && k <= N && self.basis[k - 1][k - 1] == 1.0 { k } else { 0 }
    }

    /// Number of blocks of a vector: the columns and the intercept.
    pub(crate) fn blocks(&self) -> usize {
        self.x.cols() + 1
    }

    pub(crate) fn workspace(&self) -> Workspace<N> {
        let sums = vec![vec![[0.0; N]; self.blocks()]; CHUNKS as usize];
        Workspace { sums, short: Short::default() }
    }

    /// `X v`, the intercept's block added to every row.
    pub(crate) fn scores(&self, v: &[[f64; N]], out: &mut [[f64; N]]) {
        let (last, offset) = (v[self.x.cols()], self.offset(v));
        let last: [f64; N] = std::array::from_fn(|n| last[n] - offset[n]);
        self.all.chunks.par_iter().zip(self.all.cut(out, 1)).for_each(|(chunk, out)| {
            for (row, out) in chunk.clone().zip(out) {
                *out = self.x.row(row).dot(v);
                for n in 0..N {
                    out[n] += last[n];
                }
            }
        });
    }

    /// Sets the probabilities from `z + t dz` and gives the weighted loss.
    pub(crate) fn loss(
        &self,
        z: &[[f64; N]],
        dz: Option<(f64, &[[f64; N]])>,
        p: &mut [f64],
    ) -> f64 {
        let k = self.classes();
        let parts: Vec<f64> = self
            .all
            .chunks
            .par_iter()
            .zip(self.all.cut(p, k))
            .map(|(chunk, p)| {
                let mut sum = 0.0;
                for (row, p) in chunk.clone().zip(p.chunks_exact_mut(k)) {
                    let mut at = z[row];
                    if let Some((t, dz)) = dz {
                        for n in 0..N {
                            at[n] += t * dz[row][n];
                        }
                    }
                    for (p, q) in p.iter_mut().zip(&self.basis) {
                        *p = (0..N).map(|n| q[n] * at[n]).sum();
                    }
                    let own = p[self.labels[row] as usize];
                    let log_sum = softmax(p);
                    // For a row that is right by a wide margin `log_sum - own` cancels; the
                    // other classes' share of the sum keeps its digits.
                    let rest: f64 = p
                        .iter()
                        .enumerate()
                        .filter(|&(class, _)| class != self.labels[row] as usize)
                        .map(|(_, p)| p)
                        .sum();
                    let loss = if rest < 0.5 { -(-rest).ln_1p() } else { log_sum - own };
                    if self.weights[row] > 0.0 {
                        sum += self.weights[row] * loss;
                    }
                }
                sum
            })
            .collect();
        parts.iter().sum()
    }

    /// First and second derivative of the loss along `dz`, from the probabilities at that point.
    pub(crate) fn slope(&self, p: &[f64], dz: &[[f64; N]]) -> (f64, f64) {
        let k = self.classes();
        let parts: Vec<(f64, f64)> = self
            .all
            .chunks
            .par_iter()
            .map(|chunk| {
                let (mut first, mut second) = (0.0, 0.0);
                for row in chunk.clone() {
                    let p = &p[row * k..(row + 1) * k];
                    let (mut mean, mut square, mut own) = (0.0, 0.0, 0.0);
                    for (class, q) in self.basis.iter().enumerate() {
                        let s: f64 = (0..N).map(|n| q[n] * dz[row][n]).sum();
                        mean += p[class] * s;
                        square += p[class] * s * s;
                        if class == self.labels[row] as usize {
                            own = s;
                        }
                    }
                    first += self.weights[row] * (mean - own);
                    second += self.weights[row] * (square - mean * mean).max(0.0);
                }
                (first, second)
            })
            .collect();
        parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// The diagonal of a row's Hessian in its `z`, for a weight of 1.
    #[inline(always)]
    fn own_diagonal(&self, p: &[f64]) -> [f64; N] {
        let (mut mean, mut u) = ([0.0; N], [0.0; N]);
        for (p, q) in p.iter().zip(&self.basis) {
            for n in 0..N {
                mean[n] += p * q[n];
                u[n] += p * q[n] * q[n];
            }
        }
        for n in 0..N {
            u[n] = (u[n] - mean[n] * mean[n]).max(0.0);
        }
        u
    }

    /// The trace of every row's part of the Hessian.
    pub(crate) fn curvatures(&self, p: &[f64]) -> Vec<f64> {
        let of = |((p, square), weight): ((&[f64], &f64), &f64)| {
            weight * (1.0 + square) * self.own_diagonal(p).iter().sum::<f64>()
        };
        p.par_chunks_exact(self.classes()).zip(&self.squares).zip(self.weights).map(of).collect()
    }

    /// A row's Hessian in its `z`, for a weight of 1, times `v`.
    #[inline(always)]
    fn own_hessian(&self, p: &[f64], v: &[f64; N]) -> [f64; N] {
        let (mut mean, mut u) = ([0.0; N], [0.0; N]);
        let mut drift = 0.0;
        for (p, q) in p.iter().zip(&self.basis) {
            let along: f64 = (0..N).map(|n| q[n] * v[n]).sum();
            drift += p * along;
            for n in 0..N {
                mean[n] += p * q[n];
                u[n] += p * along * q[n];
            }
        }
        std::array::from_fn(|n| u[n] - drift * mean[n])
    }

    /// A row's Hessian in its `z`, for a weight of 1.
    pub(crate) fn own_matrix(&self, p: &[f64]) -> [[f64; N]; N] {
        let (mut mean, mut u) = ([0.0; N], [[0.0; N]; N]);
        for (p, q) in p.iter().zip(&self.basis) {
            for n in 0..N {
                mean[n] += p * q[n];
                (0..N).for_each(|m| u[n][m] += p * q[n] * q[m]);
            }
        }
        std::array::from_fn(|n| std::array::from_fn(|m| u[n][m] - mean[n] * mean[m]))
    }

    /// By how much a column is shifted.
    pub(crate) fn mean(&self, column: usize) -> f64 {
        self.moments.mean[column]
    }

    /// Adds up what `of` gives for every row, its weight and its probabilities, in the chunks'
    /// order.
    fn total_of<const M: usize>(
        &self,
        p: &[f64],
        of: impl Fn(usize, f64, &[f64]) -> [f64; M] + Sync,
    ) -> [f64; M] {
        let k = self.classes();
        let parts: Vec<[f64; M]> = (self.all.chunks.par_iter())
            .map(|chunk| {
                let mut sum = [0.0; M];
                for row in chunk.clone() {
                    let part = of(row, self.weights[row], &p[row * k..(row + 1) * k]);
                    (0..M).for_each(|m| sum[m] += part[m]);
                }
                sum
            })
            .collect();
        let mut sum = [0.0; M];
        parts.iter().for_each(|part| (0..M).for_each(|m| sum[m] += part[m]));
        sum
    }

    /// The loss's gradient and Hessian in the intercept. The latter from products of different
    /// classes' probabilities, so that nothing cancels where rows are nearly certain.
    pub(crate) fn of_intercept(&self, p: &[f64]) -> ([f64; N], [[f64; N]; N]) {
        let k = self.classes();
        let of = |chunk: &Range<usize>| {
            let (mut masses, mut products) = (vec![0.0; k], vec![0.0; k * k]);
            for row in chunk.clone() {
                let (p, weight) = (&p[row * k..(row + 1) * k], self.weights[row]);
                for (a, p_a) in p.iter().enumerate() {
                    masses[a] += weight * p_a;
                    for (b, p_b) in p[..a].iter().enumerate() {
                        products[a * k + b] += weight * p_a * p_b;
                    }
                }
            }
            (masses, products)
        };
        let parts: Vec<(Vec<f64>, Vec<f64>)> = self.all.chunks.par_iter().map(of).collect();
        let (mut slope, mut hessian) = ([0.0; N], [[0.0; N]; N]);
        for a in 0..k {
            let q = &self.basis[a];
            let excess = parts.iter().map(|part| part.0[a]).sum::<f64>() - self.masses[a];
            (0..N).for_each(|n| slope[n] += excess * q[n]);
            for b in 0..a {
                let product: f64 = parts.iter().map(|part| part.1[a * k + b]).sum();
                let apart: [f64; N] = std::array::from_fn(|n| q[n] - self.basis[b][n]);
                for n in 0..N {
                    (0..N).for_each(|m| hessian[n][m] += product * apart[n] * apart[m]);
                }
            }
        }
        (slope, hessian)
    }

    /// The change of the loss's gradient in the intercept where the scores change by `dz`.
    pub(crate) fn pull(&self, p: &[f64], dz: &[[f64; N]]) -> [f64; N] {
        self.total_of(p, |row, weight, p| self.own_hessian(p, &dz[row]).map(|u| weight * u))
    }

    /// The largest score and the 2-norm of the weighted residuals.
    pub(crate) fn sizes(&self, state: &RowState<N>) -> (f64, f64) {
        let largest = state.z.par_iter().flatten_iter().map(|z| z.abs()).reduce(|| 0.0, f64::max);
        let [square] = self.total_of(&state.p, |row, weight, p| {
            let own = self.labels[row] as usize;
            let of = |(class, p): (usize, &f64)| if class == own { 1.0 - p } else { *p };
            let square: f64 = p.iter().enumerate().map(of).map(|r| r * r).sum();
            [weight * weight * square]
        });
        (largest, square.sqrt())
    }

    /// The weighted sum over the rows of the divergence of `t p + (1 - t) y` from `p`.
    pub(crate) fn divergence(&self, p: &[f64], t: f64) -> f64 {
        let rest = 1.0 - t;
        let [sum] = self.total_of(p, |row, weight, p| {
            let own = self.labels[row] as usize;
            let others = p.iter().enumerate().filter(|&(class, _)| class != own);
            let q: f64 = others.map(|(_, p)| p).sum();
            let mut part = t * q * (-rest).ln_1p();
            part += (1.0 - t * q) * (rest * q / (1.0 - q)).ln_1p();
            [if weight > 0.0 && rest > 0.0 { weight * part.max(0.0) } else { 0.0 }]
        });
        sum
    }

    /// The gradient of a row's loss in its `z`, for a weight of 1.
    #[inline(always)]
    fn residual(&self, row: usize, p: &[f64]) -> [f64; N] {
        let mut u = [0.0; N];
        for (class, (p, q)) in p.iter().zip(&self.basis).enumerate() {
            let hit = if class == self.labels[row] as usize { 1.0 } else { 0.0 };
            for n in 0..N {
                u[n] += (p - hit) * q[n];
            }
        }
        u
    }

    /// The loss's gradient. Half a pass.
    pub(crate) fn gradient(&self, p: &[f64], work: &mut Workspace<N>, out: &mut [[f64; N]]) {
        self.combine(&self.all, p, work, out, |row, p| self.residual(row, p));
    }

    /// The column of the loss's Hessian over `set` that is the intercept's coordinate `n`. Half a pass.
    pub(crate) fn coupling(
        &self,
        set: &RowSet,
        p: &[f64],
        n: usize,
        work: &mut Workspace<N>,
        out: &mut [[f64; N]],
    ) {
        let unit: [f64; N] = std::array::from_fn(|m| if m == n { 1.0 } else { 0.0 });
        self.combine(set, p, work, out, |_, p| self.own_hessian(p, &unit));
    }

    /// The transposed matrix over `set` times what `of` gives for a row and its probabilities, for a weight
    /// of 1. Half a pass.
    fn combine(
        &self,
        set: &RowSet,
        p: &[f64],
        work: &mut Workspace<N>,
        out: &mut [[f64; N]],
        of: impl Fn(usize, &[f64]) -> [f64; N] + Sync,
    ) {
        let k = self.classes();
        self.accumulate(set, work, out, |row, weight, sums| {
            let u = of(row, &p[row * k..(row + 1) * k]).map(|u| weight * u);
            self.x.row(row).add(&u, sums);
            u
        });
        self.shift(out);
    }

    /// The diagonal of the loss's Hessian over `set`, of the shifted columns as far as all rows'
    /// spread tells.
    pub(crate) fn diagonal(
        &self,
        set: &RowSet,
        p: &[f64],
        work: &mut Workspace<N>,
        out: &mut [[f64; N]],
    ) {
        let k = self.classes();
        self.accumulate(set, work, out, |row, weight, sums| {
            let u = self.own_diagonal(&p[row * k..(row + 1) * k]).map(|u| weight * u);
            self.x.row(row).add_squares(&u, sums);
            u
        });
        for (spread, out) in self.moments.spread.iter().zip(out) {
            out.iter_mut().for_each(|h| *h *= spread);
        }
    }

    /// The loss's Hessian over `set` times `v`, to a few digits: see [`TargetRows::single`].
    pub(crate) fn hessian(
        &self,
        set: &RowSet,
        p: &[f64],
        v: &[[f64; N]],
        work: &mut Workspace<N>,
        out: &mut [[f64; N]],
    ) {
        let Workspace { sums, short } = work;
        let size = v.iter().flatten().fold(0.0, |top: f64, v| top.max(v.abs()));
        if !self.single || size == 0.0 || !size.is_finite() {
            self.hessian_in(set, p, v, sums, out);
            return;
        }
        // A common factor keeps the numbers away from the ends of the range of `f32`.
        short.v.clear();
        short.v.extend(v.iter().map(|block| block.map(|v| (v / size) as f32)));
        short.sums.resize_with(CHUNKS as usize, || vec![[0.0; N]; self.blocks()]);
        self.hessian_in(set, p, &short.v, &mut short.sums, out);
        out.iter_mut().flatten().for_each(|out| *out *= size);
    }

    fn hessian_in<T: Real>(
        &self,
        set: &RowSet,
        p: &[f64],
        v: &[[T; N]],
        sums: &mut [Vec<[T; N]>],
        out: &mut [[f64; N]],
    ) {
        let k = self.classes();
        let (last, offset) = (v[self.x.cols()], self.offset(v));
        let last: [f64; N] = std::array::from_fn(|n| last[n].wide() - offset[n]);
        set.chunks.par_iter().zip(&mut *sums).for_each(|(chunk, sums)| {
            sums.fill([T::default(); N]);
            let mut total = [0.0; N];
            for (row, weight) in set.part(chunk) {
                let entries = self.x.row(row);
                let mut s = entries.dot(v);
                for n in 0..N {
                    s[n] += last[n];
                }
                let u = self.own_hessian(&p[row * k..(row + 1) * k], &s).map(|u| weight * u);
                for n in 0..N {
                    total[n] += u[n];
                }
                entries.add(&u, sums);
            }
            sums[self.x.cols()] = total.map(T::of);
        });
        reduce(set, sums, out);
        self.shift(out);
    }

    /// Runs `visit` over every row of `set`; it adds to the columns' sums and gives the
    /// intercept's part.
    fn accumulate(
        &self,
        set: &RowSet,
        work: &mut Workspace<N>,
        out: &mut [[f64; N]],
        visit: impl Fn(usize, f64, &mut [[f64; N]]) -> [f64; N] + Sync,
    ) {
        set.chunks.par_iter().zip(&mut work.sums).for_each(|(chunk, sums)| {
            sums.fill([0.0; N]);
            let mut total = [0.0; N];
            for (row, weight) in set.part(chunk) {
                let u = visit(row, weight, sums);
                for n in 0..N {
                    total[n] += u[n];
                }
            }
            sums[self.x.cols()] = total;
        });
        reduce(set, &work.sums, out);
    }
}

/// What a shift of the columns takes from every score.
pub(super) fn offset_of<const N: usize, T: Real>(shift: &[f64], v: &[[T; N]]) -> [f64; N] {
    let mut sum = [0.0; N];
    for (shift, v) in shift.iter().zip(v) {
        for n in 0..N {
            sum[n] += shift * v[n].wide();
        }
    }
    sum
}
