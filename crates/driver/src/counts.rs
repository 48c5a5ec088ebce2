//! Files of counts: rows that someone else has counted, as patterns or by GROUP BY.

mod groups;
mod patterns;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use clawsig_schema::FlagRule;
use clawsig_study::PatternCounts;

pub(crate) use groups::Groups;

use crate::Error;

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// What a file of counts holds.
pub(crate) enum CountFile {
    /// Patterns of any raters.
    Patterns(PatternCounts),
    /// Groups of skills, as the queries of `clawsig export sql` count them.
    Groups(Groups),
}

/// Reads a file of counts of any form. `rule` is the rule that groups have to be countable by.
pub(crate) fn read(path: &Path, rule: FlagRule) -> Result<CountFile, Error> {
    let first = first_line(path)?;
    let is_json = first.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let is_group = is_json
        && serde_json::from_str::<serde_json::Value>(&first)
            .map_or(true, |line| line.get("row_count").is_some() || line.get("split").is_some());
    if is_group {
        groups::read(path, rule).map(CountFile::Groups)
    } else {
        patterns::read(path, is_json).map(CountFile::Patterns)
    }
}

/// Calls `each` with every line that is not blank, and its number. What it refuses is told with its
/// place, and with `hint` behind the reason.
fn each_line(
    path: &Path,
    hint: &str,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> Result<(), Error> {
    let mut reader = BufReader::new(File::open(path).map_err(Error::io("open", path))?);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let read = reader.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut text);
        if read.map_err(Error::io("read", path))? == 0 {
            break;
        }
        let took = if text.len() as u64 > MAX_LINE_BYTES {
            Err(format!("longer than {MAX_LINE_BYTES} bytes"))
        } else if text.iter().all(u8::is_ascii_whitespace) {
            Ok(())
        } else {
            each(number, &text)
        };
        took.map_err(|reason| Error::Artifact {
            path: path.to_owned(),
            reason: format!("line {number}: {reason}{hint}"),
        })?;
    }
    Ok(())
}

/// The first line that is not blank.
fn first_line(path: &Path) -> Result<String, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    for line in BufReader::new(file.take(MAX_LINE_BYTES)).lines() {
        let line = line.map_err(Error::io("read", path))?;
        if !line.trim().is_empty() {
            return Ok(line);
        }
    }
    Err(Error::Artifact {
        path: path.to_owned(),
        reason: "holds no counts; write CSV or JSON lines of pattern and count into it, or the result of \
                 counts.sql (`clawsig export sql`) as one JSON object a line"
            .to_owned(),
    })
}
