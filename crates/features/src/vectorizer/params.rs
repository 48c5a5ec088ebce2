//! The settings of the vectorizer.

use std::{collections::BTreeSet, ffi::OsStr};

use clawsig_schema::settings::{Is, Need, Params as _, Setting, SettingError, Value};
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

clawsig_schema::choices!(Analyzer, "analyzer",
    Word => "word", Char => "char", CharWb => "char_wb");

impl DocumentFrequency {
    /// The limit in documents, not rounded.
    pub fn of(self, documents: u64) -> f64 {
        match self {
            DocumentFrequency::Count(count) => count as f64,
            DocumentFrequency::Share(share) => share * documents as f64,
        }
    }

    /// The limit, if it is one.
    fn checked(self) -> Option<DocumentFrequency> {
        match self {
            DocumentFrequency::Count(0) => None,
            DocumentFrequency::Share(share) if !(0.0..=1.0).contains(&share) => None,
            sound => Some(sound),
        }
    }
}

/// A whole number counts documents and a fraction is a share of them, as in scikit-learn.
impl Setting for DocumentFrequency {
    fn kind() -> String {
        "a number of documents from 1, for example 3, or a share of them from 0.0 to 1.0, for \
         example 0.5"
            .to_owned()
    }

    fn parse(text: &OsStr) -> Option<DocumentFrequency> {
        let value = match u64::parse(text) {
            Some(count) => count.to_value(),
            None => f64::parse(text)?.to_value(),
        };
        DocumentFrequency::from_value(&value)
    }

    fn from_value(value: &Value) -> Option<DocumentFrequency> {
        let limit = match value {
            Value::Whole(_) => DocumentFrequency::Count(u64::from_value(value)?),
            other => DocumentFrequency::Share(f64::from_value(other)?),
        };
        limit.checked()
    }

    fn to_value(&self) -> Value {
        match self {
            DocumentFrequency::Count(count) => count.to_value(),
            DocumentFrequency::Share(share) => share.to_value(),
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

/// Where the vectorizer's keys act.
const WITH_TEXT: Need = Need::new("features.groups", Is::Has(&["text"]));

clawsig_schema::params! {
    /// The settings of [`TfIdf`](super::TfIdf), as they were asked for.
    ///
    /// The defaults are scikit-learn's `TfidfVectorizer()`.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct VectorizerParams {
        keys {
            /// The characters of a document that the vectorizer reads, from its beginning.
            "text.max_chars" max_chars: Option<usize> = None,
                zero("the whole text"), needs(WITH_TEXT);
            /// The most columns, chosen by the terms' count in the corpus (documents with
            /// `binary`); of terms tied at the cut the first in term order are kept.
            "tfidf.max_features" max_features: Option<usize> = None,
                zero("no limit"), needs(WITH_TEXT);
            /// The units of an n-gram: words (`word`), characters (`char`), or characters within words
            /// that have a blank on both sides (`char_wb`).
            "tfidf.analyzer" analyzer: Analyzer = Analyzer::Word, needs(WITH_TEXT);
            /// The shortest and the longest n-gram.
            "tfidf.ngrams" ngrams: (usize, usize) = (1, 1), range(1, MAX_NGRAM), needs(WITH_TEXT);
            /// Terms in fewer documents are dropped.
            "tfidf.min_df" min_df: DocumentFrequency = DocumentFrequency::Count(1),
                needs(WITH_TEXT);
            /// Terms in more documents are dropped.
            "tfidf.max_df" max_df: DocumentFrequency = DocumentFrequency::Share(1.0),
                needs(WITH_TEXT);
            /// Whether a count enters as `1 + ln(count)`.
            "tfidf.sublinear" sublinear: bool = false, needs(WITH_TEXT);
        }
        plain {
            /// Whether the text is lower-cased. By default it is.
            lowercase: bool = true;
            /// Whether every count above 0 is taken as 1. By default it is not.
            binary: bool = false;
            /// The weight by document frequency. By default smooth.
            idf: Idf = Idf::Smooth;
            /// The norm of a row. By default L2.
            norm: Norm = Norm::L2;
            /// Words that are left out before n-grams are made; only for [`Analyzer::Word`]. By
            /// default none.
            stop_words: BTreeSet<String> = BTreeSet::new();
            /// The terms, in the order of their columns, where they are not to be learned; the
            /// limits on document frequency and columns then don't apply. By default they are
            /// learned.
            vocabulary: Option<Vec<String>> = None;
        }
    }
}

/// Where the keys of the second view act.
const WITH_CHARS: Need = Need::new("features.groups", Is::Has(&["chars"]));

clawsig_schema::params! {
    /// The settings of the second view of the text, the group `chars`. What is not here is as in
    /// [`VectorizerParams::default`].
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CharsParams {
        keys {
            /// The characters of a document that the view reads, from its beginning.
            "chars.max_chars" max_chars: Option<usize> = None,
                zero("the whole text"), needs(WITH_CHARS);
            /// The most columns of the view, chosen as for `tfidf.max_features`.
            "chars.max_features" max_features: Option<usize> = Some(50_000),
                zero("no limit"), needs(WITH_CHARS);
            /// The units of an n-gram, as for `tfidf.analyzer`.
            "chars.analyzer" analyzer: Analyzer = Analyzer::CharWb, needs(WITH_CHARS);
            /// The shortest and the longest n-gram.
            "chars.ngrams" ngrams: (usize, usize) = (3, 5), range(1, MAX_NGRAM), needs(WITH_CHARS);
            /// Terms in fewer documents are dropped.
            "chars.min_df" min_df: DocumentFrequency = DocumentFrequency::Count(3),
                needs(WITH_CHARS);
            /// Terms in more documents are dropped.
            "chars.max_df" max_df: DocumentFrequency = DocumentFrequency::Share(1.0),
                needs(WITH_CHARS);
            /// Whether a count enters as `1 + ln(count)`.
            "chars.sublinear" sublinear: bool = true, needs(WITH_CHARS);
        }
    }
}

impl CharsParams {
    /// Checks every parameter.
    ///
    /// # Errors
    /// As [`VectorizerParams::check`].
    pub fn check(&self) -> Result<ValidVectorizerParams, FeaturesError> {
        self.check_ranges()?;
        check_ngrams("chars.ngrams", self.ngrams)?;
        check_limits(
            [("chars.min_df", self.min_df), ("chars.max_df", self.max_df)],
            ("chars.max_features", self.max_features),
        )?;
        VectorizerParams {
            max_chars: self.max_chars,
            max_features: self.max_features,
            analyzer: self.analyzer,
            ngrams: self.ngrams,
            min_df: self.min_df,
            max_df: self.max_df,
            sublinear: self.sublinear,
            ..VectorizerParams::default()
        }
        .check()
    }
}

/// The longest n-gram that may be asked for.
const MAX_NGRAM: usize = 16;

/// Checks the limits of one view of the text, each with its key.
fn check_limits(
    frequencies: [(&'static str, DocumentFrequency); 2],
    (key, max_features): (&'static str, Option<usize>),
) -> Result<(), SettingError> {
    if let Some((key, limit)) = frequencies.into_iter().find(|(_, f)| f.checked().is_none()) {
        return Err(SettingError::new(
            key,
            limit.to_value().to_string(),
            DocumentFrequency::kind(),
        ));
    }
    match max_features {
        Some(0) => Err(SettingError::new(key, "Some(0)", "at least 1, or None for no limit")),
        _ => Ok(()),
    }
}

pub(super) fn check_ngrams(
    name: &'static str,
    (min, max): (usize, usize),
) -> Result<(), FeaturesError> {
    if min == 0 || min > max || max > MAX_NGRAM {
        return Err(FeaturesError::Parameter {
            name,
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
    /// [`FeaturesError::Setting`] or, for what is no setting, [`FeaturesError::Parameter`].
    pub fn check(self) -> Result<ValidVectorizerParams, FeaturesError> {
        self.check_ranges()?;
        check_ngrams("tfidf.ngrams", self.ngrams)?;
        check_limits(
            [("tfidf.min_df", self.min_df), ("tfidf.max_df", self.max_df)],
            ("tfidf.max_features", self.max_features),
        )?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_view_is_read_as_its_settings_say() {
        let chars = CharsParams {
            max_chars: Some(5),
            max_features: Some(9),
            analyzer: Analyzer::Char,
            ngrams: (2, 4),
            min_df: DocumentFrequency::Count(7),
            max_df: DocumentFrequency::Share(0.5),
            sublinear: false,
        };
        let expected = VectorizerParams {
            max_chars: Some(5),
            max_features: Some(9),
            analyzer: Analyzer::Char,
            ngrams: (2, 4),
            min_df: DocumentFrequency::Count(7),
            max_df: DocumentFrequency::Share(0.5),
            ..VectorizerParams::default()
        };
        assert_eq!(*chars.check().unwrap().params(), expected);
        let damped = CharsParams { sublinear: true, ..chars };
        assert!(damped.check().unwrap().params().sublinear);
    }
}
