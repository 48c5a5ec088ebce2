//! The main job: the whole study on the bundled sample and on folders.

use std::fs;

use serde_json::Value;

use crate::program::{Sandbox, artifacts};

/// The files of a run that others rely on.
const CONTRACT: &[&str] = &[
    "ingest/manifest.json",
    "ingest/signals/train.parquet",
    "ingest/signals/validation.parquet",
    "ingest/signals/test.parquet",
    "ingest/signals/eval_holdout.parquet",
    "ingest/rejects.jsonl",
    "ingest/profile.json",
    "agreement/agreement.json",
    "agreement/pairs.csv",
    "agreement/patterns.csv",
    "agreement/by_verdict.csv",
    "agreement/missing.csv",
    "agreement/bounds.csv",
    "agreement/choices.csv",
    "agreement/label_status.csv",
    "agreement/findings.csv",
    "agreement/registry.json",
    "agreement/figures.csv",
    "features/train.npz",
    "features/eval_holdout.npz",
    "features/vocabulary.csv",
    "features/columns.csv",
    "features/vectorizer.json",
    "train/model.json",
    "evaluate/metrics.json",
    "evaluate/predictions.csv",
    "evaluate/confusion.csv",
    "evaluate/errors.csv",
    "evaluate/baselines.csv",
    "evaluate/ablation.csv",
    "report/report.html",
    "report/MODEL_CARD.md",
];

#[test]
fn the_bundled_sample_runs_to_the_report_and_the_second_time_does_nothing() {
    let sandbox = Sandbox::new();
    let first = sandbox.clawsig(&["run"]).done();
    for text in [
        "2,000",
        "synthetic",
        "jaccard",
        "cohen",
        "what missing results leave open",
        "the registry, published counts (67,453 real skills)",
        "majority",
        "report.html",
    ] {
        assert!(first.stdout.to_lowercase().contains(text), "no {text:?} in:\n{}", first.stdout);
    }
    let run = sandbox.path("runs/sample");
    for name in CONTRACT {
        assert!(run.join(name).is_file(), "{name} is missing");
    }
    let metrics: Value =
        serde_json::from_slice(&fs::read(run.join("evaluate/metrics.json")).unwrap()).unwrap();
    assert!(metrics["test"]["macro"]["f1"]["value"].is_number());
    assert!(metrics["eval_holdout"].is_null(), "the hold-out is not looked at unasked");

    let evaluation = fs::read_to_string(run.join("evaluate/evaluation.json")).unwrap();
    assert!(evaluation.contains("class `malicious` has 1 test row: its figures are uncertain"));

    let before = artifacts(&run);
    let second = sandbox.clawsig(&["run"]).done();
    assert_eq!(second.stderr.matches("up to date").count(), 6, "{}", second.stderr);
    assert_eq!(artifacts(&run), before);
}

#[test]
fn threads_and_place_do_not_change_a_byte() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(400, "jsonl");
    let path = format!("source.path={data}");
    let run = |out: &str, threads: &str, variables: &[(&str, &str)]| {
        let threads = format!("run.threads={threads}");
        let words =
            ["run", "--set", "source.kind=path", "--set", &path, "--set", &threads, "--out", out];
        sandbox.clawsig_with(&words, variables).done();
        artifacts(&sandbox.path(out))
    };
    let one = run("one", "1", &[("LANG", "C"), ("LC_ALL", "C"), ("TZ", "UTC")]);
    assert!(one.len() > 40, "the whole study, the page included");
    for (out, threads, locale, zone) in [
        ("one-again", "1", "C", "UTC"),
        ("deeper/two", "2", "tr_TR.UTF-8", "Asia/Kathmandu"),
        ("three", "2", "de_DE.UTF-8", "America/St_Johns"),
    ] {
        let variables = [("LANG", locale), ("LC_ALL", locale), ("TZ", zone)];
        let other = run(out, threads, &variables);
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, content) in &one {
            assert!(content == &other[name], "{name} differs in {out}");
        }
    }
}

/// Seed: 1,000 terms of one word and the three flags. Tutorial: at most 20,000 terms of one or two
/// words and four numbers.
#[test]
fn the_published_profiles_have_the_columns_of_the_analyses_they_repeat() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(400, "jsonl"));
    let four = [
        "skillspector_score",
        "static_finding_count",
        "skillspector_issue_count",
        "virustotal_malicious_count",
    ];
    let three = ["flag_static", "flag_virustotal", "flag_skillspector"];
    for (profile, terms, words, group, names) in [
        ("seed", 1_000..=1_000, 1, "flags", &three[..]),
        ("tutorial", 1_000..=20_000, 2, "numeric", &four[..]),
    ] {
        for stage in ["ingest", "features"] {
            let given = ["--set", "source.kind=path", "--set", &path, "--out", profile];
            sandbox.clawsig(&[&[stage, "--profile", profile][..], &given].concat()).done();
        }
        let table = sandbox.path(profile).join("features/columns.csv");
        let columns: Vec<(u32, String, String)> =
            csv::Reader::from_path(table).unwrap().deserialize().map(Result::unwrap).collect();
        assert!(columns.iter().map(|column| column.0).eq(0..columns.len() as u32));
        let (text, rest) = columns.split_at(columns.len() - names.len());
        assert!(terms.contains(&text.len()), "{profile}: {} terms", text.len());
        assert!(text.iter().all(|(_, group, _)| group == "text"), "{profile}");
        let longest = text.iter().map(|(_, _, term)| term.split(' ').count()).max();
        assert_eq!(longest, Some(words), "{profile}");
        assert!(text.is_sorted_by(|a, b| a.2 < b.2), "{profile}");
        let expected = names.iter().map(|&name| (group, name));
        assert!(rest.iter().map(|(_, g, n)| (&g[..], &n[..])).eq(expected), "{profile}: {rest:?}");
    }
}

#[test]
fn jsonl_and_parquet_of_the_same_rows_give_the_same_results() {
    let sandbox = Sandbox::new();
    let mut tables = Vec::new();
    for format in ["jsonl", "parquet"] {
        let path = format!("source.path={}", sandbox.dataset(300, format));
        let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", format];
        sandbox.clawsig(&words).done();
        sandbox
            .clawsig(&["agreement", "--set", "source.kind=path", "--set", &path, "--out", format])
            .done();
        tables.push(fs::read(sandbox.path(format).join("agreement/pairs.csv")).unwrap());
    }
    assert_eq!(tables[0], tables[1]);
}

#[test]
fn only_what_a_setting_touches_runs_again() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(300, "jsonl"));
    let base = ["--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&[&["run"][..], &base].concat()).done();
    let changed = [&["status"][..], &base, &["--set", "agreement.replicates=500"]].concat();
    let status = sandbox.clawsig(&changed).done().stdout;
    let line = |stage: &str| {
        status.lines().find(|l| l.trim().starts_with(stage)).unwrap_or_default().to_owned()
    };
    assert!(
        line("agreement").contains("agreement.replicates changed from 2000 to 500"),
        "{status}"
    );
    for stage in ["ingest", "features", "train", "evaluate"] {
        assert!(line(stage).contains("up to date"), "{status}");
    }
    assert!(line("report").contains("would run"), "{status}");
}

#[test]
fn an_edited_result_is_noticed_and_made_again() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(300, "jsonl"));
    let base = ["run", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&base).done();
    let pairs = sandbox.path("r/agreement/pairs.csv");
    let original = fs::read(&pairs).unwrap();
    fs::write(&pairs, b"slice,a,b\n").unwrap();
    let again = sandbox.clawsig(&base).done();
    assert!(again.stderr.contains("output pairs.csv was changed"), "{}", again.stderr);
    assert_eq!(fs::read(&pairs).unwrap(), original);
}

/// The rows of all splits in one file keep their split; without one, or in the live edition's
/// file, the exporter's rule assigns the same.
#[test]
fn one_file_gives_the_splits_of_the_folder_and_the_live_edition_those_of_the_rule() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(200, "jsonl");
    let mut rows = Vec::new();
    for split in ["train", "validation", "test", "eval_holdout"] {
        let text = fs::read_to_string(sandbox.path(data).join(format!("{split}.jsonl"))).unwrap();
        rows.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    let write = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut text = String::new();
        for row in &rows {
            let mut row = row.clone();
            change(&mut row);
            text.push_str(&format!("{row}\n"));
        }
        fs::write(sandbox.path(name), text).unwrap();
    };
    write("all.jsonl", &|_| {});
    fs::create_dir(sandbox.path("live")).unwrap();
    write("live/latest.jsonl", &|row| row["split"] = "latest".into());
    let splits = |source: &str, out: &str| {
        let path = format!("source.path={source}");
        let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", out];
        sandbox.clawsig(&words).done();
        let profile = fs::read(sandbox.path(out).join("ingest/profile.json")).unwrap();
        let profile: Value = serde_json::from_slice(&profile).unwrap();
        profile["splits"].clone()
    };
    let folder = splits(data, "r1");
    assert_eq!(splits("all.jsonl", "r2"), folder);
    // The live edition's rows are put where the exporter's rule puts their ids.
    let live = splits("live", "r3");
    for split in live.as_array().unwrap() {
        let name = split["split"].as_str().unwrap();
        let by_rule = rows.iter().filter(|row| {
            let digest = clawsig_store::hash_bytes(row["id"].as_str().unwrap().as_bytes());
            clawsig_schema::split_of_hash(digest.as_str()).unwrap().as_str() == name
        });
        assert_eq!(split["rows"], by_rule.count(), "{name}");
    }
}

#[test]
fn inspect_shows_what_a_dataset_holds() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(100, "jsonl");
    let shown = sandbox.clawsig(&["inspect", data, "--rows", "3"]).done().stdout;
    for text in [
        "100 rows (synthetic), 25 columns; 0 rejected",
        "skillspector_issue_categories",
        "verdicts by split",
        "SkillSpector severity by split",
        "virustotal status by split",
        "length of the text in characters",
        "an output of skillspector",
    ] {
        assert!(shown.contains(text), "no {text:?} in:\n{shown}");
    }
}
