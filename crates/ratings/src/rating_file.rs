//! CSV and JSON as one kind of table: named columns of optional texts.

use clawsig_schema::{hostile::printable, unread};
use serde_json::{Map, Value};

use crate::{Place, RatingsError};

/// The rows of one file. Numbers and truth values are written as text; a cell may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingFile {
    /// The file, as it was named.
    pub file: String,
    /// What rows are counted in: `line` or `row`.
    pub unit: &'static str,
    /// The columns' names.
    pub columns: Vec<String>,
    /// For each row its number in the file and one cell a column.
    pub rows: Vec<(u64, Vec<Option<String>>)>,
}

impl RatingFile {
    /// Reads delimited text with a header; an empty cell is absent.
    ///
    /// # Errors
    /// Text that is not UTF-8, a row of another length, a column named twice or not at all.
    pub fn csv(file: &str, bytes: &[u8], delimiter: u8) -> Result<RatingFile, RatingsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
        let header = reader.headers().map_err(|e| unreadable(file, &e))?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut sheet =
            RatingFile { file: file.to_owned(), unit: "line", columns, rows: Vec::new() };
        if let [only] = &sheet.columns[..]
            && only.contains([';', '\t'])
        {
            return Err(RatingsError::file(
                file,
                "the header has one column, though it holds `;` or tabs; separate columns by \
                     commas, or by tabs in a file named .tsv",
            ));
        }
        sheet.check_columns()?;
        for row in reader.records() {
            let row = row.map_err(|e| unreadable(file, &e))?;
            let line = row.position().map_or(0, csv::Position::line);
            let cells = row.iter().map(|cell| (!cell.is_empty()).then(|| cell.to_owned()));
            sheet.rows.push((line, cells.collect()));
        }
        Ok(sheet)
    }

    /// Reads one JSON object a line, or one array of objects; null is absent.
    ///
    /// # Errors
    /// What is no JSON object, and a value that is a list or an object.
    pub fn json(file: &str, bytes: &[u8]) -> Result<RatingFile, RatingsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let (unit, objects) = if start == Some(&b'[') {
            let objects: Vec<Map<String, Value>> = serde_json::from_slice(bytes).map_err(|e| {
                RatingsError::file(
                    file,
                    format!("{}; an array of objects is expected", unread::json(&e)),
                )
            })?;
            ("row", (1..).zip(objects).collect())
        } else {
            let mut objects = Vec::new();
            for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let place = Place { file: file.to_owned(), unit: "line", number };
                let object: Map<String, Value> = serde_json::from_slice(line).map_err(|e| {
                    RatingsError::row(
                        &place,
                        format!("{}; one JSON object a line is expected", unread::json(&e)),
                    )
                })?;
                objects.push((number, object));
            }
            ("line", objects)
        };
        RatingFile::of_objects(file, unit, objects)
    }

    /// Rows from objects whose values are texts, numbers, truth values or null.
    pub(crate) fn of_objects(
        file: &str,
        unit: &'static str,
        objects: Vec<(u64, Map<String, Value>)>,
    ) -> Result<RatingFile, RatingsError> {
        let mut columns: Vec<String> = Vec::new();
        for name in objects.iter().flat_map(|(_, object)| object.keys()) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let mut rows = Vec::with_capacity(objects.len());
        for (number, mut object) in objects {
            let cells = columns.iter().map(|name| match object.remove(name) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text)),
                Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
                Some(Value::Number(number)) => Ok(Some(plain_number(&number.to_string()))),
                Some(_) => Err(name),
            });
            // A nested value matters only in a column that is used: it is refused there.
            let cells = cells.map(|cell| cell.unwrap_or_else(|_| Some(NESTED.to_owned())));
            rows.push((number, cells.collect()));
        }
        let sheet = RatingFile { file: file.to_owned(), unit, columns, rows };
        sheet.check_columns()?;
        Ok(sheet)
    }

    fn check_columns(&self) -> Result<(), RatingsError> {
        for (at, name) in self.columns.iter().enumerate() {
            if self.columns[..at].contains(name) {
                let shown = printable(name, 60);
                return Err(RatingsError::file(
                    &self.file,
                    format!("two columns are named `{shown}`; rename one"),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn place(&self, number: u64) -> Place {
        Place { file: self.file.clone(), unit: self.unit, number }
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// Stands for a list or an object, which no column of ratings may hold.
pub(crate) const NESTED: &str = "\u{0}nested";

/// `1.0` as `1`, so that a number is the same label whatever wrote it.
fn plain_number(text: &str) -> String {
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text.to_owned(),
    }
}

fn unreadable(file: &str, error: &csv::Error) -> RatingsError {
    RatingsError::file(file, unread::csv(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_give_one_table() {
        let csv =
            RatingFile::csv("a.csv", "\u{feff}item,rating\nx,1\ny,\n".as_bytes(), b',').unwrap();
        let lines = RatingFile::json(
            "a.jsonl",
            b"{\"item\":\"x\",\"rating\":1.0}\n\n{\"item\":\"y\",\"rating\":null}\n",
        )
        .unwrap();
        let array =
            RatingFile::json("a.json", b" [{\"item\":\"x\",\"rating\":1},{\"item\":\"y\"}]")
                .unwrap();
        let cells =
            |sheet: &RatingFile| sheet.rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>();
        let expected = vec![vec![Some("x".into()), Some("1".into())], vec![Some("y".into()), None]];
        assert_eq!(cells(&csv), expected);
        assert_eq!(cells(&lines), expected);
        assert_eq!(cells(&array), expected);
        assert_eq!(lines.rows[1].0, 3, "the line in the file");
    }

    #[test]
    fn bad_tables_are_named_by_place() {
        let told = |found: Result<RatingFile, RatingsError>| found.unwrap_err().to_string();
        assert!(
            told(RatingFile::csv("f", b"a,b\n1\n", b',')).starts_with("f: line 2 has 1 cell where")
        );
        assert!(told(RatingFile::csv("f", b"a,b\n1,\xff\n", b',')).contains("line 2 is not UTF-8"));
        assert!(told(RatingFile::csv("f", b"a,a\n", b',')).contains("two columns are named `a`"));
        assert!(told(RatingFile::csv("f", b"a;b\n1;2\n", b',')).contains("commas"));
        assert!(told(RatingFile::json("f", b"{}\n[]\n")).starts_with("f, line 2: "));
        assert!(told(RatingFile::json("f", b"[1]")).starts_with("f: "));
    }
}
