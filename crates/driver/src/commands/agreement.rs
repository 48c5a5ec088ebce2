//! `clawsig agreement`: the stage, or the statistics of rows that someone else has counted.

use std::path::Path;

use clawsig_study::{PatternCounts, Study, StudyParams};
use serde::Serialize;

use super::{
    export::place::FolderPlace,
    ratings,
    request::Request,
    run,
    tables::{self, pattern_header},
};
use crate::{
    Error, ExitStatus,
    cli::{AgreementArgs, Global, OutputFormat},
    counts::{self, CountFile, Groups},
    files, published,
    stages::{Stage, agreement},
    summary,
    terminal::{self, Progress, counted},
};

/// Settings that ask for skills: counts of patterns have none.
const OF_SKILLS: [&str; 2] = ["flags.rule", "agreement.disagreements"];

/// Runs the stage, or computes its results from counts.
pub(crate) fn agreement(arguments: &AgreementArgs, global: &Global) -> Result<ExitStatus, Error> {
    if !arguments.ratings.files.is_empty() {
        return ratings::ratings(arguments, global);
    }
    match (&arguments.counts, arguments.published) {
        (None, false) => return run::stage(Stage::Agreement, &arguments.stage, global),
        (None, true) => from_published(arguments, global)?,
        (Some(file), _) => {
            let params = params("agreement --counts", arguments, &[])?;
            match counts::read(file, params.flags.rule)? {
                CountFile::Groups(groups) => {
                    from_groups(file, &groups, &params, arguments, global)?
                }
                CountFile::Patterns(patterns) => from_patterns(&patterns, arguments, global)?,
            }
        }
    }
    Ok(ExitStatus::Done)
}

/// The settings, none of which may be one of `void`.
fn params(command: &str, arguments: &AgreementArgs, void: &[&str]) -> Result<StudyParams, Error> {
    let record =
        Request::new(command, &arguments.stage.which, &[Stage::Agreement])?.without_run()?;
    match record.changed.iter().find(|key| void.contains(key)) {
        Some(key) => Err(Error::Usage(format!(
            "--set {key} has no effect on counts that hold no skills, only flags"
        ))),
        None => Ok(record.settings.agreement),
    }
}

/// Prints the text or the results as JSON, after writing the files into --out if there is one.
fn hand_over(
    arguments: &AgreementArgs,
    global: &Global,
    results: &impl Serialize,
    text: &str,
    what: &str,
    write: &dyn Fn(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let place = match &arguments.stage.which.out {
        Some(out) => Some(FolderPlace::at(out, arguments.stage.force)?),
        None if arguments.stage.force => {
            return Err(Error::Usage(
                "--force replaces what is in --out, which is not given".to_owned(),
            ));
        }
        None => None,
    };
    if let Some(place) = place {
        write(place.root())?;
        if global.format == OutputFormat::Text && !global.quiet {
            terminal::print(text)?;
        }
        return place.finish(what, global);
    }
    match global.format {
        OutputFormat::Text => terminal::print(text),
        OutputFormat::Json => {
            let json =
                serde_json::to_string_pretty(results).map_err(|e| Error::Output(e.into()))?;
            terminal::print(&format!("{}\n", terminal::harmless(&json)))
        }
    }
}

fn from_published(arguments: &AgreementArgs, global: &Global) -> Result<(), Error> {
    let void = [&OF_SKILLS[..], &["flags.missing"]].concat();
    let params = params("agreement --published", arguments, &void)?;
    let progress = Progress::new("agreement", global.quiet);
    let told = |part: &str, done, total| progress.part(part, done, total);
    let found = clawsig_study::registry(&published::figures()?, None, &params, &told)?;
    drop(progress);
    let what = format!(
        "agreement of {} from the published counts; intervals resample rows",
        counted(found.agreement.rows, "row")
    );
    hand_over(arguments, global, &found, &tables::registry(&found), &what, &|folder| {
        let place = |name: &str| folder.join(name);
        agreement::write_registry(&place, &found)?;
        files::write_csv(&place("by_verdict.csv"), &found.by_verdict)?;
        files::write_csv(&place("missing.csv"), &found.missing.rates)?;
        files::write_csv(&place("bounds.csv"), &found.missing.pairs)
    })
}

fn from_patterns(
    patterns: &PatternCounts,
    arguments: &AgreementArgs,
    global: &Global,
) -> Result<(), Error> {
    let params = params("agreement --counts", arguments, &OF_SKILLS)?;
    let progress = Progress::new("agreement", global.quiet);
    let told = |part: &str, done, total| progress.part(part, done, total);
    let found = patterns.results(&params.check()?, &told)?;
    drop(progress);
    let what = format!(
        "agreement of {} and {}; intervals resample rows",
        counted(found.raters.len() as u64, "rater"),
        counted(found.rows, "row"),
    );
    hand_over(arguments, global, &found, &tables::patterns(&found), &what, &|folder| {
        let place = |name: &str| folder.join(name);
        files::write_json(&place("agreement.json"), &found)?;
        files::write_csv(&place("pairs.csv"), found.pairs.iter().flat_map(|p| p.rows("all")))?;
        let intervals = found.pairs.iter().flat_map(|pair| pair.interval_rows("all"));
        files::write_csv(&place("intervals.csv"), intervals)?;
        files::write_csv(&place("latent.csv"), found.latent.iter().flat_map(|l| l.rows()))?;
        let (header, rows) = pattern_header(&found);
        files::write_cells(&place("patterns.csv"), header, rows)
    })
}

fn from_groups(
    file: &Path,
    groups: &Groups,
    params: &StudyParams,
    arguments: &AgreementArgs,
    global: &Global,
) -> Result<(), Error> {
    let params = params.clone().check()?;
    let mut study =
        if groups.owners_known { Study::new(&params) } else { Study::without_owners(&params) };
    for group in &groups.groups {
        study
            .observe_counted(group)
            .map_err(|e| Error::Artifact { path: file.to_owned(), reason: e.to_string() })?;
    }
    let progress = Progress::new("agreement", global.quiet);
    let results = study.finish(&|part, done, total| progress.part(part, done, total))?;
    drop(progress);
    let owners = if groups.owners_known {
        format!("intervals of {}", counted(results.owners, "whole owner"))
    } else {
        "no owners in the counts, so intervals resample rows".to_owned()
    };
    let what = format!(
        "agreement of {} from {}; {owners}; the lists of disagreements need rows",
        counted(results.rows, "row"),
        counted(groups.groups.len() as u64, "count")
    );
    let text = summary::agreement(&results);
    hand_over(arguments, global, &results, &text, &what, &|folder| {
        agreement::write_results(&|name| folder.join(name), &results)
    })
}
