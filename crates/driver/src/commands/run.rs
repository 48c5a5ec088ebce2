//! `clawsig run` and the commands of the single stages.

use clawsig_ingest::hub::HubOptions;
use clawsig_schema::evaluation::OutsideLedger;

use super::{request::Request, status};
use crate::{
    Error, ExitStatus,
    cli::{
        EvaluateArgs, Global, HoldoutArgs, HubArgs, IngestArgs, OutputFormat, RunArgs, StageArgs,
    },
    settings::Assignment,
    stages::{Stage, pipeline::Pipeline},
    summary, terminal,
};

/// `clawsig run`.
pub(crate) fn run(arguments: &RunArgs, global: &Global) -> Result<ExitStatus, Error> {
    let mut request = Request::new("run", &arguments.which, &Stage::ALL)?;
    request.replace = arguments.replace;
    strictly(&mut request, arguments.strict);
    let (folder, record) = request.resolve()?;
    let forced = match arguments.force {
        true => Stage::ALL.to_vec(),
        false => arguments.force_stage.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
    };
    let pipeline = Pipeline {
        folder,
        record,
        commit: None,
        forced,
        with_upstream: false,
        use_holdout: arguments.holdout.use_holdout,
        ledger: arguments.holdout.ledger(),
        quiet: global.quiet,
        hub: hub_options(&arguments.hub),
    };
    carry_out(pipeline, &Stage::ALL, arguments.dry_run, global)
}

/// `clawsig ingest`.
pub(crate) fn ingest(arguments: &IngestArgs, global: &Global) -> Result<ExitStatus, Error> {
    let mut request = Request::new("ingest", &arguments.which, &[Stage::Ingest])?;
    request.replace = arguments.replace;
    strictly(&mut request, arguments.strict);
    let (folder, record) = request.resolve()?;
    let pipeline = Pipeline {
        folder,
        record,
        commit: None,
        forced: if arguments.force { vec![Stage::Ingest] } else { Vec::new() },
        with_upstream: false,
        use_holdout: false,
        ledger: OutsideLedger::default(),
        quiet: global.quiet,
        hub: hub_options(&arguments.hub),
    };
    carry_out(pipeline, &[Stage::Ingest], arguments.dry_run, global)
}

/// `clawsig agreement`, `features`, `train` and `report`.
pub(crate) fn stage(
    stage: Stage,
    arguments: &StageArgs,
    global: &Global,
) -> Result<ExitStatus, Error> {
    one(stage, arguments, &HoldoutArgs::default(), global)
}

/// `clawsig evaluate`.
pub(crate) fn evaluate(arguments: &EvaluateArgs, global: &Global) -> Result<ExitStatus, Error> {
    one(Stage::Evaluate, &arguments.stage, &arguments.holdout, global)
}

fn one(
    stage: Stage,
    arguments: &StageArgs,
    holdout: &HoldoutArgs,
    global: &Global,
) -> Result<ExitStatus, Error> {
    let (folder, record) = Request::new(stage.as_str(), &arguments.which, &[stage])?.resolve()?;
    let pipeline = Pipeline {
        folder,
        record,
        commit: None,
        forced: if arguments.force { vec![stage] } else { Vec::new() },
        with_upstream: arguments.with_upstream,
        use_holdout: holdout.use_holdout,
        ledger: holdout.ledger(),
        quiet: global.quiet,
        hub: hub_options(&arguments.hub),
    };
    carry_out(pipeline, &[stage], arguments.dry_run, global)
}

/// `--strict` is a short form of a setting.
fn strictly(request: &mut Request<'_>, strict: bool) {
    if strict {
        request.assignments.push(Assignment::new("ingest.strict", "true"));
    }
}

fn carry_out(
    mut pipeline: Pipeline,
    stages: &[Stage],
    dry_run: bool,
    global: &Global,
) -> Result<ExitStatus, Error> {
    if dry_run {
        return status::print(&mut pipeline, stages, global);
    }
    let outcomes = pipeline.run(stages)?;
    match global.format {
        OutputFormat::Json => terminal::print(&summary::json(&pipeline.folder, &outcomes)?)?,
        OutputFormat::Text if global.quiet => {}
        OutputFormat::Text => terminal::print(&summary::text(&pipeline.folder, &outcomes)?)?,
    }
    Ok(ExitStatus::Done)
}

impl HoldoutArgs {
    /// Where a look is entered outside of the run.
    fn ledger(&self) -> OutsideLedger {
        match &self.ledger {
            _ if self.no_ledger => OutsideLedger::Off,
            Some(file) => OutsideLedger::File(file.clone()),
            None => OutsideLedger::State,
        }
    }
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
