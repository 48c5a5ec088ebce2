//! `clawsig run` and the commands of the single stages.

use std::{env, fs, path::PathBuf};

use crate::{
    Error, ExitStatus,
    cli::{Global, HubArgs, OutputFormat, RunArgs},
    commands::status,
    settings::Settings,
    stages::{HubAccess, Job, Stage},
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
        hub: hub_access(&arguments.hub)?,
        out,
        forced,
        final_: arguments.final_,
        quiet: global.quiet,
    })
}

/// The run folder's name: the profile's, without the path and ending of a profile file.
fn run_name(profile: &str) -> String {
    PathBuf::from(profile)
        .file_stem()
        .map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The options, then the environment variables that Python's client reads, then its defaults.
fn hub_access(arguments: &HubArgs) -> Result<HubAccess, Error> {
    let variable = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
    let token = match &arguments.hf_token_file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
            Some(text.trim().to_owned())
        }
        None => variable("HF_TOKEN"),
    };
    let home = || {
        variable("HF_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cache").join("huggingface")))
    };
    let cache = arguments
        .hf_cache
        .clone()
        .or_else(|| variable("HF_HUB_CACHE").map(PathBuf::from))
        .or_else(|| Some(home()?.join("hub")));
    let truthy = |value: &str| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str());
    Ok(HubAccess {
        endpoint: arguments
            .hf_endpoint
            .clone()
            .or_else(|| variable("HF_ENDPOINT"))
            .unwrap_or_else(|| "https://huggingface.co".to_owned()),
        token: token.filter(|t| !t.is_empty()),
        cache,
        offline: arguments.offline
            || variable("HF_HUB_OFFLINE").is_some_and(|value| truthy(&value)),
    })
}
