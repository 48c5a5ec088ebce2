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
    coefficients::softmax,
    matrix::{Matrix, Real},
};

/// The most row chunks: enough for as many threads as the passes can feed from memory.
const CHUNKS: u64 = 16;
/// Entries that a chunk has for each column at least, so that adding up the chunks' accumulators
/// costs little beside filling them.
const ENTRIES_PER_COLUMN: u64 = 16;

/// One vector of the optimisation: a block of `N` a column, the intercept's block last.
pub(crate) type Blocks<const N: usize> = Vec<[f64; N]>;

/// The matrix with its targets, ready for passes.
pub(crate) struct Rows<'a, const N: usize> {
    pub(crate) x: Matrix<'a>,
    pub(crate) labels: &'a [u32],
    pub(crate) weights: &'a [f64],
    /// One row of `Q` a class.
    pub(crate) basis: Vec<[f64; N]>,
    pub(crate) intercept: bool,
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

/// Rows, weighted, and the chunks in which they are passed over.
pub(crate) struct RowSet {
    rows: Vec<u32>,
    weights: Vec<f64>,
    chunks: Vec<Range<usize>>,
}

impl RowSet {
    /// The given rows with their weights, times a factor each if there is one.
    pub(crate) fn new(
        x: Matrix<'_>,
        rows: Vec<u32>,
        weights: &[f64],
        scale: Option<&[f64]>,
    ) -> RowSet {
        let weights = rows
            .iter()
            .enumerate()
            .map(|(at, &row)| weights[row as usize] * scale.map_or(1.0, |scale| scale[at]))
            .collect();
        let indptr = x.indptr();
        // A row costs its entries plus some dozens of operations of its own.
        let cost = |row: u32| indptr[row as usize + 1] - indptr[row as usize] + 16;
        let total: u64 = rows.iter().map(|&row| cost(row)).sum();
        let count = (total / (ENTRIES_PER_COLUMN * (x.cols() as u64 + 1))).clamp(2, CHUNKS);
        let mut chunks = Vec::with_capacity(count as usize);
        let (mut begin, mut sum) = (0, 0);
        for (at, &row) in rows.iter().enumerate() {
            sum += cost(row);
            if sum * count >= total * (chunks.len() as u64 + 1) {
                chunks.push(begin..at + 1);
                begin = at + 1;
            }
        }
        RowSet { rows, weights, chunks }
    }

    pub(crate) fn entries(&self, x: Matrix<'_>) -> u64 {
        let indptr = x.indptr();
        self.rows.iter().map(|&row| indptr[row as usize + 1] - indptr[row as usize]).sum()
    }

    /// Cuts a slice with `per_row` items a row at the chunks' borders.
    fn cut<'s, T>(&self, mut all: &'s mut [T], per_row: usize) -> Vec<&'s mut [T]> {
        let mut pieces = Vec::with_capacity(self.chunks.len());
        for chunk in &self.chunks {
            let (piece, rest) = std::mem::take(&mut all).split_at_mut(chunk.len() * per_row);
            pieces.push(piece);
            all = rest;
        }
        pieces
    }

    /// A chunk's rows and weights.
    fn part(&self, chunk: &Range<usize>) -> impl Iterator<Item = (usize, f64)> + '_ {
        let rows = self.rows[chunk.clone()].iter().map(|&row| row as usize);
        rows.zip(self.weights[chunk.clone()].iter().copied())
    }
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

impl<'a, const N: usize> Rows<'a, N> {
    pub(crate) fn new(
        x: Matrix<'a>,
        labels: &'a [u32],
        weights: &'a [f64],
        basis: Vec<[f64; N]>,
        intercept: bool,
    ) -> Rows<'a, N> {
        let all = RowSet::new(x, (0..x.rows() as u32).collect(), weights, None);
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let single = SINGLE_WEIGHT.contains(&heaviest)
            && x.largest_single().is_some_and(|value| value <= SINGLE_VALUE);
        Rows { x, labels, weights, basis, intercept, single, all }
    }

    /// All rows with their own weights.
    pub(crate) fn all(&self) -> &RowSet {
        &self.all
    }

    pub(crate) fn classes(&self) -> usize {
        self.basis.len()
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
        let last = v[self.x.cols()];
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

    /// The trace of every row's part of the Hessian, given 1 plus the square of its values.
    pub(crate) fn curvatures(&self, p: &[f64], squares: &[f64]) -> Vec<f64> {
        let of = |((p, square), weight): ((&[f64], &f64), &f64)| {
            weight * square * self.own_diagonal(p).iter().sum::<f64>()
        };
        p.par_chunks_exact(self.classes()).zip(squares).zip(self.weights).map(of).collect()
    }

    /// The smallest positive curvature of the loss in the intercept's directions.
    pub(crate) fn intercept_curvature(&self, p: &[f64]) -> f64 {
        let k = self.classes();
        let of = |chunk: &Range<usize>| {
            let mut sum = [0.0; N];
            let rows = p[chunk.start * k..chunk.end * k].chunks_exact(k);
            for (p, weight) in rows.zip(&self.weights[chunk.clone()]) {
                let own = self.own_diagonal(p);
                for n in 0..N {
                    sum[n] += weight * own[n];
                }
            }
            sum
        };
        let parts: Vec<[f64; N]> = self.all.chunks.par_iter().map(of).collect();
        let sums = (0..N).map(|n| parts.iter().map(|part| part[n]).sum());
        sums.filter(|&c: &f64| c > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// The loss's gradient.
    pub(crate) fn gradient(&self, p: &[f64], work: &mut Workspace<N>, out: &mut [[f64; N]]) {
        let k = self.classes();
        self.accumulate(&self.all, work, out, |row, weight, sums| {
            let mut u = [0.0; N];
            for (class, q) in self.basis.iter().enumerate() {
                let hit = if class == self.labels[row] as usize { 1.0 } else { 0.0 };
                let r = weight * (p[row * k + class] - hit);
                for n in 0..N {
                    u[n] += r * q[n];
                }
            }
            self.x.row(row).add(&u, sums);
            u
        });
    }

    /// The diagonal of the loss's Hessian over `set`.
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
    }

    /// The loss's Hessian over `set` times `v`, to a few digits: see [`Rows::single`].
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
        let last = v[self.x.cols()].map(T::wide);
        set.chunks.par_iter().zip(&mut *sums).for_each(|(chunk, sums)| {
            sums.fill([T::default(); N]);
            let mut total = [0.0; N];
            for (row, weight) in set.part(chunk) {
                let entries = self.x.row(row);
                let mut s = entries.dot(v);
                for n in 0..N {
                    s[n] += last[n];
                }
                let mut mean = [0.0; N];
                let mut u = [0.0; N];
                let mut drift = 0.0;
                for (p, q) in p[row * k..(row + 1) * k].iter().zip(&self.basis) {
                    let along: f64 = (0..N).map(|n| q[n] * s[n]).sum();
                    drift += p * along;
                    for n in 0..N {
                        mean[n] += p * q[n];
                        u[n] += p * along * q[n];
                    }
                }
                for n in 0..N {
                    u[n] = weight * (u[n] - drift * mean[n]);
                    total[n] += u[n];
                }
                entries.add(&u, sums);
            }
            sums[self.x.cols()] = total.map(T::of);
        });
        self.reduce(set, sums, out);
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
        self.reduce(set, &work.sums, out);
    }

    fn reduce<T: Real>(&self, set: &RowSet, sums: &[Vec<[T; N]>], out: &mut [[f64; N]]) {
        const BLOCK: usize = 4096;
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(at, out)| {
            out.fill([0.0; N]);
            let begin = at * BLOCK;
            for sums in &sums[..set.chunks.len()] {
                for (sum, out) in sums[begin..begin + out.len()].iter().zip(&mut *out) {
                    for n in 0..N {
                        out[n] += sum[n].wide();
                    }
                }
            }
        });
        if !self.intercept {
            out[self.x.cols()] = [0.0; N];
        }
    }
}
