//! The features stage: signals in, one sparse matrix a split out.

use std::{
    fs::File,
    io::{BufWriter, Read},
    path::Path,
};

use clawsig_features::{FittedFeatures, MAX_JSON_BYTES, build, npz::write_npz};
use clawsig_model::SplitPlan;
use rayon::prelude::*;

use super::{Context, RowCounts, Stage, rows::PlannedRows};
use crate::{Error, files};

pub(super) fn run(context: &Context<'_>) -> Result<RowCounts, Error> {
    let params = context.settings().features.clone().check()?;
    for (column, reason) in params.left_out() {
        tracing::info!("{column} is no feature: {reason}");
    }
    if let Some(exception) = params.exception() {
        tracing::warn!("{exception}");
    }
    let total = context.run.manifest(Stage::Ingest.as_str())?.rows_out;
    let settings = context.settings();
    let mut source = match settings.train.split {
        SplitPlan::Official => PlannedRows::official(context),
        SplitPlan::Stratified7030 => {
            PlannedRows::stratified(context, settings.features.target, settings.train.random.seed)?
        }
    };
    let set = build(&params, &mut source, &|part, done, _| {
        context.progress.part(part, done, total);
    })?;

    let work = context.work;
    // The training matrix is most of what there is to write.
    let matrices = || {
        set.splits.par_iter().try_for_each(|split| {
            let path = work.path(&format!("{}.npz", split.split));
            let file = File::create(&path).map_err(Error::io("create", &path))?;
            write_npz(BufWriter::new(file), &split.matrix)
                .map_err(|e| Error::Artifact { path: path.clone(), reason: e.to_string() })
        })
    };
    let tables = || {
        for split in &set.splits {
            files::write_csv(&work.path(&format!("rows_{}.csv", split.split)), &split.rows)?;
        }
        files::write_csv(&work.path("columns.csv"), &set.columns)?;
        files::write_csv(&work.path("vocabulary.csv"), set.fitted.vocabulary())?;
        files::write_json(&work.path("novelty.json"), &set.novelty)?;
        files::write_text(&work.path("vectorizer.json"), &set.fitted.to_json()?)
    };
    let (matrices, tables) = rayon::join(matrices, tables);
    matrices?;
    tables?;
    let rows = set.splits.iter().map(|split| split.rows.len() as u64).sum();
    Ok(RowCounts { input: rows, output: rows })
}

/// Reads `vectorizer.json`.
pub(crate) fn read_fitted(path: &Path) -> Result<FittedFeatures, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut json = String::new();
    // One byte more than is taken shows that a file is too long.
    file.take(MAX_JSON_BYTES as u64 + 1)
        .read_to_string(&mut json)
        .map_err(Error::io("read", path))?;
    FittedFeatures::from_json(&json).map_err(|e| Error::Artifact {
        path: path.to_owned(),
        reason: format!("{e} (`clawsig features`, then `clawsig train`)"),
    })
}
