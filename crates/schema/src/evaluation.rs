//! What training and evaluation write: `metrics.json`, `evaluation.json`, and the rows of the CSV
//! files beside them.
//!
//! Every figure is an [`Estimate`], so an undefined one says why. Rows of CSV files come with
//! their header and their cells; cells that hold text from the dataset are safe to open in a
//! spreadsheet.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{estimate::Estimate, format::FormatVersion, hostile, matrix::ColumnGroup};

/// The format of `evaluation.json`.
///
/// - 1.0: the first.
pub const EVALUATION_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// The name under which a table holds what belongs to no single class.
pub const OVERALL: &str = "overall";
/// The name of the unweighted mean over classes.
pub const MACRO: &str = "macro";
/// The name of the mean over classes weighted by their rows.
pub const WEIGHTED: &str = "weighted";

/// The names of the metrics, as every file writes them.
pub mod metric {
    /// Share of rows whose predicted class is the true one.
    pub const ACCURACY: &str = "accuracy";
    /// Mean recall over the classes that have rows.
    pub const BALANCED_ACCURACY: &str = "balanced_accuracy";
    /// Of the rows predicted as a class, the share that are it.
    pub const PRECISION: &str = "precision";
    /// Of the rows of a class, the share predicted as it.
    pub const RECALL: &str = "recall";
    /// Of the rows not of a class, the share predicted as it.
    pub const FALSE_POSITIVE_RATE: &str = "false_positive_rate";
    /// Harmonic mean of precision and recall.
    pub const F1: &str = "f1";
    /// Number of rows of a class.
    pub const SUPPORT: &str = "support";
    /// Cohen's kappa of prediction and truth, unweighted.
    pub const KAPPA: &str = "kappa";
    /// Matthews' correlation coefficient (Gorodkin's form for more than two classes).
    pub const MCC: &str = "mcc";
    /// Mean negative logarithm of the probability given to the true class.
    pub const LOG_LOSS: &str = "log_loss";
    /// Mean over rows of the squared error of the probabilities: for a class its own column, in
    /// [`super::OVERALL`] the sum over classes.
    pub const BRIER: &str = "brier";
    /// Expected calibration error over ten equal-width bins.
    pub const ECE: &str = "ece";
    /// Area under the ROC curve, one class against the rest.
    pub const ROC_AUC: &str = "roc_auc";
    /// Average precision: area under the precision-recall curve, without interpolation.
    pub const PR_AUC: &str = "pr_auc";
    /// Highest recall at a false-positive rate of at most 0.1 %.
    pub const RECALL_AT_FPR_0_1: &str = "recall_at_fpr_0.1pct";
    /// Highest recall at a false-positive rate of at most 0.5 %.
    pub const RECALL_AT_FPR_0_5: &str = "recall_at_fpr_0.5pct";
    /// Highest recall at a false-positive rate of at most 1 %.
    pub const RECALL_AT_FPR_1: &str = "recall_at_fpr_1pct";
    /// Highest recall at a false-positive rate of at most 5 %.
    pub const RECALL_AT_FPR_5: &str = "recall_at_fpr_5pct";
}

/// `metrics.json`: split, then a class's name or `macro`, `weighted`, `overall`, then a metric's
/// name, to its estimate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetricTable(pub BTreeMap<String, SplitMetrics>);

/// The metrics of one split: a class's name or `macro`, `weighted`, `overall`, then a metric.
pub type SplitMetrics = BTreeMap<String, BTreeMap<String, Estimate>>;

impl MetricTable {
    /// One estimate, if the table has it.
    pub fn get(&self, split: &str, scope: &str, metric: &str) -> Option<&Estimate> {
        self.0.get(split)?.get(scope)?.get(metric)
    }
}

/// A number as a CSV cell: the shortest text that reads back as the same `f64`.
pub fn number_cell(value: f64) -> String {
    format!("{value:?}")
}

fn optional_cell(value: Option<f64>) -> String {
    value.map(number_cell).unwrap_or_default()
}

fn text_cell(text: &str) -> String {
    hostile::spreadsheet_cell(&hostile::printable(text, 400)).into_owned()
}

/// One line of `predictions.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictionRow {
    /// The skill's id.
    pub id: String,
    /// The true class.
    #[serde(rename = "true")]
    pub truth: String,
    /// The class of highest probability; the first of equals.
    pub predicted: String,
    /// One probability a class, in the classes' order; they sum to 1.
    pub probabilities: Vec<f64>,
    /// The split.
    pub split: String,
}

impl PredictionRow {
    /// The header for these classes: `id, true, predicted, p_<class>..., split`.
    pub fn header(classes: &[String]) -> Vec<String> {
        let mut cells: Vec<String> = ["id", "true", "predicted"].map(str::to_owned).into();
        cells.extend(classes.iter().map(|class| format!("p_{class}")));
        cells.push("split".to_owned());
        cells
    }

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        let mut cells = vec![text_cell(&self.id), self.truth.clone(), self.predicted.clone()];
        cells.extend(self.probabilities.iter().map(|&p| number_cell(p)));
        cells.push(self.split.clone());
        cells
    }
}

/// One line of `confusion.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusionRow {
    /// The split.
    pub split: String,
    /// The true class.
    #[serde(rename = "true")]
    pub truth: String,
    /// The predicted class.
    pub predicted: String,
    /// Number of rows.
    pub rows: u64,
    /// Their share of the true class's rows; absent for a class without rows.
    pub share_of_true: Option<f64>,
}

impl ConfusionRow {
    /// The header.
    pub const HEADER: &'static [&'static str] =
        &["split", "true", "predicted", "rows", "share_of_true"];

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        vec![
            self.split.clone(),
            self.truth.clone(),
            self.predicted.clone(),
            self.rows.to_string(),
            optional_cell(self.share_of_true),
        ]
    }
}

/// One line of `errors.csv`: a misclassified row, most confident first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The split.
    pub split: String,
    /// The skill's id.
    pub id: String,
    /// `owner/slug`, as its author chose it.
    pub slug: Option<String>,
    /// The true class.
    #[serde(rename = "true")]
    pub truth: String,
    /// The predicted class.
    pub predicted: String,
    /// One probability a class, in the classes' order.
    pub probabilities: Vec<f64>,
    /// The columns that moved the row most towards the predicted and away from the true class.
    pub top_terms: Vec<Contribution>,
    /// Near-duplicates of the row among the labelled training rows.
    pub near_duplicates: u64,
    /// Those of them whose label is not this row's: a sign that a label is noise.
    pub near_duplicates_other_label: u64,
    /// Ids of up to five of the latter, in the order of the training rows.
    pub other_label_ids: Vec<String>,
}

impl ErrorRow {
    /// The header for these classes.
    pub fn header(classes: &[String]) -> Vec<String> {
        let mut cells: Vec<String> =
            ["split", "id", "slug", "true", "predicted"].map(str::to_owned).into();
        cells.extend(classes.iter().map(|class| format!("p_{class}")));
        cells.extend(
            ["top_terms", "near_duplicates", "near_duplicates_other_label", "other_label_ids"]
                .map(str::to_owned),
        );
        cells
    }

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            self.split.clone(),
            text_cell(&self.id),
            text_cell(self.slug.as_deref().unwrap_or_default()),
            self.truth.clone(),
            self.predicted.clone(),
        ];
        cells.extend(self.probabilities.iter().map(|&p| number_cell(p)));
        let terms: Vec<String> = self
            .top_terms
            .iter()
            .map(|term| format!("{} ({:+.3})", hostile::printable(&term.name, 60), term.score))
            .collect();
        cells.push(hostile::spreadsheet_cell(&terms.join("; ")).into_owned());
        cells.push(self.near_duplicates.to_string());
        cells.push(self.near_duplicates_other_label.to_string());
        cells.push(text_cell(&self.other_label_ids.join(" ")));
        cells
    }
}

/// How far one column moved one row's score, in the score's own unit (log-odds).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The column.
    pub column: u32,
    /// Its group.
    pub group: ColumnGroup,
    /// Its name: a term of hostile text, or a signal.
    pub name: String,
    /// The row's value in that column.
    pub value: f64,
    /// Value times weight, the weight taken as that class's difference from the other class.
    pub score: f64,
}

/// One line of `baselines.csv`, `ablation.csv` or `memorising.csv`: one metric of one variant on
/// one split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    /// The baseline, the set of columns or the selection of rows.
    pub name: String,
    /// The split whose rows are scored.
    pub split: String,
    /// A class, or `macro`, `weighted`, `overall`.
    pub scope: String,
    /// The metric.
    pub metric: String,
    /// Its value.
    pub estimate: Estimate,
}

impl ScoreRow {
    /// The header.
    pub const HEADER: &'static [&'static str] = &[
        "name",
        "split",
        "scope",
        "metric",
        "value",
        "standard_error",
        "low",
        "high",
        "n",
        "method",
        "undefined",
    ];

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        let estimate = &self.estimate;
        vec![
            self.name.clone(),
            self.split.clone(),
            self.scope.clone(),
            self.metric.clone(),
            optional_cell(estimate.value),
            optional_cell(estimate.standard_error),
            optional_cell(estimate.low),
            optional_cell(estimate.high),
            estimate.n.to_string(),
            estimate.method.clone().unwrap_or_default(),
            estimate.undefined.clone().unwrap_or_default(),
        ]
    }
}

/// One line of the table of settings that were tried, scored on validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRow {
    /// The family of the model: `logistic-regression`, `complement-naive-bayes`, ….
    pub family: String,
    /// The setting that varies: C for logistic regression, alpha for naive Bayes.
    pub setting: f64,
    /// The score that chooses, and on which rows (`validation`, or `train` where there is none).
    pub split: String,
    /// Macro F1.
    pub macro_f1: Estimate,
    /// Macro average precision.
    pub macro_pr_auc: Estimate,
    /// Log-loss.
    pub log_loss: Estimate,
    /// The objective reached; absent for a family without one.
    pub objective: Option<f64>,
    /// Iterations, warm start included.
    pub iterations: u64,
    /// Whether the optimum was reached.
    pub converged: bool,
    /// Whether this line is the chosen one.
    pub chosen: bool,
}

impl GridRow {
    /// The header.
    pub const HEADER: &'static [&'static str] = &[
        "family",
        "setting",
        "split",
        "macro_f1",
        "macro_pr_auc",
        "log_loss",
        "objective",
        "iterations",
        "converged",
        "chosen",
    ];

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        vec![
            self.family.clone(),
            number_cell(self.setting),
            self.split.clone(),
            optional_cell(self.macro_f1.value),
            optional_cell(self.macro_pr_auc.value),
            optional_cell(self.log_loss.value),
            optional_cell(self.objective),
            self.iterations.to_string(),
            self.converged.to_string(),
            self.chosen.to_string(),
        ]
    }
}

/// Rows of a split that took part, and why others did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// The split.
    pub split: String,
    /// Rows that have a label and were scored.
    pub rows: u64,
    /// Rows without a label for the target, left out.
    pub unlabelled: u64,
    /// Owners among the scored rows; a row without an owner counts as one of its own.
    pub owners: u64,
}

/// One bin of a reliability table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The split.
    pub split: String,
    /// The class whose probability is binned; `overall` bins the highest probability of a row and
    /// counts whether that class was right.
    pub class: String,
    /// Which probabilities: `model`, or the name of a calibration.
    pub probabilities: String,
    /// Lower edge; the first bin includes it.
    pub low: f64,
    /// Upper edge, included.
    pub high: f64,
    /// Rows in the bin.
    pub rows: u64,
    /// Their mean probability; absent for an empty bin.
    pub mean_probability: Option<f64>,
    /// The share of them that are of the class.
    pub observed: Estimate,
}

/// Which curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurveKind {
    /// x is the false-positive rate, y the recall.
    Roc,
    /// x is the recall, y the precision.
    PrecisionRecall,
}

/// A curve of one class against the rest, thinned to at most 257 points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The split.
    pub split: String,
    /// The class.
    pub class: String,
    /// Which curve.
    pub kind: CurveKind,
    /// Its area: ROC-AUC or average precision, of all points.
    pub area: Estimate,
    /// Share of the class's rows: the precision of a random ranking.
    pub prevalence: f64,
    /// Points `[x, y, threshold]` by falling threshold; the first ROC point has no threshold.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// False-positive rate, or recall.
    pub x: f64,
    /// Recall, or precision.
    pub y: f64,
    /// The lowest probability that counts as positive; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threshold: Option<f64>,
}

/// What an operating point is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Goal {
    /// The highest recall whose false-positive rate is at most this.
    FalsePositiveRate(f64),
    /// The lowest false-positive rate whose recall is at least this.
    Recall(f64),
}

/// A threshold chosen on validation, then applied unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// The class against the rest.
    pub class: String,
    /// What was asked for.
    pub goal: Goal,
    /// A row is positive if its probability is at least this; absent with the reason below.
    pub threshold: Option<f64>,
    /// Why there is no threshold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undefined: Option<String>,
    /// Split, then metric (recall, false_positive_rate, precision, f1).
    pub scores: BTreeMap<String, BTreeMap<String, Estimate>>,
}

/// Before and after a calibration that was fitted on validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationScores {
    /// `platt` or `isotonic`.
    pub method: String,
    /// The split.
    pub split: String,
    /// Metric (log_loss, brier, ece) before.
    pub before: BTreeMap<String, Estimate>,
    /// The same metrics after.
    pub after: BTreeMap<String, Estimate>,
}

/// The model against one baseline on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// The split.
    pub split: String,
    /// The baseline.
    pub baseline: String,
    /// Rows that the model has right and the baseline wrong.
    pub only_model_right: u64,
    /// Rows that the baseline has right and the model wrong.
    pub only_baseline_right: u64,
    /// McNemar's statistic without continuity correction; its p-value is exact (binomial) where
    /// fewer than 25 rows are discordant.
    pub mcnemar: Estimate,
    /// Difference in accuracy, model minus baseline, with a paired bootstrap interval over owners.
    pub accuracy_difference: Estimate,
    /// Difference in macro F1, likewise.
    pub macro_f1_difference: Estimate,
}

/// A column that pulls towards a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermWeight {
    /// The class.
    pub class: String,
    /// The column's group.
    pub group: ColumnGroup,
    /// The column's name: a term of hostile text, or a signal.
    pub name: String,
    /// The weight: for two classes the log-odds of the class, for more its centred weight.
    pub weight: f64,
}

/// What one set of predictions has by the leaderboard's rule: suspicious or malicious is positive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaderboardScore {
    /// Positive rows predicted positive.
    pub true_positives: u64,
    /// Negative rows predicted positive.
    pub false_positives: u64,
    /// Negative rows predicted negative.
    pub true_negatives: u64,
    /// Positive rows predicted negative.
    pub false_negatives: u64,
    /// Precision, to 4 decimals; 0 where nothing is predicted positive, as the leaderboard has it.
    pub precision: f64,
    /// Recall, to 4 decimals; 0 without a positive row.
    pub recall: f64,
    /// False-positive rate, to 4 decimals; 0 without a negative row.
    pub false_positive_rate: f64,
    /// Harmonic mean of the rounded precision and recall, to 4 decimals.
    pub f1: f64,
}

/// The format of a ledger's entries.
///
/// - 1.0: the first.
pub const LEDGER_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// A model that looks at the hold-out split, as a ledger keeps it: one entry before the evaluation
/// and one with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// The entry's format.
    pub format: FormatVersion,
    /// When, as UTC in RFC 3339, by the clock of the machine.
    pub time: String,
    /// SHA-256 of the hold-out's rows.
    pub holdout_sha256: String,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// The number of other models that had looked before, as far as the ledgers tell. This one may
    /// have been chosen by what they showed.
    pub earlier_models: u64,
    /// Where the look is entered besides the run's own ledger.
    pub outside: OutsideLedger,
    /// The hold-out's metrics; `None` before the evaluation.
    pub metrics: Option<SplitMetrics>,
}

/// Where looks at the hold-out are entered outside of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideLedger {
    /// In a file of the user's state folder, named by the hold-out's hash.
    #[default]
    State,
    /// In this file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

/// `evaluation.json`: all that `metrics.json` and the CSV files don't hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationFile {
    /// The file's format.
    pub format: FormatVersion,
    /// The target's name.
    pub target: String,
    /// The classes, in the order of every table.
    pub classes: Vec<String>,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// Rows by split.
    pub counts: Vec<SplitCounts>,
    /// Reliability tables.
    pub reliability: Vec<ReliabilityBin>,
    /// ROC and precision-recall curves.
    pub curves: Vec<Curve>,
    /// Thresholds chosen on validation.
    pub operating_points: Vec<OperatingPoint>,
    /// Calibration, if one was asked for.
    pub calibration: Vec<CalibrationScores>,
    /// The model against the baselines.
    pub paired_tests: Vec<PairedTest>,
    /// The strongest columns of each class, strongest first.
    pub strongest: Vec<TermWeight>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_header_and_are_no_formulas() {
        let classes = vec!["clean".to_owned(), "malicious".to_owned()];
        let row = ErrorRow {
            split: "test".to_owned(),
            id: "a".to_owned(),
            slug: Some("=cmd()/x".to_owned()),
            truth: "clean".to_owned(),
            predicted: "malicious".to_owned(),
            probabilities: vec![0.1, 0.9],
            top_terms: vec![Contribution {
                column: 0,
                group: ColumnGroup::Text,
                name: "@sum\u{202e}".to_owned(),
                value: 1.0,
                score: 2.0,
            }],
            near_duplicates: 1,
            near_duplicates_other_label: 0,
            other_label_ids: Vec::new(),
        };
        let cells = row.cells();
        assert_eq!(cells.len(), ErrorRow::header(&classes).len());
        assert_eq!(cells[2], "'=cmd()/x");
        assert_eq!(cells[7], "'@sum\\u{202e} (+2.000)");
        let prediction = PredictionRow {
            id: "a".to_owned(),
            truth: "clean".to_owned(),
            predicted: "clean".to_owned(),
            probabilities: vec![0.1 + 0.2, 1e-9],
            split: "test".to_owned(),
        };
        assert_eq!(prediction.cells().len(), PredictionRow::header(&classes).len());
        assert_eq!(prediction.cells()[3].parse(), Ok(0.1 + 0.2));
    }
}
