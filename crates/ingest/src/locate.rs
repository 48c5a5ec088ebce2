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

/// The files that [`crate::ingest`] would read, in its order. `progress` is told of
/// what has to be fetched first: nothing, for a path.
///
/// # Errors
/// The source can't be read or is none.
pub fn locate(
    source: &Source,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<SourceFile>, IngestError> {
    let Source::Path { path } = source;
    progress(0, 0);
    Ok(files(path)?.into_iter().map(|f| SourceFile { name: f.name, path: f.path }).collect())
}
