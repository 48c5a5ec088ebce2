//! Ctrl-C in the middle of a run leaves finished stages alone, no half of one, and a way on.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::program::{Sandbox, artifacts};

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

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
    interrupt(&child);
    said.read_to_string(&mut all).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130), "{all}");
    assert!(all.contains("interrupted") && all.contains("goes on"), "{all}");

    let run = sandbox.path("interrupted");
    let folders: Vec<String> = fs::read_dir(&run)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name != ".clawsig")
        .collect();
    assert_eq!(folders, ["ingest"], "only the finished stage is left");
    let mut temporaries: Vec<_> =
        fs::read_dir(run.join(".clawsig")).unwrap().map(|e| e.unwrap().file_name()).collect();
    temporaries.sort();
    assert_eq!(temporaries, ["journal.jsonl", "lock"]);

    let again = sandbox.clawsig(&words("interrupted")).done();
    assert!(again.stderr.contains("ingest     up to date"), "{}", again.stderr);
    sandbox.clawsig(&words("whole")).done();
    let (interrupted, whole) = (artifacts(&run), artifacts(&sandbox.path("whole")));
    assert_eq!(interrupted.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(*bytes == interrupted[name], "{name} differs");
    }
}

/// Scratch folders outside of run folders go as well.
#[test]
fn an_interrupted_inspection_leaves_nothing() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let rows = sandbox.dataset(20_000, "jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
        .args(["inspect", rows])
        .current_dir(sandbox.path(""))
        .env("TMPDIR", &temporary)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_empty = || fs::read_dir(&temporary).unwrap().next().is_none();
    while is_empty() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(is_empty());
}

#[test]
fn an_interrupted_prediction_ends_with_one_message() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--out", "run", "--quiet"]).done();
    let mut child = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
        .args(["predict", "-", "--model", "run"])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It waits for more lines once the first is answered.
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"skill_md_content\": \"# Mail\"}\n").unwrap();
    input.flush().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    assert!(answer.contains("verdict"), "{answer}");
    interrupt(&child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert_eq!(said, "interrupted: what was printed so far may end in the middle of a skill\n");
    drop(input);
}

/// What a run says on a pipe and, where util-linux's `script` is there, on a terminal.
#[test]
fn bars_are_drawn_on_a_terminal_and_nowhere_else() {
    let sandbox = Sandbox::new();
    let words = ["run", "--set", "agreement.replicates=20000", "--out"];
    let piped = sandbox.clawsig(&[&words[..], &["piped"]].concat()).done();
    let announced = piped.stderr.lines().any(|line| line.trim_end() == "ingest     runs");
    assert!(announced && !piped.stderr.contains(['\r', '\u{1b}', '%']), "{:?}", piped.stderr);

    let program = env!("CARGO_BIN_EXE_clawsig-under-test");
    let on_terminal = |more: &str| {
        Command::new("script")
            .args(["-qec", &format!("'{program}' {} drawn{more}", words.join(" ")), "/dev/null"])
            .current_dir(sandbox.path(""))
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .output()
    };
    let Ok(drawn) = on_terminal("") else {
        println!("skipped: no `script` to give the program a terminal");
        return;
    };
    let drawn = String::from_utf8_lossy(&drawn.stdout).into_owned();
    for text in ["agreement [", "bootstrap, ", "evaluate  [", "fold 1, "] {
        assert!(drawn.contains(text), "no {text:?} in {drawn:?}");
    }
    let quiet = String::from_utf8_lossy(&on_terminal("2 --quiet").unwrap().stdout).into_owned();
    assert_eq!(quiet, "");
}
