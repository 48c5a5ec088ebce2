//! Scoring rows that nobody has labelled, with the reasons.

use clawsig_schema::{
    evaluation::Explanation,
    matrix::{ColumnInfo, Csr},
};
use rayon::prelude::*;

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, first_maximum},
};

/// What a model says of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The class of highest probability, the first of equals: a position in
    /// [`clawsig_schema::Target::classes`].
    pub class: usize,
    /// The class of the next highest probability: what the contributions are taken against.
    pub runner_up: usize,
    /// One probability a class of the target, in its order; they sum to 1. A class without
    /// training rows has 0.
    pub probabilities: Vec<f64>,
    /// The terms of ln(p of `class` / p of `runner_up`); `None` where the model knows one class
    /// alone.
    pub explanation: Option<Explanation>,
}

impl TrainedModel {
    /// Scores every row of a matrix, in parallel on the current rayon pool; at most `top`
    /// columns are named of each. Probabilities are those of [`TrainedModel::probabilities`],
    /// bit for bit, whatever other rows stand in the matrix.
    ///
    /// # Errors
    /// [`ModelError::Columns`] if `columns` are not those of training, [`ModelError::Shape`] if
    /// the matrix has another number of columns.
    pub fn score(&self, x: &Csr, columns: &[ColumnInfo], top: usize) -> Result<Vec<Score>> {
        self.check_columns(columns)?;
        self.score_checked(x, columns, top)
    }

    /// [`TrainedModel::score`] for columns that [`TrainedModel::check_columns`] has passed, for
    /// whoever scores many batches.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the matrix or the list has another number of columns.
    pub fn score_checked(&self, x: &Csr, columns: &[ColumnInfo], top: usize) -> Result<Vec<Score>> {
        if columns.len() != self.coefficients.cols {
            return Err(ModelError::Shape {
                what: "the list of columns",
                found: columns.len(),
                expected: self.coefficients.cols,
            });
        }
        let names = self.target.classes();
        let place: Vec<Option<usize>> =
            names.iter().map(|n| self.classes.iter().position(|class| class == n)).collect();
        let known = self.probabilities(x)?;
        let score = |(row, known): (usize, &Vec<f64>)| {
            let probabilities: Vec<f64> =
                place.iter().map(|at| at.map_or(0.0, |at| known[at])).collect();
            let class = first_maximum(&probabilities);
            let runner_up = runner_up(&probabilities, class, &place);
            let known = place[class].zip(place[runner_up]);
            let explanation =
                known.and_then(|(own, other)| self.explain(x.row(row), columns, own, other, top));
            Score { class, runner_up, probabilities, explanation }
        };
        Ok(known.par_iter().enumerate().map(|(row, known)| score((row, known))).collect())
    }
}

/// The best of the other classes that the model knows. It knows two at least.
fn runner_up(probabilities: &[f64], class: usize, place: &[Option<usize>]) -> usize {
    (0..probabilities.len())
        .filter(|&other| other != class && place[other].is_some())
        .reduce(|best, other| if probabilities[other] > probabilities[best] { other } else { best })
        .unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use clawsig_schema::{Split, Verdict, matrix::ColumnGroup, matrix::RowInfo};

    use super::*;
    use crate::{SplitData, TrainData, TrainParams, train};

    fn column(column: u32) -> ColumnInfo {
        ColumnInfo {
            column,
            group: ColumnGroup::Text,
            name: format!("t{column}"),
            reads: String::new(),
        }
    }

    fn trained(verdicts: &[Verdict]) -> (TrainedModel, Csr, Vec<ColumnInfo>) {
        let columns: Vec<ColumnInfo> = (0..4).map(column).collect();
        let rows: Vec<(Vec<u32>, Vec<f64>)> = (0..verdicts.len())
            .map(|row| {
                let at = verdicts[row].index() as u32;
                (vec![at, 3], vec![1.0 + row as f64 / 10.0, 0.5 - (row % 4) as f64])
            })
            .collect();
        let x = Csr::from_rows(4, rows.iter().map(|(c, v)| (&c[..], &v[..]))).unwrap();
        let infos: Vec<RowInfo> = verdicts
            .iter()
            .enumerate()
            .map(|(row, &verdict)| RowInfo {
                id: row.to_string(),
                verdict: verdict.into(),
                duplicate_group: row as u32,
                ..RowInfo::default()
            })
            .collect();
        let splits = [SplitData { split: Split::Train, x: &x, rows: &infos }];
        let data = TrainData { splits: &splits, columns: &columns };
        let params = TrainParams::default().check().unwrap();
        let training = train(&data, &params, &|_, _, _| {}).unwrap();
        (training.model, x.clone(), columns.clone())
    }

    #[test]
    fn the_terms_sum_to_the_log_odds_against_the_runner_up() {
        use Verdict::{Clean, Malicious, Suspicious};
        for verdicts in [
            vec![Clean, Suspicious, Malicious, Clean, Suspicious, Malicious, Clean],
            vec![Clean, Malicious, Clean, Malicious, Clean],
        ] {
            let (model, x, columns) = trained(&verdicts);
            let empty = Csr::from_rows(4, [(&[][..], &[][..])]).unwrap();
            let bare = model.score(&empty, &columns, 0).unwrap().remove(0).probabilities;
            for top in [0, 1, 100] {
                for score in model.score(&x, &columns, top).unwrap() {
                    let (p, q) =
                        (score.probabilities[score.class], score.probabilities[score.runner_up]);
                    let found = score.explanation.unwrap();
                    let names = model.target.classes();
                    assert_eq!(found.class, names[score.class]);
                    assert_eq!(found.against, names[score.runner_up]);
                    assert!(((p / q).ln() - found.log_odds).abs() < 1e-9, "{found:?}");
                    let bare = (bare[score.class] / bare[score.runner_up]).ln();
                    assert!((bare - found.intercept).abs() < 1e-9, "{found:?}");
                    let named: f64 = found.contributions.iter().map(|c| c.log_odds).sum();
                    let sum = found.intercept + named + found.rest;
                    assert!((sum - found.log_odds).abs() < 1e-12, "{found:?}");
                    assert_eq!(found.rest == 0.0, top == 100, "{found:?}");
                    assert!(found.contributions.len() <= top);
                    let strengths: Vec<f64> =
                        found.contributions.iter().map(|c| c.log_odds.abs()).collect();
                    assert!(strengths.is_sorted_by(|a, b| a >= b));
                }
            }
        }
    }

    #[test]
    fn a_class_without_training_rows_has_probability_zero_and_is_no_runner_up() {
        let (model, x, columns) = trained(&[Verdict::Clean, Verdict::Malicious, Verdict::Clean]);
        for score in model.score(&x, &columns, 3).unwrap() {
            assert_eq!(score.probabilities.len(), 3);
            assert_eq!(score.probabilities[Verdict::Suspicious.index()], 0.0);
            assert_eq!(score.class + score.runner_up, 2);
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_company() {
        let (model, x, columns) = trained(&[Verdict::Clean, Verdict::Malicious, Verdict::Clean]);
        let together = model.score(&x, &columns, 2).unwrap();
        for (row, score) in together.iter().enumerate() {
            let alone = model.score(&x.select_rows(&[row]), &columns, 2).unwrap();
            assert_eq!(alone[0], *score);
        }
    }

    #[test]
    fn other_columns_are_refused() {
        let (model, x, mut columns) = trained(&[Verdict::Clean, Verdict::Malicious]);
        columns[0].name.push('x');
        assert!(matches!(model.score(&x, &columns, 1), Err(ModelError::Columns { .. })));
        columns.pop();
        assert!(matches!(model.score_checked(&x, &columns, 1), Err(ModelError::Shape { .. })));
        let narrow = Csr::empty(2).unwrap();
        let four: Vec<ColumnInfo> = (0..4).map(column).collect();
        assert!(matches!(model.score(&narrow, &four, 1), Err(ModelError::Shape { .. })));
    }
}
