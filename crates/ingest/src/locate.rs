//! Which files a source is, for whoever has to hash them before they are read.

use std::path::PathBuf;

use crate::{IngestError, Source, source::files};

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name below the source, with `/`.
    pub name: String,
    /// Where it lies on this machine.
    pub path: PathBuf,
}

/// The files that [`crate::ingest`] would read, in its order. For the Hub they are fetched first
/// (from the cache where it has them); `progress` is told the bytes fetched and their total.
///
/// # Errors
/// The source can't be read, is none, or can't be fetched.
pub fn locate(
    source: &Source,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<SourceFile>, IngestError> {
    let files = match source {
        Source::Path { path } => {
            progress(0, 0);
            files(path)?
        }
        #[cfg(feature = "hub")]
        Source::Hub(hub) => hub.fetch(progress)?.files,
    };
    Ok(files.into_iter().map(|f| SourceFile { name: f.name, path: f.path }).collect())
}
