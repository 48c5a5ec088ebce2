//! A vectorizer without a vocabulary, for streams without an end.

use std::collections::BTreeSet;

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    analyzer::{Token, cut, each_token},
    fitted::SparseRow,
    params::{Analyzer, Norm, check_ngrams, check_stop_words},
    rows::{MatrixRows, PIECE_ROWS, normalise},
    terms::is_stop_word,
};
use crate::{FeaturesError, batch::texts_in_batches};

/// The settings of a [`Hashing`] vectorizer. The defaults are scikit-learn's
/// `HashingVectorizer()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashingParams {
    /// The units of an n-gram. By default words.
    pub analyzer: Analyzer,
    /// The shortest and the longest n-gram, 1 to 16. By default 1 and 1.
    pub ngrams: (usize, usize),
    /// Whether the text is lower-cased. By default it is.
    pub lowercase: bool,
    /// The number of columns, 1 to 2^31 - 1. By default 2^20.
    pub columns: u32,
    /// Whether half of the terms count negative, so that collisions cancel. By default they do.
    pub alternate_sign: bool,
    /// Whether every column that was met holds 1. By default it does not.
    pub binary: bool,
    /// The norm of a row. By default L2.
    pub norm: Norm,
    /// Words that are left out before n-grams are made; only for [`Analyzer::Word`]. By default
    /// none.
    pub stop_words: BTreeSet<String>,
    /// How many characters of a text are read. By default all.
    pub max_chars: Option<usize>,
}

impl Default for HashingParams {
    fn default() -> Self {
        HashingParams {
            analyzer: Analyzer::Word,
            ngrams: (1, 1),
            lowercase: true,
            columns: 1 << 20,
            alternate_sign: true,
            binary: false,
            norm: Norm::L2,
            stop_words: BTreeSet::new(),
            max_chars: None,
        }
    }
}

impl HashingParams {
    /// Checks every parameter and makes the vectorizer, which has nothing to learn.
    ///
    /// # Errors
    /// [`FeaturesError::Parameter`].
    pub fn check(self) -> Result<Hashing, FeaturesError> {
        check_ngrams("ngrams", self.ngrams)?;
        check_stop_words(&self.stop_words, self.analyzer)?;
        if self.columns == 0 || self.columns > i32::MAX as u32 {
            return Err(FeaturesError::Parameter {
                name: "columns",
                value: self.columns.to_string(),
                expected: "1 to 2147483647",
            });
        }
        Ok(Hashing(self))
    }
}

/// Terms go to the column of their MurmurHash3 (x86, 32 bits, seed 0), as in scikit-learn.
///
/// ```
/// use clawsig_features::vectorizer::HashingParams;
///
/// let hashing = HashingParams { columns: 1 << 18, ..Default::default() }.check()?;
/// let row = hashing.transform_one("Reads your mail");
/// assert_eq!(row.columns.len(), 3);
/// # Ok::<(), clawsig_features::FeaturesError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hashing(HashingParams);

impl Hashing {
    /// The settings.
    pub fn params(&self) -> &HashingParams {
        &self.0
    }

    /// The row of one text.
    pub fn transform_one(&self, text: &str) -> SparseRow {
        let params = &self.0;
        let (min_n, max_n) = params.ngrams;
        let text = cut(text, params.max_chars);
        // All tokens in one buffer, words with a blank between them: an n-gram is a slice of it.
        let mut joined = Vec::new();
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let mut hits: Vec<(u32, f64)> = Vec::new();
        let mut flush = |joined: &mut Vec<u8>, spans: &mut Vec<(usize, usize)>, whole: bool| {
            let range = if whole { 1..=1 } else { min_n..=max_n };
            for n in range.take_while(|&n| n <= spans.len()) {
                for window in spans.windows(n) {
                    let term = &joined[window[0].0..window[n - 1].1];
                    hits.push(self.column(term));
                }
            }
            joined.clear();
            spans.clear();
        };
        let mut scratch = Vec::new();
        let blank = params.analyzer == Analyzer::Word;
        each_token(
            text,
            params.analyzer,
            params.lowercase,
            min_n,
            &mut scratch,
            |token| match token {
                Token::Gram(bytes) if is_stop_word(bytes, &params.stop_words) => {}
                Token::Gram(bytes) => {
                    if blank && !joined.is_empty() {
                        joined.push(b' ');
                    }
                    spans.push((joined.len(), joined.len() + bytes.len()));
                    joined.extend_from_slice(bytes);
                }
                Token::Whole(bytes) => {
                    spans.push((0, bytes.len()));
                    joined.extend_from_slice(bytes);
                    flush(&mut joined, &mut spans, true);
                }
                Token::Break => flush(&mut joined, &mut spans, false),
            },
        );
        flush(&mut joined, &mut spans, false);
        hits.sort_by_key(|&(column, _)| column);
        let mut row = SparseRow::default();
        for run in hits.chunk_by(|a, b| a.0 == b.0) {
            // Sums of whole numbers, so the order does not matter.
            let sum = if params.binary { 1.0 } else { run.iter().map(|hit| hit.1).sum() };
            if sum != 0.0 {
                row.columns.push(run[0].0);
                row.values.push(sum);
            }
        }
        normalise(&mut row.values, params.norm);
        row
    }

    /// The matrix of some texts, in order, in parallel on the current rayon pool.
    ///
    /// # Errors
    /// [`FeaturesError::Matrix`] if a value overflows.
    pub fn transform<I>(&self, texts: I) -> Result<Csr, FeaturesError>
    where
        I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
    {
        let mut made = MatrixRows::default();
        texts_in_batches(texts, |batch| {
            let rows: Vec<MatrixRows> = batch
                .par_chunks(PIECE_ROWS)
                .map(|texts| {
                    let mut rows = MatrixRows::default();
                    for text in texts {
                        let row = self.transform_one(text.as_ref());
                        rows.push(&row.columns, &row.values);
                    }
                    rows
                })
                .collect();
            made.extend(rows);
            Ok(())
        })?;
        made.finish(self.0.columns as usize)
    }

    fn column(&self, term: &[u8]) -> (u32, f64) {
        let hash = murmur3_32(term) as i32;
        let sign = if self.0.alternate_sign && hash < 0 { -1.0 } else { 1.0 };
        (hash.unsigned_abs() % self.0.columns, sign)
    }
}

/// MurmurHash3, the 32-bit form for x86 (Austin Appleby, public domain), with seed 0.
fn murmur3_32(bytes: &[u8]) -> u32 {
    let scramble = |k: u32| k.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let mut hash = 0_u32;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let mut word = [0; 4];
        word.copy_from_slice(block);
        hash ^= scramble(u32::from_le_bytes(word));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64);
    }
    let rest = blocks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        hash ^= scramble(u32::from_le_bytes(word));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ hash >> 13).wrapping_mul(0xC2B2_AE35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_murmur3() {
        // The widely published test vectors for seed 0.
        assert_eq!(murmur3_32(b""), 0);
        assert_eq!(murmur3_32(b"test"), 0xBA6B_D213);
        assert_eq!(murmur3_32(b"Hello, world!"), 0xC036_3E43);
    }

    #[test]
    fn stop_words_are_left_out_before_ngrams_are_made() {
        let stop_words = BTreeSet::from(["the".to_owned()]);
        let params = HashingParams { ngrams: (1, 2), stop_words, ..Default::default() };
        let hashing = params.clone().check().unwrap();
        assert_eq!(hashing.transform_one("run The tool"), hashing.transform_one("run tool"));
        let error = HashingParams { analyzer: Analyzer::Char, ..params }.check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `stop_words` is 1 words, expected none with a character analyzer"
        );
    }

    #[test]
    fn a_row_is_normed_and_sorted() {
        let hashing = HashingParams { ngrams: (1, 2), ..Default::default() }.check().unwrap();
        let row = hashing.transform_one("one two one two three");
        assert!(row.columns.is_sorted());
        assert!((row.values.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(hashing.transform_one("").columns.len(), 0);
    }
}
