//! Ends the program at random moments and runs it again: the result is that of a run which nobody
//! disturbed, and nothing else is left.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Program, borrowed, full_run, last},
    rng::CaseRng,
    tree::{artifacts, difference, leftovers, whole_stages},
};

/// What every run is compared with, and how to get there.
struct Reference {
    program: Program,
    words: Vec<String>,
    out: PathBuf,
    expected: BTreeMap<String, Vec<u8>>,
    /// How long an undisturbed run takes.
    length: Duration,
}

impl Reference {
    fn new(options: &CampaignOptions) -> Result<Reference, Failure> {
        let program = Program::new(options)?;
        let out = options.scratch.join("run");
        let words = full_run(&program, options, &out)?;
        program.done(&borrowed(&words))?;
        let expected = artifacts(&out)?;
        fs::remove_dir_all(&out)?;
        let started = Instant::now();
        program.done(&borrowed(&words))?;
        let length = started.elapsed();
        let reference = Reference { program, words, out, expected, length };
        if let Some(what) = difference(&reference.expected, &artifacts(&reference.out)?) {
            return Err(format!("two undisturbed runs differ: {what}").into());
        }
        Ok(reference)
    }

    /// Runs to the end and compares.
    fn resume(&self, case: &str, report: &mut CampaignReport) -> Result<(), Failure> {
        let ended = self.program.run(&borrowed(&self.words))?;
        report.hold(ended.code() == Some(0), || {
            format!("{case}: resuming ended with {}: {}", ended.status, last(&ended.stderr, 400))
        });
        let what = difference(&self.expected, &artifacts(&self.out)?);
        report.hold(what.is_none(), || format!("{case}: {}", what.unwrap_or_default()));
        let left = leftovers(&self.out)?;
        report.hold(left.is_empty(), || format!("{case}: {} stays behind", left.join(", ")));
        self.nothing_in_temporary(case, report)
    }

    fn nothing_in_temporary(&self, case: &str, report: &mut CampaignReport) -> Result<(), Failure> {
        let stray = fs::read_dir(self.program.temporary())?.count();
        report.hold(stray == 0, || format!("{case}: {stray} files in the temporary folder"));
        Ok(())
    }
}

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let reference = Reference::new(options)?;
    let mut finished = [0_u64; 7];
    let (mut killed, mut twice) = (0, 0);
    for case in 0..options.count {
        let mut rng = CaseRng::new(options.seed, case);
        clear(&reference.out)?;
        let kills = if rng.below(3) == 0 { 2 } else { 1 };
        for kill in 0..kills {
            let moment = reference.length.mul_f64(rng.share() * 1.02);
            let name = format!("kill {case}.{kill} after {} ms", moment.as_millis());
            let mut running = reference.program.start(&borrowed(&reference.words))?;
            thread::sleep(moment);
            running.kill()?;
            let ended = running.end()?;
            let by_signal = ended.status.signal() == Some(9);
            killed += u64::from(by_signal);
            twice += u64::from(by_signal && kill == 1);
            report.hold(by_signal || ended.code() == Some(0), || {
                format!("{name}: ended with {}", ended.status)
            });
            let (whole, wrong) = whole_stages(&reference.out)?;
            finished[whole.min(6)] += 1;
            report.hold(wrong.is_empty(), || format!("{name}: {}", wrong.join("; ")));
        }
        reference.resume(&format!("after kill {case}"), report)?;
        report.cases += 1;
    }
    report.note(format!(
        "SIGKILL: {} runs, {killed} kills that met a running program ({twice} of them while it \
         resumed), an undisturbed run takes {} ms",
        options.count,
        reference.length.as_millis()
    ));
    let spread: Vec<String> = finished.iter().map(u64::to_string).collect();
    report.note(format!("stages finished when it was killed, 0 to 6: {}", spread.join(" ")));
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        interrupt(options, &reference, name, number, report)?;
    }
    Ok(())
}

fn clear(out: &Path) -> Result<(), Failure> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    Ok(())
}

/// A signal that the program answers: its folder is clean at once, and it says how to go on.
fn interrupt(
    options: &CampaignOptions,
    reference: &Reference,
    name: &str,
    number: i32,
    report: &mut CampaignReport,
) -> Result<(), Failure> {
    let count = (options.count / 4).max(2);
    let (mut answered, mut too_early, mut too_late) = (0, 0, 0);
    for case in 0..count {
        let mut rng = CaseRng::new(options.seed ^ number as u64, case);
        clear(&reference.out)?;
        let moment = reference.length.mul_f64(rng.share());
        let title = format!("SIG{name} {case} after {} ms", moment.as_millis());
        let mut running = reference.program.start(&borrowed(&reference.words))?;
        thread::sleep(moment);
        running.signal(name)?;
        let ended = running.end()?;
        if ended.status.signal() == Some(number) {
            // It had not begun to watch, so it had not begun anything else.
            too_early += 1;
            report.hold(!reference.out.exists(), || format!("{title}: began before it watched"));
        } else if ended.code() == Some(0) {
            too_late += 1;
        } else {
            answered += 1;
            let told = ended.stderr.matches("interrupted: finished stages are kept").count() == 1
                && !ended.stderr.lines().any(|line| line.starts_with("error"))
                && !ended.stderr.contains("panicked");
            report.hold(ended.code() == Some(128 + number) && told, || {
                format!("{title}: {}: {}", ended.status, last(&ended.stderr, 400))
            });
            let left = leftovers(&reference.out)?;
            report.hold(left.is_empty(), || format!("{title}: {} is left", left.join(", ")));
            reference.nothing_in_temporary(&title, report)?;
            let (_, wrong) = whole_stages(&reference.out)?;
            report.hold(wrong.is_empty(), || format!("{title}: {}", wrong.join("; ")));
        }
        reference.resume(&title, report)?;
        report.cases += 1;
    }
    report.note(format!(
        "SIG{name}: {count} runs, {answered} answered with the message and code {}, {too_early} \
         before it watched, {too_late} after its end",
        128 + number
    ));
    Ok(())
}
