#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod census;
mod chunks;
mod code;
mod draw;
mod error;
mod findings;
mod hostile;
mod json;
mod malformed;
mod params;
mod risk;
mod synth;
mod text;
mod words;

pub use chunks::write_jsonl;
pub use error::SynthError;
pub use json::write_json_line;
pub use malformed::{Fault, Line, Malformed, malformed};
pub use params::{SynthParams, ValidSynthParams};
pub use synth::{Origin, Synth};
