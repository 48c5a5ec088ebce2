//! `clawsig export leaderboard`: the submission folder of the Security Signals leaderboard, scored
//! by its own rule.

use std::{collections::HashSet, fmt::Write as _};

use clawsig_model::leaderboard_score;
use clawsig_schema::{
    Split, Verdict,
    evaluation::{EvaluationResults, ModelName},
    hostile::printable,
    lock::DatasetLock,
    profile::DataProfile,
};
use serde_json::json;

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{Global, LeaderboardArgs},
    files,
    finished::FinishedRun,
    stages::Stage,
    terminal::{self, count},
};

/// The schema that the submission names.
const SCHEMA: &str = "clawscan-security-signals-submission-v1";
/// The dataset lock, for the revision whose files the run was made from.
const LOCK: &str = include_str!("../../../../../data/dataset.lock.json");

/// Writes `metadata.json` and `predictions.jsonl`.
pub(super) fn export(words: &LeaderboardArgs, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&words.to.run)?;
    let evaluation = run.evaluation()?;
    let profile: DataProfile = files::read_json(&run.file(Stage::Ingest, "profile.json")?)?;
    let target = &evaluation.target;
    if target != "verdict" {
        return Err(Error::Usage(format!(
            "the run predicts `{target}`, and a submission says clean, suspicious or malicious: \
             run with --set model.target=verdict"
        )));
    }
    let revision = match &words.revision {
        Some(revision) => revision.clone(),
        None => locked_revision(&profile)?,
    };
    let answers = answers(&run)?;
    let place = FolderPlace::new(&words.to)?;
    let metadata = json!({
        "schemaVersion": SCHEMA,
        "benchmark": {
            "dataset": words.dataset,
            "split": Split::EvalHoldout,
            "revision": revision,
        },
        "system": { "name": words.system, "role": words.role },
        "verificationStatus": words.status,
        // The validator passes over what it does not know.
        "model": about_model(&evaluation, &profile),
    });
    files::write_json(&place.path("metadata.json")?, &metadata)?;
    let mut lines = String::new();
    for answer in &answers {
        // Writing to a String can't fail.
        let _ = writeln!(lines, "{}", json!({ "id": answer.id, "prediction": answer.predicted }));
    }
    files::write_text(&place.path("predictions.jsonl")?, &lines)?;
    let score = leaderboard_score(answers.iter().map(|a| (a.verdict, a.predicted)));
    place.finish(
        &format!(
            "{} predictions; by the leaderboard's rule (suspicious or malicious is positive) \
             precision {:.4}, recall {:.4}, F1 {:.4}, false-positive rate {:.4}",
            count(answers.len() as u64),
            score.precision,
            score.recall,
            score.f1,
            score.false_positive_rate
        ),
        global,
    )?;
    if !global.quiet {
        terminal::say(&format!(
            "next: put {} into leaderboard/submissions/ of a fork of openclaw/clawscan, check it with \
             scripts/validate-security-signals-submissions.sh, and open a pull request",
            words.to.out.display()
        ));
    }
    Ok(())
}

/// What made the predictions, for whoever reads them without the run.
fn about_model(evaluation: &EvaluationResults, profile: &DataProfile) -> serde_json::Value {
    let model = evaluation.model(ModelName::All);
    json!({
        "sha256": model.map(|model| &model.sha256),
        "trainingRows": model.map(|model| &model.training_rows),
        "synthetic": profile.synthetic,
    })
}

struct Answer {
    id: String,
    verdict: Verdict,
    predicted: Verdict,
}

/// One answer for every skill of the hold-out, in the order of the split.
fn answers(run: &FinishedRun) -> Result<Vec<Answer>, Error> {
    let path = run.file(Stage::Evaluate, "predictions.json")?;
    let wrong = |reason: String| Error::Artifact { path: path.clone(), reason };
    let predictions = run.predictions()?;
    let split = Split::EvalHoldout;
    let held_out = predictions.rows.iter().filter(|row| row.split == split.as_str()).count();
    if held_out == 0 {
        return Err(wrong(format!(
            "no predictions for {split}: evaluate it once with `clawsig evaluate --final --out {}` \
             and the run's profile",
            run.root().display()
        )));
    }
    let rows = run.rows(split)?;
    let mut seen = HashSet::new();
    let mut answers = Vec::with_capacity(rows.len());
    for row in &rows {
        let shown = printable(&row.id, 80);
        if !seen.insert(&row.id) {
            return Err(wrong(format!("the id {shown} occurs twice in {split}")));
        }
        let prediction = predictions
            .of(&row.id, split)
            .filter(|prediction| prediction.split == split.as_str())
            .ok_or_else(|| wrong(format!("no prediction for {shown} of {split}")))?;
        let verdict = |text: &str| text.parse::<Verdict>().map_err(|e| wrong(e.to_string()));
        answers.push(Answer {
            id: row.id.clone(),
            verdict: verdict(&prediction.verdict)?,
            predicted: verdict(&prediction.predicted)?,
        });
    }
    if held_out != answers.len() {
        return Err(wrong(format!(
            "{held_out} predictions for the {} skills of {split}",
            answers.len()
        )));
    }
    Ok(answers)
}

/// The locked revision whose hold-out is the run's, byte for byte.
fn locked_revision(profile: &DataProfile) -> Result<String, Error> {
    let lock: DatasetLock = serde_json::from_str(LOCK).map_err(|e| Error::Artifact {
        path: "data/dataset.lock.json".into(),
        reason: e.to_string(),
    })?;
    let is_ours = |sha256: &str| profile.files.iter().any(|file| file.sha256 == sha256);
    lock.snapshots
        .iter()
        .find(|snapshot| {
            snapshot.file(Split::EvalHoldout).is_some_and(|file| is_ours(&file.sha256))
        })
        .and_then(|snapshot| snapshot.revisions.first().cloned())
        .ok_or_else(|| {
            Error::Usage(
                "the run's hold-out is no locked snapshot's, so its revision is not known: name \
                 it with --revision HASH"
                    .to_owned(),
            )
        })
}
