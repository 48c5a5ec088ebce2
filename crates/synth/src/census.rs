//! The census: which verdict, findings and lengths the rows of a corpus have.
//!
//! The study's paper publishes counts over 67,453 rows. This module holds one table of whole rows
//! that has all of them, so that a corpus of that size has the published figures exactly, and a
//! smaller one is a sample of it without replacement. Rows beyond 67,453 begin the next census.
//!
//! The published counts leave a few cells open. Derived ones: 2 malicious rows that SkillSpector
//! alone flags and 22 that VirusTotal and the static scanner flag. Free choices within the rounded
//! shares: 14,357 suspicious rows that SkillSpector alone flags, how the flags of two scanners
//! spread over clean and suspicious rows, and the statuses of rows that no figure names.

use clawsig_schema::{Scanner, Split, Verdict};

use crate::{
    draw::log_normal_quantile,
    risk::{CATEGORIES, REASONS},
};

/// Rows of a census.
pub(crate) const TOTAL: u32 = 67_453;

/// Rows by verdict (in the order of [`Verdict::ALL`]), by flags and by split ([`Split::ALL`]). Bit
/// i of the middle position is the flag of scanner i of [`Scanner::ALL`] (static, VirusTotal,
/// SkillSpector).
const CELLS: [[[u32; 4]; 8]; 3] = [
    [
        [18_559, 3_967, 2_593, 1_351],
        [367, 79, 51, 26],
        [764, 163, 108, 55],
        [19, 4, 3, 1],
        [8_514, 1_823, 1_218, 613],
        [515, 110, 73, 37],
        [463, 99, 65, 33],
        [49, 11, 7, 3],
    ],
    [
        [3_733, 794, 546, 260],
        [196, 42, 28, 13],
        [428, 91, 62, 30],
        [51, 11, 7, 3],
        [10_048, 2_136, 1_474, 699],
        [1_615, 344, 236, 112],
        [1_505, 320, 220, 105],
        [277, 59, 40, 19],
    ],
    [
        [38, 6, 4, 2],
        [3, 0, 0, 0],
        [92, 14, 9, 5],
        [14, 2, 2, 1],
        [2, 0, 0, 0],
        [1, 0, 0, 0],
        [6, 1, 1, 0],
        [3, 0, 0, 0],
    ],
];

/// Rows that SkillSpector does not flag, by verdict: without a result, and with an error.
const SKILLSPECTOR_MISSING: [u32; 3] = [800, 239, 192];
const SKILLSPECTOR_ERRORS: [u32; 3] = [10, 6, 0];
/// Rows that VirusTotal does not flag: without a result, and with a stale one.
const VIRUSTOTAL_MISSING: u32 = 1_580;
const VIRUSTOTAL_STALE: u32 = 233;
/// Stale rows whose engine counts speak against the status: there the two flag rules differ.
const VIRUSTOTAL_MOVED_ON: u32 = 12;
/// Rows that the static scanner does not flag and has no result for.
const STATIC_MISSING: u32 = 1_268;

/// Rows with SkillSpector issues, by verdict; the other rows that it flags are flagged by score.
const WITH_ISSUES: [u32; 3] = [8_200, 13_000, 10];
/// The steepness of the number of issues over the rows that have some, by verdict: it gives the
/// published means of 1.9, 6.5 and 0.57 issues a row.
const ISSUE_STEEPNESS: [f64; 3] = [27.5, 36.75, 33.6];

/// Score bands: share of the rows in parts of 1,000, lowest and highest score.
type Band = (u32, u32, u32);
/// Of the rows that SkillSpector has a result for and does not flag.
const QUIET_SCORES: &[Band] = &[(700, 0, 0), (300, 1, 20)];
/// Of the rows that it flags, by verdict: they give the published means of 22.1, 59.3 and 82.4.
const FLAGGED_SCORES: [&[Band]; 3] = [
    &[(100, 3, 20), (250, 21, 50), (350, 51, 80), (300, 81, 100)],
    &[(25, 3, 20), (75, 21, 50), (298, 51, 80), (602, 81, 100)],
    &[(500, 72, 76), (500, 90, 93)],
];

/// The median length of SKILL.md in characters, by verdict. The malicious one is not published.
const MEDIAN_CHARS: [f64; 3] = [3_955.0, 5_562.0, 4_200.0];
/// The mean length that these medians give.
pub(crate) const MEAN_CHARS: u32 = 7_067;
/// The cap of the dataset on SKILL.md, in characters.
const MAX_CHARS: f64 = 120_000.0;

/// Rows that carry a bundle, its files, the rows among them that hold code, repeated paths, and
/// the bytes of all files.
pub(crate) const BUNDLES: u32 = 13_255;
const CODE_BUNDLES: u32 = 6_785;
const REPEATED_PATHS: u32 = 9;
/// The chance of one more file, and the rows that have one more still: 58,516 files in all.
const MORE_FILES: f64 = 0.773;
const ONE_MORE_FILE: u32 = 125;
/// The mean size of a file in bytes, 278.9 MB over 58,516 files, and a row's mean.
pub(crate) const MEAN_FILE_BYTES: u32 = 4_766;
const MEAN_BUNDLE_BYTES: f64 = 21_041.0;

/// Rows whose judge was the usual model (99.6 %), and that have high (87.1 %) and medium (12.5 %)
/// confidence; the rest is low.
const USUAL_MODEL: u32 = 67_183;
const HIGH_CONFIDENCE: u32 = 58_752;
const MEDIUM_CONFIDENCE: u32 = 8_432;
/// Of the high ones, those whose verdict goes against the scanners' flags (a fifth lower there).
const HIGH_AGAINST_FLAGS: u32 = 14_000;

/// A row's place in the census.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    verdict: usize,
    flags: usize,
    split: usize,
    /// The rows of the same verdict and flags before it.
    offset: u32,
    key: u64,
}

/// What a scanner left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanResult {
    /// It flags the row.
    Flagged,
    /// It found nothing.
    Clean,
    /// Its result is out of date; whether the engines' counts have moved on.
    Stale { moved_on: bool },
    /// It failed.
    Error,
    /// No result.
    Missing,
}

/// Where a length lies among those of the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// At most the median.
    Below,
    /// The median itself.
    Middle,
    /// At least the median.
    Above,
}

/// Independent orders of the same rows.
#[derive(Clone, Copy)]
enum Order {
    Position = 0,
    Static,
    VirusTotal,
    SkillSpector,
    Score,
    Issues,
    Length,
    Model,
    Confidence,
    Bundle,
    Files,
    Bytes,
    Code,
    Categories = 32,
    Reasons = 64,
}

impl Member {
    /// The place of a corpus's row.
    pub(crate) fn of(seed: u64, index: u64) -> Member {
        let (census, index) = (index / u64::from(TOTAL), (index % u64::from(TOTAL)) as u32);
        let key = mixed(seed ^ mixed(census));
        let mut left = shuffled(index, TOTAL, mixed(key ^ Order::Position as u64));
        for (verdict, of_verdict) in CELLS.iter().enumerate() {
            for (flags, of_flags) in of_verdict.iter().enumerate() {
                let offset = left;
                for (split, &rows) in of_flags.iter().enumerate() {
                    if left < rows {
                        return Member { verdict, flags, split, offset, key };
                    }
                    left -= rows;
                }
            }
        }
        // The cells hold every position below their total.
        Member { verdict: 0, flags: 0, split: 0, offset: 0, key }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        Verdict::ALL[self.verdict]
    }

    pub(crate) fn split(&self) -> Split {
        Split::ALL[self.split]
    }

    pub(crate) fn flag(&self, scanner: Scanner) -> bool {
        is_flagged(self.flags, scanner)
    }

    /// Whether two rows have the same verdict and flags.
    pub(crate) fn is_like(&self, other: &Member) -> bool {
        (self.verdict, self.flags) == (other.verdict, other.flags)
    }

    /// The row's rank among those of which `holds` is true, in an order of its own, and their
    /// number. The row must be one of them.
    fn rank(&self, order: u64, holds: impl Fn(usize, usize) -> bool) -> (u32, u32) {
        let (before, all) = self.standing(holds);
        (shuffled(before, all, mixed(self.key ^ order)), all)
    }

    /// The rows before it of which `holds` is true, and all of them.
    fn standing(&self, holds: impl Fn(usize, usize) -> bool) -> (u32, u32) {
        let (mut before, mut all) = (0, 0);
        for (verdict, flags, rows) in cells() {
            if (verdict, flags) == (self.verdict, self.flags) {
                before = all + self.offset;
            }
            if holds(verdict, flags) {
                all += rows;
            }
        }
        (before, all)
    }

    pub(crate) fn scan(&self, scanner: Scanner) -> ScanResult {
        if self.flag(scanner) {
            return ScanResult::Flagged;
        }
        let quiet = |_: usize, flags: usize| !is_flagged(flags, scanner);
        match scanner {
            Scanner::Static => match self.rank(Order::Static as u64, quiet).0 {
                rank if rank < STATIC_MISSING => ScanResult::Missing,
                _ => ScanResult::Clean,
            },
            Scanner::VirusTotal => match self.rank(Order::VirusTotal as u64, quiet).0 {
                rank if rank < VIRUSTOTAL_MISSING => ScanResult::Missing,
                rank if rank < VIRUSTOTAL_MISSING + VIRUSTOTAL_STALE => {
                    ScanResult::Stale { moved_on: rank < VIRUSTOTAL_MISSING + VIRUSTOTAL_MOVED_ON }
                }
                _ => ScanResult::Clean,
            },
            Scanner::SkillSpector => match self.quiet_rank() {
                None => ScanResult::Clean,
                Some((rank, missing)) if rank < missing => ScanResult::Missing,
                Some(_) => ScanResult::Error,
            },
        }
    }

    /// Of a row that SkillSpector has no result for: its rank among those, and how many of them
    /// are missing.
    fn quiet_rank(&self) -> Option<(u32, u32)> {
        let verdict = self.verdict;
        let quiet =
            |v: usize, flags: usize| v == verdict && !is_flagged(flags, Scanner::SkillSpector);
        let (rank, _) = self.rank(Order::SkillSpector as u64, quiet);
        let missing = SKILLSPECTOR_MISSING[verdict];
        (rank < missing + SKILLSPECTOR_ERRORS[verdict]).then_some((rank, missing))
    }

    /// SkillSpector's score; `None` where it has no result.
    pub(crate) fn score(&self) -> Option<u32> {
        let verdict = self.verdict;
        let flagged = match self.scan(Scanner::SkillSpector) {
            ScanResult::Flagged => true,
            ScanResult::Clean => false,
            ScanResult::Stale { .. } | ScanResult::Error | ScanResult::Missing => return None,
        };
        let alike = |v: usize, flags: usize| {
            v == verdict && is_flagged(flags, Scanner::SkillSpector) == flagged
        };
        let (rank, all) = self.rank(Order::Score as u64, alike);
        // A row with issues may have a low score; one without is flagged by its score.
        let bands = if flagged { FLAGGED_SCORES[verdict] } else { QUIET_SCORES };
        Some(banded(bands, rank, all))
    }

    /// The number of SkillSpector's issues.
    pub(crate) fn issues(&self) -> u32 {
        let Some((rank, all)) = self.issue_rank() else { return 0 };
        let share = (f64::from(rank) + 0.5) / f64::from(all);
        1 + (ISSUE_STEEPNESS[self.verdict] * share * share) as u32
    }

    fn issue_rank(&self) -> Option<(u32, u32)> {
        let verdict = self.verdict;
        if !self.flag(Scanner::SkillSpector) {
            return None;
        }
        let flagged =
            |v: usize, flags: usize| v == verdict && is_flagged(flags, Scanner::SkillSpector);
        let (rank, _) = self.rank(Order::Issues as u64, flagged);
        let all = WITH_ISSUES[verdict];
        (rank < all).then_some((rank, all))
    }

    /// The positions in [`CATEGORIES`] of the issue categories that the row carries.
    pub(crate) fn categories(&self) -> Vec<usize> {
        let Some((rank, all)) = self.issue_rank() else { return Vec::new() };
        let carriers = CATEGORIES.map(|category| category.rows[self.verdict]);
        self.carried(&carriers, rank, all, Order::Categories as u64)
    }

    /// The positions in [`REASONS`] of the static scanner's codes that the row carries.
    pub(crate) fn reasons(&self) -> Vec<usize> {
        if !self.flag(Scanner::Static) {
            return Vec::new();
        }
        let flagged = |_: usize, flags: usize| is_flagged(flags, Scanner::Static);
        let (rank, all) = self.rank(Order::Reasons as u64, flagged);
        let carriers = REASONS.map(|(name, rows, _)| if is_malicious(name) { 0 } else { rows });
        let mut carried = self.carried(&carriers, rank, all, Order::Reasons as u64);
        // What only malware does is found on the worst rows, which come last.
        let (before, _) = self.standing(flagged);
        let mut end = all;
        for (i, (name, rows, _)) in REASONS.iter().enumerate() {
            if is_malicious(name) {
                if (end - rows..end).contains(&before) {
                    carried.push(i);
                }
                end -= rows;
            }
        }
        carried
    }

    /// Which of some marks the row of a rank carries, each on exactly so many of the `all` rows.
    /// The marks are laid one after the other around the rows until every row has one; the others
    /// fall independently.
    fn carried(&self, carriers: &[u32], rank: u32, all: u32, order: u64) -> Vec<usize> {
        let mut covered = 0;
        let mut carried = Vec::new();
        for (mark, &rows) in carriers.iter().enumerate() {
            let at = if covered < all {
                (rank + all - covered) % all
            } else {
                shuffled(rank, all, mixed(self.key ^ (order + 1 + mark as u64)))
            };
            covered += rows;
            if at < rows {
                carried.push(mark);
            }
        }
        carried
    }

    /// The length of SKILL.md in characters where the mean is [`MEAN_CHARS`] times `scale`, the
    /// median length of the verdict, and on which side of it the row's is.
    pub(crate) fn length(&self, scale: f64) -> (usize, usize, Side) {
        let verdict = self.verdict;
        let (rank, all) = self.rank(Order::Length as u64, |v, _| v == verdict);
        let side = match rank {
            rank if 2 * rank + 2 < all => Side::Below,
            rank if 2 * rank > all => Side::Above,
            _ => Side::Middle,
        };
        let median = (MEDIAN_CHARS[verdict] * scale).round();
        let share = (f64::from(rank) + 0.5) / f64::from(all);
        let drawn = (log_normal_quantile(share) / log_normal_quantile(0.5) * median).round();
        let chars = match side {
            Side::Below => drawn.min(median),
            Side::Middle => median,
            Side::Above => drawn.max(median),
        };
        (chars.min(MAX_CHARS) as usize, median.min(MAX_CHARS) as usize, side)
    }

    /// Whether the judge was the usual model.
    pub(crate) fn usual_model(&self) -> bool {
        self.rank(Order::Model as u64, |_, _| true).0 < USUAL_MODEL
    }

    /// The judge's confidence: lower where the verdict goes against the scanners.
    pub(crate) fn confidence(&self) -> &'static str {
        let against = |verdict: usize, flags: usize| (flags == 0) != (verdict == 0);
        let goes_against = against(self.verdict, self.flags);
        let (rank, all) = self.rank(Order::Confidence as u64, |verdict, flags| {
            against(verdict, flags) == goes_against
        });
        let rows_against: u32 =
            cells().filter(|&(verdict, flags, _)| against(verdict, flags)).map(|cell| cell.2).sum();
        let (high, medium) = if goes_against {
            (HIGH_AGAINST_FLAGS, rows_against - HIGH_AGAINST_FLAGS)
        } else {
            let high = HIGH_CONFIDENCE - HIGH_AGAINST_FLAGS;
            (high, MEDIUM_CONFIDENCE - (rows_against - HIGH_AGAINST_FLAGS))
        };
        debug_assert!(high + medium <= all);
        match rank {
            rank if rank < high => "high",
            rank if rank < high + medium => "medium",
            _ => "low",
        }
    }

    /// The row's bundle where `share` of the rows carry one and a file has `mean_bytes` on
    /// average; `None` for a row without.
    pub(crate) fn bundle(&self, share: f64, mean_bytes: u32) -> Option<Bundle> {
        let bundles = (share * f64::from(TOTAL)).round() as u32;
        let (rank, _) = self.rank(Order::Bundle as u64, |_, _| true);
        if rank >= bundles {
            return None;
        }
        let order = |order: Order| shuffled(rank, bundles, mixed(self.key ^ order as u64));
        let share_of = |rank: u32| (f64::from(rank) + 0.5) / f64::from(bundles);
        let by_files = order(Order::Files);
        let mut files = 1;
        let mut tail = MORE_FILES;
        while share_of(by_files) >= 1.0 - tail && files < 60 {
            files += 1;
            tail *= MORE_FILES;
        }
        files += u32::from(by_files < ONE_MORE_FILE * bundles / BUNDLES);
        let bytes = log_normal_quantile(share_of(order(Order::Bytes))) * MEAN_BUNDLE_BYTES;
        let scale = f64::from(mean_bytes) / f64::from(MEAN_FILE_BYTES);
        let smallest = files * MIN_FILE_BYTES;
        Some(Bundle {
            files,
            bytes: ((bytes * scale) as u32).max(smallest),
            code: order(Order::Code) < (f64::from(CODE_BUNDLES) * share_of_all(bundles)) as u32,
            repeats_a_path: by_files + REPEATED_PATHS >= bundles && files > 1,
        })
    }
}

/// The smallest file of a bundle, in bytes.
pub(crate) const MIN_FILE_BYTES: u32 = 20;

/// How many times [`BUNDLES`] some bundles are.
fn share_of_all(bundles: u32) -> f64 {
    f64::from(bundles) / f64::from(BUNDLES)
}

/// What a bundle holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundle {
    pub(crate) files: u32,
    /// Bytes of all its files.
    pub(crate) bytes: u32,
    /// Whether a file of it is code.
    pub(crate) code: bool,
    /// Whether its second file has the path of the first.
    pub(crate) repeats_a_path: bool,
}

/// Whether a static code is one that only malware has.
pub(crate) fn is_malicious(reason: &str) -> bool {
    reason.starts_with("malicious.")
}

fn is_flagged(flags: usize, scanner: Scanner) -> bool {
    flags >> scanner.index() & 1 == 1
}

/// Verdict, flags and rows of every cell.
fn cells() -> impl Iterator<Item = (usize, usize, u32)> {
    CELLS.iter().enumerate().flat_map(|(verdict, of_verdict)| {
        let rows = of_verdict.iter().enumerate();
        rows.map(move |(flags, of_flags)| (verdict, flags, of_flags.iter().sum()))
    })
}

/// The score of a rank among `all`: each band has its share of the ranks, and its scores in turn.
fn banded(bands: &[Band], rank: u32, all: u32) -> u32 {
    let mut start = 0;
    let mut parts = 0;
    for &(share, low, high) in bands {
        parts += share;
        let end = (u64::from(all) * u64::from(parts)).div_ceil(1_000) as u32;
        if rank < end {
            return low + (rank - start) % (high - low + 1);
        }
        start = end;
    }
    bands.last().map_or(0, |band| band.2)
}

/// A number that every bit of the given one changes (the finaliser of SplitMix64).
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Where a number below `n` goes in the shuffle of a key: a bijection, by a Feistel network that
/// is walked until it stays below `n`.
fn shuffled(value: u32, n: u32, key: u64) -> u32 {
    let half = (32 - n.saturating_sub(1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u32 << half) - 1;
    let mut value = value;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4 {
            let mixed = mixed(key ^ (u64::from(right) << 8 | round)) as u32;
            (left, right) = (right, left ^ (mixed & mask));
        }
        value = left << half | right;
        if value < n {
            return value;
        }
    }
}

#[cfg(test)]
mod tests;
