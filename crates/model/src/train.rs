//! Training: the grid on validation, the chosen model, and the text-only model beside it.

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{GridRow, MACRO, OVERALL, metric},
    matrix::{ColumnGroup, ColumnInfo},
    wording::counted,
};

use crate::{
    error::{ModelError, Result},
    metrics::{Scored, split_metrics},
    model::{TrainedModel, columns_hash},
    params::{ClassWeight, TrainParams, ValidTrainParams},
    parts::TrainData,
    solver::{Coefficients, Compact, Problem, Progress, Solver, Stop},
};

/// Is told the part under way, how much of that part is done, and of how much.
pub type PartProgress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// The gap to which models are solved that are only compared: the values of a grid, the refits of
/// an evaluation. A thousandth of a percent of the objective moves no digit of a metric that
/// anybody would choose by.
pub(crate) const COMPARED_GAP: f64 = 1e-5;

/// What training gives.
#[derive(Clone, Debug)]
pub struct Training {
    /// The chosen model, on all columns.
    pub model: TrainedModel,
    /// The model for skills that no scanner saw: text and shape only. `None` without such columns,
    /// or where [`TrainParams::text_only`] is false.
    pub text_only: Option<TrainedModel>,
    /// What was tried.
    pub grid: Vec<GridRow>,
    /// What everybody must see.
    pub warnings: Vec<String>,
}

/// Fits one model on a matrix whose dropped columns are empty, from `start` if there is one and the
/// solver takes one: linfa's does not.
pub(crate) fn fit(
    x: &Compact,
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
    let start = start.filter(|_| params.solver != Solver::Linfa);
    let solution = problem.solve(params.solver, start, stop, progress)?;
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

/// The warning of a fit that did not reach its optimum.
fn not_reached(what: &str, model: &TrainedModel) -> Option<String> {
    let report = &model.report;
    let (gap, wanted) = (report.relative_gap, model.params.tolerance);
    let how_far = format!("relative gap at most {gap:.1e}, wanted {wanted:.1e}");
    (!report.converged).then(|| match report.iterations {
        Some(iterations) => format!(
            "{what}: the optimum was not reached in {} ({how_far}): raise model.max_iterations",
            counted(iterations, "iteration")
        ),
        None => format!(
            "{what}: the optimum was not reached ({how_far}): solver {} goes no further; use auto",
            report.solver
        ),
    })
}

/// Trains on the training part; C is chosen by macro F1 on validation, ties by lower log-loss,
/// then by the smaller C. Along the grid each fit starts where the one before it ended and goes to
/// a gap of 1e-5; the chosen one goes on to [`TrainParams::tolerance`]. Values are held in `f32`
/// ([`Compact`]).
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
    let total = grid.len() as u64 + 2;
    let x = train.x.compact(|_| true)?;
    let mut rows: Vec<GridRow> = Vec::new();
    let mut best: Option<(f64, f64, TrainedModel)> = None;
    let mut start: Option<Coefficients> = None;
    for (at, &c) in grid.iter().enumerate() {
        let part = format!("C = {c} ({} of {})", at + 1, grid.len());
        progress(&part, at as u64, total);
        let iterations = |n, _| progress(&format!("{part}, step {n}"), at as u64, total);
        let tolerance =
            if grid.len() > 1 { params.tolerance.max(COMPARED_GAP) } else { params.tolerance };
        let tried = TrainParams { c, tolerance, ..params.clone() };
        let warm = start.as_ref();
        let model = fit(&x, &train.labels, &groups, data.columns, &tried, warm, &iterations)?;
        start = Some(model.coefficients.clone());
        warnings.extend(not_reached(&format!("C = {c}"), &model));
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
            iterations: model.report.iterations.unwrap_or_default(),
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
    let Some((_, _, mut model)) = best else {
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
    if model.report.relative_gap > params.tolerance && model.report.converged {
        let chosen = TrainParams { c: model.params.c, ..params.clone() };
        let part = format!("C = {}, as chosen", chosen.c);
        let iterations = |n, _| progress(&format!("{part}, step {n}"), done, total);
        let start = Some(&model.coefficients);
        model = fit(&x, &train.labels, &groups, data.columns, &chosen, start, &iterations)?;
        warnings.extend(not_reached(&part, &model));
    }
    model.params.tolerance = params.tolerance;
    drop(x);
    progress("text-only model", done + 1, total);
    let kept: Vec<ColumnGroup> =
        groups.iter().copied().filter(|group| !group.needs_scanners()).collect();
    let text_only = if kept.is_empty() || !params.text_only {
        None
    } else {
        let x = train.x.compact(|column| kept.contains(&data.columns[column].group))?;
        let start = keep_groups(&model.coefficients, data.columns, &kept);
        let iterations = |n, _| progress(&format!("text-only model, step {n}"), done + 1, total);
        let params = &model.params;
        let start = Some(&start);
        let model = fit(&x, &train.labels, &kept, data.columns, params, start, &iterations)?;
        warnings.extend(not_reached("the text-only model", &model));
        Some(model)
    };
    progress("text-only model", total, total);
    Ok(Training { model, text_only, grid: rows, warnings })
}
