//! Agreement that counts alone give: of any raters from counts of their patterns, and of the
//! registry's scanners from the published counts.

use serde::{Deserialize, Serialize};

use crate::{
    MissingPolicy,
    agreement::{
        LatentResult, MissingResults, NamedEstimate, OverlapResult, PairResult, Pattern,
        RaterSummary, VerdictRow,
    },
    format::FormatVersion,
};

/// The format of `registry.json` and of the `agreement.json` of pattern counts.
///
/// - 1.0: the first.
pub const REGISTRY_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// How any raters agree, from counts of their patterns. Rows are resampled singly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternResults {
    /// The format of this struct as written.
    pub format: FormatVersion,
    /// What a missing rating counts as.
    pub missing: MissingPolicy,
    /// Bootstrap replicates of an interval.
    pub replicates: u32,
    /// The seed of the resampling.
    pub seed: u64,
    /// The rows of all patterns.
    pub rows: u64,
    /// Each rater's own figures.
    pub raters: Vec<RaterSummary>,
    /// Each pair of raters.
    pub pairs: Vec<PairResult>,
    /// The statistics of all raters together.
    pub together: Vec<NamedEstimate>,
    /// The patterns, most rows first, a flag a rater.
    pub patterns: Vec<Pattern>,
    /// How the flagged rows overlap.
    pub overlap: OverlapResult,
    /// The latent model of the raters, where there are enough of them.
    pub latent: Vec<LatentResult>,
}

/// What the published counts say about the registry, and this run's figures beside the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistryResults {
    /// The format of this struct as written.
    pub format: FormatVersion,
    /// Where the counts come from.
    pub source: String,
    /// The three scanners, from the eight published patterns.
    pub agreement: PatternResults,
    /// Each scanner and the verdict, from the published counts by verdict.
    pub with_verdict: Vec<PairResult>,
    /// Scanner by verdict.
    pub by_verdict: Vec<VerdictRow>,
    /// What the published missing results leave open.
    pub missing: MissingResults,
    /// Each published figure, with this run's where rows were asked.
    pub figures: Vec<FigureRow>,
    /// What the figures say against the paper's own reading of them.
    pub readings: Vec<ReadingCheck>,
}

/// A published figure: a row of `figures.csv`. Both values are in the published unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FigureRow {
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Where it stands there.
    pub place: String,
    /// 1 where it is a percentage.
    pub percent: u8,
    /// Digits behind the point that were published.
    pub decimals: u8,
    /// The published value; empty where only words were.
    pub published: Option<f64>,
    /// This run's; empty where it has none.
    pub this_run: Option<f64>,
    /// Why this run has none.
    pub why_none: Option<String>,
}

/// One reading of the figures, and what the figures say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingCheck {
    /// The reading that is questioned.
    pub reading: String,
    /// What the published figures say, as a sentence.
    pub registry: String,
    /// What this run's rows say; absent where none were asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub this_run: Option<String>,
}
