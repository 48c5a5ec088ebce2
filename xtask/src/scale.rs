//! Time and peak memory of each stage on synthetic data of several times the study's size.
//!
//! Each stage runs in a process of its own, which checks what it reads as it always does. Peak
//! memory is the kernel's high-water mark of that process, read while it runs, so this needs
//! Linux's /proc.

use std::{
    fs,
    path::Path,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failure, STAGES,
    bench::{ALL_ROWS, Bench},
    cargo::{build_clawsig, run as execute},
};

/// How often memory is looked at. The mark only grows, so only what happens between the last look
/// and the process's end is missed.
const EVERY: Duration = Duration::from_millis(10);

/// Measures at the given multiples of the study's rows, by default once.
pub(crate) fn run(times: &[String]) -> Result<(), Failure> {
    let mut multiples = Vec::new();
    for word in times {
        match word.parse::<u64>() {
            Ok(times) if (1..=100).contains(&times) => multiples.push(times),
            _ => return Err(Failure::Usage(format!("`{word}` is no multiple from 1 to 100"))),
        }
    }
    if multiples.is_empty() {
        multiples.push(1);
    }
    let program = build_clawsig()?;
    let folder = Bench::folder_of("scale")?;
    println!("| times | rows | stage | seconds | peak MB |");
    println!("|---|---|---|---|---|");
    for times in multiples {
        let rows = ALL_ROWS * times;
        let (corpus, out) = (folder.join("corpus"), folder.join("run"));
        forget(&corpus)?;
        forget(&out)?;
        let words = ["--rows", &rows.to_string(), "--seed", "1", "--quiet", "--out"];
        execute(Command::new(&program).arg("synth").args(words).arg(&corpus))?;
        for stage in STAGES {
            let source = format!("source.path={}", corpus.display());
            let mut command = Command::new(&program);
            command.args([stage, "--quiet", "--profile", "paper", "--set", "source.kind=path"]);
            command.args(["--set", &source, "--out"]).arg(&out);
            let (seconds, megabytes) = measure(&mut command)?;
            println!("| {times} | {rows} | {stage} | {seconds:.1} | {megabytes:.0} |");
        }
        forget(&corpus)?;
        forget(&out)?;
    }
    Ok(())
}

/// Removes a folder, if it is there.
fn forget(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::Check(format!("cannot remove {}: {e}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Runs a command; gives its seconds and its peak of resident memory in megabytes (2^20 bytes).
fn measure(command: &mut Command) -> Result<(f64, f64), Failure> {
    let failed = |e| Failure::Check(format!("cannot run {command:?}: {e}"));
    let begin = Instant::now();
    let mut child = Command::new(command.get_program())
        .args(command.get_args())
        .stdout(std::process::Stdio::null())
        .spawn()
        .map_err(failed)?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    let ended: ExitStatus = loop {
        if let Some(mark) = fs::read_to_string(&status_file).ok().as_deref().and_then(high_water) {
            peak = peak.max(mark);
        }
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        thread::sleep(EVERY);
    };
    if !ended.success() {
        return Err(Failure::Check(format!("{command:?} ended with {ended}")));
    }
    Ok((begin.elapsed().as_secs_f64(), peak))
}

/// The high-water mark in a process's status, in megabytes.
fn high_water(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_in_a_status() {
        let status = "Name:\tclawsig\nVmPeak:\t  9000 kB\nVmHWM:\t    2048 kB\n";
        assert_eq!(high_water(status), Some(2.0));
        assert_eq!(high_water("Name:\tclawsig\n"), None);
    }
}
