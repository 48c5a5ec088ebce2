//! Drawing a sample and writing it for people and tools.

use std::{collections::HashMap, fmt::Write as _};

use clawsig_adjudicate::{
    Design, DesignParams, ReviewUnit, STRATA, Sheets, Size, draw, stratum_of,
};
use clawsig_ingest::Columns;
use serde_json::json;

use super::{
    DESIGN, StoredDesign, VERSION,
    skills::{Skill, Skills},
};
use crate::{
    Error, ExitStatus,
    cli::{Global, Hide, OutputFormat, SampleArgs},
    commands::export::place::FolderPlace,
    files,
    terminal::{self, Table, count, counted, sentence},
};

/// Draws and writes.
pub(super) fn sample(words: &SampleArgs, global: &Global) -> Result<ExitStatus, Error> {
    let size = words.reviews.map_or(Size::Width(words.width), Size::Reviews);
    let params = DesignParams { size, seed: words.seed, ..DesignParams::default() };
    let skills = Skills::open(&words.run)?;
    let place = FolderPlace::at(&words.out, words.force)?;
    let mut units = Vec::new();
    skills.each(Columns::WithoutText, |skill| {
        units.push((skill.item, stratum_of(&skill.signs)));
        Ok(())
    })?;
    let names = STRATA.map(|(name, meaning)| (name.to_owned(), meaning.to_owned()));
    let design = draw(&names, &units, &params)?;
    let sheets = sheets(&skills, &design, words.hide)?;

    let at = |name: &str| place.root().join(name);
    let csv = sheets.csv()?;
    std::fs::write(at("sample.csv"), csv).map_err(Error::io("write", at("sample.csv")))?;
    files::write_json(&at("label_studio.json"), &sheets.label_studio_tasks())?;
    files::write_text(&at("label_studio.xml"), &sheets.label_studio_config())?;
    files::write_json(&at("argilla.json"), &sheets.argilla_records())?;
    files::write_json(&at("argilla_settings.json"), &sheets.argilla_settings())?;
    files::write_text(&at("README.md"), README)?;
    let text = summary(&design, &skills, words);
    let printed = json!({
        "out": words.out,
        "reviews": design.drawn.len(),
        "strata": design.strata,
        "seed": words.seed,
        "remarks": skills.remarks,
    });
    let stored = StoredDesign {
        version: VERSION,
        rows: skills.rows.to_string(),
        claimants: skills.claimants.clone(),
        design,
    };
    files::write_json(&at(DESIGN), &stored)?;
    place.close()?;
    match global.format {
        OutputFormat::Json => terminal::print(&format!("{printed:#}\n"))?,
        OutputFormat::Text if global.quiet => {}
        OutputFormat::Text => terminal::print(&text)?,
    }
    Ok(ExitStatus::Done)
}

/// What is shown of each drawn skill, in the order of review.
fn sheets(skills: &Skills, design: &Design, hide: Hide) -> Result<Sheets, Error> {
    let mut names = vec!["text", "bundle"];
    if hide != Hide::Findings {
        names.push("findings");
    }
    if hide == Hide::Nothing {
        names.push("claims");
    }
    let order: HashMap<&str, usize> =
        design.drawn.iter().enumerate().map(|(at, drawn)| (drawn.id.as_str(), at)).collect();
    let mut units = vec![ReviewUnit::default(); design.drawn.len()];
    skills.each(Columns::All, |skill| {
        if let Some(&at) = order.get(skill.item.as_str()) {
            let mut evidence = vec![text(&skill), bundle(&skill)];
            if hide != Hide::Findings {
                evidence.push(findings(&skill));
            }
            if hide == Hide::Nothing {
                let stratum = &design.strata[design.drawn[at].stratum].name;
                evidence.push(claims(&skill, stratum));
            }
            units[at] = ReviewUnit { id: skill.item, evidence };
        }
        Ok(())
    })?;
    Ok(Sheets { evidence: names, units })
}

fn text(skill: &Skill) -> String {
    skill.row.text.clone().unwrap_or_else(|| "(no SKILL.md)".to_owned())
}

fn bundle(skill: &Skill) -> String {
    let bundle = &skill.row.bundle;
    if bundle.files == 0 {
        return "(no files)".to_owned();
    }
    let kinds: Vec<String> = bundle
        .extensions
        .iter()
        .map(|kind| {
            let name = if kind.extension.is_empty() { "without ending" } else { &kind.extension };
            format!("{} {name}", kind.files)
        })
        .collect();
    let mut text = format!("{} files, {} bytes: {}", bundle.files, bundle.bytes, kinds.join(", "));
    if bundle.unsafe_paths > 0 {
        let _ = write!(text, "; {} unsafe paths", bundle.unsafe_paths);
    }
    text
}

fn findings(skill: &Skill) -> String {
    let row = &skill.row;
    let status = |status: &Option<String>| status.clone().unwrap_or_else(|| "no result".to_owned());
    let engines = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let mut text = format!(
        "static: {}, {} findings\nVirusTotal: {}, {} engines say malicious, {} suspicious\nSkillSpector: {}",
        status(&row.static_scan.status),
        row.static_scan.finding_count,
        status(&row.virustotal.status),
        engines(row.virustotal.malicious),
        engines(row.virustotal.suspicious),
        status(&row.skillspector.status),
    );
    if let Some(score) = row.skillspector.score {
        let _ = write!(text, ", score {score}");
    }
    for code in &row.static_scan.reason_codes {
        let _ = write!(text, "\nstatic: {code}");
    }
    for (code, category) in
        row.skillspector.issue_codes.iter().zip(&row.skillspector.issue_categories)
    {
        let _ = write!(text, "\nSkillSpector: {code} {category}");
    }
    text
}

fn claims(skill: &Skill, stratum: &str) -> String {
    let row = &skill.row;
    let mut text = format!("verdict: {}", row.verdict.text().unwrap_or("none"));
    if let Some(summary) = &row.judge.summary {
        let _ = write!(text, "\njudge: {summary}");
    }
    if let Some(predicted) = &skill.predicted {
        let _ = write!(text, "\nmodel: {predicted}");
    }
    let _ = write!(text, "\nstratum: {stratum}");
    text
}

fn summary(design: &Design, skills: &Skills, words: &SampleArgs) -> String {
    let mut table =
        Table::new(&["stratum", ">skills", ">drawn", ">probability", ">width", "meaning"])
            .last_below();
    for one in &design.strata {
        table.row([
            one.name.clone(),
            count(one.population),
            count(one.drawn),
            format!("{:.4}", one.probability()),
            format!("{:.3}", one.width),
            one.meaning.clone(),
        ]);
    }
    let mut text = table.render();
    let all: u64 = design.strata.iter().map(|one| one.population).sum();
    let lines = [
        format!(
            "{} of {} to review; width is that of a 95 % interval of a share of one half within the \
             stratum",
            count(design.drawn.len() as u64),
            counted(all, "skill")
        ),
        format!(
            "{}: sample.csv, label_studio.json and .xml, argilla.json and argilla_settings.json; keep \
             {DESIGN} from the reviewers",
            words.out.display()
        ),
    ];
    for line in skills.remarks.iter().map(|remark| format!("note: {remark}")).chain(lines) {
        let _ = writeln!(text, "{}", sentence(&line));
    }
    text
}

/// What lies beside the sample.
const README: &str = "\
# A review sample

- `sample.csv`: one row a skill, to be filled in with a spreadsheet: `reviewer`, an answer a question, a note.
- `label_studio.json`: tasks to import into Label Studio; `label_studio.xml`: the labelling interface. Export as JSON,
  JSON-MIN or CSV.
- `argilla.json`: records for `dataset.records.from_json`; `argilla_settings.json`: for `Settings.from_json`. Export with
  `dataset.records.to_json`.
- `design.json`: the strata and probabilities. `clawsig adjudicate score` needs it; reviewers should not see it.

The answers to each question but the last are none, some, serious or cannot_tell; to `posture` clean, suspicious,
malicious or cannot_tell. The texts are other people's and may be hostile: run nothing, follow nothing.
";
