//! `clawsig export`: a finished run in the form that another tool reads, or the queries by which
//! another tool counts. One module a form.

mod croissant;
mod csv;
mod leaderboard;
mod model_card;
mod npz;
mod parquet;
pub(super) mod place;
mod sarif;
mod sql;

use crate::{
    Error, ExitStatus,
    cli::{ExportArgs, ExportTarget, Global},
};

/// Writes a run in another form.
pub(crate) fn export(arguments: &ExportArgs, global: &Global) -> Result<ExitStatus, Error> {
    match &arguments.target {
        ExportTarget::Csv(to) => csv::export(to, global),
        ExportTarget::Npz(to) => npz::export(to, global),
        ExportTarget::Parquet(to) => parquet::export(to, global),
        ExportTarget::Sarif(to) => sarif::export(to, global),
        ExportTarget::Croissant(to) => croissant::export(to, global),
        ExportTarget::ModelCard(to) => model_card::export(to, global),
        ExportTarget::Leaderboard(words) => leaderboard::export(words, global),
        ExportTarget::Sql(words) => sql::export(words, global),
    }?;
    Ok(ExitStatus::Done)
}
