//! Which n-grams of some documents become a vocabulary.
//!
//! N-grams are counted level by level, as pairs of the number of the first n-1 tokens and that of the
//! last: their occurrences are dealt out by the hash of the pair, and each shard is counted in a table
//! that fits a core's cache ([`super::scan`]). Two prunings keep the tables small, and neither can change
//! the result:
//!
//! - an n-gram is in no more documents than any part of it, so parts below `min_df` end it;
//! - once `max_features` terms with a count of at least `c` are known, an n-gram with a part that
//!   occurs less than `c` times can't be among the chosen (ties at `c` stay in).
//!
//! Every different n-gram has to be kept if neither `min_df` nor `max_features` prunes, and memory grows
//! with them.

use rayon::prelude::*;

use super::{
    fit::Renumbered,
    intern::NONE,
    params::{Analyzer, VectorizerParams},
    rows::Counter,
    scan::{Frequency, HELD, Scan},
    tokens::ReadTokens,
};
use crate::FeaturesError;

/// An n-gram that may become a column.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    level: u32,
    node: u32,
    weight: u64,
    documents: u32,
}

/// The documents that a vocabulary is learned from.
pub(super) struct Corpus<'a> {
    params: &'a VectorizerParams,
    read: &'a ReadTokens,
    /// Which of the documents that were read are taken.
    chosen: &'a (dyn Fn(usize) -> bool + Sync),
    /// Of each token.
    frequencies: Vec<Frequency>,
    pub(super) documents: u32,
}

impl<'a> Corpus<'a> {
    pub(super) fn new(
        params: &'a VectorizerParams,
        read: &'a ReadTokens,
        chosen: &'a (dyn Fn(usize) -> bool + Sync),
    ) -> Corpus<'a> {
        let share = read.parts.len().div_ceil(rayon::current_num_threads()).max(1);
        let nothing = || (vec![Frequency::default(); read.tokens.len()], 0);
        let (frequencies, documents) = read
            .parts
            .par_chunks(share)
            .map(|parts| {
                let (mut frequencies, mut documents) = nothing();
                for (document, ids) in parts.iter().flat_map(|part| part.chosen(chosen)) {
                    documents += 1;
                    for &id in ids.iter().filter(|&&id| id != NONE) {
                        frequencies[id as usize].see(document);
                    }
                }
                (frequencies, documents)
            })
            .reduce_with(|(mut sums, documents), (frequencies, more)| {
                sums.iter_mut().zip(frequencies).for_each(|(sum, frequency)| sum.add(frequency));
                (sums, documents + more)
            })
            .unwrap_or_else(nothing);
        Corpus { params, read, chosen, frequencies, documents }
    }

    /// In how many of the documents each of so many columns occurs.
    pub(super) fn document_frequencies(
        &self,
        renumbered: &Renumbered<'_>,
        cols: usize,
    ) -> Vec<u64> {
        let chosen =
            (0..self.read.documents as usize).into_par_iter().filter(|&d| (self.chosen)(d));
        chosen
            .fold(
                || (Counter::new(cols), Vec::new(), vec![0_u64; cols]),
                |(mut counter, mut ids, mut counts), document| {
                    renumbered.each_hit(document, &mut ids, |column| counter.add(column, 1));
                    counter.drain(|column, _| counts[column as usize] += 1);
                    (counter, ids, counts)
                },
            )
            .map(|(.., counts)| counts)
            .reduce(
                || vec![0; cols],
                |mut sums, counts| {
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                    sums
                },
            )
    }

    /// The terms, in order, and the number of documents that hold each.
    pub(super) fn learn(&self) -> Result<(Vec<String>, Vec<u64>), FeaturesError> {
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
        let met = self.frequencies.iter().enumerate().filter(|(_, f)| f.documents > 0);
        for (token, frequency) in met {
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
                self.frequencies.iter().map(|f| survives(f, cut)).collect()
            } else {
                Vec::new()
            };
            let scan = Scan {
                parts: &self.read.parts,
                chosen: self.chosen,
                prefixes: prefixes.as_deref(),
                alive,
                level,
                held: HELD,
            };
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
        let mut documents = self.read.parts.iter().flat_map(|part| part.chosen(self.chosen));
        if documents.any(|(_, ids)| holds_one(ids)) {
            let documents = u64::from(self.documents);
            FeaturesError::EverythingPruned { min, max, documents }
        } else {
            FeaturesError::EmptyVocabulary
        }
    }

    /// Whether a token is a short padded word, which counts whole.
    fn is_whole(&self, token: u32) -> bool {
        self.params.analyzer == Analyzer::CharWb
            && str::from_utf8(self.read.tokens.get(token)).is_ok_and(|t| t.chars().nth(1).is_some())
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
            term.push_str(&String::from_utf8_lossy(self.read.tokens.get(token)));
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
