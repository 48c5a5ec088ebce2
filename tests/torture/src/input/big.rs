//! A few large inputs through the program itself, within a limit on its address space.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use clawsig_synth::{Synth, SynthParams, write_json_line};
use serde_json::Value;

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Ended, Program},
};

/// The address space the program gets: threads' stacks and the allocator's arenas take their part
/// of it whether used or not.
const SPACE: u64 = 3 << 30;
/// What it may hold in memory at its peak: some rows of the largest size, a few times over.
const MEMORY: u64 = 1 << 30;

/// A large file: how it is written, the lines it has, and how many of them are kept and blank.
struct Large {
    what: &'static str,
    name: &'static str,
    write: fn(&mut dyn Write, &[u8]) -> std::io::Result<()>,
    /// `None`: the file is refused whole.
    expected: Option<[u64; 3]>,
}

fn row_of(out: &mut dyn Write, row: &[u8], megabytes: usize) -> std::io::Result<()> {
    out.write_all(row)?;
    out.write_all(b"{\"clawscan_summary\":\"")?;
    for _ in 0..megabytes << 10 {
        out.write_all(&[b'x'; 1024])?;
    }
    // The rest of the row, so that only its size is odd; the id is another row's.
    let text = String::from_utf8_lossy(row).replacen("{\"id\":\"", "{\"id\":\"f", 1);
    out.write_all(b"\",")?;
    out.write_all(&text.as_bytes()[1..])
}

const LARGE: &[Large] = &[
    Large {
        what: "a row of 63 MB",
        name: "train.jsonl",
        // The summary occurs twice then, so the row is rejected, after having been read.
        write: |out, row| row_of(out, row, 63),
        expected: Some([2, 1, 0]),
    },
    Large {
        what: "a row of 65 MB, above the limit",
        name: "train.jsonl",
        write: |out, row| row_of(out, row, 65),
        expected: Some([2, 1, 0]),
    },
    Large {
        what: "a line of 300 MB without an end",
        name: "train.jsonl",
        write: |out, row| {
            out.write_all(row)?;
            (0..300 << 10).try_for_each(|_| out.write_all(&[b'x'; 1024]))
        },
        expected: Some([2, 1, 0]),
    },
    Large {
        what: "a million empty lines",
        name: "train.jsonl",
        write: |out, row| {
            out.write_all(row)?;
            (0..1000).try_for_each(|_| out.write_all(&[b'\n'; 1000]))
        },
        expected: Some([1_000_001, 1, 1_000_000]),
    },
    Large {
        what: "a million lines of nothing but faults",
        name: "train.jsonl",
        write: |out, row| {
            out.write_all(row)?;
            (0..1_000_000).try_for_each(|_| out.write_all(b"{\"id\":\n"))
        },
        expected: Some([1_000_001, 1, 0]),
    },
    Large {
        what: "twenty million levels of nesting",
        name: "train.jsonl",
        write: |out, row| {
            out.write_all(row)?;
            out.write_all(b"{\"clawscan_context\":")?;
            (0..20_000).try_for_each(|_| out.write_all(&[b'['; 1000]))
        },
        expected: Some([2, 1, 0]),
    },
    Large {
        what: "CRLF and a byte order mark",
        name: "train.jsonl",
        write: |out, row| {
            out.write_all(b"\xef\xbb\xbf")?;
            out.write_all(row.trim_ascii_end())?;
            out.write_all(b"\r\n\r\n")
        },
        expected: Some([2, 1, 1]),
    },
    Large {
        what: "gzip by another name",
        name: "train.jsonl",
        write: |out, _| {
            out.write_all(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8")
        },
        expected: None,
    },
    Large {
        what: "gzip by its own name",
        name: "train.jsonl.gz",
        write: |out, _| out.write_all(b"\x1f\x8b\x08\x00"),
        expected: None,
    },
    Large {
        what: "a Parquet file of 200 MB of zeros",
        name: "train.parquet",
        write: |out, _| {
            out.write_all(b"PAR1")?;
            (0..200 << 10).try_for_each(|_| out.write_all(&[0; 1024]))?;
            out.write_all(b"\xff\xff\xff\x07PAR1")
        },
        expected: None,
    },
];

pub(super) fn run(
    program: &Program,
    options: &CampaignOptions,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    if options.short {
        return Ok(());
    }
    let params = SynthParams { rows: 1, seed: 3, mean_text_chars: 200, ..SynthParams::default() };
    let mut row = Vec::new();
    for made in Synth::new(params.check()?).rows() {
        write_json_line(&made, &mut row)?;
    }
    let limited = program.within(SPACE);
    let folder = options.scratch.join("large");
    for large in LARGE {
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join(large.name))?;
        let mut out = BufWriter::new(file);
        (large.write)(&mut out, &row)?;
        out.flush()?;
        drop(out);
        let run = options.scratch.join("large-run");
        let path = format!("source.path={}", folder.display());
        let to = run.display().to_string();
        // Faults are to be read to the end here, however many they are.
        let all = "ingest.max_reject_share=1";
        let source = ["ingest", "--set", "source.kind=path", "--set", &path];
        let ended = limited.run(&[&source[..], &["--set", all, "--out", &to]].concat())?;
        check(large, &ended, &run, report)?;
        fs::remove_dir_all(&folder)?;
        if run.exists() {
            fs::remove_dir_all(&run)?;
        }
        report.cases += 1;
    }
    Ok(())
}

fn check(
    large: &Large,
    ended: &Ended,
    run: &Path,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let what = large.what;
    let peak = ended.peak >> 20;
    report.hold(ended.peak < MEMORY, || format!("{what}: {peak} MB of memory"));
    let profile = run.join("ingest/profile.json");
    if !profile.exists() {
        let unclear = ended.unclear();
        report.hold(unclear.is_none() && large.expected.is_none(), || {
            format!("{what}: {}", unclear.unwrap_or_else(|| ended.stderr.clone()))
        });
        report.note(format!("{what}: refused, {peak} MB"));
        return Ok(());
    }
    let profile: Value = serde_json::from_slice(&fs::read(profile)?)?;
    let number = |key: &str| profile["files"][0][key].as_u64().unwrap_or(u64::MAX);
    let found = [number("lines"), number("accepted"), number("blank")];
    report.hold(Some(found) == large.expected, || {
        format!("{what}: lines, kept and blank are {found:?}, expected {:?}", large.expected)
    });
    let [lines, kept, blank] = found;
    let rejected = number("rejected");
    report.hold(lines == kept + blank + rejected, || format!("{what}: rows are lost"));
    report.note(format!(
        "{what}: {lines} lines = {kept} kept + {rejected} rejected + {blank} blank, {peak} MB"
    ));
    Ok(())
}
