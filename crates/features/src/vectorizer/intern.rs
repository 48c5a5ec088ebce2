//! Numbers for strings and for pairs of numbers, without an allocation a lookup.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use crate::FeaturesError;

/// No token, no node, no column.
pub(crate) const NONE: u32 = u32::MAX;

/// A key that no pair has: its halves are never [`NONE`].
const EMPTY: u64 = u64::MAX;

/// Differs from process to process, so that nobody can write a text whose tokens all collide.
/// No output depends on it.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u64) | 1);

/// The halves of a 128-bit product, folded.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// A hash of a pair's key.
#[inline]
pub(crate) fn hash_key(key: u64, seed: u64) -> u64 {
    fold(key ^ seed, 0x9E37_79B9_7F4A_7C15)
}

/// The seed of this process's hash tables.
pub(crate) fn process_seed() -> u64 {
    *SEED
}

#[inline]
fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), 0xA076_1D64_78BD_642F);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = fold(hash ^ u64::from_le_bytes(word), 0xE703_7ED1_A0B4_28DB);
    }
    hash ^ hash >> 32
}

/// Bytes of a string that are kept beside its value: nearly all words fit, and then one line of
/// memory tells whether a slot holds the word and takes its count.
const INLINE: usize = 12;

/// A string and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    len: u32,
    /// The string, with zeros behind it; for a longer one, where it starts among the long ones.
    head: [u8; INLINE],
    value: V,
}

/// Strings with a value each, numbered in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Interner<V> {
    entries: Vec<Entry<V>>,
    /// All strings that are longer than [`INLINE`], one after the other.
    long: Vec<u8>,
    /// Open addressing; the upper half is a hash, the lower the string's number.
    slots: Vec<u64>,
    seed: u64,
}

/// A string that fits, with zeros behind it.
#[inline]
fn padded(bytes: &[u8]) -> [u8; INLINE] {
    let mut head = [0; INLINE];
    head[..bytes.len()].copy_from_slice(bytes);
    head
}

impl<V: Copy + Default> Interner<V> {
    pub(crate) fn new() -> Interner<V> {
        Interner { entries: Vec::new(), long: Vec::new(), slots: vec![EMPTY; 1 << 10], seed: *SEED }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of string `id`.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &[u8] {
        let entry = &self.entries[id as usize];
        let len = entry.len as usize;
        if len <= INLINE { &entry.head[..len] } else { self.get_long(entry) }
    }

    fn get_long(&self, entry: &Entry<V>) -> &[u8] {
        let mut start = [0; 8];
        start.copy_from_slice(&entry.head[..8]);
        let start = u64::from_le_bytes(start) as usize;
        &self.long[start..start + entry.len as usize]
    }

    /// The value of string `id`.
    #[inline]
    pub(crate) fn value_mut(&mut self, id: u32) -> &mut V {
        &mut self.entries[id as usize].value
    }

    /// The values of all strings, by number.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// The slot of a string, or the free slot where it would go.
    #[inline]
    fn find(&self, bytes: &[u8], tag: u64) -> Result<u32, usize> {
        if bytes.len() > INLINE {
            return self.find_where(tag, |entry| {
                entry.len as usize == bytes.len() && self.get_long(entry) == bytes
            });
        }
        let head = padded(bytes);
        self.find_where(tag, |entry| entry.len as usize == bytes.len() && entry.head == head)
    }

    #[inline]
    fn find_where(&self, tag: u64, same: impl Fn(&Entry<V>) -> bool) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return Err(at);
            }
            if slot >> 32 == tag && same(&self.entries[slot as u32 as usize]) {
                return Ok(slot as u32);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of a string that is known.
    pub(crate) fn lookup(&self, bytes: &[u8]) -> Option<u32> {
        self.find(bytes, hash_bytes(bytes, self.seed) & 0xFFFF_FFFF).ok()
    }

    /// The number of a string, which is taken in with the default if it is new.
    #[inline]
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> Result<u32, FeaturesError> {
        let tag = hash_bytes(bytes, self.seed) & 0xFFFF_FFFF;
        match self.find(bytes, tag) {
            Ok(id) => Ok(id),
            Err(at) => self.add(bytes, tag, at),
        }
    }

    fn add(&mut self, bytes: &[u8], tag: u64, at: usize) -> Result<u32, FeaturesError> {
        // The last number is `NONE`, and the one before keeps a full slot apart from `EMPTY`.
        let id = u32::try_from(self.entries.len()).ok().filter(|&id| id < NONE - 1);
        let id = id.ok_or(FeaturesError::TooMany { what: "different tokens" })?;
        let len = u32::try_from(bytes.len());
        let len = len.map_err(|_| FeaturesError::TooMany { what: "bytes in a token" })?;
        let head = if bytes.len() <= INLINE {
            padded(bytes)
        } else {
            let start = self.long.len() as u64;
            self.long.extend_from_slice(bytes);
            padded(&start.to_le_bytes())
        };
        self.slots[at] = tag << 32 | u64::from(id);
        self.entries.push(Entry { len, head, value: V::default() });
        if self.entries.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        Ok(id)
    }

    fn grow(&mut self) {
        let mut slots = vec![EMPTY; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for &slot in self.slots.iter().filter(|&&slot| slot != EMPTY) {
            let mut at = (slot >> 32) as usize & mask;
            while slots[at] != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = slot;
        }
        self.slots = slots;
    }
}

/// A map from keys (never `u64::MAX`) to small values.
#[derive(Clone, Debug)]
pub(crate) struct KeyMap<V> {
    slots: Vec<(u64, V)>,
    len: usize,
    seed: u64,
}

impl<V: Copy + Default> KeyMap<V> {
    pub(crate) fn with_capacity(capacity: usize) -> KeyMap<V> {
        let slots = (capacity * 3 / 2).next_power_of_two().max(16);
        KeyMap { slots: vec![(EMPTY, V::default()); slots], len: 0, seed: *SEED }
    }

    #[inline]
    fn slot(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        // The upper bits pick the shard and the sketch's counter; the lower ones are still free.
        let mut at = hash_key(key, self.seed) as usize & mask;
        while self.slots[at].0 != key && self.slots[at].0 != EMPTY {
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        let (found, value) = self.slots[self.slot(key)];
        (found == key).then_some(value)
    }

    /// The value of a key, which is taken in with the default if it is new.
    #[inline]
    pub(crate) fn entry(&mut self, key: u64) -> &mut V {
        let mut at = self.slot(key);
        if self.slots[at].0 == EMPTY {
            if (self.len + 1) * 4 > self.slots.len() * 3 {
                self.grow();
                at = self.slot(key);
            }
            self.slots[at].0 = key;
            self.len += 1;
        }
        &mut self.slots[at].1
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![(EMPTY, V::default()); old.len() * 2];
        for (key, value) in old.into_iter().filter(|&(key, _)| key != EMPTY) {
            let at = self.slot(key);
            self.slots[at] = (key, value);
        }
    }

    /// The entries, in no particular order.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (u64, V)> {
        self.slots.into_iter().filter(|&(key, _)| key != EMPTY)
    }
}

/// The key of an n-gram: the number of its first n-1 tokens and that of its last.
#[inline]
pub(crate) fn pair(prefix: u32, last: u32) -> u64 {
    u64::from(prefix) << 32 | u64::from(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_their_numbers_while_the_table_grows() {
        let mut interner = Interner::<u32>::new();
        // Of lengths on both sides of what is kept inline.
        let text = |i: u32| format!("token{i}").repeat(1 + i as usize % 3).into_bytes();
        for i in 0..5_000 {
            assert_eq!(interner.intern(&text(i)).unwrap(), i);
        }
        for i in 0..5_000 {
            assert_eq!(interner.intern(&text(i)).unwrap(), i);
            assert_eq!(interner.get(i), text(i));
            *interner.value_mut(i) = i;
        }
        assert!(interner.values().copied().eq(0..5_000));
        // A zero at the end is not the zeros behind a string.
        let ends = [&b"ab"[..], b"ab\0", b"ab\0\0\0\0\0\0\0\0\0\0\0"];
        assert_eq!(ends.map(|end| interner.intern(end).unwrap()), [5_000, 5_001, 5_002]);
        assert_eq!((interner.len(), interner.lookup(b"absent")), (5_003, None));
    }

    #[test]
    fn a_key_map_counts() {
        let mut map = KeyMap::<u32>::with_capacity(0);
        for i in 0..30_000_u64 {
            *map.entry(i % 10_000) += 1;
        }
        assert_eq!((map.len, map.get(77), map.get(10_000)), (10_000, Some(3), None));
        assert_eq!(map.into_entries().count(), 10_000);
    }
}
