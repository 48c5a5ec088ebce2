//! The exporter's split assignment, `sha256-v1`.

use std::fmt;

use crate::Split;

/// A key that does not begin with eight hex digits, so no split follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAHash;

impl fmt::Display for NotAHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("does not begin with eight hex digits")
    }
}

impl std::error::Error for NotAHash {}

/// The split of an artifact, from the SHA-256 (hex) of its key: the first eight digits over
/// `0xffffffff`, below 0.70 train, below 0.85 validation, below 0.95 test, else the hold-out.
///
/// `key_hash` is SHA-256(key) in hex, where the key is the artifact's own SHA-256 as text; this
/// crate hashes nothing, the caller does.
pub fn split_of_hash(key_hash: &str) -> Result<Split, NotAHash> {
    let head = key_hash.get(..8).ok_or(NotAHash)?;
    if !head.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(NotAHash);
    }
    let number = u32::from_str_radix(head, 16).map_err(|_| NotAHash)?;
    let share = f64::from(number) / f64::from(u32::MAX);
    Ok(match share {
        s if s < 0.70 => Split::Train,
        s if s < 0.85 => Split::Validation,
        s if s < 0.95 => Split::Test,
        _ => Split::EvalHoldout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuts_are_where_the_exporter_puts_them() {
        assert_eq!(split_of_hash("00000000ff"), Ok(Split::Train));
        assert_eq!(split_of_hash("b3333332"), Ok(Split::Train));
        assert_eq!(split_of_hash("b3333333"), Ok(Split::Validation));
        assert_eq!(split_of_hash("d9999998"), Ok(Split::Validation));
        assert_eq!(split_of_hash("d9999999"), Ok(Split::Test));
        assert_eq!(split_of_hash("f3333332"), Ok(Split::Test));
        assert_eq!(split_of_hash("f3333333"), Ok(Split::EvalHoldout));
        assert_eq!(split_of_hash("FFFFFFFF"), Ok(Split::EvalHoldout));
    }

    #[test]
    fn what_is_no_hash_gets_no_split() {
        for text in ["", "1234567", "+1234567", "zzzzzzzz", "1234567é"] {
            assert_eq!(split_of_hash(text), Err(NotAHash), "{text}");
        }
        assert_eq!(NotAHash.to_string(), "does not begin with eight hex digits");
    }
}
