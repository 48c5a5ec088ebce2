#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod baseline;
pub mod curves;
mod data;
mod error;
mod evaluate;
mod folds;
mod leaderboard;
pub mod metrics;
mod model;
mod params;
mod path;
mod persist;
mod score;
mod scored;
pub mod solver;
mod split;
mod train;
mod weighted;
mod weights;

/// The crate of the matrices, columns and classes that models are made of.
pub use clawsig_schema as schema;
pub use data::{LabelledRows, SplitData, TrainData};
pub use error::{ModelError, Result};
pub use evaluate::{Evaluation, evaluate};
pub use folds::{CrossValidation, related_rows};
pub use leaderboard::leaderboard_score;
pub use model::{TrainedModel, columns_hash};
pub use params::{
    Calibration, ClassWeight, EvaluateParams, Penalty, SplitPlan, TrainParams, ValidEvaluateParams,
    ValidTrainParams,
};
pub use persist::JSON_LIMIT;
pub use score::Score;
pub use scored::{Scored, owner_units};
pub use split::{group_folds, stratified_split};
pub use train::{Training, train};
pub use weights::{Classifier, MODEL_FORMAT, WEIGHTS_LIMIT};
