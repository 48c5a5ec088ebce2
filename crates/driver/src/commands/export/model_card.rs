//! `clawsig export model-card`: the model's card in the Hub's format.

use std::fs;

use super::place::FilePlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    finished::FinishedRun,
    stages::Stage,
};

/// Copies `MODEL_CARD.md`, checked against its manifest.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let card = run.file(Stage::Report, "MODEL_CARD.md")?;
    let place = FilePlace::new(to)?;
    fs::copy(&card, place.path()).map_err(Error::io("copy", &card))?;
    place.finish("the model's card", global)
}
