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
mod sarif;
pub mod settings;
pub mod stages;
mod summary;
mod terminal;

pub use error::{Error, ExitStatus};

use std::process::ExitCode;

use clap::Parser;

/// Runs the program on the process's arguments and gives its exit code: 0 done, 1 failed, 2 wrong
/// usage, 3 a check that was asked for does not hold.
pub fn main_impl() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version count as errors to clap; a closed pipe is no failure of ours.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    logging::start(cli.global.quiet);
    interrupt::watch(commands::when_interrupted(&cli.command));
    let outcome = commands::execute(cli);
    interrupt::wait_if_interrupted();
    match outcome {
        Ok(status) => status.into(),
        Err(e) if e.is_closed_pipe() => ExitStatus::Done.into(),
        Err(e) => {
            terminal::complain(&e);
            e.exit_status().into()
        }
    }
}
