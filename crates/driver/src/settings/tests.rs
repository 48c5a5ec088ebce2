//! Tests of reading, changing and recording settings.

use std::{ffi::OsStr, fs, path::Path};

use clawsig_features::vectorizer::DocumentFrequency;
use clawsig_ingest::SourceKind;

use super::*;
use crate::stages::Stage;

fn assigned(profile: &str, sets: &[&str]) -> Result<Settings, SettingsError> {
    let mut settings = Profile::named(OsStr::new(profile))?.load()?;
    let sets: Result<Vec<Assignment>, _> =
        sets.iter().map(|set| Assignment::parse(OsStr::new(set))).collect();
    settings.assign(&sets?)?.check_effect(&settings)?;
    Ok(settings)
}

fn message(profile: &str, sets: &[&str]) -> String {
    assigned(profile, sets).unwrap_err().to_string()
}

#[test]
fn every_built_in_profile_loads_and_sets_nothing_in_vain() {
    for (name, _) in BUILT_IN_PROFILES {
        let settings = assigned(name, &[]).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.clone().without_void(), settings, "{name}");
    }
}

/// A stage that declared a key which no run has, or a key that no stage reads.
#[test]
fn the_stages_keys_are_the_keys_of_a_run() {
    let names = |keys: Vec<clawsig_schema::settings::Key>| {
        keys.into_iter().map(|key| key.name).collect::<std::collections::BTreeSet<_>>()
    };
    let of_stages = Stage::ALL.iter().flat_map(|stage| stage.keys()).collect();
    assert_eq!(names(of_stages), names(Settings::keys()));
    let sections = Settings::keys();
    assert!(sections.iter().all(|key| key.name.split_once('.').is_some()));
}

/// The keys that scripts rely on.
#[test]
fn keys_keep_their_names() {
    for key in [
        "source.kind",
        "source.path",
        "source.repo",
        "source.revision",
        "sample.rows",
        "sample.seed",
        "flags.rule",
        "flags.missing",
        "text.max_chars",
        "tfidf.max_features",
        "tfidf.ngrams",
        "tfidf.min_df",
        "tfidf.max_df",
        "tfidf.sublinear",
        "features.groups",
        "model.target",
        "model.c",
        "model.class_weight",
        "model.solver",
        "run.seed",
        "run.threads",
    ] {
        assert!(Settings::default().value_of(key).is_some(), "{key}");
    }
}

#[test]
fn assignments_are_laid_over_the_profile_in_order() {
    let sets =
        ["source.kind=path", "source.path=some/folder", "tfidf.min_df=0.5", "tfidf.min_df=2"];
    let settings = assigned("tutorial", &sets).unwrap();
    assert_eq!(settings.source.kind, SourceKind::Path);
    assert_eq!(settings.source.path, Path::new("some/folder"));
    assert_eq!(settings.features.text.min_df, DocumentFrequency::Count(2));
    assert_eq!(settings.features.text.max_features, Some(20_000));
    let settings = assigned("sample", &["features.groups=[\"text\"]", "tfidf.ngrams=1,3"]).unwrap();
    assert_eq!(settings.features.text.ngrams, (1, 3));
    assert_eq!(settings.features.groups.len(), 1);
    let settings = assigned("sample", &["flags.rule=label"]).unwrap();
    assert_eq!(settings.agreement.flags, settings.features.flags);
}

#[test]
fn text_is_text() {
    for text in ["20261126", "true", "1e5", "inf", "[a]", "{ a = 1 }", "'x'", "", " ", "-x"] {
        let set = format!("source.path={text}");
        let settings = assigned("sample", &["source.kind=path", &set]).unwrap();
        assert_eq!(settings.source.path, Path::new(text));
        let set = format!("source.revision={text}");
        assert_eq!(assigned("paper", &[&set]).unwrap().source.revision, text);
    }
}

#[test]
fn mistakes_are_named_with_the_nearest_right_key() {
    assert!(message("tutoral", &[]).contains("did you mean `tutorial`?"));
    let text = message("sample", &["tfidf.max_featurs=3"]);
    assert!(text.contains("did you mean `tfidf.max_features`?"), "{text}");
    assert!(message("sample", &["tfdif.min_df=3"]).contains("did you mean `tfidf.min_df`?"));
    assert!(message("sample", &["min_df=3"]).contains("unknown key `min_df`"));
    assert!(message("sample", &["tfidf.min_df"]).contains("expected key=value"));
}

/// A user can type each example as a message or the reference shows it.
#[test]
fn every_example_is_a_value_that_its_key_takes() {
    let mut examples = 0;
    for key in Settings::keys() {
        let expected = key.expected();
        let Some((_, rest)) = expected.split_once(", for example ") else { continue };
        let ends = [", from ", ", or "].into_iter().filter_map(|end| rest.find(end));
        let example = &rest[..ends.min().unwrap_or(rest.len())];
        let mut settings = Settings::default();
        let set = settings.set(key.name, Input::Typed(OsStr::new(example)));
        assert!(matches!(set, Ok(true)), "{}: {example}: {set:?}", key.name);
        examples += 1;
    }
    assert!(examples > 20, "{examples}");
}

/// Every error has the full key and what it takes, and no word of a library.
#[test]
fn a_wrong_value_names_key_and_choices() {
    for (set, texts) in [
        ("flags.rule=stats", ["flags.rule is `stats`", "`any-output`"]),
        ("tfidf.max_features=many", ["tfidf.max_features is `many`", "a whole number"]),
        ("tfidf.max_features=20,000", ["tfidf.max_features is `20,000`", "for example 20000"]),
        ("tfidf.min_df=1.5", ["tfidf.min_df is `1.5`", "from 0.0 to 1.0"]),
        ("tfidf.ngrams=[2,1]", ["tfidf.ngrams is `[2,1]`", "[1, 1]"]),
        ("tfidf.ngrams=[1,99]", ["tfidf.ngrams is `[1, 99]`", "from 1 to 16"]),
        ("model.c=-1", ["model.c is `-1.0`", "from 1e-8"]),
        ("model.penalty=l3", ["model.penalty is `l3`", "elastic-net"]),
        ("model.class_weight={ given = [1, 0] }", ["model.class_weight is", "above 0"]),
        ("model.grid=[1, x]", ["model.grid is `[1, x]`", "[A, B]"]),
        ("features.groups=[\"txt\"]", ["features.groups is", "`text`"]),
        ("run.seed=-1", ["run.seed is `-1`", "from 0"]),
        (
            "run.seed=9007199254740992",
            ["run.seed is `9007199254740992`", "from 0 to 9007199254740991"],
        ),
        ("sample.seed=18446744073709551615", ["is `1.8", "from 0 to 9007199254740991"]),
        ("run.threads=9999", ["run.threads is `9999`", "0 for one a core"]),
        ("agreement.replicates=50", ["agreement.replicates is `50`", "from 100"]),
        ("evaluate.replicates=5", ["evaluate.replicates is `5`", "from 20 to 100000"]),
        ("evaluate.refits=yes", ["evaluate.refits is `yes`", "`true` or `false`"]),
        ("ingest.max_row_bytes=1", ["ingest.max_row_bytes is `1`", "from 1024"]),
    ] {
        let text = message("sample", &[set]);
        for expected in texts {
            assert!(text.contains(expected), "{set}: {text}");
        }
        for word in ["invalid", "variant", "untagged", "u64", "expected one of \""] {
            assert!(!text.contains(word), "{set}: {text}");
        }
    }
}

#[test]
fn what_has_no_effect_names_what_makes_it_void() {
    for (profile, sets, other) in [
        ("sample", &["model.c=0.5"][..], "model.grid is empty"),
        ("sample", &["source.path=x"], "source.kind is path"),
        ("sample", &["source.kind=path", "source.path=x", "source.repo=a/b"], "source.kind is hub"),
        ("sample", &["source.revision=main"], "source.kind is hub"),
        ("paper", &["source.format=live", "source.lock=x"], "source.format is raw"),
        ("sample", &["sample.seed=3"], "sample.rows is not 0"),
        ("sample", &["features.groups=flags", "tfidf.min_df=5"], "features.groups has text"),
        ("sample", &["features.groups=flags", "text.max_chars=5"], "features.groups has text"),
        (
            "sample",
            &["features.groups=text", "features.numeric=full"],
            "features.groups has numeric",
        ),
        (
            "sample",
            &["features.groups=flags", "model.text_only=true"],
            "features.groups has text or",
        ),
    ] {
        let text = message(profile, sets);
        assert!(text.contains("has no effect") && text.contains(other), "{sets:?}: {text}");
    }
    // The order in which they are given does not matter.
    assigned("sample", &["model.c=0.5", "model.grid=[]"]).unwrap();
    assigned("sample", &["source.path=x", "source.kind=path"]).unwrap();
}

#[test]
fn a_profile_file_is_read_and_its_mistakes_are_placed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let load = |text: &str| {
        fs::write(&path, text).unwrap();
        Profile::named(path.as_os_str()).and_then(|profile| profile.load())
    };
    let wrong = |text: &str| load(text).unwrap_err().to_string();
    for (text, expected) in [
        ("[tfidf]\nmin_df = \n", "line 2, `min_df =`: is no TOML; expected `key = value`"),
        ("[tfidf]\nmin_df = [3\n\n", "`: is no TOML"),
        ("[model]\nc = 1e999\n", "line 2, `c = 1e999`: the number is too large"),
        (
            "[run]\nseed = 99999999999999999999\n",
            "line 2, `seed = 99999999999999999999`: the number is too large",
        ),
        (
            "[tfidf]\nmin_df = 3\nmin_df = 4\n",
            "line 3, `min_df = 4`: the key stands there for the second time",
        ),
        ("[tfidf]\nmin_fd = 3\n", "unknown key `tfidf.min_fd`"),
        ("[tfidv]\n", "unknown key `tfidv`"),
        ("min_df = 3\n", "unknown key `min_df`"),
        ("[tfidf]\nmin_df = \"3\"\n", "tfidf.min_df is `3`"),
        ("[source]\npath = 7\n", "source.path is `7`; expected a path"),
        ("[run]\nseed = 2026-11-26\n", "run.seed is `2026-11-26`"),
        ("[model]\nc = 1.0\ngrid = [1.0]\n", "model.c has no effect"),
    ] {
        let text = wrong(text);
        assert!(text.contains(expected) && text.contains("mine.toml"), "{text}");
    }
    let settings = load("[tfidf]\nmin_df = 7\n[model]\npenalty = { elastic-net = 0.5 }\n").unwrap();
    assert_eq!(settings.features.text.min_df, DocumentFrequency::Count(7));
    fs::remove_file(&path).unwrap();
    let missing = Profile::named(path.as_os_str()).unwrap().load().unwrap_err().to_string();
    assert!(missing.contains("mine.toml"), "{missing}");
}

fn changed(sets: &[&str]) -> RunRecord {
    let mut record = RunRecord::new(Profile::default()).unwrap();
    let sets: Vec<Assignment> =
        sets.iter().map(|set| Assignment::parse(OsStr::new(set)).unwrap()).collect();
    let typed = record.settings.assign(&sets).unwrap();
    record.changed.extend(typed.keys().map(|key| key.name));
    record.normalised()
}

#[test]
fn a_record_reads_back_and_does_not_hold_the_threads() {
    let record = changed(&[
        "model.grid=[]",
        "model.c=1e-7",
        "model.penalty={ elastic-net = 0.25 }",
        "source.kind=path",
        "source.path=it's a \"folder\"\nof = mine # here",
        "run.threads=1",
    ]);
    let text = record.to_text().unwrap();
    assert!(!text.contains("threads"), "{text}");
    let mut again = RunRecord::parse(&text, "run.toml").unwrap();
    again.settings.ingest.threads = 1;
    assert_eq!(again, record);
    assert_eq!(again.to_text().unwrap(), text);
    assert!(record.settings.source.path.is_absolute());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_reads_back() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut record = RunRecord::new(Profile::default()).unwrap();
    let odd = OsStr::from_bytes(b"source.path=/\xff\n=/'");
    let sets = [Assignment::new("source.kind", "path"), Assignment::parse(odd).unwrap()];
    record.settings.assign(&sets).unwrap();
    assert_eq!(record.settings.source.path.as_os_str().as_bytes(), b"/\xff\n=/'");
    let again = RunRecord::parse(&record.to_text().unwrap(), "run.toml").unwrap();
    assert_eq!(again.settings.source.path, record.settings.source.path);
}

#[test]
fn a_damaged_record_says_what_is_wrong() {
    let text = changed(&[]).to_text().unwrap();
    for (from, to, expected) in [
        ("[about]", "[other]", "has no table [about]"),
        ("format = \"1.0\"", "format = \"2.0\"", "newer"),
        ("final = false", "final = \"no\"", "about.final"),
        ("changed = []", "changed = [\"model.d\"]", "model.d"),
        ("profile = \"sample\"", "profile = 3", "about.profile"),
        ("rule = \"status\"", "rule = \"x\"", "flags.rule is `x`"),
        ("rule = ", "role = ", "flags.role"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        let error = RunRecord::parse(&damaged, "r/run.toml").unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("r/run.toml"), "{from}: {error}");
    }
}

#[test]
fn the_command_gives_the_run_again() {
    assert_eq!(changed(&[]).command_line(), "clawsig run --profile sample");
    // What the profile says anyway is no change, and neither is what is void by now.
    assert_eq!(changed(&["tfidf.min_df=3"]).command_line(), "clawsig run --profile sample");
    let record = changed(&[
        "features.groups=[\"flags\"]",
        "source.kind=path",
        "source.path=/data/data",
        "model.penalty={ elastic-net = 0.5 }",
        "run.threads=2",
    ]);
    let record = RunRecord { use_holdout: true, ..record };
    let command = record.command_line();
    assert_eq!(
        command,
        "clawsig run --profile sample --set source.kind=path --set source.path=FOLDER --set \
         'features.groups=[\"flags\"]' --set 'model.penalty={ elastic-net = 0.5 }' --final"
    );
    // Its words are taken as they stand.
    let mut again = RunRecord::new(Profile::default()).unwrap();
    for set in ["features.groups=[\"flags\"]", "model.penalty={ elastic-net = 0.5 }"] {
        again.settings.assign(&[Assignment::parse(OsStr::new(set)).unwrap()]).unwrap();
    }
    assert_eq!(again.settings.features.groups, record.settings.features.groups);
    assert_eq!(again.settings.train.penalty, record.settings.train.penalty);
}

#[test]
fn a_word_is_quoted_for_a_shell() {
    for (word, expected) in
        [("a.b=1", "a.b=1"), ("", "''"), ("it's", "'it'\\''s'"), ("a b", "'a b'"), ("$x", "'$x'")]
    {
        assert_eq!(record::quoted(word), expected);
    }
}
