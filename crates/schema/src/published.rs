//! The published figures of a snapshot: what a reproduction is compared with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Scanner, Split, Verdict, format::FormatVersion};

/// The format of `published.json`.
///
/// - 1.0: the first.
pub const PUBLISHED_FORMAT: FormatVersion = FormatVersion::new(1, 0);

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
    /// What it is, in words.
    pub name: String,
    /// One of [`PublishedFigures::sources`].
    pub source: String,
    /// The figure as it was printed; a percentage as the number before the sign.
    pub value: f64,
    /// How it was rounded, which is how closely it can be reproduced.
    pub rounding: Rounding,
    /// Whether it was printed in percent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub percent: bool,
    /// What of a run it is compared with.
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

/// What holds flags: a scanner, or the verdict (other than clean is its flag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rater {
    /// The static scanner.
    #[serde(rename = "static")]
    Static,
    /// VirusTotal.
    #[serde(rename = "virustotal")]
    VirusTotal,
    /// SkillSpector.
    #[serde(rename = "skillspector")]
    SkillSpector,
    /// The registry's verdict.
    #[serde(rename = "verdict")]
    Verdict,
}

impl Rater {
    /// The rater's name in the agreement stage's tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rater::Static => Scanner::Static.as_str(),
            Rater::VirusTotal => Scanner::VirusTotal.as_str(),
            Rater::SkillSpector => Scanner::SkillSpector.as_str(),
            Rater::Verdict => crate::agreement::VERDICT_RATER,
        }
    }
}

/// Something that a run counts. Flags are by the rule `label`, missing ones negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of", deny_unknown_fields)]
pub enum Measure {
    /// Rows: all, of a split, of a verdict, or of both.
    Rows {
        /// The split; all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split: Option<Split>,
        /// The verdict; all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
    },
    /// Rows with a bundle.
    BundleRows,
    /// Bundled files.
    BundleFiles,
    /// Paths repeated inside a bundle.
    BundleDuplicatePaths,
    /// Paths that would leave a bundle's folder.
    BundleUnsafePaths,
    /// Rows that carry a SkillSpector issue category.
    IssueCategory {
        /// The category.
        name: String,
    },
    /// Rows that carry a static reason code.
    ReasonCode {
        /// The code.
        name: String,
    },
    /// Rows that a rater flags, in all or in a split.
    Flagged {
        /// The rater.
        rater: Rater,
        /// The split; all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split: Option<Split>,
    },
    /// Rows of a verdict that a scanner flags.
    FlaggedOfVerdict {
        /// The scanner.
        scanner: Scanner,
        /// The verdict.
        verdict: Verdict,
    },
    /// The same over the rows of the verdict.
    ShareOfVerdict {
        /// The scanner.
        scanner: Scanner,
        /// The verdict.
        verdict: Verdict,
    },
    /// The largest Jaccard overlap of two scanners' flagged rows.
    LargestOverlap,
    /// Rows flagged by all three scanners, over all rows.
    FlaggedByAll,
    /// Rows flagged by exactly one scanner, over the rows flagged by any.
    FlaggedByOne,
    /// F1 of calling every row of a split not clean, against the verdict.
    AlwaysSuspiciousF1 {
        /// The split.
        split: Split,
    },
    /// F1 of a scanner's flag in a split, against the verdict (other than clean is positive).
    FlagF1 {
        /// The scanner.
        scanner: Scanner,
        /// The split.
        split: Split,
    },
    /// Nothing that a run computes.
    Elsewhere {
        /// Why not.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
