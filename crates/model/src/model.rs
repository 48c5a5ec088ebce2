//! A trained model: its settings, its numbers, what it says of a row and why.

use std::collections::BTreeMap;

use clawsig_schema::{
    evaluation::{Contribution, Explanation, TermWeight},
    matrix::{ColumnGroup, ColumnInfo},
    target::Target,
};
use sha2::{Digest, Sha256};

use crate::{
    error::{ModelError, Result},
    params::TrainParams,
    solver::{Coefficients, Matrix, SolverReport},
};

/// A model that can score rows of the matrix it was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedModel {
    /// What it predicts.
    pub target: Target,
    /// The classes that had training rows, in the target's order; probabilities follow it.
    pub classes: Vec<String>,
    /// The groups whose columns have weights; the others' are 0.
    pub groups: Vec<ColumnGroup>,
    /// [`columns_hash`] of the columns.
    pub columns_sha256: String,
    /// The settings, with C as chosen.
    pub params: TrainParams,
    /// How the optimum was found.
    pub report: SolverReport,
    /// Training rows used, by class; those of `classes` have some.
    pub training_rows: BTreeMap<String, u64>,
    /// The weights.
    pub coefficients: Coefficients,
}

/// SHA-256 over every column's group and name, in order: what a model's weights refer to.
pub fn columns_hash(columns: &[ColumnInfo]) -> String {
    let mut hash = Sha256::new();
    for column in columns {
        hash.update(column.group.as_str().as_bytes());
        hash.update((column.name.len() as u64).to_le_bytes());
        hash.update(column.name.as_bytes());
    }
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The position of the highest value; the first of equals.
pub(crate) fn first_maximum(values: &[f64]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

/// The number of a class among the weights of a column or the intercepts: two classes share one
/// number, the second's against the first's.
fn of_class(numbers: &[f64], class: usize) -> f64 {
    match numbers {
        [second] => {
            if class == 1 {
                *second
            } else {
                0.0
            }
        }
        all => all[class],
    }
}

/// A column's part in the log-odds of one class against another.
#[derive(Clone, Copy)]
struct Term {
    log_odds: f64,
    column: u32,
    value: f64,
}

/// The strongest of many terms, found without a list of all.
struct Strongest {
    limit: usize,
    kept: Vec<Term>,
    /// Terms below this strength are not among the strongest.
    floor: f64,
    dropped: bool,
}

impl Strongest {
    fn new(limit: usize) -> Strongest {
        Strongest { limit, kept: Vec::new(), floor: f64::from_bits(1), dropped: false }
    }

    /// Takes in a term; one of 0 is none.
    #[inline]
    fn push(&mut self, term: Term) {
        if term.log_odds.abs() >= self.floor {
            self.kept.push(term);
            // Twice as many as are asked for: each cut then pays for as many terms as it drops.
            if self.kept.len() >= self.limit.saturating_mul(2).max(16) {
                self.cut();
            }
        } else {
            self.dropped |= term.log_odds != 0.0;
        }
    }

    /// Keeps the strongest alone, strongest first and the lower column first of equals.
    fn cut(&mut self) {
        self.kept.sort_unstable_by(|a, b| {
            b.log_odds.abs().total_cmp(&a.log_odds.abs()).then(a.column.cmp(&b.column))
        });
        if self.kept.len() > self.limit {
            self.dropped = true;
            self.kept.truncate(self.limit);
            self.floor = self.kept.last().map_or(f64::INFINITY, |weakest| weakest.log_odds.abs());
        }
    }

    /// The strongest terms in order, and whether these are all.
    fn finish(mut self) -> (Vec<Term>, bool) {
        self.cut();
        (self.kept, !self.dropped)
    }
}

impl TrainedModel {
    /// Refuses columns other than those of training.
    ///
    /// # Errors
    /// If their hash is another.
    pub fn check_columns(&self, columns: &[ColumnInfo]) -> Result<()> {
        let found = columns_hash(columns);
        if found != self.columns_sha256 {
            return Err(ModelError::Columns { expected: self.columns_sha256.clone(), found });
        }
        Ok(())
    }

    /// Probabilities of every row, one a class in the order of `classes`.
    ///
    /// # Errors
    /// If the matrix has another number of columns than the model.
    pub fn probabilities<'x>(&self, x: impl Into<Matrix<'x>>) -> Result<Vec<Vec<f64>>> {
        self.coefficients.probabilities(x)
    }

    /// The weight of a column for a class against the mean of the classes, of two against the other.
    fn weight(&self, column: usize, class: usize) -> f64 {
        let weights = self.coefficients.column(column);
        let of = |class: usize| of_class(weights, class);
        let other = match self.classes.len() {
            2 => of(1 - class),
            classes => (0..classes).map(of).sum::<f64>() / classes as f64,
        };
        of(class) - other
    }

    /// Why one row scores as it does: the terms of ln(p of `class` / p of `against`), of which the
    /// `limit` strongest columns are named. Classes are positions in `classes`; a row is the columns
    /// and values of [`clawsig_schema::matrix::Csr::row`]. `None` where there is no such class.
    pub fn explain(
        &self,
        row: (&[u32], &[f64]),
        columns: &[ColumnInfo],
        class: usize,
        against: usize,
        limit: usize,
    ) -> Option<Explanation> {
        let (name, other) = (self.classes.get(class)?, self.classes.get(against)?);
        let mut strongest = Strongest::new(limit);
        let mut total = 0.0;
        for (&column, &value) in row.0.iter().zip(row.1) {
            if (column as usize) < self.coefficients.cols.min(columns.len()) {
                let weights = self.coefficients.column(column as usize);
                let log_odds = value * (of_class(weights, class) - of_class(weights, against));
                total += log_odds;
                strongest.push(Term { log_odds, column, value });
            }
        }
        let (terms, all_named) = strongest.finish();
        let named: f64 = terms.iter().map(|term| term.log_odds).sum();
        let intercepts = &self.coefficients.intercepts;
        let intercept = of_class(intercepts, class) - of_class(intercepts, against);
        let contribution = |&Term { log_odds, column, value }: &Term| {
            let info = &columns[column as usize];
            Contribution { column, group: info.group, name: info.name.clone(), value, log_odds }
        };
        Some(Explanation {
            class: name.clone(),
            against: other.clone(),
            log_odds: intercept + total,
            intercept,
            contributions: terms.iter().map(contribution).collect(),
            rest: if all_named { 0.0 } else { total - named },
        })
    }

    /// The columns of the highest weight for each class, strongest first.
    pub fn strongest(&self, columns: &[ColumnInfo], limit: usize) -> Vec<TermWeight> {
        let mut rows = Vec::new();
        for (class, name) in self.classes.iter().enumerate() {
            let mut order: Vec<(f64, usize)> = (0..self.coefficients.cols.min(columns.len()))
                .map(|column| (self.weight(column, class), column))
                .filter(|(weight, _)| *weight > 0.0)
                .collect();
            order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            rows.extend(order.iter().take(limit).map(|&(weight, column)| TermWeight {
                class: name.clone(),
                group: columns[column].group,
                name: columns[column].name.clone(),
                weight,
            }));
        }
        rows
    }
}
