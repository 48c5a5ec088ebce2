//! `clawsig diff`: what changed between two runs, and which of it is more than noise.

mod changes;
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
};
use clawsig_store::Manifest;
use serde::Serialize;
use serde_json::Value;

use self::{changes::Change, rows::RowChanges};
use crate::{
    Error, ExitStatus,
    cli::{Concern, DiffArgs, Global, OutputFormat},
    files,
    stages::Stage,
    terminal,
};

/// What differs between two runs, `a` the earlier and `b` the later.
#[derive(Debug, Serialize)]
struct Difference {
    /// Settings, seeds and versions that differ, by stage and key.
    parameters: Vec<ParameterChange>,
    /// The rows, or why they can't be compared.
    data: Outcome<RowChanges>,
    /// Every statistic of every pair on all rows, and the positive rates.
    agreement: Outcome<Vec<Change>>,
    /// Every metric that both runs have.
    metrics: Outcome<Vec<Change>>,
    /// What has changed by more than noise, in words; `--fail-on` looks here.
    findings: Vec<Finding>,
}

/// A part of the comparison, or why there is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<T> {
    Compared(T),
    Undefined(String),
}

impl<T> Outcome<T> {
    fn get(&self) -> Option<&T> {
        match self {
            Outcome::Compared(found) => Some(found),
            Outcome::Undefined(_) => None,
        }
    }
}

/// A parameter that differs.
#[derive(Debug, Serialize)]
struct ParameterChange {
    stage: Stage,
    key: String,
    a: Option<Value>,
    b: Option<Value>,
}

/// Something that a reader of a weekly comparison should look at.
#[derive(Debug, Serialize)]
struct Finding {
    concern: Concern,
    text: String,
}

/// Compares two runs and prints what differs.
pub(crate) fn diff(arguments: &DiffArgs, global: &Global) -> Result<ExitStatus, Error> {
    let runs = [arguments.a.as_path(), arguments.b.as_path()];
    let manifests = [manifests(runs[0])?, manifests(runs[1])?];
    let data = match [&manifests[0], &manifests[1]].map(|m| m.contains_key(&Stage::Ingest)) {
        [true, true] => {
            let rule = rule(&manifests[1]);
            let found = rows::compare(runs, rule, arguments.texts, arguments.top, global.quiet)?;
            Outcome::Compared(found)
        }
        _ => absent(Stage::Ingest, &manifests),
    };
    let agreement = both(runs, Stage::Agreement, "agreement.json", &manifests, |a, b| {
        overall(a).zip(overall(b)).map(|(a, b)| changes::agreement(a, b))
    })?;
    let metrics = both(
        runs,
        Stage::Evaluate,
        "metrics.json",
        &manifests,
        |a: &MetricTable, b: &MetricTable| Some(changes::metrics(a, b)),
    )?;
    let mut difference = Difference {
        parameters: parameters(&manifests),
        data,
        agreement,
        metrics,
        findings: Vec::new(),
    };
    difference.findings = findings(&difference);
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
        return Err(Error::Usage(format!(
            "{} holds no finished stage; name the folder of a run, as `clawsig run --out DIR` makes it",
            run.display()
        )));
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
        .unwrap_or(FlagRule::Label)
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

/// Every parameter, seed and version that differs; the report's are those of the other stages.
fn parameters(manifests: &[BTreeMap<Stage, Manifest>; 2]) -> Vec<ParameterChange> {
    let mut changed = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Report) {
        let (Some(a), Some(b)) = (manifests[0].get(&stage), manifests[1].get(&stage)) else {
            continue;
        };
        let known = |manifest: &Manifest| {
            let mut values = manifest.parameters.clone();
            values.insert("seed".to_owned(), manifest.seed.into());
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

/// The level below which a shift of a scanner's flags on the same skills is no accident. Weekly
/// looks at three scanners give a false alarm in about 33 weeks at 1 %.
const DRIFT_LEVEL: f64 = 0.01;

fn findings(difference: &Difference) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |concern, text: String| found.push(Finding { concern, text });
    if let Some(data) = difference.data.get() {
        for scanner in &data.scanners {
            if let Some(p) = scanner.p_value.filter(|p| *p < DRIFT_LEVEL) {
                say(
                    Concern::Drift,
                    format!(
                        "{} flags the same skills differently: {} newly flagged, {} no longer, {}",
                        scanner.scanner,
                        terminal::count(scanner.only_b),
                        terminal::count(scanner.only_a),
                        show::p_value(p),
                    ),
                );
            }
        }
        if data.verdict_flips > 0 {
            say(
                Concern::Verdicts,
                format!(
                    "another verdict for {} of the {} in both runs",
                    terminal::count(data.verdict_flips),
                    terminal::counted(data.common, "skill"),
                ),
            );
        }
    }
    for (concern, part) in
        [(Concern::Agreement, &difference.agreement), (Concern::Metrics, &difference.metrics)]
    {
        for change in part.get().into_iter().flatten().filter(|change| change.is_headline()) {
            if change.beyond_noise == Some(true) {
                say(concern, format!("{} moved: {}", change.name(), show::moved(change)));
            }
        }
    }
    found
}
