//! `signals/<split>.parquet`: rows of it are put in and read again by the table of [`Signal`].

use std::{
    io,
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use clawsig_schema::{
    SkillRow,
    signal::{Cell, Signal, SignalKind},
};
use polars_arrow::array::Array;
use polars_error::PolarsResult;

use crate::{
    IngestError,
    parquet::{Builder, FAST, ParquetTable, TableSchema, list_range, scalar},
    value::Scalar,
};

/// The schema of the files.
pub(crate) fn schema() -> PolarsResult<TableSchema> {
    let columns = Signal::ALL.iter().map(|signal| (signal.name(), Builder::of(signal.kind())));
    // Compressing the texts, even so, would cost a quarter of all that is done with a row, and they
    // take less room than the source they come from.
    Ok(TableSchema::new(columns, FAST)?.leaving(Signal::SkillMdContent.name()))
}

/// Rows of one split on their way into one row group.
pub(crate) struct Batch(Vec<Builder>);

impl Batch {
    /// No rows yet, with room for so many bytes of SKILL.md text.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut columns: Vec<Builder> =
            Signal::ALL.iter().map(|signal| Builder::of(signal.kind())).collect();
        columns[Signal::SkillMdContent as usize].reserve(bytes);
        Batch(columns)
    }

    /// Adds a row, and shows each of its cells.
    pub(crate) fn push<T: AsRef<str>>(
        &mut self,
        row: &SkillRow<T>,
        mut show: impl FnMut(Signal, &Cell<'_>),
    ) {
        for (&signal, column) in Signal::ALL.iter().zip(&mut self.0) {
            let cell = signal.of(row);
            show(signal, &cell);
            column.push(cell);
        }
    }

    pub(crate) fn into_columns(self) -> Vec<Builder> {
        self.0
    }
}

/// The columns to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// All of them.
    All,
    /// All but the SKILL.md text, which is nearly all of a file's bytes; `text` is `None`.
    WithoutText,
}

impl Columns {
    pub(crate) fn holds(self, signal: Signal) -> bool {
        self == Columns::All || signal != Signal::SkillMdContent
    }
}

/// Reads `signals/<split>.parquet`.
pub struct SignalsReader {
    pub(crate) table: ParquetTable,
}

impl SignalsReader {
    /// Whether a file is one of these, by a column that only they have.
    pub(crate) fn recognises(table: &ParquetTable) -> bool {
        table.has(Signal::StaticHasOutput.name())
    }

    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// The file can't be read, is no Parquet file, is cut, or holds other columns.
    pub fn open(path: impl AsRef<Path>) -> Result<SignalsReader, IngestError> {
        let table = ParquetTable::open(path.as_ref())?;
        let needed = [
            Signal::Id,
            Signal::SkillVersion,
            Signal::StaticHasOutput,
            Signal::SkillspectorHasOutput,
            Signal::Split,
        ];
        match needed.into_iter().find(|signal| !table.has(signal.name())) {
            None => Ok(SignalsReader { table }),
            Some(signal) => Err(table.damaged(format!(
                "has no column `{}`, so it is not a signals file of clawsig",
                signal.name()
            ))),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> u64 {
        self.table.rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in the order of the file. From the first on, the next row group is read while one is worked
    /// on, so that two are in memory at a time. After an error the iterator ends.
    pub fn rows(self, columns: Columns) -> Rows {
        Rows { groups: RowGroups::Unread(self.table, columns), rows: Vec::new().into_iter() }
    }
}

impl SignalsReader {
    /// The SKILL.md texts of the rows at some places, ascending, and nothing else of them; a text that is
    /// missing is empty. A row group is in memory at a time, and one without any of the rows is not read.
    /// After an error the iterator ends.
    pub fn texts(
        self,
        places: &[usize],
    ) -> impl Iterator<Item = Result<String, IngestError>> + Send {
        let (mut first, mut failed) = (0, false);
        (0..self.table.groups()).flat_map(move |group| {
            let rows = first..first + self.table.group_rows(group);
            first = rows.end;
            let places = &places[places.partition_point(|&place| place < rows.start)
                ..places.partition_point(|&place| place < rows.end)];
            if failed || places.is_empty() {
                return Vec::new().into_iter();
            }
            let texts = self.texts_of_group(group, places.iter().map(|place| place - rows.start));
            failed = texts.is_err();
            texts.unwrap_or_else(|error| vec![Err(error)]).into_iter()
        })
    }

    fn texts_of_group(
        &self,
        group: usize,
        places: impl Iterator<Item = usize>,
    ) -> Result<Vec<Result<String, IngestError>>, IngestError> {
        let name = Signal::SkillMdContent.name();
        if !self.table.has(name) {
            return Ok(places.map(|_| Ok(String::new())).collect());
        }
        let texts = self.table.array(group, name, None)?;
        let text = |at: usize| match scalar(texts.as_ref(), at) {
            Scalar::Text(text) => text.into_owned(),
            _ => String::new(),
        };
        // A damaged footer may promise more rows than there are.
        Ok(places.take_while(|&at| at < texts.len()).map(|at| Ok(text(at))).collect())
    }
}

/// The rows of a row group.
type Group = Result<Vec<SkillRow>, IngestError>;

/// The rows of a file.
pub struct Rows {
    groups: RowGroups,
    rows: std::vec::IntoIter<SkillRow>,
}

/// The row groups that are left.
enum RowGroups {
    Unread(ParquetTable, Columns),
    /// They come from a thread.
    Reading(Receiver<Group>, JoinHandle<()>),
    Ended,
}

impl RowGroups {
    /// The rows of the next one.
    fn next(&mut self) -> Option<Group> {
        match std::mem::replace(self, RowGroups::Ended) {
            RowGroups::Ended => None,
            RowGroups::Unread(table, columns) => match read_ahead(table, columns) {
                Ok((groups, thread)) => {
                    *self = RowGroups::Reading(groups, thread);
                    self.next()
                }
                Err(error) => Some(Err(IngestError::Threads { reason: error.to_string() })),
            },
            RowGroups::Reading(groups, thread) => match groups.recv() {
                Ok(Ok(rows)) => {
                    *self = RowGroups::Reading(groups, thread);
                    Some(Ok(rows))
                }
                Ok(Err(error)) => Some(Err(error)),
                // Rows that are missing since their reader died are not the end of the file.
                Err(_) => match thread.join() {
                    Ok(()) => None,
                    Err(panic) => std::panic::resume_unwind(panic),
                },
            },
        }
    }
}

impl Iterator for Rows {
    type Item = Result<SkillRow, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.groups.next()? {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Reads one row group after the other, as far as they are wanted.
fn read_ahead(
    table: ParquetTable,
    columns: Columns,
) -> io::Result<(Receiver<Group>, JoinHandle<()>)> {
    // A group waits to be taken before the next one is read.
    let (send, groups) = sync_channel(0);
    let read = move || {
        for group in 0..table.groups() {
            let rows = read_group(&table, group, columns);
            let failed = rows.is_err();
            if send.send(rows).is_err() || failed {
                return;
            }
        }
    };
    Ok((groups, thread::Builder::new().spawn(read)?))
}

fn read_group(table: &ParquetTable, group: usize, which: Columns) -> Group {
    let mut rows = Vec::new();
    for &signal in Signal::ALL.iter().filter(|&&signal| which.holds(signal)) {
        let array = match table.has(signal.name()) {
            true => Some(table.array(group, signal.name(), None)?),
            false => None,
        };
        if let (Signal::Id, Some(array)) = (signal, &array) {
            // As many as there are, not as the footer says: a damaged one asks for all memory.
            rows.resize_with(array.len(), SkillRow::default);
        }
        for (at, row) in rows.iter_mut().enumerate() {
            let cell = match &array {
                Some(array) => cell(array.as_ref(), at, signal.kind()),
                None => Cell::missing(signal.kind()),
            };
            signal.put(row, cell).map_err(|what| {
                let (row, group, name) = (at + 1, group + 1, signal.name());
                table.damaged(format!("row {row} of row group {group}: `{name}` {what}"))
            })?;
        }
    }
    Ok(rows)
}

/// The value at a position as a signal of that kind; what is none is missing.
fn cell(array: &dyn Array, at: usize, kind: SignalKind) -> Cell<'_> {
    // Texts are borrowed from their array, which is never so with another kind of value.
    fn text(array: &dyn Array, at: usize) -> Option<&str> {
        match scalar(array, at) {
            Scalar::Text(std::borrow::Cow::Borrowed(text)) => Some(text),
            _ => None,
        }
    }
    fn whole<T: TryFrom<i128>>(array: &dyn Array, at: usize) -> Option<T> {
        match scalar(array, at) {
            Scalar::Whole(value) => T::try_from(value).ok(),
            _ => None,
        }
    }
    match kind {
        SignalKind::Text => Cell::Text(text(array, at)),
        SignalKind::Count => Cell::Count(whole(array, at)),
        SignalKind::Bytes => Cell::Bytes(whole(array, at).unwrap_or(0)),
        SignalKind::Number => Cell::Number(match scalar(array, at) {
            Scalar::Float(value) => Some(value),
            _ => None,
        }),
        SignalKind::Flag => Cell::Flag(scalar(array, at) == Scalar::Other("true")),
        SignalKind::TextList => Cell::TextList(
            list_range(array, at)
                .map(|(items, range)| range.filter_map(|at| text(items, at)).collect())
                .unwrap_or_default(),
        ),
        SignalKind::CountList => Cell::CountList(
            list_range(array, at)
                .map(|(items, range)| range.filter_map(|at| whole(items, at)).collect())
                .unwrap_or_default(),
        ),
    }
}
