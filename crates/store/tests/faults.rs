//! A run folder after edits, crashes and mistakes: what the store takes for whole, and what it
//! says of the rest.
#![expect(clippy::unwrap_used, reason = "a test that can't read its own files has failed")]

use std::{fs, path::Path};

use clawsig_store::{
    Input, MANIFEST_FILE, Plan, RunFolder, Scratch, State, StoreError, TEMPORARY_FOLDER, hash_bytes,
};
use serde_json::{Value, json};

fn parameters(plan: Plan) -> Plan {
    plan.parameters([("model.c", json!(0.25)), ("model.target", json!("verdict"))]).unwrap()
}

fn plan() -> Plan {
    let input = Input { name: "a/rows.csv".into(), sha256: hash_bytes(b"rows"), bytes: 4 };
    parameters(Plan::new("train", 1)).inputs([input])
}

fn finish(run: &RunFolder, plan: &Plan) {
    let work = run.begin(plan).unwrap();
    fs::write(work.path("model.json"), "{}\n").unwrap();
    fs::write(work.path("weights.bin"), [1, 2, 3]).unwrap();
    run.commit(work, 4, 4).unwrap();
}

fn reasons(run: &RunFolder, plan: &Plan) -> Vec<String> {
    match run.state(plan).unwrap() {
        State::UpToDate => Vec::new(),
        State::Stale(reasons) => reasons.iter().map(ToString::to_string).collect(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn everything_a_result_depends_on_makes_it_stale_with_its_name() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    assert!(reasons(&run, &plan()).is_empty());

    let other = plan().parameters([("model.c", json!(0.5))]).unwrap();
    assert_eq!(reasons(&run, &other), ["model.c changed from 0.25 to 0.5"]);
    let other = plan().parameters([("model.new", json!(true))]).unwrap();
    assert_eq!(reasons(&run, &other), ["model.new changed from nothing to true"]);
    let input = |name: &str| Input { name: name.into(), sha256: hash_bytes(b"x"), bytes: 1 };
    assert_eq!(reasons(&run, &plan().inputs([input("a/rows.csv")])), ["input a/rows.csv changed"]);
    assert_eq!(reasons(&run, &plan().inputs([input("b")])), ["input b is new"]);
    let version = parameters(Plan::new("train", 2));
    assert_eq!(
        reasons(&run, &version),
        ["the stage changed from version 1 to 2", "input a/rows.csv is gone"]
    );
}

/// Neither a file's time nor a file that no manifest lists is looked at.
#[test]
fn times_and_other_files_do_not_matter() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    let folder = run.stage_folder("train");
    let old = std::time::SystemTime::UNIX_EPOCH;
    for name in ["model.json", MANIFEST_FILE] {
        let file = fs::File::options().write(true).open(folder.join(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert!(reasons(&run, &plan()).is_empty());
    // It may not be lost when the stage runs again.
    let err = run.begin(&plan()).unwrap_err().to_string();
    assert!(err.contains("notes.txt") && err.contains("move it away"), "{err}");
}

#[test]
fn outputs_that_changed_places_are_both_noticed() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    let folder = run.stage_folder("train");
    fs::rename(folder.join("model.json"), folder.join("x")).unwrap();
    fs::rename(folder.join("weights.bin"), folder.join("model.json")).unwrap();
    fs::rename(folder.join("x"), folder.join("weights.bin")).unwrap();
    assert_eq!(
        reasons(&run, &plan()),
        ["output model.json was changed", "output weights.bin was changed"]
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_something_endless_is_not_followed() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    let output = run.stage_folder("train").join("weights.bin");
    fs::remove_file(&output).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &output).unwrap();
    assert_eq!(reasons(&run, &plan()), ["output weights.bin was changed"]);
    let err = run.verified("train", "weights.bin").unwrap_err().to_string();
    assert!(err.contains("no plain file") && err.contains("run that stage again"), "{err}");
}

/// A figure of the manifest that is no part of the key is still not for others to edit.
#[test]
fn an_edited_manifest_is_neither_used_nor_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    let path = run.stage_folder("train").join(MANIFEST_FILE);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    value["rows_out"] = json!(5);
    fs::write(&path, value.to_string()).unwrap();
    let reasons = reasons(&run, &plan());
    assert!(reasons[0].contains("edited"), "{reasons:?}");
    assert!(matches!(run.verified("train", "model.json"), Err(StoreError::BadManifest { .. })));
    // Without its manifest nothing says whose the files are.
    let err = run.begin(&plan()).unwrap_err().to_string();
    assert!(err.contains("intact manifest.json") && err.contains("move it away"), "{err}");
    fs::remove_dir_all(run.stage_folder("train")).unwrap();
    finish(&run, &plan());
    assert_eq!(run.manifest("train").unwrap().rows_out, 4);
}

#[test]
fn another_format_says_which_stage_to_run_again() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    finish(&run, &plan());
    let path = run.stage_folder("train").join(MANIFEST_FILE);
    for (format, word) in [("1.0", "older"), ("9.0", "newer")] {
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        value["format"] = json!(format);
        fs::write(&path, value.to_string()).unwrap();
        let reason = reasons(&run, &plan()).join(" ");
        let error = run.manifest("train").unwrap_err().to_string();
        for text in [reason, error] {
            assert!(text.contains(word) && text.contains("run the `train` stage again"), "{text}");
        }
    }
}

#[test]
fn a_folder_that_was_made_for_nothing_is_taken_away_again() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("run");
    drop(RunFolder::open(&root).unwrap());
    assert!(!root.exists());
    let run = RunFolder::open(&root).unwrap();
    drop(run.begin(&plan()).unwrap());
    drop(run);
    assert!(!root.exists(), "a stage that failed leaves nothing either");
    let run = RunFolder::open(&root).unwrap();
    run.write_text("run.toml", "a = 1\n").unwrap();
    run.write_text("run.toml", "a = 2\n").unwrap();
    drop(run);
    assert!(!root.exists(), "and its settings go with it");
    let run = RunFolder::open(&root).unwrap();
    finish(&run, &plan());
    drop(run);
    assert!(root.join("train").exists());
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).unwrap();
    drop(RunFolder::open(&empty).unwrap());
    assert_eq!(names(&empty), [""; 0], "it was someone's before, and is empty again");
    let run = RunFolder::open(&empty).unwrap();
    run.write_text("run.toml", "").unwrap();
    fs::write(empty.join("mine.txt"), "mine").unwrap();
    drop(run);
    assert_eq!(names(&empty), [TEMPORARY_FOLDER, "clawsig-run.json", "mine.txt", "run.toml"]);
}

/// Openers, some of which take their empty folder away: never two holders at once.
#[test]
fn a_lock_that_was_removed_lets_no_second_holder_in() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("run");
    let holders = std::sync::atomic::AtomicU32::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    // Whoever finds it locked, or taken away just now, tries again.
                    let Ok(run) = RunFolder::open(&root) else { continue };
                    assert_eq!(holders.fetch_add(1, order), 0, "two holders at once");
                    std::thread::yield_now();
                    holders.fetch_sub(1, order);
                    drop(run);
                }
            });
        }
    });
}

#[test]
fn scratch_goes_when_it_is_dropped() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    let unpacked = run.scratch("sample").unwrap();
    fs::write(unpacked.folder().join("x"), "x").unwrap();
    let path = unpacked.folder().to_owned();
    assert!(path.starts_with(run.root().join(TEMPORARY_FOLDER)) && path.exists());
    drop(unpacked);
    assert!(!path.exists());
    let outside = Scratch::new_in(scratch.path(), "prefix-").unwrap();
    let path = outside.folder().to_owned();
    assert!(path.file_name().unwrap().to_str().unwrap().starts_with("prefix-") && path.is_dir());
    drop(outside);
    assert!(!path.exists());
}
