//! `clawsig settings`: the reference of all settings, from their declarations.

use clawsig_schema::settings::{Key, Params as _};
use serde_json::json;

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, SettingsArgs},
    settings::{Settings, THREADS, suggestion},
    stages::Stage,
    terminal,
};

/// Prints a key's, a section's or every key's meaning, values, default and use.
pub(crate) fn settings(arguments: &SettingsArgs, global: &Global) -> Result<ExitStatus, Error> {
    let all = Settings::keys();
    let asked = arguments.key.as_deref();
    let is_asked = |key: &&Key| {
        let section = key.name.split_once('.').map(|(section, _)| section);
        asked.is_none_or(|asked| key.name == asked || section == Some(asked))
    };
    let keys: Vec<&Key> = all.iter().filter(is_asked).collect();
    if keys.is_empty() {
        let asked = asked.unwrap_or_default();
        let meant = suggestion(asked, all.iter().map(|key| key.name));
        return Err(Error::Usage(format!(
            "no setting or section is named `{asked}`{meant}; `clawsig settings` lists all"
        )));
    }
    let text = match global.format {
        OutputFormat::Json => {
            let keys: Vec<_> = keys.iter().map(|key| as_json(key)).collect();
            format!("{:#}\n", json!({ "settings": keys }))
        }
        OutputFormat::Text => {
            let keys: Vec<String> = keys.iter().map(|key| as_text(key)).collect();
            keys.join("\n")
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}

/// The stages that read a key.
fn readers(key: &Key) -> Vec<&'static str> {
    let reads = |stage: &&Stage| stage.keys().iter().any(|known| known.name == key.name);
    match key.name {
        // It is told to one stage and held by the program.
        THREADS => Stage::ALL.iter().map(|stage| stage.as_str()).collect(),
        _ => Stage::ALL.iter().filter(reads).map(|stage| stage.as_str()).collect(),
    }
}

/// The meaning as one line.
fn meaning(key: &Key) -> String {
    key.meaning.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "")
}

fn as_json(key: &Key) -> serde_json::Value {
    let needs: Vec<String> = key.needs.iter().map(ToString::to_string).collect();
    json!({
        "key": key.name,
        "meaning": meaning(key),
        "takes": key.expected(),
        "default": Settings::default().value_of(key.name),
        "stages": readers(key),
        "acts_where": needs,
    })
}

fn as_text(key: &Key) -> String {
    let default = Settings::default().value_of(key.name).map(|value| value.to_string());
    let mut lines = vec![key.name.to_owned(), format!("  {}", meaning(key))];
    lines.push(format!("  takes    {}", key.expected().replace('`', "")));
    lines.push(match default.as_deref() {
        Some("") | None => "  default  none".to_owned(),
        Some(default) => format!("  default  {default}"),
    });
    lines.push(format!("  stages   {}", readers(key).join(", ")));
    if !key.needs.is_empty() {
        let needs: Vec<String> = key.needs.iter().map(ToString::to_string).collect();
        lines.push(format!("  acts     only where {}", needs.join(" and ")));
    }
    lines.iter().map(|line| terminal::sentence(line) + "\n").collect()
}
