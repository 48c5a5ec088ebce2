//! A run's folder: one folder a stage, each whole or absent.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use crate::{
    Input, Manifest, Output, Plan, State, StoreError,
    error::io,
    hash::hash_file,
    lock::{FolderLock, LOCK_FILE},
    manifest::{FORMAT, MANIFEST_FILE},
    state::{Difference, difference, is_absence, state_of},
};

/// Times and machine facts of a stage: the one file that may differ between two runs of the same
/// plan, so it is no output and takes part in no hash.
pub const TIMING_FILE: &str = "timing.json";

const WORK_PREFIX: &str = ".work-";
const OLD_PREFIX: &str = ".old-";

/// The work folders that are being filled in this process, for [`discard_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the work folders of this process. For a signal handler's thread that is about to end
/// the process: what was finished stays, what was not leaves nothing behind. While the result is
/// held no stage of this process begins, ends or is dropped, each waits.
#[must_use = "stages go on when it is dropped"]
pub fn discard_unfinished() -> Discarded {
    let folders = unfinished();
    for folder in folders.iter() {
        // A writer may still be adding files: try again where the folder was not empty.
        for _ in 0..100 {
            match fs::remove_dir_all(folder) {
                Err(e) if !is_absence(&e) => std::thread::yield_now(),
                _ => break,
            }
        }
    }
    Discarded { _folders: folders }
}

/// Keeps stages from going on, see [`discard_unfinished`].
#[derive(Debug)]
pub struct Discarded {
    _folders: MutexGuard<'static, Vec<PathBuf>>,
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is whole whatever a thread that panicked was doing.
    UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An open run folder. While it is open no other process can open it for writing.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    /// Whether this process made the folder: then it takes it away again if it stays empty.
    created: bool,
    lock: Option<FolderLock>,
}

/// A folder for what a stage needs while it works and nobody afterwards; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        discard(&self.folder);
    }
}

/// A stage's temporary folder, which becomes its result by [`RunFolder::commit`]. Dropped
/// without that, it is removed.
#[derive(Debug)]
pub struct Work {
    folder: PathBuf,
    plan: Plan,
    armed: bool,
}

impl Work {
    /// The path of a file that the stage is to write, for example `path("pairs.csv")`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds inputs to the stage's plan that it came to know by reading them: a stage that runs in
    /// any case need not read its inputs twice to have their hashes.
    pub fn add_inputs(&mut self, inputs: impl IntoIterator<Item = Input>) {
        self.plan = self.plan.clone().inputs(inputs);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.armed {
            discard(&self.folder);
        }
    }
}

/// Removes a folder of this process that is not wanted any more.
fn discard(folder: &Path) {
    let mut folders = unfinished();
    // Dropping can't report; the next open removes what is left.
    let _ = fs::remove_dir_all(folder);
    folders.retain(|known| known != folder);
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take().filter(|_| self.created) else { return };
        let only_the_lock = |entries: fs::ReadDir| {
            entries.into_iter().all(|entry| entry.is_ok_and(|entry| lock.is_file_of(&entry)))
        };
        if fs::read_dir(&self.root).is_ok_and(only_the_lock) {
            lock.remove();
            // Whoever came meanwhile has put something there, and keeps it.
            let _ = fs::remove_dir(&self.root);
        }
    }
}

impl RunFolder {
    /// Opens a run folder for writing: creates it where needed, takes its lock and removes what
    /// an interrupted run has left. A folder that was created here and into which no stage was
    /// put is removed again when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::NotARun`] for a folder that holds something else: a stage replaces what bears
    /// its name, so it may not be someone's own files. [`StoreError::Locked`] if another process
    /// works in it.
    pub fn open(root: &Path) -> Result<RunFolder, StoreError> {
        let created = !root.exists();
        fs::create_dir_all(root).map_err(io("create", root))?;
        if !created && !is_run_folder(root)? {
            return Err(StoreError::NotARun { path: root.to_owned() });
        }
        let lock = FolderLock::take(root)?;
        let run = RunFolder { root: root.to_owned(), created, lock: Some(lock) };
        for entry in fs::read_dir(root).map_err(io("read", root))? {
            let entry = entry.map_err(io("read", root))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(WORK_PREFIX) || name.starts_with(OLD_PREFIX) {
                remove(&entry.path())?;
            }
        }
        Ok(run)
    }

    /// Opens an existing run folder for reading; nothing is created, locked or removed.
    pub fn open_read_only(root: &Path) -> Result<RunFolder, StoreError> {
        fs::read_dir(root).map_err(io("open", root))?;
        Ok(RunFolder { root: root.to_owned(), created: false, lock: None })
    }

    /// The run's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a stage, whether it exists or not.
    pub fn stage_folder(&self, stage: &str) -> PathBuf {
        self.root.join(stage)
    }

    /// The manifest of a finished stage.
    pub fn manifest(&self, stage: &str) -> Result<Manifest, StoreError> {
        Manifest::read(&self.stage_folder(stage))?
            .ok_or_else(|| StoreError::NotRun { path: self.root.clone(), stage: stage.to_owned() })
    }

    /// Whether the stage's result is that of this plan, whole and unchanged.
    pub fn state(&self, plan: &Plan) -> Result<State, StoreError> {
        state_of(plan, &self.stage_folder(plan.stage()))
    }

    /// Checks that a stage's output is still the file that was written, and gives its path.
    pub fn verified(&self, stage: &str, output: &str) -> Result<PathBuf, StoreError> {
        let manifest = self.manifest(stage)?;
        let path = self.stage_folder(stage).join(output);
        let corrupt = |reason: String| StoreError::Corrupt {
            path: path.clone(),
            stage: stage.to_owned(),
            reason,
        };
        let Some(recorded) = manifest.output(output) else {
            return Err(corrupt("the manifest does not list it".to_owned()));
        };
        match difference(&path, recorded)? {
            None => Ok(path),
            Some(Difference::Missing) => Err(corrupt("it is missing".to_owned())),
            Some(Difference::Changed(how)) => Err(corrupt(how)),
        }
    }

    /// Begins a stage: an empty temporary folder to write into.
    pub fn begin(&self, plan: &Plan) -> Result<Work, StoreError> {
        let name = plan.stage();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(StoreError::BadName { name: name.to_owned() });
        }
        let folder = self.temporary(name)?;
        Ok(Work { folder, plan: plan.clone(), armed: true })
    }

    /// An empty folder inside the run's for files that no stage keeps, for example an unpacked
    /// input: wherever the process dies, the next run removes it. The name is made of the letters
    /// that a stage's may have, and is no stage's.
    pub fn scratch(&self, name: &str) -> Result<Scratch, StoreError> {
        Ok(Scratch { folder: self.temporary(name)? })
    }

    fn temporary(&self, name: &str) -> Result<PathBuf, StoreError> {
        let folder = self.root.join(format!("{WORK_PREFIX}{name}-{}", std::process::id()));
        let mut folders = unfinished();
        fs::create_dir(&folder).map_err(io("create", &folder))?;
        folders.push(folder.clone());
        Ok(folder)
    }

    /// Ends a stage: syncs and hashes everything in the work folder, checks by `recheck` that
    /// every input of the plan is still what it was, writes the manifest, and renames the folder
    /// into place of the old result.
    pub fn commit(&self, work: Work, rows_in: u64, rows_out: u64) -> Result<Manifest, StoreError> {
        self.commit_checked(work, rows_in, rows_out, |_| Ok(None))
    }

    /// As [`RunFolder::commit`], with a second look at the inputs: `rehash` gives an input's
    /// present hash, or `None` where the stage itself has checked it while reading.
    pub fn commit_checked(
        &self,
        mut work: Work,
        rows_in: u64,
        rows_out: u64,
        rehash: impl Fn(&Input) -> Result<Option<crate::Sha256Hex>, StoreError>,
    ) -> Result<Manifest, StoreError> {
        let plan = &work.plan;
        for input in &plan.inputs {
            if rehash(input)?.is_some_and(|now| now != input.sha256) {
                return Err(StoreError::InputChanged {
                    stage: plan.stage.clone(),
                    input: input.name.clone(),
                });
            }
        }
        let mut outputs = Vec::new();
        collect_outputs(&work.folder, "", &mut outputs)?;
        outputs.sort_by(|a, b| a.path.cmp(&b.path));
        let manifest = Manifest {
            format: FORMAT,
            stage: plan.stage.clone(),
            stage_version: plan.version,
            clawsig: env!("CARGO_PKG_VERSION").to_owned(),
            key: plan.key(),
            parameters: plan.parameters.clone(),
            seed: plan.seed,
            inputs: plan.inputs.clone(),
            outputs,
            rows_in,
            rows_out,
        };
        let path = work.folder.join(MANIFEST_FILE);
        let text = manifest
            .to_text()
            .map_err(|source| StoreError::Parameter { name: "manifest".to_owned(), source })?;
        fs::write(&path, text).map_err(io("write", &path))?;
        sync(&path)?;
        sync(&work.folder)?;

        let place = self.stage_folder(&plan.stage);
        let old = self.root.join(format!("{OLD_PREFIX}{}-{}", plan.stage, std::process::id()));
        let replaced = match fs::rename(&place, &old) {
            Ok(()) => true,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
            Err(e) => return Err(io("replace", &place)(e)),
        };
        {
            // Held, so that an interruption finds the folder either unfinished or in its place.
            let mut folders = unfinished();
            if let Err(e) = fs::rename(&work.folder, &place) {
                if replaced {
                    // The old result is better than none; if that fails too, the first error
                    // says enough.
                    let _ = fs::rename(&old, &place);
                }
                return Err(io("rename into place", &place)(e));
            }
            work.armed = false;
            folders.retain(|known| *known != work.folder);
        }
        sync(&self.root)?;
        if replaced {
            remove(&old)?;
        }
        Ok(manifest)
    }
}

/// Whether a folder is a run's, or may become one: it holds a lock or a stage, or nothing but
/// hidden files.
fn is_run_folder(root: &Path) -> Result<bool, StoreError> {
    let mut foreign = false;
    for entry in fs::read_dir(root).map_err(io("read", root))? {
        let entry = entry.map_err(io("read", root))?;
        if entry.file_name() == LOCK_FILE || entry.path().join(MANIFEST_FILE).is_file() {
            return Ok(true);
        }
        foreign |= !entry.file_name().to_string_lossy().starts_with('.');
    }
    Ok(!foreign)
}

/// Removes a folder with all it holds, or a file.
fn remove(path: &Path) -> Result<(), StoreError> {
    let found = fs::symlink_metadata(path).map_err(io("remove", path))?;
    let removed = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(io("remove", path))
}

/// Syncs and hashes every file below `folder`.
fn collect_outputs(
    folder: &Path,
    prefix: &str,
    outputs: &mut Vec<Output>,
) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(io("read", &path))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(StoreError::NotAFile { path });
        };
        let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            collect_outputs(&path, &relative, outputs)?;
            sync(&path)?;
        } else if kind.is_file() {
            sync(&path)?;
            if relative == TIMING_FILE {
                continue;
            }
            let hash = hash_file(&path)?;
            outputs.push(Output { path: relative, sha256: hash.sha256, bytes: hash.bytes });
        } else {
            return Err(StoreError::NotAFile { path });
        }
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io("sync", path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Reason, hash_bytes};

    fn plan(c: f64) -> Plan {
        Plan::new("train", 1).parameters([("model.c", json!(c))]).unwrap()
    }

    fn finish(run: &RunFolder, plan: &Plan, text: &str) -> Manifest {
        let work = run.begin(plan).unwrap();
        fs::create_dir(work.path("sub")).unwrap();
        fs::write(work.path("sub/out.txt"), text).unwrap();
        fs::write(work.path(TIMING_FILE), format!("{:?}", std::time::Instant::now())).unwrap();
        run.commit(work, 3, 2).unwrap()
    }

    fn reasons(run: &RunFolder, plan: &Plan) -> Vec<String> {
        match run.state(plan).unwrap() {
            State::UpToDate => Vec::new(),
            State::Stale(reasons) => reasons.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_finished_stage_is_up_to_date_and_replaced_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(&scratch.path().join("run")).unwrap();
        assert_eq!(reasons(&run, &plan(1.0)), ["there is no finished result"]);
        let first = finish(&run, &plan(1.0), "one");
        assert_eq!(first.outputs.len(), 1);
        assert_eq!(run.state(&plan(1.0)).unwrap(), State::UpToDate);
        assert_eq!(reasons(&run, &plan(2.0)), ["model.c changed from 1.0 to 2.0"]);
        finish(&run, &plan(2.0), "two");
        assert_eq!(run.state(&plan(2.0)).unwrap(), State::UpToDate);
        let text = fs::read_to_string(run.verified("train", "sub/out.txt").unwrap()).unwrap();
        assert_eq!(text, "two");
        let names: Vec<_> =
            fs::read_dir(run.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "only .lock and the stage: {names:?}");
    }

    #[test]
    fn the_manifest_holds_nothing_that_varies() {
        let scratch = tempfile::tempdir().unwrap();
        let one = RunFolder::open(&scratch.path().join("one")).unwrap();
        let two = RunFolder::open(&scratch.path().join("two")).unwrap();
        finish(&one, &plan(1.0), "x");
        finish(&two, &plan(1.0), "x");
        let read =
            |run: &RunFolder| fs::read(run.stage_folder("train").join(MANIFEST_FILE)).unwrap();
        assert_eq!(read(&one), read(&two));
    }

    #[test]
    fn edits_cuts_and_losses_are_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(scratch.path()).unwrap();
        finish(&run, &plan(1.0), "text");
        let out = run.stage_folder("train").join("sub/out.txt");
        fs::write(&out, "tex").unwrap();
        assert_eq!(reasons(&run, &plan(1.0)), ["output sub/out.txt was changed"]);
        assert!(matches!(run.verified("train", "sub/out.txt"), Err(StoreError::Corrupt { .. })));
        fs::remove_file(&out).unwrap();
        assert_eq!(reasons(&run, &plan(1.0)), ["output sub/out.txt is missing"]);
        fs::create_dir(&out).unwrap();
        assert_eq!(reasons(&run, &plan(1.0)), ["output sub/out.txt is missing"]);
        fs::write(run.stage_folder("train").join(MANIFEST_FILE), "{").unwrap();
        assert!(reasons(&run, &plan(1.0))[0].starts_with("its manifest can't be used"));
    }

    #[test]
    fn a_dropped_work_folder_leaves_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(scratch.path()).unwrap();
        finish(&run, &plan(1.0), "kept");
        let work = run.begin(&plan(2.0)).unwrap();
        let folder = work.folder().to_owned();
        fs::write(work.path("half"), "h").unwrap();
        drop(work);
        assert!(!folder.exists());
        assert_eq!(run.state(&plan(1.0)).unwrap(), State::UpToDate);
    }

    #[test]
    fn the_next_open_clears_up_after_a_killed_run() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir(scratch.path().join(".work-train-1")).unwrap();
        fs::write(scratch.path().join(".work-train-1/half"), "h").unwrap();
        fs::create_dir(scratch.path().join(".old-train-1")).unwrap();
        RunFolder::open(scratch.path()).unwrap();
        assert!(!scratch.path().join(".work-train-1").exists());
        assert!(!scratch.path().join(".old-train-1").exists());
    }

    #[test]
    fn an_input_that_changed_meanwhile_voids_the_result() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(scratch.path()).unwrap();
        let input = Input { name: "a".to_owned(), sha256: hash_bytes(b"a"), bytes: 1 };
        let plan = plan(1.0).inputs([input]);
        let work = run.begin(&plan).unwrap();
        let err = run.commit_checked(work, 0, 0, |_| Ok(Some(hash_bytes(b"b")))).unwrap_err();
        assert!(matches!(err, StoreError::InputChanged { .. }));
        assert_eq!(run.state(&plan).unwrap(), State::Stale(vec![Reason::NeverRun]));
    }

    #[test]
    fn a_stage_name_is_no_path() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(scratch.path()).unwrap();
        for name in ["", "../x", "a/b", "A", "."] {
            let err = run.begin(&Plan::new(name, 1)).unwrap_err();
            assert!(matches!(err, StoreError::BadName { .. }), "{name}");
        }
    }

    #[test]
    fn a_symbolic_link_is_no_output() {
        #[cfg(unix)]
        {
            let scratch = tempfile::tempdir().unwrap();
            let run = RunFolder::open(scratch.path()).unwrap();
            let work = run.begin(&plan(1.0)).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", work.path("x")).unwrap();
            assert!(matches!(run.commit(work, 0, 0), Err(StoreError::NotAFile { .. })));
        }
    }
}
