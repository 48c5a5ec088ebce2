//! The 25 columns of the dataset, in its order, declared once.
//!
//! Readers, writers, exports and documents take names, types, the rule for nulls and meanings from here;
//! [`RawRow`] is declared by the same table.

use serde::{Deserialize, Serialize};

use crate::{Scanner, raw::BundleFile};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// A string.
    Text,
    /// A whole number, 0 to 4,294,967,295.
    Count,
    /// A number from 0 to 100.
    Number,
    /// A list of strings.
    TextList,
    /// A list of `{path, content, sha256, sizeBytes}` objects.
    Bundle,
    /// A JSON object with any of the keys `static`, `virustotal`, `skillspector`.
    Context,
}

impl ColumnKind {
    /// The type in words, for a message.
    pub const fn expected(self) -> &'static str {
        match self {
            ColumnKind::Text => "a string",
            ColumnKind::Count => "a whole number from 0 to 4294967295",
            ColumnKind::Number => "a number from 0 to 100",
            ColumnKind::TextList => "a list of strings",
            ColumnKind::Bundle => "a list of objects with path and sizeBytes",
            ColumnKind::Context => "an object with the scanners' outputs",
        }
    }
}

/// The meaning of a null in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullRule {
    /// The row is rejected.
    Refused,
    /// The value is missing.
    Missing,
    /// The list is empty, or no scanner left an output.
    Empty,
}

/// The author of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The registry, or its exporter.
    Registry,
    /// The author of the skill: hostile text.
    Author,
    /// The judge that writes the verdict.
    Judge,
    /// One scanner.
    Scanner(Scanner),
    /// The three scanners together, as the judge was shown them.
    Scanners,
}

/// The Rust type of a field of [`RawRow`].
macro_rules! raw_type {
    (Text Refused) => { String };
    (Text Missing) => { Option<String> };
    (Count Refused) => { u32 };
    (Count Missing) => { Option<u32> };
    (Number Missing) => { Option<f64> };
    (TextList Empty) => { Vec<String> };
    (Bundle Empty) => { Vec<BundleFile> };
    (Context Empty) => { String };
}

/// The value of a field of [`RawRow`].
macro_rules! raw_value {
    (Text Refused, $field:expr) => {
        RawValue::Text(Some(&$field))
    };
    (Text Missing, $field:expr) => {
        RawValue::Text($field.as_deref())
    };
    (Count Refused, $field:expr) => {
        RawValue::Count(Some($field))
    };
    (Count Missing, $field:expr) => {
        RawValue::Count($field)
    };
    (Number Missing, $field:expr) => {
        RawValue::Number($field)
    };
    (TextList Empty, $field:expr) => {
        RawValue::TextList(&$field)
    };
    (Bundle Empty, $field:expr) => {
        RawValue::Bundle(&$field)
    };
    (Context Empty, $field:expr) => {
        RawValue::Context(&$field)
    };
}

macro_rules! columns {
    ($( $variant:ident $name:ident: $kind:ident $nulls:ident, $writer:expr, $meaning:literal; )+) => {
        /// A column of the raw dataset.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column {
            $( #[doc = $meaning] $variant, )+
        }

        impl Column {
            /// Every column, in the dataset's order.
            pub const ALL: &'static [Column] = &[$(Column::$variant),+];

            /// The name in every file.
            pub const fn name(self) -> &'static str {
                match self { $(Column::$variant => stringify!($name)),+ }
            }

            /// The type of its values.
            pub const fn kind(self) -> ColumnKind {
                match self { $(Column::$variant => ColumnKind::$kind),+ }
            }

            /// The meaning of a null in it.
            pub const fn nulls(self) -> NullRule {
                match self { $(Column::$variant => NullRule::$nulls),+ }
            }

            /// The author of its values.
            pub const fn writer(self) -> Writer {
                match self { $(Column::$variant => $writer),+ }
            }

            /// Its meaning, in one phrase.
            pub const fn meaning(self) -> &'static str {
                match self { $(Column::$variant => $meaning),+ }
            }
        }

        /// One row of the raw dataset: nothing is judged yet.
        ///
        /// The texts are those of the file: a verdict may be none of the three, a status unknown, a count
        /// at odds with its list. [`crate::SkillRow`] is the row for use.
        ///
        /// There are no serde derives on purpose: the JSON row holds `clawscan_context` as an object,
        /// this struct holds that object's text, and a derived form would quote it as a string.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct RawRow {
            $( #[doc = $meaning] pub $name: raw_type!($kind $nulls), )+
        }

        impl RawRow {
            /// The value of a column.
            pub fn value(&self, column: Column) -> RawValue<'_> {
                match column { $(Column::$variant => raw_value!($kind $nulls, self.$name)),+ }
            }
        }
    };
}

/// A value of a [`RawRow`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RawValue<'a> {
    /// Of [`ColumnKind::Text`].
    Text(Option<&'a str>),
    /// Of [`ColumnKind::Count`].
    Count(Option<u32>),
    /// Of [`ColumnKind::Number`].
    Number(Option<f64>),
    /// Of [`ColumnKind::TextList`].
    TextList(&'a [String]),
    /// Of [`ColumnKind::Bundle`].
    Bundle(&'a [BundleFile]),
    /// Of [`ColumnKind::Context`]: the text of one JSON object.
    Context(&'a str),
}

use Scanner::{SkillSpector, Static, VirusTotal};
columns! {
    Id id: Text Refused, Writer::Registry, "Identifier, 64 hex digits, unique within a split";
    SkillSlug skill_slug: Text Missing, Writer::Registry, "owner/slug in the registry";
    SkillVersion skill_version: Text Refused, Writer::Registry, "The skill's version";
    SkillMdContent skill_md_content: Text Missing, Writer::Author,
        "The redacted SKILL.md, at most 120,000 characters of untrusted text";
    SkillBundleContent skill_bundle_content: Bundle Empty, Writer::Author, "The files beside SKILL.md";
    ClawscanVerdict clawscan_verdict: Text Refused, Writer::Judge,
        "The registry's verdict: a silver label";
    ClawscanConfidence clawscan_confidence: Text Missing, Writer::Judge,
        "The judge's confidence, as text; never a feature";
    ClawscanModel clawscan_model: Text Missing, Writer::Judge, "The judge; never a feature";
    ClawscanSummary clawscan_summary: Text Missing, Writer::Judge,
        "The judge's summary; never a feature";
    StaticStatus static_status: Text Missing, Writer::Scanner(Static),
        "The static scanner's status";
    StaticFindingCount static_finding_count: Count Refused, Writer::Scanner(Static),
        "Findings of the static scanner";
    StaticReasonCodes static_reason_codes: TextList Empty, Writer::Scanner(Static),
        "Reason codes of the static scanner";
    VirustotalStatus virustotal_status: Text Missing, Writer::Scanner(VirusTotal),
        "VirusTotal's status";
    VirustotalMaliciousCount virustotal_malicious_count: Count Missing, Writer::Scanner(VirusTotal),
        "Engines that say malicious";
    VirustotalSuspiciousCount virustotal_suspicious_count: Count Missing, Writer::Scanner(VirusTotal),
        "Engines that say suspicious";
    VirustotalHarmlessCount virustotal_harmless_count: Count Missing, Writer::Scanner(VirusTotal),
        "Engines that say harmless";
    VirustotalUndetectedCount virustotal_undetected_count: Count Missing, Writer::Scanner(VirusTotal),
        "Engines that detect nothing";
    SkillspectorStatus skillspector_status: Text Missing, Writer::Scanner(SkillSpector),
        "SkillSpector's status";
    SkillspectorScore skillspector_score: Number Missing, Writer::Scanner(SkillSpector),
        "SkillSpector's risk score, 0 to 100";
    SkillspectorSeverity skillspector_severity: Text Missing, Writer::Scanner(SkillSpector),
        "SkillSpector's severity, in any case";
    SkillspectorIssueCount skillspector_issue_count: Count Refused, Writer::Scanner(SkillSpector),
        "Issues of SkillSpector";
    SkillspectorIssueCodes skillspector_issue_codes: TextList Empty, Writer::Scanner(SkillSpector),
        "Issue codes of SkillSpector, one an issue";
    SkillspectorIssueCategories skillspector_issue_categories: TextList Empty,
        Writer::Scanner(SkillSpector), "Issue categories of SkillSpector";
    ClawscanContext clawscan_context: Context Empty, Writer::Scanners,
        "The scanners' outputs in full: one JSON object with any of static, virustotal and skillspector";
    Split split: Text Refused, Writer::Registry, "The dataset's partition";
}

impl Column {
    /// The column of a name.
    pub fn of_name(name: &str) -> Option<Column> {
        Column::ALL.iter().copied().find(|column| column.name() == name)
    }

    /// Whether the values say what a scanner found.
    pub const fn of_scanners(self) -> bool {
        matches!(self.writer(), Writer::Scanner(_) | Writer::Scanners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_datasets() {
        assert_eq!(Column::ALL.len(), 25);
        for (at, &column) in Column::ALL.iter().enumerate() {
            assert_eq!(column as usize, at);
            assert_eq!(Column::of_name(column.name()), Some(column));
            let scanner = ["static_", "virustotal_", "skillspector_", "clawscan_context"];
            let named = scanner.iter().any(|head| column.name().starts_with(head));
            assert_eq!(column.of_scanners(), named, "{}", column.name());
        }
        assert_eq!(Column::of_name("ID"), None);
        let refused: Vec<&str> = Column::ALL
            .iter()
            .filter(|column| column.nulls() == NullRule::Refused)
            .map(|column| column.name())
            .collect();
        assert_eq!(
            refused,
            [
                "id",
                "skill_version",
                "clawscan_verdict",
                "static_finding_count",
                "skillspector_issue_count",
                "split"
            ]
        );
        assert_eq!(Column::SkillspectorScore.kind().expected(), "a number from 0 to 100");
        assert_eq!(Column::ClawscanSummary.writer(), Writer::Judge);
    }

    #[test]
    fn a_raw_row_gives_its_values_by_column() {
        let row = RawRow {
            id: "a".to_owned(),
            skill_slug: None,
            skillspector_score: Some(2.5),
            static_finding_count: 3,
            static_reason_codes: vec!["x".to_owned()],
            clawscan_context: "{}".to_owned(),
            ..RawRow::default()
        };
        assert_eq!(row.value(Column::Id), RawValue::Text(Some("a")));
        assert_eq!(row.value(Column::SkillSlug), RawValue::Text(None));
        assert_eq!(row.value(Column::SkillspectorScore), RawValue::Number(Some(2.5)));
        assert_eq!(row.value(Column::StaticFindingCount), RawValue::Count(Some(3)));
        assert_eq!(row.value(Column::StaticReasonCodes), RawValue::TextList(&["x".to_owned()]));
        assert_eq!(row.value(Column::ClawscanContext), RawValue::Context("{}"));
        assert_eq!(row.value(Column::SkillBundleContent), RawValue::Bundle(&[]));
    }
}
