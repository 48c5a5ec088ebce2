//! Where the rows are: which files a source is, had on this machine, with their hashes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clawsig_ingest::{
    HubAccess, HubError, HubFormat, HubSnapshot, HubSource, IngestError, Source, SourceFile,
    SourceKind, SourceParams,
    hub::{self, HubOptions},
};
use clawsig_schema::{
    lock::{DatasetLock, LOCK_FORMAT, LockedSnapshot},
    profile::FileProfile,
    source::{SOURCE_FORMAT, SourceRecord},
};
use clawsig_store::{Input, StoreError, hash_bytes, hash_file};

use super::Stage;
use crate::{
    Error, files,
    terminal::{self, Progress, Transfers},
};

/// The bundled sample, one file a split.
const SAMPLE: [(&str, &[u8]); 4] = [
    ("train.parquet", include_bytes!("../../../../data/sample/train.parquet")),
    ("validation.parquet", include_bytes!("../../../../data/sample/validation.parquet")),
    ("test.parquet", include_bytes!("../../../../data/sample/test.parquet")),
    ("eval_holdout.parquet", include_bytes!("../../../../data/sample/eval_holdout.parquet")),
];
/// What the names of the source's files begin with, among the inputs.
const PREFIX: &str = "source/";
/// The snapshots that are known by their content.
const LOCK: &str = include_str!("../../../../data/dataset.lock.json");

/// The source's files on this machine.
#[derive(Default)]
pub(crate) struct Located {
    /// The files as inputs of the stage; those whose hash reading will tell are not here.
    pub(super) inputs: Vec<Input>,
    /// What would have to be fetched first, where only a look was asked for.
    pub(super) missing: Option<String>,
    places: BTreeMap<String, Place>,
    /// `None` for the bundled sample.
    source: Option<Source>,
}

/// How an input's hash came to be known.
pub(super) enum Place {
    /// Reading the file tells it, and [`Located::check`] holds it against what was known before,
    /// if anything was; or the file is part of the program.
    Checked,
    /// By reading the file there, which has to be done again after the stage.
    Hashed(PathBuf),
}

impl Located {
    /// Finds the files, and downloads those of the Hub that the cache lacks. Where they are read
    /// anyway, what reading will tell is not found out before.
    pub(crate) fn fetch(
        params: &SourceParams,
        options: &HubOptions,
        quiet: bool,
        reads_anyway: bool,
    ) -> Result<Located, Error> {
        let access = HubAccess::resolve(options).map_err(IngestError::from);
        Located::locate(params, access, quiet, reads_anyway)
    }

    /// Finds the files, and downloads nothing.
    pub(super) fn look(
        params: &SourceParams,
        options: &HubOptions,
        quiet: bool,
    ) -> Result<Located, Error> {
        let access = HubAccess::resolve(options).map_err(IngestError::from);
        let access = access.map(|access| HubAccess { offline: true, ..access });
        match Located::locate(params, access, quiet, false) {
            Err(Error::Ingest(IngestError::Hub(HubError::NotCached { missing, .. })))
                if !options.offline =>
            {
                Ok(Located { missing: Some(missing), ..Located::default() })
            }
            located => located,
        }
    }

    /// How the Hub is reached matters only where it is the source.
    fn locate(
        params: &SourceParams,
        access: Result<HubAccess, IngestError>,
        quiet: bool,
        reads_anyway: bool,
    ) -> Result<Located, Error> {
        let mut located = Located::default();
        let source = match params.kind {
            SourceKind::Sample => {
                for (name, bytes) in SAMPLE {
                    let name = format!("{PREFIX}{name}");
                    let (sha256, bytes) = (hash_bytes(bytes), bytes.len() as u64);
                    located.inputs.push(Input { name: name.clone(), sha256, bytes });
                    located.places.insert(name, Place::Checked);
                }
                return Ok(located);
            }
            SourceKind::Path if params.path.as_os_str().is_empty() => {
                return Err(Error::Usage(
                    "source.path is empty: name the folder with --set source.path=FOLDER"
                        .to_owned(),
                ));
            }
            SourceKind::Path => Source::Path { path: params.path.clone() },
            SourceKind::Hub => {
                let transfers = Transfers::new(quiet);
                let fetched =
                    hub::fetch(&hub_source(params)?, &access?, &|event| transfers.show(event));
                drop(transfers);
                let snapshot = fetched.map_err(IngestError::from)?;
                if !quiet {
                    for warning in &snapshot.warnings {
                        terminal::say(&format!("warning: {warning}"));
                    }
                }
                Source::Hub(Box::new(snapshot))
            }
        };
        let progress = Progress::new("hash", quiet);
        let files = clawsig_ingest::locate(&source)?;
        let unread = |file: &SourceFile| reads_anyway && file.hashed_as_read;
        let hashed = files.iter().filter(|file| file.sha256.is_none() && !unread(file));
        let total: u64 = hashed.map(|file| file.bytes).sum();
        let mut done = 0;
        for file in files {
            let name = format!("{PREFIX}{}", file.name);
            // The Hub's large files have their hash for a name: no need to read them for it.
            let known = file.sha256.as_deref().and_then(|sha256| sha256.parse().ok());
            if known.is_none() && unread(&file) {
                located.places.insert(name, Place::Checked);
                continue;
            }
            let (input, place) = match known {
                Some(sha256) => {
                    (Input { name: name.clone(), sha256, bytes: file.bytes }, Place::Checked)
                }
                None => {
                    progress.set(done, total);
                    let hash = hash_file(&file.path)?;
                    done += hash.bytes;
                    let (sha256, bytes) = (hash.sha256, hash.bytes);
                    let place = match file.hashed_as_read {
                        true => Place::Checked,
                        false => Place::Hashed(file.path),
                    };
                    (Input { name: name.clone(), sha256, bytes }, place)
                }
            };
            located.inputs.push(input);
            located.places.insert(name, place);
        }
        located.source = Some(source);
        Ok(located)
    }

    /// What the ingest stage reads; the bundled sample is unpacked into the folder.
    pub(crate) fn source(&self, unpacked: &Path) -> Result<Source, Error> {
        if let Some(source) = &self.source {
            return Ok(source.clone());
        }
        for (name, bytes) in SAMPLE {
            let path = unpacked.join(name);
            fs::write(&path, bytes).map_err(Error::io("write", &path))?;
        }
        Ok(Source::Path { path: unpacked.to_owned() })
    }

    /// Holds the hashes of what the stage has read against those that its key was made of, and
    /// gives the inputs of which there was none.
    pub(super) fn check(&self, read: &[FileProfile]) -> Result<Vec<Input>, Error> {
        let mut learned = Vec::new();
        for file in read {
            let name = format!("{PREFIX}{}", file.name);
            let planned = self.inputs.iter().find(|input| input.name == name);
            match (planned, file.sha256.parse()) {
                (Some(input), Ok(sha256)) if input.sha256 == sha256 => {}
                (None, Ok(sha256)) if self.places.contains_key(&name) => {
                    learned.push(Input { name, sha256, bytes: file.bytes });
                }
                _ => {
                    let stage = Stage::Ingest.to_string();
                    return Err(StoreError::InputChanged { stage, input: name }.into());
                }
            }
        }
        Ok(learned)
    }

    /// How the hash of an input that is a file of the source is known; `None` for any other.
    pub(super) fn place(&self, name: &str) -> Option<&Place> {
        self.places.get(name)
    }

    fn snapshot(&self) -> Option<&HubSnapshot> {
        match &self.source {
            Some(Source::Hub(snapshot)) => Some(snapshot),
            _ => None,
        }
    }

    /// The commit, of a source on the Hub.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.snapshot().map(|snapshot| snapshot.commit.as_str())
    }

    /// What the files must be, if they are a locked snapshot.
    pub(super) fn locked(&self) -> Option<LockedSnapshot> {
        self.snapshot()?.locked.clone()
    }

    /// `source.json`, of a source on the Hub.
    pub(super) fn record(&self, format: HubFormat) -> Option<SourceRecord> {
        let snapshot = self.snapshot()?;
        Some(SourceRecord {
            format: SOURCE_FORMAT,
            repo: snapshot.repo.clone(),
            commit: snapshot.commit.clone(),
            edition: format.as_str().to_owned(),
            locked: snapshot.locked.as_ref().map(|lock| lock.name.clone()),
            manifest: snapshot.manifest.as_ref().map(ToString::to_string),
            warnings: snapshot.warnings.clone(),
        })
    }
}

/// The crate's source from the run's settings.
fn hub_source(params: &SourceParams) -> Result<HubSource, Error> {
    let repo = match params.format {
        // The moving edition of the dataset is a dataset of its own.
        HubFormat::Live if params.repo == SourceParams::default().repo => {
            format!("{}-live", params.repo)
        }
        _ => params.repo.clone(),
    };
    let revision = Some(params.revision.clone()).filter(|revision| !revision.is_empty());
    Ok(HubSource { repo, revision, format: params.format, lock: dataset_lock(params)? })
}

/// The lock that the settings name, or the built-in one.
fn dataset_lock(params: &SourceParams) -> Result<DatasetLock, Error> {
    if !params.lock.as_os_str().is_empty() {
        return files::read_json(&params.lock);
    }
    serde_json::from_str(LOCK).map_err(|e| Error::Artifact {
        path: PathBuf::from("data/dataset.lock.json"),
        reason: format!("the lock of format {LOCK_FORMAT} that is built in can't be read: {e}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lock_is_the_snapshot_of_the_paper() {
        let lock = dataset_lock(&SourceParams::default()).unwrap();
        let paper = lock.default_of(&SourceParams::default().repo).unwrap();
        let rows: u64 = paper.files.iter().map(|file| file.rows).sum();
        let bytes: u64 = paper.files.iter().map(|file| file.bytes).sum();
        assert_eq!((paper.name.as_str(), rows, bytes), ("paper", 67_453, 1_081_476_463));
        for file in &paper.files {
            assert_eq!(file.rows, file.verdicts.iter().sum::<u64>(), "{}", file.path);
        }
    }

    #[test]
    fn a_file_that_is_not_the_one_that_was_hashed_is_noticed() {
        let file = |name: &str, content: &[u8]| FileProfile {
            name: name.to_owned(),
            bytes: content.len() as u64,
            sha256: hash_bytes(content).to_string(),
            lines: 1,
            blank: 0,
            accepted: 1,
            rejected: 0,
        };
        let name = "source/data/train.jsonl".to_owned();
        let inputs = vec![Input { name: name.clone(), sha256: hash_bytes(b"a"), bytes: 1 }];
        let located = Located { inputs, ..Located::default() };
        assert!(located.check(&[file("data/train.jsonl", b"a")]).is_ok());
        for other in [file("data/train.jsonl", b"b"), file("data/test.jsonl", b"a")] {
            let error = located.check(&[other]).unwrap_err();
            assert!(error.to_string().contains("changed while `ingest` was reading it"), "{error}");
        }
    }

    #[test]
    fn a_hash_that_reading_tells_is_learned_for_the_files_that_were_located() {
        let file = FileProfile {
            name: "test.jsonl".to_owned(),
            bytes: 1,
            sha256: hash_bytes(b"a").to_string(),
            lines: 1,
            blank: 0,
            accepted: 1,
            rejected: 0,
        };
        let name = "source/test.jsonl".to_owned();
        let places = BTreeMap::from([(name.clone(), Place::Checked)]);
        let located = Located { places, ..Located::default() };
        let learned = located.check(std::slice::from_ref(&file)).unwrap();
        assert_eq!(learned, [Input { name, sha256: hash_bytes(b"a"), bytes: 1 }]);
        assert!(Located::default().check(&[file]).is_err());
    }

    #[test]
    fn the_live_edition_has_a_repository_of_its_own() {
        let live = SourceParams { format: HubFormat::Live, ..SourceParams::default() };
        assert_eq!(hub_source(&live).unwrap().repo, "OpenClaw/clawhub-security-signals-live");
        let mine = SourceParams { repo: "me/mine".to_owned(), ..live };
        assert_eq!(hub_source(&mine).unwrap().repo, "me/mine");
    }
}
