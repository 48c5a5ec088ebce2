//! How a scanner's output becomes one yes or no.
//!
//! Three rules are in use, and they disagree: `status` (the original notebook's), `label` (the
//! exporter's own) and `any-output` (the seed tutorial's). Where a rule finds nothing to decide
//! on, the flag is missing, and [`MissingPolicy`] says what becomes of it.

use serde::{Deserialize, Serialize};

use crate::{Scanner, SkillRow};

/// Which reading of a scanner's output counts as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagRule {
    /// The status is `suspicious` or `malicious`. Missing where the status is null.
    Status,
    /// The exporter's label is suspicious or malicious: engine counts first for VirusTotal; error,
    /// status text, recommendation, issue count and score for SkillSpector; the status text for
    /// the static scanner. Missing where that label is unknown.
    Label,
    /// The scanner left any output in `clawscan_context`. Never missing: no output is a "no".
    AnyOutput,
}

/// What an unknown flag counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingPolicy {
    /// A missing flag is a "no", as both published analyses have it.
    Negative,
    /// A row whose flag is missing takes no part in a statistic that needs that flag.
    Exclude,
}

crate::choices!(FlagRule, "flag rule",
    Status => "status", Label => "label", AnyOutput => "any-output");
crate::choices!(MissingPolicy, "missing policy",
    Negative => "negative", Exclude => "exclude");

impl MissingPolicy {
    /// The flag under this policy; `None` only where the row is to be left out.
    pub const fn apply(self, flag: Option<bool>) -> Option<bool> {
        match (flag, self) {
            (None, MissingPolicy::Negative) => Some(false),
            (flag, _) => flag,
        }
    }
}

/// The exporter's four-way label of one scanner's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannerLabel {
    /// Nothing found.
    Clean,
    /// Something doubtful found.
    Suspicious,
    /// Malware found.
    Malicious,
    /// The output says neither.
    Unknown,
}

impl ScannerLabel {
    /// The exporter's reading of a free text: `malicious` or `malware` in it is malicious, then
    /// `suspicious`, then `clean`, `safe` or `harmless`; anything else is unknown.
    pub fn of_text(text: &str) -> ScannerLabel {
        let text = text.to_lowercase();
        let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if holds(&["malicious", "malware"]) {
            ScannerLabel::Malicious
        } else if holds(&["suspicious"]) {
            ScannerLabel::Suspicious
        } else if holds(&["clean", "safe", "harmless"]) {
            ScannerLabel::Clean
        } else {
            ScannerLabel::Unknown
        }
    }

    fn of_optional(text: Option<&str>) -> ScannerLabel {
        text.map_or(ScannerLabel::Unknown, ScannerLabel::of_text)
    }

    /// Whether the label counts as a flag; `None` for [`ScannerLabel::Unknown`].
    pub const fn flag(self) -> Option<bool> {
        match self {
            ScannerLabel::Clean => Some(false),
            ScannerLabel::Suspicious | ScannerLabel::Malicious => Some(true),
            ScannerLabel::Unknown => None,
        }
    }
}

/// A SkillSpector score above this is suspicious to the exporter, whatever the issues.
pub const SKILLSPECTOR_SCORE_LIMIT: f64 = 20.0;

/// The exporter's label of one scanner's output on a row.
pub fn scanner_label(row: &SkillRow, scanner: Scanner) -> ScannerLabel {
    match scanner {
        Scanner::Static => ScannerLabel::of_optional(row.static_scan.status.as_deref()),
        Scanner::VirusTotal => {
            let vt = &row.virustotal;
            if vt.malicious.is_some_and(|engines| engines > 0) {
                ScannerLabel::Malicious
            } else if vt.suspicious.is_some_and(|engines| engines > 0) {
                ScannerLabel::Suspicious
            } else {
                ScannerLabel::of_optional(vt.verdict_text.as_deref().or(vt.status.as_deref()))
            }
        }
        Scanner::SkillSpector => skillspector_label(row),
    }
}

fn skillspector_label(row: &SkillRow) -> ScannerLabel {
    let signals = &row.skillspector;
    let status = signals.status.as_deref().unwrap_or_default().trim().to_lowercase();
    if status == "error" || status == "failed" {
        return ScannerLabel::Unknown;
    }
    let by_status = ScannerLabel::of_text(&status);
    if by_status != ScannerLabel::Unknown {
        return by_status;
    }
    // The exporter looks for the words with blanks: `DO_NOT_INSTALL` is no match.
    let recommendation = signals.recommendation.as_deref().unwrap_or_default().to_lowercase();
    let doubtful = recommendation.contains("do not install")
        || recommendation.contains("caution")
        || signals.issue_count > 0
        || signals.score.is_some_and(|score| score > SKILLSPECTOR_SCORE_LIMIT);
    if doubtful {
        ScannerLabel::Suspicious
    } else if signals.status.is_none() && signals.score.is_none() && !signals.has_output {
        // The exporter never meets this case (a row without a scan has no label at all).
        ScannerLabel::Unknown
    } else {
        ScannerLabel::Clean
    }
}

/// Whether a scanner flags a row under a rule; `None` where its output does not say.
pub fn flag(row: &SkillRow, scanner: Scanner, rule: FlagRule) -> Option<bool> {
    match rule {
        FlagRule::Status => {
            let status = match scanner {
                Scanner::Static => &row.static_scan.status,
                Scanner::VirusTotal => &row.virustotal.status,
                Scanner::SkillSpector => &row.skillspector.status,
            };
            status.as_deref().map(|text| {
                let text = text.trim();
                text.eq_ignore_ascii_case("suspicious") || text.eq_ignore_ascii_case("malicious")
            })
        }
        FlagRule::Label => scanner_label(row, scanner).flag(),
        FlagRule::AnyOutput => Some(match scanner {
            Scanner::Static => row.static_scan.has_output,
            Scanner::VirusTotal => row.virustotal.has_output,
            Scanner::SkillSpector => row.skillspector.has_output,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> SkillRow {
        SkillRow::default()
    }

    #[test]
    fn a_row_without_any_scan_has_no_flag_but_under_any_output() {
        for &scanner in Scanner::ALL {
            assert_eq!(flag(&row(), scanner, FlagRule::Status), None);
            assert_eq!(flag(&row(), scanner, FlagRule::Label), None);
            assert_eq!(flag(&row(), scanner, FlagRule::AnyOutput), Some(false));
        }
        assert_eq!(MissingPolicy::Negative.apply(None), Some(false));
        assert_eq!(MissingPolicy::Exclude.apply(None), None);
    }

    #[test]
    fn one_engine_outweighs_a_clean_status() {
        let mut row = row();
        row.virustotal.status = Some("clean".to_owned());
        row.virustotal.malicious = Some(1);
        assert_eq!(flag(&row, Scanner::VirusTotal, FlagRule::Status), Some(false));
        assert_eq!(flag(&row, Scanner::VirusTotal, FlagRule::Label), Some(true));
    }

    #[test]
    fn an_engine_that_suspects_is_a_label() {
        let mut row = row();
        for (engines, label) in [
            (1, ScannerLabel::Suspicious),
            (2, ScannerLabel::Suspicious),
            (0, ScannerLabel::Unknown),
        ] {
            row.virustotal.suspicious = Some(engines);
            assert_eq!(scanner_label(&row, Scanner::VirusTotal), label, "{engines}");
        }
    }

    #[test]
    fn engine_counts_of_zero_leave_it_to_the_text() {
        let mut row = row();
        row.virustotal.malicious = Some(0);
        row.virustotal.suspicious = Some(0);
        row.virustotal.status = Some("pending".to_owned());
        assert_eq!(scanner_label(&row, Scanner::VirusTotal), ScannerLabel::Unknown);
        row.virustotal.verdict_text = Some("Harmless".to_owned());
        assert_eq!(scanner_label(&row, Scanner::VirusTotal), ScannerLabel::Clean);
        // A verdict that says neither is the last word: the status is read only where there is none.
        row.virustotal.verdict_text = Some("undetected".to_owned());
        row.virustotal.status = Some("malicious".to_owned());
        assert_eq!(scanner_label(&row, Scanner::VirusTotal), ScannerLabel::Unknown);
        row.virustotal.verdict_text = None;
        assert_eq!(scanner_label(&row, Scanner::VirusTotal), ScannerLabel::Malicious);
    }

    #[test]
    fn skillspector_is_read_in_the_exporters_order() {
        let mut row = row();
        let scan = |row: &SkillRow| scanner_label(row, Scanner::SkillSpector);
        row.skillspector.score = Some(20.0);
        assert_eq!(scan(&row), ScannerLabel::Clean);
        row.skillspector.score = Some(20.5);
        assert_eq!(scan(&row), ScannerLabel::Suspicious);
        row.skillspector.status = Some("clean".to_owned());
        assert_eq!(scan(&row), ScannerLabel::Clean);
        row.skillspector.status = Some("completed".to_owned());
        row.skillspector.score = None;
        assert_eq!(scan(&row), ScannerLabel::Clean);
        row.skillspector.recommendation = Some("DO_NOT_INSTALL".to_owned());
        assert_eq!(scan(&row), ScannerLabel::Clean);
        row.skillspector.recommendation = Some("Do Not Install".to_owned());
        assert_eq!(scan(&row), ScannerLabel::Suspicious);
        row.skillspector.recommendation = Some("USE_WITH_CAUTION".to_owned());
        assert_eq!(scan(&row), ScannerLabel::Suspicious);
        row.skillspector.status = Some("error".to_owned());
        assert_eq!(scan(&row), ScannerLabel::Unknown);
    }

    #[test]
    fn names_read_back() {
        for &rule in FlagRule::ALL {
            assert_eq!(rule.as_str().parse(), Ok(rule));
        }
        assert!("Status".parse::<FlagRule>().is_err());
    }
}
