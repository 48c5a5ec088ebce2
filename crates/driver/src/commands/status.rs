//! `clawsig status` and `--dry-run`.

use clawsig_schema::evaluation::OutsideLedger;
use clawsig_store::{Standing, State};
use serde_json::json;

use super::{request::Request, run};
use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, StatusArgs},
    stages::{
        Stage,
        pipeline::{Look, Pipeline, shortened},
    },
    terminal::{self, Table},
};

/// Prints what the run is, and for every stage whether it would run, and why.
pub(crate) fn status(arguments: &StatusArgs, global: &Global) -> Result<ExitStatus, Error> {
    let (folder, record) = Request::new("status", &arguments.which, &Stage::ALL)?.resolve()?;
    let mut pipeline = Pipeline {
        folder,
        record,
        commit: None,
        forced: Vec::new(),
        with_upstream: false,
        use_holdout: false,
        ledger: OutsideLedger::default(),
        quiet: global.quiet,
        hub: run::hub_options(&arguments.hub),
    };
    print(&mut pipeline, &Stage::ALL, global)
}

/// Prints it for some stages and those before them.
pub(crate) fn print(
    pipeline: &mut Pipeline,
    stages: &[Stage],
    global: &Global,
) -> Result<ExitStatus, Error> {
    let standing = Standing::of(&pipeline.folder)?;
    let Look { outcomes, unreadable } = pipeline.look(stages)?;
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
            let value = json!({
                "run": pipeline.folder,
                "found": standing.to_string(),
                "is": pipeline.record.words(),
                "source_unreadable": unreadable,
                "stages": stages,
            });
            format!("{value:#}\n")
        }
        OutputFormat::Text => {
            let mut text = format!("{}: {}\n", pipeline.folder.display(), pipeline.record.words());
            if matches!(standing, Standing::Absent | Standing::Empty) {
                text.push_str("No run is there yet; every stage would run.\n");
                for outcome in &outcomes {
                    for reason in reasons(&outcome.state).iter().skip(1) {
                        text.push_str(&format!("{}: {reason}\n", outcome.stage));
                    }
                }
            } else {
                let mut table = Table::new(&["stage", "state", "why"]);
                for outcome in &outcomes {
                    let (state, why) = match &outcome.state {
                        State::UpToDate => ("up to date", String::new()),
                        State::Stale(reasons) => ("would run", shortened(reasons)),
                    };
                    table.row([outcome.stage.to_string(), state.to_owned(), why]);
                }
                text.push_str(&table.render());
            }
            if let Some(why) = unreadable {
                text.push_str(&format!(
                    "The source can't be read now, so ingest is compared with what it read: {why}\n"
                ));
            }
            text
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}
