//! A run's models, ready to score skills.

use std::path::Path;

use clawsig_features::{FittedFeatures, KnownWords, MeasuredRow, NOVELTY_FORMAT, Novelty};
use clawsig_ingest::SingleRow;
use clawsig_model::{Score, TrainedModel};
use clawsig_schema::{SkillRow, evaluation::ModelName, matrix::ColumnInfo, profile::DataProfile};
use rayon::prelude::*;

use super::facts::{ModelFacts, Wanted};
use crate::{
    Error, files,
    finished::FinishedRun,
    stages::{MODEL, Stage, TEXT_ONLY, read_fitted},
};

/// Skills that one thread takes at a time: so many rows fit into its cache.
const CHUNK: usize = 16;

/// A score, and which model gave it.
pub(super) struct ScoredSkill {
    pub(super) which: ModelName,
    pub(super) score: Score,
    /// Whether the model's threshold is reached; `None` where none was asked for.
    pub(super) flagged: Option<bool>,
    /// Why the skill is unlike the training rows; empty where it is not.
    pub(super) unlike: Vec<String>,
}

/// A model and what is to be known of it.
struct Fitted {
    model: TrainedModel,
    facts: ModelFacts,
}

/// Both models with what turns a skill into their rows.
pub(super) struct Scorer {
    run: FinishedRun,
    features: FittedFeatures,
    columns: Vec<ColumnInfo>,
    all: Fitted,
    text_only: Option<Fitted>,
    force_text: bool,
    top: usize,
    known: Option<KnownWords>,
    novelty: Novelty,
}

/// What inputs are made of, which decides the model.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Texts, which no scanner saw.
    Texts,
    /// Rows, which may have scanner results.
    Rows,
}

impl Scorer {
    /// Loads from a run's folder or its train folder. Every file has to be the one that the run's
    /// manifest names, of a format that this program reads, and to fit the others.
    pub(super) fn load(path: &Path, force_text: bool, top: usize) -> Result<Scorer, Error> {
        let run = open(path)?;
        let profile: DataProfile = files::read_json(&run.file(Stage::Ingest, "profile.json")?)?;
        let features = read_fitted(&run.file(Stage::Features, "vectorizer.json")?)?;
        let columns = features.columns();
        let trained = |name, [json, weights]: [&str; 2]| -> Result<Fitted, Error> {
            let (json, weights) = (run.file(Stage::Train, json)?, run.file(Stage::Train, weights)?);
            let model = TrainedModel::load(&json, &weights)?;
            model.check_columns(&columns)?;
            let facts = ModelFacts::new(name, &model, profile.synthetic)?;
            Ok(Fitted { model, facts })
        };
        let all = trained(ModelName::All, MODEL)?;
        let has_text_only = run.manifest(Stage::Train)?.output(TEXT_ONLY[0]).is_some();
        let text_only =
            has_text_only.then(|| trained(ModelName::TextOnly, TEXT_ONLY)).transpose()?;
        let known = KnownWords::of(&features);
        let path = run.file(Stage::Features, "novelty.json")?;
        let novelty: Novelty = files::read_json(&path)?;
        NOVELTY_FORMAT
            .can_read(novelty.format)
            .map_err(|e| Error::Artifact { path, reason: e.to_string() })?;
        Ok(Scorer { run, features, columns, all, text_only, force_text, top, known, novelty })
    }

    /// Takes a threshold for every model that these inputs can need; one that is not there for such
    /// a model is an error before anything is scored.
    pub(super) fn set_threshold(&mut self, text: &str, given: &[Given]) -> Result<(), Error> {
        let wanted = Wanted::parse(text, self.classes())?;
        if !self.force_text && given.contains(&Given::Rows) {
            self.all.facts.set_threshold(&wanted, &self.run)?;
        }
        if let Some(text_only) = &mut self.text_only {
            text_only.facts.set_threshold(&wanted, &self.run)?;
        }
        Ok(())
    }

    /// The classes of the model's target; a score names them by position.
    pub(super) fn classes(&self) -> &'static [&'static str] {
        self.all.model.target.classes()
    }

    /// What is to be known of a model that has scored.
    pub(super) fn facts(&self, which: ModelName) -> &ModelFacts {
        &self.fitted(which).unwrap_or(&self.all).facts
    }

    /// From where on texts are unlike the training rows, and what that is worth.
    pub(super) fn novelty(&self) -> &Novelty {
        &self.novelty
    }

    fn fitted(&self, which: ModelName) -> Option<&Fitted> {
        match which {
            ModelName::All => Some(&self.all),
            ModelName::TextOnly => self.text_only.as_ref(),
        }
    }

    /// Scores skills, in order and in parallel.
    pub(super) fn score(&self, skills: &[Option<&SingleRow>]) -> Vec<SkillOutcome> {
        skills.par_chunks(CHUNK).flat_map_iter(|chunk| self.score_chunk(chunk)).collect()
    }

    fn score_chunk(&self, skills: &[Option<&SingleRow>]) -> Vec<SkillOutcome> {
        let rows: Vec<&SkillRow> = skills.iter().flatten().map(|skill| &skill.row).collect();
        let mut made = self.features.transform_rows(&rows, self.known.as_ref()).into_iter();
        let outcome = |skill: &Option<&SingleRow>| {
            let Some((skill, made)) = skill.as_ref().and_then(|skill| Some((skill, made.next()?)))
            else {
                return SkillOutcome::Absent;
            };
            let scored =
                made.map_err(|e| e.to_string()).and_then(|made| self.score_one(skill, made));
            scored.map_or_else(SkillOutcome::Failed, SkillOutcome::Scored)
        };
        skills.iter().map(outcome).collect()
    }

    fn score_one(&self, skill: &SingleRow, made: MeasuredRow) -> Result<ScoredSkill, String> {
        let which = if self.force_text || !skill.has_scanners {
            ModelName::TextOnly
        } else {
            ModelName::All
        };
        let Some(fitted) = self.fitted(which) else {
            let why = if self.force_text { "" } else { "there are no scanner results, and " };
            return Err(format!(
                "{why}the run has no text-only model: train one with model.text_only=true and text \
                 or shape among features.groups"
            ));
        };
        let row = (&made.row.columns[..], &made.row.values[..]);
        let score = fitted.model.score_row(row, &self.columns, self.top);
        let score = score.map_err(|e| e.to_string())?;
        let flagged = fitted.facts.threshold().map(|limit| limit.flags(&score.probabilities));
        Ok(ScoredSkill { which, score, flagged, unlike: self.novelty.reasons(made.measures) })
    }
}

/// What became of a skill.
pub(super) enum SkillOutcome {
    /// There was none.
    Absent,
    /// It could not be scored.
    Failed(String),
    /// It was scored.
    Scored(ScoredSkill),
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
