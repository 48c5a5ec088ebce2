//! Taking texts from an iterator some megabytes at a time.

use crate::{BoxError, FeaturesError};

/// Bytes of text in a batch: enough to keep every thread busy, little beside the matrix.
const BATCH_BYTES: usize = 16 << 20;
/// Items in a batch: short texts weigh more than their bytes.
const BATCH_ITEMS: usize = 4096;

/// Calls `take` with batches of at least one item; `size` is the bytes of an item's text.
pub(crate) fn in_batches<T>(
    items: impl IntoIterator<Item = Result<T, BoxError>>,
    size: impl Fn(&T) -> usize,
    mut take: impl FnMut(&[T]) -> Result<(), FeaturesError>,
) -> Result<(), FeaturesError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for item in items {
        let item = item.map_err(FeaturesError::Source)?;
        bytes += size(&item);
        batch.push(item);
        if bytes >= BATCH_BYTES || batch.len() >= BATCH_ITEMS {
            take(&batch)?;
            batch.clear();
            bytes = 0;
        }
    }
    if batch.is_empty() { Ok(()) } else { take(&batch) }
}

/// As [`in_batches`], for texts that can't fail to be there.
pub(crate) fn texts_in_batches<I>(
    texts: I,
    take: impl FnMut(&[I::Item]) -> Result<(), FeaturesError>,
) -> Result<(), FeaturesError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    in_batches(texts.into_iter().map(Ok), |text| text.as_ref().len(), take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_bounded_in_bytes_and_in_texts() {
        let mut sizes = Vec::new();
        let mut batches = |texts: Vec<String>| {
            sizes.clear();
            texts_in_batches(texts, |batch| {
                sizes.push(batch.len());
                Ok(())
            })
            .unwrap();
            sizes.clone()
        };
        assert_eq!(batches(vec!["a".to_owned(); 10_000]), [4096, 4096, 1808]);
        assert_eq!(batches(vec!["a".repeat(9 << 20); 5]), [2, 2, 1]);
        assert_eq!(batches(Vec::new()), [0; 0]);
    }

    #[test]
    fn an_item_that_fails_ends_the_reading() {
        let items = [Ok("a"), Err("broken".into()), Ok("b")];
        let error = in_batches(items, |text| text.len(), |_| Ok(())).unwrap_err();
        assert!(matches!(error, FeaturesError::Source(_)));
    }
}
