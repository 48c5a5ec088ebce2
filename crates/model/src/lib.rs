#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod baseline;
pub mod curves;
mod error;
mod evaluate;
mod leaderboard;
pub mod metrics;
mod model;
mod params;
mod parts;
mod persist;
mod score;
pub mod solver;
mod train;
mod weighted;
mod weights;

/// The crate of the matrices, columns and classes that models are made of.
pub use clawsig_schema as schema;
pub use error::{ModelError, Result};
pub use evaluate::{EvaluateParams, Evaluation, ValidEvaluateParams, evaluate};
pub use leaderboard::leaderboard_score;
pub use model::{TrainedModel, columns_hash};
pub use params::{Calibration, ClassWeight, Penalty, SplitPlan, TrainParams, ValidTrainParams};
pub use parts::{Part, SplitData, TrainData};
pub use persist::JSON_LIMIT;
pub use score::Score;
pub use train::{PartProgress, Training, train};
pub use weights::{Classifier, MODEL_FORMAT, WEIGHTS_LIMIT};
