//! The command line that chains clawsig's stages, and the layout of a run's folder.
//!
//! Start reading at [`cli`] (what may be typed), then [`stages`] (what a stage reads, computes
//! and writes); a command is one module of `commands`. The stage crates know neither files nor
//! exit codes: both are decided here.
#![forbid(unsafe_code)]

pub mod cli;
mod commands;
mod counts;
mod dictionary;
mod error;
mod files;
mod finished;
mod interrupt;
mod logging;
mod published;
mod sarif;
pub mod settings;
pub mod stages;
mod summary;
mod terminal;

pub use error::{Error, ExitStatus};

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use cli::OutputFormat;
use stages::Stage;

/// The command line with `stage NAME`, as the workspace's own commands say it, for `NAME`.
fn words(mut typed: Vec<OsString>) -> Vec<OsString> {
    let names_a_stage = |word: &OsString| Stage::ALL.iter().any(|stage| word == stage.as_str());
    if typed.get(1).is_some_and(|word| word == "stage") && typed.get(2).is_some_and(names_a_stage) {
        typed.remove(1);
    }
    typed
}

/// Whether a command line that can't be parsed asks for JSON.
fn asks_for_json(words: &[OsString]) -> bool {
    let follows = words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    follows || words.iter().any(|word| word == "--format=json")
}

/// Runs the program on the process's arguments and gives its exit code: 0 done, 1 failed, 2 wrong
/// usage, 3 a check that was asked for does not hold.
pub fn main_impl() -> ExitCode {
    let words = words(std::env::args_os().collect());
    let cli = match cli::Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        // Help and version count as errors to clap.
        Err(e) if e.use_stderr() && asks_for_json(&words) => {
            let usage = Error::Usage(e.render().to_string().trim_end().to_owned());
            terminal::complain(&usage, OutputFormat::Json);
            return ExitStatus::Usage.into();
        }
        Err(e) => {
            // A closed pipe is no failure of ours.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let format = cli.global.format;
    logging::start(cli.global.quiet);
    interrupt::watch(commands::when_interrupted(&cli.command));
    let outcome = commands::execute(cli);
    interrupt::wait_if_interrupted();
    match outcome {
        Ok(status) => status.into(),
        Err(e) if e.is_closed_pipe() => ExitStatus::Done.into(),
        Err(e) => {
            terminal::complain(&e, format);
            e.exit_status().into()
        }
    }
}
