//! Files that are not the expected ones.

use std::fs;

use clawsig_ingest::{HubError, HubFormat, HubSource};
use clawsig_schema::Split;
use clawsig_test_hub::{Action, Fault, Repository};

use super::{Bench, COMMIT, REPO, TEST_FILE, at, lines, lock_of, read, repository, source};

#[test]
fn other_bytes_under_the_same_name_are_found_while_reading_and_thrown_out() {
    let bench = Bench::new(repository());
    let mut changed = lines(3000, 400);
    let place = changed.iter().rposition(|byte| *byte == b'T').unwrap();
    changed[place] = b'S';
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Replace { with: changed }));
    let error = read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap_err().to_string();
    assert!(
        error.contains("data/test.jsonl is not the expected file: SHA-256 expected"),
        "{error}"
    );
    assert!(error.contains("removed from the cache; run again"), "{error}");
    assert!(!bench.cached(TEST_FILE).exists());
    // The next run downloads the right one.
    assert_eq!(read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap().profile.rows, 430);

    // Offline it can't be had again, so that it is not thrown away.
    let blob = fs::canonicalize(bench.cached(TEST_FILE)).unwrap();
    let damaged = fs::read(&blob).unwrap();
    fs::write(&blob, [&damaged[..damaged.len() - 1], b" "].concat()).unwrap();
    let snapshot = bench.fetch_by(&at(COMMIT), &bench.offline()).unwrap();
    let error = read(snapshot, None).unwrap_err().to_string();
    assert!(error.contains(&format!("delete {}", blob.display())), "{error}");
    assert!(blob.exists());
}

#[test]
fn a_locked_revision_is_the_default_and_must_be_the_locked_bytes() {
    let bench = Bench::new(repository());
    let lock = lock_of(&bench);
    let locked = HubSource { lock: lock.clone(), ..source(HubFormat::Raw) };
    bench.hub.forget();
    let snapshot = bench.fetch(&locked).unwrap();
    assert!(bench.hub.requests().is_empty(), "the lock names the commit");
    assert_eq!((snapshot.commit.as_str(), snapshot.warnings.len()), (COMMIT, 0));
    let known = snapshot.locked.clone();
    assert_eq!(known.as_ref().unwrap().name, "mine");
    read(snapshot, known).unwrap();

    // A push under the same commit, as a mirror might have it: told at the first file.
    let other = Bench::new(repository().large_file("data/more.jsonl", Vec::new()));
    let mut smaller = Repository::new(REPO).commit(COMMIT, "main");
    for split in Split::ALL {
        smaller = smaller.large_file(&format!("data/{split}.jsonl"), lines(0, 9));
    }
    other.hub.replace(smaller);
    let error = other.fetch(&locked).unwrap_err();
    assert!(matches!(error, HubError::Listed { .. }), "{error}");
    assert!(!other.hub.requests().iter().any(|r| r.store), "nothing was downloaded");

    // A wrong verdict count is the lock's alone: bytes and hash are right.
    let mut wrong = lock;
    wrong.snapshots[0].files[2].verdicts = [199, 201, 0];
    let snapshot = bench.fetch(&HubSource { lock: wrong, ..locked }).unwrap();
    let known = snapshot.locked.clone();
    let error = read(snapshot, known).unwrap_err().to_string();
    assert!(error.contains("rows with verdict clean expected 199 found 200"), "{error}");
}

#[test]
fn a_file_of_another_size_in_the_cache_is_downloaded_again() {
    let bench = Bench::new(repository());
    let locked = HubSource { lock: lock_of(&bench), ..source(HubFormat::Raw) };
    let blob = fs::canonicalize(bench.cached(TEST_FILE)).unwrap();
    fs::write(&blob, &lines(3000, 400)[..1000]).unwrap();
    let error = bench.fetch_by(&locked, &bench.offline()).unwrap_err();
    assert!(matches!(error, HubError::NotCached { .. }), "{error}");
    bench.fetch(&locked).unwrap();
    assert_eq!(fs::read(blob).unwrap(), lines(3000, 400));
}

#[test]
fn a_lock_with_a_wrong_size_and_the_right_hash_is_told_and_goes_on() {
    let bench = Bench::new(repository());
    let mut lock = lock_of(&bench);
    let at = lock.snapshots[0].files.iter().position(|file| file.path == TEST_FILE).unwrap();
    lock.snapshots[0].files[at].bytes += 1;
    let locked = HubSource { lock, ..source(HubFormat::Raw) };
    // Over the network, then from the cache.
    let other = Bench::new(repository());
    for access in [other.access(), other.offline()] {
        let snapshot = other.fetch_by(&locked, &access).unwrap();
        let known = snapshot.locked.clone();
        let warnings = read(snapshot, known).unwrap().profile.warnings;
        assert!(warnings[0].starts_with("data/test.jsonl has the locked SHA-256"), "{warnings:?}");
    }
    let mut wrong = locked;
    wrong.lock.snapshots[0].files[at].sha256 = "0".repeat(64);
    let error = Bench::new(repository()).fetch(&wrong).unwrap_err();
    assert!(matches!(error, HubError::Listed { .. }), "{error}");
}
