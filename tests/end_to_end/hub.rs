//! Runs whose rows come from a Hub: a server that the test starts on 127.0.0.1.

use std::{fs, path::Path};

use clawsig_test_hub::{Repository, TestHub};

use crate::program::{Outcome, Sandbox, artifacts};

const REPO: &str = "some-one/skills";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_NobodyMayReadThis";

/// A sandbox, and a server with 200 synthetic skills in its four files.
fn start(adapt: impl Fn(Repository) -> Repository) -> (Sandbox, TestHub) {
    let sandbox = Sandbox::new();
    let folder = sandbox.path(sandbox.dataset(200, "jsonl"));
    let mut repository = Repository::new(REPO).commit(COMMIT, "main");
    for split in ["train", "validation", "test", "eval_holdout"] {
        let name = format!("{split}.jsonl");
        let path = [folder.join(&name), folder.join("data").join(&name)];
        let path = path.iter().find(|path| path.exists()).unwrap();
        repository = repository.large_file(&format!("data/{name}"), fs::read(path).unwrap());
    }
    (sandbox, TestHub::start([adapt(repository)]).unwrap())
}

/// Runs a command on the server's dataset, with everything that is said of it in the environment.
fn call(sandbox: &Sandbox, hub: &TestHub, words: &[&str], more: &[(&str, &str)]) -> Outcome {
    let (endpoint, home) = (hub.endpoint(), sandbox.path("hf"));
    let variables = [
        ("HF_ENDPOINT", endpoint.as_str()),
        ("HF_HOME", home.to_str().unwrap()),
        ("HF_HUB_CACHE", ""),
        ("HF_HUB_OFFLINE", ""),
        ("HF_TOKEN", ""),
    ];
    let source = ["--set", "source.kind=hub", "--set", "source.repo=some-one/skills"];
    sandbox.clawsig_with(&[words, &source[..]].concat(), &[&variables[..], more].concat())
}

fn blob_of(sandbox: &Sandbox, name: &str) -> std::path::PathBuf {
    let snapshot = sandbox.path("hf/hub/datasets--some-one--skills/snapshots").join(COMMIT);
    fs::canonicalize(snapshot.join(name)).unwrap()
}

#[test]
fn a_locked_revision_runs_once_and_is_up_to_date_without_the_network() {
    let (sandbox, hub) = start(|repository| repository);
    let dry = call(&sandbox, &hub, &["ingest", "--out", "run", "--dry-run"], &[]).done();
    assert!(dry.stdout.contains("has to be fetched"), "{}", dry.stdout);
    assert!(hub.requests().is_empty(), "a look downloads nothing");

    let lock = call(&sandbox, &hub, &["lock", "--name", "mine"], &[]).done();
    assert!(lock.stderr.contains("in no lock"), "{}", lock.stderr);
    assert!(lock.stderr.contains("downloaded data/train.jsonl"), "{}", lock.stderr);
    fs::write(sandbox.path("lock.json"), &lock.stdout).unwrap();

    let run = ["ingest", "--out", "run", "--set", "source.lock=lock.json"];
    let first = call(&sandbox, &hub, &run, &[]).done();
    assert!(!first.stderr.contains("warning"), "{}", first.stderr);
    let record = fs::read_to_string(sandbox.path("run/ingest/source.json")).unwrap();
    assert!(record.contains(COMMIT) && record.contains("\"locked\": \"mine\""), "{record}");

    hub.forget();
    let offline = call(&sandbox, &hub, &run, &[("HF_HUB_OFFLINE", "1")]).done();
    assert!(offline.stderr.contains("up to date"), "{}", offline.stderr);
    // The branch is the same commit, so that there is nothing to do either.
    let branch = [&run[..], &["--offline", "--set", "source.revision=main"]].concat();
    let branch = call(&sandbox, &hub, &branch, &[]).done();
    assert!(branch.stderr.contains("up to date"), "{}", branch.stderr);
    assert!(hub.requests().is_empty());

    // The same rows from a folder give the same signals.
    let words = ["ingest", "--out", "other", "--set", "source.kind=path", "--set"];
    let path = format!("source.path={}", sandbox.dataset(200, "jsonl"));
    sandbox.clawsig(&[&words[..], &[&path]].concat()).done();
    let signals = |run: &str| artifacts(&sandbox.path(run).join("ingest/signals"));
    assert_eq!(signals("run"), signals("other"));
}

#[test]
fn a_changed_byte_is_named_and_nothing_made_of_it_stays() {
    let (sandbox, hub) = start(|repository| repository);
    let lock = call(&sandbox, &hub, &["lock"], &[]).done();
    fs::write(sandbox.path("lock.json"), &lock.stdout).unwrap();
    let blob = blob_of(&sandbox, "data/test.jsonl");
    let mut bytes = fs::read(&blob).unwrap();
    let place = bytes.windows(4).rposition(|four| four == b"clea").unwrap();
    bytes[place] = b'C';
    fs::write(&blob, bytes).unwrap();
    let run = ["ingest", "--out", "run", "--set", "source.lock=lock.json"];
    let failed = call(&sandbox, &hub, &run, &[]);
    let failed = failed.fails_with(1, &["data/test.jsonl is not the expected file", "SHA-256"]);
    assert!(failed.stderr.contains("removed from the cache"), "{}", failed.stderr);
    assert!(!sandbox.path("run/ingest").exists());
    call(&sandbox, &hub, &run, &[]).done();
}

#[test]
fn offline_without_the_files_and_wrong_words_are_one_clear_error() {
    let (sandbox, hub) = start(|repository| repository);
    let run = ["ingest", "--out", "run"];
    call(&sandbox, &hub, &[&run[..], &["--offline"]].concat(), &[])
        .fails_with(1, &["offline", "without --offline"]);
    call(&sandbox, &hub, &[&run[..], &["--hf-endpoint", "ftp://x"]].concat(), &[])
        .fails_with(2, &["the Hub's address"]);
    call(&sandbox, &hub, &[&run[..], &["--hf-token-file", "none"]].concat(), &[])
        .fails_with(2, &["no token in none"]);
    call(&sandbox, &hub, &[&run[..], &["--set", "source.revision=a b"]].concat(), &[])
        .fails_with(2, &["revision is \"a b\""]);
    assert!(hub.requests().is_empty());
    assert!(!sandbox.path("run/ingest").exists());
}

#[test]
fn the_token_is_nowhere_to_be_read() {
    let (sandbox, hub) = start(|repository| repository.private(TOKEN));
    let run = ["run", "--out", "run"];
    let outcomes = [
        call(&sandbox, &hub, &run, &[("HF_TOKEN", "hf_WrongOne"), ("RUST_LOG", "trace")]),
        call(&sandbox, &hub, &run, &[("HF_TOKEN", TOKEN), ("RUST_LOG", "trace")]).done(),
    ];
    assert_eq!(outcomes[0].code, Some(1));
    assert!(outcomes[0].stderr.contains("not accepted"), "{}", outcomes[0].stderr);
    assert!(hub.requests().iter().any(|r| r.authorization.is_some()));
    for outcome in outcomes {
        let text = outcome.stdout + &outcome.stderr;
        assert!(!text.contains(TOKEN) && !text.contains("hf_WrongOne"), "{text}");
    }
    for folder in ["run", "hf"] {
        for (name, bytes) in files(&sandbox.path(folder)) {
            let found = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
            assert!(!found, "{folder}/{name} holds the token");
        }
    }
}

/// Every file below a folder, the timings and locks too.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = artifacts(folder).into_iter().collect();
    found.extend(fs::read(folder.join(".lock")).map(|bytes| (".lock".to_owned(), bytes)));
    found
}
