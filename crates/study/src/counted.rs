//! Rows that someone else has counted, as a database does with GROUP BY.

use clawsig_schema::{FlagRule, Scanner, Severity, SkillRow, Split, VerdictLabel, flags::flag};

use crate::sweep::engines;

/// Rows that are alike in all that the study's statistics depend on. The lists of disagreements
/// are the only results that need the rows themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedRows {
    /// The owner, whose rows are resampled together; `None` for rows that have none.
    pub owner: Option<String>,
    /// The split.
    pub split: Split,
    /// The registry's verdict, one of the three or another.
    pub verdict: VerdictLabel,
    /// SkillSpector's severity as stated, else by its score.
    pub severity: Option<Severity>,
    /// Each scanner's flag under each rule, in the orders of [`FlagRule::ALL`] and
    /// [`Scanner::ALL`]; `None` where the rule finds nothing to decide on.
    pub flags: [[Option<bool>; 3]; 3],
    /// Whether any of the rows shows that the scanner was run.
    pub ran: [bool; 3],
    /// Engines that call the rows malicious or suspicious. It may be rounded down to one of the
    /// study's thresholds, or to 0.
    pub engines: Option<u32>,
    /// SkillSpector's score, which may be rounded down likewise.
    pub score: Option<f64>,
    /// SkillSpector's issues, where it was run.
    pub issues: Option<u32>,
    /// How many rows there are.
    pub rows: u64,
}

impl CountedRows {
    /// One row.
    pub fn of(row: &SkillRow) -> CountedRows {
        let mut flags = [[None; 3]; 3];
        for (by_scanner, &rule) in flags.iter_mut().zip(FlagRule::ALL) {
            for (cell, &scanner) in by_scanner.iter_mut().zip(Scanner::ALL) {
                *cell = flag(row, scanner, rule);
            }
        }
        let stated = row.skillspector.known_severity();
        let mut ran = [false; 3];
        for (ran, &scanner) in ran.iter_mut().zip(Scanner::ALL) {
            *ran = was_run(row, scanner);
        }
        CountedRows {
            owner: row.owner().map(str::to_owned),
            split: row.split,
            verdict: row.verdict.printable(),
            severity: stated.or_else(|| row.skillspector.score.and_then(Severity::of_score)),
            flags,
            ran,
            engines: engines(row),
            score: row.skillspector.score,
            issues: ran[Scanner::SkillSpector.index()].then_some(row.skillspector.issue_count),
            rows: 1,
        }
    }
}

/// Whether the row shows any trace of the scanner.
fn was_run(row: &SkillRow, scanner: Scanner) -> bool {
    match scanner {
        Scanner::Static => row.static_scan.status.is_some() || row.static_scan.has_output,
        Scanner::VirusTotal => {
            let vt = &row.virustotal;
            vt.status.is_some()
                || vt.has_output
                || vt.malicious.is_some()
                || vt.suspicious.is_some()
        }
        Scanner::SkillSpector => {
            let signals = &row.skillspector;
            signals.status.is_some() || signals.has_output || signals.score.is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::{SkillSpectorSignals, StaticSignals, VirusTotalSignals};

    use super::*;

    #[test]
    fn each_trace_alone_shows_that_a_scanner_was_run() {
        let status = || Some("stale".to_owned());
        let statics = [
            StaticSignals { status: status(), ..Default::default() },
            StaticSignals { has_output: true, ..Default::default() },
        ]
        .map(|static_scan| SkillRow { static_scan, ..Default::default() });
        let virustotals = [
            VirusTotalSignals { status: status(), ..Default::default() },
            VirusTotalSignals { has_output: true, ..Default::default() },
            VirusTotalSignals { malicious: Some(0), ..Default::default() },
            VirusTotalSignals { suspicious: Some(0), ..Default::default() },
        ]
        .map(|virustotal| SkillRow { virustotal, ..Default::default() });
        let spectors = [
            SkillSpectorSignals { status: status(), ..Default::default() },
            SkillSpectorSignals { has_output: true, ..Default::default() },
            SkillSpectorSignals { score: Some(0.0), ..Default::default() },
        ]
        .map(|skillspector| SkillRow { skillspector, ..Default::default() });
        for (rows, ran) in [
            (&[SkillRow::default()][..], [false, false, false]),
            (&statics, [true, false, false]),
            (&virustotals, [false, true, false]),
            (&spectors, [false, false, true]),
        ] {
            for row in rows {
                assert_eq!(CountedRows::of(row).ran, ran, "{row:?}");
            }
        }
    }
}
