//! The dataset lock: what the bytes of each known snapshot must be.

use serde::{Deserialize, Serialize};

use crate::{Split, Verdict, format::FormatVersion};

/// The format of `dataset.lock.json`.
///
/// - 1.0: snapshots with their revisions and files.
pub const LOCK_FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// Every snapshot that is known by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetLock {
    /// The format of this file.
    pub format: FormatVersion,
    /// The snapshots; the first is the default.
    pub snapshots: Vec<LockedSnapshot>,
}

/// One snapshot: the same files under one or more revisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSnapshot {
    /// A short name, for example `paper`.
    pub name: String,
    /// The repository on the Hub, `owner/name`.
    pub repo: String,
    /// Full commit hashes that hold these files; the first is the default.
    pub revisions: Vec<String>,
    /// The files, in the order of the splits.
    pub files: Vec<LockedFile>,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// The path inside the repository.
    pub path: String,
    /// The split it holds.
    pub split: Split,
    /// Rows, blank lines not counted.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Rows by verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; 3],
}

/// One way in which a file is not the locked one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockDifference {
    /// What differs, for example `bytes` or `rows with verdict clean`.
    pub what: String,
    /// The value in the lock.
    pub expected: String,
    /// The value of the file.
    pub found: String,
}

impl DatasetLock {
    /// The snapshot that holds a revision of a repository.
    pub fn find(&self, repo: &str, revision: &str) -> Option<&LockedSnapshot> {
        self.snapshots
            .iter()
            .find(|s| s.repo == repo && s.revisions.iter().any(|known| known == revision))
    }

    /// The default snapshot of a repository.
    pub fn default_of(&self, repo: &str) -> Option<&LockedSnapshot> {
        self.snapshots.iter().find(|s| s.repo == repo)
    }
}

impl LockedSnapshot {
    /// The file that holds a split.
    pub fn file(&self, split: Split) -> Option<&LockedFile> {
        self.files.iter().find(|file| file.split == split)
    }
}

impl LockedFile {
    /// Every figure in which `found` differs from this one, bytes first; empty for the locked
    /// file itself. The path and the split are not compared.
    pub fn differences(&self, found: &LockedFile) -> Vec<LockDifference> {
        let mut differences = Vec::new();
        let mut compare = |what: String, expected: String, found: String| {
            if expected != found {
                differences.push(LockDifference { what, expected, found });
            }
        };
        compare("bytes".into(), self.bytes.to_string(), found.bytes.to_string());
        compare("rows".into(), self.rows.to_string(), found.rows.to_string());
        for &verdict in Verdict::ALL {
            compare(
                format!("rows with verdict {verdict}"),
                self.verdicts[verdict.index()].to_string(),
                found.verdicts[verdict.index()].to_string(),
            );
        }
        compare("SHA-256".into(), self.sha256.clone(), found.sha256.clone());
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> LockedFile {
        LockedFile {
            path: "data/train.jsonl".to_owned(),
            split: Split::Train,
            rows: 3,
            bytes: 30,
            sha256: "ab".repeat(32),
            verdicts: [1, 1, 1],
        }
    }

    #[test]
    fn the_first_snapshot_of_a_repository_is_its_default() {
        let snapshot = |repo: &str, revision: &str| serde_json::json!({"name": "x", "repo": repo, "revisions": [revision], "files": []});
        let snapshots = [snapshot("a/x", "1"), snapshot("b/y", "2"), snapshot("b/y", "3")];
        let lock = serde_json::json!({"format": "1.0", "snapshots": snapshots});
        let lock: DatasetLock = serde_json::from_value(lock).unwrap();
        let revision = |found: Option<&LockedSnapshot>| found.map(|one| one.revisions[0].clone());
        assert_eq!(revision(lock.default_of("b/y")).as_deref(), Some("2"));
        assert_eq!(revision(lock.find("b/y", "3")).as_deref(), Some("3"));
        assert_eq!((lock.default_of("c/z"), lock.find("a/x", "2")), (None, None));
    }

    #[test]
    fn differences_name_what_was_expected_and_found() {
        assert!(file().differences(&file()).is_empty());
        let found = LockedFile { rows: 2, verdicts: [1, 0, 1], ..file() };
        let differences = file().differences(&found);
        let named: Vec<&str> = differences.iter().map(|d| d.what.as_str()).collect();
        assert_eq!(named, ["rows", "rows with verdict suspicious"]);
        assert_eq!((differences[1].expected.as_str(), differences[1].found.as_str()), ("1", "0"));
    }

    #[test]
    fn a_revision_finds_its_snapshot() {
        let lock = DatasetLock {
            format: LOCK_FORMAT,
            snapshots: vec![LockedSnapshot {
                name: "paper".to_owned(),
                repo: "a/b".to_owned(),
                revisions: vec!["1".repeat(40), "2".repeat(40)],
                files: vec![file()],
            }],
        };
        assert!(lock.find("a/b", &"2".repeat(40)).is_some());
        assert!(lock.find("a/b", "main").is_none());
        assert!(lock.find("a/c", &"2".repeat(40)).is_none());
    }
}
