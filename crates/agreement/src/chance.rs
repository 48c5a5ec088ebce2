//! Chance-corrected agreement of two raters: `(pa - pe) / (1 - pe)`, with five models of the
//! agreement `pe` that chance alone would bring.

use crate::{Outcome, Table, Undefined, Weights};

/// Below this distance from 1, the agreement by chance is certain up to rounding.
const CERTAIN: f64 = 1e-12;

/// What raters are taken to do by chance.
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

/// Proportions of a table and what follows from them.
struct Shares {
    q: usize,
    n: f64,
    row: Vec<f64>,
    column: Vec<f64>,
    both: Vec<f64>,
    observed: f64,
}

impl Shares {
    fn new(table: &Table, weights: &Weights) -> Result<Shares, Undefined> {
        let q = table.categories();
        if weights.categories() != q {
            return Err(Undefined::WeightsShape);
        }
        let n = table.size()?;
        let row: Vec<f64> = (0..q).map(|i| table.row_total(i) as f64 / n).collect();
        let column: Vec<f64> = (0..q).map(|j| table.column_total(j) as f64 / n).collect();
        let both = row.iter().zip(&column).map(|(r, c)| (r + c) / 2.0).collect();
        let mut observed = 0.0;
        for i in 0..q {
            for j in 0..q {
                observed += weights.get(i, j) * table.count(i, j) as f64;
            }
        }
        Ok(Shares { q, n, row, column, both, observed: observed / n })
    }

    fn expected(&self, weights: &Weights, chance: Chance) -> Result<f64, Undefined> {
        let product = |a: &[f64], b: &[f64]| -> f64 {
            let mut sum = 0.0;
            for (i, x) in a.iter().enumerate() {
                for (j, y) in b.iter().enumerate() {
                    sum += weights.get(i, j) * x * y;
                }
            }
            sum
        };
        if self.q < 2 {
            return Err(Undefined::TooFewCategories);
        }
        let q = self.q as f64;
        let expected = match chance {
            Chance::Cohen => product(&self.row, &self.column),
            Chance::Scott | Chance::Krippendorff => product(&self.both, &self.both),
            Chance::BrennanPrediger => weights.sum() / (q * q),
            Chance::Gwet => {
                let spread: f64 = self.both.iter().map(|p| p * (1.0 - p)).sum();
                weights.sum() * spread / (q * (q - 1.0))
            }
        };
        if expected > 1.0 - CERTAIN { Err(Undefined::OneCategory) } else { Ok(expected) }
    }

    /// The observed agreement with Krippendorff's correction where the model has it.
    fn corrected(&self, chance: Chance) -> f64 {
        match chance {
            Chance::Krippendorff => {
                let epsilon = 1.0 / (2.0 * self.n);
                (1.0 - epsilon) * self.observed + epsilon
            }
            _ => self.observed,
        }
    }
}

/// Whether Cohen's kappa is 0 because a rater is constant. With the first rater constant on
/// category c both observed and expected agreement are `sum_j w_cj p_.j`: their difference is 0,
/// whatever rounding makes of it, and so is its variance.
pub(crate) fn is_zero(table: &Table, chance: Chance) -> bool {
    chance == Chance::Cohen && table.has_constant_rater()
}

/// The coefficient.
pub(crate) fn coefficient(table: &Table, weights: &Weights, chance: Chance) -> Outcome {
    let shares = Shares::new(table, weights)?;
    let expected = shares.expected(weights, chance)?;
    if is_zero(table, chance) {
        return Ok(0.0);
    }
    Ok((shares.corrected(chance) - expected) / (1.0 - expected))
}

/// The derivative of the coefficient by each cell's proportion, up to a constant shared by all
/// cells, which the multinomial variance does not see. For [`Chance::Krippendorff`] it is that of
/// Scott's pi, as in Gwet (2014) and irrCAC.
pub(crate) fn gradient(
    table: &Table,
    weights: &Weights,
    chance: Chance,
) -> Result<Vec<f64>, Undefined> {
    let shares = Shares::new(table, weights)?;
    let expected = shares.expected(weights, chance)?;
    if is_zero(table, chance) {
        return Ok(vec![0.0; shares.q * shares.q]);
    }
    let rest = 1.0 - expected;
    let value = (shares.observed - expected) / rest;
    let q = shares.q;
    let weighted = |p: &[f64]| -> Vec<f64> {
        (0..q).map(|i| (0..q).map(|j| weights.get(i, j) * p[j]).sum()).collect()
    };
    let (by_row, by_column) = match chance {
        Chance::Cohen => (weighted(&shares.column), weighted(&shares.row)),
        Chance::Scott | Chance::Krippendorff => {
            let both = weighted(&shares.both);
            (both.clone(), both)
        }
        Chance::BrennanPrediger => (vec![0.0; q], vec![0.0; q]),
        Chance::Gwet => {
            let scale = -weights.sum() / (q * (q - 1)) as f64;
            let both: Vec<f64> = shares.both.iter().map(|p| scale * p).collect();
            (both.clone(), both)
        }
    };
    let mut slopes = Vec::with_capacity(q * q);
    for (i, row) in by_row.iter().enumerate() {
        for (j, column) in by_column.iter().enumerate() {
            slopes.push((weights.get(i, j) - (1.0 - value) * (row + column)) / rest);
        }
    }
    Ok(slopes)
}
