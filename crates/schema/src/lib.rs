#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod agreement;
pub mod column;
pub mod estimate;
pub mod evaluation;
pub mod flags;
pub mod format;
pub mod hostile;
mod label;
pub mod lock;
pub mod matrix;
pub mod profile;
mod progress;
pub mod published;
pub mod raw;
pub mod registry;
mod row;
pub mod settings;
pub mod signal;
pub mod source;
mod split;
pub mod target;
pub mod unread;
pub mod wording;

pub use flags::{FlagRule, MissingPolicy};
pub use label::{Scanner, Severity, Split, Status, UnknownLabel, Verdict};
pub use progress::Progress;
pub use row::{
    BundleStats, ExtensionCount, JudgeFields, SkillRow, SkillSpectorSignals, StaticSignals,
    VerdictLabel, VirusTotalSignals, owner_of_slug,
};
pub use split::{NotAHash, split_of_hash};
pub use target::Target;
