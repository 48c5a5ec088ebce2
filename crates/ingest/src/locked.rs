//! Holding what was read against what the file had to be.

use clawsig_schema::lock::{LockDifference, LockedFile};

use crate::{IngestError, source::Expected};

/// Compares a file's bytes with what its source says of them, and all that is known of it with the
/// lock; gives a warning, if there is reason for one.
///
/// Bytes with the right SHA-256 are the right bytes. If their number is not the one that was
/// written down, it was written down wrong: that is the warning.
///
/// # Errors
/// [`IngestError::Lock`] for everything else that differs.
pub(crate) fn check(
    file: &str,
    read: &Expected,
    expected: Option<&Expected>,
    locked: Option<(&LockedFile, &LockedFile)>,
) -> Result<Option<String>, IngestError> {
    let mut differences = expected.map(|expected| expected.differences(read)).unwrap_or_default();
    if differences.iter().all(|difference| difference.what == "bytes")
        && let Some((locked, found)) = locked
    {
        differences = locked.differences(found);
    }
    let same_bytes = !differences.iter().any(|difference| difference.what == "SHA-256");
    let size = differences
        .iter()
        .position(|difference| same_bytes && difference.what == "bytes")
        .map(|at| differences.remove(at));
    if differences.is_empty() {
        return Ok(size.map(|size| {
            format!(
                "{file} has the locked SHA-256, so it is the locked file, but {} bytes where the \
                 lock says {}: correct `bytes` in the lock",
                size.found, size.expected
            )
        }));
    }
    let remedy = "delete it and download it again".to_owned();
    Err(IngestError::Lock { file: file.to_owned(), remedy, differences })
}

impl Expected {
    fn differences(&self, found: &Expected) -> Vec<LockDifference> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: String, found: String| {
            if expected != found {
                differences.push(LockDifference { what: what.to_owned(), expected, found });
            }
        };
        compare("bytes", self.bytes.to_string(), found.bytes.to_string());
        compare("SHA-256", self.sha256.clone(), found.sha256.clone());
        differences
    }
}
