//! Training: C chosen on validation for each model by itself, and the chosen models.

use clawsig_schema::{
    Progress,
    estimate::Estimate,
    evaluation::{GridRow, MACRO, ModelName, OVERALL, metric},
    matrix::{ColumnGroup, ColumnInfo},
    wording::counted,
};

use crate::{
    data::{LabelledRows, TrainData, unknown_verdicts},
    error::{ModelError, Result},
    metrics::split_metrics,
    model::{TrainedModel, columns_hash},
    params::{ClassWeight, TrainParams, ValidTrainParams},
    path::{apart, start_at},
    scored::Scored,
    solver::{Coefficients, Compact, Matrix, Problem, Solution, Solver, Stop},
};

/// The gap to which models are solved that are only compared: the values of a grid, the models of
/// an ablation and of folds. At 1e-3 one of the bundled sample's 1,909 rows got another class in the folds of
/// either model than at 1e-5.
pub(crate) const COMPARED_GAP: f64 = 1e-5;

/// What training gives.
#[derive(Clone, Debug)]
pub struct Training {
    /// The model on all columns.
    pub model: TrainedModel,
    /// The model for skills that no scanner saw: text and shape only. `None` without such columns,
    /// or where `train.text_only` is false.
    pub text_only: Option<TrainedModel>,
    /// The values of C that were tried, for each model; none where there was no choice.
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
    progress: crate::solver::StepProgress<'_>,
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
    let solution = params.solve(x, &compact, &present, start, progress)?;
    Ok(TrainedModel {
        target: params.target,
        classes: present.iter().map(|&class| names[class].to_owned()).collect(),
        groups: groups.to_vec(),
        columns_sha256: columns_hash(columns),
        params: params.clone(),
        report: solution.report,
        training_rows: names.iter().zip(counts).map(|(n, c)| ((*n).to_owned(), c as u64)).collect(),
        coefficients: solution.coefficients,
    })
}

impl TrainParams {
    /// Solves for a matrix and its rows' labels by these settings: C, the penalty, the weights of the
    /// classes, the solver and where it stops. `classes` are the places of the labels' classes among
    /// those that [`ClassWeight::Given`] is for. A start is used by the solvers that take one.
    ///
    /// # Errors
    /// As [`Problem::new`] and [`Problem::solve`]; too few given weights.
    pub fn solve<'a>(
        &self,
        x: impl Into<Matrix<'a>>,
        labels: &'a [u32],
        classes: &[usize],
        start: Option<&Coefficients>,
        progress: crate::solver::StepProgress<'_>,
    ) -> Result<Solution> {
        let ratio = self.penalty.l1_ratio();
        let problem = Problem::new(x, labels, classes.len(), (1.0 - ratio) / self.c)?
            .with_l1(ratio / self.c)?;
        let mut counts = vec![0_usize; classes.len()];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        let of_class = |(&class, &count): (&usize, &usize)| match &self.class_weight {
            ClassWeight::None => Ok(1.0),
            ClassWeight::Balanced => Ok(labels.len() as f64 / (classes.len() * count) as f64),
            ClassWeight::Given(weights) => weights.get(class).copied().ok_or(ModelError::Shape {
                what: "the list of class weights",
                found: weights.len(),
                expected: class + 1,
            }),
        };
        let weights = classes.iter().zip(&counts).map(of_class).collect::<Result<Vec<f64>>>()?;
        let problem =
            problem.with_weights(labels.iter().map(|&label| weights[label as usize]).collect())?;
        let stop = Stop { tolerance: self.tolerance, max_iterations: self.max_iterations };
        let start = start.filter(|_| self.solver != Solver::Linfa);
        problem.solve(self.solver, start, stop, progress)
    }
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

/// What a model is tuned on: training rows, validation rows, and the settings.
pub(crate) struct Tuner<'a> {
    pub(crate) train: &'a LabelledRows<'a>,
    pub(crate) validation: &'a LabelledRows<'a>,
    pub(crate) columns: &'a [ColumnInfo],
    pub(crate) params: &'a TrainParams,
    pub(crate) progress: Progress<'a>,
}

/// A tuned model, the values of C that were tried, and what went wrong.
pub(crate) struct Tuned {
    pub(crate) model: TrainedModel,
    pub(crate) grid: Vec<GridRow>,
    pub(crate) warnings: Vec<String>,
}

impl Tuned {
    /// Whether C is the least or the greatest of several that were tried, in words.
    pub(crate) fn edge(&self) -> Option<&'static str> {
        let (first, last) = (self.grid.first()?, self.grid.last()?);
        match (first.chosen, last.chosen) {
            (true, _) => Some("least"),
            (_, true) => Some("greatest"),
            _ => None,
        }
    }
}

impl Tuner<'_> {
    /// The values of C to try, rising: one where there is no choice, or nothing to choose by.
    fn grid(&self) -> Vec<f64> {
        let mut grid = self.params.grid.clone();
        grid.sort_by(f64::total_cmp);
        grid.dedup();
        match grid[..] {
            [only] => vec![only],
            [_, _, ..] if !self.validation.labels.is_empty() => grid,
            _ => vec![self.params.c],
        }
    }

    /// Fits the columns of some groups. C is chosen by macro F1 on validation, ties by lower
    /// log-loss, then by the smaller C. The fits go from the C of the start outwards (without one, from
    /// the smallest), each from where those before it point ([`start_at`]), to a gap of [`COMPARED_GAP`];
    /// the chosen one goes on to `tolerance`. `name` says in progress and warnings which model it is.
    pub(crate) fn tune(
        &self,
        (name, model): (&str, ModelName),
        groups: &[ColumnGroup],
        start: Option<(f64, Coefficients)>,
        tolerance: f64,
    ) -> Result<Tuned> {
        let mut grid = self.grid();
        let choose = grid.len() > 1;
        let x = self.train.x.compact(|column| groups.contains(&self.columns[column].group))?;
        let total = grid.len() as u64 + u64::from(choose);
        let fit_one = |c: f64, gap: f64, start: Option<&Coefficients>, done: u64| {
            let part = format!("{name}, C = {c}");
            let step = |n, _| (self.progress)(&format!("{part}, step {n}"), done, total);
            (self.progress)(&part, done, total);
            let params = TrainParams { c, tolerance: gap, ..self.params.clone() };
            let model = fit(&x, &self.train.labels, groups, self.columns, &params, start, &step)?;
            let warning = not_reached(&part, &model);
            Ok::<_, ModelError>((model, warning))
        };
        if let Some((from, _)) = &start {
            grid.sort_by(|&a, &b| apart(a, *from).total_cmp(&apart(b, *from)));
        }
        let gap = if choose { tolerance.max(COMPARED_GAP) } else { tolerance };
        let mut warnings = Vec::new();
        let mut fits: Vec<(GridRow, TrainedModel)> = Vec::new();
        for (done, &c) in (0..).zip(&grid) {
            let solved = fits.iter().map(|(row, model)| (row.c, &model.coefficients));
            let given = start.iter().map(|(from, start)| (*from, start));
            let near = start_at(c, &solved.chain(given).collect::<Vec<_>>());
            let (fitted, warning) = fit_one(c, gap, near.as_ref(), done)?;
            warnings.extend(warning);
            fits.push((self.score(model, &fitted)?, fitted));
        }
        fits.sort_by(|(a, _), (b, _)| a.c.total_cmp(&b.c));
        let mut best = 0;
        for (at, (row, _)) in fits.iter().enumerate() {
            let worth = |row: &GridRow| {
                let f1 = row.macro_f1.value.unwrap_or(f64::NEG_INFINITY);
                (f1, -row.log_loss.value.unwrap_or(f64::INFINITY))
            };
            if worth(row) > worth(&fits[best].0) {
                best = at;
            }
        }
        fits[best].0.chosen = choose;
        let mut chosen = fits[best].1.clone();
        let mut grid: Vec<GridRow> = fits.into_iter().map(|(row, _)| row).collect();
        if !choose {
            grid.clear();
        } else if chosen.report.converged && chosen.report.relative_gap > tolerance {
            let from = Some(&chosen.coefficients);
            let (solved, warning) = fit_one(chosen.params.c, tolerance, from, total - 1)?;
            chosen = solved;
            warnings.extend(warning);
        }
        chosen.params.tolerance = tolerance;
        (self.progress)(name, total, total);
        Ok(Tuned { model: chosen, grid, warnings })
    }

    /// What a model is worth on validation.
    fn score(&self, name: ModelName, model: &TrainedModel) -> Result<GridRow> {
        let rows = self.validation;
        let scored = Scored::new(model, &rows.x, &rows.labels, &rows.rows)?;
        let table = split_metrics(&scored, None);
        let get = |scope: &str, name: &str| {
            let found = table.get(scope).and_then(|metrics| metrics.get(name));
            found.cloned().unwrap_or_else(|| Estimate::undefined("no validation rows", 0))
        };
        Ok(GridRow {
            model: name,
            c: model.params.c,
            macro_f1: get(MACRO, metric::F1),
            macro_pr_auc: get(MACRO, metric::PR_AUC),
            log_loss: get(OVERALL, metric::LOG_LOSS),
            objective: model.report.objective,
            iterations: model.report.iterations,
            converged: model.report.converged,
            chosen: false,
        })
    }
}

/// Trains the model on all columns and, if asked for, the text-only one. Each has its own C, by
/// macro F1 on validation. Values are held in `f32` ([`Compact`]).
///
/// # Errors
/// If fewer than two classes have training rows, shapes disagree, or the solver can't do what the
/// parameters ask. Not reaching the optimum is a warning, not an error; so is a C at the end of the
/// grid.
pub fn train(
    data: &TrainData<'_>,
    params: &ValidTrainParams,
    progress: Progress<'_>,
) -> Result<Training> {
    let params = params.get();
    let splits = data.labelled(params.target)?;
    let (train, validation) = (&splits[0], &splits[1]);
    let tuner = Tuner { train, validation, columns: data.columns, params, progress };
    let mut warnings = unknown_verdicts(&splits);
    if params.grid.len() > 1 && validation.labels.is_empty() {
        warnings.push(format!(
            "no validation row has a label to choose C by: model.grid is without effect, C is \
             model.c = {}",
            params.c
        ));
    }
    let groups = groups_of(data.columns);
    let mut grid = Vec::new();
    let mut tune = |name, model: ModelName, groups: &[ColumnGroup], start| {
        let tuned = tuner.tune((name, model), groups, start, params.tolerance)?;
        if let Some(end) = tuned.edge() {
            warnings.push(format!(
                "{name}: C = {} is the {end} of model.grid, so that a better one may lie beyond: \
                 widen the grid",
                tuned.model.params.c
            ));
        }
        warnings.extend(tuned.warnings);
        grid.extend(tuned.grid);
        Ok::<_, ModelError>(tuned.model)
    };
    let model = tune("the model", ModelName::All, &groups, None)?;
    let kept: Vec<ColumnGroup> =
        groups.iter().copied().filter(|group| !group.needs_scanners()).collect();
    let text_only = if kept.is_empty() || !params.text_only {
        None
    } else {
        let start = (model.params.c, keep_groups(&model.coefficients, data.columns, &kept));
        Some(tune("the text-only model", ModelName::TextOnly, &kept, Some(start))?)
    };
    let absent: Vec<&str> = params
        .target
        .classes()
        .iter()
        .copied()
        .filter(|name| !model.classes.iter().any(|class| class == name))
        .collect();
    if !absent.is_empty() {
        warnings.push(format!(
            "no training row is of class {}: it is never predicted",
            absent.join(" or ")
        ));
    }
    Ok(Training { model, text_only, grid, warnings })
}
