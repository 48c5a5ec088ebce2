//! Ctrl-C and SIGTERM: leave a clean folder and say how to go on.

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Watches for the signals in a thread of its own. On one, the unfinished stage's folder is
/// removed and the process ends with 128 + the signal's number, as shells expect.
pub(crate) fn watch() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        tracing::warn!("signals can't be watched; an interrupted run is cleaned up by the next");
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            clawsig_store::discard_unfinished();
            crate::terminal::say(
                "interrupted: finished stages are kept, the same command goes on from there",
            );
            std::process::exit(128 + signal);
        }
    });
}
