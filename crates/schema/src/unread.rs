//! Why a text can't be read, in words that name the place and what is expected there.
//!
//! Errors come as what they print, so that no parser is needed here. The parsers' own words speak of their
//! insides ("expected ident", "invalid type: sequence, expected u64"); whoever wrote the file needs to know where it
//! breaks off and what has to stand there.

use std::{borrow::Cow, fmt::Display};

use crate::{hostile::printable, wording::counted};

/// How much of a text a message quotes, in characters.
const QUOTED: usize = 80;

/// Why a text is no JSON, or not the JSON that was asked for, from the error of serde_json: `at byte 6 the text ends
/// inside an object`.
///
/// Bytes are counted from 1. The line is named where it is not the first, so that a caller who reads line by line
/// names its own.
///
/// ```
/// use clawsig_schema::unread;
/// let why = |text| unread::json(&serde_json::from_str::<Vec<u64>>(text).unwrap_err());
/// assert_eq!(why("[1, 2"), "at byte 5 the text ends inside a list");
/// assert_eq!(why("[1, null]"), "at byte 8 null stands where a whole number from 0 is expected");
/// ```
pub fn json(error: &impl Display) -> String {
    let told = error.to_string();
    let place = told.rsplit_once(" at line ").and_then(|(message, place)| {
        let (line, byte) = place.split_once(" column ")?;
        Some((message, line.parse::<u64>().ok()?, byte.parse::<u64>().ok()?))
    });
    let (message, line, byte) = place.unwrap_or((&told, 0, 0));
    let why = match (message.strip_prefix("EOF while parsing "), syntax(message)) {
        (Some(_), _) if (line, byte) == (1, 0) => "the text is empty".to_owned(),
        (Some("a value"), _) => "the text ends where a value is expected".to_owned(),
        (Some(inside), _) => format!("the text ends inside {inside}"),
        (None, Some(why)) => why.to_owned(),
        (None, None) => shape(message),
    };
    match (line, byte) {
        // A value of another shape that is the whole text has no place in it.
        (_, 0) => why,
        (1, byte) => format!("at byte {byte} {why}"),
        (line, byte) => format!("at line {line}, byte {byte} {why}"),
    }
}

/// The fault in the form of a JSON text; `None` where the form is right.
fn syntax(message: &str) -> Option<&'static str> {
    Some(match message {
        "expected value" => "a value is expected",
        "expected `:`" => "`:` is expected after a name",
        "expected `,` or `]`" => "`,` or `]` is expected after an item of a list",
        "expected `,` or `}`" => "`,` or `}` is expected after a value of an object",
        "expected ident" => "a bare word is none of true, false and null",
        "key must be a string" => "a name in double quotes is expected",
        "trailing comma" => "a `,` stands before the closing bracket",
        "trailing characters" => "more text follows the end of the value",
        "invalid number" => "a number is malformed",
        "number out of range" => "a number is too large: 1.8e308 is the limit",
        "recursion limit exceeded" => "lists and objects are nested too deep: 127 is the limit",
        "invalid escape" => {
            "a string has an escape that JSON lacks; a backslash is written as `\\\\`"
        }
        "invalid unicode code point" => "a string holds bytes that are no UTF-8",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "a string has an escape `\\u` of no character"
        }
        text if text.starts_with("control character (") => {
            "a string holds a control character, which is written as an escape such as `\\n`"
        }
        _ => return None,
    })
}

/// Why a table of comma-separated values can't be read, from the error of csv: `line 3 has 2 cells where the header
/// has 5; …`.
pub fn csv(error: &impl Display) -> String {
    let told = error.to_string();
    let place = told.split_once("(line").and_then(|(_, rest)| rest.split_once("): "));
    let (line, message) = match place {
        Some((place, message)) => {
            let digits = place.trim_start_matches([':', ' ']).split(',').next().unwrap_or_default();
            (format!("line {digits}"), message)
        }
        None => {
            ("a line".to_owned(), told.split_once(": ").map_or(told.as_str(), |(_, rest)| rest))
        }
    };
    let lengths = message.strip_prefix("found record with ").and_then(|rest| {
        let (found, rest) = rest.split_once(" fields, but the previous record has ")?;
        Some((found.parse().ok()?, rest.strip_suffix(" fields")?))
    });
    if let Some((found, due)) = lengths {
        let found = counted(found, "cell");
        return format!(
            "{line} has {found} where the header has {due}; quote cells that hold commas"
        );
    }
    if message.starts_with("invalid utf-8") {
        return format!("{line} is not UTF-8; save the file as UTF-8");
    }
    let Some(("CSV deserialize error", _)) = told.split_once(':') else {
        return printable(&told, 200);
    };
    let cell = message.strip_prefix("field ").and_then(|rest| rest.split_once(": "));
    let (cell, message) = match cell {
        Some((at, message)) => (at.parse::<u64>().map_or(0, |at| at + 1), message),
        None => (0, message),
    };
    let why = match message {
        "invalid digit found in string" => "a whole number is expected".to_owned(),
        "invalid float literal" => "a number is expected".to_owned(),
        "expected field, but got end of row" => "a cell is missing".to_owned(),
        "provided string was not `true` or `false`" => "true or false is expected".to_owned(),
        other => shape(other),
    };
    match cell {
        0 => format!("{line}: {why}"),
        cell => format!("{line}, cell {cell}: {why}"),
    }
}

/// Why a text of the right form is not of the expected shape, from the sentence that serde's error prints: serde gives
/// the reason nowhere else.
pub fn shape(message: &str) -> String {
    let quoted = |rest: &str| printable(rest.trim_matches('`'), QUOTED);
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("`{}` is missing", quoted(name));
    }
    if let Some(name) = message.strip_prefix("duplicate field ") {
        return format!("`{}` is given twice", quoted(name));
    }
    let parts = message.split_once(", expected ");
    for (beginning, is) in [
        ("unknown field ", "is no known name"),
        ("unknown variant ", "is none of the words that are known"),
    ] {
        if let Some((name, expected)) =
            parts.and_then(|(found, rest)| Some((found.strip_prefix(beginning)?, rest)))
        {
            return format!("`{}` {is}; expected {}", quoted(name), printable(expected, 300));
        }
    }
    for beginning in ["invalid type: ", "invalid value: "] {
        // A text that is quoted may hold the words that end it; what is expected never does.
        let parts =
            message.strip_prefix(beginning).and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((found, expected)) = parts {
            return format!("{} stands where {} is expected", stands(found), of_type(expected));
        }
    }
    if let Some((n, expected)) = parts
        && let Some(n) = n.strip_prefix("invalid length ")
    {
        let due = expected.split(' ').find(|word| word.parse::<u64>().is_ok());
        return format!("{} items are expected, not {n}", due.unwrap_or("other than so many"));
    }
    printable(message, 300)
}

/// The value that serde found, in words of JSON.
fn stands(found: &str) -> Cow<'_, str> {
    let value =
        |name| found.strip_prefix(name).map(|v: &str| printable(v.trim_matches('`'), QUOTED));
    match found {
        "map" => "an object".into(),
        "sequence" => "a list".into(),
        _ => match (
            value("string "),
            value("integer ").or(value("floating point ")).or(value("boolean ")),
        ) {
            (Some(text), _) => format!("the text {text}").into(),
            (None, Some(plain)) => plain.into(),
            (None, None) => printable(found, QUOTED).into(),
        },
    }
}

/// A type of ours, in words of JSON.
fn of_type(expected: &str) -> Cow<'_, str> {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a map" => "an object".into(),
        "a sequence" => "a list".into(),
        "a string" | "a borrowed string" | "a string or byte array" => "a text".into(),
        "unit" => "null".into(),
        other if other.starts_with("struct ") => "an object".into(),
        other => printable(other, 200).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    /// A reader that knows one name.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read for its errors")]
    struct Known {
        count: u32,
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
    }

    fn of<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        json(&serde_json::from_str::<T>(text).unwrap_err())
    }

    #[test]
    fn each_fault_of_form_has_its_own_words_and_place() {
        for (text, told) in [
            ("", "the text is empty"),
            ("{", "at byte 1 the text ends inside an object"),
            ("[1,", "at byte 3 the text ends where a value is expected"),
            ("\"ab", "at byte 3 the text ends inside a string"),
            ("{\"a\" 1}", "at byte 6 `:` is expected after a name"),
            ("[1 2]", "at byte 4 `,` or `]` is expected after an item of a list"),
            ("{\"a\":1 2}", "at byte 8 `,` or `}` is expected after a value of an object"),
            ("nulx", "at byte 4 a bare word is none of true, false and null"),
            ("{1:2}", "at byte 2 a name in double quotes is expected"),
            ("[1,]", "at byte 4 a `,` stands before the closing bracket"),
            ("1 2", "at byte 3 more text follows the end of the value"),
            ("-x", "at byte 2 a number is malformed"),
            ("1e999", "at byte 5 a number is too large: 1.8e308 is the limit"),
            (
                r#""\q""#,
                "at byte 3 a string has an escape that JSON lacks; a backslash is written as `\\\\`",
            ),
            (r#""\ud800x""#, "at byte 8 a string has an escape `\\u` of no character"),
            (
                "\"a\u{1}\"",
                "at byte 3 a string holds a control character, which is written as an escape such as `\\n`",
            ),
            ("hello", "at byte 1 a value is expected"),
            ("{\"a\":\n\n oops}", "at line 3, byte 2 a value is expected"),
        ] {
            assert_eq!(of::<serde_json::Value>(text), told, "{text:?}");
        }
        let deep = "[".repeat(200);
        assert_eq!(
            of::<serde_json::Value>(&deep),
            "at byte 128 lists and objects are nested too deep: 127 is the limit"
        );
        assert!(
            serde_json::from_str::<serde_json::Value>(&("[".repeat(127) + &"]".repeat(127)))
                .is_ok()
        );
    }

    /// The words of no parser are left where a text is not JSON.
    #[test]
    fn bytes_that_are_no_text_are_told() {
        let error = serde_json::from_slice::<serde_json::Value>(b"\"\xff\"").unwrap_err();
        assert_eq!(json(&error), "at byte 2 a string holds bytes that are no UTF-8");
    }

    #[test]
    fn each_fault_of_shape_says_what_stands_and_what_should() {
        for (text, told) in [
            ("{}", "at byte 2 `count` is missing"),
            ("{\"count\":1,\"count\":2}", "at byte 18 `count` is given twice"),
            ("{\"cuont\":1}", "at byte 8 `cuont` is no known name; expected `count` or `kind`"),
            (
                "{\"count\":1,\"kind\":\"odd\"}",
                "at byte 23 `odd` is none of the words that are known; expected `plain`",
            ),
            (
                "{\"count\":\"x, expected y\"}",
                "at byte 24 the text \"x, expected y\" stands where a whole number from 0 is expected",
            ),
            ("{\"count\":-1}", "at byte 11 -1 stands where a whole number from 0 is expected"),
            ("{\"count\":1.5}", "at byte 12 1.5 stands where a whole number from 0 is expected"),
            ("{\"count\":true}", "at byte 13 true stands where a whole number from 0 is expected"),
            ("7", "at byte 1 7 stands where an object is expected"),
            ("[1]", "at byte 3 2 items are expected, not 1"),
        ] {
            assert_eq!(of::<Known>(text), told, "{text:?}");
        }
        for (told, why) in [
            (of::<BTreeMap<String, f64>>("[1]"), "a list stands where an object is expected"),
            (of::<Vec<f64>>("{}"), "an object stands where a list is expected"),
            (of::<Vec<bool>>("[null]"), "at byte 5 null stands where true or false is expected"),
            (of::<Vec<f64>>("[\"\"]"), "at byte 3 the text \"\" stands where a number is expected"),
            (of::<Vec<String>>("[1]"), "at byte 2 1 stands where a text is expected"),
            (of::<Vec<i8>>("[900]"), "at byte 4 900 stands where a whole number is expected"),
            (of::<Vec<()>>("[1]"), "at byte 2 1 stands where null is expected"),
        ] {
            assert_eq!(told, why);
        }
        assert_eq!(
            shape("invalid type: null, expected a date"),
            "null stands where a date is expected"
        );
        assert_eq!(shape("something else"), "something else");
        assert!(shape(&format!("missing field `{}`", "x".repeat(900))).len() < 150);
    }

    #[test]
    fn tables_name_line_and_cell() {
        let rows = |bytes: &[u8]| {
            let read: Result<Vec<(u32, bool, f64)>, csv::Error> =
                csv::Reader::from_reader(bytes).into_deserialize().collect();
            csv(&read.unwrap_err())
        };
        let missing = csv::StringRecord::new().deserialize::<u32>(None).unwrap_err();
        assert_eq!(csv(&missing), "a line: a cell is missing");
        for (bytes, told) in [
            (
                &b"a,b,c\n1\n"[..],
                "line 2 has 1 cell where the header has 3; quote cells that hold commas",
            ),
            (b"a,b,c\n1,true,\xff\n", "line 2 is not UTF-8; save the file as UTF-8"),
            (b"a,b,c\n1,true,2\nx,true,2\n", "line 3, cell 1: a whole number is expected"),
            (b"a,b,c\n1,maybe,2\n", "line 2, cell 2: true or false is expected"),
            (b"a,b,c\n1,true,x\n", "line 2, cell 3: a number is expected"),
            (b"a,b\n1,true\n", "line 2: 3 items are expected, not 2"),
        ] {
            assert_eq!(rows(bytes), told);
        }
    }
}
