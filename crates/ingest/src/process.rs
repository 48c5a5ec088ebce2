//! One block of a file into counts, rejects and encoded row groups. Nothing here knows of other
//! blocks, so blocks are processed on any thread.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use clawsig_schema::{Split, hostile::printable};
use serde_json::{Map, Value};

use crate::{
    IngestError,
    guard::guarded,
    json,
    lines::Block,
    parquet::{ParquetTable, RowGroup, TableSchema},
    raw::RawGroup,
    reject::{Fault, Reject, RejectReason},
    row::{ColumnSet, Nulls, Row},
    signals::Batch,
    tally::{NameCounts, Tally},
    value::Context,
};

/// Characters of a rejected line that its record shows.
const EXCERPT: usize = 120;
/// A scanner's output longer than this is not shown as an example.
const EXAMPLE_BYTES: usize = 16 << 10;

/// A unit of work.
pub(crate) enum Work {
    Lines(Block),
    RowGroup(usize),
}

/// What holds for all blocks of a file.
pub(crate) struct FileContext<'a> {
    pub(crate) name: &'a str,
    pub(crate) split: Option<Split>,
    pub(crate) max_row_bytes: usize,
    pub(crate) table: Option<&'a ParquetTable>,
    /// The training rows to keep; `None` keeps all.
    pub(crate) sample: Option<&'a HashSet<u128>>,
    /// Where rows are encoded to; without it rows are only checked and counted.
    pub(crate) schema: Option<&'a TableSchema>,
    /// Set when the blocks that are done hold an example of each scanner's output.
    pub(crate) examples_known: AtomicBool,
}

/// What a block came to.
#[derive(Default)]
pub(crate) struct BlockResult {
    pub(crate) lines: u64,
    pub(crate) blank: u64,
    /// Rows that are a JSON object (or a Parquet row), whatever else is wrong with them.
    pub(crate) objects: u64,
    /// The columns that any of those had.
    pub(crate) seen: ColumnSet,
    /// Their line numbers count from the block's first line, which is 1.
    pub(crate) rejects: Vec<Reject>,
    /// Every accepted row, written or not, in order: position in the block, split, id.
    pub(crate) accepted: Vec<(u64, Split, u128)>,
    pub(crate) not_sampled: u64,
    pub(crate) verdicts: [u64; 3],
    pub(crate) tally: Tally,
    pub(crate) extra: NameCounts,
    /// The first output of each scanner as JSON text.
    pub(crate) examples: [Option<String>; 3],
    pub(crate) groups: Vec<(Split, RowGroup)>,
}

/// Processes a block. Rows at the positions in `repeated` are rejected as duplicates. `scratch` is
/// memory, which the next call can use again.
///
/// # Errors
/// A Parquet file is damaged, rows can't be encoded, or a step panicked: that ends the program's run with the place of
/// the row, counted from the block's first, where it happened.
pub(crate) fn process(
    work: &Work,
    context: &FileContext<'_>,
    repeated: &HashSet<u64>,
    scratch: &mut Vec<u8>,
) -> Result<BlockResult, IngestError> {
    let mut rows = BlockRows {
        context,
        repeated,
        room: 0,
        result: BlockResult::default(),
        batches: Default::default(),
    };
    let done = guarded(|| match work {
        Work::Lines(block) => {
            // Of the study's rows about a third is text that is kept.
            rows.room = block.bytes.len() / 2;
            rows.lines(block);
            Ok(())
        }
        Work::RowGroup(group) => match context.table {
            Some(table) => rows.row_group(table, *group),
            None => Ok(()),
        },
    });
    match done {
        Ok(done) => done?,
        Err(reason) => {
            let (file, line) = (context.name.to_owned(), rows.result.lines.max(1));
            return Err(IngestError::Panicked { file, line, reason });
        }
    }
    rows.finish(scratch)
}

struct BlockRows<'a> {
    context: &'a FileContext<'a>,
    repeated: &'a HashSet<u64>,
    /// Bytes of text to expect.
    room: usize,
    result: BlockResult,
    batches: [Option<Batch>; 4],
}

impl BlockRows<'_> {
    fn lines(&mut self, block: &Block) {
        if block.oversized {
            self.result.lines = 1;
            let fault = self.oversized();
            self.reject(fault, block.offset, &block.bytes);
            return;
        }
        let mut offset = 0;
        while offset < block.bytes.len() {
            let rest = &block.bytes[offset..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let mut start = offset;
            let mut end = offset + length;
            offset = end + 1;
            if end > start && block.bytes[end - 1] == b'\r' {
                end -= 1;
            }
            if block.first && start == 0 && block.bytes.starts_with(b"\xef\xbb\xbf") {
                start = end.min(3);
            }
            let bytes = &block.bytes[start..end];
            let position = self.result.lines;
            self.result.lines += 1;
            if bytes.iter().all(u8::is_ascii_whitespace) {
                self.result.blank += 1;
            } else if let Err(fault) = self.line(bytes, position) {
                self.reject(fault, block.offset.map(|offset| offset + start as u64), bytes);
            }
        }
    }

    fn oversized(&self) -> Fault {
        let limit = self.context.max_row_bytes;
        Fault::new(RejectReason::OversizedRow, format!("longer than {limit} bytes"))
    }

    fn line(&mut self, bytes: &[u8], position: u64) -> Result<(), Fault> {
        if bytes.len() > self.context.max_row_bytes {
            return Err(self.oversized());
        }
        let text = utf8(bytes)?;
        let mut row = json::parse(text, Nulls::AsTheDataset)?;
        if self.row(&mut row, position)? {
            self.example(&row, || {
                let mut value: Map<String, Value> = serde_json::from_str(text).ok()?;
                match value.remove("clawscan_context") {
                    Some(Value::Object(outputs)) => Some(outputs),
                    _ => None,
                }
            });
        }
        Ok(())
    }

    fn row_group(&mut self, table: &ParquetTable, group: usize) -> Result<(), IngestError> {
        let rows = RawGroup::read(table, group)?;
        let known = |name: &str| clawsig_schema::column::Column::of_name(name).is_some();
        for name in table.names().filter(|name| !known(name)) {
            self.result.extra.add(&printable(name, 60), rows.rows as u64);
        }
        for at in 0..rows.rows {
            self.result.lines += 1;
            let read = rows.row(at, Nulls::AsTheDataset);
            if let Err(fault) = read.and_then(|mut row| self.row(&mut row, at as u64)) {
                self.reject(fault, None, b"");
            }
        }
        Ok(())
    }

    /// Takes a row in; true where it is written.
    fn row(&mut self, row: &mut Row<'_>, position: u64) -> Result<bool, Fault> {
        #[cfg(test)]
        assert_ne!(row.skill.id, "a row that panics", "asked for by a test");
        self.result.objects += 1;
        self.result.seen.union(row.seen);
        if let Some(column) = row.seen.lacks() {
            let fault = Fault::new(RejectReason::MissingColumn, "is missing");
            return Err(fault.in_column(column));
        }
        let judged = row.judge(self.context.split)?;
        let split = row.skill.split;
        if self.repeated.contains(&position) {
            let detail = format!("the id {} occurred before", printable(&row.skill.id, 64));
            return Err(Fault::new(RejectReason::DuplicateId, detail));
        }
        row.extra.iter().for_each(|name| self.result.extra.add(&printable(name, 60), 1));
        self.result.accepted.push((position, split, judged.key));
        if let Some(verdict) = row.skill.verdict.known() {
            self.result.verdicts[verdict.index()] += 1;
        }
        let left_out = split == Split::Train
            && self.context.sample.is_some_and(|sample| !sample.contains(&judged.key));
        if left_out {
            self.result.not_sampled += 1;
            return Ok(false);
        }
        if self.context.schema.is_some() {
            let (room, tally) = (self.room, &mut self.result.tally);
            tally.add(row, judged);
            self.batches[split.index()]
                .get_or_insert_with(|| Batch::with_room(room))
                .push(&row.skill, |signal, cell| tally.cell(signal, cell));
        }
        Ok(true)
    }

    fn example(&mut self, row: &Row<'_>, outputs: impl FnOnce() -> Option<Map<String, Value>>) {
        let has_output = [
            row.skill.static_scan.has_output,
            row.skill.virustotal.has_output,
            row.skill.skillspector.has_output,
        ];
        let missing =
            |at: usize, examples: &[Option<String>; 3]| has_output[at] && examples[at].is_none();
        if self.context.schema.is_none()
            || self.context.examples_known.load(Ordering::Relaxed)
            || !(0..3).any(|at| missing(at, &self.result.examples))
        {
            return;
        }
        let Some(outputs) = outputs() else { return };
        for (at, name) in Context::OUTPUTS.iter().enumerate() {
            if missing(at, &self.result.examples) {
                let text = outputs.get(*name).map(Value::to_string);
                self.result.examples[at] = text.filter(|text| text.len() <= EXAMPLE_BYTES);
            }
        }
    }

    /// Rejects the line or row that was counted last.
    fn reject(&mut self, fault: Fault, byte_offset: Option<u64>, bytes: &[u8]) {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT)]);
        self.result.rejects.push(Reject {
            file: self.context.name.to_owned(),
            line: self.result.lines,
            byte_offset,
            reason: fault.reason,
            detail: printable(&fault.detail, 200),
            excerpt: printable(&head, EXCERPT),
        });
    }

    fn finish(mut self, scratch: &mut Vec<u8>) -> Result<BlockResult, IngestError> {
        let Some(schema) = self.context.schema else { return Ok(self.result) };
        for &split in Split::ALL {
            let Some(batch) = self.batches[split.index()].take() else { continue };
            let group = schema.encode(batch.into_columns(), scratch);
            let group = group.map_err(|error| IngestError::Source {
                path: self.context.name.into(),
                reason: format!("rows can't be encoded as Parquet: {error}"),
            })?;
            self.result.groups.push((split, group));
        }
        Ok(self.result)
    }
}

/// A line as text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| {
        let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        Fault::new(RejectReason::InvalidUtf8, format!("byte {at} of the line is no UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processed(text: &str) -> Result<BlockResult, IngestError> {
        let context = FileContext {
            name: "rows.jsonl",
            split: None,
            max_row_bytes: 1 << 20,
            table: None,
            sample: None,
            schema: None,
            examples_known: AtomicBool::new(false),
        };
        let work = Work::Lines(Block { bytes: text.into(), ..Block::default() });
        process(&work, &context, &HashSet::new(), &mut Vec::new())
    }

    #[test]
    fn a_line_ends_before_its_carriage_return() {
        let done = processed("none\r\nnor this\n\r\n\r").unwrap();
        let excerpts: Vec<&str> = done.rejects.iter().map(|one| one.excerpt.as_str()).collect();
        assert_eq!((excerpts, done.lines, done.blank), (vec!["none", "nor this"], 4, 2));
    }

    #[test]
    fn a_panic_is_an_error_with_its_row() {
        let error =
            processed("{\"id\": \"a\"}\n\n{\"id\": \"a row that panics\"}\n").err().unwrap();
        assert!(
            matches!(&error, IngestError::Panicked { file, line: 3, .. } if file == "rows.jsonl"),
            "{error}"
        );
        assert!(error.to_string().contains("asked for by a test"), "{error}");
    }
}
