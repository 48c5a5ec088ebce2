//! `clawsig-test-hub --repo OWNER/NAME [--commit HASH] [--revision NAME] [--port PORT] FOLDER`:
//! serves a folder as a dataset repository until it is stopped.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clawsig_test_hub::{Repository, TestHub};

const USAGE: &str = "usage: clawsig-test-hub --repo OWNER/NAME [--commit HASH] [--revision NAME] \
                     [--port PORT] FOLDER";

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to be done where even standard error is closed.
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    let (mut repo, mut folder) = (None, None);
    let (mut commit, mut revision, mut port) = ("1".repeat(40), "main".to_owned(), 0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--repo" => repo = Some(value()?),
            "--commit" => commit = value()?,
            "--revision" => revision = value()?,
            "--port" => {
                port = value()?.parse().map_err(|_| format!("--port is no number\n{USAGE}"))?;
            }
            _ if word.starts_with('-') => return Err(format!("unknown option {word}\n{USAGE}")),
            _ => folder = Some(PathBuf::from(word)),
        }
    }
    let (Some(repo), Some(folder)) = (repo, folder) else { return Err(USAGE.to_owned()) };
    let repository = Repository::new(&repo)
        .commit(&commit, &revision)
        .folder(&folder)
        .map_err(|e| format!("can't read {}: {e}", folder.display()))?;
    let hub = TestHub::start_on(port, [repository]).map_err(|e| format!("can't listen: {e}"))?;
    let mut out = io::stdout();
    writeln!(out, "{}", hub.endpoint())
        .and_then(|()| out.flush())
        .map_err(|e| format!("can't print the address: {e}"))?;
    hub.serve_forever();
    Ok(())
}
