//! The flat rows of the CSV files, each derived from the results.

use serde::{Deserialize, Serialize};

use super::{
    AgreementResults, DisagreementKind, LatentResult, NamedEstimate, PairResult, SliceResult,
};
use crate::{
    Scanner, Split,
    hostile::{printable, spreadsheet_cell},
};

/// A row of `pairs.csv`. Columns are only ever added behind these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// The slice's name.
    pub slice: String,
    /// The first rater.
    pub a: String,
    /// The second rater.
    pub b: String,
    /// The statistic in snake case.
    pub statistic: String,
    /// Its value.
    pub value: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// The lower end of the 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The rows it rests on.
    pub n: u64,
    /// Why there is no value.
    pub undefined: Option<String>,
    /// How the interval was made.
    pub method: Option<String>,
    /// The p-value against zero, or of the test.
    pub p_value: Option<f64>,
    /// Why the value is arithmetic rather than a finding, and why it has no interval, where that is so.
    pub note: Option<String>,
}

/// A row of `patterns.csv`. A scanner that rated no row has an empty cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternRow {
    /// The slice's name.
    pub slice: String,
    /// 1 where the static scanner flags.
    #[serde(rename = "static")]
    pub static_scan: Option<u8>,
    /// 1 where VirusTotal flags.
    pub virustotal: Option<u8>,
    /// 1 where SkillSpector flags.
    pub skillspector: Option<u8>,
    /// Rows with this pattern.
    pub rows: u64,
    /// Of the rows on which every rating scanner has a flag.
    pub share: f64,
}

/// A row of `sweep.csv`: one statistic at one threshold against one other rater.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// The swept scanner.
    pub scanner: Scanner,
    /// `engines` or `score`.
    pub quantity: String,
    /// Flagged at or above.
    pub threshold: f64,
    /// The other rater.
    pub other: String,
    /// `rate`, `cohen_kappa`, `gwet_ac1` or `jaccard`.
    pub statistic: String,
    /// Its value.
    pub value: Option<f64>,
    /// The lower end of the 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The rows it rests on.
    pub n: u64,
    /// Why there is no value.
    pub undefined: Option<String>,
    /// Why the value is arithmetic rather than a finding, and why it has no interval, where that is so.
    pub note: Option<String>,
}

/// A row of `latent.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatentRow {
    /// `scanners` or `scanners_and_verdict`.
    pub model: String,
    /// The rater; empty for the prevalence.
    pub rater: String,
    /// `prevalence`, `sensitivity` or `specificity`.
    pub statistic: String,
    /// Its value.
    pub value: Option<f64>,
    /// The lower end of the 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The rows it rests on.
    pub n: u64,
    /// Why there is no value.
    pub undefined: Option<String>,
    /// Reasons against reading the value as it stands, and why it has no interval.
    pub note: Option<String>,
}

/// A row of `coverage.csv`: the order of adding scanners on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// The slice's name.
    pub slice: String,
    /// 1 for the scanner that covers most alone.
    pub step: u32,
    /// The scanner added.
    pub scanner: String,
    /// Flagged rows it adds.
    pub added: u64,
    /// Flagged rows covered so far.
    pub covered: u64,
    /// Covered over the union; empty where nothing is flagged.
    pub share: Option<f64>,
}

/// A row of `disagreements.csv`, safe to show and to open in a spreadsheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisagreementRow {
    /// `pair` or `pattern`.
    pub kind: DisagreementKind,
    /// The raters that flag, joined by `+`.
    pub flagged_by: String,
    /// The raters that do not.
    pub not_flagged_by: String,
    /// 1 for the first to look at.
    pub rank: u32,
    /// The product of the raters' confidences, 0 to 1.
    pub priority: f64,
    /// The skill.
    pub id: String,
    /// `owner/slug`.
    pub slug: String,
    /// The skill's version text.
    pub version: String,
    /// Its split.
    pub split: Split,
    /// The registry's verdict; empty where there is none.
    pub verdict: String,
    /// 1 where the static scanner flags.
    #[serde(rename = "static")]
    pub static_scan: Option<u8>,
    /// 1 where VirusTotal flags.
    pub virustotal: Option<u8>,
    /// 1 where SkillSpector flags.
    pub skillspector: Option<u8>,
    /// Findings of the static scanner.
    pub static_findings: u32,
    /// Engines that call it malicious or suspicious.
    pub virustotal_engines: Option<u32>,
    /// SkillSpector's score.
    pub skillspector_score: Option<f64>,
}

fn pair_row(slice: &str, pair: &PairResult, named: &NamedEstimate) -> PairRow {
    let estimate = named.estimate.clone();
    PairRow {
        slice: slice.to_owned(),
        a: pair.a.clone(),
        b: pair.b.clone(),
        statistic: named.statistic.clone(),
        value: estimate.value,
        standard_error: estimate.standard_error,
        low: estimate.low,
        high: estimate.high,
        n: estimate.n,
        note: estimate.remark(),
        undefined: estimate.undefined,
        method: estimate.method,
        p_value: estimate.p_value,
    }
}

fn cell(text: &str) -> String {
    let shown = printable(text, 200);
    spreadsheet_cell(&shown).into_owned()
}

fn bit(flags: &[Option<bool>], scanner: Scanner) -> Option<u8> {
    flags.get(scanner.index()).copied().flatten().map(u8::from)
}

impl PairResult {
    /// Rows of `pairs.csv`: every statistic, under this name of a slice.
    pub fn rows(&self, slice: &str) -> impl Iterator<Item = PairRow> {
        self.statistics.iter().map(move |named| pair_row(slice, self, named))
    }

    /// Rows of `intervals.csv`: the same statistics by the other methods.
    pub fn interval_rows(&self, slice: &str) -> impl Iterator<Item = PairRow> {
        self.intervals.iter().map(move |named| pair_row(slice, self, named))
    }
}

impl LatentResult {
    /// Rows of `latent.csv`.
    pub fn rows(&self) -> impl Iterator<Item = LatentRow> {
        let prevalence = std::iter::once(("", "prevalence", &self.prevalence));
        let rates = self.rates.iter().flat_map(|rates| {
            [
                (rates.rater.as_str(), "sensitivity", &rates.sensitivity),
                (rates.rater.as_str(), "specificity", &rates.specificity),
            ]
        });
        prevalence.chain(rates).map(move |(rater, statistic, estimate)| LatentRow {
            model: self.model.clone(),
            rater: rater.to_owned(),
            statistic: statistic.to_owned(),
            value: estimate.value,
            low: estimate.low,
            high: estimate.high,
            n: estimate.n,
            undefined: estimate.undefined.clone(),
            note: {
                let told = self.doubts.iter().cloned().chain(estimate.remark());
                Some(told.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
            },
        })
    }
}

impl AgreementResults {
    /// The slice of that name.
    pub fn slice(&self, name: &str) -> Option<&SliceResult> {
        self.slices.iter().find(|slice| slice.name == name)
    }

    /// `pairs.csv`: every statistic of every pair on every slice.
    pub fn pair_rows(&self) -> impl Iterator<Item = PairRow> + '_ {
        self.each_pair().flat_map(|(slice, pair)| pair.rows(slice))
    }

    /// `intervals.csv`: the same statistics by every method, where they were asked for.
    pub fn interval_rows(&self) -> impl Iterator<Item = PairRow> + '_ {
        self.each_pair().flat_map(|(slice, pair)| pair.interval_rows(slice))
    }

    fn each_pair(&self) -> impl Iterator<Item = (&str, &PairResult)> {
        self.slices
            .iter()
            .flat_map(|slice| slice.pairs.iter().map(move |pair| (slice.name.as_str(), pair)))
    }

    /// `patterns.csv`: the exclusive patterns of every slice.
    pub fn pattern_rows(&self) -> impl Iterator<Item = PatternRow> + '_ {
        self.slices.iter().flat_map(|slice| {
            slice.patterns.iter().map(move |pattern| PatternRow {
                slice: slice.name.clone(),
                static_scan: bit(&pattern.flags, Scanner::Static),
                virustotal: bit(&pattern.flags, Scanner::VirusTotal),
                skillspector: bit(&pattern.flags, Scanner::SkillSpector),
                rows: pattern.rows,
                share: pattern.share,
            })
        })
    }

    /// `sweep.csv`: four statistics a threshold and other rater.
    pub fn sweep_rows(&self) -> impl Iterator<Item = SweepRow> + '_ {
        self.sweep.iter().flat_map(|point| {
            let statistics = [
                ("rate", &point.rate),
                ("cohen_kappa", &point.cohen_kappa),
                ("gwet_ac1", &point.gwet_ac1),
                ("jaccard", &point.jaccard),
            ];
            statistics.into_iter().map(move |(statistic, estimate)| SweepRow {
                scanner: point.scanner,
                quantity: point.quantity.clone(),
                threshold: point.threshold,
                other: point.other.clone(),
                statistic: statistic.to_owned(),
                value: estimate.value,
                low: estimate.low,
                high: estimate.high,
                n: estimate.n,
                undefined: estimate.undefined.clone(),
                note: estimate.remark(),
            })
        })
    }

    /// `latent.csv`: the models' prevalence, then each rater's two rates.
    pub fn latent_rows(&self) -> impl Iterator<Item = LatentRow> + '_ {
        self.latent.iter().flat_map(LatentResult::rows)
    }

    /// `coverage.csv`: the order of adding scanners on every slice.
    pub fn coverage_rows(&self) -> impl Iterator<Item = CoverageRow> + '_ {
        self.slices.iter().flat_map(|slice| {
            (1..).zip(&slice.overlap.coverage).map(move |(step, taken)| CoverageRow {
                slice: slice.name.clone(),
                step,
                scanner: taken.scanner.clone(),
                added: taken.added,
                covered: taken.covered,
                share: taken.share.value,
            })
        })
    }

    /// `disagreements.csv`: texts escaped for a terminal and against spreadsheet formulas.
    pub fn disagreement_rows(&self) -> impl Iterator<Item = DisagreementRow> + '_ {
        self.disagreements.iter().map(|found| DisagreementRow {
            kind: found.kind,
            flagged_by: found.flagged_by.clone(),
            not_flagged_by: found.not_flagged_by.clone(),
            rank: found.rank,
            priority: found.priority,
            id: cell(&found.id),
            slug: cell(found.slug.as_deref().unwrap_or_default()),
            version: cell(&found.version),
            split: found.split,
            verdict: cell(found.verdict.text().unwrap_or_default()),
            static_scan: bit(&found.flags, Scanner::Static),
            virustotal: bit(&found.flags, Scanner::VirusTotal),
            skillspector: bit(&found.flags, Scanner::SkillSpector),
            static_findings: found.static_findings,
            virustotal_engines: found.virustotal_engines,
            skillspector_score: found.skillspector_score,
        })
    }
}
