//! Aims every command that writes at folders of a user's files: what the user put there is the same
//! before and after.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use clawsig_store::{MARKER_FILE, Standing, TEMPORARY_FOLDER};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Program, borrowed, full_run, last},
    rng::CaseRng,
};

/// The names that a run's own entries have, or had in earlier versions, and some others.
const NAMES: [&str; 22] = [
    "ingest",
    "agreement",
    "features",
    "train",
    "evaluate",
    "report",
    "report/thesis.tex",
    "train/notes/mine.json",
    "ext/manifest.json",
    "ingest/manifest.json",
    "manifest.json",
    ".lock",
    ".work-2024",
    ".old-train-1",
    ".clawsig",
    ".clawsig/journal.jsonl",
    ".clawsig/train-1-0/weights",
    MARKER_FILE,
    "run.toml",
    "ledger.jsonl",
    ".hidden",
    "notes.txt",
];

/// An entry's kind, mode and content.
type Tree = BTreeMap<PathBuf, (String, u32, Vec<u8>)>;

/// Everything at and below a path. Links are not followed.
fn tree(path: &Path, found: &mut Tree) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let kind = metadata.file_type();
    let content = if kind.is_symlink() {
        fs::read_link(path)?.into_os_string().into_encoded_bytes()
    } else if kind.is_file() {
        fs::read(path)?
    } else {
        Vec::new()
    };
    let entry = (format!("{kind:?}"), metadata.permissions().mode(), content);
    found.insert(path.to_owned(), entry);
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            tree(&entry?.path(), found)?;
        }
    }
    Ok(())
}

fn tree_of(path: &Path) -> io::Result<Tree> {
    let mut found = Tree::new();
    tree(path, &mut found)?;
    Ok(found)
}

/// The first of the entries that is not there any more as it was.
fn lost(before: &Tree, after: &Tree) -> Option<String> {
    let lost = before.iter().find(|(path, entry)| after.get(*path) != Some(*entry));
    lost.map(|(path, _)| path.display().to_string())
}

/// What the program is aimed at.
struct Target {
    folder: PathBuf,
    /// What the user put there.
    theirs: Vec<PathBuf>,
}

impl Target {
    /// The user's entries as they are. Of a folder only itself: a run may put files into one that
    /// holds its results.
    fn theirs(&self) -> io::Result<Tree> {
        let all = tree_of(&self.folder)?;
        let is_theirs = |path: &&PathBuf| self.theirs.iter().any(|own| path.starts_with(own));
        let paths: Vec<PathBuf> = all.keys().filter(is_theirs).cloned().collect();
        Ok(all.into_iter().filter(|(path, _)| paths.contains(path)).collect())
    }
}

/// A folder as a user may have it: random entries, in two of five cases in a copy of a finished run.
fn make(folder: &Path, run: &Path, elsewhere: &Path, rng: &mut CaseRng) -> Result<Target, Failure> {
    if rng.below(5) < 2 {
        copy(run, folder)?;
        if rng.below(4) == 0 {
            fs::remove_file(folder.join(MARKER_FILE))?;
        }
    } else {
        fs::create_dir(folder)?;
    }
    let mut theirs = Vec::new();
    for _ in 0..1 + rng.below(6) {
        let path = folder.join(rng.pick(&NAMES));
        if theirs.iter().any(|own: &PathBuf| path.starts_with(own) || own.starts_with(&path)) {
            continue;
        }
        if let Some(parent) = path.parent() {
            if fs::symlink_metadata(parent).is_ok_and(|found| !found.is_dir()) {
                continue;
            }
            fs::create_dir_all(parent)?;
        }
        remove(&path)?;
        put(&path, run, elsewhere, rng)?;
        theirs.push(path);
    }
    Ok(Target { folder: folder.to_owned(), theirs })
}

/// Puts a file, a folder or a link at a path where nothing is.
fn put(path: &Path, run: &Path, elsewhere: &Path, rng: &mut CaseRng) -> Result<(), Failure> {
    match rng.below(8) {
        0 | 1 => fs::write(path, rng.bytes(20))?,
        2 => fs::write(path, "{\"format\": \"1.0\", \"seal\": \"mine\"}\n")?,
        3 => fs::write(path, "")?,
        4 => {
            fs::create_dir(path)?;
            fs::write(path.join("mine.txt"), rng.bytes(20))?;
        }
        5 => fs::create_dir(path)?,
        // What a copy of an edited result looks like.
        6 => {
            copy(&run.join("train"), path)?;
            fs::write(path.join("mine.txt"), rng.bytes(20))?;
        }
        _ => symlink(elsewhere, path)?,
    }
    if rng.below(4) == 0 && !path.is_symlink() {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            unlock(path)?;
            fs::remove_dir_all(path)
        }
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Lets folders be removed by a user that is not root, too.
fn unlock(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Every command that writes, aimed at a folder; `full` is the command of a whole run into it.
fn commands(full: &[String], folder: &str, run: &str) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let more = |flag: &str| [full, &[flag.to_owned()]].concat();
    let mut all = vec![full.to_vec(), more("--force"), more("--replace")];
    for stage in ["ingest", "agreement", "features", "train", "evaluate", "report"] {
        all.push(words(&[stage, "--out", folder]));
        all.push(words(&[stage, "--out", folder, "--force"]));
    }
    all.push(words(&["verify", folder, "--rebuild"]));
    for form in ["csv", "npz", "parquet", "sarif", "croissant", "model-card"] {
        all.push(words(&["export", form, run, "--out", folder]));
    }
    all.push(words(&["export", "sql", "data", "--out", folder]));
    all.push(words(&["synth", "--rows", "40", "--small", "--out", folder]));
    all
}

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let program = Program::new(options)?;
    // The small dataset in full campaigns too: it is the folders that differ.
    let short = CampaignOptions { short: true, ..options.clone() };
    let run = options.scratch.join("run");
    program.done(&borrowed(&full_run(&program, &short, &run)?))?;
    let elsewhere = options.scratch.join("elsewhere");
    copy(&run, &elsewhere)?;
    let elsewhere_before = tree_of(&elsewhere)?;
    let run_before = tree_of(&run)?;
    let folder = options.scratch.join("folder");
    let full = full_run(&program, &short, &folder)?;
    let name = |path: &Path| path.display().to_string();
    let all = commands(&full, &name(&folder), &name(&run));
    let (mut refused, mut allowed, mut empty) = (0, 0, 0);
    for case in 0..options.count {
        let mut rng = CaseRng::new(options.seed, case);
        remove(&folder)?;
        let mut target = make(&folder, &run, &elsewhere, &mut rng)?;
        let standing = Standing::of(&folder)?;
        let is_run = matches!(standing, Standing::NoResults | Standing::Results);
        if standing == Standing::Empty {
            // An empty marker or an empty folder of temporaries is as good as nothing.
            target.theirs.clear();
            empty += 1;
        }
        // In a run of ours a command may take minutes; the few that are drawn differ from case to case.
        let chosen: Vec<&Vec<String>> = match is_run {
            true => (0..2).map(|_| rng.pick(&all)).collect(),
            false => all.iter().collect(),
        };
        for words in chosen {
            let whole = tree_of(&folder)?;
            let mut theirs = target.theirs()?;
            if words.iter().any(|word| word == "--replace") {
                // That is what it says.
                theirs.retain(|path, _| *path != folder.join("run.toml"));
            }
            let ended = program.run(&borrowed(words))?;
            let title = format!("folder {case}, `{}`", words.join(" "));
            let panicked = ended.stderr.contains("panicked");
            report.hold(!panicked && matches!(ended.code(), Some(0..=3)), || {
                format!("{title}: {}: {}", ended.status, last(&ended.stderr, 400))
            });
            let gone = lost(&theirs, &tree_of(&folder)?);
            report.hold(gone.is_none(), || {
                format!("{title}: {} was changed", gone.unwrap_or_default())
            });
            if ended.code() == Some(0) {
                allowed += 1;
                let may = is_run || standing == Standing::Empty;
                report.hold(may, || format!("{title}: went ahead among a user's files"));
            } else {
                refused += 1;
                // In a folder of its own a command may have written before it met the user's file.
                let gone = lost(&whole, &tree_of(&folder)?).filter(|_| !is_run);
                report.hold(gone.is_none(), || {
                    format!("{title}: refused, and changed {}", gone.unwrap_or_default())
                });
            }
            if standing == Standing::Empty {
                // Whatever the first command made of it is the program's own from now on.
                break;
            }
        }
        report.hold(tree_of(&elsewhere)? == elsewhere_before, || {
            format!("folder {case}: a link was followed")
        });
        report.hold(tree_of(&run)? == run_before, || {
            format!("folder {case}: the run that was exported was changed")
        });
        let held = !folder.join(TEMPORARY_FOLDER).join("lock").is_dir();
        report.hold(held, || format!("folder {case}: a lock became a folder"));
        report.cases += 1;
    }
    remove(&folder)?;
    report.note(format!(
        "{} folders, {empty} of them as good as empty; {refused} commands refused, {allowed} \
         allowed, each aimed at a folder of its own or an empty one",
        options.count
    ));
    Ok(())
}
