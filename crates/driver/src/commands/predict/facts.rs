//! What stands behind a score: the model, the rows it was trained on, and what its threshold is
//! worth. It goes out with every form of the output, since a number without it misleads.

use std::{collections::BTreeMap, fmt::Write as _};

use clawsig_model::{Scored, TrainedModel, curves::at_threshold};
use clawsig_schema::{
    Split,
    estimate::Estimate,
    evaluation::{FOLDS, Goal, ModelName, ModelResults, OperatingPoint, Predictions, metric},
    wording::grouped,
};
use serde::Serialize;

use crate::{Error, files, finished::FinishedRun, stages::Stage};

/// What is to be known of a model.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ModelFacts {
    /// Which of the run's models.
    name: ModelName,
    /// SHA-256 of its weights.
    sha256: String,
    /// Training rows by class.
    training_rows: BTreeMap<String, u64>,
    /// Whether the rows were generated.
    synthetic: bool,
    /// What is flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Threshold>,
}

/// The threshold of a model, and its rates.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Threshold {
    /// The class whose probability counts.
    class: &'static str,
    #[serde(skip)]
    position: usize,
    /// A skill is flagged from this probability on.
    at_least: f64,
    /// What evaluation chose it for.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_for: Option<Goal>,
    /// Recall, false-positive rate, precision and F1 on test.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    test: BTreeMap<String, Estimate>,
    /// The same in folds by owner and near-duplicates: on skills whose owner no model had met.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    folds: BTreeMap<String, Estimate>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_measured: Option<String>,
}

impl Threshold {
    /// Whether a skill of these probabilities is flagged.
    pub(super) fn flags(&self, probabilities: &[f64]) -> bool {
        probabilities[self.position] >= self.at_least
    }
}

impl ModelFacts {
    pub(super) fn new(
        name: ModelName,
        model: &TrainedModel,
        synthetic: bool,
    ) -> Result<ModelFacts, Error> {
        let (sha256, training_rows) = (model.sha256()?, model.training_rows.clone());
        Ok(ModelFacts { name, sha256, training_rows, synthetic, threshold: None })
    }

    pub(super) fn threshold(&self) -> Option<&Threshold> {
        self.threshold.as_ref()
    }

    /// Sets the threshold that was asked for.
    pub(super) fn set_threshold(
        &mut self,
        wanted: &Wanted,
        run: &FinishedRun,
    ) -> Result<(), Error> {
        let results = evaluated(run)?;
        let results = results.as_deref().unwrap_or_default();
        let mine = results.iter().find(|results| results.name == self.name);
        let (at_least, chosen_for) = match wanted.at {
            At::Probability(p) => (p, None),
            At::Goal(goal) => (wanted.chosen(self.name, mine, goal)?, Some(goal)),
        };
        let mut threshold = Threshold {
            class: wanted.class,
            position: wanted.position,
            at_least,
            chosen_for,
            test: BTreeMap::new(),
            folds: BTreeMap::new(),
            not_measured: None,
        };
        match mine {
            Some(mine) => {
                let is_test = |split: &str| split == Split::Test.as_str();
                threshold.test = rates(run, self.name, "predictions", is_test, &threshold)?;
                if mine.metrics.0.contains_key(FOLDS) {
                    threshold.folds = rates(run, self.name, "folds", |_| true, &threshold)?;
                }
            }
            None => threshold.not_measured = Some("the run was not evaluated".to_owned()),
        }
        self.threshold = Some(threshold);
        Ok(())
    }

    /// Training rows by class, in words.
    pub(super) fn rows_in_words(&self) -> String {
        let classes =
            self.training_rows.iter().map(|(class, n)| format!("{} {class}", grouped(*n)));
        let all: u64 = self.training_rows.values().sum();
        let synthetic = if self.synthetic { " synthetic" } else { "" };
        let classes: Vec<String> = classes.collect();
        format!("{}{synthetic} rows ({})", grouped(all), classes.join(", "))
    }

    /// The threshold and its rates on test, in words; empty without one.
    pub(super) fn threshold_in_words(&self) -> String {
        let Some(threshold) = &self.threshold else { return String::new() };
        let mut text = format!("{} from {:.4}", threshold.class, threshold.at_least);
        // Writing to a String can't fail.
        let _ = match threshold.chosen_for {
            Some(Goal::FalsePositiveRate(rate)) => write!(text, " (chosen for fpr={rate})"),
            Some(Goal::Recall(share)) => write!(text, " (chosen for recall={share})"),
            None => Ok(()),
        };
        for (key, name) in
            [(metric::RECALL, "recall"), (metric::FALSE_POSITIVE_RATE, "false-positive rate")]
        {
            if let Some(found) = threshold.test.get(key) {
                let _ = write!(text, ", {name} on test {}", estimate(found));
            }
            if let Some(found) = threshold.folds.get(key) {
                let _ = write!(text, ", in folds by owner {}", estimate(found));
            }
        }
        if let Some(why) = &threshold.not_measured {
            let _ = write!(text, ", not measured: {why}");
        }
        text
    }

    /// All of it in a sentence.
    pub(super) fn in_words(&self) -> String {
        let threshold = match self.threshold_in_words() {
            text if text.is_empty() => text,
            text => format!("; flags {text}"),
        };
        let (name, sha256) = (self.name, &self.sha256[..12]);
        format!("{name} model {sha256}: trained on {}{threshold}", self.rows_in_words())
    }

    /// Whether the training rows were generated.
    pub(super) fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    /// SHA-256 of the weights.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }
}

fn estimate(found: &Estimate) -> String {
    match (found.value, found.low, found.high) {
        (Some(value), Some(low), Some(high)) => {
            format!("{value:.3} [{low:.3}, {high:.3}] of {} rows", grouped(found.n))
        }
        (Some(value), ..) => format!("{value:.3} of {} rows", grouped(found.n)),
        _ => format!("undefined ({})", found.undefined.as_deref().unwrap_or("no reason is given")),
    }
}

/// The results of the run's models, if it was evaluated.
fn evaluated(run: &FinishedRun) -> Result<Option<Vec<ModelResults>>, Error> {
    run.has(Stage::Evaluate)?.then(|| Ok(run.evaluation()?.models)).transpose()
}

/// The rates of a threshold on the rows of some splits in a file of predictions.
fn rates(
    run: &FinishedRun,
    name: ModelName,
    file: &str,
    wanted: impl Fn(&str) -> bool,
    threshold: &Threshold,
) -> Result<BTreeMap<String, Estimate>, Error> {
    let folder = match name {
        ModelName::All => "",
        ModelName::TextOnly => "text-only/",
    };
    let path = run.file(Stage::Evaluate, &format!("{folder}{file}.json"))?;
    let Predictions { classes, rows } = files::read_json(&path)?;
    let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
    for row in rows.into_iter().filter(|row| wanted(&row.split)) {
        labels.extend(classes.iter().position(|class| *class == row.verdict));
        probabilities.push(row.probabilities);
    }
    let owners: Vec<usize> = (0..labels.len()).collect();
    let scored = Scored::from_probabilities(classes, labels, probabilities, &owners)?;
    Ok(at_threshold(&scored, threshold.position, threshold.at_least))
}

/// A threshold as it was typed.
pub(super) struct Wanted {
    text: String,
    class: &'static str,
    position: usize,
    at: At,
}

enum At {
    Probability(f64),
    Goal(Goal),
}

impl Wanted {
    /// `CLASS=P`, `CLASS@fpr=RATE` or `CLASS@recall=SHARE`.
    pub(super) fn parse(text: &str, classes: &[&'static str]) -> Result<Wanted, Error> {
        let wrong = |reason: String| Error::Usage(format!("--threshold {text}: {reason}"));
        let expected = || {
            wrong(
                "expected CLASS=P, CLASS@fpr=RATE or CLASS@recall=SHARE, for example \
                 malicious=0.5 or malicious@fpr=0.01"
                    .to_owned(),
            )
        };
        let (head, value) = text.split_once('=').ok_or_else(expected)?;
        let value: f64 = value
            .parse()
            .ok()
            .filter(|v| (0.0..=1.0).contains(v))
            .ok_or_else(|| wrong(format!("`{value}` is no number from 0 to 1")))?;
        let (class, at) = match head.split_once('@') {
            None => (head, At::Probability(value)),
            Some((class, "fpr")) => (class, At::Goal(Goal::FalsePositiveRate(value))),
            Some((class, "recall")) => (class, At::Goal(Goal::Recall(value))),
            Some(_) => return Err(expected()),
        };
        let position = classes.iter().position(|name| *name == class).ok_or_else(|| {
            wrong(format!("the model has no class `{class}`, only {}", classes.join(", ")))
        })?;
        Ok(Wanted { text: text.to_owned(), class: classes[position], position, at })
    }

    /// The threshold that evaluation chose for a model.
    fn chosen(
        &self,
        name: ModelName,
        results: Option<&ModelResults>,
        goal: Goal,
    ) -> Result<f64, Error> {
        let wrong = |reason: String| {
            Error::Usage(format!(
                "--threshold {} can't be applied by the {name} model: {reason}; give a number, as \
                 {}=0.5",
                self.text, self.class
            ))
        };
        let results =
            results.ok_or_else(|| wrong("the run has no evaluation of that model".to_owned()))?;
        let points = &results.operating_points;
        let known = |point: &&OperatingPoint| point.class == self.class;
        let point =
            points.iter().filter(known).find(|point| point.goal == goal).ok_or_else(|| {
                let goals: Vec<String> = points
                    .iter()
                    .filter(known)
                    .map(|point| match point.goal {
                        Goal::FalsePositiveRate(rate) => format!("fpr={rate}"),
                        Goal::Recall(share) => format!("recall={share}"),
                    })
                    .collect();
                wrong(format!("evaluation chose none for that; it has {}", goals.join(", ")))
            })?;
        point.threshold.ok_or_else(|| {
            let why = point.undefined.as_deref().unwrap_or("no reason is given");
            wrong(format!("evaluation could choose none: {why}"))
        })
    }
}
