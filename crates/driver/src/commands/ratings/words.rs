//! The findings on a terminal.

use std::fmt::Write as _;

use clawsig_ratings::{Findings, LabelModel, Named, NamedTest, PairFindings};
use clawsig_report::{estimate_text, share_text, statistic_text};
use clawsig_schema::hostile::printable;
use clawsig_stats::p_value_text;

use super::Results;
use crate::terminal::{Table, count, counted, sentence};

/// The widest name that is shown.
const NAME: usize = 40;

pub(super) fn name(text: &str) -> String {
    printable(text, NAME)
}

/// One rating, or a sign that there is none.
pub(super) fn rating(label: &Option<String>) -> String {
    label.as_deref().map_or_else(|| "-".to_owned(), name)
}

/// The statistics of a pair that a reader looks for first.
pub(super) fn main_statistics(pair: &PairFindings) -> impl Iterator<Item = &Named> {
    let first = [
        "observed_agreement",
        "cohen_kappa",
        "weighted_kappa",
        "gwet_ac1",
        "krippendorff_alpha",
        "jaccard",
    ];
    pair.statistics.iter().filter(move |one| first.contains(&one.statistic.as_str()))
}

pub(super) fn test(found: &NamedTest) -> String {
    let p = match (found.p_value, &found.undefined) {
        (Some(p), _) => p_value_text(p),
        (None, why) => format!("undefined: {}", why.as_deref().unwrap_or("no reason was given")),
    };
    format!("{}: {p}", statistic_text(&found.test))
}

/// A sentence on what was read.
pub(super) fn read(found: &Findings) -> String {
    let clusters = match found.clusters {
        Some(clusters) => format!("; intervals resample {}", counted(clusters, "whole cluster")),
        None => "; no clusters are given, so items count as independent".to_owned(),
    };
    let stand = if found.subjects == found.items {
        String::new()
    } else {
        format!(", which stand for {}", count(found.subjects))
    };
    format!(
        "{} of {}{stand} by {} with {} ({}){clusters}",
        counted(found.ratings, "rating"),
        counted(found.items, "item"),
        counted(found.raters.len() as u64, "rater"),
        counted(found.labels.len() as u64, "label"),
        found.scale
    )
}

/// The positive label, where statistics are about one.
pub(super) fn positive(found: &Findings) -> Option<String> {
    let [positive, _] = &found.labels[..] else { return None };
    Some(format!("positive is the label {}; --labels says otherwise", name(positive)))
}

/// What a label model is called.
pub(super) fn model_name(model: &LabelModel) -> String {
    match &model.shared {
        Some([a, b]) => format!("{} and {} share errors", name(a), name(b)),
        None => "independent errors".to_owned(),
    }
}

/// The summary.
pub(super) fn summary(results: &Results, listed: usize) -> String {
    let found = &results.findings;
    let mut text = String::new();
    let mut line = |line: String| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}", sentence(&line));
    };
    for source in &results.sources {
        line(format!("{}: {}", source.file, source.taken_for));
    }
    line(read(found));
    if let Some(positive) = positive(found) {
        line(positive);
    }
    if !results.ignored_columns.is_empty() {
        let names: Vec<String> =
            results.ignored_columns.iter().map(|column| name(column)).collect();
        line(format!("columns not used: {}", names.join(", ")));
    }
    for remark in &found.remarks {
        line(format!("note: {remark}"));
    }
    text.push('\n');
    let mut table = Table::new(&["rater", ">rated", "labels"]).last_below();
    for rater in &found.raters {
        let labels: Vec<String> = rater
            .labels
            .iter()
            .filter(|label| label.count > 0)
            .take(8)
            .map(|label| format!("{} {}", name(&label.label), count(label.count)))
            .collect();
        table.row([name(&rater.rater), count(rater.rated), labels.join(", ")]);
    }
    text.push_str(&table.render());
    heading(&mut text, "pairs");
    let mut table =
        Table::new(&["pair", ">both rated", "statistic", "value (95 % interval)"]).last_below();
    for pair in found.pairs.iter().take(listed.max(10)) {
        for (at, one) in main_statistics(pair).enumerate() {
            let (names, n) = match at {
                0 => (format!("{}, {}", name(&pair.a), name(&pair.b)), count(pair.n)),
                _ => (String::new(), String::new()),
            };
            table.row([names, n, statistic_text(&one.statistic), estimate_text(&one.estimate)]);
        }
    }
    text.push_str(&table.render());
    more(&mut text, found.pairs.len(), listed.max(10), "pairs");
    heading(&mut text, "all raters");
    let mut table = Table::new(&["statistic", "value (95 % interval)"]);
    for one in &found.coefficients {
        table.row([statistic_text(&one.statistic), estimate_text(&one.estimate)]);
    }
    text.push_str(&table.render());
    for one in &found.tests {
        let _ = writeln!(text, "  {}", test(one));
    }
    heading(&mut text, "combinations");
    let raters: Vec<String> = found.raters.iter().map(|rater| name(&rater.rater)).collect();
    let mut columns: Vec<&str> = raters.iter().map(String::as_str).collect();
    columns.extend([">items", ">share"]);
    let mut table = Table::new(&columns).clipped();
    for pattern in found.patterns.iter().take(10) {
        let numbers = [count(pattern.count), format!("{:.1} %", pattern.share * 100.0)];
        table.row(pattern.ratings.iter().map(rating).chain(numbers));
    }
    text.push_str(&table.render());
    more(&mut text, found.patterns.len(), 10, "combinations");
    if !found.disagreements.is_empty() {
        heading(
            &mut text,
            &format!("disagreements: {}", counted(found.disagreements.len() as u64, "item")),
        );
        let mut columns: Vec<&str> = vec!["item", ">apart"];
        columns.extend(raters.iter().map(String::as_str));
        let mut table = Table::new(&columns).clipped();
        for one in found.disagreements.iter().take(listed.min(10)) {
            let first = [name(&one.item), format!("{:.2}", one.disagreement)];
            table.row(first.into_iter().chain(one.ratings.iter().map(rating)));
        }
        text.push_str(&table.render());
    }
    if !found.retests.is_empty() {
        heading(&mut text, "the same rater again");
        let mut table =
            Table::new(&["rater", "from", "to", ">pairs", ">flips", "flip rate (95 % interval)"]);
        for one in &found.retests {
            let counts = [count(one.pairs), count(one.flips), share_text(&one.flip_rate)];
            table.row(
                [name(&one.rater), rating(&one.from), rating(&one.to)].into_iter().chain(counts),
            );
        }
        text.push_str(&table.render());
    }
    heading(&mut text, "label models, as a baseline");
    let mut table = Table::new(&["model", ">BIC", "prevalence", "remarks"]).last_below();
    for model in &found.label_models.models {
        let (bic, shares, remarks) = model_cells(model, &found.labels);
        table.row([model_name(model), bic, shares, remarks]);
    }
    if !found.label_models.models.is_empty() {
        text.push_str(&table.render());
    }
    for reading in &found.label_models.reading {
        let _ = writeln!(text, "{}", sentence(&format!("  {}", printable(reading, 400))));
    }
    text
}

/// BIC, prevalence and remarks of a model.
pub(super) fn model_cells(model: &LabelModel, labels: &[String]) -> (String, String, String) {
    match &model.fit {
        Some(fit) => {
            let shares: Vec<String> = labels
                .iter()
                .zip(&fit.prevalence)
                .map(|(label, share)| format!("{} {:.1} %", name(label), share * 100.0))
                .collect();
            let mut remarks = fit.doubts.clone();
            if let Some(p) = fit.fit_p_value {
                remarks.push(format!("fit: {}", p_value_text(p)));
            }
            if let Some(p) = fit.against_independence {
                remarks.push(format!("against independence: {}", p_value_text(p)));
            }
            (format!("{:.1}", fit.bic), shares.join(", "), remarks.join("; "))
        }
        None => {
            let why = model.undefined.clone().unwrap_or_default();
            (String::new(), String::new(), format!("not fitted: {why}"))
        }
    }
}

fn heading(text: &mut String, heading: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "\n{heading}");
}

fn more(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ =
            writeln!(text, "  and {} more {what}; --out writes all", count((all - shown) as u64));
    }
}
