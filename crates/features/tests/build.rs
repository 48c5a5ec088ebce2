//! The whole matrix from made-up rows: columns by profile, leakage, and one row at a time.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use clawsig_features::{
    BoxError, CharsParams, FeatureParams, FeatureSet, FeaturesError, FittedFeatures, KnownWords,
    NumericColumns, ReadRows, RowIter, RowSource, TextMeasures, TfIdf, VectorizerParams, build,
    vectorizer::DocumentFrequency,
};
use clawsig_schema::{
    BundleStats, JudgeFields, SkillRow, SkillSpectorSignals, Split, StaticSignals, Target, Verdict,
    VirusTotalSignals,
    matrix::{ColumnGroup, Csr},
};

struct Made(Vec<SkillRow>);

impl RowSource for Made {
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
        Ok(Box::new(self.0.iter().filter(move |row| row.split == split).cloned().map(Ok)))
    }
}

/// Rows 0 to 9 train, 10 and 11 test; row 11 copies row 3. Even rows lack a VirusTotal result.
fn rows() -> Made {
    let row = |number: usize| {
        let subject = if number == 11 { 3 } else { number };
        SkillRow {
            id: format!("{number:064}"),
            slug: Some(format!("owner{}/skill", number % 3)),
            version: "1".to_owned(),
            text: (number != 4)
                .then(|| format!("# Title\ncommon words here special{subject} ends")),
            bundle: BundleStats::default(),
            verdict: Verdict::ALL[number % 3].into(),
            judge: JudgeFields::default(),
            static_scan: StaticSignals {
                status: Some(if number < 5 { "clean" } else { "suspicious" }.to_owned()),
                finding_count: number as u32,
                reason_codes: vec![format!("suspicious.code{}", number % 2)],
                has_output: true,
            },
            virustotal: VirusTotalSignals {
                malicious: (number % 2 == 1).then_some(number as u32),
                ..Default::default()
            },
            skillspector: SkillSpectorSignals {
                score: Some(number as f64 * 5.0),
                issue_codes: vec!["X1".to_owned(), "X1".to_owned()],
                ..Default::default()
            },
            split: if number < 10 { Split::Train } else { Split::Test },
        }
    };
    Made((0..12).map(row).collect())
}

fn made(params: FeatureParams) -> FeatureSet {
    // So few rows would lose every rare term.
    let params = FeatureParams { text: VectorizerParams::default(), ..params };
    build(&params.check().unwrap(), &mut rows(), &|_, _, _| ()).unwrap()
}

fn names(set: &FeatureSet, group: ColumnGroup) -> Vec<&str> {
    set.columns.iter().filter(|c| c.group == group).map(|c| c.name.as_str()).collect()
}

#[test]
fn the_profiles_have_their_columns_and_no_more() {
    let seed = made(FeatureParams {
        groups: vec![ColumnGroup::Flags, ColumnGroup::Text],
        ..Default::default()
    });
    let flags = ["flag_static", "flag_virustotal", "flag_skillspector"];
    assert_eq!(names(&seed, ColumnGroup::Flags), flags);
    assert_eq!(seed.columns.len(), names(&seed, ColumnGroup::Text).len() + 3);
    let tutorial = made(FeatureParams {
        groups: vec![ColumnGroup::Text, ColumnGroup::Numeric],
        numeric: NumericColumns::Notebook,
        ..Default::default()
    });
    let four = [
        "skillspector_score",
        "static_finding_count",
        "skillspector_issue_count",
        "virustotal_malicious_count",
    ];
    assert_eq!(names(&tutorial, ColumnGroup::Numeric), four);
    assert_eq!(tutorial.columns.len(), names(&tutorial, ColumnGroup::Text).len() + 4);
    // Missing counts as 0 before standardising: 1, 3, 5, 7, 9 and five zeros have mean 2.5.
    let column = tutorial.columns.iter().position(|c| c.name == four[3]).unwrap() as u32;
    let (columns, values) = tutorial.splits[0].matrix.row(0);
    let value = values[columns.iter().position(|&c| c == column).unwrap()];
    let deviation = (165.0_f64 / 10.0 - 2.5 * 2.5).sqrt();
    assert!((value - (0.0 - 2.5) / deviation).abs() < 1e-12);
}

#[test]
fn a_missing_number_is_its_mean_and_marked() {
    let set = made(FeatureParams { groups: vec![ColumnGroup::Numeric], ..Default::default() });
    let at = |name: &str| set.columns.iter().position(|c| c.name == name).unwrap() as u32;
    let (columns, _) = set.splits[0].matrix.row(0);
    assert!(!columns.contains(&at("virustotal_malicious_count")));
    assert!(columns.contains(&at("virustotal_malicious_count_missing")));
    assert!(!set.columns.iter().any(|c| c.name == "static_finding_count_missing"));
}

#[test]
fn severity_sees_nothing_of_skillspector() {
    let params = FeatureParams { target: Target::Severity, ..Default::default() };
    let valid = params.clone().check().unwrap();
    assert_eq!((valid.params(), valid.left_out().len()), (&params, 5));
    let set = made(params);
    let leaks = |name: &str| name.contains("skillspector");
    let signals = set.columns.iter().filter(|c| c.group != ColumnGroup::Text);
    assert!(signals.clone().count() > 5 && !signals.clone().any(|c| leaks(&c.name)));
}

#[test]
fn columns_that_may_be_asked_for_are_told_from_those_that_may_not() {
    let asked = |target, column: &str| {
        let columns = vec![column.to_owned()];
        FeatureParams { target, columns, ..Default::default() }.check()
    };
    assert!(asked(Target::Verdict, "skillspector_score").is_ok());
    let error = asked(Target::Severity, "skillspector_score").unwrap_err();
    assert!(matches!(error, FeaturesError::BarredColumn { .. }));
    assert!(matches!(asked(Target::Verdict, "x"), Err(FeaturesError::UnknownColumn { .. })));
    let notebook = FeatureParams {
        target: Target::Severity,
        numeric: NumericColumns::Notebook,
        ..Default::default()
    };
    assert!(notebook.check().is_err());
}

#[test]
fn one_row_at_a_time_gives_the_same_bits_after_loading() {
    let set = made(FeatureParams::default());
    let json = set.fitted.to_json().unwrap();
    let loaded = FittedFeatures::from_json(&json).unwrap();
    assert_eq!(loaded.to_json().unwrap(), json);
    assert_eq!((loaded.cols(), loaded.columns()), (set.columns.len(), set.columns.clone()));
    let check = |split: Split, matrix: &Csr| {
        let rows: Vec<SkillRow> = rows().0.into_iter().filter(|row| row.split == split).collect();
        assert_eq!(rows.len(), matrix.rows());
        for (number, row) in rows.iter().enumerate() {
            let one = loaded.transform_row(row).unwrap();
            assert_eq!(matrix.row(number), (&one.columns[..], &one.values[..]));
        }
    };
    for split in &set.splits {
        check(split.split, &split.matrix);
    }
    let refused = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        FittedFeatures::from_json(&json.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert!(refused("\"1.0\"", "\"9.0\"").contains("format 9.0 is newer"));
    for (from, to, what) in [
        ("{\"format\"", "{\"more\":[],\"format\"", "`more` is no known name"),
        ("\"mean\"", "\"more\":0.5,\"mean\"", "`more` is no known name"),
        ("\"text\":{\"format\"", "\"text\":{\"more\":1,\"format\"", "`more` is no known name"),
        ("\"column\":\"skillspector_score\"", "\"column\":\"x\"", "its numbers are not those"),
        ("\"column\":\"log_links\"", "\"column\":\"x\"", "its columns of shape are not"),
        ("\"codes\":[\"", "\"codes\":[\"z\",\"", "its codes are not in order"),
        ("\"codes\":[\"", "\"codes\":[\"a\",\"", "a code is of no column"),
        ("\"max_chars\":null", "\"max_chars\":7", "its vectorizer is not that"),
    ] {
        let text = refused(from, to);
        assert!(text.contains(what) && text.ends_with("; fit and save them again"), "{text}");
    }
}

#[test]
fn copies_in_train_are_counted_across_splits() {
    let set = made(FeatureParams::default());
    let test = &set.splits.iter().find(|s| s.split == Split::Test).unwrap().rows;
    assert_eq!((test[1].duplicate_group, test[1].copies_in_train), (3, 1));
    assert_eq!((test[0].duplicate_group, test[0].copies_in_train), (10, 0));
    assert_eq!(set.splits[0].rows[3].copies_in_train, 0);
}

#[test]
fn a_second_view_stands_beside_the_first_as_it_stands_alone() {
    let chars = CharsParams {
        min_df: DocumentFrequency::Count(1),
        max_features: Some(40),
        max_chars: Some(30),
        ..CharsParams::default()
    };
    let groups = vec![ColumnGroup::Flags, ColumnGroup::Chars, ColumnGroup::Text];
    let set = made(FeatureParams { groups, chars: chars.clone(), ..Default::default() });
    let texts: Vec<String> =
        rows().0.into_iter().take(10).map(|row| row.text.unwrap_or_default()).collect();
    let (words, first) =
        TfIdf::new(VectorizerParams::default().check().unwrap()).fit_transform(&texts).unwrap();
    let (view, second) = TfIdf::new(chars.check().unwrap()).fit_transform(&texts).unwrap();
    assert_eq!((view.cols(), view.params().ngrams), (40, (3, 5)));
    let (train, begin) = (&set.splits[0].matrix, words.cols());
    assert_eq!(train.select_columns(|column| column < begin), first);
    assert_eq!(train.select_columns(|column| (begin..begin + 40).contains(&column)), second);
    assert_eq!(train.cols(), begin + 40 + 3);
    let groups: Vec<ColumnGroup> = set.columns.iter().map(|column| column.group).collect();
    assert!(groups.is_sorted() && groups[begin..begin + 40].iter().all(|g| g.is_of_terms()));
    assert_eq!(set.fitted.vocabulary().len(), begin + 40);
    // The saved state gives the same rows.
    let read = FittedFeatures::from_json(&set.fitted.to_json().unwrap()).unwrap();
    let again = read.transform(rows().0.into_iter().take(10).map(Ok)).unwrap();
    assert_eq!(again, *train);
    // The view alone needs no words.
    let alone =
        made(FeatureParams { groups: vec![ColumnGroup::Chars], chars, ..Default::default() });
    assert_eq!(alone.splits[0].matrix, second);
    assert!(alone.novelty.undefined.is_some(), "without words nothing is calibrated");
}

#[test]
fn without_training_rows_nothing_is_fitted() {
    let params = FeatureParams::default().check().unwrap();
    let error = build(&params, &mut Made(Vec::new()), &|_, _, _| ()).unwrap_err();
    assert!(matches!(error, FeaturesError::NoTrainingRows));
}

#[test]
fn any_rows_can_be_the_training_rows() {
    let text = VectorizerParams::default();
    let params = FeatureParams { text, ..FeatureParams::default() }.check().unwrap();
    // Every third row trains, of whichever split it is.
    let all = rows().0;
    let (train, other): (Vec<SkillRow>, Vec<SkillRow>) =
        all.iter().cloned().partition(|row| row.id.ends_with(['0', '3', '6', '9']));
    let fitted = FittedFeatures::fit(&params, train.iter().cloned().map(Ok)).unwrap();
    let whole = fitted.transform(all.iter().cloned().map(Ok)).unwrap();
    assert_eq!((whole.rows(), whole.cols()), (12, fitted.cols()));
    // The same rows as the dataset's own splits give the same columns and the same bits.
    let renamed = |rows: &[SkillRow], split| -> Vec<SkillRow> {
        rows.iter().map(|row| SkillRow { split, ..row.clone() }).collect()
    };
    let mut as_splits = renamed(&train, Split::Train);
    as_splits.extend(renamed(&other, Split::Test));
    let set = build(&params, &mut Made(as_splits), &|_, _, _| ()).unwrap();
    assert_eq!(set.fitted.to_json().unwrap(), fitted.to_json().unwrap());
    let places = |rows: &[SkillRow]| -> Vec<usize> {
        rows.iter().map(|row| all.iter().position(|a| a.id == row.id).unwrap()).collect()
    };
    let test = set.splits.iter().find(|made| made.split == Split::Test).unwrap();
    assert_eq!(set.splits[0].matrix, whole.select_rows(&places(&train)));
    assert_eq!(test.matrix, whole.select_rows(&places(&other)));
    // Rows that were read once can be the training rows in turn.
    let read = ReadRows::read(&params, all.iter().cloned().map(Ok)).unwrap();
    assert_eq!((read.len(), read.is_empty()), (12, false));
    assert!(ReadRows::read(&params, []).unwrap().is_empty());
    let chosen = places(&train);
    for _ in 0..2 {
        let (again, matrix) = read.fit(|row| chosen.contains(&row)).unwrap();
        assert_eq!(again.to_json().unwrap(), fitted.to_json().unwrap());
        assert_eq!(matrix, whole);
        let (other, _) = read.fit(|row| !chosen.contains(&row)).unwrap();
        assert_ne!(other.to_json().unwrap(), fitted.to_json().unwrap());
    }
    assert!(matches!(FittedFeatures::fit(&params, []), Err(FeaturesError::NoTrainingRows)));
    assert!(matches!(read.fit(|_| false), Err(FeaturesError::NoTrainingRows)));
}

#[test]
fn a_row_is_measured_as_its_text_whichever_vectorizer_reads_it() {
    let features = |text: VectorizerParams| {
        let groups = vec![ColumnGroup::Text, ColumnGroup::Chars, ColumnGroup::Flags];
        let chars = CharsParams { min_df: DocumentFrequency::Count(1), ..Default::default() };
        let params = FeatureParams { groups, text, chars, ..Default::default() };
        build(&params.check().unwrap(), &mut rows(), &|_, _, _| ()).unwrap().fitted
    };
    let whole = features(VectorizerParams::default());
    // One that reads no more than a part, one that leaves words out, and one with other numbers.
    let part = features(VectorizerParams { max_chars: Some(12), ..Default::default() });
    let stop_words = ["common".to_owned()].into_iter().collect();
    let fewer = features(VectorizerParams { stop_words, ..Default::default() });
    let mut all = rows().0;
    all[5].text = Some("here common unheard".to_owned());
    let all: Vec<&SkillRow> = all.iter().collect();
    for own in [&whole, &part, &fewer] {
        let known = KnownWords::of(own).unwrap();
        for fitted in [&whole, &part, &fewer] {
            let made = fitted.transform_rows(&all, Some(&known));
            let bare = fitted.transform_rows(&all, None);
            for ((row, made), bare) in all.iter().zip(made).zip(bare) {
                let (made, bare) = (made.unwrap(), bare.unwrap());
                let text = row.text.as_deref().unwrap_or_default();
                assert_eq!(made.measures, Some(known.measure(text)), "{text:?}");
                assert_eq!((&made.row, bare.measures), (&bare.row, None));
                assert_eq!(made.row, fitted.transform_row(row).unwrap());
            }
        }
    }
    let known = KnownWords::of(&whole).unwrap();
    let found = known.measure("here common unheard");
    assert_eq!(found, TextMeasures { words: 3, unknown: 1, common: 2 });
}

#[test]
fn the_hold_out_has_no_part_in_what_is_unlike_the_training_rows() {
    let mut all = rows().0;
    let as_of = |number: usize, split, text: &str| SkillRow {
        id: format!("{number:064}"),
        text: Some(text.to_owned()),
        split,
        ..SkillRow::default()
    };
    all.extend((100..130).map(|n| as_of(n, Split::Validation, "common words here")));
    all.extend((200..205).map(|n| as_of(n, Split::EvalHoldout, "nothing alike")));
    let text = VectorizerParams::default();
    let params = FeatureParams { text, ..Default::default() }.check().unwrap();
    let novelty = build(&params, &mut Made(all), &|_, _, _| ()).unwrap().novelty;
    assert_eq!((novelty.validation_rows, novelty.test_rows, novelty.test_unlike), (30, 2, 2));
    let bounds = novelty.bounds.unwrap();
    assert_eq!((bounds.least_words, bounds.most_words, bounds.most_unknown), (3.0, 3.0, 0.0));
}
