//! The columns of `signals/<split>.parquet`, declared once: name, type, meaning, and the place in a [`SkillRow`].
//!
//! Parquet's schema, its writer and its reader, the exports and the data dictionary come from this table. Names are the
//! dataset's where a column is the dataset's.

use crate::{ExtensionCount, SkillRow, VerdictLabel, column::Column};

/// The type of a column of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// A string or null.
    Text,
    /// A whole number up to 4,294,967,295, or null.
    Count,
    /// A whole number of bytes.
    Bytes,
    /// A number or null.
    Number,
    /// True or false.
    Flag,
    /// A list of strings.
    TextList,
    /// A list of whole numbers.
    CountList,
}

/// A value of a column of signals, of the type that its [`SignalKind`] names.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Of [`SignalKind::Text`].
    Text(Option<&'a str>),
    /// Of [`SignalKind::Count`].
    Count(Option<u32>),
    /// Of [`SignalKind::Bytes`].
    Bytes(u64),
    /// Of [`SignalKind::Number`].
    Number(Option<f64>),
    /// Of [`SignalKind::Flag`].
    Flag(bool),
    /// Of [`SignalKind::TextList`].
    TextList(Vec<&'a str>),
    /// Of [`SignalKind::CountList`].
    CountList(Vec<u32>),
}

impl<'a> Cell<'a> {
    /// The value that stands where a column is missing from a file.
    pub fn missing(kind: SignalKind) -> Cell<'a> {
        match kind {
            SignalKind::Text => Cell::Text(None),
            SignalKind::Count => Cell::Count(None),
            SignalKind::Bytes => Cell::Bytes(0),
            SignalKind::Number => Cell::Number(None),
            SignalKind::Flag => Cell::Flag(false),
            SignalKind::TextList => Cell::TextList(Vec::new()),
            SignalKind::CountList => Cell::CountList(Vec::new()),
        }
    }
}

/// The kind of a column whose place in the row has this shape.
macro_rules! kind {
    (text) => {
        SignalKind::Text
    };
    (optional_text) => {
        SignalKind::Text
    };
    (verdict) => {
        SignalKind::Text
    };
    (split) => {
        SignalKind::Text
    };
    (count) => {
        SignalKind::Count
    };
    (optional_count) => {
        SignalKind::Count
    };
    (bytes) => {
        SignalKind::Bytes
    };
    (number) => {
        SignalKind::Number
    };
    (flag) => {
        SignalKind::Flag
    };
    (texts) => {
        SignalKind::TextList
    };
    (extensions) => {
        SignalKind::TextList
    };
    (extension_files) => {
        SignalKind::CountList
    };
}

/// The cell of a place.
macro_rules! get {
    (text, $place:expr) => {
        Cell::Text(Some($place.as_ref()))
    };
    (optional_text, $place:expr) => {
        Cell::Text($place.as_ref().map(AsRef::as_ref))
    };
    (verdict, $place:expr) => {
        Cell::Text($place.text())
    };
    (split, $place:expr) => {
        Cell::Text(Some($place.as_str()))
    };
    (count, $place:expr) => {
        Cell::Count(Some($place))
    };
    (optional_count, $place:expr) => {
        Cell::Count($place)
    };
    (bytes, $place:expr) => {
        Cell::Bytes($place)
    };
    (number, $place:expr) => {
        Cell::Number($place)
    };
    (flag, $place:expr) => {
        Cell::Flag($place)
    };
    (texts, $place:expr) => {
        Cell::TextList($place.iter().map(AsRef::as_ref).collect())
    };
    (extensions, $place:expr) => {
        Cell::TextList($place.iter().map(|kind| kind.extension.as_str()).collect())
    };
    (extension_files, $place:expr) => {
        Cell::CountList($place.iter().map(|kind| kind.files).collect())
    };
}

/// Puts a cell into its place; the reason where it does not fit there.
macro_rules! set {
    (text, $place:expr, $cell:expr) => {
        match $cell {
            Cell::Text(Some(text)) => $place = text.to_owned(),
            _ => return Err("is missing"),
        }
    };
    (optional_text, $place:expr, $cell:expr) => {
        if let Cell::Text(text) = $cell {
            $place = text.map(str::to_owned);
        }
    };
    (verdict, $place:expr, $cell:expr) => {
        if let Cell::Text(Some(text)) = $cell {
            $place = VerdictLabel::of_text(text.to_owned());
        }
    };
    (split, $place:expr, $cell:expr) => {
        match $cell {
            Cell::Text(Some(text)) => $place = text.parse().map_err(|_| "is no split")?,
            _ => return Err("is missing"),
        }
    };
    (count, $place:expr, $cell:expr) => {
        if let Cell::Count(count) = $cell {
            $place = count.unwrap_or(0);
        }
    };
    (optional_count, $place:expr, $cell:expr) => {
        if let Cell::Count(count) = $cell {
            $place = count;
        }
    };
    (bytes, $place:expr, $cell:expr) => {
        if let Cell::Bytes(bytes) = $cell {
            $place = bytes;
        }
    };
    (number, $place:expr, $cell:expr) => {
        if let Cell::Number(number) = $cell {
            $place = number;
        }
    };
    (flag, $place:expr, $cell:expr) => {
        if let Cell::Flag(flag) = $cell {
            $place = flag;
        }
    };
    (texts, $place:expr, $cell:expr) => {
        if let Cell::TextList(list) = $cell {
            $place = list.into_iter().map(str::to_owned).collect();
        }
    };
    (extensions, $place:expr, $cell:expr) => {
        if let Cell::TextList(list) = $cell {
            let of = |extension: &str| ExtensionCount { extension: extension.to_owned(), files: 0 };
            $place = list.into_iter().map(of).collect();
        }
    };
    (extension_files, $place:expr, $cell:expr) => {
        if let Cell::CountList(list) = $cell {
            if list.len() != $place.len() {
                return Err("has another length than bundle_extensions");
            }
            $place.iter_mut().zip(list).for_each(|(kind, files)| kind.files = files);
        }
    };
}

/// The name of a column: the dataset's, or one of its own.
macro_rules! name {
    ($column:expr) => {
        $column.name()
    };
    ($name:literal, $meaning:literal) => {
        $name
    };
}

/// The meaning of a column: the dataset's, or one of its own.
macro_rules! meaning {
    ($column:expr) => {
        $column.meaning()
    };
    ($name:literal, $meaning:literal) => {
        $meaning
    };
}

/// The column of the dataset whose values a column holds.
macro_rules! column {
    ($column:expr) => {
        Some($column)
    };
    ($name:literal, $meaning:literal) => {
        None
    };
}

macro_rules! signals {
    ($row:ident; $( $variant:ident ($($source:tt)+) $shape:ident $place:expr; )+) => {
        /// A column of `signals/<split>.parquet`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the meaning is data: `Signal::meaning`")]
        pub enum Signal { $($variant),+ }

        impl Signal {
            /// Every column, in the order of the files.
            pub const ALL: &'static [Signal] = &[$(Signal::$variant),+];

            /// The name in every file.
            pub const fn name(self) -> &'static str {
                match self { $(Signal::$variant => name!($($source)+)),+ }
            }

            /// The type of its values.
            pub const fn kind(self) -> SignalKind {
                match self { $(Signal::$variant => kind!($shape)),+ }
            }

            /// Its meaning, in one phrase.
            pub const fn meaning(self) -> &'static str {
                match self { $(Signal::$variant => meaning!($($source)+)),+ }
            }

            /// The column of the dataset whose values it holds; `None` for one that is derived.
            pub const fn column(self) -> Option<Column> {
                match self { $(Signal::$variant => column!($($source)+)),+ }
            }

            /// The value of a row.
            pub fn of<T: AsRef<str>>(self, $row: &SkillRow<T>) -> Cell<'_> {
                match self { $(Signal::$variant => get!($shape, $place)),+ }
            }

            /// Puts a value into a row. `bundle_extensions` comes before `bundle_extension_files`, as in
            /// [`Signal::ALL`].
            ///
            /// # Errors
            /// The words that follow the column's name: the value is missing where there has to be one, or makes
            /// no sense. A cell of another kind is no value and changes nothing.
            pub fn put(self, $row: &mut SkillRow, cell: Cell<'_>) -> Result<(), &'static str> {
                match self { $(Signal::$variant => set!($shape, $place, cell)),+ }
                Ok(())
            }
        }
    };
}

signals! { row;
    Id (Column::Id) text row.id;
    SkillSlug (Column::SkillSlug) optional_text row.slug;
    SkillVersion (Column::SkillVersion) text row.version;
    SkillMdContent (Column::SkillMdContent) optional_text row.text;
    BundleFiles ("bundle_files", "Files beside SKILL.md") count row.bundle.files;
    BundleBytes ("bundle_bytes", "Their declared sizes, summed") bytes row.bundle.bytes;
    BundleDuplicatePaths ("bundle_duplicate_paths", "Paths that occur again in the bundle") count row.bundle.duplicate_paths;
    BundleUnsafePaths ("bundle_unsafe_paths", "Paths that would leave the bundle's folder") count row.bundle.unsafe_paths;
    BundleExtensions ("bundle_extensions", "Extensions of the bundle's files, lower-cased, sorted") extensions row.bundle.extensions;
    BundleExtensionFiles ("bundle_extension_files", "Files of each of those extensions") extension_files row.bundle.extensions;
    ClawscanVerdict (Column::ClawscanVerdict) verdict row.verdict;
    ClawscanConfidence (Column::ClawscanConfidence) optional_text row.judge.confidence;
    ClawscanModel (Column::ClawscanModel) optional_text row.judge.model;
    ClawscanSummary (Column::ClawscanSummary) optional_text row.judge.summary;
    StaticStatus (Column::StaticStatus) optional_text row.static_scan.status;
    StaticFindingCount (Column::StaticFindingCount) count row.static_scan.finding_count;
    StaticReasonCodes (Column::StaticReasonCodes) texts row.static_scan.reason_codes;
    StaticHasOutput ("static_has_output", "Whether the static scanner left an output") flag row.static_scan.has_output;
    VirustotalStatus (Column::VirustotalStatus) optional_text row.virustotal.status;
    VirustotalVerdictText ("virustotal_verdict_text", "VirusTotal's verdict in words") optional_text row.virustotal.verdict_text;
    VirustotalMaliciousCount (Column::VirustotalMaliciousCount) optional_count row.virustotal.malicious;
    VirustotalSuspiciousCount (Column::VirustotalSuspiciousCount) optional_count row.virustotal.suspicious;
    VirustotalHarmlessCount (Column::VirustotalHarmlessCount) optional_count row.virustotal.harmless;
    VirustotalUndetectedCount (Column::VirustotalUndetectedCount) optional_count row.virustotal.undetected;
    VirustotalHasOutput ("virustotal_has_output", "Whether VirusTotal left an output") flag row.virustotal.has_output;
    SkillspectorStatus (Column::SkillspectorStatus) optional_text row.skillspector.status;
    SkillspectorRecommendation ("skillspector_recommendation", "SkillSpector's recommendation in words") optional_text row.skillspector.recommendation;
    SkillspectorScore (Column::SkillspectorScore) number row.skillspector.score;
    SkillspectorSeverity (Column::SkillspectorSeverity) optional_text row.skillspector.severity;
    SkillspectorIssueCount (Column::SkillspectorIssueCount) count row.skillspector.issue_count;
    SkillspectorIssueCodes (Column::SkillspectorIssueCodes) texts row.skillspector.issue_codes;
    SkillspectorIssueCategories (Column::SkillspectorIssueCategories) texts row.skillspector.issue_categories;
    SkillspectorHasOutput ("skillspector_has_output", "Whether SkillSpector left an output") flag row.skillspector.has_output;
    Split (Column::Split) split row.split;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BundleStats, Split};

    #[test]
    fn every_value_of_a_row_reads_back() {
        let text = || Some("x".to_owned());
        let mut row = SkillRow {
            id: "id".to_owned(),
            slug: text(),
            version: "1".to_owned(),
            text: text(),
            bundle: BundleStats {
                files: 3,
                bytes: 1 << 40,
                duplicate_paths: 1,
                unsafe_paths: 2,
                extensions: vec![ExtensionCount { extension: "md".to_owned(), files: 3 }],
            },
            verdict: VerdictLabel::Other("review".to_owned()),
            split: Split::Test,
            ..SkillRow::default()
        };
        (row.judge.confidence, row.judge.model, row.judge.summary) = (text(), text(), text());
        row.static_scan.status = text();
        row.static_scan.finding_count = 4;
        row.static_scan.reason_codes = vec!["a".to_owned(), "b".to_owned()];
        row.static_scan.has_output = true;
        let vt = &mut row.virustotal;
        (vt.status, vt.verdict_text, vt.has_output) = (text(), text(), true);
        (vt.malicious, vt.suspicious, vt.harmless, vt.undetected) =
            (Some(1), Some(2), Some(3), Some(4));
        let ss = &mut row.skillspector;
        (ss.status, ss.recommendation, ss.severity) = (text(), text(), text());
        (ss.score, ss.issue_count, ss.has_output) = (Some(2.5), 9, true);
        ss.issue_codes = vec!["c".to_owned()];
        ss.issue_categories = vec!["d".to_owned()];
        let mut read = SkillRow::default();
        for &signal in Signal::ALL {
            let cell = signal.of(&row);
            assert_ne!(cell, Cell::missing(signal.kind()), "{}", signal.name());
            signal.put(&mut read, cell).unwrap();
            assert!(!signal.meaning().is_empty());
        }
        assert_eq!(read, row);
    }

    #[test]
    fn a_missing_column_is_no_value_and_a_missing_id_a_fault() {
        let mut row = SkillRow::default();
        for &signal in Signal::ALL {
            let put = signal.put(&mut row, Cell::missing(signal.kind()));
            let needed = ["id", "skill_version", "split"].contains(&signal.name());
            assert_eq!(put.is_err(), needed, "{}", signal.name());
        }
        assert_eq!(row, SkillRow::default());
        assert_eq!(Signal::Split.put(&mut row, Cell::Text(Some("x"))), Err("is no split"));
        let lengths = Signal::BundleExtensionFiles.put(&mut row, Cell::CountList(vec![1]));
        assert!(lengths.is_err());
    }
}
