//! What can go wrong in the store.

use std::path::{Path, PathBuf};

use clawsig_schema::format::FormatMismatch;

use crate::Standing;

/// An error of the artifact store. Each names the file or folder and, where there is one, the
/// remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, for example `read`.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process works in the run folder.
    #[error(
        "{} is in use by {holder}; wait for it to end or choose another folder with --out",
        path.display()
    )]
    Locked {
        /// The run folder.
        path: PathBuf,
        /// Who holds the lock, as it wrote itself down.
        holder: String,
    },
    /// A manifest that is no manifest, or an oversized one.
    #[error("{} is not a manifest: {reason}; run that stage again", path.display())]
    BadManifest {
        /// The manifest file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A manifest of another format.
    #[error("{}: {}", path.display(), of_another_format(stage, mismatch))]
    Format {
        /// The manifest file.
        path: PathBuf,
        /// The stage it belongs to.
        stage: String,
        /// Older or newer.
        mismatch: FormatMismatch,
    },
    /// A stage that another one needs has not been run.
    #[error("{} holds no finished `{stage}` stage; run `clawsig {stage}` first", path.display())]
    NotRun {
        /// The run folder.
        path: PathBuf,
        /// The stage that is missing.
        stage: String,
    },
    /// The place of a run folder is taken by something else.
    #[error(
        "{} {found}; clawsig writes only into folders that it made, name a new or empty one with \
         --out",
        path.display()
    )]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What lies there.
        found: Standing,
    },
    /// A run folder was to be read and there is none.
    #[error(
        "{} {found}; name the folder of a run, or make one with `clawsig run --out FOLDER`",
        path.display()
    )]
    NotARun {
        /// The place.
        path: PathBuf,
        /// What lies there.
        found: Standing,
    },
    /// A file or folder inside a run folder stands where the store would write, and is not the
    /// store's.
    #[error(
        "{} was not written by clawsig: {why}; move it away or delete it, then give the command \
         again",
        path.display()
    )]
    NotOurs {
        /// The file or folder.
        path: PathBuf,
        /// How that shows.
        why: String,
    },
    /// A run folder that was opened for reading was to be written to.
    #[error("{} was opened for reading alone", path.display())]
    ReadOnly {
        /// The run folder.
        path: PathBuf,
    },
    /// A text file of the run is no text, or an oversized one.
    #[error("{} can't be read: {reason}", path.display())]
    BadText {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that a later stage was about to read is not the one its stage wrote.
    #[error("{} is not the file that the `{stage}` stage wrote: {reason}; run that stage again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The stage it belongs to.
        stage: String,
        /// How it differs.
        reason: String,
    },
    /// An input changed while the stage was reading it.
    #[error(
        "input {input} changed while `{stage}` was reading it; its result was thrown away, run it again"
    )]
    InputChanged {
        /// The stage that read it.
        stage: String,
        /// The input.
        input: String,
    },
    /// A stage left something else than plain files and folders in its work folder.
    #[error("{} is neither a file nor a folder, a stage may not write it", path.display())]
    NotAFile {
        /// The strange entry.
        path: PathBuf,
    },
    /// A stage or input was named in a way that can't be a file name.
    #[error("`{name}` can't name a stage: use lower-case letters, digits, `-` and `_`")]
    BadName {
        /// The name.
        name: String,
    },
    /// A parameter that JSON can't hold.
    #[error("parameter {name}: not representable in JSON")]
    Parameter {
        /// The parameter.
        name: String,
        /// What the serializer said.
        #[source]
        source: serde_json::Error,
    },
}

/// What a manifest of another format means, and what to do about it.
pub(crate) fn of_another_format(stage: &str, mismatch: &FormatMismatch) -> String {
    match mismatch {
        FormatMismatch::TooOld(found) => format!(
            "format {found} is older than this clawsig reads; run the `{stage}` stage again"
        ),
        FormatMismatch::TooNew(found) => format!(
            "format {found} is newer than this clawsig reads; update clawsig, or run the \
             `{stage}` stage again"
        ),
    }
}

/// Turns an I/O error into a [`StoreError`] that names what was tried on which path.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}
