//! Rows of other text forms as lines of JSON: the elements of an array, and the records of CSV.

use std::io::{self, BufRead, BufReader, Read};

use clawsig_schema::column::{Column, ColumnKind};

use crate::lines::Bytes;

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

/// The elements of one JSON array. They are told apart by brackets and quotes alone: whether an element is JSON is
/// seen when its line is read, so that a broken one is a rejected row.
pub(crate) struct Elements {
    bytes: BufReader<Bytes>,
    limit: usize,
    started: bool,
    ended: bool,
}

impl Elements {
    pub(crate) fn new(bytes: Bytes, limit: usize) -> Elements {
        let bytes = BufReader::with_capacity(1 << 16, bytes);
        Elements { bytes, limit, started: false, ended: false }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let next = self.bytes.fill_buf()?.first().copied();
        self.bytes.consume(1);
        next.ok_or_else(|| damaged("the JSON array has no end: the file was cut short"))
    }

    /// Appends the next element as a line; false at the array's end. Of an element beyond the limit only so much
    /// is appended that it is seen to be beyond it.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let start = line.len();
        let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
        loop {
            let byte = self.byte()?;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => {
                    if !std::mem::replace(&mut self.started, true) {
                        continue;
                    }
                    depth += 1;
                }
                b'}' | b']' if depth > 0 => depth -= 1,
                b',' if depth == 0 => break,
                b']' => {
                    self.ended = true;
                    self.check_end()?;
                    break;
                }
                _ if !self.started => continue,
                _ => {}
            }
            if line.len() <= start.saturating_add(self.limit) {
                // A line end between tokens is a blank, one in a string is no JSON and stays none.
                line.push(match byte {
                    b'\n' | b'\r' if quoted => 1,
                    b'\n' | b'\r' => b' ',
                    byte => byte,
                });
            }
        }
        let element = line[start..].trim_ascii_start().len();
        if self.ended && element == 0 {
            line.truncate(start);
            return Ok(false);
        }
        if element == 0 {
            // Two commas: no element, and no blank line either.
            line.extend_from_slice(b"(nothing)");
        }
        line.push(b'\n');
        Ok(true)
    }

    fn check_end(&mut self) -> io::Result<()> {
        let mut rest = Vec::new();
        loop {
            rest.clear();
            (&mut self.bytes).take(1 << 16).read_to_end(&mut rest)?;
            match rest.iter().all(u8::is_ascii_whitespace) {
                true if rest.is_empty() => return Ok(()),
                true => {}
                false => return Err(damaged("text follows the end of the JSON array")),
            }
        }
    }
}

/// A reader that gives up when a record asks for too much: a quote that is never closed would swallow the file.
struct Budget {
    bytes: Bytes,
    left: usize,
}

impl Read for Budget {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(damaged(
                "a CSV record is longer than ingest.max_row_bytes: a quote may lack its end",
            ));
        }
        let wanted = buffer.len().min(self.left);
        let read = self.bytes.read(&mut buffer[..wanted])?;
        self.left -= read;
        Ok(read)
    }
}

/// The records of CSV with a header of column names. An empty cell is null; lists, bundles and contexts are JSON text.
pub(crate) struct CsvRows {
    records: csv::Reader<Budget>,
    limit: usize,
    header: Vec<String>,
    record: csv::ByteRecord,
}

impl CsvRows {
    pub(crate) fn new(bytes: Bytes, limit: usize) -> CsvRows {
        let budget = Budget { bytes, left: limit };
        let records =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(budget);
        CsvRows { records, limit, header: Vec::new(), record: csv::ByteRecord::new() }
    }

    fn read(&mut self) -> io::Result<bool> {
        self.records.get_mut().left = self.limit.saturating_add(1 << 16);
        self.records.read_byte_record(&mut self.record).map_err(io::Error::from)
    }

    /// Appends the next record as a line; false at the end.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        if self.header.is_empty() {
            if !self.read()? {
                return Ok(false);
            }
            let name = |cell: &[u8]| {
                String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned()
            };
            self.header = self.record.iter().map(name).collect();
        }
        if !self.read()? {
            return Ok(false);
        }
        line.push(b'{');
        for (at, cell) in self.record.iter().enumerate() {
            let name = self.header.get(at).map_or("(a cell beyond the header)", String::as_str);
            if at > 0 {
                line.push(b',');
            }
            serde_json::to_writer(&mut *line, name)?;
            line.push(b':');
            push_cell(line, cell, Column::of_name(name).map(Column::kind))?;
        }
        line.extend_from_slice(b"}\n");
        Ok(true)
    }
}

fn push_cell(line: &mut Vec<u8>, cell: &[u8], kind: Option<ColumnKind>) -> io::Result<()> {
    let Ok(text) = std::str::from_utf8(cell) else {
        // The line is then no UTF-8 either, which its reader says.
        line.push(b'"');
        line.extend(cell.iter().filter(|byte| **byte != b'\n'));
        line.push(b'"');
        return Ok(());
    };
    let number = matches!(kind, Some(ColumnKind::Count | ColumnKind::Number));
    if text.is_empty() {
        line.extend_from_slice(b"null");
    } else if number && serde_json::from_str::<serde_json::Number>(text.trim()).is_ok() {
        line.extend_from_slice(text.trim().as_bytes());
    } else {
        serde_json::to_writer(line, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn bytes(text: &[u8]) -> Bytes {
        let rest: Box<dyn Read + Send> = Box::new(Cursor::new(Vec::new()));
        Cursor::new(text.to_vec()).chain(rest)
    }

    fn elements(text: &str, limit: usize) -> Result<Vec<String>, String> {
        let mut elements = Elements::new(bytes(text.as_bytes()), limit);
        let mut lines = Vec::new();
        while elements.next(&mut lines).map_err(|error| error.to_string())? {}
        Ok(String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect())
    }

    fn records(text: &[u8], limit: usize) -> Result<String, String> {
        let mut rows = CsvRows::new(bytes(text), limit);
        let mut lines = Vec::new();
        while rows.next(&mut lines).map_err(|error| error.to_string())? {}
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }

    #[test]
    fn elements_become_lines() {
        let all = |text: &str| elements(text, 1000);
        assert_eq!(all("[]"), Ok(Vec::new()));
        assert_eq!(
            all(" [ {\"a\":1} , {\"b\":[{},[]]}\n]\n "),
            Ok(vec![" {\"a\":1} ".to_owned(), " {\"b\":[{},[]]} ".to_owned()])
        );
        assert_eq!(all(r#"["],[{\"", "\\", 3]"#).unwrap(), [r#""],[{\"""#, r#" "\\""#, " 3"]);
        // What is no JSON stays none.
        assert_eq!(
            all("[{\"a\": \"x\ny\"},,1]").unwrap(),
            ["{\"a\": \"x\u{1}y\"}", "(nothing)", "1"]
        );
        assert!(all("[{\"a\": 1}").unwrap_err().contains("cut short"));
        assert!(all("[{}] x").unwrap_err().contains("text follows"));
        assert_eq!(elements("[{\"a\": \"xxxxxxxxxx\"}, 1]", 8).unwrap()[0].len(), 9);
    }

    #[test]
    fn records_become_objects() {
        let csv = "\u{feff}id,static_finding_count,static_reason_codes,skill_md_content\r\n\
                   a, 3 ,\"[\"\"x\"\"]\",\"two\nlines\"\r\nb,,,\r\nc,three,[],x,more\n";
        assert_eq!(
            records(csv.as_bytes(), 1000).unwrap(),
            "{\"id\":\"a\",\"static_finding_count\":3,\"static_reason_codes\":\"[\\\"x\\\"]\",\
             \"skill_md_content\":\"two\\nlines\"}\n\
             {\"id\":\"b\",\"static_finding_count\":null,\"static_reason_codes\":null,\
             \"skill_md_content\":null}\n\
             {\"id\":\"c\",\"static_finding_count\":\"three\",\"static_reason_codes\":\"[]\",\
             \"skill_md_content\":\"x\",\"(a cell beyond the header)\":\"more\"}\n"
        );
        assert_eq!(records(b"", 1000).unwrap(), "");
        assert_eq!(records(b"id\n\"a\xff\"\n", 1000).unwrap(), "{\"id\":\"a\u{fffd}\"}\n");
    }

    #[test]
    fn a_quote_without_an_end_does_not_swallow_the_file() {
        let mut csv = b"id\n\"".to_vec();
        csv.resize(1 << 20, b'x');
        assert!(records(&csv, 1000).unwrap_err().contains("a quote may lack its end"));
    }
}
