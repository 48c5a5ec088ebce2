//! One skill, typed: what ingest writes a row of and every later stage reads.

use serde::{Deserialize, Serialize};

use crate::{Severity, Split, Status, Verdict};

/// One row of `signals.parquet`.
///
/// The text is hostile: it is whatever the author of a skill wrote. It is absent (`None`) where
/// the dataset has none, and also where a reader was asked to leave it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkillRow {
    /// SHA-256 of the artifact, lower-case hex; unique within a split.
    pub id: String,
    /// `owner/slug` in the registry.
    pub slug: Option<String>,
    /// The skill's version text.
    pub version: String,
    /// The redacted SKILL.md, at most 120,000 characters.
    pub text: Option<String>,
    /// What the bundle holds, without its contents.
    pub bundle: BundleStats,
    /// The registry's verdict; `None` only for the stale conversion's `unknown`.
    pub verdict: Option<Verdict>,
    /// What the judge wrote beside the verdict: never a feature.
    pub judge: JudgeFields,
    /// The static scanner's columns.
    pub static_scan: StaticSignals,
    /// VirusTotal's columns.
    pub virustotal: VirusTotalSignals,
    /// SkillSpector's columns.
    pub skillspector: SkillSpectorSignals,
    /// The dataset's partition.
    pub split: Split,
}

impl SkillRow {
    /// The owner in `owner/slug`; `None` without a slug or without a `/`.
    pub fn owner(&self) -> Option<&str> {
        self.slug.as_deref().and_then(owner_of_slug)
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
pub struct JudgeFields {
    /// The judge's confidence, as text.
    pub confidence: Option<String>,
    /// The model that judged.
    pub model: Option<String>,
    /// The judge's summary: free text.
    pub summary: Option<String>,
}

/// The static scanner's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticSignals {
    /// The status text as given.
    pub status: Option<String>,
    /// Number of findings.
    pub finding_count: u32,
    /// Reason codes such as `suspicious.dangerous_exec`, in the dataset's order.
    pub reason_codes: Vec<String>,
    /// Whether `clawscan_context.static` is present and not empty.
    pub has_output: bool,
}

/// VirusTotal's result: how many engines say what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirusTotalSignals {
    /// The status text as given.
    pub status: Option<String>,
    /// The verdict text of `clawscan_context.virustotal`, where there is one.
    pub verdict_text: Option<String>,
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
pub struct SkillSpectorSignals {
    /// The status text as given.
    pub status: Option<String>,
    /// The recommendation text: `verdict` or `recommendation` of `clawscan_context.skillspector`.
    pub recommendation: Option<String>,
    /// The risk score, 0 to 100, finite.
    pub score: Option<f64>,
    /// The severity text as given, in any case.
    pub severity: Option<String>,
    /// Number of issues.
    pub issue_count: u32,
    /// Issue codes, one an issue, in the dataset's order.
    pub issue_codes: Vec<String>,
    /// Issue categories, in the dataset's order.
    pub issue_categories: Vec<String>,
    /// Whether `clawscan_context.skillspector` is present and not empty.
    pub has_output: bool,
}

impl StaticSignals {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_deref())
    }
}

impl VirusTotalSignals {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_deref())
    }
}

impl SkillSpectorSignals {
    /// The status as one of those seen in the dataset.
    pub fn known_status(&self) -> Option<Status> {
        known_status(self.status.as_deref())
    }

    /// The severity band as stated, `None` where it is missing or no band's name.
    pub fn known_severity(&self) -> Option<Severity> {
        self.severity.as_deref().and_then(|text| text.trim().parse().ok())
    }
}

fn known_status(text: Option<&str>) -> Option<Status> {
    text.and_then(|text| text.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_needs_a_slash_and_a_name() {
        assert_eq!(owner_of_slug("alice/tool"), Some("alice"));
        assert_eq!(owner_of_slug("alice/tool/extra"), Some("alice"));
        assert_eq!(owner_of_slug("/tool"), None);
        assert_eq!(owner_of_slug("tool"), None);
    }
}
