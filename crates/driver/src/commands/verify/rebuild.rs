//! The same plan once more, in a folder of its own, compared byte for byte.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
};

use clawsig_store::{RunFolder, TIMING_FILE};
use serde_json::Value;

use super::{Check, Section};
use crate::{
    Error,
    cli::VerifyArgs,
    commands::{request, run},
    settings::RUN_FILE,
    stages::{
        Stage, ledger,
        pipeline::{COMMIT, Pipeline},
    },
};

/// Runs the finished stages again and compares every artifact but the timings.
pub(super) fn rebuild(
    run: &RunFolder,
    stages: &[Stage],
    arguments: &VerifyArgs,
) -> Result<Section, Error> {
    // Held for its lock: nothing may change the run meanwhile. What is built lies inside it, so
    // that the next run clears it away wherever this process ends.
    let locked = RunFolder::open(run.root())?;
    let scratch = locked.scratch("rebuild")?;
    let mut pipeline = pipeline(&locked, arguments, scratch.folder())?;
    let source = pipeline.fetch()?;
    let again = RunFolder::open(scratch.folder())?;
    // The page tells the looks that were taken.
    if let Some(looks) = locked.read_text(ledger::LEDGER)? {
        again.write_text(ledger::LEDGER, &looks)?;
    }
    pipeline.run_in(&again, stages, &source)?;
    let mut checks = Vec::new();
    for stage in stages {
        let was = files(&locked.stage_folder(stage.as_str()))?;
        let now = files(&scratch.folder().join(stage.as_str()))?;
        let mut wrong = Vec::new();
        for name in was.union(&now) {
            let path = |root: &Path| root.join(stage.as_str()).join(name);
            let how = match (was.contains(name), now.contains(name)) {
                (true, false) => "is not made again",
                (false, true) => "is made, and the run does not have it",
                _ if same(&path(locked.root()), &path(scratch.folder()))? => continue,
                _ => "differs",
            };
            wrong.push(format!("{stage}/{name} {how}"));
        }
        let name = format!("files of {stage} that came out otherwise, of {}", was.len());
        checks.push(Check::none(name, "rebuild", &wrong));
    }
    Ok(Section { title: "rebuild", note: None, checks })
}

/// The run as it was made, in another folder; `arguments.set` says what is elsewhere by now.
fn pipeline(run: &RunFolder, arguments: &VerifyArgs, folder: &Path) -> Result<Pipeline, Error> {
    let mut record = request::recorded(run.root())?.ok_or_else(|| Error::Artifact {
        path: run.root().join(RUN_FILE),
        reason: "it is missing, so the run can't be made again".to_owned(),
    })?;
    // What a branch or the lock stood for then.
    let ingest = run.manifest(Stage::Ingest.as_str())?;
    let commit = ingest.parameters.get(COMMIT).and_then(Value::as_str).map(str::to_owned);
    record.settings.assign(&request::assignments(&arguments.set)?)?;
    Ok(Pipeline {
        folder: folder.to_owned(),
        commit,
        forced: Vec::new(),
        with_upstream: false,
        use_holdout: record.use_holdout,
        record,
        // The same model takes no new look.
        ledger: ledger::place(run)?,
        quiet: true,
        hub: run::hub_options(&arguments.hub),
    })
}

/// The names of a stage's files, but for the timings.
fn files(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    collect(folder, "", &mut names)?;
    names.remove(TIMING_FILE);
    Ok(names)
}

fn collect(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.insert(name);
        }
    }
    Ok(())
}

/// Whether two files hold the same bytes.
fn same(a: &Path, b: &Path) -> Result<bool, Error> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Ok::<_, Error>(BufReader::with_capacity(1 << 16, file))
    };
    let (mut left, mut right) = (open(a)?, open(b)?);
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = |file: &mut BufReader<File>, into: &mut [u8], path: &Path| {
            let mut filled = 0;
            while filled < into.len() {
                match file.read(&mut into[filled..]).map_err(Error::io("read", path))? {
                    0 => break,
                    bytes => filled += bytes,
                }
            }
            Ok::<_, Error>(filled)
        };
        let (m, n) = (read(&mut left, &mut one, a)?, read(&mut right, &mut other, b)?);
        if one[..m] != other[..n] {
            return Ok(false);
        }
        if m == 0 {
            return Ok(true);
        }
    }
}
