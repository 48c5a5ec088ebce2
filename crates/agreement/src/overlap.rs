//! How sets of flagged subjects overlap, for any number of raters up to 64.

use std::collections::BTreeMap;

use crate::{Error, Estimate, Outcome, Undefined, proportion, table::sum};

/// The exclusive intersections of several raters' flagged subjects: for each combination of
/// raters, how many subjects exactly they flag.
///
/// Overlap is not agreement: it leaves out the subjects that nobody flags, and it is bounded by
/// the raters' rates, so that a rater that flags little can't overlap much with one that flags a lot.
///
/// ```
/// use clawsig_agreement::Overlap;
/// let rows = [[true, false], [true, true], [false, false], [true, false]];
/// let overlap = Overlap::from_rows(2, rows)?;
/// assert_eq!(overlap.union(), 3);
/// assert_eq!(overlap.flagged_by_exactly(1), 2);
/// assert_eq!(overlap.conditional(0, 1).value, Ok(1.0)); // who flags, given that rater 1 does
/// assert_eq!(overlap.coverage()[0].rater, 0);
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    raters: usize,
    patterns: BTreeMap<u64, u64>,
}

/// One step of the order in which adding raters covers most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The rater added.
    pub rater: usize,
    /// Subjects newly covered.
    pub added: u64,
    /// Subjects covered so far.
    pub covered: u64,
}

impl Overlap {
    /// No subjects yet; more than 64 raters or none is an error.
    pub fn new(raters: usize) -> Result<Overlap, Error> {
        if !(1..=64).contains(&raters) {
            return Err(Error::Parameter {
                name: "raters",
                value: raters.to_string(),
                range: "1 to 64",
            });
        }
        Ok(Overlap { raters, patterns: BTreeMap::new() })
    }

    /// Counts rows of flags, one flag a rater.
    pub fn from_rows<R: AsRef<[bool]>>(
        raters: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Overlap, Error> {
        let mut overlap = Overlap::new(raters)?;
        for (subject, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            if row.len() != raters {
                return Err(Error::RaterCount { subject, found: row.len(), expected: raters });
            }
            let bits = row.iter().enumerate().fold(0, |bits, (i, &f)| bits | u64::from(f) << i);
            overlap.add(bits, 1);
        }
        Ok(overlap)
    }

    /// Adds subjects whose flags are the bits of `pattern`, rater 0 in the lowest; bits of raters
    /// that do not exist are ignored. Counts stop at `u64::MAX`.
    pub fn add(&mut self, pattern: u64, subjects: u64) {
        let known = u64::MAX >> (64 - self.raters);
        let sum = self.patterns.entry(pattern & known).or_default();
        *sum = sum.saturating_add(subjects);
    }

    /// Every pattern that occurs, by its bits.
    pub fn patterns(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.patterns.iter().map(|(&bits, &subjects)| (bits, subjects))
    }

    /// The raters.
    pub fn raters(&self) -> usize {
        self.raters
    }

    fn count(&self, wanted: impl Fn(u64) -> bool) -> u64 {
        sum(self.patterns.iter().filter(|(bits, _)| wanted(**bits)).map(|(_, subjects)| subjects))
    }

    fn bit(rater: usize) -> u64 {
        u32::try_from(rater).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
    }

    /// All subjects.
    pub fn subjects(&self) -> u64 {
        self.count(|_| true)
    }

    /// Subjects flagged by at least one rater.
    pub fn union(&self) -> u64 {
        self.count(|bits| bits != 0)
    }

    /// Subjects flagged by all raters.
    pub fn intersection(&self) -> u64 {
        self.flagged_by_exactly(self.raters)
    }

    /// Subjects flagged by exactly so many raters.
    pub fn flagged_by_exactly(&self, raters: usize) -> u64 {
        self.count(|bits| bits.count_ones() as usize == raters)
    }

    /// Subjects the rater flags; none of a rater that does not exist.
    pub fn flagged(&self, rater: usize) -> u64 {
        self.count(|bits| bits & Overlap::bit(rater) != 0)
    }

    /// The share of subjects the rater flags, with Wilson's interval.
    pub fn marginal(&self, rater: usize) -> Estimate {
        self.known([rater], || proportion(self.flagged(rater), self.subjects()))
    }

    /// The estimate, if the raters exist.
    fn known<const N: usize>(
        &self,
        raters: [usize; N],
        estimate: impl FnOnce() -> Estimate,
    ) -> Estimate {
        if raters.iter().all(|rater| *rater < self.raters) {
            estimate()
        } else {
            Estimate::point(Err(Undefined::NoSuchRater), self.subjects())
        }
    }

    /// Jaccard overlap of two raters, `|A and B| / |A or B|`, 0 to 1 (Jaccard 1901): flagged by both
    /// over flagged by either. Undefined where neither flags anything.
    pub fn pairwise(&self, a: usize, b: usize) -> Outcome {
        if a.max(b) >= self.raters {
            return Err(Undefined::NoSuchRater);
        }
        let both = self.count(|bits| bits & Overlap::bit(a) != 0 && bits & Overlap::bit(b) != 0);
        match self.count(|bits| bits & (Overlap::bit(a) | Overlap::bit(b)) != 0) {
            0 => Err(Undefined::CategoryUnused),
            either => Ok(both as f64 / either as f64),
        }
    }

    /// Flagged by all over flagged by any, 0 to 1, with Wilson's interval: the Jaccard index of all
    /// raters. It can only fall with every rater added.
    pub fn total_overlap(&self) -> Estimate {
        proportion(self.intersection(), self.union())
    }

    /// Of the subjects flagged by `given`, the share that `rater` flags too, 0 to 1, with Wilson's
    /// interval. Not symmetric: compare it with [`Overlap::marginal`], since a rater that flags
    /// nearly everything confirms nearly everything.
    pub fn conditional(&self, rater: usize, given: usize) -> Estimate {
        self.known([rater, given], || {
            let wanted = Overlap::bit(rater) | Overlap::bit(given);
            proportion(self.count(|bits| bits & wanted == wanted), self.flagged(given))
        })
    }

    /// Subjects that this rater alone flags: what would be missed without it, if its flags are right.
    pub fn unique(&self, rater: usize) -> u64 {
        self.count(|bits| bits == Overlap::bit(rater))
    }

    /// The raters in the greedy order: each step adds the one with the most flagged subjects not
    /// yet covered, the earlier rater on a tie. The best set of two or more raters need not be the
    /// greedy one, but covers at most `1 / (1 - 1/e)` times as much (Nemhauser et al. 1978).
    pub fn coverage(&self) -> Vec<Coverage> {
        let mut taken = 0_u64;
        let mut steps = Vec::with_capacity(self.raters);
        let mut covered = 0_u64;
        for _ in 0..self.raters {
            let gain = |rater: usize| {
                self.count(|bits| bits & taken == 0 && bits & Overlap::bit(rater) != 0)
            };
            let mut best: Option<(usize, u64)> = None;
            for rater in (0..self.raters).filter(|&rater| taken & Overlap::bit(rater) == 0) {
                let added = gain(rater);
                if best.is_none_or(|(_, most)| added > most) {
                    best = Some((rater, added));
                }
            }
            let Some((rater, added)) = best else { break };
            taken |= Overlap::bit(rater);
            covered = covered.saturating_add(added);
            steps.push(Coverage { rater, added, covered });
        }
        steps
    }
}
