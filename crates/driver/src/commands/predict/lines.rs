//! Lines of a stream, a batch at a time, without waiting for more than there is.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

/// The longest line that is held, as for ingest.
const MAX_LINE: usize = 64 << 20;
/// A batch ends at the first line beyond this size, so that memory does not grow with the input. So much is read ahead.
const BATCH_BYTES: usize = 4 << 20;
/// The lines of a batch at most.
const BATCH_LINES: usize = 512;

/// A line without its end.
pub(super) enum InputLine {
    /// The bytes.
    Bytes(Vec<u8>),
    /// It is longer than is held.
    TooLong,
}

/// The batches of a stream, the next of which is read while one is worked on; an error is the last.
///
/// The thread that reads is not waited for: it may wait for input when nobody wants it any more.
pub(super) fn read_ahead(
    input: impl Read + Send + 'static,
) -> Receiver<io::Result<Vec<InputLine>>> {
    let (send, batches) = sync_channel(1);
    thread::spawn(move || {
        let mut lines = Lines::new(input);
        loop {
            let batch = lines.batch();
            let (is_end, failed) =
                (matches!(&batch, Ok(lines) if lines.is_empty()), batch.is_err());
            if is_end || send.send(batch).is_err() || failed {
                return;
            }
        }
    });
    batches
}

/// Reads lines.
struct Lines<R> {
    input: BufReader<R>,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Lines<R> {
        Lines { input: BufReader::with_capacity(BATCH_BYTES, input) }
    }

    /// The next lines: one, and those that are there without waiting. None at the end.
    fn batch(&mut self) -> io::Result<Vec<InputLine>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(line) = self.line()? {
            if let InputLine::Bytes(line) = &line {
                bytes += line.len();
            }
            batch.push(line);
            let more = self.input.buffer().contains(&b'\n');
            if !more || bytes >= BATCH_BYTES || batch.len() >= BATCH_LINES {
                break;
            }
        }
        Ok(batch)
    }

    fn line(&mut self) -> io::Result<Option<InputLine>> {
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        if (&mut self.input).take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        } else if line.len() > MAX_LINE {
            self.input.skip_until(b'\n')?;
            return Ok(Some(InputLine::TooLong));
        }
        Ok(Some(InputLine::Bytes(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(input: impl Read) -> Vec<Option<usize>> {
        let mut lines = Lines::new(input);
        let mut found = Vec::new();
        loop {
            let batch = lines.batch().unwrap();
            if batch.is_empty() {
                return found;
            }
            found.extend(batch.iter().map(|line| match line {
                InputLine::Bytes(bytes) => Some(bytes.len()),
                InputLine::TooLong => None,
            }));
        }
    }

    #[test]
    fn every_line_counts_the_empty_and_the_last_one_too() {
        assert_eq!(lengths(&b"ab\r\n\nc"[..]), [Some(2), Some(0), Some(1)]);
        assert_eq!(lengths(&b"ab\n"[..]), [Some(2)]);
        assert!(lengths(&b""[..]).is_empty());
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over() {
        let long = io::repeat(b'x').take(MAX_LINE as u64 + 5);
        assert_eq!(
            lengths((&b"a\n"[..]).chain(long).chain(&b"\nb\n"[..])),
            [Some(1), None, Some(1)]
        );
    }
}
