//! Near-duplicates: which documents are copies of which, however slightly changed.
//!
//! A document's words (lower-cased, as the vectorizer reads them) are cut into overlapping
//! shingles of [`SHINGLE`] words. One-permutation MinHash (Li, Owen, Zhang 2012) with
//! densification by rotation (Shrivastava, Li 2014) keeps the smallest hash in each of [`BINS`]
//! bins; the share of equal bins estimates the Jaccard similarity of the shingle sets. Documents
//! that agree in one of 16 bands of 8 bins are compared; those at or above the threshold are
//! connected. All hashes are fixed, so groups are the same on every machine.
//!
//! The estimate's standard error is at most 0.045, so a pair near the threshold falls on either side
//! of it, and a pair is compared at all with probability `1 - (1 - s^8)^16` for a similarity of `s`:
//! 0.95 at 0.8, 0.9999 at 0.9. The crate's README says how many were found of some that are known.
//!
//! ```
//! use clawsig_features::duplicates::{SIMILARITY, Signature, groups};
//!
//! let texts = ["Reads your mail, and nothing else.", "Another.", "READS your mail and nothing else"];
//! let signatures = texts.map(Signature::of);
//! assert_eq!(groups(&signatures, SIMILARITY)?, [0, 1, 0]);
//! # Ok::<(), clawsig_features::FeaturesError>(())
//! ```

use std::collections::HashMap;

use rayon::prelude::*;

use crate::{FeaturesError, vectorizer::analyzer::each_word};

/// Words in a shingle.
pub const SHINGLE: usize = 5;
/// Bins of a signature.
pub const BINS: usize = 128;
/// Bins that make a band.
const BAND: usize = 8;
/// Earlier members of a bucket that a document is compared with: all of a small bucket, the
/// nearest of a large one, whose members are connected through one another.
const COMPARED: usize = 32;

/// The default for [`groups`]: the estimated Jaccard similarity from which two documents are
/// near-duplicates.
pub const SIMILARITY: f64 = 0.8;

/// What is kept of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// A hash of the exact text.
    pub exact: u64,
    /// A hash of its words, so that case, punctuation and white space don't count.
    pub normalised: u64,
    /// The least shingle hash of each bin; empty for a text of fewer than [`SHINGLE`] words.
    bins: Vec<u32>,
}

fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^ hash >> 32
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mix(hash.rotate_left(23) ^ u64::from_le_bytes(*word));
    }
    if rest.is_empty() { hash } else { mix(hash.rotate_left(23) ^ short(rest)) }
}

/// One to seven bytes as a number; different ones give different numbers where the lengths agree.
fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
    }
}

/// The base of the rolling hash, and its power by which a word leaves the window.
const BASE: u64 = 0xD6E8_FEB8_6659_FD93;
const LEAVING: u64 = BASE.wrapping_pow(SHINGLE as u32);

impl Signature {
    /// The signature of a text, in one pass.
    pub fn of(text: &str) -> Signature {
        let mut bins = [u32::MAX; BINS];
        let mut recent = [0_u64; SHINGLE];
        let mut words = 0_usize;
        let mut normalised = 0_u64;
        // The last five words as digits of a number, modulo 2^64 (Karp, Rabin 1987).
        let mut window = 0_u64;
        each_word(text, true, &mut Vec::new(), |word| {
            let hash = hash_bytes(word);
            normalised = mix(normalised.rotate_left(5) ^ hash);
            let oldest = std::mem::replace(&mut recent[words % SHINGLE], hash);
            words += 1;
            let shifted = window.wrapping_mul(BASE).wrapping_add(hash);
            window = shifted.wrapping_sub(oldest.wrapping_mul(LEAVING));
            if words >= SHINGLE {
                let shingle = mix(window);
                let bin = (shingle >> 57) as usize;
                bins[bin] = bins[bin].min(shingle as u32 & 0x7FFF_FFFF);
            }
        });
        let bins = if words >= SHINGLE { densified(&bins) } else { Vec::new() };
        Signature { exact: hash_bytes(text.as_bytes()), normalised, bins }
    }

    /// The estimated Jaccard similarity of two documents' shingles, 0 to 1; 1 for documents with
    /// the same words. Two texts without a shingle have none otherwise.
    pub fn similarity(&self, other: &Signature) -> f64 {
        if self.normalised == other.normalised {
            return 1.0;
        }
        if self.bins.is_empty() || other.bins.is_empty() {
            return 0.0;
        }
        let equal = self.bins.iter().zip(&other.bins).filter(|(a, b)| a == b).count();
        equal as f64 / BINS as f64
    }
}

/// Fills an empty bin from the next full one, marked with the distance.
fn densified(bins: &[u32; BINS]) -> Vec<u32> {
    (0..BINS)
        .map(|bin| {
            let source = (0..BINS).find(|&step| bins[(bin + step) % BINS] != u32::MAX);
            source.map_or(u32::MAX, |step| {
                let value = bins[(bin + step) % BINS];
                if step == 0 {
                    value
                } else {
                    value.wrapping_add(0x9E37_79B1_u32.wrapping_mul(step as u32))
                }
            })
        })
        .collect()
}

/// The group of each document: the number of the first document that is connected with it, its
/// own if there is none.
///
/// Documents are connected if their words are the same, or if they share a band and their
/// estimated similarity is at least `threshold` (0 to 1).
///
/// # Errors
/// [`FeaturesError::Parameter`] for a threshold outside 0 to 1, [`FeaturesError::TooMany`] beyond
/// 2^32 - 2 documents.
pub fn groups(signatures: &[Signature], threshold: f64) -> Result<Vec<u32>, FeaturesError> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(FeaturesError::Parameter {
            name: "threshold",
            value: threshold.to_string(),
            expected: "a similarity from 0.0 to 1.0",
        });
    }
    if u32::try_from(signatures.len()).ok().filter(|&n| n < u32::MAX).is_none() {
        return Err(FeaturesError::TooMany { what: "documents" });
    }
    let mut links: Vec<u32> = (0..signatures.len() as u32).collect();
    let mut first: HashMap<u64, u32> = HashMap::new();
    for (number, signature) in (0_u32..).zip(signatures) {
        let head = *first.entry(signature.normalised).or_insert(number);
        connect(&mut links, head, number);
    }
    // One document for each different sequence of words is enough from here on.
    let mut distinct: Vec<u32> = first.into_values().collect();
    distinct.retain(|&number| !signatures[number as usize].bins.is_empty());
    distinct.sort_unstable();
    let pairs: Vec<Vec<(u32, u32)>> = (0..BINS / BAND)
        .into_par_iter()
        .map(|band| similar_in_band(signatures, &distinct, band, threshold))
        .collect();
    for (a, b) in pairs.into_iter().flatten() {
        connect(&mut links, a, b);
    }
    Ok((0..links.len() as u32).map(|number| root(&mut links, number)).collect())
}

/// The similar pairs among the documents that agree in a band.
fn similar_in_band(
    signatures: &[Signature],
    documents: &[u32],
    band: usize,
    threshold: f64,
) -> Vec<(u32, u32)> {
    let range = band * BAND..(band + 1) * BAND;
    let mut keyed: Vec<(u64, u32)> = documents
        .iter()
        .map(|&number| {
            let bins = &signatures[number as usize].bins[range.clone()];
            let key =
                bins.iter().fold(0, |key, &bin| mix(u64::rotate_left(key, 11) ^ u64::from(bin)));
            (key, number)
        })
        .collect();
    keyed.sort_unstable();
    let mut similar = Vec::new();
    for bucket in keyed.chunk_by(|a, b| a.0 == b.0) {
        for (place, &(_, number)) in bucket.iter().enumerate() {
            let nearest = &bucket[place.saturating_sub(COMPARED)..place];
            // The first member too, so that a large group is not cut where its order is unlucky.
            for &(_, earlier) in nearest.iter().chain(bucket[..place.min(1)].iter()) {
                let (a, b) = (&signatures[earlier as usize], &signatures[number as usize]);
                if a.similarity(b) >= threshold {
                    similar.push((earlier, number));
                }
            }
        }
    }
    similar
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

    fn grouped(texts: &[&str]) -> Vec<u32> {
        let signatures: Vec<Signature> = texts.iter().map(|text| Signature::of(text)).collect();
        groups(&signatures, SIMILARITY).unwrap()
    }

    #[test]
    fn copies_are_found_and_strangers_are_not() {
        let (a, b) = (text(0, 400), text(10_000, 400));
        let changed = a.replace("word200 ", "other ");
        let folded = a.to_uppercase().replace(' ', "\n");
        assert_eq!(grouped(&[&b, &a, &changed, "x y", &folded, &b]), [0, 1, 1, 3, 1, 0]);
    }

    #[test]
    fn slightly_changed_copies_of_long_texts_are_all_found() {
        // One to eight of 800 words replaced, far apart: similarities from 0.99 to 0.90.
        let changed = |number: usize| {
            let place = |i: usize| 100_000 * number + i;
            let word = |i: usize| match i % 97 {
                50 if i / 97 <= number % 8 => format!("other{} ", place(i)),
                _ => format!("word{} ", place(i)),
            };
            (0..800).map(word).collect::<String>()
        };
        for number in 0..200 {
            let original = text(100_000 * number, 800);
            assert_eq!(grouped(&[&original, &changed(number)]), [0, 0], "pair {number}");
        }
    }

    #[test]
    fn short_texts_are_compared_by_their_words() {
        assert_eq!(grouped(&["one two", "One, two!", "one three", ""]), [0, 0, 2, 3]);
    }

    #[test]
    fn the_estimate_is_near_the_true_similarity() {
        // 1,000 shared of 1,500 different shingles, up to the ends: two thirds.
        let a = Signature::of(&text(0, 1_250));
        let b = Signature::of(&text(250, 1_250));
        assert!((a.similarity(&b) - 2.0 / 3.0).abs() < 0.15, "{}", a.similarity(&b));
        assert_eq!(a.similarity(&a), 1.0);
    }
}
