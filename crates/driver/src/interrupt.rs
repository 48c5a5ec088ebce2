//! Ctrl-C and SIGTERM: leave a clean folder and say how to go on.

use std::sync::Mutex;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Held by whoever ends the process: one ending, one exit code.
static ENDING: Mutex<()> = Mutex::new(());

/// Waits for an interruption that is under way, which then ends the process with its own exit
/// code: what fails because its folder was just removed is no error to tell.
pub(crate) fn wait_if_interrupted() {
    // The lock is given back at once if nobody ends the process.
    drop(ENDING.lock());
}

/// Watches for the signals in a thread of its own. On one, unfinished folders are removed, the
/// user is told what is left and how to go on, and the process ends with 128 + the signal's
/// number, as shells expect.
pub(crate) fn watch(how_to_go_on: &'static str) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        tracing::warn!("signals can't be watched; an interrupted run is cleaned up by the next");
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _ending = ENDING.lock();
            let _held = clawsig_store::discard_unfinished();
            crate::terminal::close();
            crate::terminal::say(&format!("interrupted: {how_to_go_on}"));
            std::process::exit(128 + signal);
        }
    });
}
