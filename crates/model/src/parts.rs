//! The parts of a plan: which rows train, and on which the model is tried.

use clawsig_schema::{
    Split,
    matrix::{ColumnInfo, Csr, RowInfo},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    error::{ModelError, Result},
    params::{SplitPlan, TrainParams},
    solver::PickedRows,
};

/// One split's matrix and who its rows are.
#[derive(Clone, Copy, Debug)]
pub struct SplitData<'a> {
    /// The split.
    pub split: Split,
    /// Its matrix.
    pub x: &'a Csr,
    /// Its rows, one a row of the matrix.
    pub rows: &'a [RowInfo],
}

/// All splits and the columns they share.
#[derive(Clone, Copy, Debug)]
pub struct TrainData<'a> {
    /// The splits; one that is missing counts as empty.
    pub splits: &'a [SplitData<'a>],
    /// The columns.
    pub columns: &'a [ColumnInfo],
}

/// The rows of one part of a plan, without the unlabelled ones.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// `train`, `validation`, `test` or `eval_holdout`.
    pub name: &'static str,
    /// The labelled rows' matrix.
    pub x: PickedRows<'a>,
    /// The labelled rows.
    pub rows: Vec<RowInfo>,
    /// Their classes, as positions in the target's list.
    pub labels: Vec<usize>,
    /// Rows without a label, left out.
    pub unlabelled: u64,
}

/// Shuffles with Fisher and Yates; the modulo's bias is below 2^-32 for any row count in memory.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for end in (1..items.len()).rev() {
        items.swap(end, (rng.next_u64() % (end as u64 + 1)) as usize);
    }
}

impl<'a> TrainData<'a> {
    /// The parts of a plan, unlabelled rows left out: train, validation, test, eval_holdout.
    ///
    /// # Errors
    /// If a split's matrix and rows differ in length, or its columns are not the list's.
    pub fn parts(&self, params: &TrainParams) -> Result<Vec<Part<'a>>> {
        type Chosen<'p> = Vec<(&'p SplitData<'p>, Vec<usize>)>;
        for data in self.splits {
            if data.rows.len() != data.x.rows() {
                return Err(ModelError::Shape {
                    what: "a split's list of rows",
                    found: data.rows.len(),
                    expected: data.x.rows(),
                });
            }
            if data.x.cols() != self.columns.len() {
                return Err(ModelError::Shape {
                    what: "the list of columns",
                    found: self.columns.len(),
                    expected: data.x.cols(),
                });
            }
        }
        let of = |split: Split| -> Chosen<'a> {
            let data = self.splits.iter().filter(|data| data.split == split);
            data.map(|data| (data, (0..data.rows.len()).collect())).collect()
        };
        let mut plan: Vec<(&'static str, Chosen<'a>)> =
            Split::ALL.iter().map(|&split| (split.as_str(), of(split))).collect();
        if params.split == SplitPlan::Stratified7030 {
            let mut rng = ChaCha8Rng::seed_from_u64(params.seed);
            let pool: Vec<&'a SplitData<'a>> =
                self.splits.iter().filter(|data| data.split != Split::EvalHoldout).collect();
            let mut in_test: Vec<Vec<bool>> =
                pool.iter().map(|data| vec![false; data.rows.len()]).collect();
            for class in 0..params.target.classes().len() {
                let mut of_class: Vec<(usize, usize)> = Vec::new();
                for (at, data) in pool.iter().enumerate() {
                    let rows = data.rows.iter().enumerate();
                    of_class.extend(
                        rows.filter(|(_, row)| params.target.label_of(row) == Some(class))
                            .map(|(row, _)| (at, row)),
                    );
                }
                shuffle(&mut of_class, &mut rng);
                let test = (of_class.len() * 3 + 5) / 10;
                of_class.iter().take(test).for_each(|&(at, row)| in_test[at][row] = true);
            }
            let side = |test: bool| -> Chosen<'a> {
                pool.iter()
                    .zip(&in_test)
                    .map(|(data, flags)| {
                        (*data, (0..flags.len()).filter(|&row| flags[row] == test).collect())
                    })
                    .collect()
            };
            plan[Split::Train.index()].1 = side(false);
            plan[Split::Validation.index()].1.clear();
            plan[Split::Test.index()].1 = side(true);
        }
        plan.into_iter()
            .map(|(name, chosen)| {
                let mut part = Part {
                    name,
                    x: PickedRows::new(self.columns.len()),
                    rows: Vec::new(),
                    labels: Vec::new(),
                    unlabelled: 0,
                };
                for (data, rows) in chosen {
                    for row in rows {
                        match params.target.label_of(&data.rows[row]) {
                            Some(label) => {
                                part.x.push(data.x, row)?;
                                part.rows.push(data.rows[row].clone());
                                part.labels.push(label);
                            }
                            None => part.unlabelled += 1,
                        }
                    }
                }
                Ok(part)
            })
            .collect()
    }
}
