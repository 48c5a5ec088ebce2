//! What a file's first bytes look like, so that one error says it where a thousand rejected rows would not.

use clawsig_schema::column::{Column, ColumnKind};
use serde::de::IgnoredAny;

/// The first bytes that are looked at.
pub(crate) const HEAD: usize = 64 << 10;

/// What a head looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing but blanks.
    Blank,
    /// Objects, one a line.
    JsonLines,
    /// One array of objects.
    JsonArray,
    Csv,
    Parquet,
    Gzip,
    Zstd,
    /// Another thing, and what to do about it.
    Foreign(&'static str),
    /// Nothing that is known.
    Unknown,
}

/// Formats by the bytes that they begin with.
const MAGIC: &[(&[u8], Look)] = &[
    (b"PAR1", Look::Parquet),
    (&[0x1f, 0x8b], Look::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Look::Zstd),
    (b"PK\x03\x04", Look::Foreign("a zip archive; unpack it first")),
    (b"BZh", Look::Foreign("bzip2-compressed; unpack it, or compress it with gzip or zstd")),
    (
        &[0xfd, b'7', b'z', b'X', b'Z'],
        Look::Foreign("xz-compressed; unpack it, or compress it with gzip or zstd"),
    ),
    (b"7z\xbc\xaf", Look::Foreign("a 7z archive; unpack it first")),
    (b"ARROW1", Look::Foreign("an Arrow or Feather file; write it as Parquet")),
    (&[0xff, 0xff, 0xff, 0xff], Look::Foreign("an Arrow stream; write it as Parquet")),
    (b"Obj\x01", Look::Foreign("an Avro file; write it as Parquet")),
    (b"ORC", Look::Foreign("an ORC file; write it as Parquet")),
    (b"SQLite format 3", Look::Foreign("an SQLite database; write the table as Parquet")),
    (b"PARE", Look::Foreign("an encrypted Parquet file; write it without encryption")),
    (&[0xff, 0xfe], Look::Foreign("UTF-16; convert it to UTF-8")),
    (&[0xfe, 0xff], Look::Foreign("UTF-16; convert it to UTF-8")),
    (
        b"version https://git-lfs.github.com/",
        Look::Foreign("a Git LFS pointer, not the file itself; run `git lfs pull`"),
    ),
];

/// Looks at the head of a file.
pub(crate) fn look(head: &[u8]) -> Look {
    if let Some((_, look)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *look;
    }
    let start = &head[..head.len().min(64)];
    let zeros = |parity: usize| start.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    if start.len() >= 4 && zeros(0).max(zeros(1)) * 3 > start.len() {
        return Look::Foreign("UTF-16 without a byte order mark; convert it to UTF-8");
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next() {
        None => Look::Blank,
        Some('{') => object(text),
        Some('[') => match text[1..].trim_start().chars().next() {
            Some('{' | ']') => Look::JsonArray,
            None => Look::Unknown,
            _ => Look::Foreign(
                "JSON arrays; write one object a row, with the columns' names as keys",
            ),
        },
        Some('<') => Look::Foreign("a web page or XML, not rows; download the file itself"),
        Some(_) => words(text),
    }
}

/// A text that begins with an object.
fn object(text: &str) -> Look {
    if !text.contains('\n') && text.contains("}\r{") {
        return Look::Foreign("lines that end in CR alone; convert the line ends to LF");
    }
    if text.starts_with("{'") {
        return Look::Foreign("Python's own notation; write each row with json.dumps");
    }
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let cut = serde_json::from_str::<IgnoredAny>(first).is_err_and(|error| error.is_eof());
    let next = lines.find(|line| !line.trim().is_empty());
    if next.is_none_or(|line| cut && !line.starts_with('{')) && is_by_columns(text) {
        return Look::Foreign(
            "a table by columns; write one object a row, with pandas to_json(orient=\"records\", lines=True)",
        );
    }
    // The last line of a head may be cut, which a whole object before it does not change.
    match (behind_object(first), next.map_or(behind_object(first), behind_object)) {
        (Some(','), Some(',')) => {
            return Look::Foreign("objects with commas between them; write one object a line");
        }
        (Some('{'), Some('{')) => {
            return Look::Foreign(
                "objects behind one another on a line; write one a line, for example with `jq -c .`",
            );
        }
        _ => {}
    }
    match next.map(|line| line.trim_start()) {
        Some(line) if cut && line.starts_with(['"', '}', ']', '[']) => Look::Foreign(
            "JSON over several lines; write one object a line, for example with `jq -c .`",
        ),
        _ => Look::JsonLines,
    }
}

/// Whether the first member of an object is a column of single values and holds a list or an object.
fn is_by_columns(text: &str) -> bool {
    let member = text[1..].trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let Some((name, rest)) = member else { return false };
    let value = rest.trim_start().strip_prefix(':').map(str::trim_start);
    let single = |column: Column| {
        matches!(column.kind(), ColumnKind::Text | ColumnKind::Count | ColumnKind::Number)
    };
    Column::of_name(name).is_some_and(single)
        && value.is_some_and(|value| value.starts_with(['[', '{']))
}

/// The character that follows the object at the beginning of a line.
fn behind_object(line: &str) -> Option<char> {
    let mut values = serde_json::Deserializer::from_str(line).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    line[values.byte_offset()..].trim_start().chars().next()
}

/// A text that begins with neither brace nor bracket.
fn words(text: &str) -> Look {
    let first = text.lines().next().unwrap_or_default();
    let cells = |separator: char| {
        first.split(separator).filter(|cell| {
            let name = cell.trim().trim_matches('"');
            Column::of_name(name).is_some()
        })
    };
    if cells(',').count() >= 2 {
        Look::Csv
    } else if cells('\t').count() >= 2 || cells(';').count() >= 2 {
        Look::Foreign("a table with tabs or semicolons; write it as CSV with commas")
    } else if first.starts_with("---") || first.starts_with('#') {
        Look::Foreign("a Markdown or YAML text, not rows")
    } else {
        Look::Unknown
    }
}

impl Look {
    /// The form in words, with the name that such a file is to have.
    pub(crate) const fn described(self) -> Option<&'static str> {
        match self {
            Look::JsonLines => Some("JSON lines; name it *.jsonl"),
            Look::JsonArray => Some("a JSON array; name it *.json"),
            Look::Csv => Some("CSV; name it *.csv"),
            Look::Parquet => Some("a Parquet file; name it *.parquet"),
            Look::Gzip => Some("gzip-compressed; name it *.gz, or unpack it"),
            Look::Zstd => Some("zstd-compressed; name it *.zst, or unpack it"),
            Look::Foreign(what) => Some(what),
            Look::Blank => Some("an empty file"),
            Look::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_told_apart() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        let foreign = |head: &[u8], word: &str| match look(head) {
            Look::Foreign(what) => assert!(what.contains(word), "{what}"),
            other => panic!("{word}: {other:?}"),
        };
        // More than every third byte is a zero at places of one parity: of six bytes two are not more.
        foreign(b"\0a\0b\0c", "UTF-16 without");
        assert!(!matches!(look(b"\0a\0bcd"), Look::Foreign(what) if what.contains("UTF-16")));
        for (head, expected) in [
            ("", Look::Blank),
            (" \n\u{feff}", Look::Unknown),
            ("\u{feff}\n {\"id\": 1}\n", Look::JsonLines),
            ("{\"id\": \"cut", Look::JsonLines),
            ("{\"id\": \n{\"id\": 1}\n", Look::JsonLines),
            ("{}\n\n[", Look::JsonLines),
            // One odd row is rejected; it does not make the file another one.
            ("{\"id\": [1]}\n{\"id\": 1}\n", Look::JsonLines),
            ("{\"id\": 1},\n{\"id\": 1}\n", Look::JsonLines),
            ("{\"id\": 1}{\"id\": 2}\n{\"id\": 1}\n", Look::JsonLines),
            ("{\"static_reason_codes\": [\"a\"], \"id\": \"x\"}", Look::JsonLines),
            ("[\n  {\"id\"", Look::JsonArray),
            ("[]", Look::JsonArray),
            ("[", Look::Unknown),
            ("id,skill_slug,x\n", Look::Csv),
            ("\"skill_slug\",\"id\"\r\n", Look::Csv),
            ("hello, world", Look::Unknown),
            ("PAR1....", Look::Parquet),
        ] {
            assert_eq!(look(head.as_bytes()), expected, "{head:?}");
        }
        foreign(b"{\n  \"id\": 1,\n", "several lines");
        foreign(b"{ \"a\": [\n\n  [1]", "several lines");
        foreign(b"{\"id\": 1}\r{\"id\": 2}\r", "CR alone");
        foreign(b"[1, 2]\n[3, 4]\n", "JSON arrays");
        foreign(b"{\"id\": {\"0\": \"a\", \"1\": \"b\"}, \"spl", "by columns");
        foreign(b"{\n  \"id\": [\n    \"a\"", "by columns");
        foreign(b"{'id': 'a', 'skill_slug': None}\n", "Python");
        foreign(b"{\"id\": 1},\n{\"id\": 2},\n", "commas");
        foreign(b"{\"id\": 1}, {\"id\": 2}", "commas");
        foreign(b"{\"id\": 1}{\"id\": 2}{\"id", "behind one another");
        foreign(b"\n<!DOCTYPE html>", "web page");
        foreign(b"version https://git-lfs.github.com/spec/v1\noid", "LFS");
        foreign(b"id\tskill_slug\n", "tabs");
        foreign(b"---\nname: x\n", "Markdown");
        foreign(b"BZh9", "bzip2");
        foreign(&utf16("{\"id\": 1}\n", u16::to_le_bytes), "UTF-16");
        foreign(&utf16("{\"id\": 1}\n", u16::to_be_bytes), "UTF-16");
        assert_eq!(look(&[0x1f, 0x8b, 8]), Look::Gzip);
        assert_eq!(Look::Unknown.described(), None);
        assert!(Look::Csv.described().is_some_and(|text| text.contains("*.csv")));
    }
}
