//! Skills on disk: which SKILL.md files a path means, and how one is read.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use clawsig_ingest::{SingleRow, bundle_stats};
use clawsig_schema::SkillRow;
use clawsig_store::{hash_bytes, hash_file};

use crate::Error;

/// The largest SKILL.md that is read. The dataset's longest have 120,000 characters.
const MAX_BYTES: u64 = 8 << 20;
/// The dataset cuts a text here, so the models have seen none that is longer.
const MAX_CHARACTERS: usize = 120_000;
/// How many folders deep skills are looked for: a registry's archive has `skills/owner/slug`.
const SKILL_DEPTH: usize = 4;
/// How many folders deep a skill's own files are counted.
const BUNDLE_DEPTH: usize = 8;
/// The files of a skill that are counted at most.
const BUNDLE_FILES: usize = 10_000;

/// One skill on disk, or its text from standard input.
pub(super) struct SkillFile {
    /// Its SKILL.md.
    pub(super) path: PathBuf,
    /// Its folder, if the files beside SKILL.md are its bundle.
    folder: Option<PathBuf>,
    /// The bytes of SKILL.md, if they came with standard input.
    given: Option<Vec<u8>>,
}

/// A skill that was read.
pub(super) struct ReadSkill {
    pub(super) row: SingleRow,
    /// SHA-256 of its content: of SKILL.md, or where it has more files of the lines that
    /// `sha256sum` prints for all of them, in the order of their paths.
    pub(super) sha256: String,
}

impl ReadSkill {
    /// A row of the dataset: its content here is its text.
    pub(super) fn of_row(row: SingleRow) -> ReadSkill {
        let text = row.row.text.as_deref().unwrap_or_default();
        let sha256 = hash_bytes(text.as_bytes()).to_string();
        ReadSkill { row, sha256 }
    }
}

impl SkillFile {
    /// A file that was named itself: what lies beside it is not known to belong to it.
    pub(super) fn alone(path: &Path) -> SkillFile {
        SkillFile { path: path.to_owned(), folder: None, given: None }
    }

    /// A SKILL.md from standard input.
    pub(super) fn from_stdin(bytes: Vec<u8>) -> SkillFile {
        SkillFile { path: PathBuf::from("-"), folder: None, given: Some(bytes) }
    }

    /// Reads text and bundle.
    pub(super) fn read(&self) -> Result<ReadSkill, String> {
        let bytes = match &self.given {
            Some(bytes) => bytes.clone(),
            None => read_bytes(&self.path)?,
        };
        let own = hash_bytes(&bytes).to_string();
        let files = match &self.folder {
            Some(folder) => self.files(folder)?,
            None => Vec::new(),
        };
        let sha256 = match files.is_empty() {
            true => own,
            false => self.hash_of_all(&own, &files)?,
        };
        let bundle = bundle_stats(files.into_iter().map(|(name, _, bytes)| (name, bytes)));
        let row = SkillRow { text: Some(text_of(bytes)?), bundle, ..SkillRow::default() };
        Ok(ReadSkill { row: SingleRow { row, has_scanners: false }, sha256 })
    }

    /// The files beside SKILL.md: their path below the folder, where they are, and their bytes.
    fn files(&self, folder: &Path) -> Result<Vec<(String, PathBuf, u64)>, String> {
        let mut files = Vec::new();
        self.collect(folder, "", BUNDLE_DEPTH, &mut files)?;
        Ok(files)
    }

    fn hash_of_all(&self, own: &str, files: &[(String, PathBuf, u64)]) -> Result<String, String> {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut lines = vec![(name.unwrap_or_default(), own.to_owned())];
        for (name, path, _) in files {
            lines.push((
                name.clone(),
                hash_file(path).map_err(|e| e.to_string())?.sha256.to_string(),
            ));
        }
        lines.sort();
        let all: String = lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        Ok(hash_bytes(all.as_bytes()).to_string())
    }

    fn collect(
        &self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        files: &mut Vec<(String, PathBuf, u64)>,
    ) -> Result<(), String> {
        for (name, path, kind) in entries(folder)? {
            let below = format!("{prefix}{name}");
            if kind.is_dir() && depth > 0 {
                self.collect(&path, &format!("{below}/"), depth - 1, files)?;
            } else if kind.is_file() && path != self.path {
                if files.len() == BUNDLE_FILES {
                    return Err(format!(
                        "has more than {BUNDLE_FILES} files beside SKILL.md: name SKILL.md itself"
                    ));
                }
                let bytes = fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
                files.push((below, path, bytes));
            }
        }
        Ok(())
    }
}

/// The skills of a folder, in the order of their paths: itself, or the folders below that hold a
/// SKILL.md. Links are not followed.
pub(super) fn find(folder: &Path) -> Result<Vec<SkillFile>, Error> {
    let mut found = Vec::new();
    walk(folder, SKILL_DEPTH, &mut found)
        .map_err(|reason| Error::Artifact { path: folder.to_owned(), reason })?;
    if found.is_empty() {
        return Err(Error::Usage(format!(
            "{} holds no SKILL.md, itself or in a folder up to {SKILL_DEPTH} levels below: name a \
             skill's folder, a folder of them, or a .jsonl or .parquet file of rows",
            folder.display()
        )));
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<SkillFile>) -> Result<(), String> {
    let entries = entries(folder)?;
    let is_skill = |name: &str| name.eq_ignore_ascii_case("SKILL.md");
    if let Some((_, path, _)) =
        entries.iter().find(|(name, _, kind)| kind.is_file() && is_skill(name))
    {
        found.push(SkillFile { path: path.clone(), folder: Some(folder.to_owned()), given: None });
        return Ok(());
    }
    for (_, path, _) in entries.iter().filter(|(_, _, kind)| kind.is_dir() && depth > 0) {
        walk(path, depth - 1, found)?;
    }
    Ok(())
}

/// A folder's entries by name. Hidden ones are no part of a skill: version control and editors put
/// them there.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf, fs::FileType)>, String> {
    let failed = |e: std::io::Error| format!("can't read the folder {}: {e}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        entries.push((name, entry.path(), entry.file_type().map_err(failed)?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// The bytes of a SKILL.md.
fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("can't be read: {e}");
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err("is no file: name a SKILL.md".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    read_text(File::open(path).map_err(failed)?)
}

/// The bytes of one text.
pub(super) fn read_text(input: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let failed = |e: std::io::Error| format!("can't be read: {e}");
    input.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> String {
    format!(
        "is larger than {} MiB: name a SKILL.md (the dataset's longest have {MAX_CHARACTERS} \
         characters), or call a file of rows *.jsonl or *.parquet",
        MAX_BYTES >> 20
    )
}

/// A SKILL.md as the models know texts: UTF-8, cut where the dataset cuts.
fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.contains(&0) {
        return Err("holds NUL bytes, so it is binary: name a SKILL.md in UTF-8".to_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        format!("byte {at} is no UTF-8: convert it, for example with `iconv -t UTF-8`")
    })?;
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARACTERS) {
        text.truncate(end);
    }
    Ok(text)
}
