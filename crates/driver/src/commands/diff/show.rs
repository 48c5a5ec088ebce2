//! A comparison as tables and sentences.

use std::{fmt::Write as _, path::Path};

use clawsig_schema::hostile::printable;
use clawsig_stats::p_value_text;
use serde_json::Value;

use super::{
    DataChanges, Difference, Outcome, changes::Change, profile::NamedCount, rows::RowChanges,
};
use crate::terminal::{Table, count, counted, sentence};

/// `0.1234 to 0.2345, +0.1111 [0.0400, 0.1800]`
pub(super) fn moved(change: &Change) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    format!("{} to {}, {}", value(change.a.value), value(change.b.value), by(change))
}

/// The change and its interval, or why there is none.
fn by(change: &Change) -> String {
    match (change.change, change.low, change.high) {
        (Some(by), Some(low), Some(high)) => format!("{by:+.4} [{low:+.4}, {high:+.4}]"),
        (Some(by), _, _) => format!("{by:+.4}"),
        (None, _, _) => {
            let reasons = [&change.a, &change.b].map(|e| e.undefined.as_deref());
            format!("undefined: {}", reasons.into_iter().flatten().next().unwrap_or("no reason"))
        }
    }
}

/// The whole comparison.
pub(super) fn text(found: &Difference, runs: [&Path; 2]) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(text, "a: {}\nb: {}", runs[0].display(), runs[1].display());
    if !found.not_comparable.is_empty() {
        heading(&mut text, "these runs can't be compared in full");
        for why in &found.not_comparable {
            let _ = writeln!(text, "{}", sentence(&format!("  {why}")));
        }
    }
    heading(&mut text, "what to look at");
    if found.findings.is_empty() {
        let of_what = match found.not_comparable.is_empty() {
            true => "",
            false => "of what can be compared, ",
        };
        let _ = writeln!(text, "  {of_what}nothing has moved by more than noise");
    }
    for finding in &found.findings {
        let line = format!("  {}: {}", finding.concern, finding.text);
        let _ = writeln!(text, "{}", sentence(&line));
    }
    if !found.parameters.is_empty() {
        heading(&mut text, "settings and versions");
        let shown = |value: &Option<Value>| match value {
            Some(value) => printable(&value.to_string(), 60),
            None => "-".to_owned(),
        };
        let mut table = Table::new(&["stage", "key", "a", "b"]);
        for one in &found.parameters {
            table.row([one.stage.to_string(), one.key.clone(), shown(&one.a), shown(&one.b)]);
        }
        text.push_str(&table.render());
    }
    heading(&mut text, "data");
    match &found.data {
        Outcome::Compared(found) => data(&mut text, found),
        Outcome::Undefined(why) => undefined(&mut text, why),
    }
    for (part, title) in [
        (&found.agreement, "agreement on all rows; change with its 95 % interval"),
        (&found.metrics, "metrics; change with its 95 % interval"),
    ] {
        heading(&mut text, title);
        match part {
            Outcome::Compared(changes) => estimates(&mut text, changes),
            Outcome::Undefined(why) => undefined(&mut text, why),
        }
    }
    let note =
        "The intervals take the runs as independent; where they share rows, noise is smaller.";
    let _ = writeln!(text, "\n{}", sentence(&format!("  {note}")));
    text
}

fn heading(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n{title}");
}

fn undefined(text: &mut String, why: &str) {
    let _ = writeln!(text, "  undefined: {why}");
}

fn data(text: &mut String, found: &DataChanges) {
    let rows = &found.rows;
    let line = format!(
        "  {} in a, {} in b; {} in both, {} of them another artifact of the same name",
        counted(rows.rows_a, "row"),
        count(rows.rows_b),
        counted(rows.common, "skill"),
        count(rows.updated),
    );
    let _ = writeln!(text, "{}", sentence(&line));
    if rows.moved_split > 0 {
        let _ = writeln!(
            text,
            "  {} in both moved to another split",
            counted(rows.moved_split, "skill")
        );
    }
    match rows.text_changed {
        Some(changed) => {
            let _ = writeln!(text, "  another text under the same id: {}", counted(changed, "row"));
        }
        None => text.push_str("  texts of the same id were not compared\n"),
    }
    if !rows.by_split.is_empty() {
        let mut table = Table::new(&["split", ">added", ">removed", ">updated"]);
        for (split, found) in &rows.by_split {
            table.row([
                split.clone(),
                count(found.added),
                count(found.removed),
                count(found.updated),
            ]);
        }
        text.push_str(&table.render());
    }
    if rows.verdict_flips > 0 {
        heading(text, "verdicts that flipped");
        let mut table = Table::new(&["from", "to", ">skills"]);
        for flip in &rows.flips {
            table.row([flip.from.clone(), flip.to.clone(), count(flip.rows)]);
        }
        text.push_str(&table.render());
        let mut table = Table::new(&["skill", "from", "to", "artifact"]);
        for skill in &rows.flipped_skills {
            let artifact = if skill.updated { "another" } else { "the same" };
            table.row([
                skill.skill.clone(),
                skill.from.clone(),
                skill.to.clone(),
                artifact.to_owned(),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
        let left = rows.verdict_flips.saturating_sub(rows.flipped_skills.len() as u64);
        if left > 0 {
            let _ = writeln!(text, "  and {} more (--top N shows them)", count(left));
        }
    }
    let profile = &found.profile;
    for (title, counts) in [
        ("rows by verdict", &profile.verdicts),
        ("rejected rows by reason", &profile.rejects),
        ("columns outside the schema, in one run only", &profile.extra_columns),
    ] {
        if counts.iter().any(|one| one.a != one.b) {
            heading(text, title);
            text.push_str(&counted_names(counts));
        }
    }
    if !profile.statuses.is_empty() {
        heading(text, "statuses that one run alone has");
        let mut table = Table::new(&["scanner", "status", ">a", ">b"]);
        for one in &profile.statuses {
            let status = printable(&one.status, 40);
            table.row([one.scanner.clone(), status, count(one.a), count(one.b)]);
        }
        text.push_str(&table.render());
    }
    scanners(text, rows);
}

fn counted_names(counts: &[NamedCount]) -> String {
    let mut table = Table::new(&["", ">a", ">b"]);
    for one in counts {
        table.row([printable(&one.name, 60), count(one.a), count(one.b)]);
    }
    table.render()
}

fn scanners(text: &mut String, rows: &RowChanges) {
    heading(text, "rows that a scanner rated");
    let mut table = Table::new(&["scanner", ">a", ">b", ">lost in both", ">gained", ">of the new"]);
    for one in &rows.scanners {
        let mut cells = vec![one.scanner.to_string()];
        let counts = [one.rated_a, one.rated_b, one.lost_rating, one.gained_rating, one.rated_new];
        cells.extend(counts.map(count));
        table.row(cells);
    }
    text.push_str(&table.render());
    heading(text, &format!("flags on the skills rated in both runs, by rule `{}`", rows.rule));
    let mut table =
        Table::new(&["scanner", ">kept", ">lost", ">gained", ">never", ">shift", "McNemar, exact"]);
    for one in &rows.scanners {
        let mut cells = vec![one.scanner.to_string()];
        cells.extend([one.both, one.only_a, one.only_b, one.neither].map(count));
        let points = |shift: f64| format!("{:+.1} points", 100.0 * shift);
        cells.push(one.shift.map_or_else(|| "-".to_owned(), points));
        cells.push(one.p_value.map_or_else(|| "no flag flipped".to_owned(), p_value_text));
        table.row(cells);
    }
    text.push_str(&table.render());
}

fn estimates(text: &mut String, changes: &[Change]) {
    let mut table = Table::new(&["statistic", ">a", ">b", "change", ""]);
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    for change in changes.iter().filter(|change| change.is_headline()) {
        let mark = match (change.counts(), change.beyond_noise) {
            (true, _) => "beyond noise",
            (false, Some(true)) => "beyond noise, but small",
            _ => "",
        };
        table.row([
            change.name(),
            value(change.a.value),
            value(change.b.value),
            by(change),
            mark.to_owned(),
        ]);
    }
    text.push_str(&table.render());
}
