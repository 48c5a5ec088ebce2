//! Logs on standard error, by `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// Starts the log: warnings by default, errors only with `--quiet`, whatever `RUST_LOG` says
/// otherwise.
pub(crate) fn start(quiet: bool) {
    let default = if quiet { "error" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colour = crate::terminal::takes_colour(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .without_time()
        .init();
}
