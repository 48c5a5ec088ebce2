//! What may be typed after `clawsig export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// The counts behind the agreement stage as SQL, for `clawsig agreement --counts`.
    Sql(SqlArgs),
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
    /// The dataset's name. The default is the one that the leaderboard's validator takes; its README
    /// writes OpenClaw/clawhub-security-signals, which the validator refuses.
    #[arg(long, value_name = "NAME", default_value = "clawhub-security-signals")]
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

/// `clawsig export sql`
#[derive(Clone, Debug, Args)]
pub struct SqlArgs {
    /// The folder with the data, as the engine sees it: nothing is opened here.
    pub path: PathBuf,
    /// What the folder holds.
    #[arg(long, value_enum, default_value = "signals")]
    pub over: SqlOver,
    /// Whose dialect the view is made in; the queries over it are the same for all.
    #[arg(long, value_enum, default_value = "duckdb")]
    pub engine: SqlEngine,
    /// The folder to write.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace files of the same names.
    #[arg(long)]
    pub force: bool,
}

/// What a folder of data holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqlOver {
    /// The Parquet files of a run's ingest/signals.
    Signals,
    /// The dataset's raw JSON lines.
    Jsonl,
}

/// An engine that the view is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqlEngine {
    /// DuckDB.
    Duckdb,
    /// Apache Spark.
    Spark,
}
