//! `clawsig export npz`: the feature matrices for SciPy, with what their rows and columns are.

use clawsig_schema::Split;

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    finished::FinishedRun,
    stages::Stage,
    terminal::count,
};

/// Copies `<split>.npz` (`scipy.sparse.load_npz` opens them), `rows_<split>.csv`, `columns.csv`,
/// `vocabulary.csv` and `vectorizer.json`, each checked against its manifest.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let rows = run.manifest(Stage::Features)?.rows_out;
    let place = FolderPlace::new(to)?;
    let mut names = vec!["columns.csv".into(), "vocabulary.csv".into(), "vectorizer.json".into()];
    for split in Split::ALL {
        names.extend([format!("{split}.npz"), format!("rows_{split}.csv")]);
    }
    for name in &names {
        place.copy(&run.file(Stage::Features, name)?, name)?;
    }
    place.finish(&format!("the matrices of {} skills", count(rows)), global)
}
