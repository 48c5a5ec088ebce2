//! The evaluate stage: matrices and models in, metrics and tables out.

use std::path::Path;

use clawsig_features::ReadRows;
use clawsig_model::{CrossValidation, EvaluateParams, TrainedModel, Training, evaluate};
use clawsig_schema::evaluation::{
    ConfusionRow, ErrorRow, ModelName, ModelResults, PredictionRow, Predictions, ScoreRow,
};

use super::{
    Context, RowCounts, Stage,
    features::read_fitted,
    matrices::Matrices,
    rows::NumberedRows,
    train::{MODEL, TEXT_ONLY},
};
use crate::{Error, files};

/// The folder of the text-only model's files, which have the names of the other model's.
const TEXT_ONLY_FOLDER: &str = "text-only";

pub(super) fn run(context: &Context<'_>) -> Result<RowCounts, Error> {
    let use_holdout = context.record.use_holdout;
    let params = EvaluateParams { use_holdout, ..context.settings().evaluate.clone() }.check()?;
    let matrices = Matrices::open(context)?;
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
    let progress = |part: &str, done, total| context.progress.part(part, done, total);
    let wanted = params.get().folds;
    let folds = if wanted > 0 { Some(folds(context, &matrices, &training, wanted)?) } else { None };
    let found =
        matrices.with_data(|data| evaluate(data, folds.as_ref(), &training, &params, &progress))?;
    let results = &found.results;
    // The others were told when the models were trained.
    for warning in &results.warnings[training.warnings.len()..] {
        tracing::warn!("{warning}");
    }
    let work = context.work;
    files::write_json(&work.path("evaluation.json"), results)?;
    for (name, rows) in [("baselines.csv", &results.baselines), ("ablation.csv", &results.ablation)]
    {
        write_scores(&work.path(name), rows)?;
    }
    for (model, (_, predictions)) in results.models.iter().zip(&found.predictions) {
        let folder = match model.name {
            ModelName::All => work.path(""),
            ModelName::TextOnly => work.path(TEXT_ONLY_FOLDER),
        };
        files::create_folder(&folder)?;
        write_model(&folder, model, predictions)?;
        if let Some((_, folds)) = found.folds.iter().find(|(name, _)| *name == model.name) {
            write_predictions(&folder, "folds", folds)?;
        }
    }
    let output = found.predictions.first().map_or(0, |(_, found)| found.rows.len() as u64);
    Ok(RowCounts { input: matrices.rows(), output })
}

/// Every labelled row scored by models of the other folds, on features learned there too.
fn folds<'m>(
    context: &Context<'_>,
    matrices: &'m Matrices,
    training: &Training,
    wanted: usize,
) -> Result<CrossValidation<'m>, Error> {
    let fitted = read_fitted(&context.artifact(Stage::Features, "vectorizer.json")?)?;
    let params = fitted.params().clone().check()?;
    let seed = context.settings().evaluate.random.seed;
    let mut folds = CrossValidation::new(matrices.pooled(), training, wanted, seed);
    if folds.folds().is_empty() {
        return Ok(folds);
    }
    let part = |part: &str, done, total| context.progress.part(part, done, total);
    part("reading the folds' rows", 0, wanted as u64);
    let mut numbers = Vec::new();
    let read =
        ReadRows::read(&params, NumberedRows::new(context, folds.rows()).read(&mut numbers)?)?;
    let fold_of = folds.fold_of().to_vec();
    for fold in folds.folds() {
        part(&format!("fold {}, learning features", fold + 1), fold as u64, wanted as u64);
        let (learned, x) = match read.fit(|row| fold_of[numbers[row]] != fold) {
            Err(error) => {
                folds.refuse(format!("fold {}: {error}", fold + 1));
                break;
            }
            Ok(learned) => learned,
        };
        folds.score(fold, &learned.columns(), (&x, &numbers), &part)?;
    }
    Ok(folds)
}

/// The files of one model.
fn write_model(
    folder: &Path,
    model: &ModelResults,
    predictions: &Predictions,
) -> Result<(), Error> {
    let classes = &predictions.classes;
    files::write_json(&folder.join("metrics.json"), &model.metrics)?;
    write_predictions(folder, "predictions", predictions)?;
    let cells = model.confusion.iter().map(ConfusionRow::cells);
    files::write_cells(&folder.join("confusion.csv"), ConfusionRow::HEADER, cells)?;
    let cells = model.errors.iter().map(ErrorRow::cells);
    files::write_cells(&folder.join("errors.csv"), ErrorRow::header(classes), cells)?;
    write_scores(&folder.join("leakage.csv"), &model.leakage)
}

/// `name.json` and `name.csv`.
fn write_predictions(folder: &Path, name: &str, predictions: &Predictions) -> Result<(), Error> {
    files::write_json(&folder.join(format!("{name}.json")), predictions)?;
    let cells = predictions.rows.iter().map(PredictionRow::cells);
    let header = PredictionRow::header(&predictions.classes);
    files::write_cells(&folder.join(format!("{name}.csv")), header, cells)
}

fn write_scores(path: &Path, rows: &[ScoreRow]) -> Result<(), Error> {
    files::write_cells(path, ScoreRow::HEADER, rows.iter().map(ScoreRow::cells))
}
