//! From the words of a command line to the run that they are about: its folder, and what it is.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    hostile::printable,
    settings::{Key, Params as _},
};
use clawsig_store::{RunFolder, Standing, StoreError};

use crate::{
    Error,
    cli::{ProfileArgs, WhichRun},
    settings::{Assignment, Profile, RUN_FILE, RunRecord, Settings, SettingsError, THREADS},
    stages::Stage,
};

/// The settings that make a source another one. A dataset's other revision is the same source.
const SOURCE: [&str; 4] = ["source.kind", "source.path", "source.repo", "source.format"];

/// What a command asks of a run.
pub(crate) struct Request<'a> {
    command: &'a str,
    stages: &'a [Stage],
    folder: PathBuf,
    profile: Option<Profile>,
    pub(crate) assignments: Vec<Assignment>,
    /// Whether a run of another source or profile may be given up.
    pub(crate) replace: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        command: &'a str,
        which: &WhichRun,
        stages: &'a [Stage],
    ) -> Result<Request<'a>, Error> {
        let mut request = Request::of(command, &which.settings, stages)?;
        if let Some(out) = &which.out {
            request.folder = out.clone();
        }
        Ok(request)
    }

    /// A request that names no folder.
    pub(crate) fn of(
        command: &'a str,
        settings: &ProfileArgs,
        stages: &'a [Stage],
    ) -> Result<Request<'a>, Error> {
        let profile = settings.profile.as_deref().map(Profile::named).transpose()?;
        let folder = Path::new("runs").join(profile.clone().unwrap_or_default().run_name());
        let assignments = assignments(&settings.set)?;
        Ok(Request { command, stages, folder, profile, assignments, replace: false })
    }

    /// The run's folder, and what the run is once the command is carried out. Nothing is written.
    ///
    /// # Errors
    /// A setting that does not exist, has no such value or no effect; a folder that is no run's; a
    /// run of another source or profile, unless it is to be replaced.
    pub(crate) fn resolve(self) -> Result<(PathBuf, RunRecord), Error> {
        let before = recorded(&self.folder)?;
        let mut record = match (&before, self.profile.clone()) {
            (Some(before), None) => before.clone(),
            (Some(before), Some(profile)) if profile == before.profile && !self.replace => {
                // The file of a profile may say something else by now.
                let mut settings = profile.load()?;
                let kept = before
                    .changed
                    .iter()
                    .filter_map(|&key| before.settings.value_of(key).map(|value| (key, value)));
                settings.keep(kept)?;
                RunRecord { settings, ..before.clone() }
            }
            (_, named) => RunRecord::new(named.unwrap_or_default())?,
        };
        self.change(&mut record)?;
        let record = record.normalised();
        if let Some(before) = before.filter(|_| !self.replace) {
            self.check_same(&before, &record)?;
        }
        Ok((self.folder, record))
    }

    /// The settings of a command that has no run: the profile's with what was changed.
    ///
    /// # Errors
    /// As [`Request::resolve`], but for the folder.
    pub(crate) fn without_run(self) -> Result<RunRecord, Error> {
        let mut record = RunRecord::new(self.profile.clone().unwrap_or_default())?;
        self.change(&mut record)?;
        Ok(record)
    }

    fn change(&self, record: &mut RunRecord) -> Result<(), Error> {
        let typed = record.settings.assign(&self.assignments)?;
        self.check_use(typed.keys(), &record.settings)?;
        typed.check_effect(&record.settings)?;
        record.settings.check().map_err(|e| Error::Usage(e.to_string()))?;
        record.changed.extend(typed.keys().map(|key| key.name));
        Ok(())
    }

    /// Refuses a setting that no stage of the command reads, nor a stage before them.
    fn check_use<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k Key>,
        settings: &Settings,
    ) -> Result<(), Error> {
        let reads = |stage: &Stage, key: &Key| stage.reads(key.name, settings);
        let known = |key: &Key| {
            let mut stages = self.stages.iter().copied();
            let before = || self.stages.iter().flat_map(|stage| stage.upstream());
            key.name == THREADS
                || stages.any(|stage| reads(&stage, key))
                || before().any(|stage| reads(&stage, key))
        };
        let Some(key) = keys.find(|key| !known(key)) else { return Ok(()) };
        let users: Vec<&str> =
            Stage::ALL.iter().filter(|stage| reads(stage, key)).map(|s| s.as_str()).collect();
        let used_by = format!("it acts on `clawsig {}`", users.join("` and `clawsig "));
        let command = format!("`clawsig {}`", self.command);
        Err(SettingsError::Unused { key: key.name, command, used_by }.into())
    }

    /// Refuses another source or profile than the run has.
    fn check_same(&self, before: &RunRecord, now: &RunRecord) -> Result<(), Error> {
        let value = |run: &RunRecord, key: &str| run.settings.value_of(key);
        let differing = |key: &&&str| value(before, key) != value(now, key);
        let other = match SOURCE.iter().find(differing) {
            _ if before.profile != now.profile => format!("it is of {}", before.profile),
            Some(key) => {
                let value = value(before, key).map(|value| value.to_string());
                format!("its {key} is {}", value.unwrap_or_default())
            }
            None => return Ok(()),
        };
        let finished: Vec<&str> = Stage::ALL
            .iter()
            .map(|stage| stage.as_str())
            .filter(|name| self.folder.join(name).exists())
            .collect();
        let lost = match finished.as_slice() {
            [] => "it has no finished stage".to_owned(),
            stages => format!("the results of {} would be lost", stages.join(", ")),
        };
        Err(Error::Usage(format!(
            "{} holds another run: {}; {lost}; name another folder with --out, or begin anew in this \
             one with --replace",
            self.folder.display(),
            printable(&other, 500),
        )))
    }
}

/// The assignments of a command line, split.
pub(crate) fn assignments(set: &[OsString]) -> Result<Vec<Assignment>, SettingsError> {
    set.iter().map(|text| Assignment::parse(text)).collect()
}

/// What the run in a folder is; `None` where there is no run yet.
///
/// # Errors
/// A folder that is no run's, or a run without its record.
pub(crate) fn recorded(folder: &Path) -> Result<Option<RunRecord>, Error> {
    let found = Standing::of(folder)?;
    match found {
        Standing::Absent | Standing::Empty => return Ok(None),
        Standing::NoResults | Standing::Results => {}
        Standing::NotAFolder | Standing::Foreign(_) => {
            return Err(StoreError::Occupied { path: folder.to_owned(), found }.into());
        }
    }
    let run = RunFolder::open_read_only(folder)?;
    match run.read_text(RUN_FILE)? {
        Some(text) => {
            let origin = folder.join(RUN_FILE).display().to_string();
            Ok(Some(RunRecord::parse(&text, &origin)?))
        }
        // A run that was interrupted before it wrote anything.
        None if found == Standing::NoResults => Ok(None),
        None => Err(Error::Artifact {
            path: folder.join(RUN_FILE),
            reason:
                "it is missing, so nothing says what the run is; restore it, or choose another \
                     folder"
                    .to_owned(),
        }),
    }
}
