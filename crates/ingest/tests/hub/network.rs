//! Servers, networks and disks that fail.

use std::{fs, process::Command, sync::Barrier, time::Duration};

use clawsig_ingest::{
    HubAccess, HubError, HubFormat, HubSource,
    hub::{self, Token},
};
use clawsig_schema::Split;
use clawsig_test_hub::{Action, Fault, Repository};
use tempfile::TempDir;

use super::{Bench, COMMIT, REPO, TEST_FILE, at, lines, read, repository, source};

#[test]
fn a_connection_cut_in_mid_file_goes_on_where_it_was() {
    // A server that ignores `Range` sends all of it again.
    for (fault, ranges) in [
        (None, ["-", "bytes=30000-", "bytes=60000-"]),
        (Some(Action::IgnoreRange), ["-", "bytes=30000-", "bytes=30000-"]),
    ] {
        let bench = Bench::new(repository());
        bench.hub.fail(Fault::on_body(TEST_FILE, Action::Cut { after: 30_000 }));
        let second = fault.unwrap_or(Action::Cut { after: 30_000 });
        let ignored = matches!(second, Action::IgnoreRange);
        bench.hub.fail(Fault::on_body(TEST_FILE, second));
        let snapshot = bench.fetch(&at(COMMIT)).unwrap();
        assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
        assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
        let retries = bench.events.borrow().iter().filter(|e| e.contains("Retry")).count();
        assert_eq!(retries, if ignored { 1 } else { 2 }, "{:?}", bench.events);
        let asked: Vec<String> = bench
            .hub
            .requests()
            .into_iter()
            .filter(|r| r.store && r.path.ends_with(TEST_FILE))
            .map(|r| r.range.unwrap_or_else(|| "-".to_owned()))
            .collect();
        assert_eq!(asked, ranges[..if ignored { 2 } else { 3 }]);
        bench.assert_nothing_half_done();
    }
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
fn a_truncated_file_does_not_enter_the_cache() {
    let bench = Bench::new(repository());
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Truncate { to: 30_000 }).times(2));
    bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("30000 bytes came instead of"), "{events}");
    assert_eq!(events.matches("Retry").count(), 2, "{events}");
    bench.assert_nothing_half_done();
}

#[test]
fn what_can_not_heal_is_told_at_once() {
    let store = |code| Fault::on_body(TEST_FILE, Action::Status { code, header: None });
    let cases = [
        (store(403), "answers 403 to the request for data/test.jsonl"),
        (store(404), "answers 404 to the request for data/test.jsonl"),
        (Fault::on_body(TEST_FILE, Action::Page), "a page (text/html) came instead"),
        (Fault::on("revision/main", Action::Page), "a page (text/html) came instead of JSON"),
        (
            Fault::on_body(TEST_FILE, Action::Encode { encoding: "br" }),
            "the bytes come encoded as br, which was not asked for",
        ),
    ];
    for (fault, expected) in cases {
        let bench = Bench::new(repository());
        bench.hub.fail(fault);
        let error = bench.fetch(&source(HubFormat::Raw)).unwrap_err().to_string();
        assert!(!bench.events.borrow().join("").contains("Retry"), "{:?}", bench.events);
        bench.assert_nothing_half_done();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("proxy") && error.contains("HF_ENDPOINT"), "{error}");
        assert!(!bench.cached(TEST_FILE).exists());
    }
}

#[test]
fn a_compressed_body_is_decoded() {
    let bench = Bench::new(repository());
    let gzip = Action::Encode { encoding: "gzip" };
    bench.hub.fail(Fault::on_body("data/train.jsonl", gzip.clone()));
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Cut { after: 10_000 }));
    // It can't be gone on with, so it comes whole.
    bench.hub.fail(Fault::on_body(TEST_FILE, gzip));
    bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached("data/train.jsonl")).unwrap(), lines(1000, 10));
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
}

#[test]
fn a_file_that_git_holds_must_have_gits_hash() {
    let small = || {
        let mut repository = Repository::new(REPO).commit(COMMIT, "main");
        for (i, split) in Split::ALL.iter().enumerate() {
            let body = lines(1000 * (i + 1), 9);
            repository = repository.small_file(&format!("data/{split}.jsonl"), body);
        }
        repository
    };
    let bench = Bench::new(small());
    let whole = lines(3000, 9);
    let mut other = whole.clone();
    *other.last_mut().unwrap() = b' ';
    // One answer describes the file, the next would be it.
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Replace { with: other }).times(2));
    bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), whole);
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("other bytes came than the Hub lists"), "{events}");

    // A blob that lost its last lines is noticed without the network, and brought again with it.
    let cut = lines(3000, 7);
    fs::write(fs::canonicalize(bench.cached(TEST_FILE)).unwrap(), &cut).unwrap();
    let error = bench.fetch_by(&at(COMMIT), &bench.offline()).unwrap_err();
    assert!(matches!(error, HubError::Damaged { .. }), "{error}");
    bench.fetch(&at(COMMIT)).unwrap();
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), whole);
}

#[test]
fn a_download_asks_for_no_more_than_the_commit_and_the_files() {
    // Mirrors have little more, and Python's client asks for no more either.
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    let asked = bench.hub.requests();
    let other = |path: &str| !path.contains("/revision/") && !path.contains("/resolve/");
    assert!(!asked.iter().any(|r| !r.store && other(&r.path)), "{asked:?}");
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
    // A token that the server echoes is not repeated.
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
    bench.hub.fail(Fault::on("revision/main", busy(429, "1")));
    bench.hub.fail(Fault::on(TEST_FILE, busy(500, "0")).times(2));
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    let events = bench.events.borrow().join("\n");
    assert!(events.contains("wait: 1.0"), "{events}");
    assert_eq!(events.matches("Retry").count(), 3, "{events}");

    bench.hub.fail(Fault::on("revision/main", busy(429, "3600")));
    let error = bench.fetch(&source(HubFormat::Raw)).unwrap_err();
    assert!(error.to_string().contains("asks to wait 3600 s"), "{error}");
    bench.hub.fail(Fault::on("revision/main", busy(500, "0")).times(5));
    let error = bench.fetch(&source(HubFormat::Raw)).unwrap_err().to_string();
    assert!(error.contains("after 5 attempts") && error.contains("answers 500"), "{error}");
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
