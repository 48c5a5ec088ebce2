//! Parity with scikit-learn on committed figures, and what must hold for every text.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use serde::Deserialize;

use super::*;

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn fit(params: &VectorizerParams, texts: &[String]) -> Result<(FittedTfIdf, Csr), FeaturesError> {
    TfIdf::new(params.clone().check()?).fit_transform(texts)
}

/// The file that `tests/data/sklearn_golden.py` wrote.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    cases: Vec<GoldenCase>,
}

#[derive(Deserialize)]
struct GoldenCase {
    name: String,
    params: GoldenParams,
    #[serde(default)]
    vocabulary: Vec<String>,
    idf: Option<Vec<f64>>,
    rows: Vec<BTreeMap<u32, f64>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum GoldenParams {
    TfIdf(Box<VectorizerParams>),
    Hashing(HashingParams),
}

#[test]
fn scikit_learn_gives_the_same() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/data/sklearn_golden.json")).unwrap();
    assert!(golden.cases.len() >= 12);
    for case in golden.cases {
        let matrix = match case.params {
            GoldenParams::TfIdf(params) => {
                let (fitted, matrix) = fit(&params, &golden.texts).unwrap();
                assert_eq!(fitted.vocabulary(), case.vocabulary, "{}", case.name);
                for (ours, theirs) in
                    fitted.idf().into_iter().flatten().zip(case.idf.unwrap_or_default())
                {
                    assert!((ours - theirs).abs() < 1e-12, "{}", case.name);
                }
                matrix
            }
            GoldenParams::Hashing(params) => {
                params.check().unwrap().transform(&golden.texts).unwrap()
            }
        };
        assert_eq!(matrix.rows(), case.rows.len());
        for (row, expected) in case.rows.iter().enumerate() {
            let (columns, values) = matrix.row(row);
            let expected_columns: Vec<u32> = expected.keys().copied().collect();
            assert_eq!(columns, expected_columns, "{}, row {row}", case.name);
            for (value, expected) in values.iter().zip(expected.values()) {
                assert!((value - expected).abs() < 1e-12, "{}, row {row}", case.name);
            }
        }
    }
}

/// Texts over few words, so that n-grams repeat, with some hostile characters.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let word = prop::sample::select(vec![
        "alpha",
        "beta",
        "gamma",
        "Beta",
        "x",
        "é1",
        "STRASSE",
        "İo",
        "ΣΑΣ",
        "漢字",
        "a\u{301}b",
        "\u{202e}",
        "😀",
        "_",
        "a_b",
        "12",
        "\u{1c}",
        "\n",
        "",
    ]);
    vec(vec(word, 0..12).prop_map(|words| words.join(" ")), 1..20)
}

fn settings() -> impl Strategy<Value = VectorizerParams> {
    let analyzers = vec![Analyzer::Word, Analyzer::Char, Analyzer::CharWb];
    let limits = vec![None, Some(1), Some(4), Some(9)];
    (
        prop::sample::select(analyzers),
        (1_usize..=3, 0_usize..=2),
        (1_u64..=3, prop::sample::select(limits)),
        (any::<bool>(), any::<bool>()),
        (
            prop::sample::select(vec![Idf::Smooth, Idf::Plain, Idf::None]),
            prop::sample::select(vec![Norm::L1, Norm::L2, Norm::None]),
        ),
    )
        .prop_map(
            |(analyzer, (min, more), (min_df, max_features), (binary, sublinear), (idf, norm))| {
                VectorizerParams {
                    analyzer,
                    ngrams: (min, min + more),
                    min_df: DocumentFrequency::Count(min_df),
                    max_features,
                    binary,
                    sublinear,
                    idf,
                    norm,
                    ..Default::default()
                }
            },
        )
}

/// The vocabulary by the definition: every n-gram as a string, counted, filtered, cut, sorted.
fn plain_vocabulary(params: &VectorizerParams, texts: &[String]) -> Vec<String> {
    let mut known: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (min, max) = params.ngrams;
    for text in texts {
        let mut runs: Vec<(Vec<String>, bool)> = vec![(Vec::new(), false)];
        analyzer::each_token(text, params.analyzer, true, min, &mut Vec::new(), |token| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            match token {
                analyzer::Token::Gram(bytes) => runs.last_mut().unwrap().0.push(text(bytes)),
                analyzer::Token::Whole(bytes) => {
                    runs.push((vec![text(bytes)], true));
                    runs.push((Vec::new(), false));
                }
                analyzer::Token::Break => runs.push((Vec::new(), false)),
            }
        });
        let separator = if params.analyzer == Analyzer::Word { " " } else { "" };
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (run, whole) in &runs {
            let range = if *whole { 1..=1 } else { min..=max };
            for window in range.flat_map(|n| run.windows(n)) {
                *counts.entry(window.join(separator)).or_default() += 1;
            }
        }
        for (term, count) in counts {
            let entry = known.entry(term).or_default();
            entry.0 += if params.binary { 1 } else { count };
            entry.1 += 1;
        }
    }
    let DocumentFrequency::Count(min_df) = params.min_df else { return Vec::new() };
    let mut kept: Vec<(String, u64)> =
        known.into_iter().filter(|(_, f)| f.1 >= min_df).map(|(t, f)| (t, f.0)).collect();
    kept.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    kept.truncate(params.max_features.unwrap_or(usize::MAX));
    let mut terms: Vec<String> = kept.into_iter().map(|(term, _)| term).collect();
    terms.sort();
    terms
}

proptest! {
    #[test]
    fn a_damaged_state_is_refused_or_harmless(
        params in settings(), texts in texts(), place in any::<prop::sample::Index>(),
        byte in any::<u8>(), keep in any::<bool>(),
    ) {
        let Ok((fitted, _)) = fit(&params, &texts) else { return Ok(()) };
        let mut json = fitted.to_json().unwrap().into_bytes();
        let place = place.index(json.len());
        if keep { json[place] = byte } else { json.truncate(place) }
        let Ok(json) = String::from_utf8(json) else { return Ok(()) };
        if let Ok(loaded) = FittedTfIdf::from_json(&json) {
            for text in &texts {
                let row = loaded.transform_one(text);
                prop_assert!(row.columns.iter().all(|&c| (c as usize) < loaded.cols()));
                prop_assert!(row.values.iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn a_fit_to_some_texts_is_that_of_these_texts(
        params in settings(), texts in texts(), share in any::<bool>(),
        chosen in vec![any::<bool>(); 20], split in any::<prop::sample::Index>(),
    ) {
        // A share of 0 lets every term in that the chosen texts hold, and no other.
        let min_df = if share { DocumentFrequency::Share(0.0) } else { params.min_df };
        let params = VectorizerParams { min_df, ..params };
        let mut reader = TfIdf::new(params.clone().check().unwrap()).begin();
        let split = split.index(texts.len());
        on_threads(3, || reader.push(&texts[..split])).unwrap();
        reader.push(&texts[split..]).unwrap();
        let read = reader.read().unwrap();
        prop_assert_eq!(read.len(), texts.len());
        let of = |kept: bool| -> Vec<String> {
            let kept = texts.iter().zip(&chosen).filter(|(_, chosen)| **chosen == kept);
            kept.map(|(text, _)| text.clone()).collect()
        };
        for threads in [1, 3] {
            match (fit(&params, &of(true)), on_threads(threads, || read.fit(|text| chosen[text]))) {
                (Ok((fitted, matrix)), Ok((found, all))) => {
                    prop_assert_eq!(found.to_json().unwrap(), fitted.to_json().unwrap());
                    let places = |kept: bool| -> Vec<usize> {
                        (0..texts.len()).filter(|&text| chosen[text] == kept).collect()
                    };
                    prop_assert_eq!(all.select_rows(&places(true)), matrix);
                    let others = fitted.transform(of(false)).unwrap();
                    prop_assert_eq!(all.select_rows(&places(false)), others);
                }
                (Err(expected), Err(error)) => {
                    prop_assert_eq!(error.to_string(), expected.to_string());
                }
                (expected, found) => prop_assert!(false, "{expected:?}, {found:?}"),
            }
        }
    }

    #[test]
    fn the_vocabulary_is_that_of_the_definition(params in settings(), texts in texts()) {
        let expected = plain_vocabulary(&params, &texts);
        match fit(&params, &texts) {
            Ok((fitted, _)) => prop_assert_eq!(fitted.vocabulary(), expected),
            Err(_) => prop_assert!(expected.is_empty()),
        }
    }

    #[test]
    fn fit_then_transform_is_fit_transform(params in settings(), texts in texts()) {
        let Ok((fitted, matrix)) = fit(&params, &texts) else { return Ok(()) };
        prop_assert_eq!(&fitted.transform(&texts).unwrap(), &matrix);
        let loaded = FittedTfIdf::from_json(&fitted.to_json().unwrap()).unwrap();
        for (row, text) in texts.iter().enumerate() {
            let one = loaded.transform_one(text);
            prop_assert_eq!(matrix.row(row), (&one.columns[..], &one.values[..]));
        }
    }

    #[test]
    fn a_row_depends_on_its_text_alone(
        params in settings(), learned in texts(), others in texts(),
        sizes in vec(1_usize..9, 1..6), order in any::<prop::sample::Index>(),
    ) {
        let Ok((fitted, _)) = fit(&params, &learned) else { return Ok(()) };
        let hashing = HashingParams {
            analyzer: params.analyzer, ngrams: params.ngrams, binary: params.binary, columns: 99,
            ..Default::default()
        };
        let hashing = hashing.check().unwrap();
        // Known and new texts, turned round, in batches of any sizes.
        let mut all: Vec<String> = learned.into_iter().chain(others).collect();
        let turn = order.index(all.len());
        all.rotate_left(turn);
        let mut rest = &all[..];
        for size in sizes.into_iter().cycle() {
            let (batch, left) = rest.split_at(size.min(rest.len()));
            let (weighed, hashed) =
                (fitted.transform(batch).unwrap(), hashing.transform(batch).unwrap());
            for (row, text) in batch.iter().enumerate() {
                let one = fitted.transform_one(text);
                prop_assert_eq!(weighed.row(row), (&one.columns[..], &one.values[..]));
                let one = hashing.transform_one(text);
                prop_assert_eq!(hashed.row(row), (&one.columns[..], &one.values[..]));
            }
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
    }

    #[test]
    fn threads_batches_and_order_change_nothing(
        params in settings(),
        (texts, shuffled) in texts().prop_flat_map(|texts| {
            let order = Just((0..texts.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(texts), order)
        }),
    ) {
        let Ok((fitted, matrix)) = on_threads(1, || fit(&params, &texts)) else { return Ok(()) };
        for threads in [2, 8] {
            let (other, same) = on_threads(threads, || fit(&params, &texts)).unwrap();
            prop_assert_eq!(other.to_json().unwrap(), fitted.to_json().unwrap());
            prop_assert_eq!(&same, &matrix);
        }
        let mut pieces = TfIdf::new(params.clone().check().unwrap()).begin();
        for text in &texts {
            pieces.push(std::slice::from_ref(text)).unwrap();
        }
        prop_assert_eq!(&pieces.finish().unwrap().1, &matrix);
        let reversed: Vec<usize> = (0..texts.len()).rev().collect();
        for order in [reversed, shuffled] {
            let moved: Vec<String> = order.iter().map(|&row| texts[row].clone()).collect();
            let (other, turned) = fit(&params, &moved).unwrap();
            prop_assert_eq!(other.to_json().unwrap(), fitted.to_json().unwrap());
            prop_assert_eq!(turned, matrix.select_rows(&order));
        }
    }
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let refused = |params: VectorizerParams| params.check().unwrap_err().to_string();
    let text = refused(VectorizerParams { ngrams: (2, 1), ..Default::default() });
    assert_eq!(text, "parameter `tfidf.ngrams` is 2 to 1, expected a range within 1 to 16");
    let text = CharsParams { ngrams: (5, 3), ..Default::default() }.check().unwrap_err();
    assert!(text.to_string().starts_with("parameter `chars.ngrams` is 5 to 3"), "{text}");
    for ngrams in [(0, 1), (0, 0), (1, 17), (2, 1)] {
        let text = HashingParams { ngrams, ..Default::default() }.check().unwrap_err();
        assert!(text.to_string().starts_with("parameter `ngrams` is"), "{text}");
        assert!(VectorizerParams { ngrams, ..Default::default() }.check().is_err());
    }
    for ngrams in [(1, 1), (16, 16), (1, 16)] {
        assert!(HashingParams { ngrams, ..Default::default() }.check().is_ok());
        assert!(VectorizerParams { ngrams, ..Default::default() }.check().is_ok());
    }
    let min_df = DocumentFrequency::Share(1.5);
    assert!(
        refused(VectorizerParams { min_df, ..Default::default() }).contains(
            "tfidf.min_df is `1.5`; expected a number of documents from 1, for example 3"
        )
    );
    let max_df = DocumentFrequency::Share(f64::NAN);
    assert!(
        refused(VectorizerParams { max_df, ..Default::default() })
            .contains("tfidf.max_df is `NaN`")
    );
}

#[test]
fn texts_without_terms_and_limits_without_room_are_told_apart() {
    let params = VectorizerParams::default();
    let error = fit(&params, &["".to_owned(), "a !".to_owned()]).unwrap_err();
    assert!(matches!(error, FeaturesError::EmptyVocabulary));
    let params = VectorizerParams { min_df: DocumentFrequency::Count(5), ..params };
    let error = fit(&params, &["one two".to_owned()]).unwrap_err();
    assert!(matches!(error, FeaturesError::EverythingPruned { .. }));
}

#[test]
fn without_terms_the_cause_is_that_of_scikit_learn() {
    // TfidfVectorizer(...).fit_transform(texts) of scikit-learn 1.9.1: `empty vocabulary; perhaps
    // the documents only contain stop words` is true, `After pruning, no terms remain` and `max_df
    // corresponds to < documents than min_df` are false.
    let two = Some(DocumentFrequency::Count(2));
    let (word, char_wb, char) = (Analyzer::Word, Analyzer::CharWb, Analyzer::Char);
    type Case<'a> = (Analyzer, (usize, usize), Option<DocumentFrequency>, &'a [&'a str], bool);
    let cases: [Case<'_>; 8] = [
        (word, (2, 2), two, &["one", "two", "three"], true),
        (word, (1, 1), two, &["one", "two"], false),
        (word, (2, 2), None, &["one", "two"], true),
        (word, (2, 2), two, &["one two", "two one"], false),
        (word, (1, 1), Some(DocumentFrequency::Count(9)), &["", ""], true),
        (word, (1, 1), Some(DocumentFrequency::Count(9)), &["one two", "two"], false),
        (char_wb, (5, 5), two, &["ab", "cd"], false),
        (char, (5, 5), two, &["ab", "cd"], true),
    ];
    for (analyzer, ngrams, min_df, texts, empty) in cases {
        let params = VectorizerParams {
            analyzer,
            ngrams,
            min_df: min_df.unwrap_or(DocumentFrequency::Count(1)),
            ..Default::default()
        };
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let error = fit(&params, &texts).unwrap_err();
        let found = matches!(error, FeaturesError::EmptyVocabulary);
        assert!(found || matches!(error, FeaturesError::EverythingPruned { .. }));
        assert_eq!(found, empty, "{texts:?}: {error}");
    }
    let vocabulary = Some(vec!["one".to_owned()]);
    for params in [VectorizerParams { vocabulary, ..Default::default() }, Default::default()] {
        assert!(matches!(fit(&params, &[]), Err(FeaturesError::NoDocuments)));
    }
}

#[test]
fn a_term_that_no_analyzer_gives_stays_empty() {
    // CountVectorizer(analyzer=..., ngram_range=..., vocabulary=...) of scikit-learn 1.9.1.
    type Case<'a> = (Analyzer, (usize, usize), &'a [&'a str], &'a str, &'a [f64]);
    let cases: [Case<'_>; 6] = [
        (Analyzer::CharWb, (2, 2), &["a", "an"], "banana a", &[0.0, 2.0]),
        (Analyzer::CharWb, (3, 5), &[" ", "ban"], "banana a", &[0.0, 1.0]),
        (
            Analyzer::CharWb,
            (4, 5),
            &[" a ", " a", "a", "bana", "nana", " a b", "a b"],
            "banana a",
            &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
        ),
        (Analyzer::CharWb, (5, 6), &[" ab ", "  ab", "ab"], "ab abc", &[1.0, 0.0, 0.0]),
        (Analyzer::Char, (2, 3), &["a", " a"], "banana a", &[0.0, 1.0]),
        (Analyzer::Word, (1, 2), &["a", "an", "an ant", " an"], "an ant a", &[0.0, 1.0, 1.0, 0.0]),
    ];
    for (analyzer, ngrams, terms, text, expected) in cases {
        let params = VectorizerParams {
            analyzer,
            ngrams,
            vocabulary: Some(terms.iter().map(|&term| term.to_owned()).collect()),
            idf: Idf::None,
            norm: Norm::None,
            ..Default::default()
        };
        let (fitted, matrix) = fit(&params, &[text.to_owned()]).unwrap();
        let mut row = vec![0.0; terms.len()];
        let (columns, values) = matrix.row(0);
        let again = fitted.transform_one(text);
        assert_eq!((&again.columns[..], &again.values[..]), (columns, values), "{terms:?}");
        columns.iter().zip(values).for_each(|(&column, &value)| row[column as usize] = value);
        assert_eq!(row, expected, "{terms:?}");
    }
}

#[test]
fn a_saved_state_is_checked() {
    let texts = ["one two".to_owned(), "two three".to_owned()];
    let (fitted, _) = fit(&VectorizerParams::default(), &texts).unwrap();
    let json = fitted.to_json().unwrap();
    let broken = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        FittedTfIdf::from_json(&json.replacen(from, to, 1)).unwrap_err()
    };
    assert!(matches!(broken("\"1.0\"", "\"2.0\""), FeaturesError::Format(_)));
    assert!(matches!(broken("\"three\"", "\"two\""), FeaturesError::Damaged(_)));
    assert!(matches!(broken("[1,1,2]", "[1,1]"), FeaturesError::Damaged(_)));
    assert!(matches!(broken("{", ""), FeaturesError::Json(_)));
    // Fields that nobody wrote, of the state and of its parameters.
    for (from, to) in [("{", "{\"a\":1,"), ("{\"max_chars\"", "{\"a\":1,\"max_chars\"")] {
        assert!(broken(from, to).to_string().contains("`a` is no known name"));
    }
    // Terms that the parameters would not have kept.
    let limits = [
        ("\"max_features\":null", "\"max_features\":2", "3 terms, and max_features is 2"),
        ("\"min_df\":{\"count\":1}", "\"min_df\":{\"count\":2}", "outside min_df and max_df"),
        ("\"max_df\":{\"share\":1.0}", "\"max_df\":{\"count\":1}", "outside min_df and max_df"),
        ("[1,1,2]", "[0,1,2]", "outside min_df and max_df"),
        ("\"documents\":2", "\"documents\":4294967295", "more than can be counted"),
    ];
    for (from, to, what) in limits {
        let text = broken(from, to).to_string();
        assert!(text.contains(what) && text.ends_with("; fit and save them again"), "{text}");
    }
    // A frequency beyond the number of documents, and one that the idf does not follow from.
    assert!(matches!(broken("[1,1,2]", "[1,1,3]"), FeaturesError::Damaged(_)));
    assert!(matches!(broken("[1,1,2]", "[1,2,2]"), FeaturesError::Damaged(_)));
    assert!(matches!(broken("\"ngrams\":[1,1]", "\"ngrams\":[0,1]"), FeaturesError::Setting(_)));

    let vocabulary = Some(vec!["two".to_owned(), "one".to_owned()]);
    let params = VectorizerParams { vocabulary, ..Default::default() };
    let json = fit(&params, &texts).unwrap().0.to_json().unwrap();
    let swapped = json.replacen("[\"two\",\"one\"]", "[\"one\",\"two\"]", 1);
    assert_ne!(swapped, json);
    assert!(matches!(FittedTfIdf::from_json(&swapped), Err(FeaturesError::Damaged(_))));
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let texts: Vec<String> =
        (0..300).map(|i| format!("common word{} word{} end", i % 7, i % 11)).collect();
    let (fitted, matrix) = fit(&VectorizerParams::default(), &texts).unwrap();
    for size in [1, 63, 64, 65, 300] {
        let rows = texts.chunks(size).flat_map(|chunk| {
            let part = fitted.transform(chunk).unwrap();
            (0..part.rows())
                .map(|row| (part.row(row).0.to_vec(), part.row(row).1.to_vec()))
                .collect::<Vec<_>>()
        });
        for (row, (columns, values)) in rows.enumerate() {
            assert_eq!(matrix.row(row), (&columns[..], &values[..]), "batches of {size}");
        }
    }
}

#[test]
fn a_document_of_the_longest_size_is_read_whole_or_cut_at_characters() {
    // As long as the dataset allows, of characters that take two bytes each.
    let long = "éà ".repeat(40_000);
    assert_eq!(long.chars().count(), 120_000);
    let texts = [long, "é".repeat(120_000), "tool".to_owned()];
    let all = VectorizerParams { norm: Norm::None, idf: Idf::None, ..Default::default() };
    let (fitted, matrix) = fit(&all, &texts).unwrap();
    assert_eq!(fitted.vocabulary()[..2], ["tool", "éà"]);
    assert_eq!(fitted.vocabulary()[2].chars().count(), 120_000);
    assert_eq!(matrix.row(0), (&[1][..], &[40_000.0][..]));
    // Five characters are two words of two, or one word of five.
    let cut = VectorizerParams { max_chars: Some(5), ..all };
    let (fitted, matrix) = fit(&cut, &texts).unwrap();
    assert_eq!(fitted.vocabulary(), ["tool", "éà", "ééééé"]);
    assert_eq!(matrix.row(0), (&[1][..], &[2.0][..]));
}
