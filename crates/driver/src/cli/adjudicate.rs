//! What `clawsig adjudicate` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `clawsig adjudicate`
#[derive(Clone, Debug, Args)]
pub struct AdjudicateArgs {
    /// Draw, or score.
    #[command(subcommand)]
    pub task: AdjudicateTask,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub enum AdjudicateTask {
    /// Draw skills for review with known probabilities, and write them for people and tools.
    Sample(SampleArgs),
    /// Read the reviewers' answers, and say how scanners, verdict and model fare against them.
    Score(ScoreArgs),
}

/// What reviewers are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hide {
    /// The verdict, what the judge wrote, the model's prediction and the stratum.
    Verdict,
    /// The scanners' findings too, so that reviewers judge the skill alone.
    Findings,
    /// Nothing.
    Nothing,
}

/// `clawsig adjudicate sample`
#[derive(Clone, Debug, Args)]
pub struct SampleArgs {
    /// A finished run's folder.
    pub run: PathBuf,
    /// A new or empty folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// As many skills of each stratum as a 95 % interval of this full width takes.
    #[arg(long, value_name = "WIDTH", default_value_t = 0.2)]
    pub width: f64,
    /// So many skills in all, instead of a width.
    #[arg(long, value_name = "N", conflicts_with = "width")]
    pub reviews: Option<u64>,
    /// The same seed draws the same skills.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// What reviewers are not shown.
    #[arg(long, value_enum, default_value = "verdict")]
    pub hide: Hide,
    /// Replace what is in the folder.
    #[arg(long)]
    pub force: bool,
}

/// `clawsig adjudicate score`
#[derive(Clone, Debug, Args)]
pub struct ScoreArgs {
    /// The run that the sample was drawn from.
    pub run: PathBuf,
    /// Answers: sample.csv filled in, an export of Label Studio (JSON, JSON-MIN, CSV), or records of
    /// Argilla.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder that `adjudicate sample` wrote.
    #[arg(long, value_name = "DIR")]
    pub sample: PathBuf,
    /// Whose answers these are, where a file does not say.
    #[arg(long, value_name = "NAME")]
    pub reviewer: Option<String>,
    /// The reviewer whose posture decides; else that of more than half of a skill's reviewers does.
    #[arg(long, value_name = "NAME")]
    pub decides: Option<String>,
    /// The postures that count as positive.
    #[arg(long, value_name = "POSTURE,...", value_delimiter = ',', default_values = ["suspicious", "malicious"])]
    pub positive: Vec<String>,
    /// The full width of an interval for which further reviews are counted.
    #[arg(long, value_name = "WIDTH", default_value_t = 0.1)]
    pub width: f64,
    /// Bootstrap replicates.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub replicates: u32,
    /// The seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write page, tables and results into this folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace what is in the folder.
    #[arg(long, requires = "out")]
    pub force: bool,
}
