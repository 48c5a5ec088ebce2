//! Whether a stage's result is still the right one, and if not, why.

use std::{fmt, fs, path::Path};

use clawsig_schema::hostile::printable;
use serde_json::Value;

use crate::{
    Manifest, Output, Plan, StoreError,
    error::{io, of_another_format},
    hash::hash_file,
};

/// Whether a stage has to run.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// The key matches and every output still has its hash.
    UpToDate,
    /// It has to run, for these reasons (at least one).
    Stale(Vec<Reason>),
}

/// Why a stage has to run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// There is no finished result.
    NeverRun,
    /// The manifest can't be used; the text says how.
    Manifest(String),
    /// The stage's code changed.
    Version {
        /// The version of the result.
        was: u32,
        /// The version of this program.
        now: u32,
    },
    /// A parameter changed, came or went.
    Parameter {
        /// Its name.
        name: String,
        /// Its value in the result.
        was: Option<Value>,
        /// Its value now.
        now: Option<Value>,
    },
    /// An input's content changed.
    InputChanged(String),
    /// An input was not there when the result was made.
    InputAdded(String),
    /// An input is not on this machine yet.
    InputMissing(String),
    /// An input of the result is no longer one.
    InputRemoved(String),
    /// An output is missing.
    OutputMissing(String),
    /// An output is not the file that was written.
    OutputChanged(String),
    /// A stage before this one has to run first.
    Upstream(String),
    /// The user asked for it.
    Forced,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |v: &Option<Value>| match v {
            Some(v) => printable(&v.to_string(), 60),
            None => "nothing".to_owned(),
        };
        // Names come from a file that anyone may have written.
        let shown = |name: &str| printable(name, 200);
        match self {
            Reason::NeverRun => f.write_str("there is no finished result"),
            Reason::Manifest(why) => write!(f, "its manifest can't be used: {why}"),
            Reason::Version { was, now } => {
                write!(f, "the stage changed from version {was} to {now}")
            }
            Reason::Parameter { name, was, now } => {
                write!(f, "{} changed from {} to {}", shown(name), value(was), value(now))
            }
            Reason::InputChanged(name) => write!(f, "input {} changed", shown(name)),
            Reason::InputAdded(name) => write!(f, "input {} is new", shown(name)),
            Reason::InputMissing(name) => write!(f, "input {} has to be fetched", shown(name)),
            Reason::InputRemoved(name) => write!(f, "input {} is gone", shown(name)),
            Reason::OutputMissing(path) => write!(f, "output {} is missing", shown(path)),
            Reason::OutputChanged(path) => write!(f, "output {} was changed", shown(path)),
            Reason::Upstream(stage) => write!(f, "stage {stage} runs first"),
            Reason::Forced => f.write_str("asked for"),
        }
    }
}

/// Compares a plan with what lies in the stage's folder. Every output is hashed.
pub(crate) fn state_of(plan: &Plan, folder: &Path) -> Result<State, StoreError> {
    let manifest = match Manifest::read(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(State::Stale(vec![Reason::NeverRun])),
        Err(e @ StoreError::BadManifest { .. }) => {
            return Ok(State::Stale(vec![Reason::Manifest(e.to_string())]));
        }
        Err(StoreError::Format { stage, mismatch, .. }) => {
            let why = of_another_format(&stage, &mismatch);
            return Ok(State::Stale(vec![Reason::Manifest(why)]));
        }
        Err(e) => return Err(e),
    };
    let mut reasons = plan_reasons(plan, &manifest);
    if reasons.is_empty() && manifest.key != plan.key() {
        // The fields agree, so the key in the file was tampered with.
        reasons.push(Reason::Manifest("its key does not belong to its content".to_owned()));
    }
    for output in &manifest.outputs {
        match difference(&folder.join(&output.path), output)? {
            None => {}
            Some(Difference::Missing) => reasons.push(Reason::OutputMissing(output.path.clone())),
            Some(Difference::Changed(_)) => {
                reasons.push(Reason::OutputChanged(output.path.clone()));
            }
        }
    }
    Ok(if reasons.is_empty() { State::UpToDate } else { State::Stale(reasons) })
}

/// How a file differs from what was recorded of it.
#[derive(Debug)]
pub(crate) enum Difference {
    /// There is no file.
    Missing,
    /// It is another file; the text says how that shows.
    Changed(String),
}

/// Compares a file with its record: what it is, its length, its hash. Anything but a plain file
/// is not opened, as a pipe or a device might never end.
pub(crate) fn difference(path: &Path, recorded: &Output) -> Result<Option<Difference>, StoreError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if is_absence(&e) => return Ok(Some(Difference::Missing)),
        Err(e) => return Err(io("read", path)(e)),
    };
    if found.is_dir() {
        return Ok(Some(Difference::Missing));
    }
    let changed = |how: String| Ok(Some(Difference::Changed(how)));
    if !found.is_file() {
        return changed("it is no plain file".to_owned());
    }
    if found.len() != recorded.bytes {
        return changed(format!("it has {} bytes, expected {}", found.len(), recorded.bytes));
    }
    let hash = hash_file(path)?.sha256;
    if hash != recorded.sha256 {
        return changed(format!("its SHA-256 is {hash}, expected {}", recorded.sha256));
    }
    Ok(None)
}

/// Whether an error means that there is no such file (a folder in its place counts).
pub(crate) fn is_absence(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(e.kind(), NotFound | NotADirectory | IsADirectory)
}

fn plan_reasons(plan: &Plan, manifest: &Manifest) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if manifest.stage != plan.stage {
        reasons.push(Reason::Manifest(format!("it belongs to stage {:?}", manifest.stage)));
    }
    if manifest.stage_version != plan.version {
        reasons.push(Reason::Version { was: manifest.stage_version, now: plan.version });
    }
    let mut names: Vec<_> = plan.parameters.keys().chain(manifest.parameters.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (was, now) = (manifest.parameters.get(name), plan.parameters.get(name));
        if was != now {
            let (was, now) = (was.cloned(), now.cloned());
            reasons.push(Reason::Parameter { name: name.clone(), was, now });
        }
    }
    for input in &plan.inputs {
        match manifest.inputs.iter().find(|known| known.name == input.name) {
            Some(known) if known.sha256 == input.sha256 => {}
            Some(_) => reasons.push(Reason::InputChanged(input.name.clone())),
            None => reasons.push(Reason::InputAdded(input.name.clone())),
        }
    }
    for known in &manifest.inputs {
        if !plan.inputs.iter().any(|input| input.name == known.name) {
            reasons.push(Reason::InputRemoved(known.name.clone()));
        }
    }
    reasons
}
