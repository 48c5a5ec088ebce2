//! How a text's n-grams find their columns.

use std::{fmt, sync::Arc};

use daachorse::{DoubleArrayAhoCorasick, DoubleArrayAhoCorasickBuilder};

use super::{
    analyzer::{each_part, each_word, pad, squeezed},
    intern::NONE,
    memory::Memory,
    params::{Analyzer, VectorizerParams},
    terms::Terms,
};
use crate::FeaturesError;

/// The n-grams of a vocabulary, as texts are searched for them.
#[derive(Clone, Debug)]
pub(crate) enum Finder {
    /// Of words.
    Words(Arc<Terms>),
    /// Of characters.
    Chars(CharTerms),
}

impl Finder {
    /// Takes in `terms`; the column of a term is its place.
    pub(crate) fn new(
        terms: &[String],
        params: &VectorizerParams,
    ) -> Result<Finder, FeaturesError> {
        Ok(match params.analyzer {
            Analyzer::Word => Finder::Words(Terms::new(terms, params)?.into()),
            Analyzer::Char | Analyzer::CharWb => Finder::Chars(CharTerms::new(terms, params)?),
        })
    }

    /// Counts the n-grams of the vocabulary in a text, or in the part of it that is read.
    pub(crate) fn count(&self, text: &str, params: &VectorizerParams, memory: &mut Memory) {
        let Memory { counter, scratch, ids, words } = memory;
        let chars = match self {
            Finder::Words(terms) => {
                terms.read(text, params, scratch, ids);
                return terms.each_hit(ids, |column| counter.add(column, 1));
            }
            Finder::Chars(chars) => chars,
        };
        if params.analyzer == Analyzer::Char {
            let text = squeezed(text, params.lowercase);
            return chars.each_hit(text.as_bytes(), |column| counter.add(column, 1));
        }
        // No n-gram reaches across white space, and neither does the rule for the final sigma. So
        // each word is searched once, however often it stands there.
        each_part(text, |word| {
            // A text holds fewer words than can be numbered.
            if let Ok(id) = words.intern(word.as_bytes()) {
                *words.value_mut(id) += 1;
            }
        });
        for (id, &times) in (0..).zip(words.values()) {
            // A part between white space is text, as the whole is.
            let word = str::from_utf8(words.get(id)).unwrap_or_default();
            pad(word, params.lowercase, scratch);
            chars.each_hit(scratch, |column| counter.add(column, times));
        }
        words.clear();
    }
}

/// Calls `take` with the number of every word of a text, [`NONE`] for one that no term holds. Those
/// of `read`, which it begins with, are still in `memory` from [`Finder::count`].
pub(crate) fn each_word_again(
    text: &str,
    read: &str,
    terms: &Terms,
    params: &VectorizerParams,
    memory: &mut Memory,
    mut take: impl FnMut(u32),
) {
    let Memory { scratch, ids, .. } = memory;
    if read.len() == text.len() {
        return ids.iter().for_each(|&id| take(id));
    }
    // The last word may have been cut: from its start on the text is read anew. No word and no rule
    // for letters reaches across white space.
    let start = read.rfind(|c: char| c.is_ascii_whitespace()).unwrap_or(0);
    let mut cut_words = 0;
    each_word(&read[start..], params.lowercase, scratch, |_| cut_words += 1);
    ids[..ids.len() - cut_words].iter().for_each(|&id| take(id));
    each_word(&text[start..], params.lowercase, scratch, |word| {
        take(terms.token(word).unwrap_or(NONE));
    });
}

/// The n-grams of characters of a vocabulary, all of which are found in one pass over a text.
#[derive(Clone)]
pub(crate) struct CharTerms {
    /// `None` where no text can hold any.
    automaton: Option<DoubleArrayAhoCorasick<u32>>,
}

impl fmt::Debug for CharTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = self.automaton.as_ref().map(DoubleArrayAhoCorasick::num_states);
        f.debug_struct("CharTerms").field("states", &states).finish()
    }
}

/// The most patterns that the automaton holds.
const MOST_PATTERNS: usize = (1 << 24) - 1;

impl CharTerms {
    fn new(terms: &[String], params: &VectorizerParams) -> Result<CharTerms, FeaturesError> {
        let (min_n, max_n) = params.ngrams;
        let is_given = |term: &str| {
            let chars = term.chars().count();
            let is_gram = (min_n..=max_n).contains(&chars);
            // A padded word that is shorter than the shortest n-gram counts whole.
            let is_word = params.analyzer == Analyzer::CharWb
                && (3..min_n).contains(&chars)
                && term.starts_with(' ')
                && term.ends_with(' ');
            is_gram || is_word
        };
        let patterns: Vec<(&str, u32)> =
            terms.iter().map(String::as_str).zip(0..).filter(|(term, _)| is_given(term)).collect();
        if patterns.is_empty() {
            return Ok(CharTerms { automaton: None });
        }
        if patterns.len() > MOST_PATTERNS {
            return Err(FeaturesError::TooManyChars {
                found: patterns.len(),
                limit: MOST_PATTERNS,
            });
        }
        // Hardly a place in a text is without a hit, so that a filter before the search is in vain.
        let automaton = DoubleArrayAhoCorasickBuilder::new()
            .use_prefilter(false)
            .build_with_values(patterns)
            .map_err(|e| FeaturesError::Damaged(e.to_string()))?;
        Ok(CharTerms { automaton: Some(automaton) })
    }

    /// Calls `hit` with the column of every n-gram of the vocabulary in a text.
    #[inline]
    fn each_hit(&self, text: &[u8], mut hit: impl FnMut(u32)) {
        if let Some(automaton) = &self.automaton {
            automaton.find_overlapping_iter(text).for_each(|found| hit(found.value()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::vectorizer::{Idf, Norm, TfIdf, analyzer::is_python_space};

    /// The n-grams of a text by their definition in scikit-learn's `_char_ngrams` and
    /// `_char_wb_ngrams`.
    fn grams(text: &str, analyzer: Analyzer, (min_n, max_n): (usize, usize)) -> Vec<String> {
        let text = text.to_lowercase();
        let words: Vec<String> = match analyzer {
            Analyzer::Char => vec![squeezed(&text, false)],
            _ => text
                .split(is_python_space)
                .filter(|word| !word.is_empty())
                .map(|word| format!(" {word} "))
                .collect(),
        };
        let mut found = Vec::new();
        for word in words {
            let chars: Vec<char> = word.chars().collect();
            if analyzer == Analyzer::CharWb && chars.len() < min_n {
                found.push(word);
                continue;
            }
            let all = (min_n..=max_n).flat_map(|n| chars.windows(n));
            found.extend(all.map(|gram| gram.iter().collect::<String>()));
        }
        found
    }

    #[test]
    fn the_counts_are_those_of_the_definition() {
        let long = "ab".repeat(300);
        let texts = [
            "to be or not to be",
            "ΟΔΟΣ\u{1c}ΣΑΣ ΑΣ'Σ a\u{85}Σ\u{2028}Σ",
            "İstanbul STRASSE  ẞß\t\n é\u{301}é",
            &format!("{long} {long} x"),
            "",
            " \u{1f} ",
            "a b ab",
            "漢字 かな😀😀 a\0b",
        ];
        for analyzer in [Analyzer::CharWb, Analyzer::Char] {
            for ngrams in [(1, 2), (3, 5), (4, 4), (6, 9)] {
                let mut terms: Vec<String> =
                    texts.iter().flat_map(|text| grams(text, analyzer, ngrams)).collect();
                // What no analyzer gives, though the texts hold it.
                terms.extend(["a b", "  ", "b  a", " b ", "o b", " ", "ab"].map(str::to_owned));
                terms.sort();
                terms.dedup();
                let params = VectorizerParams {
                    analyzer,
                    ngrams,
                    vocabulary: Some(terms.clone()),
                    idf: Idf::None,
                    norm: Norm::None,
                    ..Default::default()
                };
                let vectorizer = TfIdf::new(params.check().unwrap());
                let (fitted, matrix) = vectorizer.fit_transform(texts).unwrap();
                for (at, text) in texts.iter().enumerate() {
                    let mut expected: BTreeMap<u32, f64> = BTreeMap::new();
                    for gram in grams(text, analyzer, ngrams) {
                        let column = terms.binary_search(&gram).unwrap() as u32;
                        *expected.entry(column).or_default() += 1.0;
                    }
                    let row = fitted.transform_one(text);
                    let found = row.columns.iter().copied().zip(row.values.iter().copied());
                    assert!(found.eq(expected), "{analyzer:?} {ngrams:?} {text:?}");
                    assert_eq!((&row.columns[..], &row.values[..]), matrix.row(at), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn words_that_were_read_are_not_read_again_and_none_is_lost() {
        let texts =
            ["one two, three ΟΔΟΣ two", "word", "onetwo\u{a0}three", "", "\n a", "ΑΣ bc ΑΣ"];
        let terms = ["one", "two", "three", "οδος", "ας"].map(str::to_owned).to_vec();
        for limit in 0..30 {
            let params = VectorizerParams {
                vocabulary: Some(terms.clone()),
                max_chars: Some(limit),
                ngrams: (1, 2),
                ..Default::default()
            };
            let (fitted, _) = TfIdf::new(params.check().unwrap()).fit_transform(["one"]).unwrap();
            let known = fitted.words().unwrap();
            for text in texts {
                let mut found = Vec::new();
                let mut row = Default::default();
                fitted.append_row_and_words(text, 0, &mut row, |id| found.push(id));
                let mut expected = Vec::new();
                each_word(text, true, &mut Vec::new(), |word| {
                    expected.push(known.token(word).unwrap_or(NONE));
                });
                assert_eq!(found, expected, "{text:?} to {limit}");
                assert_eq!(row, fitted.transform_one(text));
            }
        }
    }
}
