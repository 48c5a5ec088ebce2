//! The section on the classifier.

use clawsig_schema::evaluation::{CurveKind, Goal, MACRO, OVERALL, ScoreRow, metric};

use crate::{
    error::ReportError,
    figures::{Bar, BarScale, HeatCell, Inlined, LinePlot, Series, bars, finish, heat, lines},
    page::{Block, Section, Table},
    sheet::{Sheet, estimate_cells, number, text},
    study::{Evaluation, StudyResults},
    words::{self, count, decimal, optional, percent, plain, share_of, shown},
};

/// The classes a figure has room for.
const CLASS_LIMIT: usize = 5;

/// Metrics, confusion, curves, calibration, operating points, terms, comparisons.
pub(super) fn model(study: &StudyResults) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    match study.evaluation.as_result() {
        Ok(found) => fill(found, &mut blocks)?,
        Err(reason) => blocks.push(Block::Note(format!("Model: undefined: {}.", shown(reason)))),
    }
    Ok(Section { id: "model", title: "The model", blocks })
}

fn fill(found: &Evaluation, blocks: &mut Vec<Block>) -> Result<(), ReportError> {
    let split = found.shown_split().unwrap_or("test").to_owned();
    let details = &found.details;
    let classes: Vec<String> = details.classes.iter().map(|class| shown(class)).collect();
    blocks.push(Block::Text(format!(
        "Target {} with the classes {}. Figures show the {} split; concordance with the \
         registry’s verdict throughout.",
        shown(&details.target),
        classes.join(", "),
        shown(&split)
    )));
    blocks.push(Block::Heading("Concordance by class".to_owned()));
    blocks.extend(metric_tables(found));
    blocks.push(Block::Heading("Curves and comparisons".to_owned()));
    blocks.push(figure(confusion(found, &split)?));
    for kind in [CurveKind::PrecisionRecall, CurveKind::Roc] {
        blocks.push(figure(curves(found, &split, kind)?));
    }
    blocks.push(figure(reliability(found, &split)?));
    for (rows, name, title) in [
        (&found.baselines, "baselines", "Model and baselines"),
        (&found.ablation, "ablation", "Ablation: sets of columns"),
        (&found.memorising, "memorising", "Official, de-duplicated, unseen owners"),
    ] {
        if rows.is_empty() {
            blocks.push(Block::Note(format!("{title}: undefined: not computed.")));
        } else {
            blocks.push(figure(scores(found, rows, &split, name, title)?));
        }
    }
    blocks.push(Block::Heading("Behind the figures".to_owned()));
    blocks.extend(detail_tables(found));
    Ok(())
}

fn figure(inlined: Inlined) -> Block {
    Block::Figure(Box::new(inlined))
}

fn metric_tables(found: &Evaluation) -> Vec<Block> {
    let names = [
        metric::SUPPORT,
        metric::PRECISION,
        metric::RECALL,
        metric::FALSE_POSITIVE_RATE,
        metric::F1,
        metric::ROC_AUC,
        metric::PR_AUC,
    ];
    let mut columns = vec!["Class".to_owned()];
    columns.extend(names.map(plain));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut blocks = Vec::new();
    for (split, scopes) in found.metrics.0.iter().take(8) {
        let rows = scopes
            .iter()
            .filter(|(scope, _)| *scope != OVERALL)
            .map(|(scope, metrics)| {
                let mut cells = vec![shown(scope)];
                cells.extend(names.map(|name| {
                    match metrics.get(name) {
                        Some(found) if name == metric::SUPPORT => found
                            .value
                            .map_or_else(|| words::undefined(found), |rows| count(rows as u64)),
                        Some(found) => words::estimate(found),
                        None => "—".to_owned(),
                    }
                }));
                cells
            })
            .collect();
        let caption = format!("Metrics by class on {}", shown(split));
        blocks.push(Table::new(&caption, &columns, rows).block());
        let overall = scopes.get(OVERALL).into_iter().flatten();
        let rows = overall.map(|(name, found)| vec![plain(name), words::estimate(found)]).collect();
        let caption = format!("Metrics over all classes on {}", shown(split));
        blocks.push(Table::new(&caption, &["Metric", "Value"], rows).folded().block());
    }
    if blocks.is_empty() {
        blocks.push(Block::Note("Metrics: undefined: no split was scored.".to_owned()));
    }
    blocks
}

fn confusion(found: &Evaluation, split: &str) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::new(&["split", "true", "predicted", "rows", "share_of_true"]);
    for row in found.confusion.iter().take(2_000) {
        sheet.push(vec![
            text(&row.split),
            text(&row.truth),
            text(&row.predicted),
            row.rows.to_string(),
            number(row.share_of_true),
        ]);
    }
    let classes: Vec<&String> = found.details.classes.iter().take(CLASS_LIMIT).collect();
    let mut said = Vec::new();
    let cells: Vec<Vec<HeatCell>> = classes
        .iter()
        .map(|truth| {
            classes
                .iter()
                .map(|predicted| {
                    let row = found.confusion.iter().find(|row| {
                        row.split == split && row.truth == **truth && row.predicted == **predicted
                    });
                    let Some(row) = row else {
                        let shown = "undefined".to_owned();
                        return HeatCell { value: None, shown, note: String::new() };
                    };
                    let words = format!("{} taken for {}", shown(truth), shown(predicted));
                    said.push(format!("{words} {}", count(row.rows)));
                    HeatCell {
                        value: row.share_of_true,
                        shown: count(row.rows),
                        note: row.share_of_true.map_or_else(String::new, percent),
                    }
                })
                .collect()
        })
        .collect();
    let names: Vec<String> = classes.iter().map(|class| shown(class)).collect();
    let drawing = heat(&names, &names, &cells, ("Verdict", "Predicted"));
    let alt = format!(
        "Rows by verdict and prediction, coloured by the share of the verdict: {}.",
        said.join(", ")
    );
    finish("confusion", "Confusion matrix", &alt, drawing, &sheet)
}

fn curves(found: &Evaluation, split: &str, kind: CurveKind) -> Result<Inlined, ReportError> {
    let (name, title, titles, area) = match kind {
        CurveKind::Roc => ("roc", "ROC curves", ("False-positive rate", "Recall"), "ROC AUC"),
        CurveKind::PrecisionRecall => (
            "precision-recall",
            "Precision-recall curves",
            ("Recall", "Precision"),
            "average precision",
        ),
    };
    let mut sheet = Sheet::new(&["split", "class", "x", "y", "threshold", "prevalence"]);
    let mut series = Vec::new();
    let mut said = Vec::new();
    let shown_curves = found
        .details
        .curves
        .iter()
        .filter(|curve| curve.kind == kind && curve.split == split)
        .take(CLASS_LIMIT);
    for curve in shown_curves {
        for point in &curve.points {
            sheet.push(vec![
                text(&curve.split),
                text(&curve.class),
                number(Some(point.x)),
                number(Some(point.y)),
                number(point.threshold),
                number(Some(curve.prevalence)),
            ]);
        }
        let class = shown(&curve.class);
        let value = curve.area.value.map_or_else(|| words::undefined(&curve.area), decimal);
        let is_pr = kind == CurveKind::PrecisionRecall;
        let prevalence = if is_pr {
            format!(", prevalence {}", percent(curve.prevalence))
        } else {
            String::new()
        };
        said.push(format!("{class} {area} {}{prevalence}", optional(Some(&curve.area))));
        series.push(Series {
            label: format!("{class}: {area} {value}"),
            points: curve.points.iter().map(|point| (point.x, point.y)).collect(),
            reference: is_pr.then_some(curve.prevalence),
            dots: false,
        });
    }
    if said.is_empty() {
        said.push("undefined: no curve was computed".to_owned());
    }
    let dashed = match kind {
        CurveKind::Roc => "the dashed diagonal is a random ranking",
        CurveKind::PrecisionRecall => "dashed lines are each class’s prevalence",
    };
    let alt =
        format!("One class against the rest on {}; {dashed}: {}.", shown(split), said.join("; "));
    let plot = LinePlot { x: (0.0, 1.0), y: (0.0, 1.0), titles, diagonal: kind == CurveKind::Roc };
    finish(name, title, &alt, lines(&plot, &series), &sheet)
}

fn reliability(found: &Evaluation, split: &str) -> Result<Inlined, ReportError> {
    let mut header = vec!["split", "class", "probabilities", "low", "high", "rows"];
    header.extend(["mean_probability", "observed", "observed_low", "observed_high"]);
    let mut sheet = Sheet::new(&header);
    let mut series: Vec<(String, u64, Series)> = Vec::new();
    for bin in found.details.reliability.iter().take(5_000) {
        let mut cells = vec![text(&bin.split), text(&bin.class), text(&bin.probabilities)];
        cells.extend([number(Some(bin.low)), number(Some(bin.high)), bin.rows.to_string()]);
        let observed = &bin.observed;
        cells.extend([number(bin.mean_probability), number(observed.value)]);
        cells.extend([number(observed.low), number(observed.high)]);
        sheet.push(cells);
        if bin.split != split || bin.probabilities != "model" {
            continue;
        }
        let point = bin.mean_probability.zip(observed.value);
        let place = series.iter().position(|(class, ..)| *class == bin.class);
        let place = place.unwrap_or_else(|| {
            series.push((
                bin.class.clone(),
                0,
                Series { label: String::new(), points: Vec::new(), reference: None, dots: true },
            ));
            series.len() - 1
        });
        series[place].1 += bin.rows;
        series[place].2.points.extend(point);
    }
    series.truncate(CLASS_LIMIT);
    let said: Vec<String> = series
        .iter()
        .map(|(class, rows, line)| {
            let bins = line.points.len();
            format!("{} {} rows in {bins} bins", shown(class), count(*rows))
        })
        .collect();
    let said = if said.is_empty() { "undefined: no bins".to_owned() } else { said.join(", ") };
    let drawn: Vec<Series> = series
        .into_iter()
        .map(|(class, rows, line)| Series {
            label: format!("{} ({} rows)", shown(&class), count(rows)),
            ..line
        })
        .collect();
    let plot = LinePlot {
        x: (0.0, 1.0),
        y: (0.0, 1.0),
        titles: ("Mean predicted probability", "Observed share"),
        diagonal: true,
    };
    let alt = format!(
        "Observed share against predicted probability, the dashed diagonal is perfect \
         calibration, counts of each bin in the CSV: {said}."
    );
    finish("reliability", "Reliability", &alt, lines(&plot, &drawn), &sheet)
}

fn scores(
    found: &Evaluation,
    rows: &[ScoreRow],
    split: &str,
    name: &str,
    title: &str,
) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::with_estimate(&["name", "split", "scope", "metric"]);
    for row in rows.iter().take(5_000) {
        let mut cells =
            vec![text(&row.name), text(&row.split), text(&row.scope), text(&row.metric)];
        cells.extend(estimate_cells(&row.estimate));
        sheet.push(cells);
    }
    let chosen = |row: &&ScoreRow| row.scope == MACRO && row.metric == metric::F1;
    let on_split = rows.iter().filter(chosen).any(|row| row.split == split);
    let mut shown_rows: Vec<(String, &clawsig_schema::estimate::Estimate)> = rows
        .iter()
        .filter(chosen)
        .filter(|row| !on_split || row.split == split)
        .take(12)
        .map(|row| (plain(&row.name), &row.estimate))
        .collect();
    if name == "baselines"
        && let Some(model) = found.metrics.get(split, MACRO, metric::F1)
    {
        shown_rows.insert(0, ("the model".to_owned(), model));
    }
    let drawn: Vec<Bar> = shown_rows
        .iter()
        .map(|(label, estimate)| Bar {
            label: label.clone(),
            value: estimate.value,
            interval: estimate.low.zip(estimate.high),
            shown: estimate.value.map_or_else(|| words::undefined(estimate), decimal),
        })
        .collect();
    let said: Vec<String> = shown_rows
        .iter()
        .map(|(label, estimate)| format!("{label} {}", words::estimate(estimate)))
        .collect();
    let said = if said.is_empty() { "undefined: no macro F1".to_owned() } else { said.join("; ") };
    let alt = format!("Macro F1 with 95 % intervals: {said}.");
    finish(name, title, &alt, bars(&drawn, BarScale::Dots(0.0, 1.0), "Macro F1"), &sheet)
}

fn detail_tables(found: &Evaluation) -> Vec<Block> {
    let details = &found.details;
    let mut blocks = Vec::new();
    let rows = details
        .operating_points
        .iter()
        .map(|point| {
            let goal = match point.goal {
                Goal::FalsePositiveRate(rate) => format!("false-positive rate ≤ {}", percent(rate)),
                Goal::Recall(recall) => format!("recall ≥ {}", percent(recall)),
            };
            let threshold = point.threshold.map_or_else(
                || {
                    let reason = point.undefined.as_deref().unwrap_or("no reason was given");
                    format!("undefined: {}", shown(reason))
                },
                decimal,
            );
            let mut cells = vec![shown(&point.class), goal, threshold];
            let split = found.shown_split().unwrap_or("test");
            let scores = point.scores.get(split);
            for name in [metric::RECALL, metric::FALSE_POSITIVE_RATE, metric::PRECISION] {
                cells.push(optional(scores.and_then(|scores| scores.get(name))));
            }
            cells
        })
        .collect();
    let columns =
        ["Class", "Goal on validation", "Threshold", "Recall", "False-positive rate", "Precision"];
    blocks.push(Table::new("Operating points", &columns, rows).block());
    for class in details.classes.iter().take(CLASS_LIMIT) {
        let rows = details
            .strongest
            .iter()
            .filter(|term| term.class == *class)
            .take(20)
            .map(|term| vec![shown(&term.name), term.group.to_string(), decimal(term.weight)])
            .collect();
        let caption = format!("Strongest columns of {}", shown(class));
        blocks.push(Table::new(&caption, &["Column", "Group", "Weight"], rows).folded().block());
    }
    let rows = details
        .paired_tests
        .iter()
        .map(|test| {
            vec![
                plain(&test.baseline),
                shown(&test.split),
                count(test.only_model_right),
                count(test.only_baseline_right),
                test.mcnemar.p_value.map_or_else(|| "undefined: no p-value".to_owned(), decimal),
                words::estimate(&test.macro_f1_difference),
            ]
        })
        .collect();
    let columns = [
        "Baseline",
        "Split",
        "Only model right",
        "Only baseline right",
        "McNemar p",
        "Difference in macro F1",
    ];
    blocks.push(Table::new("The model against each baseline", &columns, rows).folded().block());
    let rows = details
        .counts
        .iter()
        .map(|row| {
            let whole = row.rows + row.unlabelled;
            let left = format!("{} ({})", count(row.unlabelled), share_of(row.unlabelled, whole));
            vec![shown(&row.split), count(row.rows), left, count(row.owners)]
        })
        .collect();
    let columns = ["Split", "Scored rows", "Without a label", "Owners"];
    blocks.push(Table::new("Rows that took part", &columns, rows).folded().block());
    let rows = found
        .grid
        .iter()
        .map(|row| {
            let state = match (row.chosen, row.converged) {
                (true, true) => "chosen",
                (true, false) => "chosen, not converged",
                (false, true) => "",
                (false, false) => "not converged",
            };
            vec![
                format!("{} {}", shown(&row.family), row.setting),
                words::estimate(&row.macro_f1),
                words::estimate(&row.log_loss),
                count(row.iterations),
                state.to_owned(),
            ]
        })
        .collect();
    let columns = ["Setting", "Macro F1", "Log-loss", "Iterations", "State"];
    blocks.push(Table::new("Settings tried on validation", &columns, rows).folded().block());
    blocks
}
