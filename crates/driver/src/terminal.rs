//! What the user sees: results on standard output, everything else on standard error.

mod bar;
mod table;
mod transfers;

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
};

pub(crate) use clawsig_schema::wording::{counted, grouped as count};

use clawsig_schema::{
    hostile::{is_deceptive, printable},
    wording::with_causes,
};

use bar::beside;
pub(crate) use bar::{Aside, Progress, close};
pub(crate) use table::{Table, sentence};
pub(crate) use transfers::Transfers;

use serde_json::json;

use crate::{Error, cli::OutputFormat};

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
    beside(|| {
        let _ = writeln!(io::stderr().lock(), "{}", defused(text));
    });
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

/// Reports an error with its causes, as a program reads it where results are printed so.
pub(crate) fn complain(error: &Error, format: OutputFormat) {
    let text = with_causes(error);
    if format == OutputFormat::Json {
        let code = error.exit_status().code();
        let value = json!({ "error": { "message": defused(&text), "exit_code": code } });
        beside(|| {
            let _ = writeln!(io::stderr().lock(), "{value}");
        });
        return;
    }
    let word = if takes_colour(&io::stderr()) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    // As in `say`, nobody may be listening.
    beside(|| {
        let _ = writeln!(io::stderr().lock(), "{word} {}", defused(&text));
    });
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
}
