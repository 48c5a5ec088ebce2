//! The evaluate stage: matrices and models in, metrics and tables out.

use clawsig_model::{EvaluateParams, TrainedModel, Training, ValidEvaluateParams, evaluate};
use clawsig_schema::evaluation::{ConfusionRow, ErrorRow, GridRow, PredictionRow, ScoreRow};
use serde::{Deserialize, Serialize};

use super::{
    Context, Rows, Stage,
    matrices::Matrices,
    train::{MODEL, TEXT_ONLY},
};
use crate::{Error, files, settings::Settings};

/// The rows of the CSV files with all their parts, for the report: a CSV cell has lost its types.
#[derive(Serialize, Deserialize)]
pub(super) struct Tables {
    pub(super) confusion: Vec<ConfusionRow>,
    pub(super) baselines: Vec<ScoreRow>,
    pub(super) ablation: Vec<ScoreRow>,
    pub(super) memorising: Vec<ScoreRow>,
    pub(super) errors: Vec<ErrorRow>,
    pub(super) grid: Vec<GridRow>,
}

pub(super) fn run(context: &Context<'_>) -> Result<Rows, Error> {
    let params = params(&context.job.settings, context.job.final_)?;
    let matrices = Matrices::read(context)?;
    let trained = |name: &str| context.artifact(Stage::Train, name);
    let load = |[json, weights]: [&str; 2]| -> Result<TrainedModel, Error> {
        Ok(TrainedModel::load(&trained(json)?, &trained(weights)?)?)
    };
    let has_text_only = context.run.manifest(Stage::Train.as_str())?.output(TEXT_ONLY[0]).is_some();
    let training = Training {
        model: load(MODEL)?,
        text_only: if has_text_only { Some(load(TEXT_ONLY)?) } else { None },
        grid: files::read_json(&trained("grid.json")?)?,
        warnings: files::read_json(&trained("warnings.json")?)?,
    };
    let result = matrices.with_data(|data| {
        evaluate(data, &training, &params, &|part, done, total| {
            context.progress.part(part, done, total);
        })
    })?;

    let work = context.work;
    let classes = &result.file.classes;
    files::write_json(&work.path("metrics.json"), &result.metrics)?;
    files::write_json(&work.path("evaluation.json"), &result.file)?;
    let cells = result.predictions.iter().map(PredictionRow::cells);
    files::write_cells(&work.path("predictions.csv"), PredictionRow::header(classes), cells)?;
    let cells = result.confusion.iter().map(ConfusionRow::cells);
    files::write_cells(&work.path("confusion.csv"), ConfusionRow::HEADER, cells)?;
    let cells = result.errors.iter().map(ErrorRow::cells);
    files::write_cells(&work.path("errors.csv"), ErrorRow::header(classes), cells)?;
    let scores = [
        ("baselines.csv", &result.baselines),
        ("ablation.csv", &result.ablation),
        ("memorising.csv", &result.memorising),
    ];
    for (name, rows) in scores {
        let cells = rows.iter().map(ScoreRow::cells);
        files::write_cells(&work.path(name), ScoreRow::HEADER, cells)?;
    }
    let output = result.predictions.len() as u64;
    let tables = Tables {
        confusion: result.confusion,
        baselines: result.baselines,
        ablation: result.ablation,
        memorising: result.memorising,
        errors: result.errors,
        grid: training.grid,
    };
    files::write_json(&work.path("tables.json"), &tables)?;
    Ok(Rows { input: matrices.rows(), output })
}

/// The crate's parameters from the run's settings; `final_` looks at the hold-out.
pub(super) fn params(settings: &Settings, final_: bool) -> Result<ValidEvaluateParams, Error> {
    let params = EvaluateParams {
        replicates: settings.evaluate.replicates,
        errors: settings.evaluate.errors as usize,
        refits: settings.evaluate.refits,
        final_,
        seed: settings.run.seed,
    };
    Ok(params.check()?)
}
