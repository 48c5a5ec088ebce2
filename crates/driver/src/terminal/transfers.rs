//! Downloads as bars or lines.

use std::cell::RefCell;

use clawsig_ingest::hub::HubEvent;
use clawsig_schema::hostile::printable;
use indicatif::ProgressBar;

use super::{
    bar::{clear, draw},
    count, say,
};

/// The downloads, one bar a file with bytes, rate and time left; plain lines where no bar can be.
pub(crate) struct Transfers {
    quiet: bool,
    /// The file under way, and its bar where one is drawn.
    current: RefCell<Option<(String, Option<ProgressBar>)>>,
}

impl Transfers {
    /// No download yet; `quiet` shows none.
    pub(crate) fn new(quiet: bool) -> Transfers {
        Transfers { quiet, current: RefCell::new(None) }
    }

    /// Shows what happens.
    pub(crate) fn show(&self, event: HubEvent<'_>) {
        if self.quiet {
            return;
        }
        match event {
            HubEvent::Waiting { file } => {
                say(&format!("waiting for another process that downloads {}", shown(file)));
            }
            HubEvent::Progress { file, done, total } => self.moved(file, done, total),
            HubEvent::Retry { file, reason, wait } => {
                say(&format!("{}: {reason}; trying again in {wait:.1} s", shown(file)));
            }
            HubEvent::Done { file, bytes } => {
                self.end();
                say(&format!("downloaded {} ({} bytes)", shown(file), count(bytes)));
            }
        }
    }

    /// Moves the bar of a file; a new one when the file is.
    fn moved(&self, file: &str, done: u64, total: u64) {
        let mut current = self.current.borrow_mut();
        if current.as_ref().is_none_or(|(name, _)| name != file) {
            let bar = draw(
                self.quiet,
                "{prefix} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}{left}",
            );
            match &bar {
                Some(bar) => {
                    bar.set_length(total);
                    bar.set_prefix(shown(file));
                }
                None => say(&format!("downloading {} ({} bytes)", shown(file), count(total))),
            }
            *current = Some((file.to_owned(), bar));
        }
        if let Some((_, Some(bar))) = &*current {
            bar.set_position(done);
        }
    }

    fn end(&self) {
        if let Some((_, Some(_))) = self.current.borrow_mut().take() {
            clear();
        }
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.end();
    }
}

/// A file's name, which comes from outside.
fn shown(file: &str) -> String {
    printable(file, 120)
}
