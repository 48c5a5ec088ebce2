//! `clawsig verify`: whether a run is whole, is what it says it is, and gives the published figures.

mod figures;
mod fit;
mod intact;
mod rebuild;
mod snapshot;

use std::{fmt, path::Path};

use clawsig_schema::{
    agreement::AgreementResults, hostile::printable, lock::DatasetLock, profile::DataProfile,
    published::PublishedFigures,
};
use clawsig_store::RunFolder;
use serde::Serialize;
use serde_json::json;

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, VerifyArgs},
    files, published,
    stages::Stage,
    terminal::{self, Table},
};

/// The lock that is built in.
const LOCK: &str = include_str!("../../../../data/dataset.lock.json");

/// The outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum CheckResult {
    Holds,
    Differs,
    NotInThisRun,
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CheckResult::Holds => "holds",
            CheckResult::Differs => "differs",
            CheckResult::NotInThisRun => "not in this run",
        })
    }
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Check {
    /// The thing that was compared.
    name: String,
    /// The source of the expected value.
    source: String,
    /// The expected value.
    expected: String,
    /// The value of the run; empty where it has none.
    found: String,
    /// Whether they agree.
    result: CheckResult,
    /// Why it is not in this run, or what exactly differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Check {
    /// A check of two texts.
    fn new(name: impl Into<String>, source: &str, expected: String, found: String) -> Check {
        let result = if expected == found { CheckResult::Holds } else { CheckResult::Differs };
        Check { name: name.into(), source: source.to_owned(), expected, found, result, why: None }
    }

    /// A check of a count that should be 0; `why` names what was counted.
    fn none(name: impl Into<String>, source: &str, found: &[String]) -> Check {
        let mut check = Check::new(name, source, "0".to_owned(), found.len().to_string());
        if !found.is_empty() {
            let more = found.len().saturating_sub(NAMED);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            check.why = Some(found[..found.len().min(NAMED)].join("; ") + &more);
        }
        check
    }
}

/// Differences of one kind that are named one by one.
const NAMED: usize = 20;

/// Checks of one kind, with the words that go above them.
struct Section {
    title: &'static str,
    note: Option<String>,
    checks: Vec<Check>,
}

/// Prints one line a check; exit code 3 if one differs.
pub(crate) fn verify(arguments: &VerifyArgs, global: &Global) -> Result<ExitStatus, Error> {
    let run = RunFolder::open_read_only(&arguments.run)?;
    let stages = intact::finished(&run)?;
    if !stages.contains(&Stage::Ingest) {
        return Err(Error::Usage(format!(
            "{} holds no finished ingest stage; name the folder of a run, as `clawsig run` made it",
            arguments.run.display()
        )));
    }
    let lock: DatasetLock = match arguments.lock.as_deref() {
        Some(path) => files::read_json(path)?,
        None => serde_json::from_str(LOCK).map_err(|e| Error::Artifact {
            path: "data/dataset.lock.json".into(),
            reason: e.to_string(),
        })?,
    };
    let published: PublishedFigures = match arguments.published.as_deref() {
        Some(path) => files::read_json(path)?,
        None => published::figures()?,
    };

    let mut sections = vec![intact::artifacts(&run, &stages)?];
    // The content of damaged files is not compared with anything.
    let whole = sections.iter().all(|section| holds(&section.checks));
    if whole {
        let profile: DataProfile = files::read_json(&run.verified("ingest", "profile.json")?)?;
        let agreement: Option<AgreementResults> = match stages.contains(&Stage::Agreement) {
            true => Some(files::read_json(&run.verified("agreement", "agreement.json")?)?),
            false => None,
        };
        let recount = intact::Recount::of(&run)?;
        sections.splice(0..0, intact::to_look_at(&profile, agreement.as_ref()));
        sections.push(intact::counts(&profile, agreement.as_ref(), &recount));
        sections.push(fit::together(&run, &stages, &recount)?);
        let named = arguments.lock.is_some() || arguments.published.is_some();
        let found = snapshot::compare(&lock, &published, &profile, &run, named)?;
        let compared = found.compared;
        sections.push(found.section);
        if compared {
            sections.push(figures::compare(&published, &profile, &run)?);
        }
        if arguments.rebuild {
            sections.push(rebuild::rebuild(&run, &stages, arguments)?);
        }
    }
    print(&arguments.run, &sections, whole, global)?;
    let held = sections.iter().all(|section| holds(&section.checks));
    Ok(if held { ExitStatus::Done } else { ExitStatus::CheckFailed })
}

fn holds(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.result != CheckResult::Differs)
}

fn print(run: &Path, sections: &[Section], whole: bool, global: &Global) -> Result<(), Error> {
    let all = || sections.iter().flat_map(|section| &section.checks);
    let number = |result| all().filter(|check| check.result == result).count();
    let (held, differing) = (number(CheckResult::Holds), number(CheckResult::Differs));
    let absent = number(CheckResult::NotInThisRun);
    let text = match global.format {
        OutputFormat::Json => {
            let sections: Vec<_> = sections
                .iter()
                .map(|s| json!({ "section": s.title, "note": s.note, "checks": s.checks }))
                .collect();
            let counts = json!({ "holds": held, "differs": differing, "not_in_this_run": absent });
            format!("{:#}\n", json!({ "run": run, "sections": sections, "counts": counts }))
        }
        OutputFormat::Text => {
            let mut text = format!("{}\n", printable(&run.display().to_string(), 500));
            for section in sections {
                text.push_str(&format!("\n{}\n", section.title));
                if let Some(note) = &section.note {
                    text.push_str(&format!("  {note}\n"));
                }
                if !section.checks.is_empty() {
                    text.push_str(&table(&section.checks));
                }
            }
            if !whole {
                text.push_str(
                    "\nThe run is damaged, so nothing in it was compared with anything; run it \
                     again, and what is damaged is made anew.\n",
                );
            }
            text.push_str(&format!(
                "\n{held} hold, {differing} differ, {absent} not in this run\n"
            ));
            text
        }
    };
    terminal::print(&text)
}

fn table(checks: &[Check]) -> String {
    let mut table = Table::new(&["what", "source", ">expected", ">found", "result"]);
    for check in checks {
        let result = match &check.why {
            Some(why) => format!("{}: {}", check.result, printable(why, 4000)),
            None => check.result.to_string(),
        };
        let shown = |text: &str| match text.len() {
            // The beginning of a SHA-256 tells two files apart; the JSON has all of it.
            64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => format!("{}...", &text[..16]),
            _ => printable(text, 80),
        };
        table.row([
            shown(&check.name),
            check.source.clone(),
            shown(&check.expected),
            shown(&check.found),
            result,
        ]);
    }
    table.render()
}
