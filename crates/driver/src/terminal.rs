//! What the user sees: results on standard output, everything else on standard error.

use std::{
    error::Error as _,
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    time::Duration,
};

use clawsig_schema::hostile::printable;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Error;

/// Prints a result.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Tells the user something that is no result. A closed standard error is nobody listening. File
/// names and other people's texts may be in it, so nothing in it acts on the terminal.
pub(crate) fn say(text: &str) {
    let lines: Vec<String> = text.lines().map(|line| printable(line, usize::MAX)).collect();
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// Reports an error with its causes.
pub(crate) fn complain(error: &Error) {
    let mut text = format!("error: {error}");
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
    say(&text);
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

/// A table of text cells: columns as wide as their widest cell, numbers flush right.
pub(crate) struct Table {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a heading; a column whose heading begins with `>` is flush right.
    pub(crate) fn new(heading: &[&str]) -> Table {
        let right = heading.iter().map(|h| h.starts_with('>')).collect();
        let row = heading.iter().map(|h| h.trim_start_matches('>').to_owned()).collect();
        Table { right, rows: vec![row] }
    }

    /// Adds a row. Cells hold text that is fit to be shown (`hostile::printable` if a skill's).
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, each indented by two blanks.
    pub(crate) fn render(&self) -> String {
        let columns = self.right.len();
        let cell = |row: &'_ Vec<String>, c: usize| row.get(c).cloned().unwrap_or_default();
        let width = |c: usize| {
            self.rows.iter().map(|row| cell(row, c).chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(" ");
            for (c, &width) in widths.iter().enumerate() {
                let cell = cell(row, c);
                let pad = " ".repeat(width - cell.chars().count());
                let (before, after) =
                    if self.right[c] { (pad, String::new()) } else { (String::new(), pad) };
                // Writing to a String can't fail.
                let _ = write!(line, " {before}{cell}{after} ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
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
    fn columns_line_up() {
        let mut table = Table::new(&["name", ">rows"]);
        table.row(["a".to_owned(), "1".to_owned()]);
        table.row(["longer".to_owned(), "1,000".to_owned()]);
        assert_eq!(table.render(), "  name     rows\n  a           1\n  longer  1,000\n");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 1_081_476_464].map(count),
            ["0", "999", "1,000", "1,081,476,464"]
        );
    }
}
