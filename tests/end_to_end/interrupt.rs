//! Ctrl-C in the middle of a run leaves finished stages alone, no half of one, and a way on.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use crate::program::{Sandbox, artifacts};

#[test]
fn an_interrupted_run_says_how_to_go_on_and_ends_in_the_same_bytes() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(3_000, "jsonl");
    let path = format!("source.path={data}");
    let words = |out: &'static str| {
        let set = ["run", "--set", "source.kind=path", "--set"];
        let replicates = ["--set", "agreement.replicates=20000", "--out", out];
        [&set[..], &[path.as_str()], &replicates].concat()
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
        .args(words("interrupted"))
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut all = String::new();
    // The agreement stage has begun: its 20,000 replicates take longer than the signal.
    while !all.contains("agreement  runs") {
        assert_ne!(said.read_line(&mut all).unwrap(), 0, "ended before agreement:\n{all}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    said.read_to_string(&mut all).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130), "{all}");
    assert!(all.contains("interrupted") && all.contains("goes on"), "{all}");

    let run = sandbox.path("interrupted");
    let names: Vec<String> = fs::read_dir(&run)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with(".lock"))
        .collect();
    assert_eq!(names, ["ingest"], "only the finished stage is left");

    let again = sandbox.clawsig(&words("interrupted")).done();
    assert!(again.stderr.contains("ingest     up to date"), "{}", again.stderr);
    sandbox.clawsig(&words("whole")).done();
    let (interrupted, whole) = (artifacts(&run), artifacts(&sandbox.path("whole")));
    assert_eq!(interrupted.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(*bytes == interrupted[name], "{name} differs");
    }
}
