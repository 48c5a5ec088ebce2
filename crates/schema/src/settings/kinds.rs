//! The types that a setting can have.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use super::Value;

/// A type of settings: how it is typed, held in a file, and described.
pub trait Setting: Sized {
    /// The type in words.
    fn kind() -> String;

    /// Values as people give them, for numbers: the first that a key takes is shown.
    fn examples() -> Vec<Self> {
        Vec::new()
    }

    /// Reads what was typed after `key=`.
    fn parse(text: &OsStr) -> Option<Self>;

    /// Reads a value of a profile.
    fn from_value(value: &Value) -> Option<Self>;

    /// The value for a profile.
    fn to_value(&self) -> Value;

    /// The numbers in it, which a range is about.
    fn numbers(&self) -> Vec<f64> {
        Vec::new()
    }
}

impl Setting for bool {
    fn kind() -> String {
        "`true` or `false`".to_owned()
    }

    fn parse(text: &OsStr) -> Option<bool> {
        text.to_str()?.trim().parse().ok()
    }

    fn from_value(value: &Value) -> Option<bool> {
        match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }
}

/// A number may have underscores between its digits, as in TOML.
fn digits(text: &OsStr) -> Option<String> {
    let text = text.to_str()?.trim();
    let bytes = text.as_bytes();
    let between = |at: usize| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_digit())
        };
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let sound = bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || between(at));
    sound.then(|| text.replace('_', ""))
}

macro_rules! whole {
    ($($type:ty),+) => { $(
        impl Setting for $type {
            fn kind() -> String {
                "a whole number".to_owned()
            }

            fn examples() -> Vec<$type> {
                // A large one shows that its digits stand together.
                [20_000, 20].into_iter().filter_map(|number: u16| number.try_into().ok()).collect()
            }

            fn parse(text: &OsStr) -> Option<$type> {
                digits(text)?.parse().ok()
            }

            fn from_value(value: &Value) -> Option<$type> {
                match value {
                    Value::Whole(number) => <$type>::try_from(*number).ok(),
                    _ => None,
                }
            }

            fn to_value(&self) -> Value {
                // Larger ones are outside every range.
                i64::try_from(*self).map_or(Value::Number(*self as f64), Value::Whole)
            }

            fn numbers(&self) -> Vec<f64> {
                vec![*self as f64]
            }
        }
    )+ };
}

whole!(u8, u32, u64, usize);

impl Setting for f64 {
    fn kind() -> String {
        "a number".to_owned()
    }

    fn examples() -> Vec<f64> {
        vec![0.5]
    }

    fn parse(text: &OsStr) -> Option<f64> {
        digits(text)?.parse().ok()
    }

    fn from_value(value: &Value) -> Option<f64> {
        value.as_number()
    }

    fn to_value(&self) -> Value {
        Value::Number(*self)
    }

    fn numbers(&self) -> Vec<f64> {
        vec![*self]
    }
}

/// A whole number of which 0 stands for "no limit".
impl Setting for Option<usize> {
    fn kind() -> String {
        usize::kind()
    }

    fn examples() -> Vec<Self> {
        usize::examples().into_iter().map(Some).collect()
    }

    fn parse(text: &OsStr) -> Option<Self> {
        usize::parse(text).map(|number| (number > 0).then_some(number))
    }

    fn from_value(value: &Value) -> Option<Self> {
        usize::from_value(value).map(|number| (number > 0).then_some(number))
    }

    fn to_value(&self) -> Value {
        self.unwrap_or(0).to_value()
    }

    fn numbers(&self) -> Vec<f64> {
        self.unwrap_or(0).numbers()
    }
}

impl Setting for String {
    fn kind() -> String {
        "text".to_owned()
    }

    fn parse(text: &OsStr) -> Option<String> {
        text.to_str().map(str::to_owned)
    }

    fn from_value(value: &Value) -> Option<String> {
        value.as_text().map(str::to_owned)
    }

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

/// Text where it is Unicode; elsewhere `{ bytes = "..." }`, its bytes in hexadecimal digits.
impl Setting for PathBuf {
    fn kind() -> String {
        "a path".to_owned()
    }

    fn parse(text: &OsStr) -> Option<PathBuf> {
        Some(PathBuf::from(text))
    }

    fn from_value(value: &Value) -> Option<PathBuf> {
        match value {
            Value::Text(text) => Some(PathBuf::from(text)),
            other => match other.as_single()? {
                ("bytes", Value::Text(hex)) => Some(PathBuf::from(os_text(unhex(hex)?)?)),
                _ => None,
            },
        }
    }

    fn to_value(&self) -> Value {
        match self.to_str() {
            Some(text) => Value::Text(text.to_owned()),
            None => {
                let hex: String =
                    os_bytes(self.as_os_str()).iter().map(|byte| format!("{byte:02x}")).collect();
                Value::Table(vec![("bytes".to_owned(), Value::Text(hex))])
            }
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16)).map(|d| d.map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

#[cfg(unix)]
fn os_text(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn os_text(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(unix)]
fn os_bytes(text: &OsStr) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    text.as_bytes()
}

#[cfg(not(unix))]
fn os_bytes(text: &OsStr) -> &[u8] {
    text.as_encoded_bytes()
}

/// The parts of a list as it is typed: `[a, b]` or `a,b`, each part bare or in quotes.
fn items(text: &OsStr) -> Option<Vec<&str>> {
    let text = text.to_str()?.trim();
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => text,
    };
    let inner = inner.trim().trim_end_matches(',');
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    Some(inner.split(',').map(unquoted).collect())
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

impl<T: Setting> Setting for Vec<T> {
    fn kind() -> String {
        format!("a list as [A, B] or A,B, each {}", T::kind())
    }

    fn examples() -> Vec<Vec<T>> {
        T::examples().into_iter().map(|one| vec![one]).collect()
    }

    fn parse(text: &OsStr) -> Option<Vec<T>> {
        items(text)?.into_iter().map(|item| T::parse(OsStr::new(item))).collect()
    }

    fn from_value(value: &Value) -> Option<Vec<T>> {
        match value {
            Value::List(values) => values.iter().map(T::from_value).collect(),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn numbers(&self) -> Vec<f64> {
        self.iter().flat_map(T::numbers).collect()
    }
}

/// A least and a greatest number.
impl Setting for (usize, usize) {
    fn kind() -> String {
        "two whole numbers, the least and the greatest".to_owned()
    }

    fn parse(text: &OsStr) -> Option<Self> {
        Self::from_value(&Vec::<usize>::parse(text)?.to_value())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match Vec::<usize>::from_value(value)?.as_slice() {
            &[least, greatest] if least <= greatest => Some((least, greatest)),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        vec![self.0, self.1].to_value()
    }

    fn numbers(&self) -> Vec<f64> {
        vec![self.0 as f64, self.1 as f64]
    }
}

/// Gives an enum its names: `ALL`, `NAMES`, `as_str`, `Display`, `FromStr`, and
/// [`Setting`] by them.
#[macro_export]
macro_rules! choices {
    ($type:ty, $kind:literal, $($variant:ident => $text:literal),+ $(,)?) => {
        impl $type {
            /// Every choice.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The texts of the choices, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The choice as a profile writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = $crate::UnknownLabel;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::UnknownLabel> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownLabel {
                        kind: $kind,
                        found: text.to_owned(),
                        expected: Self::NAMES,
                    }),
                }
            }
        }

        $crate::named_setting!($type);
    };
}

/// Makes an enum with `NAMES`, `as_str` and `FromStr` a [`Setting`].
#[macro_export]
macro_rules! named_setting {
    ($type:ty) => {
        impl $crate::settings::Setting for $type {
            fn kind() -> String {
                format!("one of `{}`", <$type>::NAMES.join("`, `"))
            }

            fn parse(text: &::std::ffi::OsStr) -> ::std::option::Option<Self> {
                text.to_str()?.trim().parse().ok()
            }

            fn from_value(value: &$crate::settings::Value) -> ::std::option::Option<Self> {
                value.as_text()?.parse().ok()
            }

            fn to_value(&self) -> $crate::settings::Value {
                $crate::settings::Value::Text(self.as_str().to_owned())
            }
        }
    };
}
