//! The matrix as a SciPy CSR `.npz`: what `scipy.sparse.save_npz` writes and `load_npz` opens.
//!
//! The file is a ZIP archive of five NumPy arrays: `format` (`csr`), `shape`, `data` (f64),
//! `indices` (i32) and `indptr` (i32, or i64 where there are more entries). The bytes depend on
//! the matrix alone: members are stored, not compressed, with a fixed date.

use std::io::{self, Read, Seek, SeekFrom, Write};

use clawsig_schema::matrix::{Csr, CsrError};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Why a `.npz` file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    /// The file system refused.
    #[error("can't read or write the .npz file: {0}")]
    Io(#[from] io::Error),
    /// It is no ZIP archive, or a member is missing.
    #[error("not a .npz file of a sparse matrix: {0}")]
    Zip(#[source] zip::result::ZipError),
    /// A member is not the array that belongs there.
    #[error("member `{member}`: {what}")]
    Member {
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A member is larger than the reader was told to expect.
    #[error(
        "member `{member}` holds {found} numbers, more than the limit of {limit}; raise NpzLimits if the file is to be trusted"
    )]
    TooLarge {
        /// The member's name.
        member: &'static str,
        /// How many numbers it says it has.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The arrays are no matrix.
    #[error("the arrays are no CSR matrix: {0}")]
    Matrix(#[from] CsrError),
    /// More columns than SciPy's 32-bit indices can number.
    #[error("{cols} columns do not fit SciPy's 32-bit indices; ask for fewer")]
    TooWide {
        /// The number of columns.
        cols: usize,
    },
}

impl From<zip::result::ZipError> for NpzError {
    fn from(error: zip::result::ZipError) -> NpzError {
        match error {
            zip::result::ZipError::Io(error) => NpzError::Io(error),
            error => NpzError::Zip(error),
        }
    }
}

/// How large a matrix a reader accepts, so that a damaged or hostile file can't fill the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NpzLimits {
    /// The most rows. By default 2^28.
    pub rows: u64,
    /// The most stored entries. By default 2^31.
    pub entries: u64,
}

impl Default for NpzLimits {
    fn default() -> Self {
        NpzLimits { rows: 1 << 28, entries: 1 << 31 }
    }
}

/// Writes a matrix. The same matrix gives the same bytes.
///
/// # Errors
/// [`NpzError::Io`], [`NpzError::TooWide`].
pub fn write_npz<W: Write + Seek>(out: W, matrix: &Csr) -> Result<(), NpzError> {
    if i32::try_from(matrix.cols()).is_err() {
        return Err(NpzError::TooWide { cols: matrix.cols() });
    }
    let mut zip = ZipWriter::new(OnceFailing { out, failed: false });
    let entries = matrix.entries();
    // The indices were just seen to be below 2^31.
    let indices = matrix.indices().iter().map(|&i| i as i32);
    member(&mut zip, "indices", "<i4", &entries.to_string(), indices.map(i32::to_le_bytes))?;
    let rows = (matrix.rows() + 1).to_string();
    let indptr = matrix.indptr().iter();
    if i32::try_from(entries).is_ok() {
        member(&mut zip, "indptr", "<i4", &rows, indptr.map(|&end| (end as i32).to_le_bytes()))?;
    } else {
        member(&mut zip, "indptr", "<i8", &rows, indptr.map(|&end| (end as i64).to_le_bytes()))?;
    }
    member(&mut zip, "format", "|S3", "", std::iter::once(*b"csr"))?;
    let shape = [matrix.rows() as i64, matrix.cols() as i64];
    member(&mut zip, "shape", "<i8", "2", shape.iter().map(|n| n.to_le_bytes()))?;
    let values = matrix.values().iter().map(|v| v.to_le_bytes());
    member(&mut zip, "data", "<f8", &entries.to_string(), values)?;
    // A buffer's last bytes may be what the disk has no room for.
    zip.finish()?.flush()?;
    Ok(())
}

/// Gives an error once and then takes everything: an archive that is dropped half-written tries to
/// end itself, and says on standard error that it could not.
struct OnceFailing<W> {
    out: W,
    failed: bool,
}

impl<W> OnceFailing<W> {
    fn attempt<T>(
        &mut self,
        otherwise: T,
        act: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failed {
            return Ok(otherwise);
        }
        let done = act(&mut self.out);
        self.failed = done.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for OnceFailing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), Write::flush)
    }
}

impl<W: Seek> Seek for OnceFailing<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.attempt(0, |out| out.seek(to))
    }
}

/// Writes one array; `length` is empty for an array without dimensions.
fn member<W: Write + Seek, const N: usize>(
    zip: &mut ZipWriter<W>,
    name: &str,
    descr: &str,
    length: &str,
    items: impl Iterator<Item = [u8; N]>,
) -> Result<(), NpzError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644)
        .large_file(true);
    zip.start_file(format!("{name}.npy"), options)?;
    let shape = if length.is_empty() { "()".to_owned() } else { format!("({length},)") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length take 10 bytes; the whole is padded to a multiple of 64.
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    zip.write_all(b"\x93NUMPY\x01\x00")?;
    zip.write_all(&(header.len() as u16).to_le_bytes())?;
    zip.write_all(header.as_bytes())?;
    let mut buffer = Vec::with_capacity(1 << 16);
    for item in items {
        buffer.extend_from_slice(&item);
        if buffer.len() >= (1 << 16) - 8 {
            zip.write_all(&buffer)?;
            buffer.clear();
        }
    }
    zip.write_all(&buffer)?;
    Ok(())
}

/// Reads a matrix, stored or deflated, and checks all of it.
///
/// Values may be f64 or f32, indices i32 or i64, as SciPy writes them.
///
/// # Errors
/// Every [`NpzError`]; nothing larger than the limits is ever allocated.
pub fn read_npz<R: Read + Seek>(input: R, limits: NpzLimits) -> Result<Csr, NpzError> {
    let mut zip = ZipArchive::new(input)?;
    let format = array(&mut zip, "format", 1)?;
    if format.bytes != b"csr" {
        return Err(format.wrong("the matrix is not in CSR form"));
    }
    let shape = array(&mut zip, "shape", 2)?;
    let (rows, cols) = match shape.whole()?[..] {
        [rows, cols] => (rows, cols),
        _ => return Err(shape.wrong("expected two numbers")),
    };
    let indptr = array(&mut zip, "indptr", limits.rows.saturating_add(1))?.whole()?;
    if indptr.len() as u64 != rows.saturating_add(1) {
        let what = format!("{} row pointers for {rows} rows", indptr.len());
        return Err(NpzError::Member { member: "indptr", what });
    }
    let indices = array(&mut zip, "indices", limits.entries)?;
    let indices = indices.columns()?;
    let values = array(&mut zip, "data", limits.entries)?.numbers()?;
    let cols = usize::try_from(cols).map_err(|_| shape.wrong("too many columns"))?;
    Ok(Csr::new(cols, indptr, indices, values)?)
}

/// An array as it was read.
struct Array {
    member: &'static str,
    descr: String,
    bytes: Vec<u8>,
}

impl Array {
    fn wrong(&self, what: &str) -> NpzError {
        NpzError::Member { member: self.member, what: what.to_owned() }
    }

    fn chunks<const N: usize>(&self) -> impl Iterator<Item = [u8; N]> {
        self.bytes.chunks_exact(N).map(|chunk| {
            let mut item = [0; N];
            item.copy_from_slice(chunk);
            item
        })
    }

    /// Whole numbers, none below 0.
    fn whole(&self) -> Result<Vec<u64>, NpzError> {
        let signed: Vec<i64> = match self.descr.as_str() {
            "<i4" => self.chunks().map(|b| i64::from(i32::from_le_bytes(b))).collect(),
            "<i8" => self.chunks().map(i64::from_le_bytes).collect(),
            other => return Err(self.wrong(&format!("type `{other}`, expected <i4 or <i8"))),
        };
        let whole: Result<_, _> = signed.into_iter().map(u64::try_from).collect();
        whole.map_err(|_| self.wrong("a number is negative"))
    }

    /// Whole numbers of 32 bits, none below 0, made without a wider copy of them all.
    fn columns(&self) -> Result<Vec<u32>, NpzError> {
        let narrow: Result<Vec<u32>, _> = match self.descr.as_str() {
            "<i4" => self.chunks().map(|b| u32::try_from(i32::from_le_bytes(b))).collect(),
            "<i8" => self.chunks().map(|b| u32::try_from(i64::from_le_bytes(b))).collect(),
            other => return Err(self.wrong(&format!("type `{other}`, expected <i4 or <i8"))),
        };
        narrow.map_err(|_| self.wrong("a column is negative or beyond 32 bits"))
    }

    fn numbers(&self) -> Result<Vec<f64>, NpzError> {
        match self.descr.as_str() {
            "<f8" => Ok(self.chunks().map(f64::from_le_bytes).collect()),
            "<f4" => Ok(self.chunks().map(|b| f64::from(f32::from_le_bytes(b))).collect()),
            other => Err(self.wrong(&format!("type `{other}`, expected <f8 or <f4"))),
        }
    }
}

/// Bytes set aside on the word of a header alone.
const MOST_ROOM: u64 = 1 << 28;

/// Reads one member, of at most `limit` items.
fn array<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    member: &'static str,
    limit: u64,
) -> Result<Array, NpzError> {
    let wrong = |what: &str| NpzError::Member { member, what: what.to_owned() };
    let mut file = zip.by_name(&format!("{member}.npy"))?;
    let mut start = [0; 10];
    file.read_exact(&mut start)?;
    if &start[..6] != b"\x93NUMPY" || start[6] != 1 {
        return Err(wrong("not a NumPy array of format 1.0"));
    }
    let mut header = vec![0; usize::from(u16::from_le_bytes([start[8], start[9]]))];
    file.read_exact(&mut header)?;
    let header = String::from_utf8(header).map_err(|_| wrong("the header is not text"))?;
    let field = |name: &str| {
        let at = header.find(&format!("'{name}':"))? + name.len() + 3;
        Some(header[at..].trim_start())
    };
    if !field("fortran_order").is_some_and(|value| value.starts_with("False")) {
        return Err(wrong("the array is not in C order"));
    }
    let descr = field("descr")
        .and_then(|value| value.strip_prefix('\'')?.split('\'').next())
        .ok_or_else(|| wrong("the header names no type"))?
        .to_owned();
    let size: u64 = descr
        .get(2..)
        .and_then(|digits| digits.parse().ok())
        .filter(|size| (1..=8).contains(size))
        .ok_or_else(|| wrong("items of a size that is not read here"))?;
    let shape = field("shape")
        .and_then(|value| value.strip_prefix('(')?.split(')').next())
        .ok_or_else(|| wrong("the header names no shape"))?;
    let mut items = 1_u64;
    for length in shape.split(',').map(str::trim).filter(|length| !length.is_empty()) {
        let length: u64 = length.parse().map_err(|_| wrong("the shape is not numbers"))?;
        items = items.saturating_mul(length);
    }
    if items > limit {
        return Err(NpzError::TooLarge { member, found: items, limit });
    }
    // Room for all of it, unless a few bytes announce more than they are likely to hold.
    let room = (items * size + 1).min(MOST_ROOM);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    // One byte more than announced tells a member that goes on from one that ends.
    file.take(items * size + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != items * size {
        let what = format!("{items} items are announced, but the data does not fit them");
        return Err(NpzError::Member { member, what });
    }
    Ok(Array { member, descr, bytes })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn written(matrix: &Csr) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        write_npz(&mut out, matrix).unwrap();
        out.into_inner()
    }

    fn sample() -> Csr {
        Csr::new(4, vec![0, 2, 2, 3], vec![0, 3, 1], vec![1.5, -2.0, 1e-300]).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        for matrix in [sample(), Csr::empty(7).unwrap()] {
            let bytes = written(&matrix);
            assert_eq!(read_npz(Cursor::new(&bytes), NpzLimits::default()).unwrap(), matrix);
            assert_eq!(bytes, written(&matrix));
        }
    }

    #[test]
    fn limits_hold_before_anything_is_read() {
        let limits = NpzLimits { rows: 3, entries: 2 };
        let error = read_npz(Cursor::new(written(&sample())), limits).unwrap_err();
        assert!(matches!(error, NpzError::TooLarge { member: "indices", found: 3, limit: 2 }));
    }

    /// A disk with room for so many bytes, behind a buffer.
    struct Full(Cursor<Vec<u8>>, usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.position() as usize + bytes.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Full {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_wherever_it_ends() {
        let matrix = Csr::new(3, vec![0, 1], vec![2], vec![1.0]).unwrap();
        let mut whole = Cursor::new(Vec::new());
        write_npz(&mut whole, &matrix).unwrap();
        let size = whole.get_ref().len();
        for room in 0..size {
            let disk = io::BufWriter::with_capacity(64, Full(Cursor::new(Vec::new()), room));
            let err = write_npz(disk, &matrix).unwrap_err();
            assert!(matches!(err, NpzError::Io(_)), "{room}: {err}");
        }
        let disk = io::BufWriter::with_capacity(64, Full(Cursor::new(Vec::new()), size));
        write_npz(disk, &matrix).unwrap();
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_panic() {
        let bytes = written(&sample());
        for cut in 0..bytes.len() {
            assert!(read_npz(Cursor::new(&bytes[..cut]), NpzLimits::default()).is_err());
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            // Some bytes (a date, a permission) matter to nobody; most give an error.
            if let Ok(matrix) = read_npz(Cursor::new(changed), NpzLimits::default()) {
                assert!(matrix.rows() <= 3);
            }
        }
    }
}
