//! What may be typed. Nothing is opened or checked here beyond the words themselves.

mod adjudicate;
mod examples;
mod export;
mod predict;
mod ratings;
mod transfer;

use std::{ffi::OsString, fmt, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use adjudicate::{AdjudicateArgs, AdjudicateTask, Hide, SampleArgs, ScoreArgs};
pub use export::{
    ExportArgs, ExportTarget, ExportTo, LeaderboardArgs, SqlArgs, SqlEngine, SqlOver,
};
pub use predict::{PredictArgs, PredictForm};
pub use ratings::{RatingScale, RatingsArgs};
pub use transfer::{CountsAs, TransferArgs};

/// Measures the security signals of AI agent skills.
#[derive(Debug, Parser)]
#[command(name = "clawsig", version, max_term_width = 100, after_help = examples::PROGRAM)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

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

/// A whole number, in words of ours where it is none.
fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "expected a whole number, for example 20".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole study: every stage that is not up to date.
    #[command(after_help = examples::RUN, visible_alias = "pipeline")]
    Run(RunArgs),
    /// Read the rows, check them, write typed Parquet.
    #[command(after_help = examples::INGEST)]
    Ingest(IngestArgs),
    /// Measure how far the scanners agree.
    #[command(after_help = examples::AGREEMENT)]
    Agreement(AgreementArgs),
    /// Build the feature matrix.
    #[command(after_help = examples::FEATURES)]
    Features(StageArgs),
    /// Train the classifier.
    #[command(after_help = examples::TRAIN)]
    Train(StageArgs),
    /// Evaluate the classifier.
    #[command(after_help = examples::EVALUATE)]
    Evaluate(EvaluateArgs),
    /// Draw the figures and write the report.
    #[command(after_help = examples::REPORT)]
    Report(StageArgs),
    /// Say what a run is, and for each stage whether it would run, and why.
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Print the lock entry of a source: what its files must be from now on.
    #[command(after_help = examples::LOCK)]
    Lock(LockArgs),
    /// Check that a run is whole, is of the locked data, and gives the published figures.
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Show what a dataset or a finished run holds.
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArgs),
    /// Show all that a run knows of one skill: findings, flags, verdict, near-duplicates, the model's reasons.
    #[command(after_help = examples::SHOW)]
    Show(ShowArgs),
    /// Score skills with a saved model, and say what moved each verdict.
    #[command(after_help = examples::PREDICT)]
    Predict(PredictArgs),
    /// Train and test within and across labelled corpora: how far a score of the text carries.
    #[command(after_help = examples::TRANSFER)]
    Transfer(TransferArgs),
    /// Hand a finished run on in a form that another tool reads.
    #[command(after_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Draw a sample for human review, and score everyone against what the reviewers found.
    #[command(after_help = examples::ADJUDICATE)]
    Adjudicate(AdjudicateArgs),
    /// Say what changed between two runs, and which of it is more than noise.
    #[command(after_help = examples::DIFF)]
    Diff(DiffArgs),
    /// Write a synthetic dataset.
    #[command(after_help = examples::SYNTH)]
    Synth(SynthArgs),
    /// List every key of a profile with its value.
    #[command(after_help = examples::PROFILE)]
    Profile(ProfileArgs),
    /// Say what the settings mean, and which values they take.
    #[command(after_help = examples::SETTINGS)]
    Settings(SettingsArgs),
    /// Say what each file of a run, each column of its tables and of the dataset means.
    #[command(after_help = examples::DICTIONARY)]
    Dictionary(DictionaryArgs),
    /// Print the completion script of a shell.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page.
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
}

/// Which profile, with what changed.
#[derive(Clone, Debug, Args)]
pub struct ProfileArgs {
    /// sample, seed, tutorial, paper, or the path of a TOML file; by default sample. A run that
    /// exists has its own settings.
    #[arg(long, short, value_name = "NAME")]
    pub profile: Option<OsString>,
    /// Change one setting; may be repeated. `clawsig settings` lists them.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<OsString>,
}

/// Which run. One that exists has its settings in run.toml.
#[derive(Clone, Debug, Args)]
pub struct WhichRun {
    /// The run's folder; by default runs/ and the profile's name.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What a new run begins with, and what is changed.
    #[command(flatten)]
    pub settings: ProfileArgs,
}

/// `clawsig run`
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The run.
    #[command(flatten)]
    pub which: WhichRun,
    /// Run every stage, up to date or not.
    #[arg(long)]
    pub force: bool,
    /// Run this stage, up to date or not; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub force_stage: Vec<String>,
    /// Begin anew in a folder that holds a run of another source or profile.
    #[arg(long)]
    pub replace: bool,
    /// Fail on the first rejected row, as --set ingest.strict=true.
    #[arg(long)]
    pub strict: bool,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The hold-out.
    #[command(flatten)]
    pub holdout: HoldoutArgs,
    /// How the Hub is reached.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// Looking at the hold-out.
#[derive(Clone, Debug, Default, Args)]
pub struct HoldoutArgs {
    /// Evaluate the hold-out split too, and keep that on record. Look at it once: what is chosen by
    /// it is no longer held out.
    #[arg(long = "final")]
    pub use_holdout: bool,
    /// Enter the look in this file too, instead of one in the state folder (XDG_STATE_HOME) that is
    /// named by the hold-out's hash.
    #[arg(long, value_name = "FILE", requires = "use_holdout")]
    pub ledger: Option<PathBuf>,
    /// Enter the look in the run's own ledger alone, which says so.
    #[arg(long, requires = "use_holdout", conflicts_with = "ledger")]
    pub no_ledger: bool,
}

/// `clawsig ingest`
#[derive(Clone, Debug, Args)]
pub struct IngestArgs {
    /// The run.
    #[command(flatten)]
    pub which: WhichRun,
    /// Run the stage, up to date or not.
    #[arg(long)]
    pub force: bool,
    /// Begin anew in a folder that holds a run of another source or profile.
    #[arg(long)]
    pub replace: bool,
    /// Fail on the first rejected row, as --set ingest.strict=true.
    #[arg(long)]
    pub strict: bool,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How the Hub is reached.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// One stage of a run.
#[derive(Clone, Debug, Args)]
pub struct StageArgs {
    /// The run.
    #[command(flatten)]
    pub which: WhichRun,
    /// Run the stage, up to date or not.
    #[arg(long)]
    pub force: bool,
    /// Run the stages before it too, where they are not up to date.
    #[arg(long)]
    pub with_upstream: bool,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How the Hub is reached, for --with-upstream.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// `clawsig evaluate`
#[derive(Clone, Debug, Args)]
pub struct EvaluateArgs {
    /// The stage.
    #[command(flatten)]
    pub stage: StageArgs,
    /// The hold-out.
    #[command(flatten)]
    pub holdout: HoldoutArgs,
}

/// `clawsig status`
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// The run.
    #[command(flatten)]
    pub which: WhichRun,
    /// How the Hub is reached.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// How the Hugging Face Hub is reached, for source.kind=hub. None of it changes the results.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Hugging Face Hub")]
pub struct HubArgs {
    /// Use only what is in the cache (as HF_HUB_OFFLINE=1).
    #[arg(long)]
    pub offline: bool,
    /// The Hub's address, instead of HF_ENDPOINT.
    #[arg(long, value_name = "URL")]
    pub hf_endpoint: Option<String>,
    /// A file with the access token, instead of HF_TOKEN. (On a command line others could read it.)
    #[arg(long, value_name = "FILE")]
    pub hf_token_file: Option<PathBuf>,
    /// The folder of cache and token, instead of HF_HOME.
    #[arg(long, value_name = "DIR")]
    pub hf_home: Option<PathBuf>,
    /// The cache of downloads, instead of HF_HUB_CACHE.
    #[arg(long, value_name = "DIR")]
    pub hf_cache: Option<PathBuf>,
}

/// `clawsig lock`
#[derive(Clone, Debug, Args)]
pub struct LockArgs {
    /// The profile; only its source matters.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// What the snapshot is called; by default the start of its commit.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How the Hub is reached.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// `clawsig agreement`
#[derive(Clone, Debug, Args)]
pub struct AgreementArgs {
    /// The stage.
    #[command(flatten)]
    pub stage: StageArgs,
    /// Compute from this file of counts instead of a run's rows: CSV or JSON lines of `pattern` and `count`, or
    /// of a 0/1 column a rater and `count`, or what the queries of `clawsig export sql` give. The tables are
    /// printed; --out keeps the results, and --force replaces what is there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "with_upstream"])]
    pub counts: Option<PathBuf>,
    /// Compute from the published counts of the whole registry instead of a run's rows, likewise.
    #[arg(long, conflicts_with_all = ["dry_run", "with_upstream", "counts"])]
    pub published: bool,
    /// Ratings of any raters.
    #[command(flatten)]
    pub ratings: RatingsArgs,
}

/// `clawsig verify`
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// A run's folder.
    #[arg(default_value = "runs/sample")]
    pub run: PathBuf,
    /// Published figures to compare with, instead of the paper's (as data/published.json).
    #[arg(long, value_name = "FILE")]
    pub published: Option<PathBuf>,
    /// The dataset lock that has their snapshot, instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Run the same plan again and compare every artifact byte for byte.
    #[arg(long)]
    pub rebuild: bool,
    /// For --rebuild: change one setting of the run, such as source.path where the rows lie
    /// elsewhere by now; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "rebuild")]
    pub set: Vec<OsString>,
    /// For --rebuild of a run over the Hub.
    #[command(flatten)]
    pub hub: HubArgs,
}

/// `clawsig inspect`
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// A run's folder, or a dataset: a folder or file of JSONL or Parquet. By default the
    /// bundled sample.
    pub path: Option<PathBuf>,
    /// Rows shown in full width.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = whole::<usize>)]
    pub rows: usize,
}

/// `clawsig show`
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The skill: its owner/slug, its id, or at least 8 characters with which its id alone begins.
    #[arg(value_name = "SLUG-OR-ID")]
    pub skill: String,
    /// A run's folder.
    #[arg(default_value = "runs/sample")]
    pub run: PathBuf,
    /// Columns that are named in the model's reasons.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,
}

/// `clawsig diff`
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// The folder of the earlier run.
    #[arg(value_name = "RUN")]
    pub a: PathBuf,
    /// The folder of the later run.
    #[arg(value_name = "RUN")]
    pub b: PathBuf,
    /// Leave the texts of rows with the same id uncompared, which saves reading them.
    #[arg(long)]
    pub without_texts: bool,
    /// Skills listed whose verdict flipped.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = whole::<usize>)]
    pub top: usize,
    /// End with exit code 3 if this has changed by more than noise and by enough to count, or if
    /// it can't be compared; may be repeated.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_on: Vec<Concern>,
}

/// What a comparison of two runs looks out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// Skills are gone, a scanner rates fewer or has a status that it did not have, a column is
    /// new, gone or emptied, a text has changed under the same id.
    Coverage,
    /// More rows are rejected, or for another reason.
    Rejects,
    /// The verdict of a skill in both runs differs, or a verdict has a new name or no row.
    Verdicts,
    /// A scanner flags the same skills differently: McNemar's exact p-value is below 0.01, and the
    /// flags gained less those lost are 1 % of the skills or a fifth of the flags; or 5 % flipped.
    Drift,
    /// A positive rate, kappa, AC1 or Jaccard has become undefined, or has moved by more than noise
    /// and by 0.01.
    Agreement,
    /// A metric has become undefined, or has moved by more than noise and by 0.01.
    Metrics,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Concern::Coverage => "coverage",
            Concern::Rejects => "rejects",
            Concern::Verdicts => "verdicts",
            Concern::Drift => "drift",
            Concern::Agreement => "agreement",
            Concern::Metrics => "metrics",
        })
    }
}

/// `clawsig completions`
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `clawsig man`
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Write one page a command into this folder instead.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `clawsig settings`
#[derive(Clone, Debug, Args)]
pub struct SettingsArgs {
    /// A key, or a section; by default all.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
}

/// `clawsig dictionary`
#[derive(Clone, Debug, Args)]
pub struct DictionaryArgs {
    /// A file's path in a run's folder; by default all.
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
}

/// `clawsig synth`
#[derive(Clone, Debug, Args)]
pub struct SynthArgs {
    /// Rows to make.
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_negative_numbers = true)]
    pub rows: u64,
    /// The same seed gives the same rows; by default 0, or the bundled sample's with --small.
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
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
    /// The share of rows whose texts attack whoever shows them (markup, script, terminal
    /// sequences, formulas), 0 to 1: for tests.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub hostile: f64,
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

    #[test]
    fn every_command_has_examples_that_parse() {
        let mut program = Cli::command();
        program.build();
        for command in program.get_subcommands().filter(|c| c.get_name() != "help") {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:"), "`{name} --help` has no examples");
            for line in help.lines().filter(|line| line.starts_with("  clawsig ")) {
                // What follows two blanks is a remark, what follows a bar or an arrow the shell's.
                let typed = line.trim().split("  ").next().unwrap_or_default();
                let typed = typed.split(['|', '>']).next().unwrap_or_default().replace('\'', "");
                let words = typed.split_whitespace();
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{line}: {error}");
                }
            }
        }
    }
}
