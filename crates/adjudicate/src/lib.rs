#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answers;
mod design;
mod error;
mod estimate;
mod questions;
mod sheets;
mod skills;

pub use answers::{AnswerForm, ReviewAnswer, read_answers};
pub use design::{Design, DesignParams, Drawn, Size, Stratum, draw, needed};
pub use error::AdjudicateError;
pub use estimate::{EstimateParams, Estimates, Quality, Review, Reviewed, Share, estimates};
pub use questions::{CANNOT_TELL, POSTURE, QUESTIONS, Question, question};
pub use sheets::{ReviewUnit, Sheets};
pub use skills::{STRATA, Signs, stratum_of};
