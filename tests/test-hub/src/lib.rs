#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod content;
mod fault;
mod http;
mod routes;
mod server;
mod state;

pub use content::Repository;
pub use fault::{Action, Fault};
pub use server::TestHub;
pub use state::Seen;
