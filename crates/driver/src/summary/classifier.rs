//! The classifier's part of the summary: what it was made of, whether its optimum was reached, and what
//! it is worth.

use std::path::Path;

use clawsig_model::TrainedModel;
use clawsig_schema::{
    evaluation::{
        EvaluationResults, FOLDS, MACRO, ModelName, ModelResults, OVERALL, WEIGHTED, metric,
    },
    matrix::{ColumnGroup, ColumnInfo},
    wording::counted,
};

use super::{line, shown};
use crate::{
    Error, files,
    stages::{MODEL, Stage, TEXT_ONLY},
    terminal::{Table, count},
};

/// The columns of the matrix by group, if there is one.
pub(super) fn columns(text: &mut String, run: &Path) -> Result<(), Error> {
    let path = run.join(Stage::Features.as_str()).join("columns.csv");
    if !path.is_file() {
        return Ok(());
    }
    let columns: Vec<ColumnInfo> = files::read_csv(&path)?;
    let groups = ColumnGroup::ALL.iter().filter_map(|group| {
        let own = columns.iter().filter(|column| column.group == *group).count();
        (own > 0).then(|| format!("{group} {}", count(own as u64)))
    });
    let groups: Vec<String> = groups.collect();
    let all = counted(columns.len() as u64, "column");
    line(text, &format!("\nfeatures: {all} ({})", groups.join(", ")));
    Ok(())
}

/// The rows that each model was trained on, and whether its optimum was reached.
pub(super) fn models(text: &mut String, run: &Path) -> Result<(), Error> {
    for (name, [json, weights]) in [(ModelName::All, MODEL), (ModelName::TextOnly, TEXT_ONLY)] {
        let file = |name: &str| run.join(Stage::Train.as_str()).join(name);
        if !file(json).is_file() {
            continue;
        }
        let model = TrainedModel::load(&file(json), &file(weights))?;
        let rows = model.training_rows.values().sum();
        let classes: Vec<String> =
            model.training_rows.iter().map(|(class, n)| format!("{} {class}", count(*n))).collect();
        let report = &model.report;
        let reached = if report.converged { "reached" } else { "not reached" };
        let steps = report
            .iterations
            .map_or_else(String::new, |n| format!(" in {}", counted(n, "iteration")));
        line(
            text,
            &format!(
                "{}: trained on {} ({}); C = {}; {} {reached} its optimum{steps} (relative gap at most {:.1e}, \
                 wanted {:.1e})",
                model_name(name),
                counted(rows, "row"),
                classes.join(", "),
                model.params.c,
                report.solver,
                report.relative_gap,
                model.params.tolerance
            ),
        );
    }
    Ok(())
}

fn model_name(name: ModelName) -> &'static str {
    match name {
        ModelName::All => "model",
        ModelName::TextOnly => "text-only model",
    }
}

/// The rows by class, every model and baseline, the classification report and the confusion matrices.
pub(super) fn scores(text: &mut String, evaluation: &EvaluationResults) {
    target(text, evaluation);
    compared(text, evaluation);
    let split = evaluation.model(ModelName::All).and_then(ModelResults::shown_split);
    let split = split.unwrap_or("test");
    let mut table = Table::new(&["model", "class", ">rows", "precision", "recall", "F1"]);
    for model in &evaluation.models {
        let scopes = evaluation.classes.iter().map(|class| (class.as_str(), class.as_str()));
        for (scope, name) in scopes.chain([(MACRO, "macro mean"), (WEIGHTED, "weighted mean")]) {
            let found = |metric| model.metrics.get(split, scope, metric);
            let cell = |metric| found(metric).map_or_else(|| "-".to_owned(), shown);
            let rows = match found(metric::SUPPORT) {
                Some(support) => support.value.map(|rows| rows as u64),
                None => found(metric::F1).map(|mean| mean.n),
            };
            table.row([
                model.name.to_string(),
                name.to_owned(),
                rows.map_or_else(|| "-".to_owned(), count),
                cell(metric::PRECISION),
                cell(metric::RECALL),
                cell(metric::F1),
            ]);
        }
    }
    line(text, "");
    text.push_str(&table.render());
    confusion(text, evaluation, split);
}

/// The rows of each split by class, once the target has left out the others.
fn target(text: &mut String, evaluation: &EvaluationResults) {
    line(text, &format!("\ntarget {}: rows by class", evaluation.target));
    let classes: Vec<String> = evaluation.classes.iter().map(|class| format!(">{class}")).collect();
    let heading = ["split", ">rows"].into_iter().chain(classes.iter().map(String::as_str));
    let mut table = Table::new(&heading.chain([">left out"]).collect::<Vec<_>>());
    for split in &evaluation.counts {
        let of = |class| count(split.classes.get(class).copied().unwrap_or(0));
        let classes = evaluation.classes.iter().map(of);
        let cells = [split.split.clone(), count(split.rows)].into_iter().chain(classes);
        table.row(cells.chain([count(split.unlabelled)]));
    }
    text.push_str(&table.render());
}

/// Labels by row and predictions by column.
fn confusion(text: &mut String, evaluation: &EvaluationResults, split: &str) {
    let classes: Vec<String> =
        evaluation.classes.iter().map(|class| format!(">taken for {class}")).collect();
    let heading = ["model", "verdict"].into_iter().chain(classes.iter().map(String::as_str));
    let mut table = Table::new(&heading.collect::<Vec<_>>());
    for model in &evaluation.models {
        for verdict in &evaluation.classes {
            let cell = |predicted: &String| {
                let row = model.confusion.iter().find(|row| {
                    row.split == split && row.verdict == *verdict && row.predicted == *predicted
                });
                row.map_or_else(|| "-".to_owned(), |row| count(row.rows))
            };
            let names = [model.name.to_string(), verdict.clone()];
            table.row(names.into_iter().chain(evaluation.classes.iter().map(cell)));
        }
    }
    line(text, "");
    text.push_str(&table.render());
}

/// The models beside the baselines.
fn compared(text: &mut String, evaluation: &EvaluationResults) {
    let Some(model) = evaluation.model(ModelName::All) else { return };
    let split = model.shown_split().unwrap_or("test");
    line(
        text,
        &format!("\nconcordance with the registry's verdict, {split} split; 95 % intervals"),
    );
    let head = [(OVERALL, metric::ACCURACY), (MACRO, metric::F1), (OVERALL, metric::MCC)];
    let mut table = Table::new(&["", "accuracy", "macro F1", "MCC"]);
    let mut names: Vec<&str> = Vec::new();
    for row in evaluation.baselines.iter().filter(|row| row.split == split) {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    for name in names {
        let cell = |(scope, metric): (&str, &str)| {
            let rows = &evaluation.baselines;
            rows.iter()
                .find(|row| row.name == name && row.scope == scope && row.metric == metric)
                .map_or_else(|| "-".to_owned(), |row| shown(&row.estimate))
        };
        table.row([name.to_owned(), cell(head[0]), cell(head[1]), cell(head[2])]);
    }
    if let Some(folds) = &evaluation.folds {
        for model in &evaluation.models {
            let cell = |(scope, metric): (&str, &str)| {
                model.metrics.get(FOLDS, scope, metric).map_or_else(|| "-".to_owned(), shown)
            };
            let name = format!("{}, {} folds", model_name(model.name), folds.number);
            table.row([name, cell(head[0]), cell(head[1]), cell(head[2])]);
        }
    }
    text.push_str(&table.render());
    if evaluation.folds.is_some() {
        line(
            text,
            "folds: all rows but the hold-out's, scored by models that met neither their owner nor a near-duplicate",
        );
    }
}
