//! The temporary folders of this process, inside run folders and elsewhere: they go when they are
//! dropped, when a signal ends the process, or, in a run folder, when the next process opens it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{StoreError, disk, error::io, journal::Journal, state::is_absence};

/// How long an interrupted process goes on removing folders that its threads still write into.
const PATIENCE: Duration = Duration::from_secs(5);

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The temporary folders that the process would leave if it ended now. While it is held, none is
/// made, put into place or dropped.
pub(crate) fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is whole whatever a thread that panicked was doing.
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary folders of this process. For a signal handler's thread that is about to
/// end the process: what was finished stays, what was not leaves nothing behind. While the result
/// is held no stage of this process begins, ends or is dropped, each waits.
#[must_use = "stages go on when it is dropped"]
pub fn discard_unfinished() -> Discarded {
    let folders = unfinished();
    let until = Instant::now() + PATIENCE;
    for folder in folders.iter() {
        // A writer may still be adding files: try again where the folder was not empty.
        while fs::remove_dir_all(folder).is_err_and(|e| !is_absence(&e)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Discarded { _folders: folders }
}

/// Keeps stages from going on, see [`discard_unfinished`].
#[derive(Debug)]
pub struct Discarded {
    _folders: MutexGuard<'static, Vec<PathBuf>>,
}

/// A folder for files that are needed while something works and not afterwards. It is removed when
/// it is dropped and by [`discard_unfinished`].
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A new folder in `parent`, which is no run folder. Its name begins with `prefix`.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it can't be created.
    pub fn new_in(parent: &Path, prefix: &str) -> Result<Scratch, StoreError> {
        let mut folders = unfinished();
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(parent)
            .map_err(io("create a folder in", parent))?
            .keep();
        folders.push(folder.clone());
        Ok(Scratch { folder })
    }

    /// A new folder of a run's.
    pub(crate) fn in_run(journal: &Journal, purpose: &str) -> Result<Scratch, StoreError> {
        let mut folders = unfinished();
        let folder = journal.enter(purpose, None)?;
        disk::create_folder(&folder).map_err(io("create", &folder))?;
        folders.push(folder.clone());
        Ok(Scratch { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut folders = unfinished();
        // Not there any more if a stage's result was made of it. Dropping can't report an error; in
        // a run folder the next process tries again.
        if folders.contains(&self.folder) {
            let _ = disk::remove_tree(&self.folder);
            folders.retain(|known| *known != self.folder);
        }
    }
}
