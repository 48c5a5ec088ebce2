//! Synthetic agent skills.
#![forbid(unsafe_code)]

mod chunks;
mod code;
mod draw;
mod error;
mod findings;
mod joint;
mod json;
mod params;
mod risk;
mod synth;
mod text;
mod words;

pub use chunks::write_jsonl;
pub use error::SynthError;
pub use json::write_json_line;
pub use params::{SynthParams, ValidParams};
pub use synth::{Origin, Synth};
