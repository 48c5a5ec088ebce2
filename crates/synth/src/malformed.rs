//! A small file of rows with faults, for testing readers.

use clawsig_schema::Split;

use crate::{Synth, SynthError, SynthParams, json::push_json_line};

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The line is cut in the middle of a string.
    BadJson,
    /// The line is JSON but not an object.
    NotAnObject,
    /// The named column holds a value of another JSON type.
    WrongType(&'static str),
    /// `null` in a column that must have a value.
    Null(&'static str),
    /// The split is none of the four.
    UnknownSplit,
    /// The id of an earlier sound line.
    DuplicateId,
    /// A byte that no UTF-8 text holds.
    InvalidUtf8,
    /// A required column is absent.
    MissingColumn(&'static str),
    /// The score is above 100.
    ScoreOutOfRange,
    /// The line is longer than the limit that was asked for.
    Oversized,
}

/// One line of the file, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Byte offset of its first byte.
    pub offset: u64,
    /// Its number, counted from 1.
    pub number: u64,
    /// What is wrong with it; `None` for a line that a reader must take.
    pub fault: Option<Fault>,
    /// Whether it has a column that the schema does not know, which is no fault.
    pub extra_column: bool,
}

/// A file and what is known of each of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// Makes the file: each fault between two sound lines, the same bytes for the same `seed` and
/// `row_limit`. The oversized line is `row_limit` bytes and a little more; every other line is
/// shorter than 64 KiB, so a limit of at least that tells them apart. All rows say that they are
/// of the split `train`.
///
/// # Errors
/// Never in practice; [`SynthError::Param`] would mean that the built-in parameters are wrong.
pub fn malformed(seed: u64, row_limit: usize) -> Result<Malformed, SynthError> {
    use Fault::*;
    let params = SynthParams { seed, mean_text_chars: 300, bundles: 0.0, ..SynthParams::sample() };
    let synth = Synth::new(params.check()?);
    let mut file = Malformed { bytes: Vec::new(), lines: Vec::new() };
    let faults = [
        BadJson,
        NotAnObject,
        WrongType("id"),
        WrongType("static_finding_count"),
        WrongType("skillspector_issue_codes"),
        WrongType("clawscan_context"),
        Null("skill_version"),
        UnknownSplit,
        DuplicateId,
        InvalidUtf8,
        MissingColumn("clawscan_verdict"),
        ScoreOutOfRange,
        Oversized,
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        let index = 2 * i as u64;
        file.push(&json(&synth, index), None, false);
        let line = spoil(&json(&synth, index + 1), fault, &synth.id(0), row_limit);
        file.push(&line, Some(fault), false);
    }
    let last = String::from_utf8_lossy(&json(&synth, 2 * faults.len() as u64)).into_owned();
    file.push(last.replacen('{', "{\"registry_note\":\"synthetic\",", 1).as_bytes(), None, true);
    Ok(file)
}

impl Malformed {
    fn push(&mut self, line: &[u8], fault: Option<Fault>, extra_column: bool) {
        let offset = self.bytes.len() as u64;
        let number = self.lines.len() as u64 + 1;
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.lines.push(Line { offset, number, fault, extra_column });
    }
}

/// A sound row without its newline.
fn json(synth: &Synth, index: u64) -> Vec<u8> {
    let mut row = synth.row(index);
    row.split = Split::Train.as_str().to_owned();
    row.skill_md_content = Some(format!("# Row {index} of a synthetic file"));
    row.skillspector_score = Some(7.0);
    let mut line = Vec::new();
    push_json_line(&row, &mut line);
    line.pop();
    line
}

fn spoil(line: &[u8], fault: Fault, earlier_id: &str, row_limit: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    let swap = |column: &str, value: &str| replace_value(&text, column, value).into_bytes();
    match fault {
        Fault::BadJson => line[..40.min(line.len())].to_vec(),
        Fault::NotAnObject => b"[1,2,3]".to_vec(),
        Fault::WrongType(column @ "id") => swap(column, "12"),
        Fault::WrongType(column @ "static_finding_count") => swap(column, "\"many\""),
        Fault::WrongType(column @ "clawscan_context") => swap(column, "[]"),
        Fault::WrongType(column) => swap(column, "{\"a\":1}"),
        Fault::Null(column) => swap(column, "null"),
        Fault::UnknownSplit => swap("split", "\"dev\""),
        Fault::DuplicateId => swap("id", &format!("\"{earlier_id}\"")),
        Fault::InvalidUtf8 => {
            let mut bytes = swap("skill_md_content", "\"a?b\"");
            if let Some(at) = bytes.windows(5).position(|part| part == b"\"a?b\"") {
                bytes[at + 2] = 0xff;
            }
            bytes
        }
        Fault::MissingColumn(column) => {
            text.replacen(&format!("\"{column}\":"), "\"other\":", 1).into_bytes()
        }
        Fault::ScoreOutOfRange => swap("skillspector_score", "100.5"),
        Fault::Oversized => swap("skill_md_content", &format!("\"{}\"", "x".repeat(row_limit))),
    }
}

/// Replaces the value of a top-level column in a line made by this crate: the value ends where
/// the next column's key begins, or at the closing brace.
fn replace_value(line: &str, column: &str, value: &str) -> String {
    let columns = clawsig_schema::column::Column::ALL;
    let start_of = |name: &str| line.rfind(&format!("\"{name}\":")).unwrap_or(line.len() - 1);
    let at = columns.iter().position(|c| c.name() == column).unwrap_or(0);
    let start = if at == 0 { 1 } else { start_of(column) };
    let end = columns.get(at + 1).map_or(line.len() - 1, |next| start_of(next.name()) - 1);
    format!("{}\"{column}\":{value}{}", &line[..start], &line[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn each_line_has_its_fault_and_no_other() {
        let limit = 100_000;
        let file = malformed(3, limit).unwrap();
        assert_eq!(file, malformed(3, limit).unwrap());
        let mut ids = std::collections::HashSet::new();
        let mut offset = 0;
        for (bytes, line) in file.bytes.split(|&b| b == b'\n').zip(&file.lines) {
            assert_eq!(line.offset, offset);
            offset += bytes.len() as u64 + 1;
            assert_eq!(bytes.len() > limit, line.fault == Some(Fault::Oversized));
            assert!(bytes.len() < 65_536 || bytes.len() > limit);
            let utf8 = std::str::from_utf8(bytes).is_ok();
            assert_eq!(!utf8, line.fault == Some(Fault::InvalidUtf8));
            let parsed = serde_json::from_slice::<Value>(bytes);
            let broken = [Some(Fault::BadJson), Some(Fault::InvalidUtf8)];
            assert_eq!(parsed.is_err(), broken.contains(&line.fault), "{line:?}");
            let Ok(row) = parsed else { continue };
            let text = |column: &str| row[column].as_str().map(str::to_owned);
            match line.fault {
                None => {
                    let keys = row.as_object().unwrap().len();
                    assert_eq!(keys, 25 + usize::from(line.extra_column), "{line:?}");
                    assert!(ids.insert(text("id").unwrap()));
                }
                Some(Fault::NotAnObject) => assert!(!row.is_object()),
                Some(Fault::WrongType(column)) => {
                    let sound = serde_json::from_slice::<Value>(
                        file.bytes.split(|&b| b == b'\n').next().unwrap(),
                    );
                    let sound = sound.unwrap()[column].clone();
                    assert_ne!(
                        std::mem::discriminant(&sound),
                        std::mem::discriminant(&row[column])
                    );
                    assert!(!row[column].is_null());
                }
                Some(Fault::Null(column)) => assert_eq!(row.get(column), Some(&Value::Null)),
                Some(Fault::UnknownSplit) => assert_eq!(text("split").unwrap(), "dev"),
                Some(Fault::DuplicateId) => assert!(ids.contains(&text("id").unwrap())),
                Some(Fault::MissingColumn(column)) => assert!(row.get(column).is_none()),
                Some(Fault::ScoreOutOfRange) => assert_eq!(row["skillspector_score"], 100.5),
                Some(Fault::Oversized | Fault::BadJson | Fault::InvalidUtf8) => {}
            }
        }
        assert_eq!(offset, file.bytes.len() as u64);
    }
}
