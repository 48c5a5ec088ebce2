//! `clawsig transfer`: what a model of the text is worth on rows that are less and less like those
//! that it was trained on.

mod adapters;
mod corpus;
mod experiment;

use std::path::Path;

use clawsig_features::TfIdf;
use clawsig_model::{ClassWeight, metrics::Bootstrap};
use clawsig_report::{TransferRow, transfer_figure};
use clawsig_schema::{
    estimate::Estimate,
    evaluation::number_cell,
    format::FormatVersion,
    hostile::{printable, spreadsheet_cell},
    matrix::ColumnGroup,
};
use rayon::prelude::*;
use serde_json::json;

use super::{export::place::FolderPlace, request::Request};
use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, TransferArgs},
    files,
    stages::Stage,
    terminal::{self, Table, count},
};
use corpus::Corpus;
use experiment::{CLASSES, ModelSettings, Pool, Prediction, TransferResult};

/// The format of `transfer.json`.
///
/// - 1.0: the first.
const FORMAT: FormatVersion = FormatVersion::new(1, 0);

/// The settings that change a result, by the beginning of their names.
const READS: [&str; 11] = [
    "features.groups",
    "tfidf.",
    "chars.",
    "text.max_chars",
    "model.c",
    "model.penalty",
    "model.class_weight",
    "model.solver",
    "model.tolerance",
    "model.max_iterations",
    "run.seed",
];

/// Trains and tests within and across corpora.
pub(crate) fn transfer(arguments: &TransferArgs, global: &Global) -> Result<ExitStatus, Error> {
    let stages = [Stage::Features, Stage::Train];
    let record = Request::of("transfer", &arguments.settings, &stages)?.without_run()?;
    if let Some(key) = record.changed.iter().find(|key| !READS.iter().any(|r| key.starts_with(r))) {
        return Err(Error::Usage(format!(
            "--set {key} has no effect on transfer, which reads {}",
            READS.join(", ")
        )));
    }
    let settings = &record.settings;
    let seed = settings.train.random.seed;
    let mut views = Vec::new();
    if settings.features.groups.contains(&ColumnGroup::Text) {
        views.push(settings.features.text.clone().check()?);
    }
    if settings.features.groups.contains(&ColumnGroup::Chars) {
        views.push(settings.features.chars.check()?);
    }
    if views.is_empty() {
        return Err(Error::Usage("features.groups has neither text nor chars".to_owned()));
    }
    if let ClassWeight::Given(_) = settings.train.class_weight {
        return Err(Error::Usage(
            "model.class_weight has a number for each class of a target, and transfer knows benign \
             and malicious alone; choose balanced or none"
                .to_owned(),
        ));
    }
    let train = settings.train.clone().check()?.get().clone();
    let bootstrap = Bootstrap { replicates: arguments.replicates, seed };
    let place =
        arguments.out.as_ref().map(|out| FolderPlace::at(out, arguments.force)).transpose()?;
    let mut corpora = Vec::new();
    for path in &arguments.corpora {
        corpora.extend(adapters::read(path, arguments)?);
    }
    distinct_names(&mut corpora);
    if !global.quiet {
        corpora.iter().for_each(say);
    }
    if corpora.iter().all(|corpus| corpus.samples.is_empty()) {
        return Err(Error::Usage("no row of the corpora has a text and a label to use".to_owned()));
    }
    corpora.retain(|corpus| !corpus.samples.is_empty());
    let pool = Pool::new(&corpora)?;
    let texts = || pool.samples.iter().map(|sample| &sample.text);
    let views = views.into_iter().map(|view| TfIdf::new(view).read(texts()));
    let models = ModelSettings { views: views.collect::<Result<_, _>>()?, train, bootstrap };
    let experiments = pool.experiments(arguments.folds as usize, seed);
    let found = experiments.par_iter().map(|experiment| pool.outcome(experiment, &models));
    // Of several errors the first line's is told, whichever thread was faster.
    let found: Vec<Result<(TransferResult, Vec<Prediction>), Error>> = found.collect();
    let found: Vec<(TransferResult, Vec<Prediction>)> =
        found.into_iter().collect::<Result<_, _>>()?;
    let outcomes: Vec<&TransferResult> = found.iter().map(|(outcome, _)| outcome).collect();
    let result = json!({
        "format": FORMAT,
        "folds": arguments.folds,
        "settings": {
            "views": models.views.iter().map(|view| view.params()).collect::<Vec<_>>(),
            "model.c": models.train.c,
            "run.seed": seed,
        },
        "corpora": corpora.iter().map(about).collect::<Vec<_>>(),
        "results": outcomes,
    });
    match global.format {
        OutputFormat::Text => terminal::print(&table(&outcomes))?,
        // One document: with a folder it stands there.
        OutputFormat::Json if place.is_none() => terminal::print(&format!("{result:#}\n"))?,
        OutputFormat::Json => {}
    }
    if let Some(place) = place {
        write(place.root(), &pool, &found, &result)?;
        place.finish(&format!("{} comparisons", count(outcomes.len() as u64)), global)?;
    }
    Ok(ExitStatus::Done)
}

/// Gives corpora of one name numbers.
fn distinct_names(corpora: &mut [Corpus]) {
    for at in 0..corpora.len() {
        let name = corpora[at].name.clone();
        let before = corpora[..at].iter().filter(|corpus| corpus.name == name).count();
        if before > 0 || name == "all" {
            corpora[at].name = format!("{name} ({})", before + 1);
        }
    }
}

/// Tells what a corpus holds and what was left out.
fn say(corpus: &Corpus) {
    let dropped: Vec<String> =
        corpus.dropped.iter().map(|(why, rows)| format!("{} {why}", count(*rows))).collect();
    let dropped = match dropped.is_empty() {
        true => "nothing left out".to_owned(),
        false => format!("left out: {}", dropped.join(", ")),
    };
    let (rows, malicious) = (corpus.samples.len(), corpus.malicious());
    terminal::say(&format!(
        "{} ({}): {} rows, {} malicious; {dropped}",
        printable(&corpus.name, 60),
        corpus.kind,
        count(rows as u64),
        count(malicious as u64)
    ));
}

fn about(corpus: &Corpus) -> serde_json::Value {
    json!({
        "name": corpus.name,
        "read_as": corpus.kind,
        "rows": corpus.samples.len(),
        "malicious": corpus.malicious(),
        "sources": corpus.different(|sample| sample.source.as_ref()),
        "owners": corpus.different(|sample| sample.owner.as_ref()),
        "families": corpus.different(|sample| sample.family.as_ref()),
        "left_out": corpus.dropped,
    })
}

fn figures(outcome: &TransferResult) -> [&Estimate; 4] {
    [&outcome.macro_f1, &outcome.recall, &outcome.false_positive_rate, &outcome.roc_auc]
}

fn table(outcomes: &[&TransferResult]) -> String {
    let mut table = Table::new(&[
        "split",
        "train",
        "test",
        ">train rows",
        ">test rows",
        ">malicious",
        ">macro F1",
        ">recall",
        ">false-positive rate",
        ">AUC",
    ]);
    for outcome in outcomes {
        let mut cells = [&outcome.split, &outcome.train, &outcome.test]
            .map(|text| printable(text, 40))
            .to_vec();
        cells.extend([outcome.train_rows, outcome.test_rows, outcome.test_malicious].map(count));
        cells.extend(figures(outcome).map(in_words));
        table.row(cells);
    }
    table.render()
}

fn in_words(found: &Estimate) -> String {
    match (found.value, found.low, found.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} [{low:.3}, {high:.3}]"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => found.undefined.clone().unwrap_or_else(|| "undefined".to_owned()),
    }
}

fn cell(text: &str) -> String {
    spreadsheet_cell(&printable(text, 400)).into_owned()
}

fn write(
    folder: &Path,
    pool: &Pool,
    found: &[(TransferResult, Vec<Prediction>)],
    result: &serde_json::Value,
) -> Result<(), Error> {
    files::write_json(&folder.join("transfer.json"), result)?;
    let numbers = ["macro_f1", "recall", "false_positive_rate", "roc_auc"];
    let mut header: Vec<String> =
        ["split", "train", "test", "train_rows", "test_rows", "test_malicious", "shared"]
            .map(str::to_owned)
            .to_vec();
    for name in numbers {
        header.extend(["", "_low", "_high", "_undefined"].map(|end| format!("{name}{end}")));
    }
    let lines = found.iter().map(|(outcome, _)| {
        let mut cells = [&outcome.split, &outcome.train, &outcome.test].map(|t| cell(t)).to_vec();
        let counts =
            [outcome.train_rows, outcome.test_rows, outcome.test_malicious, outcome.shared];
        cells.extend(counts.map(|n| n.to_string()));
        for found in figures(outcome) {
            let number = |value: Option<f64>| value.map(number_cell).unwrap_or_default();
            cells.extend([found.value, found.low, found.high].map(number));
            cells.push(cell(found.undefined.as_deref().unwrap_or_default()));
        }
        cells
    });
    files::write_cells(&folder.join("transfer.csv"), &header, lines)?;
    let label = |row: usize| CLASSES[usize::from(pool.samples[row].malicious)].to_owned();
    let rows = pool.corpora.iter().flat_map(|(name, rows)| {
        rows.iter().map(move |&row| vec![cell(name), pool.samples[row].sha256.clone(), label(row)])
    });
    files::write_cells(&folder.join("rows.csv"), ["corpus", "sha256", "label"], rows)?;
    let predictions = found.iter().flat_map(|(outcome, predictions)| {
        predictions.iter().map(|p| {
            vec![
                cell(&outcome.split),
                cell(&outcome.train),
                cell(&outcome.test),
                p.fold.to_string(),
                pool.samples[p.row].sha256.clone(),
                label(p.row),
                number_cell(p.p_malicious),
            ]
        })
    });
    let header = ["split", "train", "test", "fold", "sha256", "label", "p_malicious"];
    files::write_cells(&folder.join("predictions.csv"), header, predictions)?;
    let rows: Vec<TransferRow> = found
        .iter()
        .map(|(outcome, _)| TransferRow {
            split: outcome.split.clone(),
            train: outcome.train.clone(),
            test: outcome.test.clone(),
            macro_f1: outcome.macro_f1.clone(),
        })
        .collect();
    let figure = transfer_figure(&rows)?;
    files::write_text(&folder.join("transfer.svg"), &figure.svg)
}
