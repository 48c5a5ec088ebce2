//! The findings as CSV files. Names and labels are others' texts: each goes through one safe cell.

use std::path::PathBuf;

use clawsig_ratings::Findings;
use clawsig_schema::{estimate::Estimate, evaluation::number_cell, hostile::stored_cell};

use crate::{Error, files};

const ESTIMATE: [&str; 7] = ["value", "standard_error", "low", "high", "n", "method", "undefined"];

fn number(value: Option<f64>) -> String {
    value.map(number_cell).unwrap_or_default()
}

fn estimate(found: &Estimate) -> Vec<String> {
    vec![
        number(found.value),
        number(found.standard_error),
        number(found.low),
        number(found.high),
        found.n.to_string(),
        found.method.clone().unwrap_or_default(),
        found.undefined.clone().or_else(|| found.remark()).unwrap_or_default(),
    ]
}

fn cells(names: &[Option<String>]) -> impl Iterator<Item = String> {
    names.iter().map(|name| name.as_deref().map(stored_cell).unwrap_or_default())
}

/// Writes every table.
pub(super) fn write(at: &dyn Fn(&str) -> PathBuf, found: &Findings) -> Result<(), Error> {
    let header = |names: &[&str], rest: &[&str]| -> Vec<String> {
        names.iter().chain(rest).map(|name| (*name).to_owned()).collect()
    };
    let rows = found.raters.iter().flat_map(|rater| {
        rater.labels.iter().map(|label| {
            let mut row =
                vec![stored_cell(&rater.rater), stored_cell(&label.label), label.count.to_string()];
            row.extend(estimate(&label.share));
            row
        })
    });
    files::write_cells(&at("raters.csv"), header(&["rater", "label", "count"], &ESTIMATE), rows)?;
    let rows = found.pairs.iter().flat_map(|pair| {
        pair.statistics.iter().map(|one| {
            let mut row = vec![stored_cell(&pair.a), stored_cell(&pair.b), one.statistic.clone()];
            row.extend(estimate(&one.estimate));
            row
        })
    });
    files::write_cells(&at("pairs.csv"), header(&["a", "b", "statistic"], &ESTIMATE), rows)?;
    let rows = found.coefficients.iter().map(|one| {
        let mut row = vec![one.statistic.clone()];
        row.extend(estimate(&one.estimate));
        row
    });
    files::write_cells(&at("coefficients.csv"), header(&["statistic"], &ESTIMATE), rows)?;
    let raters: Vec<String> = found.raters.iter().map(|rater| stored_cell(&rater.rater)).collect();
    let rows = found.patterns.iter().map(|pattern| {
        let numbers = [pattern.count.to_string(), number(Some(pattern.share))];
        cells(&pattern.ratings).chain(numbers).collect()
    });
    let columns = raters.iter().cloned().chain(["count".to_owned(), "share".to_owned()]);
    files::write_cells(&at("patterns.csv"), columns, rows)?;
    let rows = found.disagreements.iter().map(|one| {
        let first = [stored_cell(&one.item), number(Some(one.disagreement))];
        first.into_iter().chain(cells(&one.ratings)).collect()
    });
    let columns = ["item".to_owned(), "disagreement".to_owned()].into_iter().chain(raters);
    files::write_cells(&at("disagreements.csv"), columns, rows)?;
    if !found.retests.is_empty() {
        let rows = found.retests.iter().map(|one| {
            let version =
                |version: &Option<String>| version.as_deref().map(stored_cell).unwrap_or_default();
            let mut row = vec![stored_cell(&one.rater), version(&one.from), version(&one.to)];
            row.extend([one.items, one.pairs, one.flips].map(|count| count.to_string()));
            row.extend(estimate(&one.flip_rate));
            row
        });
        let columns = header(&["rater", "from", "to", "items", "pairs", "flips"], &ESTIMATE);
        files::write_cells(&at("retests.csv"), columns, rows)?;
    }
    if found.posteriors().any(|(_, models)| !models.is_empty()) {
        let rows = found.posteriors().flat_map(|(item, models)| {
            models.iter().map(move |(model, shares)| {
                let shares = shares.clone().unwrap_or_default();
                let shares = shares.into_iter().map(|share| number(Some(share)));
                let mut row = vec![stored_cell(item), model.clone()];
                row.extend(shares);
                row.resize(2 + found.labels.len(), String::new());
                row
            })
        });
        let labels = found.labels.iter().map(|label| stored_cell(label));
        let columns = ["item".to_owned(), "model".to_owned()].into_iter().chain(labels);
        files::write_cells(&at("posteriors.csv"), columns, rows)?;
    }
    Ok(())
}
