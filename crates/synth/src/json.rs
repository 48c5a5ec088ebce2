//! The JSON row form of the dataset's files.

use std::io::{self, Write};

use clawsig_schema::{
    column::Column,
    raw::{BundleFile, RawRow, RawValue},
};

/// Writes one row as a line of the raw JSONL files, its newline included: the 25 columns in
/// order without blanks, missing values as `null`, `clawscan_context` as the object it is.
///
/// `clawscan_context` is copied as it stands, so it must hold the text of one JSON object on one
/// line. A score that is not finite is written as `null`, for JSON has no such number.
///
/// # Errors
/// Those of the writer. Each line reaches it in a single call.
pub fn write_json_line(row: &RawRow, writer: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(4096);
    push_json_line(row, &mut line);
    writer.write_all(&line)
}

/// [`write_json_line`] to memory, without a copy.
pub(crate) fn push_json_line(row: &RawRow, out: &mut Vec<u8>) {
    let mut object = Object::new(out);
    for &column in Column::ALL {
        let name = column.name();
        match row.value(column) {
            RawValue::Text(text) => object.optional(name, text),
            RawValue::Count(count) => object.number(name, count),
            RawValue::Number(number) => {
                object.number(name, number.filter(|number| number.is_finite()));
            }
            RawValue::TextList(list) => object.texts(name, list),
            RawValue::Bundle(files) => push_bundle(files, object.key(name)),
            RawValue::Context(text) => object.key(name).extend_from_slice(text.as_bytes()),
        }
    }
    object.end();
    out.push(b'\n');
}

fn push_bundle(files: &[BundleFile], out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, file) in files.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let mut object = Object::new(out);
        object.text("path", &file.path);
        object.text("content", &file.content);
        object.text("sha256", &file.sha256);
        object.number("sizeBytes", Some(file.size_bytes));
        object.end();
    }
    out.push(b']');
}

/// A JSON object under construction.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Writes a key (one that needs no escape); the caller appends the value.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        quote(value, self.key(key));
    }

    pub(crate) fn optional(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.key(key).extend_from_slice(b"null"),
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<impl ToString>) {
        let text = value.map_or_else(|| "null".to_owned(), |value| value.to_string());
        self.key(key).extend_from_slice(text.as_bytes());
    }

    pub(crate) fn texts(&mut self, key: &str, values: &[String]) {
        let out = self.key(key);
        out.push(b'[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            quote(value, out);
        }
        out.push(b']');
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends a JSON string; only what JSON demands is escaped.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[start..i]);
        start = i + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_string_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            quote(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn a_score_that_is_no_number_becomes_null() {
        let row = RawRow {
            clawscan_context: "{}".to_owned(),
            skillspector_score: Some(f64::NAN),
            ..RawRow::default()
        };
        let mut line = Vec::new();
        write_json_line(&row, &mut line).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert!(value["skillspector_score"].is_null());
    }
}
