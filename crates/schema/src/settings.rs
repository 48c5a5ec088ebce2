//! The settings of a run, declared once each.
//!
//! A stage crate lists its keys with [`params!`](crate::params): name, meaning, type, range,
//! default, what 0 stands for, and on which other key its effect depends. Everything that is said
//! or done about a key follows from that list: the struct and its `Default`, reading a profile or
//! `--set`, the error messages, the reference that `clawsig settings` prints, and the parameters
//! in a stage's key.

mod kinds;
mod need;
mod value;

use std::{collections::BTreeMap, ffi::OsStr, fmt};

use serde::{Deserialize, Serialize};

pub use kinds::Setting;
pub use need::{Is, Need};
pub use value::Value;

use crate::{FlagRule, MissingPolicy};

/// One key of a profile, as it was declared.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.name`.
    pub name: &'static str,
    /// The effect of the key, in one or two sentences.
    pub meaning: &'static str,
    /// The least and the greatest number that the key takes, both included.
    pub range: Option<(f64, f64)>,
    /// What 0 stands for, where it is no number like the others.
    pub zero: Option<&'static str>,
    /// Where the key has an effect; everywhere if empty.
    pub needs: &'static [Need],
    /// The type in words, with an example that the key takes.
    #[doc(hidden)]
    pub kind: fn(&Key) -> String,
}

impl Key {
    /// The values that the key takes, in words, with an example.
    pub fn expected(&self) -> String {
        let mut text = (self.kind)(self);
        if let Some((low, high)) = self.range {
            text = format!("{text}, from {} to {}", plain(low), plain(high));
        }
        if let Some(zero) = self.zero {
            text = format!("{text}, or 0 for {zero}");
        }
        text
    }

    /// Reads a value and checks its range.
    ///
    /// # Errors
    /// [`SettingError`] with the key, what was found and what it takes.
    pub fn read<T: Setting>(&self, input: Input<'_>) -> Result<T, SettingError> {
        let (found, read) = match input {
            Input::Typed(text) => (text.to_string_lossy().into_owned(), T::parse(text)),
            Input::Value(value) => (value.to_string(), T::from_value(value)),
        };
        let read = read.ok_or_else(|| self.error(found))?;
        self.check(&read)?;
        Ok(read)
    }

    /// Checks the range.
    ///
    /// # Errors
    /// As [`Key::read`].
    pub fn check<T: Setting>(&self, value: &T) -> Result<(), SettingError> {
        if value.numbers().iter().all(|&number| self.allows(number)) {
            return Ok(());
        }
        Err(self.error(value.to_value().to_string()))
    }

    fn allows(&self, number: f64) -> bool {
        let inside = |(low, high): (f64, f64)| (low..=high).contains(&number);
        self.range.is_none_or(inside) || (self.zero.is_some() && number == 0.0)
    }

    /// The type in words, where it is about numbers with an example: the default, unless that stands for
    /// something else than its number.
    #[doc(hidden)]
    pub fn words<T: Setting>(&self, default: T) -> String {
        let fits = |value: &T| {
            let numbers = value.numbers();
            let special = self.zero.is_some() && numbers.contains(&0.0);
            !numbers.is_empty() && !special && numbers.into_iter().all(|number| self.allows(number))
        };
        match std::iter::once(default).chain(T::examples()).find(fits) {
            Some(example) => format!("{}, for example {}", T::kind(), example.to_value()),
            None => T::kind(),
        }
    }

    fn error(&self, found: String) -> SettingError {
        SettingError::new(self.name, found, self.expected())
    }
}

/// The largest whole number that every reader of numbers keeps to the unit: 2^53 - 1, as JSON's readers take
/// numbers for 64-bit floats.
pub const MOST_EXACT: u64 = (1 << 53) - 1;

/// A bound without a needless fraction or exponent.
fn plain(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e16).contains(&number.abs()) {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

/// A value to be read: typed on a command line, or out of a profile.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Text, which the key's own type reads.
    Typed(&'a OsStr),
    /// A value that has a type already.
    Value(&'a Value),
}

/// A setting that has no such value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// The full key.
    pub key: &'static str,
    /// What was found.
    pub found: String,
    /// What the key takes.
    pub expected: String,
}

impl SettingError {
    /// For a check that no range expresses.
    pub fn new(
        key: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> SettingError {
        SettingError { key, found: found.into(), expected: expected.into() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = crate::hostile::printable(&self.found, 200);
        write!(f, "{} is `{found}`; expected {}", self.key, self.expected)
    }
}

impl std::error::Error for SettingError {}

/// Settings that are declared by [`params!`](crate::params).
pub trait Params: Clone + Default {
    /// The keys in the order of their declaration; a key that several parts share stands once.
    fn keys() -> Vec<Key>;

    /// The value of a key; `None` for a key of something else.
    fn value_of(&self, key: &str) -> Option<Value>;

    /// Sets a key wherever it is used; `false` for a key of something else.
    ///
    /// # Errors
    /// [`SettingError`] for a value that the key does not take.
    fn set(&mut self, key: &str, input: Input<'_>) -> Result<bool, SettingError>;

    /// Checks every range, for values that were not read but written in Rust.
    ///
    /// # Errors
    /// [`SettingError`] for the first that is out of its range.
    fn check_ranges(&self) -> Result<(), SettingError>;

    /// Every key with its value.
    fn values(&self) -> BTreeMap<&'static str, Value> {
        let of = |key: &Key| self.value_of(key.name).map(|value| (key.name, value));
        Self::keys().iter().filter_map(of).collect()
    }

    /// The first need of a key that these settings do not meet: then the key has no effect.
    fn unmet(&self, key: &Key) -> Option<&'static Need> {
        let met = |need: &&Need| self.value_of(need.key).is_none_or(|value| need.is.holds(&value));
        key.needs.iter().find(|need| !met(need))
    }
}

/// Declares settings: a struct, its `Default`, and [`Params`].
///
/// `keys` are settings that a user can change, `shared` are parts that are declared elsewhere and
/// come with their keys, `plain` are fields that have no key. A key may be followed by
/// `range(LOW, HIGH)`, `zero("what 0 stands for")` and `needs(NEED, ...)`, in this order.
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(keys { $(
                $(#[doc = $doc:literal])+
                $key:literal $field:ident: $type:ty = $default:expr
                $(, range($low:expr, $high:expr))? $(, zero($zero:literal))? $(, needs($($need:expr),+))?;
            )+ })?
            $(shared { $(
                $(#[doc = $shared_doc:literal])+
                $shared:ident: $shared_type:ty $(= $shared_default:expr)?;
            )+ })?
            $(plain { $(
                $(#[doc = $plain_doc:literal])+
                $plain:ident: $plain_type:ty = $plain_default:expr;
            )+ })?
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($( $(#[doc = $doc])+ pub $field: $type, )+)?
            $($( $(#[doc = $shared_doc])+ pub $shared: $shared_type, )+)?
            $($( $(#[doc = $plain_doc])+ pub $plain: $plain_type, )+)?
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    $($( $field: $default, )+)?
                    $($( $shared: $crate::params!(@default $($shared_default)?), )+)?
                    $($( $plain: $plain_default, )+)?
                }
            }
        }

        impl $name {
            $($(
                #[allow(non_upper_case_globals, reason = "named as the field")]
                const $field: $crate::settings::Key = $crate::settings::Key {
                    name: $key,
                    meaning: concat!($($doc, "\n"),+),
                    range: $crate::params!(@range $($low, $high)?),
                    zero: $crate::params!(@zero $($zero)?),
                    needs: &[$($($need),+)?],
                    kind: |key| key.words::<$type>($default),
                };
            )+)?
        }

        impl $crate::settings::Params for $name {
            fn keys() -> ::std::vec::Vec<$crate::settings::Key> {
                #[allow(unused_mut, reason = "without shared parts")]
                let mut keys: ::std::vec::Vec<$crate::settings::Key> = vec![$($(Self::$field),+)?];
                $($(
                    for key in <$shared_type as $crate::settings::Params>::keys() {
                        if !keys.iter().any(|known| known.name == key.name) {
                            keys.push(key);
                        }
                    }
                )+)?
                keys
            }

            fn value_of(&self, key: &str) -> ::std::option::Option<$crate::settings::Value> {
                match key {
                    $($( $key => return Some($crate::settings::Setting::to_value(&self.$field)), )+)?
                    _ => {}
                }
                $($(
                    let found = $crate::settings::Params::value_of(&self.$shared, key);
                    if found.is_some() {
                        return found;
                    }
                )+)?
                None
            }

            fn set(
                &mut self,
                key: &str,
                input: $crate::settings::Input<'_>,
            ) -> ::std::result::Result<bool, $crate::settings::SettingError> {
                #[allow(unused_mut, reason = "without shared parts")]
                let mut known = match key {
                    $($( $key => {
                        self.$field = Self::$field.read(input)?;
                        true
                    } )+)?
                    _ => false,
                };
                $($( known |= $crate::settings::Params::set(&mut self.$shared, key, input)?; )+)?
                Ok(known)
            }

            fn check_ranges(&self) -> ::std::result::Result<(), $crate::settings::SettingError> {
                $($( Self::$field.check(&self.$field)?; )+)?
                $($( $crate::settings::Params::check_ranges(&self.$shared)?; )+)?
                Ok(())
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    (@range) => { None };
    (@range $low:expr, $high:expr) => { Some(($low as f64, $high as f64)) };
    (@zero) => { None };
    (@zero $zero:literal) => { Some($zero) };
}

params! {
    /// How a scanner's output becomes a flag; agreement and features share it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct FlagParams {
        keys {
            /// The reading of a scanner's output as a flag: `status`, the paper's rule, asks
            /// whether its status is suspicious or malicious; `label` takes the exporter's label;
            /// `any-output` takes every output at all.
            "flags.rule" rule: FlagRule = FlagRule::Status;
            /// A missing flag is a "no" (`negative`), or its row takes no part where the flag is
            /// needed (`exclude`).
            "flags.missing" missing: MissingPolicy = MissingPolicy::Negative;
        }
    }
}

params! {
    /// The seed that agreement, train and evaluate share.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct SeedParams {
        keys {
            /// The seed of everything random except the draw of training rows.
            "run.seed" seed: u64 = 42, range(0, MOST_EXACT);
        }
    }
}

#[cfg(test)]
mod tests;
