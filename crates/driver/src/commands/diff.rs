//! `clawsig diff`: what changed between two runs, and which of it is more than noise.

mod changes;
mod findings;
mod profile;
mod rows;
mod show;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clawsig_schema::{
    FlagRule,
    agreement::{AgreementResults, OVERALL_SLICE, SliceResult},
    evaluation::MetricTable,
    profile::DataProfile,
    settings::FlagParams,
};
use clawsig_store::{Manifest, Standing, StoreError};
use serde::Serialize;
use serde_json::Value;

use self::{changes::Change, findings::Finding, profile::ProfileChanges, rows::RowChanges};
use crate::{
    Error, ExitStatus,
    cli::{DiffArgs, Global, OutputFormat},
    files,
    stages::Stage,
    terminal,
};

/// The differences between two runs, `a` the earlier and `b` the later.
#[derive(Debug, Serialize)]
struct Difference {
    /// Why runs like these can't be compared in full, in words.
    not_comparable: Vec<String>,
    /// Settings, seeds and versions that differ, by stage and key.
    parameters: Vec<ParameterChange>,
    /// The rows and what their profiles say, or why they can't be compared.
    data: Outcome<DataChanges>,
    /// Every statistic of every pair on all rows, and the positive rates.
    agreement: Outcome<Vec<Change>>,
    /// Every metric that both runs have.
    metrics: Outcome<Vec<Change>>,
    /// The changes that count, in words; `--fail-on` looks here.
    findings: Vec<Finding>,
}

/// A part of the comparison, or why there is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<T> {
    Compared(T),
    Undefined(String),
}

/// The data of two runs.
#[derive(Debug, Serialize)]
struct DataChanges {
    #[serde(flatten)]
    rows: RowChanges,
    #[serde(flatten)]
    profile: ProfileChanges,
}

/// A parameter that differs.
#[derive(Debug, Serialize)]
struct ParameterChange {
    stage: Stage,
    key: String,
    a: Option<Value>,
    b: Option<Value>,
}

/// Compares two runs and prints what differs.
pub(crate) fn diff(arguments: &DiffArgs, global: &Global) -> Result<ExitStatus, Error> {
    let runs = [arguments.a.as_path(), arguments.b.as_path()];
    let manifests = [manifests(runs[0])?, manifests(runs[1])?];
    let mut not_comparable = Vec::new();
    let data = match [&manifests[0], &manifests[1]].map(|m| m.contains_key(&Stage::Ingest)) {
        [true, true] => {
            let [a, b] = runs.map(|run| {
                files::read_json::<DataProfile>(
                    &run.join(Stage::Ingest.as_str()).join("profile.json"),
                )
            });
            let (a, b) = (a?, b?);
            let rule = rule(&manifests[1]);
            let texts = !arguments.without_texts;
            let rows = rows::compare(runs, rule, texts, arguments.top, global.quiet)?;
            not_comparable.extend(other_data([&a, &b], &rows));
            Outcome::Compared(DataChanges { rows, profile: profile::compare(&a, &b) })
        }
        _ => absent(Stage::Ingest, &manifests),
    };
    let unlike = not_comparable.first().cloned();
    let mut part = |stage: Stage, keys: &[&str]| match &unlike {
        Some(why) => Some(why.clone()),
        None => {
            let why = other_settings(stage, keys, &manifests)?;
            not_comparable.push(why.clone());
            Some(why)
        }
    };
    let agreement = match part(Stage::Agreement, &["flags.rule", "flags.missing"]) {
        Some(why) => Outcome::Undefined(why),
        None => both(runs, Stage::Agreement, "agreement.json", &manifests, |a, b| {
            overall(a).zip(overall(b)).map(|(a, b)| changes::agreement(a, b))
        })?,
    };
    let metrics = match part(Stage::Evaluate, &["model.target", "features.target"]) {
        Some(why) => Outcome::Undefined(why),
        None => both(
            runs,
            Stage::Evaluate,
            "metrics.json",
            &manifests,
            |a: &MetricTable, b: &MetricTable| Some(changes::metrics(a, b)),
        )?,
    };
    let mut difference = Difference {
        not_comparable,
        parameters: parameters(&manifests),
        data,
        agreement,
        metrics,
        findings: Vec::new(),
    };
    difference.findings = findings::find(&difference, &arguments.fail_on);
    terminal::print(&match global.format {
        OutputFormat::Json => format!("{:#}\n", json(&difference, runs)?),
        OutputFormat::Text => show::text(&difference, runs),
    })?;
    let failed = |one: &Finding| arguments.fail_on.contains(&one.concern);
    if difference.findings.iter().any(failed) {
        return Ok(ExitStatus::CheckFailed);
    }
    Ok(ExitStatus::Done)
}

fn json(difference: &Difference, runs: [&Path; 2]) -> Result<Value, Error> {
    let mut value = serde_json::to_value(difference)
        .map_err(|e| Error::Artifact { path: runs[0].to_owned(), reason: e.to_string() })?;
    value["a"] = serde_json::json!(runs[0]);
    value["b"] = serde_json::json!(runs[1]);
    Ok(value)
}

/// The manifests of a run's finished stages.
fn manifests(run: &Path) -> Result<BTreeMap<Stage, Manifest>, Error> {
    let mut found = BTreeMap::new();
    for stage in Stage::ALL {
        if let Some(manifest) = Manifest::read(&run.join(stage.as_str()))? {
            found.insert(stage, manifest);
        }
    }
    if found.is_empty() {
        return Err(StoreError::NotARun { path: run.to_owned(), found: Standing::of(run)? }.into());
    }
    Ok(found)
}

/// The flag rule of a run's agreement or features stage, else the profiles' own; the same rule is laid over both runs, so
/// that a changed rule does not look like a changed scanner.
fn rule(manifests: &BTreeMap<Stage, Manifest>) -> FlagRule {
    [Stage::Agreement, Stage::Features]
        .iter()
        .filter_map(|stage| manifests.get(stage)?.parameters.get("flags.rule"))
        .find_map(|value| serde_json::from_value(value.clone()).ok())
        .unwrap_or(FlagParams::default().rule)
}

/// Why the rows of two runs are not two editions of one dataset.
fn other_data(profiles: [&DataProfile; 2], rows: &RowChanges) -> Option<String> {
    let kind = |profile: &DataProfile| if profile.synthetic { "synthetic" } else { "real" };
    let [a, b] = profiles.map(kind);
    if a != b {
        return Some(format!("the rows of the first run are {a}, those of the second are {b}"));
    }
    let none = rows.common == 0 && rows.rows_a > 0 && rows.rows_b > 0;
    none.then(|| "no skill is in both runs: their data is not of one kind".to_owned())
}

/// Why a stage's results can't be held side by side: a setting that says what they are of differs.
fn other_settings(
    stage: Stage,
    keys: &[&str],
    manifests: &[BTreeMap<Stage, Manifest>; 2],
) -> Option<String> {
    let (a, b) = (manifests[0].get(&stage)?, manifests[1].get(&stage)?);
    let differing: Vec<String> = keys
        .iter()
        .filter_map(|key| {
            let [was, now] = [a, b].map(|m| m.parameters.get(*key));
            let shown = |value: Option<&Value>| match value {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "not set".to_owned(),
            };
            (was != now).then(|| format!("{key} is {} and then {}", shown(was), shown(now)))
        })
        .collect();
    match differing.is_empty() {
        true => None,
        false => {
            Some(format!("the results of {stage} are of other things: {}", differing.join(", ")))
        }
    }
}

fn absent<T>(stage: Stage, manifests: &[BTreeMap<Stage, Manifest>; 2]) -> Outcome<T> {
    let which = match [&manifests[0], &manifests[1]].map(|m| m.contains_key(&stage)) {
        [false, false] => "either run",
        [false, true] => "the first run",
        _ => "the second run",
    };
    Outcome::Undefined(format!("{stage} has not finished in {which}"))
}

/// Reads one artifact of both runs and compares the two.
fn both<T: serde::de::DeserializeOwned>(
    runs: [&Path; 2],
    stage: Stage,
    name: &str,
    manifests: &[BTreeMap<Stage, Manifest>; 2],
    compare: impl Fn(&T, &T) -> Option<Vec<Change>>,
) -> Result<Outcome<Vec<Change>>, Error> {
    if !manifests.iter().all(|found| found.contains_key(&stage)) {
        return Ok(absent(stage, manifests));
    }
    let [a, b] = runs.map(|run| files::read_json(&run.join(stage.as_str()).join(name)));
    Ok(match compare(&a?, &b?) {
        Some(found) => Outcome::Compared(found),
        None => Outcome::Undefined(format!("{name} of one run lacks what is compared")),
    })
}

fn overall(found: &AgreementResults) -> Option<&SliceResult> {
    found.slice(OVERALL_SLICE)
}

/// Every parameter and version that differs; the report's are those of the other stages.
fn parameters(manifests: &[BTreeMap<Stage, Manifest>; 2]) -> Vec<ParameterChange> {
    let mut changed = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Report) {
        let (Some(a), Some(b)) = (manifests[0].get(&stage), manifests[1].get(&stage)) else {
            continue;
        };
        let known = |manifest: &Manifest| {
            let mut values = manifest.parameters.clone();
            values.insert("stage version".to_owned(), manifest.stage_version.into());
            values.insert("clawsig version".to_owned(), manifest.clawsig.as_str().into());
            values
        };
        let (a, b) = (known(a), known(b));
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            if a.get(key) != b.get(key) {
                let (a, b) = (a.get(key).cloned(), b.get(key).cloned());
                changed.push(ParameterChange { stage, key: key.clone(), a, b });
            }
        }
    }
    changed
}
