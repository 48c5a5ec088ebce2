//! `clawsig inspect`: what a dataset or a run holds, as the seed tutorial's first steps show it.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use clawsig_ingest::{
    Columns, IngestParams, SignalsReader, SourceKind, SourceParams, hub::HubOptions,
};
use clawsig_schema::{
    SkillRow, Split,
    hostile::printable,
    profile::{DataProfile, Quantiles},
};

use clawsig_store::Scratch;

use crate::{
    Error, ExitStatus,
    cli::{Global, InspectArgs, OutputFormat},
    files,
    stages::{ingest, source::Located},
    terminal::{self, Progress, Table, count},
};

/// Prints shape, columns, first rows, counts, examples and text lengths.
pub(crate) fn inspect(arguments: &InspectArgs, global: &Global) -> Result<ExitStatus, Error> {
    let finished = arguments.path.as_ref().filter(|path| path.join("ingest").is_dir());
    // A dataset is ingested into a scratch folder: the same checks, the same counts.
    let scratch;
    let folder = match finished {
        Some(path) => path.join("ingest"),
        None => {
            scratch = Scratch::new_in(&std::env::temp_dir(), "clawsig-inspect-")?;
            let params = match &arguments.path {
                Some(path) => SourceParams {
                    kind: SourceKind::Path,
                    path: path.clone(),
                    ..SourceParams::default()
                },
                None => SourceParams::default(),
            };
            let located = Located::fetch(&params, &HubOptions::default(), global.quiet, true)?;
            let source = located.source(scratch.folder())?;
            let progress = Progress::new("read", global.quiet);
            ingest::read_rows(&source, IngestParams::default(), scratch.folder(), &progress)?;
            scratch.folder().to_owned()
        }
    };
    let profile: DataProfile = files::read_json(&folder.join("profile.json"))?;
    let rows = first_rows(&folder, arguments.rows)?;
    terminal::print(&match global.format {
        OutputFormat::Json => {
            format!("{:#}\n", serde_json::json!({ "profile": profile, "first_rows": rows }))
        }
        OutputFormat::Text => describe(&profile, &rows),
    })?;
    Ok(ExitStatus::Done)
}

/// The first rows of the first split that has some.
fn first_rows(folder: &Path, wanted: usize) -> Result<Vec<SkillRow>, Error> {
    let mut rows = Vec::new();
    for split in Split::ALL {
        let path = folder.join("signals").join(format!("{split}.parquet"));
        let reader = SignalsReader::open(&path)?;
        for row in reader.rows(Columns::All).take(wanted.saturating_sub(rows.len())) {
            rows.push(row?);
        }
    }
    Ok(rows)
}

fn describe(profile: &DataProfile, rows: &[SkillRow]) -> String {
    let mut text = String::new();
    let heading = |text: &mut String, title: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}{title}", if text.is_empty() { "" } else { "\n" });
    };
    let synthetic = if profile.synthetic { " (synthetic)" } else { "" };
    heading(
        &mut text,
        &format!(
            "{} rows{synthetic}, {} columns; {} rejected",
            count(profile.rows),
            profile.columns.len(),
            count(profile.rejected),
        ),
    );
    for warning in &profile.warnings {
        heading(&mut text, &format!("warning: {warning}"));
    }

    heading(&mut text, "columns");
    let mut table = Table::new(&["name", "type", ">null", ">empty"]);
    for column in &profile.columns {
        let kind = serde_json::to_value(column.kind).ok();
        let kind = kind.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        table.row([column.name.clone(), kind, count(column.nulls), count(column.empty)]);
    }
    text.push_str(&table.render());

    heading(&mut text, "first rows");
    let mut table = Table::new(&[
        "id",
        "slug",
        "split",
        "verdict",
        "static",
        "virustotal",
        "skillspector",
        "text",
    ])
    .clipped();
    for row in rows {
        let status = |status: &Option<String>| printable(status.as_deref().unwrap_or("null"), 12);
        table.row([
            printable(&row.id, 8),
            printable(row.slug.as_deref().unwrap_or("null"), 28),
            row.split.to_string(),
            printable(row.verdict.text().unwrap_or("null"), 16),
            status(&row.static_scan.status),
            status(&row.virustotal.status),
            status(&row.skillspector.status),
            printable(row.text.as_deref().unwrap_or("null"), 40),
        ]);
    }
    text.push_str(&table.render());

    heading(&mut text, "verdicts by split");
    text.push_str(&crossed(profile, |split| &split.verdicts));
    heading(&mut text, "SkillSpector severity by split");
    text.push_str(&crossed(profile, |split| &split.severities));
    for scanner in clawsig_schema::Scanner::NAMES {
        heading(&mut text, &format!("{scanner} status by split"));
        static NONE: BTreeMap<String, u64> = BTreeMap::new();
        text.push_str(&crossed(profile, |split| split.statuses.get(*scanner).unwrap_or(&NONE)));
    }

    heading(&mut text, "length of the text in characters");
    let mut table = Table::new(&[
        "split", ">texts", ">min", ">5 %", ">25 %", ">median", ">75 %", ">95 %", ">max", ">mean",
    ]);
    for split in &profile.splits {
        table.row(quantile_cells(&split.split, &split.text_chars));
    }
    text.push_str(&table.render());

    for (scanner, output) in &profile.examples {
        heading(&mut text, &format!("an output of {scanner}"));
        for line in output.lines().take(40) {
            let _ = writeln!(text, "  {}", printable(line, 100));
        }
    }
    text
}

fn quantile_cells(name: &str, q: &Quantiles) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.0}"));
    let mut cells = vec![name.to_owned(), count(q.n)];
    cells.extend([q.min, q.p5, q.p25, q.p50, q.p75, q.p95, q.max, q.mean].map(number));
    cells
}

/// A table of the labels that occur against the splits.
fn crossed<'a>(
    profile: &'a DataProfile,
    counts: impl Fn(&'a clawsig_schema::profile::SplitProfile) -> &'a BTreeMap<String, u64>,
) -> String {
    let mut labels: Vec<&str> =
        profile.splits.iter().flat_map(|s| counts(s).keys().map(String::as_str)).collect();
    labels.sort_unstable();
    labels.dedup();
    let splits: Vec<String> =
        profile.splits.iter().map(|split| format!(">{}", printable(&split.split, 16))).collect();
    let heading: Vec<&str> =
        std::iter::once("").chain(splits.iter().map(String::as_str)).chain([">all"]).collect();
    let mut table = Table::new(&heading);
    for label in labels {
        let rows = |split| counts(split).get(label).copied().unwrap_or_default();
        let all: u64 = profile.splits.iter().map(rows).sum();
        let cells = profile.splits.iter().map(|split| count(rows(split)));
        table.row(std::iter::once(printable(label, 24)).chain(cells).chain([count(all)]));
    }
    table.render()
}
