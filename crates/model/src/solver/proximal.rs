//! Proximal Newton for L1 and elastic-net penalties: coordinate descent on the quadratic model,
//! then a line search. After Yuan, Ho and Lin (2012, "newGLMNET") and Lee, Sun and Saunders
//! (2014), with all classes in one model and the intercept profiled out of it.

use rayon::prelude::*;

use super::{
    matrix::Matrix,
    passes::{Blocks, TargetRows, dot},
    point::{Penalty, Point, Raw},
    problem::{StepProgress, Stop},
};

/// The most sweeps of one descent.
const SWEEPS: usize = 200;

/// The matrix by columns.
struct ByColumns {
    begin: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl ByColumns {
    fn of(x: Matrix<'_>) -> ByColumns {
        let mut begin = vec![0; x.cols() + 1];
        (0..x.rows()).for_each(|row| x.row(row).for_each(|column, _| begin[column + 1] += 1));
        for column in 0..x.cols() {
            begin[column + 1] += begin[column];
        }
        let mut next = begin.clone();
        let entries = begin[x.cols()];
        let (mut rows, mut values) = (vec![0; entries], vec![0.0; entries]);
        for row in 0..x.rows() {
            x.row(row).for_each(|column, value| {
                let at = &mut next[column];
                rows[*at] = row as u32;
                values[*at] = value;
                *at += 1;
            });
        }
        ByColumns { begin, rows, values }
    }

    fn column(&self, column: usize) -> impl Iterator<Item = (usize, f64)> + Clone {
        let range = self.begin[column]..self.begin[column + 1];
        self.rows[range.clone()]
            .iter()
            .map(|&row| row as usize)
            .zip(self.values[range].iter().copied())
    }
}

fn shrink(value: f64, by: f64) -> f64 {
    value.signum() * (value.abs() - by).max(0.0)
}

/// Derivatives of a row's smooth loss along a change `step` of its coordinate `n`: adds
/// `H e_n step` to `u`, where `H` is the row's curvature.
fn add_curvature<const N: usize>(
    basis: &[[f64; N]],
    p: &[f64],
    weight: f64,
    n: usize,
    step: f64,
    u: &mut [f64; N],
) {
    let mean: f64 = basis.iter().zip(p).map(|(q, p)| p * q[n]).sum();
    for (q, p) in basis.iter().zip(p) {
        let part = weight * p * (q[n] - mean) * step;
        for m in 0..N {
            u[m] += part * q[m];
        }
    }
}

/// A column that takes part in a descent: the model's second derivatives that concern it.
struct Coordinate<const N: usize> {
    column: usize,
    /// In the column's weights, the intercept following.
    own: [f64; N],
    /// Mixed, of the column's weights and the intercept.
    mixed: [[f64; N]; N],
    /// What the intercept does as one of the weights changes by 1.
    response: [[f64; N]; N],
}

impl<const N: usize> Coordinate<N> {
    /// The intercept stays where it is if it is `held`.
    fn new(
        point: &Point<'_, '_, N>,
        by_column: &ByColumns,
        column: usize,
        held: bool,
    ) -> Coordinate<N> {
        let (rows, k) = (point.rows, point.rows.classes());
        let mut square = [0.0; N];
        let mut mixed = [[0.0; N]; N];
        for (row, value) in by_column.column(column) {
            let p = &point.state.p[row * k..(row + 1) * k];
            for n in 0..rows.dimensions() {
                let mut u = [0.0; N];
                add_curvature(&rows.basis, p, rows.weights[row], n, value, &mut u);
                square[n] += value * u[n];
                (0..N).for_each(|m| mixed[n][m] += u[m]);
            }
        }
        let l2 = point.penalty.l2;
        if held || !rows.intercept {
            let (mixed, response) = ([[0.0; N]; N], [[0.0; N]; N]);
            return Coordinate { column, own: square.map(|s| s + l2), mixed, response };
        }
        let response: [[f64; N]; N] =
            std::array::from_fn(|n| point.intercept.solve(mixed[n]).map(|b| -b));
        let own = std::array::from_fn(|n| {
            let follows: f64 = (0..N).map(|m| mixed[n][m] * response[n][m]).sum();
            // The difference is a variance; rounding may leave nothing of it.
            l2 + (square[n] + follows).max(1e-12 * square[n])
        });
        Coordinate { column, own, mixed, response }
    }
}

/// Coordinate descent on the quadratic model, the intercept at its optimum throughout: it is a
/// small vector `b` beside the sparse changes `u` of the rows' derivatives, so that an update costs
/// the column's entries alone. Gives the step, and the sweeps.
fn descend<const N: usize>(
    point: &Point<'_, '_, N>,
    by_column: &ByColumns,
    coordinates: &[Coordinate<N>],
    inner: f64,
) -> (Blocks<N>, usize) {
    let (rows, k) = (point.rows, point.rows.classes());
    let Penalty { l1, l2 } = point.penalty;
    let mut d = vec![[0.0; N]; rows.blocks()];
    let mut u = vec![[0.0; N]; rows.x.rows()];
    let mut b = [0.0; N];
    let mut first = None;
    for sweep in 1..=SWEEPS {
        let mut largest = 0.0_f64;
        for Coordinate { column, own, mixed, response } in coordinates {
            let entries = || by_column.column(*column);
            for n in 0..rows.dimensions() {
                let h = own[n];
                if h <= 0.0 {
                    continue;
                }
                let mut slope = point.gradient[*column][n] + l2 * d[*column][n];
                slope += entries().map(|(row, value)| value * u[row][n]).sum::<f64>();
                slope += (0..N).map(|m| mixed[n][m] * b[m]).sum::<f64>();
                let from = point.w[*column][n] + d[*column][n];
                let change = shrink(from - slope / h, l1 / h) - from;
                if change == 0.0 {
                    continue;
                }
                largest = largest.max(h * change * change);
                d[*column][n] += change;
                (0..N).for_each(|m| b[m] += response[n][m] * change);
                for (row, value) in entries() {
                    let p = &point.state.p[row * k..(row + 1) * k];
                    let weight = rows.weights[row];
                    add_curvature(&rows.basis, p, weight, n, value * change, &mut u[row]);
                }
            }
        }
        let first = *first.get_or_insert(largest);
        if largest <= inner * inner * first {
            return (d, sweep);
        }
    }
    (d, SWEEPS)
}

/// A step to about the optimum of the quadratic model, and the change of the objective that the model
/// promises to first order. `dz` becomes the scores' change.
fn step<const N: usize>(
    point: &mut Point<'_, '_, N>,
    by_column: &ByColumns,
    inner: f64,
    held: bool,
    dz: &mut [[f64; N]],
) -> (Blocks<N>, f64) {
    let (cols, l1) = (point.rows.x.cols(), point.penalty.l1);
    let of_column = |at| Coordinate::new(point, by_column, at, held);
    let coordinates: Vec<Coordinate<N>> = (0..cols)
        .into_par_iter()
        .filter(|&at| (0..N).any(|n| point.w[at][n] != 0.0 || point.gradient[at][n].abs() > l1))
        .map(of_column)
        .collect();
    let (mut d, sweeps) = descend(point, by_column, &coordinates, inner);
    point.passes += (1 + sweeps) as f64 * coordinates.len() as f64 / cols.max(1) as f64;
    point.follow(&mut d, dz);
    let penalty: f64 = (point.w[..cols].iter().flatten().zip(d.iter().flatten()))
        .map(|(w, d)| l1 * ((w + d).abs() - w.abs()))
        .sum();
    let promised = dot(&point.gradient, &d) + penalty;
    (d, promised)
}

pub(super) fn solve<const N: usize>(
    rows: &TargetRows<'_, N>,
    mut point: Point<'_, '_, N>,
    stop: Stop,
    progress: StepProgress<'_>,
) -> Raw<N> {
    let cols = rows.x.cols();
    let by_column = ByColumns::of(rows.x);
    let mut dz = vec![[0.0; N]; rows.x.rows()];
    let mut iterations = 0;
    let mut inner = 0.1;
    loop {
        if let Some(end) = point.finished(iterations, stop) {
            return point.into_raw(end, iterations);
        }
        let mut found = step(&mut point, &by_column, inner, false, &mut dz);
        // The intercept has next to no curvature where nearly every row is certain, and its response
        // is then rounding. The model that holds it has more curvature than the true one.
        let downwards = found.1 < 0.0;
        if !downwards && rows.intercept {
            found = step(&mut point, &by_column, inner, true, &mut dz);
        }
        let (d, promised) = found;
        let moved = point.backtrack(promised, &d, &dz);
        iterations += 1;
        progress(iterations as u64, 0);
        if !moved || d[..cols].iter().flatten().all(|&d| d == 0.0) {
            return point.stuck(iterations, stop);
        }
        inner = (inner * 0.5_f64).max(1e-4);
    }
}
