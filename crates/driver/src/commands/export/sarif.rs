//! `clawsig export sarif`: the skills of a run that its model flags, and those on which the
//! scanners disagree most.

use std::collections::HashMap;

use clawsig_schema::{
    Split, agreement::AgreementResults, evaluation::ModelName, profile::DataProfile,
};
use serde_json::json;

use super::place::FilePlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    files,
    finished::FinishedRun,
    sarif::{Location, Sarif, SarifResult},
    stages::Stage,
    terminal::count,
};

/// Writes one SARIF log: a result for every skill of the evaluated splits whose predicted class is
/// not the first (clean, or LOW), and one for every line of the run's `disagreements.csv`.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let predictions = run.predictions()?;
    let agreement: AgreementResults =
        files::read_json(&run.file(Stage::Agreement, "agreement.json")?)?;
    let place = FilePlace::new(to)?;
    let mut slugs = HashMap::new();
    for &split in Split::ALL {
        for row in run.rows(split)? {
            slugs.insert(row.id.clone(), row.slug.unwrap_or(row.id));
        }
    }
    let classes: Vec<&str> = predictions.classes.iter().map(String::as_str).collect();
    let mut sarif = Sarif::new(&classes);
    for row in &predictions.rows {
        let Some(at) = classes.iter().position(|class| *class == row.predicted) else { continue };
        if at == 0 {
            continue;
        }
        let name = slugs.get(&row.id).unwrap_or(&row.id).clone();
        sarif.add(SarifResult {
            rule: at,
            message: format!(
                "predicted {} with probability {:.4}; the registry says {} (split {})",
                row.predicted, row.probabilities[at], row.verdict, row.split
            ),
            location: Location::Skill(name),
            probabilities: predictions
                .classes
                .iter()
                .cloned()
                .zip(row.probabilities.iter().copied())
                .collect(),
            sha256: None,
        });
    }
    let flagged = sarif.len() as u64;
    let about = "Scanners, or a scanner and the registry, disagree on the skill";
    let rule = sarif.rule("disagreement", about, "note");
    for found in &agreement.disagreements {
        sarif.add(SarifResult {
            rule,
            message: format!(
                "flagged by {}, not by {}; the registry says {} (split {})",
                found.flagged_by,
                found.not_flagged_by,
                found.verdict.text().unwrap_or("nothing"),
                found.split
            ),
            location: Location::Skill(found.slug.clone().unwrap_or_else(|| found.id.clone())),
            probabilities: Default::default(),
            sha256: None,
        });
    }
    let profile: DataProfile = files::read_json(&run.file(Stage::Ingest, "profile.json")?)?;
    if let Some(model) = run.evaluation()?.model(ModelName::All) {
        let about = json!([{
            "name": model.name,
            "sha256": model.sha256,
            "training_rows": model.training_rows,
            "synthetic": profile.synthetic,
        }]);
        sarif.property("models", about);
    }
    files::write_json(&place.path(), &sarif.log())?;
    let disagreements = sarif.len() as u64 - flagged;
    place.finish(
        &format!("{} flagged skills, {} disagreements", count(flagged), count(disagreements)),
        global,
    )
}
