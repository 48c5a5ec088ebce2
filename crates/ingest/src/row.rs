//! A row between its file and its Parquet columns, its texts borrowed where they can be.

use std::borrow::Cow;

use clawsig_schema::{BundleStats, ExtensionCount, Split, Verdict, split_of_hash};
use sha2::{Digest, Sha256};

use crate::reject::{Fault, RejectReason};

/// A row whose values have the right types. What is judged later, or not by every source, is still
/// as it was found: `verdict` and `split` are texts.
#[derive(Debug, Default)]
pub(crate) struct Row<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) slug: Option<Cow<'a, str>>,
    pub(crate) version: Cow<'a, str>,
    pub(crate) text: Option<Cow<'a, str>>,
    pub(crate) bundle: BundleStats,
    pub(crate) verdict: Cow<'a, str>,
    pub(crate) confidence: Option<Cow<'a, str>>,
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) summary: Option<Cow<'a, str>>,
    pub(crate) static_status: Option<Cow<'a, str>>,
    pub(crate) finding_count: u32,
    pub(crate) reason_codes: Vec<Cow<'a, str>>,
    pub(crate) virustotal_status: Option<Cow<'a, str>>,
    pub(crate) engines: [Option<u32>; 4],
    pub(crate) skillspector_status: Option<Cow<'a, str>>,
    pub(crate) score: Option<f64>,
    pub(crate) severity: Option<Cow<'a, str>>,
    pub(crate) issue_count: u32,
    pub(crate) issue_codes: Vec<Cow<'a, str>>,
    pub(crate) issue_categories: Vec<Cow<'a, str>>,
    pub(crate) context: Context<'a>,
    pub(crate) split: Option<Cow<'a, str>>,
    /// Names of columns outside the schema.
    pub(crate) unknown: Vec<String>,
    /// Bit `i` says that column `i` of the schema was present.
    pub(crate) seen: u32,
}

/// What is kept of `clawscan_context`.
#[derive(Debug, Default)]
pub(crate) struct Context<'a> {
    pub(crate) has_output: [bool; 3],
    pub(crate) virustotal_verdict: Option<Cow<'a, str>>,
    pub(crate) skillspector_verdict: Option<Cow<'a, str>>,
    pub(crate) skillspector_recommendation: Option<Cow<'a, str>>,
}

/// What follows from a row's own texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// `None` for `unknown`.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) split: Split,
    /// The row names another split than its file.
    pub(crate) disagrees: bool,
    /// The split is not the exporter's for this id.
    pub(crate) off_rule: bool,
    /// The first 128 bits of SHA-256 of the id: it stands for the id wherever rows are compared.
    pub(crate) key: u128,
}

impl Row<'_> {
    /// Reads verdict and split. A file that names its split decides over the row.
    pub(crate) fn judge(&self, of_file: Option<Split>) -> Result<Judged, Fault> {
        if self.id.is_empty() {
            return Err(Fault::new(RejectReason::WrongType, "column `id`: is empty"));
        }
        let verdict = if self.verdict.eq_ignore_ascii_case("unknown") {
            None
        } else {
            Some(
                self.verdict
                    .parse::<Verdict>()
                    .map_err(|error| Fault::new(RejectReason::UnknownVerdict, error.to_string()))?,
            )
        };
        let digest = Sha256::digest(self.id.as_bytes());
        let head: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let by_rule = split_of_hash(&head).unwrap_or(Split::Train);
        let stated = match self.split.as_deref() {
            None | Some("latest") => None,
            Some(text) => match (text.parse::<Split>(), of_file) {
                (Ok(split), _) => Some(split),
                (Err(_), Some(_)) => None,
                (Err(error), None) => {
                    return Err(Fault::new(RejectReason::UnknownSplit, error.to_string()));
                }
            },
        };
        let split = of_file.or(stated).unwrap_or(by_rule);
        let disagrees = of_file.is_some() && self.split.is_some() && stated != of_file;
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Ok(Judged {
            verdict,
            split,
            disagrees,
            off_rule: split != by_rule,
            key: u128::from_be_bytes(key),
        })
    }
}

/// Gathers a bundle's figures, file by file.
#[derive(Debug, Default)]
pub(crate) struct BundleTally<'a> {
    stats: BundleStats,
    paths: Vec<Cow<'a, str>>,
}

impl<'a> BundleTally<'a> {
    pub(crate) fn add(&mut self, path: Cow<'a, str>, bytes: u64) {
        self.stats.files = self.stats.files.saturating_add(1);
        self.stats.bytes = self.stats.bytes.saturating_add(bytes);
        self.stats.unsafe_paths += u32::from(is_unsafe(&path));
        let extension = extension(&path);
        match self.stats.extensions.iter_mut().find(|e| e.extension == extension) {
            Some(entry) => entry.files += 1,
            None => self.stats.extensions.push(ExtensionCount { extension, files: 1 }),
        }
        self.paths.push(path);
    }

    pub(crate) fn finish(mut self) -> BundleStats {
        self.paths.sort_unstable();
        let repeats = self.paths.windows(2).filter(|pair| pair[0] == pair[1]).count();
        self.stats.duplicate_paths = u32::try_from(repeats).unwrap_or(u32::MAX);
        self.stats.extensions.sort();
        self.stats
    }
}

/// Whether unpacking a path could leave its folder: absolute, a drive, `..`, NUL, backslash, empty.
fn is_unsafe(path: &str) -> bool {
    path.is_empty()
        || path.starts_with('/')
        || path.contains(['\0', '\\'])
        || path.as_bytes().get(1) == Some(&b':')
        || path.split('/').any(|part| part == "..")
}

/// The lower-cased extension: what follows the last dot of the file's name, unless that dot is the
/// first character or more than 16 bytes follow.
fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => {
            let lower = extension.to_lowercase();
            if lower.len() <= 16 { lower } else { String::new() }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_counted_without_their_contents() {
        let mut tally = BundleTally::default();
        for (path, bytes) in
            [("a/b.PY", 3), ("a/b.PY", 4), ("../x", 1), (".env", 1), ("C:\\y.md", 0), ("", 0)]
        {
            tally.add(path.into(), bytes);
        }
        let stats = tally.finish();
        assert_eq!((stats.files, stats.bytes), (6, 9));
        assert_eq!((stats.duplicate_paths, stats.unsafe_paths), (1, 3));
        let kinds: Vec<_> =
            stats.extensions.iter().map(|e| (e.extension.as_str(), e.files)).collect();
        assert_eq!(kinds, [("", 3), ("md", 1), ("py", 2)]);
    }

    #[test]
    fn a_row_without_a_split_follows_the_exporters_rule() {
        let id = "b387a014c3c25bb0c47311035ba5908d07096bdc139255086cf1f0245726cfbc";
        let row = |split: Option<&'static str>| Row {
            id: id.into(),
            verdict: "clean".into(),
            split: split.map(Cow::from),
            ..Row::default()
        };
        let rule = row(None).judge(None).unwrap();
        assert!(!rule.off_rule);
        assert_eq!(row(Some("latest")).judge(None).unwrap().split, rule.split);
        assert!(row(Some("other")).judge(None).is_err());
        let train = row(Some("test")).judge(Some(Split::Train)).unwrap();
        assert_eq!((train.split, train.disagrees), (Split::Train, true));
    }
}
