//! `profile.json`: what the rows of a run are, counted while they are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Verdict, column::ColumnKind, format::FormatVersion};

/// The format of `profile.json`.
///
/// - 2.0: verdicts and statuses of any name; no count of rows that the live edition's split rule would move.
/// - 1.0: the first.
pub const PROFILE_FORMAT: FormatVersion = FormatVersion::new(2, 0);

/// The content of `profile.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataProfile {
    /// The file's format.
    pub format: FormatVersion,
    /// Whether the rows are known to be made by the generator.
    pub synthetic: bool,
    /// The files that were read, in the order they were read.
    pub files: Vec<FileProfile>,
    /// Accepted rows, after sampling.
    pub rows: u64,
    /// Accepted rows that the sample of training rows left out.
    pub sampled_out: u64,
    /// Rejected rows.
    pub rejected: u64,
    /// Rejected rows by reason.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Columns that are not in the schema, with the number of rows that had them.
    pub extra_columns: BTreeMap<String, u64>,
    /// The 25 columns.
    pub columns: Vec<ColumnProfile>,
    /// Every split, empty ones included, in the dataset's order.
    pub splits: Vec<SplitProfile>,
    /// Static reason codes, by the rows that carry each.
    pub reason_codes: BTreeMap<String, u64>,
    /// SkillSpector issue categories, by the rows that carry each.
    pub issue_categories: BTreeMap<String, u64>,
    /// Quantiles of SkillSpector's score by verdict.
    pub score_by_verdict: BTreeMap<String, Quantiles>,
    /// Bundles over all rows.
    pub bundles: BundleProfile,
    /// One output of each scanner, from the first row that has one: scanner name to JSON text.
    pub examples: BTreeMap<String, String>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}

/// Adds to a count by name. Beyond `most` names it is counted as `(others)`, so that a file that chooses its
/// names can't fill memory or a page.
pub fn count_name(counts: &mut BTreeMap<String, u64>, name: &str, count: u64, most: usize) {
    if let Some(known) = counts.get_mut(name) {
        *known += count;
        return;
    }
    let name = if counts.len() < most { name } else { OTHERS };
    *counts.entry(name.to_owned()).or_default() += count;
}

/// The name of what has too many names.
const OTHERS: &str = "(others)";
/// Verdicts that are none of the three and have a place of their own in a table.
const OTHER_VERDICTS: usize = 5;

impl DataProfile {
    /// The rows of each verdict: the three, then the others by name, those with most rows first. Of many others the
    /// last is `(others)`, for the rest of them.
    pub fn verdicts(&self) -> Vec<VerdictCount> {
        verdicts(&self.splits)
    }
}

fn verdicts(splits: &[SplitProfile]) -> Vec<VerdictCount> {
    let mut found: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (at, split) in splits.iter().enumerate() {
        for (name, rows) in &split.verdicts {
            found.entry(name).or_insert_with(|| vec![0; splits.len()])[at] += rows;
        }
    }
    let mut of = |name: &str| {
        let by_split = found.remove(name).unwrap_or_else(|| vec![0; splits.len()]);
        VerdictCount { verdict: name.to_owned(), by_split }
    };
    let mut verdicts: Vec<VerdictCount> = Verdict::NAMES.iter().map(|name| of(name)).collect();
    let mut others: Vec<VerdictCount> = found
        .into_iter()
        .map(|(name, by_split)| VerdictCount { verdict: name.to_owned(), by_split })
        .collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.rows()));
    let mut rest = others.split_off(others.len().min(OTHER_VERDICTS)).into_iter();
    if let Some(mut first) = rest.next() {
        OTHERS.clone_into(&mut first.verdict);
        for other in rest {
            first.by_split.iter_mut().zip(other.by_split).for_each(|(sum, rows)| *sum += rows);
        }
        others.push(first);
    }
    verdicts.extend(others);
    verdicts
}

/// The rows of one verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictCount {
    /// The verdict's name, printable.
    pub verdict: String,
    /// Its rows in each split, in the order of [`DataProfile::splits`].
    pub by_split: Vec<u64>,
}

impl VerdictCount {
    /// Its rows in all splits.
    pub fn rows(&self) -> u64 {
        self.by_split.iter().sum()
    }

    /// Whether it is one of the three verdicts that targets and published figures know.
    pub fn is_known(&self) -> bool {
        Verdict::NAMES.contains(&self.verdict.as_str())
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProfile {
    /// Its name below the source's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of what was read, in hex.
    pub sha256: String,
    /// Lines of a JSONL file, rows of a Parquet file.
    pub lines: u64,
    /// Lines that are empty or hold only blanks.
    pub blank: u64,
    /// Rows that were accepted.
    pub accepted: u64,
    /// Rows that were rejected; `lines = blank + accepted + rejected`.
    pub rejected: u64,
}

/// A column of the raw rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Accepted rows where it is null.
    pub nulls: u64,
    /// Accepted rows where it is an empty text, list or object.
    pub empty: u64,
}

/// A split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitProfile {
    /// Its name.
    pub split: String,
    /// Its rows.
    pub rows: u64,
    /// Rows by verdict; one that is none of the three stands under its own name, made printable.
    pub verdicts: BTreeMap<String, u64>,
    /// Scanner, then status text (`null` for none), to rows.
    pub statuses: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows by severity band (`null` for none, `other` for an unknown text).
    pub severities: BTreeMap<String, u64>,
    /// Length of the SKILL.md text in characters, over the rows that have one.
    pub text_chars: Quantiles,
}

/// A distribution in a few numbers, by the nearest-rank method over the values that exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Number of values.
    pub n: u64,
    /// The smallest; absent without values, as are the others.
    pub min: Option<f64>,
    /// The 5th percentile.
    pub p5: Option<f64>,
    /// The lower quartile.
    pub p25: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The upper quartile.
    pub p75: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
}

/// What bundles hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleProfile {
    /// Rows with at least one file.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Sum of their declared sizes.
    pub bytes: u64,
    /// Paths repeated inside a bundle.
    pub duplicate_paths: u64,
    /// Paths that would leave the bundle's folder.
    pub unsafe_paths: u64,
    /// Files by extension, the most frequent ones.
    pub extensions: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_of_any_name_are_listed_behind_the_three() {
        let split = |verdicts: &[(&str, u64)]| SplitProfile {
            verdicts: verdicts.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect(),
            ..SplitProfile::default()
        };
        let train = split(&[("clean", 5), ("review", 1), ("appeal", 1)]);
        let test = split(&[("malicious", 2), ("review", 4)]);
        let mut splits = vec![train, test];
        let listed = |splits: &[SplitProfile]| -> Vec<(String, Vec<u64>)> {
            verdicts(splits).into_iter().map(|one| (one.verdict, one.by_split)).collect()
        };
        let expected: [(&str, [u64; 2]); 5] = [
            ("clean", [5, 0]),
            ("suspicious", [0, 0]),
            ("malicious", [0, 2]),
            ("review", [1, 4]),
            ("appeal", [1, 0]),
        ];
        assert_eq!(listed(&splits), expected.map(|(n, rows)| (n.to_owned(), rows.to_vec())));
        for number in 0..20 {
            splits[1].verdicts.insert(format!("odd {number:02}"), 3);
        }
        let many = listed(&splits);
        let names: Vec<&str> = many.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[3..], ["review", "odd 00", "odd 01", "odd 02", "odd 03", "(others)"]);
        assert_eq!(many[8].1, [1, 16 * 3]);
        let known: Vec<bool> = verdicts(&splits).iter().map(VerdictCount::is_known).collect();
        assert_eq!(known.iter().filter(|known| **known).count(), 3);
    }

    #[test]
    fn names_beyond_the_most_are_counted_together() {
        let mut counts = BTreeMap::new();
        for name in ["a", "b", "c", "a", "d"] {
            count_name(&mut counts, name, 2, 2);
        }
        let found: Vec<_> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(found, [("(others)", 4), ("a", 4), ("b", 2)]);
    }
}
