//! What an interrupted or crowded run leaves behind.

use std::fs;

use crate::program::{Sandbox, artifacts};

#[test]
fn what_a_killed_run_left_is_cleared_up_by_the_next() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    fs::create_dir_all(sandbox.path("r/.work-ingest-1/signals")).unwrap();
    fs::write(sandbox.path("r/.work-ingest-1/signals/train.parquet"), b"half").unwrap();
    sandbox.clawsig(&["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"]).done();
    let mut names: Vec<_> =
        fs::read_dir(sandbox.path("r")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", "ingest"]);
}

#[test]
fn a_manifest_of_another_generation_is_rebuilt_with_a_reason() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&words).done();
    let manifest = sandbox.path("r/ingest/manifest.json");
    for (format, word) in [("9.0", "newer"), ("1.0", "older")] {
        let text = fs::read_to_string(&manifest).unwrap();
        let other = text.replacen("\"format\": \"2.0\"", &format!("\"format\": \"{format}\""), 1);
        assert_ne!(text, other);
        fs::write(&manifest, other).unwrap();
        // A later stage can't use it, and names the stage to run again ...
        let told = format!("format {format} is {word}");
        let later = ["agreement", "--out", "r"];
        sandbox.clawsig(&later).fails_with(1, &[&told, "run the `ingest` stage again"]);
        // ... which then is made again, with the reason.
        let outcome = sandbox.clawsig(&words).done();
        assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
        assert_eq!(fs::read_to_string(&manifest).unwrap(), text);
    }
}

#[test]
fn what_was_cut_or_deleted_is_noticed_and_made_again() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&words).done();
    let whole = artifacts(&sandbox.path("r"));
    let profile = sandbox.path("r/ingest/profile.json");
    fs::write(&profile, &whole["ingest/profile.json"][..100]).unwrap();
    let outcome = sandbox.clawsig(&words).done();
    assert!(outcome.stderr.contains("output profile.json was changed"), "{}", outcome.stderr);
    fs::remove_file(&profile).unwrap();
    let outcome = sandbox.clawsig(&words).done();
    assert!(outcome.stderr.contains("output profile.json is missing"), "{}", outcome.stderr);
    fs::remove_file(sandbox.path("r/ingest/manifest.json")).unwrap();
    let outcome = sandbox.clawsig(&words).done();
    assert!(outcome.stderr.contains("there is no finished result"), "{}", outcome.stderr);
    assert_eq!(artifacts(&sandbox.path("r")), whole);
}

/// Only a later stage is asked for, and what it would read is not what was written.
#[test]
fn a_later_stage_refuses_what_was_edited() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&words).done();
    let file = sandbox.path("r/ingest/signals/train.parquet");
    let mut bytes = fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    fs::write(&file, bytes).unwrap();
    sandbox
        .clawsig(&["agreement", "--out", "r"])
        .fails_with(1, &["signals/train.parquet", "`ingest`", "run that stage again"]);
    assert!(!sandbox.path("r/agreement").exists());
}

#[test]
fn comments_file_times_and_unrelated_settings_run_nothing_again() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(200, "jsonl");
    let profile = "[source]\nkind = \"path\"\n[evaluate]\nreplicates = 200\n";
    fs::write(sandbox.path("mine.toml"), profile).unwrap();
    let path = format!("source.path={data}");
    let run = |more: &[&str]| {
        let words = ["run", "--profile", "mine.toml", "--set", &path, "--out", "r"];
        sandbox.clawsig(&[&words[..], more].concat()).done().stderr
    };
    run(&[]);
    let commented = format!("# A thought.\n{}", profile.replace("= 200", "= 200 # enough"));
    fs::write(sandbox.path("mine.toml"), commented).unwrap();
    for name in ["train", "test"] {
        let file = sandbox.path(data).join(format!("{name}.jsonl"));
        let file = fs::File::options().append(true).open(file).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    let said = run(&[]);
    assert_eq!(said.matches("up to date").count(), 6, "{said}");
    // A report that the command did not make is not shown as its result.
    let train = ["train", "--profile", "mine.toml", "--out", "r"];
    let printed = sandbox.clawsig(&train).done().stdout;
    assert!(printed.ends_with("\nresults: r\n"), "{printed}");
    // Threads change no result; the seed of a sample that is not drawn does not either.
    let said = run(&["--set", "run.threads=1"]);
    assert_eq!(said.matches("up to date").count(), 6, "{said}");
    let said = run(&["--set", "sample.seed=9", "--set", "source.repo=a/b"]);
    // The page lists every setting.
    assert_eq!(said.matches("up to date").count(), 5, "{said}");
    fs::rename(sandbox.path(data), sandbox.path("elsewhere")).unwrap();
    let words = ["run", "--profile", "mine.toml", "--set", "source.path=elsewhere", "--out", "r"];
    let said = sandbox.clawsig(&[&words[..], &["--set", "source.repo=a/b"]].concat()).done().stderr;
    assert!(said.matches("up to date").count() >= 5, "{said}");
}

#[test]
fn a_run_that_can_not_begin_leaves_no_folder() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| sandbox.clawsig(&[words, &["--out", "runs/new"]].concat());
    let path = ["--set", "source.kind=path", "--set"];
    run(&[&["run"][..], &path, &["source.path=nowhere"]].concat()).fails_with(1, &["nowhere"]);
    run(&["agreement"]).fails_with(1, &["ingest"]);
    run(&["report"]).fails_with(1, &["ingest"]);
    assert!(!sandbox.path("runs").exists());
    fs::write(sandbox.path("rows.parquet"), "no Parquet").unwrap();
    run(&[&["run"][..], &path, &["source.path=rows.parquet"]].concat())
        .fails_with(1, &["rows.parquet"]);
    assert!(!sandbox.path("runs/new").exists());
}

#[test]
fn a_folder_of_other_files_is_not_taken_for_a_run() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("project/report")).unwrap();
    fs::write(sandbox.path("project/report/thesis.tex"), "years of work").unwrap();
    sandbox.clawsig(&["run", "--out", "project"]).fails_with(1, &["project", "--out"]);
    assert!(sandbox.path("project/report/thesis.tex").exists());
    assert!(!sandbox.path("project/ingest").exists());
}

/// Whoever holds the lock is named; once it is gone, whatever its text says, nobody waits.
#[test]
fn a_second_run_says_who_is_first_and_a_dead_one_holds_nothing() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    let run = clawsig_store::RunFolder::open(&sandbox.path("r")).unwrap();
    let me = format!("process {}", std::process::id());
    sandbox.clawsig(&words).fails_with(1, &["in use by", &me, "--out"]);
    let lock = fs::read(sandbox.path("r/.lock")).unwrap();
    drop(run);
    fs::create_dir_all(sandbox.path("r")).unwrap();
    fs::write(sandbox.path("r/.lock"), lock).unwrap();
    sandbox.clawsig(&words).done();
}

/// Terminal escapes in a name that is shown.
#[test]
fn a_file_name_does_not_act_on_the_terminal() {
    let outcome = Sandbox::new().clawsig(&[
        "run",
        "--set",
        "source.kind=path",
        "--set",
        "source.path=\u{1b}[2J\u{202e}evil",
        "--out",
        "r",
    ]);
    let outcome = outcome.fails_with(1, &["\\u{1b}[2J\\u{202e}evil"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}
