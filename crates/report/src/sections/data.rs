//! The section on the rows.

use std::collections::BTreeMap;

use clawsig_schema::profile::{DataProfile, Quantiles, VerdictCount};

use crate::{
    error::ReportError,
    figures::{Bar, BarScale, BoxRow, FiveNumbers, Inlined, bars, boxes, finish},
    page::{Block, PageTable, Section},
    sheet::{Sheet, number, text},
    study::StudyResults,
    words::{count, counted, kind, share_of, shown},
};

/// The splits a figure has room for.
const SPLIT_LIMIT: usize = 8;

/// Counts, nulls, rejects, lengths, duplicates, scores.
pub(super) fn data(study: &StudyResults) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    match study.data.as_result() {
        Ok(data) => {
            blocks.push(counts_in_words(data));
            blocks.push(Block::Figures(vec![
                verdict_counts(data)?,
                score_boxes(data)?,
                text_lengths(data)?,
                rows_by_split(data)?,
            ]));
            blocks.extend(tables(data));
        }
        Err(reason) => blocks.push(Block::Note(format!("Data: undefined: {}.", shown(reason)))),
    }
    match study.duplicates.as_result() {
        Ok(found) => blocks.push(Block::Text(format!(
            "Near-duplicate texts: {} of {} ({}) in {}, the largest of {}; {} with a near-duplicate \
             among the training rows.",
            count(found.grouped_rows),
            counted(found.rows, "skill"),
            share_of(found.grouped_rows, found.rows),
            counted(found.groups, "group"),
            count(found.largest),
            counted(found.test_rows_in_train, "test row")
        ))),
        Err(reason) => {
            blocks.push(Block::Note(format!("Near-duplicate texts: undefined: {}.", shown(reason))))
        }
    }
    Ok(Section { id: "data".to_owned(), title: "The data".to_owned(), blocks })
}

fn verdict_counts(data: &DataProfile) -> Result<Inlined, ReportError> {
    let verdicts = data.verdicts();
    let all: u64 = verdicts.iter().map(VerdictCount::rows).sum();
    let mut sheet = Sheet::new(&["verdict", "rows"]);
    let mut rows = Vec::new();
    let mut words = Vec::new();
    for verdict in &verdicts {
        let (name, found) = (&verdict.verdict, verdict.rows());
        sheet.push(vec![text(name), found.to_string()]);
        words.push(format!("{} {}", shown(name), count(found)));
        rows.push(Bar {
            label: shown(name),
            value: (found > 0).then_some(found as f64),
            interval: None,
            shown: format!("{} ({})", count(found), share_of(found, all)),
        });
    }
    let caption = "Skills by the registry’s verdict, on a logarithmic axis.";
    let drawing = bars(&rows, BarScale::Counts, "Skills (logarithmic axis)");
    finish("verdict-counts", "Verdict counts", caption, &words.join(", "), drawing, &sheet)
}

/// One box a group, and its numbers.
fn box_rows<'a>(
    groups: impl Iterator<Item = (&'a str, &'a Quantiles)>,
    first: &str,
) -> (Vec<BoxRow>, Sheet, String) {
    let mut sheet = Sheet::new(&[
        first,
        "n",
        "min",
        "p5",
        "p25",
        "p50",
        "p75",
        "p95",
        "max",
        "mean",
        "undefined",
    ]);
    let mut rows = Vec::new();
    let mut words = Vec::new();
    for (name, found) in groups {
        let numbers = FiveNumbers::of(found);
        let mut cells = vec![text(name), found.n.to_string()];
        cells.extend(
            [
                found.min, found.p5, found.p25, found.p50, found.p75, found.p95, found.max,
                found.mean,
            ]
            .map(number),
        );
        cells.push(if numbers.is_none() { "no values".to_owned() } else { String::new() });
        sheet.push(cells);
        let said = match numbers {
            Some(numbers) => {
                let median = count(numbers.median.round().max(0.0) as u64);
                format!("median {median}, n = {}", count(found.n))
            }
            None => "undefined: no values".to_owned(),
        };
        words.push(format!("{} {said}", shown(name)));
        rows.push(BoxRow { label: shown(name), numbers, shown: said });
    }
    (rows, sheet, words.join(", "))
}

fn text_lengths(data: &DataProfile) -> Result<Inlined, ReportError> {
    let groups = data.splits.iter().map(|split| (split.split.as_str(), &split.text_chars));
    let (rows, sheet, words) = box_rows(groups.take(SPLIT_LIMIT), "split");
    let top = data.splits.iter().filter_map(|split| split.text_chars.max).fold(10.0, f64::max);
    let caption = "SKILL.md lengths in characters by split, on a logarithmic axis: the middle half \
                   in the box, the median in it, whiskers at the shortest and the longest.";
    let drawing = boxes(&rows, top, true, "Characters (logarithmic axis)");
    finish("text-lengths", "Text lengths", caption, &words, drawing, &sheet)
}

fn score_boxes(data: &DataProfile) -> Result<Inlined, ReportError> {
    let none = Quantiles::default();
    let verdicts = data.verdicts();
    let groups = verdicts.iter().filter_map(|verdict| {
        let scores = data.score_by_verdict.get(&verdict.verdict);
        let scores = scores.or(verdict.is_known().then_some(&none))?;
        Some((verdict.verdict.as_str(), scores))
    });
    let (rows, sheet, words) = box_rows(groups, "verdict");
    let caption = "Over the skills that have a score: the middle half in the box, the median in \
                   it, whiskers at the lowest and the highest.";
    let drawing = boxes(&rows, 100.0, false, "SkillSpector score (0 to 100)");
    finish("score-by-verdict", "SkillSpector score by verdict", caption, &words, drawing, &sheet)
}

fn rows_by_split(data: &DataProfile) -> Result<Inlined, ReportError> {
    let verdicts = data.verdicts();
    let names = verdicts.iter().map(|verdict| verdict.verdict.as_str());
    let mut sheet = Sheet::new(&["split", "rows"].into_iter().chain(names).collect::<Vec<_>>());
    let mut rows = Vec::new();
    let mut words = Vec::new();
    for (at, split) in data.splits.iter().enumerate() {
        let malicious = split.verdicts.get("malicious").copied().unwrap_or_default();
        let mut cells = vec![text(&split.split), split.rows.to_string()];
        cells.extend(verdicts.iter().map(|verdict| verdict.by_split[at].to_string()));
        sheet.push(cells);
        if rows.len() == SPLIT_LIMIT {
            continue;
        }
        let said = format!("{}, {} malicious", counted(split.rows, "skill"), count(malicious));
        words.push(format!("{} {said}", shown(&split.split)));
        rows.push(Bar {
            label: shown(&split.split),
            value: (split.rows > 0).then_some(split.rows as f64),
            interval: None,
            shown: said,
        });
    }
    let caption = "Skills of each split, on a logarithmic axis; how many malicious ones a split \
                   holds bounds what can be said of them.";
    let drawing = bars(&rows, BarScale::Counts, "Skills (logarithmic axis)");
    finish("rows-by-split", "Rows by split", caption, &words.join("; "), drawing, &sheet)
}

/// Names and rows, most rows first.
fn ranked(caption: &str, first: &str, names: &BTreeMap<String, u64>) -> PageTable {
    let mut ranked: Vec<(&String, u64)> = names.iter().map(|(name, rows)| (name, *rows)).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rows = ranked.into_iter().map(|(name, rows)| vec![shown(name), count(rows)]).collect();
    PageTable::new(caption, &[first, "Skills"], rows)
}

fn counts_in_words(data: &DataProfile) -> Block {
    Block::Text(format!(
        "{} kept, {} rejected, {} left out by the sample. Bundles: {} with {}.",
        counted(data.rows, "skill"),
        counted(data.rejected, "row"),
        count(data.sampled_out),
        counted(data.bundles.rows, "skill"),
        counted(data.bundles.files, "file")
    ))
}

fn tables(data: &DataProfile) -> Vec<Block> {
    let verdicts = data.verdicts();
    let names: Vec<String> = verdicts.iter().map(|verdict| shown(&verdict.verdict)).collect();
    let heading: Vec<&str> =
        ["Split", "Rows"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let splits = data.splits.iter().enumerate().map(|(at, split)| {
        let mut cells = vec![shown(&split.split), count(split.rows)];
        cells.extend(verdicts.iter().map(|verdict| count(verdict.by_split[at])));
        cells
    });
    let columns = data
        .columns
        .iter()
        .map(|column| {
            vec![shown(&column.name), kind(column.kind), count(column.nulls), count(column.empty)]
        })
        .collect();
    let files = data
        .files
        .iter()
        .map(|file| {
            vec![
                shown(&file.name),
                count(file.bytes),
                count(file.lines),
                count(file.rejected),
                shown(&file.sha256),
            ]
        })
        .collect();
    vec![
        PageTable::new("Rows by split and verdict", &heading, splits.collect()).block(),
        ranked("Rejected rows by reason", "Reason", &data.rejected_by_reason).block(),
        PageTable::new(
            "Columns, nulls and empty values",
            &["Column", "Type", "Nulls", "Empty"],
            columns,
        )
        .folded()
        .block(),
        PageTable::new("Files", &["File", "Bytes", "Rows", "Rejected", "SHA-256"], files)
            .hashes(4)
            .folded()
            .block(),
        ranked("Columns outside the schema", "Column", &data.extra_columns).folded().block(),
        ranked("Static reason codes", "Code", &data.reason_codes).folded().block(),
        ranked("SkillSpector issue categories", "Category", &data.issue_categories)
            .folded()
            .block(),
    ]
}
