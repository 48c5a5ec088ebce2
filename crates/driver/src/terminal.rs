//! What the user sees: results on standard output, everything else on standard error.

mod table;
mod transfers;

use std::{
    borrow::Cow,
    error::Error as _,
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    time::Duration,
};

use clawsig_schema::hostile::{is_deceptive, printable};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) use table::{Table, sentence};
pub(crate) use transfers::Transfers;

use crate::Error;

/// The text with every character that could act on a terminal or turn a text around written as
/// `\\uXXXX`, in UTF-16 as JSON has it: a JSON document keeps its value. Whoever shows a skill's
/// text has made it printable before; this is for what was overlooked.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| is_deceptive(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String can't fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// Prints a result.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let text = harmless(text);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Tells the user something that is no result. A closed standard error is nobody listening. File
/// names and other people's texts may be in it, so nothing in it acts on the terminal, and it has
/// an end.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", defused(text));
}

fn defused(text: &str) -> String {
    let lines: Vec<String> = text.lines().take(40).map(|line| printable(line, 2_000)).collect();
    lines.join("\n")
}

/// Whether a stream takes colours: it is a terminal, and `NO_COLOR` is not set to anything
/// (no-color.org).
pub(crate) fn takes_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Reports an error with its causes.
pub(crate) fn complain(error: &Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let shown = e.to_string();
        // A transparent wrapper repeats its cause word for word.
        if !text.ends_with(&shown) {
            // Writing to a String can't fail.
            let _ = write!(text, ": {shown}");
        }
        cause = e.source();
    }
    let word = if takes_colour(&io::stderr()) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    // As in `say`, nobody may be listening.
    let _ = writeln!(io::stderr().lock(), "{word} {}", defused(&text));
}

/// A bar for something that may take over a second: drawn on a terminal, silent elsewhere.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar with a title; `quiet` draws none.
    pub(crate) fn new(title: &str, quiet: bool) -> Progress {
        let bar = ProgressBar::new(0);
        if quiet || !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        } else {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        }
        let style = ProgressStyle::with_template(
            "{prefix:<12} [{bar:30}] {percent:>3} %  {elapsed} elapsed, {eta} left",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        Progress { bar }
    }

    /// Moves the bar to `done` of `total` (0: unknown).
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `12345` as `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_is_escaped_and_json_keeps_its_value() {
        assert_eq!(harmless("plain é漢\n\tx"), "plain é漢\n\tx");
        let value = serde_json::json!({ "a": "\u{9b}31m\u{202e}x\u{e0041}\u{7f}" });
        let text = format!("{value:#}");
        let safe = harmless(&text);
        assert!(!safe.contains(|c: char| is_deceptive(c) && c != '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        assert_eq!(harmless("\u{1b}[2J"), "\\u001b[2J");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 1_081_476_464].map(count),
            ["0", "999", "1,000", "1,081,476,464"]
        );
    }
}
