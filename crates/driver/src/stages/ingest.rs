//! The ingest stage: the call that reads the rows.

use std::path::Path;

use clawsig_ingest::{IngestParams, Ingested, OutputPaths, Source, ingest};
use clawsig_store::Input;

use super::{Context, RowCounts, source::Located};
use crate::{Error, files, terminal::Progress};

/// Also gives the inputs whose hashes were not known before.
pub(super) fn run(
    context: &Context<'_>,
    located: &Located,
) -> Result<(RowCounts, Vec<Input>), Error> {
    let work = context.work;
    // The sample is unpacked where the next run looks for what a killed one has left.
    let unpacked = context.run.scratch("sample")?;
    let source = located.source(unpacked.folder())?;
    let settings = context.settings();
    let params = IngestParams { lock: located.locked(), ..settings.ingest.clone() };
    let ingested = read_rows(&source, params, work.folder(), context.progress)?;
    for warning in &ingested.profile.warnings {
        tracing::warn!("{warning}");
    }
    let read = located.check(&ingested.profile.files)?;
    if let Some(record) = located.record(settings.source.format) {
        files::write_json(&work.path("source.json"), &record)?;
    }
    let lines: u64 = ingested.profile.files.iter().map(|f| f.lines - f.blank).sum();
    Ok((RowCounts { input: lines, output: ingested.profile.rows }, read))
}

/// Reads a source into a folder: `signals/`, `rejects.jsonl` and `profile.json`.
pub(crate) fn read_rows(
    source: &Source,
    params: IngestParams,
    folder: &Path,
    progress: &Progress,
) -> Result<Ingested, Error> {
    let out =
        OutputPaths { signals_dir: folder.join("signals"), rejects: folder.join("rejects.jsonl") };
    let told = |_: &str, done, total| progress.set(done, total);
    let ingested = ingest(source, &params.check()?, &out, &told)?;
    files::write_json(&folder.join("profile.json"), &ingested.profile)?;
    Ok(ingested)
}
