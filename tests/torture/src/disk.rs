//! Takes the disk away: no room, no permission, no writing. One clear error each time, nothing half
//! written that is taken for whole, and the same result once the disk is back.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Ended, Program, borrowed, full_run},
    rng::CaseRng,
    tree::{artifacts, difference, leftovers, whole_stages},
};

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let program = Program::new(options)?;
    let out = options.scratch.join("reference");
    program.done(&borrowed(&full_run(&program, options, &out)?))?;
    let expected = artifacts(&out)?;
    let size: u64 = expected.values().map(|content| content.len() as u64).sum();

    full_disk(options, &program, &expected, size, report)?;
    size_limit(options, &program, &expected, report)?;
    permissions(options, report)
}

/// What must hold after any failure.
fn check(
    case: &str,
    ended: &Ended,
    run: &Path,
    word: &str,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let unclear = ended.unclear();
    report.hold(unclear.is_none(), || format!("{case}: {}", unclear.unwrap_or_default()));
    report.hold(ended.stderr.contains(word), || {
        format!("{case}: no {word:?} in {}", ended.stderr.trim_end())
    });
    let (_, wrong) = whole_stages(run)?;
    report.hold(wrong.is_empty(), || format!("{case}: {}", wrong.join("; ")));
    let left = leftovers(run)?;
    report.hold(left.is_empty(), || format!("{case}: {} is left", left.join(", ")));
    report.cases += 1;
    Ok(())
}

/// A small file system in memory, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(place: &Path, bytes: u64) -> Option<Mount> {
        fs::create_dir_all(place).ok()?;
        let mount = Mount(place.to_owned());
        let made = mount.call(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]);
        if made { Some(mount) } else { None }
    }

    fn call(&self, words: &[&str]) -> bool {
        let status = Command::new("mount").args(words).arg(&self.0).output();
        status.is_ok_and(|output| output.status.success())
    }

    fn again(&self, options: &str) -> bool {
        self.call(&["-o", &format!("remount,{options}")])
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // What is still mounted then is seen by whoever removes the folder.
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

fn full_disk(
    options: &CampaignOptions,
    program: &Program,
    expected: &BTreeMap<String, Vec<u8>>,
    size: u64,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let place = options.scratch.join("small-disk");
    let Some(mount) = Mount::new(&place, 1 << 20) else {
        report.note("full disk: not tried, a file system can't be mounted here (needs root)");
        return Ok(());
    };
    let run = place.join("run");
    let words = full_run(program, options, &run)?;
    let (mut failed, mut fitted) = (0, 0);
    for case in 0..options.count {
        let mut rng = CaseRng::new(options.seed, case);
        if run.exists() {
            fs::remove_dir_all(&run)?;
        }
        // Every size from a few pages to what the whole study takes.
        let room = 8192 + (rng.share() * size as f64 * 1.1) as u64;
        if !mount.again(&format!("size={room}")) {
            return Err("the small disk can't be resized".into());
        }
        let ended = program.run(&borrowed(&words))?;
        let name = format!("disk {case} of {room} bytes");
        if ended.code() == Some(0) {
            fitted += 1;
            report.cases += 1;
            let what = difference(expected, &artifacts(&run)?);
            report.hold(what.is_none(), || format!("{name}: {}", what.unwrap_or_default()));
        } else {
            failed += 1;
            check(&name, &ended, &run, "No space left", report)?;
        }
        if case % 4 == 0 {
            mount.again(&format!("size={}", size * 4));
            program.done(&borrowed(&words)).map_err(|e| format!("{name}, with room again: {e}"))?;
            let what = difference(expected, &artifacts(&run)?);
            report.hold(what.is_none(), || format!("{name}: {}", what.unwrap_or_default()));
        }
    }
    report.note(format!(
        "full disk: {} small file systems, {failed} too small, {fitted} just large enough",
        options.count
    ));
    if run.exists() {
        fs::remove_dir_all(&run)?;
    }
    mount.again("ro");
    check("read-only file system", &program.run(&borrowed(&words))?, &run, "Read-only", report)?;
    report.note("read-only file system: refused");
    Ok(())
}

/// A limit on the size of one file, with the signal ignored, so that writing fails instead.
fn size_limit(
    options: &CampaignOptions,
    program: &Program,
    expected: &BTreeMap<String, Vec<u8>>,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let run = options.scratch.join("limited");
    let words = full_run(program, options, &run)?;
    let largest = expected.values().map(Vec::len).max().unwrap_or(0);
    let count = options.count / 3 + 1;
    let mut failed = 0;
    for case in 0..count {
        let mut rng = CaseRng::new(options.seed ^ 0xF1, case);
        if run.exists() {
            fs::remove_dir_all(&run)?;
        }
        let blocks = rng.below(largest / 512);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let ended = program.behind(&["sh", "-c", &script]).run(&borrowed(&words))?;
        if ended.code() == Some(0) {
            report.cases += 1;
            let what = difference(expected, &artifacts(&run)?);
            report
                .hold(what.is_none(), || format!("{blocks} blocks: {}", what.unwrap_or_default()));
        } else {
            failed += 1;
            let name = format!("files of at most {blocks} blocks");
            check(&name, &ended, &run, "File too large", report)?;
        }
    }
    program.done(&borrowed(&words))?;
    let what = difference(expected, &artifacts(&run)?);
    report.hold(what.is_none(), || format!("without the limit: {}", what.unwrap_or_default()));
    report.note(format!("file-size limit: {count} limits, {failed} too low"));
    Ok(())
}

fn mode(path: &Path, bits: u32) -> Result<(), Failure> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(bits))?)
}

/// Permissions that are missing. Root ignores them, so root's campaign runs the program as nobody.
fn permissions(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let home = options.scratch.join("as-nobody");
    fs::create_dir(&home)?;
    let root = fs::metadata(&options.scratch)?;
    let is_root = std::os::unix::fs::MetadataExt::uid(&root) == 0;
    // Nobody has to reach the folder and the program.
    let copy = home.join("clawsig");
    fs::copy(&options.program, &copy)?;
    mode(&copy, 0o755)?;
    mode(&options.scratch, 0o755)?;
    mode(&home, 0o777)?;
    let options =
        CampaignOptions { program: copy, scratch: home.clone(), short: true, ..options.clone() };
    let plain = Program::new(&options)?;
    mode(&plain.temporary(), 0o777)?;
    let program = if is_root {
        plain.behind(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    } else {
        plain.behind(&[])
    };
    if program.run(&["--version"]).is_ok_and(|ended| ended.code() == Some(0)) {
        let run = home.join("run");
        let words = full_run(&program, &options, &run)?;
        let words = borrowed(&words);
        let expected = {
            program.done(&words)?;
            artifacts(&run)?
        };
        let mut tried = 0;
        let mut refuse = |case: &str, report: &mut CampaignReport| -> Result<(), Failure> {
            tried += 1;
            check(case, &program.run(&words)?, &run, "denied", report)
        };
        let forced = [&words[..], &["--force"]].concat();
        let train = run.join("ingest/signals/train.parquet");
        mode(&train, 0)?;
        refuse("an artifact that may not be read", report)?;
        mode(&train, 0o644)?;
        let manifest = run.join("features/manifest.json");
        mode(&manifest, 0)?;
        refuse("a manifest that may not be read", report)?;
        mode(&manifest, 0o644)?;
        mode(&run.join(".clawsig/lock"), 0)?;
        refuse("a lock that may not be opened", report)?;
        mode(&run.join(".clawsig/lock"), 0o644)?;
        let rows = home.join("data/train.jsonl");
        mode(&rows, 0)?;
        refuse("a source that may not be read", report)?;
        mode(&rows, 0o644)?;
        mode(&home.join("data"), 0)?;
        refuse("a source folder that may not be entered", report)?;
        mode(&home.join("data"), 0o755)?;
        // Something has to be made again, so that the folder is written to.
        mode(&run, 0o555)?;
        let ended = program.run(&forced)?;
        check("a run folder that may not be written", &ended, &run, "denied", report)?;
        mode(&run, 0o755)?;
        program.done(&words)?;
        let what = difference(&expected, &artifacts(&run)?);
        report.hold(what.is_none(), || format!("permissions back: {}", what.unwrap_or_default()));
        let closed = home.join("closed");
        fs::create_dir(&closed)?;
        mode(&closed, 0o555)?;
        let out = closed.join("run").display().to_string();
        let ended = program.run(&["run", "--out", &out])?;
        check(
            "a place where no folder may be made",
            &ended,
            &closed.join("run"),
            "denied",
            report,
        )?;
        let who = if is_root { "as user 65534, since root ignores modes" } else { "as ourselves" };
        report.note(format!("permissions: {} taken away ({who})", tried + 2));
    } else {
        report.note("permissions: not tried, the program can't be run as another user here");
    }
    Ok(())
}
