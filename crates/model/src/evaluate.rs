//! The whole evaluation of a trained model.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{
        ConfusionRow, EVALUATION_FORMAT, ErrorRow, EvaluationFile, Goal, MACRO, MetricTable,
        OVERALL, PredictionRow, ScoreRow, SplitCounts, SplitMetrics, WEIGHTED, metric,
    },
    matrix::{ColumnGroup, ColumnInfo, RowInfo},
    wording::counted,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{
    baseline::{as_scored, baselines, paired_test},
    curves::{Calibrator, calibration_scores, curves, operating_points, reliability},
    error::{ModelError, Result},
    metrics::{Bootstrap, Scored, split_metrics_told},
    model::TrainedModel,
    params::{Calibration, TrainParams},
    parts::{Part, TrainData, shuffle},
    solver::{Coefficients, Compact},
    train::{COMPARED_GAP, PartProgress, Training, fit, groups_of, keep_groups},
};

/// Evaluation's parameters, not yet checked.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluateParams {
    /// Bootstrap replicates, 0 for no bootstrap intervals.
    pub replicates: u32,
    /// The most rows of `errors.csv`.
    pub errors: usize,
    /// Whether to fit models on other columns (`ablation.csv`) and on a split by owner and
    /// near-duplicates (the last rows of `memorising.csv`).
    pub refits: bool,
    /// Whether to look at the hold-out; the caller records it in the ledger.
    pub final_: bool,
    /// The seed of resampling and of the group split.
    pub seed: u64,
}

impl Default for EvaluateParams {
    /// 1,000 replicates, 100 errors, refits, no hold-out, seed 42.
    fn default() -> EvaluateParams {
        EvaluateParams { replicates: 1_000, errors: 100, refits: true, final_: false, seed: 42 }
    }
}

/// Evaluation's parameters, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidEvaluateParams(EvaluateParams);

impl EvaluateParams {
    /// Checks every value.
    ///
    /// # Errors
    /// If there are more than 100,000 replicates, or from 1 to 19.
    pub fn check(self) -> Result<ValidEvaluateParams> {
        if self.replicates > 100_000 || (1..20).contains(&self.replicates) {
            return Err(ModelError::Parameter {
                name: "evaluate.replicates",
                value: self.replicates.to_string(),
                expected: "0, or 20 to 100,000",
            });
        }
        Ok(ValidEvaluateParams(self))
    }
}

/// All results, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `metrics.json`.
    pub metrics: MetricTable,
    /// `predictions.csv`, the evaluated splits' rows in their order.
    pub predictions: Vec<PredictionRow>,
    /// `confusion.csv`.
    pub confusion: Vec<ConfusionRow>,
    /// `errors.csv`, of the test split.
    pub errors: Vec<ErrorRow>,
    /// `baselines.csv`; the model stands in it too, on the same rows.
    pub baselines: Vec<ScoreRow>,
    /// `ablation.csv`.
    pub ablation: Vec<ScoreRow>,
    /// `memorising.csv`.
    pub memorising: Vec<ScoreRow>,
    /// `evaluation.json`.
    pub file: EvaluationFile,
}

/// The metrics of tables that compare.
const COMPARED: [&str; 8] = [
    metric::ACCURACY,
    metric::BALANCED_ACCURACY,
    metric::PRECISION,
    metric::RECALL,
    metric::F1,
    metric::KAPPA,
    metric::MCC,
    metric::PR_AUC,
];

fn score_rows(name: &str, split: &str, table: &SplitMetrics, ranks: bool) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for (scope, metrics) in table {
        for name_of in COMPARED {
            // An answer without a probability has no ranking.
            if name_of == metric::PR_AUC && !ranks || scope == WEIGHTED {
                continue;
            }
            if let Some(estimate) = metrics.get(name_of) {
                rows.push(ScoreRow {
                    name: name.to_owned(),
                    split: split.to_owned(),
                    scope: scope.clone(),
                    metric: name_of.to_owned(),
                    estimate: estimate.clone(),
                });
            }
        }
    }
    rows
}

fn confusion_rows(scored: &Scored, split: &str) -> Vec<ConfusionRow> {
    let mut rows = Vec::new();
    for (truth, counts) in scored.confusion().iter().enumerate() {
        let support: u64 = counts.iter().sum();
        for (predicted, &n) in counts.iter().enumerate() {
            rows.push(ConfusionRow {
                split: split.to_owned(),
                truth: scored.classes[truth].clone(),
                predicted: scored.classes[predicted].clone(),
                rows: n,
                share_of_true: (support > 0).then(|| n as f64 / support as f64),
            });
        }
    }
    rows
}

fn prediction_rows<'s>(
    scored: &'s Scored,
    part: &'s Part<'_>,
) -> impl Iterator<Item = PredictionRow> + 's {
    (0..scored.len()).map(|row| PredictionRow {
        id: part.rows[row].id.clone(),
        truth: scored.classes[scored.truth[row]].clone(),
        predicted: scored.classes[scored.predicted[row]].clone(),
        probabilities: scored.probabilities[row].clone(),
        split: part.name.to_owned(),
    })
}

fn error_rows(
    model: &TrainedModel,
    columns: &[ColumnInfo],
    scored: &Scored,
    part: &Part<'_>,
    train: &Part<'_>,
    limit: usize,
) -> Vec<ErrorRow> {
    let mut wrong: Vec<usize> =
        (0..scored.len()).filter(|&row| scored.truth[row] != scored.predicted[row]).collect();
    let confidence = |row: usize| scored.probabilities[row][scored.predicted[row]];
    wrong.sort_by(|&a, &b| confidence(b).total_cmp(&confidence(a)).then(a.cmp(&b)));
    wrong.truncate(limit);
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, row) in train.rows.iter().enumerate() {
        groups.entry(row.duplicate_group).or_default().push(at);
    }
    let place = |class: usize| model.classes.iter().position(|n| *n == scored.classes[class]);
    wrong
        .into_iter()
        .map(|row| {
            let (truth, predicted) = (scored.truth[row], scored.predicted[row]);
            let info = &part.rows[row];
            let near = groups.get(&info.duplicate_group).map_or(&[][..], Vec::as_slice);
            let other: Vec<usize> =
                near.iter().copied().filter(|&at| train.labels[at] != truth).collect();
            let top_terms = place(predicted).map_or_else(Vec::new, |class| {
                model.explain(part.x.row(row), columns, class, place(truth), 8)
            });
            ErrorRow {
                split: part.name.to_owned(),
                id: info.id.clone(),
                slug: info.slug.clone(),
                truth: scored.classes[truth].clone(),
                predicted: scored.classes[predicted].clone(),
                probabilities: scored.probabilities[row].clone(),
                top_terms,
                near_duplicates: near.len() as u64,
                near_duplicates_other_label: other.len() as u64,
                other_label_ids: other
                    .iter()
                    .take(5)
                    .map(|&at| train.rows[at].id.clone())
                    .collect(),
            }
        })
        .collect()
}

/// Marks about 30 % of the rows such that rows of one owner or one near-duplicate group are all
/// marked or all not.
fn group_split(rows: &[&RowInfo], seed: u64) -> Vec<bool> {
    let mut parent: Vec<usize> = (0..rows.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let same_group = *groups.entry(row.duplicate_group).or_insert(at);
        let same_owner = row.owner.as_deref().map(|owner| *owners.entry(owner).or_insert(at));
        for other in [Some(same_group), same_owner].into_iter().flatten() {
            let (a, b) = (root(&mut parent, at), root(&mut parent, other));
            parent[a.max(b)] = a.min(b);
        }
    }
    let roots: Vec<usize> = (0..rows.len()).map(|at| root(&mut parent, at)).collect();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    roots.iter().for_each(|&root| *sizes.entry(root).or_default() += 1);
    let mut order: Vec<usize> = sizes.keys().copied().collect();
    shuffle(&mut order, &mut ChaCha8Rng::seed_from_u64(seed));
    let wanted = rows.len() * 3 / 10;
    let mut test = BTreeSet::new();
    let mut taken = 0;
    for root in order {
        // A group that would overshoot is passed over, so that one huge owner can't be the test.
        if taken + sizes[&root] <= wanted {
            taken += sizes[&root];
            test.insert(root);
        }
    }
    roots.iter().map(|root| test.contains(root)).collect()
}

struct Stage<'a> {
    training: &'a Training,
    columns: &'a [ColumnInfo],
    train: &'a Part<'a>,
    test: &'a Part<'a>,
    params: &'a TrainParams,
    bootstrap: Bootstrap,
    progress: PartProgress<'a>,
}

impl Stage<'_> {
    /// Fits again; `part` is the progress of which this refit is `done` of `total`.
    fn refit(
        &self,
        x: &Compact,
        labels: &[usize],
        groups: &[ColumnGroup],
        (part, done, total): (&str, u64, u64),
    ) -> Result<TrainedModel> {
        (self.progress)(part, done, total);
        let tolerance = self.params.tolerance.max(COMPARED_GAP);
        let params = TrainParams { tolerance, ..self.params.clone() };
        let start = self.start(labels, groups);
        let iterations = |n, _| (self.progress)(&format!("{part}, step {n}"), done, total);
        fit(x, labels, groups, self.columns, &params, start.as_ref(), &iterations)
    }

    /// The trained weights of these groups' columns, the others 0: a start close to the optimum.
    fn start(&self, labels: &[usize], groups: &[ColumnGroup]) -> Option<Coefficients> {
        let model = &self.training.model;
        let present: BTreeSet<usize> = labels.iter().copied().collect();
        if present.len() != model.classes.len() {
            return None;
        }
        Some(keep_groups(&model.coefficients, self.columns, groups))
    }

    /// The metrics with intervals of fewer replicates; `name` says in the progress whose.
    fn table(&self, name: &str, scored: &Scored) -> SplitMetrics {
        let fewer = Bootstrap { replicates: self.bootstrap.replicates.min(200), ..self.bootstrap };
        split_metrics_told(scored, Some(fewer), name, self.progress)
    }

    fn ablation(&self) -> Result<Vec<ScoreRow>> {
        let all = groups_of(self.columns);
        let mut variants: Vec<(String, Vec<ColumnGroup>)> =
            all.iter().map(|&group| (format!("{group} only"), vec![group])).collect();
        if all.len() > 2 {
            for &left in &all {
                let rest = all.iter().copied().filter(|&group| group != left).collect();
                variants.push((format!("without {left}"), rest));
            }
        }
        let total = variants.len() as u64;
        let whole =
            Scored::new(&self.training.model, &self.test.x, &self.test.labels, &self.test.rows)?;
        let mut rows = score_rows("all", self.test.name, &self.table("all columns", &whole), true);
        for (at, (name, groups)) in variants.into_iter().enumerate() {
            let trained = self.training.text_only.as_ref().filter(|model| model.groups == groups);
            let model = match trained {
                Some(model) => model,
                None => {
                    let of_groups = |column: usize| groups.contains(&self.columns[column].group);
                    let x = self.train.x.compact(of_groups)?;
                    let part = (&*format!("refit {name}"), at as u64, total);
                    &self.refit(&x, &self.train.labels, &groups, part)?
                }
            };
            let scored = Scored::new(model, &self.test.x, &self.test.labels, &self.test.rows)?;
            rows.extend(score_rows(&name, self.test.name, &self.table(&name, &scored), true));
        }
        Ok(rows)
    }

    fn memorising(&self, scored: &Scored, refit: bool) -> Result<Vec<ScoreRow>> {
        let (train, test) = (self.train, self.test);
        let groups: BTreeSet<u32> = train.rows.iter().map(|row| row.duplicate_group).collect();
        let owners: BTreeSet<&str> =
            train.rows.iter().filter_map(|row| row.owner.as_deref()).collect();
        let alone = |row: usize| !groups.contains(&test.rows[row].duplicate_group);
        let unseen = |row: usize| {
            test.rows[row].owner.as_deref().is_none_or(|owner| !owners.contains(owner))
        };
        let mut rows = Vec::new();
        for (name, subset) in [
            ("official split", scored.clone()),
            ("no near-duplicate in training", scored.filter(alone)),
            ("owner unseen in training", scored.filter(unseen)),
            ("neither", scored.filter(|row| alone(row) && unseen(row))),
        ] {
            rows.extend(score_rows(name, test.name, &self.table(name, &subset), true));
        }
        if !refit {
            return Ok(rows);
        }
        let pooled: Vec<&RowInfo> = train.rows.iter().chain(&test.rows).collect();
        let labels: Vec<usize> = train.labels.iter().chain(&test.labels).copied().collect();
        let marks = group_split(&pooled, self.bootstrap.seed);
        let pick = |mark: bool| {
            let chosen: Vec<usize> = (0..marks.len()).filter(|&at| marks[at] == mark).collect();
            let x = train.x.pick_with(&test.x, &chosen);
            let labels: Vec<usize> = chosen.iter().map(|&at| labels[at]).collect();
            let infos: Vec<RowInfo> = chosen.iter().map(|&at| pooled[at].clone()).collect();
            (x, labels, infos)
        };
        let (x, own, _) = pick(false);
        let (test_x, truth, infos) = pick(true);
        let name = "group split by owner and near-duplicates";
        let part = ("refit group split", 0, 1);
        match self.refit(&x.compact(|_| true)?, &own, &groups_of(self.columns), part) {
            Ok(model) => {
                let scored = Scored::new(&model, &test_x, &truth, &infos)?;
                let table = self.table("group split", &scored);
                rows.extend(score_rows(name, "train+test", &table, true));
            }
            // With too few groups one side has no second class; the other rows still stand.
            Err(ModelError::TooFewClasses { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(rows)
    }
}

/// Evaluates a trained model on validation and test, and on the hold-out only if `final_` is set.
///
/// # Errors
/// If shapes disagree or the model was trained on other columns.
pub fn evaluate(
    data: &TrainData<'_>,
    training: &Training,
    params: &ValidEvaluateParams,
    progress: PartProgress<'_>,
) -> Result<Evaluation> {
    let params = &params.0;
    let model = &training.model;
    model.check_columns(data.columns)?;
    let parts = data.parts(&model.params)?;
    let bootstrap = Bootstrap { replicates: params.replicates, seed: params.seed };
    let classes: Vec<String> = model.target.classes().iter().map(|&name| name.to_owned()).collect();
    let evaluated = &parts[1..if params.final_ { 4 } else { 3 }];
    let mut scores = Vec::new();
    for part in evaluated {
        scores.push(Scored::new(model, &part.x, &part.labels, &part.rows)?);
    }
    let stage = Stage {
        training,
        columns: data.columns,
        train: &parts[0],
        test: &parts[2],
        params: &model.params,
        bootstrap,
        progress,
    };
    let (validation, test) = (&scores[0], &scores[1]);
    let mut result = Evaluation {
        metrics: MetricTable::default(),
        predictions: Vec::new(),
        confusion: Vec::new(),
        errors: error_rows(model, data.columns, test, stage.test, stage.train, params.errors),
        baselines: Vec::new(),
        ablation: Vec::new(),
        memorising: stage.memorising(test, params.refits)?,
        file: EvaluationFile {
            format: EVALUATION_FORMAT,
            target: model.target.as_str().to_owned(),
            classes: classes.clone(),
            model_sha256: model.sha256()?,
            counts: Vec::new(),
            reliability: Vec::new(),
            curves: Vec::new(),
            operating_points: Vec::new(),
            calibration: Vec::new(),
            paired_tests: Vec::new(),
            strongest: model.strongest(data.columns, 20),
            warnings: training.warnings.clone(),
        },
    };
    for (part, scored) in parts.iter().zip([None, scores.first(), scores.get(1), scores.get(2)]) {
        result.file.counts.push(SplitCounts {
            split: part.name.to_owned(),
            rows: part.labels.len() as u64,
            unlabelled: part.unlabelled,
            owners: crate::metrics::owner_units(&part.rows)
                .iter()
                .max()
                .map_or(0, |&o| o as u64 + 1),
        });
        let Some(scored) = scored else { continue };
        let metrics = split_metrics_told(scored, Some(bootstrap), part.name, progress);
        result.metrics.0.insert(part.name.to_owned(), metrics);
        result.predictions.extend(prediction_rows(scored, part));
        result.confusion.extend(confusion_rows(scored, part.name));
        result.file.reliability.extend(reliability(scored, part.name, "model"));
        result.file.curves.extend(curves(scored, part.name));
    }
    let others: Vec<(&str, &Scored)> =
        evaluated.iter().zip(&scores).skip(1).map(|(part, scored)| (part.name, scored)).collect();
    let goals = [
        Goal::FalsePositiveRate(0.001),
        Goal::FalsePositiveRate(0.01),
        Goal::FalsePositiveRate(0.05),
        Goal::Recall(0.9),
        Goal::Recall(0.99),
    ];
    result.file.operating_points = operating_points(validation, &others, &goals);
    let method = match model.params.calibration {
        Calibration::None => "none",
        Calibration::Platt => "platt",
        Calibration::Isotonic => "isotonic",
    };
    match Calibrator::fit(model.params.calibration, validation) {
        Some(calibrator) => {
            for (part, scored) in evaluated.iter().zip(&scores) {
                let after = calibrator.apply(scored)?;
                result.file.reliability.extend(reliability(&after, part.name, method));
                result.file.calibration.push(calibration_scores(method, part.name, scored, &after));
            }
        }
        None if method != "none" => result
            .file
            .warnings
            .push(format!("no {method} calibration: a class has no validation rows to fit it on")),
        None => {}
    }
    let table = &result.metrics.0[stage.test.name];
    result.baselines.extend(score_rows("model", stage.test.name, table, true));
    for (name, answers) in
        baselines(model.target, &stage.train.labels, &stage.test.rows, params.seed)
    {
        let answers = match answers {
            Ok(answers) => answers,
            Err(reason) => {
                let n = stage.test.rows.len() as u64;
                let model = score_rows("model", stage.test.name, table, false);
                result.baselines.extend(model.into_iter().map(|row| ScoreRow {
                    name: name.clone(),
                    estimate: Estimate::undefined(reason.clone(), n),
                    ..row
                }));
                continue;
            }
        };
        let scored = as_scored(&classes, &stage.test.labels, &answers, &stage.test.rows)?;
        let own = stage.table(&name, &scored);
        result.baselines.extend(score_rows(&name, stage.test.name, &own, false));
        result.file.paired_tests.push(paired_test(
            stage.test.name,
            &name,
            test,
            &scored,
            bootstrap,
        ));
    }
    if params.refits {
        result.ablation = stage.ablation()?;
    }
    for class in &classes {
        let n = result.metrics.get(stage.test.name, class, metric::SUPPORT).and_then(|e| e.value);
        if n.is_some_and(|n| n < 30.0) {
            result.file.warnings.push(format!(
                "class `{class}` has {}: its figures are uncertain, and {MACRO} and balanced \
                 figures of {OVERALL} lean on it",
                counted(n.unwrap_or(0.0) as u64, "test row")
            ));
        }
    }
    Ok(result)
}
