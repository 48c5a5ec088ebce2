//! What training and evaluation find: `evaluation.json`, and the rows of the CSV files that show
//! parts of it.
//!
//! Every figure is an [`Estimate`], so an undefined one says why. Rows of CSV files come with
//! their header and their cells; cells that hold text from the dataset are safe to open in a
//! spreadsheet.

mod curves;
mod tables;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    estimate::Estimate, format::FormatVersion, hostile, matrix::ColumnGroup, wording::counted,
};

pub use curves::{
    CalibrationScores, Curve, CurveKind, CurvePoint, Goal, OperatingPoint, ReliabilityBin,
};
pub use tables::{
    ConfusionRow, Contribution, ErrorRow, Explanation, GridRow, PredictionRow, ScoreRow,
    number_cell,
};

/// The format of `evaluation.json`.
///
/// - 2.2: figures of folds by owner and near-duplicates, under the name of a split, `folds`.
/// - 2.1: rows that are left out by name (`left_out`).
/// - 2.0: every result of every model; 1.0 had those of one, and tables beside it.
/// - 1.0: the first.
pub const EVALUATION_FORMAT: FormatVersion = FormatVersion::new(2, 2);

/// Rows of a class below which what rests on it has to be read with care.
pub const FEW_ROWS: u64 = 30;

/// The name, in place of a split's, of all rows but the hold-out's, each scored by models that have met
/// neither its owner nor a near-duplicate of it.
pub const FOLDS: &str = "folds";

/// The name under which a table holds what belongs to no single class.
pub const OVERALL: &str = "overall";
/// The name of the unweighted mean over classes.
pub const MACRO: &str = "macro";
/// The name of the mean over classes weighted by their rows.
pub const WEIGHTED: &str = "weighted";

/// The names of the metrics, as every file writes them.
pub mod metric {
    /// Share of rows whose predicted class is its own.
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
    /// Cohen's kappa of labels and predictions, unweighted.
    pub const KAPPA: &str = "kappa";
    /// Matthews' correlation coefficient (Gorodkin's form for more than two classes).
    pub const MCC: &str = "mcc";
    /// Mean negative logarithm of the probability given to the row's own class.
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

/// `metrics.json`: split, or [`FOLDS`], then a class's name or `macro`, `weighted`, `overall`, then a metric's
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

/// Rows of a split that took part, and why others did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// The split, or [`FOLDS`].
    pub split: String,
    /// Rows that have a label and were scored.
    pub rows: u64,
    /// The same rows by class.
    pub classes: BTreeMap<String, u64>,
    /// Rows without a label for the target, left out.
    pub unlabelled: u64,
    /// The same rows by verdict; by `null` where a verdict or severity is missing.
    #[serde(default)]
    pub left_out: BTreeMap<String, u64>,
    /// Owners among the scored rows; a row without an owner counts as one of its own.
    pub owners: u64,
}

/// The folds of [`FOLDS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folds {
    /// How many.
    pub number: u64,
    /// Their rows, each of a split that [`EvaluationResults::counts`] has too.
    pub counts: SplitCounts,
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
    /// McNemar's exact test: the smaller of both counts, and its binomial p-value.
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

/// One of the models that a run trains and evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelName {
    /// The model on every column.
    All,
    /// The model on the columns that need no scanner, for skills that no scanner saw.
    TextOnly,
}

crate::choices!(ModelName, "model", All => "all", TextOnly => "text-only");

/// What one model is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelResults {
    /// The model.
    pub name: ModelName,
    /// SHA-256 of the model.
    pub sha256: String,
    /// The groups whose columns it reads.
    pub groups: Vec<ColumnGroup>,
    /// Its inverse penalty strength, chosen by [`ModelResults::grid`] where that has several rows.
    pub c: f64,
    /// Training rows by class; a class without any is never predicted.
    pub training_rows: BTreeMap<String, u64>,
    /// The settings tried on validation; empty where there was no choice.
    pub grid: Vec<GridRow>,
    /// `metrics.json`.
    pub metrics: MetricTable,
    /// `confusion.csv`.
    pub confusion: Vec<ConfusionRow>,
    /// Reliability tables.
    pub reliability: Vec<ReliabilityBin>,
    /// ROC and precision-recall curves.
    pub curves: Vec<Curve>,
    /// Thresholds chosen on validation.
    pub operating_points: Vec<OperatingPoint>,
    /// Calibration, if one was asked for.
    pub calibration: Vec<CalibrationScores>,
    /// `leakage.csv`: test rows that share neither owner nor text with a training row, beside all, and
    /// the folds.
    pub leakage: Vec<ScoreRow>,
    /// The model against the baselines on test, and in the folds against itself without a view of the text.
    pub paired_tests: Vec<PairedTest>,
    /// The strongest columns of each class, strongest first.
    pub strongest: Vec<TermWeight>,
    /// `errors.csv`.
    pub errors: Vec<ErrorRow>,
}

impl ModelResults {
    /// The split to show first: test, else validation, else the first that has metrics.
    pub fn shown_split(&self) -> Option<&str> {
        ["test", "validation"]
            .into_iter()
            .find(|split| self.metrics.0.contains_key(*split))
            .or_else(|| self.metrics.0.keys().next().map(String::as_str))
    }
}

/// `evaluation.json`: everything that evaluation found. The CSV files beside it hold parts of it
/// for people; programs read this file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationResults {
    /// The file's format.
    pub format: FormatVersion,
    /// The target's name.
    pub target: String,
    /// The classes, in the order of every table.
    pub classes: Vec<String>,
    /// Rows by split.
    pub counts: Vec<SplitCounts>,
    /// The folds, if there are figures of them.
    #[serde(default)]
    pub folds: Option<Folds>,
    /// The models: that on every column first.
    pub models: Vec<ModelResults>,
    /// `baselines.csv`: the models and the baselines on the same test rows.
    pub baselines: Vec<ScoreRow>,
    /// `ablation.csv`: models on other columns, each tuned for itself.
    pub ablation: Vec<ScoreRow>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}

impl EvaluationResults {
    /// A split as a sentence names it: `on test`, `in 5 folds by owner and near-duplicates`.
    pub fn place(&self, split: &str) -> String {
        if split == FOLDS {
            let number = self.folds.as_ref().map_or(0, |folds| folds.number);
            format!("in {number} folds by owner and near-duplicates")
        } else {
            format!("on {}", hostile::printable(split, 40))
        }
    }

    /// The results of a model, if the run has it.
    pub fn model(&self, name: ModelName) -> Option<&ModelResults> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The accuracy of each rule over the scanners' flags that gives every row's class.
    pub fn exact_rules(&self) -> impl Iterator<Item = &ScoreRow> {
        let exact = |row: &&ScoreRow| {
            row.is_of_scanners()
                && row.scope == OVERALL
                && row.metric == metric::ACCURACY
                && row.estimate.value == Some(1.0)
        };
        self.baselines.iter().filter(exact)
    }

    /// The classes of fewer than 30 rows in a split, as a sentence that can follow a figure's
    /// caption; empty where there are none.
    pub fn few_rows(&self, split: &str) -> String {
        let counts = self.counts.iter().find(|counts| counts.split == split);
        let few: Vec<String> = self
            .classes
            .iter()
            .filter_map(|class| {
                let rows = counts?.classes.get(class).copied().unwrap_or(0);
                (rows < FEW_ROWS).then(|| format!("{class} has {}", counted(rows, "row")))
            })
            .collect();
        match few.as_slice() {
            [] => String::new(),
            few => format!(" On {split}, {}.", few.join(" and ")),
        }
    }
}

/// `predictions.json`: what one model says of every evaluated row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// The classes, in the order of the probabilities.
    pub classes: Vec<String>,
    /// The rows, a split after the other, in the order of its matrix.
    pub rows: Vec<PredictionRow>,
}
