//! `clawsig agreement --ratings FILE...`: any raters, any labels.

mod page;
mod source;
mod tables;
mod words;

use clawsig_ratings::{Findings, LabelScale, RatingTable, study};
use clawsig_stats::ResamplingParams;
use serde::Serialize;

use super::{export::place::FolderPlace, request::Request};
use crate::{
    Error, ExitStatus,
    cli::{AgreementArgs, Global, OutputFormat, RatingScale},
    files,
    stages::Stage,
    terminal::{self, Progress},
};

/// Everything, as `ratings.json` and `--format json` have it.
#[derive(Serialize)]
struct Results {
    /// The files that were read, with what each was taken for.
    sources: Vec<source::RatingSource>,
    /// Columns that were not used.
    ignored_columns: Vec<String>,
    replicates: u32,
    seed: u64,
    #[serde(flatten)]
    findings: Findings,
}

/// Studies the files.
pub(super) fn ratings(arguments: &AgreementArgs, global: &Global) -> Result<ExitStatus, Error> {
    let which = &arguments.stage.which;
    let settings = Request::new("agreement --ratings", which, &[Stage::Agreement])?;
    let params = settings.without_run()?.settings.agreement;
    let resampling = ResamplingParams {
        replicates: params.replicates,
        seed: params.random.seed,
        ..ResamplingParams::default()
    };
    let checked = resampling.check().map_err(|e| Error::Usage(e.to_string()))?;
    let layout = source::layout(&arguments.ratings)?;
    let place =
        which.out.as_ref().map(|out| FolderPlace::at(out, arguments.stage.force)).transpose()?;
    let (records, sources) = source::read(&arguments.ratings.files, &layout)?;
    let scale = match arguments.ratings.scale {
        RatingScale::Nominal => LabelScale::Nominal,
        RatingScale::Ordinal => LabelScale::Ordinal,
        RatingScale::Interval => LabelScale::Interval,
    };
    let table = RatingTable::new(&records, scale, &arguments.ratings.labels)?;
    let progress = Progress::new("agreement", global.quiet);
    let findings = study(&table, &checked, &|done, total| progress.set(done, total))?;
    drop(progress);
    let results = Results {
        sources,
        ignored_columns: records.ignored,
        replicates: resampling.replicates,
        seed: resampling.seed,
        findings,
    };
    let listed = params.disagreements as usize;
    if let Some(place) = place {
        let at = |name: &str| place.root().join(name);
        files::write_json(&at("ratings.json"), &results)?;
        tables::write(&at, &results.findings)?;
        files::write_text(&at("report.html"), &page::page(&results, listed)?)?;
        place.close()?;
    }
    match global.format {
        OutputFormat::Json => {
            let text = serde_json::to_string_pretty(&results)
                .map_err(|e| Error::Output(std::io::Error::other(e)))?;
            terminal::print(&format!("{text}\n"))?;
        }
        OutputFormat::Text if global.quiet => {}
        OutputFormat::Text => {
            let mut text = words::summary(&results, listed);
            if let Some(out) = &which.out {
                text.push_str(&format!(
                    "\n{}: report.html, ratings.json and the tables as CSV\n",
                    out.display()
                ));
            }
            terminal::print(&text)?;
        }
    }
    Ok(ExitStatus::Done)
}
