//! Where an export goes: whole or not at all, and never over someone's files unasked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clawsig_store::Scratch;

use crate::{
    Error,
    cli::{ExportTo, Global, OutputFormat},
    terminal,
};

/// A file to be written beside its place and moved there when it is whole.
pub(super) struct FilePlace {
    scratch: Scratch,
    out: PathBuf,
}

impl FilePlace {
    /// Checks that the file may be written.
    pub(super) fn new(to: &ExportTo) -> Result<FilePlace, Error> {
        let out = to.out.clone();
        if out.is_dir() {
            return Err(Error::Usage(format!(
                "{} is a folder: name a file with --out",
                out.display()
            )));
        }
        if out.exists() && !to.force {
            return Err(exists(&out));
        }
        Ok(FilePlace { scratch: scratch_beside(&out)?, out })
    }

    /// Where to write.
    pub(super) fn path(&self) -> PathBuf {
        self.scratch.folder().join("export")
    }

    /// Moves the file into place.
    pub(super) fn finish(self, what: &str, global: &Global) -> Result<(), Error> {
        fs::rename(self.path(), &self.out).map_err(Error::io("write", &self.out))?;
        tell(&self.out, what, global)
    }
}

/// A folder to be written beside its place and moved there when it is whole.
pub(in crate::commands) struct FolderPlace {
    scratch: Scratch,
    out: PathBuf,
}

impl FolderPlace {
    /// Checks that the folder may be written.
    pub(super) fn new(to: &ExportTo) -> Result<FolderPlace, Error> {
        FolderPlace::at(&to.out, to.force)
    }

    /// As [`FolderPlace::new`], for what is made from no run.
    pub(in crate::commands) fn at(out: &Path, force: bool) -> Result<FolderPlace, Error> {
        let out = out.to_owned();
        if out.is_file() {
            return Err(Error::Usage(format!(
                "{} is a file: name a folder with --out",
                out.display()
            )));
        }
        let is_empty = || fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_none());
        if out.exists() && !is_empty() && !force {
            return Err(exists(&out));
        }
        Ok(FolderPlace { scratch: scratch_beside(&out)?, out })
    }

    /// The folder as it is being made.
    pub(in crate::commands) fn root(&self) -> &Path {
        self.scratch.folder()
    }

    /// Where a file of the folder is to be written; folders on its way are made.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.scratch.folder().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        Ok(path)
    }

    /// Copies a file into the folder.
    pub(super) fn copy(&self, from: &Path, name: &str) -> Result<(), Error> {
        fs::copy(from, self.path(name)?).map_err(Error::io("copy", from))?;
        Ok(())
    }

    /// Moves every file into place.
    pub(in crate::commands) fn close(self) -> Result<(), Error> {
        move_files(self.scratch.folder(), &self.out)
    }

    /// Moves every file into place, and says so.
    pub(in crate::commands) fn finish(self, what: &str, global: &Global) -> Result<(), Error> {
        move_files(self.scratch.folder(), &self.out)?;
        tell(&self.out, what, global)
    }
}

fn move_files(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::io("read", from))? {
        let entry = entry.map_err(Error::io("read", from))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            move_files(&entry.path(), &target)?;
        } else {
            fs::rename(entry.path(), &target).map_err(Error::io("write", &target))?;
        }
    }
    Ok(())
}

fn exists(out: &Path) -> Error {
    Error::Usage(format!("{} exists: name another --out, or add --force", out.display()))
}

/// A scratch folder on the same file system, so that a rename moves.
fn scratch_beside(out: &Path) -> Result<Scratch, Error> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    Ok(Scratch::new_in(parent, ".clawsig-export-")?)
}

fn tell(out: &Path, what: &str, global: &Global) -> Result<(), Error> {
    match global.format {
        OutputFormat::Json => {
            terminal::print(&format!("{:#}\n", serde_json::json!({ "out": out, "exported": what })))
        }
        OutputFormat::Text if global.quiet => Ok(()),
        OutputFormat::Text => terminal::print(&format!("{}: {what}\n", out.display())),
    }
}
