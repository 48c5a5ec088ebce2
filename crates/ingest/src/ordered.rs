//! Blocks through three steps on several threads: they are read one after the other, processed on any thread, and taken
//! one after the other in the order in which they were read.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::IngestError;

/// The blocks under way, each in its place.
struct Queue<W, R> {
    /// Blocks that were read, in order.
    waiting: VecDeque<(u64, W)>,
    /// The results of blocks that wait for their turn to be taken.
    done: BTreeMap<u64, Result<R, IngestError>>,
    /// The number of the block that is read next, and of the one that is taken next.
    read: u64,
    taken: u64,
    /// A thread is reading, or taking.
    reading: bool,
    taking: bool,
    /// The last block was read.
    ended: bool,
    /// Nothing more is to be done: a block failed, or a thread panicked.
    stopped: bool,
    failure: Option<IngestError>,
}

/// The next step of a thread.
enum Job<W, R> {
    Read,
    Process(u64, W),
    Take(Result<R, IngestError>),
    Stop,
}

impl<W, R> Queue<W, R> {
    /// `None` where there is nothing to do before another thread is done.
    fn job(&mut self, threads: usize) -> Option<Job<W, R>> {
        // A block for each thread to work on, one to be read and some to wait for their turn.
        let most = 2 * threads as u64 + 2;
        let under_way = self.read - self.taken;
        let may_read = !self.ended && !self.reading && under_way < most;
        if self.stopped || (self.ended && !self.reading && under_way == 0) {
            return Some(Job::Stop);
        }
        if may_read && self.waiting.len() < threads {
            self.reading = true;
            return Some(Job::Read);
        }
        if !self.taking
            && let Some(result) = self.done.remove(&self.taken)
        {
            self.taking = true;
            return Some(Job::Take(result));
        }
        if let Some((number, work)) = self.waiting.pop_front() {
            return Some(Job::Process(number, work));
        }
        None
    }
}

struct Shared<W, R> {
    queue: Mutex<Queue<W, R>>,
    changed: Condvar,
    threads: usize,
}

impl<W, R> Shared<W, R> {
    fn lock(&self) -> MutexGuard<'_, Queue<W, R>> {
        // No step runs under the lock, so the state is whole after a panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Job<W, R> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.job(self.threads) {
                return job;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Queue<W, R>)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Lets the other threads end where this one panics.
struct Watch<'a, W, R>(&'a Shared<W, R>);

impl<W, R> Drop for Watch<'_, W, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|queue| queue.stopped = true);
        }
    }
}

/// Reads, processes and takes every block on that many threads, of which the caller's is one.
///
/// `process` is given memory that its thread keeps from block to block.
///
/// # Errors
/// The first error in the order of the blocks, whichever step it comes from; a thread that can't be started.
pub(crate) fn in_order<W: Send, R: Send>(
    threads: usize,
    read: impl FnMut() -> Result<Option<W>, IngestError> + Send,
    process: impl Fn(W, &mut Vec<u8>) -> R + Sync,
    take: impl FnMut(R) -> Result<(), IngestError> + Send,
) -> Result<(), IngestError> {
    let queue = Queue {
        waiting: VecDeque::new(),
        done: BTreeMap::new(),
        read: 0,
        taken: 0,
        reading: false,
        taking: false,
        ended: false,
        stopped: false,
        failure: None,
    };
    let shared = Shared { queue: Mutex::new(queue), changed: Condvar::new(), threads };
    // Only the thread that set `reading` reads, and so with `taking`: nobody waits for these.
    let (read, take) = (Mutex::new(read), Mutex::new(take));
    let work = || {
        let _watch = Watch(&shared);
        let mut scratch = Vec::new();
        loop {
            match shared.next() {
                Job::Read => {
                    let block = read.lock().unwrap_or_else(PoisonError::into_inner)();
                    shared.change(|queue| {
                        queue.reading = false;
                        let number = queue.read;
                        match block.transpose() {
                            None => queue.ended = true,
                            Some(Ok(work)) => {
                                queue.read += 1;
                                queue.waiting.push_back((number, work));
                            }
                            Some(Err(error)) => {
                                queue.read += 1;
                                queue.ended = true;
                                queue.done.insert(number, Err(error));
                            }
                        }
                    });
                }
                Job::Process(number, work) => {
                    let result = process(work, &mut scratch);
                    shared.change(|queue| {
                        queue.done.insert(number, Ok(result));
                    });
                }
                Job::Take(result) => {
                    let taken = result.and_then(|result| {
                        take.lock().unwrap_or_else(PoisonError::into_inner)(result)
                    });
                    shared.change(|queue| {
                        queue.taking = false;
                        queue.taken += 1;
                        if let Err(error) = taken {
                            queue.stopped = true;
                            queue.failure = Some(error);
                        }
                    });
                }
                Job::Stop => break,
            }
        }
    };
    let started = thread::scope(|scope| {
        for _ in 1..threads {
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                shared.change(|queue| queue.stopped = true);
                return Err(IngestError::Threads { reason: error.to_string() });
            }
        }
        work();
        Ok(())
    });
    started?;
    match shared.queue.into_inner().unwrap_or_else(PoisonError::into_inner).failure {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{panic::AssertUnwindSafe, time::Duration};

    use super::*;

    fn error(reason: &str) -> IngestError {
        IngestError::Threads { reason: reason.to_owned() }
    }

    /// Numbers below `count`, of which `read` and `take` fail at the given ones.
    fn run(
        threads: usize,
        count: u64,
        read_fails: u64,
        take_fails: u64,
    ) -> (Vec<u64>, Result<(), String>) {
        let (mut next, mut taken) = (0, Vec::new());
        let done = in_order(
            threads,
            || {
                if next == read_fails {
                    return Err(error("read"));
                }
                next += 1;
                Ok((next <= count).then(|| next - 1))
            },
            |number, scratch| {
                scratch.push(0);
                // Every third block takes longer than those after it.
                thread::sleep(Duration::from_micros(if number % 3 == 0 { 900 } else { 0 }));
                number * number
            },
            |square| {
                if square == take_fails * take_fails {
                    return Err(error("take"));
                }
                taken.push(square);
                Ok(())
            },
        );
        (taken, done.map_err(|error| error.to_string()))
    }

    #[test]
    fn results_are_taken_in_the_order_of_the_blocks() {
        for threads in [1, 2, 3, 8] {
            for count in [0, 1, 2, 3, 50] {
                let (taken, done) = run(threads, count, 1000, 1000);
                assert_eq!(taken, (0..count).map(|n| n * n).collect::<Vec<_>>());
                assert_eq!(done, Ok(()));
            }
        }
    }

    #[test]
    fn the_first_error_in_the_order_of_the_blocks_is_told() {
        for threads in [1, 2, 8] {
            let (taken, done) = run(threads, 50, 8, 6);
            assert_eq!((taken.len(), done), (6, Err(error("take").to_string())));
            let (taken, done) = run(threads, 50, 5, 6);
            assert_eq!((taken.len(), done), (5, Err(error("read").to_string())));
        }
    }

    #[test]
    fn an_error_of_the_last_step_ends_all() {
        for threads in [1, 4] {
            let mut blocks = 0..1_000_000;
            let mut taken = 0;
            let done = in_order(
                threads,
                || Ok(blocks.next()),
                |_, _| (),
                |()| {
                    taken += 1;
                    if taken == 3 { Err(error("full")) } else { Ok(()) }
                },
            );
            assert!(done.is_err());
            assert_eq!(taken, 3);
            // Blocks are read no further ahead than the queue holds.
            assert!(blocks.start <= 3 + 2 * threads as u64 + 2, "{}", blocks.start);
        }
    }

    #[test]
    fn a_panic_of_any_step_ends_all_threads() {
        for step in 0..3 {
            let mut blocks = 0..100;
            let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
                in_order(
                    3,
                    || {
                        let block = blocks.next();
                        assert!(step != 0 || block < Some(5), "odd");
                        Ok(block)
                    },
                    |block, _| {
                        assert!(step != 1 || block < 5, "odd");
                        block
                    },
                    |block| {
                        assert!(step != 2 || block < 5, "odd");
                        Ok(())
                    },
                )
            }));
            assert!(ended.is_err());
        }
    }
}
