//! Versions of the files that cross stages.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A file's format, `major.minor`. A reader takes its own major, up to its own minor: structs
/// that deny unknown fields would misread a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Changes when an older reader would misread the file, or a newer one an older file.
    pub major: u16,
    /// Changes when something was added that a newer reader can do without.
    pub minor: u16,
}

/// Why a file of some format can't be read by this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatMismatch {
    /// Written by an older build; run the stage again.
    TooOld(FormatVersion),
    /// Written by a newer build; update clawsig.
    TooNew(FormatVersion),
}

impl FormatVersion {
    /// A version.
    pub const fn new(major: u16, minor: u16) -> FormatVersion {
        FormatVersion { major, minor }
    }

    /// Whether a reader of this version can read a file of version `found`.
    ///
    /// # Errors
    /// [`FormatMismatch`] for another major and for a newer minor.
    pub fn can_read(self, found: FormatVersion) -> Result<(), FormatMismatch> {
        match found.major.cmp(&self.major) {
            Ordering::Equal if found.minor <= self.minor => Ok(()),
            Ordering::Less => Err(FormatMismatch::TooOld(found)),
            Ordering::Equal | Ordering::Greater => Err(FormatMismatch::TooNew(found)),
        }
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for FormatMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatMismatch::TooOld(v) => {
                write!(f, "format {v} is older than this clawsig reads; run that stage again")
            }
            FormatMismatch::TooNew(v) => {
                write!(f, "format {v} is newer than this clawsig reads; update clawsig")
            }
        }
    }
}

impl std::error::Error for FormatMismatch {}

impl FromStr for FormatVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<FormatVersion, Self::Err> {
        const EXPECTED: &str = "expected `major.minor`";
        let (major, minor) = text.split_once('.').ok_or(EXPECTED)?;
        let number = |part: &str| part.parse().map_err(|_| EXPECTED);
        Ok(FormatVersion::new(number(major)?, number(minor)?))
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FormatVersion, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_takes_its_major_up_to_its_minor() {
        let reader = FormatVersion::new(2, 1);
        for (major, minor, expected) in [
            (2, 0, None),
            (2, 1, None),
            (2, 2, Some("newer")),
            (3, 0, Some("newer")),
            (1, 7, Some("older")),
        ] {
            let found = FormatVersion::new(major, minor);
            let error = reader.can_read(found).err().map(|mismatch| mismatch.to_string());
            let sentence = expected.map(|word| format!("format {found} is {word} than"));
            assert_eq!(error.is_some(), sentence.is_some(), "{found}");
            assert!(
                error.unwrap_or_default().starts_with(&sentence.unwrap_or_default()),
                "{found}"
            );
        }
    }

    #[test]
    fn the_text_form_reads_back() {
        assert_eq!("10.3".parse(), Ok(FormatVersion::new(10, 3)));
        assert_eq!(FormatVersion::new(10, 3).to_string(), "10.3");
        for bad in ["", "1", "1.", ".1", "1.2.3", "-1.0", "99999.0"] {
            assert!(bad.parse::<FormatVersion>().is_err(), "{bad}");
        }
    }
}
