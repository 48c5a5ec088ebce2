//! Tests of whether two raters use the categories equally often.

use clawsig_stats::{Test, distribution, mcnemar_corrected as corrected, mcnemar_exact as exact};

use crate::{Estimate, Table, Undefined};

fn result(table: &Table, value: f64, p_value: Option<f64>) -> Estimate {
    Estimate { p_value, ..Estimate::point(Ok(value), table.total()) }
}

fn discordant(table: &Table) -> Result<(u64, u64), Undefined> {
    table.size()?;
    match *table.counts() {
        [_, 0, 0, _] => Err(Undefined::NoDisagreement),
        [_, b, c, _] => Ok((b, c)),
        _ => Err(Undefined::NotBinary),
    }
}

/// McNemar's exact test of two categories: the value is the smaller discordant count, the p-value
/// twice its binomial tail under 1/2, at most 1. Source: McNemar 1947; two-sided as in statsmodels
/// and R's `exact2x2`. It says nothing about how much the raters agree, and with many subjects it
/// rejects differences too small to matter.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::mcnemar_exact};
/// let test = mcnemar_exact(&Table::binary(10, 1, 7, 20));
/// assert!((test.p_value.unwrap() - 0.0703125).abs() < 1e-12);
/// ```
pub fn mcnemar_exact(table: &Table) -> Estimate {
    mcnemar(table, exact)
}

/// McNemar's chi-squared with the continuity correction, `(|b - c| - 1)^2 / (b + c)`, one degree of
/// freedom. Source: Edwards 1948. Conservative for small counts: prefer [`mcnemar_exact`].
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::mcnemar_corrected};
/// assert_eq!(mcnemar_corrected(&Table::binary(10, 1, 7, 20)).value, Ok(25.0 / 8.0));
/// ```
pub fn mcnemar_corrected(table: &Table) -> Estimate {
    mcnemar(table, corrected)
}

fn mcnemar(table: &Table, test: fn(u64, u64) -> Option<Test>) -> Estimate {
    let found = discordant(table).and_then(|(b, c)| test(b, c).ok_or(Undefined::NoDisagreement));
    match found {
        Ok(found) => result(table, found.statistic, Some(found.p_value)),
        Err(why) => Estimate::point(Err(why), table.total()),
    }
}

/// The Stuart-Maxwell chi-squared of equal marginals for any number of categories (Stuart 1955,
/// Maxwell 1970), with one degree of freedom less than the categories that either rater uses.
/// Undefined where the covariance matrix is singular, as when a category is only ever agreed on.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::{mcnemar_corrected, stuart_maxwell}};
/// // With two categories it is McNemar's chi-squared without correction.
/// let test = stuart_maxwell(&Table::binary(10, 1, 7, 20));
/// assert!((test.value? - 36.0 / 8.0).abs() < 1e-12);
/// # Ok::<(), clawsig_agreement::Undefined>(())
/// ```
pub fn stuart_maxwell(table: &Table) -> Estimate {
    let fail = |why| Estimate::point(Err(why), table.total());
    if let Err(why) = table.size() {
        return fail(why);
    }
    let used: Vec<usize> = (0..table.categories())
        .filter(|&i| table.row_total(i) + table.column_total(i) > 0)
        .collect();
    let Some(freedom) = used.len().checked_sub(1).filter(|&freedom| freedom > 0) else {
        return fail(Undefined::OneCategory);
    };
    let differ = (0..table.categories()).any(|i| table.row_total(i) != table.count(i, i));
    if !differ {
        return fail(Undefined::NoDisagreement);
    }
    // The last category follows from the others.
    let kept = &used[..freedom];
    let gaps: Vec<f64> =
        kept.iter().map(|&i| table.row_total(i) as f64 - table.column_total(i) as f64).collect();
    let mut matrix: Vec<Vec<f64>> = kept
        .iter()
        .map(|&i| {
            kept.iter()
                .map(|&j| {
                    if i == j {
                        let uses = table.row_total(i) + table.column_total(i);
                        (uses - 2 * table.count(i, i)) as f64
                    } else {
                        -((table.count(i, j) + table.count(j, i)) as f64)
                    }
                })
                .collect()
        })
        .collect();
    match solve(&mut matrix, gaps.clone()) {
        None => fail(Undefined::Singular),
        Some(solution) => {
            let value: f64 = gaps.iter().zip(&solution).map(|(a, b)| a * b).sum();
            result(table, value, distribution::chi_squared_tail(value, freedom as f64))
        }
    }
}

/// Gaussian elimination with row pivots; `None` for a singular matrix.
fn solve(matrix: &mut [Vec<f64>], mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    let scale = matrix.iter().flatten().fold(0.0_f64, |most, x| most.max(x.abs()));
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        if matrix[pivot][column].abs() <= 1e-12 * scale {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (done, rest) = matrix.split_at_mut(column + 1);
        let pivot_row = &done[column];
        for (below, row) in (column + 1..).zip(rest) {
            let factor = row[column] / pivot_row[column];
            for (cell, pivot_cell) in row.iter_mut().zip(pivot_row) {
                *cell -= factor * pivot_cell;
            }
            right[below] -= factor * right[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    Some(right)
}
