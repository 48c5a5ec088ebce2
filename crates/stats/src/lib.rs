#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod beta;
pub mod distribution;
mod draws;
mod error;
mod groups;
mod interval;
mod mcnemar;
mod order;
mod proportion;
mod replicates;
mod units;
mod wide;

pub use distribution::{LEAST_P, p_value_text};
pub use draws::{below, generator, resampled_units, shuffle};
pub use error::Error;
pub use groups::Groups;
pub use interval::{Interval, NoInterval, Spread};
pub use mcnemar::{Test, mcnemar_corrected, mcnemar_exact, mcnemar_uncorrected};
pub use order::{deviation, mean, quantile};
pub use proportion::{clopper_pearson, wilson};
pub use replicates::{Replicates, Scheme, t_interval};
pub use units::{MOST_SUBJECTS, Members, Resampling, ResamplingParams, Units};
pub use wide::Wide;
