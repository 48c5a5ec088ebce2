//! Every system call by which the store changes something, one function each, so that a test can
//! end the process before any of them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Creates a folder that must not exist yet.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    steps::next()?;
    fs::create_dir(path)
}

/// Creates a folder and those above it.
pub(crate) fn create_folders(path: &Path) -> io::Result<()> {
    steps::next()?;
    fs::create_dir_all(path)
}

/// Opens a file for reading, or gives `None` if it is no plain file. It is looked at before it is
/// opened, as opening a pipe would wait for its other end; a link is not followed.
pub(crate) fn open_plain(path: &Path) -> io::Result<Option<File>> {
    if fs::symlink_metadata(path)?.is_file() { File::open(path).map(Some) } else { Ok(None) }
}

/// Opens a plain file for reading and writing; creates it if there is none.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
        }
        _ => {}
    }
    steps::next()?;
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}

/// Creates a file that must not exist yet.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    steps::next()?;
    File::create_new(path)
}

/// Writes bytes where the file stands.
pub(crate) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    steps::next()?;
    file.write_all(bytes)
}

/// Makes a file empty.
pub(crate) fn empty(file: &File) -> io::Result<()> {
    steps::next()?;
    file.set_len(0)
}

/// Waits until a file or folder is on the disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Gives a file or folder another name; a plain file in the new place is replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    steps::next()?;
    fs::rename(from, to)
}

/// Lets two folders change places in one step. `false` where the system or the file system has no
/// such step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    steps::next()?;
    if steps::without_exchange() {
        return Ok(false);
    }
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Elsewhere there is no such step.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Removes a file or a link.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    steps::next()?;
    fs::remove_file(path)
}

/// Removes an empty folder.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    steps::next()?;
    fs::remove_dir(path)
}

/// Removes a folder with all that it holds. Links in it are removed, not followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    steps::next()?;
    steps::begin_removal(path)?;
    fs::remove_dir_all(path)
}

/// Outside of tests nothing is counted.
#[cfg(not(test))]
mod steps {
    use std::{io, path::Path};

    pub(super) fn next() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn begin_removal(_: &Path) -> io::Result<()> {
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    pub(super) fn without_exchange() -> bool {
        false
    }
}

/// The death of a process as a test plays it: after so many steps no further one is carried out,
/// neither on the way out of a function nor when something is dropped.
#[cfg(test)]
pub(crate) mod steps {
    use std::{cell::Cell, fs, io, path::Path};

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
        static WITHOUT_EXCHANGE: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs `work` in a process that dies after so many steps; whether it died.
    pub(crate) fn dying_after<T>(steps: usize, work: impl FnOnce() -> T) -> (T, bool) {
        LEFT.set(Some(steps));
        let done = work();
        let died = LEFT.take() == Some(0);
        (done, died)
    }

    /// Runs `work` on a file system that can't exchange two folders.
    pub(crate) fn without_exchange_in<T>(work: impl FnOnce() -> T) -> T {
        WITHOUT_EXCHANGE.set(true);
        let done = work();
        WITHOUT_EXCHANGE.set(false);
        done
    }

    pub(super) fn without_exchange() -> bool {
        WITHOUT_EXCHANGE.get()
    }

    /// A process may die when a folder is half removed.
    pub(super) fn begin_removal(folder: &Path) -> io::Result<()> {
        if LEFT.get().is_some() {
            for entry in fs::read_dir(folder)?.take(1) {
                let path = entry?.path();
                if path.is_file() { fs::remove_file(path)? } else { fs::remove_dir_all(path)? }
            }
        }
        next()
    }

    pub(super) fn next() -> io::Result<()> {
        match LEFT.get() {
            Some(0) => Err(io::Error::other("the process is dead")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
