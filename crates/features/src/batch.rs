//! Taking texts from an iterator some megabytes at a time.

use crate::{BoxError, FeaturesError};

/// Bytes of text in a batch: enough to keep every thread busy, little beside the matrix.
const BATCH_BYTES: usize = 16 << 20;
/// Items in a batch: short texts weigh more than their bytes.
const BATCH_ITEMS: usize = 4096;

/// Calls `take` with batches of at least one item, and reads the next batch meanwhile; `size` is the
/// bytes of an item's text.
pub(crate) fn in_batches<T, I>(
    items: I,
    size: impl Fn(&T) -> usize + Sync,
    mut take: impl FnMut(&[T]) -> Result<(), FeaturesError> + Send,
) -> Result<(), FeaturesError>
where
    T: Send + Sync,
    I: IntoIterator<Item = Result<T, BoxError>>,
    I::IntoIter: Send,
{
    let mut items = items.into_iter();
    let mut read = || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES && batch.len() < BATCH_ITEMS {
            let Some(item) = items.next() else { break };
            let item = item.map_err(FeaturesError::Source)?;
            bytes += size(&item);
            batch.push(item);
        }
        Ok::<Vec<T>, FeaturesError>(batch)
    };
    let mut batch = read()?;
    while !batch.is_empty() {
        let (next, taken) = rayon::join(&mut read, || take(&batch));
        taken?;
        batch = next?;
    }
    Ok(())
}

/// As [`in_batches`], for texts that can't fail to be there.
pub(crate) fn texts_in_batches<I>(
    texts: I,
    take: impl FnMut(&[I::Item]) -> Result<(), FeaturesError> + Send,
) -> Result<(), FeaturesError>
where
    I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
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
        let large = "a".repeat(BATCH_BYTES);
        let items = [Ok(large.as_str()), Ok("b"), Err("broken".into()), Ok("c")];
        let mut taken = 0;
        let take = |batch: &[&str]| {
            taken += batch.len();
            Ok(())
        };
        let error = in_batches(items, |text| text.len(), take).unwrap_err();
        assert!(matches!(error, FeaturesError::Source(_)));
        assert_eq!(taken, 1);
    }
}
