//! Published figures, asked of rows: every measure of [`clawsig_schema::published`] in one pass.

use clawsig_agreement::{Scale, Table, two_raters};
use clawsig_schema::{
    Scanner, SkillRow, Verdict,
    profile::DataProfile,
    published::{
        BundleSelection, CODE_EXTENSIONS, Measure, PairStatistic, PublishedFigures, Quantity,
        ScanState, Selection,
    },
};

use crate::missing::published_flag;

/// The answers of the rows seen so far to the measures of published figures.
///
/// Flags are by the rule `status` with missing as negative, whatever the run's own rule is: that
/// is the definition of the published figures.
#[derive(Clone, Debug)]
pub struct FigureCounts<'a> {
    published: &'a PublishedFigures,
    rows: u64,
    texts: u64,
    counts: Vec<Count>,
    pairs: [[[u64; 2]; 2]; 3],
}

/// What one measure needs of the rows.
#[derive(Clone, Debug, Default)]
struct Count {
    part: u64,
    whole: u64,
    sum: f64,
    values: Vec<f64>,
}

/// The pairs of scanners, by position in [`Scanner::ALL`].
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

/// The first category of a table of two flags.
const FLAGGED: usize = 0;

/// What measures ask of a row, found out once.
struct RowFacts<'r> {
    row: &'r SkillRow,
    flags: [bool; 3],
    model: Option<String>,
}

impl<'a> FigureCounts<'a> {
    /// No rows yet.
    pub fn new(published: &'a PublishedFigures) -> FigureCounts<'a> {
        FigureCounts {
            published,
            rows: 0,
            texts: 0,
            counts: vec![Count::default(); published.figures.len()],
            pairs: [[[0; 2]; 2]; 3],
        }
    }

    /// Takes a row into account. Lengths of texts need rows that were read with their text.
    pub fn observe(&mut self, row: &SkillRow) {
        let flags = [0, 1, 2].map(|at| published_flag(row, Scanner::ALL[at]));
        let facts =
            RowFacts { row, flags, model: row.judge.model.as_deref().map(str::to_lowercase) };
        self.rows += 1;
        self.texts += u64::from(row.text.is_some());
        for (table, (a, b)) in self.pairs.iter_mut().zip(PAIRS) {
            table[usize::from(flags[a])][usize::from(flags[b])] += 1;
        }
        for (figure, count) in self.published.figures.iter().zip(&mut self.counts) {
            count.observe(&figure.measure, &facts);
        }
    }

    /// The value of each figure, in their order: a share as a fraction, everything else in its
    /// own unit. Where the rows give none, the reason.
    pub fn values(&mut self, profile: &DataProfile) -> Vec<Result<f64, String>> {
        let (rows, texts) = (self.rows, self.texts);
        let tables = self.pairs;
        let values = self.published.figures.iter().zip(&mut self.counts);
        values
            .map(|(figure, count)| match &figure.measure {
                Measure::Rows { among } if among.slug.is_some() && count.whole == 0 => {
                    Err(format!("no row is of {}", among.slug.as_deref().unwrap_or_default()))
                }
                Measure::Rows { .. } => Ok(count.part as f64),
                Measure::Share { .. } => over(count.part, count.whole),
                Measure::Sum { .. } => Ok(count.sum),
                Measure::Mean { .. } | Measure::Median { .. } if count.values.is_empty() => {
                    let texts_unread = texts == 0 && rows > 0;
                    Err(if texts_unread { "no text was read" } else { "no row has a value" }
                        .to_owned())
                }
                Measure::Mean { .. } => {
                    Ok(count.values.iter().sum::<f64>() / count.values.len() as f64)
                }
                Measure::Median { .. } => Ok(median(&mut count.values)),
                Measure::Missing { column } => profile
                    .columns
                    .iter()
                    .find(|known| known.name == *column)
                    .map(|known| known.nulls as f64)
                    .ok_or_else(|| format!("the profile has no column {column}")),
                Measure::Pair { statistic, a, b } => {
                    let wanted = (a.index().min(b.index()), a.index().max(b.index()));
                    let at = PAIRS.iter().position(|&pair| pair == wanted);
                    let table = at.map(|at| tables[at]).ok_or("a pair of one scanner")?;
                    pair_statistic(*statistic, table)
                }
                Measure::LargestJaccard => {
                    let all = tables.map(|table| pair_statistic(PairStatistic::Jaccard, table));
                    let found = all.into_iter().filter_map(Result::ok).max_by(f64::total_cmp);
                    found.ok_or_else(|| "no scanner flags a row".to_owned())
                }
                Measure::PairsRead { reading } => {
                    let read = |table| {
                        let kappa = pair_statistic(PairStatistic::CohenKappa, table)?;
                        Ok::<bool, String>(Scale::LandisKoch.word(kappa) == reading)
                    };
                    let read: Result<Vec<bool>, String> = tables.into_iter().map(read).collect();
                    Ok(read?.into_iter().filter(|&same| same).count() as f64)
                }
                Measure::F1 { .. } => over(2 * count.part, count.whole),
                Measure::Elsewhere { reason } => Err(reason.clone()),
            })
            .collect()
    }
}

impl Count {
    fn observe(&mut self, measure: &Measure, facts: &RowFacts<'_>) {
        match measure {
            Measure::Rows { among } => {
                self.part += u64::from(facts.are_among(among));
                // A named skill that is not there at all is another answer than another verdict.
                self.whole += u64::from(among.slug.is_some() && facts.row.slug == among.slug);
            }
            Measure::Share { part, whole } => {
                if facts.are_among(whole) {
                    self.whole += 1;
                    self.part += u64::from(facts.are_among(part));
                }
            }
            Measure::Sum { quantity, among } => {
                if facts.are_among(among) {
                    self.sum += facts.amount(*quantity).unwrap_or(0.0);
                }
            }
            Measure::Mean { quantity, among } | Measure::Median { quantity, among } => {
                if facts.are_among(among) {
                    self.values.extend(facts.amount(*quantity));
                }
            }
            Measure::F1 { flagged, within } => {
                if facts.are_among(within) {
                    let flagged = facts.are_among(flagged);
                    let positive = facts.row.verdict.known().is_some_and(|v| v != Verdict::Clean);
                    self.part += u64::from(flagged && positive);
                    self.whole += u64::from(flagged) + u64::from(positive);
                }
            }
            Measure::Missing { .. }
            | Measure::Pair { .. }
            | Measure::LargestJaccard
            | Measure::PairsRead { .. }
            | Measure::Elsewhere { .. } => {}
        }
    }
}

impl RowFacts<'_> {
    fn are_among(&self, wanted: &Selection) -> bool {
        let row = self.row;
        let flagged = self.flags.iter().filter(|&&flag| flag).count() as u8;
        let same = |text: &Option<String>, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| {
                text.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case(wanted))
            })
        };
        wanted.split.is_none_or(|split| row.split == split)
            && wanted.verdict.is_none_or(|verdict| row.verdict.known() == Some(verdict))
            && (!wanted.not_clean || row.verdict.known().is_some_and(|v| v != Verdict::Clean))
            && wanted.flags.iter().all(|(scanner, flag)| self.flags[scanner.index()] == *flag)
            && (wanted.any_of.is_empty()
                || wanted.any_of.iter().any(|scanner| self.flags[scanner.index()]))
            && (wanted.flagged_by.is_empty() || wanted.flagged_by.contains(&flagged))
            && wanted.scan.is_none_or(|scan| is_in_state(row, scan.scanner, scan.state))
            && holds(&row.skillspector.issue_categories, &wanted.category)
            && holds(&row.static_scan.reason_codes, &wanted.code)
            && wanted.bundle.is_none_or(|bundle| match bundle {
                BundleSelection::Any => row.bundle.files > 0,
                BundleSelection::Code => row
                    .bundle
                    .extensions
                    .iter()
                    .any(|known| CODE_EXTENSIONS.contains(&known.extension.as_str())),
            })
            && wanted.model.as_deref().is_none_or(|wanted| {
                let has = |word: &str| {
                    self.model.as_deref().is_some_and(|model| model.contains(&word.to_lowercase()))
                };
                wanted.split_whitespace().all(has)
            })
            && same(&row.judge.confidence, &wanted.confidence)
            && same(&row.slug, &wanted.slug)
    }

    fn amount(&self, quantity: Quantity) -> Option<f64> {
        let row = self.row;
        match quantity {
            Quantity::BundleFiles => Some(f64::from(row.bundle.files)),
            Quantity::BundleMegabytes => Some(row.bundle.bytes as f64 / 1e6),
            Quantity::BundleDuplicatePaths => Some(f64::from(row.bundle.duplicate_paths)),
            Quantity::BundleUnsafePaths => Some(f64::from(row.bundle.unsafe_paths)),
            Quantity::Score => row.skillspector.score,
            Quantity::Issues => Some(f64::from(row.skillspector.issue_count)),
            Quantity::TextCharacters => row.text.as_ref().map(|text| text.chars().count() as f64),
        }
    }
}

fn over(part: u64, whole: u64) -> Result<f64, String> {
    if whole == 0 { Err("no such row".to_owned()) } else { Ok(part as f64 / whole as f64) }
}

/// The middle value, or the mean of the two middle ones. There must be a value.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    low + (high - low) / 2.0
}

/// A statistic of the rows by the one flag and the other.
fn pair_statistic(statistic: PairStatistic, rows: [[u64; 2]; 2]) -> Result<f64, String> {
    let table = Table::binary(rows[1][1], rows[1][0], rows[0][1], rows[0][0]);
    let value = match statistic {
        PairStatistic::Jaccard => two_raters::jaccard(&table, FLAGGED),
        PairStatistic::CohenKappa => two_raters::cohen_kappa(&table),
        PairStatistic::MaxKappa => two_raters::max_kappa(&table),
    };
    value.map_err(|why| why.to_string())
}

fn holds(list: &[String], wanted: &Option<String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| list.contains(wanted))
}

/// Whether a scan ended in a state, by its status.
fn is_in_state(row: &SkillRow, scanner: Scanner, state: ScanState) -> bool {
    let status = match scanner {
        Scanner::Static => &row.static_scan.status,
        Scanner::VirusTotal => &row.virustotal.status,
        Scanner::SkillSpector => &row.skillspector.status,
    };
    let Some(status) = status.as_deref().map(str::trim) else { return state == ScanState::None };
    let is = |names: &[&str]| names.iter().any(|name| status.eq_ignore_ascii_case(name));
    match state {
        ScanState::Any => true,
        ScanState::None => false,
        ScanState::Resolved => is(&["clean", "suspicious", "malicious"]),
        ScanState::Clean => is(&["clean"]),
        ScanState::Stale => is(&["stale"]),
        ScanState::Error => is(&["error", "failed"]),
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::{
        BundleStats, ExtensionCount, JudgeFields, SkillSpectorSignals, Split, StaticSignals,
        VirusTotalSignals,
        profile::{BundleProfile, ColumnProfile},
    };

    use super::*;

    fn row(number: u32, verdict: Verdict, flags: [bool; 3]) -> SkillRow {
        let status = |flag: bool| Some(if flag { "suspicious" } else { "clean" }.to_owned());
        SkillRow {
            id: format!("{number:064}"),
            slug: Some(format!("owner/skill-{number}")),
            version: "1".to_owned(),
            text: Some("x".repeat(10 * number as usize)),
            bundle: BundleStats::default(),
            verdict: verdict.into(),
            judge: JudgeFields::default(),
            static_scan: StaticSignals { status: status(flags[0]), ..StaticSignals::default() },
            virustotal: VirusTotalSignals {
                status: status(flags[1]),
                ..VirusTotalSignals::default()
            },
            skillspector: SkillSpectorSignals {
                status: status(flags[2]),
                issue_count: u32::from(flags[2]) * number,
                ..SkillSpectorSignals::default()
            },
            split: if number.is_multiple_of(2) { Split::Test } else { Split::Train },
        }
    }

    fn rows() -> Vec<SkillRow> {
        let mut rows = vec![
            row(1, Verdict::Clean, [false, false, false]),
            row(2, Verdict::Clean, [false, false, true]),
            row(3, Verdict::Suspicious, [true, false, true]),
            row(4, Verdict::Suspicious, [false, true, true]),
            row(5, Verdict::Malicious, [true, true, true]),
            row(6, Verdict::Malicious, [false, false, false]),
        ];
        rows[5].skillspector.status = None;
        rows[4].skillspector.score = Some(80.0);
        rows[3].skillspector.score = Some(41.0);
        rows[3].virustotal.status = Some(" Stale ".to_owned());
        rows[2].bundle.files = 1;
        rows[2].bundle.bytes = 2_500_000;
        rows[2].bundle.duplicate_paths = 2;
        rows[2].bundle.unsafe_paths = 3;
        let extension = "py".to_owned();
        rows[2].bundle.extensions = vec![ExtensionCount { extension, files: 1 }];
        rows[1].judge.model = Some("synthetic gpt-5.5 HIGH".to_owned());
        rows[1].skillspector.issue_categories = vec!["Rogue Agent".to_owned()];
        rows[2].static_scan.reason_codes = vec!["suspicious.dangerous_exec".to_owned()];
        rows
    }

    fn profile() -> DataProfile {
        serde_json::from_value(serde_json::json!({
            "format": "1.0", "synthetic": true, "files": [], "rows": 6, "sampled_out": 0,
            "rejected": 0, "rejected_by_reason": {}, "extra_columns": {},
            "columns": [serde_json::to_value(ColumnProfile {
                name: "id".to_owned(),
                kind: clawsig_schema::column::ColumnKind::Text,
                nulls: 2,
                empty: 0,
            }).unwrap()],
            "splits": [], "reason_codes": {}, "issue_categories": {},
            "score_by_verdict": {}, "bundles": serde_json::to_value(BundleProfile::default()).unwrap(),
            "examples": {}, "warnings": [],
        }))
        .unwrap()
    }

    /// The answer of the rows to one measure, as JSON has it.
    fn ask(measure: serde_json::Value, rows: &[SkillRow]) -> Result<f64, String> {
        let published: PublishedFigures = serde_json::from_value(serde_json::json!({
            "format": "2.0", "snapshot": "paper", "sources": {},
            "figures": [{"name": "it", "source": "paper", "rounding": {"rule": "exact"},
                         "measure": measure}],
        }))
        .unwrap();
        let mut counts = FigureCounts::new(&published);
        rows.iter().for_each(|row| counts.observe(row));
        counts.values(&profile()).remove(0)
    }

    #[test]
    fn each_measure_is_counted_as_it_says() {
        let rows = rows();
        for (measure, expected) in [
            (r#"{"of": "rows"}"#, 6.0),
            (r#"{"of": "rows", "among": {"verdict": "malicious"}}"#, 2.0),
            (r#"{"of": "rows", "among": {"not_clean": true, "split": "test"}}"#, 2.0),
            (r#"{"of": "rows", "among": {"flags": {"skillspector": true, "static": false}}}"#, 2.0),
            (r#"{"of": "rows", "among": {"flagged_by": [0]}}"#, 2.0),
            (r#"{"of": "rows", "among": {"any_of": ["static", "virustotal"]}}"#, 2.0),
            (
                r#"{"of": "rows", "among": {"scan": {"scanner": "virustotal", "state": "stale"}}}"#,
                1.0,
            ),
            (
                r#"{"of": "rows", "among": {"scan": {"scanner": "skillspector", "state": "none"}}}"#,
                1.0,
            ),
            (
                r#"{"of": "rows", "among": {"scan": {"scanner": "virustotal", "state": "resolved"}}}"#,
                5.0,
            ),
            (r#"{"of": "rows", "among": {"bundle": "any"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"bundle": "code"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"model": "GPT-5.5 high"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"category": "Rogue Agent"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"code": "suspicious.dangerous_exec"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"slug": "owner/skill-2", "verdict": "clean"}}"#, 1.0),
            (r#"{"of": "rows", "among": {"slug": "owner/skill-2", "verdict": "malicious"}}"#, 0.0),
            (r#"{"of": "share", "part": {"verdict": "clean"}}"#, 2.0 / 6.0),
            (
                r#"{"of": "share", "part": {"flagged_by": [3]}, "whole": {"flagged_by": [1, 2, 3]}}"#,
                0.25,
            ),
            (r#"{"of": "sum", "quantity": "bundle_files"}"#, 1.0),
            (r#"{"of": "sum", "quantity": "bundle_megabytes"}"#, 2.5),
            (r#"{"of": "sum", "quantity": "bundle_duplicate_paths"}"#, 2.0),
            (r#"{"of": "sum", "quantity": "bundle_unsafe_paths"}"#, 3.0),
            (r#"{"of": "mean", "quantity": "score"}"#, 60.5),
            (r#"{"of": "median", "quantity": "issues", "among": {"not_clean": true}}"#, 3.5),
            (r#"{"of": "median", "quantity": "text_characters"}"#, 35.0),
            (r#"{"of": "missing", "column": "id"}"#, 2.0),
            // A stale scan is no flag, so VirusTotal and the static scanner meet in one of two rows.
            (r#"{"of": "pair", "statistic": "jaccard", "a": "virustotal", "b": "static"}"#, 0.5),
            (
                r#"{"of": "pair", "statistic": "jaccard", "a": "skillspector", "b": "virustotal"}"#,
                0.25,
            ),
            (r#"{"of": "largest_jaccard"}"#, 0.5),
            // Called not clean: rows 2 to 5; not clean: rows 3 to 6; both: 3 to 5.
            (r#"{"of": "f1", "flagged": {"flagged_by": [1, 2, 3]}}"#, 0.75),
        ] {
            let parsed = serde_json::from_str(measure).unwrap();
            assert_eq!(ask(parsed, &rows), Ok(expected), "{measure}");
        }
    }

    #[test]
    fn rows_that_give_no_answer_say_why() {
        let reason = |measure: &str, rows: &[SkillRow]| {
            ask(serde_json::from_str(measure).unwrap(), rows).unwrap_err()
        };
        let absent = r#"{"of": "rows", "among": {"slug": "a/b", "verdict": "clean"}}"#;
        assert_eq!(reason(absent, &rows()), "no row is of a/b");
        assert_eq!(
            reason(r#"{"of": "mean", "quantity": "score"}"#, &rows()[..2]),
            "no row has a value"
        );
        let untexted: Vec<SkillRow> =
            rows().into_iter().map(|row| SkillRow { text: None, ..row }).collect();
        let length = r#"{"of": "median", "quantity": "text_characters"}"#;
        assert_eq!(reason(length, &untexted), "no text was read");
        assert_eq!(reason(length, &[]), "no row has a value");
        assert_eq!(reason(r#"{"of": "share", "part": {"verdict": "clean"}}"#, &[]), "no such row");
        assert_eq!(reason(r#"{"of": "elsewhere", "reason": "cited"}"#, &[]), "cited");
        assert_eq!(
            reason(r#"{"of": "missing", "column": "x"}"#, &[]),
            "the profile has no column x"
        );
    }
}
