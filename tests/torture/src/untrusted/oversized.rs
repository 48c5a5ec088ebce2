//! Files of a gigabyte, endless nesting, and sizes that are declared but not there, through the
//! program within a limit on its address space.

use std::{
    fs::{self, File},
    path::Path,
    time::Instant,
};

use clawsig_features::{FittedFeatures, npz};
use clawsig_model::TrainedModel;
use clawsig_schema::{Split, lock::DatasetLock};

use super::{Sound, signals_of};
use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Program, peak_of},
};

/// The program's address space.
const SPACE: u64 = 3 << 30;
/// What it may hold in memory.
const MEMORY: u64 = 600 << 20;
const HUGE: u64 = 1 << 30;

/// A file of a gigabyte of zeros that takes no room on disk.
fn sparse(path: &Path) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(File::create(path)?.set_len(HUGE)?)
}

pub(super) fn run(
    program: &Program,
    options: &CampaignOptions,
    sound: &Sound,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    in_this_process(sound, report)?;
    let limited = program.within(SPACE);
    let run = sound.run.display().to_string();

    // In a run's folder: noticed, and made again or refused.
    for name in [
        "ingest/manifest.json",
        "features/vectorizer.json",
        "train/model.json",
        "train/model.safetensors",
    ] {
        let path = sound.run.join(name);
        let kept = fs::read(&path)?;
        sparse(&path)?;
        let ended = limited.run(&["status", "--out", &run])?;
        report.hold(ended.code() == Some(0) && ended.stdout.contains("would run"), || {
            format!("{name} of 1 GB: {} {}", ended.status, ended.stderr)
        });
        report.hold(ended.peak < MEMORY, || format!("{name} of 1 GB: {} bytes", ended.peak));
        fs::write(&path, kept)?;
        report.cases += 1;
    }

    // Whatever is named on the command line.
    let folder = options.scratch.join("strange");
    fs::create_dir_all(&folder)?;
    let deep = |open: &str, times: usize| format!("[tfidf]\nngrams = {}\n", open.repeat(times));
    let profiles = [
        ("nested.toml", deep("[", 400_000)),
        ("tables.toml", deep("{a=", 200_000)),
        ("dotted.toml", format!("{}b = 1\n", "a.".repeat(300_000))),
        ("binary.toml", "\u{0}\u{1}\u{2}".repeat(1000)),
        ("number.toml", format!("[tfidf]\nmax_features = {}\n", "9".repeat(10_000))),
        ("float.toml", "[model]\nc = nan\n".to_owned()),
        ("infinite.toml", "[model]\nc = inf\n".to_owned()),
        ("negative.toml", "[sample]\nrows = -1\n".to_owned()),
        ("many.toml", format!("[tfidf]\n{}", "min_df = 3\n".repeat(50_000))),
    ];
    for (name, content) in &profiles {
        let path = folder.join(name);
        fs::write(&path, content)?;
        refused(
            &limited,
            &["run", "--dry-run", "--profile", &path.display().to_string()],
            name,
            report,
        )?;
    }
    let endless = folder.join("endless.toml");
    sparse(&endless)?;
    refused(
        &limited,
        &["profile", "--profile", &endless.display().to_string()],
        "a profile of 1 GB",
        report,
    )?;
    fs::remove_file(&endless)?;

    for name in ["train.jsonl", "train.parquet"] {
        let source = options.scratch.join("strange-source");
        sparse(&source.join(name))?;
        let path = format!("source.path={}", source.display());
        let out = options.scratch.join("strange-run").display().to_string();
        let words = ["ingest", "--set", "source.kind=path", "--set", &path, "--out", &out];
        let ended = limited.run(&words)?;
        // Zeros are neither lines of JSON nor Parquet: the file is refused whole.
        report.hold(ended.code() == Some(1), || {
            format!("{name} of 1 GB: {} {}", ended.status, ended.stderr)
        });
        report.hold(ended.peak < MEMORY, || format!("{name} of 1 GB: {} bytes", ended.peak));
        report.note(format!("{name} of 1 GB of zeros: {} MB at most", ended.peak >> 20));
        fs::remove_dir_all(&source)?;
        if Path::new(&out).exists() {
            fs::remove_dir_all(&out)?;
        }
        report.cases += 1;
    }
    Ok(())
}

/// Runs the program on something that it has to refuse.
fn refused(
    program: &Program,
    words: &[&str],
    what: &str,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let ended = program.run(words)?;
    let unclear = ended.unclear();
    report.hold(unclear.is_none(), || format!("{what}: {}", unclear.unwrap_or_default()));
    report.hold(ended.peak < MEMORY, || format!("{what}: {} bytes of memory", ended.peak));
    report.hold(ended.stderr.len() < 100_000, || {
        format!("{what}: an error of {} bytes", ended.stderr.len())
    });
    report.cases += 1;
    Ok(())
}

/// Readers that are called directly.
fn in_this_process(sound: &Sound, report: &mut CampaignReport) -> Result<(), Failure> {
    let before = peak_of(std::process::id());
    let started = Instant::now();
    let huge = sound.folder.join("huge");
    sparse(&huge)?;
    let model = sound.run.join("train/model.json");
    let weights = sound.run.join("train/model.safetensors");
    let mut refuse = |what: &str, error: Option<String>| {
        report.hold(error.as_ref().is_some_and(|e| !e.is_empty()), || format!("{what}: was taken"));
        report.cases += 1;
    };
    refuse("a model of 1 GB", TrainedModel::load(&huge, &weights).err().map(|e| e.to_string()));
    refuse("weights of 1 GB", TrainedModel::load(&model, &huge).err().map(|e| e.to_string()));
    let file = File::open(&huge)?;
    let matrix = npz::read_npz(file, npz::NpzLimits::default());
    refuse("a matrix of 1 GB", matrix.err().map(|e| e.to_string()));
    let signals = clawsig_ingest::SignalsReader::open(&huge);
    refuse("signals of 1 GB", signals.err().map(|e| e.to_string()));
    fs::remove_file(&huge)?;
    let deep = format!("{{\"format\":{}", "[".repeat(1 << 20));
    let path = sound.folder.join("model.json");
    fs::write(&path, &deep[..deep.len() - (64 << 10)])?;
    refuse(
        "a model of a million levels",
        TrainedModel::load(&path, &weights).err().map(|e| e.to_string()),
    );
    refuse(
        "a vectorizer of a million levels",
        FittedFeatures::from_json(&deep).err().map(|e| e.to_string()),
    );
    let lock = serde_json::from_str::<DatasetLock>(&deep);
    refuse("a lock of a million levels", lock.err().map(|e| e.to_string()));
    // More columns than there are weights, in numbers that would overflow.
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&model)?)?;
    for columns in [u64::MAX, u64::MAX / 8, 1 << 61, 1 << 40, 0] {
        value["columns"] = columns.into();
        fs::write(&path, value.to_string())?;
        let loaded = TrainedModel::load(&path, &weights);
        refuse("a model of impossible width", loaded.err().map(|e| e.to_string()));
    }
    let signals = fs::read(signals_of(&sound.run, Split::Test))?;
    let swapped = sound.folder.join("swapped.npz");
    fs::write(&swapped, signals)?;
    let matrix = npz::read_npz(File::open(&swapped)?, npz::NpzLimits::default());
    refuse("a matrix that is Parquet", matrix.err().map(|e| e.to_string()));
    let grown = peak_of(std::process::id()).saturating_sub(before) >> 20;
    report.note(format!(
        "files of 1 GB, a million levels, impossible widths: refused in {} ms, {grown} MB more memory",
        started.elapsed().as_millis()
    ));
    report.hold(grown < 64, || format!("refusing took {grown} MB"));
    Ok(())
}
