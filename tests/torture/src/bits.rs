//! Corrupts artifacts: what was changed is caught before it is used, or proven to change nothing.

use std::{collections::BTreeMap, fs, path::Path};

use clawsig_store::RunFolder;
use serde_json::Value;

use crate::{
    Failure, Orders, Verdict,
    dice::Dice,
    program::{Program, borrowed, full_run},
    tree::{artifacts, difference, files},
};

pub(crate) fn run(orders: &Orders, verdict: &mut Verdict) -> Result<(), Failure> {
    let program = Program::new(orders)?;
    let run = orders.scratch.join("run");
    let words = full_run(&program, orders, &run)?;
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
    for case in 0..orders.count {
        let mut dice = Dice::new(orders.seed, case);
        let changed = corrupt(&all, &names, &mut dice);
        *kinds.entry(changed.how).or_default() += 1;
        for (name, content) in &changed.files {
            match content {
                Some(content) => fs::write(run.join(name), content)?,
                None => fs::remove_file(run.join(name))?,
            }
        }
        let title = format!("{} of {}", changed.how, changed.names());
        if stale(&program, &status, &title, verdict)? {
            caught += 1;
            // A stage that reads the file is asked for alone: it refuses.
            if let Some((stage, reader)) = changed.reader(&expected) {
                let read = RunFolder::open_read_only(&run)?;
                let file = &changed.files[0].0[stage.len() + 1..];
                verdict.hold(read.verified(stage, file).is_err(), || {
                    format!("{title}: the store hands it out")
                });
                if case % 8 == 0 {
                    let mut words = words.clone();
                    reader.clone_into(&mut words[0]);
                    words.extend(["--force-stage".to_owned(), reader.to_owned()]);
                    let ended = program.run(&borrowed(&words))?;
                    let unclear = ended.unclear();
                    verdict.hold(unclear.is_none() && ended.stderr.contains(file), || {
                        let text = ended.stderr.trim_end();
                        format!("{title}: `{reader}` ended with {}: {text}", ended.status)
                    });
                    refused += 1;
                }
            }
            if case % 16 == 0 {
                program.done(&borrowed(&words)).map_err(|e| format!("{title}: {e}"))?;
                let what = difference(&expected, &artifacts(&run)?);
                verdict.hold(what.is_none(), || format!("{title}: {}", what.unwrap_or_default()));
                rebuilt += 1;
            }
        } else {
            harmless += 1;
            verdict.hold(changed.is_harmless(&all), || format!("{title}: nobody noticed"));
        }
        // Timings differ from run to run: everything goes back to what it was.
        restore(&run, &all)?;
        verdict.cases += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(how, count)| format!("{how} {count}")).collect();
    verdict.note(format!("{} files; {}", all.len(), kinds.join(", ")));
    verdict.note(format!(
        "{caught} caught by `clawsig status`, {harmless} proven harmless (timing.json, .lock, or \
         the same JSON values); {rebuilt} times rebuilt to the same bytes, {refused} times a later \
         stage alone refused"
    ));
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
    verdict: &mut Verdict,
) -> Result<bool, Failure> {
    let ended = program.run(status)?;
    if ended.code() != Some(0) {
        let unclear = ended.unclear();
        verdict.hold(unclear.is_none(), || format!("{title}: {}", unclear.unwrap_or_default()));
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

fn corrupt(all: &BTreeMap<String, Vec<u8>>, names: &[&String], dice: &mut Dice) -> Changed {
    let name = (*dice.pick(names)).clone();
    let mut content = all[&name].clone();
    let one = |how, content| Changed { how, files: vec![(name.clone(), content)] };
    match dice.below(6) {
        0 | 1 if !content.is_empty() => {
            let at = dice.below(content.len());
            content[at] ^= 1 << dice.below(8);
            one("flip", Some(content))
        }
        2 if !content.is_empty() => {
            content.truncate(dice.below(content.len()));
            one("truncate", Some(content))
        }
        3 => one("delete", None),
        4 => {
            let other = (*dice.pick(names)).clone();
            let swapped = vec![(name.clone(), Some(all[&other].clone())), (other, Some(content))];
            Changed { how: "swap", files: swapped }
        }
        _ => {
            let more = 1 + dice.below(100);
            content.extend(dice.bytes(more));
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
            ("train", "model.json" | "model.weights" | "grid.json" | "warnings.json") => "evaluate",
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
            if name == ".lock" || name.ends_with("/timing.json") {
                return true;
            }
            let (Some(content), was) = (content, &all[name]) else { return false };
            let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            content == was
                || name.ends_with("/manifest.json")
                    && value(content).is_some()
                    && value(content) == value(was)
        })
    }
}
