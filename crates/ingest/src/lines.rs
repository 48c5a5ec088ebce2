//! A JSONL file as blocks of whole lines, hashed as they are read.
//!
//! Where a block ends follows from the bytes alone, never from how much a read happened to return,
//! so that whatever is made of the blocks is the same on every run and for any number of threads.

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

use crate::IngestError;

/// A block is cut at the last line end below this size.
const BLOCK: usize = 4 << 20;

/// Whole lines of a file, the last one perhaps without its line end.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// The offset of the first byte in the file.
    pub(crate) offset: u64,
    /// The block stands for one line that is longer than the limit, of which it holds the head.
    pub(crate) oversized: bool,
}

/// Reads a file block by block.
pub(crate) struct BlockReader {
    file: File,
    hash: Sha256,
    limit: usize,
    carry: Vec<u8>,
    offset: u64,
    ended: bool,
}

/// What was read of a file, when all of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl BlockReader {
    /// Opens a file and refuses what is plainly something else than JSON lines.
    pub(crate) fn open(path: &Path, limit: usize) -> Result<BlockReader, IngestError> {
        let mut file = File::open(path).map_err(IngestError::io("open", path))?;
        let mut carry = Vec::with_capacity(BLOCK);
        let read = (&mut file).take(4).read_to_end(&mut carry);
        read.map_err(IngestError::io("read", path))?;
        let what = match carry.as_slice() {
            [0x1f, 0x8b, ..] => Some("is gzip-compressed; unpack it first"),
            [0x28, 0xb5, 0x2f, 0xfd] => Some("is zstd-compressed; unpack it first"),
            [b'P', b'K', 3, 4] => Some("is a zip archive; unpack it first"),
            b"PAR1" => Some("is a Parquet file; name it *.parquet"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("is UTF-16; convert it to UTF-8"),
            _ => None,
        };
        if let Some(what) = what {
            return Err(IngestError::Source { path: path.to_owned(), reason: what.into() });
        }
        let mut hash = Sha256::new();
        hash.update(&carry);
        Ok(BlockReader { file, hash, limit, carry, offset: 0, ended: false })
    }

    /// Reads until `bytes` holds `target` bytes or the file ends.
    fn fill(&mut self, bytes: &mut Vec<u8>, target: usize) -> std::io::Result<()> {
        let wanted = target.saturating_sub(bytes.len());
        let before = bytes.len();
        bytes.reserve_exact(wanted);
        let read = (&mut self.file).take(wanted as u64).read_to_end(bytes)?;
        self.hash.update(&bytes[before..]);
        self.ended = read < wanted;
        Ok(())
    }

    /// The next block in `buffer`'s memory; `None` at the end of the file.
    pub(crate) fn next(&mut self, mut buffer: Vec<u8>) -> std::io::Result<Option<Block>> {
        buffer.clear();
        buffer.append(&mut self.carry);
        let mut target = BLOCK;
        let cut = loop {
            if !self.ended {
                self.fill(&mut buffer, target)?;
            }
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
        let block = Block { offset: self.offset, oversized: false, bytes: buffer };
        self.offset += block.bytes.len() as u64;
        Ok(Some(block))
    }

    /// Reads past a line that is too long, holding only its head.
    fn skip_line(&mut self, mut head: Vec<u8>) -> std::io::Result<Block> {
        let mut skipped = head.len() as u64;
        head.truncate(4096);
        let mut piece = Vec::new();
        while !self.ended {
            piece.clear();
            self.fill(&mut piece, BLOCK)?;
            if let Some(at) = memchr::memchr(b'\n', &piece) {
                skipped += at as u64 + 1;
                self.carry.extend_from_slice(&piece[at + 1..]);
                break;
            }
            skipped += piece.len() as u64;
        }
        let block = Block { bytes: head, offset: self.offset, oversized: true };
        self.offset += skipped;
        Ok(block)
    }

    /// Length and SHA-256 of the file; meaningful after `next` has returned `None`.
    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint { bytes: self.offset, sha256: hex(&self.hash.finalize()) }
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
        let mut reader = BlockReader::open(&path, limit).unwrap();
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
        for pair in blocks.windows(2) {
            assert_eq!(pair[0].bytes.last(), Some(&b'\n'));
            assert_eq!(pair[1].offset, pair[0].offset + pair[0].bytes.len() as u64);
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
        assert_eq!((long[0].offset, long[0].bytes.len()), (6, 4096));
        let last = blocks.last().unwrap();
        assert_eq!(last.bytes, b"last\n");
    }
}
