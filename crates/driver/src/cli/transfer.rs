//! What may be typed after `clawsig transfer`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ProfileArgs;

/// `clawsig transfer`
#[derive(Clone, Debug, Args)]
pub struct TransferArgs {
    /// JSON lines with text and label (and corpus, source, owner, family), a folder of
    /// MaliciousSkillBench or SkillTrustBench, or a run's folder.
    #[arg(required = true, value_name = "CORPUS")]
    pub corpora: Vec<PathBuf>,
    /// What rows labelled suspicious count as.
    #[arg(long, value_enum, value_name = "CLASS", default_value = "dropped")]
    pub suspicious: CountsAs,
    /// What rows without a label count as: benign makes a pool of unread skills the negatives.
    #[arg(long, value_enum, value_name = "CLASS", default_value = "dropped")]
    pub unlabelled: CountsAs,
    /// Folds of each split within a corpus.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=50))]
    pub folds: u32,
    /// Bootstrap replicates of each interval.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub replicates: u32,
    /// A new or empty folder for transfer.csv, transfer.json, transfer.svg, rows.csv and
    /// predictions.csv.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace files of the same names.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// The vectorizer's settings, model.c and model.class_weight.
    #[command(flatten)]
    pub settings: ProfileArgs,
}

/// What rows of a kind count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CountsAs {
    /// They are left out, and counted.
    Dropped,
    /// Benign.
    Benign,
    /// Malicious.
    Malicious,
}
