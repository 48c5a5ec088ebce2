//! Memory that turns one text after another into its row.

use std::sync::{Mutex, PoisonError};

use super::{intern::Interner, rows::Counter};

/// The memory that one thread needs for a text.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) counter: Counter,
    pub(super) scratch: Vec<u8>,
    pub(super) ids: Vec<u32>,
    /// The different words of a text, and how often each stands there.
    pub(super) words: Interner<u32>,
}

impl Memory {
    fn new(cols: usize) -> Memory {
        let counter = Counter::new(cols);
        Memory { counter, scratch: Vec::new(), ids: Vec::new(), words: Interner::new() }
    }
}

/// Memories that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Memories(Mutex<Vec<Memory>>);

/// Memory is made anew where it is needed.
impl Clone for Memories {
    fn clone(&self) -> Memories {
        Memories::default()
    }
}

impl Memories {
    /// Calls `step` with a memory for so many columns, the same ones on every call.
    pub(crate) fn with<T>(&self, cols: usize, step: impl FnOnce(&mut Memory) -> T) -> T {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = lock().pop();
        let mut memory = spare.unwrap_or_else(|| Memory::new(cols));
        let done = step(&mut memory);
        lock().push(memory);
        done
    }
}
