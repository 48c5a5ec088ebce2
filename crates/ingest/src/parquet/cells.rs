//! The value at a position of an Arrow array, whatever type the writer chose for it.

use std::{borrow::Cow, ops::Range};

use clawsig_schema::column::{Column, ColumnKind};
use polars_arrow::{
    array::{
        Array, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray,
        StructArray, Utf8ViewArray,
    },
    datatypes::ArrowDataType,
    types::NativeType,
};

use crate::{
    json::{FileField, bundle_of_lists, file_field, parse_file, parse_value},
    reject::Fault,
    row::BundleTally,
    value::{Context, Scalar, Value},
};

fn native<T: NativeType>(array: &dyn Array, at: usize) -> Option<T> {
    Some(array.as_any().downcast_ref::<PrimitiveArray<T>>()?.value(at))
}

fn binary(bytes: &[u8]) -> Scalar<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Scalar::Text(Cow::Borrowed(text)),
        Err(_) => Scalar::Other("bytes that are no UTF-8"),
    }
}

/// The value at a position.
pub(crate) fn scalar(array: &dyn Array, at: usize) -> Scalar<'_> {
    use ArrowDataType as T;
    if array.is_null(at) {
        return Scalar::Null;
    }
    let any = array.as_any();
    let read = match array.dtype() {
        T::Null => Some(Scalar::Null),
        T::Utf8View => any
            .downcast_ref::<Utf8ViewArray>()
            .and_then(|texts| texts.get(at))
            .map(|text| Scalar::Text(Cow::Borrowed(text))),
        T::BinaryView => {
            any.downcast_ref::<BinaryViewArray>().and_then(|bytes| bytes.get(at)).map(binary)
        }
        // Parquet's only number of this size.
        T::FixedSizeBinary(2) => any.downcast_ref::<FixedSizeBinaryArray>().and_then(|halves| {
            let bits = <[u8; 2]>::try_from(halves.value(at)).ok()?;
            Some(Scalar::Float(half(u16::from_le_bytes(bits))))
        }),
        T::FixedSizeBinary(_) => {
            any.downcast_ref::<FixedSizeBinaryArray>().map(|bytes| binary(bytes.value(at)))
        }
        T::Boolean => any
            .downcast_ref::<BooleanArray>()
            .and_then(|flags| flags.get(at))
            .map(|flag| Scalar::Other(if flag { "true" } else { "false" })),
        T::Int8 => native::<i8>(array, at).map(|value| Scalar::Whole(value.into())),
        T::Int16 => native::<i16>(array, at).map(|value| Scalar::Whole(value.into())),
        T::Int32 => native::<i32>(array, at).map(|value| Scalar::Whole(value.into())),
        T::Int64 => native::<i64>(array, at).map(|value| Scalar::Whole(value.into())),
        T::UInt8 => native::<u8>(array, at).map(|value| Scalar::Whole(value.into())),
        T::UInt16 => native::<u16>(array, at).map(|value| Scalar::Whole(value.into())),
        T::UInt32 => native::<u32>(array, at).map(|value| Scalar::Whole(value.into())),
        T::UInt64 => native::<u64>(array, at).map(|value| Scalar::Whole(value.into())),
        T::Float32 => native::<f32>(array, at).map(|value| Scalar::Float(value.into())),
        T::Float64 => native::<f64>(array, at).map(Scalar::Float),
        T::Decimal(_, scale) => native::<i128>(array, at).map(|value| decimal(value, *scale)),
        T::LargeList(_) => Some(Scalar::Other("a list")),
        T::Struct(_) => Some(Scalar::Other("an object")),
        T::Date32 | T::Date64 | T::Timestamp(..) => Some(Scalar::Other("a date or a time")),
        _ => None,
    };
    read.unwrap_or(Scalar::Other("a value of another type"))
}

/// The number that stands for a date or a time.
pub(crate) fn primitive_number(array: &dyn Array, at: usize) -> Option<i64> {
    use ArrowDataType as T;
    match array.dtype() {
        T::Date32 | T::Time32(_) => native::<i32>(array, at).map(i64::from),
        T::Date64 | T::Timestamp(..) | T::Time64(_) => native::<i64>(array, at),
        _ => None,
    }
}

/// A float of 16 bits: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// A decimal of so many digits behind its point.
fn decimal<'a>(value: i128, scale: usize) -> Scalar<'a> {
    match u32::try_from(scale).ok().and_then(|scale| 10_i128.checked_pow(scale)) {
        Some(unit) if value % unit == 0 => Scalar::Whole(value / unit),
        Some(unit) => Scalar::Float(value as f64 / unit as f64),
        None => Scalar::Other("a decimal of another size"),
    }
}

/// Where the items of a list lie among the items of all lists.
pub(crate) fn list_range(array: &dyn Array, at: usize) -> Option<(&dyn Array, Range<usize>)> {
    let list = array.as_any().downcast_ref::<ListArray<i64>>()?;
    let (start, end) = list.offsets().start_end(at);
    Some((list.values().as_ref(), start..end))
}

/// The fields of a struct by name.
fn fields(array: &dyn Array) -> impl Iterator<Item = (&str, &dyn Array)> {
    let parts = array.as_any().downcast_ref::<StructArray>();
    parts.into_iter().flat_map(|parts| {
        let names = parts.fields().iter().map(|field| field.name.as_str());
        names.zip(parts.values().iter().map(|values| values.as_ref()))
    })
}

/// The value of a column at a position.
pub(crate) fn value(array: &dyn Array, at: usize, column: Column) -> Result<Value<'_>, Fault> {
    let read = match column.kind() {
        _ if array.is_null(at) => return Ok(Value::null(column)),
        ColumnKind::Text | ColumnKind::Count | ColumnKind::Number => {
            return Ok(Value::Scalar(scalar(array, at)));
        }
        ColumnKind::TextList => texts(array, at).map(|list| list.map(Value::Texts)),
        ColumnKind::Bundle => bundle(array, at),
        ColumnKind::Context => context(array, at),
    };
    let read = read.map_err(|fault| fault.in_column(column))?;
    match (read, scalar(array, at)) {
        (Some(value), _) => Ok(value),
        (None, Scalar::Text(text)) => {
            parse_value(&text, column).map_err(|fault| fault.in_column(column))
        }
        (None, other) => Ok(Value::Scalar(other)),
    }
}

/// A list of texts; `None` where the value is none.
fn texts(array: &dyn Array, at: usize) -> Result<Option<Vec<Cow<'_, str>>>, Fault> {
    let Some((items, range)) = list_range(array, at) else { return Ok(None) };
    range
        .map(|at| scalar(items, at).item("an item of the list"))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A bundle: a list of structs or of JSON texts, or a struct of lists.
fn bundle(array: &dyn Array, at: usize) -> Result<Option<Value<'_>>, Fault> {
    if let Some((files, range)) = list_range(array, at) {
        let field = |wanted: fn(&FileField) -> bool| {
            fields(files)
                .find(|(name, _)| file_field(name).is_some_and(|field| wanted(&field)))
                .map(|(_, values)| values)
        };
        let paths = field(|field| matches!(field, FileField::Path));
        let sizes = field(|field| matches!(field, FileField::Size));
        let mut tally = BundleTally::default();
        for at in range {
            if let Scalar::Text(text) = scalar(files, at) {
                let (path, bytes) = parse_file(&text)?;
                tally.add(Cow::Owned(path.into_owned()), bytes);
                continue;
            }
            let path = paths.map_or(Scalar::Null, |paths| scalar(paths, at));
            let size = sizes.map_or(Scalar::Null, |sizes| scalar(sizes, at));
            tally.add(path.item("the path of a file")?, size.size()?);
        }
        return Ok(Some(Value::Bundle(tally.finish())));
    }
    let (mut paths, mut sizes, mut is_object) = (Vec::new(), Vec::new(), false);
    for (name, values) in fields(array) {
        is_object = true;
        match (file_field(name), list_range(values, at)) {
            (Some(FileField::Path), Some((items, range))) => {
                paths = range
                    .map(|at| scalar(items, at).item("the path of a file"))
                    .collect::<Result<_, _>>()?;
            }
            (Some(FileField::Size), Some((items, range))) => {
                sizes = range.map(|at| scalar(items, at).size()).collect::<Result<_, _>>()?;
            }
            _ => {}
        }
    }
    if !is_object {
        return Ok(None);
    }
    bundle_of_lists(paths, sizes).map(|bundle| Some(Value::Bundle(bundle)))
}

/// The scanners' outputs as a struct.
fn context(array: &dyn Array, at: usize) -> Result<Option<Value<'_>>, Fault> {
    if array.as_any().downcast_ref::<StructArray>().is_none() {
        return Ok(None);
    }
    let mut context = Context::default();
    for (name, output) in fields(array) {
        let Some(scanner) = Context::OUTPUTS.iter().position(|known| *known == name) else {
            continue;
        };
        context.has_output[scanner] = is_there(output, at);
        for (member, values) in fields(output) {
            let Scalar::Text(text) = scalar(values, at) else { continue };
            match (name, member) {
                ("virustotal", "verdict") => context.virustotal_verdict = Some(text),
                ("skillspector", "verdict") => context.skillspector_verdict = Some(text),
                ("skillspector", "recommendation") => {
                    context.skillspector_recommendation = Some(text);
                }
                _ => {}
            }
        }
    }
    Ok(Some(Value::Context(context)))
}

/// Whether a scanner's output is more than null and empty, as [`Context::has_output`] has it.
fn is_there(output: &dyn Array, at: usize) -> bool {
    if output.is_null(at) {
        return false;
    }
    if output.as_any().downcast_ref::<StructArray>().is_some() {
        return fields(output).any(|(_, member)| !member.is_null(at));
    }
    match (list_range(output, at), scalar(output, at)) {
        (Some((_, range)), _) => !range.is_empty(),
        (None, Scalar::Text(text)) => !text.is_empty(),
        (None, Scalar::Other(name)) => name != "false",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use polars_arrow::{
        array::NullArray,
        datatypes::{Field, TimeUnit},
        offset::OffsetsBuffer,
    };

    use super::*;

    fn text(text: &str) -> Box<dyn Array> {
        Utf8ViewArray::from_slice([Some(text)]).boxed()
    }

    fn null() -> Box<dyn Array> {
        Utf8ViewArray::from_slice([None::<&str>]).boxed()
    }

    fn list(items: Box<dyn Array>) -> Box<dyn Array> {
        let dtype = ListArray::<i64>::default_datatype(items.dtype().clone());
        let offsets = OffsetsBuffer::try_from(vec![0, items.len() as i64]).unwrap();
        ListArray::<i64>::new(dtype, offsets, items, None).boxed()
    }

    fn object(members: Vec<(&str, Box<dyn Array>)>) -> Box<dyn Array> {
        let fields = members
            .iter()
            .map(|(name, member)| Field::new((*name).into(), member.dtype().clone(), true));
        let dtype = ArrowDataType::Struct(fields.collect());
        let members = members.into_iter().map(|(_, member)| member).collect();
        StructArray::new(dtype, 1, members, None).boxed()
    }

    #[test]
    fn each_type_is_told_by_its_value_or_its_name() {
        let date = PrimitiveArray::from_vec(vec![3_i32]).to(ArrowDataType::Date32).boxed();
        let seconds = ArrowDataType::Timestamp(TimeUnit::Second, None);
        let time = PrimitiveArray::from_vec(vec![-5_i64]).to(seconds).boxed();
        for (array, value, number) in [
            (NullArray::new(ArrowDataType::Null, 1).boxed(), Scalar::Null, None),
            (null(), Scalar::Null, None),
            (text("a"), Scalar::Text("a".into()), None),
            (
                BinaryViewArray::from_slice([Some(b"\xff")]).boxed(),
                Scalar::Other("bytes that are no UTF-8"),
                None,
            ),
            (BooleanArray::from_slice([false]).boxed(), Scalar::Other("false"), None),
            (PrimitiveArray::from_vec(vec![-1_i8]).boxed(), Scalar::Whole(-1), None),
            (
                PrimitiveArray::from_vec(vec![u64::MAX]).boxed(),
                Scalar::Whole(u64::MAX.into()),
                None,
            ),
            (PrimitiveArray::from_vec(vec![0.5_f32]).boxed(), Scalar::Float(0.5), None),
            (list(text("a")), Scalar::Other("a list"), None),
            (object(vec![("a", text("b"))]), Scalar::Other("an object"), None),
            (date, Scalar::Other("a date or a time"), Some(3)),
            (time, Scalar::Other("a date or a time"), Some(-5)),
        ] {
            assert_eq!(scalar(array.as_ref(), 0), value);
            assert_eq!(primitive_number(array.as_ref(), 0), number, "{value:?}");
        }
    }

    #[test]
    fn a_context_says_which_scanners_have_output_and_what_they_recommend() {
        let array = object(vec![
            ("other", object(vec![("verdict", text("no scanner's"))])),
            (
                "skillspector",
                object(vec![("verdict", text("CAUTION")), ("recommendation", null())]),
            ),
            ("virustotal", object(vec![("verdict", null())])),
            ("static", list(text("a"))),
        ]);
        let Ok(Some(Value::Context(found))) = context(array.as_ref(), 0) else {
            panic!("a context");
        };
        let has =
            |name| found.has_output[Context::OUTPUTS.iter().position(|n| *n == name).unwrap()];
        assert_eq!(["skillspector", "virustotal", "static"].map(has), [true, false, true]);
        assert_eq!(found.skillspector_verdict.as_deref(), Some("CAUTION"));
        assert_eq!((found.virustotal_verdict, found.skillspector_recommendation), (None, None));
        assert!(matches!(context(text("{}").as_ref(), 0), Ok(None)));
        for (output, there) in
            [(null(), false), (text(""), false), (text("a"), true), (list(text("a")), true)]
        {
            assert_eq!(is_there(output.as_ref(), 0), there);
        }
        assert!(!is_there(BooleanArray::from_slice([false]).boxed().as_ref(), 0));
        assert!(is_there(BooleanArray::from_slice([true]).boxed().as_ref(), 0));
    }

    /// The right values are those of NumPy 2.4's `float16`.
    #[test]
    fn halves_are_read() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0x4d50, 21.25),
            (0x5640, 100.0),
            (0xbc00, -1.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn decimals_that_are_whole_are_whole() {
        assert_eq!(decimal(300, 2), Scalar::Whole(3));
        assert_eq!(decimal(-301, 2), Scalar::Float(-3.01));
        assert_eq!(decimal(7, 0), Scalar::Whole(7));
        assert_eq!(decimal(0, 38), Scalar::Whole(0));
        assert_eq!(decimal(1, 60), Scalar::Other("a decimal of another size"));
    }
}
