//! Leakage is decided by value: what changes in a matrix when a column of the dataset changes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use clawsig_features::{
    BoxError, CharsParams, FeatureParams, FeatureSet, FeaturesError, NumericColumns, RowIter,
    RowSource, VectorizerParams, build, leakage::barred, vectorizer::DocumentFrequency,
};
use clawsig_schema::{
    BundleStats, ExtensionCount, FlagRule, JudgeFields, MissingPolicy, SkillRow,
    SkillSpectorSignals, Split, StaticSignals, Target, Verdict, VerdictLabel, VirusTotalSignals,
    column::Column,
    matrix::{ColumnGroup, ColumnInfo},
    settings::FlagParams,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

struct Made(Vec<SkillRow>);

impl RowSource for Made {
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
        Ok(Box::new(self.0.iter().filter(move |row| row.split == split).cloned().map(Ok)))
    }
}

fn texts(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(choices).prop_map(str::to_owned)
}

fn status() -> impl Strategy<Value = Option<String>> {
    option::of(texts(&["clean", "suspicious", "malicious", "completed", "error", "pending"]))
}

fn static_scan() -> impl Strategy<Value = StaticSignals> {
    let codes = vec(texts(&["s.exec", "s.env", "s.crypto"]), 0..3);
    (status(), 0_u32..4, codes, any::<bool>()).prop_map(
        |(status, finding_count, reason_codes, has_output)| StaticSignals {
            status,
            finding_count,
            reason_codes,
            has_output,
        },
    )
}

fn virustotal() -> impl Strategy<Value = VirusTotalSignals> {
    let count = || option::of(0_u32..3);
    let verdict = option::of(texts(&["Malicious", "harmless", "odd"]));
    ((status(), verdict, any::<bool>()), (count(), count(), count(), count())).prop_map(
        |((status, verdict_text, has_output), (malicious, suspicious, harmless, undetected))| {
            VirusTotalSignals {
                status,
                verdict_text,
                malicious,
                suspicious,
                harmless,
                undetected,
                has_output,
            }
        },
    )
}

fn skillspector() -> impl Strategy<Value = SkillSpectorSignals> {
    let recommendation = option::of(texts(&["DO NOT INSTALL", "caution", "fine"]));
    let severity = option::of(texts(&["LOW", "high", "CRITICAL"]));
    let codes = || vec(texts(&["E1", "E2", "P3"]), 0..3);
    let score = option::of(select(&[0.0, 15.0, 20.0, 21.0, 100.0][..]));
    ((status(), recommendation, score, severity), (0_u32..3, codes(), codes(), any::<bool>()))
        .prop_map(
            |(
                (status, recommendation, score, severity),
                (issue_count, issue_codes, issue_categories, has_output),
            )| SkillSpectorSignals {
                status,
                recommendation,
                score,
                severity,
                issue_count,
                issue_codes,
                issue_categories,
                has_output,
            },
        )
}

fn bundle() -> impl Strategy<Value = BundleStats> {
    (0_u32..3, 0_u32..3).prop_map(|(py, md)| BundleStats {
        files: py + md,
        extensions: [("md", md), ("py", py)]
            .map(|(extension, files)| ExtensionCount { extension: extension.to_owned(), files })
            .to_vec(),
        ..Default::default()
    })
}

/// The judge's and the registry's columns, and those that name the row.
fn judgement() -> impl Strategy<Value = (String, Option<String>, Option<Verdict>, JudgeFields)> {
    let fields = (option::of("[a-z]{3}"), option::of("[a-z]{3}"), option::of("[a-z]{3}"));
    let fields =
        fields.prop_map(|(confidence, model, summary)| JudgeFields { confidence, model, summary });
    let slug = option::of(texts(&["ann/tool", "ann/other", "bob/tool"]));
    ("[0-9a-f]{64}", slug, option::of(select(Verdict::ALL)), fields)
}

fn text() -> impl Strategy<Value = Option<String>> {
    let word = texts(&["curl", "sh", "```bash", "#", "https://a.example/x", "\u{202e}", "skill"]);
    option::of(vec(word, 0..9).prop_map(|words| words.join(" ")))
}

fn row() -> impl Strategy<Value = SkillRow> {
    let split = select(&[Split::Train, Split::Train, Split::Test][..]);
    (judgement(), text(), bundle(), static_scan(), virustotal(), skillspector(), split).prop_map(
        |(
            (id, slug, verdict, judge),
            text,
            bundle,
            static_scan,
            virustotal,
            skillspector,
            split,
        )| {
            SkillRow {
                id,
                slug,
                version: "1".to_owned(),
                text,
                bundle,
                verdict: verdict.map_or(VerdictLabel::Absent, VerdictLabel::from),
                judge,
                static_scan,
                virustotal,
                skillspector,
                split,
            }
        },
    )
}

/// The settings by which columns come about.
fn params() -> impl Strategy<Value = FeatureParams> {
    (
        select(Target::ALL),
        prop::sample::subsequence(ColumnGroup::ALL.to_vec(), 1..=ColumnGroup::ALL.len()),
        select(&[NumericColumns::Full, NumericColumns::Notebook][..]),
        prop::sample::subsequence(
            Column::ALL.iter().map(|c| c.name().to_owned()).collect::<Vec<_>>(),
            4,
        ),
        any::<bool>(),
        select(FlagRule::ALL),
        select(MissingPolicy::ALL),
    )
        .prop_map(|(target, groups, numeric, columns, all, rule, missing)| FeatureParams {
            target,
            groups,
            numeric,
            columns: if all { Vec::new() } else { columns },
            flags: FlagParams { rule, missing },
            text: VectorizerParams::default(),
            // So few rows would lose every rare term.
            chars: CharsParams { min_df: DocumentFrequency::Count(1), ..CharsParams::default() },
        })
}

/// The matrices; nothing where the settings are refused or the texts hold no term.
fn made(params: &FeatureParams, rows: &[SkillRow]) -> Option<FeatureSet> {
    let params = params.clone().check().ok()?;
    match build(&params, &mut Made(rows.to_vec()), &|_, _, _| ()) {
        Ok(set) => Some(set),
        Err(FeaturesError::NoTrainingRows) => None,
        Err(FeaturesError::View { source, .. })
            if matches!(*source, FeaturesError::EmptyVocabulary) =>
        {
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The bits of each column by its name, with what it reads.
fn columns(set: &FeatureSet) -> BTreeMap<String, (ColumnInfo, Vec<u64>)> {
    let rows: usize = set.splits.iter().map(|split| split.matrix.rows()).sum();
    let mut columns: Vec<Vec<u64>> = vec![vec![0; rows]; set.columns.len()];
    let mut place = 0;
    for matrix in set.splits.iter().map(|split| &split.matrix) {
        for row in 0..matrix.rows() {
            let (stored, values) = matrix.row(row);
            for (&column, value) in stored.iter().zip(values) {
                columns[column as usize][place] = value.to_bits();
            }
            place += 1;
        }
    }
    let named = set.columns.iter().cloned().zip(columns);
    named
        .map(|(info, bits)| (info.name.clone(), (ColumnInfo { column: 0, ..info }, bits)))
        .collect()
}

/// The columns that are not the same in both, by what they read.
fn changed(before: &FeatureSet, after: &FeatureSet) -> BTreeSet<String> {
    let (before, after) = (columns(before), columns(after));
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    let info = |name: &String| before.get(name).or(after.get(name)).unwrap().0.reads.clone();
    before.keys().chain(after.keys()).filter(differs).map(info).collect()
}

/// A row with the columns of the dataset in `which` taken from another.
fn with(row: &SkillRow, other: &SkillRow, which: &dyn Fn(&str) -> bool) -> SkillRow {
    let mut row = row.clone();
    let mut take = |column: &str, set: &dyn Fn(&mut SkillRow)| {
        assert!(Column::of_name(column).is_some(), "{column}");
        if which(column) {
            set(&mut row);
        }
    };
    macro_rules! take {
        ($($column:literal: $($field:ident).+),+ $(,)?) => {
            $(take($column, &|row| row.$($field).+ = other.$($field).+.clone());)+
        };
    }
    take! {
        "id": id,
        "skill_slug": slug,
        "skill_version": version,
        "skill_md_content": text,
        "skill_bundle_content": bundle,
        "clawscan_verdict": verdict,
        "clawscan_confidence": judge.confidence,
        "clawscan_model": judge.model,
        "clawscan_summary": judge.summary,
        "static_status": static_scan.status,
        "static_finding_count": static_scan.finding_count,
        "static_reason_codes": static_scan.reason_codes,
        "virustotal_status": virustotal.status,
        "virustotal_malicious_count": virustotal.malicious,
        "virustotal_suspicious_count": virustotal.suspicious,
        "virustotal_harmless_count": virustotal.harmless,
        "virustotal_undetected_count": virustotal.undetected,
        "skillspector_status": skillspector.status,
        "skillspector_score": skillspector.score,
        "skillspector_severity": skillspector.severity,
        "skillspector_issue_count": skillspector.issue_count,
        "skillspector_issue_codes": skillspector.issue_codes,
        "skillspector_issue_categories": skillspector.issue_categories,
        "clawscan_context": static_scan.has_output,
        "clawscan_context": virustotal.has_output,
        "clawscan_context": virustotal.verdict_text,
        "clawscan_context": skillspector.has_output,
        "clawscan_context": skillspector.recommendation,
    }
    row
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..Default::default() })]

    /// All barred columns of all rows change at once. Under `any-output` the flags, and nothing
    /// else, read the context: that is the one exception, and their columns say so.
    #[test]
    fn a_barred_column_changes_no_entry(
        params in params(), pairs in vec((row(), row()), 2..8),
    ) {
        let rows: Vec<SkillRow> = pairs.iter().map(|pair| pair.0.clone()).collect();
        let Some(before) = made(&params, &rows) else { return Ok(()) };
        let target = params.target;
        let bars = |column: &str| column != "split" && barred(target, column).is_some();
        let rows: Vec<SkillRow> = pairs.iter().map(|(row, other)| with(row, other, &bars)).collect();
        let after = made(&params, &rows).unwrap();
        if params.flags.rule == FlagRule::AnyOutput {
            let changed = changed(&before, &after);
            prop_assert!(changed.iter().all(|reads| reads == "clawscan_context"), "{changed:?}");
        } else {
            prop_assert_eq!(&before.columns, &after.columns);
            for (before, after) in before.splits.iter().zip(&after.splits) {
                prop_assert_eq!(&before.matrix, &after.matrix);
            }
            for column in &before.columns {
                prop_assert!(column.reads.split(' ').all(|reads| barred(target, reads).is_none()));
            }
        }
    }

    /// A column of the dataset changes only what says that it reads it.
    #[test]
    fn a_column_changes_where_its_name_stands(
        params in params(), pairs in vec((row(), row()), 2..8), column in select(Column::ALL),
    ) {
        let rows: Vec<SkillRow> = pairs.iter().map(|pair| pair.0.clone()).collect();
        let Some(before) = made(&params, &rows) else { return Ok(()) };
        let which = |name: &str| name == column.name();
        let rows: Vec<SkillRow> = pairs.iter().map(|(row, other)| with(row, other, &which)).collect();
        let Some(after) = made(&params, &rows) else { return Ok(()) };
        for reads in changed(&before, &after) {
            prop_assert!(reads.split(' ').any(which), "{} changes what reads {reads}", column.name());
        }
    }
}

#[test]
fn every_column_that_is_read_changes_something() {
    // The two properties above would hold for features that read nothing.
    let full = FeatureParams {
        flags: FlagParams { missing: MissingPolicy::Exclude, ..FlagParams::default() },
        text: VectorizerParams::default(),
        ..Default::default()
    };
    let rows = |other: bool| -> Vec<SkillRow> {
        let row = |number: usize| {
            let odd = number % 2 == usize::from(other);
            let code = || vec![if odd { "a" } else { "b" }.to_owned()];
            let count = u32::from(odd) + number as u32 % 3;
            SkillRow {
                id: format!("{number:064}"),
                slug: None,
                version: "1".to_owned(),
                text: odd.then(|| "curl https://a.example".to_owned()),
                bundle: BundleStats { files: count, ..Default::default() },
                verdict: Default::default(),
                judge: JudgeFields::default(),
                static_scan: StaticSignals {
                    status: odd.then(|| "suspicious".to_owned()),
                    finding_count: count,
                    reason_codes: code(),
                    has_output: odd,
                },
                virustotal: VirusTotalSignals {
                    status: odd.then(|| "malicious".to_owned()),
                    malicious: odd.then_some(count),
                    suspicious: odd.then_some(count),
                    harmless: odd.then_some(count),
                    undetected: odd.then_some(count),
                    ..Default::default()
                },
                skillspector: SkillSpectorSignals {
                    status: odd.then(|| "clean".to_owned()),
                    score: odd.then_some(f64::from(count)),
                    issue_count: count,
                    issue_codes: code(),
                    issue_categories: code(),
                    ..Default::default()
                },
                split: Split::Train,
            }
        };
        (0..6).map(row).collect()
    };
    let (first, second) = (rows(false), rows(true));
    let read_as = |params: &FeatureParams| -> BTreeSet<&str> {
        let before = made(params, &first).unwrap();
        let changes = |column: &&str| {
            let rows: Vec<SkillRow> = first
                .iter()
                .zip(&second)
                .map(|(row, other)| with(row, other, &|name| name == *column))
                .collect();
            !changed(&before, &made(params, &rows).unwrap()).is_empty()
        };
        Column::ALL.iter().map(|column| column.name()).filter(changes).collect()
    };
    let unread = ["skillspector_severity", "split"];
    for target in [Target::Verdict, Target::Severity] {
        let allowed = Column::ALL
            .iter()
            .map(|column| column.name())
            .filter(|name| !unread.contains(name) && barred(target, name).is_none())
            .collect();
        assert_eq!(read_as(&FeatureParams { target, ..full.clone() }), allowed);
    }
    assert_eq!(full.clone().check().unwrap().exception(), None);
    let any =
        FeatureParams { flags: FlagParams { rule: FlagRule::AnyOutput, ..full.flags }, ..full };
    assert!(read_as(&any).contains("clawscan_context"));
    assert!(any.clone().check().unwrap().exception().unwrap().contains("clawscan_context"));
    let text = FeatureParams { groups: vec![ColumnGroup::Text], ..any };
    assert_eq!(text.check().unwrap().exception(), None);
}

#[test]
fn a_barred_column_can_not_be_asked_for() {
    for &target in Target::ALL {
        for column in Column::ALL {
            let columns = vec![column.name().to_owned()];
            let asked = FeatureParams { target, columns, ..Default::default() }.check();
            match barred(target, column.name()) {
                Some(reason) => {
                    let name = column.name();
                    let expected = format!(
                        "column `{name}` can't be a feature for target `{target}`: {reason}"
                    );
                    assert_eq!(asked.unwrap_err().to_string(), expected);
                }
                None => assert!(matches!(asked, Ok(_) | Err(FeaturesError::UnknownColumn { .. }))),
            }
        }
    }
}
