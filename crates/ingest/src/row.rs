//! A row between its file and its Parquet columns, its texts borrowed where they can be.

use std::{borrow::Cow, collections::BTreeMap};

use clawsig_schema::{
    BundleStats, ExtensionCount, JudgeFields, SkillRow, SkillSpectorSignals, Split, StaticSignals,
    VerdictLabel, VirusTotalSignals, column::Column, split_of_hash,
};
use sha2::{Digest, Sha256};

use crate::{
    reject::{Fault, RejectReason},
    value::Value,
};

/// A set of columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnSet(u32);

impl ColumnSet {
    /// Adds a column; false where it was there.
    pub(crate) fn insert(&mut self, column: Column) -> bool {
        let bit = 1 << column as u32;
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    pub(crate) fn union(&mut self, other: ColumnSet) {
        self.0 |= other.0;
    }

    pub(crate) fn contains(self, column: Column) -> bool {
        self.0 & (1 << column as u32) != 0
    }

    /// Whether a column is in both.
    pub(crate) fn meets(self, other: ColumnSet) -> bool {
        self.0 & other.0 != 0
    }

    /// A column that a row of the dataset must have and this set lacks. A row without `split` takes the one of
    /// its file or of the exporter's rule.
    pub(crate) fn lacks(self) -> Option<Column> {
        let mut columns = Column::ALL.iter().copied();
        columns.find(|&column| column != Column::Split && !self.contains(column))
    }
}

impl FromIterator<Column> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        let mut set = ColumnSet::default();
        for column in columns {
            set.insert(column);
        }
        set
    }
}

/// A row whose values have the right types. Its place is not decided yet: `skill.split` holds nothing before
/// [`Row::judge`].
#[derive(Debug, Default)]
pub(crate) struct Row<'a> {
    pub(crate) skill: SkillRow<Cow<'a, str>>,
    /// The split as the row names it.
    pub(crate) split: Option<Cow<'a, str>>,
    /// Names of columns outside the schema.
    pub(crate) extra: Vec<String>,
    pub(crate) seen: ColumnSet,
}

/// What follows from a row's id and split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// The row names another split than its file.
    pub(crate) disagrees: bool,
    /// The first 128 bits of SHA-256 of the id: it stands for the id wherever rows are compared.
    pub(crate) key: u128,
}

/// Whether a null may stand in a column where the dataset has none, for rows that are yet to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    AsTheDataset,
    Anywhere,
}

impl Nulls {
    fn required<T: Default>(self, value: Option<T>) -> Result<T, Fault> {
        match (value, self) {
            (Some(value), _) => Ok(value),
            (None, Nulls::Anywhere) => Ok(T::default()),
            (None, Nulls::AsTheDataset) => {
                Err(Fault::wrong_type("is null, which it may not be".to_owned()))
            }
        }
    }
}

impl<'a> Row<'a> {
    /// Puts a value where it belongs.
    pub(crate) fn put(
        &mut self,
        column: Column,
        value: Value<'a>,
        nulls: Nulls,
    ) -> Result<(), Fault> {
        self.place(column, value, nulls).map_err(|fault| fault.in_column(column))
    }

    fn place(&mut self, column: Column, value: Value<'a>, nulls: Nulls) -> Result<(), Fault> {
        if !self.seen.insert(column) {
            return Err(Fault::new(RejectReason::BadJson, "occurs twice"));
        }
        let skill = &mut self.skill;
        match column {
            Column::Id => skill.id = nulls.required(value.text()?)?,
            Column::SkillSlug => skill.slug = value.text()?,
            Column::SkillVersion => skill.version = nulls.required(value.text()?)?,
            Column::SkillMdContent => skill.text = value.text()?,
            Column::SkillBundleContent => skill.bundle = value.bundle()?,
            Column::ClawscanVerdict => {
                let text = value.text()?;
                nulls.required(text.is_some().then_some(()))?;
                skill.verdict = text.map_or(VerdictLabel::Absent, VerdictLabel::of_text);
            }
            Column::ClawscanConfidence => skill.judge.confidence = value.text()?,
            Column::ClawscanModel => skill.judge.model = value.text()?,
            Column::ClawscanSummary => skill.judge.summary = value.text()?,
            Column::StaticStatus => skill.static_scan.status = value.text()?,
            Column::StaticFindingCount => {
                skill.static_scan.finding_count = nulls.required(value.count()?)?;
            }
            Column::StaticReasonCodes => skill.static_scan.reason_codes = value.texts()?,
            Column::VirustotalStatus => skill.virustotal.status = value.text()?,
            Column::VirustotalMaliciousCount => skill.virustotal.malicious = value.count()?,
            Column::VirustotalSuspiciousCount => skill.virustotal.suspicious = value.count()?,
            Column::VirustotalHarmlessCount => skill.virustotal.harmless = value.count()?,
            Column::VirustotalUndetectedCount => skill.virustotal.undetected = value.count()?,
            Column::SkillspectorStatus => skill.skillspector.status = value.text()?,
            Column::SkillspectorScore => skill.skillspector.score = value.score()?,
            Column::SkillspectorSeverity => skill.skillspector.severity = value.text()?,
            Column::SkillspectorIssueCount => {
                skill.skillspector.issue_count = nulls.required(value.count()?)?;
            }
            Column::SkillspectorIssueCodes => skill.skillspector.issue_codes = value.texts()?,
            Column::SkillspectorIssueCategories => {
                skill.skillspector.issue_categories = value.texts()?;
            }
            Column::ClawscanContext => {
                let context = value.context()?;
                let [of_static, of_virustotal, of_skillspector] = context.has_output;
                skill.static_scan.has_output = of_static;
                skill.virustotal.has_output = of_virustotal;
                skill.virustotal.verdict_text = context.virustotal_verdict;
                skill.skillspector.has_output = of_skillspector;
                skill.skillspector.recommendation =
                    context.skillspector_verdict.or(context.skillspector_recommendation);
            }
            Column::Split => self.split = value.text()?,
        }
        Ok(())
    }

    /// Decides the row's split and its key. A file that names its split decides over the row; where neither
    /// names one, the exporter's rule does, as in the live edition.
    pub(crate) fn judge(&mut self, of_file: Option<Split>) -> Result<Judged, Fault> {
        let empty = |column| Fault::wrong_type("is empty".to_owned()).in_column(column);
        if self.skill.id.is_empty() {
            return Err(empty(Column::Id));
        }
        if self.skill.verdict.text() == Some("") {
            return Err(empty(Column::ClawscanVerdict));
        }
        let digest = Sha256::digest(self.skill.id.as_bytes());
        let stated = match self.split.as_deref() {
            None | Some("latest") => None,
            Some(text) => match (text.parse::<Split>(), of_file) {
                (Ok(split), _) => Some(split),
                (Err(_), Some(_)) => None,
                (Err(error), None) => {
                    return Err(Fault::new(RejectReason::UnknownSplit, error.to_string()));
                }
            },
        };
        self.skill.split = of_file.or(stated).unwrap_or_else(|| by_rule(&digest));
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Ok(Judged {
            disagrees: of_file.is_some() && self.split.is_some() && stated != of_file,
            key: u128::from_be_bytes(key),
        })
    }

    /// The row as later stages see it, without a judgement of its split.
    pub(crate) fn into_skill(self) -> SkillRow {
        let stated = self.split.and_then(|split| split.parse().ok());
        let skill = self.skill;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let list =
            |list: Vec<Cow<'_, str>>| list.into_iter().map(Cow::into_owned).collect::<Vec<_>>();
        let (vt, ss) = (skill.virustotal, skill.skillspector);
        SkillRow {
            split: stated.unwrap_or(skill.split),
            id: skill.id.into_owned(),
            slug: owned(skill.slug),
            version: skill.version.into_owned(),
            text: owned(skill.text),
            bundle: skill.bundle,
            verdict: match skill.verdict {
                VerdictLabel::Known(verdict) => VerdictLabel::Known(verdict),
                VerdictLabel::Other(text) => VerdictLabel::Other(text.into_owned()),
                VerdictLabel::Absent => VerdictLabel::Absent,
            },
            judge: JudgeFields {
                confidence: owned(skill.judge.confidence),
                model: owned(skill.judge.model),
                summary: owned(skill.judge.summary),
            },
            static_scan: StaticSignals {
                status: owned(skill.static_scan.status),
                reason_codes: list(skill.static_scan.reason_codes),
                finding_count: skill.static_scan.finding_count,
                has_output: skill.static_scan.has_output,
            },
            virustotal: VirusTotalSignals {
                status: owned(vt.status),
                verdict_text: owned(vt.verdict_text),
                malicious: vt.malicious,
                suspicious: vt.suspicious,
                harmless: vt.harmless,
                undetected: vt.undetected,
                has_output: vt.has_output,
            },
            skillspector: SkillSpectorSignals {
                status: owned(ss.status),
                recommendation: owned(ss.recommendation),
                severity: owned(ss.severity),
                issue_codes: list(ss.issue_codes),
                issue_categories: list(ss.issue_categories),
                score: ss.score,
                issue_count: ss.issue_count,
                has_output: ss.has_output,
            },
        }
    }
}

/// The split that the exporter gives to the artifact with this SHA-256 of its key.
fn by_rule(digest: &[u8]) -> Split {
    let head: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    split_of_hash(&head).unwrap_or(Split::Train)
}

/// Gathers a bundle's figures, file by file.
#[derive(Debug, Default)]
pub(crate) struct BundleTally<'a> {
    stats: BundleStats,
    extensions: BTreeMap<String, u32>,
    paths: Vec<Cow<'a, str>>,
}

impl<'a> BundleTally<'a> {
    pub(crate) fn add(&mut self, path: Cow<'a, str>, bytes: u64) {
        self.stats.files = self.stats.files.saturating_add(1);
        self.stats.bytes = self.stats.bytes.saturating_add(bytes);
        self.stats.unsafe_paths += u32::from(is_unsafe(&path));
        *self.extensions.entry(extension(&path)).or_default() += 1;
        self.paths.push(path);
    }

    pub(crate) fn finish(mut self) -> BundleStats {
        self.paths.sort_unstable();
        let repeats = self.paths.windows(2).filter(|pair| pair[0] == pair[1]).count();
        self.stats.duplicate_paths = u32::try_from(repeats).unwrap_or(u32::MAX);
        let kinds = self.extensions.into_iter();
        self.stats.extensions =
            kinds.map(|(extension, files)| ExtensionCount { extension, files }).collect();
        self.stats
    }
}

/// Whether unpacking a path could leave its folder: absolute, a drive, `..`, NUL, backslash, empty.
fn is_unsafe(path: &str) -> bool {
    path.is_empty()
        || path.starts_with('/')
        || path.contains(['\0', '\\'])
        || path.as_bytes().get(1) == Some(&b':')
        || path.split('/').any(|part| part == "..")
}

/// The lower-cased extension: what follows the last dot of the file's name, unless that dot is the
/// first character or more than 16 bytes follow.
fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => {
            let lower = extension.to_lowercase();
            if lower.len() <= 16 { lower } else { String::new() }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Scalar;

    #[test]
    fn bundles_are_counted_without_their_contents() {
        let mut tally = BundleTally::default();
        for (path, bytes) in
            [("a/b.PY", 3), ("a/b.PY", 4), ("../x", 1), (".env", 1), ("C:\\y.md", 0), ("", 0)]
        {
            tally.add(path.into(), bytes);
        }
        let stats = tally.finish();
        assert_eq!((stats.files, stats.bytes), (6, 9));
        assert_eq!((stats.duplicate_paths, stats.unsafe_paths), (1, 3));
        let kinds: Vec<_> =
            stats.extensions.iter().map(|e| (e.extension.as_str(), e.files)).collect();
        assert_eq!(kinds, [("", 3), ("md", 1), ("py", 2)]);
    }

    #[test]
    fn a_path_is_unsafe_where_unpacking_it_could_leave_the_folder() {
        for path in ["/a", "a\0b", "a\\b", "c:x", "a/../b", "..", ""] {
            assert!(is_unsafe(path), "{path}");
        }
        for path in ["a", "a/b", "..a/b..", "a:b", "é:x"] {
            assert_eq!(is_unsafe(path), path == "a:b", "{path}");
        }
        assert_eq!(extension("a/b.tar.GZ"), "gz");
        assert_eq!(extension("a.b/c"), "");
        assert_eq!(extension(&format!("a.{}", "x".repeat(16))), "x".repeat(16));
        assert_eq!(extension(&format!("a.{}", "x".repeat(17))), "");
    }

    #[test]
    fn a_row_without_a_split_follows_the_exporters_rule() {
        let id = "b387a014c3c25bb0c47311035ba5908d07096bdc139255086cf1f0245726cfbc";
        let row = |split: Option<&'static str>| {
            let skill = SkillRow { id: Cow::from(id), ..SkillRow::default() };
            Row { skill, split: split.map(Cow::from), ..Row::default() }
        };
        // SHA-256 of the id begins with e00df2a5 (Python's hashlib): 0.875 of the range.
        let mut first = row(None);
        first.judge(None).unwrap();
        assert_eq!(first.skill.split, Split::Test);
        let mut latest = row(Some("latest"));
        assert!(!latest.judge(None).unwrap().disagrees);
        assert_eq!(latest.skill.split, Split::Test);
        assert_eq!(row(Some("other")).judge(None).unwrap_err().reason, RejectReason::UnknownSplit);
        // A frozen row's split is what it says: nothing holds it against the id.
        let mut stated = row(Some("validation"));
        assert!(!stated.judge(None).unwrap().disagrees);
        assert_eq!(stated.skill.split, Split::Validation);
        let mut train = row(Some("test"));
        assert!(train.judge(Some(Split::Train)).unwrap().disagrees);
        assert_eq!(train.skill.split, Split::Train);
        assert!(!row(Some("train")).judge(Some(Split::Train)).unwrap().disagrees);
        assert!(!row(None).judge(Some(Split::Train)).unwrap().disagrees);
        assert_ne!(row(None).judge(None).unwrap().key, 0);
    }

    #[test]
    fn a_required_value_is_there_or_the_column_is_named() {
        let null = || Value::Scalar(Scalar::Null);
        for column in [Column::Id, Column::ClawscanVerdict, Column::StaticFindingCount] {
            let fault = Row::default().put(column, null(), Nulls::AsTheDataset).unwrap_err();
            assert_eq!(
                fault.detail,
                format!("column `{}`: is null, which it may not be", column.name())
            );
            Row::default().put(column, null(), Nulls::Anywhere).unwrap();
        }
        let mut row = Row::default();
        row.put(Column::SkillSlug, null(), Nulls::AsTheDataset).unwrap();
        let twice = row.put(Column::SkillSlug, null(), Nulls::AsTheDataset).unwrap_err();
        assert_eq!(twice.detail, "column `skill_slug`: occurs twice");
        assert_eq!(row.seen.lacks(), Some(Column::Id));
    }

    #[test]
    fn a_verdict_that_is_none_of_the_three_keeps_its_name() {
        let judged = |text: &'static str| {
            let mut row = Row::default();
            for (column, text) in [(Column::Id, "x"), (Column::ClawscanVerdict, text)] {
                let value = Value::Scalar(Scalar::Text(text.into()));
                row.put(column, value, Nulls::AsTheDataset).unwrap();
            }
            row.judge(None).map(|_| row.skill.verdict.text().unwrap_or_default().to_owned())
        };
        assert_eq!(judged("Clean").unwrap(), "clean");
        assert_eq!(judged("review").unwrap(), "review");
        assert_eq!(judged("").unwrap_err().detail, "column `clawscan_verdict`: is empty");
    }
}
