//! `clawsig synth`: a synthetic dataset of any size.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
};

use clawsig_ingest::RawParquetWriter;
use clawsig_schema::Split;
use clawsig_synth::{Synth, SynthParams};

use crate::{
    Error, ExitStatus,
    cli::{FileFormat, Global, OutputFormat, SynthArgs},
    files,
    terminal::{self, Progress},
};

/// Rows of a chunk that is made in one go for Parquet.
const CHUNK_ROWS: u64 = 256;

/// Writes the rows, one file a split.
pub(crate) fn synth(arguments: &SynthArgs, global: &Global) -> Result<ExitStatus, Error> {
    let mut params = if arguments.small { SynthParams::sample() } else { SynthParams::default() };
    params.rows = arguments.rows;
    params.hostile = arguments.hostile;
    params.seed = arguments.seed.unwrap_or(params.seed);
    let synth = Synth::new(params.check()?);

    let out = &arguments.out;
    files::create_folder(out)?;
    let mut entries = fs::read_dir(out).map_err(Error::io("read", out))?;
    if entries.next().is_some() && !is_ours(out, arguments.file_format) {
        return Err(Error::Usage(format!(
            "{} holds other files; choose a new folder, so that nothing of yours is overwritten",
            out.display()
        )));
    }
    let progress = Progress::new("synth", global.quiet);
    let counts = match arguments.file_format {
        FileFormat::Jsonl => write_jsonl(&synth, out, &progress)?,
        FileFormat::Parquet => write_parquet(&synth, out, &progress)?,
    };
    drop(progress);
    let shown = match global.format {
        OutputFormat::Json => {
            let counts: serde_json::Map<_, _> = Split::ALL
                .iter()
                .map(|split| (split.to_string(), counts[split.index()].into()))
                .collect();
            format!("{:#}\n", serde_json::json!({ "synthetic": true, "rows": counts, "out": out }))
        }
        OutputFormat::Text => {
            let parts: Vec<String> = Split::ALL
                .iter()
                .map(|split| format!("{split} {}", terminal::count(counts[split.index()])))
                .collect();
            format!("synthetic rows in {}: {}\n", out.display(), parts.join(", "))
        }
    };
    terminal::print(&shown)?;
    Ok(ExitStatus::Done)
}

fn write_jsonl(synth: &Synth, out: &Path, progress: &Progress) -> Result<[u64; 4], Error> {
    let create = |split: Split| -> Result<BufWriter<File>, Error> {
        let path = out.join(name(split, FileFormat::Jsonl));
        let file = File::create(&path).map_err(Error::io("create", path))?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    };
    let mut writers = [
        create(Split::Train)?,
        create(Split::Validation)?,
        create(Split::Test)?,
        create(Split::EvalHoldout)?,
    ];
    let threads = rayon::current_num_threads();
    let counts = clawsig_synth::write_jsonl(synth, &mut writers, threads, &|done, total| {
        progress.set(done, total);
    })?;
    Ok(counts)
}

fn write_parquet(synth: &Synth, out: &Path, progress: &Progress) -> Result<[u64; 4], Error> {
    let mut writers = Vec::new();
    for &split in Split::ALL {
        writers.push(RawParquetWriter::create(out.join(name(split, FileFormat::Parquet)))?);
    }
    let mut counts = [0; 4];
    synth.ordered_chunks(
        0..synth.len(),
        CHUNK_ROWS,
        rayon::current_num_threads(),
        |synth, rows| rows.map(|index| (synth.split(index), synth.row(index))).collect::<Vec<_>>(),
        |rows| -> Result<(), Error> {
            for (split, row) in rows {
                writers[split.index()].push(&row)?;
                counts[split.index()] += 1;
            }
            progress.set(counts.iter().sum(), synth.len());
            Ok(())
        },
    )?;
    for writer in writers {
        writer.finish()?;
    }
    Ok(counts)
}

fn name(split: Split, format: FileFormat) -> String {
    let ending = match format {
        FileFormat::Jsonl => "jsonl",
        FileFormat::Parquet => "parquet",
    };
    format!("{split}.{ending}")
}

/// Whether a folder holds nothing but what this command writes in that format.
fn is_ours(folder: &Path, format: FileFormat) -> bool {
    let known: Vec<String> = Split::ALL.iter().map(|&split| name(split, format)).collect();
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| {
            entry.is_ok_and(|entry| known.iter().any(|name| entry.file_name() == name.as_str()))
        })
    })
}
