//! Predictions as a table, JSON lines, CSV or SARIF.

use std::io::{self, BufWriter, Stdout, Write as _};

use clawsig_schema::{
    SkillRow,
    evaluation::{Explanation, ModelName, number_cell},
    hostile::{printable, spreadsheet_cell},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::scorer::{Scored, Scorer};
use crate::{
    Error,
    cli::PredictForm,
    sarif::{Finding, Location, Sarif},
    terminal::{Table, harmless},
};

/// One input and what came of it.
pub(super) struct Prediction<'a> {
    /// The path, for rows with `:` and the line's or row's number.
    pub(super) source: &'a str,
    /// Whether the source is a file of its own.
    pub(super) is_file: bool,
    /// The row, if it could be read.
    pub(super) row: Option<&'a SkillRow>,
    /// The score, or why there is none.
    pub(super) result: Result<Scored, String>,
}

impl Prediction<'_> {
    fn id(&self) -> Option<&str> {
        self.row.map(|row| row.id.as_str()).filter(|id| !id.is_empty())
    }

    fn slug(&self) -> Option<&str> {
        self.row.and_then(|row| row.slug.as_deref())
    }
}

/// Standard output in one of the forms.
pub(super) struct Output<'a> {
    out: BufWriter<Stdout>,
    scorer: &'a Scorer,
    form: Form,
}

enum Form {
    Jsonl,
    Csv,
    Table(Table),
    Sarif(Sarif),
}

impl<'a> Output<'a> {
    pub(super) fn new(form: PredictForm, scorer: &'a Scorer) -> Output<'a> {
        let form = match form {
            PredictForm::Jsonl => Form::Jsonl,
            PredictForm::Csv => Form::Csv,
            PredictForm::Table => {
                let flag = if scorer.has_threshold() { vec!["flagged"] } else { Vec::new() };
                let head = ["skill", "verdict", ">probability", "model"];
                let head = [&head[..], &flag, &["why it scored above the runner-up"]].concat();
                Form::Table(Table::new(&head).last_below())
            }
            PredictForm::Sarif => Form::Sarif(Sarif::new(scorer.classes())),
        };
        Output { out: BufWriter::new(io::stdout()), scorer, form }
    }

    /// What stands before the first prediction.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if let Form::Csv = self.form {
            let mut header = ["source", "id", "slug", "model", "verdict", "runner_up"]
                .map(str::to_owned)
                .to_vec();
            header.extend(self.scorer.classes().iter().map(|class| format!("p_{class}")));
            header.extend(["flagged", "explanation", "error"].map(str::to_owned));
            self.csv_line(&header)?;
        }
        Ok(())
    }

    /// One prediction.
    pub(super) fn push(&mut self, prediction: Prediction<'_>) -> Result<(), Error> {
        let classes = self.scorer.classes();
        match &mut self.form {
            Form::Jsonl => {
                let line = serde_json::to_string(&JsonLine::new(&prediction, classes))
                    .map_err(|e| Error::Output(e.into()))?;
                writeln!(self.out, "{}", harmless(&line)).map_err(Error::Output)
            }
            Form::Csv => {
                let cells = csv_cells(&prediction, classes);
                self.csv_line(&cells)
            }
            Form::Table(table) => {
                table.row(table_cells(&prediction, self.scorer));
                Ok(())
            }
            Form::Sarif(sarif) => {
                add_finding(sarif, &prediction, classes);
                Ok(())
            }
        }
    }

    fn csv_line(&mut self, cells: &[String]) -> Result<(), Error> {
        let mut line = csv::Writer::from_writer(Vec::new());
        let whole = line.write_record(cells).and_then(|()| Ok(line.flush()?));
        let bytes = line.into_inner().map_err(|e| io::Error::other(e.to_string()));
        whole.map_err(|e| Error::Output(io::Error::other(e)))?;
        bytes.and_then(|bytes| self.out.write_all(&bytes)).map_err(Error::Output)
    }

    /// Hands on what was printed: whoever reads a stream waits for it.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::Output)
    }

    /// What stands after the last prediction.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match &self.form {
            Form::Table(table) => {
                self.out.write_all(table.render().as_bytes()).map_err(Error::Output)?;
            }
            Form::Sarif(sarif) => {
                let log = serde_json::to_string_pretty(&sarif.log())
                    .map_err(|e| Error::Output(e.into()))?;
                writeln!(self.out, "{}", harmless(&log)).map_err(Error::Output)?;
            }
            Form::Jsonl | Form::Csv => {}
        }
        self.flush()
    }
}

/// A line of JSON: either the verdict with its reasons, or the error.
#[derive(Serialize)]
struct JsonLine<'a> {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    verdict: Option<JsonVerdict<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonVerdict<'a> {
    model: &'static str,
    verdict: &'static str,
    runner_up: &'static str,
    probabilities: Probabilities<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flagged: Option<bool>,
    explanation: Option<&'a Explanation>,
}

/// Probabilities under their classes' names, in the classes' order.
struct Probabilities<'a>(&'static [&'static str], &'a [f64]);

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (class, p) in self.0.iter().zip(self.1) {
            map.serialize_entry(class, p)?;
        }
        map.end()
    }
}

impl<'a> JsonLine<'a> {
    fn new(prediction: &'a Prediction<'_>, classes: &'static [&'static str]) -> JsonLine<'a> {
        let verdict = prediction.result.as_ref().ok().map(|scored| {
            let score = &scored.score;
            JsonVerdict {
                model: scored.which.as_str(),
                verdict: classes[score.class],
                runner_up: classes[score.runner_up],
                probabilities: Probabilities(classes, &score.probabilities),
                flagged: scored.flagged,
                explanation: score.explanation.as_ref(),
            }
        });
        JsonLine {
            source: printable(prediction.source, 4096),
            id: prediction.id(),
            slug: prediction.slug(),
            verdict,
            error: prediction.result.as_ref().err().map(String::as_str),
        }
    }
}

fn cell(text: &str) -> String {
    spreadsheet_cell(&printable(text, 4096)).into_owned()
}

fn flag_cell(flagged: Option<bool>) -> &'static str {
    match flagged {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    }
}

/// The terms of a score in words, at most `limit` columns by name.
fn explained(scored: &Scored, limit: usize) -> String {
    let found = scored.score.explanation.as_ref();
    found.map_or_else(|| "the model knows one class alone".to_owned(), |e| e.in_words(limit))
}

fn csv_cells(prediction: &Prediction<'_>, classes: &[&str]) -> Vec<String> {
    let maybe = |text: Option<&str>| text.map(cell).unwrap_or_default();
    let mut cells = vec![cell(prediction.source), maybe(prediction.id()), maybe(prediction.slug())];
    match &prediction.result {
        Ok(scored) => {
            let score = &scored.score;
            cells.push(scored.which.as_str().to_owned());
            cells.push(classes[score.class].to_owned());
            cells.push(classes[score.runner_up].to_owned());
            cells.extend(score.probabilities.iter().map(|&p| number_cell(p)));
            cells.push(flag_cell(scored.flagged).to_owned());
            cells.push(cell(&explained(scored, usize::MAX)));
            cells.push(String::new());
        }
        Err(reason) => {
            cells.extend(std::iter::repeat_n(String::new(), 5 + classes.len()));
            cells.push(cell(reason));
        }
    }
    cells
}

/// The name of a skill in the table: its slug, its id's head or its source.
fn table_name(prediction: &Prediction<'_>) -> String {
    match (prediction.is_file, prediction.slug(), prediction.id()) {
        (false, Some(slug), _) => printable(slug, 40),
        (false, None, Some(id)) => printable(id, 16),
        _ => printable(prediction.source, 60),
    }
}

fn table_cells(prediction: &Prediction<'_>, scorer: &Scorer) -> Vec<String> {
    let mut cells = vec![table_name(prediction)];
    let flag = |flagged| scorer.has_threshold().then(|| flag_cell(flagged).to_owned());
    match &prediction.result {
        Ok(scored) => {
            let score = &scored.score;
            cells.push(scorer.classes()[score.class].to_owned());
            cells.push(format!("{:.4}", score.probabilities[score.class]));
            cells.push(scored.which.as_str().to_owned());
            cells.extend(flag(scored.flagged));
            cells.push(explained(scored, usize::MAX));
        }
        Err(reason) => {
            cells.extend(["error", "", ""].map(str::to_owned));
            cells.extend(flag(None));
            cells.push(reason.clone());
        }
    }
    cells
}

/// A skill is a result where it is flagged; without a threshold, where its verdict is another
/// than the first class.
fn add_finding(sarif: &mut Sarif, prediction: &Prediction<'_>, classes: &'static [&'static str]) {
    let location = match (prediction.is_file, prediction.slug(), prediction.id()) {
        (true, ..) => Location::File(prediction.source.to_owned()),
        (false, Some(slug), _) => Location::Skill(slug.to_owned()),
        (false, None, Some(id)) => Location::Skill(id.to_owned()),
        (false, None, None) => Location::Skill(prediction.source.to_owned()),
    };
    let scored = match &prediction.result {
        Ok(scored) => scored,
        Err(reason) => {
            sarif.fail(&location, reason);
            return;
        }
    };
    let score = &scored.score;
    if !scored.flagged.unwrap_or(score.class != 0) {
        return;
    }
    let of = match scored.which {
        ModelName::All => "text and scanner results",
        ModelName::TextOnly => "its text alone",
    };
    sarif.add(Finding {
        rule: score.class,
        message: format!(
            "predicted {} with probability {:.4} from {of}; {}",
            classes[score.class],
            score.probabilities[score.class],
            explained(scored, 5)
        ),
        location,
        probabilities: classes
            .iter()
            .map(|class| (*class).to_owned())
            .zip(score.probabilities.iter().copied())
            .collect(),
    });
}
