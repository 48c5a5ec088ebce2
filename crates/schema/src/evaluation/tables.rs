//! The rows of evaluation's CSV files, with their headers and cells.

use serde::{Deserialize, Serialize};

use super::ModelName;
use crate::{estimate::Estimate, hostile, matrix::ColumnGroup};

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
    /// The split.
    pub split: String,
    /// The row's own class.
    pub verdict: String,
    /// The class of highest probability; the first of equals.
    pub predicted: String,
    /// One probability a class, in the classes' order; they sum to 1.
    pub probabilities: Vec<f64>,
}

impl PredictionRow {
    /// The header for these classes: `id, split, verdict, predicted, p_<class>...`.
    pub fn header(classes: &[String]) -> Vec<String> {
        let mut cells: Vec<String> =
            ["id", "split", "verdict", "predicted"].map(str::to_owned).into();
        cells.extend(classes.iter().map(|class| format!("p_{class}")));
        cells
    }

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        let text = [&self.split, &self.verdict, &self.predicted];
        let mut cells = vec![text_cell(&self.id)];
        cells.extend(text.into_iter().cloned());
        cells.extend(self.probabilities.iter().map(|&p| number_cell(p)));
        cells
    }
}

/// One line of `confusion.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusionRow {
    /// The split.
    pub split: String,
    /// The row's own class.
    pub verdict: String,
    /// The predicted class.
    pub predicted: String,
    /// Number of rows.
    pub rows: u64,
    /// Their share of the rows of the verdict; absent for a class without rows.
    pub share_of_verdict: Option<f64>,
}

impl ConfusionRow {
    /// The header.
    pub const HEADER: &'static [&'static str] =
        &["split", "verdict", "predicted", "rows", "share_of_verdict"];

    /// The cells of this row, in the header's order.
    pub fn cells(&self) -> Vec<String> {
        vec![
            self.split.clone(),
            self.verdict.clone(),
            self.predicted.clone(),
            self.rows.to_string(),
            optional_cell(self.share_of_verdict),
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
    /// The row's own class.
    pub verdict: String,
    /// The predicted class.
    pub predicted: String,
    /// One probability a class, in the classes' order.
    pub probabilities: Vec<f64>,
    /// Why the predicted class scored above the row's own (or above the runner-up, where the model
    /// does not know the row's own class).
    pub explanation: Option<Explanation>,
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
            ["split", "id", "slug", "verdict", "predicted"].map(str::to_owned).into();
        cells.extend(classes.iter().map(|class| format!("p_{class}")));
        cells.extend(
            ["explanation", "near_duplicates", "near_duplicates_other_label", "other_label_ids"]
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
            self.verdict.clone(),
            self.predicted.clone(),
        ];
        cells.extend(self.probabilities.iter().map(|&p| number_cell(p)));
        let words = self.explanation.as_ref().map(|found| found.in_words(usize::MAX));
        cells.push(hostile::spreadsheet_cell(&words.unwrap_or_default()).into_owned());
        cells.push(self.near_duplicates.to_string());
        cells.push(self.near_duplicates_other_label.to_string());
        cells.push(text_cell(&self.other_label_ids.join(" ")));
        cells
    }
}

/// How far one column moved one row's score, in log-odds.
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
    /// The value times the difference between the column's weights for the two classes.
    pub log_odds: f64,
}

/// Why a row scores as it does: terms that add up to the log-odds of one class against another,
/// ln(p of `class` / p of `against`). A positive term speaks for `class`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The class that positive terms speak for.
    pub class: String,
    /// The class that negative terms speak for.
    pub against: String,
    /// The sum of all terms below.
    pub log_odds: f64,
    /// The log-odds of a row without an entry in any column.
    pub intercept: f64,
    /// The columns that moved the row most, strongest first, ties by column.
    pub contributions: Vec<Contribution>,
    /// All other columns together.
    pub rest: f64,
}

impl Explanation {
    /// The terms in words, at most `limit` columns: `log-odds of malicious against clean +1.200 =
    /// intercept -0.300; curl (+1.100); rest +0.400`. Names are printable; the whole is no cell yet.
    pub fn in_words(&self, limit: usize) -> String {
        let mut text = format!(
            "log-odds of {} against {} {:+.3} = intercept {:+.3}",
            self.class, self.against, self.log_odds, self.intercept
        );
        for term in self.contributions.iter().take(limit) {
            let name = hostile::printable(&term.name, 60);
            text += &format!("; {name} ({:+.3})", term.log_odds);
        }
        let hidden = self.contributions.iter().skip(limit).map(|term| term.log_odds);
        text + &format!("; rest {:+.3}", hidden.sum::<f64>() + self.rest)
    }
}

/// One line of `baselines.csv`, `ablation.csv` or `leakage.csv`: one metric of one variant on
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
    /// Whether this is a baseline that answers by one scanner's flag.
    pub fn is_of_one_scanner(&self) -> bool {
        self.name.ends_with("-flag")
    }

    /// Whether this is a baseline that answers by the scanners' flags.
    pub fn is_of_scanners(&self) -> bool {
        self.is_of_one_scanner() || self.name == "worst-of-scanners"
    }

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

/// One line of `grid.csv`: a value of C that was tried, scored on validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRow {
    /// The model.
    pub model: ModelName,
    /// The inverse strength of the penalty.
    pub c: f64,
    /// Macro F1.
    pub macro_f1: Estimate,
    /// Macro average precision.
    pub macro_pr_auc: Estimate,
    /// Log-loss.
    pub log_loss: Estimate,
    /// The objective reached.
    pub objective: f64,
    /// Iterations, warm start included; `None` where the solver does not tell.
    pub iterations: Option<u64>,
    /// Whether the optimum was reached.
    pub converged: bool,
    /// Whether this line is the chosen one.
    pub chosen: bool,
}

impl GridRow {
    /// The header.
    pub const HEADER: &'static [&'static str] = &[
        "model",
        "c",
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
            self.model.to_string(),
            number_cell(self.c),
            optional_cell(self.macro_f1.value),
            optional_cell(self.macro_pr_auc.value),
            optional_cell(self.log_loss.value),
            number_cell(self.objective),
            self.iterations.map_or_else(String::new, |n| n.to_string()),
            u8::from(self.converged).to_string(),
            u8::from(self.chosen).to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_grid_has_a_cell_for_every_head() {
        let row = GridRow {
            model: ModelName::TextOnly,
            c: 0.25,
            macro_f1: Estimate::point(0.5, 9),
            macro_pr_auc: Estimate::undefined("one class", 9),
            log_loss: Estimate::point(1.0, 9),
            objective: 3.5,
            iterations: None,
            converged: true,
            chosen: false,
        };
        assert_eq!(row.cells(), ["text-only", "0.25", "0.5", "", "1.0", "3.5", "", "1", "0"]);
        assert_eq!(row.cells().len(), GridRow::HEADER.len());
    }

    #[test]
    fn cells_stand_under_their_header_and_are_no_formulas() {
        let classes = vec!["clean".to_owned(), "malicious".to_owned()];
        let row = ErrorRow {
            split: "test".to_owned(),
            id: "a".to_owned(),
            slug: Some("=cmd()/x".to_owned()),
            verdict: "clean".to_owned(),
            predicted: "malicious".to_owned(),
            probabilities: vec![0.1, 0.9],
            explanation: Some(Explanation {
                class: "malicious".to_owned(),
                against: "clean".to_owned(),
                log_odds: 1.75,
                intercept: -0.5,
                contributions: vec![Contribution {
                    column: 0,
                    group: ColumnGroup::Text,
                    name: "@sum\u{202e}".to_owned(),
                    value: 1.0,
                    log_odds: 2.0,
                }],
                rest: 0.25,
            }),
            near_duplicates: 1,
            near_duplicates_other_label: 0,
            other_label_ids: Vec::new(),
        };
        let cells = row.cells();
        assert_eq!(cells.len(), ErrorRow::header(&classes).len());
        assert_eq!(cells[2], "'=cmd()/x");
        assert_eq!(
            cells[7],
            "log-odds of malicious against clean +1.750 = intercept -0.500; @sum\\u{202e} (+2.000); rest +0.250"
        );
        let all_in_rest = row.explanation.map(|found| found.in_words(0)).unwrap_or_default();
        assert!(all_in_rest.ends_with("= intercept -0.500; rest +2.250"), "{all_in_rest}");
        let prediction = PredictionRow {
            id: "a".to_owned(),
            verdict: "clean".to_owned(),
            predicted: "clean".to_owned(),
            probabilities: vec![0.1 + 0.2, 1e-9],
            split: "test".to_owned(),
        };
        assert_eq!(prediction.cells().len(), PredictionRow::header(&classes).len());
        assert_eq!(prediction.cells()[4].parse(), Ok(0.1 + 0.2));
    }
}
