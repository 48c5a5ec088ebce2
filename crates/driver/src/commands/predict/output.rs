//! Predictions as a table, JSON lines, CSV, SARIF or the answer to an install policy's request.

use std::io::{self, BufWriter, Stdout, Write as _};

use clawsig_schema::{
    SkillRow,
    evaluation::{Explanation, ModelName, number_cell},
    hostile::{printable, spreadsheet_cell},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::json;

use super::{
    SkillCounts,
    baseline::Review,
    facts::ModelFacts,
    policy::Policy,
    scorer::{ScoredSkill, Scorer},
};
use crate::{
    Error,
    cli::PredictForm,
    sarif::{Location, Sarif, SarifResult},
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
    /// SHA-256 of the skill's content, likewise.
    pub(super) sha256: Option<&'a str>,
    /// Its review in the baseline.
    pub(super) review: Option<Review>,
    /// Whether it fails the check, its review aside.
    pub(super) fails: bool,
    /// The score, or why there is none.
    pub(super) result: Result<ScoredSkill, String>,
}

impl Prediction<'_> {
    /// Whether its review holds, so that it neither fails nor is a result.
    pub(super) fn passes(&self) -> bool {
        self.review.as_ref().is_some_and(|review| !review.expired)
    }

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
    has_threshold: bool,
    state: FormState,
    /// The models that have scored.
    used: Vec<ModelName>,
}

enum FormState {
    Jsonl,
    Csv,
    Table(Table),
    Sarif(Sarif),
    Policy(Policy),
}

impl<'a> Output<'a> {
    pub(super) fn new(form: PredictForm, scorer: &'a Scorer, has_threshold: bool) -> Output<'a> {
        let state = match form {
            PredictForm::Jsonl => FormState::Jsonl,
            PredictForm::Csv => FormState::Csv,
            PredictForm::Table => {
                let flag = if has_threshold { vec!["flagged"] } else { Vec::new() };
                let head = ["skill", "verdict", ">probability", "model"];
                let head = [&head[..], &flag, &["why it scored above the runner-up"]].concat();
                FormState::Table(Table::new(&head).last_below())
            }
            PredictForm::Sarif => FormState::Sarif(Sarif::new(scorer.classes())),
            PredictForm::InstallPolicy => FormState::Policy(Policy::new()),
        };
        let out = BufWriter::new(io::stdout());
        Output { out, scorer, has_threshold, state, used: Vec::new() }
    }

    /// What stands before the first prediction.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if let FormState::Csv = self.state {
            let mut header = ["source", "id", "slug", "model", "verdict", "runner_up"]
                .map(str::to_owned)
                .to_vec();
            header.extend(self.scorer.classes().iter().map(|class| format!("p_{class}")));
            header.extend(CSV_END.map(str::to_owned));
            self.out.write_all(&csv_line(&header)?).map_err(Error::Output)?;
        }
        Ok(())
    }

    /// The line of a prediction, empty in a form that prints none for each. Any thread can make it.
    pub(super) fn line(&self, prediction: &Prediction<'_>) -> Result<Vec<u8>, Error> {
        let classes = self.scorer.classes();
        let facts = prediction.result.as_ref().ok().map(|scored| self.scorer.facts(scored.which));
        match self.state {
            FormState::Jsonl => {
                let line = serde_json::to_string(&JsonLine::new(prediction, classes, facts))
                    .map_err(|e| Error::Output(e.into()))?;
                Ok([harmless(&line).as_bytes(), b"\n"].concat())
            }
            FormState::Csv => csv_line(&csv_cells(prediction, classes, facts)),
            FormState::Table(_) | FormState::Sarif(_) | FormState::Policy(_) => Ok(Vec::new()),
        }
    }

    /// Takes in a prediction and its line.
    pub(super) fn push(&mut self, prediction: Prediction<'_>, line: &[u8]) -> Result<(), Error> {
        let scorer = self.scorer;
        let classes = scorer.classes();
        let facts = prediction.result.as_ref().ok().map(|scored| scorer.facts(scored.which));
        if let Ok(scored) = &prediction.result
            && !self.used.contains(&scored.which)
        {
            self.used.push(scored.which);
        }
        match &mut self.state {
            FormState::Jsonl | FormState::Csv => self.out.write_all(line).map_err(Error::Output),
            FormState::Table(table) => {
                table.row(table_cells(&prediction, classes, self.has_threshold));
                Ok(())
            }
            FormState::Sarif(sarif) => {
                add_finding(sarif, &prediction, classes, facts);
                Ok(())
            }
            FormState::Policy(policy) => {
                policy.add(
                    &prediction,
                    classes,
                    &facts.map(ModelFacts::in_words).unwrap_or_default(),
                );
                Ok(())
            }
        }
    }

    /// Answers a policy's request whose skills can't be scored.
    pub(super) fn refuse(&mut self, reason: &str) {
        if let FormState::Policy(policy) = &mut self.state {
            policy.fail(reason);
        }
    }

    /// Hands on what was printed: whoever reads a stream waits for it.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::Output)
    }

    /// Ends the output after the last prediction. SARIF alone has a place for `passed_over`, the words about
    /// what was not scored.
    pub(super) fn end(
        &mut self,
        counts: &SkillCounts,
        passed_over: &[String],
    ) -> Result<(), Error> {
        let facts = self.used.iter().map(|&which| self.scorer.facts(which));
        let text = match &mut self.state {
            FormState::Table(table) => {
                let about: String = facts.map(|facts| facts.in_words() + "\n").collect();
                table.render() + &about
            }
            FormState::Sarif(sarif) => {
                sarif.property("models", json!(facts.collect::<Vec<_>>()));
                sarif.property("suppressed", json!(counts.reviewed));
                sarif.property("expiredReviews", json!(counts.expired));
                if !passed_over.is_empty() {
                    sarif.property("passedOver", json!(passed_over));
                }
                let log = serde_json::to_string_pretty(&sarif.log())
                    .map_err(|e| Error::Output(e.into()))?;
                harmless(&log).into_owned() + "\n"
            }
            FormState::Policy(policy) => harmless(&policy.answer()?).into_owned() + "\n",
            FormState::Jsonl | FormState::Csv => String::new(),
        };
        self.out.write_all(text.as_bytes()).map_err(Error::Output)?;
        self.flush()
    }
}

fn csv_line(cells: &[String]) -> Result<Vec<u8>, Error> {
    let mut line = csv::Writer::from_writer(Vec::new());
    line.write_record(cells).map_err(|e| Error::Output(io::Error::other(e)))?;
    line.into_inner().map_err(|e| Error::Output(io::Error::other(e.to_string())))
}

/// A line of JSON: either the verdict with its reasons, or the error.
#[derive(Serialize)]
struct JsonLine<'a> {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    verdict: Option<JsonVerdict<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<&'a Review>,
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
    unlike_training: &'a [String],
    explanation: Option<&'a Explanation>,
    about_model: Option<&'a ModelFacts>,
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
    fn new(
        prediction: &'a Prediction<'_>,
        classes: &'static [&'static str],
        facts: Option<&'a ModelFacts>,
    ) -> JsonLine<'a> {
        let verdict = prediction.result.as_ref().ok().map(|scored| {
            let score = &scored.score;
            JsonVerdict {
                model: scored.which.as_str(),
                verdict: classes[score.class],
                runner_up: classes[score.runner_up],
                probabilities: Probabilities(classes, &score.probabilities),
                flagged: scored.flagged,
                unlike_training: &scored.unlike,
                explanation: score.explanation.as_ref(),
                about_model: facts,
            }
        });
        JsonLine {
            source: printable(prediction.source, 4096),
            id: prediction.id(),
            slug: prediction.slug(),
            sha256: prediction.sha256,
            verdict,
            review: prediction.review.as_ref(),
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
fn explained(scored: &ScoredSkill, limit: usize) -> String {
    let found = scored.score.explanation.as_ref();
    found.map_or_else(|| "the model knows one class alone".to_owned(), |e| e.in_words(limit))
}

/// The columns of a CSV behind the probabilities.
const CSV_END: [&str; 10] = [
    "flagged",
    "explanation",
    "error",
    "unlike_training",
    "sha256",
    "review",
    "model_sha256",
    "training_rows",
    "synthetic",
    "threshold",
];

fn csv_cells(
    prediction: &Prediction<'_>,
    classes: &[&str],
    facts: Option<&ModelFacts>,
) -> Vec<String> {
    let maybe = |text: Option<&str>| text.map(cell).unwrap_or_default();
    let mut cells = vec![cell(prediction.source), maybe(prediction.id()), maybe(prediction.slug())];
    let mut unlike = String::new();
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
            unlike = scored.unlike.join("; ");
        }
        Err(reason) => {
            cells.extend(std::iter::repeat_n(String::new(), 5 + classes.len()));
            cells.push(cell(reason));
        }
    }
    cells.push(cell(&unlike));
    cells.push(prediction.sha256.unwrap_or_default().to_owned());
    cells.push(prediction.review.as_ref().map(|r| cell(&r.in_words())).unwrap_or_default());
    cells.extend(match facts {
        Some(facts) => [
            facts.sha256().to_owned(),
            facts.rows_in_words(),
            if facts.is_synthetic() { "yes" } else { "no" }.to_owned(),
            facts.threshold_in_words(),
        ],
        None => Default::default(),
    });
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

fn table_cells(prediction: &Prediction<'_>, classes: &[&str], has_threshold: bool) -> Vec<String> {
    let mut cells = vec![table_name(prediction)];
    let flag = |flagged| has_threshold.then(|| flag_cell(flagged).to_owned());
    match &prediction.result {
        Ok(scored) => {
            let score = &scored.score;
            cells.push(classes[score.class].to_owned());
            cells.push(format!("{:.4}", score.probabilities[score.class]));
            cells.push(scored.which.as_str().to_owned());
            cells.extend(flag(scored.flagged));
            let mut why = Vec::new();
            if !scored.unlike.is_empty() {
                why.push(format!("unlike the training rows: {}", scored.unlike.join("; ")));
            }
            why.extend(prediction.review.as_ref().map(Review::in_words));
            why.push(explained(scored, usize::MAX));
            cells.push(why.join(". "));
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
/// than the first class. A review that holds keeps it out.
fn add_finding(
    sarif: &mut Sarif,
    prediction: &Prediction<'_>,
    classes: &'static [&'static str],
    facts: Option<&ModelFacts>,
) {
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
    if prediction.passes() || !(prediction.fails || scored.flagged.unwrap_or(score.class != 0)) {
        return;
    }
    let of = match scored.which {
        ModelName::All => "text and scanner results",
        ModelName::TextOnly => "its text alone",
    };
    let mut message = format!(
        "predicted {} with probability {:.4} from {of}; {}",
        classes[score.class],
        score.probabilities[score.class],
        explained(scored, 5)
    );
    if !scored.unlike.is_empty() {
        message += &format!("; unlike the training rows: {}", scored.unlike.join("; "));
    }
    if let Some(facts) = facts {
        message += &format!("; {}", facts.in_words());
    }
    sarif.add(SarifResult {
        rule: score.class,
        message,
        location,
        probabilities: classes
            .iter()
            .map(|class| (*class).to_owned())
            .zip(score.probabilities.iter().copied())
            .collect(),
        sha256: prediction.sha256.map(str::to_owned),
    });
}
