//! A file of text rows as blocks of whole lines of JSON, hashed as it is read.
//!
//! Where a block ends follows from the bytes alone, never from how much a read happened to return,
//! so that whatever is made of the blocks is the same on every run and for any number of threads.

use std::{
    fs::File,
    io::{self, Chain, Cursor, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{
    IngestError,
    look::{HEAD, Look, look},
    rewrite::{CsvRows, Elements},
    source::{Form, Packing},
};

/// A block is cut at the last line end below this size.
const BLOCK: usize = 4 << 20;

/// Whole lines, the last one perhaps without its line end.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// The offset of the first byte in the file, where the lines are the file's own.
    pub(crate) offset: Option<u64>,
    /// Bytes of the file that were read so far.
    pub(crate) read: u64,
    /// Whether it is the file's first block.
    pub(crate) first: bool,
    /// The block stands for one line that is longer than the limit, of which it holds the head.
    pub(crate) oversized: bool,
}

/// Length and SHA-256 of what was read of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// A file that is hashed as it is read; the hash is shared with whoever asks for it in the end.
struct Hashed {
    file: File,
    state: Arc<Mutex<(Sha256, u64)>>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        // A panic between these lines is not possible, so the state is whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.update(&buffer[..read]);
        state.1 += read as u64;
        Ok(read)
    }
}

/// A source of bytes behind which may be a decompressor.
pub(crate) type Bytes = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

enum BlockSource {
    /// Lines as they stand in the file.
    Lines(Lines),
    /// The elements of one JSON array.
    Elements(Elements),
    Csv(CsvRows),
}

/// Reads a file block by block.
pub(crate) struct BlockReader {
    rows: BlockSource,
    hash: Arc<Mutex<(Sha256, u64)>>,
    /// Whether offsets in the lines are offsets in the file.
    plain: bool,
    first: bool,
}

impl BlockReader {
    /// Opens a file and refuses one that is plainly not what its name says.
    pub(crate) fn open(
        path: &Path,
        form: Form,
        packing: Option<Packing>,
        limit: usize,
    ) -> Result<BlockReader, IngestError> {
        let refuse = |what: &str| IngestError::Source {
            path: path.to_owned(),
            reason: format!("is {what}"),
        };
        let fail = IngestError::io("read", path);
        let file = File::open(path).map_err(IngestError::io("open", path))?;
        let hash = Arc::new(Mutex::new((Sha256::new(), 0)));
        let mut raw = Hashed { file, state: Arc::clone(&hash) };
        let mut magic = Vec::new();
        (&mut raw).take(4).read_to_end(&mut magic).map_err(fail)?;
        let packed = look(&magic);
        let raw = Cursor::new(magic).chain(raw);
        let mut bytes: Box<dyn Read + Send> = match (packing, packed) {
            (Some(Packing::Gzip), Look::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(raw)),
            (Some(Packing::Zstd), Look::Zstd) => {
                let decoder = zstd::Decoder::new(raw).map_err(IngestError::io("read", path))?;
                Box::new(decoder)
            }
            (Some(_), _) => {
                return Err(refuse("not compressed as its name says; name it after what it is"));
            }
            (None, Look::Gzip | Look::Zstd) => {
                return Err(refuse(packed.described().unwrap_or_default()));
            }
            (None, _) => Box::new(raw),
        };
        let mut head = Vec::new();
        let read = (&mut bytes).take(HEAD as u64).read_to_end(&mut head);
        read.map_err(IngestError::io("read", path))?;
        let found = look(&head);
        let bytes = Cursor::new(head).chain(bytes);
        let rows = match (form, found) {
            (Form::Csv, Look::Csv | Look::Blank | Look::Unknown) => {
                BlockSource::Csv(CsvRows::new(bytes, limit))
            }
            (Form::Jsonl, Look::JsonArray) => BlockSource::Elements(Elements::new(bytes, limit)),
            (Form::Jsonl, Look::JsonLines | Look::Blank | Look::Unknown) => {
                BlockSource::Lines(Lines {
                    bytes,
                    limit,
                    carry: Vec::new(),
                    offset: 0,
                    ended: false,
                })
            }
            (_, found) => return Err(refuse(found.described().unwrap_or_default())),
        };
        Ok(BlockReader { rows, hash, plain: packing.is_none(), first: true })
    }

    /// The next block in `buffer`'s memory; `None` at the end of the file.
    pub(crate) fn next(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Block>> {
        let mut block = match &mut self.rows {
            BlockSource::Lines(lines) => match lines.next(buffer)? {
                Some(block) => block,
                None => return Ok(None),
            },
            BlockSource::Elements(elements) => {
                buffer.clear();
                while buffer.len() < BLOCK && elements.next(&mut buffer)? {}
                Block { bytes: buffer, ..Block::default() }
            }
            BlockSource::Csv(records) => {
                buffer.clear();
                while buffer.len() < BLOCK && records.next(&mut buffer)? {}
                Block { bytes: buffer, ..Block::default() }
            }
        };
        if block.bytes.is_empty() {
            return Ok(None);
        }
        block.first = std::mem::take(&mut self.first);
        block.offset = block.offset.filter(|_| self.plain);
        block.read = self.read().1;
        Ok(Some(block))
    }

    fn read(&self) -> std::sync::MutexGuard<'_, (Sha256, u64)> {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Length and SHA-256 of the file; meaningful after `next` has returned `None`.
    pub(crate) fn finish(self) -> Fingerprint {
        let state = self.read();
        Fingerprint { bytes: state.1, sha256: hex(&state.0.clone().finalize()) }
    }
}

struct Lines {
    bytes: Bytes,
    limit: usize,
    carry: Vec<u8>,
    offset: u64,
    ended: bool,
}

impl Lines {
    /// Reads until `bytes`, of which the first `held` are kept, holds `target` bytes or the file ends.
    ///
    /// Bytes past `held` are overwritten where they lie, which saves zeroing them.
    fn fill(&mut self, bytes: &mut Vec<u8>, mut held: usize, target: usize) -> io::Result<()> {
        bytes.resize(target, 0);
        while held < target && !self.ended {
            match self.bytes.read(&mut bytes[held..]) {
                Ok(read) => {
                    held += read;
                    self.ended = read == 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(held);
        Ok(())
    }

    fn next(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Block>> {
        let mut held = self.carry.len();
        let mut target = BLOCK.max(held);
        buffer.resize(target, 0);
        buffer[..held].copy_from_slice(&self.carry);
        self.carry.clear();
        let cut = loop {
            self.fill(&mut buffer, held, target)?;
            held = buffer.len();
            if self.ended {
                break buffer.len();
            }
            if let Some(at) = memchr::memrchr(b'\n', &buffer) {
                break at + 1;
            }
            if buffer.len() > self.limit {
                return self.skip_line(buffer).map(Some);
            }
            target = (buffer.len() + BLOCK).min(self.limit + 1);
        };
        if buffer.is_empty() {
            return Ok(None);
        }
        self.carry.extend_from_slice(&buffer[cut..]);
        buffer.truncate(cut);
        let block = Block { offset: Some(self.offset), bytes: buffer, ..Block::default() };
        self.offset += block.bytes.len() as u64;
        Ok(Some(block))
    }

    /// Reads past a line that is too long, holding only its head.
    fn skip_line(&mut self, mut head: Vec<u8>) -> io::Result<Block> {
        let mut skipped = head.len() as u64;
        head.truncate(4096);
        let mut piece = Vec::new();
        while !self.ended {
            self.fill(&mut piece, 0, BLOCK)?;
            if let Some(at) = memchr::memchr(b'\n', &piece) {
                skipped += at as u64 + 1;
                self.carry.extend_from_slice(&piece[at + 1..]);
                break;
            }
            skipped += piece.len() as u64;
        }
        let offset = Some(self.offset);
        self.offset += skipped;
        Ok(Block { bytes: head, offset, oversized: true, ..Block::default() })
    }
}

/// Length and SHA-256 of a whole file, for formats that are not read from front to back.
pub(crate) fn fingerprint(path: &Path) -> Result<Fingerprint, IngestError> {
    let mut file = File::open(path).map_err(IngestError::io("open", path))?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(IngestError::io("read", path))?;
        if read == 0 {
            return Ok(Fingerprint { bytes, sha256: hex(&hash.finalize()) });
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(content: &[u8], limit: usize) -> (Vec<Block>, Fingerprint) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        std::fs::write(&path, content).unwrap();
        let mut reader = BlockReader::open(&path, Form::Jsonl, None, limit).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = reader.next(Vec::new()).unwrap() {
            blocks.push(block);
        }
        let read = reader.finish();
        assert_eq!(read, fingerprint(&path).unwrap());
        (blocks, read)
    }

    #[test]
    fn blocks_hold_whole_lines_and_every_byte() {
        let mut content = Vec::new();
        for i in 0..50_000 {
            content.extend_from_slice(format!("{i} {}\n", "x".repeat(i % 500)).as_bytes());
        }
        content.extend_from_slice(b"the last line has no end");
        let (blocks, read) = blocks(&content, 1 << 20);
        assert!(blocks.len() > 2);
        let joined: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
        assert_eq!(joined, content);
        assert_eq!(read.bytes, content.len() as u64);
        assert!(blocks[0].first && !blocks[1].first);
        for pair in blocks.windows(2) {
            assert_eq!(pair[0].bytes.last(), Some(&b'\n'));
            let end = pair[0].offset.unwrap() + pair[0].bytes.len() as u64;
            assert_eq!(pair[1].offset, Some(end));
            assert!(pair[0].read <= pair[1].read);
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_not_held() {
        let mut content = b"first\n".to_vec();
        content.extend(std::iter::repeat_n(b'y', 12 << 20));
        content.extend_from_slice(b"\nlast\n");
        let (blocks, read) = blocks(&content, 2 << 20);
        assert_eq!(read.bytes, content.len() as u64);
        let long: Vec<_> = blocks.iter().filter(|block| block.oversized).collect();
        assert_eq!(long.len(), 1);
        assert_eq!((long[0].offset, long[0].bytes.len()), (Some(6), 4096));
        let last = blocks.last().unwrap();
        assert_eq!(last.bytes, b"last\n");
    }

    #[test]
    fn a_long_line_makes_one_block_larger_and_no_more() {
        let mut content = vec![b'y'; BLOCK + 1];
        content.extend(b"\nshort".repeat(3 * BLOCK / 6));
        let (blocks, _) = blocks(&content, 64 << 20);
        assert!(blocks.iter().all(|block| !block.oversized && block.bytes.len() <= 2 * BLOCK));
        assert_eq!(blocks.iter().map(|block| block.bytes.len()).sum::<usize>(), content.len());
    }

    /// Gives a few bytes on every second read; the others are interrupted.
    struct Halting(Cursor<Vec<u8>>, bool);

    impl Read for Halting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let few = buffer.len().min(3);
            self.0.read(&mut buffer[..few])
        }
    }

    #[test]
    fn a_read_that_is_interrupted_is_taken_up_again() {
        let content = b"one\ntwo and more\nthree".to_vec();
        let halting: Box<dyn Read + Send> = Box::new(Halting(Cursor::new(content.clone()), false));
        let bytes = Cursor::new(Vec::new()).chain(halting);
        let mut lines = Lines { bytes, limit: 1 << 20, carry: Vec::new(), offset: 0, ended: false };
        assert_eq!(lines.next(Vec::new()).unwrap().unwrap().bytes, content);
        assert!(lines.next(Vec::new()).unwrap().is_none());
    }
}
