//! What a classifier is asked to predict.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Severity, Verdict, matrix::RowInfo};

/// The label that a model learns from a row.
///
/// A row without a label for the target (a verdict that is none of the three or that the target leaves
/// out, no severity) takes no part in training or evaluation; [`Target::left_out_as`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The registry's verdict: clean, suspicious or malicious.
    Verdict,
    /// Clean against malicious; suspicious rows are left out, as in the seed tutorial.
    VerdictBinary,
    /// Clean against the rest, as the leaderboard scores it.
    NonClean,
    /// SkillSpector's severity band.
    Severity,
}

impl Target {
    /// The names of the classes; [`Target::label_of`] returns positions in this list.
    pub const fn classes(self) -> &'static [&'static str] {
        match self {
            Target::Verdict => Verdict::NAMES,
            Target::VerdictBinary => &["clean", "malicious"],
            Target::NonClean => &["clean", "non-clean"],
            Target::Severity => Severity::NAMES,
        }
    }

    /// The class of a row, as a position in [`Target::classes`]; `None` where the row has no
    /// label for this target.
    pub const fn label_of(self, row: &RowInfo) -> Option<usize> {
        match self {
            Target::Verdict => match row.verdict.known() {
                Some(verdict) => Some(verdict.index()),
                None => None,
            },
            Target::VerdictBinary => match row.verdict.known() {
                Some(Verdict::Clean) => Some(0),
                Some(Verdict::Malicious) => Some(1),
                Some(Verdict::Suspicious) | None => None,
            },
            Target::NonClean => match row.verdict.known() {
                Some(Verdict::Clean) => Some(0),
                Some(Verdict::Suspicious | Verdict::Malicious) => Some(1),
                None => None,
            },
            Target::Severity => match row.severity {
                Some(severity) => Some(severity.index()),
                None => None,
            },
        }
    }

    /// The name under which a row without a label is counted: its verdict, or `null` without a verdict or severity.
    pub fn left_out_as(self, row: &RowInfo) -> Cow<'static, str> {
        match self {
            Target::Severity => Cow::Borrowed("null"),
            _ => row.verdict.name(),
        }
    }
}

crate::choices!(Target, "target",
    Verdict => "verdict", VerdictBinary => "verdict-binary", NonClean => "non-clean",
    Severity => "severity");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VerdictLabel;

    fn row(verdict: Option<Verdict>, severity: Option<Severity>) -> RowInfo {
        let verdict = verdict.map_or(VerdictLabel::Other("review".to_owned()), VerdictLabel::from);
        RowInfo { verdict, severity, ..RowInfo::default() }
    }

    #[test]
    fn each_target_labels_the_verdicts_it_knows() {
        let labels = |target: Target| {
            [Some(Verdict::Clean), Some(Verdict::Suspicious), Some(Verdict::Malicious), None]
                .map(|verdict| target.label_of(&row(verdict, None)))
        };
        assert_eq!(labels(Target::Verdict), [Some(0), Some(1), Some(2), None]);
        assert_eq!(labels(Target::VerdictBinary), [Some(0), None, Some(1), None]);
        assert_eq!(labels(Target::NonClean), [Some(0), Some(1), Some(1), None]);
        assert_eq!(labels(Target::Severity), [None; 4]);
        assert_eq!(Target::Severity.label_of(&row(None, Some(Severity::Critical))), Some(3));
        assert_eq!(Target::NonClean.left_out_as(&row(None, None)), "review");
        let suspicious = row(Some(Verdict::Suspicious), None);
        assert_eq!(Target::VerdictBinary.left_out_as(&suspicious), "suspicious");
        assert_eq!(Target::Severity.left_out_as(&suspicious), "null");
    }

    #[test]
    fn names_read_back() {
        for &target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        assert!("Verdict".parse::<Target>().is_err());
    }
}
