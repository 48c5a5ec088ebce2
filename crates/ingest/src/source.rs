//! Where rows come from, and which files that means.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clawsig_schema::Split;

use crate::{HubSnapshot, IngestError};

/// A source of rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A folder or one file on disk.
    ///
    /// A folder holds, for each split, `<split>.jsonl` or `<split>.parquet`, or Parquet shards in
    /// a folder of that name, either directly or below `data/` or `default/`; or one
    /// `latest.jsonl` (the live edition). A single file holds rows of any split: each row's
    /// `split` column says which, and where that is missing or `latest` the exporter's hash rule
    /// decides.
    Path {
        /// The folder or file.
        path: PathBuf,
    },
    /// A revision of a dataset on the Hub, whose files [`crate::hub::fetch`] has brought here.
    Hub(Box<HubSnapshot>),
}

impl Source {
    /// Its files, in the order of the splits.
    pub(crate) fn files(&self) -> Result<Vec<InputFile>, IngestError> {
        match self {
            Source::Path { path } => files(path),
            Source::Hub(snapshot) => Ok(snapshot.files.clone()),
        }
    }
}

/// The form of a file's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Jsonl,
    Parquet,
}

/// One file to read.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    pub(crate) path: PathBuf,
    /// Its name below the source, with `/`.
    pub(crate) name: String,
    pub(crate) form: Form,
    /// The split that its name gives.
    pub(crate) split: Option<Split>,
    /// What its bytes must be, where that is known beforehand.
    pub(crate) expected: Option<Expected>,
}

/// What a file is known to be before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) bytes: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
}

fn form(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" => Some(Form::Jsonl),
        "parquet" => Some(Form::Parquet),
        _ => None,
    }
}

/// The files of a path, in the order of the splits.
fn files(path: &Path) -> Result<Vec<InputFile>, IngestError> {
    let refuse =
        |reason: &str| IngestError::Source { path: path.to_owned(), reason: reason.into() };
    let metadata = fs::metadata(path).map_err(IngestError::io("open", path))?;
    if metadata.is_file() {
        let form = form(path).ok_or_else(|| refuse("is neither *.jsonl nor *.parquet"))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![InputFile {
            path: path.to_owned(),
            name,
            form,
            split: None,
            expected: None,
        }]);
    }
    // Told apart from a folder without data: one that may not be read.
    fs::read_dir(path).map_err(IngestError::io("read", path))?;
    let mut found = Vec::new();
    for &split in Split::ALL {
        let mut of_split = Vec::new();
        for below in ["", "data", "default"] {
            let folder = path.join(below);
            for (ending, form) in [("jsonl", Form::Jsonl), ("parquet", Form::Parquet)] {
                let file = format!("{split}.{ending}");
                if folder.join(&file).is_file() {
                    of_split.push(input(&folder.join(&file), below, &file, form, Some(split)));
                }
            }
            let shards = folder.join(split.as_str());
            if shards.is_dir() {
                for name in shard_names(&shards)? {
                    let below = join(below, split.as_str());
                    of_split.push(input(
                        &shards.join(&name),
                        &below,
                        &name,
                        Form::Parquet,
                        Some(split),
                    ));
                }
            }
        }
        let forms = of_split.windows(2).all(|pair: &[InputFile]| {
            pair[0].form == Form::Parquet
                && pair[1].form == Form::Parquet
                && pair[0].path.parent() == pair[1].path.parent()
        });
        if of_split.len() > 1
            && (!forms || of_split.iter().any(|f| f.name.ends_with(&format!("{split}.parquet"))))
        {
            let names: Vec<_> = of_split.iter().map(|file| file.name.as_str()).collect();
            return Err(refuse(&format!(
                "holds the split {split} more than once ({}); keep one of them",
                names.join(", ")
            )));
        }
        found.extend(of_split);
    }
    if found.is_empty() {
        for below in ["", "data"] {
            let file = path.join(below).join("latest.jsonl");
            if file.is_file() {
                found.push(input(&file, below, "latest.jsonl", Form::Jsonl, None));
                break;
            }
        }
    }
    if found.is_empty() {
        return Err(refuse(
            "holds no data; expected train.jsonl, validation.jsonl, test.jsonl and \
             eval_holdout.jsonl (or .parquet), directly or in a folder `data`, or latest.jsonl",
        ));
    }
    Ok(found)
}

fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}

fn input(path: &Path, below: &str, name: &str, form: Form, split: Option<Split>) -> InputFile {
    InputFile { path: path.to_owned(), name: join(below, name), form, split, expected: None }
}

fn shard_names(folder: &Path) -> Result<Vec<String>, IngestError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(IngestError::io("read", folder))? {
        let name = entry.map_err(IngestError::io("read", folder))?.file_name();
        names.extend(name.to_str().filter(|name| name.ends_with(".parquet")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
