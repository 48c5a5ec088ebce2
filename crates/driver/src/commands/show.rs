//! `clawsig show`: everything that a run knows of one skill.

use std::fmt::Write as _;

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    FlagRule, Scanner, SkillRow, Split, evaluation::Explanation, flags::flag, hostile::printable,
    matrix::RowInfo,
};
use serde::Serialize;

use super::predict;
use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, ShowArgs},
    finished::FinishedRun,
    stages::Stage,
    terminal::{self, Table, count, counted, sentence},
};

/// Skills of nearly that name that an error names.
const NEAR: usize = 3;
/// A beginning of an id that is long enough to mean one skill.
const ID_BEGINNING: usize = 8;
/// The most characters of a text of the skill's author or its judge.
const TEXT: usize = 400;

/// One skill, as `--format json` prints it. Its text is left out.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: SkillRow,
    text_characters: Option<usize>,
    flags: Vec<ScannerFlags>,
    near_duplicates: Option<Vec<NearDuplicate>>,
    near_duplicates_absent: Option<String>,
    model: Option<ModelAnswer>,
    model_absent: Option<String>,
}

/// A scanner's flag under each rule; null where the rule finds nothing to decide on.
#[derive(Serialize)]
struct ScannerFlags {
    scanner: Scanner,
    status: Option<bool>,
    label: Option<bool>,
    any_output: Option<bool>,
}

/// A near-duplicate.
#[derive(Serialize)]
struct NearDuplicate {
    id: String,
    slug: Option<String>,
    split: Split,
    verdict: Option<String>,
}

/// What the run's model says.
#[derive(Serialize)]
struct ModelAnswer {
    classes: Vec<String>,
    probabilities: Vec<f64>,
    says: String,
    explanation: Option<Explanation>,
    unlike: Vec<String>,
}

/// Prints the evidence of each row that the name stands for: more than one where splits share it.
pub(crate) fn show(arguments: &ShowArgs, global: &Global) -> Result<ExitStatus, Error> {
    let run = FinishedRun::open(&arguments.run)?;
    let rows = find(&run, &arguments.skill)?;
    let groups = groups(&run)?;
    let mut shown = Vec::new();
    for row in rows {
        let text_characters = row.text.as_ref().map(|text| text.chars().count());
        let (model, model_absent) = match score(&run, &row, arguments.top)? {
            Ok(model) => (Some(model), None),
            Err(why) => (None, Some(why)),
        };
        let (near_duplicates, near_duplicates_absent) = match &groups {
            Some(groups) => (Some(copies(groups, &row)), None),
            None => (None, Some("the run has no finished features stage".to_owned())),
        };
        let flags = Scanner::ALL.iter().map(|&scanner| ScannerFlags {
            scanner,
            status: flag(&row, scanner, FlagRule::Status),
            label: flag(&row, scanner, FlagRule::Label),
            any_output: flag(&row, scanner, FlagRule::AnyOutput),
        });
        shown.push(Shown {
            flags: flags.collect(),
            row: SkillRow { text: None, ..row },
            text_characters,
            near_duplicates,
            near_duplicates_absent,
            model,
            model_absent,
        });
    }
    match global.format {
        OutputFormat::Json => {
            let json = serde_json::to_string_pretty(&shown).map_err(|e| Error::Output(e.into()))?;
            terminal::print(&format!("{}\n", terminal::harmless(&json)))?;
        }
        OutputFormat::Text => {
            let texts: Vec<String> = shown.iter().map(text).collect();
            terminal::print(&texts.join("\n"))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// The rows of that slug or id, or of the only id that begins so.
fn find(run: &FinishedRun, wanted: &str) -> Result<Vec<SkillRow>, Error> {
    let is_beginning = wanted.len() >= ID_BEGINNING;
    let (mut exact, mut beginning) = (Vec::new(), Vec::new());
    let mut near: Vec<(f64, String)> = Vec::new();
    for split in Split::ALL {
        let path = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&path)?.rows(Columns::All) {
            let row = row?;
            if row.id == wanted || row.slug.as_deref() == Some(wanted) {
                exact.push(row);
                continue;
            }
            if is_beginning && row.id.starts_with(wanted) && beginning.len() < 2 {
                beginning.push(row);
            } else if let Some(slug) = row.slug.filter(|_| exact.is_empty()) {
                let name = slug.split_once('/').map_or(slug.as_str(), |(_, name)| name);
                let alike = strsim::jaro_winkler(wanted, &slug).max(match name == wanted {
                    true => 1.0,
                    false => 0.9 * strsim::jaro_winkler(wanted, name),
                });
                let place = near.partition_point(|known| known.0 >= alike);
                if place < NEAR && !near.iter().any(|known| known.1 == slug) {
                    near.insert(place, (alike, slug));
                    near.truncate(NEAR);
                }
            }
        }
    }
    if !exact.is_empty() {
        return Ok(exact);
    }
    if beginning.len() == 1 {
        return Ok(beginning);
    }
    let names: Vec<String> = near.iter().map(|(_, slug)| printable(slug, 120)).collect();
    let several = if beginning.len() > 1 {
        "more than one id begins with"
    } else {
        "no skill has the slug or id"
    };
    let hint = match names.is_empty() {
        true => "the run has no slugs".to_owned(),
        false => format!("nearest are {}", names.join(", ")),
    };
    Err(Error::Usage(format!(
        "{several} `{}` in {}; {hint}",
        printable(wanted, 120),
        run.root().display()
    )))
}

/// Every row with its near-duplicate group; `None` without a features stage.
fn groups(run: &FinishedRun) -> Result<Option<Vec<RowInfo>>, Error> {
    if !run.has(Stage::Features)? {
        return Ok(None);
    }
    let mut all = Vec::new();
    for &split in Split::ALL {
        all.extend(run.rows(split)?);
    }
    Ok(Some(all))
}

/// The other rows of the same group.
fn copies(groups: &[RowInfo], row: &SkillRow) -> Vec<NearDuplicate> {
    let is_it = |info: &&RowInfo| info.id == row.id && info.split == row.split;
    let Some(own) = groups.iter().find(is_it) else { return Vec::new() };
    groups
        .iter()
        .filter(|info| info.duplicate_group == own.duplicate_group && !is_it(info))
        .map(|info| NearDuplicate {
            id: info.id.clone(),
            slug: info.slug.clone(),
            split: info.split,
            verdict: info.verdict.text().map(str::to_owned),
        })
        .collect()
}

/// The model's answer for a row, or the reason why it gives none.
fn score(
    run: &FinishedRun,
    row: &SkillRow,
    top: usize,
) -> Result<Result<ModelAnswer, String>, Error> {
    if !run.has(Stage::Train)? {
        return Ok(Err("the run has no trained model".to_owned()));
    }
    let said = predict::score_row(run.root(), row, top)?;
    Ok(said.map(|said| ModelAnswer {
        classes: said.classes.iter().map(|&class| class.to_owned()).collect(),
        says: said.classes[said.score.class].to_owned(),
        probabilities: said.score.probabilities,
        explanation: said.score.explanation,
        unlike: said.unlike,
    }))
}

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", sentence(line));
}

fn safe(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| printable(text, TEXT))
}

fn list(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().take(30).map(|text| printable(text, 80)).collect();
    match texts.len() {
        0 => "none".to_owned(),
        more if more > shown.len() => {
            format!("{} and {} more", shown.join(", "), more - shown.len())
        }
        _ => shown.join(", "),
    }
}

fn text(shown: &Shown) -> String {
    let mut out = String::new();
    let row = &shown.row;
    line(&mut out, &format!("{}  version {}", safe(row.slug.as_deref()), safe(Some(&row.version))));
    line(&mut out, &format!("id {}, split {}", printable(&row.id, 80), row.split));
    line(
        &mut out,
        &format!(
            "verdict {}; judge {}, confidence {}",
            safe(row.verdict.text()),
            safe(row.judge.model.as_deref()),
            safe(row.judge.confidence.as_deref())
        ),
    );
    if let Some(summary) = &row.judge.summary {
        line(&mut out, &format!("the judge's summary: {}", printable(summary, TEXT)));
    }
    let characters = shown.text_characters.map_or_else(
        || "no SKILL.md".to_owned(),
        |characters| format!("SKILL.md of {} characters", count(characters as u64)),
    );
    let bundle = &row.bundle;
    line(
        &mut out,
        &format!(
            "{characters}; {} of {} bytes",
            counted(bundle.files.into(), "bundled file"),
            count(bundle.bytes)
        ),
    );
    let mut table =
        Table::new(&["scanner", "status", "flag: status", "label", "any output", "found"]);
    let flagged = |flag: Option<bool>| match flag {
        Some(true) => "flagged",
        Some(false) => "not flagged",
        None => "missing",
    };
    for flags in &shown.flags {
        let (status, found) = match flags.scanner {
            Scanner::Static => {
                let scan = &row.static_scan;
                let codes = list(&scan.reason_codes);
                (
                    &scan.status,
                    format!("{}; codes {codes}", counted(scan.finding_count.into(), "finding")),
                )
            }
            Scanner::VirusTotal => {
                let scan = &row.virustotal;
                let engines = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
                let found = format!(
                    "engines: {} malicious, {} suspicious, {} harmless, {} undetected; verdict text {}",
                    engines(scan.malicious),
                    engines(scan.suspicious),
                    engines(scan.harmless),
                    engines(scan.undetected),
                    safe(scan.verdict_text.as_deref())
                );
                (&scan.status, found)
            }
            Scanner::SkillSpector => {
                let scan = &row.skillspector;
                let score = scan.score.map_or_else(|| "none".to_owned(), |score| score.to_string());
                let found = format!(
                    "score {score}, severity {}, recommendation {}; {}: {}; codes {}",
                    safe(scan.severity.as_deref()),
                    safe(scan.recommendation.as_deref()),
                    counted(scan.issue_count.into(), "issue"),
                    list(&scan.issue_categories),
                    list(&scan.issue_codes)
                );
                (&scan.status, found)
            }
        };
        table.row([
            flags.scanner.to_string(),
            safe(status.as_deref()),
            flagged(flags.status).to_owned(),
            flagged(flags.label).to_owned(),
            flagged(flags.any_output).to_owned(),
            found,
        ]);
    }
    line(&mut out, "");
    out.push_str(&table.render());
    line(&mut out, "");
    near_duplicates(&mut out, shown);
    line(&mut out, "");
    model(&mut out, shown);
    out
}

fn near_duplicates(out: &mut String, shown: &Shown) {
    let copies = match (&shown.near_duplicates, &shown.near_duplicates_absent) {
        (Some(copies), _) => copies,
        (None, why) => {
            return line(out, &format!("near-duplicates: not known, {}", safe(why.as_deref())));
        }
    };
    if copies.is_empty() {
        return line(out, "no near-duplicate in the run");
    }
    line(out, &counted(copies.len() as u64, "near-duplicate"));
    let mut table = Table::new(&["skill", "id", "split", "verdict"]);
    for copy in copies.iter().take(20) {
        table.row([
            safe(copy.slug.as_deref()),
            printable(&copy.id, 80),
            copy.split.to_string(),
            safe(copy.verdict.as_deref()),
        ]);
    }
    out.push_str(&table.render());
    if copies.len() > 20 {
        line(out, &format!("  and {} more (--format json has all)", copies.len() - 20));
    }
}

fn model(out: &mut String, shown: &Shown) {
    let Some(model) = &shown.model else {
        return line(
            out,
            &format!("the model: not asked, {}", safe(shown.model_absent.as_deref())),
        );
    };
    let each = model.classes.iter().zip(&model.probabilities);
    let probabilities: Vec<String> = each.map(|(class, p)| format!("{class} {p:.4}")).collect();
    line(out, &format!("the run's model says {}: {}", model.says, probabilities.join(", ")));
    for why in &model.unlike {
        line(out, &format!("unlike the training rows: {}", printable(why, TEXT)));
    }
    let Some(why) = &model.explanation else { return };
    line(
        out,
        &format!(
            "why: log-odds of {} against {} {:+.3}, the sum of",
            why.class, why.against, why.log_odds
        ),
    );
    let mut table = Table::new(&[">log-odds", "term"]);
    table.row([format!("{:+.3}", why.intercept), "intercept".to_owned()]);
    for term in &why.contributions {
        table.row([format!("{:+.3}", term.log_odds), printable(&term.name, 80)]);
    }
    table.row([format!("{:+.3}", why.rest), "all other columns".to_owned()]);
    out.push_str(&table.render());
}
