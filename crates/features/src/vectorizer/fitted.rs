//! A fitted vectorizer: its vocabulary, its frozen idf, and its file.

use std::sync::Arc;

use clawsig_schema::{format::FormatVersion, matrix::Csr};
use linfa_preprocessing::tf_idf_vectorization::TfIdfMethod;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    analyzer::cut,
    finder::{Finder, each_word_again},
    intern::NONE,
    memory::{Memories, Memory},
    params::{Idf, ValidVectorizerParams, VectorizerParams},
    rows::{MatrixRows, PIECE_ROWS, Weighting},
    terms::Terms,
};
use crate::{
    FeaturesError,
    batch::texts_in_batches,
    saved::{self, MAX_JSON_BYTES},
};

/// The version of a saved vectorizer.
///
/// - 1.0: parameters, number of documents, terms, document frequencies, idf.
pub const VECTORIZER_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// One row of a sparse matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseRow {
    /// Columns, strictly ascending.
    pub columns: Vec<u32>,
    /// The values in these columns.
    pub values: Vec<f64>,
}

impl SparseRow {
    /// Puts another row's entries behind this one's; its columns begin at `first`.
    pub(crate) fn append(&mut self, columns: &[u32], values: &[f64], first: usize) {
        self.columns.extend(columns.iter().map(|column| column + first as u32));
        self.values.extend_from_slice(values);
    }
}

/// A fitted vectorizer. Its idf is that of the texts it was fitted to, whatever it transforms.
#[derive(Clone, Debug)]
pub struct FittedTfIdf {
    params: ValidVectorizerParams,
    documents: u64,
    vocabulary: Vec<String>,
    document_frequency: Vec<u64>,
    idf: Option<Vec<f64>>,
    finder: Finder,
    memories: Memories,
}

/// A fitted vectorizer as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TfIdfFile {
    format: FormatVersion,
    pub(crate) params: VectorizerParams,
    documents: u64,
    terms: Vec<String>,
    document_frequency: Vec<u64>,
    idf: Option<Vec<f64>>,
}

/// The weight of each term; `None` with [`Idf::None`].
fn weights(idf: Idf, documents: u64, document_frequency: &[u64]) -> Option<Vec<f64>> {
    let method = match idf {
        Idf::Smooth => TfIdfMethod::Smooth,
        Idf::Plain => TfIdfMethod::NonSmooth,
        Idf::None => return None,
    };
    let weigh = |&df: &u64| method.compute_idf(documents as usize, df as usize);
    Some(document_frequency.iter().map(weigh).collect())
}

impl FittedTfIdf {
    pub(super) fn new(
        params: ValidVectorizerParams,
        documents: u64,
        vocabulary: Vec<String>,
        document_frequency: Vec<u64>,
        finder: Finder,
    ) -> Result<FittedTfIdf, FeaturesError> {
        if params.0.idf == Idf::Plain
            && let Some(at) = document_frequency.iter().position(|&df| df == 0)
        {
            return Err(FeaturesError::UndefinedIdf { term: vocabulary[at].clone() });
        }
        let idf = weights(params.0.idf, documents, &document_frequency);
        Ok(FittedTfIdf {
            params,
            documents,
            vocabulary,
            document_frequency,
            idf,
            finder,
            memories: Memories::default(),
        })
    }

    /// The settings it was fitted with.
    pub fn params(&self) -> &VectorizerParams {
        &self.params.0
    }

    /// The terms, in the order of their columns.
    pub fn vocabulary(&self) -> &[String] {
        &self.vocabulary
    }

    /// How many of the texts it was fitted to hold each term.
    pub fn document_frequency(&self) -> &[u64] {
        &self.document_frequency
    }

    /// The number of texts it was fitted to.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// The weight of each term; `None` with [`Idf::None`].
    pub fn idf(&self) -> Option<&[f64]> {
        self.idf.as_deref()
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.vocabulary.len()
    }

    /// The row of one text.
    pub fn transform_one(&self, text: &str) -> SparseRow {
        let mut row = SparseRow::default();
        self.append_row(text, 0, &mut row);
        row
    }

    /// Puts the row of a text behind a row's entries; its columns begin at `first`.
    pub(crate) fn append_row(&self, text: &str, first: usize, row: &mut SparseRow) {
        self.append_and(text, first, row, |_, _| ());
    }

    /// As [`FittedTfIdf::append_row`]; calls `take` with the number of every word of the whole text,
    /// [`NONE`] for one that no term holds. Nothing is called where the tokens are no words, or words
    /// are left out.
    pub(crate) fn append_row_and_words(
        &self,
        text: &str,
        first: usize,
        row: &mut SparseRow,
        take: impl FnMut(u32),
    ) {
        self.append_and(text, first, row, |read, memory| {
            if let Some(terms) = self.all_words() {
                each_word_again(text, read, terms, &self.params.0, memory, take);
            }
        });
    }

    fn append_and(
        &self,
        text: &str,
        first: usize,
        row: &mut SparseRow,
        then: impl FnOnce(&str, &mut Memory),
    ) {
        let read = cut(text, self.params.0.max_chars);
        let count = |memory: &mut Memory| self.finder.count(read, &self.params.0, memory);
        self.append_counted_and(first, row, count, |memory| then(read, memory));
    }

    /// Puts the row of a text whose n-grams `count` counts behind a row's entries; its columns begin at
    /// `first`.
    pub(super) fn append_counted(
        &self,
        first: usize,
        row: &mut SparseRow,
        count: impl FnOnce(&mut Memory),
    ) {
        self.append_counted_and(first, row, count, |_| ());
    }

    fn append_counted_and(
        &self,
        first: usize,
        row: &mut SparseRow,
        count: impl FnOnce(&mut Memory),
        then: impl FnOnce(&mut Memory),
    ) {
        self.memories.with(self.cols(), |memory| {
            count(memory);
            let (columns, values) = memory.counter.row(&self.weighting());
            row.append(columns, values, first);
            then(memory);
        });
    }

    /// The vocabulary, where it is one of words.
    pub(crate) fn words(&self) -> Option<&Arc<Terms>> {
        match &self.finder {
            Finder::Words(terms) => Some(terms),
            Finder::Chars(_) => None,
        }
    }

    /// The vocabulary, where it is one of words and no word of a text is left out.
    pub(crate) fn all_words(&self) -> Option<&Arc<Terms>> {
        self.words().filter(|_| self.params.0.stop_words.is_empty())
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::new(&self.params.0, self.idf())
    }

    /// The matrix of some texts, in order, in parallel on the current rayon pool; texts are held
    /// a batch at a time.
    ///
    /// # Errors
    /// [`FeaturesError::Matrix`] if a value overflows.
    pub fn transform<I>(&self, texts: I) -> Result<Csr, FeaturesError>
    where
        I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
    {
        let mut made = MatrixRows::default();
        texts_in_batches(texts, |batch| {
            made.extend(self.transform_batch(batch));
            Ok(())
        })?;
        made.finish(self.cols())
    }

    /// The rows of a batch, in order.
    fn transform_batch<S: AsRef<str> + Sync>(&self, batch: &[S]) -> Vec<MatrixRows> {
        let rows = |texts: &[S]| {
            self.memories.with(self.cols(), |memory| {
                let mut rows = MatrixRows::default();
                for text in texts {
                    let read = cut(text.as_ref(), self.params.0.max_chars);
                    self.finder.count(read, &self.params.0, memory);
                    let (columns, values) = memory.counter.row(&self.weighting());
                    rows.push(columns, values);
                }
                rows
            })
        };
        batch.par_chunks(PIECE_ROWS).map(rows).collect()
    }

    pub(crate) fn to_file(&self) -> TfIdfFile {
        TfIdfFile {
            format: VECTORIZER_FORMAT,
            params: self.params.0.clone(),
            documents: self.documents,
            terms: self.vocabulary.clone(),
            document_frequency: self.document_frequency.clone(),
            idf: self.idf.clone(),
        }
    }

    pub(crate) fn from_file(file: TfIdfFile) -> Result<FittedTfIdf, FeaturesError> {
        VECTORIZER_FORMAT.can_read(file.format)?;
        let damaged = |what: String| Err(FeaturesError::Damaged(what));
        let params = file.params.check()?;
        let cols = file.terms.len();
        if file.document_frequency.len() != cols {
            return damaged(format!("{cols} terms, {} frequencies", file.document_frequency.len()));
        }
        match &params.0.vocabulary {
            // Its terms are known to differ.
            Some(fixed) if *fixed != file.terms => {
                return damaged("the terms are not those of the fixed vocabulary".to_owned());
            }
            None if !file.terms.is_sorted_by(|a, b| a < b) => {
                return damaged("the terms are not in order, or one occurs twice".to_owned());
            }
            _ => {}
        }
        if file.documents >= u64::from(NONE) {
            return damaged(format!("{} documents are more than can be counted", file.documents));
        }
        if file.document_frequency.iter().any(|&df| df > file.documents) {
            return damaged("a term is in more documents than there are".to_owned());
        }
        if params.0.vocabulary.is_none() {
            let (low, high) =
                (params.0.min_df.of(file.documents), params.0.max_df.of(file.documents));
            let kept = |&df: &u64| df > 0 && low <= df as f64 && df as f64 <= high;
            if !file.document_frequency.iter().all(kept) {
                return damaged("a term is outside min_df and max_df".to_owned());
            }
            if cols == 0 {
                return damaged("it has no term".to_owned());
            }
            if let Some(limit) = params.0.max_features.filter(|&limit| cols > limit) {
                return damaged(format!("{cols} terms, and max_features is {limit}"));
            }
        }
        if file.idf.is_some() != (params.0.idf != Idf::None) {
            return damaged("the idf does not fit the parameters".to_owned());
        }
        if let Some(idf) = &file.idf
            && (idf.len() != cols || idf.iter().any(|weight| !weight.is_finite()))
        {
            return damaged("the idf is not one finite number a term".to_owned());
        }
        // Not to the last bit: another machine's logarithm may differ there.
        let expected = weights(params.0.idf, file.documents, &file.document_frequency);
        let off = |(a, b): (&f64, f64)| (a - b).abs() > 1e-9 * b.abs();
        if file.idf.iter().flatten().zip(expected.unwrap_or_default()).any(off) {
            return damaged("the idf does not follow from the document frequencies".to_owned());
        }
        let finder = Finder::new(&file.terms, &params.0)?;
        Ok(FittedTfIdf {
            params,
            documents: file.documents,
            vocabulary: file.terms,
            document_frequency: file.document_frequency,
            idf: file.idf,
            finder,
            memories: Memories::default(),
        })
    }

    /// The vectorizer as JSON, on one line.
    ///
    /// # Errors
    /// [`FeaturesError::Json`], which a finite state never meets.
    pub fn to_json(&self) -> Result<String, FeaturesError> {
        Ok(serde_json::to_string(&self.to_file())?)
    }

    /// The vectorizer from its JSON; it gives the same bits as the one that was saved.
    ///
    /// # Errors
    /// [`FeaturesError::TooLong`] beyond [`MAX_JSON_BYTES`], [`FeaturesError::Json`] for what is
    /// no such JSON or has a field that is not known, [`FeaturesError::Format`] for another
    /// version, [`FeaturesError::Damaged`] where the parts don't fit.
    pub fn from_json(json: &str) -> Result<FittedTfIdf, FeaturesError> {
        FittedTfIdf::from_file(saved::read(json, VECTORIZER_FORMAT, MAX_JSON_BYTES)?)
    }
}
