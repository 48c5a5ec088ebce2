//! `clawsig export npz` and `clawsig export parquet`: files of a stage as they are, each checked
//! against its manifest.

use clawsig_schema::Split;

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    finished::FinishedRun,
    stages::Stage,
    terminal::counted,
};

/// Copies the feature matrices for SciPy, with what their rows and columns are: `<split>.npz`
/// (`scipy.sparse.load_npz` opens them), `rows_<split>.csv`, `columns.csv`, `vocabulary.csv` and
/// `vectorizer.json`.
pub(super) fn npz(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let mut names = vec!["columns.csv".into(), "vocabulary.csv".into(), "vectorizer.json".into()];
    for split in Split::ALL {
        names.extend([format!("{split}.npz"), format!("rows_{split}.csv")]);
    }
    let files = names.into_iter().map(|name: String| (name.clone(), name)).collect();
    copy(to, Stage::Features, files, "the matrices of", global)
}

/// Copies the checked, typed rows: `<split>.parquet`.
pub(super) fn parquet(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let name = |split| (format!("signals/{split}.parquet"), format!("{split}.parquet"));
    copy(to, Stage::Ingest, Split::ALL.iter().map(name).collect(), "the rows of", global)
}

/// Copies files of a stage to names of the folder.
fn copy(
    to: &ExportTo,
    stage: Stage,
    files: Vec<(String, String)>,
    what: &str,
    global: &Global,
) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let rows = run.manifest(stage)?.rows_out;
    let place = FolderPlace::new(to)?;
    for (from, name) in &files {
        place.copy(&run.file(stage, from)?, name)?;
    }
    place.finish(&format!("{what} {}", counted(rows, "skill")), global)
}
