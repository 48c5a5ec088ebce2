//! A run's models, ready to score skills.

use std::path::Path;

use clawsig_features::{FittedFeatures, SparseRow};
use clawsig_ingest::SingleRow;
use clawsig_model::{Score, TrainedModel};
use clawsig_schema::{
    evaluation::{Goal, ModelName, OperatingPoint},
    matrix::{ColumnInfo, Csr},
};
use rayon::prelude::*;

use crate::{
    Error,
    finished::FinishedRun,
    stages::{MODEL, Stage, TEXT_ONLY, read_fitted},
};

/// A score, and which model gave it.
pub(super) struct Scored {
    pub(super) which: ModelName,
    pub(super) score: Score,
    /// Whether the model's threshold is reached; `None` where it has none.
    pub(super) flagged: Option<bool>,
}

/// Both models with what turns a skill into their rows.
pub(super) struct Scorer {
    features: FittedFeatures,
    columns: Vec<ColumnInfo>,
    model: TrainedModel,
    text_only: Option<TrainedModel>,
    force_text: bool,
    top: usize,
    threshold: Option<Threshold>,
}

/// What each model flags.
struct Threshold {
    class: usize,
    all: f64,
    /// `None` where evaluation could choose none for that model.
    text_only: Option<f64>,
}

impl Scorer {
    /// Loads from a run's folder or its train folder. Every file has to be the one that the run's
    /// manifest names, of a format that this program reads, and to fit the others.
    pub(super) fn load(path: &Path, force_text: bool, top: usize) -> Result<Scorer, Error> {
        let run = open(path)?;
        let trained = |[json, weights]: [&str; 2]| -> Result<TrainedModel, Error> {
            let (json, weights) = (run.file(Stage::Train, json)?, run.file(Stage::Train, weights)?);
            Ok(TrainedModel::load(&json, &weights)?)
        };
        let model = trained(MODEL)?;
        let has_text_only = run.manifest(Stage::Train)?.output(TEXT_ONLY[0]).is_some();
        let text_only = if has_text_only { Some(trained(TEXT_ONLY)?) } else { None };
        let path = run.file(Stage::Features, "vectorizer.json")?;
        let features = read_fitted(&path)?;
        let columns = features.columns();
        for model in [Some(&model), text_only.as_ref()].into_iter().flatten() {
            model.check_columns(&columns)?;
        }
        Ok(Scorer { features, columns, model, text_only, force_text, top, threshold: None })
    }

    /// Takes a threshold: `CLASS=P`, `CLASS@fpr=RATE` or `CLASS@recall=SHARE`.
    pub(super) fn set_threshold(&mut self, text: &str, run: &Path) -> Result<(), Error> {
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
        let (class, goal) = match head.split_once('@') {
            None => (head, None),
            Some((class, "fpr")) => (class, Some(Goal::FalsePositiveRate(value))),
            Some((class, "recall")) => (class, Some(Goal::Recall(value))),
            Some(_) => return Err(expected()),
        };
        let at = self.classes().iter().position(|name| *name == class).ok_or_else(|| {
            wrong(format!("the model has no class `{class}`, only {}", self.classes().join(", ")))
        })?;
        let of = |name| match goal {
            None => Ok(value),
            Some(goal) => chosen(run, name, class, goal),
        };
        let told = |reason| match reason {
            Reason::Other(error) => error,
            Reason::None(reason) => wrong(reason),
        };
        let needed = |name: ModelName| of(name).map_err(told);
        self.threshold = Some(if self.force_text {
            let text_only = needed(ModelName::TextOnly)?;
            Threshold { class: at, all: text_only, text_only: Some(text_only) }
        } else {
            let all = needed(ModelName::All)?;
            Threshold { class: at, all, text_only: of(ModelName::TextOnly).ok() }
        });
        Ok(())
    }

    /// The classes of the model's target; a score names them by position.
    pub(super) fn classes(&self) -> &'static [&'static str] {
        self.model.target.classes()
    }

    /// Whether a threshold was set.
    pub(super) fn has_threshold(&self) -> bool {
        self.threshold.is_some()
    }

    /// Scores skills, in order and in parallel.
    pub(super) fn score(&self, skills: &[Option<&SingleRow>]) -> Result<Vec<Outcome>, Error> {
        let rows: Vec<Option<Result<(ModelName, SparseRow), String>>> =
            skills.par_iter().map(|skill| skill.map(|skill| self.row(skill))).collect();
        let of = |which: ModelName| -> Result<std::vec::IntoIter<Score>, Error> {
            let model = match which {
                ModelName::All => Some(&self.model),
                ModelName::TextOnly => self.text_only.as_ref(),
            };
            let Some(model) = model else { return Ok(Vec::new().into_iter()) };
            let mine = rows.iter().flatten().filter_map(|row| match row {
                Ok((found, row)) if *found == which => Some((&row.columns[..], &row.values[..])),
                _ => None,
            });
            let x = Csr::from_rows(self.columns.len(), mine).map_err(|e| Error::Artifact {
                path: "a batch of skills".into(),
                reason: e.to_string(),
            })?;
            Ok(model.score_checked(&x, &self.columns, self.top)?.into_iter())
        };
        let (mut all, mut text_only) = (of(ModelName::All)?, of(ModelName::TextOnly)?);
        Ok(rows
            .iter()
            .map(|row| match row {
                None => Outcome::Absent,
                Some(Err(reason)) => Outcome::Failed(reason.clone()),
                Some(Ok((which, _))) => {
                    let score = match which {
                        ModelName::All => all.next(),
                        ModelName::TextOnly => text_only.next(),
                    };
                    match score {
                        Some(score) => Outcome::Scored(self.judged(*which, score)),
                        None => Outcome::Failed("the model gave no score".to_owned()),
                    }
                }
            })
            .collect())
    }

    fn row(&self, skill: &SingleRow) -> Result<(ModelName, SparseRow), String> {
        let which = if self.force_text || !skill.has_scanners {
            ModelName::TextOnly
        } else {
            ModelName::All
        };
        if which == ModelName::TextOnly && self.text_only.is_none() {
            let why = if self.force_text { "" } else { "there are no scanner results, and " };
            return Err(format!(
                "{why}the run has no text-only model: train one with model.text_only=true and text \
                 or shape among features.groups"
            ));
        }
        let row = self.features.transform_row(&skill.row).map_err(|e| e.to_string())?;
        Ok((which, row))
    }

    fn judged(&self, which: ModelName, score: Score) -> Scored {
        let flagged = self.threshold.as_ref().and_then(|threshold| {
            let least = match which {
                ModelName::All => Some(threshold.all),
                ModelName::TextOnly => threshold.text_only,
            };
            least.map(|least| score.probabilities[threshold.class] >= least)
        });
        Scored { which, score, flagged }
    }
}

/// What became of a skill.
pub(super) enum Outcome {
    /// There was none.
    Absent,
    /// It could not be scored.
    Failed(String),
    /// It was scored.
    Scored(Scored),
}

/// The run of a path that names it or its train folder.
fn open(path: &Path) -> Result<FinishedRun, Error> {
    let root = if path.join(MODEL[0]).is_file() {
        let parent = path.canonicalize().map_err(Error::io("open", path))?;
        parent.parent().map(Path::to_owned).unwrap_or_default()
    } else if path.join(Stage::Train.as_str()).is_dir() {
        path.to_owned()
    } else {
        let found = if path.exists() { "holds no trained model" } else { "does not exist" };
        return Err(Error::Usage(format!(
            "--model {}: {found}; name a run's folder, or make runs/sample with `clawsig run`",
            path.display()
        )));
    };
    FinishedRun::open(&root)
}

enum Reason {
    None(String),
    Other(Error),
}

/// The threshold that evaluation chose for a model, a class and a goal.
fn chosen(path: &Path, name: ModelName, class: &str, goal: Goal) -> Result<f64, Reason> {
    let evaluation = open(path).and_then(|run| run.evaluation()).map_err(Reason::Other)?;
    let model = evaluation
        .model(name)
        .ok_or_else(|| Reason::None(format!("the run has no results of the {name} model")))?;
    let points = &model.operating_points;
    let known = |point: &&OperatingPoint| point.class == class;
    let point = points.iter().filter(known).find(|point| point.goal == goal).ok_or_else(|| {
        let goals: Vec<String> = points
            .iter()
            .filter(known)
            .map(|point| match point.goal {
                Goal::FalsePositiveRate(rate) => format!("fpr={rate}"),
                Goal::Recall(share) => format!("recall={share}"),
            })
            .collect();
        Reason::None(format!("evaluation chose none for that; it has {}", goals.join(", ")))
    })?;
    point.threshold.ok_or_else(|| {
        let why = point.undefined.as_deref().unwrap_or("no reason is given");
        Reason::None(format!("evaluation could choose none: {why}"))
    })
}
