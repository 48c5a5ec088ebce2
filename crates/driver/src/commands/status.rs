//! `clawsig status` and `--dry-run`.

use clawsig_store::State;
use serde_json::json;

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, RunArgs},
    commands::run,
    stages::{Job, Stage, shortened},
    terminal::{self, Table},
};

/// Prints for every stage whether it would run, and why.
pub(crate) fn status(arguments: &RunArgs, global: &Global) -> Result<ExitStatus, Error> {
    print(&run::job(arguments, global)?, &Stage::ALL, global)
}

/// Prints it for some stages.
pub(crate) fn print(job: &Job, stages: &[Stage], global: &Global) -> Result<ExitStatus, Error> {
    let outcomes = job.look(stages)?;
    let reasons = |state: &State| match state {
        State::UpToDate => Vec::new(),
        State::Stale(reasons) => reasons.iter().map(ToString::to_string).collect(),
    };
    let text = match global.format {
        OutputFormat::Json => {
            let stages: Vec<_> = outcomes
                .iter()
                .map(|o| {
                    json!({
                        "stage": o.stage.as_str(),
                        "up_to_date": o.state == State::UpToDate,
                        "reasons": reasons(&o.state),
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "run": job.out, "stages": stages }))
        }
        OutputFormat::Text => {
            let mut table = Table::new(&["stage", "state", "why"]);
            for outcome in &outcomes {
                let state =
                    if outcome.state == State::UpToDate { "up to date" } else { "would run" };
                let why = match &outcome.state {
                    State::UpToDate => String::new(),
                    State::Stale(reasons) => shortened(reasons),
                };
                table.row([outcome.stage.to_string(), state.to_owned(), why]);
            }
            format!("{}\n{}", job.out.display(), table.render())
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}
