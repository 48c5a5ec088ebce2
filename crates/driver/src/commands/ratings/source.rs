//! Where ratings come from, and how the words of the command line lay them out.

use std::{fs, path::Path};

use clawsig_ingest::{Columns, SignalsReader, TextTable};
use clawsig_ratings::{
    COLUMNS, Layout, Place, RatingFile, RatingsError, Record, Records, Rename, read_scan,
};
use clawsig_schema::{
    Scanner, Split,
    flags::{ScannerLabel, scanner_label},
    hostile::printable,
};
use serde::Serialize;

use crate::{Error, cli::RatingsArgs, finished::FinishedRun, stages::Stage};

/// A file and what it was taken for.
#[derive(Serialize)]
pub(super) struct RatingSource {
    pub(super) file: String,
    pub(super) taken_for: String,
}

/// The layout that the words ask for.
pub(super) fn layout(words: &RatingsArgs) -> Result<Layout, Error> {
    let usage = |text: String| Err(Error::Usage(text));
    let mut layout = Layout {
        raters: words.raters.clone(),
        missing: words.missing.clone(),
        ..Layout::default()
    };
    for word in &words.columns {
        match word.split_once('=') {
            Some((role, name)) if COLUMNS.contains(&role) && !name.is_empty() => {
                layout.columns.push((role.to_owned(), name.to_owned()));
            }
            _ => {
                let roles = COLUMNS.join(", ");
                return usage(format!(
                    "--column {word}: ROLE=NAME is expected, ROLE one of {roles}"
                ));
            }
        }
    }
    for word in &words.rename {
        let Some((from, to)) = word.split_once('=').filter(|(_, to)| !to.is_empty()) else {
            return usage(format!("--rename {word}: VALUE=LABEL or RATER:VALUE=LABEL is expected"));
        };
        let (rater, from) = match from.split_once(':') {
            Some((rater, from)) => (Some(rater.to_owned()), from),
            None => (None, from),
        };
        layout.renamed.push(Rename { rater, from: from.to_owned(), to: to.to_owned() });
    }
    for word in &words.cut {
        let cut = word.rsplit_once('=').and_then(|(rater, number)| {
            let number: f64 = number.parse().ok()?;
            number.is_finite().then(|| (rater.to_owned(), number))
        });
        match cut {
            Some(cut) => layout.cuts.push(cut),
            None => return usage(format!("--cut {word}: RATER=NUMBER is expected")),
        }
    }
    for word in &words.field {
        match word.split_once('=') {
            Some((rater, path)) if !rater.is_empty() && !path.is_empty() => {
                layout.fields.push((rater.to_owned(), path.to_owned()));
            }
            _ => {
                return usage(format!(
                    "--field {word}: SCANNER=PATH is expected, such as cisco=max_severity"
                ));
            }
        }
    }
    Ok(layout)
}

/// Reads every file, each by what its name or folder says that it is.
pub(super) fn read(
    paths: &[impl AsRef<Path>],
    layout: &Layout,
) -> Result<(Records, Vec<RatingSource>), Error> {
    let mut records = Records::default();
    let mut sources = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let file = printable(&path.display().to_string(), 200);
        let taken_for = if path.is_dir() {
            records.extend(of_run(path, &file)?, layout)?;
            "a run: the raters are the scanners, by the exporter's label rule, and the verdict; the \
             clusters are owners"
                .to_owned()
        } else if let Some(scan) = scan(path, &file, &layout.fields)? {
            records.extend(scan.records, layout)?;
            scan.said
        } else {
            let table = rating_file(path, &file)?;
            records.add(&table, layout)?;
            format!("{} rows of ratings", table.rows.len())
        };
        sources.push(RatingSource { file, taken_for });
    }
    records.check_used(layout)?;
    Ok((records, sources))
}

/// What a scanner wrote, if the file is of that kind.
fn scan(
    path: &Path,
    file: &str,
    fields: &[(String, String)],
) -> Result<Option<clawsig_ratings::Scan>, Error> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !["json", "jsonl", "ndjson", "sarif"].contains(&ending.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // `mail.sarif.json` is of the skill `mail`.
    let stem = name.split('.').next().unwrap_or_default();
    Ok(read_scan(file, stem, &bytes, fields)?)
}

fn rating_file(path: &Path, file: &str) -> Result<RatingFile, Error> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let bytes = || fs::read(path).map_err(Error::io("read", path));
    Ok(match ending.to_ascii_lowercase().as_str() {
        "csv" => RatingFile::csv(file, &bytes()?, b',')?,
        "tsv" => RatingFile::csv(file, &bytes()?, b'\t')?,
        "json" | "jsonl" | "ndjson" | "sarif" => RatingFile::json(file, &bytes()?)?,
        "parquet" => {
            let table = TextTable::read(path)?;
            let rows = (1..).zip(table.rows).collect();
            RatingFile { file: file.to_owned(), unit: "row", columns: table.columns, rows }
        }
        _ => {
            // A file that is not there is the likelier mistake.
            fs::metadata(path).map_err(Error::io("open", path))?;
            let reason = "its name does not say what it holds; .csv, .tsv, .jsonl, .ndjson, .json, \
                          .sarif and .parquet are read, not compressed";
            return Err(
                RatingsError::File { file: file.to_owned(), reason: reason.to_owned() }.into()
            );
        }
    })
}

/// The scanners' labels and the verdict of a run's rows.
fn of_run(path: &Path, file: &str) -> Result<Vec<Record>, Error> {
    let run = FinishedRun::open(path)?;
    let mut records = Vec::new();
    let mut number = 0;
    for &split in Split::ALL {
        let signals = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&signals)?.rows(Columns::WithoutText) {
            let row = row?;
            number += 1;
            let mut add = |rater: &str, rating: Option<String>| {
                records.push(Record {
                    // An id is unique within its split alone.
                    item: format!("{split}/{}", row.id),
                    rater: rater.to_owned(),
                    rating,
                    cluster: row.owner().map(str::to_owned),
                    weight: None,
                    version: None,
                    time: None,
                    place: Place { file: file.to_owned(), unit: "row", number },
                });
            };
            for &scanner in Scanner::ALL {
                let label = match scanner_label(&row, scanner) {
                    ScannerLabel::Clean => Some("clean"),
                    ScannerLabel::Suspicious => Some("suspicious"),
                    ScannerLabel::Malicious => Some("malicious"),
                    ScannerLabel::Unknown => None,
                };
                add(scanner.as_str(), label.map(str::to_owned));
            }
            add("verdict", row.verdict.text().map(str::to_owned));
        }
    }
    Ok(records)
}
