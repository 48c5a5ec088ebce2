//! Ctrl-C and SIGTERM: leave a clean folder and say how to go on.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use tempfile::TempDir;

/// Held by whoever ends the process: one ending, one exit code.
static ENDING: Mutex<()> = Mutex::new(());

/// The scratch folders that the process would leave if it ended now.
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn scratch_folders() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is whole whatever a thread that panicked was doing.
    SCRATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scratch folder that an interruption removes too.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    /// A new folder in `parent` whose name begins with `prefix`.
    pub(crate) fn new(prefix: &str, parent: &Path) -> io::Result<Scratch> {
        let mut folders = scratch_folders();
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        folders.push(folder.path().to_owned());
        Ok(Scratch(folder))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        scratch_folders().retain(|folder| folder != self.0.path());
    }
}

/// Waits for an interruption that is under way, which then ends the process with its own exit
/// code: what fails because its folder was just removed is no error to tell.
pub(crate) fn wait_if_interrupted() {
    // The lock is given back at once if nobody ends the process.
    drop(ENDING.lock());
}

/// Watches for the signals in a thread of its own. On one, unfinished folders are removed, the
/// user is told what is left and how to go on, and the process ends with 128 + the signal's
/// number, as shells expect.
pub(crate) fn watch(how_to_go_on: &'static str) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        tracing::warn!("signals can't be watched; an interrupted run is cleaned up by the next");
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _ending = ENDING.lock();
            let _held = clawsig_store::discard_unfinished();
            for folder in scratch_folders().drain(..) {
                // Its writer may add a file meanwhile; the folder's name says whose it was.
                let _ = std::fs::remove_dir_all(folder);
            }
            crate::terminal::close();
            crate::terminal::say(&format!("interrupted: {how_to_go_on}"));
            std::process::exit(128 + signal);
        }
    });
}
