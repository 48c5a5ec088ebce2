//! What may be typed. Nothing is opened or checked here beyond the words themselves.

mod export;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use export::{ExportArgs, ExportTarget, ExportTo, LeaderboardArgs};

/// Measures the security signals of AI agent skills.
#[derive(Debug, Parser)]
#[command(name = "clawsig", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

const EXAMPLES: &str = "\
Examples:
  clawsig run                                   the bundled sample, into runs/sample
  clawsig run --profile tutorial --set source.kind=path --set source.path=FOLDER
  clawsig status                                what would run, and why
  clawsig inspect FOLDER                        what a dataset holds
  clawsig synth --rows 1000 --seed 7 --out DIR  a synthetic dataset

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Print errors and results only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub format: OutputFormat,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole study: every stage that is not up to date.
    Run(RunArgs),
    /// Read the rows, check them, write typed Parquet.
    Ingest(RunArgs),
    /// Measure how far the scanners agree.
    Agreement(RunArgs),
    /// Build the feature matrix.
    Features(RunArgs),
    /// Train the classifier.
    Train(RunArgs),
    /// Evaluate the classifier.
    Evaluate(RunArgs),
    /// Draw the figures and write the report.
    Report(RunArgs),
    /// Say for each stage whether it would run, and why.
    Status(RunArgs),
    /// Show what a dataset or a finished run holds.
    Inspect(InspectArgs),
    /// Hand a finished run on in a form that another tool reads.
    Export(ExportArgs),
    /// Write a synthetic dataset.
    Synth(SynthArgs),
    /// List every key of a profile with its value.
    Profile(ProfileArgs),
}

/// Which profile, with what changed.
#[derive(Clone, Debug, Args)]
pub struct ProfileArgs {
    /// sample, seed, tutorial, paper, or the path of a TOML file.
    #[arg(long, short, default_value = "sample", value_name = "NAME")]
    pub profile: String,
    /// Change one key of the profile; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// A run, or one stage of it.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// The run's folder; by default runs/ and the profile's name.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run every stage, up to date or not.
    #[arg(long)]
    pub force: bool,
    /// Run this stage, up to date or not; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub force_stage: Vec<String>,
    /// Fail on the first rejected row.
    #[arg(long)]
    pub strict: bool,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Evaluate the hold-out split too. Look at it once: what is chosen by it is no longer held out.
    #[arg(long = "final")]
    pub final_: bool,
}

/// `clawsig inspect`
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// A run's folder, or a dataset: a folder or file of JSONL or Parquet. By default the
    /// bundled sample.
    pub path: Option<PathBuf>,
    /// Rows shown in full width.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub rows: usize,
}

/// `clawsig synth`
#[derive(Clone, Debug, Args)]
pub struct SynthArgs {
    /// Rows to make.
    #[arg(long, value_name = "N")]
    pub rows: u64,
    /// The same seed gives the same rows; by default 0, or the bundled sample's with --small.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A new or empty folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// jsonl or parquet.
    #[arg(long = "as", value_enum, default_value = "jsonl")]
    pub file_format: FileFormat,
    /// Shorter texts, as in the bundled sample.
    #[arg(long)]
    pub small: bool,
}

/// The file formats of a raw dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// One JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
