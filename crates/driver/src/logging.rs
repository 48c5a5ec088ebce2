//! Logs on standard error, by `RUST_LOG`.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::terminal::{Aside, takes_colour};

/// Starts the log: warnings by default, errors only with `--quiet`, whatever `RUST_LOG` says
/// otherwise.
pub(crate) fn start(quiet: bool) {
    let default = if quiet { "error" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colour = takes_colour(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Aside)
        .with_ansi(colour)
        .with_target(false)
        .without_time()
        .with_filter(filter_fn(is_ours));
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// What other crates log of a connection may hold the token or a signed address, so that of them
/// only warnings are shown, and of the Hub's client nothing: its errors reach the user as ours.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target.starts_with("clawsig")
        || (*metadata.level() <= Level::WARN && !target.starts_with("hf_hub"))
}
