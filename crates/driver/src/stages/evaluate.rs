//! The evaluate stage: matrices and models in, metrics and tables out.

use std::path::Path;

use clawsig_features::{FeatureSet, SplitFeatures, build};
use clawsig_model::{
    EvaluateParams, SplitData, TrainData, TrainedModel, Training, evaluate, group_split,
};
use clawsig_schema::evaluation::{
    ConfusionRow, ErrorRow, ModelName, ModelResults, PredictionRow, Predictions, ScoreRow,
};

use super::{
    Context, Rows, Stage,
    features::read_fitted,
    matrices::Matrices,
    rows::PlannedRows,
    train::{MODEL, TEXT_ONLY},
};
use crate::{Error, files};

/// The folder of the text-only model's files, which have the names of the other model's.
const TEXT_ONLY_FOLDER: &str = "text-only";

pub(super) fn run(context: &Context<'_>) -> Result<Rows, Error> {
    let use_holdout = context.record.use_holdout;
    let params = EvaluateParams { use_holdout, ..context.settings().evaluate.clone() }.check()?;
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
    let progress = |part: &str, done, total| context.progress.part(part, done, total);
    let grouped = match context.settings().evaluate.refits {
        true => Some(grouped(context, &matrices)?),
        false => None,
    };
    let found = matrices.with_data(|data| {
        let splits = grouped.as_ref().map(split_data);
        let grouped = grouped.as_ref().zip(splits.as_ref());
        let grouped = grouped.map(|(set, splits)| TrainData { splits, columns: &set.columns });
        evaluate(data, grouped.as_ref(), &training, &params, &progress)
    })?;
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
    }
    let output = found.predictions.first().map_or(0, |(_, found)| found.rows.len() as u64);
    Ok(Rows { input: matrices.rows(), output })
}

/// The same rows split by owner and near-duplicates, with the same features learned from that
/// split's own training rows.
fn grouped(context: &Context<'_>, matrices: &Matrices) -> Result<FeatureSet, Error> {
    let fitted = read_fitted(&context.artifact(Stage::Features, "vectorizer.json")?)?;
    let params = fitted.params().clone().check()?;
    let rows = matrices.pooled();
    let splits = group_split(&rows, context.settings().evaluate.random.seed);
    let mut source = PlannedRows::drawn(context, rows.into_iter().zip(splits));
    let total = matrices.rows();
    Ok(build(&params, &mut source, &|part, done, _| {
        context.progress.part(&format!("split by owner: {part}"), done, total);
    })?)
}

fn split_data(set: &FeatureSet) -> Vec<SplitData<'_>> {
    fn of(set: &SplitFeatures) -> SplitData<'_> {
        SplitData { split: set.split, x: &set.matrix, rows: &set.rows }
    }
    set.splits.iter().map(of).collect()
}

/// The files of one model.
fn write_model(
    folder: &Path,
    model: &ModelResults,
    predictions: &Predictions,
) -> Result<(), Error> {
    let classes = &predictions.classes;
    files::write_json(&folder.join("metrics.json"), &model.metrics)?;
    files::write_json(&folder.join("predictions.json"), predictions)?;
    let cells = predictions.rows.iter().map(PredictionRow::cells);
    files::write_cells(&folder.join("predictions.csv"), PredictionRow::header(classes), cells)?;
    let cells = model.confusion.iter().map(ConfusionRow::cells);
    files::write_cells(&folder.join("confusion.csv"), ConfusionRow::HEADER, cells)?;
    let cells = model.errors.iter().map(ErrorRow::cells);
    files::write_cells(&folder.join("errors.csv"), ErrorRow::header(classes), cells)?;
    write_scores(&folder.join("leakage.csv"), &model.leakage)
}

fn write_scores(path: &Path, rows: &[ScoreRow]) -> Result<(), Error> {
    files::write_cells(path, ScoreRow::HEADER, rows.iter().map(ScoreRow::cells))
}
