//! Reading a profile and laying `--set` over it.

use std::{fs, io::Read, path::PathBuf};

use toml::{Table, Value};

use super::Settings;

/// The largest profile that is read: a real one has less than a kilobyte.
const MAX_PROFILE_BYTES: u64 = 1 << 20;

/// The profiles that come with the program: name and text.
pub const BUILT_IN_PROFILES: [(&str, &str); 4] = [
    ("sample", include_str!("../../../../data/profiles/sample.toml")),
    ("seed", include_str!("../../../../data/profiles/seed.toml")),
    ("tutorial", include_str!("../../../../data/profiles/tutorial.toml")),
    ("paper", include_str!("../../../../data/profiles/paper.toml")),
];

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No profile of that name.
    #[error(
        "unknown profile `{name}`{suggestion}; expected sample, seed, tutorial, paper, or the path of a .toml file"
    )]
    UnknownProfile {
        /// What was asked for.
        name: String,
        /// `, did you mean ...?` or nothing.
        suggestion: String,
    },
    /// A profile file that can't be read.
    #[error("cannot read profile {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A profile file of unreasonable size.
    #[error("profile {} is larger than {MAX_PROFILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A text that is not TOML.
    #[error("{origin} is not valid TOML: {reason}")]
    Syntax {
        /// The profile.
        origin: String,
        /// Line, column and what was expected.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`{suggestion}; `clawsig profile` lists every key")]
    UnknownKey {
        /// The profile, or `--set`.
        origin: String,
        /// The key.
        key: String,
        /// `, did you mean ...?` or nothing.
        suggestion: String,
    },
    /// A `--set` without `=`.
    #[error("--set {text}: expected key=value, for example --set tfidf.min_df=3")]
    NotAssignment {
        /// What was typed.
        text: String,
    },
    /// A value of the wrong type or out of the list.
    #[error("{origin}: {reason}")]
    BadValue {
        /// The profile, or `--set key=value`.
        origin: String,
        /// The key, what was found and what was expected.
        reason: String,
    },
}

impl Settings {
    /// Reads a profile, by the name of a built-in one or by the path of a TOML file, and applies
    /// `key=value` assignments in order. A value is read as TOML, and as plain text where it is
    /// no TOML.
    pub fn load(profile: &str, assignments: &[String]) -> Result<Settings, SettingsError> {
        let (origin, text) = profile_text(profile)?;
        let table: Table = text.parse().map_err(|e: toml::de::Error| SettingsError::Syntax {
            origin: origin.clone(),
            reason: e.to_string(),
        })?;
        check_keys(&table, &origin)?;
        let settings = typed(&table, &origin)?;
        settings.assigned(table, assignments)
    }

    /// These settings with `key=value` assignments applied in order.
    pub fn changed(self, assignments: &[String]) -> Result<Settings, SettingsError> {
        let table = Table::try_from(&self).map_err(|e| SettingsError::BadValue {
            origin: "the recorded settings".to_owned(),
            reason: e.to_string(),
        })?;
        self.assigned(table, assignments)
    }

    fn assigned(self, mut table: Table, assignments: &[String]) -> Result<Settings, SettingsError> {
        let mut settings = self;
        for assignment in assignments {
            let (key, value) = parse_assignment(assignment)?;
            let mut single = Table::new();
            match key.split_once('.') {
                Some((section, name)) => {
                    let values = Table::from_iter([(name.to_owned(), value)]);
                    single.insert(section.to_owned(), Value::Table(values));
                }
                None => {
                    single.insert(key.to_owned(), value);
                }
            }
            check_keys(&single, "--set")?;
            for (section, values) in single {
                match (table.get_mut(&section), values) {
                    (Some(Value::Table(known)), Value::Table(values)) => known.extend(values),
                    (_, values) => {
                        table.insert(section, values);
                    }
                }
            }
            settings = typed(&table, &format!("--set {assignment}"))?;
        }
        Ok(settings)
    }
}

/// The profile's text and how errors name it.
fn profile_text(profile: &str) -> Result<(String, String), SettingsError> {
    if let Some((name, text)) = BUILT_IN_PROFILES.iter().find(|(name, _)| *name == profile) {
        return Ok((format!("profile {name}"), (*text).to_owned()));
    }
    if !profile.ends_with(".toml") {
        let names = BUILT_IN_PROFILES.map(|(name, _)| name);
        return Err(SettingsError::UnknownProfile {
            name: profile.to_owned(),
            suggestion: suggestion(profile, names),
        });
    }
    let path = PathBuf::from(profile);
    let read = |source| SettingsError::Read { path: path.clone(), source };
    let file = fs::File::open(&path).map_err(read)?;
    let mut text = String::new();
    file.take(MAX_PROFILE_BYTES + 1).read_to_string(&mut text).map_err(read)?;
    if text.len() as u64 > MAX_PROFILE_BYTES {
        return Err(SettingsError::TooLarge { path });
    }
    Ok((profile.to_owned(), text))
}

fn parse_assignment(text: &str) -> Result<(&str, Value), SettingsError> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| SettingsError::NotAssignment { text: text.to_owned() })?;
    let parsed = format!("value = {value}").parse::<Table>().ok();
    // A bare word is text; so is anything that is no single TOML value.
    let value = parsed
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    Ok((key.trim(), value))
}

/// Refuses keys that no setting has, before types are looked at.
fn check_keys(table: &Table, origin: &str) -> Result<(), SettingsError> {
    let known: Vec<String> = Settings::default().all_keys().into_keys().collect();
    let unknown = |key: String| {
        let suggestion = suggestion(&key, known.iter().map(String::as_str));
        SettingsError::UnknownKey { origin: origin.to_owned(), key, suggestion }
    };
    for (section, values) in table {
        let Value::Table(values) = values else { return Err(unknown(section.clone())) };
        if !known.iter().any(|key| key.split_once('.').is_some_and(|(s, _)| s == section)) {
            let key = values.keys().next().map(|key| format!("{section}.{key}"));
            return Err(unknown(key.unwrap_or_else(|| section.clone())));
        }
        for name in values.keys() {
            let key = format!("{section}.{name}");
            if !known.contains(&key) {
                return Err(unknown(key));
            }
        }
    }
    Ok(())
}

fn typed(table: &Table, origin: &str) -> Result<Settings, SettingsError> {
    Settings::deserialize_table(table)
        .map_err(|reason| SettingsError::BadValue { origin: origin.to_owned(), reason })
}

impl Settings {
    fn deserialize_table(table: &Table) -> Result<Settings, String> {
        Value::Table(table.clone()).try_into().map_err(|e: toml::de::Error| {
            // toml puts the key on a second line of its message.
            e.to_string().trim_end().replace('\n', " ")
        })
    }
}

/// `, did you mean ...?` for the nearest of the candidates, nothing where none is near.
pub(crate) fn suggestion<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, candidate)| format!(", did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DocumentFrequency, SourceKind};

    fn load(profile: &str, sets: &[&str]) -> Result<Settings, SettingsError> {
        Settings::load(profile, &sets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_built_in_profile_loads() {
        for (name, _) in BUILT_IN_PROFILES {
            load(name, &[]).unwrap();
        }
        assert_eq!(load("tutorial", &[]).unwrap().tfidf.min_df, DocumentFrequency::Count(3));
    }

    #[test]
    fn assignments_are_laid_over_the_profile_in_order() {
        let sets =
            ["source.kind=path", "source.path=some/folder", "tfidf.min_df=0.5", "tfidf.min_df=2"];
        let settings = load("tutorial", &sets).unwrap();
        assert_eq!(settings.source.kind, SourceKind::Path);
        assert_eq!(settings.source.path, "some/folder");
        assert_eq!(settings.tfidf.min_df, DocumentFrequency::Count(2));
        assert_eq!(settings.tfidf.max_features, 20_000);
        let settings =
            load("sample", &["features.groups=[\"text\"]", "tfidf.ngrams=[1,3]"]).unwrap();
        assert_eq!(settings.tfidf.ngrams, [1, 3]);
        assert_eq!(settings.features.groups.len(), 1);
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_right_key() {
        let message = |profile: &str, sets: &[&str]| load(profile, sets).unwrap_err().to_string();
        assert!(message("tutoral", &[]).contains("did you mean `tutorial`?"));
        assert!(
            message("sample", &["tfidf.max_featurs=3"])
                .contains("did you mean `tfidf.max_features`?")
        );
        assert!(message("sample", &["tfdif.min_df=3"]).contains("did you mean `tfidf.min_df`?"));
        assert!(message("sample", &["min_df=3"]).contains("unknown key `min_df`"));
        assert!(message("sample", &["tfidf.min_df"]).contains("expected key=value"));
    }

    #[test]
    fn a_value_of_the_wrong_type_names_key_and_choices() {
        let message = |set: &str| load("sample", &[set]).unwrap_err().to_string();
        let text = message("flags.rule=stats");
        assert!(text.contains("flags.rule") && text.contains("`any-output`"), "{text}");
        let text = message("tfidf.max_features=many");
        assert!(text.contains("max_features"), "{text}");
    }

    #[test]
    fn a_profile_file_is_read_and_its_mistakes_are_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let name = path.to_str().unwrap();
        assert!(load(name, &[]).unwrap_err().to_string().contains("mine.toml"));
        fs::write(&path, "[tfidf]\nmin_df = \n").unwrap();
        assert!(load(name, &[]).unwrap_err().to_string().contains("line 2"));
        fs::write(&path, "[tfidf]\nmin_fd = 3\n").unwrap();
        assert!(load(name, &[]).unwrap_err().to_string().contains("tfidf.min_df"));
        fs::write(&path, "[tfidf]\nmin_df = 7\n").unwrap();
        assert_eq!(load(name, &[]).unwrap().tfidf.min_df, DocumentFrequency::Count(7));
    }
}
