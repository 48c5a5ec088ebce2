//! Random draws that need nothing but exact arithmetic.
//!
//! Only operations that IEEE 754 rounds in one way (+, −, ×, ÷) are used: a logarithm or a power
//! may differ in its last bit from one C library to the next, and with it a whole corpus. Zipf's
//! law therefore comes from an alias table (head) and from octaves (tail), and the log-normal law
//! from a table of its quantiles.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A source of draws: one ChaCha8 stream.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of one purpose of one row. Streams of a seed are independent of each other, so
    /// that any row can be made without those before it.
    pub(crate) fn new(seed: u64, row: u64, purpose: Purpose) -> Draw {
        let mut key = *b"........clawsig synthetic rows 1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(row << 4 | purpose as u64);
        Draw(rng)
    }

    pub(crate) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1), in steps of 2⁻⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform below `n`; 0 for 0. The bias of the multiplication is at most n / 2³².
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform below `n`, for numbers of rows.
    pub(crate) fn below_u64(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }

    /// A position, with chances in proportion to `weights`.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (i, weight) in weights.iter().enumerate() {
            if left < *weight {
                return i;
            }
            left -= weight;
        }
        weights.len() - 1
    }

    /// 0, 1, 2, …: the number of times in a row that a coin with chance `p` shows heads, at most
    /// `limit`.
    pub(crate) fn run(&mut self, p: f64, limit: u32) -> u32 {
        let mut n = 0;
        while n < limit && self.chance(p) {
            n += 1;
        }
        n
    }

    /// A number below `start * (2^octaves - 1)` whose density falls like 1 / (r + start): Zipf's
    /// law without its head.
    pub(crate) fn zipf_tail(&mut self, start: u32, octaves: u32) -> u32 {
        let width = start << self.below(octaves);
        width - start + self.below(width)
    }
}

/// The quantile of a share in [0, 1) of the log-normal law with mean 1 and sigma 0.93: between
/// 0.04 and 29.
pub(crate) fn log_normal_quantile(share: f64) -> f64 {
    let above = LOG_NORMAL.partition_point(|&(p, _)| p <= share).min(LOG_NORMAL.len() - 1);
    let (p0, q0) = LOG_NORMAL[above - 1];
    let (p1, q1) = LOG_NORMAL[above];
    q0 + (share - p0) / (p1 - p0) * (q1 - q0)
}

/// What a row's stream is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Whether the row is a copy, and of what.
    Plan = 0,
    /// Owner and verdict.
    Label = 1,
    /// The scanners' columns.
    Findings = 2,
    /// SKILL.md.
    Text = 3,
    /// The bundle.
    Bundle = 4,
    /// What an edited copy changes.
    Edit = 5,
    /// Who owns a row; and, by the number of an owner in place of a row, what that owner leans to.
    Owner = 6,
    /// The skill's name.
    Name = 7,
    /// Hostile texts.
    Hostile = 8,
}

/// Zipf's law over the first `n` numbers: chances in proportion to 1 / (i + shift), by Walker's
/// and Vose's alias method.
pub(crate) struct Zipf {
    /// For each slot, the chance (of 2³²) to stay in it, and where to go otherwise.
    slots: Vec<(u32, u32)>,
}

impl Zipf {
    /// `n` must be at least 1, `shift` above 0.
    pub(crate) fn new(n: usize, shift: f64) -> Zipf {
        let weights: Vec<f64> = (0..n).map(|i| 1.0 / (i as f64 + shift)).collect();
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights.iter().map(|w| w / total * n as f64).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|&i| scaled[i] < 1.0);
        let mut slots: Vec<(u32, u32)> = (0..n).map(|i| (u32::MAX, i as u32)).collect();
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            slots[low] = ((scaled[low] * f64::from(u32::MAX)) as u32, high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Zipf { slots }
    }

    pub(crate) fn draw(&self, draw: &mut Draw) -> usize {
        let slot = draw.below(self.slots.len() as u32) as usize;
        let (stay, other) = self.slots[slot];
        if draw.bits() <= stay { slot } else { other as usize }
    }
}

/// (p, quantile) of the log-normal law with sigma 0.93, scaled so that straight lines between
/// them have mean 1. Made with Python 3.11: `exp(0.93 * NormalDist().inv_cdf(p))`, the ends at
/// p = 0.0015 and 0.99998. Sigma is that of the lengths of 1,257 public skills.
const LOG_NORMAL: [(f64, f64); 43] = [
    (0.00000, 0.0409),
    (0.00500, 0.0588),
    (0.01500, 0.0858),
    (0.03125, 0.1142),
    (0.06250, 0.1550),
    (0.09375, 0.1895),
    (0.12500, 0.2215),
    (0.15625, 0.2524),
    (0.18750, 0.2829),
    (0.21875, 0.3136),
    (0.25000, 0.3448),
    (0.28125, 0.3768),
    (0.31250, 0.4098),
    (0.34375, 0.4441),
    (0.37500, 0.4800),
    (0.40625, 0.5178),
    (0.43750, 0.5577),
    (0.46875, 0.6002),
    (0.50000, 0.6456),
    (0.53125, 0.6945),
    (0.56250, 0.7473),
    (0.59375, 0.8050),
    (0.62500, 0.8683),
    (0.65625, 0.9385),
    (0.68750, 1.0172),
    (0.71875, 1.1063),
    (0.75000, 1.2089),
    (0.78125, 1.3291),
    (0.81250, 1.4733),
    (0.84375, 1.6516),
    (0.87500, 1.8819),
    (0.90625, 2.1994),
    (0.93750, 2.6890),
    (0.95000, 2.9807),
    (0.96875, 3.6502),
    (0.98000, 4.3598),
    (0.99000, 5.6178),
    (0.99500, 7.0849),
    (0.99800, 9.3852),
    (0.99900, 11.4314),
    (0.99950, 13.7720),
    (0.99990, 20.5145),
    (1.00000, 29.4414),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_row_and_purpose() {
        let head = |seed, row, purpose| Draw::new(seed, row, purpose).bits();
        let base = head(1, 1, Purpose::Plan);
        assert_eq!(base, head(1, 1, Purpose::Plan));
        assert_ne!(base, head(2, 1, Purpose::Plan));
        assert_ne!(base, head(1, 2, Purpose::Plan));
        assert_ne!(base, head(1, 1, Purpose::Label));
    }

    #[test]
    fn the_log_normal_table_has_mean_one_and_the_right_median() {
        let mut draw = Draw::new(7, 0, Purpose::Text);
        let mut values: Vec<f64> = (0..100_000).map(|_| log_normal_quantile(draw.unit())).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.sort_by(f64::total_cmp);
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((values[50_000] - 0.6456).abs() < 0.01, "{}", values[50_000]);
        assert!(values[0] > 0.04 && values[99_999] < 30.0);
    }

    #[test]
    fn the_alias_table_follows_zipfs_law() {
        let zipf = Zipf::new(50, 1.0);
        let mut draw = Draw::new(7, 0, Purpose::Text);
        let mut counts = [0_u32; 50];
        for _ in 0..450_000 {
            counts[zipf.draw(&mut draw)] += 1;
        }
        // The 50th harmonic number is 4.499: about 100,000 draws of the first item.
        for i in [0, 1, 9, 49] {
            let expected = 100_020.0 / (i + 1) as f64;
            assert!((f64::from(counts[i]) / expected - 1.0).abs() < 0.06, "{i}: {}", counts[i]);
        }
    }
}
