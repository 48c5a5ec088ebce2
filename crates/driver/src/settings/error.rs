//! Why there are no settings.

use std::path::PathBuf;

use clawsig_schema::{
    hostile::printable,
    settings::{SettingError, Value},
};

/// Why there are no settings, or which of them is in vain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No profile of that name.
    #[error(
        "unknown profile `{}`{suggestion}; expected {}, or the path of a .toml file",
        printable(name, 200),
        super::BUILT_IN_PROFILES.map(|(name, _)| name).join(", ")
    )]
    UnknownProfile {
        /// What was asked for.
        name: String,
        /// `, did you mean ...?` or nothing.
        suggestion: String,
    },
    /// A profile file that can't be read.
    #[error("cannot read profile {}", printable(&path.to_string_lossy(), 500))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of settings that can't be used as a whole.
    #[error("{origin}: {reason}")]
    File {
        /// The profile, or `run.toml`.
        origin: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A key that does not exist.
    #[error(
        "{origin}: unknown key `{}`{suggestion}; `clawsig settings` lists every key",
        printable(key, 100)
    )]
    UnknownKey {
        /// The profile, or `--set`.
        origin: String,
        /// The key.
        key: String,
        /// `, did you mean ...?` or nothing.
        suggestion: String,
    },
    /// A `--set` without `=`.
    #[error("--set {}: expected key=value, for example --set tfidf.min_df=3", printable(text, 200))]
    NotAssignment {
        /// What was typed.
        text: String,
    },
    /// A value that the key does not take.
    #[error("{origin}: {source}")]
    Value {
        /// The profile, or `--set`.
        origin: String,
        /// The key, what was found and what was expected.
        source: SettingError,
    },
    /// A setting that another one makes void.
    #[error(
        "{origin}: {key} has no effect: it acts only where {need}, and {other} is {}; change that \
         too, or leave {key} out",
        printable(&found.to_string(), 200)
    )]
    Void {
        /// The profile, or `--set`.
        origin: String,
        /// The key.
        key: &'static str,
        /// The condition.
        need: String,
        /// The key that the condition is about.
        other: &'static str,
        /// What that key is.
        found: Value,
    },
    /// A setting that no stage of the command reads.
    #[error("--set: {key} has no effect: {command} does not read it; {used_by}")]
    Unused {
        /// The key.
        key: &'static str,
        /// The command.
        command: String,
        /// Which stages do.
        used_by: String,
    },
}

/// `, did you mean ...?` for the nearest of the candidates, nothing where none is near.
pub fn suggestion<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, candidate)| format!(", did you mean `{candidate}`?"))
}
