//! From text to tokens, as scikit-learn under Python does it.
//!
//! Lower-casing is `str.lower`: full Unicode mappings, the final sigma by its context. A word is
//! a maximal run of at least two word characters, where a word character is what Python's `\w`
//! matches: `str.isalnum()` or an underscore, which is `[\p{L}\p{N}_]`. White space is
//! `str.isspace()`: Unicode's `White_Space` and U+001C to U+001F.
#![doc = "\n"]
#![doc = include_str!("../../UNICODE.md")]

use std::{borrow::Cow, sync::LazyLock};

use regex_syntax::hir::{Class, HirKind};

use super::params::Analyzer;

/// One bit for every code point: is it a word character?
static WORD_BITS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut bits = vec![0_u64; 0x11_0000 / 64];
    let class = regex_syntax::parse(r"[\p{L}\p{N}_]");
    if let Ok(HirKind::Class(Class::Unicode(class))) = class.as_ref().map(|hir| hir.kind()) {
        for range in class.ranges() {
            for code in range.start() as usize..=range.end() as usize {
                bits[code / 64] |= 1 << (code % 64);
            }
        }
    }
    bits
});

/// Whether Python's `\w` matches the character, by Unicode 16.0.
pub fn is_word_char(c: char) -> bool {
    let code = c as usize;
    WORD_BITS[code / 64] >> (code % 64) & 1 == 1
}

/// Whether Python's `\s` matches the character.
pub fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The first `limit` characters of a text.
pub(crate) fn cut(text: &str, limit: Option<usize>) -> &str {
    match limit {
        // A character takes at least one byte, so a short text needs no count.
        Some(limit) if text.len() > limit => {
            text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
        }
        _ => text,
    }
}

/// Eight bytes of a text, the first one lowest. Each question is answered in the highest bit of each byte.
#[derive(Clone, Copy)]
struct Eight(u64);

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const HIGHEST: u64 = each(0x80);

impl Eight {
    /// Those from a place on, zeros where there are fewer.
    #[inline]
    fn at(bytes: &[u8], place: usize) -> Eight {
        let rest = &bytes[place..];
        let eight = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            eight
        });
        Eight(u64::from_le_bytes(eight))
    }

    /// Is it beyond ASCII?
    fn beyond(self) -> u64 {
        self.0 & HIGHEST
    }

    /// Is it at least `least`, both taken as ASCII? No sum of two such carries into the next byte.
    fn at_least(bytes: u64, least: u8) -> u64 {
        (bytes & !HIGHEST) + each(0x80 - least)
    }

    /// Is it between `first` and `last`, all taken as ASCII?
    fn between(bytes: u64, first: u8, last: u8) -> u64 {
        Eight::at_least(bytes, first) & !Eight::at_least(bytes, last + 1)
    }

    /// Is it an ASCII letter of either case?
    fn letters(self) -> u64 {
        Eight::between(self.0 | each(0x20), b'a', b'z') & !self.0 & HIGHEST
    }

    /// Is it an ASCII word character?
    #[inline]
    fn words(self) -> u64 {
        let digits = Eight::between(self.0, b'0', b'9');
        let underscores = Eight::between(self.0, b'_', b'_');
        self.letters() | (digits | underscores) & !self.0 & HIGHEST
    }

    /// Is it an ASCII capital?
    #[inline]
    fn capitals(self) -> u64 {
        // Bit 5 tells the cases of a letter apart.
        self.letters() & !(self.0 << 2)
    }
}

/// The place of the first of eight bytes for which the answer is yes; 8 if there is none.
#[inline]
fn first(answers: u64) -> usize {
    answers.trailing_zeros() as usize / 8
}

/// The first place from `at` on where a word may begin: an ASCII word character or one beyond ASCII.
/// It is past the end where there is none.
#[inline]
fn word_start(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        let eight = Eight::at(bytes, at);
        let step = first(eight.words() | eight.beyond());
        at += step;
        if step < 8 {
            break;
        }
    }
    at
}

/// The end of the ASCII word characters that begin at `at`, and whether there is a capital among them.
#[inline]
fn word_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut capitals = 0;
    while at < bytes.len() {
        let eight = Eight::at(bytes, at);
        let others = eight.words() ^ HIGHEST;
        // Those below the first other one.
        capitals |= eight.capitals() & !others & others.wrapping_sub(1);
        let step = first(others);
        at += step;
        if step < 8 {
            break;
        }
    }
    (at, capitals != 0)
}

/// Whether a byte is ASCII and no white space.
static SOLID: [bool; 256] = {
    let mut solid = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        solid[byte as usize] = !matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ');
        byte += 1;
    }
    solid
};

/// Calls `emit` with the UTF-8 of every word of the text, in order.
///
/// `word` is scratch space. No word allocates.
pub(crate) fn each_word(
    text: &str,
    lowercase: bool,
    word: &mut Vec<u8>,
    mut emit: impl FnMut(&[u8]),
) {
    // The small sigma's form depends on the letters around it: only then the whole text is
    // lower-cased at once.
    let (text, lowercase): (Cow<'_, str>, bool) = if lowercase && text.contains('Σ') {
        (text.to_lowercase().into(), false)
    } else {
        (text.into(), lowercase)
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let start = word_start(bytes, at);
        if start >= bytes.len() {
            return;
        }
        let capital;
        (at, capital) = word_end(bytes, start);
        let run = &bytes[start..at];
        let lower = lowercase && capital;
        if bytes.get(at).is_none_or(u8::is_ascii) {
            // Nearly all words are ASCII, and lower case already: they are slices of the text.
            if run.len() > 1 && !lower {
                emit(run);
            } else if run.len() > 1 {
                word.clear();
                word.extend(run.iter().map(u8::to_ascii_lowercase));
                emit(word);
            }
            at += 1;
            continue;
        }
        word.clear();
        word.extend_from_slice(run);
        if lower {
            word.make_ascii_lowercase();
        }
        at += rest_of_word(&text[at..], run.len(), lowercase, word, &mut emit);
    }
}

/// Reads on from a character beyond ASCII until a word ends; `word` holds what came before, which
/// is `chars` characters. Returns the number of bytes read.
fn rest_of_word(
    text: &str,
    mut chars: usize,
    lowercase: bool,
    word: &mut Vec<u8>,
    emit: &mut impl FnMut(&[u8]),
) -> usize {
    let mut read = 0;
    for c in text.chars() {
        read += c.len_utf8();
        let mut step = |c: char| {
            if is_word_char(c) {
                push(c, word);
                chars += 1;
                return;
            }
            if chars > 1 {
                emit(word);
            }
            word.clear();
            chars = 0;
        };
        // A character may become several, and a word end and another begin between them.
        if lowercase {
            c.to_lowercase().for_each(&mut step);
        } else {
            step(c);
        }
        if chars == 0 {
            return read;
        }
    }
    if chars > 1 {
        emit(word);
    }
    read
}

/// The text as the character analyzers read it: lower-cased if asked for, every run of two or
/// more white space characters one blank.
pub(crate) fn squeezed(text: &str, lowercase: bool) -> String {
    let lowered: Cow<'_, str> = if lowercase { text.to_lowercase().into() } else { text.into() };
    let mut squeezed = String::with_capacity(lowered.len());
    let mut chars = lowered.chars().peekable();
    while let Some(c) = chars.next() {
        if !is_python_space(c) {
            squeezed.push(c);
            continue;
        }
        let mut run = 1;
        while chars.next_if(|&next| is_python_space(next)).is_some() {
            run += 1;
        }
        squeezed.push(if run == 1 { c } else { ' ' });
    }
    squeezed
}

/// Calls `take` with every part of a text that stands between white space.
pub(crate) fn each_part<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    let (mut at, mut start) = (0, None);
    while let Some(&byte) = text.as_bytes().get(at) {
        if SOLID[byte as usize] {
            start.get_or_insert(at);
            at += 1;
            continue;
        }
        let c = text[at..].chars().next().unwrap_or_default();
        if !is_python_space(c) {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            take(&text[start..at]);
        }
        at += c.len_utf8();
    }
    if let Some(start) = start {
        take(&text[start..]);
    }
}

/// Writes a word with a blank on both sides to `padded`, lower-cased if asked for.
pub(crate) fn pad(word: &str, lowercase: bool, padded: &mut Vec<u8>) {
    padded.clear();
    padded.push(b' ');
    if lowercase && !word.is_ascii() {
        padded.extend_from_slice(word.to_lowercase().as_bytes());
    } else {
        padded.extend_from_slice(word.as_bytes());
        if lowercase {
            padded.make_ascii_lowercase();
        }
    }
    padded.push(b' ');
}

fn push(c: char, to: &mut Vec<u8>) {
    to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A token, or an end that no n-gram reaches across.
pub(crate) enum Token<'a> {
    /// A word or a character.
    Gram(&'a [u8]),
    /// A padded word that is shorter than the shortest n-gram: it counts once, whole.
    Whole(&'a [u8]),
    /// The end of a padded word.
    Break,
}

/// Calls `emit` with the tokens that the n-grams of a text are made of.
pub(crate) fn each_token(
    text: &str,
    analyzer: Analyzer,
    lowercase: bool,
    min_n: usize,
    scratch: &mut Vec<u8>,
    mut emit: impl FnMut(Token<'_>),
) {
    match analyzer {
        Analyzer::Word => each_word(text, lowercase, scratch, |word| emit(Token::Gram(word))),
        Analyzer::Char => {
            for c in squeezed(text, lowercase).chars() {
                emit(Token::Gram(c.encode_utf8(&mut [0; 4]).as_bytes()));
            }
        }
        Analyzer::CharWb => {
            let text = if lowercase { text.to_lowercase() } else { text.to_owned() };
            each_part(&text, |word| {
                if word.chars().count() + 2 < min_n {
                    pad(word, false, scratch);
                    emit(Token::Whole(scratch));
                } else {
                    emit(Token::Gram(b" "));
                    for c in word.chars() {
                        emit(Token::Gram(c.encode_utf8(&mut [0; 4]).as_bytes()));
                    }
                    emit(Token::Gram(b" "));
                }
                emit(Token::Break);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        each_word(text, true, &mut Vec::new(), |word| {
            found.push(String::from_utf8(word.to_vec()).unwrap());
        });
        found
    }

    #[test]
    fn words_are_pythons() {
        assert_eq!(words("a bc D_1 é1 x"), ["bc", "d_1", "é1"]);
        // The capital dotted i becomes an i and a mark, and a mark is in no word.
        assert_eq!(words("İstanbul STRASSE Straße ẞß"), ["stanbul", "strasse", "straße", "ßß"]);
        assert_eq!(words("ΟΔΟΣ ΣΑΣ"), ["οδος", "σας"]);
        // A combining mark, a zero-width joiner and a circled letter end a word; a superscript
        // digit and a Roman numeral do not.
        assert_eq!(words("cafe\u{301}s ab\u{200d}cd ⓐⓑ x²Ⅷ"), ["cafe", "ab", "cd", "x²ⅷ"]);
        assert_eq!(words("漢字 かな 😀😀 __ 12"), ["漢字", "かな", "__", "12"]);
        assert!(words("").is_empty() && words(" \u{2028} a").is_empty());
    }

    #[test]
    fn every_byte_is_seen_at_every_place() {
        for byte in 0..=127_u8 {
            let c = char::from(byte);
            for before in 0..20 {
                // The byte between two words that have a place for each of the eight.
                let text = format!("{}{c}zz {}é{c}{c}", "a".repeat(before), "Q".repeat(before));
                let lower = text.to_lowercase();
                let mut runs: Vec<&str> = lower.split(|c| !is_word_char(c)).collect();
                runs.retain(|run| run.chars().count() > 1);
                assert_eq!(words(&text), runs, "{text:?}");
            }
        }
    }

    #[test]
    fn parts_stand_between_white_space() {
        let parts = |text| {
            let mut found = Vec::new();
            each_part(text, |part| found.push(part));
            found
        };
        assert_eq!(parts("To b\u{1c}\u{a0} É\u{2028}éa"), ["To", "b", "É", "éa"]);
        assert_eq!(parts(" \ta漢 \n"), ["a漢"]);
        assert!(parts("").is_empty() && parts(" \u{85}\u{3000}").is_empty());
    }

    #[test]
    fn a_word_is_padded_and_lower_cased() {
        let padded = |word, lowercase| {
            let mut found = b"before".to_vec();
            pad(word, lowercase, &mut found);
            String::from_utf8(found).unwrap()
        };
        assert_eq!((padded("To", true), padded("To", false)), (" to ".into(), " To ".into()));
        assert_eq!((padded("ΣΑΣ", true), padded("ΣΑΣ", false)), (" σας ".into(), " ΣΑΣ ".into()));
    }

    #[test]
    fn the_table_of_solid_bytes_is_that_of_white_space() {
        for byte in 0..=127_u8 {
            assert_eq!(SOLID[byte as usize], !is_python_space(char::from(byte)), "{byte}");
        }
        assert!(!SOLID[128..].iter().any(|&solid| solid));
    }

    #[test]
    fn the_cut_counts_characters() {
        assert_eq!(cut("äöü", Some(2)), "äö");
        assert_eq!(cut("äöü", Some(3)), "äöü");
        assert_eq!(cut("abc", Some(0)), "");
        assert_eq!(cut("abc", None), "abc");
    }

    #[test]
    fn runs_of_white_space_shrink_and_single_ones_stay() {
        assert_eq!(squeezed("A\tb \n c\u{1c}\u{1d}d", true), "a\tb c d");
    }
}
