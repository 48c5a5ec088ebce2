//! Which files a source is, for whoever has to hash them before they are read.

use std::{fs, path::PathBuf};

use crate::{IngestError, Source, source::Form};

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name below the source, with `/`.
    pub name: String,
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// Its SHA-256 in lower-case hex, where that is known beforehand: [`crate::ingest`] accepts no
    /// other content.
    pub sha256: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether the hash that [`crate::ingest`] gives of it is that of the very bytes the rows were
    /// taken from, as with text. Parquet is hashed first and then read by row groups.
    pub hashed_as_read: bool,
}

/// The files that [`crate::ingest`] would read, in its order.
///
/// # Errors
/// The source can't be read or is none.
pub fn locate(source: &Source) -> Result<Vec<SourceFile>, IngestError> {
    let mut located = Vec::new();
    for file in source.list()?.files {
        let found = fs::metadata(&file.path).map_err(IngestError::io("open", &file.path))?;
        located.push(SourceFile {
            name: file.name,
            path: file.path,
            sha256: file.expected.map(|expected| expected.sha256),
            bytes: found.len(),
            hashed_as_read: file.form != Form::Parquet,
        });
    }
    Ok(located)
}
