//! Bad input by the thousand: no panic, no hang, bounded memory, and every row accounted for.

mod big;
mod lines;
mod tables;

use std::{
    any::Any,
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use clawsig_ingest::{
    Columns, IngestParams, OutputPaths, SignalsReader, Source, ValidIngestParams, ingest,
};
use clawsig_schema::{Split, raw::RawRow};
use clawsig_synth::{Synth, SynthParams, write_json_line};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Program, peak_of},
    rng::CaseRng,
};

/// A case that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// What this process may hold while small cases go through it.
const MEMORY: u64 = 1 << 30;
/// Rows longer than this are rejected unread, in the cases in this process.
const MAX_ROW: u64 = 1 << 16;

/// An input file.
struct Case {
    /// What was done to it.
    kind: &'static str,
    /// Its name, which says how it is read.
    name: &'static str,
    bytes: Vec<u8>,
}

/// What the cases are made from: a few sound rows.
struct Material {
    /// Each row as a line, with its line end.
    lines: Vec<Vec<u8>>,
    /// Sound Parquet files.
    tables: Vec<Vec<u8>>,
}

impl Material {
    fn new(scratch: &Path, seed: u64) -> Result<Material, Failure> {
        let params = SynthParams {
            rows: 40,
            seed,
            mean_text_chars: 200,
            mean_file_chars: 50,
            bundles: 0.5,
            ..SynthParams::default()
        };
        let rows: Vec<RawRow> = Synth::new(params.check()?).rows().collect();
        let mut lines = Vec::new();
        for row in &rows {
            let mut line = Vec::new();
            write_json_line(row, &mut line)?;
            lines.push(line);
        }
        let tables = tables::sound(scratch, &rows)?;
        Ok(Material { lines, tables })
    }
}

/// What became of a case.
enum Ended {
    /// Rows read, kept, rejected and blank.
    Read { lines: u64, kept: u64, rejected: u64, blank: u64 },
    /// The whole file was refused, for this reason.
    Refused(String),
    /// Something that must not happen.
    Wrong(String),
}

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let material = Material::new(&options.scratch, options.seed)?;
    let params = IngestParams {
        max_row_bytes: MAX_ROW as usize,
        // Each case is wrong on purpose.
        max_reject_share: 1.0,
        threads: 1,
        ..IngestParams::default()
    };
    let (params, seed) = (params.check()?, options.seed);
    let scratch = options.scratch.join("cases");
    fs::create_dir_all(&scratch)?;
    let (sender, receiver) = mpsc::channel();
    let count = options.count;
    // In a thread of its own, so that a case that hangs is seen to.
    thread::spawn(move || {
        for case in 0..count {
            let mut rng = CaseRng::new(seed, case);
            let made = if case % 4 == 3 {
                tables::case(&material, case / 4, &mut rng)
            } else {
                lines::case(&material, case - case / 4, &mut rng)
            };
            let kind = made.kind;
            let outcome = try_case(&made, &params, &scratch);
            if sender.send((kind, outcome)).is_err() {
                return;
            }
        }
    });
    let mut kinds: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let (mut read, mut kept, mut rejected, mut blank) = (0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    for case in 0..count {
        let started = Instant::now();
        let Ok((kind, outcome)) = receiver.recv_timeout(PATIENCE) else {
            report.broken.push(format!("case {case} hung or ended its thread"));
            return Ok(());
        };
        slowest = slowest.max(started.elapsed());
        let counts = kinds.entry(kind).or_default();
        match outcome {
            Ended::Read { lines, kept: k, rejected: r, blank: b } => {
                counts[0] += 1;
                (read, kept, rejected, blank) = (read + lines, kept + k, rejected + r, blank + b);
            }
            Ended::Refused(reason) => {
                counts[1] += 1;
                report.hold(!reason.trim().is_empty(), || format!("case {case}: no reason"));
            }
            Ended::Wrong(what) => report.broken.push(format!("case {case}, {kind}: {what}")),
        }
        report.cases += 1;
    }
    report.note("files read with their bad rows left out, and files refused whole:");
    for (kind, [read, refused]) in &kinds {
        report.note(format!("  {kind}: {read} read, {refused} refused"));
    }
    report.note(format!("{read} rows read = {kept} kept + {rejected} rejected + {blank} blank"));
    report.hold(read == kept + rejected + blank, || "rows were lost".to_owned());
    let peak = peak_of(std::process::id());
    report.note(format!("peak memory of this process {} MB", peak >> 20));
    report.hold(peak < MEMORY, || format!("{peak} bytes of memory"));
    big::run(&Program::new(options)?, options, report)
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    format!("panicked: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?"))
}

fn try_case(case: &Case, params: &ValidIngestParams, scratch: &Path) -> Ended {
    catch_unwind(AssertUnwindSafe(|| read_case(case, params, scratch)))
        .unwrap_or_else(|panic| Ended::Wrong(said(&*panic)))
}

fn read_case(case: &Case, params: &ValidIngestParams, scratch: &Path) -> Ended {
    let wrong = |e: &dyn std::fmt::Display| Ended::Wrong(e.to_string());
    let path = scratch.join(case.name);
    if let Err(e) = fs::write(&path, &case.bytes) {
        return wrong(&e);
    }
    let out = OutputPaths {
        signals_dir: scratch.join("signals"),
        rejects: scratch.join("rejects.jsonl"),
    };
    let ended = match ingest(&Source::Path { path: path.clone() }, params, &out, &|_, _, _| {}) {
        Ok(ingested) => account(case, &ingested.profile, &out),
        Err(e) => {
            let left: Vec<PathBuf> = Split::ALL
                .iter()
                .map(|split| out.signals_dir.join(format!("{split}.parquet")))
                .chain([out.rejects.clone()])
                .filter(|path| path.exists())
                .collect();
            let text = e.to_string();
            if !left.is_empty() {
                Ended::Wrong(format!("refused, and left {left:?}"))
            } else if !text.contains(case.name) {
                Ended::Wrong(format!("the reason names no file: {text}"))
            } else {
                Ended::Refused(text)
            }
        }
    };
    // Names are used again by the next case.
    let _ = fs::remove_file(path);
    ended
}

/// Rows read are rows kept, rejected or blank, and the files hold what the profile says.
fn account(
    case: &Case,
    profile: &clawsig_schema::profile::DataProfile,
    out: &OutputPaths,
) -> Ended {
    let [file] = &profile.files[..] else { return Ended::Wrong("not one file".to_owned()) };
    if file.lines != file.accepted + file.rejected + file.blank {
        return Ended::Wrong(format!("rows do not add up: {file:?}"));
    }
    // An array is read element by element, so that its rows are not its lines.
    let is_array = case.bytes.trim_ascii_start().starts_with(b"[");
    if case.name.ends_with(".jsonl") && !is_array {
        let lines = lines::count(&case.bytes);
        if lines != file.lines || file.bytes != case.bytes.len() as u64 {
            return Ended::Wrong(format!("{lines} lines in the file, {} read", file.lines));
        }
    }
    let rejects = fs::read_to_string(&out.rejects).unwrap_or_default().lines().count() as u64;
    if rejects != profile.rejected || rejects != file.rejected {
        return Ended::Wrong(format!("{rejects} rejects written, {} counted", file.rejected));
    }
    let mut kept = 0;
    for split in Split::ALL {
        let path = out.signals_dir.join(format!("{split}.parquet"));
        let rows = match SignalsReader::open(&path) {
            Ok(reader) => reader.rows(Columns::All),
            Err(e) => return Ended::Wrong(format!("its own output: {e}")),
        };
        for row in rows {
            match row {
                Ok(row) if row.skillspector.score.is_some_and(|score| !score.is_finite()) => {
                    return Ended::Wrong("a score that is no number was kept".to_owned());
                }
                Ok(_) => kept += 1,
                Err(e) => return Ended::Wrong(format!("its own output: {e}")),
            }
        }
    }
    if kept != file.accepted || kept != profile.rows {
        return Ended::Wrong(format!("{kept} rows written, {} counted", profile.rows));
    }
    Ended::Read { lines: file.lines, kept, rejected: file.rejected, blank: file.blank }
}
