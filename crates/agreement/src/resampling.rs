//! Standard errors and intervals for any statistic of counts: jackknife and bootstrap, of single
//! subjects or of whole clusters. The drawing and the intervals are `clawsig-stats`'.

pub use clawsig_stats::{Error, Resampling, ResamplingParams, Units};
use clawsig_stats::{Replicates, Scheme, Spread};

use crate::{
    Caution, Estimate, Method, Outcome, PairStatistic, Precision, RatingStatistic, Ratings, Table,
    Undefined, multi::Running,
};

/// Every statistic's replicates and leave-one-out values on one set of units.
#[derive(Clone, Debug)]
pub struct Resampled {
    level: f64,
    clustered: bool,
    subjects: u64,
    values: Vec<Outcome>,
    ranges: Vec<(f64, f64)>,
    cautions: Vec<Option<Caution>>,
    replicates: Vec<Replicates>,
}

/// Resamples several statistics at once: `ranges` has the least and the greatest value that each
/// can take. `compute` is given the counts of each kind and fills one outcome a statistic; it is
/// called about `replicates + distinct units` times.
pub fn resample(
    units: &Units,
    settings: &Resampling,
    ranges: &[(f64, f64)],
    compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    let all = |compute: Compute<'_>| units.resample(settings, ranges.len(), compute);
    run(units, settings, ranges, all, compute)
}

/// As [`resample`] without the leave-one-out values, for statistics that are costly to compute:
/// [`Resampled::percentile`] is given as ever, [`Resampled::bca`] without acceleration, and
/// [`Resampled::jackknife`] not at all.
pub fn replicate(
    units: &Units,
    settings: &Resampling,
    ranges: &[(f64, f64)],
    compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    let all = |compute: Compute<'_>| units.replicate(settings, ranges.len(), compute);
    run(units, settings, ranges, all, compute)
}

type Compute<'c> = &'c mut dyn FnMut(&[u64], &mut [Option<f64>]);

fn run(
    units: &Units,
    settings: &Resampling,
    ranges: &[(f64, f64)],
    resample: impl FnOnce(Compute<'_>) -> Vec<Replicates>,
    mut compute: impl FnMut(&[u64], &mut [Outcome]),
) -> Resampled {
    let mut values = vec![Err(Undefined::NoSubjects); ranges.len()];
    compute(units.totals(), &mut values);
    let mut row = values.clone();
    let mut known = |counts: &[u64], out: &mut [Option<f64>]| {
        compute(counts, &mut row);
        for (slot, outcome) in out.iter_mut().zip(&row) {
            *slot = outcome.ok();
        }
    };
    Resampled {
        level: settings.params().level,
        clustered: units.are_clusters(),
        subjects: units.subject_count(),
        replicates: resample(&mut known),
        ranges: ranges.to_vec(),
        cautions: Vec::new(),
        values,
    }
}

/// [`resample`] for statistics of a table, whose single subjects are drawn anew.
///
/// ```
/// use clawsig_agreement::{PairStatistic, Table, resampling::{ResamplingParams, resample_table}};
/// let settings = ResamplingParams::default().check()?;
/// let table = Table::binary(20, 5, 4, 71);
/// let found = resample_table(&table, &settings, &[PairStatistic::CohenKappa]);
/// assert!(found.bca(0).interval.is_some() && found.jackknife(0).standard_error.is_some());
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_table(
    table: &Table,
    settings: &Resampling,
    statistics: &[PairStatistic],
) -> Resampled {
    let ranges: Vec<(f64, f64)> = statistics.iter().map(|one| one.range()).collect();
    let units = Units::subjects(table.counts());
    let found = resample(&units, settings, &ranges, |counts, out| {
        let drawn = Table::sized(table.categories(), counts.to_vec());
        for (slot, statistic) in out.iter_mut().zip(statistics) {
            *slot = statistic.value(&drawn);
        }
    });
    let cautions = statistics.iter().map(|statistic| statistic.caution(table)).collect();
    Resampled { cautions, ..found }
}

/// Statistics of any number of raters, whose single subjects are drawn anew.
///
/// ```
/// use clawsig_agreement::{RatingStatistic, Ratings, Weights, multi};
/// use clawsig_agreement::resampling::{ResamplingParams, resample_ratings};
/// let flags = |bits: [usize; 3]| bits.map(Some).to_vec();
/// let patterns = [(flags([0, 0, 0]), 40), (flags([1, 0, 1]), 9), (flags([1, 1, 1]), 20)];
/// let ratings = Ratings::from_patterns(3, 2, patterns)?;
/// let settings = ResamplingParams::default().check()?;
/// let statistics = [
///     RatingStatistic::Light(Weights::identity(2)),
///     RatingStatistic::Krippendorff(multi::Metric::Ordinal),
/// ];
/// let found = resample_ratings(&ratings, &settings, &statistics);
/// assert!((0..2).all(|place| found.bca(place).interval.is_some()));
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_ratings(
    ratings: &Ratings,
    settings: &Resampling,
    statistics: &[RatingStatistic],
) -> Resampled {
    resample_rating_units(ratings, &Units::subjects(ratings.counts()), settings, statistics)
}

/// As [`resample_ratings`], of units whose kinds are the ratings' patterns in their order: whole
/// clusters of subjects, for example. Leaving out a unit takes the time of its own ratings.
pub fn resample_rating_units(
    ratings: &Ratings,
    units: &Units,
    settings: &Resampling,
    statistics: &[RatingStatistic],
) -> Resampled {
    let ranges: Vec<(f64, f64)> = statistics.iter().map(|one| one.range(ratings)).collect();
    let running = Running::new(ratings, statistics);
    let mut changing = Running::new(ratings, statistics);
    let mut row = vec![Err(Undefined::NoSubjects); statistics.len()];
    let mut left = row.clone();
    let known = |from: &[Outcome], out: &mut [Option<f64>]| {
        for (slot, outcome) in out.iter_mut().zip(from) {
            *slot = outcome.ok();
        }
    };
    let mut values = row.clone();
    running.of_counts(units.totals(), &mut values);
    let replicates = units.resample_sums(
        settings,
        statistics.len(),
        |counts, out| {
            running.of_counts(counts, &mut row);
            known(&row, out);
        },
        |members, out| {
            changing.without(members, &mut left);
            known(&left, out);
        },
    );
    let estimate = |one: &RatingStatistic| one.estimate(ratings, &Precision::default()).caution;
    Resampled {
        level: settings.params().level,
        clustered: units.are_clusters(),
        subjects: units.subject_count(),
        cautions: statistics.iter().map(estimate).collect(),
        values,
        ranges,
        replicates,
    }
}

impl Resampled {
    /// The number of statistics.
    pub fn statistics(&self) -> usize {
        self.values.len()
    }

    /// The estimate of a statistic that does not exist is undefined.
    fn estimate(
        &self,
        statistic: usize,
        spread: impl FnOnce(&Replicates, f64, (f64, f64)) -> (Method, Method, Spread),
    ) -> Estimate {
        let found = (self.values.get(statistic))
            .zip(self.replicates.get(statistic))
            .zip(self.ranges.get(statistic));
        let Some(((&value, replicates), &range)) = found else {
            return Estimate::point(Err(Undefined::NoSuchStatistic), self.subjects);
        };
        let (single, clustered, spread) = spread(replicates, self.level, range);
        let method = if self.clustered { clustered } else { single };
        let caution = self.cautions.get(statistic).copied().flatten();
        Estimate { caution, ..Estimate::point(value, self.subjects).with_spread(spread, method) }
    }

    /// The percentile bootstrap (Efron 1979), with the replicates' standard deviation as standard
    /// error. None is given where over a tenth of the replicates are undefined, where they are all
    /// equal, where the value is at the end of its range, or where the interval would leave it out.
    pub fn percentile(&self, statistic: usize) -> Estimate {
        self.estimate(statistic, |replicates, level, range| {
            let spread = replicates.percentile(level, range);
            (Method::BootstrapPercentile, Method::ClusterBootstrapPercentile, spread)
        })
    }

    /// The bias-corrected and accelerated bootstrap (Efron 1987): percentiles moved by the
    /// replicates' median bias and by the jackknife's skewness. Where there is no such correction,
    /// the percentile interval is given (and named).
    pub fn bca(&self, statistic: usize) -> Estimate {
        self.estimate(statistic, |replicates, level, range| match replicates.bca(level, range) {
            (Scheme::Bca, spread) => (Method::BootstrapBca, Method::ClusterBootstrapBca, spread),
            (Scheme::Percentile, spread) => {
                (Method::BootstrapPercentile, Method::ClusterBootstrapPercentile, spread)
            }
        })
    }

    /// The delete-one jackknife (Tukey 1958), Student's t with units - 1 degrees of freedom. Not
    /// given where leaving out some unit makes the statistic undefined, nor without spread.
    pub fn jackknife(&self, statistic: usize) -> Estimate {
        self.estimate(statistic, |replicates, level, range| {
            let spread = replicates.jackknife(level, range);
            (Method::Jackknife, Method::ClusterJackknife, spread)
        })
    }
}
