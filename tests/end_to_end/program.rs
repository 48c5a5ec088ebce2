//! Calling the program under test.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// A scratch folder and the program to run in it.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
}

/// What the program did.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Requires exit code 0.
    #[track_caller]
    pub(crate) fn done(self) -> Outcome {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Requires that exit code and one clear error: no panic, no backtrace.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32, texts: &[&str]) -> Outcome {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert!(!self.stderr.contains("backtrace"), "{}", self.stderr);
        let is_error = |line: &&str| line.starts_with("error") || line.starts_with("{\"error\"");
        let errors = self.stderr.lines().filter(is_error).count();
        assert_eq!(errors, 1, "one error:\n{}", self.stderr);
        self
    }
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        Sandbox { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program with these words, in the scratch folder.
    pub(crate) fn clawsig(&self, words: &[&str]) -> Outcome {
        self.clawsig_with(words, &[])
    }

    /// Runs the program with words that may be no text.
    pub(crate) fn clawsig_of(&self, words: &[&OsStr]) -> Outcome {
        self.call(words, &[])
    }

    /// Runs the program with these words and environment variables.
    pub(crate) fn clawsig_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        self.call(&words.iter().map(OsStr::new).collect::<Vec<_>>(), variables)
    }

    fn call(&self, words: &[&OsStr], variables: &[(&str, &str)]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
            .args(words)
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env("XDG_STATE_HOME", self.path("state"))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the program with these words and bytes on its standard input.
    pub(crate) fn clawsig_fed(&self, words: &[&str], input: &[u8]) -> Outcome {
        let name = self.path(".stdin");
        fs::write(&name, input).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_clawsig-under-test"))
            .args(words)
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(fs::File::open(&name).unwrap())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A sandbox with a small dataset in `data-jsonl` and a trained and evaluated run of it in `run`.
    /// All tests of a process copy one.
    pub(crate) fn trained() -> Sandbox {
        static TRAINED: LazyLock<Sandbox> = LazyLock::new(|| {
            let sandbox = Sandbox::new();
            let data = format!("source.path={}", sandbox.dataset(400, "jsonl"));
            let words = ["--set", "source.kind=path", "--set", &data, "--out", "run", "--quiet"];
            let small = ["--set", "evaluate.replicates=20", "--set", "agreement.replicates=100"];
            sandbox.clawsig(&[&["run"], &words[..], &small[..]].concat()).done();
            sandbox
        });
        let sandbox = Sandbox::new();
        for name in ["data-jsonl", "run"] {
            copy(&TRAINED.path(name), &sandbox.path(name));
        }
        sandbox
    }

    /// Writes a small synthetic dataset and gives its folder's name.
    pub(crate) fn dataset(&self, rows: u32, format: &str) -> &'static str {
        let rows = rows.to_string();
        let words = ["synth", "--rows", &rows, "--seed", "5", "--small", "--as", format];
        let name = if format == "parquet" { "data-parquet" } else { "data-jsonl" };
        self.clawsig(&[&words[..], &["--out", name]].concat()).done();
        name
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// Every file below a folder but the timings and the temporaries, with its content.
pub(crate) fn artifacts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files);
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let relative = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            if name != ".clawsig" {
                collect(&entry.path(), &relative, files);
            }
        } else if name != "timing.json" {
            files.insert(relative, fs::read(entry.path()).unwrap());
        }
    }
}
