//! `clawsig export parquet`: the checked, typed rows.

use clawsig_schema::Split;

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    finished::FinishedRun,
    stages::Stage,
    terminal::count,
};

/// Copies `<split>.parquet`, each checked against its manifest.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let rows = run.manifest(Stage::Ingest)?.rows_out;
    let place = FolderPlace::new(to)?;
    for split in Split::ALL {
        let from = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        place.copy(&from, &format!("{split}.parquet"))?;
    }
    place.finish(&format!("the rows of {} skills", count(rows)), global)
}
