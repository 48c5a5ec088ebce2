//! Calling the program under test, in a folder of its own, with limits.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{CampaignOptions, Failure};

/// Longer than any case needs, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// How the program is called.
pub(crate) struct Program {
    path: PathBuf,
    home: PathBuf,
    /// Words before the program's path, for example a shell that sets limits.
    wrapper: Vec<String>,
}

/// What it did.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The peak of its resident memory in bytes, as last seen; 0 if it ended at once.
    pub(crate) peak: u64,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// What is wrong with how it refused; nothing if it ended with code 1 or 2 and one error of
    /// one sentence, without a panic.
    pub(crate) fn unclear(&self) -> Option<String> {
        let is_error = |line: &&str| line.starts_with("error") || line.starts_with("{\"error\"");
        let errors = self.stderr.lines().filter(is_error).count();
        let panicked = self.stderr.contains("panicked") || self.stderr.contains("backtrace");
        if matches!(self.code(), Some(1 | 2)) && errors == 1 && !panicked {
            None
        } else {
            Some(format!("{}, {errors} errors: {}", self.status, last(&self.stderr, 600)))
        }
    }
}

/// The end of a text, for a message.
pub(crate) fn last(text: &str, bytes: usize) -> String {
    let from =
        (text.len().saturating_sub(bytes)..=text.len()).find(|&at| text.is_char_boundary(at));
    text[from.unwrap_or(text.len())..].trim_end().to_owned()
}

/// A running program.
pub(crate) struct Running {
    child: Child,
    out: thread::JoinHandle<String>,
    err: thread::JoinHandle<String>,
}

fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // A killed program's pipe just ends.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Running {
    /// SIGKILL, unless it has ended.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.child.kill()?)
    }

    /// Sends a signal by its name, unless it has ended.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), Failure> {
        if self.child.try_wait()?.is_none() {
            // Between the look and the signal it may end: then there is nobody to tell.
            let script = format!("kill -{name} {} 2>/dev/null", self.child.id());
            Command::new("sh").args(["-c", &script]).status()?;
        }
        Ok(())
    }

    /// Waits for its end; kills it when patience does.
    pub(crate) fn end(mut self) -> Result<Ended, Failure> {
        let started = Instant::now();
        let mut peak = 0;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            peak = peak.max(peak_of(self.child.id()));
            if started.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                return Err(format!("it hung: no end after {} s", PATIENCE.as_secs()).into());
            }
            thread::sleep(Duration::from_millis(2));
        };
        let text = |thread: thread::JoinHandle<String>| thread.join().unwrap_or_default();
        Ok(Ended { status, stdout: text(self.out), stderr: text(self.err), peak })
    }
}

/// The peak of a process's resident memory in bytes, where the system tells.
pub(crate) fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}

impl Program {
    /// The program, to run in folders below the campaign's scratch folder.
    pub(crate) fn new(options: &CampaignOptions) -> Result<Program, Failure> {
        let program = Program {
            path: options.program.clone(),
            home: options.scratch.clone(),
            wrapper: Vec::new(),
        };
        fs::create_dir_all(program.temporary())?;
        Ok(program)
    }

    /// The same program behind other words.
    pub(crate) fn behind(&self, words: &[&str]) -> Program {
        Program {
            path: self.path.clone(),
            home: self.home.clone(),
            wrapper: words.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    /// The same program with at most so many bytes of address space.
    pub(crate) fn within(&self, bytes: u64) -> Program {
        let script = format!("ulimit -v {}; exec \"$0\" \"$@\"", bytes / 1024);
        self.behind(&["sh", "-c", &script])
    }

    /// The folder that the program takes for the system's temporary one.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.home.join("tmp")
    }

    pub(crate) fn start(&self, words: &[&str]) -> Result<Running, Failure> {
        let mut line = self.wrapper.iter().map(PathBuf::from).chain([self.path.clone()]);
        let first = line.next().unwrap_or_default();
        let mut child = Command::new(first)
            .args(line)
            .args(words)
            .current_dir(&self.home)
            .env("TMPDIR", self.temporary())
            .env("HOME", &self.home)
            .env_remove("XDG_STATE_HOME")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", self.path.display()))?;
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        Ok(Running { child, out, err })
    }

    pub(crate) fn run(&self, words: &[&str]) -> Result<Ended, Failure> {
        self.start(words)?.end()
    }

    /// Runs it and requires that it ends well.
    pub(crate) fn done(&self, words: &[&str]) -> Result<Ended, Failure> {
        let ended = self.run(words)?;
        if ended.code() == Some(0) {
            Ok(ended)
        } else {
            Err(format!("`{}` failed: {}", words.join(" "), last(&ended.stderr, 600)).into())
        }
    }
}

/// The words of a full run into `out`: on the bundled sample, or, for tests, on a few rows that are
/// made here.
pub(crate) fn full_run(
    program: &Program,
    options: &CampaignOptions,
    out: &Path,
) -> Result<Vec<String>, Failure> {
    let mut words = vec!["run".to_owned(), "--out".to_owned(), out.display().to_string()];
    // Each stage takes its part of the time, so that a random moment falls into any of them.
    for few in ["agreement.replicates=200", "evaluate.replicates=200", "evaluate.refits=false"] {
        words.extend(["--set".to_owned(), few.to_owned()]);
    }
    if options.short {
        let data = options.scratch.join("data");
        if !data.exists() {
            let folder = data.display().to_string();
            program
                .done(&["synth", "--rows", "150", "--small", "--seed", "5", "--out", &folder])?;
        }
        words.extend([
            "--set".to_owned(),
            "source.kind=path".to_owned(),
            "--set".to_owned(),
            format!("source.path={}", data.display()),
        ]);
    }
    Ok(words)
}

/// The words as the program takes them.
pub(crate) fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
