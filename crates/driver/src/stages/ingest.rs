//! The ingest stage: where the rows are, and the call that reads them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clawsig_ingest::{IngestParams, OutputPaths, Source, ValidParams, ingest};
use clawsig_store::{Input, hash_bytes, hash_file};

use super::{Context, Job, Rows};
use crate::{
    Error, files,
    settings::{Settings, SourceKind},
    terminal::Progress,
};

/// The bundled sample, one file a split.
const SAMPLE: [(&str, &[u8]); 4] = [
    ("train.parquet", include_bytes!("../../../../data/sample/train.parquet")),
    ("validation.parquet", include_bytes!("../../../../data/sample/validation.parquet")),
    ("test.parquet", include_bytes!("../../../../data/sample/test.parquet")),
    ("eval_holdout.parquet", include_bytes!("../../../../data/sample/eval_holdout.parquet")),
];

/// What the names of the source's files begin with, among the inputs.
pub(super) const PREFIX: &str = "source/";

/// The source's files on this machine.
pub(super) struct Located {
    /// The files as inputs of the stage.
    pub(super) inputs: Vec<Input>,
    paths: BTreeMap<String, PathBuf>,
    /// `None` for the bundled sample.
    source: Option<Source>,
}

impl Located {
    /// Finds (for the Hub: fetches) and hashes the files. Nothing is done if the ingest stage is
    /// not `wanted`.
    pub(super) fn locate(job: &Job, wanted: bool) -> Result<Located, Error> {
        let mut located = Located { inputs: Vec::new(), paths: BTreeMap::new(), source: None };
        if !wanted {
            return Ok(located);
        }
        let settings = &job.settings.source;
        let source = match settings.kind {
            SourceKind::Sample => {
                located.inputs.extend(SAMPLE.map(|(name, bytes)| Input {
                    name: format!("{PREFIX}{name}"),
                    sha256: hash_bytes(bytes),
                    bytes: bytes.len() as u64,
                }));
                return Ok(located);
            }
            SourceKind::Path if settings.path.is_empty() => {
                return Err(Error::Usage(
                    "source.path is empty: name the folder with --set source.path=FOLDER"
                        .to_owned(),
                ));
            }
            SourceKind::Path => Source::Path { path: PathBuf::from(&settings.path) },
            SourceKind::Hub => {
                return Err(Error::Usage(format!(
                    "this clawsig does not download: fetch data/*.jsonl of {} yourself and name the \
                     folder with --set source.kind=path --set source.path=FOLDER",
                    settings.repo
                )));
            }
        };
        let progress = Progress::new("hash", job.quiet);
        for file in clawsig_ingest::locate(&source, &|done, total| progress.set(done, total))? {
            let name = format!("{PREFIX}{}", file.name);
            let hash = hash_file(&file.path)?;
            located.inputs.push(Input {
                name: name.clone(),
                sha256: hash.sha256,
                bytes: hash.bytes,
            });
            located.paths.insert(name, file.path);
        }
        located.source = Some(source);
        Ok(located)
    }

    /// The path of an input that is a file of the source.
    pub(super) fn path_of(&self, name: &str) -> Option<PathBuf> {
        self.paths.get(name).cloned()
    }
}

pub(super) fn run(context: &Context<'_>, located: &Located) -> Result<Rows, Error> {
    let work = context.work;
    // The sample is unpacked where the next run looks for what a killed one has left.
    let unpacked = context.run.scratch("sample")?;
    let source = match &located.source {
        Some(source) => source,
        None => {
            for (name, bytes) in SAMPLE {
                let path = unpacked.folder().join(name);
                fs::write(&path, bytes).map_err(Error::io("write", &path))?;
            }
            &Source::Path { path: unpacked.folder().to_owned() }
        }
    };
    let out =
        OutputPaths { signals_dir: work.path("signals"), rejects: work.path("rejects.jsonl") };
    let ingested = ingest(source, &params(&context.job.settings)?, &out, &|done, total| {
        context.progress.set(done, total)
    })?;
    files::write_json(&work.path("profile.json"), &ingested.profile)?;
    let lines: u64 = ingested.profile.files.iter().map(|f| f.lines - f.blank).sum();
    Ok(Rows { input: lines, output: ingested.profile.rows })
}

/// The crate's parameters from the run's settings.
pub(super) fn params(settings: &Settings) -> Result<ValidParams, Error> {
    let params = IngestParams {
        max_row_bytes: settings.ingest.max_row_bytes,
        strict: settings.ingest.strict,
        sample_rows: settings.sample.rows,
        sample_seed: settings.sample.seed,
        threads: settings.run.threads as usize,
        lock: None,
    };
    Ok(params.check()?)
}
