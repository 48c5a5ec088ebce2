//! Whether the rows of a run are those of a locked snapshot.

use clawsig_schema::{
    Verdict,
    lock::{DatasetLock, LockedFile, LockedSnapshot},
    profile::DataProfile,
    published::PublishedFigures,
};
use clawsig_store::RunFolder;

use super::{Check, Section};
use crate::{Error, terminal::count};

/// The outcome of the comparison with the lock.
pub(super) struct Compared {
    /// Its lines.
    pub(super) section: Section,
    /// Whether the published figures are of these rows, or of what these rows are meant to be.
    pub(super) compared: bool,
}

/// Compares the files that were read with the snapshot that the published figures are of.
///
/// The figures say nothing of other rows. So nothing is compared where the run does not claim to
/// be that snapshot: it neither came from its repository and revision, nor shares a file with it,
/// nor was it `named` on the command line.
pub(super) fn compare(
    lock: &DatasetLock,
    published: &PublishedFigures,
    profile: &DataProfile,
    run: &RunFolder,
    named: bool,
) -> Result<Compared, Error> {
    let name = &published.snapshot;
    let Some(snapshot) = lock.snapshots.iter().find(|snapshot| snapshot.name == *name) else {
        return Err(Error::Usage(format!(
            "the published figures are of the snapshot `{name}`, which the lock does not have; name \
             both files with --lock and --published"
        )));
    };
    let shares = |file: &LockedFile| profile.files.iter().any(|f| f.sha256 == file.sha256);
    let claimed = named || snapshot.files.iter().any(shares) || fetched(snapshot, run)?;
    if !claimed {
        let whose = if profile.synthetic { "synthetic" } else { "of another dataset" };
        let note = format!(
            "The {} published figures are of the snapshot `{name}` of {}. The rows of this run are \
             {whose}, so they are not compared.",
            published.figures.len(),
            snapshot.repo
        );
        let section = Section { title: TITLE, note: Some(note), checks: Vec::new() };
        return Ok(Compared { section, compared: false });
    }
    let mut checks = Vec::new();
    for locked in &snapshot.files {
        let split = locked.split;
        // Sources name a file with or without the folder of the repository.
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let found = profile.files.iter().find(|file| last(&file.name) == last(&locked.path));
        let Some(found) = found else {
            let check = Check::new(&locked.path, "lock", "read".to_owned(), "not read".to_owned());
            checks.push(check);
            continue;
        };
        let mut check = |what: &str, expected: String, found: String| {
            checks.push(Check::new(format!("{}: {what}", locked.path), "lock", expected, found));
        };
        check("bytes", count(locked.bytes), count(found.bytes));
        check("SHA-256", locked.sha256.clone(), found.sha256.clone());
        check("rows", count(locked.rows), count(found.lines - found.blank));
        check("rejected rows", "0".to_owned(), count(found.rejected));
        let stated = profile.splits.iter().find(|s| s.split == split.as_str());
        // A sample of the training rows has other verdicts, and says so in its profile.
        if profile.sampled_out == 0 {
            for &verdict in Verdict::ALL {
                let rows = stated.and_then(|s| s.verdicts.get(verdict.as_str())).copied();
                let expected = count(locked.verdicts[verdict.index()]);
                check(&format!("{verdict} rows"), expected, count(rows.unwrap_or(0)));
            }
        }
    }
    let note = format!("compared with the snapshot `{name}` of {}", snapshot.repo);
    let section = Section { title: TITLE, note: Some(note), checks };
    Ok(Compared { section, compared: true })
}

const TITLE: &str = "the locked snapshot";

/// Whether the rows were fetched as this snapshot, by what the ingest stage recorded.
fn fetched(snapshot: &LockedSnapshot, run: &RunFolder) -> Result<bool, Error> {
    let parameters = run.manifest("ingest")?.parameters;
    let text = |key: &str| parameters.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let commit = text("source.commit");
    Ok(text("source.kind") == "hub"
        && text("source.format") == "raw"
        && text("source.repo") == snapshot.repo
        && snapshot.revisions.iter().any(|known| known == commit))
}
