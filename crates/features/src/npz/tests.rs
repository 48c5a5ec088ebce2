//! Tests of reading and writing matrices.

use std::{collections::BTreeMap, io::Cursor};

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

/// More than is read at a time, and no whole number of it.
#[test]
fn a_large_matrix_reads_back_and_its_last_entry_is_checked() {
    let rows = 7_001_u32;
    let entries = |row: u32| (0..5).map(move |n| row % 11 + n * 11);
    let matrix = Csr::new(
        55,
        (0..=u64::from(rows)).map(|row| row * 5).collect(),
        (0..rows).flat_map(entries).collect(),
        (0..rows * 5).map(|at| f64::from(at) + 0.5).collect(),
    )
    .unwrap();
    let bytes = written(&matrix);
    assert_eq!(read_npz(Cursor::new(&bytes), NpzLimits::default()).unwrap(), matrix);
    // The checksum of values that are numbers all the same.
    let last = bytes.windows(8).rposition(|value| value == 35_004.5_f64.to_le_bytes()).unwrap();
    let mut changed = bytes;
    changed[last] ^= 1;
    let error = read_npz(Cursor::new(changed), NpzLimits::default()).unwrap_err();
    assert!(matches!(error, NpzError::Io(_)), "{error}");
    // A column that is none, in the last block.
    let mut columns = vec![0_i32; 20_000];
    columns[19_999] = -1;
    let mut members = arrays("<f8", vec![0; 160_000]);
    members[2].3 = [0, 3, 20_000_i32].iter().flat_map(|n| n.to_le_bytes()).collect();
    members[3].2 = "20000";
    members[3].3 = columns.iter().flat_map(|n| n.to_le_bytes()).collect();
    members[4].2 = "20000";
    let error = read(&members).unwrap_err();
    assert_eq!(error.to_string(), "member `indices`: a column is negative or beyond 32 bits");
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

/// A disk that can't read one of its bytes.
struct Broken(Cursor<Vec<u8>>, u64);

impl Read for Broken {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let begin = self.0.position();
        let read = self.0.read(bytes)?;
        let is_hit = (begin..begin + read as u64).contains(&self.1);
        if is_hit { Err(io::Error::other("the disk is broken")) } else { Ok(read) }
    }
}

impl Seek for Broken {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_disk_that_fails_is_named_and_not_the_file() {
    let bytes = written(&sample());
    let mut failed = 0;
    for at in 0..bytes.len() {
        let disk = Broken(Cursor::new(bytes.clone()), at as u64);
        if let Err(error) = read_npz(disk, NpzLimits::default()) {
            assert!(error.to_string().contains("the disk is broken"), "{at}: {error}");
            failed += 1;
        }
    }
    assert!(failed > bytes.len() / 2, "{failed} of {}", bytes.len());
}

#[test]
fn a_damaged_file_is_an_error_or_gives_the_same_matrix() {
    let bytes = written(&sample());
    for cut in 0..bytes.len() {
        assert!(read_npz(Cursor::new(&bytes[..cut]), NpzLimits::default()).is_err());
    }
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        // A date, a permission or the second copy of a header is read by nobody; what holds
        // the numbers is under the archive's checksum.
        match read_npz(Cursor::new(changed), NpzLimits::default()) {
            Ok(matrix) => assert_eq!(matrix, sample(), "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 2, "{refused} of {}", bytes.len());
}

/// An archive of arrays, each with its type, its shape and its bytes.
fn archive(members: &[(&str, &str, &str, Vec<u8>)]) -> Cursor<Vec<u8>> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, descr, length, bytes) in members {
        member(&mut zip, name, descr, length, bytes.iter().map(|&byte| [byte])).unwrap();
    }
    Cursor::new(zip.finish().unwrap().into_inner())
}

/// The arrays of a matrix of two rows and five columns, whose values have the given type.
fn arrays(descr: &str, values: Vec<u8>) -> Vec<(&'static str, String, &'static str, Vec<u8>)> {
    let le = |numbers: &[i32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    vec![
        ("format", "|S3".to_owned(), "", b"csr".to_vec()),
        ("shape", "<i4".to_owned(), "2", le(&[2, 5])),
        ("indptr", "<i4".to_owned(), "3", le(&[0, 3, 4])),
        ("indices", "<i4".to_owned(), "4", le(&[4, 1, 4, 0])),
        ("data", descr.to_owned(), "4", values),
    ]
}

fn read(arrays: &[(&'static str, String, &'static str, Vec<u8>)]) -> Result<Csr, NpzError> {
    let members: Vec<_> =
        arrays.iter().map(|(n, d, l, b)| (*n, d.as_str(), *l, b.clone())).collect();
    read_npz(archive(&members), NpzLimits::default())
}

#[test]
fn every_real_type_is_read_and_rows_are_put_in_order() {
    // Row 0 is 1 + 3 in column 4 and 2 in column 1, row 1 is 1 in column 0.
    let expected = Csr::new(5, vec![0, 2, 3], vec![1, 4, 0], vec![2.0, 4.0, 1.0]).unwrap();
    let values = [1_u8, 2, 3, 1];
    macro_rules! bytes {
        ($type:ty, $to:ident) => {
            values.iter().flat_map(|&v| <$type>::from(v).$to()).collect::<Vec<u8>>()
        };
    }
    for (descr, bytes) in [
        ("|u1", values.to_vec()),
        ("|i1", values.to_vec()),
        ("<i2", bytes!(i16, to_le_bytes)),
        ("<u2", bytes!(u16, to_le_bytes)),
        ("<i4", bytes!(i32, to_le_bytes)),
        (">i4", bytes!(i32, to_be_bytes)),
        ("<u4", bytes!(u32, to_le_bytes)),
        ("<i8", bytes!(i64, to_le_bytes)),
        (">u8", bytes!(u64, to_be_bytes)),
        ("<f4", bytes!(f32, to_le_bytes)),
        (">f4", bytes!(f32, to_be_bytes)),
        ("<f8", bytes!(f64, to_le_bytes)),
        (">f8", bytes!(f64, to_be_bytes)),
    ] {
        assert_eq!(read(&arrays(descr, bytes)).unwrap(), expected, "{descr}");
    }
    let truths = Csr::new(5, vec![0, 2, 3], vec![1, 4, 0], vec![0.0, 2.0, 1.0]).unwrap();
    assert_eq!(read(&arrays("|b1", vec![1, 0, 1, 1])).unwrap(), truths);
}

#[test]
fn room_behind_the_last_row_is_no_entry() {
    let mut longer = arrays("|u1", vec![1, 2, 3, 1]);
    longer[2].3 = [0_i32, 3, 3].iter().flat_map(|n| n.to_le_bytes()).collect();
    let expected = Csr::new(5, vec![0, 2, 2], vec![1, 4], vec![2.0, 4.0]).unwrap();
    assert_eq!(read(&longer).unwrap(), expected);
}

#[test]
fn what_is_not_read_says_how_to_write_it() {
    let refused = |at: usize, change: (&'static str, String, &'static str, Vec<u8>)| {
        let mut arrays = arrays("|u1", vec![1, 2, 3, 1]);
        arrays[at] = change;
        read(&arrays).unwrap_err().to_string()
    };
    let text = |text: &str| text.to_owned();
    let whole = |numbers: &[i64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(
        refused(0, ("format", text("|S3"), "", b"coo".to_vec())),
        "member `format`: the matrix is in the form `coo`, expected csr; save `matrix.tocsr()`"
    );
    for (at, change, expected) in [
        (1, ("shape", text("<i8"), "1", whole(&[5])), "expected two numbers"),
        (2, ("indptr", text("<i8"), "2", whole(&[0, 4])), "2 row pointers for 2 rows"),
        (2, ("indptr", text("<i8"), "3", whole(&[0, 5, 5])), "row pointers are not in order"),
        (2, ("indptr", text("<i8"), "3", whole(&[0, 3, 2])), "row pointers are not in order"),
        (2, ("indptr", text("<i8"), "3", whole(&[0, -1, 4])), "a number is negative"),
        (2, ("indptr", text("<f8"), "3", whole(&[0, 3, 4])), "type `<f8`, expected i4 or i8"),
        (3, ("indices", text("<i8"), "4", whole(&[0, 5, 1, 1])), "column 5 is out of range"),
        (3, ("indices", text("<i8"), "4", whole(&[0, 1 << 32, 1, 1])), "beyond 32 bits"),
        (3, ("indices", text("<i8"), "3", whole(&[0, 1, 1])), "3 column numbers but 4 values"),
        (4, ("data", text("<i8"), "4", whole(&[1, 2, 1 << 53, (1 << 53) + 1])), "too large"),
        (4, ("data", text("<c8"), "4", whole(&[1, 2, 3, 4])), "type `<c8`, expected bool"),
        (4, ("data", text("<f8"), "4", whole(&[1, 2, 3])), "4 items are announced"),
        (4, ("data", text("|O"), "4", whole(&[1, 2, 3, 4])), "items of a size"),
    ] {
        let found = refused(at, change);
        assert!(found.contains(expected), "{found}");
    }
    // The largest whole numbers that f64 holds.
    let mut largest = arrays("<i8", whole(&[i64::MIN, 1 << 53, 0, 1 << 62]));
    assert_eq!(read(&largest).unwrap().values()[..2], [9_007_199_254_740_992.0, i64::MIN as f64]);
    largest[4].3 = whole(&[i64::MAX, 0, 0, 0]);
    assert!(read(&largest).unwrap_err().to_string().contains("too large"));
}

#[test]
fn a_header_is_read_to_its_limit() {
    for (size, is_read) in [(1_u32 << 16, true), ((1 << 16) + 1, false)] {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file("data.npy", stored).unwrap();
        zip.write_all(b"\x93NUMPY\x02\x00").unwrap();
        zip.write_all(&size.to_le_bytes()).unwrap();
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }";
        let blanks = vec![b' '; size as usize - header.len()];
        zip.write_all(&[header.as_bytes(), &blanks].concat()).unwrap();
        let mut zip = ZipArchive::new(zip.finish().unwrap()).unwrap();
        assert_eq!(array(&mut zip, "data", 0).is_ok(), is_read, "{size} bytes");
    }
}

#[derive(serde::Deserialize)]
struct Expected {
    columns: usize,
    rows: Vec<Vec<f64>>,
}

#[test]
fn files_of_scipy_and_scikit_learn_are_read() {
    // Written by tests/data/scipy_npz.py with SciPy 1.17.1 and scikit-learn 1.9.1.
    let folder = "tests/data/scipy";
    let expected = std::fs::read(format!("{folder}/expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.len(), 17);
    for (name, expected) in expected {
        let file = std::fs::File::open(format!("{folder}/{name}.npz")).unwrap();
        let matrix = read_npz(file, NpzLimits::default()).unwrap();
        let mut rows = vec![vec![0.0; matrix.cols()]; matrix.rows()];
        for (number, row) in rows.iter_mut().enumerate() {
            let (columns, values) = matrix.row(number);
            columns.iter().zip(values).for_each(|(&c, &value)| row[c as usize] = value);
        }
        assert_eq!((matrix.cols(), rows), (expected.columns, expected.rows), "{name}");
    }
}
