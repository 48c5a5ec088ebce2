//! The agreement stage: signals in, `agreement.json`, `registry.json` and their tables out.

use std::path::PathBuf;

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    Split,
    agreement::{AgreementResults, RuleDifference},
    profile::DataProfile,
    registry::RegistryResults,
};
use clawsig_study::{FigureCounts, Study, registry};

use super::{Context, RowCounts, Stage};
use crate::{Error, files, published, terminal::counted};

/// Rows that are observed at a time.
const BATCH: usize = 1024;

pub(super) fn run(context: &Context<'_>) -> Result<RowCounts, Error> {
    let params = context.settings().agreement.clone();
    let profile: DataProfile = files::read_json(&context.artifact(Stage::Ingest, "profile.json")?)?;
    let published = published::figures()?;
    let mut study = Study::new(&params.clone().check()?);
    let mut figures = FigureCounts::new(&published);
    let mut rows = 0;
    for split in Split::ALL {
        let path = context.artifact(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        let mut left = SignalsReader::open(&path)?.rows(Columns::All);
        loop {
            let batch = left.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>()?;
            if batch.is_empty() {
                break;
            }
            let count = || batch.iter().for_each(|row| figures.observe(row));
            rayon::join(|| study.observe(&batch), count).0?;
            rows += batch.len() as u64;
        }
    }
    let results = study.finish(&|part, done, total| context.progress.part(part, done, total))?;
    for (verdict, rows) in &results.unjudged {
        tracing::warn!(
            "{} with the verdict `{verdict}`: in the figures of the scanners, in none of the verdict",
            counted(*rows, "row")
        );
    }
    let answers = figures.values(&profile);
    let registry = registry(&published, Some(&answers), &params, &|_, _, _| {})?;

    write_results(&|name| context.work.path(name), &results)?;
    write_registry(&|name| context.work.path(name), &registry)?;
    let path = context.work.path("disagreements.csv");
    files::write_csv(&path, results.disagreement_rows())?;
    let path = context.work.path("label_status.csv");
    // The header stands there without a row too: no difference is an answer.
    let header = ["id", "slug", "split", "verdict", "scanner", "status_text", "status", "label"];
    files::write_cells(&path, header, results.rule_differences.listed.iter().map(cells))?;
    files::write_csv(&context.work.path("findings.csv"), &results.findings)?;
    Ok(RowCounts { input: rows, output: results.rows })
}

fn cells(row: &RuleDifference) -> Vec<String> {
    vec![
        row.id.clone(),
        row.slug.clone(),
        row.split.to_string(),
        row.verdict.map_or_else(String::new, |verdict| verdict.to_string()),
        row.scanner.to_string(),
        row.status_text.clone(),
        row.status.to_string(),
        row.label.to_string(),
    ]
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
    files::write_csv(&place("missing.csv"), &results.missing.rates)?;
    files::write_csv(&place("bounds.csv"), &results.missing.pairs)?;
    files::write_csv(&place("choices.csv"), &results.choices)?;
    files::write_csv(&place("coverage.csv"), results.coverage_rows())
}

/// Writes what the published counts give.
pub(crate) fn write_registry(
    place: &dyn Fn(&str) -> PathBuf,
    found: &RegistryResults,
) -> Result<(), Error> {
    files::write_json(&place("registry.json"), found)?;
    let pairs = found.agreement.pairs.iter().chain(&found.with_verdict);
    files::write_csv(&place("registry_pairs.csv"), pairs.flat_map(|pair| pair.rows("registry")))?;
    files::write_csv(&place("figures.csv"), &found.figures)
}
