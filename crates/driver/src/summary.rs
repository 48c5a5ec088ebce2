//! What a run says at its end: the figures a person looks for first, and where the rest lies.

mod classifier;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    agreement::{AgreementResults, OVERALL_SLICE},
    estimate::Estimate,
    evaluation::{EvaluationResults, ModelName},
    profile::DataProfile,
    registry::RegistryResults,
};
use clawsig_store::State;
use serde_json::json;

use crate::{
    Error,
    commands::tables,
    files,
    stages::{Stage, pipeline::StageOutcome},
    terminal::{self, Table, count},
};

/// The results that lie in a run's folder; a stage that has not run leaves its part empty.
pub(crate) struct Results {
    pub(crate) profile: Option<DataProfile>,
    pub(crate) agreement: Option<AgreementResults>,
    pub(crate) registry: Option<RegistryResults>,
    pub(crate) evaluation: Option<EvaluationResults>,
}

impl Results {
    /// Reads what is there.
    pub(crate) fn read(run: &Path) -> Result<Results, Error> {
        fn json_if<T: serde::de::DeserializeOwned>(
            run: &Path,
            stage: Stage,
            name: &str,
        ) -> Result<Option<T>, Error> {
            let path = run.join(stage.as_str()).join(name);
            if path.is_file() { files::read_json(&path).map(Some) } else { Ok(None) }
        }
        Ok(Results {
            profile: json_if(run, Stage::Ingest, "profile.json")?,
            agreement: json_if(run, Stage::Agreement, "agreement.json")?,
            registry: json_if(run, Stage::Agreement, "registry.json")?,
            evaluation: json_if(run, Stage::Evaluate, "evaluation.json")?,
        })
    }
}

/// The summary as JSON.
pub(crate) fn json(run: &Path, outcomes: &[StageOutcome]) -> Result<String, Error> {
    let results = Results::read(run)?;
    let stages: Vec<_> = outcomes
        .iter()
        .map(|o| {
            json!({
                "stage": o.stage.as_str(),
                "ran": o.state != State::UpToDate,
                "seconds": o.seconds,
            })
        })
        .collect();
    let pairs = results.agreement.as_ref().and_then(|a| a.slice(OVERALL_SLICE)).map(|s| &s.pairs);
    let report = report(run, outcomes);
    let metrics = |name| {
        let model = results.evaluation.as_ref().and_then(|found| found.model(name));
        model.map(|model| &model.metrics)
    };
    let value = json!({
        "run": run,
        "stages": stages,
        "rows": results.profile.as_ref().map(|p| p.rows),
        "rejected": results.profile.as_ref().map(|p| p.rejected),
        "verdicts": results.profile.as_ref().map(|profile| {
            let verdicts = profile.verdicts();
            verdicts.iter().map(|one| (one.verdict.clone(), one.rows())).collect::<BTreeMap<_, _>>()
        }),
        "warnings": results.profile.as_ref().map(|p| &p.warnings),
        "synthetic": results.profile.as_ref().map(|p| p.synthetic),
        "pairs": pairs,
        "missing_warnings": results.agreement.as_ref().map(|a| &a.missing.warnings),
        "registry_pairs": results.registry.as_ref().map(|r| &r.agreement.pairs),
        "metrics": metrics(ModelName::All),
        "text_only_metrics": metrics(ModelName::TextOnly),
        "report": report,
    });
    Ok(format!("{value:#}\n"))
}

/// The summary as text.
pub(crate) fn text(run: &Path, outcomes: &[StageOutcome]) -> Result<String, Error> {
    let results = Results::read(run)?;
    let mut text = String::new();
    let asked = |stage| outcomes.iter().any(|outcome| outcome.stage >= stage);
    for answer in clawsig_report::answers(
        results.agreement.as_ref().filter(|_| asked(Stage::Agreement)),
        results.registry.as_ref().filter(|_| asked(Stage::Agreement)),
        results.evaluation.as_ref().filter(|_| asked(Stage::Evaluate)),
        results.profile.as_ref().is_some_and(|profile| profile.synthetic),
    ) {
        // The page's own characters have plain forms.
        line(&mut text, &answer.text.replace('\u{a0}', " ").replace('’', "'"));
        line(&mut text, "");
    }
    if let Some(profile) = &results.profile {
        rows(&mut text, profile);
    }
    if asked(Stage::Agreement)
        && let Some(agreement) = &results.agreement
    {
        scanners(&mut text, agreement);
        tables::missing_short(&mut text, &agreement.missing);
        if let Some(registry) = &results.registry {
            tables::registry_short(&mut text, registry);
        }
    }
    if asked(Stage::Features) {
        classifier::columns(&mut text, run)?;
    }
    if asked(Stage::Train) {
        classifier::models(&mut text, run)?;
    }
    if asked(Stage::Evaluate)
        && let Some(evaluation) = &results.evaluation
    {
        classifier::scores(&mut text, evaluation);
    }
    times(&mut text, outcomes);
    let place = match report(run, outcomes) {
        Some(report) => format!("report: {}", report.display()),
        None => format!("results: {}", run.display()),
    };
    line(&mut text, &place);
    Ok(text)
}

/// The report that these stages made or found up to date; one of an earlier run is not theirs.
fn report(run: &Path, outcomes: &[StageOutcome]) -> Option<PathBuf> {
    let made = outcomes.iter().any(|outcome| outcome.stage == Stage::Report);
    made.then(|| run.join(Stage::Report.as_str()).join("report.html"))
}

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", terminal::sentence(line));
}

fn rows(text: &mut String, profile: &DataProfile) {
    let lines: u64 = profile.files.iter().map(|f| f.lines).sum();
    let blank: u64 = profile.files.iter().map(|f| f.blank).sum();
    let synthetic = if profile.synthetic { " (synthetic, made by a generator)" } else { "" };
    line(
        text,
        &format!(
            "rows: {} read{synthetic}, {} blank, {} rejected, {} left out by the sample, {} kept",
            count(lines),
            count(blank),
            count(profile.rejected),
            count(profile.sampled_out),
            count(profile.rows),
        ),
    );
    for (reason, rows) in &profile.rejected_by_reason {
        line(text, &format!("  rejected: {} {reason}", count(*rows)));
    }
    for warning in &profile.warnings {
        line(text, &format!("  warning: {warning}"));
    }
    let verdicts = profile.verdicts();
    let names: Vec<String> =
        verdicts.iter().map(|verdict| format!(">{}", verdict.verdict)).collect();
    let heading = ["split", ">rows"].into_iter().chain(names.iter().map(String::as_str));
    let mut table = Table::new(&heading.collect::<Vec<_>>());
    for (at, split) in profile.splits.iter().enumerate() {
        let of_verdict = verdicts.iter().map(|verdict| count(verdict.by_split[at]));
        table.row([split.split.clone(), count(split.rows)].into_iter().chain(of_verdict));
    }
    line(text, "");
    text.push_str(&table.render());
}

/// An estimate as `0.1234 [0.1111, 0.1357]`, or why there is none.
pub(crate) fn shown(estimate: &Estimate) -> String {
    match (estimate.value, estimate.low, estimate.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.4} [{low:.4}, {high:.4}]"),
        (Some(value), _, _) => format!("{value:.4}"),
        (None, _, _) => {
            format!("undefined: {}", estimate.undefined.as_deref().unwrap_or("no reason given"))
        }
    }
}

/// The figures of the scanners alone.
pub(crate) fn agreement(agreement: &AgreementResults) -> String {
    let mut text = String::new();
    scanners(&mut text, agreement);
    tables::missing_short(&mut text, &agreement.missing);
    text
}

fn scanners(text: &mut String, agreement: &AgreementResults) {
    let Some(slice) = agreement.slice(OVERALL_SLICE) else { return };
    line(
        text,
        &format!(
            "\nflags by rule `{}`, missing ones `{}`; 95 % intervals",
            slice.rule, slice.missing
        ),
    );
    let mut table = Table::new(&["scanner", ">rated", ">flagged", "positive rate"]);
    for rater in &slice.raters {
        table.row([
            rater.rater.clone(),
            count(rater.rated),
            count(rater.flagged),
            shown(&rater.rate),
        ]);
    }
    text.push_str(&table.render());
    let mut table = Table::new(&["pair", "jaccard", "cohen's kappa", "reading"]);
    for pair in &slice.pairs {
        let named = |name: &str| {
            pair.statistics.iter().find(|s| s.statistic == name).map(|s| shown(&s.estimate))
        };
        let reading = pair
            .readings
            .iter()
            .find(|r| r.statistic == "cohen_kappa")
            .map(|r| format!("{} ({})", r.word, r.scale));
        table.row([
            format!("{} and {}", pair.a, pair.b),
            named("jaccard").unwrap_or_default(),
            named("cohen_kappa").unwrap_or_default(),
            reading.unwrap_or_else(|| "none".to_owned()),
        ]);
    }
    line(text, "");
    text.push_str(&table.render());
}

fn times(text: &mut String, outcomes: &[StageOutcome]) {
    let parts: Vec<String> = outcomes
        .iter()
        .map(|o| match o.seconds {
            Some(seconds) => format!("{} {seconds:.1} s", o.stage),
            None => format!("{} up to date", o.stage),
        })
        .collect();
    line(text, "");
    line(text, &parts.join(", "));
}
