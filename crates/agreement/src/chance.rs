//! Chance-corrected agreement of two raters: `(pa - pe) / (1 - pe)`, with five models of the
//! agreement `pe` that chance alone would bring. It is computed as `1 - D / E`, where D is the
//! observed and E the expected disagreement: `1 - pe` by subtraction would lose its digits where
//! agreement by chance is nearly certain.

use clawsig_stats::Wide;

use crate::{Outcome, Table, Undefined, Weights};

/// A model of what raters do by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chance {
    /// Each rater draws from that rater's own marginal distribution (Cohen 1960, 1968).
    Cohen,
    /// Both draw from the average of the two marginals (Scott 1955).
    Scott,
    /// Every category is equally likely (Brennan and Prediger 1981; Randolph's kappa).
    BrennanPrediger,
    /// Chance strikes on hard subjects only (Gwet 2008): AC1, with weights AC2.
    Gwet,
    /// Scott's model with Krippendorff's (1970) correction for small samples.
    Krippendorff,
}

impl Chance {
    /// The ends to which intervals are cut: at most 1, and with identity weights at least -1, or
    /// `-1 / (q - 1)` for Brennan-Prediger and Gwet. With other weights values below -1 occur, and
    /// intervals are not cut below: Brennan-Prediger and Gwet then reach down to
    /// `1 - max v / mean v`, where `v` is one less each weight and the mean is over all q^2 cells;
    /// the other models have no lower end, since their expected disagreement can be arbitrarily
    /// small beside the observed one.
    pub fn range(self, weights: &Weights) -> (f64, f64) {
        let low = match self {
            _ if !weights.is_identity() => f64::NEG_INFINITY,
            Chance::BrennanPrediger | Chance::Gwet => {
                -1.0 / (weights.categories().max(2) - 1) as f64
            }
            _ => -1.0,
        };
        (low, 1.0)
    }
}

/// `sum_j v_ij x_j` for every category i.
pub(crate) fn met(weights: &Weights, shares: &[Wide]) -> Vec<Wide> {
    let dot = |row: &[Wide]| row.iter().zip(shares).map(|(v, x)| *v * *x).sum();
    (0..shares.len()).map(|i| dot(weights.row(i))).collect()
}

pub(crate) fn dot(a: &[Wide], b: &[Wide]) -> Wide {
    a.iter().zip(b).map(|(x, y)| *x * *y).sum()
}

/// Gwet's expected disagreement `1 - (q^2 - V) / (q (q - 1)) sum p (1 - p)`, with V the sum of one
/// less every weight, as `(q^2 sum p^2 - q + V sum p (1 - p)) / (q (q - 1))`; and the factor of
/// `sum p^2` in it.
pub(crate) fn gwet(weights: &Weights, shares: &[Wide]) -> (Wide, Wide) {
    let (q, one) = (Wide::from(shares.len() as u64), Wide::from(1.0));
    let total = weights.total_apart();
    let square = dot(shares, shares);
    let spread: Wide = shares.iter().map(|p| *p * (one - *p)).sum();
    let cells = q * (q - one);
    ((q * q * square - q + total * spread) / cells, (q * q - total) / cells)
}

/// Disagreements of a table, as counts: no share is rounded.
struct DisagreementSums<'t> {
    table: &'t Table,
    weights: &'t Weights,
    n: Wide,
    row: Vec<Wide>,
    column: Vec<Wide>,
    both: Vec<Wide>,
    /// `sum v_ij n_ij`.
    observed: Wide,
}

impl<'t> DisagreementSums<'t> {
    fn new(table: &'t Table, weights: &'t Weights) -> Result<DisagreementSums<'t>, Undefined> {
        let q = table.categories();
        if weights.categories() != q {
            return Err(Undefined::WeightsShape);
        }
        let n = Wide::from(table.size()?);
        if q < 2 {
            return Err(Undefined::TooFewCategories);
        }
        let (rows, columns) = table.margins();
        let row: Vec<Wide> = rows.iter().map(|&total| Wide::from(total)).collect();
        let column: Vec<Wide> = columns.iter().map(|&total| Wide::from(total)).collect();
        let both = row.iter().zip(&column).map(|(r, c)| *r + *c).collect();
        let mut observed = Wide::ZERO;
        for (cell, &count) in table.counts().iter().enumerate().filter(|(_, count)| **count > 0) {
            if cell / q != cell % q {
                observed = observed + weights.apart(cell / q, cell % q) * Wide::from(count);
            }
        }
        Ok(DisagreementSums { table, weights, n, row, column, both, observed })
    }

    /// Observed and expected disagreement, each times the same number.
    fn parts(&self, chance: Chance) -> Result<(Wide, Wide), Undefined> {
        let (n, two) = (self.n, Wide::from(2.0));
        let (observed, expected) = match chance {
            Chance::Cohen => (n * self.observed, dot(&self.row, &met(self.weights, &self.column))),
            Chance::Scott => {
                (two * two * n * self.observed, dot(&self.both, &met(self.weights, &self.both)))
            }
            Chance::Krippendorff => (
                two * (two * n - Wide::from(1.0)) * self.observed,
                dot(&self.both, &met(self.weights, &self.both)),
            ),
            Chance::BrennanPrediger => {
                let q = Wide::from(self.table.categories() as u64);
                (q * q * self.observed, n * self.weights.total_apart())
            }
            Chance::Gwet => (self.observed / n, gwet(self.weights, &self.shares()).0),
        };
        if expected > Wide::ZERO { Ok((observed, expected)) } else { Err(Undefined::OneCategory) }
    }

    /// The average of both raters' shares.
    fn shares(&self) -> Vec<Wide> {
        self.both.iter().map(|both| *both / (self.n + self.n)).collect()
    }
}

/// Whether Cohen's kappa is 0 because a rater is constant. With the first rater constant on
/// category c both observed and expected disagreement are `sum_j v_cj p_.j`: their difference is 0,
/// whatever rounding makes of it, and so is its variance.
pub(crate) fn is_zero(table: &Table, chance: Chance) -> bool {
    chance == Chance::Cohen && table.has_constant_rater()
}

/// The coefficient without weights, in whole numbers: resampling asks for it most. With at most 2^53
/// subjects no sum overflows below 2^18 categories, whose table would take 512 GiB.
pub(crate) fn unweighted(table: &Table, chance: Chance) -> Outcome {
    let n = i128::from(table.size()?);
    let q = table.categories() as i128;
    if q < 2 {
        return Err(Undefined::TooFewCategories);
    }
    let (rows, columns) = table.margins();
    let pairs = || rows.iter().zip(&columns).map(|(&r, &c)| (i128::from(r), i128::from(c)));
    let apart = n - i128::from(table.agreed());
    // `4 n^2 sum p (1 - p)`, with p both raters' average share of a category.
    let mixed = || pairs().map(|(r, c)| (r + c) * (2 * n - r - c)).sum::<i128>();
    let (observed, expected) = match chance {
        Chance::Cohen => (n * apart, pairs().map(|(r, c)| r * (n - c)).sum()),
        Chance::Scott => (4 * n * apart, mixed()),
        Chance::Krippendorff => (2 * (2 * n - 1) * apart, mixed()),
        Chance::BrennanPrediger => (q * apart, n * (q - 1)),
        Chance::Gwet => (4 * n * apart * (q - 1), 4 * n * n * (q - 1) - mixed()),
    };
    if expected == 0 {
        return Err(Undefined::OneCategory);
    }
    Ok((expected - observed) as f64 / expected as f64)
}

/// The coefficient: the same number whether weights are left out or all the same.
pub(crate) fn coefficient(table: &Table, weights: &Weights, chance: Chance) -> Outcome {
    if weights.is_identity() && weights.categories() == table.categories() {
        unweighted(table, chance)
    } else {
        weighted(table, weights, chance)
    }
}

fn weighted(table: &Table, weights: &Weights, chance: Chance) -> Outcome {
    precise(table, weights, chance).map(Wide::value)
}

/// The coefficient in twice the precision, for a mean of several.
pub(crate) fn precise(table: &Table, weights: &Weights, chance: Chance) -> Result<Wide, Undefined> {
    let (observed, expected) = DisagreementSums::new(table, weights)?.parts(chance)?;
    if is_zero(table, chance) {
        return Ok(Wide::ZERO);
    }
    Ok(one_less_ratio(observed, expected))
}

/// `1 - observed / expected`. Thirds do not add up to 1 exactly, whatever the precision: what is
/// left of two equal disagreements is no value.
pub(crate) fn one_less_ratio(observed: Wide, expected: Wide) -> Wide {
    let value = (expected - observed) / expected;
    if value.value().abs() < 1e-29 { Wide::ZERO } else { value }
}

/// The derivative of the coefficient by each cell's share, less their mean over the subjects. For
/// [`Chance::Krippendorff`] it is that of Scott's pi, as in Gwet (2014) and irrCAC.
pub(crate) fn gradient(
    table: &Table,
    weights: &Weights,
    chance: Chance,
) -> Result<Vec<Wide>, Undefined> {
    let found = DisagreementSums::new(table, weights)?;
    let q = table.categories();
    let chance = if chance == Chance::Krippendorff { Chance::Scott } else { chance };
    let (observed, expected) = found.parts(chance)?;
    if is_zero(table, chance) {
        return Ok(vec![Wide::ZERO; q * q]);
    }
    let ratio = observed / expected;
    let share = |totals: &[Wide]| totals.iter().map(|t| *t / found.n).collect::<Vec<_>>();
    // The derivative of the expected disagreement by a cell, less its mean, is the sum of what its
    // row and its column have here, less twice the mean.
    let (by_row, by_column, mean) = match chance {
        Chance::Cohen => {
            let (row, column) = (share(&found.row), share(&found.column));
            let (by_row, by_column) = (met(weights, &column), met(weights, &row));
            let mean = dot(&row, &by_row);
            (by_row, by_column, mean)
        }
        Chance::Scott | Chance::Krippendorff => {
            let shares = found.shares();
            let near = met(weights, &shares);
            let mean = dot(&shares, &near);
            (near.clone(), near, mean)
        }
        Chance::BrennanPrediger => (vec![Wide::ZERO; q], vec![Wide::ZERO; q], Wide::ZERO),
        Chance::Gwet => {
            let shares = found.shares();
            let factor = gwet(weights, &shares).1;
            let near: Vec<Wide> = shares.iter().map(|p| factor * *p).collect();
            let mean = dot(&shares, &near);
            (near.clone(), near, mean)
        }
    };
    let scale = match chance {
        Chance::BrennanPrediger => {
            let q = Wide::from(q as u64);
            weights.total_apart() / (q * q)
        }
        Chance::Gwet => expected,
        _ => mean,
    };
    let disagreement = found.observed / found.n;
    let mut slopes = Vec::with_capacity(q * q);
    for (i, row) in by_row.iter().enumerate() {
        for (j, column) in by_column.iter().enumerate() {
            let by_chance = ratio * (*row + *column - mean - mean);
            slopes.push((by_chance + disagreement - weights.apart(i, j)) / scale);
        }
    }
    Ok(slopes)
}

/// The variance of Cohen's kappa if the raters answered independently (Fleiss, Cohen and Everitt
/// 1969), times the number of subjects.
pub(crate) fn null_variance(table: &Table, weights: &Weights) -> Result<Wide, Undefined> {
    let found = DisagreementSums::new(table, weights)?;
    found.parts(Chance::Cohen)?;
    let share = |totals: &[Wide]| totals.iter().map(|t| *t / found.n).collect::<Vec<_>>();
    let (row, column) = (share(&found.row), share(&found.column));
    let (by_row, by_column) = (met(weights, &column), met(weights, &row));
    let expected = dot(&row, &by_row);
    let mut sum = Wide::ZERO;
    for (i, p) in row.iter().enumerate() {
        for (j, r) in column.iter().enumerate() {
            let term = weights.apart(i, j) - by_row[i] - by_column[j] + expected;
            sum = sum + *p * *r * term * term;
        }
    }
    // What rounding makes of terms that cancel is no variance; two categories that each rater used
    // once among 2^53 subjects leave 1e-16 of the largest distance.
    let largest = weights.most_apart(|category| found.both[category] > Wide::ZERO);
    let varies = sum.sqrt().value() > 1e-24 * largest;
    Ok(if varies { sum / (expected * expected) } else { Wide::ZERO })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODELS: [Chance; 5] =
        [Chance::Cohen, Chance::Scott, Chance::BrennanPrediger, Chance::Gwet, Chance::Krippendorff];

    fn counts() -> impl Strategy<Value = Vec<u64>> {
        let count = prop_oneof![Just(0), 0_u64..9, 0_u64..1_000_000, 0_u64..1 << 49];
        (1_usize..5).prop_flat_map(move |q| prop::collection::vec(count.clone(), q * q))
    }

    proptest! {
        /// Whole numbers and numbers of twice the precision are two ways to one value.
        #[test]
        fn without_weights_it_is_the_coefficient_of_identity_weights(counts in counts()) {
            let q = counts.len().isqrt();
            let table = Table::sized(q, counts);
            for chance in MODELS {
                let found = (
                    unweighted(&table, chance),
                    weighted(&table, &Weights::identity(q), chance),
                );
                match found {
                    (Ok(a), Ok(b)) => {
                        prop_assert!((a - b).abs() <= 1e-15 * a.abs(), "{chance:?} {a} {b}");
                        prop_assert_eq!(coefficient(&table, &Weights::identity(q), chance), Ok(a));
                    }
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }
}
