//! The whole evaluation of the trained models.

mod ablation;
mod errors;
mod leakage;

use std::collections::BTreeMap;

use clawsig_schema::{
    Progress, Split, Target,
    estimate::Estimate,
    evaluation::{
        ConfusionRow, EVALUATION_FORMAT, EvaluationResults, FEW_ROWS, FOLDS, Folds, Goal,
        MetricTable, ModelName, ModelResults, PredictionRow, Predictions, ScoreRow, SplitCounts,
        SplitMetrics, WEIGHTED, metric,
    },
    matrix::{ColumnInfo, RowInfo},
    wording::counted,
};

use crate::{
    baseline::{as_scored, baselines, paired_test},
    curves::{Calibrator, calibration_scores, curves, operating_points, reliability},
    data::{LabelledRows, TrainData},
    error::{ModelError, Result},
    folds::{CrossValidation, FoldScores},
    metrics::{Bootstrap, metrics_over},
    model::TrainedModel,
    params::{Calibration, EvaluateParams, ValidEvaluateParams},
    scored::{Scored, owner_units},
    train::Training,
};

/// All results, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `evaluation.json`.
    pub results: EvaluationResults,
    /// `predictions.json` of each model: the evaluated splits' rows in their order.
    pub predictions: Vec<(ModelName, Predictions)>,
    /// `folds.json` of each model: what the folds' models say of all rows, if there are folds.
    pub folds: Vec<(ModelName, Predictions)>,
}

/// The thresholds that evaluation chooses for each class.
const GOALS: [Goal; 5] = [
    Goal::FalsePositiveRate(0.001),
    Goal::FalsePositiveRate(0.01),
    Goal::FalsePositiveRate(0.05),
    Goal::Recall(0.9),
    Goal::Recall(0.99),
];

/// Strongest columns listed for each class.
const STRONGEST: usize = 20;

/// The metrics of tables that compare.
const COMPARED: [&str; 9] = [
    metric::ACCURACY,
    metric::BALANCED_ACCURACY,
    metric::PRECISION,
    metric::RECALL,
    metric::F1,
    metric::KAPPA,
    metric::MCC,
    metric::ROC_AUC,
    metric::PR_AUC,
];

fn score_rows(name: &str, split: &str, table: &SplitMetrics, ranks: bool) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for (scope, metrics) in table.iter().filter(|(scope, _)| *scope != WEIGHTED) {
        for metric in COMPARED {
            // An answer without a probability has no ranking.
            let is_rank = [metric::ROC_AUC, metric::PR_AUC].contains(&metric);
            let estimate = metrics.get(metric).filter(|_| ranks || !is_rank);
            rows.extend(estimate.map(|estimate| ScoreRow {
                name: name.to_owned(),
                split: split.to_owned(),
                scope: scope.clone(),
                metric: metric.to_owned(),
                estimate: estimate.clone(),
            }));
        }
    }
    rows
}

fn confusion_rows(scored: &Scored, split: &str) -> Vec<ConfusionRow> {
    let mut rows = Vec::new();
    for (label, counts) in scored.confusion().iter().enumerate() {
        let support: u64 = counts.iter().sum();
        for (predicted, &n) in counts.iter().enumerate() {
            rows.push(ConfusionRow {
                split: split.to_owned(),
                verdict: scored.classes[label].clone(),
                predicted: scored.classes[predicted].clone(),
                rows: n,
                share_of_verdict: (support > 0).then(|| n as f64 / support as f64),
            });
        }
    }
    rows
}

fn prediction_rows<'s>(
    scored: &'s Scored,
    rows: &'s [&RowInfo],
    split: impl Fn(&RowInfo) -> Split + 's,
) -> impl Iterator<Item = PredictionRow> + 's {
    (0..scored.len()).map(move |row| PredictionRow {
        id: rows[row].id.clone(),
        split: split(rows[row]).as_str().to_owned(),
        verdict: scored.classes[scored.labels[row]].clone(),
        predicted: scored.classes[scored.predicted[row]].clone(),
        probabilities: scored.probabilities[row].clone(),
    })
}

fn by_class(classes: &[String], labels: &[usize]) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = classes.iter().map(|c| (c.clone(), 0)).collect();
    for &label in labels {
        *counts.entry(classes[label].clone()).or_default() += 1;
    }
    counts
}

/// What every part of an evaluation needs.
struct Evaluator<'a> {
    target: Target,
    columns: &'a [ColumnInfo],
    classes: &'a [String],
    splits: &'a [LabelledRows<'a>],
    params: &'a EvaluateParams,
    bootstrap: Bootstrap,
    progress: Progress<'a>,
}

impl<'a> Evaluator<'a> {
    fn train(&self) -> &'a LabelledRows<'a> {
        &self.splits[Split::Train.index()]
    }

    fn test(&self) -> &'a LabelledRows<'a> {
        &self.splits[Split::Test.index()]
    }

    /// Every split that is evaluated, validation and test first.
    fn evaluated(&self) -> &'a [LabelledRows<'a>] {
        &self.splits[1..if self.params.use_holdout { 4 } else { 3 }]
    }

    fn score(&self, model: &TrainedModel, rows: &LabelledRows<'_>) -> Result<Scored> {
        Scored::new(model, &rows.x, &rows.labels, &rows.rows)
    }

    /// Metrics with intervals; `name` says in the progress whose.
    fn table(&self, name: &str, scored: &Scored) -> SplitMetrics {
        metrics_over(scored, None, Some(self.bootstrap), name, self.progress)
    }

    /// All results of one model but the comparisons with others.
    fn model(
        &self,
        name: ModelName,
        model: &TrainedModel,
        training: &Training,
        warnings: &mut Vec<String>,
    ) -> Result<(ModelResults, Vec<Scored>)> {
        let scores: Vec<Scored> =
            self.evaluated().iter().map(|rows| self.score(model, rows)).collect::<Result<_>>()?;
        let (validation, test) = (&scores[0], &scores[1]);
        let others: Vec<(&str, &Scored)> = self
            .evaluated()
            .iter()
            .zip(&scores)
            .skip(1)
            .map(|(rows, scored)| (rows.split.as_str(), scored))
            .collect();
        let mut results = ModelResults {
            name,
            sha256: model.sha256()?,
            groups: model.groups.clone(),
            c: model.params.c,
            training_rows: by_class(self.classes, &self.train().labels),
            grid: training.grid.iter().filter(|row| row.model == name).cloned().collect(),
            metrics: MetricTable::default(),
            confusion: Vec::new(),
            reliability: Vec::new(),
            curves: Vec::new(),
            operating_points: operating_points(validation, &others, &GOALS)?,
            calibration: Vec::new(),
            leakage: Vec::new(),
            paired_tests: Vec::new(),
            strongest: model.strongest(self.columns, STRONGEST),
            errors: self.errors(model, test),
        };
        for (rows, scored) in self.evaluated().iter().zip(&scores) {
            let split = rows.split.as_str();
            let metrics = self.table(&format!("{name}, {split}"), scored);
            results.metrics.0.insert(split.to_owned(), metrics);
            results.confusion.extend(confusion_rows(scored, split));
            results.reliability.extend(reliability(scored, split, "model"));
            results.curves.extend(curves(scored, split));
        }
        self.calibrate(self.params.calibration, &scores, &mut results, warnings)?;
        Ok((results, scores))
    }

    /// Probabilities calibrated on validation, beside the model's own.
    fn calibrate(
        &self,
        calibration: Calibration,
        scores: &[Scored],
        results: &mut ModelResults,
        warnings: &mut Vec<String>,
    ) -> Result<()> {
        let method = match calibration {
            Calibration::None => return Ok(()),
            Calibration::Platt => "platt",
            Calibration::Isotonic => "isotonic",
        };
        let Some(calibrator) = Calibrator::fit(calibration, &scores[0]) else {
            warnings.push(format!(
                "no {method} calibration: a class has no validation rows to fit it on"
            ));
            return Ok(());
        };
        for (rows, scored) in self.evaluated().iter().zip(scores) {
            let split = rows.split.as_str();
            let after = calibrator.apply(scored)?;
            results.reliability.extend(reliability(&after, split, method));
            results.calibration.push(calibration_scores(method, split, scored, &after));
        }
        Ok(())
    }

    /// The folds and their rows.
    fn folds(&self, folds: &CrossValidation<'_>) -> Folds {
        let counts = SplitCounts {
            split: FOLDS.to_owned(),
            rows: folds.rows().len() as u64,
            classes: by_class(self.classes, folds.labels()),
            unlabelled: folds.left_out().values().sum(),
            left_out: folds.left_out().clone(),
            owners: owners(folds.rows()),
        };
        Folds { number: folds.wanted() as u64, counts }
    }

    /// Adds what the folds say of one model: metrics, labels against predictions, and against the same
    /// model without a view of its text. Gives the scores of the latter.
    fn fold_results(
        &self,
        results: &mut ModelResults,
        folds: &[FoldScores],
    ) -> Result<Vec<ScoreRow>> {
        let own: Vec<&FoldScores> = folds.iter().filter(|one| one.name == results.name).collect();
        let Some(whole) = own.iter().find(|one| one.without.is_none()) else {
            return Ok(Vec::new());
        };
        let table = self.table(&format!("{}, folds", results.name), &whole.scored);
        results.confusion.extend(confusion_rows(&whole.scored, FOLDS));
        let mut rows = Vec::new();
        if own.len() > 1 {
            rows.extend(score_rows(&format!("{} model, folds", results.name), FOLDS, &table, true));
        }
        for (one, left_out) in own.iter().filter_map(|one| Some((one, one.without?))) {
            let name = format!("{} model without {left_out}, folds", results.name);
            let without = self.table(&name, &one.scored);
            rows.extend(score_rows(&name, FOLDS, &without, true));
            let name = format!("without {left_out}");
            let found = paired_test(FOLDS, &name, &whole.scored, &one.scored, self.bootstrap)?;
            results.paired_tests.push(found);
        }
        results.metrics.0.insert(FOLDS.to_owned(), table);
        Ok(rows)
    }

    /// The models and every baseline on the test rows, and the paired tests of each model.
    fn compare(
        &self,
        models: &mut [(ModelResults, Vec<Scored>)],
        seed: u64,
    ) -> Result<Vec<ScoreRow>> {
        let test = self.test();
        let split = test.split.as_str();
        let mut rows = Vec::new();
        for (results, _) in models.iter() {
            let name = match results.name {
                ModelName::All => "model",
                ModelName::TextOnly => "text-only model",
            };
            rows.extend(score_rows(name, split, &results.metrics.0[split], true));
        }
        let Some(model) = models.first().map(|(results, _)| results.metrics.0[split].clone())
        else {
            return Ok(rows);
        };
        for (name, answers) in baselines(self.target, &self.train().labels, &test.rows, seed) {
            let answers = match answers {
                Ok(answers) => answers,
                Err(reason) => {
                    let undefined = score_rows(&name, split, &model, false).into_iter();
                    rows.extend(undefined.map(|row| ScoreRow {
                        estimate: Estimate::undefined(reason.clone(), test.rows.len() as u64),
                        ..row
                    }));
                    continue;
                }
            };
            let scored = as_scored(self.classes, &test.labels, &answers, &test.rows)?;
            rows.extend(score_rows(&name, split, &self.table(&name, &scored), false));
            for (results, scores) in models.iter_mut() {
                let found = paired_test(split, &name, &scores[1], &scored, self.bootstrap)?;
                results.paired_tests.push(found);
            }
        }
        Ok(rows)
    }
}

/// Evaluates the trained models on validation and test, and on the hold-out only if `use_holdout` is
/// set.
///
/// `folds` holds what cross-validation found, every fold scored; `None` leaves its figures out.
///
/// # Errors
/// If shapes disagree, a model was trained on other columns, or no row of an evaluated split has a
/// label.
pub fn evaluate(
    data: &TrainData<'_>,
    folds: Option<&CrossValidation<'_>>,
    training: &Training,
    params: &ValidEvaluateParams,
    progress: Progress<'_>,
) -> Result<Evaluation> {
    let params = params.get();
    let target = training.model.target;
    let classes: Vec<String> = target.classes().iter().map(|&name| name.to_owned()).collect();
    let splits = data.labelled(target)?;
    let evaluator = Evaluator {
        target,
        columns: data.columns,
        classes: &classes,
        splits: &splits,
        params,
        bootstrap: Bootstrap { replicates: params.replicates, seed: params.random.seed },
        progress,
    };
    if evaluator.evaluated().iter().all(|rows| rows.labels.is_empty()) {
        let names: Vec<&str> =
            evaluator.evaluated().iter().map(|rows| rows.split.as_str()).collect();
        return Err(ModelError::NothingToEvaluate {
            target: target.as_str(),
            splits: names.join(", "),
            unlabelled: evaluator.evaluated().iter().map(|rows| rows.unlabelled()).sum(),
        });
    }
    let mut warnings = training.warnings.clone();
    let mut models = Vec::new();
    let trained = [
        (ModelName::All, Some(&training.model)),
        (ModelName::TextOnly, training.text_only.as_ref()),
    ];
    for (name, model) in trained {
        let Some(model) = model else { continue };
        model.check_columns(data.columns)?;
        models.push(evaluator.model(name, model, training, &mut warnings)?);
    }
    let baselines = evaluator.compare(&mut models, params.random.seed)?;
    let mut fold_scores = Vec::new();
    match folds.map(CrossValidation::scores).transpose()? {
        Some(Ok(scores)) => fold_scores = scores,
        Some(Err(reason)) => {
            warnings.push(format!("no folds by owner and near-duplicates: {reason}"));
        }
        None => {}
    }
    let folds = folds.filter(|_| !fold_scores.is_empty());
    let mut ablation = Vec::new();
    for (results, scores) in &mut models {
        ablation.extend(evaluator.fold_results(results, &fold_scores)?);
        results.leakage = evaluator.leakage(results, &scores[1], &fold_scores);
    }
    let mut out_of_fold = Vec::new();
    for one in fold_scores.iter().filter(|one| one.without.is_none()) {
        let rows = folds.map_or(&[][..], CrossValidation::rows);
        let rows = prediction_rows(&one.scored, rows, |row| row.split).collect();
        out_of_fold.push((one.name, Predictions { classes: classes.clone(), rows }));
    }
    let mut predictions = Vec::new();
    for (results, scores) in &models {
        let rows = evaluator.evaluated().iter().zip(scores);
        let rows = rows
            .flat_map(|(rows, scored)| prediction_rows(scored, &rows.rows, |_| rows.split))
            .collect();
        predictions.push((results.name, Predictions { classes: classes.clone(), rows }));
    }
    let mut results = EvaluationResults {
        format: EVALUATION_FORMAT,
        target: target.as_str().to_owned(),
        classes: classes.clone(),
        counts: splits.iter().map(|rows| counts(&classes, rows)).collect(),
        folds: folds.map(|folds| evaluator.folds(folds)),
        models: models.into_iter().map(|(results, _)| results).collect(),
        baselines,
        ablation: Vec::new(),
        warnings: Vec::new(),
    };
    if params.refits {
        results.ablation = evaluator.ablation(training, &results.models, &mut warnings)?;
    }
    results.ablation.extend(ablation);
    warnings.extend(few_rows(&results));
    warnings.extend(given_away(&results));
    results.warnings = warnings;
    Ok(Evaluation { results, predictions, folds: out_of_fold })
}

/// The number of owners; a row without one counts as an owner of its own.
fn owners(rows: &[&RowInfo]) -> u64 {
    let units = owner_units(rows.iter().copied());
    units.iter().max().map_or(0, |&last| last as u64 + 1)
}

fn counts(classes: &[String], rows: &LabelledRows<'_>) -> SplitCounts {
    SplitCounts {
        split: rows.split.as_str().to_owned(),
        rows: rows.labels.len() as u64,
        classes: by_class(classes, &rows.labels),
        unlabelled: rows.unlabelled(),
        left_out: rows.left_out.clone(),
        owners: owners(&rows.rows),
    }
}

/// A warning for each rule over the scanners' flags that gives every test row's class.
fn given_away(results: &EvaluationResults) -> Vec<String> {
    let warning = |row: &ScoreRow| {
        format!(
            "the rule `{}` gives the class of every one of {} in {}: the {} says nothing there that the scanners \
             had not said, and a model that reads their results learns the rule",
            row.name,
            counted(row.estimate.n, "row"),
            row.split,
            results.target
        )
    };
    results.exact_rules().map(warning).collect()
}

/// A warning for each class that test figures can hardly rest on.
fn few_rows(results: &EvaluationResults) -> Vec<String> {
    let Some(test) = results.counts.get(Split::Test.index()) else { return Vec::new() };
    if test.rows == 0 {
        return vec![format!(
            "no test row has a label for target `{}`: every figure on test is undefined",
            results.target
        )];
    }
    let few = results.classes.iter().filter_map(|class| {
        let rows = test.classes.get(class).copied().unwrap_or(0);
        match rows {
            0 => Some(format!(
                "class `{class}` has no test row: its figures are undefined, and means over \
                 classes leave it out"
            )),
            1..FEW_ROWS => Some(format!(
                "class `{class}` has {}: its figures are uncertain, and so are macro figures and \
                 balanced accuracy, in which it counts as much as any other class",
                counted(rows, "test row")
            )),
            _ => None,
        }
    });
    few.collect()
}
