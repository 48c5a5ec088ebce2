//! `clawsig lock`: what a source's files are, as an entry of a dataset lock.

use clawsig_ingest::{HubFormat, IngestParams, SourceKind};
use clawsig_schema::lock::{DatasetLock, LOCK_FORMAT, LockedSnapshot};
use clawsig_store::Scratch;

use super::{request::Request, run};
use crate::{
    Error, ExitStatus,
    cli::{Global, LockArgs},
    stages::{Stage, ingest, source::Located},
    terminal::{self, Progress},
};

/// Reads every row of the source and prints a lock that holds just its entry.
pub(crate) fn lock(arguments: &LockArgs, global: &Global) -> Result<ExitStatus, Error> {
    let request = Request::of("lock", &arguments.profile, &[Stage::Ingest])?;
    let settings = request.without_run()?.settings;
    let source = &settings.source;
    if source.kind == SourceKind::Sample {
        return Err(Error::Usage(
            "the bundled sample needs no lock: name a source with --profile paper or --set \
             source.kind=hub or --set source.kind=path --set source.path=FOLDER"
                .to_owned(),
        ));
    }
    if source.kind == SourceKind::Hub && source.format != HubFormat::Raw {
        return Err(Error::Usage(
            "only the raw files are locked: set source.format=raw".to_owned(),
        ));
    }
    let (repo, folder) = (source.repo.clone(), source.path.clone());
    let hub = run::hub_options(&arguments.hub);
    let located = Located::fetch(source, &hub, global.quiet, true)?;
    let scratch = Scratch::new_in(&std::env::temp_dir(), "clawsig-lock-")?;
    let progress = Progress::new("read", global.quiet);
    let params = IngestParams { threads: settings.ingest.threads, ..IngestParams::default() };
    let source = located.source(scratch.folder())?;
    let ingested = ingest::read_rows(&source, params, scratch.folder(), &progress)?;
    drop(progress);
    // A lock has one file a split, so that a file with rows of several has no place in it.
    let read = &ingested.profile.files;
    if ingested.lock_files.len() != read.len() {
        let names: Vec<&str> = read.iter().map(|file| file.name.as_str()).collect();
        return Err(Error::Usage(format!(
            "a lock has one file for each split, and {} of this source has rows of several; lock a \
             source with train, validation, test and eval_holdout files",
            names.join(", ")
        )));
    }
    // A folder is no dataset of the Hub, whatever source.repo says by default.
    let (repo, commit) = match located.commit() {
        Some(commit) => (repo, commit.to_owned()),
        None => (String::new(), String::new()),
    };
    let name = arguments.name.clone().unwrap_or_else(|| match commit.is_empty() {
        true => folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        false => commit.chars().take(12).collect(),
    });
    let lock = DatasetLock {
        format: LOCK_FORMAT,
        snapshots: vec![LockedSnapshot {
            name,
            repo,
            revisions: Some(commit).filter(|commit| !commit.is_empty()).into_iter().collect(),
            files: ingested.lock_files,
        }],
    };
    let text = serde_json::to_string_pretty(&lock).map_err(|e| Error::Output(e.into()))?;
    terminal::print(&format!("{text}\n"))?;
    Ok(ExitStatus::Done)
}
