//! The tables of what counts alone say.

use std::fmt::Write as _;

use clawsig_schema::{
    agreement::{MissingResults, NamedEstimate, PairResult},
    hostile::{printable, spreadsheet_cell},
    registry::{PatternResults, RegistryResults},
};
use clawsig_stats::p_value_text;

use crate::{
    summary::shown,
    terminal::{Table, count, sentence},
};

/// The statistics of a pair that are printed; the files hold all.
const SHOWN: [(&str, &str); 14] = [
    ("jaccard", "Jaccard"),
    ("cohen_kappa", "Cohen's kappa"),
    ("max_kappa", "largest kappa the margins allow"),
    ("kappa_of_largest", "kappa over the largest"),
    ("gwet_ac1", "Gwet's AC1"),
    ("pabak", "PABAK"),
    ("krippendorff_alpha", "Krippendorff's alpha"),
    ("scott_pi", "Scott's pi"),
    ("observed_agreement", "observed agreement"),
    ("odds_ratio", "odds ratio"),
    ("prevalence_index", "prevalence index"),
    ("bias_index", "bias index"),
    ("mcnemar_exact", "McNemar, exact"),
    ("mcnemar_corrected", "McNemar, corrected"),
];

/// Pairs that stand side by side; more of them stand below one another.
const SIDE_BY_SIDE: usize = 3;
/// Warnings that the summary of a run prints.
const FEW: usize = 3;

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", sentence(line));
}

fn cell(pair: &PairResult, statistic: &str) -> String {
    let found = pair.statistics.iter().find(|one| one.statistic == statistic);
    found.map_or_else(String::new, |one| match one.estimate.p_value {
        Some(p) if one.is_test() => p_value_text(p),
        _ => shown(&one.estimate),
    })
}

fn name(pair: &PairResult) -> String {
    format!("{} and {}", printable(&pair.a, 40), printable(&pair.b, 40))
}

/// Every statistic of a few pairs, or a line a pair.
fn pairs(text: &mut String, pairs: &[PairResult]) {
    for few in pairs.chunks(SIDE_BY_SIDE) {
        let names: Vec<String> = few.iter().map(name).collect();
        let mut heading = vec!["statistic"];
        heading.extend(names.iter().map(String::as_str));
        let mut table = Table::new(&heading);
        for (statistic, words) in SHOWN {
            let mut row = vec![words.to_owned()];
            row.extend(few.iter().map(|pair| cell(pair, statistic)));
            table.row(row);
        }
        let reading = |pair: &PairResult| {
            let of = pair.readings.iter();
            let mut of = of.filter(|r| r.statistic == "cohen_kappa" && r.scale == "landis-koch");
            of.next().map_or_else(String::new, |reading| reading.word.clone())
        };
        let mut row = vec!["kappa reads (Landis, Koch)".to_owned()];
        row.extend(few.iter().map(reading));
        table.row(row);
        text.push_str(&table.render());
        line(text, "");
    }
}

fn named(text: &mut String, title: &str, all: &[NamedEstimate]) {
    let mut table = Table::new(&[title, "value"]);
    for one in all {
        table.row([one.statistic.replace('_', " "), shown(&one.estimate)]);
    }
    text.push_str(&table.render());
    line(text, "");
}

/// The results of counted patterns.
pub(crate) fn patterns(found: &PatternResults) -> String {
    let mut text = String::new();
    line(
        &mut text,
        &format!(
            "{} rows, {} raters; missing ones `{}`; 95 % intervals from {} resamples of rows\n",
            count(found.rows),
            found.raters.len(),
            found.missing,
            count(found.replicates.into()),
        ),
    );
    of_patterns(&mut text, found);
    text
}

fn of_patterns(text: &mut String, found: &PatternResults) {
    let mut table = Table::new(&["rater", ">rated", ">flagged", "positive rate"]);
    for rater in &found.raters {
        let cells = [count(rater.rated), count(rater.flagged), shown(&rater.rate)];
        table.row([printable(&rater.rater, 40)].into_iter().chain(cells));
    }
    text.push_str(&table.render());
    line(text, "");
    pairs(text, &found.pairs);
    named(text, "all raters together", &found.together);
    for model in &found.latent {
        let mut table = Table::new(&["latent class model", "sensitivity", "specificity"]);
        for rates in &model.rates {
            let rater = printable(&rates.rater, 40);
            table.row([rater, shown(&rates.sensitivity), shown(&rates.specificity)]);
        }
        text.push_str(&table.render());
        line(text, &format!("  prevalence {}", shown(&model.prevalence)));
        line(text, &format!("  assumes: {}", model.assumptions.join("; ")));
        for doubt in &model.doubts {
            line(text, &format!("  doubt: {doubt}"));
        }
        line(text, "");
    }
}

/// Everything that the published counts say.
pub(crate) fn registry(found: &RegistryResults) -> String {
    let mut text = String::new();
    line(
        &mut text,
        &format!(
            "the registry, published counts: {} rows of real skills ({}); flags by rule `status`, missing ones negative\n",
            count(found.agreement.rows),
            found.source,
        ),
    );
    of_patterns(&mut text, &found.agreement);
    line(&mut text, "each scanner and the verdict (suspicious or malicious)");
    pairs(&mut text, &found.with_verdict);
    let mut table = Table::new(&["verdict", "scanner", ">rows", ">flagged", "share", "could be"]);
    for row in &found.by_verdict {
        let of = |known: &&clawsig_schema::agreement::MissingRow| {
            known.scanner == row.scanner
                && (known.name == row.verdict || known.group == "all" && row.verdict == "all")
        };
        let bounds = found.missing.rates.iter().find(of);
        table.row([
            row.verdict.clone(),
            row.scanner.clone(),
            count(row.rows),
            count(row.flagged),
            row.share.map_or_else(String::new, |share| format!("{share:.4}")),
            span(bounds.and_then(|row| row.lowest), bounds.and_then(|row| row.highest)),
        ]);
    }
    text.push_str(&table.render());
    line(&mut text, "");
    missing(&mut text, &found.missing, usize::MAX);
    line(&mut text, "\nwhat the figures say against their reading");
    for (number, check) in (1..).zip(&found.readings) {
        line(&mut text, &format!("  {number}. {}", check.reading));
        line(&mut text, &format!("     {}", check.registry));
    }
    text
}

fn span(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{low:.4} to {high:.4}"),
        _ => "not known".to_owned(),
    }
}

fn missing(text: &mut String, found: &MissingResults, most: usize) {
    let mut table = Table::new(&["pair", "statistic", ">value", "over all that missing could be"]);
    for row in &found.pairs {
        table.row([
            format!("{} and {}", row.a, row.b),
            row.statistic.replace('_', " "),
            row.value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}")),
            span(row.lowest, row.highest),
        ]);
    }
    text.push_str(&table.render());
    warnings(text, found, most);
}

/// The first warnings, and how many more there are.
pub(crate) fn warnings(text: &mut String, found: &MissingResults, most: usize) {
    for warning in found.warnings.iter().take(most) {
        line(text, &format!("  warning: {warning}"));
    }
    if let Some(more) = found.warnings.len().checked_sub(most).filter(|more| *more > 0) {
        line(
            text,
            &format!(
                "  and {more} more that missing results could turn (agreement/agreement.json)"
            ),
        );
    }
}

/// The registry's figures in the summary of a run, which is about other rows.
pub(crate) fn registry_short(text: &mut String, found: &RegistryResults) {
    line(
        text,
        &format!(
            "\nthe registry, published counts ({} real skills), whatever this run's rows are; 95 % intervals",
            count(found.agreement.rows)
        ),
    );
    let mut table =
        Table::new(&["pair", "jaccard", "cohen's kappa", "of the largest", "gwet's ac1"]);
    for pair in &found.agreement.pairs {
        table.row([
            name(pair),
            cell(pair, "jaccard"),
            cell(pair, "cohen_kappa"),
            cell(pair, "kappa_of_largest"),
            cell(pair, "gwet_ac1"),
        ]);
    }
    text.push_str(&table.render());
    warnings(text, &found.missing, FEW.min(1));
}

/// A run's own missing results, shortly.
pub(crate) fn missing_short(text: &mut String, found: &MissingResults) {
    let mut table = Table::new(&["scanner", ">rows", ">missing", "positive rate", "could be"]);
    for row in found.rates.iter().filter(|row| row.group == "all") {
        table.row([
            row.scanner.clone(),
            count(row.rows),
            row.missing.map_or_else(String::new, count),
            row.rate.map_or_else(|| "undefined".to_owned(), |rate| format!("{rate:.4}")),
            span(row.lowest, row.highest),
        ]);
    }
    line(text, "\nwhat missing results leave open");
    text.push_str(&table.render());
    warnings(text, found, FEW);
}

/// The columns and rows of `patterns.csv` of any raters, in a form that `--counts` reads.
pub(crate) fn pattern_header(found: &PatternResults) -> (Vec<String>, Vec<Vec<String>>) {
    let safe = |name: &str| spreadsheet_cell(&printable(name, 80)).into_owned();
    let mut header: Vec<String> = found.raters.iter().map(|rater| safe(&rater.rater)).collect();
    header.push("count".to_owned());
    let row = |pattern: &clawsig_schema::agreement::Pattern| {
        let flag = |flag: &Option<bool>| flag.map_or_else(String::new, |f| u8::from(f).to_string());
        let mut cells: Vec<String> = pattern.flags.iter().map(flag).collect();
        cells.push(pattern.rows.to_string());
        cells
    };
    (header, found.patterns.iter().map(row).collect())
}
