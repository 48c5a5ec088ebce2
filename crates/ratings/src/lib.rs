#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod data;
mod error;
mod label_model;
mod rating_file;
mod record;
mod retest;
mod scanners;
mod study;

pub use data::{LabelScale, RatingTable};
pub use error::{Place, RatingsError};
pub use label_model::{Fit, LabelModel, LabelModels};
pub use rating_file::RatingFile;
pub use record::{COLUMNS, Layout, Record, Records, Rename, Time};
pub use retest::{Change, Retest};
pub use scanners::{Scan, read_scan};
pub use study::{
    Findings, ItemDisagreement, LabelShare, Named, NamedTest, PairFindings, Pattern, Posterior,
    RaterFindings, study,
};
