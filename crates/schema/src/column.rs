//! The 25 columns of the dataset, in its order.

use serde::{Deserialize, Serialize};

/// The JSON type a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// A string.
    Text,
    /// A whole number, 0 or more.
    Count,
    /// A number.
    Number,
    /// A list of strings.
    TextList,
    /// A list of `{path, content, sha256, sizeBytes}` objects.
    Bundle,
    /// A JSON object with any of the keys `static`, `virustotal`, `skillspector`.
    Context,
}

/// One column of the raw dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The name in the JSON rows.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ColumnKind,
    /// Whether `null` is a legal value.
    pub nullable: bool,
}

const fn column(name: &'static str, kind: ColumnKind, nullable: bool) -> Column {
    Column { name, kind, nullable }
}

/// The schema: every row has these columns, in this order.
pub const COLUMNS: [Column; 25] = {
    use ColumnKind::{Bundle, Context, Count, Number, Text, TextList};
    [
        column("id", Text, false),
        column("skill_slug", Text, true),
        column("skill_version", Text, false),
        column("skill_md_content", Text, true),
        column("skill_bundle_content", Bundle, false),
        column("clawscan_verdict", Text, false),
        column("clawscan_confidence", Text, true),
        column("clawscan_model", Text, true),
        column("clawscan_summary", Text, true),
        column("static_status", Text, true),
        column("static_finding_count", Count, false),
        column("static_reason_codes", TextList, false),
        column("virustotal_status", Text, true),
        column("virustotal_malicious_count", Count, true),
        column("virustotal_suspicious_count", Count, true),
        column("virustotal_harmless_count", Count, true),
        column("virustotal_undetected_count", Count, true),
        column("skillspector_status", Text, true),
        column("skillspector_score", Number, true),
        column("skillspector_severity", Text, true),
        column("skillspector_issue_count", Count, false),
        column("skillspector_issue_codes", TextList, false),
        column("skillspector_issue_categories", TextList, false),
        column("clawscan_context", Context, false),
        column("split", Text, false),
    ]
};
