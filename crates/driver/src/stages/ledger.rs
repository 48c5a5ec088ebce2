//! The ledger of the hold-out: every model that was evaluated on it, one JSON line each.
//!
//! It lies beside the stages, as `ledger.jsonl` in the run's folder, so that no stage that runs
//! again, forced or not, takes an entry away.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use clawsig_schema::{
    Split,
    evaluation::{EvaluationFile, LedgerEntry, MetricTable},
};
use clawsig_store::RunFolder;

use super::Stage;
use crate::{Error, files, terminal};

/// The ledger's name in a run's folder.
const LEDGER: &str = "ledger.jsonl";
/// The largest ledger that is read; an entry has a few kilobytes.
const LIMIT: u64 = 64 << 20;

/// The entries of a run, oldest first; none where there is no ledger.
pub(super) fn read(root: &Path) -> Result<Vec<LedgerEntry>, Error> {
    let path = root.join(LEDGER);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("open", &path)(e)),
    };
    let bad = |reason: String| Error::Artifact { path: path.clone(), reason };
    let mut text = String::new();
    file.take(LIMIT + 1).read_to_string(&mut text).map_err(Error::io("read", &path))?;
    if text.len() as u64 > LIMIT {
        return Err(bad(format!("larger than {LIMIT} bytes")));
    }
    text.lines()
        .enumerate()
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|e| {
                bad(format!(
                    "line {}: {e}; restore the file, it says which models have seen the hold-out",
                    at + 1
                ))
            })
        })
        .collect()
}

/// Enters the evaluated model, unless it is in the ledger already, and tells what this look means.
pub(super) fn record(run: &RunFolder, quiet: bool) -> Result<(), Error> {
    let evaluated = |name: &str| run.verified(Stage::Evaluate.as_str(), name);
    let file: EvaluationFile = files::read_json(&evaluated("evaluation.json")?)?;
    let mut metrics: MetricTable = files::read_json(&evaluated("metrics.json")?)?;
    let Some(metrics) = metrics.0.remove(Split::EvalHoldout.as_str()) else { return Ok(()) };
    let entries = read(run.root())?;
    let say = |text: &str| {
        if !quiet {
            terminal::say(text);
        }
    };
    if let Some(at) = entries.iter().position(|entry| entry.model_sha256 == file.model_sha256) {
        say(&format!(
            "eval_holdout: the same model as entry {} of {LEDGER}, so this is no new look",
            at + 1
        ));
        return Ok(());
    }
    let entry = LedgerEntry {
        time: utc(SystemTime::now()),
        model_sha256: file.model_sha256,
        earlier_uses: entries.len() as u64,
        other_model_before: !entries.is_empty(),
        metrics,
    };
    append(&run.root().join(LEDGER), &entry)?;
    if entry.other_model_before {
        // Quiet or not: whoever reads the figures has to know.
        terminal::say(&format!(
            "warning: eval_holdout was looked at before with {} other model{}: what is chosen by \
             it is no longer held out; recorded as entry {} of {LEDGER}",
            entry.earlier_uses,
            if entry.earlier_uses == 1 { "" } else { "s" },
            entry.earlier_uses + 1
        ));
    } else {
        say(&format!("eval_holdout: the first look, recorded in {LEDGER}"));
    }
    Ok(())
}

/// What a reader of the report has to know of the looks; nothing where there was none.
pub(super) fn sentence(entries: &[LedgerEntry]) -> Option<String> {
    let short = |entry: &LedgerEntry| entry.model_sha256.chars().take(12).collect::<String>();
    match entries {
        [] => None,
        [one] => Some(format!(
            "The hold-out was looked at once, with model {}: a change made after that look has \
             seen it.",
            short(one)
        )),
        many => Some(format!(
            "The hold-out was looked at with {} models, one after the other ({}): the later ones \
             may have been chosen by it, so its figures are no longer those of a hold-out.",
            many.len(),
            many.iter().map(short).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Adds a line; the file is replaced as a whole, so that no half line is left behind.
fn append(path: &Path, entry: &LedgerEntry) -> Result<(), Error> {
    let mut text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::io("read", path)(e)),
    };
    serde_json::to_writer(&mut text, entry)
        .map_err(|e| Error::Artifact { path: path.to_owned(), reason: e.to_string() })?;
    text.push(b'\n');
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(folder).map_err(Error::io("create a file in", folder))?;
    file.write_all(&text)
        .and_then(|()| file.as_file().sync_all())
        .map_err(Error::io("write", path))?;
    file.persist(path).map_err(|e| Error::io("write", path)(e.error))?;
    Ok(())
}

/// A time as RFC 3339 in UTC, to the second.
fn utc(time: SystemTime) -> String {
    // A clock before 1970 is told as 1970.
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!(
        "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        month + 1,
        days + 1,
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // GNU date 9.1: date -u -d @N +%FT%TZ
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_612_345, "2026-11-25T13:12:25Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
