//! The same plan once more, in a folder of its own, compared byte for byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
};

use clawsig_store::{RunFolder, TIMING_FILE};
use serde_json::{Map, Value};

use super::{Check, Section};
use crate::{
    Error,
    cli::{Global, ProfileArgs, RunArgs, VerifyArgs},
    commands::run,
    settings::Settings,
    stages::{Job, Stage},
};

/// Runs the finished stages again and compares every artifact but the timings.
pub(super) fn rebuild(
    run: &RunFolder,
    stages: &[Stage],
    arguments: &VerifyArgs,
    global: &Global,
) -> Result<Section, Error> {
    // Held for its lock: nothing may change the run meanwhile. What is built lies inside it, so
    // that the next run clears it away wherever this process ends.
    let locked = RunFolder::open(run.root())?;
    let scratch = locked.scratch("rebuild")?;
    let job = job(&locked, stages, arguments, scratch.folder(), global)?;
    job.run(stages)?;
    let mut checks = Vec::new();
    for stage in stages {
        let was = files(&locked.stage_folder(stage.as_str()))?;
        let now = files(&scratch.folder().join(stage.as_str()))?;
        let mut wrong = Vec::new();
        for name in was.union(&now) {
            let path = |root: &Path| root.join(stage.as_str()).join(name);
            let how = match (was.contains(name), now.contains(name)) {
                (true, false) => "is not made again",
                (false, true) => "is made, and the run does not have it",
                _ if same(&path(locked.root()), &path(scratch.folder()))? => continue,
                _ => "differs",
            };
            wrong.push(format!("{stage}/{name} {how}"));
        }
        let name = format!("files of {stage} that came out otherwise, of {}", was.len());
        checks.push(Check::none(name, "rebuild", &wrong));
    }
    Ok(Section { title: "rebuild", note: None, checks })
}

/// The job that made the run, from what its manifests record; `arguments.set` adds what they
/// leave out, as the folder of the source.
fn job(
    run: &RunFolder,
    stages: &[Stage],
    arguments: &VerifyArgs,
    out: &Path,
    global: &Global,
) -> Result<Job, Error> {
    let mut keys: BTreeMap<String, Value> = BTreeMap::new();
    let mut seed = None;
    for stage in stages {
        let manifest = run.manifest(stage.as_str())?;
        if stage.is_seeded() {
            seed = seed.or(Some(manifest.seed));
        }
        for (key, value) in manifest.parameters {
            // A stage's own record counts before what the report repeats of it.
            keys.entry(key).or_insert(value);
        }
    }
    let final_ = keys.remove("evaluate.final").is_some_and(|value| value == Value::Bool(true));
    let command = keys.remove("report.command");
    let command = command.as_ref().and_then(Value::as_str).unwrap_or_default();
    let (profile, assignments) = words(command);
    // The commit for which a branch or the lock stood then.
    if let Some(commit) = keys.remove("source.commit") {
        keys.insert("source.revision".to_owned(), commit);
    }
    if let Some(seed) = seed {
        keys.insert("run.seed".to_owned(), seed.into());
    }
    let mut sections: Map<String, Value> = Map::new();
    for (key, value) in keys {
        // Further keys of the report's plan are no settings.
        if let Some((section, key)) = key.split_once('.').filter(|(s, _)| *s != "report") {
            let section = section.to_owned();
            let section = sections.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                section.insert(key.to_owned(), value);
            }
        }
    }
    let recorded: Settings =
        serde_json::from_value(Value::Object(sections)).map_err(|e| Error::Artifact {
            path: run.root().to_owned(),
            reason: format!("its manifests record settings that this clawsig does not have: {e}"),
        })?;
    let words = RunArgs {
        profile: ProfileArgs { profile: "sample".to_owned(), set: arguments.set.clone() },
        out: Some(out.to_owned()),
        force: false,
        force_stage: Vec::new(),
        strict: false,
        dry_run: false,
        final_,
        hub: arguments.hub.clone(),
    };
    let mut job = run::job(&words, global)?;
    job.settings = recorded.changed(&arguments.set)?;
    job.profile = profile;
    job.assignments = assignments;
    job.quiet = true;
    Ok(job)
}

/// The profile and the `--set` words of a recorded command, which are shown in the report.
fn words(command: &str) -> (String, Vec<String>) {
    let rest = command.split_once("--profile ").map_or("", |(_, rest)| rest);
    let mut parts = rest.split(" --set ");
    let profile = parts.next().unwrap_or_default().to_owned();
    let plain = |word: &str| match word.strip_prefix('\'').and_then(|w| w.strip_suffix('\'')) {
        Some(quoted) => quoted.replace("'\\''", "'"),
        None => word.to_owned(),
    };
    (profile, parts.map(plain).collect())
}

/// The names of a stage's files, but for the timings.
fn files(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    collect(folder, "", &mut names)?;
    names.remove(TIMING_FILE);
    Ok(names)
}

fn collect(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.insert(name);
        }
    }
    Ok(())
}

/// Whether two files hold the same bytes.
fn same(a: &Path, b: &Path) -> Result<bool, Error> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Ok::<_, Error>(BufReader::with_capacity(1 << 16, file))
    };
    let (mut left, mut right) = (open(a)?, open(b)?);
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = |file: &mut BufReader<File>, into: &mut [u8], path: &Path| {
            let mut filled = 0;
            while filled < into.len() {
                match file.read(&mut into[filled..]).map_err(Error::io("read", path))? {
                    0 => break,
                    bytes => filled += bytes,
                }
            }
            Ok::<_, Error>(filled)
        };
        let (m, n) = (read(&mut left, &mut one, a)?, read(&mut right, &mut other, b)?);
        if one[..m] != other[..n] {
            return Ok(false);
        }
        if m == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_command_gives_its_words_back() {
        let (profile, set) =
            words("clawsig run --profile mine.toml --set a.b=1 --set 'c.d=it'\\''s [x]'");
        assert_eq!(profile, "mine.toml");
        assert_eq!(set, ["a.b=1", "c.d=it's [x]"]);
        assert_eq!(words(""), (String::new(), Vec::new()));
    }
}
