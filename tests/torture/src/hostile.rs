//! Skills written by someone who means harm: nothing leaves the run's folder, nothing is executed,
//! nothing is rendered, and no text takes more than its length's share of time.

mod linear;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    CampaignOptions, CampaignReport, Failure,
    program::{Ended, Program},
    tree::{artifacts, files},
};

/// A word in every payload, to find it by.
const MARK: &str = "zq9hostile";

/// What an attacker might write where anyone shows or stores it.
const PAYLOADS: &[&str] = &[
    "../../../../tmp/zq9hostile",
    "/etc/zq9hostile",
    "..\\..\\zq9hostile",
    "C:\\zq9hostile",
    "CON.zq9hostile",
    "NUL/zq9hostile",
    "-rf zq9hostile",
    "~/zq9hostile",
    "$(touch zq9hostile)",
    "`touch zq9hostile`; touch zq9hostile",
    "<script>zq9hostile()</script>",
    "<img src=x onerror=zq9hostile()>",
    "</style></svg><svg onload=zq9hostile()>",
    "\"><a href='javascript:zq9hostile()'>x</a>",
    "]]><!--zq9hostile-->",
    "{{ zq9hostile }} {% zq9hostile %}",
    "![x](http://zq9hostile.example/x.png) [y](javascript:zq9hostile)",
    "\n# zq9hostile\n| a | b |\n---\n```",
    "\u{1b}[2J\u{1b}]0;zq9hostile\u{7}\u{1b}[31m",
    "\u{9b}2J\u{90}zq9hostile\u{9c}\r\u{8}",
    "=HYPERLINK(\"http://zq9hostile.example\",\"x\")",
    "+zq9hostile|' /C calc'!A0",
    "-zq9hostile+1",
    "@SUM(zq9hostile)",
    "\t=zq9hostile",
    "＝zq9hostile",
    "zq9hostile\",\"x\n=1+1,",
    "\u{202e}eltsohqz9\u{2066}zq9hostile",
    "\u{200b}\u{feff}zq9hostile\u{e0041}\u{fe00}",
    "zq9hostile\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "İıſKÅﬃ zq9hostile ß",
    "%s%n%x zq9hostile {0} {}",
    "zq9hostile'; DROP TABLE skills; --",
];

/// Columns whose texts anyone who publishes a skill, or who writes a scanner's answer, chooses.
const TEXTS: &[&str] = &[
    "skill_slug",
    "skill_version",
    "skill_md_content",
    "clawscan_confidence",
    "clawscan_model",
    "clawscan_summary",
    "static_status",
    "virustotal_status",
    "skillspector_status",
    "skillspector_severity",
];

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let program = Program::new(options)?;
    let data = options.scratch.join("skills");
    let rows = write_dataset(&program, &data, options)?;
    let run = options.scratch.join("inside/run");
    fs::create_dir_all(options.scratch.join("inside"))?;
    let outside = |folder: &Path| -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        let mut found = files(folder)?;
        found.retain(|name, _| !name.starts_with("inside/run/") && name != "trace");
        Ok(found)
    };
    let before = outside(&options.scratch)?;
    let path = format!("source.path={}", data.display());
    let to = run.display().to_string();
    let words = ["run", "--set", "source.kind=path", "--set", &path, "--out", &to];
    let ended = traced(&program, &options.scratch, &words, report)?;
    report.hold(ended.code() == Some(0), || {
        format!("the study did not end well: {}", ended.stderr.trim_end())
    });
    let shown = program.run(&["inspect", &data.display().to_string(), "--rows", "50"])?;
    let again = program.run(&["inspect", &to])?;
    let status = program.run(&[&["status"][..], &words[1..]].concat())?;
    let what = crate::tree::difference(&before, &outside(&options.scratch)?);
    report.hold(what.is_none(), || format!("outside the run: {}", what.unwrap_or_default()));

    let profile: Value = serde_json::from_slice(&fs::read(run.join("ingest/profile.json"))?)?;
    let kept = profile["rows"].as_u64().unwrap_or(0);
    report.note(format!(
        "{rows} hostile rows, {kept} kept, {} rejected; {} payloads in {} columns, codes, bundle \
         paths and scanner outputs",
        profile["rejected"],
        PAYLOADS.len(),
        TEXTS.len()
    ));
    report.hold(kept > rows / 2, || format!("only {kept} of {rows} rows reach the later stages"));
    for (name, ended) in [
        ("run", &ended),
        ("inspect of rows", &shown),
        ("inspect of a run", &again),
        ("status", &status),
    ] {
        for (stream, text) in [("output", &ended.stdout), ("errors", &ended.stderr)] {
            let acts =
                text.chars().find(|&c| c != '\n' && clawsig_schema::hostile::is_deceptive(c));
            report.hold(acts.is_none(), || format!("{name}: {acts:?} in its {stream}"));
        }
        report.hold(ended.code() == Some(0), || format!("{name} ended with {}", ended.status));
    }
    let mut found = 0;
    for (name, content) in artifacts(&run)? {
        let text = String::from_utf8_lossy(&content);
        found += u64::from(text.contains(MARK));
        for what in unsafe_in(&name, &text) {
            report.broken.push(format!("{name}: {what}"));
        }
        report.cases += 1;
    }
    report.hold(found > 3, || format!("payloads reached {found} files only: the check is empty"));
    report.note(format!("payloads reached {found} files of the run, none in a form that acts"));
    if options.short {
        return Ok(());
    }
    linear::run(options, report)
}

/// What in a file would act on whoever opens it.
fn unsafe_in(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let ending = name.rsplit('.').next().unwrap_or_default();
    if matches!(ending, "html" | "svg" | "md") {
        for raw in ["<script>zq9", "<img src=x", "<svg onload", "<!--zq9", "<a href='javascript"] {
            if text.contains(raw) {
                found.push(format!("holds {raw}"));
            }
        }
        for scheme in ["href=\"javascript:", "href=\"http://zq9", "src=\"http"] {
            if text.contains(scheme) {
                found.push(format!("links by {scheme}"));
            }
        }
    }
    if ending == "md" && (text.contains("](http://zq9") || text.contains("\n# zq9")) {
        found.push("holds a link or a heading of a skill's".to_owned());
    }
    if matches!(ending, "html" | "svg" | "md" | "csv") {
        let acts = text.chars().find(|&c| {
            !matches!(c, '\n' | '\t' | '\r') && c.is_control()
                || matches!(c, '\u{202e}' | '\u{2066}')
        });
        if let Some(c) = acts {
            found.push(format!("holds {c:?} as it is"));
        }
    }
    if ending == "csv" {
        for cell in cells(text).iter().filter(|cell| cell.contains(MARK)) {
            let head = cell.trim_start_matches([' ', '"', '\'']);
            let formula = head.starts_with(['=', '+', '-', '@', '\t', '＝']);
            if formula && !cell.starts_with('\'') {
                found.push(format!("a spreadsheet takes {cell:?} for a formula"));
            }
        }
    }
    found
}

/// The cells of a CSV text.
fn cells(text: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

/// A sound dataset whose texts are replaced by payloads; gives the number of its rows.
fn write_dataset(
    program: &Program,
    folder: &Path,
    options: &CampaignOptions,
) -> Result<u64, Failure> {
    let to = folder.display().to_string();
    let rows = if options.short { "300" } else { "600" };
    program.done(&["synth", "--rows", rows, "--small", "--seed", "9", "--out", &to])?;
    let mut number = 0;
    for split in ["train", "validation", "test", "eval_holdout"] {
        let path = folder.join(format!("{split}.jsonl"));
        let mut changed = String::new();
        for line in fs::read_to_string(&path)?.lines() {
            let mut row: Value = serde_json::from_str(line)?;
            poison(&mut row, number);
            changed.push_str(&row.to_string());
            changed.push('\n');
            number += 1;
        }
        fs::write(&path, changed)?;
    }
    Ok(number as u64)
}

fn poison(row: &mut Value, number: usize) {
    let payload = PAYLOADS[number % PAYLOADS.len()];
    let column = TEXTS[(number / 3) % TEXTS.len()];
    let text = match column {
        "skill_slug" => format!("{payload}/{number}"),
        "skill_md_content" => {
            let text = row[column].as_str().unwrap_or_default();
            format!("---\nname: {payload}\n---\n{payload} {text} {payload}")
        }
        _ => payload.to_owned(),
    };
    row[column] = json!(text);
    // Every slug names the payload too, in one row of two: tables of errors show slugs.
    if number.is_multiple_of(2) {
        row["skill_slug"] = json!(format!("{payload}/{number}"));
    }
    row["static_reason_codes"] = json!([payload, "suspicious.dynamic_code_execution"]);
    row["skillspector_issue_categories"] = json!([payload]);
    row["skill_bundle_content"] = json!([
        { "path": payload, "content": payload, "sha256": "0".repeat(64), "sizeBytes": 3 },
        { "path": format!("../{payload}"), "content": payload, "sha256": payload, "sizeBytes": 3 },
    ]);
    if let Some(context) = row["clawscan_context"]["static"].as_object_mut() {
        context.insert(payload.to_owned(), json!(payload));
    }
}

/// Runs the program under strace where there is one, and looks at what it asked the system for.
fn traced(
    program: &Program,
    scratch: &Path,
    words: &[&str],
    report: &mut CampaignReport,
) -> Result<Ended, Failure> {
    let there = Command::new("strace")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        report.note("system calls: not watched, strace is not installed");
        return program.run(words);
    }
    let trace = scratch.join("trace");
    let to = trace.display().to_string();
    let calls = "trace=execve,execveat,fork,vfork,connect,bind,sendto,ptrace";
    let ended = program.behind(&["strace", "-f", "-qq", "-e", calls, "-o", &to]).run(words)?;
    let text = fs::read_to_string(&trace)?;
    let started = text.matches("execve(").count();
    let connected = text
        .lines()
        .filter(|line| ["connect(", "bind(", "sendto("].iter().any(|c| line.contains(c)));
    let connected = connected.count();
    report.hold(started == 1 && connected == 0, || {
        format!("{started} programs started, {connected} network calls:\n{text}")
    });
    report.note(format!(
        "system calls: {} program started (itself), {connected} network calls, by strace",
        started
    ));
    Ok(ended)
}
