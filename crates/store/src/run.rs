//! A run's folder: one folder a stage, each whole or absent.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    Input, Manifest, Plan, Scratch, Standing, State, StoreError, disk,
    error::io,
    journal::{self, Journal, is_plain_name},
    lock::FolderLock,
    manifest::{FORMAT, MANIFEST_FILE},
    marker::{self, MARKER_FILE, TEMPORARY_FOLDER},
    outputs::{outputs_of, sync},
    owned, seal,
    state::{Difference, difference, is_absence, state_of},
    temporary::unfinished,
};

/// Times and machine facts of a stage: the one file that may differ between two runs of the same
/// plan, so it is no output and takes part in no hash.
pub const TIMING_FILE: &str = "timing.json";

/// The largest text file of a run that is read.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// An open run folder. While it is open for writing no other process can open it for writing.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    /// `None` where it was opened for reading.
    writer: Option<WriteAccess>,
    /// Results that a killed process had moved aside and that nobody has put back yet.
    moved: Vec<(String, PathBuf)>,
}

/// What an opening for writing holds.
#[derive(Debug)]
struct WriteAccess {
    lock: FolderLock,
    journal: Journal,
    /// What was there before.
    before: Standing,
    /// The text files that were written since, which had not been there.
    texts: Mutex<Vec<String>>,
}

/// A stage's temporary folder, which becomes its result by [`RunFolder::commit`]. Dropped
/// without that, it is removed.
#[derive(Debug)]
pub struct Work {
    scratch: Scratch,
    plan: Plan,
}

impl Work {
    /// The path of a file that the stage is to write, for example `path("pairs.csv")`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.scratch.folder()
    }

    /// Adds inputs to the stage's plan that it came to know by reading them: a stage that runs in
    /// any case need not read its inputs twice to have their hashes.
    pub fn add_inputs(&mut self, inputs: impl IntoIterator<Item = Input>) {
        self.plan = self.plan.clone().inputs(inputs);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        writer.journal.settle();
        // Removing is a courtesy: where it fails, an unused run folder is left.
        let _ = writer.take_away(&self.root);
    }
}

impl WriteAccess {
    /// Makes a folder that was absent or empty so again, if no stage's result was put into it. Text
    /// files about results that never came go, too.
    fn take_away(self, root: &Path) -> std::io::Result<()> {
        if !matches!(self.before, Standing::Absent | Standing::Empty) {
            return Ok(());
        }
        let temporaries = root.join(TEMPORARY_FOLDER);
        let texts = self.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        for entry in fs::read_dir(root)? {
            let name = entry?.file_name();
            let is_text = texts.iter().any(|text| name == text.as_str());
            if name != MARKER_FILE && name != TEMPORARY_FOLDER && !is_text {
                return Ok(());
            }
        }
        if !journal::is_unused(&temporaries) {
            return Ok(());
        }
        for text in texts {
            disk::remove_file(&root.join(text))?;
        }
        // The marker goes while the lock is held: another process that takes the lock afterwards
        // finds none and writes its own.
        disk::remove_file(&root.join(MARKER_FILE))?;
        self.journal.remove()?;
        self.lock.remove()?;
        // These fail where another process has put something there meanwhile.
        disk::remove_folder(&temporaries)?;
        if self.before == Standing::Absent { disk::remove_folder(root) } else { Ok(()) }
    }
}

impl RunFolder {
    /// Opens a run folder for writing: creates it where needed, takes its lock and removes what
    /// an interrupted run has left. A folder that was absent or empty is so again when this is
    /// dropped and no result was put into it.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] for anything but a run folder, an empty folder or nothing.
    /// [`StoreError::Locked`] if another process works in it. [`StoreError::NotOurs`] if the
    /// folder of temporaries is someone else's.
    pub fn open(root: &Path) -> Result<RunFolder, StoreError> {
        let before = Standing::of(root)?;
        if matches!(before, Standing::NotAFolder | Standing::Foreign(_)) {
            return Err(StoreError::Occupied { path: root.to_owned(), found: before });
        }
        if before == Standing::Absent {
            disk::create_folders(root).map_err(io("create", root))?;
        }
        let opened = RunFolder::open_in(root, before.clone());
        if opened.is_err() && before == Standing::Absent {
            // Fails, as it should, where another process began a run there.
            let _ = disk::remove_folder(root);
        }
        opened
    }

    fn open_in(root: &Path, before: Standing) -> Result<RunFolder, StoreError> {
        marker::write(root)?;
        let temporaries = root.join(TEMPORARY_FOLDER);
        match fs::symlink_metadata(&temporaries) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let why = "it is no folder".to_owned();
                return Err(StoreError::NotOurs { path: temporaries, why });
            }
            Err(_) => match disk::create_folder(&temporaries) {
                // Another process was faster.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                created => created.map_err(io("create", &temporaries))?,
            },
        }
        let lock = FolderLock::take(root, &temporaries)?;
        // A process that took its unused folder away may have removed the first one. Only a holder
        // of the lock does so.
        marker::write(root)?;
        let journal = Journal::open(root, &temporaries)?;
        let writer = Some(WriteAccess { lock, journal, before, texts: Mutex::default() });
        Ok(RunFolder { root: root.to_owned(), writer, moved: Vec::new() })
    }

    /// Opens an existing run folder for reading; nothing is created, locked or removed.
    ///
    /// # Errors
    /// [`StoreError::NotARun`] for anything but a run folder.
    pub fn open_read_only(root: &Path) -> Result<RunFolder, StoreError> {
        let found = Standing::of(root)?;
        if !matches!(found, Standing::NoResults | Standing::Results) {
            return Err(StoreError::NotARun { path: root.to_owned(), found });
        }
        let moved = journal::moved_results(root, &root.join(TEMPORARY_FOLDER))?;
        Ok(RunFolder { root: root.to_owned(), writer: None, moved })
    }

    fn writer(&self) -> Result<&WriteAccess, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::ReadOnly { path: self.root.clone() })
    }

    /// The run's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a stage, whether it exists or not.
    pub fn stage_folder(&self, stage: &str) -> PathBuf {
        let moved = self.moved.iter().find(|(name, _)| name == stage);
        moved.map_or_else(|| self.root.join(stage), |(_, path)| path.clone())
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

    /// Checks that a stage's result could be replaced: nothing in its place is someone else's.
    /// [`RunFolder::begin`] and [`RunFolder::commit`] check it too; before a long run it is better
    /// known of every stage.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`] names the file or folder that the store did not write.
    pub fn check_replaceable(&self, stage: &str) -> Result<(), StoreError> {
        if !is_plain_name(stage) {
            return Err(StoreError::BadName { name: stage.to_owned() });
        }
        owned::check(&self.root.join(stage), stage)
    }

    /// Begins a stage: an empty temporary folder to write into.
    pub fn begin(&self, plan: &Plan) -> Result<Work, StoreError> {
        self.check_replaceable(plan.stage())?;
        Ok(Work { scratch: self.scratch(plan.stage())?, plan: plan.clone() })
    }

    /// An empty folder inside the run's for files that no stage keeps, for example an unpacked
    /// input: wherever the process dies, the next run removes it. The name is made of the letters
    /// that a stage's may have.
    pub fn scratch(&self, name: &str) -> Result<Scratch, StoreError> {
        if !is_plain_name(name) {
            return Err(StoreError::BadName { name: name.to_owned() });
        }
        Scratch::in_run(&self.writer()?.journal, name)
    }

    /// Reads a text file that lies beside the stages, for example `run.toml`; `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError::BadText`] for what is no plain file, is oversized or is not UTF-8.
    pub fn read_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        let path = self.text_path(name)?;
        let bad = |reason: String| StoreError::BadText { path: path.clone(), reason };
        let Some(content) = seal::read_small(&path, MAX_TEXT_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(content.map_err(bad)?);
        text.map(Some).map_err(|e| bad(format!("it is not UTF-8: {}", e.utf8_error())))
    }

    /// Writes a text file beside the stages. Killed at any moment, the old text or the new one is
    /// there.
    ///
    /// The file may be edited by hand: what a run does with the text is for the caller to say. The
    /// caller has read the old text before it writes another.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`] if anything but a plain file bears that name.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.text_path(name)?;
        let writer = self.writer()?;
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => {
                return Err(StoreError::NotOurs { path, why: "it is no plain file".to_owned() });
            }
            Ok(_) => {}
            Err(_) => {
                let mut texts = writer.texts.lock().unwrap_or_else(PoisonError::into_inner);
                texts.push(name.to_owned());
            }
        }
        // Held, so that an interruption finds the file in its place.
        let _held = unfinished();
        let new = writer.journal.enter("text", None)?;
        let written = disk::create_new(&new)
            .and_then(|file| disk::write(&file, text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| disk::rename(&new, &path));
        if let Err(e) = written {
            // The first error says enough; the next process tries again.
            let _ = journal::remove(&new);
            return Err(io("write", &path)(e));
        }
        sync(&self.root)
    }

    /// The path of a text file beside the stages: a plain name with an extension, as no stage has.
    fn text_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        match name.split_once('.') {
            Some((stem, ending))
                if is_plain_name(stem) && is_plain_name(ending) && name != MARKER_FILE =>
            {
                Ok(self.root.join(name))
            }
            _ => Err(StoreError::BadName { name: name.to_owned() }),
        }
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
        work: Work,
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
        let outputs = outputs_of(work.folder())?;
        let manifest = Manifest {
            format: FORMAT,
            stage: plan.stage.clone(),
            stage_version: plan.version,
            clawsig: env!("CARGO_PKG_VERSION").to_owned(),
            key: plan.key(),
            parameters: plan.parameters.clone(),
            inputs: plan.inputs.clone(),
            outputs,
            rows_in,
            rows_out,
        };
        let path = work.path(MANIFEST_FILE);
        let text = manifest
            .to_text()
            .map_err(|source| StoreError::Parameter { name: "manifest".to_owned(), source })?;
        disk::create_new(&path)
            .and_then(|file| disk::write(&file, &text).and_then(|()| file.sync_all()))
            .map_err(io("write", &path))?;
        sync(work.folder())?;
        self.put_into_place(work)?;
        Ok(manifest)
    }

    /// Makes a finished work folder its stage's result. The old result is in its place until the
    /// new one is, where the file system can exchange two folders. Elsewhere there is a moment
    /// without either, in which the journal says where the old one lies.
    fn put_into_place(&self, work: Work) -> Result<(), StoreError> {
        let stage = work.plan.stage();
        let place = self.root.join(stage);
        let new = work.folder();
        owned::check(&place, stage)?;
        // Held, so that an interruption finds the folder either unfinished or in its place.
        let mut folders = unfinished();
        let moving = io("rename into place", &place);
        let old = if matches!(fs::symlink_metadata(&place), Err(e) if is_absence(&e)) {
            disk::rename(new, &place).map_err(moving)?;
            None
        } else if disk::exchange(new, &place).map_err(io("replace", &place))? {
            Some(new.to_owned())
        } else {
            let old = self.writer()?.journal.enter("old", Some(stage))?;
            disk::rename(&place, &old).map_err(io("replace", &place))?;
            if let Err(e) = disk::rename(new, &place) {
                // The old result is better than none; if that fails too, the next process tries
                // again and the first error says enough.
                let _ = disk::rename(&old, &place);
                return Err(moving(e));
            }
            Some(old)
        };
        folders.retain(|known| known != new);
        sync(&self.root)?;
        old.map_or(Ok(()), |old| journal::remove(&old))
    }
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
        assert_eq!(fs::read_dir(run.root()).unwrap().count(), 3, "marker, temporaries, stage");
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
        let err = run.begin(&plan(1.0)).unwrap_err();
        assert!(matches!(err, StoreError::NotOurs { .. }), "{err}");
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
        for name in ["", "../x", "a/b", "A", ".", "run.toml"] {
            let err = run.begin(&Plan::new(name, 1)).unwrap_err();
            assert!(matches!(err, StoreError::BadName { .. }), "{name}");
            let err = run.scratch(name).unwrap_err();
            assert!(matches!(err, StoreError::BadName { .. }), "{name}");
        }
    }

    #[test]
    fn a_text_reads_back_under_a_name_that_no_stage_can_have() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open(scratch.path()).unwrap();
        assert_eq!(run.read_text("run.toml").unwrap(), None);
        run.write_text("run.toml", "a = 1\n").unwrap();
        run.write_text("run.toml", "a = 2\n").unwrap();
        assert_eq!(run.read_text("run.toml").unwrap().unwrap(), "a = 2\n");
        for name in ["train", "../run.toml", "a/b.c", ".clawsig", MARKER_FILE, "a.", ".b", "a.b.c"]
        {
            let err = run.write_text(name, "").unwrap_err();
            assert!(matches!(err, StoreError::BadName { .. }), "{name}: {err}");
        }
        fs::write(run.root().join("bad.txt"), [0xff]).unwrap();
        let err = run.read_text("bad.txt").unwrap_err();
        assert!(err.to_string().contains("UTF-8"), "{err}");
        fs::create_dir(run.root().join("folder.txt")).unwrap();
        assert!(matches!(run.read_text("folder.txt"), Err(StoreError::BadText { .. })));
        let err = run.write_text("folder.txt", "").unwrap_err();
        assert!(matches!(err, StoreError::NotOurs { .. }), "{err}");
    }

    #[test]
    fn reading_alone_writes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        finish(&RunFolder::open(scratch.path()).unwrap(), &plan(1.0), "one");
        let run = RunFolder::open_read_only(scratch.path()).unwrap();
        assert_eq!(run.state(&plan(1.0)).unwrap(), State::UpToDate);
        assert!(matches!(run.begin(&plan(1.0)), Err(StoreError::ReadOnly { .. })));
        assert!(matches!(run.scratch("x"), Err(StoreError::ReadOnly { .. })));
        assert!(matches!(run.write_text("run.toml", ""), Err(StoreError::ReadOnly { .. })));
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
