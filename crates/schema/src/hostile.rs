//! Showing text that an attacker may have written.
//!
//! Every place that shows skill text to a person or hands it to a spreadsheet goes through here;
//! HTML and SVG are escaped by the template engine and the figures, after [`printable`].

use std::borrow::Cow;

/// Whether a character could act on a terminal or mislead a reader: controls (C0, C1, DEL), the
/// bidirectional controls, zero-width and other invisible format characters, line and paragraph
/// separators, tags, variation selectors beyond the emoji pair, and private use.
#[inline]
pub fn is_deceptive(c: char) -> bool {
    // Nearly all text is of these alone.
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}'
            | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FE00}'..='\u{FE0D}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// The text with every deceptive character written as an escape (`\n`, `\u{202e}`), cut to at
/// most `limit` characters of output, with `…` where something was left out.
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        let escape: Cow<'static, str> = match c {
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            c if is_deceptive(c) => c.escape_unicode().to_string().into(),
            c => {
                if used + 1 > limit {
                    return cut(shown);
                }
                shown.push(c);
                used += 1;
                continue;
            }
        };
        if used + escape.len() > limit {
            return cut(shown);
        }
        shown.push_str(&escape);
        used += escape.len();
    }
    shown
}

fn cut(mut shown: String) -> String {
    shown.push('…');
    shown
}

/// A text cell that no spreadsheet takes for a formula: a leading `=`, `+`, `-`, `@`, tab or
/// carriage return (also behind blanks or quotes, or in their full-width forms) gets a `'`
/// before it. A text that begins with a `'` is none already and stays as it is.
pub fn spreadsheet_cell(text: &str) -> Cow<'_, str> {
    let head = text.trim_start_matches([' ', '\u{a0}', '"', '\'', '\u{feff}']).chars().next();
    let risky = !text.starts_with('\'')
        && (matches!(head, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
            || text.starts_with(['\t', '\r', '\n']));
    if risky { format!("'{text}").into() } else { text.into() }
}

/// A text as a CSV cell that is read back: deceptive characters and `\` are written as escapes, and
/// no spreadsheet takes it for a formula. [`from_stored_cell`] gives the text again.
pub fn stored_cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            c if is_deceptive(c) => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    // A leading `'` is doubled, so that the one before a formula can be told from the text's own.
    if escaped.starts_with('\'') {
        escaped.insert(0, '\'');
        return escaped;
    }
    spreadsheet_cell(&escaped).into_owned()
}

/// The text of a cell that [`stored_cell`] has written; what looks like no escape is left as it is.
pub fn from_stored_cell(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell.strip_prefix('\'').unwrap_or(cell);
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let (c, left) = unescaped(after).unwrap_or(('\\', after));
        text.push(c);
        rest = left;
    }
    text.push_str(rest);
    text
}

/// The character of an escape without its `\`, and what follows it.
fn unescaped(escape: &str) -> Option<(char, &str)> {
    if let Some(left) = escape.strip_prefix('\\') {
        return Some(('\\', left));
    }
    let (digits, left) = escape.strip_prefix("u{")?.split_once('}')?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, left))
}

/// For serde's `with`: a text that is stored by [`stored_cell`].
pub mod cell {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{from_stored_cell, stored_cell};

    /// Writes the text as a cell.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&stored_cell(text))
    }

    /// Reads the text of a cell.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(from_stored_cell(&String::deserialize(deserializer)?))
    }
}

/// For serde's `with`: a text or nothing, stored by [`stored_cell`].
pub mod optional_cell {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{from_stored_cell, stored_cell};

    /// Writes the text as a cell, if there is one.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(
        text: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().map(stored_cell).serialize(serializer)
    }

    /// Reads the text of a cell, if there is one.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let cell = Option::<String>::deserialize(deserializer)?;
        Ok(cell.as_deref().map(from_stored_cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_cell_is_safe_and_reads_back() {
        let texts = [
            "",
            "alice/tool",
            "a\\b",
            "\\",
            "\\u{41}",
            "=1+1",
            "'=1+1",
            "''x",
            "'",
            "\t=1",
            "\"=1",
            "\u{1b}[2J",
            "\u{202e}x",
            "＝1",
            "a\nb",
            "\u{feff}=1",
            "İ",
            "-1",
            "'-",
            "\\\u{7}",
        ];
        for text in texts {
            let cell = stored_cell(text);
            assert_eq!(from_stored_cell(&cell), text, "{cell:?}");
            assert!(!cell.chars().any(is_deceptive), "{cell:?}");
            let head = cell.trim_start_matches('"').chars().next();
            assert!(!matches!(head, Some('=' | '+' | '-' | '@')), "{cell:?}");
        }
        assert_eq!(stored_cell("alice/tool"), "alice/tool");
        // Nobody but us writes these, so they mean themselves.
        for odd in ["\\x", "\\u{", "\\u{110000}", "\\u{zz}"] {
            assert_eq!(from_stored_cell(odd), odd);
        }
    }

    #[test]
    fn a_cell_that_may_be_empty_reads_back() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Line(#[serde(with = "optional_cell")] Option<String>);
        for (text, cell) in [(Some("=1"), "\"'=1\""), (Some(""), "\"\""), (None, "null")] {
            let line = Line(text.map(str::to_owned));
            let json = serde_json::to_string(&line).unwrap();
            assert_eq!(json, cell);
            assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
            #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
            struct Full(#[serde(with = "super::cell")] String);
            let Some(text) = text else { continue };
            let json = serde_json::to_string(&Full(text.to_owned())).unwrap();
            assert_eq!(json, cell);
            assert_eq!(serde_json::from_str::<Full>(&json).unwrap().0, text);
        }
    }

    #[test]
    fn escapes_show_what_would_act() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\nd", 80), "a\\u{1b}[2Jb\\u{202e}c\\nd");
        assert_eq!(printable("é漢😀", 80), "é漢😀");
    }

    #[test]
    fn the_limit_holds_and_never_splits_an_escape() {
        assert_eq!(printable("abcdef", 6), "abcdef");
        assert_eq!(printable("abcdef", 5), "abcde…");
        assert_eq!(printable("ab\u{202e}", 9), "ab…");
        assert_eq!(printable("ab\u{202e}", 10), "ab\\u{202e}");
        assert_eq!(printable(&"x".repeat(10_000), 3), "xxx…");
    }

    #[test]
    fn formulas_are_defused_and_plain_text_is_left_alone() {
        for risky in ["=1+1", "+1", "-1", "@x", "\t=1", " =cmd()", "\"=1", "＝1"] {
            assert_eq!(spreadsheet_cell(risky), format!("'{risky}"));
        }
        for plain in ["'=1", "", "alice/tool", "a=b", "1-2"] {
            assert_eq!(spreadsheet_cell(plain), plain);
        }
    }
}
