//! Learning a vocabulary: one pass over the texts, the rest over token numbers.
//!
//! Texts are pushed in batches and read once. They are kept as the sequence of their tokens' numbers (four
//! bytes a token), and a vocabulary can be fitted to any of them as often as is wanted.
//!
//! Memory is bounded by the tokens (four bytes each), the different tokens, the n-grams that
//! reach the limits, the occurrences held at a time (96 MiB, or one and a half bytes a token where
//! that is more) and the matrix, in which an entry takes twelve bytes.

use std::sync::Arc;

use clawsig_schema::matrix::Csr;
use rayon::prelude::*;

use super::{
    corpus::Corpus,
    finder::Finder,
    fitted::{FittedTfIdf, SparseRow},
    intern::NONE,
    memory::Memory,
    params::{Analyzer, ValidVectorizerParams, VectorizerParams},
    rows::MatrixRows,
    terms::Terms,
    tokens::{ReadTokens, TokenReader},
};
use crate::FeaturesError;

/// A vectorizer that is being fitted to texts that come in batches.
#[derive(Debug)]
pub struct TfIdfFit {
    params: ValidVectorizerParams,
    reader: TokenReader,
}

impl TfIdfFit {
    pub(super) fn new(params: ValidVectorizerParams) -> TfIdfFit {
        TfIdfFit { params, reader: TokenReader::default() }
    }

    /// Reads a batch of texts, in parallel on the current rayon pool. The texts are not kept.
    ///
    /// # Errors
    /// [`FeaturesError::TooMany`] beyond 2^32 - 2 documents or different tokens.
    pub fn push<S: AsRef<str> + Sync>(&mut self, texts: &[S]) -> Result<(), FeaturesError> {
        self.reader.push(texts, &self.params.0)
    }

    /// Ends the reading, for fits to more than one choice of the texts.
    ///
    /// # Errors
    /// [`FeaturesError::TooMany`] beyond 2^32 - 2 different tokens.
    pub fn read(self) -> Result<ReadTexts, FeaturesError> {
        Ok(ReadTexts { params: self.params, read: self.reader.finish()? })
    }

    /// Ends the fit: the vectorizer, and the matrix of all texts pushed, in order.
    ///
    /// # Errors
    /// [`FeaturesError::NoDocuments`], [`FeaturesError::EmptyVocabulary`],
    /// [`FeaturesError::EverythingPruned`], and [`FeaturesError::UndefinedIdf`] where a fixed vocabulary meets the plain idf.
    pub fn finish(self) -> Result<(FittedTfIdf, Csr), FeaturesError> {
        self.read()?.fit(|_| true)
    }
}

/// Texts that were read once and are kept as their tokens' numbers. A vectorizer can be fitted to any of
/// them, as often as is wanted:
///
/// ```
/// use clawsig_features::{TfIdf, VectorizerParams};
///
/// let texts = ["reads mail", "reads files", "sends mail"];
/// let read = TfIdf::new(VectorizerParams::default().check()?).read(texts)?;
/// for left_out in 0..3 {
///     let (fitted, matrix) = read.fit(|text| text != left_out)?;
///     // The rows of all texts, in the columns that the others taught.
///     assert_eq!((matrix.rows(), matrix.cols()), (3, fitted.vocabulary().len()));
/// }
/// # Ok::<(), clawsig_features::FeaturesError>(())
/// ```
#[derive(Debug)]
pub struct ReadTexts {
    params: ValidVectorizerParams,
    read: ReadTokens,
}

impl ReadTexts {
    /// The settings they were read with, which a fit has too.
    pub fn params(&self) -> &VectorizerParams {
        &self.params.0
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.read.documents as usize
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fits to the texts for whose places `chosen` holds, and gives the matrix of all texts, in order:
    /// what [`TfIdf::fit_transform`](super::TfIdf::fit_transform) gives for the chosen ones, and
    /// [`FittedTfIdf::transform`] for the others.
    ///
    /// # Errors
    /// As [`TfIdfFit::finish`].
    pub fn fit(
        &self,
        chosen: impl Fn(usize) -> bool + Sync,
    ) -> Result<(FittedTfIdf, Csr), FeaturesError> {
        let (fitted, tokens) = self.learn(&chosen)?;
        let rows = MatrixRows::make(self.len(), |text, row| {
            tokens.append_row(&fitted, text, 0, row);
            Ok(())
        })?;
        let matrix = rows.finish(fitted.cols())?;
        Ok((fitted, matrix))
    }

    /// Learns from the chosen texts; gives the tokens of all too, as the vocabulary numbers them.
    pub(crate) fn learn(
        &self,
        chosen: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<(FittedTfIdf, Renumbered<'_>), FeaturesError> {
        let params = &self.params.0;
        let corpus = Corpus::new(params, &self.read, chosen);
        if corpus.documents == 0 {
            return Err(FeaturesError::NoDocuments);
        }
        let (terms, counts) = match &params.vocabulary {
            Some(terms) => (terms.clone(), None),
            None => {
                let (terms, counts) = corpus.learn()?;
                (terms, Some(counts))
            }
        };
        let tree = Arc::new(Terms::new(&terms, params)?);
        let tokens = &self.read.tokens;
        let numbers = (0..tokens.len() as u32)
            .into_par_iter()
            .map(|id| tree.token(tokens.get(id)).unwrap_or(NONE))
            .collect();
        let renumbered = Renumbered { read: &self.read, tree, numbers };
        let counts = match counts {
            Some(counts) => counts,
            None => corpus.document_frequencies(&renumbered, terms.len()),
        };
        let finder = match params.analyzer {
            Analyzer::Word => Finder::Words(renumbered.tree.clone()),
            _ => Finder::new(&terms, params)?,
        };
        let documents = corpus.documents.into();
        let fitted = FittedTfIdf::new(self.params.clone(), documents, terms, counts, finder)?;
        Ok((fitted, renumbered))
    }
}

/// The tokens of texts, with the numbers that a vocabulary gives them.
pub(crate) struct Renumbered<'a> {
    read: &'a ReadTokens,
    tree: Arc<Terms>,
    /// The vocabulary's number of each token, [`NONE`] for one that no term holds.
    numbers: Vec<u32>,
}

impl Renumbered<'_> {
    /// Puts the row of a text behind a row's entries, by the vectorizer of the vocabulary; its columns
    /// begin at `first`.
    pub(crate) fn append_row(
        &self,
        fitted: &FittedTfIdf,
        text: usize,
        first: usize,
        row: &mut SparseRow,
    ) {
        fitted.append_counted(first, row, |Memory { counter, ids, .. }| {
            self.each_hit(text, ids, |column| counter.add(column, 1));
        });
    }

    /// Calls `hit` with the column of every n-gram of the vocabulary in a document; `ids` is scratch
    /// space.
    pub(super) fn each_hit(&self, document: usize, ids: &mut Vec<u32>, hit: impl FnMut(u32)) {
        ids.clear();
        let number = |&id: &u32| if id == NONE { NONE } else { self.numbers[id as usize] };
        ids.extend(self.read.document(document).iter().map(number));
        self.tree.each_hit(ids, hit);
    }
}
