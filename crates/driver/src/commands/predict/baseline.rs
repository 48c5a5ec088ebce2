//! `--baseline`: skills that somebody has reviewed, known by the hash of their content.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use clawsig_schema::hostile::printable;
use serde::{Deserialize, Serialize};
use toml::value::Datetime;

use crate::{Error, settings::no_toml, terminal};

/// A file of reviews.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineFile {
    #[serde(default)]
    reviewed: Vec<BaselineEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineEntry {
    sha256: String,
    reason: String,
    owner: String,
    expires: Datetime,
}

/// What a review says of a skill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Review {
    /// Why the skill may pass.
    pub(super) reason: String,
    /// Who answers for it.
    pub(super) owner: String,
    /// The last day on which it holds, in UTC.
    pub(super) expires: String,
    /// Whether that day is over: the skill counts again.
    pub(super) expired: bool,
}

impl Review {
    /// The review in words.
    pub(super) fn in_words(&self) -> String {
        let (reason, owner) = (printable(&self.reason, 200), printable(&self.owner, 60));
        let held = if self.expired { "expired on" } else { "until" };
        format!("reviewed by {owner} {held} {}: {reason}", self.expires)
    }
}

/// The reviews of a file, and which of them were of use.
#[derive(Default)]
pub(super) struct Baseline {
    path: PathBuf,
    reviews: HashMap<String, Review>,
    met: HashSet<String>,
}

impl Baseline {
    /// Reads a file and holds it against today's date.
    pub(super) fn read(path: &Path) -> Result<Baseline, Error> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Baseline::parse(path, &text, now.get(..10).unwrap_or_default())
    }

    fn parse(path: &Path, text: &str, today: &str) -> Result<Baseline, Error> {
        let wrong = |reason: String| {
            Error::Usage(format!(
                "--baseline {}: {reason}; each [[reviewed]] has sha256, reason, owner and expires, \
                 for example expires = 2027-01-31",
                path.display()
            ))
        };
        let file: BaselineFile = toml::from_str(text).map_err(|e| wrong(no_toml(text, &e)))?;
        let mut reviews = HashMap::new();
        for (at, entry) in file.reviewed.into_iter().enumerate() {
            let wrong = |what: &str| wrong(format!("entry {}: {what}", at + 1));
            let sha256 = entry.sha256.to_ascii_lowercase();
            if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(wrong("sha256 is no hash of 64 hexadecimal digits"));
            }
            if entry.reason.trim().is_empty() || entry.owner.trim().is_empty() {
                return Err(wrong("reason or owner is empty"));
            }
            let Some(date) = entry.expires.date else {
                return Err(wrong("expires has no date"));
            };
            let expires = date.to_string();
            // Dates as text, year first, have the order of time.
            let expired = expires.as_str() < today;
            let review = Review { reason: entry.reason, owner: entry.owner, expires, expired };
            if reviews.insert(sha256, review).is_some() {
                return Err(wrong("its sha256 stands in an entry before it"));
            }
        }
        Ok(Baseline { path: path.to_owned(), reviews, met: HashSet::new() })
    }

    /// The review of a skill.
    pub(super) fn of(&mut self, sha256: &str) -> Option<&Review> {
        let review = self.reviews.get(sha256)?;
        self.met.insert(sha256.to_owned());
        Some(review)
    }

    /// Tells of entries that no skill has, which a changed skill leaves behind.
    pub(super) fn say(&self) {
        let left = self.reviews.len() - self.met.len();
        if left > 0 {
            terminal::say(&format!(
                "{}: {} of no skill that was scored",
                self.path.display(),
                if left == 1 { "1 entry".to_owned() } else { format!("{left} entries") }
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Baseline, Error> {
        Baseline::parse(Path::new("b.toml"), text, "2026-11-26")
    }

    fn entry(expires: &str) -> String {
        let hash = "a".repeat(64);
        format!(
            "[[reviewed]]\nsha256 = \"{hash}\"\nreason = \"r\"\nowner = \"o\"\nexpires = {expires}\n"
        )
    }

    #[test]
    fn a_review_holds_through_its_last_day() {
        let hash = "a".repeat(64);
        for (expires, expired) in
            [("2026-11-25", true), ("2026-11-26", false), ("2027-01-01", false)]
        {
            let mut found = parse(&entry(expires)).unwrap();
            let review = found.of(&hash).unwrap();
            assert_eq!((review.expired, review.expires.as_str()), (expired, expires));
            assert_eq!(found.of(&"b".repeat(64)), None);
        }
    }

    #[test]
    fn what_is_no_review_is_refused_with_its_place() {
        for (text, part) in [
            (entry("2027-01-01").replace("\"r\"", "\" \""), "entry 1: reason or owner"),
            (entry("2027-01-01").replace("aaaa", "xyz"), "entry 1: sha256"),
            (entry("2027-01-01").repeat(2), "entry 2: its sha256"),
            (entry("10:00:00"), "expires has no date"),
            (entry("\"soon\""), "line 5, `expires = \"soon\"`: "),
            (entry("2027-01-01") + "more = 1\n", "line 6, `more = 1`: `more` is no known name"),
            ("hello".to_owned(), "line 1, `hello`: is no TOML; expected `key = value`"),
        ] {
            let Err(error) = parse(&text) else { panic!("{text}") };
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(parse("").is_ok());
    }
}
