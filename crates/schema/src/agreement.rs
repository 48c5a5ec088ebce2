//! The results of the agreement stage: `agreement.json` as one struct, and the flat rows of the
//! CSV files beside it.
//!
//! The CSV rows are derived from the results by the methods of [`AgreementResults`], so that the
//! files can't disagree with the JSON. Texts that a skill's author chose are made safe for a
//! terminal and a spreadsheet in the rows and left alone in the JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    FlagRule, MissingPolicy, Scanner, Split, VerdictLabel, estimate::Estimate,
    format::FormatVersion,
};

mod missing;
mod rows;

pub use missing::{
    ChoiceRow, FindingRow, MissingResults, MissingRow, PairBounds, RuleDifference, RuleDifferences,
};
pub use rows::{CoverageRow, DisagreementRow, LatentRow, PairRow, PatternRow, SweepRow};

/// The format of `agreement.json`.
///
/// - 1.0: first version.
/// - 1.1: an estimate may have a `note`.
/// - 1.2: an estimate may say why it has no interval (`no_interval`), a latent model what speaks against
///   it (`doubts`); a p-value of 1e-300 stands for anything below.
/// - 1.3: verdicts that are none of the three are counted (`unjudged`) and have rows of their own in `by_verdict`.
/// - 1.4: what missing results leave open, every choice at once, where the rules differ, findings by verdict.
pub const AGREEMENT_FORMAT: FormatVersion = FormatVersion::new(1, 4);

/// The name of the slice that holds every row under the run's own rule and policy.
pub const OVERALL_SLICE: &str = "all";

/// The name of the registry's verdict where it stands as a rater beside the scanners (a verdict
/// other than clean is its flag).
pub const VERDICT_RATER: &str = "verdict";

/// Everything the agreement stage found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgreementResults {
    /// The format of this struct as written.
    pub format: FormatVersion,
    /// The settings that the results were computed with.
    pub parameters: AgreementParameters,
    /// The rows read.
    pub rows: u64,
    /// The owners among them; a row without an owner counts as one of its own.
    pub owners: u64,
    /// The raters, in the order of every table: the scanners, then [`VERDICT_RATER`].
    pub raters: Vec<String>,
    /// Raters without a single rating in the whole data; every statistic of theirs is undefined.
    pub unrated: Vec<String>,
    /// Rows by verdict, of verdicts that are none of the three. The verdict as a rater leaves them out; the scanners'
    /// own figures have them.
    #[serde(default)]
    pub unjudged: BTreeMap<String, u64>,
    /// The slices, [`OVERALL_SLICE`] first, then the other rules and policies, then the parts.
    pub slices: Vec<SliceResult>,
    /// Scanner by verdict, under the run's rule and policy.
    pub by_verdict: Vec<VerdictRow>,
    /// How agreement moves with a scanner's threshold.
    pub sweep: Vec<SweepPoint>,
    /// Prevalence and each rater's sensitivity and specificity without a gold label.
    pub latent: Vec<LatentResult>,
    /// The skills to look at first where raters disagree.
    pub disagreements: Vec<Disagreement>,
    /// Where results are missing, and what that leaves open, under the run's own rule.
    #[serde(default)]
    pub missing: MissingResults,
    /// Each pair under every rule, threshold and policy.
    #[serde(default)]
    pub choices: Vec<ChoiceRow>,
    /// Where the rules `status` and `label` differ.
    #[serde(default)]
    pub rule_differences: RuleDifferences,
    /// Findings by verdict.
    #[serde(default)]
    pub findings: Vec<FindingRow>,
}

/// The settings behind the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgreementParameters {
    /// The run's own flag rule.
    pub rule: FlagRule,
    /// The run's own policy for missing flags.
    pub missing: MissingPolicy,
    /// Bootstrap replicates of an interval.
    pub replicates: u32,
    /// The seed of the resampling.
    pub seed: u64,
    /// The level of every interval, 0.95.
    pub level: f64,
    /// Disagreements listed for each pair, direction and pattern.
    pub top: u32,
}

/// The whole that a slice is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceKind {
    /// Every row, under one rule and policy.
    Overall,
    /// The rows of one verdict.
    Verdict,
    /// The rows of one SkillSpector severity.
    Severity,
    /// The rows of one split.
    Split,
    /// The rows of owners with a certain number of skills.
    OwnerSize,
}

/// The agreement of all raters on one part of the rows under one rule and policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceResult {
    /// The slice's name: `all`, `rule=label,missing=exclude`, `verdict=clean`, `owner_size=2-5`.
    pub name: String,
    /// The whole that it is a part of.
    pub kind: SliceKind,
    /// The flag rule in force.
    pub rule: FlagRule,
    /// The policy for missing flags in force.
    pub missing: MissingPolicy,
    /// The rows of the slice.
    pub rows: u64,
    /// The owners of those rows.
    pub owners: u64,
    /// Each rater's own figures.
    pub raters: Vec<RaterSummary>,
    /// Each pair of raters.
    pub pairs: Vec<PairResult>,
    /// The statistics of all three scanners together.
    pub scanners: Vec<NamedEstimate>,
    /// The exclusive patterns of the scanners' flags, most rows first.
    pub patterns: Vec<Pattern>,
    /// How the scanners' flags overlap.
    pub overlap: OverlapResult,
}

/// One rater on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaterSummary {
    /// The rater's name.
    pub rater: String,
    /// Rows with a rating before the missing policy applies.
    pub rated: u64,
    /// Rows the rater's figures rest on, after the policy.
    pub used: u64,
    /// Rows flagged.
    pub flagged: u64,
    /// Flagged over used, with a Wilson interval.
    pub rate: Estimate,
}

/// A statistic and its name in snake case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedEstimate {
    /// For example `cohen_kappa`.
    pub statistic: String,
    /// Its value, or why there is none.
    #[serde(flatten)]
    pub estimate: Estimate,
}

impl NamedEstimate {
    /// Whether it is a test of the two raters' margins (McNemar), of which a reader wants the p-value.
    ///
    /// ```
    /// # use clawsig_schema::{agreement::NamedEstimate, estimate::Estimate};
    /// let named = |statistic: &str| NamedEstimate {
    ///     statistic: statistic.to_owned(),
    ///     estimate: Estimate::undefined("no rows", 0),
    /// };
    /// assert!(named("mcnemar_exact").is_test() && !named("cohen_kappa").is_test());
    /// ```
    pub fn is_test(&self) -> bool {
        self.statistic.starts_with("mcnemar_")
    }
}

/// Two raters on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairResult {
    /// The first rater.
    pub a: String,
    /// The second rater.
    pub b: String,
    /// The rows by both raters' flags.
    pub counts: PairCounts,
    /// Every two-rater statistic. Standard errors and intervals resample whole owners.
    pub statistics: Vec<NamedEstimate>,
    /// The same statistics by the other methods (analytic, jackknife, bootstrap of rows); present
    /// on the overall slice of the run's own rule and policy.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub intervals: Vec<NamedEstimate>,
    /// Cohen's kappa and Gwet's AC1 in words, on each named scale.
    pub readings: Vec<Reading>,
}

/// A 2 x 2 table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairCounts {
    /// Both flag.
    pub both: u64,
    /// Only the first rater flags.
    pub only_a: u64,
    /// Only the second rater flags.
    pub only_b: u64,
    /// Neither flags.
    pub neither: u64,
}

/// A coefficient in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The statistic that is read.
    pub statistic: String,
    /// `landis-koch`, `fleiss` or `altman`.
    pub scale: String,
    /// The word for the value itself.
    pub word: String,
    /// The best word whose benchmark probability is at least 0.95 (Gwet), with that probability;
    /// absent without a standard error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub benchmark: Option<Benchmark>,
}

/// A reading that allows for the standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// The word.
    pub word: String,
    /// The probability that the true coefficient is at this level or a better one.
    pub probability: f64,
}

/// The rows with one exclusive combination of flags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    /// One flag a scanner, in the order of [`Scanner::ALL`]; `None` where the scanner rated no row.
    pub flags: Vec<Option<bool>>,
    /// Rows.
    pub rows: u64,
    /// Rows over the rows on which every rating scanner has a flag.
    pub share: f64,
}

/// How the scanners' sets of flagged rows overlap. Scanners without a rating take no part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlapResult {
    /// The scanners that take part.
    pub scanners: Vec<String>,
    /// Rows on which each of them has a flag.
    pub rows: u64,
    /// Rows flagged by at least one.
    pub union: u64,
    /// Rows flagged by exactly 0, 1, 2, ... of them, over all rows.
    pub flagged_by: Vec<FlaggedBy>,
    /// Rows flagged by all of them over rows flagged by any.
    pub total_overlap: Estimate,
    /// Share of the rows flagged by `given` that `scanner` flags too.
    pub conditional: Vec<Conditional>,
    /// Rows that only this scanner flags.
    pub unique: Vec<UniqueFlags>,
    /// The order in which adding a scanner adds the most flagged rows.
    pub coverage: Vec<CoverageStep>,
}

/// Rows flagged by exactly so many scanners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlaggedBy {
    /// The number of scanners.
    pub scanners: u32,
    /// Rows.
    pub rows: u64,
    /// Of all rows, with a Wilson interval.
    pub share: Estimate,
    /// Of the flagged rows, with a Wilson interval; undefined for 0 scanners.
    pub share_of_flagged: Estimate,
}

/// A conditional rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditional {
    /// The scanner whose flag is asked for.
    pub scanner: String,
    /// The scanner that has flagged.
    pub given: String,
    /// The share, with a Wilson interval.
    pub rate: Estimate,
}

/// Rows that only one scanner finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UniqueFlags {
    /// The scanner.
    pub scanner: String,
    /// Rows that no other scanner flags.
    pub rows: u64,
    /// Of the rows flagged by any, with a Wilson interval.
    pub share_of_union: Estimate,
}

/// One step of the greedy order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageStep {
    /// The scanner added at this step.
    pub scanner: String,
    /// Flagged rows it adds.
    pub added: u64,
    /// Flagged rows covered so far.
    pub covered: u64,
    /// Covered over the union; undefined where nothing is flagged.
    pub share: Estimate,
}

/// One scanner's flags among the rows of one verdict: a row of `by_verdict.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// The verdict, whatever its name, or `all`.
    pub verdict: String,
    /// The scanner.
    pub scanner: String,
    /// Rows of the verdict.
    pub rows: u64,
    /// Of these, rows with a flag after the missing policy.
    pub used: u64,
    /// Rows flagged.
    pub flagged: u64,
    /// Flagged over used.
    pub share: Option<f64>,
    /// The lower end of the share's 95 % Wilson interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Why there is no share.
    pub undefined: Option<String>,
}

/// Agreement at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The scanner whose flag follows the threshold.
    pub scanner: Scanner,
    /// The quantity compared with it: `engines` (malicious and suspicious ones) or `score`.
    pub quantity: String,
    /// The row is flagged when the quantity is at least this.
    pub threshold: f64,
    /// The rater compared with, under the run's own rule and policy.
    pub other: String,
    /// The rows by both flags; `a` is the swept scanner.
    pub counts: PairCounts,
    /// Share of rows the swept scanner flags.
    pub rate: Estimate,
    /// Cohen's kappa with the other rater, analytic interval.
    pub cohen_kappa: Estimate,
    /// Gwet's AC1, analytic interval.
    pub gwet_ac1: Estimate,
    /// Jaccard overlap of the flagged rows, analytic interval.
    pub jaccard: Estimate,
}

/// A latent class model of the raters' flags (Dawid and Skene 1979): one hidden yes or no a row,
/// raters independent given it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatentResult {
    /// The raters that the model sees: `scanners` or `scanners_and_verdict`.
    pub model: String,
    /// The raters that take part.
    pub raters: Vec<String>,
    /// Assumptions without which the figures mean nothing.
    pub assumptions: Vec<String>,
    /// Share of rows in the hidden flagged class.
    pub prevalence: Estimate,
    /// Each rater's rates against the hidden class.
    pub rates: Vec<LatentRates>,
    /// Rows with at least one rating.
    pub rows: u64,
    /// The log-likelihood at the end (natural logarithm); absent where the model was not fitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_likelihood: Option<f64>,
    /// EM steps taken.
    pub iterations: u32,
    /// Whether the parameters had come to rest.
    pub converged: bool,
    /// Independent cells of the data less free parameters: below 0 the model is not identified,
    /// at 0 it can't be tested.
    pub degrees_of_freedom: i64,
    /// Reasons against reading the figures as they stand; empty where there are none.
    #[serde(default)]
    pub doubts: Vec<String>,
}

/// One rater against the hidden class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatentRates {
    /// The rater.
    pub rater: String,
    /// Share of the hidden flagged rows that the rater flags.
    pub sensitivity: Estimate,
    /// Share of the other rows that the rater leaves alone.
    pub specificity: Estimate,
}

/// Where a disagreement was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisagreementKind {
    /// Two raters, one of which flags.
    Pair,
    /// An exclusive pattern of all scanners' flags, neither all nor none.
    Pattern,
}

/// A skill on which raters disagree. The texts are the author's own: use
/// [`AgreementResults::disagreement_rows`] to show them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// A pair or a pattern.
    pub kind: DisagreementKind,
    /// The raters that flag, joined by `+`.
    pub flagged_by: String,
    /// The raters that do not, joined by `+`.
    pub not_flagged_by: String,
    /// 1 for the first to look at.
    pub rank: u32,
    /// The product of the raters' confidences, 0 to 1.
    pub priority: f64,
    /// The skill.
    pub id: String,
    /// `owner/slug`.
    pub slug: Option<String>,
    /// The skill's version text.
    pub version: String,
    /// Its split.
    pub split: Split,
    /// The registry's verdict, one of the three or another, made printable.
    pub verdict: VerdictLabel,
    /// The scanners' flags, in the order of [`Scanner::ALL`], after the missing policy.
    pub flags: Vec<Option<bool>>,
    /// Findings of the static scanner.
    pub static_findings: u32,
    /// Engines that call it malicious or suspicious.
    pub virustotal_engines: Option<u32>,
    /// SkillSpector's score.
    pub skillspector_score: Option<f64>,
}
