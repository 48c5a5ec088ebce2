//! What a classifier is asked to predict.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Severity, UnknownLabel, Verdict, matrix::RowInfo};

/// The label that a model learns from a row.
///
/// A row without a label for the target (an `unknown` verdict, a verdict that the target leaves
/// out, no severity) takes no part in training or evaluation.
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
    /// Every target.
    pub const ALL: &'static [Target] =
        &[Target::Verdict, Target::VerdictBinary, Target::NonClean, Target::Severity];
    /// The names of [`Target::ALL`], in the same order, as a profile writes them.
    pub const NAMES: &'static [&'static str] =
        &["verdict", "verdict-binary", "non-clean", "severity"];

    /// The name a profile uses.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

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
            Target::Verdict => match row.verdict {
                Some(verdict) => Some(verdict.index()),
                None => None,
            },
            Target::VerdictBinary => match row.verdict {
                Some(Verdict::Clean) => Some(0),
                Some(Verdict::Malicious) => Some(1),
                Some(Verdict::Suspicious) | None => None,
            },
            Target::NonClean => match row.verdict {
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
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Target {
    type Err = UnknownLabel;

    fn from_str(text: &str) -> Result<Target, UnknownLabel> {
        Target::ALL.iter().copied().find(|target| target.as_str() == text).ok_or_else(|| {
            UnknownLabel { kind: "target", found: text.to_owned(), expected: Target::NAMES }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;

    fn row(verdict: Option<Verdict>, severity: Option<Severity>) -> RowInfo {
        RowInfo {
            id: "0".repeat(64),
            slug: None,
            owner: None,
            split: Split::Train,
            verdict,
            severity,
            flag_static: None,
            flag_virustotal: None,
            flag_skillspector: None,
            duplicate_group: 0,
            copies_in_train: 0,
        }
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
    }

    #[test]
    fn names_read_back() {
        for &target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        assert!("Verdict".parse::<Target>().is_err());
    }
}
