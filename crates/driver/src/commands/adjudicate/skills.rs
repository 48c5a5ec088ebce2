//! The skills of a run, as a review sees them.

use std::path::Path;

use clawsig_adjudicate::Signs;
use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    Scanner, SkillRow, Split, Verdict,
    flags::{MissingPolicy, flag},
    published::CODE_EXTENSIONS,
};
use clawsig_store::Sha256Hex;

use crate::{
    Error,
    commands::request,
    finished::{FinishedRun, PredictionsById},
    stages::Stage,
};

/// A run with what its rows are claimed to be.
pub(super) struct Skills {
    run: FinishedRun,
    predictions: Option<PredictionsById>,
    settings: crate::settings::Settings,
    /// The key of the rows.
    pub(super) rows: Sha256Hex,
    /// Who claims that skills are positive: the scanners, the verdict, and the model where it was
    /// evaluated.
    pub(super) claimants: Vec<String>,
    /// Why the model claims nothing, where it does not.
    pub(super) remarks: Vec<String>,
}

/// One skill.
pub(super) struct Skill {
    /// `split/id`: an id is unique within its split alone.
    pub(super) item: String,
    pub(super) row: SkillRow,
    pub(super) signs: Signs,
    /// One claim a claimant.
    pub(super) claims: Vec<Option<bool>>,
    /// The model's class, where it was asked.
    pub(super) predicted: Option<String>,
}

impl Skills {
    /// Opens a run.
    pub(super) fn open(path: &Path) -> Result<Skills, Error> {
        let run = FinishedRun::open(path)?;
        let record = request::recorded(run.root())?.ok_or_else(|| {
            Error::Usage(format!("{} has no run.toml: name a finished run", path.display()))
        })?;
        let rows = run.manifest(Stage::Ingest)?.key;
        let mut remarks = Vec::new();
        let mut claimants: Vec<String> =
            Scanner::ALL.iter().map(|scanner| scanner.as_str().to_owned()).collect();
        claimants.push("verdict".to_owned());
        let evaluated = run.has(Stage::Evaluate)?;
        let mut predictions = if evaluated { Some(run.predictions()?) } else { None };
        match &predictions {
            None => remarks.push("the run has no evaluation, so no model is scored".to_owned()),
            Some(found) if clean_class(&found.classes).is_none() => {
                remarks
                    .push("the model's target is not the verdict, so it is not scored".to_owned());
                predictions = None;
            }
            Some(_) => claimants.push("model".to_owned()),
        }
        Ok(Skills { run, predictions, settings: record.settings, rows, claimants, remarks })
    }

    /// Calls `each` for every skill, with its text where it is wanted.
    pub(super) fn each(
        &self,
        columns: Columns,
        mut each: impl FnMut(Skill) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for &split in Split::ALL {
            let path = self.run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
            for row in SignalsReader::open(&path)?.rows(columns) {
                each(self.skill(row?, split))?;
            }
        }
        Ok(())
    }

    fn skill(&self, row: SkillRow, split: Split) -> Skill {
        let rule = &self.settings.agreement.flags;
        let absent = match rule.missing {
            MissingPolicy::Negative => Some(false),
            MissingPolicy::Exclude => None,
        };
        let flags: Vec<Option<bool>> =
            Scanner::ALL.iter().map(|&scanner| flag(&row, scanner, rule.rule).or(absent)).collect();
        let verdict = row.verdict.known();
        let mut claims = flags.clone();
        claims.push(verdict.map(|verdict| verdict != Verdict::Clean));
        let (mut model, mut predicted) = (None, None);
        if let Some(predictions) = &self.predictions {
            // A row that the model was fitted on has no prediction, and no claim either.
            let found =
                predictions.of(&row.id, split).filter(|found| found.split == split.as_str());
            predicted = found.map(|found| found.predicted.clone());
            let clean = clean_class(&predictions.classes);
            model = predicted.as_deref().map(|class| Some(class) != clean);
            claims.push(model);
        }
        let extensions = &row.bundle.extensions;
        let code = extensions.iter().any(|one| CODE_EXTENSIONS.contains(&one.extension.as_str()));
        let signs = Signs { verdict, flags, model, code };
        Skill { item: format!("{split}/{}", row.id), row, signs, claims, predicted }
    }
}

/// The class that stands for a clean skill.
fn clean_class(classes: &[String]) -> Option<&str> {
    classes.iter().map(String::as_str).find(|class| ["clean", "benign"].contains(class))
}
