//! Memory that turns one text after another into its row.

use std::sync::{Mutex, PoisonError};

use super::{
    analyzer::{cut, is_python_space},
    intern::Interner,
    params::{Analyzer, VectorizerParams},
    rows::Counter,
    terms::Terms,
};

/// A word longer than this many bytes is not remembered: it hardly comes again.
const LONGEST_WORD: usize = 64;
/// All words are forgotten when their columns, or their letters, have become this many.
const MOST_REMEMBERED: usize = 1 << 21;

/// The memory that one thread needs for a text.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) counter: Counter,
    scratch: Vec<u8>,
    ids: Vec<u32>,
    words: WordColumns,
}

impl Memory {
    fn new(cols: usize) -> Memory {
        Memory {
            counter: Counter::new(cols),
            scratch: Vec::new(),
            ids: Vec::new(),
            words: WordColumns::new(),
        }
    }

    /// Counts a text's n-grams of the vocabulary.
    pub(crate) fn count(&mut self, text: &str, terms: &Terms, params: &VectorizerParams) {
        let Memory { counter, scratch, ids, words } = self;
        let text = cut(text, params.max_chars);
        let mut each = |part: &str, hit: &mut dyn FnMut(u32)| {
            terms.read(part, params, scratch, ids);
            terms.each_hit(ids, hit);
        };
        if params.analyzer != Analyzer::CharWb {
            return each(text, &mut |column| counter.add(column, 1));
        }
        // No n-gram reaches across white space, and neither does the rule for the final sigma.
        for word in text.split(is_python_space).filter(|word| !word.is_empty()) {
            if word.len() > LONGEST_WORD {
                each(word, &mut |column| counter.add(column, 1));
            } else if !words.count(word) {
                words.learn(word, |hit| each(word, hit));
                if words.is_full() {
                    words.drain(|column, times| counter.add(column, times));
                }
            }
        }
        words.drain(|column, times| counter.add(column, times));
    }
}

/// The columns that the n-grams of some words are in, and how often each word was met in a text.
#[derive(Debug)]
struct WordColumns {
    words: Interner<Known>,
    /// The columns of all words, one after the other, each as often as its n-gram is there.
    columns: Vec<u32>,
    /// The words that were met.
    met: Vec<u32>,
}

/// A word's columns, and how often it was met.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    start: u32,
    end: u32,
    times: u32,
}

impl WordColumns {
    fn new() -> WordColumns {
        WordColumns { words: Interner::new(), columns: Vec::new(), met: Vec::new() }
    }

    /// Counts a word that is known; false where it is not.
    #[inline]
    fn count(&mut self, word: &str) -> bool {
        let Some(id) = self.words.lookup(word.as_bytes()) else { return false };
        let known = self.words.value_mut(id);
        if known.times == 0 {
            self.met.push(id);
        }
        known.times = known.times.saturating_add(1);
        true
    }

    /// Takes in a word with the columns that `hits` names, and counts it.
    fn learn(&mut self, word: &str, hits: impl FnOnce(&mut dyn FnMut(u32))) {
        let start = self.columns.len() as u32;
        hits(&mut |column| self.columns.push(column));
        let end = self.columns.len() as u32;
        // There are fewer words than can be numbered, as `drain` forgets them before.
        if let Ok(id) = self.words.intern(word.as_bytes()) {
            *self.words.value_mut(id) = Known { start, end, times: 1 };
            self.met.push(id);
        }
    }

    /// Calls `take` with the columns of every word that was met; all counts are 0 afterwards.
    fn drain(&mut self, mut take: impl FnMut(u32, u32)) {
        for id in self.met.drain(..) {
            let known = self.words.value_mut(id);
            let Known { start, end, times } = *known;
            known.times = 0;
            self.columns[start as usize..end as usize]
                .iter()
                .for_each(|&column| take(column, times));
        }
        if self.is_full() {
            *self = WordColumns::new();
        }
    }

    fn is_full(&self) -> bool {
        self.columns.len().max(self.words.bytes()) > MOST_REMEMBERED
    }
}

/// Memories that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Memories(Mutex<Vec<Memory>>);

/// Memory is made anew where it is needed.
impl Clone for Memories {
    fn clone(&self) -> Memories {
        Memories::default()
    }
}

impl Memories {
    /// Calls `step` with a memory for so many columns, the same ones on every call.
    pub(crate) fn with<T>(&self, cols: usize, step: impl FnOnce(&mut Memory) -> T) -> T {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = lock().pop();
        let mut memory = spare.unwrap_or_else(|| Memory::new(cols));
        let done = step(&mut memory);
        lock().push(memory);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectorizer::TfIdf;

    fn params() -> VectorizerParams {
        let analyzer = Analyzer::CharWb;
        VectorizerParams { analyzer, ngrams: (3, 5), max_features: None, ..Default::default() }
    }

    /// The columns of a text and their counts, read whole or word by word.
    fn counts(memory: &mut Memory, step: impl FnOnce(&mut Memory)) -> Vec<(u32, u32)> {
        step(memory);
        let mut found = Vec::new();
        memory.counter.drain(|column, count| found.push((column, count)));
        found
    }

    #[test]
    fn words_give_what_the_whole_text_gives() {
        let long = "ab".repeat(LONGEST_WORD);
        let texts = [
            "to be or not to be",
            "ΟΔΟΣ\u{1c}ΣΑΣ ΑΣ'Σ a\u{85}Σ\u{2028}Σ",
            "İstanbul STRASSE  ẞß\t\n é\u{301}é",
            &format!("{long} {long} x"),
            "",
            " \u{1f} ",
            "a b ab",
        ];
        let (fitted, _) = TfIdf::new(params().check().unwrap()).fit_transform(texts).unwrap();
        let mut memory = Memory::new(fitted.cols());
        for text in texts.iter().chain(&texts) {
            let whole = counts(&mut memory, |memory| {
                fitted.terms().read(text, &params(), &mut memory.scratch, &mut memory.ids);
                fitted.terms().each_hit(&memory.ids, |column| memory.counter.add(column, 1));
            });
            let by_word =
                counts(&mut memory, |memory| memory.count(text, fitted.terms(), &params()));
            assert_eq!(by_word, whole, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_fills_no_memory_either() {
        let text: String = (0..40_000).map(|n| format!("{n:010}{n:010}{n:010}{n:010} ")).collect();
        let (fitted, matrix) =
            TfIdf::new(params().check().unwrap()).fit_transform([&text]).unwrap();
        let row = fitted.transform_one(&text);
        assert_eq!((&row.columns[..], &row.values[..]), matrix.row(0));
        fitted.memories().with(fitted.cols(), |memory| {
            // Words were forgotten on the way, and those after them are still known.
            assert!((1..40_000).contains(&memory.words.words.len()));
        });
    }

    #[test]
    fn words_are_forgotten_before_they_fill_the_memory() {
        let word = |number: usize| -> String {
            (0..10).map(|digit| char::from(b'a' + (number >> (2 * digit) & 3) as u8)).collect()
        };
        let every = (0..4_usize.pow(5)).map(word).collect::<Vec<_>>().join(" ");
        let (fitted, _) = TfIdf::new(params().check().unwrap()).fit_transform([every]).unwrap();
        let mut memory = Memory::new(fitted.cols());
        let (mut most, mut fell) = (0, false);
        for start in (0..4_usize.pow(9)).step_by(4096) {
            let text = (start..start + 4096).map(word).collect::<Vec<_>>().join(" ");
            counts(&mut memory, |memory| memory.count(&text, fitted.terms(), &params()));
            fell |= memory.words.columns.len() < most;
            most = most.max(memory.words.columns.len());
        }
        assert!(fell && most <= MOST_REMEMBERED, "{most}");
    }
}
