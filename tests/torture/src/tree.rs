//! Folders as maps from path to content, to be compared.

use std::{collections::BTreeMap, fs, io, path::Path};

use clawsig_store::{MANIFEST_FILE, RunFolder, TEMPORARY_FOLDER};

/// Every file below a folder with its content; other entries by what they are.
pub(crate) fn files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found)?;
    Ok(found)
}

/// A run's files without its temporaries and the timings, which alone may differ.
pub(crate) fn artifacts(run: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = files(run)?;
    found.retain(|name, _| {
        !Path::new(name).starts_with(TEMPORARY_FOLDER) && !name.ends_with("/timing.json")
    });
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else if kind.is_file() {
            found.insert(name, fs::read(entry.path())?);
        } else {
            found.insert(name, format!("{kind:?}").into_bytes());
        }
    }
    Ok(())
}

/// The first difference between two trees, in words.
pub(crate) fn difference(
    expected: &BTreeMap<String, Vec<u8>>,
    found: &BTreeMap<String, Vec<u8>>,
) -> Option<String> {
    for (name, content) in expected {
        match found.get(name) {
            None => return Some(format!("{name} is missing")),
            Some(other) if other != content => return Some(format!("{name} differs")),
            Some(_) => {}
        }
    }
    found.keys().find(|name| !expected.contains_key(*name)).map(|name| format!("{name} is extra"))
}

/// What of an interrupted run would be taken for whole and is not, and how many stages are whole.
pub(crate) fn whole_stages(run: &Path) -> io::Result<(usize, Vec<String>)> {
    let (mut whole, mut wrong) = (0, Vec::new());
    if !run.exists() {
        return Ok((0, wrong));
    }
    for entry in fs::read_dir(run)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !entry.file_type()?.is_dir() {
            continue;
        }
        if !entry.path().join(MANIFEST_FILE).exists() {
            wrong.push(format!("{name} stands in its place without a manifest"));
            continue;
        }
        let checked = RunFolder::open_read_only(run).and_then(|folder| {
            let manifest = folder.manifest(&name)?;
            for output in &manifest.outputs {
                folder.verified(&name, &output.path)?;
            }
            Ok(())
        });
        match checked {
            Ok(()) => whole += 1,
            Err(e) => wrong.push(e.to_string()),
        }
    }
    Ok((whole, wrong))
}

/// Temporary entries of a run folder that are more than the store's bookkeeping.
pub(crate) fn leftovers(run: &Path) -> io::Result<Vec<String>> {
    let temporaries = run.join(TEMPORARY_FOLDER);
    let mut names = Vec::new();
    for folder in [run, &temporaries] {
        if folder.exists() {
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let is_temporary = folder == temporaries || name.starts_with('.');
                if is_temporary && ![TEMPORARY_FOLDER, "lock", "journal.jsonl"].contains(&&*name) {
                    names.push(name);
                }
            }
        }
    }
    Ok(names)
}
