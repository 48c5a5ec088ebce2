//! What missing results hide, and how far the choices of an analysis move its figures.

use serde::{Deserialize, Serialize};

use crate::{MissingPolicy, Scanner, Split, Verdict};

/// Where results are missing, and what that leaves open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MissingResults {
    /// A scanner's missing results by verdict, over all rows, and by the judge's model.
    pub rates: Vec<MissingRow>,
    /// Jaccard and kappa of each pair.
    pub pairs: Vec<PairBounds>,
    /// Headlines that the missing results could turn, as sentences.
    pub warnings: Vec<String>,
}

/// One scanner on one group of rows: a row of `missing.csv`. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingRow {
    /// `all`, `verdict` or `judge`.
    pub group: String,
    /// The verdict, or the judge's model made harmless; empty for all rows.
    pub name: String,
    /// The scanner.
    pub scanner: String,
    /// Rows of the group.
    pub rows: u64,
    /// Rows without a result; empty where only the bounds below know of them.
    pub missing: Option<u64>,
    /// Rows flagged.
    pub flagged: u64,
    /// Flagged over all rows of the group: missing counts as not flagged. Empty where the scanner
    /// rated none of them.
    pub rate: Option<f64>,
    /// Flagged over the rows with a result.
    pub rate_of_rated: Option<f64>,
    /// The rate if no missing result were a flag.
    pub lowest: Option<f64>,
    /// The rate if every missing result were one.
    pub highest: Option<f64>,
}

/// A pair's statistic over everything that the missing results could have been: a row of
/// `bounds.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairBounds {
    /// The first rater.
    pub a: String,
    /// The second rater.
    pub b: String,
    /// `jaccard` or `cohen_kappa`.
    pub statistic: String,
    /// Rows on which at least one of the two has no result; empty where it is not known.
    pub missing: Option<u64>,
    /// The value with missing as not flagged; empty where a scanner rated no row of the study.
    pub value: Option<f64>,
    /// The least value that the missing results allow.
    pub lowest: Option<f64>,
    /// The greatest.
    pub highest: Option<f64>,
}

/// A pair under one definition of each rater's flag: a row of `choices.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRow {
    /// The first rater.
    pub a: String,
    /// The second rater.
    pub b: String,
    /// When the first flags: a rule, or a threshold as `engines>=3`.
    pub a_flags: String,
    /// When the second flags.
    pub b_flags: String,
    /// What a missing flag counts as.
    pub missing: MissingPolicy,
    /// Both flag.
    pub both: u64,
    /// Only the first flags.
    pub only_a: u64,
    /// Only the second flags.
    pub only_b: u64,
    /// Neither flags.
    pub neither: u64,
    /// Empty where it is undefined.
    pub jaccard: Option<f64>,
    /// Empty where it is undefined.
    pub cohen_kappa: Option<f64>,
    /// 1 for the paper's definition: both by `status`, missing as negative.
    pub published: u8,
}

/// Rows on which the rules `status` and `label` disagree about a scanner's flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleDifferences {
    /// How many, by scanner in the order of [`Scanner::ALL`].
    pub rows: [u64; 3],
    /// The rows, as far as they are listed: in the order in which they were read.
    pub listed: Vec<RuleDifference>,
}

/// One row and scanner of `label_status.csv`. The texts are the author's own, made harmless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleDifference {
    /// The row.
    pub id: String,
    /// `owner/slug`.
    pub slug: String,
    /// Its split.
    pub split: Split,
    /// The registry's verdict.
    pub verdict: Option<Verdict>,
    /// The scanner.
    pub scanner: Scanner,
    /// The scanner's status text.
    pub status_text: String,
    /// 1 where the rule `status` flags; missing counts as 0.
    pub status: u8,
    /// 1 where the rule `label` flags; missing counts as 0.
    pub label: u8,
}

/// Rows that carry a finding, by verdict: a row of `findings.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRow {
    /// `category` (SkillSpector), `code` (static), `owasp` (the paper's Table 7) or `theme` (words of the
    /// text; the list is clawsig's).
    pub kind: String,
    /// The finding, made harmless.
    pub name: String,
    /// Rows that carry it.
    pub rows: u64,
    /// Of these, clean ones.
    pub clean: u64,
    /// Of these, suspicious ones.
    pub suspicious: u64,
    /// Of these, malicious ones.
    pub malicious: u64,
    /// Share of the suspicious rows that carry it over the share of the clean rows; empty where either
    /// is 0.
    pub suspicious_over_clean: Option<f64>,
}
