//! Scoring rows that nobody has labelled, with the reasons.

use clawsig_schema::{
    evaluation::Explanation,
    matrix::{ColumnInfo, Csr},
};
use rayon::prelude::*;

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, first_maximum},
    solver::Row,
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
        self.coefficients.check()?;
        if x.cols() != self.coefficients.cols {
            let (found, expected) = (x.cols(), self.coefficients.cols);
            return Err(ModelError::Shape { what: "a row of the matrix", found, expected });
        }
        (0..x.rows()).into_par_iter().map(|row| self.score_row(x.row(row), columns, top)).collect()
    }

    /// [`TrainedModel::score`] of one row, its columns (ascending) and their values, for columns
    /// that [`TrainedModel::check_columns`] has passed: for whoever scores rows as they come.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the list of columns has another length than the model's, the row has
    /// not as many values as columns, or one of its columns lies beyond the model's;
    /// [`ModelError::NotFinite`] if a value is not finite.
    pub fn score_row(
        &self,
        row: (&[u32], &[f64]),
        columns: &[ColumnInfo],
        top: usize,
    ) -> Result<Score> {
        self.coefficients.check_lengths()?;
        let beyond = row.0.iter().max().map_or(0, |&column| column as usize + 1);
        for (what, found, expected) in [
            ("the list of classes", self.classes.len(), self.coefficients.classes),
            ("the list of columns", columns.len(), self.coefficients.cols),
            ("the row's list of values", row.1.len(), row.0.len()),
            ("a row", beyond.max(self.coefficients.cols), self.coefficients.cols),
        ] {
            if found != expected {
                return Err(ModelError::Shape { what, found, expected });
            }
        }
        if let Some(at) = row.1.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { what: "value", at, value: row.1[at] });
        }
        let names = self.target.classes();
        let place: Vec<Option<usize>> =
            names.iter().map(|n| self.classes.iter().position(|class| class == n)).collect();
        let known = self.coefficients.row_probabilities(Row::Exact(row.0, row.1));
        let probabilities: Vec<f64> =
            place.iter().map(|at| at.map_or(0.0, |at| known[at])).collect();
        let class = first_maximum(&probabilities);
        let runner_up = runner_up(&probabilities, class, &place);
        let explanation = place[class]
            .zip(place[runner_up])
            .and_then(|(own, other)| self.explain(row, columns, own, other, top));
        Ok(Score { class, runner_up, probabilities, explanation })
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
        let narrow = Csr::empty(2).unwrap();
        let four: Vec<ColumnInfo> = (0..4).map(column).collect();
        assert!(matches!(model.score(&narrow, &four, 1), Err(ModelError::Shape { .. })));
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_and_named() {
        let (mut model, x, columns) = trained(&[Verdict::Clean, Verdict::Malicious]);
        let said = |model: &TrainedModel, row: (&[u32], &[f64]), columns: &[ColumnInfo]| {
            model.score_row(row, columns, 1).unwrap_err().to_string()
        };
        let row = (&[0, 3][..], &[1.0, 2.0][..]);
        assert!(model.score_row(row, &columns, 1).is_ok());
        for (found, expected) in [
            (said(&model, row, &columns[..3]), "the list of columns has length 3"),
            (said(&model, (row.0, &[1.0]), &columns), "the row's list of values has length 1"),
            (said(&model, (&[0, 4], row.1), &columns), "a row has length 5"),
            (said(&model, (row.0, &[1.0, f64::NAN]), &columns), "value 1 is NaN"),
        ] {
            assert!(found.starts_with(expected), "{found}");
        }
        model.classes.push("third".to_owned());
        assert!(said(&model, x.row(0), &columns).starts_with("the list of classes has length 3"));
        model.classes.pop();
        model.coefficients.weights.pop();
        assert!(said(&model, x.row(0), &columns).starts_with("the list of weights has length 3"));
    }

    #[test]
    fn the_strongest_terms_are_those_of_a_sorted_list() {
        let (mut model, _, _) = trained(&[Verdict::Clean, Verdict::Malicious]);
        let columns: Vec<ColumnInfo> = (0..200).map(column).collect();
        // Equal strengths, both signs, zeros and the least number above 0.
        let weight = |at: u32| match at % 7 {
            0 => 0.0,
            1 => f64::from_bits(1),
            _ => f64::from(at * 37 % 23) - 11.0,
        };
        model.coefficients.cols = columns.len();
        model.coefficients.weights = (0..200).map(weight).collect();
        let (all, ones): (Vec<u32>, Vec<f64>) = ((0..200).collect(), vec![1.0; 200]);
        let mut sorted: Vec<(u32, f64)> =
            all.iter().map(|&at| (at, weight(at))).filter(|term| term.1 != 0.0).collect();
        sorted.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        for limit in [0, 1, 5, 8, 17, sorted.len() - 1, sorted.len(), 200, usize::MAX] {
            let found = model.explain((&all, &ones), &columns, 1, 0, limit).unwrap();
            let named: Vec<(u32, f64)> =
                found.contributions.iter().map(|term| (term.column, term.log_odds)).collect();
            assert_eq!(named, sorted[..limit.min(sorted.len())], "{limit}");
            let rest: f64 = sorted[named.len()..].iter().map(|term| term.1).sum();
            assert!((found.rest - rest).abs() < 1e-9, "{limit}: {} {rest}", found.rest);
        }
    }
}
