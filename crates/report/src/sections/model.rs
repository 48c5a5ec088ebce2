//! The section on the classifier.

use clawsig_schema::evaluation::{
    Curve, CurveKind, EvaluationResults, FOLDS, Goal, MACRO, ModelName, ModelResults, OVERALL,
    ScoreRow, metric,
};

use crate::{
    canvas::Drawing,
    error::ReportError,
    figures::{
        Bar, BarScale, Calibration, CalibrationBin, HeatCell, Inlined, LinePlot, Series, bars,
        finish, heat, lines, reliability,
    },
    page::{Block, PageTable, Section},
    sheet::{Sheet, estimate_cells, number, text},
    study::StudyResults,
    words::{self, count, counted, decimal, optional, percent, plain, share_of, shown, upper},
};

/// The classes a figure has room for.
const CLASS_LIMIT: usize = 5;
/// The columns of one class that a figure has room for.
const TERM_LIMIT: usize = 10;

/// Metrics, confusion, curves, calibration, operating points, terms, comparisons.
pub(super) fn model(study: &StudyResults) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    match study.evaluation.as_result() {
        Ok(found) => fill(found, &mut blocks)?,
        Err(reason) => blocks.push(Block::Note(format!("Model: undefined: {}.", shown(reason)))),
    }
    Ok(Section { id: "model".to_owned(), title: "The model".to_owned(), blocks })
}

fn fill(found: &EvaluationResults, blocks: &mut Vec<Block>) -> Result<(), ReportError> {
    let Some(first) = found.models.first() else {
        blocks.push(Block::Note("Model: undefined: no model was evaluated.".to_owned()));
        return Ok(());
    };
    let split = first.shown_split().unwrap_or("test").to_owned();
    let classes: Vec<String> = found.classes.iter().map(|class| shown(class)).collect();
    blocks.push(Block::Text(format!(
        "Target {} with the classes {}. Figures show the {} split; concordance with the \
         registry’s verdict throughout.",
        shown(&found.target),
        classes.join(", "),
        shown(&split)
    )));
    for model in &found.models {
        one_model(found, model, &split, blocks)?;
    }
    blocks.push(Block::Heading("What the scores rest on".to_owned()));
    let mut figures = Vec::new();
    for (rows, name, title) in [
        (&found.baselines, "baselines", "Models and baselines"),
        (&found.ablation, "ablation", "Ablation: sets of columns"),
        (&first.leakage, "leakage", "Test rows unlike those of training"),
    ] {
        if rows.is_empty() {
            let how = "not computed by this run; evaluate.refits=true asks for it";
            blocks.push(Block::Note(format!("{title}: {how}.")));
        } else {
            figures.push(scores(found, rows, &split, name, title)?);
        }
    }
    if !figures.is_empty() {
        blocks.push(Block::Figures(figures));
    }
    let rows = found
        .counts
        .iter()
        .chain(found.folds.as_ref().map(|folds| &folds.counts))
        .map(|row| {
            let whole = row.rows + row.unlabelled;
            let mut left =
                vec![format!("{} ({})", count(row.unlabelled), share_of(row.unlabelled, whole))];
            left.extend(
                row.left_out.iter().map(|(name, rows)| format!("{} {}", shown(name), count(*rows))),
            );
            let of =
                |class| format!("{class} {}", count(row.classes.get(class).copied().unwrap_or(0)));
            let classes: Vec<String> =
                found.classes.iter().map(|class| shown(&of(class))).collect();
            vec![
                shown(&row.split),
                count(row.rows),
                classes.join(", "),
                left.join(", "),
                count(row.owners),
            ]
        })
        .collect();
    let columns = ["Split", "Scored rows", "Of them", "Without a label", "Owners"];
    blocks.push(PageTable::new("Rows that took part", &columns, rows).folded().block());
    Ok(())
}

/// Which model, as a word before a name: nothing for that on all columns.
fn of_model(model: &ModelResults) -> (&'static str, &'static str) {
    match model.name {
        ModelName::All => ("", ""),
        ModelName::TextOnly => ("text-only-", "text-only model: "),
    }
}

/// Everything about one model.
fn one_model(
    found: &EvaluationResults,
    model: &ModelResults,
    split: &str,
    blocks: &mut Vec<Block>,
) -> Result<(), ReportError> {
    let (name, about) = match model.name {
        ModelName::All => ("The model on all columns", "every skill that a scanner saw"),
        ModelName::TextOnly => ("The text-only model", "skills that no scanner saw"),
    };
    let groups: Vec<&str> = model.groups.iter().map(|group| group.as_str()).collect();
    let rows: Vec<String> = model
        .training_rows
        .iter()
        .map(|(class, rows)| format!("{} {}", count(*rows), shown(class)))
        .collect();
    blocks.push(Block::Heading(name.to_owned()));
    blocks.push(Block::Text(format!(
        "For {about}: {}. C = {}{}; trained on {} rows.",
        groups.join(", "),
        model.c,
        if model.grid.is_empty() { ", as set" } else { ", chosen on validation" },
        rows.join(", ")
    )));
    blocks.extend(metric_tables(found, model));
    let few = found.few_rows(split);
    blocks.push(Block::Figures(vec![
        confusion(found, model, split)?,
        calibration(model, split)?,
        curves(model, split, CurveKind::PrecisionRecall, &few)?,
        curves(model, split, CurveKind::Roc, &few)?,
    ]));
    let classes = found.classes.iter().take(CLASS_LIMIT).enumerate();
    let strongest: Result<Vec<Inlined>, _> =
        classes.map(|(place, class)| strongest(model, class, place)).collect();
    blocks.push(Block::Figures(strongest?));
    blocks.extend(detail_tables(model));
    Ok(())
}

fn metric_tables(found: &EvaluationResults, model: &ModelResults) -> Vec<Block> {
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
    let main = model.shown_split();
    let of = of_model(model).1;
    let mut splits: Vec<_> = model.metrics.0.iter().take(8).collect();
    splits.sort_by_key(|(split, _)| (main != Some(split.as_str()), *split != FOLDS));
    // The classes in their own order, then the means.
    let place = |scope: &str| {
        let mean = if scope == MACRO { 1 } else { 2 };
        found.classes.iter().position(|class| class == scope).map_or((mean, 0), |n| (0, n))
    };
    for (split, scopes) in splits {
        let mut named: Vec<_> = scopes.iter().filter(|(scope, _)| *scope != OVERALL).collect();
        named.sort_by_key(|(scope, _)| place(scope));
        let rows = named
            .into_iter()
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
        let place = found.place(split);
        let caption = format!("{of}metrics by class {place}");
        let table = PageTable::new(&upper(&caption), &columns, rows);
        let is_main = main == Some(split.as_str()) || split == FOLDS;
        blocks.push(if is_main { table.block() } else { table.folded().block() });
        let overall = scopes.get(OVERALL).into_iter().flatten();
        let rows = overall.map(|(name, found)| vec![plain(name), words::estimate(found)]).collect();
        let caption = format!("{of}metrics over all classes {place}");
        blocks.push(PageTable::new(&upper(&caption), &["Metric", "Value"], rows).folded().block());
    }
    if blocks.is_empty() {
        blocks.push(Block::Note("Metrics: undefined: no split was scored.".to_owned()));
    }
    blocks
}

fn confusion(
    found: &EvaluationResults,
    model: &ModelResults,
    split: &str,
) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::new(&["split", "verdict", "predicted", "rows", "share_of_verdict"]);
    for row in model.confusion.iter().take(2_000) {
        sheet.push(vec![
            text(&row.split),
            text(&row.verdict),
            text(&row.predicted),
            row.rows.to_string(),
            number(row.share_of_verdict),
        ]);
    }
    let classes: Vec<&String> = found.classes.iter().take(CLASS_LIMIT).collect();
    let mut said = Vec::new();
    let cells: Vec<Vec<HeatCell>> = classes
        .iter()
        .map(|verdict| {
            classes
                .iter()
                .map(|predicted| {
                    let row = model.confusion.iter().find(|row| {
                        row.split == split
                            && row.verdict == **verdict
                            && row.predicted == **predicted
                    });
                    let Some(row) = row else {
                        let shown = "undefined".to_owned();
                        return HeatCell { value: None, shown, note: String::new() };
                    };
                    let words = format!("{} taken for {}", shown(verdict), shown(predicted));
                    said.push(format!("{words} {}", count(row.rows)));
                    HeatCell {
                        value: row.share_of_verdict,
                        shown: count(row.rows),
                        note: row.share_of_verdict.map_or_else(String::new, percent),
                    }
                })
                .collect()
        })
        .collect();
    let names: Vec<String> = classes.iter().map(|class| shown(class)).collect();
    let drawing = heat(&names, &names, &cells, ("Verdict", "Predicted"));
    let caption = "Rows by verdict and prediction, coloured by the share of the verdict’s rows.";
    named(model, "confusion", "confusion matrix", caption, &said.join(", "), drawing, &sheet)
}

/// `few` says which classes have too few rows for their curves to mean much.
fn curves(
    model: &ModelResults,
    split: &str,
    kind: CurveKind,
    few: &str,
) -> Result<Inlined, ReportError> {
    let (name, title, titles, area) = match kind {
        CurveKind::Roc => ("roc", "ROC curves", ("False-positive rate", "Recall"), "ROC AUC"),
        CurveKind::PrecisionRecall => (
            "precision-recall",
            "precision-recall curves",
            ("Recall", "Precision"),
            "average precision",
        ),
    };
    let mut sheet = Sheet::new(&["split", "class", "x", "y", "threshold", "prevalence"]);
    let mut series = Vec::new();
    let mut said = Vec::new();
    let shown_curves = model
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
            label: format!("{class}: {area} {value}{prevalence}"),
            points: if is_pr { stairs(curve) } else { points(curve) },
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
    let caption = format!("One class against the rest on {}; {dashed}.{few}", shown(split));
    let plot = LinePlot { x: (0.0, 1.0), y: (0.0, 1.0), titles, diagonal: kind == CurveKind::Roc };
    named(model, name, title, &caption, &said.join("; "), lines(&plot, &series), &sheet)
}

fn points(curve: &Curve) -> Vec<(f64, f64)> {
    curve.points.iter().map(|point| (point.x, point.y)).collect()
}

/// A precision-recall curve as it is: a precision holds from the recall before it to its own.
fn stairs(curve: &Curve) -> Vec<(f64, f64)> {
    let mut recalled = 0.0;
    let steps = curve.points.iter().flat_map(|point| {
        let from = std::mem::replace(&mut recalled, point.x);
        [(from, point.y), (point.x, point.y)]
    });
    steps.collect()
}

fn calibration(model: &ModelResults, split: &str) -> Result<Inlined, ReportError> {
    let mut header = vec!["split", "class", "probabilities", "low", "high", "rows"];
    header.extend(["mean_probability", "observed", "observed_low", "observed_high"]);
    let mut sheet = Sheet::new(&header);
    let mut series: Vec<(&str, Vec<CalibrationBin>)> = Vec::new();
    for bin in model.reliability.iter().take(5_000) {
        let mut cells = vec![text(&bin.split), text(&bin.class), text(&bin.probabilities)];
        cells.extend([number(Some(bin.low)), number(Some(bin.high)), bin.rows.to_string()]);
        let observed = &bin.observed;
        cells.extend([number(bin.mean_probability), number(observed.value)]);
        cells.extend([number(observed.low), number(observed.high)]);
        sheet.push(cells);
        // The highest probability of each row is in the CSV: drawn, it would hide the classes.
        if bin.split != split || bin.probabilities != "model" || bin.class == OVERALL {
            continue;
        }
        if !series.iter().any(|(class, _)| *class == bin.class) {
            series.push((&bin.class, Vec::new()));
        }
        let finite = |value: &f64| value.is_finite();
        let point = bin.mean_probability.filter(finite).zip(observed.value.filter(finite));
        if let (Some((_, bins)), Some((mean, share))) =
            (series.iter_mut().find(|(class, _)| *class == bin.class), point)
        {
            bins.push(CalibrationBin {
                edges: (bin.low, bin.high),
                mean,
                observed: (share, observed.low.zip(observed.high)),
                rows: bin.rows,
            });
        }
    }
    series.truncate(CLASS_LIMIT);
    let mut said = Vec::new();
    let mut drawn = Vec::new();
    for (class, bins) in series {
        for bin in bins.iter().take(10) {
            said.push(format!(
                "{} at {} observed {} over {}",
                shown(class),
                decimal(bin.mean),
                decimal(bin.observed.0),
                counted(bin.rows, "row")
            ));
        }
        let rows = bins.iter().map(|bin| bin.rows).sum();
        let label = format!("{} ({})", shown(class), counted(rows, "row"));
        drawn.push(Calibration { label, bins });
    }
    let said = if said.is_empty() { "undefined: no bins".to_owned() } else { said.join("; ") };
    let caption = "Observed share against predicted probability in ten bins, with 95 % intervals; \
                   the dashed diagonal is perfect calibration. Read a dot with the rows below it.";
    named(model, "reliability", "reliability", caption, &said, reliability(&drawn), &sheet)
}

fn scores(
    found: &EvaluationResults,
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
    // A mean over some of the classes stands below the rows that have them all.
    let prefix = format!("{MACRO} of ");
    let is_f1 = |row: &&ScoreRow| row.metric == metric::F1;
    let whole = rows.iter().filter(is_f1).filter(|row| row.scope == MACRO);
    let of_some = rows.iter().filter(is_f1).filter(|row| row.scope.starts_with(&prefix));
    let has_some = |name: &str| of_some.clone().any(|row| row.name == name);
    let shown_rows: Vec<(String, &clawsig_schema::estimate::Estimate)> = whole
        .filter(|row| row.estimate.value.is_some() || !has_some(&row.name))
        .chain(of_some.clone())
        .take(14)
        .map(|row| {
            let classes =
                row.scope.strip_prefix(&prefix).map(|names| format!(" ({})", shown(names)));
            (format!("{}{}", plain(&row.name), classes.unwrap_or_default()), &row.estimate)
        })
        .collect();
    let drawn: Vec<Bar> = shown_rows
        .iter()
        .map(|(label, estimate)| Bar {
            label: label.clone(),
            value: estimate.value,
            interval: estimate.low.zip(estimate.high),
            shown: words::estimate(estimate),
        })
        .collect();
    let said: Vec<String> = shown_rows
        .iter()
        .map(|(label, estimate)| format!("{label} {}", words::estimate(estimate)))
        .collect();
    let said = if said.is_empty() { "undefined: no macro F1".to_owned() } else { said.join("; ") };
    let intervals = match drawn.iter().any(|bar| bar.interval.is_some()) {
        true => "with 95 % intervals",
        false => "without intervals, for which a class has too few rows",
    };
    let of = match name {
        "baselines" => "of the models and of rules on the same rows",
        "ablation" => {
            "of models trained on one group of columns alone, and on all columns but one group, \
             each with its own C"
        }
        _ => {
            "on all rows, on those without a near-duplicate in training, on those of owners that \
             training does not know, and on those with neither; last of every row, scored by models of \
             folds that have met neither its owner nor a near-duplicate. Where rows lack a class, the mean is over the \
             classes named, and all test rows are shown for the same classes"
        }
    };
    let few = found.few_rows(split);
    let caption = format!("Macro F1 {intervals}; {of}.{few}");
    let drawing = bars(&drawn, BarScale::Dots(0.0, 1.0), "Macro F1");
    finish(name, title, &caption, &said, drawing, &sheet)
}

/// A figure of one model, with the model in its name and title.
fn named(
    model: &ModelResults,
    name: &str,
    title: &str,
    caption: &str,
    said: &str,
    drawing: Result<Drawing, String>,
    sheet: &Sheet,
) -> Result<Inlined, ReportError> {
    let (prefix, of) = of_model(model);
    let title = upper(&format!("{of}{title}"));
    finish(&format!("{prefix}{name}"), &title, caption, said, drawing, sheet)
}

/// The columns that pull most towards one class.
fn strongest(model: &ModelResults, class: &str, place: usize) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::new(&["class", "group", "column", "weight"]);
    let mut rows = Vec::new();
    let mut said = Vec::new();
    for term in model.strongest.iter().filter(|term| term.class == class).take(200) {
        sheet.push(vec![
            text(&term.class),
            term.group.to_string(),
            text(&term.name),
            number(Some(term.weight)),
        ]);
        if rows.len() == TERM_LIMIT {
            continue;
        }
        let name = clawsig_schema::hostile::printable(&term.name, 34);
        said.push(format!("{name} {}", decimal(term.weight)));
        rows.push(Bar {
            label: format!("{name} ({})", term.group),
            value: Some(term.weight).filter(|weight| weight.is_finite()),
            interval: None,
            shown: decimal(term.weight),
        });
    }
    let top = rows.iter().filter_map(|row| row.value).fold(0.0, f64::max);
    let title = format!("strongest columns of {}", shown(class));
    let caption = format!(
        "The {} columns that raise the log-odds of {} most, in units of the scaled column.",
        rows.len(),
        shown(class)
    );
    let said =
        if said.is_empty() { "undefined: no column does".to_owned() } else { said.join("; ") };
    // A class may be named by anything, a file may not.
    let plain = class.len() <= 20 && class.chars().all(|c| c.is_ascii_lowercase());
    let name = if plain { class.to_owned() } else { (place + 1).to_string() };
    let name = format!("strongest-{name}");
    let drawing = bars(&rows, BarScale::UpTo(top), "Weight");
    named(model, &name, &title, &caption, &said, drawing, &sheet)
}

fn detail_tables(model: &ModelResults) -> Vec<Block> {
    let of = of_model(model).1;
    let mut blocks = Vec::new();
    let rows = model
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
            let split = model.shown_split().unwrap_or("test");
            let scores = point.scores.get(split);
            for name in [metric::RECALL, metric::FALSE_POSITIVE_RATE, metric::PRECISION] {
                cells.push(match point.threshold {
                    Some(_) => optional(scores.and_then(|scores| scores.get(name))),
                    None => "undefined: no threshold".to_owned(),
                });
            }
            cells
        })
        .collect();
    let columns =
        ["Class", "Goal on validation", "Threshold", "Recall", "False-positive rate", "Precision"];
    let caption = upper(&format!("{of}operating points"));
    blocks.push(PageTable::new(&caption, &columns, rows).block());
    let rows = model
        .paired_tests
        .iter()
        .map(|test| {
            vec![
                plain(&test.baseline),
                shown(&test.split),
                count(test.only_model_right),
                count(test.only_baseline_right),
                words::test(&test.mcnemar),
                words::estimate(&test.macro_f1_difference),
            ]
        })
        .collect();
    let columns = [
        "Baseline",
        "Split",
        "Only model right",
        "Only baseline right",
        "McNemar, exact",
        "Difference in macro F1",
    ];
    let caption = upper(&format!("{of}against each baseline"));
    blocks.push(PageTable::new(&caption, &columns, rows).folded().block());
    let rows = model
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
                format!("C = {}", row.c),
                words::estimate(&row.macro_f1),
                words::estimate(&row.log_loss),
                row.iterations.map_or_else(|| "not told".to_owned(), count),
                state.to_owned(),
            ]
        })
        .collect();
    let columns = ["Setting", "Macro F1", "Log-loss", "Iterations", "State"];
    let caption = upper(&format!("{of}values of C tried on validation"));
    blocks.push(PageTable::new(&caption, &columns, rows).folded().block());
    blocks
}
