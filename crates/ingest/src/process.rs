//! One block of a file into counts, rejects and encoded row groups. Nothing here knows of other
//! blocks, so blocks are processed on any thread.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use clawsig_schema::{Split, column::COLUMNS, hostile::printable};
use serde_json::{Map, Value};

use crate::{
    IngestError,
    decode::Table,
    json,
    lines::Block,
    raw::RawGroup,
    reject::{Fault, Reject, RejectReason},
    row::{Judged, Row},
    scan,
    signals::Batch,
    table::{RowGroup, TableSchema},
    tally::{Counts, Tally},
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
    pub(crate) table: Option<&'a Table>,
    /// The training rows to keep; `None` keeps all.
    pub(crate) sample: Option<&'a HashSet<u128>>,
    /// Where rows are encoded to; without it rows are only checked and counted.
    pub(crate) schema: Option<&'a TableSchema>,
    /// Set when the blocks that are done hold an example of each scanner's output.
    pub(crate) examples_known: AtomicBool,
}

/// What a block came to.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) lines: u64,
    pub(crate) blank: u64,
    /// Rows that are a JSON object (or a Parquet row), whatever else is wrong with them.
    pub(crate) objects: u64,
    /// The columns that any of those had.
    pub(crate) seen: u32,
    /// Their line numbers count from the block's first line, which is 1.
    pub(crate) rejects: Vec<Reject>,
    /// Every accepted row, written or not, in order: position in the block, split, id.
    pub(crate) accepted: Vec<(u64, Split, u128)>,
    pub(crate) not_sampled: u64,
    pub(crate) verdicts: [u64; 3],
    pub(crate) tally: Tally,
    pub(crate) unknown: Counts,
    /// The first output of each scanner as JSON text.
    pub(crate) examples: [Option<String>; 3],
    pub(crate) groups: Vec<(Split, RowGroup)>,
}

/// Processes a block. Rows at the positions in `repeated` are rejected as duplicates. `scratch` is
/// memory, which the next call can use again.
pub(crate) fn process(
    work: &Work,
    context: &FileContext<'_>,
    repeated: &HashSet<u64>,
    scratch: &mut Vec<u8>,
) -> Result<Outcome, IngestError> {
    let mut rows = Rows {
        context,
        repeated,
        room: 0,
        outcome: Outcome::default(),
        batches: Default::default(),
    };
    match work {
        Work::Lines(block) => {
            // Of the study's rows about a third is text that is kept.
            rows.room = block.bytes.len() / 2;
            rows.lines(block);
        }
        Work::RowGroup(group) => {
            if let Some(table) = context.table {
                rows.row_group(table, *group)?;
            }
        }
    }
    rows.finish(scratch)
}

struct Rows<'a> {
    context: &'a FileContext<'a>,
    repeated: &'a HashSet<u64>,
    /// Bytes of text to expect.
    room: usize,
    outcome: Outcome,
    batches: [Option<Box<Batch>>; 4],
}

impl Rows<'_> {
    fn lines(&mut self, block: &Block) {
        if block.oversized {
            self.outcome.lines = 1;
            let fault = self.oversized();
            self.reject(fault, Some(block.offset), &block.bytes);
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
            if block.offset == 0 && start == 0 && block.bytes.starts_with(b"\xef\xbb\xbf") {
                start = end.min(3);
            }
            let bytes = &block.bytes[start..end];
            let position = self.outcome.lines;
            self.outcome.lines += 1;
            let at = block.offset + start as u64;
            if bytes.iter().all(u8::is_ascii_whitespace) {
                self.outcome.blank += 1;
            } else if let Err(fault) = self.line(bytes, position) {
                self.reject(fault, Some(at), bytes);
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
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            Fault::new(RejectReason::InvalidUtf8, format!("byte {at} of the line is no UTF-8"))
        })?;
        let row = match scan::parse(text) {
            Some(row) => row,
            None => json::parse(text)?,
        };
        let kept = self.row(&row, position)?;
        if kept {
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

    fn row_group(&mut self, table: &Table, group: usize) -> Result<(), IngestError> {
        let known = |name: &str| COLUMNS.iter().any(|column| column.name == name);
        let rows = RawGroup::read(table, group)?;
        for name in table.names().filter(|name| !known(name)) {
            self.outcome.unknown.add(&printable(name, 60), rows.rows as u64);
        }
        for at in 0..rows.rows {
            self.outcome.lines += 1;
            let position = at as u64;
            let result = rows.row(at).and_then(|row| self.row(&row, position));
            if let Err(fault) = result {
                self.reject(fault, None, b"");
            }
        }
        Ok(())
    }

    /// Takes a row in; true where it is written.
    fn row(&mut self, row: &Row<'_>, position: u64) -> Result<bool, Fault> {
        self.outcome.objects += 1;
        self.outcome.seen |= row.seen;
        for (at, column) in COLUMNS.iter().enumerate() {
            if row.seen & (1 << at) == 0 && column.name != "split" {
                let detail = format!("column `{}` is missing", column.name);
                return Err(Fault::new(RejectReason::MissingColumn, detail));
            }
        }
        let judged = row.judge(self.context.split)?;
        if self.repeated.contains(&position) {
            let detail = format!("the id {} occurred before", printable(&row.id, 64));
            return Err(Fault::new(RejectReason::DuplicateId, detail));
        }
        row.unknown.iter().for_each(|name| self.outcome.unknown.add(&printable(name, 60), 1));
        self.outcome.accepted.push((position, judged.split, judged.key));
        if let Some(verdict) = judged.verdict {
            self.outcome.verdicts[verdict.index()] += 1;
        }
        let left_out = judged.split == Split::Train
            && self.context.sample.is_some_and(|sample| !sample.contains(&judged.key));
        if left_out {
            self.outcome.not_sampled += 1;
            return Ok(false);
        }
        self.write(row, judged);
        Ok(true)
    }

    fn write(&mut self, row: &Row<'_>, judged: Judged) {
        if self.context.schema.is_some() {
            self.outcome.tally.add(row, judged);
            let room = self.room;
            self.batches[judged.split.index()]
                .get_or_insert_with(|| Box::new(Batch::with_room(room)))
                .push(row, judged);
        }
    }

    fn example(&mut self, row: &Row<'_>, outputs: impl FnOnce() -> Option<Map<String, Value>>) {
        let missing = |at: usize, examples: &[Option<String>; 3]| {
            row.context.has_output[at] && examples[at].is_none()
        };
        if self.context.schema.is_none()
            || self.context.examples_known.load(Ordering::Relaxed)
            || !(0..3).any(|at| missing(at, &self.outcome.examples))
        {
            return;
        }
        let Some(outputs) = outputs() else { return };
        for (at, name) in ["static", "virustotal", "skillspector"].into_iter().enumerate() {
            if missing(at, &self.outcome.examples) {
                let text = outputs.get(name).map(Value::to_string);
                self.outcome.examples[at] = text.filter(|text| text.len() <= EXAMPLE_BYTES);
            }
        }
    }

    /// Rejects the line or row that was counted last.
    fn reject(&mut self, fault: Fault, byte_offset: Option<u64>, bytes: &[u8]) {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT)]);
        self.outcome.rejects.push(Reject {
            file: self.context.name.to_owned(),
            line: self.outcome.lines,
            byte_offset,
            reason: fault.reason,
            detail: printable(&fault.detail, 200),
            excerpt: printable(&head, EXCERPT),
        });
    }

    fn finish(mut self, scratch: &mut Vec<u8>) -> Result<Outcome, IngestError> {
        let Some(schema) = self.context.schema else { return Ok(self.outcome) };
        for &split in Split::ALL {
            let Some(batch) = self.batches[split.index()].take() else { continue };
            let group = batch.finish().and_then(|arrays| schema.encode(&arrays, scratch));
            let group = group.map_err(|error| IngestError::Source {
                path: self.context.name.into(),
                reason: format!("rows can't be encoded as Parquet: {error}"),
            })?;
            self.outcome.groups.push((split, group));
        }
        Ok(self.outcome)
    }
}
