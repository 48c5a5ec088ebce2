//! One module a command.

mod adjudicate;
mod agreement;
mod completions;
mod dictionary;
mod diff;
mod export;
mod inspect;
mod lock;
mod predict;
mod profile;
mod ratings;
mod request;
mod run;
mod settings;
mod show;
mod status;
mod synth;
pub(crate) mod tables;
mod transfer;
mod verify;

use crate::{
    Error, ExitStatus,
    cli::{Cli, Command},
    stages::Stage,
};

/// What an interrupted command has left, and how to go on.
pub(crate) fn when_interrupted(command: &Command) -> &'static str {
    match command {
        Command::Agreement(arguments)
            if arguments.counts.is_some()
                || arguments.published
                || !arguments.ratings.files.is_empty() =>
        {
            NOTHING_LEFT
        }
        Command::Run(_)
        | Command::Ingest(_)
        | Command::Agreement(_)
        | Command::Features(_)
        | Command::Train(_)
        | Command::Evaluate(_)
        | Command::Report(_) => "finished stages are kept, the same command goes on from there",
        Command::Predict(_) => "what was printed so far may end in the middle of a skill",
        Command::Synth(_) => "some of the rows are written, the same command begins anew",
        _ => NOTHING_LEFT,
    }
}

const NOTHING_LEFT: &str = "nothing was written, give the command again";

/// Carries out what was typed.
pub(crate) fn execute(cli: Cli) -> Result<ExitStatus, Error> {
    let global = &cli.global;
    match cli.command {
        Command::Run(arguments) => run::run(&arguments, global),
        Command::Ingest(arguments) => run::ingest(&arguments, global),
        Command::Agreement(arguments) => agreement::agreement(&arguments, global),
        Command::Features(arguments) => run::stage(Stage::Features, &arguments, global),
        Command::Train(arguments) => run::stage(Stage::Train, &arguments, global),
        Command::Evaluate(arguments) => run::evaluate(&arguments, global),
        Command::Report(arguments) => run::stage(Stage::Report, &arguments, global),
        Command::Status(arguments) => status::status(&arguments, global),
        Command::Lock(arguments) => lock::lock(&arguments, global),
        Command::Verify(arguments) => verify::verify(&arguments, global),
        Command::Inspect(arguments) => inspect::inspect(&arguments, global),
        Command::Adjudicate(arguments) => adjudicate::adjudicate(&arguments, global),
        Command::Diff(arguments) => diff::diff(&arguments, global),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments, global),
        Command::Transfer(arguments) => transfer::transfer(&arguments, global),
        Command::Export(arguments) => export::export(&arguments, global),
        Command::Synth(arguments) => synth::synth(&arguments, global),
        Command::Profile(arguments) => profile::profile(&arguments, global),
        Command::Dictionary(arguments) => dictionary::dictionary(&arguments, global),
        Command::Settings(arguments) => settings::settings(&arguments, global),
        Command::Show(arguments) => show::show(&arguments, global),
    }
}
