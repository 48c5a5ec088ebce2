//! What the scanners find, by verdict: categories, codes, the paper's lens over both, and our own lens
//! over the text.

use std::collections::BTreeMap;

use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, SkillRow, Verdict,
    agreement::{FindingRow, RuleDifference, RuleDifferences},
    flags,
    hostile::{printable, spreadsheet_cell},
};

/// Names of one kind that are counted: a column of free text must not fill the memory.
const MOST_NAMES: usize = 1_000;
/// Rows on which the rules differ that are listed.
const MOST_LISTED: usize = 10_000;

/// A group of Table 7 of the paper: its name, SkillSpector's categories and parts of static codes.
type Lens = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The paper's OWASP lens. A category or code counts if it contains one of these words, in any case.
const OWASP: [Lens; 6] = [
    (
        "Goal hijacking / tool manipulation",
        &["tool poisoning", "prompt injection", "trigger abuse"],
        &[],
    ),
    (
        "Over-privilege / excessive agency",
        &["least privilege", "privilege escalation", "tool misuse", "excessive agency"],
        &[],
    ),
    ("Sensitive-data exposure", &["data exfiltration", "data flow", "system prompt leakage"], &[]),
    (
        "Unsafe execution",
        &["dangerous code execution"],
        &["dangerous_exec", "dynamic_code_execution"],
    ),
    (
        "Supply-chain risk",
        &["supply chain"],
        &["install_untrusted_source", "dependency_not_found", "dep_not_found"],
    ),
    ("Persistent trust-state risk", &["memory poisoning", "rogue agent"], &[]),
];

/// Our lens over the text, under the names of the paper's themes, whose own list of words is not
/// published. A text counts if it contains one of these in any case of ASCII.
const THEMES: [(&str, &[&str]); 6] = [
    (
        "sensitive data or exfiltration",
        &[
            "password",
            "credential",
            "api key",
            "api_key",
            "apikey",
            "token",
            "secret",
            ".ssh",
            "cookie",
        ],
    ),
    (
        "persistence or scheduled execution",
        &["cron", "launchd", "systemd", "startup", "autostart", "schedule", "daemon", "background"],
    ),
    (
        "supply chain or dependencies",
        &[
            "npm install",
            "pip install",
            "npx ",
            "curl -",
            "brew install",
            "cargo install",
            "go install",
        ],
    ),
    (
        "network or remote control",
        &["webhook", "websocket", "ssh ", "remote", "tunnel", "reverse shell", "callback url"],
    ),
    ("broad privilege", &["sudo", "root", "chmod", "admin", "--unsafe", "full access"]),
    (
        "careless handling of secrets",
        &["export api_key", "hardcode", ".env", "plaintext", "plain text", "paste your", "bearer "],
    ),
];

/// Whether a text holds each of [`THEMES`].
pub(crate) type Themes = [bool; 6];

/// The themes of a row's text.
pub(crate) fn themes_of(row: &SkillRow) -> Option<Themes> {
    let text = row.text.as_ref()?.to_ascii_lowercase();
    Some(THEMES.map(|(_, words)| words.iter().any(|word| text.contains(word))))
}

/// Rows by verdict, and all of them.
type Counts = [u64; 4];

/// The findings of the rows seen so far.
#[derive(Default)]
pub(crate) struct Findings {
    verdicts: Counts,
    categories: BTreeMap<String, Counts>,
    codes: BTreeMap<String, Counts>,
    owasp: [Counts; 6],
    themes: [Counts; 6],
    texts: u64,
    differences: RuleDifferences,
}

fn add(counts: &mut Counts, verdict: Option<usize>) {
    counts[3] += 1;
    if let Some(verdict) = verdict {
        counts[verdict] += 1;
    }
}

impl Findings {
    /// Takes a row into account, of whose text the themes are known.
    pub(crate) fn observe(&mut self, row: &SkillRow, themes: Option<Themes>) {
        let verdict = (row.verdict.known())
            .and_then(|verdict| Verdict::ALL.iter().position(|known| *known == verdict));
        add(&mut self.verdicts, verdict);
        let categories = lowered(&row.skillspector.issue_categories);
        let codes = lowered(&row.static_scan.reason_codes);
        for (names, counts) in [
            (&row.skillspector.issue_categories, &mut self.categories),
            (&row.static_scan.reason_codes, &mut self.codes),
        ] {
            for (place, name) in names.iter().enumerate() {
                if !names[..place].contains(name) {
                    tally(counts, name, verdict);
                }
            }
        }
        let holds = |names: &[String], words: &[&str]| {
            names.iter().any(|name| words.iter().any(|word| name.contains(word)))
        };
        for ((_, of_categories, of_codes), counts) in OWASP.iter().zip(&mut self.owasp) {
            if holds(&categories, of_categories) || holds(&codes, of_codes) {
                add(counts, verdict);
            }
        }
        if let Some(themes) = themes {
            self.texts += 1;
            let found = self.themes.iter_mut().zip(themes).filter(|(_, holds)| *holds);
            found.for_each(|(counts, _)| add(counts, verdict));
        }
        self.compare_rules(row);
    }

    fn compare_rules(&mut self, row: &SkillRow) {
        for &scanner in Scanner::ALL {
            let flag = |rule| MissingPolicy::Negative.apply(flags::flag(row, scanner, rule));
            let (status, label) = (flag(FlagRule::Status), flag(FlagRule::Label));
            if status == label {
                continue;
            }
            self.differences.rows[scanner.index()] += 1;
            if self.differences.listed.len() < MOST_LISTED {
                let cell = |text: &str| spreadsheet_cell(&printable(text, 200)).into_owned();
                let status_text = match scanner {
                    Scanner::Static => &row.static_scan.status,
                    Scanner::VirusTotal => &row.virustotal.status,
                    Scanner::SkillSpector => &row.skillspector.status,
                };
                self.differences.listed.push(RuleDifference {
                    id: cell(&row.id),
                    slug: cell(row.slug.as_deref().unwrap_or_default()),
                    split: row.split,
                    verdict: row.verdict.known(),
                    scanner,
                    status_text: cell(status_text.as_deref().unwrap_or_default()),
                    status: u8::from(status == Some(true)),
                    label: u8::from(label == Some(true)),
                });
            }
        }
    }

    /// The findings, most rows first within their kind, and the rows on which the rules differ.
    pub(crate) fn finish(self) -> (Vec<FindingRow>, RuleDifferences) {
        let row = |kind: &str, name: &str, counts: &Counts| {
            let share = |verdict: usize| match self.verdicts[verdict] {
                0 => None,
                rows => Some(counts[verdict] as f64 / rows as f64).filter(|share| *share > 0.0),
            };
            FindingRow {
                kind: kind.to_owned(),
                name: spreadsheet_cell(&printable(name, 120)).into_owned(),
                rows: counts[3],
                clean: counts[0],
                suspicious: counts[1],
                malicious: counts[2],
                suspicious_over_clean: share(1).zip(share(0)).map(|(s, c)| s / c),
            }
        };
        let mut rows = Vec::new();
        for (kind, counts) in [("category", &self.categories), ("code", &self.codes)] {
            let mut of_kind: Vec<FindingRow> =
                counts.iter().map(|(name, counts)| row(kind, name, counts)).collect();
            of_kind.sort_by(|x, y| y.rows.cmp(&x.rows).then_with(|| x.name.cmp(&y.name)));
            rows.extend(of_kind);
        }
        rows.extend(OWASP.iter().zip(&self.owasp).map(|((name, ..), n)| row("owasp", name, n)));
        if self.texts > 0 {
            rows.extend(
                THEMES.iter().zip(&self.themes).map(|((name, _), n)| row("theme", name, n)),
            );
        }
        (rows, self.differences)
    }
}

fn lowered(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

fn tally(counts: &mut BTreeMap<String, Counts>, name: &str, verdict: Option<usize>) {
    if let Some(known) = counts.get_mut(name) {
        add(known, verdict);
    } else if counts.len() < MOST_NAMES {
        add(counts.entry(name.to_owned()).or_default(), verdict);
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::VirusTotalSignals;

    use super::*;

    #[test]
    fn names_past_the_limit_are_left_out_and_known_ones_still_counted() {
        let mut counts = BTreeMap::new();
        for _ in 0..2 {
            for number in 0..=MOST_NAMES {
                tally(&mut counts, &number.to_string(), Some(2));
            }
        }
        assert_eq!(counts.len(), MOST_NAMES);
        assert!(counts.values().all(|count| *count == [0, 0, 2, 2]));
    }

    #[test]
    fn rows_on_which_the_rules_differ_are_all_counted_and_the_first_listed() {
        let row = SkillRow {
            virustotal: VirusTotalSignals { malicious: Some(1), ..Default::default() },
            ..Default::default()
        };
        let mut findings = Findings::default();
        (0..=MOST_LISTED).for_each(|_| findings.compare_rules(&row));
        let (rows, differences) = findings.finish();
        assert_eq!(differences.rows, [0, MOST_LISTED as u64 + 1, 0]);
        assert_eq!(differences.listed.len(), MOST_LISTED);
        // Without a text there are no themes.
        assert!(rows.iter().all(|row| row.kind == "owasp"));
    }
}
