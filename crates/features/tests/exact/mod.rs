//! All pairs of similar texts by the definition, for comparison with what near-duplicates finds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clawsig_features::{
    duplicates::{SHINGLE, SIMILARITY},
    vectorizer::analyzer::is_word_char,
};

/// The words of a text: lower-cased runs of two or more word characters.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let runs = text.split(|c| !is_word_char(c));
    runs.filter(|word| word.chars().nth(1).is_some()).map(str::to_owned).collect()
}

fn shared(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    shared
}

/// Every pair that is similar, with the exact similarity: no pair is left out, since sets with a
/// similarity of `s` have one of the rarest `(1 - s)` of their members in common (Chaudhuri, Ganti,
/// Kaushik 2006).
pub(crate) fn similar_pairs(texts: &[String]) -> BTreeMap<(u32, u32), f64> {
    let words: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let mut frequency: HashMap<&[String], u32> = HashMap::new();
    for set in words.iter().map(|words| words.windows(SHINGLE).collect::<BTreeSet<_>>()) {
        set.into_iter().for_each(|shingle| *frequency.entry(shingle).or_default() += 1);
    }
    let mut rarest: Vec<(u32, &[String])> =
        frequency.iter().map(|(&shingle, &documents)| (documents, shingle)).collect();
    rarest.sort_unstable();
    let number: HashMap<&[String], u32> = (0..).zip(&rarest).map(|(n, &(_, s))| (s, n)).collect();
    let sets: Vec<Vec<u32>> = words
        .iter()
        .map(|words| {
            let set: BTreeSet<u32> = words.windows(SHINGLE).map(|s| number[s]).collect();
            set.into_iter().collect()
        })
        .collect();
    let mut pairs = BTreeMap::new();
    let mut with: HashMap<u32, Vec<u32>> = HashMap::new();
    for (at, set) in (0_u32..).zip(&sets) {
        let prefix = set.len() - (SIMILARITY * set.len() as f64).ceil() as usize + 1;
        let mut met: BTreeSet<u32> = BTreeSet::new();
        for &shingle in set.iter().take(prefix) {
            let earlier = with.entry(shingle).or_default();
            met.extend(earlier.iter());
            earlier.push(at);
        }
        for earlier in met {
            let other = &sets[earlier as usize];
            let shared = shared(set, other);
            let similarity = shared as f64 / (set.len() + other.len() - shared) as f64;
            if similarity >= SIMILARITY {
                pairs.insert((earlier, at), similarity);
            }
        }
    }
    let mut same: HashMap<&[String], Vec<u32>> = HashMap::new();
    for (at, words) in (0_u32..).zip(&words).filter(|(_, words)| !words.is_empty()) {
        let earlier = same.entry(words).or_default();
        pairs.extend(earlier.iter().map(|&earlier| ((earlier, at), 1.0)));
        earlier.push(at);
    }
    pairs
}

/// The pairs that are in one group.
pub(crate) fn grouped_pairs(groups: &[u32]) -> BTreeSet<(u32, u32)> {
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for (at, &group) in (0_u32..).zip(groups) {
        let earlier = members.entry(group).or_default();
        pairs.extend(earlier.iter().map(|&earlier| (earlier, at)));
        earlier.push(at);
    }
    pairs
}

/// The least number that each text is connected with through similar pairs.
pub(crate) fn connected<'a>(
    texts: usize,
    pairs: impl Iterator<Item = &'a (u32, u32)> + Clone,
) -> Vec<u32> {
    let mut groups: Vec<u32> = (0..texts as u32).collect();
    loop {
        let before = groups.clone();
        for &(a, b) in pairs.clone() {
            let least = groups[a as usize].min(groups[b as usize]);
            groups[a as usize] = least;
            groups[b as usize] = least;
        }
        if groups == before {
            return groups;
        }
    }
}
