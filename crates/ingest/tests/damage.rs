//! Parquet files that were damaged: each is refused with its name, or its rows are accounted for.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{env, fs, path::Path, process::Command};

use clawsig_ingest::{
    Columns, IngestError, IngestParams, Ingested, OutputPaths, RawParquetWriter, SignalsReader,
    SingleRows, Source, ingest,
};
use clawsig_schema::{
    SkillRow,
    raw::{BundleFile, RawRow},
};

fn table(path: &Path) {
    table_of(path, "Words of a skill.");
}

fn table_of(path: &Path, content: &str) {
    let mut writer = RawParquetWriter::create(path).unwrap();
    for number in 0..3_u32 {
        writer
            .push(&RawRow {
                id: format!("{number:064x}"),
                skill_slug: Some("owner/skill".to_owned()),
                skill_version: "1".to_owned(),
                skill_md_content: Some(content.to_owned()),
                skill_bundle_content: vec![BundleFile {
                    path: "a.py".to_owned(),
                    ..BundleFile::default()
                }],
                clawscan_verdict: "clean".to_owned(),
                static_reason_codes: vec!["suspicious.x".to_owned()],
                skillspector_score: Some(20.5),
                clawscan_context: "{}".to_owned(),
                split: "train".to_owned(),
                ..RawRow::default()
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

fn read(path: &Path, scratch: &Path) -> Result<Ingested, IngestError> {
    let out = OutputPaths {
        signals_dir: scratch.join("signals"),
        rejects: scratch.join("rejects.jsonl"),
    };
    let params = IngestParams { threads: 1, ..IngestParams::default() };
    ingest(&Source::Path { path: path.to_owned() }, &params.check().unwrap(), &out, &|_, _, _| {})
}

/// A codec is named only where it is one that is not read.
#[test]
fn a_page_in_a_codec_that_is_not_read_is_told_apart_from_a_damaged_one() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.parquet");
    table(&path);
    let sound = fs::read(&path).unwrap();
    let length = u32::from_le_bytes(sound[sound.len() - 8..sound.len() - 4].try_into().unwrap());
    let footer = sound.len() - 8 - length as usize;
    // In Thrift's compact form: the codec, a field of 32 bits, before the number of values, one of 64.
    let codec = |code: u8| [0x15, 2 * code, 0x16];
    let (zstd, lzo) = (codec(6), codec(3));
    let mut other = sound.clone();
    let places: Vec<usize> =
        (footer..sound.len()).filter(|&at| sound[at..].starts_with(&zstd)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| other[at..at + 3].copy_from_slice(&lzo));
    fs::write(&path, other).unwrap();
    let told = read(&path, scratch.path()).unwrap_err().to_string();
    assert!(
        told.ends_with("is compressed with LZO, which is not read; compress with zstd or snappy"),
        "{told}"
    );
    let mut damaged = sound.clone();
    damaged[4..footer].fill(0);
    fs::write(&path, damaged).unwrap();
    let told = read(&path, scratch.path()).unwrap_err().to_string();
    assert!(told.contains("its pages can't be decoded; make or download the file again"), "{told}");
}

#[test]
fn a_file_that_lost_bytes_is_told_as_what_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.parquet");
    let told = || read(&path, scratch.path()).unwrap_err().to_string();
    // Text that does not shrink, so that the columns are longer than the footer.
    let mut state = 1_u64;
    let mut letter = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        char::from(b' ' + (state >> 33) as u8 % 95)
    };
    table_of(&path, &(0..60_000).map(&mut letter).collect::<String>());
    let sound = fs::read(&path).unwrap();
    fs::write(&path, [&sound[..1_000], &sound[51_000..]].concat()).unwrap();
    assert!(told().contains("lies outside the file, which was cut"), "{}", told());
    for short in [&b"PAR1PAR1"[..], b"PAR1", &sound[..sound.len() - 1]] {
        fs::write(&path, short).unwrap();
        assert!(told().contains("is not a whole Parquet file"), "{}", told());
    }
}

#[test]
fn rows_are_read_from_the_dataset_and_from_the_signals_made_of_it() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.parquet");
    table(&path);
    read(&path, scratch.path()).unwrap();
    let rows = |path: &Path| -> Vec<SkillRow> {
        SingleRows::open(path).unwrap().map(|row| row.unwrap().unwrap().row).collect()
    };
    let raw = rows(&path);
    assert_eq!((raw.len(), raw[0].skillspector.score), (3, Some(20.5)));
    assert_eq!(rows(&scratch.path().join("signals/train.parquet")), raw);
}

/// The decoder below panics on some of these.
#[test]
fn a_changed_bit_is_an_error_of_the_file_or_does_no_harm() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.parquet");
    table(&path);
    let sound = fs::read(&path).unwrap();
    let (mut refused, mut taken) = (0, 0);
    for at in (4..sound.len() - 8).step_by(3) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, bytes).unwrap();
        match read(&path, scratch.path()) {
            Ok(done) => {
                let file = &done.profile.files[0];
                assert_eq!(file.lines, file.accepted + file.rejected + file.blank, "byte {at}");
                taken += 1;
            }
            Err(e) => {
                assert!(e.to_string().contains("train.parquet"), "byte {at}: {e}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100 && taken > 10, "{refused} refused, {taken} taken");
}

#[test]
fn signals_with_a_changed_bit_are_no_panic_either() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.parquet");
    table(&path);
    read(&path, scratch.path()).unwrap();
    let signals = scratch.path().join("signals/train.parquet");
    let sound = fs::read(&signals).unwrap();
    let mut refused = 0;
    for at in (4..sound.len() - 8).step_by(3) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&signals, bytes).unwrap();
        let rows = SignalsReader::open(&signals)
            .and_then(|reader| reader.rows(Columns::All).collect::<Result<Vec<_>, _>>());
        let texts = SignalsReader::open(&signals)
            .and_then(|reader| reader.texts(&[0, 5, 9]).collect::<Result<Vec<_>, _>>());
        for error in rows.err().into_iter().chain(texts.err()) {
            assert!(error.to_string().contains("train.parquet"), "byte {at}: {error}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} refused");
}

/// The decoder panics on some of those files. The hook that is told of panics is the process's, so that a process of
/// its own is looked at.
#[test]
fn a_caught_panic_is_not_told_on_standard_error() {
    let test = ["signals_with_a_changed_bit_are_no_panic_either", "--exact", "--nocapture"];
    let out = Command::new(env::current_exe().unwrap()).args(test).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && stdout.contains("1 passed"), "{stdout}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}
