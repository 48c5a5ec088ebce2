//! A row of the dataset as it is published: 25 columns, nothing judged yet.

/// The `clawscan_model` of generated rows: no judge has this name, so that generated data says what
/// it is wherever it goes.
pub const SYNTHETIC_MODEL: &str = "synthetic";

/// One row of the raw dataset, its fields in the order of [`crate::column::COLUMNS`].
///
/// A field is an `Option` exactly where its column is nullable. The texts are those of the file:
/// nothing here says that a verdict is one of the three, that a status is known, or that a count
/// matches a list. Whoever reads a row for use turns it into a [`crate::SkillRow`].
///
/// There are no serde derives on purpose: the JSON row holds `clawscan_context` as an object,
/// this struct holds that object's text, and a derived form would quote it as a string.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawRow {
    /// SHA-256 of the artifact, lower-case hex.
    pub id: String,
    /// `owner/slug` in the registry.
    pub skill_slug: Option<String>,
    /// The skill's version text.
    pub skill_version: String,
    /// The redacted SKILL.md, at most 120,000 characters.
    pub skill_md_content: Option<String>,
    /// The files beside SKILL.md.
    pub skill_bundle_content: Vec<BundleFile>,
    /// The registry's verdict.
    pub clawscan_verdict: String,
    /// The judge's confidence, as text.
    pub clawscan_confidence: Option<String>,
    /// The model that judged.
    pub clawscan_model: Option<String>,
    /// The judge's summary.
    pub clawscan_summary: Option<String>,
    /// The static scanner's status text.
    pub static_status: Option<String>,
    /// The static scanner's number of findings.
    pub static_finding_count: u32,
    /// The static scanner's reason codes.
    pub static_reason_codes: Vec<String>,
    /// VirusTotal's status text.
    pub virustotal_status: Option<String>,
    /// Engines that call the artifact malicious.
    pub virustotal_malicious_count: Option<u32>,
    /// Engines that call the artifact suspicious.
    pub virustotal_suspicious_count: Option<u32>,
    /// Engines that call the artifact harmless.
    pub virustotal_harmless_count: Option<u32>,
    /// Engines that detect nothing.
    pub virustotal_undetected_count: Option<u32>,
    /// SkillSpector's status text.
    pub skillspector_status: Option<String>,
    /// SkillSpector's risk score, 0 to 100.
    pub skillspector_score: Option<f64>,
    /// SkillSpector's severity text, in any case.
    pub skillspector_severity: Option<String>,
    /// SkillSpector's number of issues.
    pub skillspector_issue_count: u32,
    /// SkillSpector's issue codes, one an issue.
    pub skillspector_issue_codes: Vec<String>,
    /// SkillSpector's issue categories.
    pub skillspector_issue_categories: Vec<String>,
    /// What the scanners put out: the text of one JSON object with any of the keys `static`,
    /// `virustotal` and `skillspector`. Parquet holds this text, JSON the object itself.
    pub clawscan_context: String,
    /// The dataset's partition.
    pub split: String,
}

/// One file of a skill's bundle: `{path, content, sha256, sizeBytes}` in JSON, the same four
/// names as the fields of a struct in Parquet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFile {
    /// The path inside the bundle, as its author wrote it: not to be trusted.
    pub path: String,
    /// The content as text.
    pub content: String,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// The size of the content in bytes; `sizeBytes` in JSON.
    pub size_bytes: u64,
}
