//! The stages of a run: their order, their settings, what each depends on.
//!
//! A stage's module reads the files of the stages before it, calls its crate with the run's
//! settings, and writes the files named in ARCHITECTURE.md. Whether it runs at all is decided in
//! [`pipeline`], by the artifact store.

pub(crate) mod agreement;
mod evaluate;
mod features;
pub(crate) mod ingest;
pub(crate) mod ledger;
mod matrices;
pub mod pipeline;
mod report;
mod rows;
pub(crate) mod source;
mod train;

use std::{fmt, path::PathBuf, str::FromStr};

use clawsig_features::FeatureParams;
use clawsig_ingest::{IngestParams, SourceParams};
use clawsig_model::{EvaluateParams, SplitPlan, TrainParams};
use clawsig_schema::settings::{Key, Params as _};
use clawsig_store::{RunFolder, Work};
use clawsig_study::StudyParams;

pub(crate) use features::read_fitted;
pub(crate) use train::{MODEL, TEXT_ONLY};

use crate::{
    Error,
    settings::{RunRecord, Settings, suggestion},
    terminal::Progress,
};

/// The seed of all that is drawn.
const SEED: &str = "run.seed";
/// The setting of training that features takes part in.
const SPLIT: &str = "model.split";

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Raw rows to checked, typed Parquet.
    Ingest,
    /// How far the scanners agree.
    Agreement,
    /// Text and signals to a sparse matrix.
    Features,
    /// The classifier.
    Train,
    /// What the classifier is worth.
    Evaluate,
    /// Figures, page and cards.
    Report,
}

impl Stage {
    /// Every stage, in the order they run.
    pub const ALL: [Stage; 6] = [
        Stage::Ingest,
        Stage::Agreement,
        Stage::Features,
        Stage::Train,
        Stage::Evaluate,
        Stage::Report,
    ];

    /// The stage's name: its command and its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Ingest => "ingest",
            Stage::Agreement => "agreement",
            Stage::Features => "features",
            Stage::Train => "train",
            Stage::Evaluate => "evaluate",
            Stage::Report => "report",
        }
    }

    /// The version of the stage's code: raised when the same inputs give other results.
    const fn version(self) -> u32 {
        match self {
            Stage::Ingest => 2,
            Stage::Agreement => 4,
            Stage::Features => 4,
            Stage::Train => 5,
            Stage::Evaluate => 6,
            Stage::Report => 7,
        }
    }

    /// The stages whose files it reads.
    pub(crate) const fn needs(self) -> &'static [Stage] {
        match self {
            Stage::Ingest => &[],
            Stage::Agreement | Stage::Features => &[Stage::Ingest],
            Stage::Train => &[Stage::Features],
            Stage::Evaluate => &[Stage::Ingest, Stage::Features, Stage::Train],
            Stage::Report => {
                &[Stage::Ingest, Stage::Agreement, Stage::Features, Stage::Train, Stage::Evaluate]
            }
        }
    }

    /// The stages before it: those that it reads, and those that they read.
    pub fn upstream(self) -> Vec<Stage> {
        let reads = |stage: Stage| {
            self.needs().iter().any(|&n| n == stage || n.upstream().contains(&stage))
        };
        Stage::ALL.into_iter().filter(|&stage| reads(stage)).collect()
    }

    /// The settings that it declares.
    pub fn keys(self) -> Vec<Key> {
        match self {
            Stage::Ingest => [SourceParams::keys(), IngestParams::keys()].concat(),
            Stage::Agreement => StudyParams::keys(),
            // A split that is drawn anew is drawn before anything is learned from its rows.
            Stage::Features => {
                let drawn = [SPLIT, SEED];
                let split = TrainParams::keys().into_iter().filter(|key| drawn.contains(&key.name));
                FeatureParams::keys().into_iter().chain(split).collect()
            }
            Stage::Train => TrainParams::keys(),
            Stage::Evaluate => EvaluateParams::keys(),
            Stage::Report => Vec::new(),
        }
    }

    /// Whether a setting makes a difference to its result, as the others are.
    pub(crate) fn reads(self, key: &str, settings: &Settings) -> bool {
        let draws = self != Stage::Features || settings.train.split != SplitPlan::Official;
        (draws || key != SEED) && self.keys().iter().any(|known| known.name == key)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Stage, Error> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| {
            let names = Stage::ALL.map(Stage::as_str);
            let meant = suggestion(text, names);
            Error::Usage(format!("no stage `{text}`{meant}; expected one of {}", names.join(", ")))
        })
    }
}

/// Rows that a stage took in and put out, for its manifest.
#[derive(Clone, Copy, Debug)]
struct RowCounts {
    input: u64,
    output: u64,
}

/// What a stage's module gets.
struct Context<'a> {
    record: &'a RunRecord,
    run: &'a RunFolder,
    work: &'a Work,
    progress: &'a Progress,
}

impl Context<'_> {
    fn settings(&self) -> &Settings {
        &self.record.settings
    }

    /// The path of a file of an earlier stage, after checking that it is the one written there.
    fn artifact(&self, stage: Stage, name: &str) -> Result<PathBuf, Error> {
        Ok(self.run.verified(stage.as_str(), name)?)
    }
}
