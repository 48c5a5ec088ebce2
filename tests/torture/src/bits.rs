//! Corrupts artifacts: what was changed is caught before it is used, or proven to change nothing.

use std::{collections::BTreeMap, fs, path::Path};

use clawsig_store::{MARKER_FILE, RunFolder, TEMPORARY_FOLDER};
use serde_json::Value;

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Program, borrowed, full_run, last},
    rng::CaseRng,
    tree::{artifacts, difference, files},
};

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let program = Program::new(options)?;
    let run = options.scratch.join("run");
    let words = full_run(&program, options, &run)?;
    program.done(&borrowed(&words))?;
    let all = files(&run)?;
    let expected = artifacts(&run)?;
    let mut status = words.clone();
    "status".clone_into(&mut status[0]);
    status.extend(["--format".to_owned(), "json".to_owned()]);
    let status = borrowed(&status);

    let names: Vec<&String> = all.keys().collect();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut caught, mut harmless, mut rebuilt, mut refused) = (0, 0, 0, 0);
    for case in 0..options.count {
        let mut rng = CaseRng::new(options.seed, case);
        let changed = corrupt(&all, &names, &mut rng);
        *kinds.entry(changed.how).or_default() += 1;
        for (name, content) in &changed.files {
            match content {
                Some(content) => fs::write(run.join(name), content)?,
                None => fs::remove_file(run.join(name))?,
            }
        }
        let title = format!("{} of {}", changed.how, changed.names());
        if stale(&program, &status, &title, report)? {
            caught += 1;
            // A stage that reads the file is asked for alone: it refuses.
            if let Some((stage, reader)) = changed.reader(&expected) {
                let read = RunFolder::open_read_only(&run)?;
                let file = &changed.files[0].0[stage.len() + 1..];
                report.hold(read.verified(stage, file).is_err(), || {
                    format!("{title}: the store hands it out")
                });
                if case % 8 == 0 {
                    // The folder knows its settings.
                    let out = run.display().to_string();
                    let words = [reader, "--out", &out, "--force"];
                    let ended = program.run(&words)?;
                    let unclear = ended.unclear();
                    report.hold(unclear.is_none() && ended.stderr.contains(file), || {
                        let text = ended.stderr.trim_end();
                        format!("{title}: `{reader}` ended with {}: {text}", ended.status)
                    });
                    refused += 1;
                }
            }
            if case % 16 == 0 {
                let ended = program.run(&borrowed(&words))?;
                if ended.code() != Some(0) {
                    let unclear = ended.unclear();
                    // It names the file, or the stage's folder that is not clawsig's any more.
                    let named = |(name, _): &(String, _)| ended.stderr.contains(name.as_str());
                    let told = unclear.is_none()
                        && (ended.stderr.contains("by clawsig") || changed.files.iter().any(named));
                    report.hold(told, || format!("{title}: {}", last(&ended.stderr, 400)));
                    remedy(&run, &changed, &all)?;
                    program.done(&borrowed(&words)).map_err(|e| format!("{title}: {e}"))?;
                }
                let what = difference(&expected, &artifacts(&run)?);
                report.hold(what.is_none(), || format!("{title}: {}", what.unwrap_or_default()));
                rebuilt += 1;
            }
        } else {
            harmless += 1;
            report.hold(changed.is_harmless(&all), || format!("{title}: nobody noticed"));
        }
        // Timings differ from run to run: everything goes back to what it was.
        restore(&run, &all)?;
        report.cases += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(how, count)| format!("{how} {count}")).collect();
    report.note(format!("{} files; {}", all.len(), kinds.join(", ")));
    report.note(format!(
        "{caught} caught by `clawsig status`, {harmless} proven harmless (timing.json, the \
         lock, or the same values); {rebuilt} times rebuilt to the same bytes, {refused} times a later \
         stage alone refused"
    ));
    Ok(())
}

/// Does what a refusal asks for: a stage whose manifest is damaged is deleted, other files of the
/// run are restored.
fn remedy(run: &Path, changed: &Changed, all: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    for (name, _) in &changed.files {
        match name.split_once('/') {
            Some((stage, _)) if stage != TEMPORARY_FOLDER => {
                if run.join(stage).exists() {
                    fs::remove_dir_all(run.join(stage))?;
                }
            }
            _ => fs::write(run.join(name), &all[name])?,
        }
    }
    Ok(())
}

fn restore(run: &Path, all: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let found = files(run)?;
    for (name, content) in all {
        if found.get(name) != Some(content) {
            fs::write(run.join(name), content)?;
        }
    }
    Ok(())
}

/// Whether the program would run a stage again; a clear refusal counts.
fn stale(
    program: &Program,
    status: &[&str],
    title: &str,
    report: &mut CampaignReport,
) -> Result<bool, Failure> {
    let ended = program.run(status)?;
    if ended.code() != Some(0) {
        let unclear = ended.unclear();
        report.hold(unclear.is_none(), || format!("{title}: {}", unclear.unwrap_or_default()));
        return Ok(true);
    }
    let value: Value = serde_json::from_str(&ended.stdout)?;
    let stages = value["stages"].as_array().ok_or("status names no stages")?;
    Ok(stages.iter().any(|stage| stage["up_to_date"] != true))
}

/// One corruption.
struct Changed {
    how: &'static str,
    /// The new content of each file, or that it is gone.
    files: Vec<(String, Option<Vec<u8>>)>,
}

fn corrupt(all: &BTreeMap<String, Vec<u8>>, names: &[&String], rng: &mut CaseRng) -> Changed {
    let name = (*rng.pick(names)).clone();
    let mut content = all[&name].clone();
    let one = |how, content| Changed { how, files: vec![(name.clone(), content)] };
    match rng.below(6) {
        0 | 1 if !content.is_empty() => {
            let at = rng.below(content.len());
            content[at] ^= 1 << rng.below(8);
            one("flip", Some(content))
        }
        2 if !content.is_empty() => {
            content.truncate(rng.below(content.len()));
            one("truncate", Some(content))
        }
        3 => one("delete", None),
        4 => {
            let other = (*rng.pick(names)).clone();
            let swapped = vec![(name.clone(), Some(all[&other].clone())), (other, Some(content))];
            Changed { how: "swap", files: swapped }
        }
        _ => {
            let more = 1 + rng.below(100);
            content.extend(rng.bytes(more));
            one("extend", Some(content))
        }
    }
}

impl Changed {
    fn names(&self) -> String {
        let names: Vec<&str> = self.files.iter().map(|(name, _)| name.as_str()).collect();
        names.join(" and ")
    }

    /// The stage of the first file, if it is an output, and a later stage that reads it.
    fn reader(&self, expected: &BTreeMap<String, Vec<u8>>) -> Option<(&str, &'static str)> {
        let (name, _) = &self.files[0];
        let (stage, file) = name.split_once('/')?;
        if !expected.contains_key(name) || file == "manifest.json" || self.files.len() > 1 {
            return None;
        }
        let reader = match (stage, file) {
            ("ingest", file) if file.starts_with("signals/") => "agreement",
            ("features", file) if file.ends_with(".npz") || file == "columns.csv" => "train",
            ("train", "model.json" | "model.safetensors" | "grid.json" | "warnings.json") => {
                "evaluate"
            }
            ("agreement", "agreement.json") => "report",
            ("evaluate", "metrics.json" | "evaluation.json" | "tables.json") => "report",
            _ => return None,
        };
        Some((stage, reader))
    }

    /// Whether no reader can tell the difference: a file that nobody reads, the same content, or
    /// the same JSON values written in another way.
    fn is_harmless(&self, all: &BTreeMap<String, Vec<u8>>) -> bool {
        self.files.iter().all(|(name, content)| {
            if Path::new(name).starts_with(TEMPORARY_FOLDER) || name.ends_with("/timing.json") {
                return true;
            }
            let (Some(content), was) = (content, &all[name]) else { return false };
            let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            let toml = |bytes: &[u8]| {
                std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<toml::Table>().ok())
            };
            let is_json = name.ends_with("/manifest.json") || name == MARKER_FILE;
            content == was
                || is_json && json(content).is_some() && json(content) == json(was)
                || name == "run.toml" && toml(content).is_some() && toml(content) == toml(was)
        })
    }
}
