//! The scanners' columns of a row, given its verdict and flags.

use clawsig_schema::{Scanner, Severity, Verdict, raw::RawRow};

use crate::{
    draw::Draw,
    joint::{Cell, TOTAL, positives},
    json::Object,
    risk::{CATEGORIES, MALICIOUS_REASONS, REASONS},
};

/// Positive SkillSpector rows that list issues at all: the published category counts (24,236 in
/// the first ten) are fewer than the positive rows (33,047), so some positives name none.
const WITH_ISSUES: f64 = 0.65;

/// What the findings say about the behaviour of the skill, for its text.
pub(crate) type Shown = Vec<usize>;

/// Fills the columns of all three scanners and `clawscan_context`.
pub(crate) fn fill(row: &mut RawRow, cell: Cell, draw: &mut Draw) -> Shown {
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
    fill_static(row, cell, draw, &mut shown);
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
    fill_virustotal(row, cell, draw);
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
    let issues = fill_skillspector(row, cell, draw, &mut shown);
    if row.skillspector_status.is_some() {
        let mut inner = Object::new(object.key("skillspector"));
        inner.optional("status", row.skillspector_status.as_deref());
        let critical = row.skillspector_score.is_some_and(|score| score > 50.0);
        let recommendation = match (cell.flag(Scanner::SkillSpector), critical) {
            (true, true) => Some("DO_NOT_INSTALL"),
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

/// Most rows name one or two of a scanner's codes, some several, and each code keeps its share:
/// the two factors have mean 1.
fn breadth(draw: &mut Draw) -> f64 {
    if draw.chance(0.9) { 0.9 } else { 1.9 }
}

fn fill_static(row: &mut RawRow, cell: Cell, draw: &mut Draw, shown: &mut Shown) {
    if !cell.flag(Scanner::Static) {
        let status = quiet_status(draw, &[0.955, 0.02, 0.008, 0.004, 0.003, 0.01, 0.0]);
        row.static_status = status.map(str::to_owned);
        return;
    }
    let all = f64::from(positives(Scanner::Static));
    let factor = breadth(draw);
    let shares = REASONS.map(|(_, rows, _)| f64::from(rows) / all * factor);
    draw.systematic(&shares, |i| {
        row.static_reason_codes.push(REASONS[i].0.to_owned());
        shown.push(REASONS[i].2);
    });
    let malicious = match cell.verdict {
        Verdict::Clean => 0.002,
        Verdict::Suspicious => 0.01,
        Verdict::Malicious => 0.5,
    };
    let malicious = draw.chance(malicious);
    if malicious {
        row.static_reason_codes.push((draw.pick(&MALICIOUS_REASONS)).to_owned());
    }
    row.static_reason_codes.sort();
    row.static_finding_count =
        row.static_reason_codes.iter().map(|_| 1 + draw.run(0.4, 12)).sum::<u32>();
    row.static_status = Some(if malicious { "malicious" } else { "suspicious" }.to_owned());
}

fn fill_virustotal(row: &mut RawRow, cell: Cell, draw: &mut Draw) {
    let engines = draw.between(55, 72);
    let (malicious, suspicious) = if cell.flag(Scanner::VirusTotal) {
        let counts = match cell.verdict {
            Verdict::Malicious => (2 + draw.run(0.85, 30), draw.below(3)),
            _ if draw.chance(0.6) => (1 + draw.run(0.25, 6), draw.below(2)),
            _ => (0, 1 + draw.run(0.2, 3)),
        };
        // Now and then the engines' counts have moved on and the status has not.
        let status = match counts {
            _ if draw.chance(0.01) => "stale",
            (0, _) => "suspicious",
            _ => "malicious",
        };
        row.virustotal_status = Some(status.to_owned());
        counts
    } else {
        row.virustotal_status =
            quiet_status(draw, &[0.74, 0.1, 0.07, 0.01, 0.01, 0.06, 0.01]).map(str::to_owned);
        if !matches!(row.virustotal_status.as_deref(), Some("clean" | "stale" | "completed")) {
            return;
        }
        (0, 0)
    };
    let harmless = draw.run(0.3, 5);
    row.virustotal_malicious_count = Some(malicious);
    row.virustotal_suspicious_count = Some(suspicious);
    row.virustotal_harmless_count = Some(harmless);
    row.virustotal_undetected_count =
        Some(engines.saturating_sub(malicious + suspicious + harmless));
}

/// Returns the issues as (code, category).
fn fill_skillspector(
    row: &mut RawRow,
    cell: Cell,
    draw: &mut Draw,
    shown: &mut Shown,
) -> Vec<(&'static str, &'static str)> {
    let mut issues = Vec::new();
    if !cell.flag(Scanner::SkillSpector) {
        row.skillspector_status =
            quiet_status(draw, &[0.89, 0.05, 0.01, 0.02, 0.01, 0.01, 0.01]).map(str::to_owned);
        if matches!(row.skillspector_status.as_deref(), Some("clean" | "stale" | "completed")) {
            let score = if draw.chance(0.7) { 0 } else { draw.between(1, 20) };
            set_score(row, score, draw);
        }
        return issues;
    }
    let (bands, more) = match cell.verdict {
        Verdict::Clean => ([0.62, 0.28, 0.07, 0.03], 0.3),
        Verdict::Suspicious => ([0.4, 0.35, 0.15, 0.1], 0.5),
        Verdict::Malicious => ([0.3, 0.3, 0.2, 0.2], 0.5),
    };
    let mut band = draw.weighted(&bands);
    if draw.chance(WITH_ISSUES) {
        let all = f64::from(positives(Scanner::SkillSpector)) * WITH_ISSUES;
        let factor = breadth(draw);
        // Suspicious rows are 58.1 % of the positives: a tilt towards them is taken from the rest.
        let tilt_of_rest = -0.581 / 0.419;
        let shares = CATEGORIES.map(|(_, _, rows, _, tilt)| {
            let tilt = if cell.verdict == Verdict::Clean { tilt * tilt_of_rest } else { tilt };
            f64::from(rows) / all * factor * (1.0 + tilt)
        });
        draw.systematic(&shares, |i| {
            row.skillspector_issue_categories.push(CATEGORIES[i].0.to_owned());
            shown.push(CATEGORIES[i].3);
        });
        for (name, codes, ..) in CATEGORIES {
            if row.skillspector_issue_categories.iter().any(|category| category == name) {
                for _ in 0..1 + draw.run(more, 20) {
                    issues.push((codes[draw.run(0.3, codes.len() as u32 - 1) as usize], name));
                }
            }
        }
        row.skillspector_issue_categories.sort();
    }
    if issues.is_empty() {
        // Without an issue, the exporter takes a scan for positive by its score.
        band = band.max(1);
    }
    row.skillspector_issue_count = issues.len() as u32;
    row.skillspector_issue_codes = issues.iter().map(|(code, _)| (*code).to_owned()).collect();
    let (low, high) = [(3, 20), (21, 50), (51, 80), (81, 100)][band];
    let score = draw.between(low, high);
    set_score(row, score, draw);
    // A scan that only says "completed" leaves the judgement to issues and score.
    let status = if draw.chance(0.01) { "completed" } else { "suspicious" };
    row.skillspector_status = Some(status.to_owned());
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

/// A status of a scan that flags nothing, with the chances of: clean, none, stale, error, failed,
/// pending, completed.
fn quiet_status(draw: &mut Draw, chances: &[f64; 7]) -> Option<&'static str> {
    [
        Some("clean"),
        None,
        Some("stale"),
        Some("error"),
        Some("failed"),
        Some("pending"),
        Some("completed"),
    ][draw.weighted(chances)]
}

/// A verdict's position in the joint table for a row: with the given chance its owner's.
pub(crate) fn position(seed: u64, owner: u64, draw: &mut Draw) -> u32 {
    const OWNER_LEAN: f64 = 0.15;
    let own = draw.below(TOTAL);
    if draw.chance(OWNER_LEAN) {
        Draw::new(seed, owner, crate::draw::Purpose::Owner).below(TOTAL)
    } else {
        own
    }
}
