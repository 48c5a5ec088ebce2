//! Writing and reading a stage's JSON and CSV files.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
};

use clawsig_schema::unread;
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// The largest JSON artifact that is read into memory.
const MAX_JSON_BYTES: u64 = 512 << 20;

/// Writes a value as indented JSON with a final newline.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, value)
        .map_err(|e| Error::Artifact { path: path.to_owned(), reason: e.to_string() })?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(Error::io("write", path))
}

/// Reads a JSON artifact.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut text = Vec::new();
    file.take(MAX_JSON_BYTES + 1).read_to_end(&mut text).map_err(Error::io("read", path))?;
    let artifact = |reason| Error::Artifact { path: path.to_owned(), reason };
    if text.len() as u64 > MAX_JSON_BYTES {
        return Err(artifact(format!("larger than {MAX_JSON_BYTES} bytes")));
    }
    serde_json::from_slice(&text).map_err(|e| {
        artifact(format!("is not the JSON that is expected here: {}", unread::json(&e)))
    })
}

/// Writes rows as CSV: a header from the field names, `\n` line ends. Without rows the file is
/// empty.
pub(crate) fn write_csv<T: Serialize>(
    path: &Path,
    rows: impl IntoIterator<Item = T>,
) -> Result<(), Error> {
    let artifact = |e: csv::Error| Error::Artifact { path: path.to_owned(), reason: e.to_string() };
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    for row in rows {
        out.serialize(row).map_err(artifact)?;
    }
    out.flush().map_err(Error::io("write", path))
}

/// Writes rows of cells as CSV below a header.
pub(crate) fn write_cells<H: AsRef<[u8]>>(
    path: &Path,
    header: impl IntoIterator<Item = H>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Error> {
    let artifact = |e: csv::Error| Error::Artifact { path: path.to_owned(), reason: e.to_string() };
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    out.write_record(header).map_err(artifact)?;
    for row in rows {
        out.write_record(row).map_err(artifact)?;
    }
    out.flush().map_err(Error::io("write", path))
}

/// Reads a CSV artifact whole.
pub(crate) fn read_csv<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    csv::Reader::from_reader(file)
        .deserialize()
        .collect::<Result<Vec<T>, _>>()
        .map_err(|e| Error::Artifact { path: path.to_owned(), reason: unread::csv(&e) })
}

/// Writes text.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io("write", path))
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::io("create", path))
}
