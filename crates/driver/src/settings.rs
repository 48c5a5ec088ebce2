//! The settings of a run: what the stages declare, read from a profile, from `--set` and from the
//! run's own `run.toml`.
//!
//! Nothing is declared here. A key, its type, meaning, choices and default stand in the crate of
//! the stage that uses it; [`Settings`] puts the stages' parts together.

mod error;
mod load;
mod profile;
mod record;

use std::collections::BTreeMap;

use clawsig_features::FeatureParams;
use clawsig_ingest::{IngestParams, SourceParams};
use clawsig_model::{EvaluateParams, TrainParams};
use clawsig_schema::settings::{Input, Params, Value};
use clawsig_study::StudyParams;

pub use error::{SettingsError, suggestion};
pub use load::{Assignment, Typed};
pub(crate) use profile::no_toml;
pub use profile::{BUILT_IN_PROFILES, Profile};
pub use record::{RUN_FILE, RunRecord};

use crate::Error;

clawsig_schema::params! {
    /// Every setting of a run.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Settings {
        shared {
            /// Where the rows are.
            source: SourceParams;
            /// Reading them.
            ingest: IngestParams;
            /// The agreement of the scanners.
            agreement: StudyParams;
            /// The matrix.
            features: FeatureParams;
            /// The classifier.
            train: TrainParams;
            /// Its evaluation.
            evaluate: EvaluateParams;
        }
    }
}

/// The setting that changes no result, so that no run is known by it.
pub const THREADS: &str = "run.threads";
/// The settings that are paths on one machine.
pub const PATHS: [&str; 2] = ["source.path", "source.lock"];

impl Settings {
    /// The settings that say what the results are: all but the number of threads.
    pub fn identity(&self) -> BTreeMap<&'static str, Value> {
        self.values().into_iter().filter(|(key, _)| *key != THREADS).collect()
    }

    /// Checks every part, so that a wrong value is told before anything runs.
    ///
    /// # Errors
    /// That of the stage that can't take its part.
    pub fn check(&self) -> Result<(), Error> {
        self.ingest.clone().check()?;
        self.agreement.clone().check()?;
        self.features.clone().check()?;
        self.train_params().check()?;
        self.evaluate.clone().check()?;
        Ok(())
    }

    /// Training's settings with the target that the matrix is made for.
    pub fn train_params(&self) -> TrainParams {
        TrainParams { target: self.features.target, ..self.train.clone() }
    }

    /// Gives every setting that another one makes void its default, so that results and their keys
    /// do not depend on what is not used.
    pub(crate) fn without_void(mut self) -> Settings {
        let default = Settings::default();
        let void: Vec<&str> = Settings::keys()
            .iter()
            .filter(|key| self.unmet(key).is_some())
            .map(|k| k.name)
            .collect();
        for key in void {
            if let Some(value) = default.value_of(key) {
                // A default is within its own range.
                let _ = self.set(key, Input::Value(&value));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
