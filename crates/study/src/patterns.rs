//! Counts of patterns: how any number of raters agree, without their rows.

use std::collections::BTreeMap;

use clawsig_agreement::{MOST_SUBJECTS, proportion, resampling::Units};
use clawsig_schema::{
    Progress,
    agreement::RaterSummary,
    registry::{PatternResults, REGISTRY_FORMAT},
};

use crate::{
    StudyError, ValidStudyParams, latent, progress::Counter, slice::Marks, stated, unrated,
};

/// The most raters of a file of patterns.
pub const MOST_RATERS: usize = 32;

/// How often each pattern of the raters' flags occurs.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternCounts {
    raters: Vec<String>,
    patterns: BTreeMap<Vec<Option<bool>>, u64>,
}

impl PatternCounts {
    /// Counts of 2 to [`MOST_RATERS`] raters with names of their own: a flag a rater, `None` where it has
    /// none, and the number of rows. A pattern that is given twice, and counts that are all 0 or add up to
    /// more than 2^53, are errors.
    pub fn new(
        raters: Vec<String>,
        patterns: impl IntoIterator<Item = (Vec<Option<bool>>, u64)>,
    ) -> Result<PatternCounts, StudyError> {
        let wrong = |reason: String| Err(StudyError::Patterns(reason));
        if !(2..=MOST_RATERS).contains(&raters.len()) {
            return wrong(format!("{} raters, expected 2 to {MOST_RATERS}", raters.len()));
        }
        for (place, name) in raters.iter().enumerate() {
            if name.is_empty() || raters[..place].contains(name) {
                return wrong(format!("the rater `{name}` occurs twice or has no name"));
            }
        }
        let mut counts = PatternCounts { raters, patterns: BTreeMap::new() };
        let mut rows = 0_u64;
        for (pattern, count) in patterns {
            if pattern.len() != counts.raters.len() {
                return wrong(format!("a pattern of {} flags", pattern.len()));
            }
            rows = match rows.checked_add(count).filter(|rows| *rows <= MOST_SUBJECTS) {
                Some(rows) => rows,
                None => return Err(StudyError::TooManyRows),
            };
            let name = counts.name_of(&pattern);
            if counts.patterns.insert(pattern, count).is_some() {
                return wrong(format!("the pattern `{name}` is given twice"));
            }
        }
        if rows == 0 { wrong("every count is 0".to_owned()) } else { Ok(counts) }
    }

    /// The raters' names.
    pub fn raters(&self) -> &[String] {
        &self.raters
    }

    /// The rows that have this pattern, where a count was given.
    pub fn count(&self, pattern: &[Option<bool>]) -> Option<u64> {
        self.patterns.get(pattern).copied()
    }

    /// A pattern in words: the raters that flag joined by `+`, or `none`; a missing rating as `rater?`.
    pub fn name_of(&self, pattern: &[Option<bool>]) -> String {
        let named: Vec<String> = (self.raters.iter().zip(pattern))
            .filter_map(|(name, flag)| match flag {
                Some(true) => Some(name.clone()),
                Some(false) => None,
                None => Some(format!("{name}?")),
            })
            .collect();
        if named.is_empty() { "none".to_owned() } else { named.join("+") }
    }

    /// Computes every statistic that counts allow, with intervals from resampled rows. Of the settings the
    /// policy for missing ratings, the replicates and the seed are used.
    pub fn results(
        &self,
        settings: &ValidStudyParams,
        progress: Progress<'_>,
    ) -> Result<PatternResults, StudyError> {
        let missing = settings.params.flags.missing;
        let mut rated = vec![0_u64; self.raters.len()];
        for (pattern, count) in &self.patterns {
            for (sum, flag) in rated.iter_mut().zip(pattern) {
                *sum += if flag.is_some() { *count } else { 0 };
            }
        }
        let mut flags: BTreeMap<Vec<Option<bool>>, u64> = BTreeMap::new();
        for (pattern, count) in self.patterns.iter().filter(|(_, count)| **count > 0) {
            let of =
                |(flag, rated): (&Option<bool>, &u64)| missing.apply(*flag).filter(|_| *rated > 0);
            *flags.entry(pattern.iter().zip(&rated).map(of).collect()).or_default() += count;
        }
        let (flags, counts): (Vec<_>, Vec<u64>) = flags.into_iter().unzip();
        let names: Vec<&str> = self.raters.iter().map(String::as_str).collect();
        let units = Units::subjects(&counts);
        let marks = Marks {
            names: &names,
            flags: &flags,
            units: &units,
            absent: (0..names.len()).filter(|&rater| rated[rater] == 0).collect(),
        };
        let counter = Counter::new(progress, settings.params.replicates, 4);
        let summary = |rater: usize| {
            let (mut used, mut flagged) = (0, 0);
            for (flags, count) in flags.iter().zip(&counts) {
                used += if flags[rater].is_some() { *count } else { 0 };
                flagged += if flags[rater] == Some(true) { *count } else { 0 };
            }
            let rate = match rated[rater] {
                0 => unrated([names[rater]]),
                _ => stated(&proportion(flagged, used)),
            };
            let rater_name = names[rater].to_owned();
            RaterSummary { rater: rater_name, rated: rated[rater], used, flagged, rate }
        };
        let (patterns, overlap) = marks.overlap(names.len());
        Ok(PatternResults {
            format: REGISTRY_FORMAT,
            missing,
            replicates: settings.params.replicates,
            seed: settings.params.random.seed,
            rows: counts.iter().sum(),
            raters: (0..names.len()).map(summary).collect(),
            pairs: marks.pairs(settings, &counter, "bootstrap, pairs", Some(4)),
            together: marks.together(names.len(), Some((settings, &counter))),
            patterns,
            overlap,
            latent: vec![latent::model("raters", names.len(), &marks, settings, &counter)],
        })
    }
}

/// How counts of two raters' table are given.
pub(crate) fn two(
    a: &str,
    b: &str,
    [both, only_a, only_b, neither]: [u64; 4],
) -> Result<PatternCounts, StudyError> {
    let cell = |a, b, count| (vec![Some(a), Some(b)], count);
    PatternCounts::new(
        vec![a.to_owned(), b.to_owned()],
        [
            cell(true, true, both),
            cell(true, false, only_a),
            cell(false, true, only_b),
            cell(false, false, neither),
        ],
    )
}
