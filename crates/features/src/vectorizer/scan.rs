//! Counting the n-grams of one length, in shards that fit a core's cache.

use rayon::prelude::*;

use super::{
    intern::{KeyMap, NONE, hash_key, pair, process_seed},
    tokens::TokenRun,
};

/// How often a term occurs, and in how many documents.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frequency {
    pub(super) count: u64,
    pub(super) documents: u32,
    /// The number of the last document seen with it, plus 1.
    last: u32,
}

impl Frequency {
    #[inline]
    pub(super) fn see(&mut self, document: u32) {
        self.count += 1;
        if self.last != document + 1 {
            self.last = document + 1;
            self.documents += 1;
        }
    }

    pub(super) fn add(&mut self, other: Frequency) {
        self.count += other.count;
        self.documents += other.documents;
    }
}

/// A scan of all n-grams of one length whose parts survive.
pub(super) struct Scan<'a> {
    pub(super) parts: &'a [TokenRun],
    /// Which documents are scanned.
    pub(super) chosen: &'a (dyn Fn(usize) -> bool + Sync),
    /// The number of the (n-1)-gram at each place, where n is above 2.
    pub(super) prefixes: Option<&'a [Vec<u32>]>,
    /// For n = 2: which tokens survive.
    pub(super) alive: Vec<bool>,
    pub(super) level: usize,
    /// How many occurrences are held at a time, if [`ROUNDS`] rounds do with them.
    pub(super) held: usize,
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

/// Shards of [`HELD`] occurrences: the n-grams of one are counted in a table that fits a core's cache.
const SHARDS: usize = 256;
/// Occurrences that are held at a time, 96 MiB: what more there are, further rounds count.
pub(super) const HELD: usize = 1 << 23;
/// The most rounds. Where they would not do, more is held: one and a half bytes a token.
const ROUNDS: usize = 8;

/// The rounds in which so many places are counted, and the shards of each. A round reads all places,
/// so that the number of rounds must not grow with them.
fn rounds_and_shards(places: usize, held: usize) -> (usize, usize) {
    let needed = held.max(places.div_ceil(ROUNDS));
    (places.div_ceil(needed).max(1), SHARDS * needed.div_ceil(held))
}

impl Scan<'_> {
    /// Calls `each` with part, place, document and key of every n-gram.
    #[inline]
    fn each_of_part(&self, number: usize, mut each: impl FnMut(usize, u32, u64)) {
        let part = &self.parts[number];
        let reach = self.level - 1;
        for (document, range) in part.documents() {
            if !(self.chosen)(document as usize) {
                continue;
            }
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
    pub(super) fn count(
        &self,
        least: u64,
        keep: impl Fn(&Frequency) -> bool + Sync,
    ) -> Vec<(u64, Frequency)> {
        let places: usize = self.parts.iter().map(|part| part.ids.len()).sum();
        let (rounds, shards) = rounds_and_shards(places, self.held);
        let mut found = Vec::new();
        for round in 0..rounds {
            let scattered: Vec<Scattered> = (0..self.parts.len())
                .into_par_iter()
                .map(|part| self.scatter(part, round, rounds, shards))
                .collect();
            let counted: Vec<Vec<(u64, Frequency)>> = (0..shards)
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
    fn scatter(&self, part: usize, round: usize, rounds: usize, shards: usize) -> Scattered {
        // Not the seed of the tables, whose keys would else all begin alike.
        let seed = process_seed().rotate_left(32) | 1;
        let shard = |key: u64| {
            let spot = ((hash_key(key, seed) >> 32) * (rounds * shards) as u64) >> 32;
            (spot as usize).wrapping_sub(round * shards)
        };
        let mut ends = vec![0; shards];
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
    pub(super) fn number(&self, found: &[(u64, Frequency)]) -> Vec<Vec<u32>> {
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
    use crate::vectorizer::{TokenReader, VectorizerParams};

    #[test]
    fn rounds_do_not_grow_with_the_places_and_shards_stay_small() {
        for (places, expected) in [
            (0, (1, 256)),
            (HELD, (1, 256)),
            (HELD + 1, (2, 256)),
            (8 * HELD, (8, 256)),
            (8 * HELD + 1, (8, 512)),
            (1000 * HELD, (8, 125 * 256)),
        ] {
            assert_eq!(rounds_and_shards(places, HELD), expected, "{places} places");
        }
    }

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
            let parts = &read.parts;
            let scan = Scan { parts, chosen: &|_| true, prefixes: None, alive, level: 2, held };
            let found = scan.count(least, |f| f.count >= least);
            found.into_iter().map(|(key, f)| (key, f.count, f.documents)).collect::<Vec<_>>()
        };
        let all = count(HELD, 1);
        assert_eq!(all.iter().map(|found| found.1).sum::<u64>(), 12 * 19);
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        for held in [1, 30, 100] {
            assert_eq!(count(held, 1), all);
        }
        let frequent: Vec<_> = all.into_iter().filter(|found| found.1 >= 4).collect();
        assert!(!frequent.is_empty());
        assert_eq!((count(HELD, 4), count(50, 4)), (frequent.clone(), frequent));
    }
}
