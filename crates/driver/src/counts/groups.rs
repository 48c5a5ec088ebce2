//! Counted groups of skills: JSON lines as `counts.sql` and `counts_by_owner.sql` of `clawsig export
//! sql` ask for them.

use std::path::Path;

use clawsig_schema::{FlagRule, Scanner, Severity, Split, VerdictLabel, unread};
use clawsig_study::CountedRows;
use serde::Deserialize;

use super::each_line;
use crate::Error;

/// Said of a line that is refused.
const HINT: &str = "; expected a line of the result of counts.sql (`clawsig export sql`) as JSON";

/// One line. A key that is missing is null, as Spark leaves nulls out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupLine {
    /// Present in every line of a file that tells owners apart, null for rows without one.
    #[serde(default, deserialize_with = "present")]
    owner: Option<Option<String>>,
    split: String,
    verdict: Option<String>,
    severity: Option<String>,
    status_static: Option<u8>,
    status_virustotal: Option<u8>,
    status_skillspector: Option<u8>,
    label_static: Option<u8>,
    label_virustotal: Option<u8>,
    label_skillspector: Option<u8>,
    any_static: Option<u8>,
    any_virustotal: Option<u8>,
    any_skillspector: Option<u8>,
    engines: Option<u32>,
    score: Option<f64>,
    issues: Option<u32>,
    static_ran: u8,
    virustotal_ran: u8,
    skillspector_ran: u8,
    row_count: u64,
}

/// A key that is there, though null.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Groups of rows.
pub(crate) struct Groups {
    /// The lines.
    pub(crate) groups: Vec<CountedRows>,
    /// Whether any line names an owner.
    pub(crate) owners_known: bool,
}

/// Reads a file of counted groups, which has to hold the flags of the rule.
pub(super) fn read(path: &Path, rule: FlagRule) -> Result<Groups, Error> {
    let mut counts = Groups { groups: Vec::new(), owners_known: false };
    each_line(path, HINT, |_, text| {
        let line: GroupLine = serde_json::from_slice(text).map_err(|e| unread::json(&e))?;
        counts.owners_known |= line.owner.is_some();
        counts.groups.push(line.counted()?);
        Ok(())
    })?;
    counts.check(rule).map_err(|reason| Error::Artifact { path: path.to_owned(), reason })?;
    Ok(counts)
}

impl Groups {
    /// Without a flag of a scanner that was run, the rule gives no statistic of it.
    fn check(&self, rule: FlagRule) -> Result<(), String> {
        let flags = |rule: FlagRule, scanner: usize| {
            let place = FlagRule::ALL.iter().position(|known| *known == rule).unwrap_or(0);
            self.groups.iter().any(|group| group.flags[place][scanner].is_some())
        };
        let lacking: Vec<&str> = (Scanner::ALL.iter())
            .filter(|scanner| {
                let at = scanner.index();
                self.groups.iter().any(|group| group.ran[at]) && !flags(rule, at)
            })
            .map(|scanner| scanner.as_str())
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let key = if rule == FlagRule::AnyOutput { "any" } else { rule.as_str() };
        let others: Vec<&str> = (FlagRule::ALL.iter())
            .filter(|other| (0..3).all(|scanner| flags(**other, scanner)))
            .map(|other| other.as_str())
            .collect();
        let remedy = match others.is_empty() {
            true => String::new(),
            false => format!(", or choose --set flags.rule={}", others.join(" or ")),
        };
        Err(format!(
            "no line has a flag by the rule `{rule}` of {}, although it was run; add the keys {key}_{}{remedy}",
            lacking.join(", "),
            lacking.join(&format!(", {key}_")),
        ))
    }
}

impl GroupLine {
    fn counted(self) -> Result<CountedRows, String> {
        let flag = |name: &str, value: Option<u8>| match value {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(other) => Err(format!("{name} is {other}, not 0, 1 or null")),
        };
        let ran = |name: &str, value: u8| Ok::<_, String>(flag(name, Some(value))? == Some(true));
        let text = |what: &str, e: &dyn std::fmt::Display| format!("{what}: {e}");
        if self.score.is_some_and(|score| !(0.0..=100.0).contains(&score)) {
            return Err("score is outside 0 to 100".to_owned());
        }
        Ok(CountedRows {
            owner: self.owner.flatten().filter(|owner| !owner.is_empty()),
            split: self.split.parse::<Split>().map_err(|e| text("split", &e))?,
            verdict: self.verdict.map_or(VerdictLabel::Absent, VerdictLabel::of_text),
            severity: (self.severity.map(|severity| severity.parse::<Severity>()).transpose())
                .map_err(|e| text("severity", &e))?,
            flags: [
                [
                    flag("status_static", self.status_static)?,
                    flag("status_virustotal", self.status_virustotal)?,
                    flag("status_skillspector", self.status_skillspector)?,
                ],
                [
                    flag("label_static", self.label_static)?,
                    flag("label_virustotal", self.label_virustotal)?,
                    flag("label_skillspector", self.label_skillspector)?,
                ],
                [
                    flag("any_static", self.any_static)?,
                    flag("any_virustotal", self.any_virustotal)?,
                    flag("any_skillspector", self.any_skillspector)?,
                ],
            ],
            ran: [
                ran("static_ran", self.static_ran)?,
                ran("virustotal_ran", self.virustotal_ran)?,
                ran("skillspector_ran", self.skillspector_ran)?,
            ],
            engines: self.engines,
            score: self.score,
            issues: self.issues,
            rows: self.row_count,
        })
    }
}
