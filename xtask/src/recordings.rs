//! What the documents show of the terminal, run again.
//!
//! A fenced block of the language `console` holds commands after `$ ` and the lines that each
//! printed. The commands of a document run one after the other in one scratch folder, in which
//! `data`, `tests` and `crates` are the checkout's and `clawsig` is the program built from it. A
//! comment `<!-- $ COMMAND -->` runs a command that the reader does not see.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Failure,
    cargo::{build_clawsig, output, root},
};

/// The width of the terminal that is recorded.
const COLUMNS: &str = "80";

/// Writes the recordings of every document anew, or, where they are only to be checked, fails for
/// those that a command no longer prints.
pub(crate) fn record(check: bool) -> Result<(), Failure> {
    let program = build_clawsig()?;
    let tracked = output(Command::new("git").args(["ls-files", "*.md"]).current_dir(root()))?;
    let mut stale = Vec::new();
    let mut blocks = 0;
    for name in tracked.lines() {
        let path = root().join(name);
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        if !text.contains("\n```console\n") {
            continue;
        }
        let scratch = Scratch::new()?;
        let (recorded, count) = again(&text, |command| scratch.run(&program, command))?;
        blocks += count;
        if recorded == text {
            continue;
        }
        if check {
            stale.push(format!("{name}: {}", first_difference(&text, &recorded)));
        } else {
            fs::write(&path, recorded).map_err(failed("write", &path))?;
            println!("recordings: {name} written anew");
        }
    }
    if stale.is_empty() {
        println!("recordings: {blocks} commands");
        return Ok(());
    }
    Err(Failure::Check(format!(
        "recordings that no command prints any more; `cargo xtask recordings` makes them anew:\n  {}",
        stale.join("\n  ")
    )))
}

/// A folder for one document's commands.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let folder = env::temp_dir().join(format!("clawsig-recordings-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        #[cfg(unix)]
        for name in ["crates", "data", "tests"] {
            let link = folder.join(name);
            std::os::unix::fs::symlink(root().join(name), &link).map_err(failed("link", &link))?;
        }
        Ok(Scratch(folder))
    }

    /// What a command prints on both streams, whatever its exit code.
    fn run(&self, program: &Path, command: &str) -> Result<String, Failure> {
        let folder = program.parent().unwrap_or(program).display().to_string();
        let path = env::var("PATH").unwrap_or_default();
        let shown = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(&self.0)
            .env("PATH", format!("{folder}:{path}"))
            .env("HOME", &self.0)
            .env("XDG_STATE_HOME", self.0.join("state"))
            .env("COLUMNS", COLUMNS)
            .stdin(Stdio::null())
            .output()
            .map_err(failed("start", Path::new("sh")))?;
        Ok(String::from_utf8_lossy(&shown.stdout).into_owned())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed stays in the temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A document with its recordings made again by `run`, and how many commands that were.
fn again(
    text: &str,
    run: impl Fn(&str) -> Result<String, Failure>,
) -> Result<(String, usize), Failure> {
    let mut recorded = String::new();
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        recorded += line;
        recorded.push('\n');
        let hidden = line.strip_prefix("<!-- $ ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(command) = hidden {
            run(command)?;
        }
        if line != "```console" {
            continue;
        }
        while let Some(command) = lines.peek().and_then(|line| line.strip_prefix("$ ")) {
            lines.next();
            let ends = |line: &&str| line.starts_with("$ ") || *line == "```";
            let mut before = Vec::new();
            while let Some(line) = lines.next_if(|line| !ends(line)) {
                before.push(line);
            }
            let now = run(command)?;
            let now: Vec<&str> = now.trim_end().lines().collect();
            let same = is_same(&before, &now);
            recorded += &format!("$ {command}\n");
            for line in if same { &before } else { &now } {
                recorded += line;
                recorded.push('\n');
            }
            count += 1;
        }
    }
    Ok((recorded, count))
}

/// Whether nothing but what varies from run to run differs: a time, and where a line breaks that holds one.
fn is_same(before: &[&str], now: &[&str]) -> bool {
    let lines =
        |lines: &[&str]| -> Vec<String> { lines.iter().map(|l| without_times(l)).collect() };
    let (before, now) = (lines(before), lines(now));
    let shorter = before.len().min(now.len());
    let first = (0..shorter).take_while(|&at| before[at] == now[at]).count();
    let last = before.iter().rev().zip(now.iter().rev()).take_while(|(a, b)| a == b).count();
    let last = last.min(shorter - first);
    let words = |lines: &[String]| -> Vec<String> {
        lines.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect()
    };
    let before = &before[first..before.len() - last];
    let now = &now[first..now.len() - last];
    let (a, b) = (words(before), words(now));
    a == b && (before == now || a.iter().any(|word| word == "_"))
}

/// A line with `_` for each number of seconds.
fn without_times(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for at in 1..words.len() {
        let is_unit = words[at].trim_end_matches([',', ';', '.']) == "s";
        if is_unit && words[at - 1].parse::<f64>().is_ok() {
            words[at - 1] = "_";
        }
    }
    words.join(" ")
}

fn first_difference(before: &str, now: &str) -> String {
    let lines = || before.lines().zip(now.lines()).enumerate();
    match lines().find(|(_, (before, now))| before != now) {
        Some((at, (before, now))) => {
            format!("line {}: it has\n    {before}\n  and the command prints\n    {now}", at + 1)
        }
        None => "its end".to_owned(),
    }
}

fn failed(doing: &str, path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let what = format!("cannot {doing} {}", path.display());
    move |e| Failure::Check(format!("{what}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(command: &str) -> Result<String, Failure> {
        Ok(format!("{command} took 10.7 s,\nall\n"))
    }

    #[test]
    fn a_block_gets_what_its_commands_print_and_keeps_its_times() {
        let text = "a\n\n```console\n$ one\nold\n$ two\ntwo took 0.1 s, all\n```\nend\n";
        let (recorded, count) = again(text, printed).unwrap_or_default();
        let expected = "a\n\n```console\n$ one\none took 10.7 s,\nall\n$ two\ntwo took 0.1 s, all\n\
                        ```\nend\n";
        assert_eq!((recorded.as_str(), count), (expected, 2));
    }

    #[test]
    fn a_time_may_move_a_break_and_nothing_else_may() {
        assert!(is_same(&["a  1", "it took 0.1 s, all"], &["a  1", "it took 10.1 s,", "all"]));
        assert!(!is_same(&["a  1", "it took 0.1 s"], &["a 1", "it took 0.1 s"]));
        assert!(!is_same(&["one two", "three"], &["one", "two three"]));
        assert!(!is_same(&["one"], &["one", "two"]));
        assert!(!is_same(&["it took 0.1 s"], &["it took 0.1 s", "0.1 s"]));
        assert!(is_same(&[], &[]) && is_same(&["x"], &["x"]));
    }

    #[test]
    fn other_blocks_stay_and_hidden_commands_run_first() {
        let ran = std::cell::RefCell::new(Vec::new());
        let text = "<!-- $ hidden -->\n```sh\n$ not run\n```\n```console\n$ shown\n```\n";
        let run = |command: &str| {
            ran.borrow_mut().push(command.to_owned());
            Ok(String::new())
        };
        let (recorded, count) = again(text, run).unwrap_or_default();
        assert_eq!((recorded.as_str(), count), (text, 1));
        assert_eq!(ran.into_inner(), ["hidden", "shown"]);
    }
}
