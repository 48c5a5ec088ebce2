//! Many rows at once: chunks made in parallel, handed on in order.

use std::{
    io::Write,
    ops::Range,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use clawsig_schema::Split;

use crate::{Synth, SynthError, json::push_json_line};

/// Rows in a chunk of [`write_jsonl`]: about 4 MB of JSON.
const CHUNK_ROWS: u64 = 256;

impl Synth {
    /// Cuts `rows` into chunks of `chunk_rows`, makes a `T` of each on `threads` threads, and
    /// hands them to `take` on the calling thread, in the order of the rows. What `take` sees
    /// does not depend on the number of threads; at most about three chunks a thread are held.
    /// Zero threads or rows a chunk count as one.
    ///
    /// # Errors
    /// The first error of `take`, after which no further chunk is begun.
    pub fn ordered_chunks<T: Send, E>(
        &self,
        rows: Range<u64>,
        chunk_rows: u64,
        threads: usize,
        make: impl Fn(&Synth, Range<u64>) -> T + Sync,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (threads, chunk_rows) = (threads.max(1), chunk_rows.max(1));
        let chunks = rows.end.saturating_sub(rows.start).div_ceil(chunk_rows);
        thread::scope(|scope| {
            let receivers: Vec<Receiver<T>> = (0..threads as u64)
                .map(|worker| {
                    let (sender, receiver) = sync_channel(1);
                    let (make, rows) = (&make, rows.clone());
                    scope.spawn(move || {
                        for chunk in (worker..chunks).step_by(threads) {
                            let start = rows.start + chunk * chunk_rows;
                            let end = rows.end.min(start.saturating_add(chunk_rows));
                            // No receiver is left once `take` has failed.
                            if sender.send(make(self, start..end)).is_err() {
                                break;
                            }
                        }
                    });
                    receiver
                })
                .collect();
            for chunk in 0..chunks {
                // A worker that ends early has panicked, and the scope passes that on.
                let Ok(made) = receivers[(chunk % threads as u64) as usize].recv() else { break };
                take(made)?;
            }
            Ok(())
        })
    }
}

/// Writes all rows of a corpus as JSON lines, each to the writer of its split (in the order of
/// [`Split::ALL`]), and returns the number of rows a split has got. The bytes do not depend on
/// `threads`. `progress` is told the rows done and their total after each chunk.
///
/// # Errors
/// [`SynthError::Write`] with the first error of a writer.
pub fn write_jsonl<W: Write>(
    synth: &Synth,
    writers: &mut [W; 4],
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<[u64; 4], SynthError> {
    let mut counts = [0; 4];
    let total = synth.len();
    synth.ordered_chunks(
        0..total,
        CHUNK_ROWS,
        threads,
        |synth, rows| {
            let mut parts: [(u64, Vec<u8>); 4] = Default::default();
            for index in rows {
                let row = synth.row(index);
                let split = row.split.parse().unwrap_or(Split::Train);
                let (rows, bytes) = &mut parts[split.index()];
                *rows += 1;
                push_json_line(&row, bytes);
            }
            parts
        },
        |parts| {
            for (i, (rows, bytes)) in parts.into_iter().enumerate() {
                writers[i].write_all(&bytes).map_err(SynthError::Write)?;
                counts[i] += rows;
            }
            progress(counts.iter().sum(), total);
            Ok(())
        },
    )?;
    for writer in writers {
        writer.flush().map_err(SynthError::Write)?;
    }
    Ok(counts)
}
