//! The Hub as a source, against a server on 127.0.0.1 that fails as networks do.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Barrier,
    time::Duration,
};

use clawsig_ingest::{
    HubAccess, HubError, HubFormat, HubSnapshot, HubSource, IngestError, IngestParams, Ingested,
    OutputPaths, RawParquetWriter, Source,
    hub::{self, HubEvent, Token},
    ingest,
};
use clawsig_schema::{
    Split,
    lock::{DatasetLock, LOCK_FORMAT, LockedFile, LockedSnapshot},
    raw::RawRow,
};
use clawsig_test_hub::{Action, Fault, Repository, TestHub};
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
    let mut repository = Repository::new(REPO).commit(COMMIT, "main");
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
    let done = ingest(&Source::Hub(Box::new(snapshot)), &params, &out, &|_, _| {});
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

#[test]
fn a_connection_cut_in_mid_file_is_tried_again_from_the_start() {
    let bench = Bench::new(repository());
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Cut { after: 30_000 }).times(2));
    let snapshot = bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    let retries = bench.events.borrow().iter().filter(|e| e.contains("Retry")).count();
    assert_eq!(retries, 2, "{:?}", bench.events);
    bench.assert_nothing_half_done();
}

#[test]
fn a_connection_that_is_always_cut_leaves_nothing_and_the_next_run_goes_on() {
    let bench = Bench::new(repository());
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Cut { after: 1 }).times(5));
    let error = bench.fetch(&at(COMMIT)).unwrap_err().to_string();
    assert!(error.contains("data/test.jsonl of some-one/skills.v1"), "{error}");
    assert!(error.contains("after 5 attempts"), "{error}");
    assert!(!bench.cached(TEST_FILE).exists() && bench.cached("data/train.jsonl").exists());
    bench.assert_nothing_half_done();
    bench.hub.forget();
    bench.fetch(&at(COMMIT)).unwrap();
    let asked = |r: &&clawsig_test_hub::Seen| r.path.ends_with("data/train.jsonl");
    assert_eq!(bench.hub.requests().iter().filter(asked).count(), 0, "it was there already");
}

#[test]
fn a_truncated_file_and_an_error_page_do_not_enter_the_cache() {
    let bench = Bench::new(repository());
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Truncate { to: 30_000 }).times(2));
    // hf-hub takes the body of this one for the file.
    let status = Action::Status { code: 404, header: None };
    bench.hub.fail(Fault::on_body(TEST_FILE, status).times(1));
    bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("30000 bytes came instead of"), "{events}");
    assert_eq!(events.matches("Retry").count(), 3, "{events}");
    bench.assert_nothing_half_done();
}

#[test]
fn a_slow_server_is_waited_for_and_a_silent_one_is_not() {
    let bench = Bench::new(repository());
    let (piece, pause) = (60_000, Duration::from_millis(250));
    // Slower in all than the patience for silence.
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Slow { piece, pause }));
    bench.fetch(&at(COMMIT)).unwrap();
    assert!(!bench.events.borrow().join("").contains("Retry"), "{:?}", bench.events);

    let bench = Bench::new(repository());
    let hold = Duration::from_secs(20);
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Stall { after: 1000, hold }));
    bench.fetch(&at(COMMIT)).unwrap();
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("nothing came for"), "{events}");
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
}

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

    // A push under the same commit, as a mirror might have it: told before a byte is fetched.
    let other = Bench::new(repository().large_file("data/more.jsonl", Vec::new()));
    let mut smaller = Repository::new(REPO).commit(COMMIT, "main");
    for split in Split::ALL {
        smaller = smaller.large_file(&format!("data/{split}.jsonl"), lines(0, 9));
    }
    other.hub.replace(smaller);
    let error = other.fetch(&locked).unwrap_err();
    assert!(matches!(error, HubError::Listed { .. }), "{error}");
    let bodies = |r: &clawsig_test_hub::Seen| r.path.ends_with(".jsonl");
    assert!(!other.hub.requests().iter().any(bodies), "{:?}", other.hub.requests());

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
fn refusals_say_what_to_do() {
    let refused = |repository: Repository, token: Option<&str>, source: &HubSource| {
        let bench = Bench::new(repository);
        let token = token.and_then(Token::new);
        bench.fetch_by(source, &HubAccess { token, ..bench.access() }).unwrap_err().to_string()
    };
    let error = refused(repository().private("hf_right"), None, &at(COMMIT));
    assert!(error.contains("no token was sent") && error.contains("HF_TOKEN"), "{error}");
    let error = refused(repository().private("hf_right"), Some("hf_wrong"), &at(COMMIT));
    assert!(error.contains("not accepted") && !error.contains("hf_wrong"), "{error}");
    let error = refused(repository().gated("hf_right"), Some("hf_right"), &at(COMMIT));
    assert!(error.contains("accept its conditions") && error.contains("restricted"), "{error}");
    let error = refused(repository(), None, &at("branch"));
    assert!(error.contains("revision branch of some-one/skills.v1"), "{error}");
    let elsewhere = HubSource { repo: "no/where".to_owned(), ..at(COMMIT) };
    let error = refused(repository(), None, &elsewhere);
    assert!(error.contains("no/where"), "{error}");
    let empty = Repository::new(REPO).commit(COMMIT, "main").small_file("README.md", Vec::new());
    let error = refused(empty, None, &at(COMMIT));
    assert!(error.contains("none of the files data/train.jsonl"), "{error}");
    for (repo, revision) in [("../x", "main"), ("a/b/c", "main"), ("a/b", "../main"), ("a/b", "")] {
        let source = HubSource { repo: repo.to_owned(), ..at(revision) };
        let error = refused(repository(), None, &source);
        assert!(error.contains("expected"), "{error}");
    }
}

#[test]
fn the_token_goes_to_the_hub_and_no_further() {
    let bench = Bench::new(repository().private("hf_secret"));
    let access = HubAccess { token: Token::new("hf_secret"), ..bench.access() };
    bench.fetch_by(&at(COMMIT), &access).unwrap();
    let requests = bench.hub.requests();
    assert!(requests.iter().any(|r| r.store));
    for request in requests {
        let sent = request.authorization.as_deref();
        assert_eq!(sent.is_some(), !request.store, "{request:?}");
    }
    // What the server echoes is not repeated.
    let header = Some(("X-Error-Message".to_owned(), "no hf_secret here".to_owned()));
    bench.hub.fail(Fault::on("revision/main", Action::Status { code: 418, header }));
    let error = bench.fetch_by(&source(HubFormat::Raw), &access).unwrap_err();
    let text = format!("{error} {error:?} {access:?} {:?}", bench.events);
    assert!(text.contains("no (token) here") && !text.contains("hf_secret"), "{text}");
}

#[test]
fn limits_and_failures_of_the_server_are_sat_out() {
    let bench = Bench::new(repository());
    let busy = |code, wait: &str| {
        let header = Some(("Retry-After".to_owned(), wait.to_owned()));
        Action::Status { code, header }
    };
    bench
        .hub
        .fail(Fault::on("paths-info/0123456789abcdef0123456789abcdef01234567", busy(429, "1")));
    bench.hub.fail(Fault::on(TEST_FILE, busy(500, "0")).times(2));
    bench.fetch(&at(COMMIT)).unwrap();
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("wait: 1.0"), "{events}");
    assert_eq!(events.matches("Retry").count(), 3, "{events}");

    bench.hub.fail(Fault::on("revision/main", busy(429, "3600")));
    let error = bench.fetch(&source(HubFormat::Raw)).unwrap_err();
    assert!(error.to_string().contains("asks to wait 3600 s"), "{error}");
    bench.hub.fail(Fault::on("revision/main", busy(500, "0")).times(5));
    let error = bench.fetch(&source(HubFormat::Raw)).unwrap_err().to_string();
    assert!(error.contains("after 5 attempts: it answers 500"), "{error}");
}

#[test]
fn an_address_where_no_hub_is_says_so() {
    let cache = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut access = HubAccess::new(&format!("http://127.0.0.1:{port}"), cache.path());
    (access.pause, access.attempts) = (Duration::from_millis(1), 2);
    let error = hub::fetch(&source(HubFormat::Raw), &access, &|_| {}).unwrap_err().to_string();
    assert!(error.contains("after 2 attempts") && error.contains("--offline"), "{error}");
}

#[test]
fn two_downloads_of_one_file_at_once_end_in_one_right_file() {
    let bench = Bench::new(repository());
    let (piece, pause) = (20_000, Duration::from_millis(30));
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Slow { piece, pause }).times(2));
    let access = bench.access();
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                let snapshot = hub::fetch(&at(COMMIT), &access, &|_| {}).unwrap();
                assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
            });
        }
    });
    let bodies = bench
        .hub
        .requests()
        .into_iter()
        .filter(|r| r.store && r.method == "GET" && r.path.ends_with(TEST_FILE));
    assert_eq!(bodies.count(), 1, "the second waits for the first");
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
    bench.assert_nothing_half_done();
}

/// A file system of 100 KiB, unmounted when dropped. Only root may have one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=100k", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then(|| SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_is_named_and_the_half_removed() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: only root can mount the small disk that this test fills");
        return;
    };
    let bench = Bench::new(repository());
    let access = HubAccess { cache: disk.0.path().to_owned(), ..bench.access() };
    let error = bench.fetch_by(&at(COMMIT), &access).unwrap_err();
    assert!(matches!(error, HubError::NoSpace { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("no space for data/test.jsonl"), "{text}");
    assert!(text.contains("--hf-cache"), "{text}");
    assert!(!bench.events.borrow().join("").contains("Retry"), "no use to try again");
    let blobs = disk.0.path().join("datasets--some-one--skills.v1");
    assert!(!blobs.join(".clawsig").exists());
    assert_eq!(fs::read_dir(blobs.join("blobs")).unwrap().count(), 2, "train and validation");
}

fn parquet(first: usize, verdict: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let mut writer = RawParquetWriter::create(&path).unwrap();
    for number in first..first + 5 {
        let row = RawRow {
            id: format!("{number:064x}"),
            skill_version: "1".to_owned(),
            clawscan_verdict: verdict.to_owned(),
            clawscan_context: "{}".to_owned(),
            split: "train".to_owned(),
            ..RawRow::default()
        };
        writer.push(&row).unwrap();
    }
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

#[test]
fn the_parquet_conversion_is_listed_page_by_page_and_called_stale() {
    let converted = Repository::new(REPO)
        .commit(COMMIT, hub::PARQUET_REVISION)
        .large_file("default/train/0000.parquet", parquet(0, "clean"))
        .large_file("default/train/0001.parquet", parquet(10, "suspicious"))
        .large_file("default/train/0002.parquet", parquet(20, "unknown"))
        .large_file("default/test/0000.parquet", parquet(30, "malicious"))
        .large_file("other/test/0000.parquet", parquet(40, "malicious"))
        .page(2);
    let bench = Bench::new(converted);
    let source = source(HubFormat::Parquet);
    let snapshot = bench.fetch(&source).unwrap();
    let pages = bench.hub.requests().iter().filter(|r| r.path.contains("/tree/")).count();
    assert_eq!(pages, 3, "four files and two folders, two a page");
    assert!(snapshot.warnings[0].contains("STALE"), "{:?}", snapshot.warnings);
    let profile = read(snapshot, None).unwrap().profile;
    assert_eq!((profile.rows, profile.rejected, profile.files.len()), (20, 0, 4));
    assert_eq!(profile.splits[0].verdicts["unknown"], 5);
    assert!(profile.warnings.iter().any(|w| w.starts_with("5 rows with the verdict `unknown`")));

    let offline = bench.fetch_by(&source, &bench.offline()).unwrap();
    assert!(offline.warnings[1].contains("whether the Hub has more"), "{:?}", offline.warnings);
    assert_eq!(read(offline, None).unwrap().profile.files.len(), 4);
}

#[test]
fn the_live_edition_is_split_by_hash_and_its_manifest_kept() {
    let manifest = json!({ "generatedAt": "2026-01-05", "rows": 40 });
    let rows: String = (0..40)
        .map(|n: usize| {
            let mut row = row(n, "clean");
            row["split"] = json!("latest");
            row.to_string() + "\n"
        })
        .collect();
    let edition = |commit: &str, manifest: Vec<u8>| {
        Repository::new(REPO)
            .commit(commit, "main")
            .large_file("data/latest.jsonl", rows.clone().into_bytes())
            .small_file(hub::LIVE_MANIFEST, manifest)
    };
    let bench = Bench::new(edition(COMMIT, manifest.to_string().into_bytes()));
    let snapshot = bench.fetch(&source(HubFormat::Live)).unwrap();
    assert_eq!(snapshot.manifest, Some(manifest));
    assert!(snapshot.warnings[0].contains(COMMIT), "{:?}", snapshot.warnings);
    let profile = read(snapshot, None).unwrap().profile;
    let by_split: Vec<u64> = profile.splits.iter().map(|split| split.rows).collect();
    // Counted by Python 3.11.7: int(hashlib.sha256(id.encode()).hexdigest()[:8], 16) / 0xffffffff
    // of f"{n:064x}" for n in range(40), below 0.70, 0.85, 0.95 and the rest.
    assert_eq!(by_split, [27, 8, 3, 2]);

    let moved = "f".repeat(40);
    bench.hub.replace(edition(&moved, b"no json".to_vec()));
    let error = bench.fetch(&source(HubFormat::Live)).unwrap_err();
    assert!(matches!(error, HubError::Manifest { .. }), "{error}");
    let again = HubSource { revision: Some(COMMIT.to_owned()), ..source(HubFormat::Live) };
    assert_eq!(bench.fetch(&again).unwrap().commit, COMMIT, "from the cache");
}

/// huggingface_hub in an environment of its own, made once below the build folder.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("huggingface-hub-2.4.0");
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let done = folder.join("installed");
    if done.exists() {
        return Ok(program);
    }
    let _ = fs::remove_dir_all(&folder);
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(e) => Err(e.to_string()),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&program).args(["-m", "pip", "install", "-q", "huggingface_hub==2.4.0"]))?;
    fs::write(done, "").map_err(|e| e.to_string())?;
    Ok(program)
}

fn run_python(program: &Path, bench: &Bench, offline: &str, code: &str) -> String {
    let output = Command::new(program)
        .args(["-c", code])
        .env("HF_ENDPOINT", bench.hub.endpoint())
        .env("HF_HUB_CACHE", bench.cache.path())
        .env("HF_HOME", bench.cache.path().join("home"))
        .env("HF_HUB_OFFLINE", offline)
        .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        .env_remove("HF_TOKEN")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_and_clawsig_share_one_cache() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            println!("skipped: no huggingface_hub 2.4.0 here: {reason}");
            return;
        }
    };
    let download = format!(
        "from huggingface_hub import snapshot_download\n\
         print(snapshot_download('{REPO}', repo_type='dataset', revision='main'))"
    );
    // What Python has downloaded, clawsig reads offline.
    let bench = Bench::new(repository());
    run_python(&python, &bench, "0", &download);
    bench.hub.forget();
    let snapshot = bench.fetch_by(&source(HubFormat::Raw), &bench.offline()).unwrap();
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    bench.fetch(&at(COMMIT)).unwrap();
    assert!(bench.hub.requests().is_empty(), "{:?}", bench.hub.requests());

    // What clawsig has downloaded, Python reads offline, and does not download online.
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    bench.hub.forget();
    let check = format!(
        "from huggingface_hub import hf_hub_download\n\
         path = hf_hub_download('{REPO}', '{TEST_FILE}', repo_type='dataset', revision='main')\n\
         print(len(open(path, 'rb').read()))"
    );
    let bytes = run_python(&python, &bench, "1", &check);
    assert_eq!(bytes.trim(), lines(3000, 400).len().to_string());
    assert!(bench.hub.requests().is_empty());
    run_python(&python, &bench, "0", &download);
    let bodies = bench.hub.requests().into_iter().filter(|r| r.store && r.method == "GET");
    assert_eq!(bodies.count(), 0, "every blob is there");
}
