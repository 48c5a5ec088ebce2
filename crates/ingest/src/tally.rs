//! Counts of accepted rows: made a block at a time, added up in the order of the file.

use std::collections::BTreeMap;

use clawsig_schema::{
    Scanner, Severity, Split,
    column::COLUMNS,
    profile::{BundleProfile, ColumnProfile, Quantiles, SplitProfile},
    raw::SYNTHETIC_MODEL,
};

use crate::row::{Judged, Row};

/// Distinct names that are counted one by one; what comes after is counted as `(others)`, so that
/// a hostile file can't fill the memory.
const NAMES: usize = 10_000;

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(crate) fn add(&mut self, name: &str, count: u64) {
        if let Some(known) = self.0.get_mut(name) {
            *known += count;
            return;
        }
        let name = if self.0.len() < NAMES { name } else { "(others)" };
        *self.0.entry(name.to_owned()).or_default() += count;
    }

    fn merge(&mut self, other: Counts) {
        other.0.into_iter().for_each(|(name, count)| self.add(&name, count));
    }

    pub(crate) fn into_inner(self) -> BTreeMap<String, u64> {
        self.0
    }
}

/// How often each value of a number occurs; values are 0 or more, so their bits sort as they do.
#[derive(Clone, Debug, Default)]
struct Histogram(BTreeMap<u64, u64>);

impl Histogram {
    fn add(&mut self, value: f64) {
        *self.0.entry(value.to_bits()).or_default() += 1;
    }

    fn merge(&mut self, other: Histogram) {
        for (value, count) in other.0 {
            *self.0.entry(value).or_default() += count;
        }
    }

    fn quantiles(&self) -> Quantiles {
        let n: u64 = self.0.values().sum();
        let at = |share: f64| {
            let rank = ((share * n as f64).ceil() as u64).max(1);
            let mut seen = 0;
            self.0.iter().find_map(|(&bits, &count)| {
                seen += count;
                (seen >= rank).then(|| f64::from_bits(bits))
            })
        };
        let sum: f64 =
            self.0.iter().map(|(&bits, &count)| f64::from_bits(bits) * count as f64).sum();
        Quantiles {
            n,
            min: at(0.0),
            p5: at(0.05),
            p25: at(0.25),
            p50: at(0.5),
            p75: at(0.75),
            p95: at(0.95),
            max: at(1.0),
            mean: (n > 0).then(|| sum / n as f64),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct SplitTally {
    rows: u64,
    verdicts: Counts,
    statuses: [Counts; 3],
    severities: Counts,
    text_chars: Histogram,
}

/// Everything that is counted of written rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    splits: [SplitTally; 4],
    nulls: [u64; 25],
    empty: [u64; 25],
    reason_codes: Counts,
    issue_categories: Counts,
    scores: BTreeMap<&'static str, Histogram>,
    bundles: BundleProfile,
    extensions: Counts,
    pub(crate) off_rule: u64,
    pub(crate) disagreements: u64,
    /// Rows that say of themselves that a generator made them.
    pub(crate) synthetic: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &Row<'_>, judged: Judged) {
        let verdict = judged.verdict.map_or("unknown", |verdict| verdict.as_str());
        let split = &mut self.splits[judged.split.index()];
        split.rows += 1;
        split.verdicts.add(verdict, 1);
        let statuses = [&row.static_status, &row.virustotal_status, &row.skillspector_status];
        for (counts, status) in split.statuses.iter_mut().zip(statuses) {
            counts.add(status.as_deref().unwrap_or("null"), 1);
        }
        let severity = match row.severity.as_deref() {
            None => "null",
            Some(text) => text.trim().parse::<Severity>().map_or("other", Severity::as_str),
        };
        split.severities.add(severity, 1);
        if let Some(text) = &row.text {
            split.text_chars.add(text.chars().count() as f64);
        }
        if let Some(score) = row.score {
            self.scores.entry(verdict).or_default().add(score);
        }
        let texts = [
            (1, &row.slug),
            (3, &row.text),
            (6, &row.confidence),
            (7, &row.model),
            (8, &row.summary),
            (9, &row.static_status),
            (12, &row.virustotal_status),
            (17, &row.skillspector_status),
            (19, &row.severity),
            (24, &row.split),
        ];
        for (column, text) in texts {
            self.nulls[column] += u64::from(text.is_none());
            self.empty[column] += u64::from(text.as_deref() == Some(""));
        }
        for (at, count) in row.engines.iter().enumerate() {
            self.nulls[13 + at] += u64::from(count.is_none());
        }
        self.nulls[18] += u64::from(row.score.is_none());
        self.empty[2] += u64::from(row.version.is_empty());
        self.empty[4] += u64::from(row.bundle.files == 0);
        self.empty[11] += u64::from(row.reason_codes.is_empty());
        self.empty[21] += u64::from(row.issue_codes.is_empty());
        self.empty[22] += u64::from(row.issue_categories.is_empty());
        self.empty[23] += u64::from(row.context.has_output == [false; 3]);
        for (list, counts) in [
            (&row.reason_codes, &mut self.reason_codes),
            (&row.issue_categories, &mut self.issue_categories),
        ] {
            let mut distinct: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.into_iter().for_each(|code| counts.add(code, 1));
        }
        let bundle = &row.bundle;
        self.bundles.rows += u64::from(bundle.files > 0);
        self.bundles.files += u64::from(bundle.files);
        self.bundles.bytes = self.bundles.bytes.saturating_add(bundle.bytes);
        self.bundles.duplicate_paths += u64::from(bundle.duplicate_paths);
        self.bundles.unsafe_paths += u64::from(bundle.unsafe_paths);
        bundle
            .extensions
            .iter()
            .for_each(|e| self.extensions.add(&e.extension, u64::from(e.files)));
        self.synthetic +=
            u64::from(row.model.as_deref().is_some_and(|model| model.starts_with(SYNTHETIC_MODEL)));
        self.off_rule += u64::from(judged.off_rule);
        self.disagreements += u64::from(judged.disagrees);
    }

    pub(crate) fn merge(&mut self, other: Tally) {
        for (mine, theirs) in self.splits.iter_mut().zip(other.splits) {
            mine.rows += theirs.rows;
            mine.verdicts.merge(theirs.verdicts);
            mine.statuses.iter_mut().zip(theirs.statuses).for_each(|(a, b)| a.merge(b));
            mine.severities.merge(theirs.severities);
            mine.text_chars.merge(theirs.text_chars);
        }
        self.nulls.iter_mut().zip(other.nulls).for_each(|(a, b)| *a += b);
        self.empty.iter_mut().zip(other.empty).for_each(|(a, b)| *a += b);
        self.reason_codes.merge(other.reason_codes);
        self.issue_categories.merge(other.issue_categories);
        for (verdict, scores) in other.scores {
            self.scores.entry(verdict).or_default().merge(scores);
        }
        self.bundles.rows += other.bundles.rows;
        self.bundles.files += other.bundles.files;
        self.bundles.bytes = self.bundles.bytes.saturating_add(other.bundles.bytes);
        self.bundles.duplicate_paths += other.bundles.duplicate_paths;
        self.bundles.unsafe_paths += other.bundles.unsafe_paths;
        self.extensions.merge(other.extensions);
        self.off_rule += other.off_rule;
        self.disagreements += other.disagreements;
        self.synthetic += other.synthetic;
    }

    pub(crate) fn rows(&self) -> u64 {
        self.splits.iter().map(|split| split.rows).sum()
    }

    pub(crate) fn verdicts_unknown(&self) -> u64 {
        self.splits.iter().filter_map(|split| split.verdicts.0.get("unknown")).sum()
    }

    pub(crate) fn columns(&self) -> Vec<ColumnProfile> {
        COLUMNS
            .iter()
            .enumerate()
            .map(|(at, column)| ColumnProfile {
                name: column.name.to_owned(),
                kind: column.kind,
                nulls: self.nulls[at],
                empty: self.empty[at],
            })
            .collect()
    }

    pub(crate) fn splits(&self) -> Vec<SplitProfile> {
        Split::ALL
            .iter()
            .map(|&split| {
                let tally = self.splits[split.index()].clone();
                SplitProfile {
                    split: split.to_string(),
                    rows: tally.rows,
                    verdicts: tally.verdicts.into_inner(),
                    statuses: Scanner::ALL
                        .iter()
                        .zip(tally.statuses)
                        .map(|(scanner, counts)| (scanner.to_string(), counts.into_inner()))
                        .collect(),
                    severities: tally.severities.into_inner(),
                    text_chars: tally.text_chars.quantiles(),
                }
            })
            .collect()
    }

    pub(crate) fn scores(&self) -> BTreeMap<String, Quantiles> {
        self.scores
            .iter()
            .map(|(verdict, scores)| ((*verdict).to_owned(), scores.quantiles()))
            .collect()
    }

    pub(crate) fn codes(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        (self.reason_codes.clone().into_inner(), self.issue_categories.clone().into_inner())
    }

    /// The totals, with the 40 most frequent extensions.
    pub(crate) fn bundles(&self) -> BundleProfile {
        let mut extensions: Vec<_> = self.extensions.0.iter().collect();
        extensions.sort_by_key(|&(name, count)| (std::cmp::Reverse(*count), name));
        let kept = extensions.into_iter().take(40).map(|(name, count)| (name.clone(), *count));
        BundleProfile { extensions: kept.collect(), ..self.bundles.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_by_nearest_rank() {
        let mut scores = Histogram::default();
        assert_eq!(scores.quantiles(), Quantiles::default());
        [4.0, 1.0, 3.0, 2.0].into_iter().for_each(|value| scores.add(value));
        let quantiles = scores.quantiles();
        assert_eq!(
            (quantiles.min, quantiles.p25, quantiles.p50),
            (Some(1.0), Some(1.0), Some(2.0))
        );
        assert_eq!(
            (quantiles.p75, quantiles.p95, quantiles.max),
            (Some(3.0), Some(4.0), Some(4.0))
        );
        assert_eq!((quantiles.n, quantiles.mean), (4, Some(2.5)));
    }

    #[test]
    fn names_beyond_the_cap_are_counted_together() {
        let mut counts = Counts::default();
        (0..NAMES + 5).for_each(|i| counts.add(&i.to_string(), 1));
        let counts = counts.into_inner();
        assert_eq!(counts.get("(others)"), Some(&5));
        assert_eq!(counts.values().sum::<u64>(), NAMES as u64 + 5);
    }
}
