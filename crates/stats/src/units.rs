//! The units that a resampling draws: single subjects or whole clusters, as counts of a few kinds.
//!
//! Data are counts of a few kinds of subject (the cells of a table, the distinct rating patterns),
//! so a replicate is one multinomial draw of counts and costs nothing per subject. Replicate `r`
//! draws from stream `r` of ChaCha8 under the seed, so that results depend on nothing else.

use std::{collections::BTreeMap, ops::Range};

use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};

use crate::{Error, Replicates, below, generator};

/// The most subjects that are counted with, 2^53: beyond it a count is no longer exact in floating
/// point, and neither are sums of counts nor the sampler of the bootstrap.
pub const MOST_SUBJECTS: u64 = 1 << 53;

/// Groups of identical clusters below this size are drawn one cluster at a time: the binomial
/// sampler's setup would cost more.
const BULK: u64 = 16;

/// Settings of a resampling, to be checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResamplingParams {
    /// Bootstrap replicates, 2,000 by default.
    pub replicates: u32,
    /// The seed, 0 by default.
    pub seed: u64,
    /// The level of intervals, 0.95 by default.
    pub level: f64,
}

impl Default for ResamplingParams {
    fn default() -> ResamplingParams {
        ResamplingParams { replicates: 2000, seed: 0, level: 0.95 }
    }
}

impl ResamplingParams {
    /// The settings, if each is in its range.
    pub fn check(self) -> Result<Resampling, Error> {
        if !(100..=1_000_000).contains(&self.replicates) {
            return Err(Error::Parameter {
                name: "replicates",
                value: self.replicates.to_string(),
                range: "100 to 1000000",
            });
        }
        if !(0.5..=0.999).contains(&self.level) {
            return Err(Error::Parameter {
                name: "level",
                value: self.level.to_string(),
                range: "0.5 to 0.999",
            });
        }
        Ok(Resampling(self))
    }
}

/// Checked settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling(ResamplingParams);

impl Resampling {
    /// The settings as given.
    pub fn params(&self) -> ResamplingParams {
        self.0
    }
}

/// The subjects of a unit: kinds with their counts.
pub type Members = [(usize, u64)];

/// The units that are drawn, subjects or clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    totals: Vec<u64>,
    /// Distinct clusters as (kind, count) lists, and how many clusters look like that.
    groups: Vec<(Vec<(usize, u64)>, u64)>,
    clustered: bool,
}

/// The sum, or the largest number where it is larger.
fn sum<'c>(counts: impl IntoIterator<Item = &'c u64>) -> u64 {
    counts.into_iter().fold(0, |sum, count| sum.saturating_add(*count))
}

impl Units {
    /// Single subjects: how many there are of each kind.
    pub fn subjects(counts: &[u64]) -> Units {
        let groups = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(kind, &count)| (vec![(kind, 1)], count))
            .collect();
        Units { totals: counts.to_vec(), groups, clustered: false }
    }

    /// Whole clusters: for each, how many subjects of each kind it has. Identical clusters are
    /// kept once, empty ones left out. A kind at or above `kinds` is an error.
    pub fn clusters(
        kinds: usize,
        clusters: impl IntoIterator<Item = Vec<(usize, u64)>>,
    ) -> Result<Units, Error> {
        Units::counted_clusters(kinds, clusters.into_iter().map(|cluster| (cluster, 1)))
    }

    /// As [`Units::clusters`], with the number of clusters that look like each.
    pub fn counted_clusters(
        kinds: usize,
        clusters: impl IntoIterator<Item = (Vec<(usize, u64)>, u64)>,
    ) -> Result<Units, Error> {
        let mut all = Vec::new();
        for (mut cluster, size) in clusters {
            if let Some(&(kind, _)) = cluster.iter().find(|(kind, _)| *kind >= kinds) {
                return Err(Error::UnknownKind { kind, kinds });
            }
            cluster.retain(|&(_, count)| count > 0);
            cluster.sort_unstable();
            if !cluster.is_empty() && size > 0 {
                all.push((cluster, size));
            }
        }
        all.sort_unstable();
        let mut totals = vec![0_u64; kinds];
        let mut groups: Vec<(Vec<(usize, u64)>, u64)> = Vec::new();
        for (cluster, more) in all {
            for &(kind, count) in &cluster {
                totals[kind] = totals[kind].saturating_add(count.saturating_mul(more));
            }
            match groups.last_mut() {
                Some((last, size)) if *last == cluster => *size = size.saturating_add(more),
                _ => groups.push((cluster, more)),
            }
        }
        // The commonest first: most of a draw is then settled by few binomials.
        groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(Units { totals, groups, clustered: true })
    }

    /// The same units with their kinds renamed: `kinds` has each kind's new one, below `new`. Kinds
    /// that get one name are added up.
    pub fn with_kinds(&self, new: usize, kinds: &[usize]) -> Result<Units, Error> {
        let renamed = self.groups.iter().map(|(members, size)| {
            let mut sums = BTreeMap::<usize, u64>::new();
            for (kind, count) in members {
                let kind = kinds.get(*kind).copied().unwrap_or(usize::MAX);
                let sum = sums.entry(kind).or_default();
                *sum = sum.saturating_add(*count);
            }
            (sums.into_iter().collect(), *size)
        });
        let renamed = Units::counted_clusters(new, renamed)?;
        Ok(if self.clustered { renamed } else { Units::subjects(renamed.totals()) })
    }

    /// The counts of each kind over all units.
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }

    /// Whether whole clusters are drawn.
    pub fn are_clusters(&self) -> bool {
        self.clustered
    }

    /// The number of units: subjects or clusters; `u64::MAX` where there are more.
    pub fn count(&self) -> u64 {
        sum(self.groups.iter().map(|(_, size)| size))
    }

    /// The number of subjects in them; `u64::MAX` where there are more.
    pub fn subject_count(&self) -> u64 {
        sum(&self.totals)
    }

    /// Resamples so many statistics at once. `compute` is given the counts of each kind and fills
    /// one value a statistic, `None` where it is undefined; it is called once for the whole data,
    /// once a distinct unit left out and once a replicate.
    ///
    /// ```
    /// use clawsig_stats::{ResamplingParams, Units};
    /// let settings = ResamplingParams::default().check()?;
    /// let found = Units::subjects(&[30, 70]).resample(&settings, 1, |counts, out| {
    ///     out[0] = Some(counts[0] as f64 / (counts[0] + counts[1]) as f64);
    /// });
    /// let ends = found[0].percentile(0.95, (0.0, 1.0)).interval?;
    /// assert!((ends.low - 0.21).abs() < 0.02 && (ends.high - 0.39).abs() < 0.02);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resample(
        &self,
        settings: &Resampling,
        statistics: usize,
        mut compute: impl FnMut(&[u64], &mut [Option<f64>]),
    ) -> Vec<Replicates> {
        let mut counts = self.totals.clone();
        let mut compute = |task: Task<'_>, out: &mut [Option<f64>]| match task {
            Task::Counts(counts) => compute(counts, out),
            Task::Without(members) => {
                for &(kind, count) in members {
                    counts[kind] -= count;
                }
                compute(&counts, out);
                for &(kind, count) in members {
                    counts[kind] += count;
                }
            }
        };
        self.run(settings, statistics, true, &mut compute)
    }

    /// As [`Units::resample`], with leave-one-out values from `without`, which is given the unit
    /// that is left out. It serves statistics of running sums, from which a unit can be taken
    /// without computing the sums anew.
    pub fn resample_sums(
        &self,
        settings: &Resampling,
        statistics: usize,
        mut compute: impl FnMut(&[u64], &mut [Option<f64>]),
        mut without: impl FnMut(&Members, &mut [Option<f64>]),
    ) -> Vec<Replicates> {
        let mut compute = |task: Task<'_>, out: &mut [Option<f64>]| match task {
            Task::Counts(counts) => compute(counts, out),
            Task::Without(members) => without(members, out),
        };
        self.run(settings, statistics, true, &mut compute)
    }

    /// As [`Units::resample`] without leave-one-out values, for statistics that are costly to
    /// compute: [`Replicates::bca`] then has no acceleration and [`Replicates::jackknife`] is not
    /// given.
    pub fn replicate(
        &self,
        settings: &Resampling,
        statistics: usize,
        mut compute: impl FnMut(&[u64], &mut [Option<f64>]),
    ) -> Vec<Replicates> {
        let mut compute = |task: Task<'_>, out: &mut [Option<f64>]| {
            if let Task::Counts(counts) = task {
                compute(counts, out);
            }
        };
        self.run(settings, statistics, false, &mut compute)
    }

    fn run(
        &self,
        settings: &Resampling,
        statistics: usize,
        leave_out: bool,
        compute: &mut dyn FnMut(Task<'_>, &mut [Option<f64>]),
    ) -> Vec<Replicates> {
        let mut row = vec![None; statistics];
        compute(Task::Counts(&self.totals), &mut row);
        let values = row.clone();
        // With more subjects no statistic has a value, sums are cut, and a draw would not end.
        let countable = (1..=MOST_SUBJECTS).contains(&self.subject_count());
        let mut left_out = vec![Vec::new(); statistics];
        if leave_out && countable {
            for (members, size) in &self.groups {
                row.fill(None);
                compute(Task::Without(members), &mut row);
                for (list, value) in left_out.iter_mut().zip(&row) {
                    list.push((*value, *size));
                }
            }
        }
        let drawn = if countable { settings.0.replicates as usize } else { 0 };
        let mut replicates = vec![Vec::with_capacity(drawn); statistics];
        let plan = Draw::new(self);
        let mut counts = self.totals.clone();
        for replicate in 0..drawn {
            plan.draw(&mut generator(settings.0.seed, replicate as u64), &mut counts);
            row.fill(None);
            compute(Task::Counts(&counts), &mut row);
            for (list, value) in replicates.iter_mut().zip(&row) {
                list.push(*value);
            }
        }
        let lists = replicates.into_iter().zip(left_out);
        values
            .into_iter()
            .zip(lists)
            .map(|(value, (list, left_out))| {
                Replicates::new(value, self.count(), list).with_left_out(left_out)
            })
            .collect()
    }
}

/// The data that statistics are computed of.
enum Task<'t> {
    Counts(&'t [u64]),
    Without(&'t Members),
}

/// A plan of drawing as many units as there are, with replacement.
struct Draw<'u> {
    bulk: &'u [(Vec<(usize, u64)>, u64)],
    /// For every cluster outside the bulk, where in `members` its kinds and counts stand: one
    /// after the other, since a draw jumps about among them.
    singles: Vec<Range<u32>>,
    members: Vec<(usize, u64)>,
    units: u64,
}

impl<'u> Draw<'u> {
    fn new(units: &'u Units) -> Draw<'u> {
        // Subjects are few kinds, all drawn in bulk.
        let cut = if units.clustered {
            units.groups.partition_point(|(_, size)| *size >= BULK)
        } else {
            units.groups.len()
        };
        let (bulk, rest) = units.groups.split_at(cut);
        let (mut singles, mut members) = (Vec::new(), Vec::new());
        for (cluster, size) in rest {
            // 2^32 members would take 64 GiB.
            let begin = members.len() as u32;
            members.extend_from_slice(cluster);
            singles.extend((0..*size).map(|_| begin..members.len() as u32));
        }
        Draw { bulk, singles, members, units: units.count() }
    }

    fn draw(&self, generator: &mut ChaCha8Rng, counts: &mut [u64]) {
        counts.fill(0);
        let (mut to_draw, mut remaining) = (self.units, self.units);
        for (cluster, size) in self.bulk {
            if to_draw == 0 {
                return;
            }
            let taken = if *size >= remaining {
                to_draw
            } else {
                let share = *size as f64 / remaining as f64;
                // A share strictly between 0 and 1 is always accepted.
                Binomial::new(to_draw, share).map_or(0, |binomial| binomial.sample(generator))
            };
            for &(kind, count) in cluster {
                // A draw of large clusters can hold more subjects than there are.
                counts[kind] = counts[kind].saturating_add(count.saturating_mul(taken));
            }
            to_draw -= taken;
            remaining -= size;
        }
        for _ in 0..to_draw {
            if let Some(place) = self.singles.get(below(generator, self.singles.len())) {
                for &(kind, count) in &self.members[place.start as usize..place.end as usize] {
                    counts[kind] = counts[kind].saturating_add(count);
                }
            }
        }
    }
}
