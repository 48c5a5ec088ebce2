//! Training: the grid on validation, the chosen model, and the text-only model beside it.

use clawsig_schema::{
    Split,
    estimate::Estimate,
    evaluation::{GridRow, MACRO, OVERALL, metric},
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
    wording::counted,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    error::{ModelError, Result},
    metrics::{Scored, split_metrics},
    model::{TrainedModel, columns_hash},
    params::{ClassWeight, SolverKind, SplitPlan, TrainParams, ValidTrainParams},
    solver::{
        Auto, Coefficients, Lbfgs, LinfaDense, NewtonCg, Problem, Progress, ProximalNewton,
        SampledNewton, Solver, Stop,
    },
};

/// Is told the part under way, how much of that part is done, and of how much.
pub type PartProgress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

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

/// The rows of one part of a plan: a matrix without the unlabelled rows.
#[derive(Clone, Debug)]
pub struct Part {
    /// `train`, `validation`, `test` or `eval_holdout`.
    pub name: &'static str,
    /// The labelled rows' matrix.
    pub x: Csr,
    /// The labelled rows.
    pub rows: Vec<RowInfo>,
    /// Their classes, as positions in the target's list.
    pub labels: Vec<usize>,
    /// Rows without a label, left out.
    pub unlabelled: u64,
}

/// What training gives.
#[derive(Clone, Debug)]
pub struct Training {
    /// The chosen model, on all columns.
    pub model: TrainedModel,
    /// The model for skills that no scanner saw: text and shape only. `None` without such columns.
    pub text_only: Option<TrainedModel>,
    /// What was tried.
    pub grid: Vec<GridRow>,
    /// What everybody must see.
    pub warnings: Vec<String>,
}

fn stack(cols: usize, pieces: &[(&Csr, Vec<usize>)]) -> Result<Csr> {
    let (mut indptr, mut indices, mut values) = (vec![0_u64], Vec::new(), Vec::new());
    for (x, rows) in pieces {
        for &row in rows {
            let (columns, entries) = x.row(row);
            indices.extend_from_slice(columns);
            values.extend_from_slice(entries);
            indptr.push(indices.len() as u64);
        }
    }
    Csr::new(cols, indptr, indices, values).map_err(|_| ModelError::Shape {
        what: "a split's matrix",
        found: pieces.iter().map(|(x, _)| x.cols()).max().unwrap_or(0),
        expected: cols,
    })
}

/// Shuffles with Fisher and Yates; the modulo's bias is below 2^-32 for any row count in memory.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for end in (1..items.len()).rev() {
        items.swap(end, (rng.next_u64() % (end as u64 + 1)) as usize);
    }
}

impl TrainData<'_> {
    /// The parts of a plan, unlabelled rows left out: train, validation, test, eval_holdout.
    ///
    /// # Errors
    /// If a split's matrix and rows differ in length, or its columns are not the list's.
    pub fn parts(&self, params: &TrainParams) -> Result<Vec<Part>> {
        type Picked<'p> = Vec<(&'p SplitData<'p>, Vec<usize>)>;
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
        let of = |split: Split| -> Picked<'_> {
            let data = self.splits.iter().filter(|data| data.split == split);
            data.map(|data| (data, (0..data.rows.len()).collect())).collect()
        };
        let mut plan: Vec<(&'static str, Picked<'_>)> =
            Split::ALL.iter().map(|&split| (split.as_str(), of(split))).collect();
        if params.split == SplitPlan::Stratified7030 {
            let mut rng = ChaCha8Rng::seed_from_u64(params.seed);
            let pool: Vec<&SplitData<'_>> =
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
            let side = |test: bool| -> Picked<'_> {
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
            .map(|(name, picked)| {
                let mut part = Part {
                    name,
                    x: stack(self.columns.len(), &[])?,
                    rows: Vec::new(),
                    labels: Vec::new(),
                    unlabelled: 0,
                };
                let mut pieces = Vec::new();
                for (data, rows) in picked {
                    let mut kept = Vec::with_capacity(rows.len());
                    for row in rows {
                        match params.target.label_of(&data.rows[row]) {
                            Some(label) => {
                                kept.push(row);
                                part.rows.push(data.rows[row].clone());
                                part.labels.push(label);
                            }
                            None => part.unlabelled += 1,
                        }
                    }
                    pieces.push((data.x, kept));
                }
                part.x = stack(self.columns.len(), &pieces)?;
                Ok(part)
            })
            .collect()
    }
}

fn solver_of(kind: SolverKind) -> &'static dyn Solver {
    match kind {
        SolverKind::Auto => &Auto,
        SolverKind::SampledNewton => &SampledNewton,
        SolverKind::NewtonCg => &NewtonCg,
        SolverKind::Lbfgs => &Lbfgs,
        SolverKind::ProximalNewton => &ProximalNewton,
        SolverKind::Linfa => &LinfaDense,
    }
}

/// Fits one model on a matrix whose dropped columns are empty.
pub(crate) fn fit(
    x: &Csr,
    labels: &[usize],
    groups: &[ColumnGroup],
    columns: &[ColumnInfo],
    params: &TrainParams,
    start: Option<&Coefficients>,
    progress: Progress<'_>,
) -> Result<TrainedModel> {
    let names = params.target.classes();
    let mut counts = vec![0_usize; names.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    let present: Vec<usize> = (0..names.len()).filter(|&class| counts[class] > 0).collect();
    if present.len() < 2 {
        return Err(ModelError::TooFewClasses {
            target: params.target.as_str().to_owned(),
            found: present.len(),
        });
    }
    let position: Vec<u32> = (0..names.len())
        .map(|class| present.iter().position(|&p| p == class).unwrap_or(0) as u32)
        .collect();
    let compact: Vec<u32> = labels.iter().map(|&label| position[label]).collect();
    let weight = |class: usize| match &params.class_weight {
        ClassWeight::None => 1.0,
        ClassWeight::Balanced => labels.len() as f64 / (present.len() * counts[class]) as f64,
        ClassWeight::Given(weights) => weights[class],
    };
    let ratio = params.penalty.l1_ratio();
    let problem = Problem::new(x, &compact, present.len(), (1.0 - ratio) / params.c)?
        .with_l1(ratio / params.c)?
        .with_weights(labels.iter().map(|&label| weight(label)).collect())?;
    let stop = Stop { tolerance: params.tolerance, max_iterations: params.max_iterations };
    let solution = solver_of(params.solver).solve(&problem, start, stop, progress)?;
    Ok(TrainedModel {
        target: params.target,
        classes: present.iter().map(|&class| names[class].to_owned()).collect(),
        groups: groups.to_vec(),
        columns_sha256: columns_hash(columns),
        params: params.clone(),
        report: solution.report,
        training_rows: labels.len() as u64,
        coefficients: solution.coefficients,
    })
}

/// The matrix with the entries of other groups left out; columns keep their numbers.
pub(crate) fn only_groups(x: &Csr, columns: &[ColumnInfo], groups: &[ColumnGroup]) -> Result<Csr> {
    let keep: Vec<bool> = columns.iter().map(|column| groups.contains(&column.group)).collect();
    let (mut indptr, mut indices, mut values) = (vec![0_u64], Vec::new(), Vec::new());
    for row in 0..x.rows() {
        let (entries, numbers) = x.row(row);
        for (&column, &value) in entries.iter().zip(numbers) {
            if keep[column as usize] {
                indices.push(column);
                values.push(value);
            }
        }
        indptr.push(indices.len() as u64);
    }
    Csr::new(x.cols(), indptr, indices, values).map_err(|_| ModelError::Shape {
        what: "the list of columns",
        found: columns.len(),
        expected: x.cols(),
    })
}

/// The weights of these groups' columns, the others 0.
pub(crate) fn keep_groups(
    coefficients: &Coefficients,
    columns: &[ColumnInfo],
    groups: &[ColumnGroup],
) -> Coefficients {
    let mut kept = coefficients.clone();
    let outputs = kept.outputs();
    for (column, block) in columns.iter().zip(kept.weights.chunks_exact_mut(outputs)) {
        if !groups.contains(&column.group) {
            block.fill(0.0);
        }
    }
    kept
}

pub(crate) fn groups_of(columns: &[ColumnInfo]) -> Vec<ColumnGroup> {
    let has = |group: &ColumnGroup| columns.iter().any(|column| column.group == *group);
    ColumnGroup::ALL.iter().copied().filter(has).collect()
}

/// Trains on the training part; C is chosen by macro F1 on validation, ties by lower log-loss,
/// then by the smaller C. Along the grid each fit starts where the one before it ended.
///
/// # Errors
/// If fewer than two classes have training rows, shapes disagree, or the solver can't do what the
/// parameters ask. Not reaching the optimum is a warning, not an error.
pub fn train(
    data: &TrainData<'_>,
    params: &ValidTrainParams,
    progress: PartProgress<'_>,
) -> Result<Training> {
    let params = params.get();
    let parts = data.parts(params)?;
    let (train, validation) = (&parts[0], &parts[1]);
    let groups = groups_of(data.columns);
    let mut warnings = Vec::new();
    let mut grid = params.grid.clone();
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let choose = grid.len() > 1 && !validation.labels.is_empty();
    if !choose {
        if grid.len() > 1 {
            warnings.push(
                "no validation rows to choose C on: the grid is left out and model.c is used"
                    .to_owned(),
            );
        }
        grid = vec![if let [only] = grid[..] { only } else { params.c }];
    }
    let total = grid.len() as u64 + 1;
    let mut rows: Vec<GridRow> = Vec::new();
    let mut best: Option<(f64, f64, TrainedModel)> = None;
    let mut start: Option<Coefficients> = None;
    for (at, &c) in grid.iter().enumerate() {
        let part = format!("C = {c} ({} of {})", at + 1, grid.len());
        progress(&part, at as u64, total);
        let iterations = |n, _| progress(&format!("{part}, step {n}"), at as u64, total);
        let tried = TrainParams { c, ..params.clone() };
        let warm = start.as_ref().filter(|_| params.solver != SolverKind::Linfa);
        let model = fit(&train.x, &train.labels, &groups, data.columns, &tried, warm, &iterations)?;
        start = Some(model.coefficients.clone());
        if !model.report.converged {
            warnings.push(format!(
                "C = {c}: the optimum was not reached in {} (relative gap at most {:.1e}, wanted \
                 {:.1e}): raise model.max_iterations",
                counted(model.report.iterations, "iteration"),
                model.report.relative_gap,
                params.tolerance
            ));
        }
        let scored = Scored::new(&model, &validation.x, &validation.labels, &validation.rows)?;
        let table = split_metrics(&scored, None);
        let get = |scope: &str, name: &str| {
            table
                .get(scope)
                .and_then(|m| m.get(name))
                .cloned()
                .unwrap_or_else(|| Estimate::undefined("no validation rows", 0))
        };
        let row = GridRow {
            family: "logistic-regression".to_owned(),
            setting: c,
            split: "validation".to_owned(),
            macro_f1: get(MACRO, metric::F1),
            macro_pr_auc: get(MACRO, metric::PR_AUC),
            log_loss: get(OVERALL, metric::LOG_LOSS),
            objective: Some(model.report.objective),
            iterations: model.report.iterations,
            converged: model.report.converged,
            chosen: false,
        };
        let f1 = row.macro_f1.value.unwrap_or(f64::NEG_INFINITY);
        let loss = row.log_loss.value.unwrap_or(f64::INFINITY);
        if best.as_ref().is_none_or(|b| f1 > b.0 || (f1 == b.0 && loss < b.1)) {
            best = Some((f1, loss, model));
        }
        rows.push(row);
    }
    let Some((_, _, model)) = best else {
        return Err(ModelError::Parameter {
            name: "model.grid",
            value: "empty".to_owned(),
            expected: "at least one value of C",
        });
    };
    for row in &mut rows {
        row.chosen = row.setting == model.params.c;
    }
    if model.classes.len() < params.target.classes().len() {
        warnings.push(format!(
            "only {} of the target's {} classes have training rows: the others are never predicted",
            model.classes.len(),
            params.target.classes().len()
        ));
    }
    let done = grid.len() as u64;
    progress("text-only model", done, total);
    let kept: Vec<ColumnGroup> =
        groups.iter().copied().filter(|group| !group.needs_scanners()).collect();
    let text_only = if kept.is_empty() {
        None
    } else {
        let x = only_groups(&train.x, data.columns, &kept)?;
        let start = keep_groups(&model.coefficients, data.columns, &kept);
        let warm = Some(&start).filter(|_| params.solver != SolverKind::Linfa);
        let iterations = |n, _| progress(&format!("text-only model, step {n}"), done, total);
        let model = fit(&x, &train.labels, &kept, data.columns, &model.params, warm, &iterations)?;
        if !model.report.converged {
            warnings.push("the text-only model's optimum was not reached".to_owned());
        }
        Some(model)
    };
    progress("text-only model", total, total);
    Ok(Training { model, text_only, grid: rows, warnings })
}
