//! The settings of the vectorizer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::FeaturesError;

/// The units of an n-gram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Analyzer {
    /// Words: runs of at least two word characters.
    Word,
    /// Characters, across words.
    Char,
    /// Characters within words that are padded with a blank on both sides.
    CharWb,
}

/// A limit on the number of documents that hold a term.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFrequency {
    /// That many documents, at least 1.
    Count(u64),
    /// That share of the documents, 0 to 1.
    Share(f64),
}

impl DocumentFrequency {
    /// The limit in documents, not rounded.
    pub fn of(self, documents: u64) -> f64 {
        match self {
            DocumentFrequency::Count(count) => count as f64,
            DocumentFrequency::Share(share) => share * documents as f64,
        }
    }

    fn check(self, name: &'static str) -> Result<(), FeaturesError> {
        match self {
            DocumentFrequency::Count(0) => Err(FeaturesError::Parameter {
                name,
                value: "0".to_owned(),
                expected: "a count of at least 1, or a share from 0.0 to 1.0",
            }),
            DocumentFrequency::Share(share) if !(0.0..=1.0).contains(&share) => {
                Err(FeaturesError::Parameter {
                    name,
                    value: share.to_string(),
                    expected: "a share from 0.0 to 1.0, or a count of at least 1",
                })
            }
            _ => Ok(()),
        }
    }
}

/// How a term's document frequency `df` among `n` documents weighs its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idf {
    /// `ln((1 + n) / (1 + df)) + 1`.
    Smooth,
    /// `ln(n / df) + 1`.
    Plain,
    /// Not at all.
    None,
}

/// The norm that a document's row is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// The sum of the absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
    /// None: the row is left as it is.
    None,
}

/// The settings of [`TfIdf`](super::TfIdf), as they were asked for.
///
/// The defaults are scikit-learn's `TfidfVectorizer()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorizerParams {
    /// The units of an n-gram. By default words.
    pub analyzer: Analyzer,
    /// The shortest and the longest n-gram, 1 to 16. By default 1 and 1.
    pub ngrams: (usize, usize),
    /// Whether the text is lower-cased. By default it is.
    pub lowercase: bool,
    /// Terms in fewer documents are dropped. By default a count of 1.
    pub min_df: DocumentFrequency,
    /// Terms in more documents are dropped. By default a share of 1.
    pub max_df: DocumentFrequency,
    /// The most columns, chosen by the terms' count in the corpus (documents with `binary`); of
    /// terms tied at the cut the first in term order are kept. By default there is no limit.
    pub max_features: Option<usize>,
    /// Whether a count enters as `1 + ln(count)`. By default it does not.
    pub sublinear: bool,
    /// Whether every count above 0 is taken as 1. By default it is not.
    pub binary: bool,
    /// The weight by document frequency. By default smooth.
    pub idf: Idf,
    /// The norm of a row. By default L2.
    pub norm: Norm,
    /// Words that are left out before n-grams are made; only for [`Analyzer::Word`]. By default
    /// none.
    pub stop_words: BTreeSet<String>,
    /// The terms, in the order of their columns, where they are not to be learned; the limits on
    /// document frequency and columns then don't apply. By default they are learned.
    pub vocabulary: Option<Vec<String>>,
    /// How many characters of a text are read. By default all.
    pub max_chars: Option<usize>,
}

impl Default for VectorizerParams {
    fn default() -> Self {
        VectorizerParams {
            analyzer: Analyzer::Word,
            ngrams: (1, 1),
            lowercase: true,
            min_df: DocumentFrequency::Count(1),
            max_df: DocumentFrequency::Share(1.0),
            max_features: None,
            sublinear: false,
            binary: false,
            idf: Idf::Smooth,
            norm: Norm::L2,
            stop_words: BTreeSet::new(),
            vocabulary: None,
            max_chars: None,
        }
    }
}

/// The longest n-gram that may be asked for.
const MAX_NGRAM: usize = 16;

pub(super) fn check_ngrams((min, max): (usize, usize)) -> Result<(), FeaturesError> {
    if min == 0 || min > max || max > MAX_NGRAM {
        return Err(FeaturesError::Parameter {
            name: "ngrams",
            value: format!("{min} to {max}"),
            expected: "a range within 1 to 16",
        });
    }
    Ok(())
}

pub(super) fn check_stop_words(
    words: &BTreeSet<String>,
    analyzer: Analyzer,
) -> Result<(), FeaturesError> {
    if !words.is_empty() && analyzer != Analyzer::Word {
        return Err(FeaturesError::Parameter {
            name: "stop_words",
            value: format!("{} words", words.len()),
            expected: "none with a character analyzer",
        });
    }
    Ok(())
}

impl VectorizerParams {
    /// Checks every parameter.
    ///
    /// # Errors
    /// [`FeaturesError::Parameter`] names the parameter, its value and what it may be.
    pub fn check(self) -> Result<ValidVectorizerParams, FeaturesError> {
        check_ngrams(self.ngrams)?;
        self.min_df.check("min_df")?;
        self.max_df.check("max_df")?;
        if self.max_features == Some(0) {
            return Err(FeaturesError::Parameter {
                name: "max_features",
                value: "0".to_owned(),
                expected: "at least 1, or no limit",
            });
        }
        check_stop_words(&self.stop_words, self.analyzer)?;
        if let Some(terms) = &self.vocabulary {
            let unique: BTreeSet<&String> = terms.iter().collect();
            if terms.is_empty() || unique.len() < terms.len() {
                return Err(FeaturesError::Parameter {
                    name: "vocabulary",
                    value: format!("{} terms, {} different", terms.len(), unique.len()),
                    expected: "at least one term and each only once",
                });
            }
        }
        Ok(ValidVectorizerParams(self))
    }
}

/// Settings that passed [`VectorizerParams::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct ValidVectorizerParams(pub(super) VectorizerParams);

impl ValidVectorizerParams {
    /// The settings.
    pub fn params(&self) -> &VectorizerParams {
        &self.0
    }
}
