//! Reading corpora as their publishers lay them out.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Component, Path},
};

use clawsig_ingest::SingleRows;
use clawsig_schema::{Split, hostile::printable, unread};
use serde_json::{Map, Value};

use super::corpus::{Corpus, Label, SplitPart};
use crate::{Error, cli::TransferArgs, finished::FinishedRun, stages::Stage};

/// Reads what a path names; one file may hold several corpora.
pub(super) fn read(path: &Path, words: &TransferArgs) -> Result<Vec<Corpus>, Error> {
    let expected = |found: &str| {
        Error::Usage(format!(
            "{}: {found}; expected JSON lines (.jsonl) with text and label, the folder of \
             MaliciousSkillBench (primary.jsonl and splits/ or metadata/splits/), that of SkillTrustBench \
             (*.jsonl with judgment and skill_path), or a run's folder",
            path.display()
        ))
    };
    if !path.exists() {
        return Err(expected("does not exist"));
    }
    if path.is_dir() {
        if path.join(Stage::Ingest.as_str()).is_dir() {
            return Ok(vec![run(path, words)?]);
        }
        let splits = ["splits", "metadata/splits"].map(|below| path.join(below));
        if let Some(splits) = splits.iter().find(|folder| folder.is_dir()) {
            return Ok(vec![malicious_skill_bench(path, splits, words)?]);
        }
        let entries = fs::read_dir(path).map_err(Error::io("read", path))?;
        let lines = entries.filter_map(|entry| Some(entry.ok()?.path())).find(|p| is_lines(p));
        return match lines {
            Some(lines) => json_lines(&lines, words),
            None => Err(expected("holds none of them")),
        };
    }
    if !is_lines(path) {
        return Err(expected("is none of them by its ending"));
    }
    json_lines(path, words)
}

fn is_lines(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson")
}

/// The name of a corpus that says none.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_stem().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Calls with every line that is a JSON object.
fn each_object(
    path: &Path,
    mut take: impl FnMut(Map<String, Value>) -> Result<(), Error>,
) -> Result<(), Error> {
    let file = BufReader::new(File::open(path).map_err(Error::io("open", path))?);
    for (at, line) in file.lines().enumerate() {
        let line = line.map_err(Error::io("read", path))?;
        if line.trim().is_empty() {
            continue;
        }
        let object = serde_json::from_str(&line).map_err(|e| Error::Artifact {
            path: path.to_owned(),
            reason: format!("line {} is no JSON object: {}", at + 1, unread::json(&e)),
        })?;
        take(object)?;
    }
    Ok(())
}

/// A field as text: numbers and truth values are labels too.
fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// JSON lines of text and label, or SkillTrustBench's of judgment and the path of a skill.
fn json_lines(path: &Path, words: &TransferArgs) -> Result<Vec<Corpus>, Error> {
    let mut corpora: BTreeMap<String, Corpus> = BTreeMap::new();
    let default = name_of(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    each_object(path, |object| {
        let judged = object.contains_key("judgment") && object.contains_key("skill_path");
        if !judged && !object.contains_key("text") {
            return Err(Error::Artifact {
                path: path.to_owned(),
                reason: format!(
                    "a line has neither text and label nor judgment and skill_path, but {}",
                    printable(&object.keys().cloned().collect::<Vec<_>>().join(", "), 200)
                ),
            });
        }
        let (kind, label) = match judged {
            true => ("SkillTrustBench", "judgment"),
            false => ("JSON lines", "label"),
        };
        let name = text(&object, "corpus").unwrap_or_else(|| default.clone());
        let corpus = corpora.entry(name.clone()).or_insert_with(|| Corpus::new(name, kind));
        let content = match judged {
            true => skill_below(folder, &text(&object, "skill_path").unwrap_or_default()),
            false => text(&object, "text"),
        };
        let label = Label::of(text(&object, label).as_deref(), words);
        corpus.push(label, content, |sample| {
            sample.source = text(&object, "source");
            sample.owner = text(&object, "owner");
            sample.family = text(&object, "family");
        });
        Ok(())
    })?;
    Ok(corpora.into_values().collect())
}

/// The SKILL.md of a path inside a benchmark's folder; none for a path that leads out of it.
fn skill_below(folder: &Path, skill: &str) -> Option<String> {
    let skill = Path::new(skill);
    if !skill.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let archive = folder.join("benchmark_full_v1.0");
    let places = [folder.join(skill), archive.join(skill)];
    places.iter().find_map(|place| {
        let file = if place.is_dir() { place.join("SKILL.md") } else { place.clone() };
        Some(String::from_utf8_lossy(&fs::read(file).ok()?).into_owned())
    })
}

/// MaliciousSkillBench: primary.jsonl with the texts, and its frozen splits.
fn malicious_skill_bench(
    folder: &Path,
    splits: &Path,
    words: &TransferArgs,
) -> Result<Corpus, Error> {
    let primary = folder.join("primary.jsonl");
    if !primary.is_file() {
        return Err(Error::Usage(format!(
            "{} is not there: write primary.parquet as JSON lines, for example in Python with \
             pandas.read_parquet(\"primary.parquet\").to_json(\"primary.jsonl\", orient=\"records\", \
             lines=True)",
            primary.display()
        )));
    }
    let mut official: HashMap<String, Vec<(String, SplitPart)>> = HashMap::new();
    let entries = fs::read_dir(splits).map_err(Error::io("read", splits))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "csv")) {
        let bad = |reason: String| Error::Artifact { path: path.clone(), reason };
        let mut reader = csv::Reader::from_path(path).map_err(|e| bad(unread::csv(&e)))?;
        let header = reader.headers().map_err(|e| bad(unread::csv(&e)))?.clone();
        let column = |name: &str| {
            let at = header.iter().position(|found| found == name);
            at.ok_or_else(|| bad(format!("has no column {name}")))
        };
        let (id, split) = (column("benchmark_id")?, column("split")?);
        for row in reader.records() {
            let row = row.map_err(|e| bad(unread::csv(&e)))?;
            let part = (name_of(path), SplitPart::of(&row[split]));
            official.entry(row[id].to_owned()).or_default().push(part);
        }
    }
    let mut corpus = Corpus::new("MaliciousSkillBench", "MaliciousSkillBench");
    each_object(&primary, |object| {
        let id = text(&object, "benchmark_id").unwrap_or_default();
        let content = text(&object, "skill_text").or_else(|| text(&object, "public_skill_text"));
        let label = Label::of(text(&object, "label").as_deref(), words);
        corpus.push(label, content, |sample| {
            sample.source = text(&object, "source_id");
            sample.family = text(&object, "structural_family_id");
            sample.official = official.get(&id).cloned().unwrap_or_default();
        });
        Ok(())
    })?;
    Ok(corpus)
}

/// The dataset itself: what a run's ingest wrote, with its own split. The hold-out stays unseen.
fn run(path: &Path, words: &TransferArgs) -> Result<Corpus, Error> {
    let run = FinishedRun::open(path)?;
    let mut corpus = Corpus::new(name_of(path), "run");
    for split in [Split::Train, Split::Validation, Split::Test] {
        let signals = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SingleRows::open(&signals)? {
            let Ok(row) = row? else { continue };
            let row = row.row;
            let label = Label::of(row.verdict.known().map(|verdict| verdict.as_str()), words);
            let owner = row.slug.as_deref().and_then(|slug| slug.split_once('/'));
            let owner = owner.map(|(owner, _)| owner.to_owned());
            corpus.push(label, row.text, |sample| {
                sample.owner = owner;
                sample.official = vec![("official".to_owned(), SplitPart::of(split.as_str()))];
            });
        }
    }
    Ok(corpus)
}
