//! One skill, typed: what ingest writes a row of and every later stage reads.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Severity, Split, Status, Verdict, hostile::printable};

/// One row of `signals.parquet`, its texts of type `T`: a reader borrows them from its input, everyone else owns
/// them.
///
/// The text is hostile: it is whatever the author of a skill wrote. It is absent (`None`) where
/// the dataset has none, and also where a reader was asked to leave it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: AsRef<str> + Serialize",
    deserialize = "T: AsRef<str> + Deserialize<'de>"
))]
pub struct SkillRow<T = String> {
    /// Identifier of the row; unique within a split.
    pub id: T,
    /// `owner/slug` in the registry.
    pub slug: Option<T>,
    /// The skill's version text.
    pub version: T,
    /// The redacted SKILL.md, at most 120,000 characters.
    pub text: Option<T>,
    /// What the bundle holds, without its contents.
    pub bundle: BundleStats,
    /// The registry's verdict, one of the three or another.
    pub verdict: VerdictLabel<T>,
    /// The judge's other columns: never a feature.
    pub judge: JudgeFields<T>,
    /// The static scanner's columns.
    pub static_scan: StaticSignals<T>,
    /// VirusTotal's columns.
    pub virustotal: VirusTotalSignals<T>,
    /// SkillSpector's columns.
    pub skillspector: SkillSpectorSignals<T>,
    /// The dataset's partition.
    pub split: Split,
}

impl<T: AsRef<str>> SkillRow<T> {
    /// The owner in `owner/slug`; `None` without a slug or without a `/`.
    pub fn owner(&self) -> Option<&str> {
        self.slug.as_ref().and_then(|slug| owner_of_slug(slug.as_ref()))
    }
}

/// A row without values, in the split that no model is fitted on.
impl<T: Default> Default for SkillRow<T> {
    fn default() -> Self {
        SkillRow {
            id: T::default(),
            slug: None,
            version: T::default(),
            text: None,
            bundle: BundleStats::default(),
            verdict: VerdictLabel::Absent,
            judge: JudgeFields::default(),
            static_scan: StaticSignals::default(),
            virustotal: VirusTotalSignals::default(),
            skillspector: SkillSpectorSignals::default(),
            split: Split::EvalHoldout,
        }
    }
}

/// A row's verdict as far as it is understood.
///
/// The registry may write verdicts that no published analysis knows (`review`), and the stale conversion holds
/// `unknown`. Such a row is kept and counted by its own name, and has no place in a target: whoever needs one of the
/// three asks [`VerdictLabel::known`] and says how many rows it leaves out.
///
/// Files and JSON hold the text, or null where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VerdictLabel<T = String> {
    /// One of the three.
    Known(Verdict),
    /// Another text, as the file has it.
    Other(T),
    /// No verdict: the row is yet to be judged.
    #[default]
    Absent,
}

impl<T> VerdictLabel<T> {
    /// The verdict where it is one of the three.
    pub const fn known(&self) -> Option<Verdict> {
        match self {
            VerdictLabel::Known(verdict) => Some(*verdict),
            VerdictLabel::Other(_) | VerdictLabel::Absent => None,
        }
    }
}

impl<T: AsRef<str>> VerdictLabel<T> {
    /// Reads a text, without regard to ASCII case.
    pub fn of_text(text: T) -> VerdictLabel<T> {
        match text.as_ref().parse() {
            Ok(verdict) => VerdictLabel::Known(verdict),
            Err(_) => VerdictLabel::Other(text),
        }
    }

    /// The text: the label of one of the three, or the file's.
    pub fn text(&self) -> Option<&str> {
        match self {
            VerdictLabel::Known(verdict) => Some(verdict.as_str()),
            VerdictLabel::Other(text) => Some(text.as_ref()),
            VerdictLabel::Absent => None,
        }
    }

    /// The name under which such rows are counted: the label, the file's text made printable (at most 60 characters),
    /// or `null`.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            VerdictLabel::Known(verdict) => Cow::Borrowed(verdict.as_str()),
            VerdictLabel::Other(text) => Cow::Owned(printable(text.as_ref(), 60)),
            VerdictLabel::Absent => Cow::Borrowed("null"),
        }
    }

    /// The verdict for a result that people read: another text stands as [`VerdictLabel::name`] gives it.
    pub fn printable(&self) -> VerdictLabel {
        match self {
            VerdictLabel::Known(verdict) => VerdictLabel::Known(*verdict),
            VerdictLabel::Other(_) => VerdictLabel::Other(self.name().into_owned()),
            VerdictLabel::Absent => VerdictLabel::Absent,
        }
    }
}

impl<T> From<Verdict> for VerdictLabel<T> {
    fn from(verdict: Verdict) -> Self {
        VerdictLabel::Known(verdict)
    }
}

impl<T: AsRef<str>> Serialize for VerdictLabel<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text().serialize(serializer)
    }
}

impl<'de, T: AsRef<str> + Deserialize<'de>> Deserialize<'de> for VerdictLabel<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<T>::deserialize(deserializer)?;
        Ok(text.map_or(VerdictLabel::Absent, VerdictLabel::of_text))
    }
}

/// The part of `owner/slug` before the first `/`; `None` where there is none or it is empty.
pub fn owner_of_slug(slug: &str) -> Option<&str> {
    slug.split_once('/').map(|(owner, _)| owner).filter(|owner| !owner.is_empty())
}

/// The bundle's files in figures; the contents are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleStats {
    /// Number of files.
    pub files: u32,
    /// Sum of the files' declared `sizeBytes`.
    pub bytes: u64,
    /// Paths that occur more than once in the bundle, counted once for each repetition.
    pub duplicate_paths: u32,
    /// Paths that are absolute, hold `..`, a NUL or a backslash, or are empty.
    pub unsafe_paths: u32,
    /// Files by lower-cased extension (at most 16 bytes, `""` for none), sorted by extension.
    pub extensions: Vec<ExtensionCount>,
}

/// How many files of a bundle have one extension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExtensionCount {
    /// The extension, lower-cased, without its dot.
    pub extension: String,
    /// Number of files.
    pub files: u32,
}

/// The judge's own columns. They are written by whoever writes the verdict, so no feature may
/// come from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeFields<T = String> {
    /// The judge's confidence, as text.
    pub confidence: Option<T>,
    /// The model that judged.
    pub model: Option<T>,
    /// The judge's summary: free text.
    pub summary: Option<T>,
}

/// The static scanner's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticSignals<T = String> {
    /// The status text as given.
    pub status: Option<T>,
    /// Number of findings.
    pub finding_count: u32,
    /// Reason codes such as `suspicious.dangerous_exec`, in the dataset's order.
    pub reason_codes: Vec<T>,
    /// Whether `clawscan_context.static` is present and not empty.
    pub has_output: bool,
}

/// VirusTotal's result: how many engines say what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirusTotalSignals<T = String> {
    /// The status text as given.
    pub status: Option<T>,
    /// The verdict text of `clawscan_context.virustotal`, where there is one.
    pub verdict_text: Option<T>,
    /// Engines that call it malicious.
    pub malicious: Option<u32>,
    /// Engines that call it suspicious.
    pub suspicious: Option<u32>,
    /// Engines that call it harmless.
    pub harmless: Option<u32>,
    /// Engines that detect nothing.
    pub undetected: Option<u32>,
    /// Whether `clawscan_context.virustotal` is present and not empty.
    pub has_output: bool,
}

/// SkillSpector's result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SkillSpectorSignals<T = String> {
    /// The status text as given.
    pub status: Option<T>,
    /// The recommendation text: `verdict` or `recommendation` of `clawscan_context.skillspector`.
    pub recommendation: Option<T>,
    /// The risk score, 0 to 100, finite.
    pub score: Option<f64>,
    /// The severity text as given, in any case.
    pub severity: Option<T>,
    /// Number of issues.
    pub issue_count: u32,
    /// Issue codes, one an issue, in the dataset's order.
    pub issue_codes: Vec<T>,
    /// Issue categories, in the dataset's order.
    pub issue_categories: Vec<T>,
    /// Whether `clawscan_context.skillspector` is present and not empty.
    pub has_output: bool,
}

impl<T: AsRef<str>> StaticSignals<T> {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_ref())
    }
}

impl<T: AsRef<str>> VirusTotalSignals<T> {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_ref())
    }
}

impl<T: AsRef<str>> SkillSpectorSignals<T> {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_ref())
    }

    /// The severity band as stated, `None` where it is missing or no band's name.
    pub fn known_severity(&self) -> Option<Severity> {
        self.severity.as_ref().and_then(|text| text.as_ref().trim().parse().ok())
    }

    /// The severity band: the one that is given, else the score's.
    pub fn band(&self) -> Option<Severity> {
        self.known_severity().or_else(|| self.score.and_then(Severity::of_score))
    }
}

fn known_status<T: AsRef<str>>(text: Option<&T>) -> Option<Status> {
    text.and_then(|text| text.as_ref().trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_a_name_that_can_be_shown() {
        let other = VerdictLabel::Other("re\u{202e}view".to_owned());
        assert_eq!(other.name(), "re\\u{202e}view");
        assert_eq!(other.printable(), VerdictLabel::Other("re\\u{202e}view".to_owned()));
        let long = VerdictLabel::of_text("x".repeat(1000));
        assert_eq!(long.name().chars().count(), 61);
        let clean = VerdictLabel::of_text("CLEAN".to_owned());
        assert_eq!((clean.name().as_ref(), clean.printable()), ("clean", Verdict::Clean.into()));
        let absent = VerdictLabel::<String>::Absent;
        assert_eq!((absent.name().as_ref(), absent.printable()), ("null", VerdictLabel::Absent));
    }

    #[test]
    fn a_status_is_known_by_its_word() {
        let mut row = SkillRow::default();
        let statuses = |row: &SkillRow| {
            let SkillRow { static_scan, virustotal, skillspector, .. } = row;
            [static_scan.known_status(), virustotal.known_status(), skillspector.known_status()]
        };
        assert_eq!(statuses(&row), [None; 3]);
        row.static_scan.status = Some(" clean ".to_owned());
        row.virustotal.status = Some("never seen".to_owned());
        row.skillspector.status = Some("suspicious".to_owned());
        assert_eq!(statuses(&row), [Some(Status::Clean), None, Some(Status::Suspicious)]);
    }

    #[test]
    fn an_owner_needs_a_slash_and_a_name() {
        assert_eq!(owner_of_slug("alice/tool"), Some("alice"));
        assert_eq!(owner_of_slug("alice/tool/extra"), Some("alice"));
        assert_eq!(owner_of_slug("/tool"), None);
        assert_eq!(owner_of_slug("tool"), None);
    }
}
