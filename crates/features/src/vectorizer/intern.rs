//! Numbers for strings and for pairs of numbers, without an allocation a lookup.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use hashbrown::{HashTable, hash_table};

use crate::FeaturesError;

/// No token, no node, no column.
pub(crate) const NONE: u32 = u32::MAX;

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

/// The longest string that [`digest`] holds whole.
const SHORT: usize = 16;

/// Two numbers that stand for a string of up to [`SHORT`] bytes: with its length they tell it from
/// all others. Of a longer one they are a hash.
#[inline]
pub(crate) fn digest(bytes: &[u8]) -> (u64, u64) {
    // Reads overlap, so that none depends on the length.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        if bytes.len() <= SHORT {
            return (first, last);
        }
        let (chunks, _) = bytes.as_chunks();
        let hash = chunks.iter().fold(last, |hash, &chunk| {
            fold(hash ^ u64::from_le_bytes(chunk), 0xA076_1D64_78BD_642F) ^ hash.rotate_left(29)
        });
        return (hash, last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return (u64::from(first) | u64::from(last) << 32, 0);
    }
    (bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)), 0)
}

/// A string's number beside what tells a short string from all others, so that most are found in
/// one place.
#[derive(Clone, Copy, Debug)]
struct Slot {
    digest: (u64, u64),
    len: u32,
    id: u32,
}

impl Slot {
    #[inline]
    fn hash(&self, seed: u64) -> u64 {
        hash_digest(self.digest, self.len as usize, seed)
    }
}

/// Where a string stands among all strings, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    start: usize,
    len: u32,
    value: V,
}

#[inline]
fn hash_digest(digest: (u64, u64), len: usize, seed: u64) -> u64 {
    let first = fold(digest.0 ^ seed, 0xA076_1D64_78BD_642F ^ len as u64);
    fold(digest.1 ^ first, seed ^ 0xE703_7ED1_A0B4_28DB)
}

/// Strings with a value each, numbered in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Interner<V> {
    entries: Vec<Entry<V>>,
    /// All strings, one after the other.
    text: Vec<u8>,
    slots: HashTable<Slot>,
    seed: u64,
}

impl<V: Copy + Default> Interner<V> {
    pub(crate) fn new() -> Interner<V> {
        Interner { entries: Vec::new(), text: Vec::new(), slots: HashTable::new(), seed: *SEED }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of string `id`.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &[u8] {
        string(&self.text, &self.entries[id as usize])
    }

    /// Forgets all strings and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.slots.clear();
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

    /// The number of a string that is known.
    #[inline]
    pub(crate) fn lookup(&self, bytes: &[u8]) -> Option<u32> {
        let digest = digest(bytes);
        let hash = hash_digest(digest, bytes.len(), self.seed);
        let same = |slot: &Slot| is(&self.text, &self.entries, slot, digest, bytes);
        self.slots.find(hash, same).map(|slot| slot.id)
    }

    /// The number of a string, which is taken in with the default if it is new.
    #[inline]
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> Result<u32, FeaturesError> {
        let Interner { entries, text, slots, seed } = self;
        let digest = digest(bytes);
        let hash = hash_digest(digest, bytes.len(), *seed);
        let same = |slot: &Slot| is(text, entries, slot, digest, bytes);
        match slots.entry(hash, same, |slot| slot.hash(*seed)) {
            hash_table::Entry::Occupied(slot) => Ok(slot.get().id),
            hash_table::Entry::Vacant(slot) => {
                let id = u32::try_from(entries.len()).ok().filter(|&id| id < NONE);
                let id = id.ok_or(FeaturesError::TooMany { what: "different tokens" })?;
                let len = u32::try_from(bytes.len());
                let len = len.map_err(|_| FeaturesError::TooMany { what: "bytes in a token" })?;
                entries.push(Entry { start: text.len(), len, value: V::default() });
                text.extend_from_slice(bytes);
                slot.insert(Slot { digest, len, id });
                Ok(id)
            }
        }
    }
}

#[inline]
fn string<'a, V>(text: &'a [u8], entry: &Entry<V>) -> &'a [u8] {
    &text[entry.start..entry.start + entry.len as usize]
}

/// Whether a slot is that of a string.
#[inline]
fn is<V>(text: &[u8], entries: &[Entry<V>], slot: &Slot, digest: (u64, u64), bytes: &[u8]) -> bool {
    slot.digest == digest
        && slot.len as usize == bytes.len()
        && (bytes.len() <= SHORT || string(text, &entries[slot.id as usize]) == bytes)
}

/// A map from the keys of pairs to small values.
#[derive(Clone, Debug)]
pub(crate) struct KeyMap<V> {
    entries: HashTable<(u64, V)>,
    seed: u64,
}

impl<V: Copy + Default> KeyMap<V> {
    pub(crate) fn with_capacity(capacity: usize) -> KeyMap<V> {
        KeyMap { entries: HashTable::with_capacity(capacity), seed: *SEED }
    }

    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        let found = self.entries.find(hash_key(key, self.seed), |entry| entry.0 == key);
        found.map(|entry| entry.1)
    }

    /// The value of a key, which is taken in with the default if it is new.
    #[inline]
    pub(crate) fn entry(&mut self, key: u64) -> &mut V {
        let seed = self.seed;
        let same = |entry: &(u64, V)| entry.0 == key;
        let entry = self.entries.entry(hash_key(key, seed), same, |entry| hash_key(entry.0, seed));
        &mut entry.or_insert_with(|| (key, V::default())).into_mut().1
    }

    /// The entries, in no particular order; none are left.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u64, V)> {
        self.entries.drain()
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
        // Of lengths on both sides of what a digest holds.
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
        // Zeros and repetitions, which a digest alone may not tell apart.
        let mut ends: Vec<Vec<u8>> =
            (0..40).map(|zeros| [&b"ab"[..], &vec![0; zeros]].concat()).collect();
        ends.extend((3..60).map(|length| b"ab".repeat(30)[..length].to_vec()));
        for (id, end) in (5_000..).zip(&ends) {
            assert_eq!(interner.intern(end).unwrap(), id);
        }
        for (id, end) in (5_000..).zip(&ends) {
            assert_eq!((interner.lookup(end), interner.get(id)), (Some(id), &end[..]));
        }
        assert_eq!((interner.len(), interner.lookup(b"absent")), (5_097, None));
        interner.clear();
        assert_eq!((interner.len(), interner.lookup(&text(0))), (0, None));
        assert_eq!((interner.intern(&text(7)).unwrap(), interner.get(0)), (0, &text(7)[..]));
        assert_eq!(interner.values().copied().collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_key_map_counts() {
        let mut map = KeyMap::<u32>::with_capacity(0);
        for i in 0..30_000_u64 {
            *map.entry(i % 10_000) += 1;
        }
        assert_eq!((map.get(77), map.get(10_000)), (Some(3), None));
        assert_eq!(map.drain().count(), 10_000);
        assert_eq!((map.get(77), map.drain().count()), (None, 0));
    }
}
