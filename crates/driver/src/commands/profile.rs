//! `clawsig profile`: every key of a profile with its value.

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, ProfileArgs},
    settings::Settings,
    terminal::{self, Table},
};

/// Prints the settings that a profile and its `--set` assignments come to.
pub(crate) fn profile(arguments: &ProfileArgs, global: &Global) -> Result<ExitStatus, Error> {
    let keys = Settings::load(&arguments.profile, &arguments.set)?.all_keys();
    let text = match global.format {
        OutputFormat::Json => format!("{:#}\n", serde_json::json!(keys)),
        OutputFormat::Text => {
            let mut table = Table::new(&["key", "value"]);
            for (key, value) in keys {
                table.row([key, value.to_string()]);
            }
            table.render()
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}
