//! Standard errors and intervals for any statistic of counts: jackknife and bootstrap, of single
//! subjects or of whole clusters.
//!
//! Data are counts of a few kinds of subject (the cells of a table, the distinct rating patterns),
//! so a replicate is one multinomial draw of counts and costs nothing per subject. Replicate `r`
//! draws from stream `r` of ChaCha8 under the seed, so that results depend on nothing else.

use std::ops::Range;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rand_distr::{Binomial, Distribution};

use crate::{
    Error, Estimate, Interval, MOST_SUBJECTS, Method, Outcome, Ratings, Table, Undefined,
    distribution, table::sum,
};

/// An interval needs this share of its replicates to be defined.
const DEFINED_SHARE: f64 = 0.9;

/// Groups of identical clusters below this size are drawn one cluster at a time: the binomial
/// sampler's setup would cost more.
const BULK: u64 = 16;

/// Settings of the resampling, to be checked.
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

/// What is resampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    totals: Vec<u64>,
    /// Distinct clusters as (kind, count) lists, and how many clusters look like that.
    groups: Vec<(Vec<(usize, u64)>, u64)>,
    clustered: bool,
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
    /// kept once. Kinds at or above `kinds` and empty clusters are left out.
    pub fn clusters(kinds: usize, clusters: impl IntoIterator<Item = Vec<(usize, u64)>>) -> Units {
        Units::counted_clusters(kinds, clusters.into_iter().map(|cluster| (cluster, 1)))
    }

    /// As [`Units::clusters`], with the number of clusters that look like each.
    pub fn counted_clusters(
        kinds: usize,
        clusters: impl IntoIterator<Item = (Vec<(usize, u64)>, u64)>,
    ) -> Units {
        let mut all: Vec<(Vec<(usize, u64)>, u64)> = clusters
            .into_iter()
            .map(|(mut cluster, size)| {
                cluster.retain(|&(kind, count)| kind < kinds && count > 0);
                cluster.sort_unstable();
                (cluster, size)
            })
            .filter(|(cluster, size)| !cluster.is_empty() && *size > 0)
            .collect();
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
        Units { totals, groups, clustered: true }
    }

    /// The counts of each kind over all units.
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }

    /// The number of units: subjects or clusters; `u64::MAX` where there are more.
    pub fn count(&self) -> u64 {
        sum(self.groups.iter().map(|(_, size)| size))
    }

    fn subject_count(&self) -> u64 {
        sum(&self.totals)
    }
}

/// Every statistic's replicates and leave-one-out values on one set of units.
#[derive(Clone, Debug)]
pub struct Resampled {
    level: f64,
    clustered: bool,
    subjects: u64,
    units: u64,
    values: Vec<Outcome>,
    /// Sorted defined replicates of each statistic.
    replicates: Vec<Vec<f64>>,
    drawn: usize,
    /// Leave-one-out values of each statistic with the number of units that give them.
    left_out: Vec<Vec<(Outcome, u64)>>,
}

/// Resamples `statistics` many statistics at once. `compute` is given the counts of each kind and
/// fills one outcome a statistic; it is called about `replicates + distinct units` times.
pub fn resample(
    units: &Units,
    settings: &Resampling,
    statistics: usize,
    compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    run(units, settings, statistics, true, compute)
}

/// [`resample`] for statistics of a table, whose single subjects are drawn anew.
///
/// ```
/// use clawsig_agreement::{Table, resampling::{ResamplingParams, resample_table}, two_raters};
/// let settings = ResamplingParams::default().check()?;
/// let found = resample_table(&Table::binary(20, 5, 4, 71), &settings, 1, |table, out| {
///     out[0] = two_raters::cohen_kappa(table);
/// });
/// let (bca, jackknife) = (found.bca(0), found.jackknife(0, (-1.0, 1.0)));
/// assert!(bca.interval.is_some() && jackknife.standard_error.is_some());
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_table(
    table: &Table,
    settings: &Resampling,
    statistics: usize,
    mut compute: impl FnMut(&Table, &mut [Outcome]),
) -> Resampled {
    let mut drawn = table.clone();
    resample(&Units::subjects(table.counts()), settings, statistics, |counts, out| {
        drawn.set_counts(counts);
        compute(&drawn, out);
    })
}

/// [`resample`] for statistics of any number of raters, whose single subjects are drawn anew.
///
/// ```
/// use clawsig_agreement::{Ratings, Weights, multi, resampling::{ResamplingParams, resample_ratings}};
/// let flags = |bits: [usize; 3]| bits.map(Some).to_vec();
/// let patterns = [(flags([0, 0, 0]), 40), (flags([1, 0, 1]), 9), (flags([1, 1, 1]), 20)];
/// let ratings = Ratings::from_patterns(3, 2, patterns)?;
/// let settings = ResamplingParams::default().check()?;
/// let found = resample_ratings(&ratings, &settings, 2, |ratings, out| {
///     out[0] = multi::light_kappa(ratings).value;
///     out[1] = multi::krippendorff_alpha(ratings, &multi::Metric::Ordinal).value;
/// });
/// assert!((0..2).all(|place| found.bca(place).interval.is_some()));
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_ratings(
    ratings: &Ratings,
    settings: &Resampling,
    statistics: usize,
    mut compute: impl FnMut(&Ratings, &mut [Outcome]),
) -> Resampled {
    let mut drawn = ratings.clone();
    resample(&Units::subjects(ratings.counts()), settings, statistics, |counts, out| {
        drawn.set_counts(counts);
        compute(&drawn, out);
    })
}

/// As [`resample`] without the leave-one-out values, for statistics that are costly to compute:
/// [`Resampled::percentile`] is given as ever, [`Resampled::bca`] without acceleration, and
/// [`Resampled::jackknife`] not at all.
pub fn replicate(
    units: &Units,
    settings: &Resampling,
    statistics: usize,
    compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    run(units, settings, statistics, false, compute)
}

fn run(
    units: &Units,
    settings: &Resampling,
    statistics: usize,
    leave_out: bool,
    mut compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    let mut row = vec![Err(Undefined::NoSubjects); statistics];
    compute(&units.totals, &mut row);
    let values = row.clone();
    let mut left_out = vec![Vec::with_capacity(units.groups.len()); statistics];
    let mut counts = units.totals.clone();
    // With more subjects no statistic has a value, sums are cut, and a draw would not end.
    let countable = (1..=MOST_SUBJECTS).contains(&units.subject_count());
    let to_leave_out = if leave_out && countable { units.groups.as_slice() } else { &[] };
    for (cluster, size) in to_leave_out {
        for &(kind, count) in cluster {
            counts[kind] -= count;
        }
        compute(&counts, &mut row);
        for &(kind, count) in cluster {
            counts[kind] += count;
        }
        for (list, outcome) in left_out.iter_mut().zip(&row) {
            list.push((*outcome, *size));
        }
    }
    let drawn = settings.0.replicates as usize;
    let mut replicates = vec![Vec::with_capacity(drawn); statistics];
    if countable {
        let plan = DrawPlan::new(units);
        let root = ChaCha8Rng::seed_from_u64(settings.0.seed);
        for replicate in 0..drawn {
            let mut generator = root.clone();
            generator.set_stream(replicate as u64);
            plan.draw(&mut generator, &mut counts);
            compute(&counts, &mut row);
            for (list, outcome) in replicates.iter_mut().zip(&row) {
                list.extend(outcome.iter().filter(|value| value.is_finite()));
            }
        }
    }
    for list in &mut replicates {
        list.sort_unstable_by(f64::total_cmp);
    }
    Resampled {
        level: settings.0.level,
        clustered: units.clustered,
        subjects: units.subject_count(),
        units: units.count(),
        values,
        replicates,
        drawn,
        left_out,
    }
}

/// How to draw as many units as there are, with replacement.
struct DrawPlan<'u> {
    bulk: &'u [(Vec<(usize, u64)>, u64)],
    /// For every cluster outside the bulk, where in `members` its kinds and counts stand: one
    /// after the other, since a draw jumps about among them.
    singles: Vec<Range<u32>>,
    members: Vec<(usize, u64)>,
    units: u64,
}

impl<'u> DrawPlan<'u> {
    fn new(units: &'u Units) -> DrawPlan<'u> {
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
        DrawPlan { bulk, singles, members, units: units.count() }
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

/// A number below `bound` by Lemire's multiplication. The bias is under `bound / 2^64`.
fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(generator.next_u64()) * bound as u128) >> 64) as usize
}

impl Resampled {
    /// The number of statistics.
    pub fn statistics(&self) -> usize {
        self.values.len()
    }

    fn estimate(
        &self,
        statistic: usize,
        error: Option<f64>,
        interval: Option<Interval>,
        methods: (Method, Method),
    ) -> Estimate {
        let point = Estimate::point(self.values[statistic], self.subjects);
        if error.is_none() && interval.is_none() {
            return point;
        }
        let method = if self.clustered { methods.1 } else { methods.0 };
        Estimate { standard_error: error, interval, method: Some(method), ..point }
    }

    fn usable(&self, statistic: usize) -> Option<&[f64]> {
        self.values[statistic].ok()?;
        let list = &self.replicates[statistic];
        let enough = list.len() as f64 >= DEFINED_SHARE * self.drawn as f64;
        let spread = list.last().zip(list.first()).is_some_and(|(most, least)| most > least);
        (enough && spread && self.units >= 2).then_some(list)
    }

    /// The percentile bootstrap (Efron 1979), with the replicates' standard deviation as standard
    /// error. None is given where over a tenth of the replicates are undefined, or where they are
    /// all equal: at the edge of its range a statistic can look more certain than it is.
    pub fn percentile(&self, statistic: usize) -> Estimate {
        let list = self.usable(statistic);
        let tail = (1.0 - self.level) / 2.0;
        let interval = list
            .map(|list| Interval { low: quantile(list, tail), high: quantile(list, 1.0 - tail) });
        self.estimate(
            statistic,
            list.map(deviation),
            interval,
            (Method::BootstrapPercentile, Method::ClusterBootstrapPercentile),
        )
    }

    /// The bias-corrected and accelerated bootstrap (Efron 1987): percentiles moved by the
    /// replicates' median bias and by the jackknife's skewness. Where the replicates all lie on
    /// one side of the value there is no such correction, and the percentile interval is given
    /// (and named).
    pub fn bca(&self, statistic: usize) -> Estimate {
        let (Some(list), Ok(value)) = (self.usable(statistic), self.values[statistic]) else {
            return self.percentile(statistic);
        };
        let below = list.partition_point(|&x| x < value);
        let up_to = list.partition_point(|&x| x <= value);
        // Ties count half: statistics of counts are discrete.
        let share = (below + up_to) as f64 / 2.0 / list.len() as f64;
        if share <= 0.0 || share >= 1.0 {
            return self.percentile(statistic);
        }
        let bias = distribution::normal_quantile(share);
        let acceleration = self.acceleration(statistic);
        let tail = (1.0 - self.level) / 2.0;
        let end = |p: f64| {
            let z = bias + distribution::normal_quantile(p);
            let moved = bias + z / (1.0 - acceleration * z);
            quantile(list, distribution::normal_cdf(moved))
        };
        let interval = Interval { low: end(tail), high: end(1.0 - tail) };
        self.estimate(
            statistic,
            Some(deviation(list)),
            Some(interval),
            (Method::BootstrapBca, Method::ClusterBootstrapBca),
        )
    }

    /// The leave-one-out values' mean and their weighted deviations, if all are defined.
    fn leave_one_out(&self, statistic: usize) -> Option<Vec<(f64, f64)>> {
        if self.units < 2 {
            return None;
        }
        if self.left_out[statistic].is_empty() {
            return None;
        }
        let mut values = Vec::with_capacity(self.left_out[statistic].len());
        for &(outcome, size) in &self.left_out[statistic] {
            values.push((outcome.ok()?, size as f64));
        }
        let mean = values.iter().map(|(v, w)| v * w).sum::<f64>() / self.units as f64;
        Some(values.into_iter().map(|(v, w)| (mean - v, w)).collect())
    }

    fn acceleration(&self, statistic: usize) -> f64 {
        let Some(parts) = self.leave_one_out(statistic) else {
            return 0.0;
        };
        let square: f64 = parts.iter().map(|(d, w)| w * d * d).sum();
        let cube: f64 = parts.iter().map(|(d, w)| w * d * d * d).sum();
        if square > 0.0 { cube / (6.0 * square.powf(1.5)) } else { 0.0 }
    }

    /// The delete-one jackknife (Tukey 1958), Student's t with units - 1 degrees of freedom. Not
    /// given where leaving out some unit makes the statistic undefined.
    pub fn jackknife(&self, statistic: usize, range: (f64, f64)) -> Estimate {
        let error = self.leave_one_out(statistic).map(|parts| {
            let square: f64 = parts.iter().map(|(d, w)| w * d * d).sum();
            let units = self.units as f64;
            (square * (units - 1.0) / units).sqrt()
        });
        let methods = (Method::Jackknife, Method::ClusterJackknife);
        let (Some(error), Ok(value)) = (error, self.values[statistic]) else {
            return self.estimate(statistic, None, None, methods);
        };
        let interval =
            distribution::t_quantile(0.5 + self.level / 2.0, self.units - 1).map(|t| Interval {
                low: (value - t * error).max(range.0),
                high: (value + t * error).min(range.1),
            });
        self.estimate(statistic, Some(error), interval, methods)
    }
}

/// The quantile by linear interpolation (numpy's default, type 7) of a sorted list that is not
/// empty.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = p.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    low + (high - low) * (place - below as f64)
}

/// The standard deviation with divisor `n - 1` of at least two values.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}
