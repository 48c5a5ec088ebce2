//! How the choice of slice, rule, threshold and policy moves the figures of a pair.

use std::collections::BTreeMap;

use clawsig_schema::{
    agreement::{AgreementResults, ChoiceRow, NamedEstimate, PairResult},
    wording::counted,
};

use crate::{
    error::ReportError,
    figures::{Inlined, Mark, Strip, finish, strips},
    page::{Block, PageTable},
    sheet::{Sheet, estimate_cells, number, text},
    words::{count, decimal, rater, rater_word, shown},
};

/// The pairs a page has room for: those of the three scanners and the verdict.
const PAIRS: usize = 6;
/// The slices of a forest plot.
const SLICES: usize = 40;
/// The statistics of a forest plot.
const FOREST: [(&str, &str); 3] =
    [("cohen_kappa", "Cohen’s kappa"), ("gwet_ac1", "Gwet’s AC1"), ("jaccard", "Jaccard")];

/// A forest plot for each pair, of three statistics on every slice; a sentence for each reason why pairs have none of
/// them anywhere.
pub(super) fn forests(found: &AgreementResults) -> Result<(Vec<Inlined>, Vec<Block>), ReportError> {
    let Some(first) = found.slices.first() else { return Ok((Vec::new(), Vec::new())) };
    let (mut figures, mut without) = (Vec::new(), Vec::new());
    for pair in first.pairs.iter().take(PAIRS) {
        match forest(found, pair)? {
            Some(figure) => figures.push(figure),
            None => without.push(pair),
        }
    }
    Ok((figures, no_forests(&without)))
}

/// The pairs without a forest plot, by the reason that the first slice gives.
fn no_forests(without: &[&PairResult]) -> Vec<Block> {
    let mut pairs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pair in without {
        let reason = pair.statistics.iter().find_map(|one| one.estimate.undefined.as_deref());
        let names = format!("{} and {}", rater(&pair.a), rater(&pair.b));
        pairs.entry(reason.unwrap_or("no reason was given")).or_default().push(names);
    }
    let sentence = |(reason, pairs): (&str, Vec<String>)| {
        Block::Note(format!(
            "Kappa, AC1 and Jaccard are undefined on every slice for {}: {}.",
            pairs.join("; "),
            shown(reason)
        ))
    };
    pairs.into_iter().map(sentence).collect()
}

/// `None` where no statistic has a value on any slice.
fn forest(found: &AgreementResults, of: &PairResult) -> Result<Option<Inlined>, ReportError> {
    let mut sheet = Sheet::with_estimate(&["slice", "a", "b", "statistic"]);
    let mut rows = Vec::new();
    let mut said = Vec::new();
    let mut least = 0.0_f64;
    for slice in found.slices.iter().take(SLICES) {
        let same = |pair: &&PairResult| (&pair.a, &pair.b) == (&of.a, &of.b);
        let Some(pair) = slice.pairs.iter().find(same) else { continue };
        let mut marks = Vec::new();
        for (series, (statistic, _)) in FOREST.iter().enumerate() {
            let named = |one: &&NamedEstimate| one.statistic == *statistic;
            let Some(one) = pair.statistics.iter().find(named) else { continue };
            let mut cells = vec![text(&slice.name), text(&of.a), text(&of.b), text(statistic)];
            cells.extend(estimate_cells(&one.estimate));
            sheet.push(cells);
            let low = one.estimate.low.or(one.estimate.value);
            least = low.map_or(least, |low| least.min(low));
            if *statistic == "cohen_kappa"
                && let Some(kappa) = one.estimate.value
            {
                said.push(format!("{} {}", shown(&slice.name), decimal(kappa)));
            }
            marks.push(Mark {
                value: one.estimate.value,
                span: one.estimate.low.zip(one.estimate.high),
                series,
            });
        }
        let kappa = marks.first().and_then(|mark| mark.value);
        rows.push(Strip {
            label: shown(&slice.name),
            shown: kappa.map_or_else(|| "undefined".to_owned(), decimal),
            ticks: Vec::new(),
            marks,
        });
    }
    if rows.iter().flat_map(|row| &row.marks).all(|mark| mark.value.is_none()) {
        return Ok(None);
    }
    let ends = ((least * 5.0).floor() / 5.0, 1.0);
    let drawing = strips(&rows, ends, "Value, with 95 % interval", &FOREST.map(|one| one.1));
    let name = format!("forest-{}-{}", stem(&of.a), stem(&of.b));
    let title = format!("{} and {} on every slice", rater(&of.a), rater(&of.b));
    let caption = "Three statistics of one pair on every slice of pairs.csv: where they part, prevalence speaks rather than \
                   agreement. Kappa at the right.";
    finish(&name, &title, caption, &format!("Kappa: {}", said.join("; ")), drawing, &sheet)
        .map(Some)
}

/// A rater's name as part of a file's.
fn stem(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().take(20).map(harmless).collect()
}

/// Every choice at once: the table, the figure, and where the rules differ.
pub(super) fn blocks(found: &AgreementResults) -> Result<Vec<Block>, ReportError> {
    if found.choices.is_empty() {
        return Ok(vec![Block::Note(
            "Every choice at once: undefined: no choice was computed.".to_owned(),
        )]);
    }
    let [static_rows, engines, spector] = found.rule_differences.rows;
    let mut blocks = vec![Block::Text(format!(
        "{} of the pairs’ rules, thresholds (engines, score, issues) and policies for missing flags. The rules status and \
         label disagree about the static scanner on {}, about VirusTotal on {}, about SkillSpector on {}; \
         agreement/label_status.csv lists them.",
        counted(found.choices.len() as u64, "combination"),
        counted(static_rows, "row"),
        counted(engines, "row"),
        counted(spector, "row"),
    ))];
    let mut figures = Vec::new();
    let mut rows = Vec::new();
    for (statistic, name, title) in [
        ("cohen_kappa", "choices-kappa", "Cohen’s kappa"),
        ("jaccard", "choices-jaccard", "Jaccard"),
    ] {
        let of = |row: &ChoiceRow| match statistic {
            "jaccard" => row.jaccard,
            _ => row.cohen_kappa,
        };
        let (figure, more) = every_choice(found, &of, name, title)?;
        figures.push(figure);
        rows.extend(more);
    }
    blocks.push(Block::Figures(figures));
    let columns = ["Pair", "Statistic", "Published choice", "Least", "by", "Greatest", "by"];
    let table = PageTable::new("How far the choices move each pair", &columns, rows);
    blocks.push(table.rest_in("agreement/choices.csv").block());
    Ok(blocks)
}

fn every_choice(
    found: &AgreementResults,
    of: &dyn Fn(&ChoiceRow) -> Option<f64>,
    name: &str,
    title: &str,
) -> Result<(Inlined, Vec<Vec<String>>), ReportError> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for row in &found.choices {
        if !pairs.contains(&(&row.a, &row.b)) && pairs.len() < PAIRS {
            pairs.push((&row.a, &row.b));
        }
    }
    let mut sheet = Sheet::new(&["a", "b", "a_flags", "b_flags", "missing", "value", "published"]);
    let (mut strip_rows, mut table, mut said) = (Vec::new(), Vec::new(), Vec::new());
    let (mut least, mut most) = (0.0_f64, 0.0_f64);
    for (a, b) in pairs {
        let rows: Vec<&ChoiceRow> =
            found.choices.iter().filter(|row| (row.a.as_str(), row.b.as_str()) == (a, b)).collect();
        for row in &rows {
            sheet.push(vec![
                text(a),
                text(b),
                text(&row.a_flags),
                text(&row.b_flags),
                row.missing.to_string(),
                number(of(row)),
                row.published.to_string(),
            ]);
        }
        let mut values: Vec<(f64, &ChoiceRow)> =
            rows.iter().filter_map(|row| of(row).map(|value| (value, *row))).collect();
        values.sort_by(|x, y| x.0.total_cmp(&y.0));
        let published = rows.iter().find(|row| row.published == 1).and_then(|row| of(row));
        let pair = format!("{}, {}", rater_word(a), rater_word(b));
        let (Some(low), Some(high)) = (values.first(), values.last()) else { continue };
        (least, most) = (least.min(low.0), most.max(high.0));
        let chosen = |row: &ChoiceRow| {
            format!("{} and {}, missing {}", shown(&row.a_flags), shown(&row.b_flags), row.missing)
        };
        let at = published.map_or_else(|| "undefined".to_owned(), decimal);
        said.push(format!(
            "{pair} from {} to {}, published choice {at}",
            decimal(low.0),
            decimal(high.0)
        ));
        table.push(vec![
            pair.clone(),
            title.to_owned(),
            at.clone(),
            decimal(low.0),
            chosen(low.1),
            decimal(high.0),
            chosen(high.1),
        ]);
        strip_rows.push(Strip {
            label: pair,
            shown: format!("{} choices, published {at}", count(values.len() as u64)),
            ticks: values.iter().map(|(value, _)| *value).collect(),
            marks: vec![Mark { value: published, span: None, series: 1 }],
        });
    }
    let ends = ((least * 10.0).floor() / 10.0, (most * 10.0).ceil() / 10.0);
    let drawing = strips(&strip_rows, ends, title, &[]);
    let heading = format!("{title} under every choice");
    let caption = "Each stroke is one combination of the two raters’ rules or thresholds and the policy for missing flags; \
                   the dot is the paper’s choice: both by status, missing as not flagged.";
    let figure = finish(name, &heading, caption, &said.join("; "), drawing, &sheet)?;
    Ok((figure, table))
}
