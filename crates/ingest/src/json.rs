//! One line of JSON into a [`Row`], by serde_json with borrowed texts.
//!
//! Bundle contents and the scanners' full outputs are skipped, not stored: their numbers and escapes are not judged.
//!
//! serde_json gives out a string with a lone surrogate (`\ud83d` without its other half) as bytes and refuses it as
//! `str`. The exporter writes such strings, since JavaScript cuts texts between the two halves. A line that is
//! refused and holds such an escape is read again with its strings as bytes, where each lone half becomes U+FFFD.

mod bundle;
mod outputs;

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    fmt,
};

use clawsig_schema::{
    column::{Column, ColumnKind},
    unread,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{de::StrRead, error::Category};

use bundle::BundleSeed;
use outputs::ContextSeed;

pub(crate) use bundle::{FileField, bundle_of_lists, file_field, parse_file};

use crate::{
    reject::{Fault, RejectReason},
    row::{Nulls, Row},
    value::{Scalar, Value},
};

/// The state of a parse that serde's errors have no room for.
struct ParseState {
    /// The column that is being read.
    column: Cell<Option<Column>>,
    fault: RefCell<Option<Fault>>,
    nulls: Nulls,
    /// Whether strings are taken as bytes.
    bytes: bool,
}

impl ParseState {
    /// Keeps a fault of ours; serde's error only ends the parse.
    fn fail<E: Error>(&self, fault: Fault) -> E {
        self.fault.borrow_mut().get_or_insert(fault);
        E::custom("rejected")
    }
}

/// Reads one line that holds one JSON object.
pub(crate) fn parse(line: &str, nulls: Nulls) -> Result<Row<'_>, Fault> {
    read(line, nulls, |state, json| RowSeed(state).deserialize(json))
}

/// Reads a column's value that was written as JSON text.
pub(crate) fn parse_value(text: &str, column: Column) -> Result<Value<'static>, Fault> {
    let value = match column.kind() {
        ColumnKind::TextList => {
            read(text, Nulls::AsTheDataset, |state, json| TextsSeed(state).deserialize(json))
                .map(|list| list.into_iter().map(|item| Cow::Owned(item.into_owned())).collect())
                .map(Value::Texts)
        }
        ColumnKind::Bundle => {
            read(text, Nulls::AsTheDataset, |state, json| BundleSeed(state).deserialize(json))
                .map(Value::Bundle)
        }
        ColumnKind::Context => {
            read(text, Nulls::AsTheDataset, |state, json| ContextSeed(state).deserialize(json))
                .map(|context| Value::Context(context.into_owned()))
        }
        ColumnKind::Text | ColumnKind::Count | ColumnKind::Number => {
            Ok(Value::Scalar(Scalar::Text(Cow::Owned(text.to_owned()))))
        }
    };
    value.map_err(|fault| {
        let expected = column.kind().expected();
        let expected = expected.trim_start_matches("a ").trim_start_matches("an ");
        Fault::wrong_type(format!(
            "is a string, which as JSON text is no {expected}: {}",
            fault.detail
        ))
    })
}

/// Parses all of a text.
fn read<'de, T>(
    text: &'de str,
    nulls: Nulls,
    seed: impl Fn(&ParseState, &mut serde_json::Deserializer<StrRead<'de>>) -> serde_json::Result<T>,
) -> Result<T, Fault> {
    let attempt = |bytes: bool| {
        let column = Cell::new(None);
        let state = ParseState { column, fault: RefCell::new(None), nulls, bytes };
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = seed(&state, &mut json).and_then(|value| json.end().map(|()| value));
        parsed.map_err(|error| fault(error, state))
    };
    match attempt(false) {
        Err(first) if first.reason == RejectReason::BadJson && has_surrogate(text) => {
            attempt(true).map_err(|_| first)
        }
        result => result,
    }
}

/// Whether a text has the escape of half a character.
fn has_surrogate(text: &str) -> bool {
    text.contains("\\ud") || text.contains("\\uD")
}

fn fault(error: serde_json::Error, state: ParseState) -> Fault {
    let column = state.column.get();
    let named = |fault: Fault| match column {
        Some(column) => fault.in_column(column),
        None => fault,
    };
    if let Some(fault) = state.fault.into_inner() {
        return named(fault);
    }
    let why = unread::json(&error);
    if error.to_string().starts_with("number out of range") {
        return named(Fault::new(RejectReason::NumberOutOfRange, why));
    }
    match (error.classify(), column) {
        (Category::Data, Some(column)) => {
            named(Fault::wrong_type(format!("is not {}", column.kind().expected())))
        }
        (Category::Data, None) => Fault::new(RejectReason::BadJson, why),
        _ => Fault::new(RejectReason::BadJson, format!("{why}; expected one JSON object")),
    }
}

/// The bytes of a string that serde_json read without judging them: UTF-8 but for lone surrogates, which
/// become U+FFFD.
fn repaired(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // A surrogate is three bytes of which UTF-8 has no use for the first one here.
        if chunk.invalid().first() == Some(&0xed) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// Strings by both roads: as `str`, or as bytes.
macro_rules! strings {
    ($self:ident, $text:ident => $value:expr) => {
        fn visit_borrowed_str<E: Error>($self, text: &'de str) -> Result<Self::Value, E> {
            let $text = Cow::Borrowed(text);
            $value
        }

        fn visit_str<E: Error>($self, text: &str) -> Result<Self::Value, E> {
            let $text: Cow<'de, str> = Cow::Owned(text.to_owned());
            $value
        }

        fn visit_bytes<E: Error>($self, bytes: &[u8]) -> Result<Self::Value, E> {
            let $text: Cow<'de, str> = Cow::Owned(crate::json::repaired(bytes));
            $value
        }
    };
}

use strings;

struct RowSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
        let state = self.0;
        let mut row = Row::default();
        // The columns nearly always come in the schema's order.
        let mut expected = Column::ALL.iter().copied();
        while let Some(name) = map.next_key_seed(NameSeed(state))? {
            let next = expected.next().filter(|column| column.name() == name);
            let Some(column) = next.or_else(|| Column::of_name(&name)) else {
                map.next_value::<IgnoredAny>()?;
                row.extra.push(name.into_owned());
                continue;
            };
            if next.is_none() {
                expected = Column::ALL[column as usize + 1..].iter().copied();
            }
            state.column.set(Some(column));
            let value = match column.kind() {
                ColumnKind::Text => Value::Scalar(map.next_value_seed(ScalarSeed(state))?),
                // Numbers have no strings to read as bytes.
                ColumnKind::Count | ColumnKind::Number => {
                    Value::Scalar(map.next_value_seed(NumberSeed(ScalarSeed(state)))?)
                }
                ColumnKind::TextList => Value::Texts(map.next_value_seed(TextsSeed(state))?),
                ColumnKind::Bundle => Value::Bundle(map.next_value_seed(BundleSeed(state))?),
                ColumnKind::Context => Value::Context(map.next_value_seed(ContextSeed(state))?),
            };
            row.put(column, value, state.nulls).map_err(|fault| {
                state.column.set(None);
                state.fail(fault)
            })?;
            state.column.set(None);
        }
        Ok(row)
    }
}

/// A key of an object.
struct NameSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.bytes {
            false => deserializer.deserialize_str(self),
            true => deserializer.deserialize_bytes(self),
        }
    }
}

impl<'de> Visitor<'de> for NameSeed<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    strings!(self, text => Ok(text));
}

struct ScalarSeed<'s>(&'s ParseState);
struct NumberSeed<'s>(ScalarSeed<'s>);

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.bytes {
            false => deserializer.deserialize_any(self),
            true => deserializer.deserialize_option(self),
        }
    }
}

impl<'de> DeserializeSeed<'de> for NumberSeed<'_> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    strings!(self, text => Ok(Scalar::Text(text)));

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other("true or false"))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object"))
    }
}

/// A list of strings; null is an empty one.
struct TextsSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for TextsSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextsSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(ScalarSeed(self.0))? {
            list.push(item.item("an item of the list").map_err(|fault| self.0.fail(fault))?);
        }
        Ok(list)
    }

    strings!(self, text => match parse_value(&text, Column::StaticReasonCodes).and_then(Value::texts) {
        Ok(list) => Ok(list),
        Err(fault) => Err(self.0.fail(fault)),
    });
}

#[cfg(test)]
mod tests;
