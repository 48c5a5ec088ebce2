//! The published figures of a snapshot: what a reproduction is compared with.
//!
//! A figure is a number and a [`Measure`]: a question that any set of rows can answer, so that the
//! same figure can be asked of the published snapshot, of a sample and of next week's edition.
//! Flags are by the rule `status`, and a missing one is negative, as the paper has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Scanner, Split, Verdict, format::FormatVersion};

/// The format of `published.json`.
///
/// - 2.0: measures are questions to any selection of rows; figures say where they stand.
/// - 1.0: the first.
pub const PUBLISHED_FORMAT: FormatVersion = FormatVersion::new(2, 0);

/// Every published figure of one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFigures {
    /// The format of this file.
    pub format: FormatVersion,
    /// The name of the snapshot in the dataset lock that the figures are of.
    pub snapshot: String,
    /// Where figures come from: a short name, and what it stands for.
    pub sources: BTreeMap<String, String>,
    /// The figures.
    pub figures: Vec<PublishedFigure>,
}

/// One published figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFigure {
    /// What it is, in words; unique among the figures.
    pub name: String,
    /// One of [`PublishedFigures::sources`].
    pub source: String,
    /// Where it stands in the source: a section or a table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The figure as it was printed, a percentage as the number before the sign; none where words
    /// or a grouping were printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How it was rounded, which is how closely it can be reproduced.
    pub rounding: Rounding,
    /// Whether it was printed in percent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub percent: bool,
    /// How the source defines it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub definition: String,
    /// The question that it answers.
    pub measure: Measure,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How a figure was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule", deny_unknown_fields)]
pub enum Rounding {
    /// A count: equal or not.
    Exact,
    /// Rounded to so many decimals: holds within half a unit of the last one, either way of
    /// rounding a half.
    Decimals {
        /// Digits behind the point.
        decimals: u8,
    },
    /// Said to be below the figure.
    Below,
}

impl Rounding {
    /// Whether a reproduced value, in the unit of the published one, agrees with it.
    pub fn holds(self, published: f64, reproduced: f64) -> bool {
        match self {
            Rounding::Exact => published == reproduced,
            Rounding::Decimals { decimals } => {
                // The slack is for halves that binary fractions can't hold.
                let unit = 10f64.powi(-i32::from(decimals));
                (published - reproduced).abs() <= unit / 2.0 + unit * 1e-9
            }
            Rounding::Below => reproduced < published,
        }
    }

    /// Digits behind the point that are worth showing.
    pub const fn decimals(self) -> u8 {
        match self {
            Rounding::Exact => 0,
            Rounding::Decimals { decimals } => decimals,
            Rounding::Below => 2,
        }
    }
}

/// A question to a set of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of", deny_unknown_fields)]
pub enum Measure {
    /// The number of selected rows.
    Rows {
        /// Which rows; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        among: Selection,
    },
    /// Selected rows over other selected rows.
    Share {
        /// The rows above the line.
        part: Selection,
        /// The rows below it; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        whole: Selection,
    },
    /// The sum of a quantity.
    Sum {
        /// What is summed.
        quantity: Quantity,
        /// Over which rows; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        among: Selection,
    },
    /// The mean of a quantity over the rows that have it.
    Mean {
        /// What is averaged.
        quantity: Quantity,
        /// Over which rows; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        among: Selection,
    },
    /// The median of a quantity over the rows that have it; between two middle ones their mean.
    Median {
        /// What is sorted.
        quantity: Quantity,
        /// Over which rows; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        among: Selection,
    },
    /// Rows without a value in a column.
    Missing {
        /// The column's name.
        column: String,
    },
    /// How two scanners' flags go together.
    Pair {
        /// By which statistic.
        statistic: PairStatistic,
        /// The one scanner.
        a: Scanner,
        /// The other.
        b: Scanner,
    },
    /// The largest Jaccard overlap of two scanners' flagged rows.
    LargestJaccard,
    /// Pairs of scanners whose kappa has a reading on the scale of Landis and Koch.
    PairsRead {
        /// The reading, `slight` for example.
        reading: String,
    },
    /// F1 of calling selected rows not clean, against the verdict.
    F1 {
        /// The rows that are called not clean; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        flagged: Selection,
        /// Among which rows; all without it.
        #[serde(default, skip_serializing_if = "Selection::is_all")]
        within: Selection,
    },
    /// Nothing that rows can answer.
    Elsewhere {
        /// Why not.
        reason: String,
    },
}

/// A statistic of two scanners' flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairStatistic {
    /// Rows that both flag over rows that either flags.
    Jaccard,
    /// Cohen's kappa.
    CohenKappa,
    /// The largest kappa that the two positive rates allow.
    MaxKappa,
}

/// Something that a row has an amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Bundled files.
    BundleFiles,
    /// Millions of bytes in bundled files, by their declared sizes.
    BundleMegabytes,
    /// Paths repeated inside the bundle.
    BundleDuplicatePaths,
    /// Paths that would leave the bundle's folder.
    BundleUnsafePaths,
    /// SkillSpector's score, where there is one.
    Score,
    /// SkillSpector's issue count, 0 where it has no result.
    Issues,
    /// Characters of SKILL.md, where there is one.
    TextCharacters,
}

/// Which rows: those of which everything that is stated holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Of this split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Of this verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Of a verdict other than clean.
    #[serde(skip_serializing_if = "is_false")]
    pub not_clean: bool,
    /// That these scanners flag (true) or do not flag (false).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<Scanner, bool>,
    /// That at least one of these scanners flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Scanner>,
    /// That so many scanners flag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flagged_by: Vec<u8>,
    /// That a scanner left such a result of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanSelection>,
    /// That carry this SkillSpector issue category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// That carry this static reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// With such a bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleSelection>,
    /// Judged by this model: every word of it occurs in `clawscan_model`, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Judged with this confidence, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
    /// The skill of this `owner/slug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

impl Selection {
    /// Whether nothing is stated, so that every row is selected.
    pub fn is_all(&self) -> bool {
        *self == Selection::default()
    }
}

/// A scanner and what became of its scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanSelection {
    /// The scanner.
    pub scanner: Scanner,
    /// What became of it.
    pub state: ScanState,
}

/// What became of a scan, by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// There is a status.
    Any,
    /// There is none.
    None,
    /// The status is clean, suspicious or malicious.
    Resolved,
    /// The status is clean.
    Clean,
    /// The status is stale.
    Stale,
    /// The status is error or failed.
    Error,
}

/// What a bundle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleSelection {
    /// Any file.
    Any,
    /// A file with one of [`CODE_EXTENSIONS`].
    Code,
}

/// The extensions of what the registry scans as code.
pub const CODE_EXTENSIONS: [&str; 14] =
    ["js", "ts", "mjs", "cjs", "mts", "cts", "jsx", "tsx", "py", "sh", "bash", "zsh", "rb", "go"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_of_nothing_is_of_all() {
        assert!(Selection::default().is_all());
        let of_one = Selection { slug: Some("alice/tool".to_owned()), ..Selection::default() };
        assert!(!of_one.is_all());
    }

    #[test]
    fn a_rounded_figure_holds_within_half_a_unit() {
        let one = Rounding::Decimals { decimals: 1 };
        for reproduced in [75.25, 75.3, 75.3499, 75.35] {
            assert!(one.holds(75.3, reproduced), "{reproduced}");
        }
        for reproduced in [75.249, 75.36, 76.3, f64::NAN] {
            assert!(!one.holds(75.3, reproduced), "{reproduced}");
        }
        assert!(one.holds(100.0 * 19_209.0 / 25_504.0, 75.3));
        assert!(Rounding::Exact.holds(16.0, 16.0) && !Rounding::Exact.holds(16.0, 17.0));
        assert!(Rounding::Below.holds(0.3, 0.29) && !Rounding::Below.holds(0.3, 0.3));
        assert_eq!([one, Rounding::Exact, Rounding::Below].map(Rounding::decimals), [1, 0, 2]);
    }
}
