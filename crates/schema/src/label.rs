//! The closed vocabularies of the dataset.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is none of the labels of a closed vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLabel {
    /// What was being read, for example `verdict`.
    pub kind: &'static str,
    /// The text that was found.
    pub found: String,
    /// The labels that would have been accepted.
    pub expected: &'static [&'static str],
}

impl fmt::Display for UnknownLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = crate::hostile::printable(&self.found, 60);
        write!(f, "unknown {} `{shown}`, expected one of {}", self.kind, self.expected.join(", "))
    }
}

impl std::error::Error for UnknownLabel {}

/// Declares an enum over a closed list of texts, with one place for every spelling.
macro_rules! labels {
    (
        $(#[$meta:meta])*
        $name:ident, $kind:literal {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $text)] $variant ),+
        }

        impl $name {
            /// Every label, in the order used by every table and file.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The texts of [`Self::ALL`], in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The label as it is written in every file.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownLabel;

            /// Reads the exact text of a label, without regard to ASCII case.
            fn from_str(text: &str) -> Result<Self, UnknownLabel> {
                $( if text.eq_ignore_ascii_case($text) { return Ok($name::$variant); } )+
                Err(UnknownLabel { kind: $kind, found: text.to_owned(), expected: Self::NAMES })
            }
        }
    };
}

labels! {
    /// The registry's moderation verdict on a skill: a silver label, written by a judge that was
    /// shown two of the scanners.
    Verdict, "verdict" {
        /// Nothing held against the skill.
        Clean = "clean",
        /// Held back or flagged for review.
        Suspicious = "suspicious",
        /// Judged to be malware.
        Malicious = "malicious",
    }
}

labels! {
    /// The scanners whose findings the dataset carries.
    Scanner, "scanner" {
        /// The registry's own rule-based scanner of the skill's files.
        Static = "static",
        /// VirusTotal's engines.
        VirusTotal = "virustotal",
        /// NVIDIA SkillSpector.
        SkillSpector = "skillspector",
    }
}

labels! {
    /// A scanner's status text, where it is one of those seen in the dataset.
    Status, "status" {
        /// Scanned, nothing found.
        Clean = "clean",
        /// Scanned, something doubtful found.
        Suspicious = "suspicious",
        /// Scanned, malware found.
        Malicious = "malicious",
        /// The result belongs to an older version of the skill.
        Stale = "stale",
        /// The scan ended in an error.
        Error = "error",
        /// The scan failed.
        Failed = "failed",
        /// The scan has not ended.
        Pending = "pending",
        /// The scan ended and states no opinion.
        Completed = "completed",
    }
}

labels! {
    /// SkillSpector's severity bands of its score.
    Severity, "severity" {
        /// Score 0 to 20.
        Low = "LOW",
        /// Score 21 to 50.
        Medium = "MEDIUM",
        /// Score 51 to 80.
        High = "HIGH",
        /// Score 81 to 100.
        Critical = "CRITICAL",
    }
}

impl Severity {
    /// The band of a SkillSpector score (0 to 100); `None` for a value outside that range.
    pub fn of_score(score: f64) -> Option<Severity> {
        match score {
            s if !(0.0..=100.0).contains(&s) => None,
            s if s <= 20.0 => Some(Severity::Low),
            s if s <= 50.0 => Some(Severity::Medium),
            s if s <= 80.0 => Some(Severity::High),
            _ => Some(Severity::Critical),
        }
    }
}

labels! {
    /// The dataset's own partition, by a hash of the artifact.
    Split, "split" {
        /// 70 %: models are fitted on it.
        Train = "train",
        /// 15 %: settings and thresholds are chosen on it.
        Validation = "validation",
        /// 10 %: results are reported on it.
        Test = "test",
        /// 5 %: looked at once, on request.
        EvalHoldout = "eval_holdout",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_reads_back_from_its_text() {
        for &v in Verdict::ALL {
            assert_eq!(v.as_str().parse(), Ok(v));
        }
        for &s in Split::ALL {
            assert_eq!(s.as_str().parse(), Ok(s));
            assert_eq!(Split::ALL[s.index()], s);
        }
        assert_eq!("high".parse(), Ok(Severity::High));
    }

    #[test]
    fn a_stranger_names_what_was_expected() {
        let err = "unknown\u{1b}[31m".parse::<Verdict>().unwrap_err();
        assert_eq!(
            err.to_string(),
            "unknown verdict `unknown\\u{1b}[31m`, expected one of clean, suspicious, malicious"
        );
    }

    #[test]
    fn bands_follow_the_published_limits() {
        let bands: Vec<_> =
            [0.0, 20.0, 21.0, 50.0, 51.0, 80.0, 81.0, 100.0].map(Severity::of_score).to_vec();
        let expected = [
            Severity::Low,
            Severity::Low,
            Severity::Medium,
            Severity::Medium,
            Severity::High,
            Severity::High,
            Severity::Critical,
            Severity::Critical,
        ];
        assert_eq!(bands, expected.map(Some));
        assert_eq!(Severity::of_score(f64::NAN), None);
        assert_eq!(Severity::of_score(100.5), None);
    }
}
