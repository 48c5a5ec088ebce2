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
    Failure, Orders, Verdict,
    dice::Dice,
    program::{Ended, Program, borrowed, full_run},
    tree::{artifacts, difference, leftovers, whole_stages},
};

pub(crate) fn run(orders: &Orders, verdict: &mut Verdict) -> Result<(), Failure> {
    let program = Program::new(orders)?;
    let out = orders.scratch.join("reference");
    program.done(&borrowed(&full_run(&program, orders, &out)?))?;
    let expected = artifacts(&out)?;
    let size: u64 = expected.values().map(|content| content.len() as u64).sum();

    full_disk(orders, &program, &expected, size, verdict)?;
    size_limit(orders, &program, &expected, verdict)?;
    permissions(orders, verdict)
}

/// What must hold after any failure.
fn check(
    case: &str,
    ended: &Ended,
    run: &Path,
    word: &str,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    let unclear = ended.unclear();
    verdict.hold(unclear.is_none(), || format!("{case}: {}", unclear.unwrap_or_default()));
    verdict.hold(ended.stderr.contains(word), || {
        format!("{case}: no {word:?} in {}", ended.stderr.trim_end())
    });
    let (_, wrong) = whole_stages(run)?;
    verdict.hold(wrong.is_empty(), || format!("{case}: {}", wrong.join("; ")));
    let left = leftovers(run)?;
    verdict.hold(left.is_empty(), || format!("{case}: {} is left", left.join(", ")));
    verdict.cases += 1;
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
    orders: &Orders,
    program: &Program,
    expected: &BTreeMap<String, Vec<u8>>,
    size: u64,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    let place = orders.scratch.join("small-disk");
    let Some(mount) = Mount::new(&place, 1 << 20) else {
        verdict.note("full disk: not tried, a file system can't be mounted here (needs root)");
        return Ok(());
    };
    let run = place.join("run");
    let words = full_run(program, orders, &run)?;
    let (mut failed, mut fitted) = (0, 0);
    for case in 0..orders.count {
        let mut dice = Dice::new(orders.seed, case);
        if run.exists() {
            fs::remove_dir_all(&run)?;
        }
        // Every size from a few pages to what the whole study takes.
        let room = 8192 + (dice.share() * size as f64 * 1.1) as u64;
        if !mount.again(&format!("size={room}")) {
            return Err("the small disk can't be resized".into());
        }
        let ended = program.run(&borrowed(&words))?;
        let name = format!("disk {case} of {room} bytes");
        if ended.code() == Some(0) {
            fitted += 1;
            verdict.cases += 1;
            let what = difference(expected, &artifacts(&run)?);
            verdict.hold(what.is_none(), || format!("{name}: {}", what.unwrap_or_default()));
        } else {
            failed += 1;
            check(&name, &ended, &run, "No space left", verdict)?;
        }
        if case % 4 == 0 {
            mount.again(&format!("size={}", size * 4));
            program.done(&borrowed(&words)).map_err(|e| format!("{name}, with room again: {e}"))?;
            let what = difference(expected, &artifacts(&run)?);
            verdict.hold(what.is_none(), || format!("{name}: {}", what.unwrap_or_default()));
        }
    }
    verdict.note(format!(
        "full disk: {} small file systems, {failed} too small, {fitted} just large enough",
        orders.count
    ));
    if run.exists() {
        fs::remove_dir_all(&run)?;
    }
    mount.again("ro");
    check("read-only file system", &program.run(&borrowed(&words))?, &run, "Read-only", verdict)?;
    verdict.note("read-only file system: refused");
    Ok(())
}

/// A limit on the size of one file, with the signal ignored, so that writing fails instead.
fn size_limit(
    orders: &Orders,
    program: &Program,
    expected: &BTreeMap<String, Vec<u8>>,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    let run = orders.scratch.join("limited");
    let words = full_run(program, orders, &run)?;
    let largest = expected.values().map(Vec::len).max().unwrap_or(0);
    let count = orders.count / 3 + 1;
    let mut failed = 0;
    for case in 0..count {
        let mut dice = Dice::new(orders.seed ^ 0xF1, case);
        if run.exists() {
            fs::remove_dir_all(&run)?;
        }
        let blocks = dice.below(largest / 512);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let ended = program.behind(&["sh", "-c", &script]).run(&borrowed(&words))?;
        if ended.code() == Some(0) {
            verdict.cases += 1;
            let what = difference(expected, &artifacts(&run)?);
            verdict
                .hold(what.is_none(), || format!("{blocks} blocks: {}", what.unwrap_or_default()));
        } else {
            failed += 1;
            let name = format!("files of at most {blocks} blocks");
            check(&name, &ended, &run, "File too large", verdict)?;
        }
    }
    program.done(&borrowed(&words))?;
    let what = difference(expected, &artifacts(&run)?);
    verdict.hold(what.is_none(), || format!("without the limit: {}", what.unwrap_or_default()));
    verdict.note(format!("file-size limit: {count} limits, {failed} too low"));
    Ok(())
}

fn mode(path: &Path, bits: u32) -> Result<(), Failure> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(bits))?)
}

/// Permissions that are missing. Root ignores them, so root's campaign runs the program as nobody.
fn permissions(orders: &Orders, verdict: &mut Verdict) -> Result<(), Failure> {
    let home = orders.scratch.join("as-nobody");
    fs::create_dir(&home)?;
    let root = fs::metadata(&orders.scratch)?;
    let is_root = std::os::unix::fs::MetadataExt::uid(&root) == 0;
    // Nobody has to reach the folder and the program.
    let copy = home.join("clawsig");
    fs::copy(&orders.program, &copy)?;
    mode(&copy, 0o755)?;
    mode(&orders.scratch, 0o755)?;
    mode(&home, 0o777)?;
    let orders = Orders { program: copy, scratch: home.clone(), short: true, ..orders.clone() };
    let plain = Program::new(&orders)?;
    mode(&plain.temporary(), 0o777)?;
    let program = if is_root {
        plain.behind(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    } else {
        plain.behind(&[])
    };
    if program.run(&["--version"]).is_ok_and(|ended| ended.code() == Some(0)) {
        let run = home.join("run");
        let words = full_run(&program, &orders, &run)?;
        let words = borrowed(&words);
        let expected = {
            program.done(&words)?;
            artifacts(&run)?
        };
        let mut tried = 0;
        let mut refuse = |case: &str, verdict: &mut Verdict| -> Result<(), Failure> {
            tried += 1;
            check(case, &program.run(&words)?, &run, "denied", verdict)
        };
        let forced = [&words[..], &["--force"]].concat();
        let train = run.join("ingest/signals/train.parquet");
        mode(&train, 0)?;
        refuse("an artifact that may not be read", verdict)?;
        mode(&train, 0o644)?;
        let manifest = run.join("features/manifest.json");
        mode(&manifest, 0)?;
        refuse("a manifest that may not be read", verdict)?;
        mode(&manifest, 0o644)?;
        mode(&run.join(".lock"), 0)?;
        refuse("a lock that may not be opened", verdict)?;
        mode(&run.join(".lock"), 0o644)?;
        let rows = home.join("data/train.jsonl");
        mode(&rows, 0)?;
        refuse("a source that may not be read", verdict)?;
        mode(&rows, 0o644)?;
        mode(&home.join("data"), 0)?;
        refuse("a source folder that may not be entered", verdict)?;
        mode(&home.join("data"), 0o755)?;
        // Something has to be made again, so that the folder is written to.
        mode(&run, 0o555)?;
        let ended = program.run(&forced)?;
        check("a run folder that may not be written", &ended, &run, "denied", verdict)?;
        mode(&run, 0o755)?;
        program.done(&words)?;
        let what = difference(&expected, &artifacts(&run)?);
        verdict.hold(what.is_none(), || format!("permissions back: {}", what.unwrap_or_default()));
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
            verdict,
        )?;
        let who = if is_root { "as user 65534, since root ignores modes" } else { "as ourselves" };
        verdict.note(format!("permissions: {} taken away ({who})", tried + 2));
    } else {
        verdict.note("permissions: not tried, the program can't be run as another user here");
    }
    Ok(())
}
