//! Laying a profile's file or `--set` over settings.

use std::ffi::{OsStr, OsString};

use clawsig_schema::settings::{Input, Key, Params, Value};
use serde::Deserialize as _;
use toml::Table;

use super::{Settings, SettingsError, suggestion};

/// The keys that a user has set, in a profile of their own or by `--set`, and where.
#[derive(Clone, Debug)]
pub struct Typed {
    origin: String,
    keys: Vec<Key>,
}

impl Typed {
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Refuses a key that another setting makes void.
    ///
    /// # Errors
    /// [`SettingsError::Void`] names both.
    pub fn check_effect(&self, settings: &Settings) -> Result<(), SettingsError> {
        for key in &self.keys {
            if let Some(need) = settings.unmet(key)
                && let Some(found) = settings.value_of(need.key)
            {
                return Err(SettingsError::Void {
                    origin: self.origin.clone(),
                    key: key.name,
                    need: need.to_string(),
                    other: need.key,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// One `--set KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    key: String,
    value: OsString,
}

impl Assignment {
    /// Takes a key and the text of its value.
    pub fn new(key: &str, value: impl Into<OsString>) -> Assignment {
        Assignment { key: key.to_owned(), value: value.into() }
    }

    /// Splits what was typed at its first `=`. The value keeps every byte.
    ///
    /// # Errors
    /// [`SettingsError::NotAssignment`] without `=` or with a key that is no text.
    pub fn parse(text: &OsStr) -> Result<Assignment, SettingsError> {
        let bytes = text.as_encoded_bytes();
        let wrong = || SettingsError::NotAssignment { text: text.to_string_lossy().into_owned() };
        let at = bytes.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let key = std::str::from_utf8(&bytes[..at]).map_err(|_| wrong())?;
        Ok(Assignment { key: key.trim().to_owned(), value: after(text, at + 1) })
    }
}

/// The rest of a text behind an ASCII character that ends before byte `at`.
#[cfg(unix)]
fn after(text: &OsStr, at: usize) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(&text.as_bytes()[at..]).to_owned()
}

#[cfg(not(unix))]
fn after(text: &OsStr, at: usize) -> OsString {
    OsString::from(text.to_string_lossy().get(at..).unwrap_or_default().to_owned())
}

impl Settings {
    /// Applies assignments in order; gives the keys.
    ///
    /// # Errors
    /// An unknown key, with the nearest known one, or a value that its key does not take.
    pub fn assign(&mut self, assignments: &[Assignment]) -> Result<Typed, SettingsError> {
        let mut typed = Typed { origin: "--set".to_owned(), keys: Vec::new() };
        for Assignment { key, value } in assignments {
            self.apply(key, Input::Typed(value), &mut typed)?;
        }
        Ok(typed)
    }

    /// Applies values of another run.
    ///
    /// # Errors
    /// A value that its key does not take.
    pub fn keep(
        &mut self,
        values: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<(), SettingsError> {
        for (key, value) in values {
            let known = self.set(key, Input::Value(&value));
            known.map_err(|source| SettingsError::Value { origin: key.to_owned(), source })?;
        }
        Ok(())
    }

    /// Applies the sections of a TOML file; `origin` names it in errors.
    pub(super) fn lay(&mut self, table: Table, origin: &str) -> Result<Typed, SettingsError> {
        let mut typed = Typed { origin: origin.to_owned(), keys: Vec::new() };
        for (section, values) in table {
            let toml::Value::Table(values) = values else {
                return Err(unknown(origin, &section));
            };
            if values.is_empty() && !has_section(&section) {
                return Err(unknown(origin, &section));
            }
            for (name, value) in values {
                let value = match value {
                    // The one type of TOML that no setting has.
                    toml::Value::Datetime(date) => Value::Text(date.to_string()),
                    other => Value::deserialize(other).unwrap_or(Value::Table(Vec::new())),
                };
                self.apply(&format!("{section}.{name}"), Input::Value(&value), &mut typed)?;
            }
        }
        Ok(typed)
    }

    fn apply(
        &mut self,
        key: &str,
        input: Input<'_>,
        typed: &mut Typed,
    ) -> Result<(), SettingsError> {
        let origin = &typed.origin;
        let known = self
            .set(key, input)
            .map_err(|source| SettingsError::Value { origin: origin.clone(), source })?;
        let declared = Settings::keys().into_iter().find(|declared| declared.name == key);
        match declared.filter(|_| known) {
            Some(declared) => {
                typed.keys.push(declared);
                Ok(())
            }
            None => Err(unknown(origin, key)),
        }
    }
}

fn has_section(section: &str) -> bool {
    Settings::keys().iter().any(|key| key.name.split_once('.').is_some_and(|(s, _)| s == section))
}

fn unknown(origin: &str, key: &str) -> SettingsError {
    let known = Settings::keys();
    let suggestion = suggestion(key, known.iter().map(|key| key.name));
    SettingsError::UnknownKey { origin: origin.to_owned(), key: key.to_owned(), suggestion }
}
