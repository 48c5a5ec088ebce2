//! On which other key a key's effect depends.

use std::fmt;

use super::Value;

/// A condition on another key, without which a key has no effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// The other key.
    pub key: &'static str,
    /// What it has to be.
    pub is: Is,
}

/// What a [`Need`] asks of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Is {
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Any but this text.
    Not(&'static str),
    /// A list that holds at least one of these texts.
    Has(&'static [&'static str]),
    /// An empty list.
    Empty,
    /// A number other than 0, or a flag that is set.
    On,
}

impl Need {
    /// The condition on a key.
    pub const fn new(key: &'static str, is: Is) -> Need {
        Need { key, is }
    }
}

impl Is {
    /// Whether a value is what is asked.
    pub fn holds(self, value: &Value) -> bool {
        let text = value.as_text();
        match self {
            Is::OneOf(texts) => text.is_some_and(|text| texts.contains(&text)),
            Is::Not(other) => text != Some(other),
            Is::Has(texts) => match value {
                Value::List(values) => values
                    .iter()
                    .any(|value| value.as_text().is_some_and(|text| texts.contains(&text))),
                _ => false,
            },
            Is::Empty => *value == Value::List(Vec::new()),
            Is::On => *value != Value::Flag(false) && value.as_number() != Some(0.0),
        }
    }
}

/// In words: `source.kind is hub`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key;
        match self.is {
            Is::OneOf(texts) => write!(f, "{key} is {}", texts.join(" or ")),
            Is::Not(other) => write!(f, "{key} is not {other}"),
            Is::Has(texts) => write!(f, "{key} has {}", texts.join(" or ")),
            Is::Empty => write!(f, "{key} is empty ([])"),
            Is::On => write!(f, "{key} is not 0 or false"),
        }
    }
}
