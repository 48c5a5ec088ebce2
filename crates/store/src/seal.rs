//! JSON objects that carry the hash of their own content, so that an edit of them is noticed.

use std::{io::Read as _, path::Path};

use serde::Serialize;
use serde_json::Value;

use crate::{Sha256Hex, StoreError, disk, error::io, hash::hash_bytes, state::is_absence};

/// The field that holds the hash of all others.
const SEAL: &str = "seal";

/// A value and its seal as they are written.
#[derive(Serialize)]
struct Sealed<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    seal: Sha256Hex,
}

/// The hash of an object without its seal: compact JSON with sorted keys, so that it depends on
/// the values alone.
fn seal_of(value: &Value) -> Sha256Hex {
    hash_bytes(value.to_string().as_bytes())
}

/// A sealed object on several lines, for people to read.
pub(crate) fn text(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let seal = seal_of(&serde_json::to_value(value)?);
    let mut text = serde_json::to_vec_pretty(&Sealed { value, seal })?;
    text.push(b'\n');
    Ok(text)
}

/// A sealed object on one line.
pub(crate) fn line(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let seal = seal_of(&serde_json::to_value(value)?);
    let mut text = serde_json::to_vec(&Sealed { value, seal })?;
    text.push(b'\n');
    Ok(text)
}

/// Takes the seal off an object.
///
/// # Errors
/// A sentence, if the content is not what the seal says.
pub(crate) fn unseal(mut value: Value) -> Result<Value, String> {
    let seal = value.as_object_mut().and_then(|fields| fields.remove(SEAL));
    if seal.as_ref().and_then(Value::as_str) == Some(seal_of(&value).as_str()) {
        Ok(value)
    } else {
        Err("its content is not what its seal says, it was edited".to_owned())
    }
}

/// A small file's content; `None` if there is no such file.
///
/// # Errors
/// The inner error is a sentence: the file is no plain file, or has more than `limit` bytes.
pub(crate) fn read_small(
    path: &Path,
    limit: u64,
) -> Result<Option<Result<Vec<u8>, String>>, StoreError> {
    let file = match disk::open_plain(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Some(Err("it is no plain file".to_owned()))),
        Err(e) if is_absence(&e) => return Ok(None),
        Err(e) => return Err(io("open", path)(e)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io("read", path))?;
    if bytes.len() as u64 > limit {
        return Ok(Some(Err(format!("it is larger than {limit} bytes"))));
    }
    Ok(Some(Ok(bytes)))
}
