//! What clawsig's stages agree on, and nothing else.
//!
//! A stage crate never depends on another stage crate: whatever crosses from one to the next is
//! declared here, either as a domain type ([`SkillRow`], [`Verdict`], [`Scanner`], …) or as the
//! struct behind an artifact file ([`matrix`], [`estimate`], …). The crate holds data and the
//! dataset's own rules (how a scanner's output becomes a flag, how a skill is assigned to a
//! split); it reads no file and depends on serde alone.
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
