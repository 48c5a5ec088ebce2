//! A run folder knows its own settings: what a later command takes from it, changes and refuses.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::Path,
};

use crate::program::{Outcome, Sandbox, artifacts};

/// Settings under which a run takes a second.
const QUICK: [&str; 6] = [
    "--set",
    "agreement.replicates=100",
    "--set",
    "evaluate.replicates=20",
    "--set",
    "evaluate.refits=false",
];

/// A sandbox with a finished run of own rows in `r`.
fn finished() -> Sandbox {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(700, "jsonl"));
    let words = ["run", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&[&words[..], &QUICK].concat()).done();
    sandbox
}

fn at(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.clawsig(&[words, &["--out", "r"]].concat())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn page(sandbox: &Sandbox) -> String {
    read(&sandbox.path("r/report/report.html"))
}

/// The command that a page shows, as it is typed.
fn command(page: &str) -> String {
    let from = page.find("clawsig run --profile").unwrap();
    let end = page[from..].find('<').unwrap();
    page[from..from + end]
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&amp;", "&")
        .trim()
        .to_owned()
}

#[test]
fn a_stage_refuses_what_lies_before_it_and_was_made_with_other_settings() {
    let sandbox = finished();
    let before = artifacts(&sandbox.path("r"));
    for (words, stage, reason) in [
        (&["train", "--set", "model.target=severity"][..], "features", "model.target changed"),
        (&["evaluate", "--set", "model.target=severity"], "features", "model.target changed"),
        (&["train", "--set", "tfidf.max_features=100"], "features", "tfidf.max_features changed"),
        (&["evaluate", "--set", "model.penalty=l1"], "train", "model.penalty changed"),
        (&["report", "--set", "tfidf.min_df=99"], "features", "tfidf.min_df changed from 3 to 99"),
        (&["report", "--set", "flags.rule=label"], "agreement", "flags.rule changed"),
        (&["features", "--set", "sample.rows=50"], "ingest", "sample.rows changed"),
        (&["agreement", "--set", "ingest.strict=true"], "ingest", "ingest.strict changed"),
    ] {
        let stage = format!("`{stage}` is not up to date");
        at(&sandbox, words).fails_with(1, &[&stage, reason, "--with-upstream"]);
        assert_eq!(artifacts(&sandbox.path("r")), before, "{words:?}");
    }
    // With the stages before it, it is the model of a whole run, whose matrix has no such column.
    let words = ["train", "--set", "model.target=severity", "--with-upstream"];
    let told = at(&sandbox, &words).done().stderr;
    assert!(told.contains("features   runs"), "{told}");
    let columns = read(&sandbox.path("r/features/columns.csv"));
    let leaks = |line: &&str| {
        let group = line.split(',').nth(1);
        group != Some("text") && line.contains("skillspector")
    };
    assert_eq!(columns.lines().filter(leaks).count(), 0);
    let model = fs::read(sandbox.path("r/train/model.json")).unwrap();
    let source = format!("source.path={}", sandbox.path("data-jsonl").display());
    let whole = ["run", "--set", "source.kind=path", "--set", &source];
    let target = ["--set", "model.target=severity", "--out", "whole"];
    sandbox.clawsig(&[&whole[..], &QUICK, &target].concat()).done();
    assert_eq!(fs::read(sandbox.path("whole/train/model.json")).unwrap(), model);
}

#[test]
fn a_page_states_what_was_run() {
    let sandbox = finished();
    let first = page(&sandbox);
    assert!(!first.contains("the bundled synthetic sample"), "the rows are the user's");
    at(&sandbox, &["report", "--force"]).done();
    assert_eq!(page(&sandbox), first, "another command gives the same page");
    let words = ["report", "--set", "tfidf.min_df=5", "--with-upstream"];
    at(&sandbox, &words).done();
    assert!(command(&page(&sandbox)).contains("--set tfidf.min_df=5"));
    assert!(read(&sandbox.path("r/features/manifest.json")).contains("\"tfidf.min_df\": 5"));
    sandbox.clawsig(&["verify", "r"]).done();
}

#[test]
fn the_command_on_the_page_gives_these_bytes() {
    let sandbox = finished();
    for more in [&["--set", "model.penalty={ elastic-net = 0.5 }"][..], &["--final"]] {
        at(&sandbox, &[&["run"][..], more].concat()).done();
        let command = command(&page(&sandbox)).replace("FOLDER", "data-jsonl");
        assert_eq!(command.contains("--final"), more == ["--final"], "{command}");
        let out = format!("again{}", more.len());
        let script = format!("{command} --out {out}").replacen("clawsig", "\"$0\"", 1);
        let status = std::process::Command::new("sh")
            .args(["-c", &script])
            .arg(env!("CARGO_BIN_EXE_clawsig-under-test"))
            .env("XDG_STATE_HOME", sandbox.path("state"))
            .current_dir(sandbox.path("."))
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        let (was, now) = (artifacts(&sandbox.path("r")), artifacts(&sandbox.path(&out)));
        for (name, bytes) in was.iter().filter(|(name, _)| name.contains('/')) {
            assert!(now.get(name) == Some(bytes), "{name} differs after {command}");
        }
    }
}

#[test]
fn a_run_keeps_its_source_and_gives_it_up_when_told() {
    let sandbox = finished();
    let before = artifacts(&sandbox.path("r"));
    let again = at(&sandbox, &["run"]).done();
    assert_eq!(again.stderr.matches("up to date").count(), 6, "{}", again.stderr);
    assert_eq!(artifacts(&sandbox.path("r")), before);
    for words in [
        &["run", "--set", "source.kind=sample"][..],
        &["run", "--profile", "seed"],
        &["ingest", "--set", "source.path=elsewhere"],
        &["train", "--profile", "tutorial"],
    ] {
        let refused = at(&sandbox, words);
        refused.fails_with(2, &["holds another run", "ingest, agreement", "--replace"]);
        assert_eq!(artifacts(&sandbox.path("r")), before, "{words:?}");
    }
    // The same source under another name of its folder is the same.
    let path = format!("source.path={}", sandbox.path("data-jsonl").display());
    let same = at(&sandbox, &["run", "--set", &path]).done();
    assert_eq!(same.stderr.matches("up to date").count(), 6, "{}", same.stderr);
    at(&sandbox, &["ingest", "--replace", "--set", "source.kind=sample"]).done();
    assert!(read(&sandbox.path("r/run.toml")).contains("kind = \"sample\""));
}

#[test]
fn a_note_of_ones_own_stops_what_would_replace_it_and_nothing_else() {
    let sandbox = finished();
    fs::write(sandbox.path("r/agreement/notes.md"), "mine").unwrap();
    at(&sandbox, &["run"]).done();
    let words = ["features", "--set", "tfidf.min_df=9"];
    at(&sandbox, &words).done();
    at(&sandbox, &["train"]).done();
    at(&sandbox, &["agreement", "--force"]).fails_with(1, &["agreement/notes.md"]);
    let words = ["report", "--set", "flags.rule=label", "--with-upstream"];
    at(&sandbox, &words).fails_with(1, &["agreement/notes.md"]);
    // A stage that the note's stage reads is refused before it has begun.
    let before = artifacts(&sandbox.path("r/ingest"));
    at(&sandbox, &["run", "--force-stage", "ingest"]).fails_with(1, &["agreement/notes.md"]);
    assert_eq!(artifacts(&sandbox.path("r/ingest")), before);
    assert_eq!(read(&sandbox.path("r/agreement/notes.md")), "mine");
}

#[test]
fn a_source_that_is_gone_leaves_the_run_readable() {
    let sandbox = finished();
    fs::rename(sandbox.path("data-jsonl"), sandbox.path("away")).unwrap();
    let status = at(&sandbox, &["status"]).done().stdout;
    assert_eq!(status.matches("up to date").count(), 6, "{status}");
    assert!(status.contains("The source can't be read now"), "{status}");
    let json = at(&sandbox, &["status", "--format", "json"]).done().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["source_unreadable"].as_str().unwrap().contains("data-jsonl"), "{json}");
    at(&sandbox, &["train", "--set", "model.tolerance=1e-4"]).done();
    at(&sandbox, &["run"]).fails_with(2, &["data-jsonl"]);
}

#[test]
fn the_seed_is_a_setting_of_features_where_the_split_is_drawn() {
    let sandbox = finished();
    let seed = ["features", "--set", "run.seed=9"];
    at(&sandbox, &seed).fails_with(2, &["run.seed", "`clawsig agreement`"]);
    at(&sandbox, &["features", "--set", "model.split=stratified-70-30"]).done();
    let told = at(&sandbox, &seed).done().stderr;
    assert!(told.contains("run.seed changed from 42 to 9"), "{told}");
}

#[test]
fn another_folder_to_stand_in_finds_the_same_rows() {
    let sandbox = finished();
    fs::create_dir(sandbox.path("below")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
        .args(["run", "--out", "../r"])
        .current_dir(sandbox.path("below"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told.matches("up to date").count(), 6, "{told}");
}

#[test]
fn a_setting_without_effect_is_an_error_that_names_why() {
    let sandbox = finished();
    let before = artifacts(&sandbox.path("r"));
    for (words, texts) in [
        (&["train", "--set", "evaluate.replicates=50"][..], ["evaluate.replicates", "evaluate`"]),
        (&["train", "--set", "model.calibration=platt"], ["model.calibration", "evaluate`"]),
        (&["agreement", "--set", "model.c=3"], ["model.c", "`clawsig train`"]),
        (&["ingest", "--set", "flags.rule=label"], ["flags.rule", "`clawsig agreement`"]),
        (&["ingest", "--set", "run.seed=1"], ["run.seed", "`clawsig agreement`"]),
        (&["run", "--set", "model.c=3"], ["model.c has no effect", "model.grid is empty"]),
        (&["run", "--set", "source.repo=a/b"], ["source.repo has no effect", "source.kind is hub"]),
        (&["run", "--set", "source.revision=x"], ["source.revision has no effect", "is hub"]),
        (&["run", "--set", "sample.seed=4"], ["sample.seed has no effect", "sample.rows"]),
    ] {
        at(&sandbox, words).fails_with(2, &texts);
        assert_eq!(artifacts(&sandbox.path("r")), before, "{words:?}");
    }
    let told = at(&sandbox, &["evaluate", "--set", "model.calibration=platt"]).done().stderr;
    assert!(told.contains("model.calibration changed from \"none\" to \"platt\""), "{told}");
    Sandbox::new()
        .clawsig(&["run", "--set", "source.path=x"])
        .fails_with(2, &["source.path has no effect", "source.kind is path"]);
}

/// Names that look like numbers, dates and options, and one that is no text.
#[test]
fn a_path_reaches_the_file_system_as_it_was_typed() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(200, "jsonl");
    let mut names: Vec<OsString> =
        ["20261126", "true", "1e5", "inf", "[a]", "-x", "it's \"it\"\n", " a ", "é漢"]
            .map(OsString::from)
            .into();
    #[cfg(unix)]
    names.push(std::os::unix::ffi::OsStringExt::from_vec(b"a\xffb".to_vec()));
    for (number, name) in names.iter().enumerate() {
        fs::create_dir(sandbox.path(".").join(name)).unwrap();
        for split in ["train", "validation", "test", "eval_holdout"] {
            let file = format!("{split}.jsonl");
            let to = sandbox.path(".").join(name).join(&file);
            fs::copy(sandbox.path(data).join(&file), to).unwrap();
        }
        let mut set = OsString::from("source.path=");
        set.push(name);
        let out = format!("r{number}");
        let words = [OsStr::new("ingest"), "--set".as_ref(), "source.kind=path".as_ref()];
        let more = [OsStr::new("--set"), &set, "--out".as_ref(), out.as_ref()];
        sandbox.clawsig_of(&[&words[..], &more].concat()).done();
        // The record brings it back.
        let again = sandbox.clawsig(&["ingest", "--out", &out]).done();
        assert!(again.stderr.contains("up to date"), "{name:?}: {}", again.stderr);
        let words = [OsStr::new("inspect"), "--rows=1".as_ref(), "--".as_ref(), name];
        sandbox.clawsig_of(&words).done();
    }
}

#[test]
fn the_reference_has_every_key() {
    let sandbox = Sandbox::new();
    let all = sandbox.clawsig(&["settings", "--format", "json"]).done().stdout;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    let values = sandbox.clawsig(&["profile", "--format", "json"]).done().stdout;
    let values: serde_json::Value = serde_json::from_str(&values).unwrap();
    let keys: Vec<&str> =
        all["settings"].as_array().unwrap().iter().map(|s| s["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), values.as_object().unwrap().len());
    for setting in all["settings"].as_array().unwrap() {
        for part in ["meaning", "takes"] {
            assert!(setting[part].as_str().unwrap().len() > 3, "{setting}");
        }
        assert!(!setting["stages"].as_array().unwrap().is_empty(), "{setting}");
    }
    let one = sandbox.clawsig(&["settings", "tfidf.max_features"]).done().stdout;
    assert!(one.contains("0 for no limit") && one.contains("default  20000"), "{one}");
    sandbox
        .clawsig(&["settings", "tfidf.max_featurs"])
        .fails_with(2, &["did you mean `tfidf.max_features`"]);
}

/// Six experiments in one folder; each time the stages that it touches run and nothing else, the
/// page states it, and the run verifies.
#[test]
fn six_experiments_in_one_folder() {
    let sandbox = finished();
    let first = artifacts(&sandbox.path("r"));
    let experiments: [(&str, &[&str], &str); 6] = [
        ("train", &["model.grid=[]", "model.c=0.5"], "model.c=0.5"),
        ("agreement", &["flags.rule=label"], "flags.rule=label"),
        ("train", &["model.target=non-clean"], "model.target=non-clean"),
        ("features", &["tfidf.ngrams=[1,3]"], "'tfidf.ngrams=[1, 3]'"),
        ("agreement", &["run.seed=7"], "run.seed=7"),
        (
            "train",
            &[
                "model.grid=[0.25,1,4,16]",
                "flags.rule=status",
                "model.target=verdict",
                "tfidf.ngrams=1,2",
                "run.seed=42",
            ],
            "",
        ),
    ];
    for (stage, sets, stated) in experiments {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        at(&sandbox, &[&[stage, "--with-upstream"][..], &sets].concat()).done();
        // What follows the stage is behind, and says so.
        let status = at(&sandbox, &["status"]).done().stdout;
        assert!(status.contains("would run"), "{status}");
        at(&sandbox, &["report", "--with-upstream"]).done();
        let status = at(&sandbox, &["status"]).done().stdout;
        assert!(!status.contains("would run"), "{status}");
        assert!(command(&page(&sandbox)).contains(stated), "{}", command(&page(&sandbox)));
        let verified = sandbox.clawsig(&["verify", "r"]).done().stdout;
        assert!(verified.contains(" 0 differ"), "{verified}");
    }
    let last = artifacts(&sandbox.path("r"));
    for (name, bytes) in &first {
        assert!(last.get(name) == Some(bytes), "{name} is not as it was at first");
    }
}
