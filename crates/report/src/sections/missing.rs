//! What missing results leave open.

use clawsig_schema::agreement::{AgreementResults, MissingResults};

use crate::{
    error::ReportError,
    figures::{Inlined, Mark, Strip, finish, strips},
    page::{Block, PageTable},
    sheet::{Sheet, number, text},
    words::{count, counted, decimal, percent, plain, rater, sentence, shown},
};

/// Warnings in the open; the rest is in the file.
const FEW: usize = 12;

/// Tables, the figure and the warnings of a run.
pub(super) fn blocks(found: &AgreementResults) -> Result<Vec<Block>, ReportError> {
    let missing = &found.missing;
    if missing.rates.is_empty() {
        return Ok(vec![Block::Note("Undefined: the run’s results say nothing of it.".to_owned())]);
    }
    let mut blocks = vec![Block::Text(format!(
        "A missing result counts as not flagged under the policy negative. The spans reach from none of them being a flag \
         to all of them; for Jaccard and kappa over every way in which they could have fallen (rule {}).",
        found.parameters.rule
    ))];
    blocks.push(Block::Figures(vec![spans(missing)?]));
    blocks.push(rates("Missing results by scanner, verdict and judge", missing));
    blocks.push(pairs(missing));
    blocks.extend(warnings(missing));
    Ok(blocks)
}

/// Rates with what they could be.
pub(super) fn rates(caption: &str, found: &MissingResults) -> Block {
    let rows = found
        .rates
        .iter()
        .map(|row| {
            let group = match row.group.as_str() {
                "all" => "all".to_owned(),
                "judge" => format!("judge {}", shown(&row.name)),
                _ => shown(&row.name),
            };
            vec![
                group,
                rater(&row.scanner),
                count(row.rows),
                row.missing.map_or_else(|| "not published".to_owned(), count),
                row.rate.map_or_else(|| "undefined: it rated no row".to_owned(), percent),
                row.rate_of_rated.map_or_else(|| "—".to_owned(), percent),
                span(row.lowest, row.highest, percent),
            ]
        })
        .collect();
    let columns = [
        "Rows",
        "Scanner",
        "Number",
        "Missing",
        "Flagged",
        "Flagged of those with a result",
        "Could be",
    ];
    PageTable::new(caption, &columns, rows).first(45).rest_in("agreement/missing.csv").block()
}

/// Jaccard and kappa with what they could be.
pub(super) fn pairs(found: &MissingResults) -> Block {
    let rows = found
        .pairs
        .iter()
        .map(|row| {
            vec![
                format!("{}, {}", rater(&row.a), rater(&row.b)),
                plain(&row.statistic),
                row.value.map_or_else(|| "undefined".to_owned(), decimal),
                span(row.lowest, row.highest, decimal),
            ]
        })
        .collect();
    let columns = ["Pair", "Statistic", "Value", "Could be"];
    let caption = "Jaccard and kappa over everything that the missing results could have been";
    PageTable::new(caption, &columns, rows).first(12).rest_in("agreement/bounds.csv").block()
}

fn span(low: Option<f64>, high: Option<f64>, number: fn(f64) -> String) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        _ => "not known".to_owned(),
    }
}

/// A sentence for each headline that could turn.
pub(super) fn warnings(found: &MissingResults) -> Vec<Block> {
    let mut said: Vec<String> =
        found.warnings.iter().take(FEW).map(|text| sentence(text)).collect();
    if found.warnings.len() > FEW {
        let more = (found.warnings.len() - FEW) as u64;
        said.push(format!("{} in agreement/agreement.json.", counted(more, "more such warning")));
    }
    match said.is_empty() {
        true => Vec::new(),
        false => vec![Block::List(said)],
    }
}

fn spans(found: &MissingResults) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::new(&["rows", "scanner", "rate", "lowest", "highest"]);
    let mut rows = Vec::new();
    let mut said = Vec::new();
    for row in found.rates.iter().filter(|row| row.group != "judge").take(24) {
        let group = if row.group == "all" { "all rows" } else { row.name.as_str() };
        sheet.push(vec![
            text(group),
            text(&row.scanner),
            number(row.rate),
            number(row.lowest),
            number(row.highest),
        ]);
        let shown_span = span(row.lowest, row.highest, percent);
        said.push(format!("{} of {}: {shown_span}", rater(&row.scanner), shown(group)));
        rows.push(Strip {
            label: format!("{}, {}", shown(group), rater(&row.scanner)),
            shown: shown_span,
            ticks: Vec::new(),
            marks: vec![Mark { value: row.rate, span: row.lowest.zip(row.highest), series: 0 }],
        });
    }
    let caption = "Share flagged with missing results as not flagged (dot), and every share that they could make of it \
                   (line).";
    let drawing = strips(&rows, (0.0, 1.0), "Share flagged", &[]);
    finish("missing", "What missing results leave open", caption, &said.join("; "), drawing, &sheet)
}
