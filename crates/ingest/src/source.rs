//! Where rows come from, and which files that means.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clawsig_schema::{Split, hostile::printable};

use crate::{HubSnapshot, IngestError};

/// A source of rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A folder or one file on disk.
    ///
    /// A folder holds, for each split, one file `<split>.jsonl`, shards `<split>-00000-of-00003.jsonl`, or a folder
    /// of that name with files in it, either directly or below `data` or `default`; or the same for `latest` (the live
    /// edition). In place of `.jsonl` may stand `.ndjson`, `.json` (lines or one array), `.csv` (each of these also
    /// with `.gz` or `.zst`) or `.parquet`, in any case. A single file holds rows of any split: each row's `split`
    /// column says which, and where that is missing or `latest` the exporter's hash rule decides.
    Path {
        /// The folder or file.
        path: PathBuf,
    },
    /// A revision of a dataset on the Hub, whose files [`crate::hub::fetch`] has brought here.
    Hub(Box<HubSnapshot>),
}

/// The files of a source.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// In the order of the splits.
    pub(crate) files: Vec<InputFile>,
    /// Files beside them that look as if they were meant to be read.
    pub(crate) warnings: Vec<String>,
}

impl Source {
    /// Its files.
    pub(crate) fn list(&self) -> Result<Listing, IngestError> {
        match self {
            Source::Path { path } => list(path),
            Source::Hub(snapshot) => {
                Ok(Listing { files: snapshot.files.clone(), warnings: Vec::new() })
            }
        }
    }
}

/// The form of a file's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// JSON lines, or one JSON array.
    Jsonl,
    Csv,
    Parquet,
}

/// The compression around a text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
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

impl InputFile {
    /// The compression that its name gives.
    pub(crate) fn packing(&self) -> Option<Packing> {
        FileName::of(&self.name).and_then(|name| name.packing)
    }
}

/// What a file is known to be before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) bytes: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
}

/// The endings that are read, in words.
const ENDINGS: &str = ".jsonl, .ndjson, .json, .csv (also with .gz or .zst) or .parquet";

/// Files that `datasets` puts beside rows.
const NOT_ROWS: [&str; 4] =
    ["dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"];

/// A name with an ending that is read, in its parts.
#[derive(Debug, PartialEq, Eq)]
struct FileName {
    /// In lower case.
    stem: String,
    form: Form,
    packing: Option<Packing>,
}

impl FileName {
    fn of(name: &str) -> Option<FileName> {
        let name = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if name.starts_with('.') || NOT_ROWS.contains(&name.as_str()) {
            return None;
        }
        let packings = [(".gz", Packing::Gzip), (".zst", Packing::Zstd)];
        let packed = packings
            .iter()
            .find_map(|(ending, packing)| Some((name.strip_suffix(ending)?, *packing)));
        let (rest, packing) = match packed {
            Some((rest, packing)) => (rest, Some(packing)),
            None => (name.as_str(), None),
        };
        let (stem, ending) = rest.rsplit_once('.')?;
        let form = match ending {
            "jsonl" | "ndjson" | "json" => Form::Jsonl,
            "csv" => Form::Csv,
            "parquet" if packing.is_none() => Form::Parquet,
            _ => return None,
        };
        Some(FileName { stem: stem.to_owned(), form, packing })
    }
}

/// A split, or the live edition's one file: `None`.
type Label = Option<Split>;

/// A label's name at the head of a stem, and the shard that follows: its number and of how many.
fn label_of(stem: &str) -> Option<(Label, Option<Shard>)> {
    let labels = Split::ALL.iter().map(|split| (split.as_str(), Some(*split)));
    for (name, label) in labels.chain([("latest", None)]) {
        let Some(rest) = stem.strip_prefix(name) else { continue };
        if rest.is_empty() {
            return Some((label, None));
        }
        let Some(rest) = rest.strip_prefix(['-', '_', '.']) else { continue };
        let mut parts = rest.split('-');
        let Some(Ok(number)) = parts.next().map(str::parse) else { continue };
        let shard = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => Shard { number, of: None },
            // Older releases of `datasets` add a hash.
            (Some("of"), Some(of), hash) if hash.is_none_or(is_hash) => {
                let Ok(of) = of.parse() else { continue };
                Shard { number, of: Some(of) }
            }
            _ => continue,
        };
        return Some((label, Some(shard)));
    }
    None
}

fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shard {
    number: u64,
    of: Option<u64>,
}

/// A file of a label.
struct LabelFile {
    shard: Option<Shard>,
    file: InputFile,
}

/// Files that hold one label together: of one folder and form, either one file or shards.
type Groups = BTreeMap<(String, Form, bool), Vec<LabelFile>>;

/// What a folder holds.
#[derive(Default)]
struct Folder {
    labels: BTreeMap<Label, Groups>,
    /// Files that are not read, with what to do to have them read.
    near: Vec<String>,
    others: Vec<String>,
}

/// The files of a path.
fn list(path: &Path) -> Result<Listing, IngestError> {
    let refuse = |reason: String| IngestError::Source { path: path.to_owned(), reason };
    let metadata = fs::metadata(path).map_err(IngestError::io("open", path))?;
    if metadata.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let form = FileName::of(&name)
            .map(|name| name.form)
            .ok_or_else(|| refuse(format!("has none of the endings that are read: {ENDINGS}")))?;
        let file = InputFile { path: path.to_owned(), name, form, split: None, expected: None };
        return Ok(Listing { files: vec![file], warnings: Vec::new() });
    }
    let mut folder = Folder::default();
    for below in ["", "data", "default"] {
        folder.look(path, below)?;
    }
    let splits = folder.labels.split_off(&Some(Split::Train));
    let latest = std::mem::take(&mut folder.labels);
    if !splits.is_empty() && !latest.is_empty() {
        folder.near.push("latest (the files of splits lie beside it)".to_owned());
    }
    let mut files = Vec::new();
    for (label, groups) in if splits.is_empty() { latest } else { splits } {
        files.extend(one_group(label, groups).map_err(refuse)?);
    }
    if files.is_empty() {
        let seen = match (folder.near.is_empty(), folder.others.is_empty()) {
            (false, _) => format!("; found {}", few(&folder.near)),
            (true, false) => format!("; found {}", few(&folder.others)),
            (true, true) => String::new(),
        };
        return Err(refuse(format!(
            "holds no data; expected files of the splits train, validation, test and eval_holdout, named \
             <split>.jsonl, <split>-00000-of-00001.jsonl or <split>/*.jsonl, directly or in a folder `data` or \
             `default`, or latest.jsonl; .jsonl stands for any of {ENDINGS}{seen}"
        )));
    }
    let warnings = folder.near.iter().map(|near| format!("not read: {near}")).collect();
    Ok(Listing { files, warnings })
}

/// The first few of many.
fn few(names: &[String]) -> String {
    let more = names.len().saturating_sub(6);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// The files of the one group that holds a label.
fn one_group(label: Label, groups: Groups) -> Result<Vec<InputFile>, String> {
    let name = label.map_or("latest", Split::as_str);
    let twice = |((_, _, shards), found): (&(String, Form, bool), &Vec<LabelFile>)| {
        !shards && found.len() > 1
    };
    if groups.len() > 1 || groups.iter().any(twice) {
        let names: Vec<String> =
            groups.values().flatten().map(|found| found.file.name.clone()).collect();
        return Err(format!(
            "holds the split {name} more than once ({}); keep one of them",
            few(&names)
        ));
    }
    let mut files: Vec<LabelFile> = groups.into_values().flatten().collect();
    files.sort_by(|a, b| (a.shard, &a.file.name).cmp(&(b.shard, &b.file.name)));
    let repeated =
        files.windows(2).find(|pair| pair[0].shard.is_some() && pair[0].shard == pair[1].shard);
    if let Some(pair) = repeated {
        return Err(format!(
            "holds one shard twice ({}, {}); keep one of them",
            pair[0].file.name, pair[1].file.name
        ));
    }
    if let Some(of) = files.iter().find_map(|found| found.shard?.of)
        && of != files.len() as u64
    {
        return Err(format!(
            "holds {} of the {of} shards of the split {name}; add the others",
            files.len()
        ));
    }
    Ok(files.into_iter().map(|found| found.file).collect())
}

impl Folder {
    /// Sorts what lies in a folder below the source; a folder that is not there holds nothing.
    fn look(&mut self, source: &Path, below: &str) -> Result<(), IngestError> {
        let folder = source.join(below);
        if !below.is_empty() && !folder.is_dir() {
            return Ok(());
        }
        for (path, name) in entries_of(&folder)? {
            if !path.is_dir() {
                self.file(&path, below, &name, None);
                continue;
            }
            let lower = name.to_ascii_lowercase();
            match label_of(&lower) {
                Some((label, None)) => {
                    for (inner, file) in entries_of(&path)? {
                        self.file(&inner, &join(below, &name), &file, Some(label));
                    }
                }
                _ if entries_of(&path)?.iter().any(|(_, file)| FileName::of(file).is_some()) => {
                    self.near.extend(remedy(&join(below, &name), &lower, ""));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sorts a file; `of_folder` is the label of the folder that it lies in, where that has one.
    fn file(&mut self, path: &Path, below: &str, name: &str, of_folder: Option<Label>) {
        let whole = join(below, name);
        let Some(file) = FileName::of(name) else {
            let lower = name.to_ascii_lowercase();
            if lower.ends_with(".arrow") {
                let name = printable(&whole, 80);
                self.near.push(format!("{name} (an Arrow file, as `save_to_disk` writes it: write it with `to_parquet`)"));
            } else if !lower.starts_with('.') {
                self.others.push(printable(&whole, 80));
            }
            return;
        };
        let (label, shard) = match (of_folder, label_of(&file.stem)) {
            (Some(label), _) => (label, None),
            (None, Some((label, shard))) => (label, shard),
            (None, None) => {
                match remedy(&whole, &file.stem, &name[file.stem.len().min(name.len())..]) {
                    Some(remedy) => self.near.push(remedy),
                    None => self.others.push(printable(&whole, 80)),
                }
                return;
            }
        };
        let is_shard = of_folder.is_some() || shard.is_some();
        let groups = self.labels.entry(label).or_default();
        groups.entry((below.to_owned(), file.form, is_shard)).or_default().push(LabelFile {
            shard,
            file: InputFile {
                path: path.to_owned(),
                name: whole,
                form: file.form,
                split: label,
                expected: None,
            },
        });
    }
}

/// What to do with a name that is nearly one of those that are read; `None` where it is far from all of them.
fn remedy(whole: &str, stem: &str, ending: &str) -> Option<String> {
    let shown = printable(whole, 80);
    if let Some(split) = stem.strip_prefix("partial-") {
        label_of(split)?;
        return Some(format!(
            "{shown} (only the beginning of the split; rename it to {split}{ending} to read it as it is)"
        ));
    }
    let head = stem.split(['-', '_', '.']).next().unwrap_or_default();
    let split = match head {
        "val" | "valid" | "dev" | "validate" => "validation",
        "training" | "trains" => "train",
        "tests" | "testing" => "test",
        "holdout" | "eval" | "evaluation" => "eval_holdout",
        _ => label_of(head)?.0.map_or("latest", Split::as_str),
    };
    Some(format!("{shown} (rename it to {split}{ending})"))
}

fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}

/// The paths in a folder, sorted, each with its name; what is no UTF-8 in a name is shown as U+FFFD.
fn entries_of(folder: &Path) -> Result<Vec<(PathBuf, String)>, IngestError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(IngestError::io("read", folder))? {
        let entry = entry.map_err(IngestError::io("read", folder))?;
        entries.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        match list(folder.path()) {
            Ok(listing) => {
                let name = |file: InputFile| {
                    format!("{}={}", file.split.map_or("latest", Split::as_str), file.name)
                };
                Ok((listing.files.into_iter().map(name).collect(), listing.warnings))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn names_as_people_have_them() {
        for (names, expected) in [
            (vec!["train.jsonl", "test.jsonl"], vec!["train=train.jsonl", "test=test.jsonl"]),
            (vec!["data/TRAIN.JSONL"], vec!["train=data/TRAIN.JSONL"]),
            (vec!["validation.json"], vec!["validation=validation.json"]),
            (vec!["train.ndjson.gz"], vec!["train=train.ndjson.gz"]),
            (vec!["eval_holdout.jsonl.zst"], vec!["eval_holdout=eval_holdout.jsonl.zst"]),
            (vec!["train.csv", "README.md"], vec!["train=train.csv"]),
            (
                vec!["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"],
                vec![
                    "train=data/train-00000-of-00002.parquet",
                    "train=data/train-00001-of-00002.parquet",
                ],
            ),
            (
                vec!["data/test-00000-of-00001-0123456789abcdef.parquet"],
                vec!["test=data/test-00000-of-00001-0123456789abcdef.parquet"],
            ),
            (
                vec!["train_10.json", "train_9.json"],
                vec!["train=train_9.json", "train=train_10.json"],
            ),
            (
                vec!["default/train/0001.parquet", "default/train/0000.parquet"],
                vec!["train=default/train/0000.parquet", "train=default/train/0001.parquet"],
            ),
            (vec!["train/part-0.jsonl", "train/_SUCCESS"], vec!["train=train/part-0.jsonl"]),
            (vec!["data/latest.jsonl"], vec!["latest=data/latest.jsonl"]),
            (vec!["latest-00000-of-00001.parquet"], vec!["latest=latest-00000-of-00001.parquet"]),
        ] {
            let (files, warnings) = listed(&names).unwrap();
            assert_eq!(files, expected, "{names:?}");
            assert!(warnings.is_empty(), "{warnings:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_utf8_is_read_and_told_as_others_are() {
        use std::os::unix::ffi::OsStrExt;

        let folder = tempfile::tempdir().unwrap();
        let name = |bytes| folder.path().join(std::ffi::OsStr::from_bytes(bytes));
        fs::create_dir(name(b"train")).unwrap();
        for file in [&b"train/part-\xff.jsonl"[..], b"train/part-1.jsonl", b"val\xff.jsonl"] {
            fs::write(name(file), "{}").unwrap();
        }
        let listing = list(folder.path()).unwrap();
        let names: Vec<&str> = listing.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["train/part-1.jsonl", "train/part-\u{fffd}.jsonl"]);
        assert_eq!(fs::read(&listing.files[1].path).unwrap(), b"{}");
        let others = tempfile::tempdir().unwrap();
        fs::write(others.path().join(std::ffi::OsStr::from_bytes(b"b\xff.jsonl")), "").unwrap();
        let error = list(others.path()).err().unwrap().to_string();
        assert!(error.contains("found b\u{fffd}.jsonl"), "{error}");
    }

    #[test]
    fn near_misses_are_told_with_their_remedy() {
        for (names, told) in [
            (vec!["val.jsonl"], "found val.jsonl (rename it to validation.jsonl)"),
            (vec!["data/dev-0.parquet"], "data/dev-0.parquet (rename it to validation"),
            (vec!["default/partial-train/0000.parquet"], "rename it to train to read it as it is"),
            (
                vec!["dataset_dict.json", "train/state.json", "train/data-00000-of-00001.arrow"],
                "write it with `to_parquet`",
            ),
            (vec!["rows.jsonl"], "found rows.jsonl"),
            (vec!["train.xlsx"], "found train.xlsx"),
            (vec![".train.jsonl"], "or .parquet"),
            (vec![], "holds no data"),
            (vec!["train-of-thought.jsonl"], "rename it to train"),
            (vec!["train-00000-of-00001-0123456789abcdeg.parquet"], "rename it to train"),
            (vec!["train-00000-of-00001-abc.parquet"], "rename it to train"),
        ] {
            let error = listed(&names).unwrap_err();
            assert!(error.contains("holds no data") && error.contains(told), "{error}");
        }
        let (_, warnings) = listed(&["train.jsonl", "valid.jsonl"]).unwrap();
        assert_eq!(warnings, ["not read: valid.jsonl (rename it to validation.jsonl)"]);
        let (files, warnings) = listed(&["latest.jsonl", "test.csv"]).unwrap();
        assert_eq!(files, ["test=test.csv"]);
        assert_eq!(warnings, ["not read: latest (the files of splits lie beside it)"]);
    }

    #[test]
    fn a_split_is_there_once_and_whole() {
        for (names, told) in [
            (vec!["train.jsonl", "train.parquet"], "the split train more than once"),
            (vec!["train.jsonl", "data/train.jsonl"], "more than once"),
            (vec!["train.jsonl", "train-00000-of-00001.jsonl"], "more than once"),
            (vec!["train.json", "train.jsonl"], "more than once"),
            (vec!["test-00000-of-00003.parquet"], "1 of the 3 shards of the split test"),
            (vec!["test-0.jsonl", "test-00.jsonl"], "one shard twice"),
        ] {
            let error = listed(&names).unwrap_err();
            assert!(error.contains(told), "{names:?}: {error}");
        }
    }

    #[test]
    fn one_file_is_read_by_its_ending() {
        let folder = tempfile::tempdir().unwrap();
        for (name, form) in
            [("a.JSONL.GZ", Form::Jsonl), ("b.csv", Form::Csv), ("c.Parquet", Form::Parquet)]
        {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            let listing = list(&path).unwrap();
            assert_eq!((listing.files[0].form, listing.files[0].split), (form, None));
            assert_eq!(listing.files[0].packing().is_some(), name.ends_with("GZ"));
        }
        let path = folder.path().join("d.parquet.gz");
        fs::write(&path, "").unwrap();
        assert!(list(&path).unwrap_err().to_string().contains("none of the endings"));
        assert!(list(&folder.path().join("absent")).is_err());
    }
}
