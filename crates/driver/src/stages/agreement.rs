//! The agreement stage: signals in, `agreement.json` and its tables out.

use clawsig_agreement::study::{Study, StudyParams, ValidStudyParams};
use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::Split;

use super::{Context, Rows, Stage};
use crate::{Error, files, settings::Settings};

pub(super) fn run(context: &Context<'_>) -> Result<Rows, Error> {
    let mut study = Study::new(&params(&context.job.settings)?);
    let mut rows = 0;
    for split in Split::ALL {
        let path = context.artifact(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
            study.observe(&row?);
            rows += 1;
        }
    }
    let results = study.finish(&|done, total| context.progress.set(done, total));

    let work = context.work;
    files::write_json(&work.path("agreement.json"), &results)?;
    files::write_csv(&work.path("pairs.csv"), results.pair_rows())?;
    files::write_csv(&work.path("intervals.csv"), results.interval_rows())?;
    files::write_csv(&work.path("patterns.csv"), results.pattern_rows())?;
    files::write_csv(&work.path("by_verdict.csv"), &results.by_verdict)?;
    files::write_csv(&work.path("sweep.csv"), results.sweep_rows())?;
    files::write_csv(&work.path("latent.csv"), results.latent_rows())?;
    files::write_csv(&work.path("coverage.csv"), results.coverage_rows())?;
    files::write_csv(&work.path("disagreements.csv"), results.disagreement_rows())?;
    Ok(Rows { input: rows, output: results.rows })
}

/// The crate's parameters from the run's settings.
pub(super) fn params(settings: &Settings) -> Result<ValidStudyParams, Error> {
    let params = StudyParams {
        rule: settings.flags.rule,
        missing: settings.flags.missing,
        replicates: settings.agreement.replicates,
        top: settings.agreement.disagreements,
        seed: settings.run.seed,
        ..StudyParams::default()
    };
    Ok(params.check()?)
}
