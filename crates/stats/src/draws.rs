//! Random numbers that a seed fixes, in every version and on every machine.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The generator of one stream of a seed. Streams do not overlap, so that each replicate can have
/// its own and results do not depend on the number of threads.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

/// A number below `bound` by Lemire's (2019) multiplication, 0 for a bound of 0. The bias is under
/// `bound / 2^64`.
pub fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(generator.next_u64()) * bound as u128) >> 64) as usize
}

/// Shuffles in place: every order is as likely (Fisher and Yates 1938).
pub fn shuffle<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last + 1));
    }
}

/// How often each of so many units is drawn, in one bootstrap replicate of as many draws with
/// replacement.
///
/// ```
/// let drawn = clawsig_stats::resampled_units(5, &mut clawsig_stats::generator(1, 0));
/// assert_eq!(drawn.iter().sum::<u32>(), 5);
/// ```
pub fn resampled_units(units: usize, generator: &mut ChaCha8Rng) -> Vec<u32> {
    let mut drawn = vec![0; units];
    for _ in 0..units {
        drawn[below(generator, units)] += 1;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_a_seed_is_the_same_everywhere_and_no_other() {
        let first = |seed, stream| generator(seed, stream).next_u64();
        assert_eq!(first(7, 3), first(7, 3));
        assert_ne!(first(7, 3), first(7, 4));
        assert_ne!(first(7, 3), first(8, 3));
    }

    #[test]
    fn draws_stay_below_and_reach_every_value() {
        let mut generator = generator(1, 0);
        let mut seen = [0; 6];
        (0..600).for_each(|_| seen[below(&mut generator, 6)] += 1);
        assert!(seen.iter().all(|&times| times > 60), "{seen:?}");
        assert_eq!(below(&mut generator, 0), 0);
    }

    #[test]
    fn every_order_of_three_is_as_likely() {
        let mut generator = generator(2, 0);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut items = [0, 1, 2];
            shuffle(&mut items, &mut generator);
            *seen.entry(items).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|&times| (850..1150).contains(&times)), "{seen:?}");
    }
}
