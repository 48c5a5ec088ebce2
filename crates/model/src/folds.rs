//! Folds by owner and near-duplicates: every row scored by models that met neither.

use std::collections::{BTreeMap, HashMap};

use clawsig_schema::{
    Progress, Target,
    evaluation::ModelName,
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
    profile::count_name,
};
use clawsig_stats::Groups;

use crate::{
    data::NAMES,
    error::{ModelError, Result},
    model::TrainedModel,
    params::TrainParams,
    path::start_at,
    scored::Scored,
    solver::{Coefficients, Compact, PickedRows, Solver},
    split::group_folds,
    train::{COMPARED_GAP, Training, fit, keep_groups},
};

/// The gap to which models are solved that only serve as starts of others. To reach [`COMPARED_GAP`] takes
/// longer than it spares the solver afterwards.
const START_GAP: f64 = 1e-2;

/// The groups of rows that share an owner or a near-duplicate, directly or through others, numbered
/// from 0 in order of first appearance.
pub fn related_rows(rows: &[&RowInfo]) -> Vec<usize> {
    let mut groups = Groups::new(rows.len());
    let mut owners: HashMap<&str, usize> = HashMap::new();
    let mut duplicates: HashMap<u32, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        groups.join(*duplicates.entry(row.duplicate_group).or_insert(at), at);
        if let Some(owner) = row.owner.as_deref() {
            groups.join(*owners.entry(owner).or_insert(at), at);
        }
    }
    groups.numbers()
}

/// One model that every fold trains anew.
#[derive(Clone, Debug)]
struct Repeated {
    name: ModelName,
    /// The view of the text that is left out to see what it is worth.
    without: Option<ColumnGroup>,
    groups: Vec<ColumnGroup>,
    params: TrainParams,
    /// One list a row, one probability a class; empty before the row's fold is scored.
    probabilities: Vec<Vec<f64>>,
}

impl Repeated {
    /// Trains on a fold's rows, from a start of the same fold; without one by way of the smaller values of
    /// C that were tried, which is quicker than a start from 0.
    fn fit(
        &self,
        x: &Compact,
        labels: &[usize],
        columns: &[ColumnInfo],
        start: Option<Coefficients>,
        progress: crate::solver::StepProgress<'_>,
    ) -> Result<TrainedModel> {
        let (c, tolerance) = (self.params.c, self.params.tolerance);
        let one = |c: f64, tolerance: f64, start: Option<Coefficients>| {
            let params = TrainParams { c, tolerance, ..self.params.clone() };
            fit(x, labels, &self.groups, columns, &params, start.as_ref(), progress)
        };
        let mut solved: Vec<(f64, Coefficients)> =
            start.map(|start| (c, start)).into_iter().collect();
        // linfa's solver takes no start.
        if solved.is_empty() && self.params.solver != Solver::Linfa {
            let mut smaller = self.params.grid.clone();
            smaller.retain(|&smaller| smaller < c);
            smaller.sort_by(f64::total_cmp);
            for c in smaller {
                let solution = one(c, tolerance.max(START_GAP), start_at(c, &solved))?;
                solved.push((c, solution.coefficients));
            }
        }
        one(c, tolerance, start_at(c, &solved))
    }
}

/// The answers of one model for every row, trained in other folds.
#[derive(Clone, Debug)]
pub(crate) struct FoldScores {
    pub(crate) name: ModelName,
    /// The view of the text that the model did without.
    pub(crate) without: Option<ColumnGroup>,
    pub(crate) scored: Scored,
}

/// Cross-validation of the trained models in folds that keep owners and near-duplicates together.
///
/// Every labelled row is scored once, by models that no row of its owner and no near-duplicate of it
/// trained. Features have to be learned from the training rows of each fold, which is the
/// caller's part: for each of [`CrossValidation::folds`], learn from the rows that
/// [`CrossValidation::fold_of`] gives to other folds, and hand the matrix of all rows to
/// [`CrossValidation::score`].
///
/// C and all other settings are those of the trained models and not chosen anew. A model on several
/// views of the text is also trained without each of them.
#[derive(Clone, Debug)]
pub struct CrossValidation<'a> {
    target: Target,
    rows: Vec<&'a RowInfo>,
    labels: Vec<usize>,
    /// Rows without a label, as [`Target::left_out_as`] names them.
    left_out: BTreeMap<String, u64>,
    related: Vec<usize>,
    fold_of: Vec<usize>,
    wanted: usize,
    models: Vec<Repeated>,
    refused: Option<String>,
}

impl<'a> CrossValidation<'a> {
    /// Deals the labelled ones of `rows` out to `folds` folds. The rows without a label are left out.
    pub fn new(
        rows: impl IntoIterator<Item = &'a RowInfo>,
        training: &Training,
        folds: usize,
        seed: u64,
    ) -> CrossValidation<'a> {
        let target = training.model.target;
        let mut left_out = BTreeMap::new();
        let labelled = rows.into_iter().filter_map(|row| match target.label_of(row) {
            Some(label) => Some((row, label)),
            None => {
                count_name(&mut left_out, &target.left_out_as(row), 1, NAMES);
                None
            }
        });
        let (rows, labels): (Vec<&RowInfo>, Vec<usize>) = labelled.unzip();
        let related = related_rows(&rows);
        let fold_of = group_folds(&labels, &related, folds, seed);
        let refused = related
            .iter()
            .all(|&group| group == 0)
            .then(|| "all rows are of one owner or near-duplicates of one another".to_owned());
        let trained = [
            (ModelName::All, Some(&training.model)),
            (ModelName::TextOnly, training.text_only.as_ref()),
        ];
        let mut models = Vec::new();
        for (name, model) in trained {
            let Some(model) = model else { continue };
            let tolerance = model.params.tolerance.max(COMPARED_GAP);
            let params = TrainParams { tolerance, ..model.params.clone() };
            let views: Vec<ColumnGroup> =
                model.groups.iter().copied().filter(|group| group.is_of_terms()).collect();
            let left_out = views.iter().copied().map(Some).filter(|_| views.len() > 1);
            for without in std::iter::once(None).chain(left_out) {
                let kept = model.groups.iter().copied().filter(|&group| Some(group) != without);
                models.push(Repeated {
                    name,
                    without,
                    groups: kept.collect(),
                    params: params.clone(),
                    probabilities: vec![Vec::new(); rows.len()],
                });
            }
        }
        let wanted = folds;
        CrossValidation {
            target,
            rows,
            labels,
            left_out,
            related,
            fold_of,
            wanted,
            models,
            refused,
        }
    }

    /// The labelled rows, by whose numbers all else speaks.
    pub fn rows(&self) -> &[&'a RowInfo] {
        &self.rows
    }

    /// The fold that tests each row.
    pub fn fold_of(&self) -> &[usize] {
        &self.fold_of
    }

    /// The folds that have rows; none where the rows can't be divided.
    pub fn folds(&self) -> Vec<usize> {
        let used = |fold: &usize| self.fold_of.contains(fold);
        (0..self.wanted).filter(|_| self.refused.is_none()).filter(used).collect()
    }

    /// Gives up: there are no figures, for this reason.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        self.refused.get_or_insert(reason.into());
    }

    /// Trains every model on the rows that are not of `fold`, and scores those that are. The matrix is
    /// that of all rows, in the order that `numbers` gives, with the columns in `columns`, learned from
    /// the training rows alone. A fold whose training rows are of one class ends the whole without
    /// figures.
    ///
    /// # Errors
    /// If shapes disagree, or a row is missing or there twice.
    pub fn score(
        &mut self,
        fold: usize,
        columns: &[ColumnInfo],
        (x, numbers): (&Csr, &[usize]),
        progress: Progress<'_>,
    ) -> Result<()> {
        let mut once = vec![false; self.rows.len()];
        let fits =
            |&row: &usize| once.get_mut(row).is_some_and(|met| !std::mem::replace(met, true));
        let all = numbers.len() == self.rows.len() && numbers.iter().all(fits);
        if !all || x.rows() != numbers.len() {
            return Err(ModelError::Shape {
                what: "the rows of a fold's matrix",
                found: x.rows(),
                expected: self.rows.len(),
            });
        }
        if x.cols() != columns.len() {
            return Err(ModelError::Shape {
                what: "the list of columns",
                found: columns.len(),
                expected: x.cols(),
            });
        }
        let part = |tests: bool| -> Result<(PickedRows<'_>, Vec<usize>)> {
            let (mut part, mut of_part) = (PickedRows::new(x.cols()), Vec::new());
            for (at, &row) in numbers.iter().enumerate() {
                if (self.fold_of[row] == fold) == tests {
                    part.push(x, at)?;
                    of_part.push(row);
                }
            }
            Ok((part, of_part))
        };
        let (train, test) = (part(false)?, part(true)?);
        let labels_of = |numbers: &[usize]| -> Vec<usize> {
            numbers.iter().map(|&row| self.labels[row]).collect()
        };
        let (labels, test_labels) = (labels_of(&train.1), labels_of(&test.1));
        let test_rows: Vec<&RowInfo> = test.1.iter().map(|&row| self.rows[row]).collect();
        let mut whole: Option<Coefficients> = None;
        for model in &mut self.models {
            let groups = &model.groups;
            let compact = train.0.compact(|column| groups.contains(&columns[column].group))?;
            let part = format!("fold {}, {} model", fold + 1, model.name);
            let (done, total) = (fold as u64, self.wanted as u64);
            let step = |n, _| progress(&format!("{part}, step {n}"), done, total);
            let start = whole.as_ref().map(|whole| keep_groups(whole, columns, groups));
            let fitted = match model.fit(&compact, &labels, columns, start, &step) {
                Err(ModelError::TooFewClasses { .. }) => {
                    let reason = "the training rows of a fold are of one class";
                    self.refused.get_or_insert(reason.to_owned());
                    return Ok(());
                }
                fitted => fitted?,
            };
            whole.get_or_insert_with(|| fitted.coefficients.clone());
            let scored = Scored::new(&fitted, &test.0, &test_labels, &test_rows)?;
            for (&row, probabilities) in test.1.iter().zip(scored.probabilities) {
                model.probabilities[row] = probabilities;
            }
        }
        Ok(())
    }

    /// The answers of each model for all rows, or why there are no figures. Rows that share an owner or a
    /// near-duplicate are resampled together.
    pub(crate) fn scores(&self) -> Result<std::result::Result<Vec<FoldScores>, String>> {
        if let Some(reason) = &self.refused {
            return Ok(Err(reason.clone()));
        }
        let classes: Vec<String> =
            self.target.classes().iter().map(|&name| name.to_owned()).collect();
        let scores = self.models.iter().map(|model| {
            let scored = Scored::from_probabilities(
                classes.clone(),
                self.labels.clone(),
                model.probabilities.clone(),
                &self.related,
            )?;
            Ok(FoldScores { name: model.name, without: model.without, scored })
        });
        Ok(Ok(scores.collect::<Result<_>>()?))
    }

    /// The rows' classes.
    pub(crate) fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The rows without a label, left out, by name.
    pub(crate) fn left_out(&self) -> &BTreeMap<String, u64> {
        &self.left_out
    }

    /// The number of folds that were asked for.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }
}
