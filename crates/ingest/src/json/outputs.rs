//! The scanners' full outputs: whether they are there, and the texts that are kept.

use std::{borrow::Cow, fmt};

use clawsig_schema::column::Column;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{NameSeed, ParseState, ScalarSeed, parse_value, strings};
use crate::value::{Context, Scalar, Value};

/// The scanners' outputs; null is none.
pub(super) struct ContextSeed<'s>(pub(super) &'s ParseState);

impl<'de> DeserializeSeed<'de> for ContextSeed<'_> {
    type Value = Context<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ContextSeed<'_> {
    type Value = Context<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Context::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut context = Context::default();
        while let Some(key) = map.next_key_seed(NameSeed(self.0))? {
            let Some(at) = Context::OUTPUTS.iter().position(|name| *name == key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let output = map.next_value_seed(OutputSeed(self.0))?;
            context.has_output[at] = output.present;
            match key.as_ref() {
                "virustotal" => context.virustotal_verdict = output.verdict,
                "skillspector" => {
                    context.skillspector_verdict = output.verdict;
                    context.skillspector_recommendation = output.recommendation;
                }
                _ => {}
            }
        }
        Ok(context)
    }

    strings!(self, text => match parse_value(&text, Column::ClawscanContext).and_then(Value::context) {
        Ok(context) => Ok(context),
        Err(fault) => Err(self.0.fail(fault)),
    });
}

/// One scanner's output: whether there is any, and the two texts that are kept.
#[derive(Default)]
struct ScannerOutput<'a> {
    present: bool,
    verdict: Option<Cow<'a, str>>,
    recommendation: Option<Cow<'a, str>>,
}

fn present<'de>(present: bool) -> ScannerOutput<'de> {
    ScannerOutput { present, ..ScannerOutput::default() }
}

struct OutputSeed<'s>(&'s ParseState);

impl<'de> DeserializeSeed<'de> for OutputSeed<'_> {
    type Value = ScannerOutput<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OutputSeed<'_> {
    type Value = ScannerOutput<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scanner's output")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(present(false))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(present(value))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(present(true))
    }

    strings!(self, text => Ok(present(!text.is_empty())));

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut any = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(present(any))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut output = ScannerOutput::default();
        while let Some(key) = map.next_key_seed(NameSeed(self.0))? {
            let kept = match key.as_ref() {
                "verdict" => &mut output.verdict,
                "recommendation" => &mut output.recommendation,
                _ => {
                    output.present |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                    continue;
                }
            };
            let member = map.next_value_seed(ScalarSeed(self.0))?;
            output.present |= member != Scalar::Null;
            *kept = match member {
                Scalar::Text(text) => Some(text),
                _ => None,
            };
        }
        Ok(output)
    }
}
