//! The Hub as a source, against a server on 127.0.0.1 that fails as networks do.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod caches;
mod forms;
mod locks;
mod network;
mod peers;

use std::{cell::RefCell, fs, path::PathBuf, time::Duration};

use clawsig_ingest::{
    HubAccess, HubError, HubFormat, HubSnapshot, HubSource, IngestError, IngestParams, Ingested,
    OutputPaths, Source,
    hub::{self, HubEvent},
    ingest,
};
use clawsig_schema::{
    Split,
    lock::{DatasetLock, LOCK_FORMAT, LockedFile, LockedSnapshot},
};
use clawsig_test_hub::{Repository, TestHub};
use serde_json::{Value, json};
use tempfile::TempDir;

const REPO: &str = "some-one/skills.v1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TEST_FILE: &str = "data/test.jsonl";

fn row(number: usize, verdict: &str) -> Value {
    json!({
        "id": format!("{number:064x}"), "skill_slug": "owner/skill", "skill_version": "1",
        "skill_md_content": "Text ".repeat(20), "skill_bundle_content": [],
        "clawscan_verdict": verdict, "clawscan_confidence": null, "clawscan_model": null,
        "clawscan_summary": null, "static_status": "clean", "static_finding_count": 0,
        "static_reason_codes": [], "virustotal_status": null, "virustotal_malicious_count": null,
        "virustotal_suspicious_count": null, "virustotal_harmless_count": null,
        "virustotal_undetected_count": null, "skillspector_status": null,
        "skillspector_score": null, "skillspector_severity": null, "skillspector_issue_count": 0,
        "skillspector_issue_codes": [], "skillspector_issue_categories": [],
        "clawscan_context": {}, "split": "train",
    })
}

/// JSON lines with ids from `first` on.
fn lines(first: usize, rows: usize) -> Vec<u8> {
    let text = |n| row(first + n, ["clean", "suspicious"][n % 2]).to_string() + "\n";
    (0..rows).map(text).collect::<String>().into_bytes()
}

/// A repository with the four files; the test split is the largest.
fn repository() -> Repository {
    repository_at(COMMIT)
}

fn repository_at(commit: &str) -> Repository {
    let mut repository = Repository::new(REPO).commit(commit, "main");
    for (i, split) in Split::ALL.iter().enumerate() {
        let rows = if *split == Split::Test { 400 } else { 10 };
        let body = lines(1000 * (i + 1), rows);
        repository = repository.large_file(&format!("data/{split}.jsonl"), body);
    }
    repository
}

struct Bench {
    hub: TestHub,
    cache: TempDir,
    events: RefCell<Vec<String>>,
}

impl Bench {
    fn new(repository: Repository) -> Bench {
        let hub = TestHub::start([repository]).unwrap();
        Bench { hub, cache: tempfile::tempdir().unwrap(), events: RefCell::default() }
    }

    fn access(&self) -> HubAccess {
        let mut access = HubAccess::new(&self.hub.endpoint(), self.cache.path());
        access.pause = Duration::from_millis(5);
        access.stall = Duration::from_millis(600);
        access
    }

    fn offline(&self) -> HubAccess {
        HubAccess { offline: true, ..self.access() }
    }

    fn fetch(&self, source: &HubSource) -> Result<HubSnapshot, HubError> {
        self.fetch_by(source, &self.access())
    }

    fn fetch_by(&self, source: &HubSource, access: &HubAccess) -> Result<HubSnapshot, HubError> {
        hub::fetch(source, access, &|event| {
            if !matches!(event, HubEvent::Progress { .. }) {
                self.events.borrow_mut().push(format!("{event:?}"));
            }
        })
    }

    /// The only snapshot's file, through the link.
    fn cached(&self, name: &str) -> PathBuf {
        let repo = format!("datasets--{}", REPO.replace('/', "--"));
        self.cache.path().join(repo).join("snapshots").join(COMMIT).join(name)
    }

    /// No half of a download is anywhere below the cache.
    #[track_caller]
    fn assert_nothing_half_done(&self) {
        let mut folders = vec![self.cache.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(name != ".clawsig" && !name.ends_with(".incomplete"), "{path:?} is left");
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                }
            }
        }
    }
}

fn unlocked() -> DatasetLock {
    DatasetLock { format: LOCK_FORMAT, snapshots: Vec::new() }
}

fn source(format: HubFormat) -> HubSource {
    HubSource { repo: REPO.to_owned(), revision: None, format, lock: unlocked() }
}

fn at(commit: &str) -> HubSource {
    HubSource { revision: Some(commit.to_owned()), ..source(HubFormat::Raw) }
}

fn read(snapshot: HubSnapshot, lock: Option<LockedSnapshot>) -> Result<Ingested, IngestError> {
    let work = tempfile::tempdir().unwrap();
    let out = OutputPaths {
        signals_dir: work.path().join("signals"),
        rejects: work.path().join("rejects.jsonl"),
    };
    let params = IngestParams { lock, ..IngestParams::default() }.check().unwrap();
    let done = ingest(&Source::Hub(Box::new(snapshot)), &params, &out, &|_, _, _| {});
    if done.is_err() {
        assert!(!work.path().join("rejects.jsonl").exists());
        assert_eq!(fs::read_dir(work.path().join("signals")).unwrap().count(), 0);
    }
    done
}

/// The lock of the repository above.
fn lock_of(bench: &Bench) -> DatasetLock {
    let files: Vec<LockedFile> = read(bench.fetch(&at(COMMIT)).unwrap(), None).unwrap().lock_files;
    let (name, repo) = ("mine".to_owned(), REPO.to_owned());
    let snapshot = LockedSnapshot { name, repo, revisions: vec![COMMIT.to_owned()], files };
    DatasetLock { format: LOCK_FORMAT, snapshots: vec![snapshot] }
}

#[test]
fn a_revision_is_downloaded_once_and_then_read_without_the_network() {
    let bench = Bench::new(repository());
    let first = bench.fetch(&source(HubFormat::Raw)).unwrap();
    assert_eq!((first.revision.as_str(), first.commit.as_str()), ("main", COMMIT));
    assert!(first.warnings[0].contains("in no lock"), "{:?}", first.warnings);
    let done = read(first, None).unwrap();
    assert_eq!(done.profile.rows, 430);
    assert!(done.profile.warnings[0].contains("in no lock"));
    bench.assert_nothing_half_done();

    bench.hub.forget();
    let again = bench.fetch(&at(COMMIT)).unwrap();
    assert!(bench.hub.requests().is_empty());
    assert_eq!(read(again, None).unwrap().lock_files, done.lock_files);
    // A branch is asked for its commit, and nothing more.
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    assert_eq!(bench.hub.requests().len(), 1);
}

#[test]
fn offline_uses_the_cache_or_says_what_it_lacks() {
    let bench = Bench::new(repository());
    for source in [source(HubFormat::Raw), at(COMMIT)] {
        let error = bench.fetch_by(&source, &bench.offline()).unwrap_err();
        assert!(matches!(error, HubError::NotCached { .. }), "{error}");
        assert!(error.to_string().contains("without --offline"), "{error}");
    }
    assert!(bench.hub.requests().is_empty());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    bench.hub.forget();
    for source in [source(HubFormat::Raw), at(COMMIT)] {
        let snapshot = bench.fetch_by(&source, &bench.offline()).unwrap();
        assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    }
    fs::remove_file(bench.cached(TEST_FILE)).unwrap();
    let error = bench.fetch_by(&at(COMMIT), &bench.offline()).unwrap_err().to_string();
    assert!(error.contains("lacks data/test.jsonl of"), "{error}");
    assert!(bench.hub.requests().is_empty());
}
