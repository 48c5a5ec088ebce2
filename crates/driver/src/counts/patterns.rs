//! Counts of patterns of any raters: CSV or JSON lines.

use std::{collections::BTreeMap, fs::File, path::Path};

use clawsig_schema::{hostile::printable, unread};
use clawsig_study::PatternCounts;
use serde_json::Value;

use super::each_line;
use crate::Error;

const PATTERN: &str = "pattern";
const COUNT: &str = "count";
/// The pattern of rows that no rater flags.
const NONE: &str = "none";

const EXPECTED: &str =
    "expected the columns `pattern` and `count`, or one column of 0 and 1 a rater and `count`";

/// One line: its cells by column, in the order of the columns.
type Cells = Vec<(String, String)>;

/// Reads the file.
pub(super) fn read(path: &Path, is_json: bool) -> Result<PatternCounts, Error> {
    let wrong = |reason: String| Error::Artifact { path: path.to_owned(), reason };
    let lines = if is_json { json(path)? } else { csv(path)? };
    counts(lines).map_err(wrong)
}

/// The patterns of numbered lines.
fn counts(lines: Vec<(u64, Cells)>) -> Result<PatternCounts, String> {
    let columns: Vec<String> =
        lines.first().map_or(Vec::new(), |(_, cells)| cells.iter().map(|c| c.0.clone()).collect());
    if !columns.iter().any(|column| column == COUNT) {
        return Err(format!("there is no column `{COUNT}`; {EXPECTED}"));
    }
    let named = columns.iter().any(|column| column == PATTERN);
    if named && columns.len() != 2 {
        let other = columns.iter().find(|c| !matches!(c.as_str(), PATTERN | COUNT));
        return Err(format!(
            "the column `{}` stands beside `{PATTERN}`; {EXPECTED}",
            printable(other.map_or("", String::as_str), 80)
        ));
    }
    let raters = if named {
        let mut raters: Vec<String> = Vec::new();
        for (_, cells) in &lines {
            for name in flagging(cells) {
                if !raters.contains(&name) {
                    raters.push(name);
                }
            }
        }
        raters
    } else {
        columns.into_iter().filter(|column| column != COUNT).collect()
    };
    let mut patterns = Vec::new();
    for (number, cells) in &lines {
        let fail = |reason: String| format!("line {number}: {reason}");
        let cell =
            |name: &str| cells.iter().find(|(column, _)| column == name).map(|c| c.1.as_str());
        let count = cell(COUNT).unwrap_or_default();
        let count: u64 = count.trim().parse().map_err(|_| {
            fail(format!("`{}` is no count of rows (a whole number)", printable(count, 40)))
        })?;
        let pattern = if named {
            let flagging = flagging(cells);
            if flagging.iter().any(String::is_empty) {
                let text = printable(cell(PATTERN).unwrap_or_default(), 80);
                return Err(fail(format!(
                    "`{text}` is no pattern: join the names of the raters that flag by `+`, or write `{NONE}`"
                )));
            }
            raters.iter().map(|rater| Some(flagging.contains(rater))).collect()
        } else {
            let mut pattern = Vec::with_capacity(raters.len());
            for rater in &raters {
                let text = cell(rater).unwrap_or_default().trim();
                pattern.push(match text.to_ascii_lowercase().as_str() {
                    "1" | "true" => Some(true),
                    "0" | "false" => Some(false),
                    "" | "null" | "na" => None,
                    _ => {
                        let shown = [printable(text, 40), printable(rater, 40)];
                        return Err(fail(format!(
                            "`{}` in the column `{}` is not 0, 1 or empty",
                            shown[0], shown[1]
                        )));
                    }
                });
            }
            pattern
        };
        patterns.push((pattern, count));
    }
    let nobody = vec![Some(false); raters.len()];
    if !patterns.iter().any(|(pattern, _)| *pattern == nobody) {
        return Err(format!(
            "there is no count of the rows that no rater flags, which chance-corrected agreement needs; add the pattern \
             `{}` with its count, 0 if there are none",
            if named { NONE } else { "0 in every column" }
        ));
    }
    PatternCounts::new(raters, patterns).map_err(|e| e.to_string())
}

/// The raters that a named pattern says flag; an empty name where it is none.
fn flagging(cells: &Cells) -> Vec<String> {
    let pattern = cells.iter().find(|(column, _)| column == PATTERN).map_or("", |c| c.1.as_str());
    if pattern.trim().eq_ignore_ascii_case(NONE) {
        return Vec::new();
    }
    let names = pattern.split('+').map(|name| match name.trim() {
        name if name.eq_ignore_ascii_case(NONE) => String::new(),
        name => printable(name, 80),
    });
    names.collect()
}

fn csv(path: &Path) -> Result<Vec<(u64, Cells)>, Error> {
    let wrong = |reason: String| Error::Artifact { path: path.to_owned(), reason };
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(file);
    let header =
        reader.headers().map_err(|e| wrong(format!("{}; {EXPECTED}", unread::csv(&e))))?.clone();
    let names: Vec<String> = (header.iter().enumerate())
        .map(|(at, name)| if at == 0 { name.trim_start_matches('\u{feff}') } else { name })
        .map(|name| printable(name, 80))
        .collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(wrong(format!("the column `{name}` occurs twice")));
        }
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| wrong(unread::csv(&e)))?;
        let number = record.position().map_or(0, csv::Position::line);
        let cells = names.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        lines.push((number, cells));
    }
    if lines.is_empty() {
        return Err(wrong(format!("holds no counts below its header; {EXPECTED}")));
    }
    Ok(lines)
}

fn json(path: &Path) -> Result<Vec<(u64, Cells)>, Error> {
    let mut lines: Vec<(u64, Cells)> = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    each_line(path, "", |number, text| {
        let line: BTreeMap<String, Value> = serde_json::from_slice(text)
            .map_err(|e| format!("{}; {EXPECTED}", unread::json(&e)))?;
        if columns.is_empty() {
            columns = line.keys().cloned().collect();
        }
        if let Some(other) = line.keys().find(|key| !columns.contains(key)) {
            return Err(format!(
                "the key `{}` is not in the first line; give every rater in every line, null where it has no rating",
                printable(other, 80)
            ));
        }
        let cells = columns.iter().map(|name| Ok((name.clone(), json_cell(line.get(name))?)));
        lines.push((number, cells.collect::<Result<_, String>>()?));
        Ok(())
    })?;
    Ok(lines)
}

/// A value as the cell that CSV would hold.
fn json_cell(value: Option<&Value>) -> Result<String, String> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(names)) if names.is_empty() => Ok(NONE.to_owned()),
        Some(Value::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            let names = names.ok_or("a list holds something else than names of raters")?;
            Ok(names.join("+"))
        }
        Some(Value::Object(_)) => Err("an object inside the line".to_owned()),
        Some(other) => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(columns: &[&str], rows: &[&[&str]]) -> Vec<(u64, Cells)> {
        let cells = |row: &&[&str]| {
            columns.iter().zip(*row).map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect()
        };
        (2..).zip(rows.iter().map(cells)).collect()
    }

    #[test]
    fn names_and_columns_are_the_same_patterns() {
        let by_name = counts(lines(
            &["pattern", "count"],
            &[&["none", "5"], &["b", "1"], &["a + b", "2"], &["a", "3"]],
        ))
        .unwrap();
        assert_eq!(by_name.raters(), ["b", "a"]);
        let by_column = counts(lines(
            &["b", "a", "count"],
            &[&["0", "0", "5"], &["1", "0", "1"], &["1", "1", "2"], &["false", "TRUE", "3"]],
        ))
        .unwrap();
        assert_eq!(by_name, by_column);
    }

    #[test]
    fn a_file_that_lacks_something_says_what() {
        for (columns, rows, reason) in [
            (&["pattern", "count"][..], &[&["a", "1"][..], &["a+b", "1"]][..], "no rater flags"),
            (&["pattern", "n"], &[&["none", "1"]], "no column `count`"),
            (&["pattern", "who", "count"], &[&["none", "x", "1"]], "`who` stands beside"),
            (&["pattern", "count"], &[&["none", "-1"]], "line 2: `-1` is no count"),
            (&["pattern", "count"], &[&["none", "1"], &["a+none", "1"]], "line 3: `a+none`"),
            (&["pattern", "count"], &[&["none", "1"], &["a++b", "1"]], "line 3: `a++b`"),
            (&["pattern", "count"], &[&["none", "1"], &["a", "1"]], "1 raters"),
            (
                &["pattern", "count"],
                &[&["none", "1"], &["a+b", "1"], &["b+a", "1"]],
                "`a+b` is given twice",
            ),
            (&["a", "b", "count"], &[&["0", "2", "1"]], "line 2: `2` in the column `b`"),
            (&["a", "b", "count"], &[&["0", "0", "0"]], "every count is 0"),
            (&["a", "b", "count"], &[&["0", "0", "18446744073709551615"]], "more than 2^53 rows"),
        ] {
            let found = counts(lines(columns, rows)).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }
}
