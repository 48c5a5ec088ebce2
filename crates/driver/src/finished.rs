//! Reading a run that is finished, for the commands that hand its results on.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    Split,
    evaluation::{EvaluationFile, PredictionRow},
    hostile,
    matrix::RowInfo,
};
use clawsig_store::{Manifest, RunFolder};

use crate::{Error, files, stages::Stage};

/// A run's folder; every file is checked against its manifest before it is read.
pub(crate) struct FinishedRun {
    run: RunFolder,
}

impl FinishedRun {
    /// Opens it for reading.
    pub(crate) fn open(path: &Path) -> Result<FinishedRun, Error> {
        let is_run = Stage::ALL.iter().any(|stage| path.join(stage.as_str()).is_dir());
        if !is_run {
            let found = if path.exists() { "holds no stage of a run" } else { "does not exist" };
            return Err(Error::Usage(format!(
                "{} {found}: name a run's folder, or make one with `clawsig run --out {}`",
                path.display(),
                path.display()
            )));
        }
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

    /// The path of a stage's file, after checking that it is the one written there.
    pub(crate) fn file(&self, stage: Stage, name: &str) -> Result<PathBuf, Error> {
        Ok(self.run.verified(stage.as_str(), name)?)
    }

    /// `evaluation.json`.
    pub(crate) fn evaluation(&self) -> Result<EvaluationFile, Error> {
        files::read_json(&self.file(Stage::Evaluate, "evaluation.json")?)
    }

    /// The skills of a split, in the order of its matrix and of its signals.
    pub(crate) fn rows(&self, split: Split) -> Result<Vec<RowInfo>, Error> {
        files::read_csv(&self.file(Stage::Features, &format!("rows_{split}.csv"))?)
    }

    /// `predictions.csv`.
    pub(crate) fn predictions(&self) -> Result<Predictions, Error> {
        Predictions::read(&self.file(Stage::Evaluate, "predictions.csv")?)
    }
}

/// `predictions.csv`, to be asked by id.
pub(crate) struct Predictions {
    /// The classes, in the order of the probabilities.
    pub(crate) classes: Vec<String>,
    /// The rows, in the order of the file.
    pub(crate) rows: Vec<PredictionRow>,
    by_id: HashMap<String, Vec<usize>>,
}

impl Predictions {
    fn read(path: &Path) -> Result<Predictions, Error> {
        let bad = |reason: String| Error::Artifact { path: path.to_owned(), reason };
        let mut reader = csv::Reader::from_path(path).map_err(|e| bad(e.to_string()))?;
        let header = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
        let classes: Vec<String> =
            header.iter().filter_map(|name| name.strip_prefix("p_")).map(str::to_owned).collect();
        if !header.iter().eq(PredictionRow::header(&classes).iter().map(String::as_str)) {
            return Err(bad("its columns are not those of predictions.csv".to_owned()));
        }
        let mut found = Predictions { classes, rows: Vec::new(), by_id: HashMap::new() };
        for record in reader.records() {
            let record = record.map_err(|e| bad(e.to_string()))?;
            // The reader gives every record as many cells as the header has.
            let cell = |at: usize| record.get(at).unwrap_or_default();
            let end = 3 + found.classes.len();
            let probabilities = (3..end)
                .map(|at| cell(at).parse::<f64>())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| bad(format!("a probability of {}: {e}", cell(0))))?;
            found.by_id.entry(cell(0).to_owned()).or_default().push(found.rows.len());
            found.rows.push(PredictionRow {
                id: cell(0).to_owned(),
                truth: cell(1).to_owned(),
                predicted: cell(2).to_owned(),
                probabilities,
                split: cell(end).to_owned(),
            });
        }
        Ok(found)
    }

    /// The prediction for a skill. Ids are unique within a split alone, so one of the skill's own
    /// split goes before one that another division of the rows put elsewhere.
    pub(crate) fn of(&self, id: &str, split: Split) -> Option<&PredictionRow> {
        let rows = self.by_id.get(&id_cell(id))?;
        let own = rows.iter().find(|&&row| self.rows[row].split == split.as_str());
        own.or_else(|| rows.first()).map(|&row| &self.rows[row])
    }
}

/// An id as `predictions.csv` writes it.
pub(crate) fn id_cell(id: &str) -> String {
    hostile::spreadsheet_cell(&hostile::printable(id, 400)).into_owned()
}
