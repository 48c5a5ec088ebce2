//! The report stage: every stage's results in, one page, figures and cards out.

use std::collections::BTreeMap;

use clawsig_ingest::SourceKind;
use clawsig_report::{DuplicateSummary, Part, RunInfo, StudyResults, render};
use clawsig_schema::{Split, matrix::RowInfo, profile::DataProfile};

use super::{Context, RowCounts, Stage, ledger};
use crate::{Error, files, settings::PATHS};

pub(super) fn run(context: &Context<'_>) -> Result<RowCounts, Error> {
    let profile: DataProfile = files::read_json(&context.artifact(Stage::Ingest, "profile.json")?)?;
    let rows = profile.rows;
    let results = StudyResults {
        run: run_info(context, &profile)?,
        duplicates: Part::present(duplicates(context)?),
        agreement: Part::present(files::read_json(
            &context.artifact(Stage::Agreement, "agreement.json")?,
        )?),
        registry: Part::present(files::read_json(
            &context.artifact(Stage::Agreement, "registry.json")?,
        )?),
        evaluation: Part::present(files::read_json(
            &context.artifact(Stage::Evaluate, "evaluation.json")?,
        )?),
        data: Part::present(profile),
    };
    let rendered = render(&results)?;

    let work = context.work;
    files::create_folder(&work.path("figures"))?;
    files::write_text(&work.path("report.html"), &rendered.html)?;
    files::write_text(&work.path("MODEL_CARD.md"), &rendered.model_card)?;
    files::write_text(&work.path("DATA_CARD.md"), &rendered.data_card)?;
    for figure in &rendered.figures {
        files::write_text(&work.path(&format!("figures/{}.svg", figure.name)), &figure.svg)?;
        files::write_text(&work.path(&format!("figures/{}.csv", figure.name)), &figure.csv)?;
    }
    Ok(RowCounts { input: rows, output: rows })
}

/// What was run, from the run's record and the manifests.
fn run_info(context: &Context<'_>, profile: &DataProfile) -> Result<RunInfo, Error> {
    let record = context.record;
    let source = &record.settings.source;
    let mut inputs: Vec<(String, String)> =
        profile.files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect();
    for &stage in Stage::Report.needs() {
        let manifest = context.run.manifest(stage.as_str())?;
        inputs.push((format!("{stage} stage key"), manifest.key.to_string()));
    }
    let parameters = record
        .settings
        .identity()
        .into_iter()
        // A path is nobody else's business.
        .filter(|(key, _)| !PATHS.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_string()))
        .collect();
    let mut warnings = profile.warnings.clone();
    warnings.extend(ledger::sentence(context.run)?);
    Ok(RunInfo {
        name: record.profile.name(),
        profile: record.profile.name(),
        command: record.command_line(),
        source: match source.kind {
            SourceKind::Sample => "the bundled synthetic sample".to_owned(),
            SourceKind::Path => "files on the machine of whoever ran it".to_owned(),
            SourceKind::Hub => format!("the Hub, {}", source.repo),
        },
        synthetic: profile.synthetic,
        versions: vec![("clawsig".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
        inputs,
        parameters,
        warnings,
    })
}

fn duplicates(context: &Context<'_>) -> Result<DuplicateSummary, Error> {
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    let mut summary = DuplicateSummary::default();
    for &split in Split::ALL {
        let path = context.artifact(Stage::Features, &format!("rows_{split}.csv"))?;
        for row in files::read_csv::<RowInfo>(&path)? {
            summary.rows += 1;
            *sizes.entry(row.duplicate_group).or_default() += 1;
            if split == Split::Test && row.copies_in_train > 0 {
                summary.test_rows_in_train += 1;
            }
        }
    }
    for &rows in sizes.values().filter(|&&rows| rows > 1) {
        summary.groups += 1;
        summary.grouped_rows += rows;
        summary.largest = summary.largest.max(rows);
    }
    Ok(summary)
}
