//! TF-IDF with scikit-learn's semantics.
//!
//! [`TfIdf`] learns a vocabulary and gives the matrix in one pass over the texts;
//! [`FittedTfIdf`] turns further texts, also one at a time, into rows with the frozen idf;
//! [`Hashing`] needs no vocabulary. Results are the same bytes for every number of threads. Where
//! scikit-learn breaks ties at `max_features` by an unstable sort, term order decides here.

pub mod analyzer;
mod corpus;
mod finder;
mod fit;
mod fitted;
mod hashing;
mod intern;
mod memory;
mod params;
mod rows;
mod scan;
mod terms;
mod tokens;

use clawsig_schema::matrix::Csr;

pub use fit::{ReadTexts, TfIdfFit};
pub use fitted::{FittedTfIdf, SparseRow, VECTORIZER_FORMAT};
pub use hashing::{Hashing, HashingParams};
pub use params::{
    Analyzer, CharsParams, DocumentFrequency, Idf, Norm, ValidVectorizerParams, VectorizerParams,
};

pub(crate) use fit::Renumbered;
pub(crate) use fitted::TfIdfFile;
pub(crate) use intern::{NONE, digest, hash_key, process_seed};
pub(crate) use rows::{MatrixRows, PIECE_ROWS};
pub(crate) use terms::Terms;
pub(crate) use tokens::TokenReader;

use crate::{FeaturesError, batch::texts_in_batches};

/// A vectorizer that has not seen a text yet.
#[derive(Clone, Debug)]
pub struct TfIdf(ValidVectorizerParams);

impl TfIdf {
    /// A vectorizer with these settings.
    pub fn new(params: ValidVectorizerParams) -> TfIdf {
        TfIdf(params)
    }

    /// Begins a fit to texts that come in batches.
    pub fn begin(self) -> TfIdfFit {
        TfIdfFit::new(self.0)
    }

    /// Reads some texts, for fits to more than one choice of them; texts are held some megabytes at a
    /// time. Runs on the current rayon pool.
    ///
    /// # Errors
    /// As [`TfIdfFit::read`].
    pub fn read<I>(self, texts: I) -> Result<ReadTexts, FeaturesError>
    where
        I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
    {
        self.pushed(texts)?.read()
    }

    /// Fits to some texts and gives their matrix, row by row in the texts' order. Each text is
    /// read once; texts are held some megabytes at a time. Runs on the current rayon pool.
    ///
    /// # Errors
    /// As [`TfIdfFit::finish`].
    pub fn fit_transform<I>(self, texts: I) -> Result<(FittedTfIdf, Csr), FeaturesError>
    where
        I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
    {
        self.pushed(texts)?.finish()
    }

    fn pushed<I>(self, texts: I) -> Result<TfIdfFit, FeaturesError>
    where
        I: IntoIterator<IntoIter: Send, Item: AsRef<str> + Send + Sync>,
    {
        let mut fit = self.begin();
        texts_in_batches(texts, |batch| fit.push(batch))?;
        Ok(fit)
    }
}

#[cfg(test)]
mod tests;
