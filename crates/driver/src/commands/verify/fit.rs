//! Whether the stages of a run are of one piece: made from one another, by the same settings, for
//! the same target, columns and rows.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_features::leakage::barred;
use clawsig_model::{TrainedModel, columns_hash};
use clawsig_schema::{
    Split, Target,
    evaluation::{EvaluationResults, ModelName},
    hostile::printable,
    matrix::ColumnInfo,
    settings::Params as _,
};
use clawsig_store::{Manifest, RunFolder};
use serde_json::{Value, json};

use super::{Check, Section, intact::Recount};
use crate::{
    Error,
    commands::request,
    files,
    finished::FinishedRun,
    settings::RUN_FILE,
    stages::{MODEL, Stage},
};

/// Compares what the stages say of one another.
pub(super) fn together(
    run: &RunFolder,
    stages: &[Stage],
    recount: &Recount,
) -> Result<Section, Error> {
    let mut manifests = BTreeMap::new();
    for &stage in stages {
        manifests.insert(stage, run.manifest(stage.as_str())?);
    }
    let mut checks = vec![upstream(stages), inputs(&manifests), settings(&manifests)];
    checks.extend(recorded(run, &manifests)?);
    let finished = FinishedRun::open(run.root())?;
    if stages.contains(&Stage::Features) {
        let columns: Vec<ColumnInfo> =
            files::read_csv(&finished.file(Stage::Features, "columns.csv")?)?;
        let target = parameter(&manifests[&Stage::Features], TARGET);
        checks.push(leakage(&columns, target.as_deref()));
        for &split in Split::ALL {
            let rows = finished.rows(split)?;
            let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            checks.push(rows_of(split, &ids, &recount.ids[split.index()]));
        }
        if stages.contains(&Stage::Train) {
            let [json, weights] = MODEL.map(|name| finished.file(Stage::Train, name));
            let model = TrainedModel::load(&json?, &weights?)?;
            if let Some(target) = target {
                let found = model.target.to_string();
                checks.push(Check::new("target of the model", "features", target, found));
            }
            let (expected, found) = (columns_hash(&columns), model.columns_sha256.clone());
            checks.push(Check::new("columns of the model", "columns.csv", expected, found));
            if stages.contains(&Stage::Evaluate) {
                let evaluation = finished.evaluation()?;
                checks.extend(evaluated(&evaluation, &model)?);
                checks.push(predictions(&finished, &recount.ids)?);
            }
        }
    }
    Ok(Section { title: "the stages among themselves", note: None, checks })
}

/// The setting that says what the matrix and the model are for.
const TARGET: &str = "model.target";

fn parameter(manifest: &Manifest, key: &str) -> Option<String> {
    manifest.parameters.get(key)?.as_str().map(str::to_owned)
}

/// The stages that a finished one was made from and that are not there.
fn upstream(stages: &[Stage]) -> Check {
    let missing: Vec<String> = stages
        .iter()
        .flat_map(|stage| stage.needs().iter().map(move |needed| (stage, needed)))
        .filter(|(_, needed)| !stages.contains(needed))
        .map(|(stage, needed)| format!("{stage} was made from {needed}"))
        .collect();
    Check::none("stages that are missing", "manifests", &missing)
}

/// Files that a stage was made from and that are others now, or gone.
fn inputs(manifests: &BTreeMap<Stage, Manifest>) -> Check {
    let outputs = manifests.values().flat_map(Manifest::outputs_as_inputs);
    let written: BTreeMap<String, _> = outputs.map(|file| (file.name, file.sha256)).collect();
    let of_a_stage =
        |name: &str| manifests.keys().any(|stage| name.starts_with(&format!("{stage}/")));
    let mut stale = Vec::new();
    for (stage, manifest) in manifests {
        for input in manifest.inputs.iter().filter(|input| of_a_stage(&input.name)) {
            match written.get(&input.name) {
                Some(sha256) if *sha256 == input.sha256 => {}
                Some(_) => stale.push(format!("{stage} was made from another {}", input.name)),
                None => stale.push(format!("{stage} was made from {}, which is gone", input.name)),
            }
        }
    }
    Check::none("inputs that are other files now", "manifests", &stale)
}

/// Settings that two stages were made with and that differ.
fn settings(manifests: &BTreeMap<Stage, Manifest>) -> Check {
    let mut values: BTreeMap<&str, Vec<(Stage, &Value)>> = BTreeMap::new();
    for (stage, manifest) in manifests {
        for (key, value) in &manifest.parameters {
            values.entry(key).or_default().push((*stage, value));
        }
    }
    let differing: Vec<String> = values
        .into_iter()
        .filter(|(_, values)| values.iter().any(|(_, value)| *value != values[0].1))
        .map(|(key, values)| {
            let said: Vec<String> =
                values.iter().map(|(stage, value)| format!("{value} in {stage}")).collect();
            format!("{key} is {}", said.join(" and "))
        })
        .collect();
    Check::none("settings that two stages have otherwise", "manifests", &differing)
}

/// Settings of run.toml that a stage was not made with; `None` for a run without that file.
fn recorded(
    run: &RunFolder,
    manifests: &BTreeMap<Stage, Manifest>,
) -> Result<Option<Check>, Error> {
    let Some(record) = request::recorded(run.root())? else { return Ok(None) };
    let mut differing = Vec::new();
    for (stage, manifest) in manifests {
        for key in stage.keys() {
            let stated = json!(record.settings.value_of(key.name));
            match manifest.parameters.get(key.name) {
                Some(made) if *made != stated => differing
                    .push(format!("{} is {stated}, and {stage} was made with {made}", key.name)),
                _ => {}
            }
        }
    }
    Ok(Some(Check::none("settings that a stage was not made with", RUN_FILE, &differing)))
}

/// Columns of the matrix that may not be there for its target.
fn leakage(columns: &[ColumnInfo], target: Option<&str>) -> Check {
    let target = target.and_then(|target| target.parse().ok()).unwrap_or(Target::Verdict);
    let wrong: Vec<String> = columns
        .iter()
        // The name of a text's column is a word of the text.
        .filter(|column| !column.group.is_of_terms())
        .filter_map(|column| Some(format!("{}: {}", column.name, barred(target, &column.name)?)))
        .collect();
    Check::none("columns that the target bars", "columns.csv", &wrong)
}

/// Rows of the matrix that are others than ingest wrote at their place.
fn rows_of(split: Split, found: &[&str], written: &[String]) -> Check {
    let mut wrong: Vec<String> = found
        .iter()
        .zip(written)
        .enumerate()
        .filter(|(_, (found, written))| *found != written)
        .map(|(place, (found, written))| format!("row {} is {found}, not {written}", place + 1))
        .collect();
    if found.len() != written.len() {
        wrong.push(format!("{} rows for {}", found.len(), written.len()));
    }
    let name = format!("rows of the matrix of {split} that are not those of the signals");
    Check::none(name, "signals/*.parquet", &wrong)
}

/// The model that evaluate measured against the one that train made.
fn evaluated(found: &EvaluationResults, model: &TrainedModel) -> Result<[Check; 3], Error> {
    let check = |name, expected, found| Check::new(name, "model.json", expected, found);
    // A class without training rows is one of the target's all the same.
    let classes = model.target.classes().join(" / ");
    let measured = found.model(ModelName::All).map_or("none", |model| &model.sha256);
    Ok([
        check("target of evaluate", model.target.to_string(), found.target.clone()),
        check("classes of evaluate", classes, found.classes.join(" / ")),
        check("model of evaluate", model.sha256()?, measured.to_owned()),
    ])
}

/// Predictions for skills that no split has.
fn predictions(run: &FinishedRun, ids: &[Vec<String>; 4]) -> Result<Check, Error> {
    let known: BTreeSet<&String> = ids.iter().flatten().collect();
    let unknown: Vec<String> = run
        .predictions()?
        .rows
        .into_iter()
        .filter(|row| !known.contains(&row.id))
        .map(|row| format!("{} of {}", printable(&row.id, 80), row.split))
        .collect();
    Ok(Check::none(
        "predictions for skills that ingest did not write",
        "predictions.json",
        &unknown,
    ))
}
