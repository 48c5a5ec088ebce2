//! What stands in each section of the page.

mod choices;
mod data;
mod findings;
mod missing;
mod model;
mod registry;
mod run;
mod scanners;

use clawsig_schema::evaluation::{EvaluationResults, FOLDS, MACRO, OVERALL, metric};

use crate::{
    error::ReportError,
    page::Section,
    study::StudyResults,
    words::{count, named, optional, shown},
};

/// Every section, in the order of the page.
pub(crate) fn all(study: &StudyResults) -> Result<Vec<Section>, ReportError> {
    Ok(vec![
        findings::findings(study),
        registry::registry(study),
        registry::readings(study),
        data::data(study)?,
        scanners::scanners(study)?,
        model::model(study)?,
        findings::disagreements(study),
        findings::limits(study),
        run::what_was_run(study),
        run::reproduce(study),
    ])
}

/// The figures a reader looks for first.
///
/// Each is a name, a value, and what stands small below it.
pub(crate) fn lead(study: &StudyResults) -> Vec<(String, String, String)> {
    let absent = |reason: &str| format!("undefined: {}", shown(reason));
    let plain = |name: &str, value: String| (name.to_owned(), value, String::new());
    // A value before its interval.
    let estimated = |name: &str, text: String| match text.split_once(" (") {
        Some((value, rest)) if !value.starts_with("undefined") => {
            (name.to_owned(), value.to_owned(), format!("({rest}"))
        }
        _ => (name.to_owned(), text, String::new()),
    };
    let rows = match study.data.as_result() {
        Ok(data) => count(data.rows),
        Err(reason) => absent(reason),
    };
    let mut lead = vec![plain("Skills", rows)];
    match study.agreement.as_result() {
        Ok(agreement) => {
            let overlap = agreement.slices.first().map(|slice| &slice.overlap);
            let flagged = overlap.map_or_else(|| absent("no slice"), |found| count(found.union));
            lead.push(plain("Flagged by any scanner", flagged));
            let all = overlap.map(|found| &found.total_overlap);
            let all = all.map_or_else(|| absent("no slice"), crate::words::rate);
            lead.push(estimated("Of these, by all", all));
        }
        Err(reason) => lead.push(plain("Scanner agreement", absent(reason))),
    }
    match study.evaluation.as_result() {
        Ok(evaluation) => lead.push({
            let (name, found) = concordance(evaluation);
            estimated(&name, found)
        }),
        Err(reason) => lead.push(plain("Model’s macro F1", absent(reason))),
    }
    lead
}

/// The first figure of the model that has an interval: one without, as a mean over classes
/// of a handful of rows, is none to quote. Where none has one, macro F1.
fn concordance(evaluation: &EvaluationResults) -> (String, String) {
    let Some(model) = evaluation.models.first() else {
        return ("Model’s macro F1".to_owned(), optional(None));
    };
    let split = model.shown_split().unwrap_or("test");
    let wanted = [
        (split, MACRO, metric::F1, "macro F1"),
        (FOLDS, MACRO, metric::F1, "macro F1"),
        (FOLDS, OVERALL, metric::ACCURACY, "accuracy"),
        (split, OVERALL, metric::ACCURACY, "accuracy"),
    ];
    let found = wanted.map(|(place, scope, key, name)| {
        (
            format!("Model’s {name} {}", evaluation.place(place)),
            model.metrics.get(place, scope, key),
        )
    });
    let firm = found.iter().find(|(_, found)| found.is_some_and(|found| found.low.is_some()));
    let (name, value) = firm.unwrap_or(&found[0]);
    (name.clone(), optional(*value))
}

/// Every part's warnings, each once.
pub(crate) fn warnings(study: &StudyResults) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let data = study.data.get().map_or(&[][..], |data| &data.warnings);
    let model = study.evaluation.get().map_or(&[][..], |found| &found.warnings);
    for warning in study.run.warnings.iter().chain(data).chain(model) {
        let warning = named(warning);
        if !found.contains(&warning) {
            found.push(warning);
        }
    }
    found
}
