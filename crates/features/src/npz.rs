//! The matrix as a SciPy CSR `.npz`: what `scipy.sparse.save_npz` writes and `load_npz` opens.
//!
//! The file is a ZIP archive of five NumPy arrays: `format` (`csr`), `shape`, `data` (f64),
//! `indices` (i32) and `indptr` (i32, or i64 where there are more entries). The bytes depend on
//! the matrix alone: members are stored, not compressed, with a fixed date.
//!
//! [`read_npz`] takes every CSR matrix or array that `save_npz` writes, compressed or not: numbers
//! of any real type, either byte order, columns out of order (as scikit-learn leaves them) or named
//! twice in a row. A row is sorted and entries at one place are added, which is their meaning in
//! SciPy.

use std::io::{self, Read, Seek, Write};

use clawsig_schema::{
    hostile::printable,
    matrix::{Csr, CsrError},
};
use zip::{
    CompressionMethod, DateTime, ZipArchive, ZipWriter,
    read::ZipFile,
    write::{SimpleFileOptions, StreamWriter},
};

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
        /// The fault.
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
pub fn write_npz<W: Write>(out: W, matrix: &Csr) -> Result<(), NpzError> {
    if i32::try_from(matrix.cols()).is_err() {
        return Err(NpzError::TooWide { cols: matrix.cols() });
    }
    // As a stream, so that nothing is written twice and `out` need not seek.
    let mut zip = ZipWriter::new_stream(OnceFailing { out, failed: false });
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

/// Writes one array; `length` is empty for an array without dimensions.
fn member<W: Write, const N: usize>(
    zip: &mut ZipWriter<StreamWriter<W>>,
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

/// Reads a matrix that SciPy's `save_npz` or [`write_npz`] wrote, and checks all of it.
///
/// Values of other types become f64; a whole number that f64 can't hold is an error. Rows are
/// sorted, and entries at one place are added in the order in which they are stored.
///
/// # Errors
/// Every [`NpzError`]; nothing larger than the limits is ever allocated.
pub fn read_npz<R: Read + Seek>(input: R, limits: NpzLimits) -> Result<Csr, NpzError> {
    let mut zip = ZipArchive::new(input)?;
    let letters = array(&mut zip, "format", 1)?.letters()?;
    if letters != b"csr" {
        let found = printable(&String::from_utf8_lossy(&letters), 20);
        let what =
            format!("the matrix is in the form `{found}`, expected csr; save `matrix.tocsr()`");
        return Err(NpzError::Member { member: "format", what });
    }
    let wrong_shape = |what: &str| NpzError::Member { member: "shape", what: what.to_owned() };
    let (rows, cols) = match array(&mut zip, "shape", 2)?.whole()?[..] {
        [rows, cols] => (rows, cols),
        _ => return Err(wrong_shape("expected two numbers, of rows and of columns")),
    };
    let indptr = array(&mut zip, "indptr", limits.rows.saturating_add(1))?.whole()?;
    if indptr.len() as u64 != rows.saturating_add(1) {
        let what = format!("{} row pointers for {rows} rows", indptr.len());
        return Err(NpzError::Member { member: "indptr", what });
    }
    let mut indices = array(&mut zip, "indices", limits.entries)?.columns()?;
    let mut values = array(&mut zip, "data", limits.entries)?.numbers()?;
    let cols = usize::try_from(cols).map_err(|_| wrong_shape("too many columns"))?;
    let mut indptr = indptr;
    let in_order = indptr.is_sorted() && indptr.first() == Some(&0);
    let used = indptr.last().copied().unwrap_or(0);
    if in_order && used <= indices.len() as u64 && indices.len() == values.len() {
        // SciPy leaves room behind the last row when entries were removed from a matrix.
        indices.truncate(used as usize);
        values.truncate(used as usize);
        sort_rows(&mut indptr, &mut indices, &mut values);
    }
    Ok(Csr::new(cols, indptr, indices, values)?)
}

/// Sorts each row's entries by column and adds those of one column, all in place.
fn sort_rows(indptr: &mut [u64], indices: &mut Vec<u32>, values: &mut Vec<f64>) {
    let mut row: Vec<(u32, f64)> = Vec::new();
    let (mut begin, mut kept) = (0, 0);
    for end in &mut indptr[1..] {
        let range = begin..*end as usize;
        begin = range.end;
        if kept == range.start && indices[range.clone()].is_sorted_by(|a, b| a < b) {
            kept = range.end;
            continue;
        }
        row.clear();
        row.extend(range.map(|at| (indices[at], values[at])));
        // Stable, so that sums are taken in the order of the file.
        row.sort_by_key(|entry| entry.0);
        for same in row.chunk_by(|a, b| a.0 == b.0) {
            indices[kept] = same[0].0;
            values[kept] = same.iter().map(|entry| entry.1).sum();
            kept += 1;
        }
        *end = kept as u64;
    }
    indices.truncate(kept);
    values.truncate(kept);
}

/// An array that is being read.
struct Array<R> {
    member: &'static str,
    descr: String,
    /// How many items there are, and the bytes of each.
    items: u64,
    size: u64,
    data: R,
}

/// Bytes that are read at a time, a multiple of every item's.
const BLOCK: usize = 1 << 16;

impl<R: Read> Array<R> {
    fn wrong(&self, what: &str) -> NpzError {
        NpzError::Member { member: self.member, what: what.to_owned() }
    }

    /// The kind and size of an item, without the order of its bytes.
    fn kind(&self) -> &str {
        &self.descr[1..]
    }

    /// All items, as `of` makes them of their bytes, the least first; where it makes nothing of one,
    /// `fault` is the error.
    fn convert<const N: usize, T: Default>(
        mut self,
        fault: &str,
        of: impl Fn([u8; N]) -> Option<T>,
    ) -> Result<Vec<T>, NpzError> {
        let misfit = format!("{} items are announced, but the data does not fit them", self.items);
        // Room for all of them, unless a few bytes announce more than they are likely to hold.
        let mut made =
            Vec::with_capacity(self.items.min(MOST_ROOM / size_of::<T>() as u64) as usize);
        let mut block = [0; BLOCK];
        let mut left = self.items;
        while left > 0 {
            let items = left.min((BLOCK / N) as u64);
            let bytes = &mut block[..items as usize * N];
            match self.data.read_exact(bytes) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.wrong(&misfit));
                }
                read => read?,
            }
            if self.descr.starts_with('>') {
                bytes.chunks_exact_mut(N).for_each(<[u8]>::reverse);
            }
            let mut whole = true;
            made.extend(bytes.as_chunks().0.iter().map(|&item| {
                let item = of(item);
                whole &= item.is_some();
                item.unwrap_or_default()
            }));
            if !whole {
                return Err(self.wrong(fault));
            }
            left -= items;
        }
        // One byte more than announced tells a member that goes on from one that ends, whose
        // checksum is compared then.
        if self.data.by_ref().take(1).read_to_end(&mut Vec::new())? > 0 {
            return Err(self.wrong(&misfit));
        }
        Ok(made)
    }

    /// The letters of a text, of which early versions of SciPy wrote each in four bytes.
    fn letters(mut self) -> Result<Vec<u8>, NpzError> {
        self.items *= self.size;
        let mut letters = self.convert("", |[byte]| Some(byte))?;
        letters.retain(|&byte| byte != 0);
        Ok(letters)
    }

    /// Whole numbers, none below 0.
    fn whole(self) -> Result<Vec<u64>, NpzError> {
        let fault = "a number is negative";
        match self.kind() {
            "i4" => self.convert(fault, |b| u64::try_from(i32::from_le_bytes(b)).ok()),
            "i8" => self.convert(fault, |b| u64::try_from(i64::from_le_bytes(b)).ok()),
            _ => Err(self.wrong(&format!("type `{}`, expected i4 or i8", self.descr))),
        }
    }

    /// Whole numbers of 32 bits, none below 0, made without a wider copy of them all.
    fn columns(self) -> Result<Vec<u32>, NpzError> {
        let fault = "a column is negative or beyond 32 bits";
        match self.kind() {
            "i4" => self.convert(fault, |b| u32::try_from(i32::from_le_bytes(b)).ok()),
            "i8" => self.convert(fault, |b| u32::try_from(i64::from_le_bytes(b)).ok()),
            _ => Err(self.wrong(&format!("type `{}`, expected i4 or i8", self.descr))),
        }
    }

    /// Real numbers.
    fn numbers(self) -> Result<Vec<f64>, NpzError> {
        let fault = "a whole number is too large for f64 to hold it exactly";
        match self.kind() {
            "f8" => self.convert(fault, |b| Some(f64::from_le_bytes(b))),
            "f4" => self.convert(fault, |b| Some(f32::from_le_bytes(b).into())),
            "b1" | "u1" => self.convert(fault, |b| Some(u8::from_le_bytes(b).into())),
            "i1" => self.convert(fault, |b| Some(i8::from_le_bytes(b).into())),
            "u2" => self.convert(fault, |b| Some(u16::from_le_bytes(b).into())),
            "i2" => self.convert(fault, |b| Some(i16::from_le_bytes(b).into())),
            "u4" => self.convert(fault, |b| Some(u32::from_le_bytes(b).into())),
            "i4" => self.convert(fault, |b| Some(i32::from_le_bytes(b).into())),
            "u8" => self.convert(fault, |b| exact_f64(u64::from_le_bytes(b).into())),
            "i8" => self.convert(fault, |b| exact_f64(i64::from_le_bytes(b).into())),
            _ => {
                let what = format!("type `{}`, expected bool, i, u, f4 or f8", self.descr);
                Err(self.wrong(&what))
            }
        }
    }
}

/// The number as f64, where that is the same number.
fn exact_f64(whole: i128) -> Option<f64> {
    let float = whole as f64;
    (float as i128 == whole).then_some(float)
}

/// Bytes set aside on the word of a header alone.
const MOST_ROOM: u64 = 1 << 28;

/// The most bytes of an array's header; NumPy's own are below 200.
const MOST_HEADER: u32 = 1 << 16;

/// Opens one member, of at most `limit` items.
fn array<'a, R: Read + Seek>(
    zip: &'a mut ZipArchive<R>,
    member: &'static str,
    limit: u64,
) -> Result<Array<ZipFile<'a, R>>, NpzError> {
    let wrong = |what: &str| NpzError::Member { member, what: what.to_owned() };
    let mut file = zip.by_name(&format!("{member}.npy"))?;
    let mut start = [0; 8];
    file.read_exact(&mut start)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(wrong("not a NumPy array"));
    }
    let header_size = if start[6] == 1 {
        let mut size = [0; 2];
        file.read_exact(&mut size)?;
        u32::from(u16::from_le_bytes(size))
    } else {
        let mut size = [0; 4];
        file.read_exact(&mut size)?;
        u32::from_le_bytes(size)
    };
    if !(1..=3).contains(&start[6]) || header_size > MOST_HEADER {
        return Err(wrong("not a NumPy array of format 1, 2 or 3"));
    }
    let mut header = vec![0; header_size as usize];
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
        .filter(|descr| descr.is_ascii())
        .ok_or_else(|| wrong("the header names no plain type"))?
        .to_owned();
    let digits = descr.get(2..).unwrap_or_default();
    let letters = if descr.get(1..2) == Some("U") { 4 } else { 1 };
    let size: u64 = digits
        .parse()
        .ok()
        .and_then(|size: u64| size.checked_mul(letters))
        .filter(|size| (1..=16).contains(size))
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
    Ok(Array { member, descr, items, size, data: file })
}

#[cfg(test)]
mod tests;
