//! Reading a run that is finished, for the commands that hand its results on.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    Split,
    evaluation::{EvaluationResults, PredictionRow, Predictions},
    matrix::RowInfo,
};
use clawsig_store::{Manifest, RunFolder, StoreError};

use crate::{Error, files, stages::Stage};

/// A run's folder; every file is checked against its manifest before it is read.
pub(crate) struct FinishedRun {
    run: RunFolder,
}

impl FinishedRun {
    /// Opens it for reading.
    pub(crate) fn open(path: &Path) -> Result<FinishedRun, Error> {
        Ok(FinishedRun { run: RunFolder::open_read_only(path)? })
    }

    /// The run's folder.
    pub(crate) fn root(&self) -> &Path {
        self.run.root()
    }

    /// The manifest of a stage.
    pub(crate) fn manifest(&self, stage: Stage) -> Result<Manifest, Error> {
        Ok(self.run.manifest(stage.as_str())?)
    }

    /// Whether a stage has finished; a damaged result is an error.
    pub(crate) fn has(&self, stage: Stage) -> Result<bool, Error> {
        match self.run.manifest(stage.as_str()) {
            Ok(_) => Ok(true),
            Err(StoreError::NotRun { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// The path of a stage's file, after checking that it is the one written there.
    pub(crate) fn file(&self, stage: Stage, name: &str) -> Result<PathBuf, Error> {
        Ok(self.run.verified(stage.as_str(), name)?)
    }

    /// `evaluation.json`.
    pub(crate) fn evaluation(&self) -> Result<EvaluationResults, Error> {
        files::read_json(&self.file(Stage::Evaluate, "evaluation.json")?)
    }

    /// The skills of a split, in the order of its matrix and of its signals.
    pub(crate) fn rows(&self, split: Split) -> Result<Vec<RowInfo>, Error> {
        files::read_csv(&self.file(Stage::Features, &format!("rows_{split}.csv"))?)
    }

    /// `predictions.json` of the model on all columns.
    pub(crate) fn predictions(&self) -> Result<PredictionsById, Error> {
        let path = self.file(Stage::Evaluate, "predictions.json")?;
        let Predictions { classes, rows } = files::read_json(&path)?;
        let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            by_id.entry(row.id.clone()).or_default().push(at);
        }
        Ok(PredictionsById { classes, rows, by_id })
    }
}

/// Predictions, to be asked by id.
pub(crate) struct PredictionsById {
    /// The classes, in the order of the probabilities.
    pub(crate) classes: Vec<String>,
    /// The rows, in the order of the file.
    pub(crate) rows: Vec<PredictionRow>,
    by_id: HashMap<String, Vec<usize>>,
}

impl PredictionsById {
    /// The prediction for a skill. Ids are unique within a split alone, so one of the skill's own
    /// split goes before one that another division of the rows put elsewhere.
    pub(crate) fn of(&self, id: &str, split: Split) -> Option<&PredictionRow> {
        let rows = self.by_id.get(id)?;
        let own = rows.iter().find(|&&row| self.rows[row].split == split.as_str());
        own.or_else(|| rows.first()).map(|&row| &self.rows[row])
    }
}
