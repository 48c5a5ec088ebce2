//! One cache for clawsig and for Python's huggingface_hub.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use clawsig_ingest::{HubFormat, hub};
use clawsig_test_hub::{Action, Fault, Seen, TestHub};

use super::{Bench, COMMIT, REPO, TEST_FILE, at, lines, read, repository, source};

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

#[test]
fn python_and_clawsig_download_one_file_at_once() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            println!("skipped: no huggingface_hub 2.4.0 here: {reason}");
            return;
        }
    };
    let bench = Bench::new(repository());
    let (piece, pause) = (20_000, Duration::from_millis(60));
    bench.hub.fail(Fault::on_body(TEST_FILE, Action::Slow { piece, pause }).times(2));
    let bodies = |hub: &TestHub| {
        let of_file = |r: &Seen| r.store && r.method == "GET" && r.path.ends_with(TEST_FILE);
        hub.requests().into_iter().filter(of_file).count()
    };
    let download = format!(
        "from huggingface_hub import hf_hub_download\n\
         path = hf_hub_download('{REPO}', '{TEST_FILE}', repo_type='dataset', revision='main')\n\
         print(len(open(path, 'rb').read()))"
    );
    let (access, hub) = (bench.access(), &bench.hub);
    thread::scope(|scope| {
        let ours = scope.spawn(move || {
            // Until Python is in the middle of it, or has failed.
            for _ in 0..600 {
                if bodies(hub) > 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
            hub::fetch(&at(COMMIT), &access, &|_| {}).map(|snapshot| read(snapshot, None))
        });
        let bytes = run_python(&python, &bench, "0", &download);
        assert_eq!(bytes.trim(), lines(3000, 400).len().to_string());
        assert_eq!(ours.join().unwrap().unwrap().unwrap().profile.rows, 430);
    });
    assert_eq!(bodies(hub), 2, "neither waited for the other");
    assert_eq!(fs::read(bench.cached(TEST_FILE)).unwrap(), lines(3000, 400));
    bench.assert_nothing_half_done();
}
