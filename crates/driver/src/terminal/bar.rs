//! The bar on the last line of a terminal, and how other lines get past it.

use std::{
    fmt::Write,
    io::{self, IsTerminal},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use clawsig_schema::hostile::printable;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// The bar that is drawn; there is one at a time.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Whether the process ends and draws no more.
static CLOSED: AtomicBool = AtomicBool::new(false);

fn drawn() -> MutexGuard<'static, Option<ProgressBar>> {
    // Whoever panicked has left a whole value: the bar is a handle.
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws a bar from now on, on a terminal: `None` elsewhere and where `quiet`.
pub(super) fn draw(quiet: bool, template: &str) -> Option<ProgressBar> {
    if quiet || !io::stderr().is_terminal() {
        return None;
    }
    let mut drawn = drawn();
    if CLOSED.load(Ordering::Relaxed) {
        return None;
    }
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> ").with_key("left", write_left));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    if let Some(before) = drawn.replace(bar.clone()) {
        before.finish_and_clear();
    }
    Some(bar)
}

/// The time left, once it can be told.
fn write_left(state: &ProgressState, out: &mut dyn Write) {
    let left = state.eta();
    if left.as_secs() > 0 {
        // A bar that can't be written is drawn without it.
        let _ = write!(out, ", {:#} left", HumanDuration(left));
    }
}

/// Takes the bar off the screen, and lets no other be drawn. Where a terminal has echoed `^C`
/// behind the bar, it has gone on to the next line, and the bar stays where it stood.
pub(crate) fn close() {
    CLOSED.store(true, Ordering::Relaxed);
    if drawn().is_none() && io::stderr().is_terminal() {
        // Whatever was printed last, `^C` perhaps, keeps its line.
        super::say("");
    }
    clear();
}

/// Takes the bar off the screen; it is not drawn again.
pub(super) fn clear() {
    if let Some(bar) = drawn().take() {
        bar.finish_and_clear();
    }
}

/// Writes lines while the bar is off the screen.
pub(super) fn beside(write: impl FnOnce()) {
    match &*drawn() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error for lines that the bar makes way for: the log's.
pub(crate) struct Aside;

impl io::Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = Ok(0);
        beside(|| written = io::Write::write(&mut io::stderr(), bytes));
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut io::stderr())
    }
}

/// A bar for something that may take over a second: drawn on a terminal, silent elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: AtomicU64,
    part: Mutex<String>,
}

impl Progress {
    /// A bar with a title; `quiet` draws none.
    pub(crate) fn new(title: &str, quiet: bool) -> Progress {
        let template = "{prefix:<9} [{bar:14}] {percent:>3} % {elapsed:>3}{left}  {wide_msg}";
        let bar = draw(quiet, template);
        if let Some(bar) = &bar {
            bar.set_prefix(title.to_owned());
        }
        Progress { bar, total: AtomicU64::new(0), part: Mutex::new(String::new()) }
    }

    /// Moves the bar to `done` of `total` (0: unknown).
    pub(crate) fn set(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        let total = total.max(done);
        if self.total.swap(total, Ordering::Relaxed) != total {
            bar.set_length(total);
        }
        if done < bar.position() {
            // Another part has begun; how fast the one before was says nothing of it.
            bar.reset_eta();
        }
        bar.set_position(done);
    }

    /// As [`Progress::set`], with the part of the whole that is under way.
    pub(crate) fn part(&self, part: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        self.set(done, total);
        let mut shown = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != part {
            part.clone_into(&mut shown);
            bar.set_message(printable(part, 80));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.bar.is_some() {
            clear();
        }
    }
}
