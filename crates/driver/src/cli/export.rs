//! What may be typed after `clawsig export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `clawsig export`
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The form.
    #[command(subcommand)]
    pub target: ExportTarget,
}

/// The forms that a finished run can be handed on in.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportTarget {
    /// One table, a row a skill: scanners' results, flags, verdict and prediction.
    Csv(ExportTo),
    /// The feature matrices for SciPy, with their rows, columns and vocabulary.
    Npz(ExportTo),
    /// The checked, typed rows, one Parquet file a split.
    Parquet(ExportTo),
    /// SARIF 2.1.0: the skills that the model flags and those on which scanners disagree.
    Sarif(ExportTo),
    /// The rows with a Croissant description (JSON-LD), as ML tools load them.
    Croissant(ExportTo),
    /// The model's card in the Hub's format.
    ModelCard(ExportTo),
    /// A submission to the Security Signals leaderboard; needs a run with --final.
    Leaderboard(LeaderboardArgs),
}

/// From where, to where.
#[derive(Clone, Debug, Args)]
pub struct ExportTo {
    /// The run's folder, for example runs/sample.
    pub run: PathBuf,
    /// The file or folder to write.
    #[arg(long, short, value_name = "PATH")]
    pub out: PathBuf,
    /// Replace files of the same names.
    #[arg(long)]
    pub force: bool,
}

/// `clawsig export leaderboard`
#[derive(Clone, Debug, Args)]
pub struct LeaderboardArgs {
    /// From where, to where.
    #[command(flatten)]
    pub to: ExportTo,
    /// The dataset's name. The leaderboard's README writes the default, its validator (at
    /// b4d4470) wants `clawhub-security-signals`.
    #[arg(long, value_name = "NAME", default_value = "OpenClaw/clawhub-security-signals")]
    pub dataset: String,
    /// The dataset's revision; by default that of the dataset lock, if the run's files are those.
    #[arg(long, value_name = "HASH")]
    pub revision: Option<String>,
    /// The system's name.
    #[arg(long, value_name = "NAME", default_value = "clawsig")]
    pub system: String,
    /// The system's role.
    #[arg(long, value_name = "ROLE", default_value = "community")]
    pub role: String,
    /// The verification status that the submission claims.
    #[arg(long, value_name = "STATUS", default_value = "artifact-validated")]
    pub status: String,
}
