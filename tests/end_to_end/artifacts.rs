//! What an interrupted or crowded run leaves behind.

use std::fs;

use crate::program::{Sandbox, artifacts};

/// A manifest as a clawsig of another format would have written and sealed it.
fn of_format(manifest: &str, format: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(manifest).unwrap();
    value["format"] = format.into();
    value.as_object_mut().unwrap().remove("seal");
    let seal = clawsig_store::hash_bytes(value.to_string().as_bytes());
    value["seal"] = seal.as_str().into();
    value.to_string()
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
        fs::write(&manifest, of_format(&text, format)).unwrap();
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
    assert_eq!(artifacts(&sandbox.path("r")), whole);
    // Without its manifest nothing says whose the files are.
    fs::remove_file(sandbox.path("r/ingest/manifest.json")).unwrap();
    sandbox.clawsig(&words).fails_with(1, &["r/ingest", "manifest.json", "move it away"]);
    fs::remove_dir_all(sandbox.path("r/ingest")).unwrap();
    sandbox.clawsig(&words).done();
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
        .fails_with(1, &["signals/train.parquet was changed", "`ingest`", "--with-upstream"]);
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
    // Threads change no result.
    let said = run(&["--set", "run.threads=1"]);
    assert_eq!(said.matches("up to date").count(), 6, "{said}");
    // The same rows elsewhere are another source, whose results are the same.
    fs::rename(sandbox.path(data), sandbox.path("elsewhere")).unwrap();
    let words = ["run", "--set", "source.path=elsewhere", "--replace", "--out", "r"];
    let said = sandbox.clawsig(&words).done().stderr;
    assert_eq!(said.matches("up to date").count(), 6, "{said}");
    // A changed profile counts where it is named.
    fs::write(sandbox.path("mine.toml"), profile.replace("200", "300")).unwrap();
    let words = ["evaluate", "--profile", "mine.toml", "--out", "r"];
    let said = sandbox.clawsig(&words).done().stderr;
    assert!(said.contains("evaluate.replicates changed from 200 to 300"), "{said}");
}

#[test]
fn a_run_that_can_not_begin_leaves_no_folder() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| sandbox.clawsig(&[words, &["--out", "runs/new"]].concat());
    let path = ["--set", "source.kind=path", "--set"];
    run(&[&["run"][..], &path, &["source.path=nowhere"]].concat()).fails_with(2, &["nowhere"]);
    run(&["agreement"]).fails_with(1, &["ingest"]);
    run(&["report"]).fails_with(1, &["ingest"]);
    assert!(!sandbox.path("runs").exists());
    fs::write(sandbox.path("rows.parquet"), "no Parquet").unwrap();
    run(&[&["run"][..], &path, &["source.path=rows.parquet"]].concat())
        .fails_with(1, &["rows.parquet"]);
    assert!(!sandbox.path("runs/new").exists());
}

/// The names that earlier versions went by are a user's as well as any other.
#[test]
fn a_folder_of_other_files_is_not_taken_for_a_run() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("report/thesis.tex", "years of work"),
        ("ext/manifest.json", "{}"),
        (".work-2024/notes", "mine"),
        (".lock", ""),
    ] {
        let path = sandbox.path("project").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let before = artifacts(&sandbox.path("project"));
    for words in [&["run"][..], &["run", "--force"], &["ingest"], &["report"], &["status"]] {
        let words = [words, &["--out", "project"]].concat();
        sandbox.clawsig(&words).fails_with(2, &["project is no run folder", ".lock", "--out"]);
        assert_eq!(artifacts(&sandbox.path("project")), before);
    }
}

/// What lies at `--out` is told for what it is.
#[test]
fn status_tells_a_file_a_foreign_folder_and_a_run_without_results_apart() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("file"), "text").unwrap();
    sandbox.clawsig(&["status", "--out", "file"]).fails_with(2, &["file is no folder"]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    for out in ["absent", "empty"] {
        let status = sandbox.clawsig(&["status", "--out", out]).done();
        assert!(status.stdout.contains("No run is there yet"), "{}", status.stdout);
    }
    assert!(!sandbox.path("absent").exists());
    fs::create_dir(sandbox.path("foreign")).unwrap();
    fs::write(sandbox.path("foreign/thesis.tex"), "years of work").unwrap();
    sandbox
        .clawsig(&["status", "--out", "foreign"])
        .fails_with(2, &["no run folder", "thesis.tex"]);
}

/// A stage that runs again takes no file away that a user put beside its own.
#[test]
fn what_a_user_put_into_a_run_folder_stays() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", "r"];
    sandbox.clawsig(&words).done();
    fs::write(sandbox.path("r/mine.txt"), "mine").unwrap();
    fs::create_dir(sandbox.path("r/train")).unwrap();
    fs::write(sandbox.path("r/ingest/notes.txt"), "mine").unwrap();
    let again = [&words[..], &["--force"]].concat();
    sandbox.clawsig(&again).fails_with(1, &["r/ingest/notes.txt", "move it away"]);
    fs::rename(sandbox.path("r/ingest/notes.txt"), sandbox.path("r/notes.txt")).unwrap();
    sandbox.clawsig(&again).done();
    for name in ["mine.txt", "notes.txt"] {
        assert_eq!(fs::read_to_string(sandbox.path("r").join(name)).unwrap(), "mine");
    }
    assert!(sandbox.path("r/train").is_dir());
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
    let lock = fs::read(sandbox.path("r/.clawsig/lock")).unwrap();
    drop(run);
    fs::create_dir_all(sandbox.path("r/.clawsig")).unwrap();
    fs::write(sandbox.path("r/.clawsig/lock"), lock).unwrap();
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
    let outcome = outcome.fails_with(2, &["\\u{1b}[2J\\u{202e}evil"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}
