//! The list of bundled files, in figures.

use std::{borrow::Cow, fmt};

use clawsig_schema::{
    BundleStats,
    column::{Column, ColumnKind},
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{NameSeed, NumberSeed, ParseState, ScalarSeed, TextsSeed, parse_value, read, strings};
use crate::{
    reject::Fault,
    row::{BundleTally, Nulls},
    value::{Scalar, Value},
};

/// Reads the JSON text of one bundled file: its path and size.
pub(crate) fn parse_file(text: &str) -> Result<(Cow<'_, str>, u64), Fault> {
    read(text, Nulls::AsTheDataset, |state, json| FileSeed(state).deserialize(json))
}

/// A bundle: a list of files, or an object of lists, in figures; null is an empty one.
pub(super) struct BundleSeed<'s>(pub(super) &'s ParseState);

impl<'de> DeserializeSeed<'de> for BundleSeed<'_> {
    type Value = BundleStats;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BundleSeed<'_> {
    type Value = BundleStats;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(BundleStats::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut tally = BundleTally::default();
        while let Some((path, bytes)) = items.next_element_seed(FileSeed(self.0))? {
            tally.add(path, bytes);
        }
        Ok(tally.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut paths, mut sizes) = (Vec::new(), Vec::new());
        let fail = |fault| self.0.fail(fault);
        while let Some(key) = map.next_key_seed(NameSeed(self.0))? {
            match file_field(&key) {
                Some(FileField::Path) => paths = map.next_value_seed(TextsSeed(self.0))?,
                Some(FileField::Size) => sizes = map.next_value_seed(SizesSeed(self.0))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        bundle_of_lists(paths, sizes).map_err(fail)
    }

    strings!(self, text => match parse_value(&text, Column::SkillBundleContent).and_then(Value::bundle) {
        Ok(bundle) => Ok(bundle),
        Err(fault) => Err(self.0.fail(fault)),
    });
}

/// The figures of a bundle that was written as an object of lists, as `datasets` does with a sequence of objects.
pub(crate) fn bundle_of_lists(
    paths: Vec<Cow<'_, str>>,
    sizes: Vec<u64>,
) -> Result<BundleStats, Fault> {
    if paths.len() != sizes.len() {
        return Err(Fault::wrong_type(format!(
            "has {} paths and {} sizes; expected {}",
            paths.len(),
            sizes.len(),
            ColumnKind::Bundle.expected()
        )));
    }
    let mut tally = BundleTally::default();
    paths.into_iter().zip(sizes).for_each(|(path, bytes)| tally.add(path, bytes));
    Ok(tally.finish())
}

/// The fields of a bundled file that are kept.
pub(crate) enum FileField {
    Path,
    Size,
}

/// The kept field of that name.
pub(crate) fn file_field(name: &str) -> Option<FileField> {
    match name {
        "path" => Some(FileField::Path),
        "sizeBytes" | "size_bytes" => Some(FileField::Size),
        _ => None,
    }
}

struct SizesSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for SizesSeed<'_> {
    type Value = Vec<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SizesSeed<'_> {
    type Value = Vec<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sizes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut sizes = Vec::new();
        while let Some(size) = items.next_element_seed(NumberSeed(ScalarSeed(self.0)))? {
            sizes.push(size.size().map_err(|fault| self.0.fail(fault))?);
        }
        Ok(sizes)
    }
}

/// A bundled file without its content: an object, or its JSON text.
struct FileSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = (Cow<'de, str>, u64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = (Cow<'de, str>, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let state = self.0;
        let (mut path, mut size) = (Scalar::Null, Scalar::Null);
        while let Some(key) = map.next_key_seed(NameSeed(state))? {
            match file_field(&key) {
                Some(FileField::Path) => path = map.next_value_seed(ScalarSeed(state))?,
                Some(FileField::Size) => {
                    size = map.next_value_seed(NumberSeed(ScalarSeed(state)))?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let path = path.item("the path of a file").map_err(|fault| state.fail(fault))?;
        Ok((path, size.size().map_err(|fault| state.fail(fault))?))
    }

    strings!(self, text => match parse_file(&text) {
        Ok((path, size)) => Ok((Cow::Owned(path.into_owned()), size)),
        Err(fault) => Err(self.0.fail(fault)),
    });
}
