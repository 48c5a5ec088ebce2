//! Profiles: the built-in ones, and files of the user's.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use clawsig_schema::{hostile::printable, unread};
use toml::Table;

use super::{Settings, SettingsError, Typed, suggestion};

/// The largest file of settings that is read: a real one has less than two kilobytes.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// The profiles that come with the program: name and text.
pub const BUILT_IN_PROFILES: [(&str, &str); 4] = [
    ("sample", include_str!("../../../../data/profiles/sample.toml")),
    ("seed", include_str!("../../../../data/profiles/seed.toml")),
    ("tutorial", include_str!("../../../../data/profiles/tutorial.toml")),
    ("paper", include_str!("../../../../data/profiles/paper.toml")),
];

/// A profile: settings under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// One that comes with the program.
    BuiltIn(&'static str),
    /// A TOML file, by its absolute path.
    File(PathBuf),
}

impl Default for Profile {
    fn default() -> Profile {
        Profile::BuiltIn(BUILT_IN_PROFILES[0].0)
    }
}

impl Profile {
    /// The profile of a name, or of the path of a `.toml` file.
    ///
    /// # Errors
    /// [`SettingsError::UnknownProfile`] with the nearest name.
    pub fn named(name: &OsStr) -> Result<Profile, SettingsError> {
        if let Some((known, _)) = BUILT_IN_PROFILES.iter().find(|(known, _)| *known == name) {
            return Ok(Profile::BuiltIn(known));
        }
        let path = Path::new(name);
        if path.extension().is_none_or(|ending| ending != "toml") {
            let name = name.to_string_lossy().into_owned();
            let names = BUILT_IN_PROFILES.map(|(known, _)| known);
            let suggestion = suggestion(&name, names);
            return Err(SettingsError::UnknownProfile { name, suggestion });
        }
        let path = std::path::absolute(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        Ok(Profile::File(path))
    }

    /// Its settings, and the keys that a file of the user's sets.
    ///
    /// # Errors
    /// A file that can't be read or is no TOML, an unknown key, a value that a key does not take,
    /// or a setting that another one of the file makes void.
    pub fn load(&self) -> Result<Settings, SettingsError> {
        let mut settings = Settings::default();
        match self {
            Profile::BuiltIn(name) => {
                let text = BUILT_IN_PROFILES.iter().find(|(known, _)| known == name);
                let table = parse(text.map_or("", |(_, text)| text), &self.to_string())?;
                settings.lay(table, &format!("profile {name}"))?;
            }
            Profile::File(path) => {
                let origin = self.to_string();
                let typed: Typed = settings.lay(parse(&read(path)?, &origin)?, &origin)?;
                typed.check_effect(&settings)?;
            }
        }
        Ok(settings)
    }

    /// Its name without the folder of a file: nobody else's business.
    pub fn name(&self) -> String {
        match self {
            Profile::BuiltIn(name) => (*name).to_owned(),
            Profile::File(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
        }
    }

    /// The name of the run folder that is taken where none is given.
    pub fn run_name(&self) -> PathBuf {
        match self {
            Profile::BuiltIn(name) => PathBuf::from(name),
            Profile::File(path) => PathBuf::from(path.file_stem().unwrap_or(OsStr::new("run"))),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Profile::BuiltIn(name) => write!(f, "profile {name}"),
            Profile::File(path) => {
                write!(f, "profile {}", printable(&path.to_string_lossy(), 500))
            }
        }
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let fail = |source| SettingsError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(fail)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(fail)?;
    Ok(text)
}

/// The tables of a file of settings.
pub(super) fn parse(text: &str, origin: &str) -> Result<Table, SettingsError> {
    let wrong = |reason: String| SettingsError::File { origin: origin.to_owned(), reason };
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong(format!("larger than {MAX_BYTES} bytes")));
    }
    text.parse().map_err(|e| wrong(no_toml(text, &e)))
}

/// Why a text is no TOML, or not of the expected shape.
pub(crate) fn no_toml(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    // The end of a line is where something is missing from that line.
    let before = text.get(..start).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = printable(text.lines().nth(number - 1).unwrap_or_default().trim(), 80);
    let message = error.message();
    let why = if message.contains("duplicate key") {
        "the key stands there for the second time".to_owned()
    } else if message.contains("overflow") || message.contains("as i128") {
        "the number is too large".to_owned()
    } else if text.parse::<Table>().is_ok() {
        unread::shape(message)
    } else {
        "is no TOML; expected `key = value` on a line of its own, texts in double quotes, below a [section]"
            .to_owned()
    };
    format!("line {number}, `{line}`: {why}")
}
