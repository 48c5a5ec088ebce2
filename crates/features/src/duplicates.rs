//! Near-duplicates: which documents are copies of which, however slightly changed.
//!
//! A document's words (lower-cased, as the vectorizer reads them) are cut into overlapping shingles
//! of [`SHINGLE`] words. Two documents are similar if the Jaccard similarity of their sets of
//! shingles is at least [`SIMILARITY`], or if their words are the same; a document of fewer words
//! than a shingle has only the latter, and one without words is like no other. A group is what
//! similar documents connect: two of its members may be similar through others alone.
//!
//! No similarity is estimated: words are compared with words. A sketch of each document only says
//! which pairs to compare. It holds [`BINS`] minimal hashes of the shingles, by fast similarity
//! sketching (Dahlgaard, Knudsen, Thorup 2017), whose bins agree with the probability that is the
//! similarity, for small sets too. Pairs that agree in one of [`BANDS`] bands of [`BAND`] bins are
//! compared: with probability `1 - (1 - s^6)^21` at a similarity of `s`, 0.998 at 0.8 and 0.99999 at
//! 0.9. All hashes are fixed, so groups are the same on every machine; a text that is made to have
//! another's hashes costs one comparison and is found to differ.
//!
//! So every text is read twice where it may be a copy, but none is held. [`groups`] does both for
//! texts in memory:
//!
//! ```
//! use clawsig_features::duplicates::groups;
//!
//! let texts = ["Reads your mail, and nothing else.", "Another.", "READS your mail and nothing else"];
//! assert_eq!(groups(&texts)?, [0, 1, 0]);
//! # Ok::<(), clawsig_features::FeaturesError>(())
//! ```

use std::collections::HashMap;

use hashbrown::HashTable;
use rayon::prelude::*;

use crate::{
    FeaturesError,
    vectorizer::{
        TokenReader, VectorizerParams, analyzer::each_word, digest, hash_key, process_seed,
    },
};

/// Words in a shingle.
pub const SHINGLE: usize = 5;
/// The Jaccard similarity of their shingles from which two documents are near-duplicates.
pub const SIMILARITY: f64 = 0.8;
/// Bins of a sketch.
pub const BINS: usize = BANDS * BAND;
/// Bands of a sketch.
pub const BANDS: usize = 21;
/// Bins that make a band.
pub const BAND: usize = 6;
/// Earlier members of a bucket that a document is compared with: all of a small bucket, the
/// nearest of a large one, whose members are connected through one another.
const COMPARED: usize = 32;
/// Bins in which a pair has to agree to be compared: at a similarity of 0.8 fewer agree with a
/// probability below 1e-7, and most chance meetings in a band have far fewer.
const AGREEING: usize = BINS * 6 / 10;

/// The part of a document that is kept to say with which others it has to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sketch {
    /// A hash of its words, in order.
    words: u64,
    /// The least shingle hash of each bin; `None` for fewer than [`SHINGLE`] words.
    bins: Option<Box<[u32; BINS]>>,
}

fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^ hash >> 32
}

fn hash_word(bytes: &[u8]) -> u64 {
    let (first, last) = digest(bytes);
    mix(mix(first ^ bytes.len() as u64) ^ last)
}

/// The base of the rolling hash, and its power by which a word leaves the window.
const BASE: u64 = 0xD6E8_FEB8_6659_FD93;
const LEAVING: u64 = BASE.wrapping_pow(SHINGLE as u32);

impl Sketch {
    /// The sketch of a text; `None` for a text without words. `word` and `shingles` are scratch
    /// space.
    fn of(text: &str, word: &mut Vec<u8>, shingles: &mut Vec<u64>) -> Option<Sketch> {
        shingles.clear();
        let mut recent = [0_u64; SHINGLE];
        let mut count = 0_usize;
        let mut words = 0_u64;
        // The last five words as digits of a number, modulo 2^64 (Karp, Rabin 1987).
        let mut window = 0_u64;
        each_word(text, true, word, |word| {
            let hash = hash_word(word);
            words = mix(words.rotate_left(5) ^ hash);
            let oldest = std::mem::replace(&mut recent[count % SHINGLE], hash);
            count += 1;
            let shifted = window.wrapping_mul(BASE).wrapping_add(hash);
            window = shifted.wrapping_sub(oldest.wrapping_mul(LEAVING));
            if count >= SHINGLE {
                shingles.push(window);
            }
        });
        let bins = (count >= SHINGLE).then(|| Box::new(fill(shingles)));
        (count > 0).then_some(Sketch { words, bins })
    }

    /// Whether the two agree in enough bins to be compared.
    fn is_near(&self, other: &Sketch) -> bool {
        match (&self.bins, &other.bins) {
            (Some(a), Some(b)) => a.iter().zip(&b[..]).filter(|(a, b)| a == b).count() >= AGREEING,
            _ => false,
        }
    }
}

/// A bin that is still empty.
const EMPTY: u32 = u32::MAX;

/// The least hash in each bin, over at least one shingle. In each round every shingle falls into a
/// bin; later rounds fill what earlier ones left empty, and the last give each bin a round of its
/// own.
fn fill(shingles: &[u64]) -> [u32; BINS] {
    let mut bins = [EMPTY; BINS];
    for round in 0..2 * BINS {
        let closed = bins;
        for shingle in shingles {
            let hash = mix(shingle.wrapping_add(BASE.wrapping_mul(round as u64)));
            let bin = match round.checked_sub(BINS) {
                None => (((hash >> 32) * BINS as u64) >> 32) as usize,
                Some(bin) => bin,
            };
            if closed[bin] == EMPTY {
                bins[bin] = bins[bin].min((hash as u32).min(EMPTY - 1));
            }
        }
        if !bins.contains(&EMPTY) {
            break;
        }
    }
    bins
}

/// The first reading: sketches of all documents, in order.
#[derive(Debug, Default)]
pub struct Sketches(Vec<Option<Sketch>>);

impl Sketches {
    /// Takes in the next documents, in parallel on the current rayon pool.
    pub fn push<S: AsRef<str> + Sync>(&mut self, texts: &[S]) {
        self.0.par_extend(texts.par_iter().map_init(Default::default, |scratch, text| {
            let (word, shingles) = scratch;
            Sketch::of(text.as_ref(), word, shingles)
        }));
    }

    /// Which documents have to be read again.
    ///
    /// # Errors
    /// [`FeaturesError::TooMany`] beyond 2^32 - 2 documents.
    pub fn suspects(self) -> Result<Suspects, FeaturesError> {
        if u32::try_from(self.0.len()).ok().filter(|&n| n < u32::MAX).is_none() {
            return Err(FeaturesError::TooMany { what: "documents" });
        }
        let mut suspected = vec![false; self.0.len()];
        // Of documents with the same sketch the first stands for all.
        let mut first: HashMap<&Sketch, u32> = HashMap::new();
        let mut different: Vec<(u32, &[u32; BINS])> = Vec::new();
        for (number, sketch) in (0_u32..).zip(&self.0) {
            let Some(sketch) = sketch else { continue };
            let head = *first.entry(sketch).or_insert(number);
            if head != number {
                suspected[head as usize] = true;
                suspected[number as usize] = true;
            } else if let Some(bins) = &sketch.bins {
                different.push((number, bins));
            }
        }
        let pairs: Vec<Vec<(u32, u32)>> =
            (0..BANDS).into_par_iter().map(|band| self.near_in_band(&different, band)).collect();
        let mut pairs: Vec<(u32, u32)> = pairs.into_iter().flatten().collect();
        pairs.par_sort_unstable();
        pairs.dedup();
        for &(a, b) in &pairs {
            suspected[a as usize] = true;
            suspected[b as usize] = true;
        }
        let numbers = (0_u32..).zip(&suspected);
        Ok(Suspects {
            total: self.0.len() as u32,
            documents: numbers.filter(|(_, suspected)| **suspected).map(|(n, _)| n).collect(),
            pairs,
            reader: TokenReader::default(),
        })
    }

    /// The pairs to be compared among the documents that agree in a band.
    fn near_in_band(&self, documents: &[(u32, &[u32; BINS])], band: usize) -> Vec<(u32, u32)> {
        let range = band * BAND..(band + 1) * BAND;
        let mut keyed: Vec<(u64, u32)> = documents
            .iter()
            .map(|&(number, bins)| {
                let key = bins[range.clone()]
                    .iter()
                    .fold(0, |key, &bin| mix(u64::rotate_left(key, 11) ^ u64::from(bin)));
                (key, number)
            })
            .collect();
        keyed.sort_unstable();
        let sketch = |number: u32| self.0[number as usize].as_ref();
        let mut near = Vec::new();
        for bucket in keyed.chunk_by(|a, b| a.0 == b.0) {
            for (place, &(_, number)) in bucket.iter().enumerate() {
                let nearest = &bucket[place.saturating_sub(COMPARED)..place];
                // The first member too, so that a large group is not cut where its order is
                // unlucky.
                let first = &bucket[..place.saturating_sub(COMPARED).min(1)];
                for &(_, earlier) in nearest.iter().chain(first) {
                    let both = sketch(earlier).zip(sketch(number));
                    if both.is_some_and(|(a, b)| a.is_near(b)) {
                        near.push((earlier, number));
                    }
                }
            }
        }
        near
    }
}

/// The second reading: the documents whose sketches are like another's.
#[derive(Debug)]
pub struct Suspects {
    total: u32,
    documents: Vec<u32>,
    pairs: Vec<(u32, u32)>,
    reader: TokenReader,
}

impl Suspects {
    /// The numbers of the documents that have to be read again, in order.
    pub fn documents(&self) -> &[u32] {
        &self.documents
    }

    /// Takes in the texts of the next of [`Suspects::documents`], in parallel on the current rayon
    /// pool. Four bytes of each word are kept.
    ///
    /// # Errors
    /// [`FeaturesError::TooMany`] beyond 2^32 - 2 different words.
    pub fn push<S: AsRef<str> + Sync>(&mut self, texts: &[S]) -> Result<(), FeaturesError> {
        self.reader.push(texts, &VectorizerParams::default())
    }

    /// The group of each document of the first reading: the number of the first document that is
    /// connected with it, its own if there is none.
    ///
    /// # Errors
    /// [`FeaturesError::Changed`] unless every suspect was read again.
    pub fn groups(self) -> Result<Vec<u32>, FeaturesError> {
        let read = self.reader.finish()?;
        if read.documents as usize != self.documents.len() {
            return Err(FeaturesError::Changed);
        }
        let words: Vec<&[u32]> =
            read.parts.iter().flat_map(|p| p.documents().map(|(_, range)| &p.ids[range])).collect();
        let mut links: Vec<u32> = (0..self.total).collect();
        let hashes: Vec<u64> = words.par_iter().map(|words| hash_words(words)).collect();
        // The places of documents with different words.
        let mut different: HashTable<usize> = HashTable::new();
        // A source that changed may have lost its words.
        for place in (0..words.len()).filter(|&place| !words[place].is_empty()) {
            let same = |&earlier: &usize| words[earlier] == words[place];
            let first = *different
                .entry(hashes[place], same, |&place| hashes[place])
                .or_insert(place)
                .get();
            connect(&mut links, self.documents[first], self.documents[place]);
        }
        let words_of = |number: u32| {
            self.documents.binary_search(&number).map_or(&[][..], |place| words[place])
        };
        for pairs in self.pairs.chunks(COMPARED_AT_ONCE) {
            let mut open = pairs.to_vec();
            open.retain(|&(a, b)| root(&mut links, a) != root(&mut links, b));
            let similar: Vec<bool> = open
                .par_iter()
                .map_init(HashTable::new, |table, &(a, b)| {
                    similarity(words_of(a), words_of(b), table) >= SIMILARITY
                })
                .collect();
            for (&(a, b), _) in open.iter().zip(similar).filter(|(_, similar)| *similar) {
                connect(&mut links, a, b);
            }
        }
        Ok((0..self.total).map(|number| root(&mut links, number)).collect())
    }
}

/// Pairs that are compared before groups are joined, after which many of the rest are in one group
/// already.
const COMPARED_AT_ONCE: usize = 4096;

/// A shingle of one of two documents, by its first word's place.
#[derive(Clone, Copy)]
struct ShinglePlace {
    at: u32,
    in_first: bool,
    shared: bool,
}

/// A hash with the process's seed, so that nobody can write a text whose shingles all collide.
fn hash_words(words: &[u32]) -> u64 {
    let seed = process_seed();
    words.iter().fold(seed, |hash, &word| hash_key(hash ^ u64::from(word), seed))
}

/// The Jaccard similarity of the shingles of two documents, 0 where neither has one. `table` is
/// scratch space.
fn similarity(a: &[u32], b: &[u32], table: &mut HashTable<ShinglePlace>) -> f64 {
    table.clear();
    let shingle = |place: &ShinglePlace| {
        let at = place.at as usize;
        let words = if place.in_first { a } else { b };
        &words[at..at + SHINGLE]
    };
    let mut shared = 0;
    for (words, in_first) in [(a, true), (b, false)] {
        for (at, window) in (0_u32..).zip(words.windows(SHINGLE)) {
            let found = table.entry(
                hash_words(window),
                |p| shingle(p) == window,
                |p| hash_words(shingle(p)),
            );
            match found {
                hashbrown::hash_table::Entry::Occupied(mut entry) => {
                    let place = entry.get_mut();
                    if place.in_first && !in_first && !place.shared {
                        place.shared = true;
                        shared += 1;
                    }
                }
                hashbrown::hash_table::Entry::Vacant(entry) => {
                    entry.insert(ShinglePlace { at, in_first, shared: false });
                }
            }
        }
    }
    if table.is_empty() { 0.0 } else { f64::from(shared) / table.len() as f64 }
}

/// The group of each text: the number of the first text that is connected with it, its own if there
/// is none.
///
/// # Errors
/// [`FeaturesError::TooMany`] beyond 2^32 - 2 texts or different words.
pub fn groups<S: AsRef<str> + Sync>(texts: &[S]) -> Result<Vec<u32>, FeaturesError> {
    let mut sketches = Sketches::default();
    sketches.push(texts);
    let mut suspects = sketches.suspects()?;
    let again: Vec<&str> =
        suspects.documents().iter().map(|&number| texts[number as usize].as_ref()).collect();
    suspects.push(&again)?;
    suspects.groups()
}

/// The smallest number in the group, with the path to it shortened.
fn root(links: &mut [u32], mut number: u32) -> u32 {
    while links[number as usize] != number {
        let next = links[number as usize];
        links[number as usize] = links[next as usize];
        number = next;
    }
    number
}

fn connect(links: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(links, a), root(links, b));
    links[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(from: usize, words: usize) -> String {
        (from..from + words).map(|i| format!("word{i} ")).collect()
    }

    #[test]
    fn words_of_a_few_letters_have_hashes_of_their_own() {
        let letters = b"0123456789_abcdefghijklmnopqrstuvwxyz";
        let mut hashes = std::collections::HashSet::new();
        for &a in letters {
            for &b in letters {
                assert!(hashes.insert(hash_word(&[a, b])));
                assert!(letters.iter().all(|&c| hashes.insert(hash_word(&[a, b, c]))));
            }
        }
    }

    #[test]
    fn copies_are_found_and_others_are_not() {
        let (a, b) = (text(0, 400), text(10_000, 400));
        let changed = a.replace("word200 ", "other ");
        let folded = a.to_uppercase().replace(' ', "\n");
        assert_eq!(groups(&[&b, &a, &changed, "x y", &folded, &b]).unwrap(), [0, 1, 1, 3, 1, 0]);
    }

    #[test]
    fn few_words_are_compared_as_they_are() {
        // 5 and 4 shingles that share 4, then 5 and 5 that share 4: 0.8 and 0.67.
        let nine = text(0, 9);
        let (eight, moved) = (text(0, 8), text(1, 9));
        assert_eq!(groups(&[&nine, &eight]).unwrap(), [0, 0]);
        assert_eq!(groups(&[&nine, &moved]).unwrap(), [0, 1]);
        assert_eq!(groups(&["one two", "One, two!", "one three"]).unwrap(), [0, 0, 2]);
        let repeated = ["v5 v5 v5 v3 v2", "v3 v5 v5 v5 v3 v2 v1"];
        assert_eq!(groups(&repeated).unwrap(), [0, 1]);
    }

    #[test]
    fn texts_without_words_are_like_no_other() {
        let texts = ["", "", "😀", "a b c", "x y z 1 2 3", "a b c", "tool", "tool"];
        assert_eq!(groups(&texts).unwrap(), [0, 1, 2, 3, 4, 5, 6, 6]);
    }

    #[test]
    fn the_similarity_is_that_of_the_definition() {
        let of = |a: &[u32], b: &[u32]| similarity(a, b, &mut HashTable::new());
        assert_eq!(of(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]), 1.0);
        assert_eq!(of(&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1]), 0.0);
        assert_eq!(of(&[1, 2, 3, 4], &[1, 2, 3, 4]), 0.0);
        // Sets, so that a repeated shingle counts once: 2 of 4 in one, 3 of 4 in all.
        assert_eq!(of(&[7; 9], &[7; 5]), 1.0);
        assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7], &[2, 3, 4, 5, 6, 7, 8]), 0.5);
        assert_eq!(of(&[2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 4, 5, 6, 7, 8, 9]), 0.8);
    }

    #[test]
    fn a_forged_sketch_finds_nobody() {
        let texts = [text(0, 50), text(1_000, 50), "one two".to_owned(), "two one".to_owned()];
        let mut sketches = Sketches::default();
        sketches.push(&texts);
        // The hashes are known, so a text can be made to have those of another.
        sketches.0[1] = sketches.0[0].clone();
        sketches.0[3] = sketches.0[2].clone();
        let mut suspects = sketches.suspects().unwrap();
        assert_eq!(suspects.documents(), [0, 1, 2, 3]);
        suspects.push(&texts).unwrap();
        assert_eq!(suspects.groups().unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_source_that_changes_is_an_error() {
        let mut sketches = Sketches::default();
        sketches.push(&["one two", "one two", "three"]);
        let mut suspects = sketches.suspects().unwrap();
        assert_eq!(suspects.documents(), [0, 1]);
        suspects.push(&["one two"]).unwrap();
        assert!(matches!(suspects.groups(), Err(FeaturesError::Changed)));
    }

    #[test]
    fn bins_agree_as_often_as_sets_are_similar() {
        // Sets of every size, two thirds of them shared, among them ones far smaller than the
        // bins; of 126 bins and 40 pairs the standard error is 0.0066.
        for size in [3, 30, 300, 3_000_u64] {
            let mut agreeing = 0;
            for pair in 0..40 {
                let set = |from: u64| -> Vec<u64> {
                    (from..from + size * 5 / 3).map(|i| mix(mix(pair) ^ i)).collect()
                };
                let (a, b) = (fill(&set(0)), fill(&set(size / 3)));
                agreeing += a.iter().zip(&b).filter(|(a, b)| a == b).count();
            }
            let (length, shared) = (size * 5 / 3, size * 5 / 3 - size / 3);
            let expected = shared as f64 / (2 * length - shared) as f64;
            let share = agreeing as f64 / (40 * BINS) as f64;
            assert!((share - expected).abs() < 0.03, "{size}: {share} for {expected}");
        }
    }

    #[test]
    fn a_large_family_is_one_group() {
        // 300 copies of a template, each with two words of its own: more than a bucket compares.
        let copy = |number: usize| {
            let word = |i: usize| match i {
                100 | 200 => format!("own{number}x{i} "),
                _ => format!("word{i} "),
            };
            (0..300).map(word).collect::<String>()
        };
        let mut texts: Vec<String> = (0..300).map(copy).collect();
        texts.push(text(50_000, 300));
        let found = groups(&texts).unwrap();
        assert!(found[..300].iter().all(|&group| group == 0));
        assert_eq!(found[300], 300);
    }
}
