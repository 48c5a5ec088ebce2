//! Taking texts from an iterator some megabytes at a time.

use crate::FeaturesError;

/// Bytes of text in a batch: enough to keep every thread busy, little beside the matrix.
const BATCH_BYTES: usize = 16 << 20;

/// Calls `take` with batches of at least one text.
pub(crate) fn in_batches<I>(
    texts: I,
    mut take: impl FnMut(&[I::Item]) -> Result<(), FeaturesError>,
) -> Result<(), FeaturesError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut batch = Vec::new();
    let mut bytes = 0;
    for text in texts {
        bytes += text.as_ref().len();
        batch.push(text);
        if bytes >= BATCH_BYTES {
            take(&batch)?;
            batch.clear();
            bytes = 0;
        }
    }
    if batch.is_empty() { Ok(()) } else { take(&batch) }
}
