//! `clawsig run` and the commands of the single stages.

use std::path::PathBuf;

use clawsig_ingest::hub::HubOptions;

use crate::{
    Error, ExitStatus,
    cli::{Global, HubArgs, OutputFormat, RunArgs},
    commands::status,
    settings::Settings,
    stages::{Job, Stage},
    summary, terminal,
};

/// Runs the given stages and prints what came of it.
pub(crate) fn run(
    arguments: &RunArgs,
    global: &Global,
    stages: &[Stage],
) -> Result<ExitStatus, Error> {
    let job = job(arguments, global)?;
    if arguments.dry_run {
        return status::print(&job, stages, global);
    }
    let outcomes = job.run(stages)?;
    match global.format {
        OutputFormat::Json => terminal::print(&summary::json(&job, &outcomes)?)?,
        OutputFormat::Text if global.quiet => {}
        OutputFormat::Text => terminal::print(&summary::text(&job, &outcomes)?)?,
    }
    Ok(ExitStatus::Done)
}

/// Turns the words of the command line into a job.
pub(crate) fn job(arguments: &RunArgs, global: &Global) -> Result<Job, Error> {
    let mut settings = Settings::load(&arguments.profile.profile, &arguments.profile.set)?;
    settings.ingest.strict |= arguments.strict;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => PathBuf::from("runs").join(run_name(&arguments.profile.profile)),
    };
    let forced = if arguments.force {
        Stage::ALL.to_vec()
    } else {
        arguments.force_stage.iter().map(|name| name.parse()).collect::<Result<_, _>>()?
    };
    Ok(Job {
        profile: arguments.profile.profile.clone(),
        settings,
        assignments: arguments.profile.set.clone(),
        out,
        forced,
        final_: arguments.final_,
        quiet: global.quiet,
        hub: hub_options(&arguments.hub),
    })
}

/// What the command line says of the Hub.
pub(crate) fn hub_options(arguments: &HubArgs) -> HubOptions {
    HubOptions {
        endpoint: arguments.hf_endpoint.clone(),
        token_file: arguments.hf_token_file.clone(),
        home: arguments.hf_home.clone(),
        cache: arguments.hf_cache.clone(),
        offline: arguments.offline,
    }
}

/// The run folder's name: the profile's, without the path and ending of a profile file.
fn run_name(profile: &str) -> String {
    PathBuf::from(profile)
        .file_stem()
        .map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
