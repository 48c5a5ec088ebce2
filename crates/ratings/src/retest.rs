//! The same rater on the same item again: how often the rating flips.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_agreement::{
    Estimate, PairStatistic, Table, Undefined, proportion,
    resampling::{Resampling, Units, replicate},
};
use clawsig_schema::estimate;
use clawsig_study::stated;
use serde::Serialize;

use crate::RatingTable;

/// Ratings of one rater that follow each other on the same items.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retest {
    /// The rater.
    pub rater: String,
    /// The version of the earlier rating, where versions were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version of the later rating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Items rated again.
    pub items: u64,
    /// Pairs of ratings that follow each other.
    pub pairs: u64,
    /// Pairs that differ.
    pub flips: u64,
    /// The share of pairs that differ.
    pub flip_rate: estimate::Estimate,
    /// Cohen's kappa of the earlier with the later ratings.
    pub cohen_kappa: estimate::Estimate,
    /// How often which label became which other one, the commonest first.
    pub changes: Vec<Change>,
}

/// One label that became another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The earlier label.
    pub from: String,
    /// The later label.
    pub to: String,
    /// How often.
    pub count: u64,
}

#[derive(Default)]
struct RepeatCounts {
    items: BTreeSet<usize>,
    /// For each unit, a cluster or an item, the pairs that stay and that flip.
    units: BTreeMap<usize, [u64; 2]>,
    cells: BTreeMap<(usize, usize), u64>,
}

/// Each rater's repeated ratings, by the versions that follow each other.
pub(crate) fn retests(table: &RatingTable, resampling: &Resampling) -> Vec<Retest> {
    let mut all = BTreeMap::<(usize, Option<String>, Option<String>), RepeatCounts>::new();
    for series in &table.series {
        for pair in series.ratings.windows(2) {
            let [(from, before), (to, after)] = pair else { continue };
            let found = all.entry((series.rater, from.clone(), to.clone())).or_default();
            found.items.insert(series.item);
            let unit =
                table.clusters.as_ref().map_or(series.item, |clusters| clusters[series.item]);
            let weight = table.weights[series.item];
            found.units.entry(unit).or_default()[usize::from(before != after)] += weight;
            *found.cells.entry((*before, *after)).or_default() += weight;
        }
    }
    all.into_iter()
        .map(|((rater, from, to), found)| found.stated(table, resampling, rater, from, to))
        .collect()
}

impl RepeatCounts {
    fn stated(
        &self,
        table: &RatingTable,
        resampling: &Resampling,
        rater: usize,
        from: Option<String>,
        to: Option<String>,
    ) -> Retest {
        let q = table.labels.len();
        let mut counts = vec![0; q * q];
        for ((before, after), count) in &self.cells {
            counts[before * q + after] = *count;
        }
        let flips: u64 = self.units.values().map(|unit| unit[1]).sum();
        let pairs = flips + self.units.values().map(|unit| unit[0]).sum::<u64>();
        let single = table.clusters.is_none()
            && self.items.iter().map(|item| table.weights[*item]).sum::<u64>() == pairs;
        let cross = Table::from_counts(q, counts).ok();
        let kappa = |counts: &[u64]| {
            let cross =
                Table::from_counts(q, counts.to_vec()).map_err(|_| Undefined::NoSubjects)?;
            PairStatistic::CohenKappa.value(&cross)
        };
        let (rate, kappa) = match &cross {
            // One pair an item, and items that are independent: the textbook's intervals hold.
            Some(cross) if single => {
                (proportion(flips, pairs), PairStatistic::CohenKappa.estimate(cross))
            }
            _ => {
                let units = self.units.values().map(|unit| vec![(0, unit[0]), (1, unit[1])]);
                let units = Units::clusters(2, units).unwrap_or_else(|_| Units::subjects(&[]));
                let found = replicate(&units, resampling, &[(0.0, 1.0)], |counts, out| {
                    let all = counts[0] + counts[1];
                    out[0] = if all > 0 {
                        Ok(counts[1] as f64 / all as f64)
                    } else {
                        Err(Undefined::NoSubjects)
                    };
                });
                let whole = cross
                    .as_ref()
                    .map_or(Err(Undefined::NoSubjects), |cross| kappa(cross.counts()));
                (found.percentile(0), Estimate::point(whole, pairs))
            }
        };
        let mut changes: Vec<Change> = self
            .cells
            .iter()
            .filter(|((before, after), _)| before != after)
            .map(|((before, after), count)| Change {
                from: table.labels[*before].clone(),
                to: table.labels[*after].clone(),
                count: *count,
            })
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.count));
        Retest {
            rater: table.raters[rater].clone(),
            from,
            to,
            items: self.items.len() as u64,
            pairs,
            flips,
            flip_rate: stated(&rate),
            cohen_kappa: stated(&kappa),
            changes,
        }
    }
}
