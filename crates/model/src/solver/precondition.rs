//! The preconditioner of the conjugate gradients: the Hessian's diagonal, and the Hessian itself over
//! the columns with the most curvature.
//!
//! Thousands of terms stand beside some dozens of scores, counts and indicators, which say much the
//! same as one another. Of a term, which has little curvature, the diagonal is enough; the others have
//! about as much as the intercept, and their correlations decide how many steps conjugate gradients
//! take. So these columns and the intercept are solved for together, by a Cholesky factor
//! of their part of the Hessian: block Jacobi with one block that is not a single column (Saad 2003,
//! section 10.2).

use rayon::prelude::*;

use super::{
    chunks::RowSet,
    passes::{Blocks, TargetRows, Workspace},
};

/// The most columns that are solved for together.
const MOST: usize = 128;
/// The curvature of such a column beside the intercept's, at least: that of a column of ones. A signal
/// that is scaled has about as much, a term of a normalised text a hundredth.
const WEIGHTY: f64 = 0.05;
/// A pivot that keeps no more than this share of itself, once the columns before it are solved for, is
/// rounding.
const ROUNDING: f64 = 1e-10;

/// The columns that are solved for together, and the rows' entries in them.
pub(super) struct Together {
    columns: Vec<usize>,
    begin: Vec<usize>,
    /// The place in `columns` of each entry, ascending within a row.
    places: Vec<u8>,
    values: Vec<f64>,
}

impl Together {
    /// The columns of the greatest `diagonal`, which has the penalty in it. One pass.
    pub(super) fn of<const N: usize>(
        rows: &TargetRows<'_, N>,
        diagonal: &[[f64; N]],
        l2: f64,
    ) -> Together {
        let cols = rows.x.cols();
        let size = |at: usize| diagonal[at].iter().copied().fold(0.0, f64::max);
        let least = l2 + WEIGHTY * size(cols);
        let mut columns: Vec<usize> = (0..cols).filter(|&at| size(at) > least).collect();
        columns.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
        columns.truncate(MOST);
        columns.sort_unstable();
        const NONE: u8 = u8::MAX;
        let mut place_of = vec![NONE; cols];
        for (place, &column) in columns.iter().enumerate() {
            place_of[column] = place as u8;
        }
        let mut found =
            Together { columns, begin: vec![0], places: Vec::new(), values: Vec::new() };
        for row in 0..rows.x.rows() {
            rows.x.row(row).for_each(|column, value| {
                if place_of[column] != NONE {
                    found.places.push(place_of[column]);
                    found.values.push(value);
                }
            });
            found.begin.push(found.places.len());
        }
        found
    }

    /// A row's entries, the intercept's last.
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + Clone {
        let range = self.begin[row]..self.begin[row + 1];
        let entries = self.places[range.clone()].iter().map(|&place| usize::from(place));
        entries.zip(self.values[range].iter().copied()).chain([(self.columns.len(), 1.0)])
    }
}

/// An approximation of the Hessian over some rows, and of the penalty, that is cheap to invert.
pub(super) struct Preconditioner<'t, const N: usize> {
    /// Of the other columns.
    diagonal: Blocks<N>,
    together: &'t Together,
    lower: Lower,
}

impl<'t, const N: usize> Preconditioner<'t, N> {
    /// From the Hessian's diagonal over `set`, with the penalty.
    pub(super) fn new(
        rows: &TargetRows<'_, N>,
        set: &RowSet,
        p: &[f64],
        l2: f64,
        diagonal: Blocks<N>,
        together: &'t Together,
    ) -> Preconditioner<'t, N> {
        let mut hessian = sums(rows, set, p, together);
        shift(&mut hessian, rows, together);
        (0..together.columns.len() * N).for_each(|at| *hessian.at(at, at) += l2);
        Preconditioner { diagonal, together, lower: hessian.factor() }
    }

    /// `y` is the approximation's inverse times `r`.
    pub(super) fn apply(&self, r: &[[f64; N]], y: &mut [[f64; N]]) {
        for ((y, r), h) in y.iter_mut().zip(r).zip(&self.diagonal) {
            for n in 0..N {
                y[n] = r[n] / h[n];
            }
        }
        let places = || self.together.columns.iter().copied().chain([r.len() - 1]);
        let mut v: Vec<f64> = places().flat_map(|at| r[at]).collect();
        self.lower.solve(&mut v);
        for (at, v) in places().zip(v.chunks_exact(N)) {
            y[at].copy_from_slice(v);
        }
    }
}

/// The Hessian over `set` in the columns as they are, added up in the chunks' order.
fn sums<const N: usize>(
    rows: &TargetRows<'_, N>,
    set: &RowSet,
    p: &[f64],
    together: &Together,
) -> Lower {
    let k = rows.classes();
    let size = (together.columns.len() + 1) * N;
    let parts: Vec<Lower> = (set.chunks.par_iter())
        .map(|chunk| {
            let mut sum = Lower::zeros(size);
            for (row, weight) in set.part(chunk) {
                let own = rows.own_matrix(&p[row * k..(row + 1) * k]);
                for (a, value) in together.row(row) {
                    for (n, own) in own.iter().enumerate() {
                        let line = &mut sum.values[(a * N + n) * size..];
                        let part = own.map(|h| weight * value * h);
                        for (b, value) in together.row(row).take_while(|&(b, _)| b <= a) {
                            for m in 0..N {
                                line[b * N + m] += value * part[m];
                            }
                        }
                    }
                }
            }
            sum
        })
        .collect();
    let mut all = Lower::zeros(size);
    for part in &parts {
        all.values.iter_mut().zip(&part.values).for_each(|(all, part)| *all += part);
    }
    all
}

/// Makes it that of the shifted columns.
fn shift<const N: usize>(hessian: &mut Lower, rows: &TargetRows<'_, N>, together: &Together) {
    let last = together.columns.len();
    if !rows.intercept {
        // The intercept is none: its curvature stands alone.
        for n in 0..N {
            let line = (last * N + n) * hessian.size;
            hessian.values[line..line + last * N].fill(0.0);
        }
        return;
    }
    let means: Vec<f64> = together.columns.iter().map(|&column| rows.mean(column)).collect();
    for (a, mean) in means.iter().enumerate() {
        for (b, other) in means[..=a].iter().enumerate() {
            for n in 0..N {
                for m in 0..N {
                    let (of_a, of_b) = (
                        *hessian.at(last * N + m, a * N + n),
                        *hessian.at(last * N + n, b * N + m),
                    );
                    let all = *hessian.at(last * N + n.max(m), last * N + n.min(m));
                    *hessian.at(a * N + n, b * N + m) +=
                        mean * other * all - mean * of_b - other * of_a;
                }
            }
        }
    }
    for (a, mean) in means.iter().enumerate() {
        for n in 0..N {
            for m in 0..N {
                let all = *hessian.at(last * N + n.max(m), last * N + n.min(m));
                *hessian.at(last * N + n, a * N + m) -= mean * all;
            }
        }
    }
}

/// A symmetric matrix by its lower half, or its Cholesky factor, line by line.
struct Lower {
    size: usize,
    values: Vec<f64>,
}

impl Lower {
    fn zeros(size: usize) -> Lower {
        Lower { size, values: vec![0.0; size * size] }
    }

    fn at(&mut self, line: usize, column: usize) -> &mut f64 {
        &mut self.values[line * self.size + column]
    }

    /// The Cholesky factor. A line of which the lines before it leave nothing but rounding stands
    /// alone, and one without curvature is left as it is.
    fn factor(mut self) -> Lower {
        let size = self.size;
        for i in 0..size {
            let (done, rest) = self.values.split_at_mut(i * size);
            let line = &mut rest[..size];
            for j in 0..i {
                let other = &done[j * size..=j * size + j];
                let sum: f64 = line[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                line[j] = (line[j] - sum) / other[j];
            }
            let square: f64 = line[..i].iter().map(|l| l * l).sum();
            let left = line[i] - square;
            if left > ROUNDING * line[i] {
                line[i] = left.sqrt();
            } else {
                line[..i].fill(0.0);
                line[i] = if line[i] > 0.0 { line[i].sqrt() } else { 1.0 };
            }
        }
        self
    }

    /// Sets `v` to the inverse of the matrix, of which this is the factor, times `v`.
    fn solve(&self, v: &mut [f64]) {
        let size = self.size;
        let line = |i: usize| &self.values[i * size..(i + 1) * size];
        for i in 0..size {
            let sum: f64 = line(i)[..i].iter().zip(&*v).map(|(l, v)| l * v).sum();
            v[i] = (v[i] - sum) / line(i)[i];
        }
        for i in (0..size).rev() {
            v[i] /= line(i)[i];
            let done = v[i];
            v[..i].iter_mut().zip(line(i)).for_each(|(v, l)| *v -= l * done);
        }
    }
}

/// The Hessian's diagonal over `set` with the penalty's part; a coordinate without curvature gets 1.
pub(super) fn diagonal<const N: usize>(
    rows: &TargetRows<'_, N>,
    set: &RowSet,
    p: &[f64],
    l2: f64,
    work: &mut Workspace<N>,
) -> Blocks<N> {
    let cols = rows.x.cols();
    let mut diagonal = vec![[0.0; N]; rows.blocks()];
    rows.diagonal(set, p, work, &mut diagonal);
    for (at, block) in diagonal.iter_mut().enumerate() {
        for h in block {
            *h += if at < cols { l2 } else { 0.0 };
            if *h <= 0.0 {
                *h = 1.0;
            }
        }
    }
    diagonal
}

#[cfg(test)]
mod tests {
    use clawsig_schema::matrix::Csr;

    use super::*;
    use crate::solver::{chunks::Moments, matrix::Matrix};

    /// With every column solved for together, nothing is approximate.
    #[test]
    fn all_columns_together_are_the_hessian() {
        let rows: Vec<[f64; 3]> = (0..12)
            .map(|row| {
                [3.0 + f64::from(row % 5), f64::from(row * 7 % 11) - 20.0, f64::from(row % 2)]
            })
            .collect();
        let columns = [0, 1, 2];
        let x = Csr::from_rows(3, rows.iter().map(|row| (&columns[..], &row[..]))).unwrap();
        let labels: Vec<u32> = (0..12).map(|row| row % 3).collect();
        let weights: Vec<f64> = (0..12).map(|row| 1.0 + f64::from(row % 4)).collect();
        // Two orthogonal contrasts of three classes.
        let basis = vec![[0.5, 0.25], [-0.5, 0.25], [0.0, -0.5]];
        let p: Vec<f64> = (0..12)
            .flat_map(|row| {
                let (a, b) = (0.1 + 0.05 * f64::from(row % 7), 0.2 + 0.02 * f64::from(row % 3));
                [a, b, 1.0 - a - b]
            })
            .collect();
        let l2 = 0.3;
        for intercept in [true, false] {
            let moments = intercept.then(|| Moments::of(Matrix::from(&x), &weights));
            let rows =
                TargetRows::<2>::new(Matrix::from(&x), &labels, &weights, basis.clone(), moments);
            let (set, mut work) = (rows.all(), rows.workspace());
            let diagonal = diagonal(&rows, set, &p, l2, &mut work);
            let together = Together::of(&rows, &diagonal, l2);
            assert_eq!(together.columns, [0, 1, 2]);
            let found = Preconditioner::new(&rows, set, &p, l2, diagonal, &together);
            let last = if intercept { [-2.0, 1.5] } else { [0.0; 2] };
            let v = vec![[1.0, -0.5], [0.25, 2.0], [-1.0, 0.75], last];
            let (mut product, mut back) = (v.clone(), v.clone());
            rows.hessian(set, &p, &v, &mut work, &mut product);
            for (product, v) in product.iter_mut().zip(&v).take(3) {
                (0..2).for_each(|n| product[n] += l2 * v[n]);
            }
            found.apply(&product, &mut back);
            let apart = back.iter().flatten().zip(v.iter().flatten()).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f64::max) < 1e-9, "{back:?} {v:?}");
        }
    }

    #[test]
    fn a_matrix_is_solved_and_lines_of_rounding_stand_alone() {
        let a = [[4.0, 2.0, 0.5, 0.0], [2.0, 3.0, 1.0, 0.0], [0.5, 1.0, 2.0, 0.0], [0.0; 4]];
        let mut lower = Lower::zeros(4);
        (0..4).for_each(|i| (0..=i).for_each(|j| *lower.at(i, j) = a[i][j]));
        let v = [1.0, -2.0, 0.25, 3.0];
        let mut product: Vec<f64> =
            (0..4).map(|i| (0..4).map(|j| a[i][j] * v[j]).sum::<f64>()).collect();
        product[3] = v[3];
        lower.factor().solve(&mut product);
        assert!(product.iter().zip(v).all(|(found, v)| (found - v).abs() < 1e-14), "{product:?}");
        // The same line twice: nothing is left of the second.
        let mut twice = Lower::zeros(2);
        twice.values = vec![2.0, 0.0, 2.0, 2.0];
        let mut v = [2.0, 4.0];
        twice.factor().solve(&mut v);
        assert!((v[0] - 1.0).abs() < 1e-15 && (v[1] - 2.0).abs() < 1e-15, "{v:?}");
    }
}
