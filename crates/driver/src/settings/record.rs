//! `run.toml`: what a run is, in its own folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clawsig_schema::{
    format::FormatVersion,
    settings::{Params as _, Setting as _, Value},
};
use serde::Deserialize as _;

use super::{PATHS, Profile, Settings, SettingsError, THREADS, profile};

/// The record's name in a run's folder.
pub const RUN_FILE: &str = "run.toml";
/// The table of the record that is no section of settings.
const ABOUT: &str = "about";

/// The format of `run.toml`.
///
/// - 1.0: the first.
const FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// What a run is: its settings, and how they came about.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The profile that the run began with.
    pub profile: Profile,
    /// The keys that were set over the profile.
    pub changed: BTreeSet<&'static str>,
    /// Whether the last evaluation looked at the hold-out.
    pub use_holdout: bool,
    /// The settings that came of it. Paths are absolute.
    pub settings: Settings,
}

impl RunRecord {
    /// A new run of a profile.
    ///
    /// # Errors
    /// As [`Profile::load`].
    pub fn new(profile: Profile) -> Result<RunRecord, SettingsError> {
        let settings = profile.load()?;
        Ok(RunRecord { profile, changed: BTreeSet::new(), use_holdout: false, settings })
    }

    /// Reads the text of a `run.toml`; `origin` names it in errors.
    ///
    /// # Errors
    /// [`SettingsError`] for what is no record of a format that is known.
    pub fn parse(text: &str, origin: &str) -> Result<RunRecord, SettingsError> {
        let wrong = |reason: String| SettingsError::File {
            origin: origin.to_owned(),
            reason: format!("{reason}; restore the file, or begin the run anew with --replace"),
        };
        let mut table = profile::parse(text, origin)?;
        let Some(toml::Value::Table(mut about)) = table.remove(ABOUT) else {
            return Err(wrong(format!("it has no table [{ABOUT}]")));
        };
        let mut taken = |name: &str| {
            let value =
                about.remove(name).ok_or_else(|| wrong(format!("{ABOUT}.{name} is missing")))?;
            Value::deserialize(value).map_err(|_| wrong(format!("{ABOUT}.{name} is no setting")))
        };
        let no = |name: &str, expected: &str| wrong(format!("{ABOUT}.{name} is not {expected}"));
        let format = taken("format")?;
        let format: FormatVersion = (format.as_text().and_then(|text| text.parse().ok()))
            .ok_or_else(|| no("format", "a format version"))?;
        FORMAT.can_read(format).map_err(|e| wrong(e.to_string()))?;
        let name = PathBuf::from_value(&taken("profile")?)
            .ok_or_else(|| no("profile", "a profile's name"))?;
        let use_holdout =
            bool::from_value(&taken("final")?).ok_or_else(|| no("final", "true or false"))?;
        let names = Vec::<String>::from_value(&taken("changed")?)
            .ok_or_else(|| no("changed", "a list of keys"))?;
        let keys = Settings::keys();
        let mut changed = BTreeSet::new();
        for name in names {
            let key = keys.iter().find(|key| key.name == name);
            changed.insert(key.ok_or_else(|| wrong(format!("no key is named {name}")))?.name);
        }
        let mut settings = Settings::default();
        settings.lay(table, origin)?;
        Ok(RunRecord { profile: Profile::named(name.as_os_str())?, changed, use_holdout, settings })
    }

    /// The text of `run.toml`.
    ///
    /// # Errors
    /// [`SettingsError::File`] for a value that TOML has no form for.
    pub fn to_text(&self) -> Result<String, SettingsError> {
        let name = match &self.profile {
            Profile::BuiltIn(name) => PathBuf::from(name),
            Profile::File(path) => path.clone(),
        };
        let changed: Vec<String> = self.changed.iter().map(|key| (*key).to_owned()).collect();
        let about = [
            ("format", FORMAT.to_string().to_value()),
            ("profile", name.to_value()),
            ("changed", changed.to_value()),
            ("final", self.use_holdout.to_value()),
        ];
        let about = about.into_iter().map(|(name, value)| (ABOUT, name, value));
        let settings = self.settings.identity();
        let settings = settings.into_iter().filter_map(|(key, value)| {
            key.split_once('.').map(|(section, name)| (section, name, value))
        });
        let mut sections: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        for (section, name, value) in about.chain(settings) {
            sections.entry(section).or_default().insert(name, value);
        }
        let text = toml::to_string(&sections).map_err(|e| SettingsError::File {
            origin: RUN_FILE.to_owned(),
            reason: format!("the settings can't be written: {e}"),
        })?;
        let head = "# What this run is. clawsig reads it for every command on this folder; change \
                    it by --set.\n\n";
        Ok(head.to_owned() + &text)
    }

    /// This record in the one form that it has: a setting that another one makes void is its
    /// default, a key counts as changed only where it differs from a built-in profile, and paths are
    /// absolute, so that they stand for the same file wherever the next command is given.
    #[must_use]
    pub fn normalised(mut self) -> RunRecord {
        self.settings = self.settings.without_void();
        let given = self.built_in();
        let settings = &self.settings;
        self.changed.retain(|&key| {
            let is_given = |given: &Settings| given.value_of(key) == settings.value_of(key);
            key != THREADS && !given.as_ref().is_some_and(is_given)
        });
        let source = &mut self.settings.source;
        for path in [&mut source.path, &mut source.lock] {
            if !path.as_os_str().is_empty() {
                // The working folder can't be told: the path stays as it is.
                *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
            }
        }
        self
    }

    /// The settings of the profile; `None` for a file, which may say something else by now.
    fn built_in(&self) -> Option<Settings> {
        match self.profile {
            Profile::BuiltIn(_) => self.profile.load().ok().map(Settings::without_void),
            Profile::File(_) => None,
        }
    }

    /// The profile and what was changed, in words.
    pub fn words(&self) -> String {
        let changes: Vec<String> = self
            .changed
            .iter()
            .filter_map(|key| Some(format!("{key}={}", self.settings.value_of(key)?)))
            .collect();
        match changes.as_slice() {
            [] => self.profile.to_string(),
            _ => format!("{} with {}", self.profile, changes.join(", ")),
        }
    }

    /// The command that gives this run again, with FOLDER and FILE for what lies on the machine of
    /// whoever ran it. It leaves out what changes no result.
    pub fn command_line(&self) -> String {
        let mut words = vec!["clawsig run --profile".to_owned(), quoted(&self.profile.name())];
        for key in Settings::keys().iter().filter(|key| self.changed.contains(key.name)) {
            let Some(value) = self.settings.value_of(key.name) else { continue };
            let value = match key.name {
                // In a profile's own file a setting may have been void since.
                _ if self.settings.unmet(key).is_some() => continue,
                name if name == PATHS[0] => "FOLDER".to_owned(),
                name if name == PATHS[1] => "FILE".to_owned(),
                _ => value.to_string(),
            };
            words.push(format!("--set {}", quoted(&format!("{}={value}", key.name))));
        }
        if self.use_holdout {
            words.push("--final".to_owned());
        }
        words.join(" ")
    }
}

/// A word as a POSIX shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-=/:,@+".contains(c);
    match word.is_empty() || !word.chars().all(plain) {
        true => format!("'{}'", word.replace('\'', "'\\''")),
        false => word.to_owned(),
    }
}
