//! Downloads as bars or lines.

use std::{
    cell::RefCell,
    io::{self, IsTerminal},
};

use clawsig_ingest::hub::HubEvent;
use clawsig_schema::hostile::printable;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{count, say};

/// The downloads, one bar a file with bytes, rate and time left; plain lines where no bar can be.
pub(crate) struct Transfers {
    quiet: bool,
    /// The file under way and its bar.
    current: RefCell<Option<(String, ProgressBar)>>,
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
            HubEvent::Progress { file, done, total } => self.bar(file, total).set_position(done),
            HubEvent::Retry { file, reason, wait } => {
                let text = format!("{}: {reason}; trying again in {wait:.1} s", shown(file));
                match &*self.current.borrow() {
                    Some((_, bar)) => bar.suspend(|| say(&text)),
                    None => say(&text),
                }
            }
            HubEvent::Done { file, bytes } => {
                if let Some((_, bar)) = self.current.borrow_mut().take() {
                    bar.finish_and_clear();
                }
                say(&format!("downloaded {} ({} bytes)", shown(file), count(bytes)));
            }
        }
    }

    /// The bar of a file; a new one when the file is.
    fn bar(&self, file: &str, total: u64) -> ProgressBar {
        let mut current = self.current.borrow_mut();
        if let Some((name, bar)) = &*current
            && name == file
        {
            return bar.clone();
        }
        let bar = ProgressBar::new(total);
        if io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            say(&format!("downloading {} ({} bytes)", shown(file), count(total)));
        }
        let style = ProgressStyle::with_template(
            "{prefix} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(shown(file));
        *current = Some((file.to_owned(), bar.clone()));
        bar
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        if let Some((_, bar)) = self.current.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

/// A file's name, which comes from outside.
fn shown(file: &str) -> String {
    printable(file, 120)
}
