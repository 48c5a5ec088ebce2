//! Caches as people have them: without links, read-only, with blobs that are links themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clawsig_ingest::{HubAccess, HubError, HubFormat};
use tempfile::TempDir;

use super::{Bench, COMMIT, TEST_FILE, at, lines, read, repository, source};

/// A bench whose cache holds the files themselves instead of links, as huggingface_hub leaves them
/// where links are not possible or `HF_HUB_DISABLE_SYMLINKS` is set.
fn without_links() -> Bench {
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    for split in ["train", "validation", "test", "eval_holdout"] {
        let pointer = bench.cached(&format!("data/{split}.jsonl"));
        let blob = fs::canonicalize(&pointer).unwrap();
        fs::rename(blob, &pointer).unwrap();
    }
    bench.hub.forget();
    bench
}

#[test]
fn a_cache_without_links_is_held_against_the_hubs_list() {
    let bench = without_links();
    let bodies = |bench: &Bench| bench.hub.requests().iter().filter(|r| r.store).count();
    let done = read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap();
    assert_eq!((done.profile.rows, bodies(&bench)), (430, 0));

    let whole = lines(3000, 400);
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() = b' ';
    for damaged in [lines(3000, 260), changed] {
        let blobs = bench.cached("").join("../../blobs");
        let _ = fs::remove_dir_all(fs::canonicalize(blobs).unwrap());
        fs::remove_file(bench.cached(TEST_FILE)).unwrap();
        fs::write(bench.cached(TEST_FILE), damaged).unwrap();
        bench.hub.forget();
        let done = read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap();
        assert_eq!((done.profile.rows, bodies(&bench)), (430, 1));
        assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), whole);
    }
}

#[test]
fn offline_a_file_without_a_hash_is_read_and_said_to_be_unchecked() {
    let bench = without_links();
    let snapshot = bench.fetch_by(&source(HubFormat::Raw), &bench.offline()).unwrap();
    assert!(bench.hub.requests().is_empty());
    let warnings = read(snapshot, None).unwrap().profile.warnings;
    let unchecked = warnings.iter().filter(|w| w.contains("it was not checked"));
    assert_eq!(unchecked.count(), 4, "{warnings:?}");
}

/// huggingface_hub 2.4.0 keeps a Xet file once for all datasets: the blob is a link to a store
/// whose names are hashes of another kind.
#[test]
fn a_blob_that_is_a_link_keeps_its_own_name() {
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    let blob = fs::canonicalize(bench.cached(TEST_FILE)).unwrap();
    let store = bench.cache.path().join("blobs/ab");
    fs::create_dir_all(&store).unwrap();
    let shared = store.join("ab".repeat(32));
    fs::rename(&blob, &shared).unwrap();
    link(&shared, &blob);
    let snapshot = bench.fetch_by(&at(COMMIT), &bench.offline()).unwrap();
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);

    // A damaged one is let go of; the store may serve other datasets.
    fs::write(&shared, lines(3000, 399)).unwrap();
    let error = read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap_err().to_string();
    assert!(error.contains("removed from the cache"), "{error}");
    assert!(shared.exists() && !bench.cached(TEST_FILE).exists());
    assert_eq!(read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap().profile.rows, 430);
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) {
    std::os::unix::fs::symlink(to, at).unwrap();
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) {
    fs::copy(to, at).unwrap();
}

/// A folder that can't be written: mounted so where root would write anyway.
struct ReadOnly(TempDir);

impl ReadOnly {
    fn of(cache: &Path) -> Option<ReadOnly> {
        let folder = tempfile::tempdir().unwrap();
        let mount = |words: &[&str]| {
            let done = Command::new("mount").args(words).arg(folder.path()).output();
            done.is_ok_and(|output| output.status.success())
        };
        let bound = mount(&["--bind", cache.to_str().unwrap()]);
        (bound && mount(&["-o", "remount,bind,ro"])).then(|| ReadOnly(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_read_only_cache_that_has_everything_is_read() {
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    let Some(folder) = ReadOnly::of(bench.cache.path()) else {
        println!("skipped: only root can mount the read-only folder of this test");
        return;
    };
    let access = HubAccess { cache: folder.path(), ..bench.access() };
    for source in [source(HubFormat::Raw), at(COMMIT)] {
        let snapshot = bench.fetch_by(&source, &access).unwrap();
        assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    }
    // The branch has moved to a commit with the same files under another hash.
    let moved = "f".repeat(40);
    bench.hub.replace(super::repository_at(&moved));
    let error = bench.fetch_by(&source(HubFormat::Raw), &access).unwrap_err();
    assert!(matches!(error, HubError::Io { .. }), "{error}");
    assert!(error.to_string().contains("--hf-cache"), "{error}");
}
