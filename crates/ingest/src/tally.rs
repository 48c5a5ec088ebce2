//! Counts of accepted rows: made a block at a time, added up in the order of the file.

use std::{borrow::Cow, collections::BTreeMap};

use clawsig_schema::{
    Scanner, Severity, Split, Status, Verdict,
    column::Column,
    hostile::printable,
    profile::{BundleProfile, ColumnProfile, Quantiles, SplitProfile, count_name},
    raw::SYNTHETIC_MODEL,
    signal::{Cell, Signal},
    wording::counted,
};

use crate::row::{Judged, Row};

/// Distinct names that are counted one by one.
const NAMES: usize = 10_000;
/// Characters of a name that a file chose.
const NAME_CHARS: usize = 60;
/// Verdicts whose scores are told apart.
const NAMED_SCORES: usize = 20;
/// Names that a warning lists.
const LISTED: usize = 8;

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameCounts(BTreeMap<String, u64>);

impl NameCounts {
    pub(crate) fn add(&mut self, name: &str, count: u64) {
        count_name(&mut self.0, name, count, NAMES);
    }

    fn merge(&mut self, other: NameCounts) {
        other.0.into_iter().for_each(|(name, count)| self.add(&name, count));
    }

    /// "`review` in 3 rows, `` in 1 row", those with most rows first; nothing without a name.
    fn in_words(&self) -> Option<String> {
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_by_key(|&(_, rows)| std::cmp::Reverse(rows));
        let mut words: Vec<String> = names
            .iter()
            .take(LISTED)
            .map(|(name, rows)| format!("`{name}` in {}", counted(**rows, "row")))
            .collect();
        if let Some(more) = names.len().checked_sub(LISTED + 1) {
            let rows = names[LISTED..].iter().map(|(_, rows)| **rows).sum();
            let more = counted(more as u64 + 1, "other");
            words.push(format!("{more} in {}", counted(rows, "row")));
        }
        (!words.is_empty()).then(|| words.join(", "))
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
    verdicts: NameCounts,
    statuses: [NameCounts; 3],
    severities: NameCounts,
    text_chars: Histogram,
}

/// Everything that is counted of written rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    splits: [SplitTally; 4],
    nulls: [u64; Column::ALL.len()],
    empty: [u64; Column::ALL.len()],
    reason_codes: NameCounts,
    issue_categories: NameCounts,
    scores: BTreeMap<String, Histogram>,
    bundles: BundleProfile,
    extensions: NameCounts,
    /// Verdicts that are none of the three.
    other_verdicts: NameCounts,
    /// By scanner, statuses that are none of those seen in the dataset.
    other_statuses: [NameCounts; 3],
    disagreements: u64,
    /// Rows that say of themselves that a generator made them.
    pub(crate) synthetic: u64,
}

impl Tally {
    /// Counts a row, but for the cells of its columns.
    pub(crate) fn add(&mut self, row: &Row<'_>, judged: Judged) {
        let skill = &row.skill;
        let verdict = skill.verdict.name();
        if skill.verdict.known().is_none() {
            self.other_verdicts.add(&verdict, 1);
        }
        let split = &mut self.splits[skill.split.index()];
        split.rows += 1;
        split.verdicts.add(&verdict, 1);
        let statuses = [
            (skill.static_scan.status.as_deref(), skill.static_scan.known_status()),
            (skill.virustotal.status.as_deref(), skill.virustotal.known_status()),
            (skill.skillspector.status.as_deref(), skill.skillspector.known_status()),
        ];
        for (at, (status, known)) in statuses.into_iter().enumerate() {
            let name = match (status, known) {
                (None, _) => Cow::Borrowed("null"),
                (Some(text), Some(_)) => Cow::Borrowed(text),
                (Some(text), None) => Cow::Owned(printable(text, NAME_CHARS)),
            };
            split.statuses[at].add(&name, 1);
            if status.is_some() && known.is_none() {
                self.other_statuses[at].add(&name, 1);
            }
        }
        let severity = match skill.skillspector.severity.as_deref() {
            None => "null",
            Some(_) => skill.skillspector.known_severity().map_or("other", Severity::as_str),
        };
        split.severities.add(severity, 1);
        if let Some(text) = &skill.text {
            split.text_chars.add(text.chars().count() as f64);
        }
        if let Some(score) = skill.skillspector.score {
            self.scores_of(&verdict).add(score);
        }
        let outputs = [
            skill.static_scan.has_output,
            skill.virustotal.has_output,
            skill.skillspector.has_output,
        ];
        self.empty[Column::ClawscanContext as usize] += u64::from(outputs == [false; 3]);
        self.nulls[Column::Split as usize] += u64::from(row.split.is_none());
        for (list, counts) in [
            (&skill.static_scan.reason_codes, &mut self.reason_codes),
            (&skill.skillspector.issue_categories, &mut self.issue_categories),
        ] {
            let mut distinct: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.into_iter().for_each(|code| counts.add(code, 1));
        }
        let bundle = &skill.bundle;
        self.empty[Column::SkillBundleContent as usize] += u64::from(bundle.files == 0);
        self.bundles.rows += u64::from(bundle.files > 0);
        self.bundles.files += u64::from(bundle.files);
        self.bundles.bytes = self.bundles.bytes.saturating_add(bundle.bytes);
        self.bundles.duplicate_paths += u64::from(bundle.duplicate_paths);
        self.bundles.unsafe_paths += u64::from(bundle.unsafe_paths);
        bundle
            .extensions
            .iter()
            .for_each(|e| self.extensions.add(&e.extension, u64::from(e.files)));
        let model = skill.judge.model.as_deref();
        self.synthetic += u64::from(model.is_some_and(|model| model.starts_with(SYNTHETIC_MODEL)));
        self.disagreements += u64::from(judged.disagrees);
    }

    /// Counts a cell that is null or empty under its column.
    pub(crate) fn cell(&mut self, signal: Signal, cell: &Cell<'_>) {
        // The split of a row that names none is known all the same.
        let Some(column) = signal.column().filter(|&column| column != Column::Split) else {
            return;
        };
        let null = matches!(cell, Cell::Text(None) | Cell::Count(None) | Cell::Number(None));
        let empty = match cell {
            Cell::Text(text) => *text == Some(""),
            Cell::TextList(list) => list.is_empty(),
            _ => false,
        };
        self.nulls[column as usize] += u64::from(null);
        self.empty[column as usize] += u64::from(empty);
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
            self.scores_of(&verdict).merge(scores);
        }
        self.bundles.rows += other.bundles.rows;
        self.bundles.files += other.bundles.files;
        self.bundles.bytes = self.bundles.bytes.saturating_add(other.bundles.bytes);
        self.bundles.duplicate_paths += other.bundles.duplicate_paths;
        self.bundles.unsafe_paths += other.bundles.unsafe_paths;
        self.extensions.merge(other.extensions);
        self.other_verdicts.merge(other.other_verdicts);
        self.other_statuses.iter_mut().zip(other.other_statuses).for_each(|(a, b)| a.merge(b));
        self.disagreements += other.disagreements;
        self.synthetic += other.synthetic;
    }

    /// The scores of a verdict, or of all that have no place of their own.
    fn scores_of(&mut self, verdict: &str) -> &mut Histogram {
        let room = self.scores.len() < NAMED_SCORES || self.scores.contains_key(verdict);
        let name = if room { verdict } else { "(others)" };
        self.scores.entry(name.to_owned()).or_default()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.splits.iter().map(|split| split.rows).sum()
    }

    /// What a reader of the figures must know of these rows.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(verdicts) = self.other_verdicts.in_words() {
            warnings.push(format!(
                "verdicts that are none of {}: {verdicts}; kept and counted by name, but in no target and in no \
                 figure of the verdict",
                Verdict::NAMES.join(", ")
            ));
        }
        for (scanner, statuses) in Scanner::ALL.iter().zip(&self.other_statuses) {
            if let Some(statuses) = statuses.in_words() {
                warnings.push(format!(
                    "statuses of {scanner} that are none of {}: {statuses}; kept and counted by name, no flag by \
                     the rule `status`",
                    Status::NAMES.join(", ")
                ));
            }
        }
        if self.disagreements > 0 {
            warnings.push(format!(
                "another split than the file's named in {}; the file decides",
                counted(self.disagreements, "row")
            ));
        }
        warnings
    }

    pub(crate) fn columns(&self) -> Vec<ColumnProfile> {
        let profile = |&column: &Column| ColumnProfile {
            name: column.name().to_owned(),
            kind: column.kind(),
            nulls: self.nulls[column as usize],
            empty: self.empty[column as usize],
        };
        Column::ALL.iter().map(profile).collect()
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
        self.scores.iter().map(|(verdict, scores)| (verdict.clone(), scores.quantiles())).collect()
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
    fn new_names_are_listed_with_their_rows() {
        let mut counts = NameCounts::default();
        assert_eq!(counts.in_words(), None);
        for (name, rows) in [("review", 3), ("", 1)] {
            counts.add(name, rows);
        }
        assert_eq!(counts.in_words().unwrap(), "`review` in 3 rows, `` in 1 row");
        for name in 'a'..='h' {
            counts.add(&name.to_string(), 2);
        }
        let words = counts.in_words().unwrap();
        assert!(words.starts_with("`review` in 3 rows, `a` in 2 rows"), "{words}");
        assert!(words.ends_with("`g` in 2 rows, 2 others in 3 rows"), "{words}");
    }

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
}
