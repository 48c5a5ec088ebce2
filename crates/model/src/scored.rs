//! Predictions beside the labels.

use std::collections::HashMap;

use clawsig_schema::{
    evaluation::{MACRO, OVERALL, WEIGHTED},
    matrix::RowInfo,
};

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, first_maximum},
    solver::Matrix,
};

/// How far a row's probabilities may sum from 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// Predictions beside the rows' own classes, checked: every row has a class, probabilities that
/// sum to 1, and an owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    pub(crate) classes: Vec<String>,
    pub(crate) labels: Vec<usize>,
    pub(crate) predicted: Vec<usize>,
    pub(crate) probabilities: Vec<Vec<f64>>,
    pub(crate) owners: Vec<usize>,
    /// Number of owners: each of `owners` is below it.
    pub(crate) units: usize,
}

/// Numbers owners in order of first appearance; a row without one is its own.
pub fn owner_units<'a>(rows: impl IntoIterator<Item = &'a RowInfo>) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    rows.into_iter()
        .map(|row| match row.owner.as_deref() {
            Some(owner) => *known.entry(owner).or_insert_with(&mut fresh),
            None => fresh(),
        })
        .collect()
}

/// The same groups under the numbers from 0 on, in order of first appearance, and how many.
fn renumbered(owners: &[usize]) -> (Vec<usize>, usize) {
    let mut known: HashMap<usize, usize> = HashMap::with_capacity(owners.len());
    let numbers = owners.iter().map(|&owner| {
        let next = known.len();
        *known.entry(owner).or_insert(next)
    });
    let numbers = numbers.collect();
    (numbers, known.len())
}

impl Scored {
    /// A model's predictions on rows.
    ///
    /// # Errors
    /// If lengths or widths disagree.
    pub fn new<'x>(
        model: &TrainedModel,
        x: impl Into<Matrix<'x>>,
        labels: &[usize],
        rows: &[&RowInfo],
    ) -> Result<Scored> {
        let names = model.target.classes();
        let place: Vec<Option<usize>> =
            names.iter().map(|n| model.classes.iter().position(|class| class == n)).collect();
        let probabilities = model
            .probabilities(x)?
            .into_iter()
            .map(|p| place.iter().map(|at| at.map_or(0.0, |at| p[at])).collect())
            .collect();
        let classes = names.iter().map(|name| (*name).to_owned()).collect();
        Scored::from_probabilities(
            classes,
            labels.to_vec(),
            probabilities,
            &owner_units(rows.iter().copied()),
        )
    }

    /// Predictions given as probabilities; the first of equal highest is predicted. Rows of one
    /// owner, numbered by anything, are resampled together.
    ///
    /// # Errors
    /// If lengths disagree, two classes share a name or one has the name of a mean (`macro`,
    /// `weighted`, `overall`), a label is no class, or the probabilities of a row are not in 0..=1
    /// or do not sum to 1 within 1e-6.
    pub fn from_probabilities(
        classes: Vec<String>,
        labels: Vec<usize>,
        probabilities: Vec<Vec<f64>>,
        owners: &[usize],
    ) -> Result<Scored> {
        for (at, class) in classes.iter().enumerate() {
            if [MACRO, WEIGHTED, OVERALL].contains(&class.as_str()) || classes[..at].contains(class)
            {
                return Err(ModelError::RowValue {
                    what: "the name of a class",
                    row: at,
                    value: class.clone(),
                    expected: "a name of its own, other than macro, weighted and overall",
                });
            }
        }
        for (what, found) in [
            ("the list of probabilities", probabilities.len()),
            ("the list of owners", owners.len()),
        ] {
            if found != labels.len() {
                return Err(ModelError::Shape { what, found, expected: labels.len() });
            }
        }
        for (row, p) in probabilities.iter().enumerate() {
            if p.len() != classes.len() {
                return Err(ModelError::Shape {
                    what: "a row of probabilities",
                    found: p.len(),
                    expected: classes.len(),
                });
            }
            let bad = |what, value: String, expected| {
                Err(ModelError::RowValue { what, row, value, expected })
            };
            if labels[row] >= classes.len() {
                return bad("the label", labels[row].to_string(), "the number of a class");
            }
            if let Some(p) = p.iter().find(|p| !(0.0..=1.0 + 1e-9).contains(*p)) {
                return bad("a probability", p.to_string(), "a number from 0 to 1");
            }
            let sum: f64 = p.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return bad("the sum of the probabilities", sum.to_string(), "1 within 1e-6");
            }
        }
        let predicted = probabilities.iter().map(|p| first_maximum(p)).collect();
        let (owners, units) = renumbered(owners);
        Ok(Scored { classes, labels, predicted, probabilities, owners, units })
    }

    /// The target's classes, those without rows too.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The rows' own classes.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Predicted classes.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// Probabilities of every row, one a class.
    pub fn probabilities(&self) -> &[Vec<f64>] {
        &self.probabilities
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The rows for which `keep` holds.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Scored {
        let kept: Vec<usize> = (0..self.len()).filter(|&row| keep(row)).collect();
        let owners: Vec<usize> = kept.iter().map(|&row| self.owners[row]).collect();
        let (owners, units) = renumbered(&owners);
        Scored {
            classes: self.classes.clone(),
            labels: kept.iter().map(|&row| self.labels[row]).collect(),
            predicted: kept.iter().map(|&row| self.predicted[row]).collect(),
            probabilities: kept.iter().map(|&row| self.probabilities[row].clone()).collect(),
            owners,
            units,
        }
    }

    /// Rows of each class.
    pub fn support(&self) -> Vec<u64> {
        let mut support = vec![0; self.classes.len()];
        self.labels.iter().for_each(|&label| support[label] += 1);
        support
    }

    /// Rows by their own, then by the predicted class.
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.classes.len()]; self.classes.len()];
        for (&label, &predicted) in self.labels.iter().zip(&self.predicted) {
            counts[label][predicted] += 1;
        }
        counts
    }

    /// Rows by falling probability of a class, ties in row order.
    pub(crate) fn ranking(&self, class: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|&a, &b| {
            self.probabilities[b][class].total_cmp(&self.probabilities[a][class])
        });
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(p: &[&[f64]], labels: &[usize], owners: &[usize]) -> Result<Scored> {
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        let p = p.iter().map(|p| p.to_vec()).collect();
        Scored::from_probabilities(classes, labels.to_vec(), p, owners)
    }

    #[test]
    fn rows_that_are_no_predictions_are_refused() {
        let message = |p: &[&[f64]], labels: &[usize], owners: &[usize]| {
            scored(p, labels, owners).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[&[0.9, 0.9]], &[0], &[0]),
            "the sum of the probabilities of row 0 is 1.8, expected 1 within 1e-6"
        );
        assert!(message(&[&[1.5, -0.5]], &[0], &[0]).contains("from 0 to 1"));
        assert!(message(&[&[f64::NAN, 1.0]], &[0], &[0]).contains("from 0 to 1"));
        assert!(message(&[&[1.0]], &[0], &[0]).contains("a row of probabilities"));
        assert!(message(&[&[1.0, 0.0]], &[2], &[0]).contains("the label of row 0 is 2"));
        assert!(message(&[&[1.0, 0.0]], &[0], &[]).contains("the list of owners"));
        assert!(message(&[], &[0], &[0]).contains("the list of probabilities"));
        let named = |names: [&str; 2]| {
            Scored::from_probabilities(names.map(str::to_owned).to_vec(), vec![], vec![], &[])
        };
        assert!(named(["a", "a"]).is_err());
        assert!(named(["a", "macro"]).is_err());
        assert!(named(["a", "b"]).is_ok_and(|found| found.is_empty()));
        assert!(scored(&[&[0.5, 0.5 + 9e-7]], &[0], &[0]).is_ok());
    }

    #[test]
    fn owners_may_have_any_numbers_and_keep_their_groups() {
        let rows = [&[1.0, 0.0][..]; 4];
        let found = scored(&rows, &[0, 0, 1, 1], &[usize::MAX, 7, usize::MAX, 1 << 40]).unwrap();
        assert_eq!((&found.owners[..], found.units), (&[0, 1, 0, 2][..], 3));
        let kept = found.filter(|row| row > 0);
        assert_eq!((&kept.owners[..], kept.units), (&[0, 1, 2][..], 3));
        assert_eq!((kept.support(), kept.len()), (vec![1, 2], 3));
        assert_eq!(kept.confusion(), [[1, 0], [2, 0]]);
    }

    #[test]
    fn a_row_without_an_owner_is_its_own() {
        let of =
            |owner: Option<&str>| RowInfo { owner: owner.map(str::to_owned), ..RowInfo::default() };
        let rows = [of(Some("x")), of(None), of(Some("y")), of(Some("x")), of(None)];
        assert_eq!(owner_units(&rows), [0, 1, 2, 0, 3]);
    }

    #[test]
    fn a_ranking_falls_and_keeps_the_order_of_ties() {
        let rows = [[0.2, 0.8], [0.9, 0.1], [0.2, 0.8], [0.5, 0.5]];
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let found = scored(&rows, &[0; 4], &[0, 1, 2, 3]).unwrap();
        assert_eq!(found.ranking(0), [1, 3, 0, 2]);
        assert_eq!(found.predicted(), [1, 0, 1, 0]);
        assert_eq!(found.probabilities()[3], [0.5, 0.5]);
        assert_eq!((found.labels(), found.classes().len()), (&[0; 4][..], 2));
    }
}
