//! What a synthetic corpus is made from.

use crate::{
    SynthError,
    census::{MEAN_CHARS, MEAN_FILE_BYTES},
};

/// The parameters of a corpus. [`SynthParams::check`] turns them into [`ValidSynthParams`], which is
/// what [`crate::Synth`] takes.
///
/// The same parameters give the same bytes on every machine: see the crate's documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct SynthParams {
    /// Number of rows, at most 2⁴⁸. Default 67,453, the size of the study's snapshot.
    pub rows: u64,
    /// The seed. Corpora of different seeds share a language, not a row. Default 0.
    pub seed: u64,
    /// The mean of the length of SKILL.md in characters, 200 to 30,000. Lengths are log-normal
    /// (sigma 0.93: the shape of 1,257 public skills), cut at 120,000. Default 7,067, which gives
    /// clean and suspicious rows the published medians of 3,955 and 5,562.
    pub mean_text_chars: u32,
    /// The share of rows that are to copy an earlier row exactly, renamed or edited, 0 to 0.9; a
    /// row that has no earlier one of its kind stays an original. Default 0.08.
    pub near_duplicates: f64,
    /// The number of authors that rows are spread over, by a heavy-tailed law; 1 to 2³². Fewer
    /// of them occur. Default 22,000.
    pub owners: u64,
    /// The share of rows that carry a bundle, 0 to 1. Default 0.1965 (13,255 of 67,453 rows).
    pub bundles: f64,
    /// The mean size of one file in a bundle in bytes, 50 to 200,000; a bundle holds 4.4
    /// files on average. Default 4,766.
    pub mean_file_chars: u32,
    /// The share of texts whose prose is not English, 0 to 1. Default 0.1.
    pub other_languages: f64,
    /// Whether the newlines of SKILL.md are folded to spaces, as in the frozen snapshot; newer
    /// exports keep them. Default true.
    pub fold_newlines: bool,
    /// The share of rows whose free texts hold an attack on whoever shows them, 0 to 1: markup
    /// and script, terminal sequences, bidirectional controls, formulas, 10,000 characters.
    /// Default 0.
    pub hostile: f64,
}

impl Default for SynthParams {
    fn default() -> Self {
        SynthParams {
            rows: 67_453,
            seed: 0,
            mean_text_chars: MEAN_CHARS,
            near_duplicates: 0.08,
            owners: 22_000,
            bundles: 0.1965,
            mean_file_chars: MEAN_FILE_BYTES,
            other_languages: 0.1,
            fold_newlines: true,
            hostile: 0.0,
        }
    }
}

impl SynthParams {
    /// The corpus that is bundled with the project: 2,000 rows with shorter texts and small
    /// bundles, under 3 MB as zstd-compressed Parquet. Its seed is one whose few malicious rows
    /// reach every split.
    pub fn sample() -> Self {
        SynthParams {
            rows: 2_000,
            seed: SAMPLE_SEED,
            mean_text_chars: 2_600,
            owners: 700,
            mean_file_chars: 600,
            ..SynthParams::default()
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`SynthError::Param`] names the first parameter that is out of range.
    pub fn check(self) -> Result<ValidSynthParams, SynthError> {
        fn bad(name: &'static str, value: impl ToString, range: &'static str) -> SynthError {
            SynthError::Param { name, value: value.to_string(), range }
        }
        if self.rows > MAX_ROWS {
            return Err(bad("rows", self.rows, "at most 281474976710656"));
        }
        if !(200..=30_000).contains(&self.mean_text_chars) {
            return Err(bad("mean_text_chars", self.mean_text_chars, "200 to 30000"));
        }
        if !(0.0..=0.9).contains(&self.near_duplicates) {
            return Err(bad("near_duplicates", self.near_duplicates, "0 to 0.9"));
        }
        if !(1..=1 << 32).contains(&self.owners) {
            return Err(bad("owners", self.owners, "1 to 4294967296"));
        }
        if !(0.0..=1.0).contains(&self.bundles) {
            return Err(bad("bundles", self.bundles, "0 to 1"));
        }
        if !(50..=200_000).contains(&self.mean_file_chars) {
            return Err(bad("mean_file_chars", self.mean_file_chars, "50 to 200000"));
        }
        if !(0.0..=1.0).contains(&self.other_languages) {
            return Err(bad("other_languages", self.other_languages, "0 to 1"));
        }
        if !(0.0..=1.0).contains(&self.hostile) {
            return Err(bad("hostile", self.hostile, "0 to 1"));
        }
        Ok(ValidSynthParams(self))
    }
}

/// Checked parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidSynthParams(pub(crate) SynthParams);

impl ValidSynthParams {
    /// The parameters as they were given.
    pub fn params(&self) -> &SynthParams {
        &self.0
    }
}

/// Row numbers and the purpose of a random stream share 64 bits.
const MAX_ROWS: u64 = 1 << 48;

/// Found by trying seeds upward: the first of at least three malicious rows in train and one in each other split.
const SAMPLE_SEED: u64 = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_checked_and_named() {
        let base = SynthParams::default;
        let bad = [
            ("rows", SynthParams { rows: MAX_ROWS + 1, ..base() }),
            ("mean_text_chars", SynthParams { mean_text_chars: 199, ..base() }),
            ("near_duplicates", SynthParams { near_duplicates: f64::NAN, ..base() }),
            ("owners", SynthParams { owners: 0, ..base() }),
            ("bundles", SynthParams { bundles: 1.5, ..base() }),
            ("mean_file_chars", SynthParams { mean_file_chars: 0, ..base() }),
            ("other_languages", SynthParams { other_languages: -0.1, ..base() }),
            ("hostile", SynthParams { hostile: 1.1, ..base() }),
        ];
        for (expected, params) in bad {
            match params.check() {
                Err(SynthError::Param { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        assert!(base().check().is_ok());
        assert!(SynthParams::sample().check().is_ok());
        assert!(SynthParams { rows: 0, ..base() }.check().is_ok());
    }
}
