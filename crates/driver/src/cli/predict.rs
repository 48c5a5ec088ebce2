//! What may be typed after `clawsig predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `clawsig predict`
#[derive(Clone, Debug, Args)]
pub struct PredictArgs {
    /// SKILL.md files (.md, .txt), folders of skills, .jsonl or .parquet files of rows, or - for
    /// standard input: JSON lines where it begins with {, else one SKILL.md.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A run's folder, or its train folder.
    #[arg(long, short, value_name = "RUN", default_value = "runs/sample")]
    pub model: PathBuf,
    /// The form of the output; jsonl for standard input.
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: Option<PredictForm>,
    /// Terms and signals shown of each skill.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = super::whole::<usize>)]
    pub top: usize,
    /// Flag a skill whose probability of CLASS is at least P; P is a number, or the threshold
    /// that the run's evaluation chose on validation: CLASS@fpr=0.01 or CLASS@recall=0.9.
    #[arg(long, value_name = "CLASS=P")]
    pub threshold: Option<String>,
    /// End with exit code 3 if a skill is this: `flagged` by --threshold, of a class (`suspicious`
    /// takes in what is worse), or `unlike` the training rows; may be repeated.
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Vec<String>,
    /// Reviewed skills, which neither fail nor are SARIF results until their review expires: TOML
    /// with `[[reviewed]]` sha256, reason, owner and expires.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Score by text alone even where scanner results are given.
    #[arg(long)]
    pub text_only: bool,
}

/// The forms of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PredictForm {
    /// A table to read.
    Table,
    /// One JSON object a line.
    Jsonl,
    /// CSV, safe to open in a spreadsheet.
    Csv,
    /// SARIF 2.1.0: flagged skills as results, for code scanning.
    Sarif,
    /// OpenClaw's install policy: its request on standard input, allow, warn or block out.
    InstallPolicy,
}
