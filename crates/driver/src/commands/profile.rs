//! `clawsig profile`: every key of a profile with its value.

use clawsig_schema::settings::Params as _;

use super::request::Request;
use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, ProfileArgs},
    stages::Stage,
    terminal::{self, Table},
};

/// Prints the settings that a profile and its `--set` assignments come to.
pub(crate) fn profile(arguments: &ProfileArgs, global: &Global) -> Result<ExitStatus, Error> {
    let request = Request::of("profile", arguments, &Stage::ALL)?;
    let values = request.without_run()?.settings.values();
    let text = match global.format {
        OutputFormat::Json => format!("{:#}\n", serde_json::json!(values)),
        OutputFormat::Text => {
            let mut table = Table::new(&["key", "value"]);
            for (key, value) in values {
                table.row([key.to_owned(), value.to_string()]);
            }
            table.render()
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}
