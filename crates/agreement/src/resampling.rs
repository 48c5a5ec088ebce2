//! Standard errors and intervals for any statistic of counts: jackknife and bootstrap, of single
//! subjects or of whole clusters. The drawing and the intervals are `clawsig-stats`'.

pub use clawsig_stats::{Error, Resampling, ResamplingParams, Units};
use clawsig_stats::{Replicates, Scheme, Spread};

use crate::{Estimate, Method, Outcome, Ratings, Table, Undefined};

/// Every statistic's replicates and leave-one-out values on one set of units.
#[derive(Clone, Debug)]
pub struct Resampled {
    level: f64,
    clustered: bool,
    subjects: u64,
    values: Vec<Outcome>,
    ranges: Vec<(f64, f64)>,
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
        values,
    }
}

/// [`resample`] for statistics of a table, whose single subjects are drawn anew.
///
/// ```
/// use clawsig_agreement::{Table, resampling::{ResamplingParams, resample_table}, two_raters};
/// let settings = ResamplingParams::default().check()?;
/// let found = resample_table(&Table::binary(20, 5, 4, 71), &settings, &[(-1.0, 1.0)], |table, out| {
///     out[0] = two_raters::cohen_kappa(table);
/// });
/// let (bca, jackknife) = (found.bca(0), found.jackknife(0));
/// assert!(bca.interval.is_some() && jackknife.standard_error.is_some());
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_table(
    table: &Table,
    settings: &Resampling,
    ranges: &[(f64, f64)],
    mut compute: impl FnMut(&Table, &mut [Outcome]),
) -> Resampled {
    let mut drawn = table.clone();
    resample(&Units::subjects(table.counts()), settings, ranges, |counts, out| {
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
/// let found = resample_ratings(&ratings, &settings, &[(-1.0, 1.0); 2], |ratings, out| {
///     out[0] = multi::light_kappa(ratings).value;
///     out[1] = multi::krippendorff_alpha(ratings, &multi::Metric::Ordinal).value;
/// });
/// assert!((0..2).all(|place| found.bca(place).interval.is_some()));
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
pub fn resample_ratings(
    ratings: &Ratings,
    settings: &Resampling,
    ranges: &[(f64, f64)],
    mut compute: impl FnMut(&Ratings, &mut [Outcome]),
) -> Resampled {
    let mut drawn = ratings.clone();
    resample(&Units::subjects(ratings.counts()), settings, ranges, |counts, out| {
        drawn.set_counts(counts);
        compute(&drawn, out);
    })
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
        Estimate::point(value, self.subjects).with_spread(spread, method)
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
