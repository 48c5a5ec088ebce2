//! Files that the store did not write: it refuses to work among them, and changes none.
#![expect(clippy::unwrap_used, reason = "a test that can't read its own files has failed")]

use std::{collections::BTreeMap, fs, path::Path};

use clawsig_store::{
    Input, MANIFEST_FILE, MARKER_FILE, Manifest, Plan, RunFolder, Standing, State, StoreError,
    TEMPORARY_FOLDER, hash_bytes,
};

fn plan(seed: u64) -> Plan {
    Plan::new("train", 1).parameters([("run.seed", seed)]).unwrap()
}

fn finish(run: &RunFolder, seed: u64) {
    let work = run.begin(&plan(seed)).unwrap();
    fs::create_dir(work.path("sub")).unwrap();
    fs::write(work.path("sub/model.json"), seed.to_string()).unwrap();
    run.commit(work, 1, 1).unwrap();
}

/// A run folder with a finished stage.
fn finished(root: &Path) {
    finish(&RunFolder::open(root).unwrap(), 1);
}

/// Everything below a folder; links by where they lead.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if kind.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            found.insert(name, to.into_os_string().into_encoded_bytes());
        } else if kind.is_dir() {
            found.insert(format!("{name}/"), Vec::new());
            let below = tree(&path);
            found.extend(below.into_iter().map(|(k, v)| (format!("{name}/{k}"), v)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn what_lies_at_a_path_is_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("x");
    let standing = || Standing::of(&path).unwrap();
    assert_eq!(standing(), Standing::Absent);
    fs::write(&path, "a file").unwrap();
    assert_eq!(standing(), Standing::NotAFolder);
    assert_eq!(Standing::of(&path.join("below")).unwrap(), Standing::Absent);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(standing(), Standing::Empty);
    let run = RunFolder::open(&path).unwrap();
    assert_eq!(standing(), Standing::NoResults);
    finish(&run, 1);
    assert_eq!(standing(), Standing::Results);
    drop(run);
    fs::remove_file(path.join(MARKER_FILE)).unwrap();
    let Standing::Foreign(why) = standing() else { panic!("taken for a run") };
    assert_eq!(why, "it has no clawsig-run.json and holds train");
}

#[cfg(unix)]
#[test]
fn a_link_counts_for_what_it_leads_to() {
    let scratch = tempfile::tempdir().unwrap();
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(scratch.path().join("run"), &link).unwrap();
    assert_eq!(Standing::of(&link).unwrap(), Standing::NotAFolder, "it leads nowhere");
    assert!(matches!(RunFolder::open(&link), Err(StoreError::Occupied { .. })));
    finished(&scratch.path().join("run"));
    assert_eq!(Standing::of(&link).unwrap(), Standing::Results);
    finish(&RunFolder::open(&link).unwrap(), 2);
}

/// Inputs that a stage comes to know by reading them count as if they had been planned.
#[test]
fn an_input_met_on_the_way_stands_in_the_manifest() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    let input = Input { name: "rows.jsonl".to_owned(), sha256: hash_bytes(b"x"), bytes: 1 };
    let mut work = run.begin(&plan(1)).unwrap();
    work.add_inputs([input.clone()]);
    run.commit(work, 1, 1).unwrap();
    let manifest = Manifest::read(&scratch.path().join("train")).unwrap().unwrap();
    assert_eq!(manifest.inputs.as_slice(), std::slice::from_ref(&input));
    assert_eq!(manifest.key, plan(1).inputs([input]).key());
}

/// Opens a folder that `fill` has put something into, both ways: refused, and nothing changed.
#[track_caller]
fn refused(fill: impl Fn(&Path), text: &str) {
    let scratch = tempfile::tempdir().unwrap();
    fill(scratch.path());
    let before = tree(scratch.path());
    let err = RunFolder::open(scratch.path()).unwrap_err();
    assert!(matches!(err, StoreError::Occupied { .. }), "{err}");
    assert!(err.to_string().contains(text) && err.to_string().contains("--out"), "{err}");
    let err = RunFolder::open_read_only(scratch.path()).unwrap_err();
    assert!(matches!(err, StoreError::NotARun { .. }), "{err}");
    assert!(err.to_string().contains(text), "{err}");
    assert_eq!(tree(scratch.path()), before);
}

#[test]
fn a_folder_of_other_files_is_refused_whatever_their_names() {
    let file = |name: &'static str, content: &'static str| {
        move |root: &Path| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    };
    refused(file("thesis.tex", "years of work"), "holds thesis.tex");
    refused(file("train/thesis.tex", "years of work"), "holds train");
    refused(file("ext/manifest.json", "{}"), "holds ext");
    refused(file(".lock", ""), "holds .lock");
    refused(file(".work-2024/x", ""), "holds .work-2024");
    refused(file(".hidden", ""), "holds .hidden");
    refused(file(".clawsig/mine", ""), "holds .clawsig");
    refused(file(".clawsig", "a file"), "holds .clawsig");
    refused(file(".clawsig/journal.jsonl", "mine\n"), "holds .clawsig");
    refused(file(MARKER_FILE, "{}"), "was not written by clawsig: its content is not");
    refused(file(MARKER_FILE, "mine"), "was not written by clawsig: at byte 1 a value is expected");
    refused(file("clawsig-run.json/x", ""), "was not written by clawsig: it is no plain file");
}

#[test]
fn an_edited_marker_and_one_of_a_newer_format_are_told() {
    let marker = |change: fn(&str) -> String| {
        move |root: &Path| {
            finished(root);
            let path = root.join(MARKER_FILE);
            let text = change(&fs::read_to_string(&path).unwrap());
            fs::write(&path, text).unwrap();
        }
    };
    refused(marker(|text| text.replace("leaves all", "deletes all")), "it was edited");
    refused(marker(|text| format!("{text}x")), "more text follows the end of the value");
    refused(marker(|_| "x".repeat(70_000)), "larger than");
}

/// The same values with other white space are the same marker, and so is one of another version.
#[test]
fn a_marker_of_another_version_counts() {
    let scratch = tempfile::tempdir().unwrap();
    finished(scratch.path());
    let path = scratch.path().join(MARKER_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace('\n', " ")).unwrap();
    assert_eq!(Standing::of(scratch.path()).unwrap(), Standing::Results);
    finished(scratch.path());
}

#[test]
fn a_run_folder_that_was_copied_without_hidden_files_is_one() {
    let scratch = tempfile::tempdir().unwrap();
    finished(scratch.path());
    fs::remove_dir_all(scratch.path().join(TEMPORARY_FOLDER)).unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    assert_eq!(run.state(&plan(1)).unwrap(), State::UpToDate);
}

/// Changes a run folder by hand and lets the stage run again: refused with the entry's name.
#[track_caller]
fn kept(change: impl Fn(&Path), entry: &str) {
    let scratch = tempfile::tempdir().unwrap();
    finished(scratch.path());
    change(scratch.path());
    let before = tree(scratch.path());
    let err = match RunFolder::open(scratch.path()) {
        Ok(run) => {
            let err = run.begin(&plan(2)).unwrap_err();
            assert_eq!(run.check_replaceable("train").unwrap_err().to_string(), err.to_string());
            err
        }
        Err(err) => err,
    };
    assert!(matches!(err, StoreError::NotOurs { .. }), "{err}");
    let path = scratch.path().join(entry).display().to_string();
    assert!(
        err.to_string().starts_with(&path) && err.to_string().contains("move it away"),
        "{err}"
    );
    let mut after = tree(scratch.path());
    // The only file that an opening writes to.
    let lock = format!("{TEMPORARY_FOLDER}/lock");
    if let Some(text) = before.get(&lock) {
        after.insert(lock, text.clone());
    }
    assert_eq!(after, before);
}

#[test]
fn what_a_user_put_into_a_run_folder_is_kept() {
    kept(|root| fs::write(root.join("train/notes.txt"), "mine").unwrap(), "train/notes.txt");
    kept(
        |root| fs::write(root.join("train/sub/notes.txt"), "mine").unwrap(),
        "train/sub/notes.txt",
    );
    kept(|root| fs::create_dir(root.join("train/empty")).unwrap(), "train/empty");
    kept(
        |root| {
            fs::remove_file(root.join("train/sub/model.json")).unwrap();
            fs::create_dir(root.join("train/sub/model.json")).unwrap();
        },
        "train/sub/model.json",
    );
    kept(|root| fs::remove_file(root.join("train").join(MANIFEST_FILE)).unwrap(), "train");
    kept(|root| fs::write(root.join("train").join(MANIFEST_FILE), "{}").unwrap(), "train");
    kept(
        |root| {
            fs::remove_dir_all(root.join("train")).unwrap();
            fs::create_dir(root.join("train")).unwrap();
        },
        "train",
    );
    kept(
        |root| {
            fs::remove_dir_all(root.join("train")).unwrap();
            fs::write(root.join("train"), "a file").unwrap();
        },
        "train",
    );
    let temporaries = |root: &Path| root.join(TEMPORARY_FOLDER);
    kept(
        |root| {
            fs::remove_dir_all(temporaries(root)).unwrap();
            fs::write(temporaries(root), "a file").unwrap();
        },
        TEMPORARY_FOLDER,
    );
    let journal = ".clawsig/journal.jsonl";
    kept(|root| fs::write(root.join(journal), "{\"name\":\"x\"}\n").unwrap(), journal);
}

/// A result of another stage under a stage's name was put there by someone.
#[test]
fn another_stages_result_is_kept() {
    kept(
        |root| {
            let run = RunFolder::open(root).unwrap();
            let work = run.begin(&Plan::new("other", 1)).unwrap();
            run.commit(work, 0, 0).unwrap();
            fs::remove_dir_all(root.join("train")).unwrap();
            fs::rename(root.join("other"), root.join("train")).unwrap();
        },
        "train",
    );
}

#[cfg(unix)]
#[test]
fn links_are_neither_followed_nor_replaced() {
    use std::os::unix::fs::symlink;
    let other = tempfile::tempdir().unwrap();
    finished(other.path());
    let before = tree(other.path());
    let target = other.path().join("train");
    kept(
        |root| {
            fs::remove_dir_all(root.join("train")).unwrap();
            symlink(&target, root.join("train")).unwrap();
        },
        "train",
    );
    kept(|root| symlink(&target, root.join("train/link")).unwrap(), "train/link");
    kept(
        |root| {
            fs::remove_dir_all(root.join(TEMPORARY_FOLDER)).unwrap();
            symlink(&target, root.join(TEMPORARY_FOLDER)).unwrap();
        },
        TEMPORARY_FOLDER,
    );
    refused(
        |root| symlink(other.path().join(MARKER_FILE), root.join(MARKER_FILE)).unwrap(),
        "it is no plain file",
    );
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    symlink(other.path().join(MARKER_FILE), run.root().join("run.toml")).unwrap();
    assert!(matches!(run.write_text("run.toml", ""), Err(StoreError::NotOurs { .. })));
    assert!(matches!(run.read_text("run.toml"), Err(StoreError::BadText { .. })));
    assert_eq!(tree(other.path()), before);
}

/// Only what the journal names is removed, and a link in its place is not.
#[test]
fn clearing_up_removes_what_is_written_down_and_nothing_else() {
    let scratch = tempfile::tempdir().unwrap();
    finished(scratch.path());
    let temporaries = scratch.path().join(TEMPORARY_FOLDER);
    for name in ["mine", "train-1-0", "old-1-0"] {
        fs::create_dir(temporaries.join(name)).unwrap();
        fs::write(temporaries.join(name).join("x"), "x").unwrap();
    }
    fs::write(temporaries.join("text-1-0"), "x").unwrap();
    let before = tree(scratch.path());
    finished(scratch.path());
    assert_eq!(tree(scratch.path()), before);
}

/// A journal that someone else wrote names nothing outside its folder.
#[test]
fn a_journal_can_not_point_elsewhere() {
    for name in ["../train", "..", "a/b", "/etc", "", "lock", "A", "journal.jsonl"] {
        let line = serde_json::json!({ "name": name });
        let seal = hash_bytes(line.to_string().as_bytes());
        let sealed = serde_json::json!({ "name": name, "seal": seal });
        kept(
            |root| fs::write(root.join(".clawsig/journal.jsonl"), format!("{sealed}\n")).unwrap(),
            ".clawsig/journal.jsonl",
        );
    }
}

/// What ends in no line of ours is no line that was being written when its writer died.
#[test]
fn a_users_journal_stays_whatever_it_ends_in() {
    let scratch = tempfile::tempdir().unwrap();
    finished(scratch.path());
    let journal = scratch.path().join(TEMPORARY_FOLDER).join("journal.jsonl");
    for content in ["mine", "mine\n", "\u{1}\u{2}", "{\"name\": 1}\n", "{\"n\":1"] {
        fs::write(&journal, content).unwrap();
        let err = RunFolder::open(scratch.path()).unwrap_err();
        assert!(matches!(err, StoreError::NotOurs { .. }), "{content:?}: {err}");
        assert_eq!(fs::read_to_string(&journal).unwrap(), content);
    }
    for torn in ["", "{\"na", "{\"name\":\"train-1-0\",\"se"] {
        fs::write(&journal, torn).unwrap();
        RunFolder::open(scratch.path()).unwrap();
    }
}
