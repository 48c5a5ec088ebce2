//! Proximal Newton for L1 and elastic-net penalties: coordinate descent on the quadratic model,
//! then a line search. After Yuan, Ho and Lin (2012, "newGLMNET") and Lee, Sun and Saunders
//! (2014), with all classes in one model.

use super::{
    matrix::Matrix,
    passes::{Blocks, Rows, axpy},
    point::Raw,
    problem::Stop,
};

/// The matrix by columns.
struct Columns {
    begin: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl Columns {
    fn of(x: Matrix<'_>) -> Columns {
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
        Columns { begin, rows, values }
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

/// The shortest subgradient in one coordinate, from the smooth part's derivative.
fn subgradient(g: f64, w: f64, l1: f64) -> f64 {
    if w > 0.0 {
        g + l1
    } else if w < 0.0 {
        g - l1
    } else {
        shrink(g, l1)
    }
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

pub(super) fn solve<const N: usize>(
    rows: &Rows<'_, N>,
    (l1, l2): (f64, f64),
    mut w: Blocks<N>,
    stop: Stop,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Raw<N> {
    let x = rows.x;
    let (n_rows, cols, k) = (x.rows(), x.cols(), rows.classes());
    let by_column = Columns::of(x);
    let mut work = rows.workspace();
    let mut z = vec![[0.0; N]; n_rows];
    let mut p = vec![0.0; n_rows * k];
    let mut gradient = vec![[0.0; N]; cols + 1];
    let mut diagonal = vec![[0.0; N]; cols + 1];
    let mut passes = 0.5;
    rows.scores(&w, &mut z);
    let penalty = |w: &[[f64; N]]| -> f64 {
        w[..cols].iter().flatten().map(|w| l1 * w.abs() + 0.5 * l2 * w * w).sum()
    };
    let mut objective = rows.loss(&z, None, &mut p) + penalty(&w);
    // Dimensions that no class uses (padding) stay out of it.
    let used: Vec<usize> = (0..N).filter(|&n| rows.basis.iter().any(|q| q[n] != 0.0)).collect();
    let mut iterations = 0;
    let mut inner = 0.1;
    loop {
        rows.gradient(&p, &mut work, &mut gradient);
        axpy(l2, &w[..cols], &mut gradient[..cols]);
        rows.diagonal(rows.all(), &p, &mut work, &mut diagonal);
        passes += 1.0;
        let mut norms = (0.0_f64, 0.0_f64);
        for (at, (g, w)) in gradient.iter().zip(&w).enumerate() {
            for &n in &used {
                let v = subgradient(g[n], w[n], if at < cols { l1 } else { 0.0 });
                norms.0 = norms.0.max(v.abs());
                norms.1 += v * v;
            }
        }
        // By convexity the gap is at most |v|_inf |w - w*|_1, and l1 |w|_1 is at most the
        // objective at both; with a ridge part it is also at most |v|^2 / (2 l2).
        let by_l1 = if l1 > 0.0 { 2.0 * norms.0 / l1 } else { f64::INFINITY };
        let by_l2 =
            if l2 > 0.0 { norms.1 / (2.0 * l2) / objective.max(1e-300) } else { f64::INFINITY };
        let gap = by_l1.min(by_l2);
        let done = Raw {
            w: Vec::new(),
            objective,
            gradient_norm: norms.0,
            gap,
            iterations,
            passes,
            converged: gap <= stop.tolerance,
        };
        if done.converged || iterations >= stop.max_iterations || !objective.is_finite() {
            return Raw { w, ..done };
        }
        for h in diagonal.iter_mut().flatten() {
            *h = (*h + l2).max(1e-12);
        }
        // Coordinate descent on the model; `u` is each row's curvature times its change.
        let mut d = vec![[0.0; N]; cols + 1];
        let mut u = vec![[0.0; N]; n_rows];
        let mut active: Vec<usize> = (0..=cols)
            .filter(|&at| {
                used.iter().any(|&n| at == cols || w[at][n] != 0.0 || gradient[at][n].abs() > l1)
            })
            .collect();
        if !rows.intercept {
            active.retain(|&at| at < cols);
        }
        let mut first = None;
        for _ in 0..200 {
            let mut largest = 0.0_f64;
            for &at in &active {
                for &n in &used {
                    let mut slope = gradient[at][n];
                    let change = if at == cols {
                        slope += u.iter().map(|u| u[n]).sum::<f64>();
                        -slope / diagonal[at][n]
                    } else {
                        slope += l2 * d[at][n];
                        slope +=
                            by_column.column(at).map(|(row, value)| value * u[row][n]).sum::<f64>();
                        let (h, from) = (diagonal[at][n], w[at][n] + d[at][n]);
                        shrink(from - slope / h, l1 / h) - from
                    };
                    if change == 0.0 {
                        continue;
                    }
                    largest = largest.max(diagonal[at][n] * change * change);
                    d[at][n] += change;
                    let mut add = |row: usize, value: f64| {
                        let p = &p[row * k..(row + 1) * k];
                        add_curvature(
                            &rows.basis,
                            p,
                            rows.weights[row],
                            n,
                            value * change,
                            &mut u[row],
                        );
                    };
                    if at == cols {
                        (0..n_rows).for_each(|row| add(row, 1.0));
                    } else {
                        by_column.column(at).for_each(|(row, value)| add(row, value));
                    }
                }
            }
            passes += active.len() as f64 / cols.max(1) as f64;
            let first = *first.get_or_insert(largest);
            if largest <= inner * inner * first {
                break;
            }
        }
        let mut dz = vec![[0.0; N]; n_rows];
        rows.scores(&d, &mut dz);
        let expected: f64 =
            gradient.iter().flatten().zip(d.iter().flatten()).map(|(g, d)| g * d).sum::<f64>()
                + w[..cols]
                    .iter()
                    .flatten()
                    .zip(d.iter().flatten())
                    .map(|(w, d)| l1 * ((w + d).abs() - w.abs()))
                    .sum::<f64>();
        let mut t = 1.0;
        let mut moved = false;
        for _ in 0..40 {
            let mut next = w.clone();
            axpy(t, &d, &mut next);
            let value = rows.loss(&z, Some((t, &dz)), &mut p) + penalty(&next);
            if value <= objective + 0.01 * t * expected.min(0.0)
                || (value - objective).abs() <= 1e-14 * objective
            {
                moved = next != w;
                w = next;
                axpy(t, &dz, &mut z);
                objective = value.min(objective);
                break;
            }
            t *= 0.5;
        }
        iterations += 1;
        progress(iterations as u64, 0);
        if !moved {
            return Raw { w, iterations, passes, ..done };
        }
        inner = (inner * 0.5_f64).max(1e-4);
    }
}
