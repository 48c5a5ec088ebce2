//! Files that someone else made: each is refused with a reason or does no harm, in bounded memory.

mod oversized;

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clawsig_features::{FittedFeatures, npz};
use clawsig_ingest::{Columns, SignalsReader};
use clawsig_model::TrainedModel;
use clawsig_schema::{SkillRow, Split, lock::DatasetLock};
use clawsig_store::Manifest;
use serde_json::{Value, json};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    input::said,
    program::{Program, borrowed, full_run, peak_of},
    rng::CaseRng,
};

/// What this process may hold while it reads forged files.
const MEMORY: u64 = 2 << 30;
/// No forged file of this size is worth more time.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files of a finished run, to forge from.
struct Sound {
    folder: PathBuf,
    run: PathBuf,
    row: SkillRow,
    /// The dataset lock that comes with the project.
    lock: &'static str,
}

/// How a forged file is read: `Ok` if it was taken, else why not.
type Read = fn(&Sound, &[u8]) -> Result<(), String>;

/// A kind of file.
struct Kind {
    name: &'static str,
    /// Below the run's folder; empty for one that is no artifact.
    path: &'static str,
    is_json: bool,
    read: Read,
}

const KINDS: &[Kind] = &[
    Kind { name: "model", path: "train/model.json", is_json: true, read: read_model },
    Kind { name: "weights", path: "train/model.safetensors", is_json: false, read: read_weights },
    Kind {
        name: "vectorizer",
        path: "features/vectorizer.json",
        is_json: true,
        read: read_vectorizer,
    },
    Kind { name: "manifest", path: "train/manifest.json", is_json: true, read: read_manifest },
    Kind { name: "dataset lock", path: "", is_json: true, read: read_lock },
    Kind { name: "matrix", path: "features/test.npz", is_json: false, read: read_matrix },
    Kind {
        name: "signals",
        path: "ingest/signals/test.parquet",
        is_json: false,
        read: read_signals,
    },
];

fn text(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Writes the bytes where a reader of files finds them.
fn put(sound: &Sound, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = sound.folder.join(name);
    fs::write(&path, bytes).map_err(text)?;
    Ok(path)
}

fn read_model(sound: &Sound, bytes: &[u8]) -> Result<(), String> {
    let path = put(sound, "model.json", bytes)?;
    TrainedModel::load(&path, &sound.run.join("train/model.safetensors")).map(drop).map_err(text)
}

fn read_weights(sound: &Sound, bytes: &[u8]) -> Result<(), String> {
    let path = put(sound, "model.safetensors", bytes)?;
    TrainedModel::load(&sound.run.join("train/model.json"), &path).map(drop).map_err(text)
}

fn read_vectorizer(sound: &Sound, bytes: &[u8]) -> Result<(), String> {
    let json = std::str::from_utf8(bytes).map_err(text)?;
    let fitted = FittedFeatures::from_json(json).map_err(text)?;
    // What was taken has to work as well.
    let columns = fitted.columns().len();
    match fitted.transform_row(&sound.row) {
        Ok(row) if row.columns.iter().any(|&column| column as usize >= columns) => {
            Err("BROKEN: a column that is not there".to_owned())
        }
        Ok(_) => Ok(()),
        Err(e) => Err(text(e)),
    }
}

fn read_manifest(sound: &Sound, bytes: &[u8]) -> Result<(), String> {
    put(sound, "manifest.json", bytes)?;
    Manifest::read(&sound.folder).map(drop).map_err(text)
}

fn read_lock(_: &Sound, bytes: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<DatasetLock>(bytes).map(drop).map_err(text)
}

fn read_matrix(_: &Sound, bytes: &[u8]) -> Result<(), String> {
    npz::read_npz(Cursor::new(bytes), npz::NpzLimits::default()).map(drop).map_err(text)
}

fn read_signals(sound: &Sound, bytes: &[u8]) -> Result<(), String> {
    let path = put(sound, "signals.parquet", bytes)?;
    for row in SignalsReader::open(&path).map_err(text)?.rows(Columns::All) {
        row.map_err(text)?;
    }
    Ok(())
}

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let program = Program::new(options)?;
    let run = options.scratch.join("run");
    program.done(&borrowed(&full_run(
        &program,
        &CampaignOptions { short: true, ..options.clone() },
        &run,
    )?))?;
    let folder = options.scratch.join("forged");
    fs::create_dir_all(&folder)?;
    let mut rows =
        SignalsReader::open(run.join("ingest/signals/train.parquet"))?.rows(Columns::All);
    let row = rows.next().ok_or("the run has no training rows")??;
    let lock = include_str!("../../../data/dataset.lock.json");
    let sound = Sound { folder, run, row, lock };

    let mut counts: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for kind in KINDS {
        let original = original(kind, &sound)?;
        (kind.read)(&sound, &original).map_err(|e| format!("{} as it was made: {e}", kind.name))?;
        for case in 0..options.count / KINDS.len() as u64 {
            let mut rng = CaseRng::new(options.seed, case);
            let forged = if kind.is_json && rng.below(2) == 0 {
                forge_json(&original, &mut rng)?
            } else {
                forge_bytes(&original, &mut rng)
            };
            let started = Instant::now();
            let read = catch_unwind(AssertUnwindSafe(|| (kind.read)(&sound, &forged)));
            let count = counts.entry(kind.name).or_default();
            match read {
                Ok(Ok(())) => count[1] += 1,
                Ok(Err(reason)) => {
                    count[0] += 1;
                    report.hold(!reason.is_empty() && !reason.starts_with("BROKEN"), || {
                        format!("{} {case}: {reason}", kind.name)
                    });
                }
                Err(panic) => {
                    report.broken.push(format!("{} {case}: {}", kind.name, said(&*panic)));
                }
            }
            let took = started.elapsed();
            report.hold(took < PATIENCE, || format!("{} {case}: took {took:?}", kind.name));
            report.cases += 1;
        }
    }
    for (name, [refused, taken]) in &counts {
        report.note(format!("{name}: {refused} refused, {taken} taken and used without harm"));
    }
    let peak = peak_of(std::process::id());
    report.note(format!("peak memory of this process {} MB", peak >> 20));
    report.hold(peak < MEMORY, || format!("{peak} bytes of memory"));
    oversized::run(&program, options, &sound, report)
}

fn original(kind: &Kind, sound: &Sound) -> Result<Vec<u8>, Failure> {
    match kind.path {
        "" => Ok(sound.lock.as_bytes().to_vec()),
        path => Ok(fs::read(sound.run.join(path))?),
    }
}

fn forge_bytes(original: &[u8], rng: &mut CaseRng) -> Vec<u8> {
    let mut bytes = original.to_vec();
    match rng.below(5) {
        0 => bytes.truncate(rng.below(bytes.len())),
        1 => {
            let more = 1 + rng.below(5_000);
            bytes.extend(rng.bytes(more));
        }
        2 => {
            let at = rng.below(bytes.len());
            let end = (at + rng.below(64)).min(bytes.len());
            let noise = rng.bytes(end - at);
            bytes[at..end].copy_from_slice(&noise);
        }
        // Headers and footers are where lengths are declared.
        3 => {
            let edge = bytes.len().min(128);
            let at =
                if rng.below(2) == 0 { rng.below(edge) } else { bytes.len() - 1 - rng.below(edge) };
            bytes[at] = *rng.pick(&[0, 0x7f, 0x80, 0xff]);
        }
        _ => {
            for _ in 0..=rng.below(4) {
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
            }
        }
    }
    bytes
}

/// Replaces, removes or repeats something inside the JSON.
fn forge_json(original: &[u8], rng: &mut CaseRng) -> Result<Vec<u8>, Failure> {
    let mut value: Value = serde_json::from_slice(original)?;
    forge_value(&mut value, rng);
    Ok(serde_json::to_vec(&value)?)
}

fn forge_value(value: &mut Value, rng: &mut CaseRng) {
    let deeper = rng.below(4) > 0;
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = rng.below(fields.len());
            return fields.values_mut().skip(at).take(1).for_each(|inner| forge_value(inner, rng));
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = rng.below(items.len());
            return forge_value(&mut items[at], rng);
        }
        _ => {}
    }
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1e308),
        json!(-1e308),
        json!(1e-308),
        json!(4_294_967_296_u64),
        json!(""),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        json!("9.9"),
        json!("1.99"),
        json!("\u{0}"),
        json!("../x"),
        json!([[]]),
        nested,
        json!(vec![0; 10_000]),
    ];
    match (&mut *value, rng.below(4)) {
        (Value::Array(items), 0) => items.extend_from_within(..),
        (Value::Array(items), 1) => items.truncate(items.len() / 2),
        (Value::Array(items), 2) => items.reverse(),
        (Value::Object(fields), 0) => {
            let first = fields.keys().next().cloned();
            drop(first.and_then(|name| fields.remove(&name)));
        }
        (Value::Object(fields), 1) => drop(fields.insert("extra".to_owned(), json!(1))),
        _ => *value = rng.pick(&odd).clone(),
    }
}

/// The folder of a stage's split, for the large files.
fn signals_of(run: &Path, split: Split) -> PathBuf {
    run.join(format!("ingest/signals/{split}.parquet"))
}
