//! What `clawsig agreement --ratings` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `clawsig agreement --ratings`
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Ratings of any raters")]
pub struct RatingsArgs {
    /// Study these ratings instead of a run's rows: CSV, JSON lines or Parquet with the columns
    /// item, rater, rating, and where there are, cluster, weight, version, time; what scanners wrote
    /// (SARIF, clawscan's artifact, JSON of SkillSpector or Cisco's skill-scanner); or a run's folder,
    /// whose scanners and verdict are the raters. With --out everything is written there too.
    #[arg(long = "ratings", value_name = "FILE", num_args = 1.., conflicts_with_all = ["counts", "published", "dry_run", "with_upstream"])]
    pub files: Vec<PathBuf>,
    /// A column by another name: item=skill; may be repeated.
    #[arg(long = "column", value_name = "ROLE=NAME", requires = "files")]
    pub columns: Vec<String>,
    /// Columns that are raters each, in place of the columns rater and rating.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "files")]
    pub raters: Vec<String>,
    /// What of a scanner's file becomes its rating, instead of flagged or clean: a dotted path, such
    /// as cisco=max_severity or skillspector=risk_assessment.score; may be repeated.
    #[arg(long, value_name = "SCANNER=PATH", requires = "files")]
    pub field: Vec<String>,
    /// What labels are.
    #[arg(long, value_enum, default_value = "nominal", requires = "files")]
    pub scale: RatingScale,
    /// The labels in order, the lowest first; of two the last is the positive one.
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',', requires = "files")]
    pub labels: Vec<String>,
    /// A value that stands for no rating; may be repeated.
    #[arg(long, value_name = "VALUE", requires = "files")]
    pub missing: Vec<String>,
    /// Make one label of another, of all raters or of one (RATER:VALUE=LABEL); may be repeated.
    #[arg(long, value_name = "[RATER:]VALUE=LABEL", requires = "files")]
    pub rename: Vec<String>,
    /// Make a rater's numbers 1 from this one on and 0 below; may be repeated.
    #[arg(long, value_name = "RATER=NUMBER", requires = "files")]
    pub cut: Vec<String>,
}

/// What labels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RatingScale {
    /// Names without an order.
    #[default]
    Nominal,
    /// Names with an order, or numbers taken as ranks.
    Ordinal,
    /// Numbers whose differences mean something.
    Interval,
}
