//! The file that says that a folder is a run's, and what else may lie at a path.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clawsig_schema::{format::FormatVersion, hostile::printable, unread};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    StoreError, disk, error::io, journal, manifest::MANIFEST_FILE, seal, state::is_absence,
};

/// The marker's name in a run folder.
pub const MARKER_FILE: &str = "clawsig-run.json";

/// The folder below a run folder in which everything temporary lies.
pub const TEMPORARY_FOLDER: &str = ".clawsig";

/// The marker's format.
///
/// - 1.0: the first.
const FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// The largest marker that is read.
const MAX_BYTES: u64 = 64 << 10;

/// The marker's content. It is the same in every run folder that one version of clawsig makes, so
/// that two processes that begin at once write the same.
#[derive(Serialize, Deserialize)]
struct Marker {
    format: FormatVersion,
    about: String,
    clawsig: String,
}

fn text() -> Result<Vec<u8>, StoreError> {
    let marker = Marker {
        format: FORMAT,
        about: "clawsig made this folder. It replaces its own results here and leaves all other \
                files alone."
            .to_owned(),
        clawsig: env!("CARGO_PKG_VERSION").to_owned(),
    };
    seal::text(&marker)
        .map_err(|source| StoreError::Parameter { name: "marker".to_owned(), source })
}

/// What lies at a path at which a run folder is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// An empty folder, or one in which a run was begun and nothing was written.
    Empty,
    /// A file, or anything else that is no folder.
    NotAFolder,
    /// A folder with other files, which is no run's; the text says how that shows.
    Foreign(String),
    /// A run folder without a finished stage.
    NoResults,
    /// A run folder with at least one finished stage.
    Results,
}

impl fmt::Display for Standing {
    /// The end of a sentence that begins with the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Absent => f.write_str("does not exist"),
            Standing::Empty => f.write_str("is an empty folder"),
            Standing::NotAFolder => f.write_str("is no folder"),
            Standing::Foreign(why) => write!(f, "is no run folder: {why}"),
            Standing::NoResults => f.write_str("is a run folder without a finished stage"),
            Standing::Results => f.write_str("is a run folder"),
        }
    }
}

impl Standing {
    /// Looks at a path. Nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the folder or its marker can't be read.
    pub fn of(root: &Path) -> Result<Standing, StoreError> {
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Ok(Standing::NotAFolder),
            // A link that leads nowhere is something, too.
            Err(e) if is_absence(&e) => {
                let link = fs::symlink_metadata(root).is_ok();
                return Ok(if link { Standing::NotAFolder } else { Standing::Absent });
            }
            Err(e) => return Err(io("open", root)(e)),
        }
        // The marker is read after the names: a run that begins meanwhile writes it before all else.
        let mut names = Vec::new();
        for entry in fs::read_dir(root).map_err(io("read", root))? {
            names.push(entry.map_err(io("read", root))?.file_name());
        }
        names.sort();
        match read(root)? {
            MarkerPlace::Valid => {
                let has_manifest = |name: &PathBuf| root.join(name).join(MANIFEST_FILE).is_file();
                let finished = names.iter().map(PathBuf::from).any(|name| has_manifest(&name));
                Ok(if finished { Standing::Results } else { Standing::NoResults })
            }
            MarkerPlace::Invalid(why) => Ok(Standing::Foreign(format!(
                "its {MARKER_FILE} was not written by clawsig: {why}"
            ))),
            MarkerPlace::Begun => {
                let other =
                    names.iter().find(|name| *name != MARKER_FILE && !is_unused(root, name));
                Ok(match other {
                    None => Standing::Empty,
                    Some(name) => Standing::Foreign(format!(
                        "it has no {MARKER_FILE} and holds {}",
                        printable(&name.to_string_lossy(), 100)
                    )),
                })
            }
        }
    }
}

/// Whether an entry is the folder of temporaries with nothing in it.
fn is_unused(root: &Path, name: &std::ffi::OsStr) -> bool {
    let folder = root.join(name);
    name == TEMPORARY_FOLDER
        && fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir())
        && journal::is_unused(&folder)
}

/// What the marker's place holds.
enum MarkerPlace {
    Valid,
    Invalid(String),
    /// Nothing, or the beginning of a marker: its writer was killed.
    Begun,
}

fn read(root: &Path) -> Result<MarkerPlace, StoreError> {
    let bytes = match seal::read_small(&root.join(MARKER_FILE), MAX_BYTES)? {
        None => return Ok(MarkerPlace::Begun),
        Some(Err(why)) => return Ok(MarkerPlace::Invalid(why)),
        Some(Ok(bytes)) => bytes,
    };
    let whole = text()?;
    if bytes == whole {
        return Ok(MarkerPlace::Valid);
    }
    if whole.starts_with(&bytes) {
        return Ok(MarkerPlace::Begun);
    }
    let checked = || -> Result<(), String> {
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| unread::json(&e))?;
        let marker = Marker::deserialize(seal::unseal(value)?).map_err(|e| unread::json(&e))?;
        FORMAT.can_read(marker.format).map_err(|mismatch| mismatch.to_string())
    };
    Ok(match checked() {
        Ok(()) => MarkerPlace::Valid,
        Err(why) => MarkerPlace::Invalid(why),
    })
}

/// Whether the folder has a valid marker.
pub(crate) fn is_marked(root: &Path) -> Result<bool, StoreError> {
    Ok(matches!(read(root)?, MarkerPlace::Valid))
}

/// Writes the marker, unless there is one.
pub(crate) fn write(root: &Path) -> Result<(), StoreError> {
    if is_marked(root)? {
        return Ok(());
    }
    let path = root.join(MARKER_FILE);
    let file = disk::open_or_create(&path).map_err(io("write", &path))?;
    if let Err(e) = disk::write(&file, &text()?).and_then(|()| file.sync_all()) {
        // On a full disk the beginning of a marker would be all that is left.
        let _ = disk::remove_file(&path);
        return Err(io("write", &path)(e));
    }
    Ok(())
}
