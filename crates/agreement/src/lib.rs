#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod chance;
mod error;
pub mod homogeneity;
pub mod latent;
pub mod multi;
mod outcome;
mod overlap;
mod ratings;
mod reading;
pub mod resampling;
pub mod scores;
mod table;
pub mod two_raters;
mod weights;

pub use chance::Chance;
pub use clawsig_stats::NoInterval;
pub use error::Error;
pub use multi::RatingStatistic;
pub use outcome::{
    Caution, Estimate, Interval, MOST_SUBJECTS, Method, Outcome, Precision, Undefined, proportion,
};
pub use overlap::{Coverage, Overlap};
pub use ratings::Ratings;
pub use reading::Scale;
pub use table::{Categories, Table};
pub use two_raters::PairStatistic;
pub use weights::Weights;
