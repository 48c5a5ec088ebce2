//! Tests of whether raters use the categories equally often.

pub use clawsig_stats::Test;
use clawsig_stats::{Groups, Wide};

use crate::{MOST_SUBJECTS, Ratings, Table, Undefined};

fn discordant(
    table: &Table,
    test: impl FnOnce(u64, u64) -> Option<Test>,
) -> Result<Test, Undefined> {
    table.size()?;
    match *table.counts() {
        [_, b, c, _] => test(b, c).ok_or(Undefined::NoDisagreement),
        _ => Err(Undefined::NotBinary),
    }
}

/// McNemar's exact test of two categories: the statistic is the smaller discordant count, the
/// p-value twice its binomial tail under 1/2, at most 1. Source: McNemar 1947; two-sided as in
/// statsmodels and R's `exact2x2`. It says nothing about how much the raters agree, and with many
/// subjects it rejects differences too small to matter.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::mcnemar_exact};
/// let test = mcnemar_exact(&Table::binary(10, 1, 7, 20))?;
/// assert!((test.p_value - 0.0703125).abs() < 1e-12);
/// # Ok::<(), clawsig_agreement::Undefined>(())
/// ```
pub fn mcnemar_exact(table: &Table) -> Result<Test, Undefined> {
    discordant(table, clawsig_stats::mcnemar_exact)
}

/// McNemar's chi-squared with the continuity correction, `max(|b - c| - 1, 0)^2 / (b + c)`, one
/// degree of freedom. Source: Edwards 1948. Conservative for small counts: prefer
/// [`mcnemar_exact`].
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::mcnemar_corrected};
/// assert_eq!(mcnemar_corrected(&Table::binary(10, 1, 7, 20))?.statistic, 25.0 / 8.0);
/// # Ok::<(), clawsig_agreement::Undefined>(())
/// ```
pub fn mcnemar_corrected(table: &Table) -> Result<Test, Undefined> {
    discordant(table, clawsig_stats::mcnemar_corrected)
}

/// McNemar's chi-squared without a correction, `(b - c)^2 / (b + c)`, one degree of freedom.
pub fn mcnemar_uncorrected(table: &Table) -> Result<Test, Undefined> {
    discordant(table, clawsig_stats::mcnemar_uncorrected)
}

fn chi_squared(statistic: f64, freedom: usize) -> Result<Test, Undefined> {
    Test::chi_squared(statistic, freedom as u64).ok_or(Undefined::NoDisagreement)
}

/// The Stuart-Maxwell chi-squared of equal marginals for any number of categories (Stuart 1955,
/// Maxwell 1970). The covariance matrix is the Laplacian of the graph whose edges are the
/// disagreements: its generalised inverse is that of each connected part, and the degrees of freedom
/// are the categories in such parts less the number of parts.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::stuart_maxwell};
/// // With two categories it is McNemar's chi-squared without correction.
/// let test = stuart_maxwell(&Table::binary(10, 1, 7, 20))?;
/// assert!((test.statistic - 36.0 / 8.0).abs() < 1e-12);
/// # Ok::<(), clawsig_agreement::Undefined>(())
/// ```
pub fn stuart_maxwell(table: &Table) -> Result<Test, Undefined> {
    table.size()?;
    let (rows, columns) = table.margins();
    let q = table.categories();
    let between = |i: usize, j: usize| table.counts()[i * q + j] + table.counts()[j * q + i];
    let mut groups = Groups::new(q);
    for i in 0..q {
        for j in (0..i).filter(|&j| between(i, j) > 0) {
            groups.join(i, j);
        }
    }
    // The first category of each part follows from its others.
    let kept: Vec<usize> = (0..q).filter(|&i| groups.first(i) != i).collect();
    if kept.is_empty() {
        return Err(Undefined::NoDisagreement);
    }
    let wide = |count: u64| Wide::from(count);
    let gaps: Vec<Wide> = kept.iter().map(|&i| wide(rows[i]) - wide(columns[i])).collect();
    let cell = |i: usize, j: usize| {
        if i == j {
            (0..q).filter(|&k| k != i).map(|k| wide(between(i, k))).sum()
        } else {
            -wide(between(i, j))
        }
    };
    let matrix: Vec<Vec<Wide>> =
        kept.iter().map(|&i| kept.iter().map(|&j| cell(i, j)).collect()).collect();
    let solution = solve(matrix, gaps.clone());
    let value: Wide = gaps.iter().zip(&solution).map(|(a, b)| *a * *b).sum();
    chi_squared(value.value(), kept.len())
}

/// Solves a system whose matrix is a Laplacian without a row and column of each part: positive
/// definite, so that elimination needs no pivots.
fn solve(mut matrix: Vec<Vec<Wide>>, mut right: Vec<Wide>) -> Vec<Wide> {
    let n = right.len();
    for column in 0..n {
        let (done, rest) = matrix.split_at_mut(column + 1);
        let pivot = &done[column];
        for (below, row) in (column + 1..).zip(rest) {
            let factor = row[column] / pivot[column];
            for (cell, above) in row.iter_mut().zip(pivot) {
                *cell = *cell - factor * *above;
            }
            right[below] = right[below] - factor * right[column];
        }
    }
    for row in (0..n).rev() {
        let known: Wide = (row + 1..n).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// Bhapkar's (1966) chi-squared of equal marginals, `S / (1 - S / n)` for Stuart-Maxwell's S
/// (Keefe 1982): the same hypothesis, with the variances as observed. Undefined where S is n.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::bhapkar};
/// let test = bhapkar(&Table::binary(10, 1, 7, 20))?;
/// assert!((test.statistic - 4.5 / (1.0 - 4.5 / 38.0)).abs() < 1e-12);
/// # Ok::<(), clawsig_agreement::Undefined>(())
/// ```
pub fn bhapkar(table: &Table) -> Result<Test, Undefined> {
    let Test { statistic, freedom, .. } = stuart_maxwell(table)?;
    let n = table.total() as f64;
    if statistic >= n * (1.0 - 1e-12) {
        return Err(Undefined::Singular);
    }
    chi_squared(statistic / (1.0 - statistic / n), freedom.unwrap_or(0) as usize)
}

/// Bowker's (1948) chi-squared of symmetry, `sum_{i<j} (n_ij - n_ji)^2 / (n_ij + n_ji)`, with one
/// degree of freedom for every pair of categories that the raters do disagree between.
///
/// ```
/// use clawsig_agreement::{Table, homogeneity::bowker};
/// let test = bowker(&Table::from_counts(3, vec![5, 2, 0, 1, 5, 3, 4, 3, 9])?)?;
/// assert_eq!((test.statistic, test.freedom), (1.0 / 3.0 + 4.0, Some(3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bowker(table: &Table) -> Result<Test, Undefined> {
    table.size()?;
    let q = table.categories();
    let mut value = 0.0;
    let mut freedom = 0;
    for i in 0..q {
        for j in 0..i {
            let (a, b) = (table.counts()[i * q + j], table.counts()[j * q + i]);
            if a + b > 0 {
                let gap = a.abs_diff(b) as f64;
                value += gap / (a + b) as f64 * gap;
                freedom += 1;
            }
        }
    }
    chi_squared(value, freedom)
}

/// Cochran's (1950) Q: whether all raters of two categories say the positive one, 0, equally often.
/// It rests on the subjects that every rater rated; with two raters it is McNemar's chi-squared
/// without correction.
///
/// ```
/// use clawsig_agreement::{Ratings, homogeneity::cochran_q};
/// let says = |bits: [usize; 3]| bits.map(Some).to_vec();
/// let patterns = [(says([0, 0, 1]), 6), (says([0, 1, 1]), 3), (says([1, 1, 0]), 1)];
/// let test = cochran_q(&Ratings::from_patterns(3, 2, patterns)?)?;
/// assert!((test.statistic - 9.8).abs() < 1e-12 && test.freedom == Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cochran_q(ratings: &Ratings) -> Result<Test, Undefined> {
    if ratings.categories() != 2 {
        return Err(Undefined::NotBinary);
    }
    if ratings.raters_are_unknown() {
        return Err(Undefined::UnknownRaters);
    }
    let raters = ratings.raters();
    if raters < 2 {
        return Err(Undefined::TooFewRaters);
    }
    if ratings.subjects() > MOST_SUBJECTS {
        return Err(Undefined::TooManySubjects);
    }
    let k = Wide::from(raters as u64);
    let mut by_rater = vec![0_u64; raters];
    let mut spread = Wide::ZERO;
    for (pattern, count) in ratings.patterns().filter(|(p, _)| p.iter().all(Option::is_some)) {
        let mut hits = 0_u64;
        for (sum, rating) in by_rater.iter_mut().zip(pattern) {
            let hit = u64::from(*rating == Some(0));
            *sum += hit * count;
            hits += hit;
        }
        spread = spread + Wide::from(count) * Wide::from(hits) * (k - Wide::from(hits));
    }
    if spread == Wide::ZERO {
        return Err(Undefined::NoDisagreement);
    }
    let all: Wide = by_rater.iter().map(|&sum| Wide::from(sum)).sum();
    // Each rater's hits less their mean, times the raters.
    let square: Wide =
        by_rater.iter().map(|&sum| k * Wide::from(sum) - all).map(|gap| gap * gap).sum();
    chi_squared(((k - Wide::from(1.0)) * square / k / spread).value(), raters - 1)
}
