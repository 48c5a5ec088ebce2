//! Holds what a test found against a record, line by line. A record is a text file beside the test, which
//! somebody has read before it was accepted. [`word`] and [`words`] give made-up rows their values.
//!
//! `UPDATE_RECORDS=1` writes the records of the tests that run anew.
#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a test ends by panicking")]

use std::{env, fs, path::Path};

use serde_json::Value;

/// Fails unless what was found is the record, and names the first line that differs.
///
/// # Panics
/// If a line differs, one has more lines than the other, or the file can't be read or written.
pub fn compare(record: impl AsRef<Path>, found: &str) {
    let record = record.as_ref();
    let place = record.display();
    if env::var_os("UPDATE_RECORDS").is_some() {
        fs::write(record, found).unwrap_or_else(|e| panic!("cannot write {place}: {e}"));
    }
    let recorded =
        fs::read_to_string(record).unwrap_or_else(|e| panic!("cannot read {place}: {e}"));
    for (number, (found, recorded)) in (1..).zip(found.lines().zip(recorded.lines())) {
        assert_eq!(found, recorded, "line {number} of {place}; UPDATE_RECORDS=1 writes it anew");
    }
    let lines = (found.lines().count(), recorded.lines().count());
    assert_eq!(lines.0, lines.1, "lines of {place}; UPDATE_RECORDS=1 writes it anew");
}

/// A value with five digits of every number that is not whole, in which two machines agree, and without the
/// fields that are null or not kept.
pub fn rounded(value: &Value, is_kept: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let digits = format!("{:.4e}", number.as_f64().unwrap_or(f64::NAN));
            digits.parse::<f64>().map_or(Value::Null, Value::from)
        }
        Value::Array(values) => values.iter().map(|value| rounded(value, is_kept)).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, value)| !value.is_null() && is_kept(name))
            .map(|(name, value)| (name.clone(), rounded(value, is_kept)))
            .collect(),
        other => other.clone(),
    }
}

/// One of the words, in turn; `None` for a blank one.
pub fn word(words: &[&str], at: usize) -> Option<String> {
    Some(words[at % words.len()].to_owned()).filter(|word| !word.is_empty())
}

/// Those of the words whose bits are set.
pub fn words(words: &[&str], bits: usize) -> Vec<String> {
    let set = words.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    set.map(|(_, word)| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_rounded_and_fields_left_out() {
        let value = json!({"a": [1.000_004, 12, -0.123_456_7], "b": null, "c": 1, "text": "1.5"});
        let found = rounded(&value, &|name| name != "c");
        assert_eq!(found, json!({"a": [1.0, 12, -0.12346], "text": "1.5"}));
    }

    #[test]
    fn values_come_in_turn_and_by_bits() {
        let turn = [0, 1, 2].map(|at| word(&["a", ""], at));
        assert_eq!(turn, [Some("a".to_owned()), None, Some("a".to_owned())]);
        assert_eq!(words(&["a", "b", "c"], 0b101), ["a", "c"]);
    }

    #[test]
    #[should_panic(expected = "line 4 of")]
    fn another_line_is_told_by_its_number() {
        let path = "Cargo.toml";
        let text = fs::read_to_string(path).unwrap_or_default();
        compare(path, &text);
        compare(path, &text.replacen("version.workspace", "another", 1));
    }

    #[test]
    #[should_panic(expected = "lines of")]
    fn a_text_that_only_begins_like_the_record_is_another() {
        let path = "Cargo.toml";
        let text = fs::read_to_string(path).unwrap_or_default();
        compare(path, text.lines().next().unwrap_or_default());
    }
}
