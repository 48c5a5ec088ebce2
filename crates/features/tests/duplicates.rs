//! Near-duplicates against exact similarities of all pairs.

mod exact;

use std::collections::BTreeSet;

use clawsig_features::duplicates::groups;
use clawsig_synth::{Synth, SynthParams};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The text with some of its words replaced, at a rate that gives similarities from 0.7 to 1.
fn changed(text: &str, rng: &mut ChaCha8Rng) -> String {
    let rate = rng.random_range(0.0..0.035);
    let mut word = |word: &str| match rng.random_bool(rate) {
        true => format!("other{}", rng.random_range(0..1_000_000)),
        false => word.to_owned(),
    };
    text.split(' ').map(|old| word(old) + " ").collect()
}

#[test]
fn pairs_are_found_as_all_pairs_say() {
    let rows = SynthParams { rows: 1_000, seed: 11, ..SynthParams::default() }.check().unwrap();
    let synth = Synth::new(rows);
    let texts = synth.rows().filter_map(|row| row.skill_md_content);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        // Of every length from six words on.
        let words = rng.random_range(6..300);
        let text = text.split(' ').take(words).collect::<Vec<_>>().join(" ");
        let short = text.split(' ').skip(3).take(rng.random_range(6..20));
        let short = short.collect::<Vec<_>>().join(" ");
        all.extend([changed(&text, &mut rng), text, short]);
    }
    all.truncate(3_000);
    let similar = exact::similar_pairs(&all);
    let found = exact::grouped_pairs(&groups(&all).unwrap());
    let connected = exact::grouped_pairs(&exact::connected(all.len(), similar.keys()));
    let share = |pairs: &BTreeSet<(u32, u32)>, of: &BTreeSet<(u32, u32)>| {
        pairs.intersection(of).count() as f64 / of.len() as f64
    };
    let similar_pairs = similar.keys().copied().collect();
    println!(
        "{} texts, {} similar pairs, {} connected pairs, {} pairs in one group",
        all.len(),
        similar.len(),
        connected.len(),
        found.len()
    );
    assert!(similar.len() > 400 && similar.values().filter(|&&s| s < 0.9).count() > 100);
    assert!(share(&found, &similar_pairs) >= 0.99, "recall of similar pairs");
    assert!(share(&found, &connected) >= 0.99, "recall of connected pairs");
    assert!(share(&connected, &found) >= 0.99, "precision");
}
