//! The ingest stage: where the rows are, and the call that reads them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clawsig_ingest::{IngestParams, OutputPaths, Source, ValidParams, ingest};
use clawsig_store::{Input, hash_file};
use tempfile::TempDir;

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

/// The source's files on this machine.
pub(super) struct Located {
    /// The files as inputs of the stage.
    pub(super) inputs: Vec<Input>,
    paths: BTreeMap<String, PathBuf>,
    source: Option<Source>,
    /// Keeps the unpacked sample until the stage has read it.
    _sample: Option<TempDir>,
}

impl Located {
    /// Finds (for the Hub: fetches) and hashes the files. Nothing is done if the ingest stage is
    /// not `wanted`.
    pub(super) fn locate(job: &Job, wanted: bool) -> Result<Located, Error> {
        let mut located =
            Located { inputs: Vec::new(), paths: BTreeMap::new(), source: None, _sample: None };
        if !wanted {
            return Ok(located);
        }
        let settings = &job.settings.source;
        let source = match settings.kind {
            SourceKind::Sample => {
                let folder =
                    tempfile::tempdir().map_err(Error::io("create", std::env::temp_dir()))?;
                for (name, bytes) in SAMPLE {
                    let path = folder.path().join(name);
                    fs::write(&path, bytes).map_err(Error::io("write", &path))?;
                }
                let path = folder.path().to_owned();
                located._sample = Some(folder);
                Source::Path { path }
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
            let name = format!("source/{}", file.name);
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
    let Some(source) = &located.source else {
        return Err(Error::Usage("the ingest stage was not prepared".to_owned()));
    };
    let work = context.work;
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
