//! The published figures against those of a run.

use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, Split,
    agreement::{AgreementResults, PairResult, SliceKind, SliceResult, VERDICT_RATER},
    profile::DataProfile,
    published::{Measure, PublishedFigure, PublishedFigures},
};

use super::{Check, Finding, Section};
use crate::terminal::count;

/// One line a figure.
pub(super) fn compare(
    published: &PublishedFigures,
    profile: &DataProfile,
    agreement: Option<&AgreementResults>,
) -> Section {
    let run = Run { profile, agreement };
    let checks = published.figures.iter().map(|figure| run.check(figure)).collect();
    let sources: Vec<String> =
        published.sources.iter().map(|(name, what)| format!("{name}: {what}")).collect();
    let note = format!(
        "flags by rule `label`, missing ones negative; expected is the published figure\n  {}",
        sources.join("\n  ")
    );
    Section { title: "published figures", note: Some(note), checks }
}

struct Run<'a> {
    profile: &'a DataProfile,
    agreement: Option<&'a AgreementResults>,
}

/// A value, or why the run has none.
type Measured = Result<f64, String>;

impl Run<'_> {
    fn check(&self, figure: &PublishedFigure) -> Check {
        let shown = |value: f64, more: u8| {
            let text = match figure.rounding.decimals() {
                0 if value.fract() == 0.0 && value >= 0.0 => count(value as u64),
                decimals => format!("{value:.*}", usize::from(decimals + more)),
            };
            if figure.percent { format!("{text} %") } else { text }
        };
        let mut check = Check {
            name: figure.name.clone(),
            source: figure.source.clone(),
            expected: shown(figure.value, 0),
            found: String::new(),
            result: Finding::NotInThisRun,
            why: None,
        };
        match self.measure(&figure.measure) {
            Ok(value) => {
                let value = if figure.percent { 100.0 * value } else { value };
                // Two digits more than were published show how near the edge it is.
                check.found = shown(value, 2);
                let holds = figure.rounding.holds(figure.value, value);
                check.result = if holds { Finding::Holds } else { Finding::Differs };
            }
            Err(why) => check.why = Some(why),
        }
        check
    }

    fn measure(&self, measure: &Measure) -> Measured {
        let profile = self.profile;
        let all_rows = |value: u64| {
            self.unsampled()?;
            Ok(value as f64)
        };
        match measure {
            Measure::Rows { split, verdict } => {
                if split.is_none_or(|split| split == Split::Train) {
                    self.unsampled()?;
                }
                let of_split = profile
                    .splits
                    .iter()
                    .filter(|found| split.is_none_or(|split| split.as_str() == found.split));
                let rows: u64 = match verdict {
                    None => of_split.map(|found| found.rows).sum(),
                    Some(verdict) => {
                        of_split.filter_map(|found| found.verdicts.get(verdict.as_str())).sum()
                    }
                };
                Ok(rows as f64)
            }
            Measure::BundleRows => all_rows(profile.bundles.rows),
            Measure::BundleFiles => all_rows(profile.bundles.files),
            Measure::BundleDuplicatePaths => all_rows(profile.bundles.duplicate_paths),
            Measure::BundleUnsafePaths => all_rows(profile.bundles.unsafe_paths),
            Measure::IssueCategory { name } => {
                all_rows(profile.issue_categories.get(name).copied().unwrap_or(0))
            }
            Measure::ReasonCode { name } => {
                all_rows(profile.reason_codes.get(name).copied().unwrap_or(0))
            }
            Measure::Flagged { rater, split } => {
                let slice = self.slice(*split)?;
                let found = slice.raters.iter().find(|found| found.rater == rater.as_str());
                let found = found.ok_or_else(|| format!("no rater {}", rater.as_str()))?;
                Ok(found.flagged as f64)
            }
            Measure::FlaggedOfVerdict { scanner, verdict } => {
                let (flagged, _) = self.of_verdict(*scanner, verdict.as_str())?;
                Ok(flagged as f64)
            }
            Measure::ShareOfVerdict { scanner, verdict } => {
                let (flagged, rows) = self.of_verdict(*scanner, verdict.as_str())?;
                share(flagged, rows, "the verdict")
            }
            Measure::LargestOverlap => {
                let slice = self.slice(None)?;
                let overlap = |pair: &PairResult| {
                    let c = pair.counts;
                    let union = c.both + c.only_a + c.only_b;
                    (union > 0).then(|| c.both as f64 / union as f64)
                };
                let pairs = slice.pairs.iter();
                pairs
                    .filter(|pair| pair.a != VERDICT_RATER && pair.b != VERDICT_RATER)
                    .filter_map(overlap)
                    .max_by(f64::total_cmp)
                    .ok_or_else(|| "no scanner flags a row".to_owned())
            }
            Measure::FlaggedByAll => {
                let slice = self.slice(None)?;
                let all = self.flagged_by(slice, Scanner::ALL.len() as u32);
                share(all, slice.rows, "the run")
            }
            Measure::FlaggedByOne => {
                let slice = self.slice(None)?;
                share(self.flagged_by(slice, 1), slice.overlap.union, "the flagged ones")
            }
            Measure::AlwaysSuspiciousF1 { split } => {
                let found = profile.splits.iter().find(|found| found.split == split.as_str());
                let (rows, clean) = found.map_or((0, 0), |found| {
                    (found.rows, found.verdicts.get("clean").copied().unwrap_or(0))
                });
                f1(rows - clean, clean, 0)
            }
            Measure::FlagF1 { scanner, split } => {
                let slice = self.slice(Some(*split))?;
                let names = (scanner.as_str(), VERDICT_RATER);
                let pair =
                    slice.pairs.iter().find(|pair| (pair.a.as_str(), pair.b.as_str()) == names);
                let pair = pair.ok_or_else(|| format!("no pair of {scanner} and verdict"))?;
                f1(pair.counts.both, pair.counts.only_a, pair.counts.only_b)
            }
            Measure::Elsewhere { reason } => Err(reason.clone()),
        }
    }

    /// Figures over the training rows need all of them.
    fn unsampled(&self) -> Result<(), String> {
        match self.profile.sampled_out {
            0 => Ok(()),
            rows => Err(format!("the run left {} training rows out", count(rows))),
        }
    }

    fn agreement(&self) -> Result<&AgreementResults, String> {
        self.agreement.ok_or_else(|| "the stage agreement has not run".to_owned())
    }

    /// The rows of a split, or all, by the rule and the policy of the published figures.
    fn slice(&self, split: Option<Split>) -> Result<&SliceResult, String> {
        if split.is_none_or(|split| split == Split::Train) {
            self.unsampled()?;
        }
        let wanted = |slice: &&SliceResult| {
            slice.rule == FlagRule::Label
                && slice.missing == MissingPolicy::Negative
                && match split {
                    None => slice.kind == SliceKind::Overall,
                    Some(split) => {
                        slice.kind == SliceKind::Split && slice.name == format!("split={split}")
                    }
                }
        };
        let agreement = self.agreement()?;
        agreement.slices.iter().find(wanted).ok_or_else(|| of_other_flags(agreement))
    }

    /// Rows of a verdict that a scanner flags, and all of them.
    fn of_verdict(&self, scanner: Scanner, verdict: &str) -> Result<(u64, u64), String> {
        self.unsampled()?;
        let agreement = self.agreement()?;
        let parameters = &agreement.parameters;
        if (parameters.rule, parameters.missing) != (FlagRule::Label, MissingPolicy::Negative) {
            return Err(of_other_flags(agreement));
        }
        let found = agreement
            .by_verdict
            .iter()
            .find(|row| row.verdict == verdict && row.scanner == scanner.as_str());
        found
            .map(|row| (row.flagged, row.rows))
            .ok_or_else(|| format!("no row has the verdict {verdict}"))
    }

    fn flagged_by(&self, slice: &SliceResult, scanners: u32) -> u64 {
        slice.overlap.flagged_by.iter().filter(|f| f.scanners == scanners).map(|f| f.rows).sum()
    }
}

fn of_other_flags(agreement: &AgreementResults) -> String {
    let parameters = &agreement.parameters;
    format!(
        "the run's flags are by rule {} and missing {}",
        parameters.rule.as_str(),
        parameters.missing.as_str()
    )
}

fn share(part: u64, whole: u64, of: &str) -> Measured {
    if whole == 0 { Err(format!("no row of {of}")) } else { Ok(part as f64 / whole as f64) }
}

fn f1(both: u64, only_flagged: u64, only_true: u64) -> Measured {
    share(2 * both, 2 * both + only_flagged + only_true, "the split")
}
