//! What can go wrong in the store.

use std::path::{Path, PathBuf};

use clawsig_schema::format::FormatMismatch;

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
    /// A manifest of another format generation.
    #[error("{}: {}", path.display(), of_another_generation(stage, mismatch))]
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
    /// A folder that was to become a run folder and holds something else.
    #[error(
        "{} holds other files and is no run folder; name a new or empty folder with --out",
        path.display()
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
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

/// What a manifest of another generation means, and what to do about it.
pub(crate) fn of_another_generation(stage: &str, mismatch: &FormatMismatch) -> String {
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
