//! What an interruption does: unfinished folders go, and no stage ends behind its back. In a
//! program of its own, as it stops every stage of its process.

use std::{fs, thread, time::Duration};

use clawsig_store::{Manifest, Plan, RunFolder, Scratch, discard_unfinished};

#[test]
fn an_interruption_stops_a_commit_and_removes_the_work() {
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open(scratch.path()).unwrap();
    let work = run.begin(&Plan::new("train", 1)).unwrap();
    fs::write(work.path("model.json"), "{}").unwrap();
    let outside = Scratch::new_in(scratch.path(), "outside-").unwrap();
    let held = discard_unfinished();
    assert!(!work.folder().exists());
    assert!(!outside.folder().exists(), "wherever it lies");
    let ended = thread::scope(|scope| {
        let thread = scope.spawn(|| run.commit(work, 0, 0));
        thread::sleep(Duration::from_millis(50));
        assert!(!thread.is_finished(), "it waits for the end of the process");
        drop(held);
        thread.join().unwrap()
    });
    assert!(ended.is_err(), "there was nothing left to commit");
    assert!(Manifest::read(&run.stage_folder("train")).unwrap().is_none());
}
