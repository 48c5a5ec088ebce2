//! The train stage: matrices in, models out.

use clawsig_model::train;
use clawsig_schema::evaluation::GridRow;

use super::{Context, RowCounts, matrices::Matrices};
use crate::{Error, files};

/// The model on all columns, and the one for skills that no scanner saw: JSON and weights.
pub(crate) const MODEL: [&str; 2] = ["model.json", "model.safetensors"];
/// See [`MODEL`].
pub(crate) const TEXT_ONLY: [&str; 2] = ["model-text.json", "model-text.safetensors"];

pub(super) fn run(context: &Context<'_>) -> Result<RowCounts, Error> {
    let params = context.settings().train_params().check()?;
    let matrices = Matrices::open(context)?;
    let training = matrices.with_data(|data| {
        train(data, &params, &|part, done, total| context.progress.part(part, done, total))
    })?;
    for warning in &training.warnings {
        tracing::warn!("{warning}");
    }
    let work = context.work;
    training.model.save(&work.path(MODEL[0]), &work.path(MODEL[1]))?;
    if let Some(model) = &training.text_only {
        model.save(&work.path(TEXT_ONLY[0]), &work.path(TEXT_ONLY[1]))?;
    }
    let grid = training.grid.iter().map(GridRow::cells);
    files::write_cells(&work.path("grid.csv"), GridRow::HEADER, grid)?;
    files::write_json(&work.path("grid.json"), &training.grid)?;
    files::write_json(&work.path("warnings.json"), &training.warnings)?;
    let rows = matrices.rows();
    Ok(RowCounts { input: rows, output: rows })
}
