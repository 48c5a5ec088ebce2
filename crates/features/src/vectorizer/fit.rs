//! Learning a vocabulary: one pass over the texts, the rest over token numbers.
//!
//! Texts are pushed in batches and read once. They are kept as the sequence of their
//! tokens' numbers (four bytes a token). N-grams are then counted level by level, as pairs of the
//! number of the first n-1 tokens and that of the last: their occurrences are dealt out by the hash
//! of the pair, and each shard is counted in a table that fits a core's cache. Two prunings keep
//! the tables small, and neither can change the result:
//!
//! - an n-gram is in no more documents than any part of it, so parts below `min_df` end it;
//! - once `max_features` terms with a count of at least `c` are known, an n-gram with a part that
//!   occurs less than `c` times can't be among the chosen (ties at `c` stay in).
//!
//! Memory is bounded by the tokens (four bytes each), the different tokens, the n-grams that
//! reach the limits, the occurrences held at a time (96 MiB) and the matrix, in which an entry takes
//! twelve bytes and exists twice only while pieces are joined. Where neither `min_df` nor
//! `max_features` prunes, every different n-gram has to be kept, and memory grows with them.

use std::sync::Arc;

use rayon::prelude::*;

use super::{
    finder::Finder,
    fitted::FittedTfIdf,
    intern::{KeyMap, NONE, hash_key, pair, process_seed},
    params::{Analyzer, ValidVectorizerParams, VectorizerParams},
    rows::{Counter, MatrixRows, Weighting},
    terms::Terms,
    tokens::{Frequency, ReadTokens, TokenReader, TokenRun, Tokens},
};
use crate::FeaturesError;
use clawsig_schema::matrix::Csr;

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

    /// Ends the fit: the vectorizer, and the matrix of all texts pushed, in order.
    ///
    /// # Errors
    /// [`FeaturesError::NoDocuments`], [`FeaturesError::EmptyVocabulary`],
    /// [`FeaturesError::EverythingPruned`], and [`FeaturesError::UndefinedIdf`] where a fixed vocabulary meets the plain idf.
    pub fn finish(self) -> Result<(FittedTfIdf, Csr), FeaturesError> {
        let (fitted, pieces) = self.finish_in_pieces()?;
        let matrix = MatrixRows::join(pieces, fitted.cols())?;
        Ok((fitted, matrix))
    }

    /// As [`TfIdfFit::finish`], with the matrix in pieces of consecutive rows.
    pub(crate) fn finish_in_pieces(self) -> Result<(FittedTfIdf, Vec<MatrixRows>), FeaturesError> {
        let ReadTokens { tokens, mut parts, documents } = self.reader.finish()?;
        if documents == 0 {
            return Err(FeaturesError::NoDocuments);
        }
        let corpus = Corpus { params: &self.params.0, parts: &parts, tokens: &tokens, documents };
        let fixed = self.params.0.vocabulary.clone();
        let learned = match fixed {
            Some(terms) => (terms, None),
            None => {
                let (terms, counts) = corpus.learn()?;
                (terms, Some(counts))
            }
        };
        let (terms, counts) = learned;
        let tree = Arc::new(Terms::new(&terms, &self.params.0)?);
        // From here on the vocabulary's own token numbers are used.
        let renumbered: Vec<u32> = (0..tokens.len() as u32)
            .into_par_iter()
            .map(|id| tree.token(tokens.get(id)).unwrap_or(NONE))
            .collect();
        drop(tokens);
        parts.par_iter_mut().for_each(|part| {
            for id in &mut part.ids {
                if *id != NONE {
                    *id = renumbered[*id as usize];
                }
            }
        });
        let counts = match counts {
            Some(counts) => counts,
            None => document_frequencies(&parts, &tree, terms.len()),
        };
        let finder = match self.params.0.analyzer {
            Analyzer::Word => Finder::Words(tree.clone()),
            _ => Finder::new(&terms, &self.params.0)?,
        };
        let fitted = FittedTfIdf::new(self.params, documents.into(), terms, counts, finder)?;
        let cols = fitted.cols();
        let weighting = Weighting::new(fitted.params(), fitted.idf());
        let pieces: Vec<MatrixRows> = parts
            .into_par_iter()
            .map_init(
                || Counter::new(cols),
                |counter, part| {
                    let mut rows = MatrixRows::default();
                    for (_, range) in part.documents() {
                        tree.each_hit(&part.ids[range], |column| counter.add(column, 1));
                        let (columns, values) = counter.row(&weighting);
                        rows.push(columns, values);
                    }
                    rows
                },
            )
            .collect();
        Ok((fitted, pieces))
    }
}

/// In how many documents each column of a vocabulary occurs.
fn document_frequencies(parts: &[TokenRun], tree: &Terms, cols: usize) -> Vec<u64> {
    parts
        .par_iter()
        .fold(
            || (Counter::new(cols), vec![0_u64; cols]),
            |(mut counter, mut counts), part| {
                for (_, range) in part.documents() {
                    tree.each_hit(&part.ids[range], |column| counter.add(column, 1));
                    counter.drain(|column, _| counts[column as usize] += 1);
                }
                (counter, counts)
            },
        )
        .map(|(_, counts)| counts)
        .reduce(
            || vec![0; cols],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            },
        )
}

/// An n-gram that may become a column.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    level: u32,
    node: u32,
    weight: u64,
    documents: u32,
}

/// All documents as token numbers.
struct Corpus<'a> {
    params: &'a VectorizerParams,
    parts: &'a [TokenRun],
    tokens: &'a Tokens,
    documents: u32,
}

impl Corpus<'_> {
    /// The terms, in order, and the number of documents that hold each.
    fn learn(&self) -> Result<(Vec<String>, Vec<u64>), FeaturesError> {
        let params = self.params;
        let documents = u64::from(self.documents);
        let (low, high) = (params.min_df.of(documents), params.max_df.of(documents));
        if high < low {
            return Err(self.without_terms(low, high));
        }
        let (min_n, max_n) = params.ngrams;
        let weigh = |f: &Frequency| if params.binary { u64::from(f.documents) } else { f.count };
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut consider = |level: usize, node: usize, frequency: &Frequency| {
            let share = f64::from(frequency.documents);
            if low <= share && share <= high {
                candidates.push(Candidate {
                    level: level as u32,
                    node: node as u32,
                    weight: weigh(frequency),
                    documents: frequency.documents,
                });
            }
        };
        for (token, frequency) in self.tokens.values().enumerate() {
            if min_n == 1 || self.is_whole(token as u32) {
                consider(1, token, frequency);
            }
        }
        let mut cut = lowest_chosen(&candidates, params.max_features);
        let survives = |f: &Frequency, cut: u64| f64::from(f.documents) >= low && weigh(f) >= cut;
        // levels[n - 2] holds the keys of the n-grams that survive, in the order of their numbers.
        let mut levels: Vec<Vec<u64>> = Vec::new();
        let mut prefixes: Option<Vec<Vec<u32>>> = None;
        for level in 2..=max_n {
            let alive: Vec<bool> = if level == 2 {
                self.tokens.values().map(|f| survives(f, cut)).collect()
            } else {
                Vec::new()
            };
            let scan =
                Scan { parts: self.parts, prefixes: prefixes.as_deref(), alive, level, held: HELD };
            let found = scan.count(cut.max(low.ceil() as u64), |f| survives(f, cut));
            if found.len() >= NONE as usize - 1 {
                return Err(FeaturesError::TooMany { what: "n-grams" });
            }
            if level >= min_n {
                let mut consider = |node: usize, frequency: &Frequency| {
                    let share = f64::from(frequency.documents);
                    if share <= high {
                        candidates.push(Candidate {
                            level: level as u32,
                            node: node as u32,
                            weight: weigh(frequency),
                            documents: frequency.documents,
                        });
                    }
                };
                found.iter().enumerate().for_each(|(node, (_, f))| consider(node, f));
                cut = lowest_chosen(&candidates, params.max_features);
            }
            if level < max_n {
                prefixes = Some(scan.number(&found));
            }
            levels.push(found.into_iter().map(|(key, _)| key).collect());
            if levels.last().is_some_and(Vec::is_empty) {
                break;
            }
        }
        drop(prefixes);
        if candidates.is_empty() {
            return Err(self.without_terms(low, high));
        }
        Ok(self.choose(candidates, &levels))
    }

    /// Why there is no term: there never was one, or the limits left none.
    fn without_terms(&self, min: f64, max: f64) -> FeaturesError {
        let (min_n, _) = self.params.ngrams;
        let holds_one = |ids: &[u32]| {
            ids.split(|&id| id == NONE)
                .any(|run| run.len() >= min_n || run.iter().any(|&id| self.is_whole(id)))
        };
        let documents = || self.parts.iter().flat_map(|p| p.documents().map(move |d| (p, d.1)));
        if documents().any(|(part, range)| holds_one(&part.ids[range])) {
            let documents = u64::from(self.documents);
            FeaturesError::EverythingPruned { min, max, documents }
        } else {
            FeaturesError::EmptyVocabulary
        }
    }

    /// Whether a token is a short padded word, which counts whole.
    fn is_whole(&self, token: u32) -> bool {
        self.params.analyzer == Analyzer::CharWb
            && str::from_utf8(self.tokens.get(token)).is_ok_and(|t| t.chars().nth(1).is_some())
    }

    /// The first `max_features` candidates by weight, then term; in term order.
    fn choose(
        &self,
        mut candidates: Vec<Candidate>,
        levels: &[Vec<u64>],
    ) -> (Vec<String>, Vec<u64>) {
        let limit = self.params.max_features.unwrap_or(usize::MAX);
        let cut = lowest_chosen(&candidates, self.params.max_features);
        candidates.retain(|c| c.weight >= cut);
        let mut terms: Vec<(String, Candidate)> =
            candidates.into_par_iter().map(|c| (self.term(c, levels), c)).collect();
        terms.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if terms.len() > limit {
            // Only terms tied at the cut are too many, and the last of them go.
            let above = terms.iter().filter(|(_, c)| c.weight > cut).count();
            let mut free = limit - above.min(limit);
            terms.retain(|(_, c)| {
                let keep = c.weight > cut || free > 0;
                if keep && c.weight == cut {
                    free -= 1;
                }
                keep
            });
        }
        terms.into_iter().map(|(term, c)| (term, u64::from(c.documents))).unzip()
    }

    /// The text of an n-gram.
    fn term(&self, candidate: Candidate, levels: &[Vec<u64>]) -> String {
        let mut tokens = Vec::new();
        let mut node = candidate.node;
        for level in (2..=candidate.level as usize).rev() {
            let key = levels[level - 2][node as usize];
            tokens.push(key as u32);
            node = (key >> 32) as u32;
        }
        tokens.push(node);
        let mut term = String::new();
        for (place, &token) in tokens.iter().rev().enumerate() {
            if place > 0 && self.params.analyzer == Analyzer::Word {
                term.push(' ');
            }
            // Tokens are made of whole characters.
            term.push_str(&String::from_utf8_lossy(self.tokens.get(token)));
        }
        term
    }
}

/// The weight of the last candidate that fits under `max_features`; 0 where all fit.
fn lowest_chosen(candidates: &[Candidate], max_features: Option<usize>) -> u64 {
    match max_features {
        Some(limit) if candidates.len() > limit => {
            let mut weights: Vec<u64> = candidates.iter().map(|c| c.weight).collect();
            let (_, &mut cut, _) = weights.select_nth_unstable_by(limit - 1, |a, b| b.cmp(a));
            cut
        }
        _ => 0,
    }
}

/// A scan of all n-grams of one length whose parts survive.
struct Scan<'a> {
    parts: &'a [TokenRun],
    /// The number of the (n-1)-gram at each place, where n is above 2.
    prefixes: Option<&'a [Vec<u32>]>,
    /// For n = 2: which tokens survive.
    alive: Vec<bool>,
    level: usize,
    /// How many occurrences are held at a time.
    held: usize,
}

/// An n-gram at one place.
#[derive(Clone, Copy, Debug, Default)]
struct Occurrence {
    prefix: u32,
    last: u32,
    document: u32,
}

impl Occurrence {
    fn key(&self) -> u64 {
        pair(self.prefix, self.last)
    }
}

/// The occurrences of a part, those of one shard together, in the order of their places.
struct Scattered {
    ends: Vec<usize>,
    occurrences: Vec<Occurrence>,
}

impl Scattered {
    fn shard(&self, shard: usize) -> &[Occurrence] {
        let start = if shard == 0 { 0 } else { self.ends[shard - 1] };
        &self.occurrences[start..self.ends[shard]]
    }
}

/// Counts the n-grams of a shard. Those that occur less than `least` times may be missing: a first
/// pass counts hashes, which never counts too low, and keeps most rare n-grams out of the table.
fn count_shard<'a, I: Iterator<Item = &'a Occurrence>>(
    occurrences: impl Fn() -> I,
    least: u64,
    table: &mut KeyMap<Frequency>,
    counters: &mut Vec<u8>,
) {
    let least = u8::try_from(least).unwrap_or(u8::MAX);
    let seed = process_seed().rotate_left(16);
    counters.clear();
    if least > 1 {
        counters.resize((2 * occurrences().count()).next_power_of_two(), 0);
    }
    let mask = counters.len().wrapping_sub(1);
    let spot = |key: u64| hash_key(key, seed) as usize & mask;
    if least > 1 {
        for occurrence in occurrences() {
            let counter = &mut counters[spot(occurrence.key())];
            *counter = counter.saturating_add(1);
        }
    }
    for occurrence in occurrences() {
        let key = occurrence.key();
        if least < 2 || counters[spot(key)] >= least {
            table.entry(key).see(occurrence.document);
        }
    }
}

/// Shards of a round: the n-grams of one are counted in a table that fits a core's cache.
const SHARDS: usize = 256;
/// Occurrences that are held at a time, 96 MiB: what more there are, further rounds count.
const HELD: usize = 1 << 23;

impl Scan<'_> {
    /// Calls `each` with part, place, document and key of every n-gram.
    #[inline]
    fn each_of_part(&self, number: usize, mut each: impl FnMut(usize, u32, u64)) {
        let part = &self.parts[number];
        let reach = self.level - 1;
        for (document, range) in part.documents() {
            match self.prefixes {
                None => {
                    let ids = &part.ids[range.clone()];
                    let mut before = NONE;
                    for (place, &id) in (range.start..).zip(ids) {
                        let id = if id != NONE && self.alive[id as usize] { id } else { NONE };
                        if before != NONE && id != NONE {
                            each(place - 1, document, pair(before, id));
                        }
                        before = id;
                    }
                }
                Some(prefixes) => {
                    let prefixes = &prefixes[number];
                    for place in range.start..range.end.saturating_sub(reach) {
                        let prefix = prefixes[place];
                        if prefix != NONE && prefixes[place + 1] != NONE {
                            each(place, document, pair(prefix, part.ids[place + reach]));
                        }
                    }
                }
            }
        }
    }

    /// The n-grams for whose frequency `keep` holds, which it does for none that occurs less than
    /// `least` times; in the order of their keys.
    fn count(&self, least: u64, keep: impl Fn(&Frequency) -> bool + Sync) -> Vec<(u64, Frequency)> {
        let places: usize = self.parts.iter().map(|part| part.ids.len()).sum();
        let rounds = places.div_ceil(self.held).max(1);
        let mut found = Vec::new();
        for round in 0..rounds {
            let scattered: Vec<Scattered> = (0..self.parts.len())
                .into_par_iter()
                .map(|part| self.scatter(part, round, rounds))
                .collect();
            let counted: Vec<Vec<(u64, Frequency)>> = (0..SHARDS)
                .into_par_iter()
                .map_init(
                    || (KeyMap::<Frequency>::with_capacity(0), Vec::new()),
                    |(table, counters), shard| {
                        let occurrences = || scattered.iter().flat_map(|part| part.shard(shard));
                        count_shard(occurrences, least, table, counters);
                        table.drain().filter(|(_, frequency)| keep(frequency)).collect()
                    },
                )
                .collect();
            found.extend(counted.into_iter().flatten());
        }
        found.par_sort_unstable_by_key(|&(key, _)| key);
        found
    }

    /// The occurrences in a part that one of the rounds counts.
    fn scatter(&self, part: usize, round: usize, rounds: usize) -> Scattered {
        // Not the seed of the tables, whose keys would else all begin alike.
        let seed = process_seed().rotate_left(32) | 1;
        let shard = |key: u64| {
            let spot = ((hash_key(key, seed) >> 32) * (rounds * SHARDS) as u64) >> 32;
            (spot as usize).wrapping_sub(round * SHARDS)
        };
        let mut ends = vec![0; SHARDS];
        self.each_of_part(part, |_, _, key| {
            if let Some(count) = ends.get_mut(shard(key)) {
                *count += 1;
            }
        });
        let mut total = 0;
        for end in &mut ends {
            total += std::mem::replace(end, total);
        }
        let mut occurrences = vec![Occurrence::default(); total];
        self.each_of_part(part, |_, document, key| {
            if let Some(place) = ends.get_mut(shard(key)) {
                let (prefix, last) = ((key >> 32) as u32, key as u32);
                occurrences[*place] = Occurrence { prefix, last, document };
                *place += 1;
            }
        });
        Scattered { ends, occurrences }
    }

    /// The number in `found` of the n-gram at each place of each part.
    fn number(&self, found: &[(u64, Frequency)]) -> Vec<Vec<u32>> {
        let mut numbers = KeyMap::<u32>::with_capacity(found.len());
        for (number, (key, _)) in (0_u32..).zip(found) {
            *numbers.entry(*key) = number;
        }
        (0..self.parts.len())
            .into_par_iter()
            .map(|part| {
                let mut at_place = vec![NONE; self.parts[part].ids.len()];
                self.each_of_part(part, |place, _, key| {
                    at_place[place] = numbers.get(key).unwrap_or(NONE);
                });
                at_place
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_count_every_occurrence_once() {
        let text = |row: usize| (0..20).map(|i| format!("w{} ", row * i % 13)).collect::<String>();
        let mut reader = TokenReader::default();
        for row in 0..6 {
            reader.push(&[text(row), text(row + 1)], &VectorizerParams::default()).unwrap();
        }
        let read = reader.finish().unwrap();
        let count = |held, least| {
            let alive = vec![true; read.tokens.len()];
            let scan = Scan { parts: &read.parts, prefixes: None, alive, level: 2, held };
            let found = scan.count(least, |f| f.count >= least);
            found.into_iter().map(|(key, f)| (key, f.count, f.documents)).collect::<Vec<_>>()
        };
        let all = count(HELD, 1);
        assert_eq!(all.iter().map(|found| found.1).sum::<u64>(), 12 * 19);
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        for held in [30, 100] {
            assert_eq!(count(held, 1), all);
        }
        let frequent: Vec<_> = all.into_iter().filter(|found| found.1 >= 4).collect();
        assert!(!frequent.is_empty());
        assert_eq!((count(HELD, 4), count(50, 4)), (frequent.clone(), frequent));
    }
}
