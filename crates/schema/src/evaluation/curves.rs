//! Curves, reliability tables, thresholds and calibration, as `evaluation.json` holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::estimate::Estimate;

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

/// A curve of one class against the rest; points that no drawing can tell apart are left out.
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
    /// By falling threshold. Between two points a ROC curve is straight; a precision-recall curve is
    /// a step, whose precision up to a point is the point's.
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
