//! One line of JSON into a [`Row`], by an explicit schema.
//!
//! Bundle contents and what the scanners put out in full are skipped, not stored.

use std::{borrow::Cow, cell::RefCell, fmt};

use clawsig_schema::column::COLUMNS;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::error::Category;

use crate::{
    reject::{Fault, RejectReason},
    row::{BundleTally, Context, Row},
};

/// Where the parser is and what it objected to; an error of serde's carries neither.
#[derive(Default)]
struct Place {
    column: Option<usize>,
    fault: Option<Fault>,
    /// Whether null may stand for an empty text or 0 anywhere.
    nulls: bool,
}

type Shared = RefCell<Place>;

fn object<E: serde::de::Error>(place: &Shared, reason: RejectReason, what: &str) -> E {
    let mut place = place.borrow_mut();
    let name = place.column.map_or("", |column| COLUMNS[column].name);
    place.fault = Some(Fault::new(reason, format!("column `{name}`: {what}")));
    E::custom("rejected")
}

/// Reads one line that holds one JSON object.
pub(crate) fn parse(line: &str) -> Result<Row<'_>, Fault> {
    parse_at(line, Shared::default())
}

/// As [`parse`], with null allowed in every text and count: an unjudged row has no verdict.
pub(crate) fn parse_with_nulls(line: &str) -> Result<Row<'_>, Fault> {
    parse_at(line, RefCell::new(Place { nulls: true, ..Place::default() }))
}

fn parse_at(line: &str, place: Shared) -> Result<Row<'_>, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let parsed = RowSeed(&place)
        .deserialize(&mut deserializer)
        .and_then(|row| deserializer.end().map(|()| row));
    let error = match parsed {
        Ok(row) => return Ok(row),
        Err(error) => error,
    };
    let place = place.into_inner();
    if let Some(fault) = place.fault {
        return Err(fault);
    }
    if line.as_bytes().contains(&0) {
        return Err(Fault::new(RejectReason::Nul, "a NUL byte in the line"));
    }
    let text = error.to_string();
    if text.starts_with("number out of range") {
        return Err(Fault::new(RejectReason::NumberOutOfRange, text));
    }
    Err(match (error.classify(), place.column) {
        (Category::Data, Some(column)) => {
            let expected = expectation(column);
            let name = COLUMNS[column].name;
            Fault::new(RejectReason::WrongType, format!("column `{name}`: expected {expected}"))
        }
        (Category::Data, None) => Fault::new(RejectReason::BadJson, "expected one JSON object"),
        _ => Fault::new(RejectReason::BadJson, text),
    })
}

fn expectation(column: usize) -> String {
    use clawsig_schema::column::ColumnKind;
    let kind = match COLUMNS[column].kind {
        ColumnKind::Text => "a string",
        ColumnKind::Count => "a whole number, 0 or more",
        ColumnKind::Number => "a number",
        ColumnKind::TextList => "a list of strings",
        ColumnKind::Bundle => "a list of objects with path, content, sha256 and sizeBytes",
        ColumnKind::Context => "an object",
    };
    let or_null = if COLUMNS[column].nullable { " or null" } else { "" };
    format!("{kind}{or_null}")
}

struct RowSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
        let place = self.0;
        let mut row = Row::default();
        loop {
            place.borrow_mut().column = None;
            let Some(key) = map.next_key_seed(KeySeed)? else { break };
            let column = match key {
                Key::Column(column) => column,
                Key::Other(name) => {
                    map.next_value::<IgnoredAny>()?;
                    row.unknown.push(name);
                    continue;
                }
            };
            place.borrow_mut().column = Some(column);
            if row.seen & (1 << column) != 0 {
                return Err(object(place, RejectReason::BadJson, "occurs twice"));
            }
            row.seen |= 1 << column;
            let text = TextSeed(place);
            match column {
                0 => row.id = required(place, map.next_value_seed(text)?)?,
                1 => row.slug = map.next_value_seed(text)?,
                2 => row.version = required(place, map.next_value_seed(text)?)?,
                3 => row.text = map.next_value_seed(text)?,
                4 => row.bundle = map.next_value_seed(BundleSeed)?,
                5 => row.verdict = required(place, map.next_value_seed(text)?)?,
                6 => row.confidence = map.next_value_seed(text)?,
                7 => row.model = map.next_value_seed(text)?,
                8 => row.summary = map.next_value_seed(text)?,
                9 => row.static_status = map.next_value_seed(text)?,
                10 => row.finding_count = required(place, map.next_value_seed(CountSeed(place))?)?,
                11 => row.reason_codes = map.next_value_seed(ListSeed(place))?,
                12 => row.virustotal_status = map.next_value_seed(text)?,
                13..=16 => row.engines[column - 13] = map.next_value_seed(CountSeed(place))?,
                17 => row.skillspector_status = map.next_value_seed(text)?,
                18 => row.score = map.next_value_seed(ScoreSeed(place))?,
                19 => row.severity = map.next_value_seed(text)?,
                20 => row.issue_count = required(place, map.next_value_seed(CountSeed(place))?)?,
                21 => row.issue_codes = map.next_value_seed(ListSeed(place))?,
                22 => row.issue_categories = map.next_value_seed(ListSeed(place))?,
                23 => row.context = map.next_value_seed(ContextSeed(place))?,
                _ => row.split = map.next_value_seed(text)?,
            }
        }
        Ok(row)
    }
}

fn required<T: Default, E: serde::de::Error>(place: &Shared, value: Option<T>) -> Result<T, E> {
    let value = if place.borrow().nulls { Some(value.unwrap_or_default()) } else { value };
    value.ok_or_else(|| object(place, RejectReason::WrongType, "is null, which it may not be"))
}

enum Key {
    Column(usize),
    Other(String),
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
        Ok(match COLUMNS.iter().position(|column| column.name == name) {
            Some(column) => Key::Column(column),
            None => Key::Other(name.to_owned()),
        })
    }
}

/// A string or null; no NUL in it.
#[derive(Clone, Copy)]
struct TextSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        // JSON allows a NUL only as an escape, and a text with an escape is never borrowed.
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.as_bytes().contains(&0) {
            return Err(object(self.0, RejectReason::Nul, "holds a NUL"));
        }
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A whole number or null. A float is taken where it is whole: some exporters write `3.0`.
struct CountSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for CountSeed<'_> {
    type Value = Option<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl CountSeed<'_> {
    fn out_of_range<E: serde::de::Error>(&self) -> E {
        object(self.0, RejectReason::NumberOutOfRange, "expected a whole number, 0 to 4294967295")
    }
}

impl Visitor<'_> for CountSeed<'_> {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count or null")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Option<u32>, E> {
        u32::try_from(value).map(Some).map_err(|_| self.out_of_range())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Option<u32>, E> {
        u32::try_from(value).map(Some).map_err(|_| self.out_of_range())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Option<u32>, E> {
        whole(value).map(Some).ok_or_else(|| self.out_of_range())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }
}

/// A float as the count it stands for.
pub(crate) fn whole(value: f64) -> Option<u32> {
    let fits = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    // The range was checked in the line above, so the conversion is exact.
    fits.then_some(value as u32)
}

/// A number from 0 to 100, or null.
struct ScoreSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for ScoreSeed<'_> {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ScoreSeed<'_> {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a score or null")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Option<f64>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Option<f64>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Option<f64>, E> {
        if (0.0..=100.0).contains(&value) {
            Ok(Some(value))
        } else {
            Err(object(self.0, RejectReason::NumberOutOfRange, "expected a score from 0 to 100"))
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<f64>, E> {
        Ok(None)
    }
}

struct ListSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for ListSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(TextSeed(self.0))? {
            list.push(required(self.0, item)?);
        }
        Ok(list)
    }
}

struct BundleSeed;

impl<'de> DeserializeSeed<'de> for BundleSeed {
    type Value = clawsig_schema::BundleStats;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BundleSeed {
    type Value = clawsig_schema::BundleStats;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut tally = BundleTally::default();
        while let Some(file) = items.next_element::<BundledFile<'de>>()? {
            tally.add(file.path, file.bytes);
        }
        Ok(tally.finish())
    }
}

/// A bundled file without its content.
#[derive(serde::Deserialize)]
struct BundledFile<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(rename = "sizeBytes")]
    bytes: u64,
}

struct ContextSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for ContextSeed<'_> {
    type Value = Context<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ContextSeed<'_> {
    type Value = Context<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut context = Context::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let at = match key.as_ref() {
                "static" => 0,
                "virustotal" => 1,
                "skillspector" => 2,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let output = map.next_value_seed(OutputSeed(self.0))?;
            context.has_output[at] = output.present;
            match at {
                1 => context.virustotal_verdict = output.verdict,
                2 => {
                    context.skillspector_verdict = output.verdict;
                    context.skillspector_recommendation = output.recommendation;
                }
                _ => {}
            }
        }
        Ok(context)
    }
}

/// The text of one `clawscan_context` object, as a Parquet column may hold it.
pub(crate) fn parse_context(text: &str) -> Result<Context<'_>, Fault> {
    let column = COLUMNS.len() - 2;
    let place = RefCell::new(Place { column: Some(column), ..Place::default() });
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = ContextSeed(&place)
        .deserialize(&mut deserializer)
        .and_then(|context| deserializer.end().map(|()| context));
    parsed.map_err(|error| {
        place.into_inner().fault.unwrap_or_else(|| {
            Fault::new(RejectReason::BadJson, format!("column `clawscan_context`: {error}"))
        })
    })
}

/// One scanner's output: whether there is any, and the two texts that are kept.
#[derive(Default)]
struct Output<'a> {
    present: bool,
    verdict: Option<Cow<'a, str>>,
    recommendation: Option<Cow<'a, str>>,
}

struct OutputSeed<'p>(&'p Shared);

impl<'de> DeserializeSeed<'de> for OutputSeed<'_> {
    type Value = Output<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn present<'de>(present: bool) -> Output<'de> {
    Output { present, ..Output::default() }
}

impl<'de> Visitor<'de> for OutputSeed<'_> {
    type Value = Output<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scanner's output")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(present(false))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(present(value))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(present(!text.is_empty()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut any = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(present(any))
    }

    /// An object whose every value is null counts as empty: that is what becomes of a missing
    /// object in a Parquet struct.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut output = Output::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let member = map.next_value::<Member<'de>>()?;
            output.present |= !matches!(member, Member::Null);
            let Member::Text(text) = member else { continue };
            let kept = match key.as_ref() {
                "verdict" => &mut output.verdict,
                "recommendation" => &mut output.recommendation,
                _ => continue,
            };
            if text.as_bytes().contains(&0) {
                return Err(object(self.0, RejectReason::Nul, "holds a NUL"));
            }
            *kept = Some(text);
        }
        Ok(output)
    }
}

/// A value of which only a text is kept.
enum Member<'a> {
    Null,
    Text(Cow<'a, str>),
    Other,
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }
}
