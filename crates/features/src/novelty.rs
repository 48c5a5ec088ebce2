//! Whether a text is like those that a model was trained on.
//!
//! A model gives a probability for anything: a recipe, a text in another language, an empty file.
//! Three measures of a text are taken against the words of the training rows: how long it is, how many
//! of its words the vocabulary lacks, and how many are among the commonest of the training rows, which
//! falls to nothing in another language. Their bounds are calibrated on the validation rows, which no
//! vocabulary was made from, so that a share of at most [`BEYOND`] of rows like these lies beyond each.

use std::sync::Arc;

use clawsig_schema::format::FormatVersion;
use serde::{Deserialize, Serialize};

use crate::{
    FittedFeatures, FittedTfIdf,
    vectorizer::{NONE, Terms, analyzer::each_word},
};

/// The share of rows like the validation rows that may lie beyond a bound, where there are enough of
/// them to say so: with fewer than 99 the bound is the most extreme of them.
pub const BEYOND: f64 = 0.01;
/// How many words of the training rows count as the commonest.
const COMMONEST: usize = 100;
/// Validation rows below which no bound is set.
const FEWEST_ROWS: usize = 20;

/// The format of `novelty.json`.
///
/// - 1.0: the first.
pub const NOVELTY_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// What is measured of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextMeasures {
    /// Its words, as the vectorizer reads them.
    pub words: u64,
    /// Those that are not in the vocabulary.
    pub unknown: u64,
    /// Those that are among the commonest of the training rows.
    pub common: u64,
}

impl TextMeasures {
    fn share(self, part: u64) -> f64 {
        if self.words == 0 { 0.0 } else { part as f64 / self.words as f64 }
    }
}

/// The single words of a fitted vocabulary.
#[derive(Clone, Debug)]
pub struct KnownWords {
    terms: Arc<Terms>,
    /// Whether each of their tokens is among the commonest words.
    common: Vec<bool>,
    lowercase: bool,
}

impl KnownWords {
    /// The words of fitted features; `None` where their text is not read by single words.
    pub fn of(fitted: &FittedFeatures) -> Option<KnownWords> {
        let text = fitted.text()?;
        let terms = text.words().filter(|_| text.params().ngrams.0 == 1)?;
        let frequencies = text.vocabulary().iter().zip(text.document_frequency());
        let mut singles: Vec<(&String, &u64)> =
            frequencies.filter(|(term, _)| !term.contains(' ')).collect();
        singles.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let mut common = vec![false; terms.tokens()];
        for (term, _) in singles.into_iter().take(COMMONEST) {
            if let Some(token) = terms.token(term.as_bytes()) {
                common[token as usize] = true;
            }
        }
        Some(KnownWords { terms: terms.clone(), common, lowercase: text.params().lowercase })
    }

    /// Measures a whole text, whatever part of it a model reads.
    pub fn measure(&self, text: &str) -> TextMeasures {
        let (mut found, mut scratch) = (TextMeasures::default(), Vec::new());
        each_word(text, self.lowercase, &mut scratch, |word| {
            self.note(self.terms.token(word).unwrap_or(NONE), &mut found);
        });
        found
    }

    /// Takes a word into a text's measures by its number among the tokens.
    #[inline]
    pub(crate) fn note(&self, word: u32, found: &mut TextMeasures) {
        let is_known = self.terms.is_term(word);
        found.words += 1;
        found.unknown += u64::from(!is_known);
        found.common += u64::from(is_known && self.common[word as usize]);
    }

    /// Whether a vectorizer reads every word of a text and gives it the number that holds here.
    pub(crate) fn are_of(&self, text: &FittedTfIdf) -> bool {
        text.all_words().is_some_and(|terms| Arc::ptr_eq(terms, &self.terms))
    }
}

/// `novelty.json`: the bounds, and how they were set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Novelty {
    /// The format.
    pub format: FormatVersion,
    /// The validation rows with words, on which the bounds were calibrated.
    pub validation_rows: u64,
    /// The bounds; `None` with the reason in `undefined`.
    pub bounds: Option<NoveltyBounds>,
    /// Why there are no bounds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undefined: Option<String>,
    /// Test rows.
    pub test_rows: u64,
    /// Test rows that are unlike the training rows by these bounds.
    pub test_unlike: u64,
}

/// A text beyond any of these is unlike the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoveltyBounds {
    /// The fewest words.
    pub least_words: f64,
    /// The most words.
    pub most_words: f64,
    /// The greatest share of words that are not in the vocabulary.
    pub most_unknown: f64,
    /// The least share of words that are among the commonest of the training rows.
    pub least_common: f64,
}

impl Novelty {
    /// Sets the bounds on validation rows and counts the test rows beyond them. `None` stands for
    /// texts that are not read by single words.
    pub(crate) fn calibrate(
        validation: Option<&[TextMeasures]>,
        test: Option<&[TextMeasures]>,
    ) -> Novelty {
        let rows: Vec<TextMeasures> =
            validation.unwrap_or_default().iter().copied().filter(|row| row.words > 0).collect();
        let undefined = match (validation, rows.len()) {
            (None, _) => Some("the features hold no single words".to_owned()),
            (_, found) if found < FEWEST_ROWS => Some(format!(
                "{found} validation rows have words, and the bounds take {FEWEST_ROWS}"
            )),
            _ => None,
        };
        let mut novelty = Novelty {
            format: NOVELTY_FORMAT,
            validation_rows: rows.len() as u64,
            bounds: undefined.is_none().then(|| bounds(&rows)),
            undefined,
            test_rows: test.map_or(0, <[_]>::len) as u64,
            test_unlike: 0,
        };
        let unlike = |row: &&TextMeasures| !novelty.reasons(Some(**row)).is_empty();
        novelty.test_unlike = test.unwrap_or_default().iter().filter(unlike).count() as u64;
        novelty
    }

    /// Why a text is unlike the training rows, in words; empty where it is not, or where nothing
    /// was measured.
    pub fn reasons(&self, measures: Option<TextMeasures>) -> Vec<String> {
        let Some(found) = measures else { return Vec::new() };
        if found.words == 0 {
            return vec!["it holds no word".to_owned()];
        }
        let Some(bounds) = self.bounds else { return Vec::new() };
        let rows = self.validation_rows;
        let mut reasons = Vec::new();
        let words = found.words as f64;
        if words < bounds.least_words {
            reasons.push(format!(
                "{} words (validation rows: {} or more)",
                found.words, bounds.least_words
            ));
        }
        if words > bounds.most_words {
            reasons.push(format!(
                "{} words (validation rows: up to {})",
                found.words, bounds.most_words
            ));
        }
        let unknown = found.share(found.unknown);
        if unknown > bounds.most_unknown {
            reasons.push(format!(
                "{:.0} % of its words are unknown to the model (of {rows} validation rows 99 % have up \
                 to {:.0} %)",
                100.0 * unknown,
                100.0 * bounds.most_unknown
            ));
        }
        let common = found.share(found.common);
        if common < bounds.least_common {
            reasons.push(format!(
                "{:.0} % of its words are among the {COMMONEST} commonest of the training rows (of {rows} \
                 validation rows 99 % have {:.0} % or more): another language, or no prose",
                100.0 * common,
                100.0 * bounds.least_common
            ));
        }
        reasons
    }
}

fn bounds(rows: &[TextMeasures]) -> NoveltyBounds {
    let sorted = |measure: &dyn Fn(&TextMeasures) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(measure).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    // Of n rows and one like them, each is as likely as any other to be the most extreme, so that
    // the new one lies beyond the (k + 1)-th most extreme with a probability of (k + 1) / (n + 1).
    let beyond = ((BEYOND * (rows.len() + 1) as f64).floor() as usize).saturating_sub(1);
    let low = |values: &[f64]| values[beyond];
    let high = |values: &[f64]| values[values.len() - 1 - beyond];
    let words = sorted(&|row| row.words as f64);
    NoveltyBounds {
        least_words: low(&words),
        most_words: high(&words),
        most_unknown: high(&sorted(&|row| row.share(row.unknown))),
        least_common: low(&sorted(&|row| row.share(row.common))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(words: u64, unknown: u64, common: u64) -> TextMeasures {
        TextMeasures { words, unknown, common }
    }

    #[test]
    fn at_most_one_in_a_hundred_lies_beyond_each_bound() {
        for n in [20_u64, 99, 100, 199, 1000, 1001] {
            let rows: Vec<TextMeasures> = (1..=n).map(|i| row(1000 + i, i % 400, i)).collect();
            let novelty = Novelty::calibrate(Some(&rows), Some(&rows));
            let bounds = novelty.bounds.unwrap();
            let below = rows.iter().filter(|row| (row.words as f64) < bounds.least_words).count();
            let above = rows.iter().filter(|row| (row.words as f64) > bounds.most_words).count();
            assert_eq!((below, novelty.validation_rows), (above, n));
            let expected = ((n + 1) as f64 * BEYOND) as usize;
            assert_eq!(above, expected.saturating_sub(1), "{n}");
            let share = novelty.test_unlike as f64 / n as f64;
            assert!(share <= 4.0 * BEYOND, "four bounds: {share}");
        }
    }

    #[test]
    fn reasons_name_what_was_found_and_what_is_usual() {
        let rows: Vec<TextMeasures> = (1..=30).map(|i| row(100 + i, 10, 40)).collect();
        let novelty = Novelty::calibrate(Some(&rows), None);
        assert!(novelty.reasons(Some(row(110, 10, 40))).is_empty());
        assert!(novelty.reasons(None).is_empty());
        assert_eq!(novelty.reasons(Some(row(0, 0, 0))), ["it holds no word"]);
        let said = novelty.reasons(Some(row(20, 19, 0))).join("; ");
        for part in ["20 words (validation rows: 101 or more)", "95 % of its words", "0 % of its"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn without_enough_rows_only_a_text_without_words_is_unlike() {
        let few = Novelty::calibrate(Some(&[row(5, 1, 1); 3]), None);
        assert!(few.undefined.as_deref().is_some_and(|why| why.starts_with("3 validation rows")));
        assert!(few.reasons(Some(row(900_000, 900_000, 0))).is_empty());
        assert_eq!(few.reasons(Some(row(0, 0, 0))).len(), 1);
        let none = Novelty::calibrate(None, None);
        assert!(none.undefined.is_some());
    }
}
