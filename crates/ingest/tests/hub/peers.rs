//! One cache for clawsig and for Python's huggingface_hub, from the Hub and from a mirror.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use clawsig_ingest::{HubAccess, HubFormat, hub};
use clawsig_test_hub::{Action, Fault, Seen, TestHub};
use tempfile::TempDir;

use super::{Bench, COMMIT, REPO, TEST_FILE, at, lines, read, repository, source};

/// The client and the mirror.
const PACKAGES: [&str; 2] = ["huggingface_hub==2.4.0", "olah==0.5.4"];

/// Python with both in an environment of its own, made once below the build folder.
fn python() -> Result<PathBuf, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(make_python).clone()
}

fn make_python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("huggingface-hub-and-olah");
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let done = folder.join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == PACKAGES.join(" ")) {
        return Ok(program);
    }
    let _ = fs::remove_dir_all(&folder);
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(e) => Err(e.to_string()),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&program).args(["-m", "pip", "install", "-q"]).args(PACKAGES))?;
    fs::write(done, PACKAGES.join(" ")).map_err(|e| e.to_string())?;
    Ok(program)
}

/// Python, or a line that says why the test is skipped.
macro_rules! python_or_skip {
    () => {
        match python() {
            Ok(python) => python,
            Err(reason) => {
                println!("skipped: can't install {}: {reason}", PACKAGES.join(" and "));
                return;
            }
        }
    };
}

fn run_python(program: &Path, bench: &Bench, offline: &str, code: &str) -> String {
    run_python_on(program, bench, &bench.hub.endpoint(), offline, code)
}

fn run_python_on(
    program: &Path,
    bench: &Bench,
    endpoint: &str,
    offline: &str,
    code: &str,
) -> String {
    let output = Command::new(program)
        .args(["-c", code])
        .env("HF_ENDPOINT", endpoint)
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
    let python = python_or_skip!();
    let download = whole_dataset();
    // Clawsig reads offline the files that Python has downloaded.
    let bench = Bench::new(repository());
    run_python(&python, &bench, "0", &download);
    bench.hub.forget();
    let snapshot = bench.fetch_by(&source(HubFormat::Raw), &bench.offline()).unwrap();
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    bench.fetch(&at(COMMIT)).unwrap();
    assert!(bench.hub.requests().is_empty(), "{:?}", bench.hub.requests());

    // Python reads offline the files that clawsig has downloaded, and online asks for none again.
    let bench = Bench::new(repository());
    bench.fetch(&source(HubFormat::Raw)).unwrap();
    bench.hub.forget();
    let check = one_file();
    let bytes = run_python(&python, &bench, "1", &check);
    assert_eq!(bytes.trim(), lines(3000, 400).len().to_string());
    assert!(bench.hub.requests().is_empty());
    run_python(&python, &bench, "0", &download);
    let bodies = bench.hub.requests().into_iter().filter(|r| r.store && r.method == "GET");
    assert_eq!(bodies.count(), 0, "every blob is there");
}

/// Python that downloads the dataset.
fn whole_dataset() -> String {
    format!(
        "from huggingface_hub import snapshot_download\n\
         print(snapshot_download('{REPO}', repo_type='dataset', revision='main'))"
    )
}

/// Python that downloads the largest file and prints its size.
fn one_file() -> String {
    format!(
        "from huggingface_hub import hf_hub_download\n\
         path = hf_hub_download('{REPO}', '{TEST_FILE}', repo_type='dataset', revision='main')\n\
         print(len(open(path, 'rb').read()))"
    )
}

fn bodies(hub: &TestHub) -> usize {
    let of_file = |r: &Seen| r.store && r.method == "GET" && r.path.ends_with(TEST_FILE);
    hub.requests().into_iter().filter(of_file).count()
}

/// Waits until someone is in the middle of the file, or has failed.
fn wait_for_body(hub: &TestHub) {
    for _ in 0..600 {
        if bodies(hub) > 0 {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn of_python_and_clawsig_one_waits_for_the_others_download() {
    let python = python_or_skip!();
    for clawsig_is_first in [false, true] {
        let bench = Bench::new(repository());
        let (piece, pause) = (20_000, Duration::from_millis(200));
        bench.hub.fail(Fault::on_body(TEST_FILE, Action::Slow { piece, pause }));
        let (access, hub) = (bench.access(), &bench.hub);
        let ours = move || {
            let snapshot = hub::fetch(&at(COMMIT), &access, &|_| {}).unwrap();
            assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
        };
        thread::scope(|scope| {
            let python = || {
                let bytes = run_python(&python, &bench, "0", &one_file());
                assert_eq!(bytes.trim(), lines(3000, 400).len().to_string());
            };
            if clawsig_is_first {
                scope.spawn(ours);
                wait_for_body(hub);
                python();
            } else {
                scope.spawn(move || {
                    wait_for_body(hub);
                    ours();
                });
                python();
            }
        });
        assert_eq!(bodies(hub), 1, "clawsig first: {clawsig_is_first}");
        assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
        bench.assert_nothing_half_done();
    }
}

/// A mirror of the test server, ended when dropped.
struct Mirror {
    process: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Mirror {
    fn start(python: &Path, hub: &TestHub) -> Mirror {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let netloc = format!("127.0.0.1:{port}");
        let upstream = hub.endpoint();
        let process = Command::new(python)
            .args(["-m", "olah.server", "--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--hf-scheme", "http", "--hf-netloc", upstream.trim_start_matches("http://")])
            .args(["--mirror-netloc", &netloc, "--repos-path", "repos", "--log-path", "logs"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..600 {
            if std::net::TcpStream::connect(&netloc).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        Mirror { process, endpoint: format!("http://{netloc}"), _folder: folder }
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_mirror_fills_the_cache_that_python_and_clawsig_share() {
    let python = python_or_skip!();
    // Python reads offline the files that clawsig has from the mirror; and the other way round.
    let bench = Bench::new(repository());
    let mirror = Mirror::start(&python, &bench.hub);
    let access = HubAccess { endpoint: mirror.endpoint.clone(), ..bench.access() };
    let access = HubAccess { stall: Duration::from_secs(30), ..access };
    let snapshot = bench.fetch_by(&source(HubFormat::Raw), &access).unwrap();
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
    let bytes = run_python(&python, &bench, "1", &one_file());
    assert_eq!(bytes.trim(), lines(3000, 400).len().to_string());

    let bench = Bench::new(repository());
    let mirror = Mirror::start(&python, &bench.hub);
    run_python_on(&python, &bench, &mirror.endpoint, "0", &whole_dataset());
    let snapshot = bench.fetch_by(&source(HubFormat::Raw), &bench.offline()).unwrap();
    assert_eq!(read(snapshot, None).unwrap().profile.rows, 430);
}
