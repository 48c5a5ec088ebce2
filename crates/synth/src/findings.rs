//! The scanners' columns of a row, given its verdict and flags.

use clawsig_schema::{Scanner, Severity, Verdict, raw::RawRow};

use crate::{
    census::{Member, ScanResult, is_malicious},
    draw::Draw,
    json::Object,
    risk::{CATEGORIES, REASONS},
};

/// Issues that a row lists; the count goes on.
const MAX_LISTED_ISSUES: usize = 25;

/// What the findings say about the behaviour of the skill, for its text.
pub(crate) type Shown = Vec<usize>;

/// Fills the columns of all three scanners and `clawscan_context`.
pub(crate) fn fill(row: &mut RawRow, member: &Member, draw: &mut Draw) -> Shown {
    let mut shown = Shown::new();
    let date = format!(
        "2026-0{}-{:02}T{:02}:{:02}:00.000Z",
        draw.between(2, 5),
        draw.between(1, 28),
        draw.below(24),
        draw.below(60)
    );
    let mut context = Vec::with_capacity(1024);
    let mut object = Object::new(&mut context);
    fill_static(row, member, draw, &mut shown);
    if row.static_status.is_some() {
        let mut inner = Object::new(object.key("static"));
        inner.optional("status", row.static_status.as_deref());
        inner.optional("verdict", row.static_status.as_deref());
        inner.texts("reason_codes", &row.static_reason_codes);
        let summary = match row.static_reason_codes.is_empty() {
            true => "Nothing found (synthetic).".to_owned(),
            false => format!("Found (synthetic): {}", row.static_reason_codes.join(", ")),
        };
        inner.text("summary", &summary);
        inner.text("checked_at", &date);
        inner.text("scanner_version", "synthetic");
        inner.number("finding_count", Some(row.static_finding_count));
        inner.end();
    }
    fill_virustotal(row, member, draw);
    if row.virustotal_status.is_some() {
        let mut inner = Object::new(object.key("virustotal"));
        inner.optional("status", row.virustotal_status.as_deref());
        let verdict = match row.virustotal_status.as_deref() {
            Some("clean") if draw.chance(0.5) => Some("harmless"),
            Some(status @ ("clean" | "suspicious" | "malicious")) => Some(status),
            _ => None,
        };
        inner.optional("verdict", verdict);
        inner.number("malicious", row.virustotal_malicious_count);
        inner.number("suspicious", row.virustotal_suspicious_count);
        inner.number("harmless", row.virustotal_harmless_count);
        inner.number("undetected", row.virustotal_undetected_count);
        inner.text("checked_at", &date);
        inner.text("source", "synthetic");
        inner.end();
    }
    let issues = fill_skillspector(row, member, draw, &mut shown);
    if row.skillspector_status.is_some() {
        let mut inner = Object::new(object.key("skillspector"));
        inner.optional("status", row.skillspector_status.as_deref());
        let critical = row.skillspector_score.is_some_and(|score| score > 50.0);
        let recommendation = match (member.flag(Scanner::SkillSpector), critical) {
            (true, true) => Some("DO NOT INSTALL"),
            (true, false) => Some("CAUTION"),
            (false, _) if row.skillspector_score.is_some() => Some("SAFE"),
            (false, _) => None,
        };
        inner.optional("verdict", recommendation);
        inner.text("checked_at", &date);
        inner.text("scanner_version", "synthetic");
        inner.number("score", row.skillspector_score);
        inner.optional("severity", row.skillspector_severity.as_deref());
        inner.number("issue_count", Some(row.skillspector_issue_count));
        let out = inner.key("issues");
        out.push(b'[');
        for (i, (code, category)) in issues.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let mut issue = Object::new(out);
            issue.text("code", code);
            issue.text("category", category);
            issue.text("severity", draw.pick(&["LOW", "MEDIUM", "HIGH"]));
            issue.number("confidence", Some(f64::from(draw.between(5, 9)) / 10.0));
            issue.text("explanation", "Synthetic finding: the text shows this behaviour.");
            issue.end();
        }
        out.push(b']');
        inner.end();
    }
    object.end();
    row.clawscan_context = String::from_utf8_lossy(&context).into_owned();
    shown.sort_unstable();
    shown.dedup();
    shown
}

fn fill_static(row: &mut RawRow, member: &Member, draw: &mut Draw, shown: &mut Shown) {
    row.static_status = quiet_status(member.scan(Scanner::Static)).map(str::to_owned);
    if !member.flag(Scanner::Static) {
        return;
    }
    for reason in member.reasons() {
        let (name, _, behaviour) = REASONS[reason];
        row.static_reason_codes.push(name.to_owned());
        shown.push(behaviour);
    }
    row.static_reason_codes.sort();
    row.static_finding_count =
        row.static_reason_codes.iter().map(|_| 1 + draw.run(0.4, 12)).sum::<u32>();
    let malicious = row.static_reason_codes.iter().any(|reason| is_malicious(reason));
    row.static_status = Some(if malicious { "malicious" } else { "suspicious" }.to_owned());
}

fn fill_virustotal(row: &mut RawRow, member: &Member, draw: &mut Draw) {
    let engines = draw.between(55, 72);
    let scan = member.scan(Scanner::VirusTotal);
    row.virustotal_status = quiet_status(scan).map(str::to_owned);
    let (malicious, suspicious) = match scan {
        ScanResult::Flagged => {
            let counts = match member.verdict() {
                Verdict::Malicious => (2 + draw.run(0.85, 30), draw.below(3)),
                _ if draw.chance(0.6) => (1 + draw.run(0.25, 6), draw.below(2)),
                _ => (0, 1 + draw.run(0.2, 3)),
            };
            let status = if counts.0 > 0 { "malicious" } else { "suspicious" };
            row.virustotal_status = Some(status.to_owned());
            counts
        }
        ScanResult::Stale { moved_on } => (u32::from(moved_on), 0),
        ScanResult::Clean => (0, 0),
        ScanResult::Error | ScanResult::Missing => return,
    };
    let harmless = draw.run(0.3, 5);
    row.virustotal_malicious_count = Some(malicious);
    row.virustotal_suspicious_count = Some(suspicious);
    row.virustotal_harmless_count = Some(harmless);
    row.virustotal_undetected_count =
        Some(engines.saturating_sub(malicious + suspicious + harmless));
}

/// Returns the listed issues as (code, category).
fn fill_skillspector(
    row: &mut RawRow,
    member: &Member,
    draw: &mut Draw,
    shown: &mut Shown,
) -> Vec<(&'static str, &'static str)> {
    row.skillspector_status = quiet_status(member.scan(Scanner::SkillSpector)).map(str::to_owned);
    if member.flag(Scanner::SkillSpector) {
        row.skillspector_status = Some("suspicious".to_owned());
    }
    if let Some(score) = member.score() {
        set_score(row, score, draw);
    }
    row.skillspector_issue_count = member.issues();
    let carried = member.categories();
    let mut issues = Vec::new();
    for number in 0..(member.issues() as usize).min(MAX_LISTED_ISSUES) {
        // Every category has an issue; which of them has the others is drawn.
        let which =
            if number < carried.len() { number } else { draw.below(carried.len() as u32) as usize };
        let category = &CATEGORIES[carried[which]];
        let code = category.codes[draw.run(0.3, category.codes.len() as u32 - 1) as usize];
        issues.push((code, category.name));
    }
    for category in carried {
        row.skillspector_issue_categories.push(CATEGORIES[category].name.to_owned());
        shown.push(CATEGORIES[category].behaviour);
    }
    row.skillspector_issue_categories.sort();
    row.skillspector_issue_codes = issues.iter().map(|(code, _)| (*code).to_owned()).collect();
    issues
}

fn set_score(row: &mut RawRow, score: u32, draw: &mut Draw) {
    let score = f64::from(score);
    row.skillspector_score = Some(score);
    row.skillspector_severity = Severity::of_score(score).map(|severity| {
        let name = severity.as_str();
        if draw.chance(0.03) { name.to_lowercase() } else { name.to_owned() }
    });
}

/// The status of a scan that flags nothing.
fn quiet_status(scan: ScanResult) -> Option<&'static str> {
    match scan {
        ScanResult::Clean => Some("clean"),
        ScanResult::Stale { .. } => Some("stale"),
        ScanResult::Error => Some("error"),
        ScanResult::Missing | ScanResult::Flagged => None,
    }
}
