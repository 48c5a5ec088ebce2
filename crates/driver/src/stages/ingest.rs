//! The ingest stage: the call that reads the rows.

use clawsig_ingest::{IngestParams, OutputPaths, ValidParams, ingest};
use clawsig_schema::lock::LockedSnapshot;
use clawsig_store::Input;

use super::{Context, Rows, source::Located};
use crate::{Error, files, settings::Settings};

/// Also gives the inputs whose hashes were not known before.
pub(super) fn run(context: &Context<'_>, located: &Located) -> Result<(Rows, Vec<Input>), Error> {
    let work = context.work;
    // The sample is unpacked where the next run looks for what a killed one has left.
    let unpacked = context.run.scratch("sample")?;
    let source = located.source(unpacked.folder())?;
    let out =
        OutputPaths { signals_dir: work.path("signals"), rejects: work.path("rejects.jsonl") };
    let settings = &context.job.settings;
    let params = locked_params(settings, located.locked())?;
    let ingested =
        ingest(&source, &params, &out, &|done, total| context.progress.set(done, total))?;
    let read = located.check(&ingested.profile.files)?;
    files::write_json(&work.path("profile.json"), &ingested.profile)?;
    if let Some(record) = located.record(&settings.source) {
        files::write_json(&work.path("source.json"), &record)?;
    }
    let lines: u64 = ingested.profile.files.iter().map(|f| f.lines - f.blank).sum();
    Ok((Rows { input: lines, output: ingested.profile.rows }, read))
}

/// The crate's parameters from the run's settings.
pub(super) fn params(settings: &Settings) -> Result<ValidParams, Error> {
    locked_params(settings, None)
}

fn locked_params(settings: &Settings, lock: Option<LockedSnapshot>) -> Result<ValidParams, Error> {
    let params = IngestParams {
        max_row_bytes: settings.ingest.max_row_bytes,
        strict: settings.ingest.strict,
        max_reject_share: settings.ingest.max_reject_share,
        sample_rows: settings.sample.rows,
        sample_seed: settings.sample.seed,
        threads: settings.run.threads as usize,
        lock,
    };
    Ok(params.check()?)
}
