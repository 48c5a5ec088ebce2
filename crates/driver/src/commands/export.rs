//! `clawsig export`: a finished run in the form that another tool reads, or the queries by which
//! another tool counts. One module a form.

mod copies;
mod croissant;
mod csv;
mod leaderboard;
mod model_card;
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
        ExportTarget::Npz(to) => copies::npz(to, global),
        ExportTarget::Parquet(to) => copies::parquet(to, global),
        ExportTarget::Sarif(to) => sarif::export(to, global),
        ExportTarget::Croissant(to) => croissant::export(to, global),
        ExportTarget::ModelCard(to) => model_card::export(to, global),
        ExportTarget::Leaderboard(words) => leaderboard::export(words, global),
        ExportTarget::Sql(words) => sql::export(words, global),
    }?;
    Ok(ExitStatus::Done)
}
