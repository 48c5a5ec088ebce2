//! The agreement stage: signals in, `agreement.json` and its tables out.

use std::path::PathBuf;

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{Split, agreement::AgreementResults};
use clawsig_study::Study;

use super::{Context, Rows, Stage};
use crate::{Error, files, terminal::counted};

pub(super) fn run(context: &Context<'_>) -> Result<Rows, Error> {
    let mut study = Study::new(&context.settings().agreement.clone().check()?);
    let mut rows = 0;
    for split in Split::ALL {
        let path = context.artifact(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
            study.observe(&row?)?;
            rows += 1;
        }
    }
    let results = study.finish(&|part, done, total| context.progress.part(part, done, total))?;
    for (verdict, rows) in &results.unjudged {
        tracing::warn!(
            "{} with the verdict `{verdict}`: in the figures of the scanners, in none of the verdict",
            counted(*rows, "row")
        );
    }

    write_results(&|name| context.work.path(name), &results)?;
    let path = context.work.path("disagreements.csv");
    files::write_csv(&path, results.disagreement_rows())?;
    Ok(Rows { input: rows, output: results.rows })
}

/// Writes every file that counts alone give.
pub(crate) fn write_results(
    place: &dyn Fn(&str) -> PathBuf,
    results: &AgreementResults,
) -> Result<(), Error> {
    files::write_json(&place("agreement.json"), results)?;
    files::write_csv(&place("pairs.csv"), results.pair_rows())?;
    files::write_csv(&place("intervals.csv"), results.interval_rows())?;
    files::write_csv(&place("patterns.csv"), results.pattern_rows())?;
    files::write_csv(&place("by_verdict.csv"), &results.by_verdict)?;
    files::write_csv(&place("sweep.csv"), results.sweep_rows())?;
    files::write_csv(&place("latent.csv"), results.latent_rows())?;
    files::write_csv(&place("coverage.csv"), results.coverage_rows())
}
