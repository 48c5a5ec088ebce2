//! What a run says at its end: the figures a person looks for first, and where the rest lies.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clawsig_schema::{
    agreement::{AgreementResults, OVERALL_SLICE},
    estimate::Estimate,
    evaluation::{MACRO, MetricTable, OVERALL, metric},
    profile::DataProfile,
};
use clawsig_store::State;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Error, files,
    stages::{Job, Stage, StageOutcome},
    terminal::{self, Table, count},
};

/// One line of `baselines.csv`, as far as the summary needs it.
#[derive(Deserialize)]
struct BaselineLine {
    name: String,
    split: String,
    scope: String,
    metric: String,
    value: Option<f64>,
    undefined: Option<String>,
}

/// The results that lie in a run's folder; a stage that has not run leaves its part empty.
pub(crate) struct Results {
    pub(crate) profile: Option<DataProfile>,
    pub(crate) agreement: Option<AgreementResults>,
    pub(crate) metrics: Option<MetricTable>,
    baselines: Vec<BaselineLine>,
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
        let baselines = run.join(Stage::Evaluate.as_str()).join("baselines.csv");
        Ok(Results {
            profile: json_if(run, Stage::Ingest, "profile.json")?,
            agreement: json_if(run, Stage::Agreement, "agreement.json")?,
            metrics: json_if(run, Stage::Evaluate, "metrics.json")?,
            baselines: if baselines.is_file() { files::read_csv(&baselines)? } else { Vec::new() },
        })
    }
}

/// The summary as JSON.
pub(crate) fn json(job: &Job, outcomes: &[StageOutcome]) -> Result<String, Error> {
    let results = Results::read(&job.out)?;
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
    let report = report(job, outcomes);
    let value = json!({
        "run": job.out,
        "stages": stages,
        "rows": results.profile.as_ref().map(|p| p.rows),
        "rejected": results.profile.as_ref().map(|p| p.rejected),
        "synthetic": results.profile.as_ref().map(|p| p.synthetic),
        "pairs": pairs,
        "metrics": results.metrics,
        "report": report,
    });
    Ok(format!("{value:#}\n"))
}

/// The summary as text.
pub(crate) fn text(job: &Job, outcomes: &[StageOutcome]) -> Result<String, Error> {
    let results = Results::read(&job.out)?;
    let mut text = String::new();
    if let Some(profile) = &results.profile {
        rows(&mut text, profile);
    }
    if outcomes.iter().any(|o| o.stage >= Stage::Agreement)
        && let Some(agreement) = &results.agreement
    {
        scanners(&mut text, agreement);
    }
    if outcomes.iter().any(|o| o.stage >= Stage::Evaluate)
        && let Some(metrics) = &results.metrics
    {
        classifier(&mut text, metrics, &results.baselines);
    }
    times(&mut text, outcomes);
    let place = match report(job, outcomes) {
        Some(report) => format!("report: {}", report.display()),
        None => format!("results: {}", job.out.display()),
    };
    line(&mut text, &place);
    Ok(text)
}

/// The report that these stages made or found up to date; one of an earlier run is not theirs.
fn report(job: &Job, outcomes: &[StageOutcome]) -> Option<PathBuf> {
    let made = outcomes.iter().any(|outcome| outcome.stage == Stage::Report);
    made.then(|| job.out.join(Stage::Report.as_str()).join("report.html"))
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
    let mut table = Table::new(&["split", ">rows", ">clean", ">suspicious", ">malicious"]);
    for split in &profile.splits {
        let of = |verdict: &str| count(split.verdicts.get(verdict).copied().unwrap_or_default());
        table.row([
            split.split.clone(),
            count(split.rows),
            of("clean"),
            of("suspicious"),
            of("malicious"),
        ]);
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

fn classifier(text: &mut String, metrics: &MetricTable, baselines: &[BaselineLine]) {
    let split = if metrics.0.contains_key("test") { "test" } else { "validation" };
    line(
        text,
        &format!("\nconcordance with the registry's verdict, {split} split; 95 % intervals"),
    );
    let cell = |scope: &str, metric: &str| {
        metrics.get(split, scope, metric).map(shown).unwrap_or_else(|| "-".to_owned())
    };
    let mut table = Table::new(&["", "accuracy", "macro F1", "MCC"]);
    table.row([
        "model".to_owned(),
        cell(OVERALL, metric::ACCURACY),
        cell(MACRO, metric::F1),
        cell(OVERALL, metric::MCC),
    ]);
    let mut names: Vec<&str> = Vec::new();
    for baseline in baselines.iter().filter(|b| b.split == split && b.name != "model") {
        if !names.contains(&baseline.name.as_str()) {
            names.push(&baseline.name);
        }
    }
    for name in names {
        let of = |scope: &str, metric: &str| {
            baselines
                .iter()
                .find(|b| {
                    b.name == name && b.split == split && b.scope == scope && b.metric == metric
                })
                .map_or_else(
                    || "-".to_owned(),
                    |b| match (b.value, &b.undefined) {
                        (Some(value), _) => format!("{value:.4}"),
                        (None, reason) => {
                            format!("undefined: {}", reason.as_deref().unwrap_or_default())
                        }
                    },
                )
        };
        table.row([
            name.to_owned(),
            of(OVERALL, metric::ACCURACY),
            of(MACRO, metric::F1),
            of(OVERALL, metric::MCC),
        ]);
    }
    text.push_str(&table.render());
    let Some(classes) = metrics.0.get(split) else { return };
    let mut table = Table::new(&["class", ">rows", "precision", "recall", "F1"]);
    for class in
        classes.keys().filter(|name| !["overall", "macro", "weighted"].contains(&name.as_str()))
    {
        let support = metrics.get(split, class, metric::SUPPORT).and_then(|e| e.value);
        table.row([
            class.clone(),
            support.map_or_else(|| "-".to_owned(), |n| count(n as u64)),
            cell(class, metric::PRECISION),
            cell(class, metric::RECALL),
            cell(class, metric::F1),
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
