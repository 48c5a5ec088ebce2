//! The dataset columns that may never be a feature.
//!
//! Signals are read from a copy of the row in which everything that is barred is blank,
//! so a change of a barred column can change no entry of a matrix. Each column of the matrix says in
//! [`ColumnInfo::reads`](clawsig_schema::matrix::ColumnInfo::reads) what it is made from.
//!
//! One reading passes the list by, and only where it is asked for: the flag rule `any-output` is
//! the seed tutorial's, and says whether `clawscan_context` holds a scanner's output at all. The
//! flag tells that the scanner ran and left something, nothing of what the judge made of it. The
//! rule `label` reads the context too where a study counts flags; as a feature its flag is the one
//! that follows without it.

use clawsig_schema::{
    BundleStats, FlagRule, JudgeFields, Scanner, SkillRow, SkillSpectorSignals, StaticSignals,
    Target, VerdictLabel, VirusTotalSignals,
};

use crate::ValidFeatureParams;

/// Why a column of the dataset may not be a feature for a target; `None` where it may.
///
/// This is the one list. Every column of the matrix is made from dataset columns that passed it.
pub fn barred(target: Target, column: &str) -> Option<&'static str> {
    match column {
        "clawscan_verdict" => Some("it is the registry's verdict, a label"),
        "clawscan_confidence" | "clawscan_model" | "clawscan_summary" | CONTEXT => {
            Some("it is written by the judge that gives the verdict")
        }
        "id" | "skill_slug" | "skill_version" | "split" => {
            Some("it names the row instead of describing the skill")
        }
        _ if target == Target::Severity && column.starts_with("skillspector_") => {
            Some("the severity is derived from SkillSpector's own output")
        }
        _ => None,
    }
}

/// The column of the judge's evidence.
pub(crate) const CONTEXT: &str = "clawscan_context";

/// The dataset columns that a scanner's flag is made from as a feature, its status first but under
/// `any-output`.
pub fn flag_reads(scanner: Scanner, rule: FlagRule) -> &'static [&'static str] {
    match (rule, scanner) {
        (FlagRule::AnyOutput, _) => &[CONTEXT],
        (_, Scanner::Static) => &["static_status"],
        (FlagRule::Status, Scanner::VirusTotal) => &["virustotal_status"],
        (FlagRule::Label, Scanner::VirusTotal) => {
            &["virustotal_status", "virustotal_malicious_count", "virustotal_suspicious_count"]
        }
        (FlagRule::Status, Scanner::SkillSpector) => &["skillspector_status"],
        (FlagRule::Label, Scanner::SkillSpector) => {
            &["skillspector_status", "skillspector_issue_count", "skillspector_score"]
        }
    }
}

impl ValidFeatureParams {
    /// Says what the features read although it is barred; `None` but for the flags of the rule
    /// `any-output`.
    pub fn exception(&self) -> Option<&'static str> {
        let reads = !self.layout.flags.is_empty() && self.params.flags.rule == FlagRule::AnyOutput;
        reads.then_some(
            "the flags of rule any-output read clawscan_context: whether it holds a scanner's \
             output, nothing of what the judge made of it",
        )
    }
}

/// Whether a scanner's flag may be a feature under a rule.
pub(crate) fn flag_allowed(target: Target, scanner: Scanner, rule: FlagRule) -> bool {
    // The one exception: a rule that is nothing but the context, unless the scanner itself is
    // barred.
    let reads = match rule {
        FlagRule::AnyOutput => flag_reads(scanner, FlagRule::Status),
        rule => flag_reads(scanner, rule),
    };
    reads.iter().all(|column| barred(target, column).is_none())
}

/// The row as the signals may see it: without its text, which is no signal, and with everything
/// blank that is barred for the target.
pub(crate) fn visible(row: &SkillRow, target: Target, rule: FlagRule) -> SkillRow {
    let any_output = rule == FlagRule::AnyOutput;
    SkillRow {
        id: String::new(),
        slug: None,
        version: String::new(),
        text: None,
        bundle: BundleStats::default(),
        verdict: VerdictLabel::Absent,
        judge: JudgeFields::default(),
        static_scan: StaticSignals {
            has_output: any_output && row.static_scan.has_output,
            ..row.static_scan.clone()
        },
        virustotal: VirusTotalSignals {
            verdict_text: None,
            has_output: any_output && row.virustotal.has_output,
            ..row.virustotal.clone()
        },
        skillspector: if target == Target::Severity {
            SkillSpectorSignals::default()
        } else {
            SkillSpectorSignals {
                recommendation: None,
                has_output: any_output && row.skillspector.has_output,
                ..row.skillspector.clone()
            }
        },
        split: row.split,
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::column::Column;

    use super::*;

    #[test]
    fn each_target_bars_its_columns() {
        let always = [
            "id",
            "skill_slug",
            "skill_version",
            "clawscan_verdict",
            "clawscan_confidence",
            "clawscan_model",
            "clawscan_summary",
            "clawscan_context",
            "split",
        ];
        for &target in Target::ALL {
            let found: Vec<&str> = Column::ALL
                .iter()
                .map(|column| column.name())
                .filter(|name| barred(target, name).is_some())
                .filter(|name| target != Target::Severity || !name.starts_with("skillspector_"))
                .collect();
            assert_eq!(found, always, "{target}");
        }
        let skillspector =
            Column::ALL.iter().filter(|column| column.name().starts_with("skillspector_"));
        assert_eq!(
            skillspector.filter(|c| barred(Target::Severity, c.name()).is_some()).count(),
            6
        );
    }

    #[test]
    fn a_flag_is_made_from_columns_of_the_dataset() {
        for &scanner in Scanner::ALL {
            for &rule in FlagRule::ALL {
                for column in flag_reads(scanner, rule) {
                    assert!(Column::of_name(column).is_some(), "{column}");
                }
                assert!(flag_allowed(Target::Verdict, scanner, rule));
                let severity = flag_allowed(Target::Severity, scanner, rule);
                assert_eq!(severity, scanner != Scanner::SkillSpector, "{scanner} {rule}");
            }
        }
    }
}
