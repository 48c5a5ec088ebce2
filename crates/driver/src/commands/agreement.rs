//! `clawsig agreement --counts FILE`: the statistics of rows that a database has counted.

use std::path::Path;

use clawsig_study::Study;

use super::{export::place::FolderPlace, request::Request, run};
use crate::{
    Error, ExitStatus,
    cli::{AgreementArgs, Global},
    counts,
    stages::{Stage, agreement},
    terminal::{Progress, counted},
};

/// Runs the stage, or computes its results from counts.
pub(crate) fn agreement(arguments: &AgreementArgs, global: &Global) -> Result<ExitStatus, Error> {
    match &arguments.counts {
        None => run::stage(Stage::Agreement, &arguments.stage, global),
        Some(file) => from_counts(file, arguments, global),
    }
}

fn from_counts(
    file: &Path,
    arguments: &AgreementArgs,
    global: &Global,
) -> Result<ExitStatus, Error> {
    let request = Request::new("agreement --counts", &arguments.stage.which, &[Stage::Agreement])?;
    let params = request.without_run()?.settings.agreement.check()?;
    // The argument parser requires it.
    let out = arguments.stage.which.out.clone().unwrap_or_default();
    let counts = counts::read(file)?;
    let mut study =
        if counts.owners_known { Study::new(&params) } else { Study::without_owners(&params) };
    for group in &counts.groups {
        study
            .observe_counted(group)
            .map_err(|e| Error::Artifact { path: file.to_owned(), reason: e.to_string() })?;
    }
    let place = FolderPlace::at(&out, arguments.stage.force)?;
    let progress = Progress::new("agreement", global.quiet);
    let results = study.finish(&|part, done, total| progress.part(part, done, total))?;
    drop(progress);
    let scratch = place.root().to_owned();
    agreement::write_results(&|name| scratch.join(name), &results)?;
    let owners = if counts.owners_known {
        format!("intervals of {}", counted(results.owners, "whole owner"))
    } else {
        "no owners in the counts, so intervals resample rows".to_owned()
    };
    let what = format!(
        "agreement of {} from {}; {owners}; the lists of disagreements need rows",
        counted(results.rows, "row"),
        counted(counts.groups.len() as u64, "count")
    );
    place.finish(&what, global)?;
    Ok(ExitStatus::Done)
}
