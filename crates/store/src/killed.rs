//! A process that dies before any of the system calls by which it changes a run folder: what a
//! reader finds then, and what the next writer does.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    MARKER_FILE, Plan, RunFolder, Standing, State, StoreError, TEMPORARY_FOLDER, disk::steps,
};

fn plan(c: f64) -> Plan {
    Plan::new("train", 1).parameters([("model.c", json!(c))]).unwrap()
}

fn finish(run: &RunFolder, c: f64) -> Result<(), StoreError> {
    let work = run.begin(&plan(c))?;
    // Not counted, as the stage writes them.
    fs::write(work.path("c.txt"), c.to_string()).unwrap();
    fs::create_dir(work.path("sub")).unwrap();
    fs::write(work.path("sub/more"), "more").unwrap();
    run.commit(work, 1, 1)?;
    Ok(())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The parameter of the result that is there, after checking that it is whole.
fn result(run: &RunFolder) -> Option<f64> {
    let manifest = match run.manifest("train") {
        Ok(manifest) => manifest,
        Err(StoreError::NotRun { .. }) => return None,
        Err(e) => panic!("{e}"),
    };
    let c = manifest.parameters["model.c"].as_f64().unwrap();
    for output in &manifest.outputs {
        run.verified("train", &output.path).unwrap();
    }
    let text = fs::read_to_string(run.verified("train", "c.txt").unwrap()).unwrap();
    assert_eq!(text, c.to_string());
    Some(c)
}

/// Ends the process before its first step, its second, and so on; calls `after` each time.
fn at_every_step(before: impl Fn(&Path), work: impl Fn(&Path), after: impl Fn(&Path, usize)) {
    for steps in 0.. {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("run");
        before(&root);
        let ((), died) = steps::dying_after(steps, || work(&root));
        after(&root, steps);
        if !died {
            assert!(steps > 5, "{steps} steps are too few to have changed anything");
            return;
        }
    }
}

/// What a reader and the next writer find, which goes on to the result of 2.
fn whole_afterwards(root: &Path, steps: usize, allowed: &[Option<f64>]) {
    let found = match Standing::of(root).unwrap() {
        Standing::Absent | Standing::Empty => None,
        Standing::NoResults | Standing::Results => {
            result(&RunFolder::open_read_only(root).unwrap())
        }
        other => panic!("dead before step {steps}: the folder {other}"),
    };
    assert!(allowed.contains(&found), "dead before step {steps}: a reader finds {found:?}");
    let run = RunFolder::open(root).unwrap();
    assert_eq!(result(&run), found, "dead before step {steps}: the next writer finds another");
    finish(&run, 2.0).unwrap();
    assert_eq!(run.state(&plan(2.0)).unwrap(), State::UpToDate);
    drop(run);
    assert_eq!(names(root), [TEMPORARY_FOLDER, MARKER_FILE, "train"]);
    assert_eq!(names(&root.join(TEMPORARY_FOLDER)), ["journal.jsonl", "lock"]);
    assert_eq!(fs::read(root.join(TEMPORARY_FOLDER).join("journal.jsonl")).unwrap(), b"");
}

fn replace(root: &Path) {
    let run = RunFolder::open(root);
    // Dead or not, the process goes no further than its first error.
    let _ = run.and_then(|run| finish(&run, 2.0));
}

#[test]
fn a_first_result_is_whole_or_absent() {
    at_every_step(|_| {}, replace, |root, steps| whole_afterwards(root, steps, &[None, Some(2.0)]));
}

#[test]
fn an_empty_folder_is_as_good_as_none() {
    at_every_step(
        |root| fs::create_dir(root).unwrap(),
        replace,
        |root, steps| whole_afterwards(root, steps, &[None, Some(2.0)]),
    );
}

fn with_a_result(root: &Path) {
    finish(&RunFolder::open(root).unwrap(), 1.0).unwrap();
}

#[test]
fn the_old_result_or_the_new_one_is_there() {
    at_every_step(with_a_result, replace, |root, steps| {
        // For any program, not for the store alone.
        assert!(root.join("train/manifest.json").is_file(), "dead before step {steps}");
        whole_afterwards(root, steps, &[Some(1.0), Some(2.0)]);
    });
}

#[test]
fn the_old_result_or_the_new_one_is_there_where_folders_can_not_be_exchanged() {
    steps::without_exchange_in(|| {
        at_every_step(with_a_result, replace, |root, steps| {
            whole_afterwards(root, steps, &[Some(1.0), Some(2.0)]);
        });
    });
}

/// The next process clears up and may die in the middle of that, too.
#[test]
fn clearing_up_can_be_interrupted_as_well() {
    steps::without_exchange_in(|| {
        let mut tried = 0;
        for first in 0..40 {
            let before = |root: &Path| {
                with_a_result(root);
                steps::dying_after(first, || replace(root));
            };
            // Dead between the two renames, where there is most to put right.
            let scratch = tempfile::tempdir().unwrap();
            before(&scratch.path().join("run"));
            if scratch.path().join("run/train").exists() {
                continue;
            }
            tried += 1;
            at_every_step(before, replace, |root, steps| {
                whole_afterwards(root, steps, &[Some(1.0), Some(2.0)]);
            });
        }
        assert!(tried > 0);
    });
}

#[test]
fn a_text_is_the_old_one_or_the_new_one() {
    let write = |root: &Path, text: &str| {
        RunFolder::open(root).and_then(|run| run.write_text("run.toml", text))
    };
    let read =
        |root: &Path| RunFolder::open_read_only(root).unwrap().read_text("run.toml").unwrap();
    at_every_step(
        |root| {
            with_a_result(root);
            write(root, "old").unwrap();
        },
        |root| {
            let _ = write(root, "new");
        },
        |root, steps| {
            let found = read(root).unwrap();
            assert!(found == "old" || found == "new", "dead before step {steps}: {found:?}");
            write(root, "newer").unwrap();
            assert_eq!(read(root).unwrap(), "newer");
            assert_eq!(names(&root.join(TEMPORARY_FOLDER)), ["journal.jsonl", "lock"]);
        },
    );
}

/// A process that dies while it takes its unused folder away.
#[test]
fn what_is_left_of_an_unused_folder_can_be_used() {
    at_every_step(
        |_| {},
        |root| drop(RunFolder::open(root)),
        |root, steps| whole_afterwards(root, steps, &[None]),
    );
}
