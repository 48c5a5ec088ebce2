//! Skills on disk: which SKILL.md files a path means, and how one is read.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use clawsig_ingest::{SingleRow, bundle_stats};
use clawsig_schema::{SkillRow, hostile::printable, wording::with_causes};
use clawsig_store::{hash_bytes, hash_file};
use walkdir::{DirEntry, WalkDir};

use crate::{Error, terminal};

/// The largest SKILL.md that is read. The dataset's longest have 120,000 characters.
const MAX_BYTES: u64 = 8 << 20;
/// The dataset cuts a text here, so the models have seen none that is longer.
const MAX_CHARACTERS: usize = 120_000;
/// The files of a skill that are read at most.
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
    /// Why the score is not one of the whole skill.
    pub(super) cut: Option<String>,
}

impl ReadSkill {
    /// A row of the dataset: its content here is its text.
    pub(super) fn of_row(row: SingleRow) -> ReadSkill {
        let text = row.row.text.as_deref().unwrap_or_default();
        let sha256 = hash_bytes(text.as_bytes()).to_string();
        ReadSkill { row, sha256, cut: None }
    }
}

/// A file beside SKILL.md.
struct BundleFile {
    /// Its path below the skill's folder.
    name: String,
    /// SHA-256 of its content. A link's content is the path that it names: what stands there is another's.
    sha256: String,
    bytes: u64,
    /// Whether it is in the skill's bundle. Hidden files and links are not, as no registry packs them; they are
    /// reviewed with the skill all the same.
    is_packed: bool,
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
            false => self.hash_of_all(own, &files),
        };
        let bundle = files.into_iter().filter(|file| file.is_packed);
        let bundle = bundle_stats(bundle.map(|file| (file.name, file.bytes)));
        let (text, cut) = text_of(bytes)?;
        let row = SkillRow { text: Some(text), bundle, ..SkillRow::default() };
        Ok(ReadSkill { row: SingleRow { row, has_scanners: false }, sha256, cut })
    }

    /// The files beside SKILL.md. The `.git` that makes the skill a repository is none of it: it
    /// changes without the skill.
    fn files(&self, folder: &Path) -> Result<Vec<BundleFile>, String> {
        let walk = WalkDir::new(folder).min_depth(1).sort_by_file_name();
        let mut files = Vec::new();
        let is_skill = |entry: &DirEntry| entry.depth() > 1 || entry.file_name() != ".git";
        for entry in walk.into_iter().filter_entry(is_skill) {
            let entry = entry.map_err(|e| {
                let (path, error) = parts_of(e, folder);
                format!("can't read {}: {error}", path.display())
            })?;
            let (kind, path) = (entry.file_type(), entry.path());
            if path == self.path || !(kind.is_file() || kind.is_symlink()) {
                continue;
            }
            if files.len() == BUNDLE_FILES {
                return Err(format!(
                    "has more than {BUNDLE_FILES} files beside SKILL.md: name SKILL.md itself"
                ));
            }
            let below = path.strip_prefix(folder).unwrap_or(path);
            let (sha256, bytes) = if kind.is_symlink() {
                let target = fs::read_link(path)
                    .map_err(|e| format!("can't read the link {}: {e}", path.display()))?;
                let target = target.into_os_string().into_encoded_bytes();
                (hash_bytes(&target), target.len() as u64)
            } else {
                let hashed = hash_file(path).map_err(|e| with_causes(&e))?;
                (hashed.sha256, hashed.bytes)
            };
            files.push(BundleFile {
                name: below.to_string_lossy().into_owned(),
                sha256: sha256.to_string(),
                bytes,
                is_packed: kind.is_file() && !below.iter().any(is_hidden),
            });
        }
        Ok(files)
    }

    fn hash_of_all(&self, own: String, files: &[BundleFile]) -> String {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut lines = vec![(name.unwrap_or_default(), own)];
        lines.extend(files.iter().map(|file| (file.name.clone(), file.sha256.clone())));
        lines.sort();
        let all: String = lines.iter().map(|(name, hash)| checksum_line(hash, name)).collect();
        hash_bytes(all.as_bytes()).to_string()
    }
}

/// The line that `sha256sum` prints for a file. A line break in a name is escaped, or it would make two lines of one.
fn checksum_line(hash: &str, name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{hash}  {escaped}\n")
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_skill(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case("SKILL.md")
}

/// The path of an error, and the system's words for it.
fn parts_of(error: walkdir::Error, folder: &Path) -> (PathBuf, io::Error) {
    let path = error.path().unwrap_or(folder).to_owned();
    // Without an error of the system it would be a loop of links, and none is followed.
    (path, error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()))
}

/// Why something in a folder is not scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PassedOver {
    HiddenSkill,
    InnerSkill,
    Link,
}

/// The skills and links of the folders named that are not scored: how many for each reason, and where the
/// first is.
#[derive(Debug, Default)]
pub(super) struct AllPassedOver(BTreeMap<PassedOver, (u64, PathBuf)>);

impl AllPassedOver {
    fn note(&mut self, why: PassedOver, path: &Path) {
        self.0.entry(why).or_insert_with(|| (0, path.to_owned())).0 += 1;
    }

    /// Each kind of them in words.
    pub(super) fn in_words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(why, (times, first))| {
            let what = match why {
                PassedOver::HiddenSkill => "hidden SKILL.md, not scored",
                PassedOver::InnerSkill => {
                    "SKILL.md in another skill's folder, not scored by itself"
                }
                PassedOver::Link if *times == 1 => "link to a folder, not followed",
                PassedOver::Link => "links to folders, not followed",
            };
            let (times, first) =
                (terminal::count(*times), printable(&first.to_string_lossy(), 300));
            format!("{times} {what}: name it to have it scored (the first: {first})")
        })
    }
}

/// The skills of a folder, in the order of their paths: itself, or the folders below that hold a
/// SKILL.md. Links to folders are not followed, and hidden folders are not searched; `passed_over` takes
/// what is not scored for that.
pub(super) fn find(
    folder: &Path,
    passed_over: &mut AllPassedOver,
) -> Result<Vec<SkillFile>, Error> {
    // In each folder SKILL.md comes first, so that what lies below is known to be its.
    let walk = WalkDir::new(folder).min_depth(1).sort_by(|a, b| {
        let key = |name| (!is_skill(name), name);
        key(a.file_name()).cmp(&key(b.file_name()))
    });
    let mut found: Vec<SkillFile> = Vec::new();
    let hidden =
        |path: &Path| path.strip_prefix(folder).is_ok_and(|below| below.iter().any(is_hidden));
    for entry in walk {
        let last = found.last().and_then(|skill| skill.folder.as_deref());
        let inner = |path: &Path| last.is_some_and(|folder| path.starts_with(folder));
        let entry = match entry {
            Ok(entry) => entry,
            // A skill's folder is read with the skill. In a hidden one no program of this user finds
            // a skill either.
            Err(error) if error.path().is_some_and(|path| inner(path) || hidden(path)) => continue,
            Err(error) => {
                let (path, error) = parts_of(error, folder);
                return Err(Error::io("read", path)(error));
            }
        };
        let path = entry.path();
        let kind = entry.file_type();
        if kind.is_dir() || kind.is_symlink() && path.is_dir() {
            if kind.is_symlink() && !inner(path) {
                passed_over.note(PassedOver::Link, path);
            }
        } else if !is_skill(entry.file_name()) {
            continue;
        } else if inner(path) {
            passed_over.note(PassedOver::InnerSkill, path);
        } else if hidden(path) {
            passed_over.note(PassedOver::HiddenSkill, path);
        } else {
            let folder = path.parent().map(Path::to_owned);
            found.push(SkillFile { path: path.to_owned(), folder, given: None });
        }
    }
    if found.is_empty() {
        let there: String = passed_over.in_words().map(|words| format!("; {words}")).collect();
        return Err(Error::Usage(format!(
            "{} holds no SKILL.md to score: name a skill's folder, a folder of them, or a .jsonl or \
             .parquet file of rows{there}",
            folder.display()
        )));
    }
    Ok(found)
}

/// The bytes of a SKILL.md.
fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: io::Error| format!("can't be read: {e}");
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
    let failed = |e: io::Error| format!("can't be read: {e}");
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

/// A SKILL.md as the models know texts: UTF-8, cut where the dataset cuts. Of one that was cut it is said.
fn text_of(bytes: Vec<u8>) -> Result<(String, Option<String>), String> {
    if bytes.contains(&0) {
        return Err("holds NUL bytes, so it is binary: name a SKILL.md in UTF-8".to_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        format!("byte {at} is no UTF-8: convert it, for example with `iconv -t UTF-8`")
    })?;
    let Some((end, _)) = text.char_indices().nth(MAX_CHARACTERS) else { return Ok((text, None)) };
    text.truncate(end);
    let cut =
        format!("only its first {MAX_CHARACTERS} characters are scored: the dataset has no more");
    Ok((text, Some(cut)))
}
