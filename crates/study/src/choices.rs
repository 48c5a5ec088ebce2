//! Every choice at once: each pair of raters under every rule, threshold and policy.

use std::collections::BTreeMap;

use clawsig_agreement::{PairStatistic, Table};
use clawsig_schema::{FlagRule, MissingPolicy, Scanner, Verdict, agreement::ChoiceRow};

use crate::{CountedRows, RATERS, StudyParams, VERDICT, rater_name};

/// All that a definition of a flag can ask of a row: thresholds as how many of them are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Facts {
    flags: [[Option<bool>; 3]; 3],
    engines: Option<u8>,
    score: Option<u8>,
    issues: Option<u8>,
    not_clean: Option<bool>,
}

/// Rows that are alike under every choice.
#[derive(Default)]
pub(crate) struct Choices {
    rows: BTreeMap<Facts, u64>,
    ran: [bool; 3],
}

/// When a rater flags.
#[derive(Clone, Copy)]
enum Definition {
    Rule(usize),
    /// Reaches more than so many thresholds.
    Engines(u8),
    Score(u8),
    Issues(u8),
    Verdict,
}

impl Choices {
    pub(crate) fn observe(&mut self, counted: &CountedRows, params: &StudyParams) {
        let engines = counted.engines.map(|n| reached(&params.engine_thresholds, &n));
        let score = counted.score.map(|score| reached(&params.score_thresholds, &score));
        let issues = counted.issues.map(|n| reached(&params.issue_thresholds, &n));
        let not_clean = counted.verdict.known().map(|verdict| verdict != Verdict::Clean);
        let facts = Facts { flags: counted.flags, engines, score, issues, not_clean };
        *self.rows.entry(facts).or_default() += counted.rows;
        for (ran, more) in self.ran.iter_mut().zip(counted.ran) {
            *ran |= more;
        }
    }

    /// Every pair under every combination of definitions that any row can answer.
    pub(crate) fn finish(&self, params: &StudyParams) -> Vec<ChoiceRow> {
        let definitions: Vec<Vec<(String, Definition)>> =
            (0..RATERS).map(|rater| self.definitions(rater, params)).collect();
        let mut rows = Vec::new();
        for a in 0..RATERS {
            for b in a + 1..RATERS {
                for (a_flags, of_a) in &definitions[a] {
                    for (b_flags, of_b) in &definitions[b] {
                        for &missing in MissingPolicy::ALL {
                            let cells = self.cells((a, *of_a), (b, *of_b), missing);
                            let table = Table::binary(cells[0], cells[1], cells[2], cells[3]);
                            let status = |definition: &Definition| {
                                let place =
                                    FlagRule::ALL.iter().position(|r| *r == FlagRule::Status);
                                match definition {
                                    Definition::Rule(rule) => Some(*rule) == place,
                                    Definition::Verdict => true,
                                    _ => false,
                                }
                            };
                            let published =
                                missing == MissingPolicy::Negative && status(of_a) && status(of_b);
                            rows.push(ChoiceRow {
                                a: rater_name(a).to_owned(),
                                b: rater_name(b).to_owned(),
                                a_flags: a_flags.clone(),
                                b_flags: b_flags.clone(),
                                missing,
                                both: cells[0],
                                only_a: cells[1],
                                only_b: cells[2],
                                neither: cells[3],
                                jaccard: PairStatistic::Jaccard.value(&table).ok(),
                                cohen_kappa: PairStatistic::CohenKappa.value(&table).ok(),
                                published: u8::from(published),
                            });
                        }
                    }
                }
            }
        }
        rows
    }

    fn definitions(&self, rater: usize, params: &StudyParams) -> Vec<(String, Definition)> {
        if rater == VERDICT {
            return vec![("not clean".to_owned(), Definition::Verdict)];
        }
        if !self.ran[rater] {
            return Vec::new();
        }
        let rules = FlagRule::ALL.iter().enumerate();
        let mut all: Vec<(String, Definition)> =
            rules.map(|(at, rule)| (rule.to_string(), Definition::Rule(at))).collect();
        fn each<T: std::fmt::Display>(
            name: &str,
            thresholds: &[T],
            definition: fn(u8) -> Definition,
        ) -> Vec<(String, Definition)> {
            let named = |(at, threshold): (usize, &T)| {
                (format!("{name}>={threshold}"), definition(at as u8))
            };
            thresholds.iter().enumerate().map(named).collect()
        }
        match Scanner::ALL.get(rater) {
            Some(Scanner::VirusTotal) => {
                all.extend(each("engines", &params.engine_thresholds, Definition::Engines));
            }
            Some(Scanner::SkillSpector) => {
                all.extend(each("score", &params.score_thresholds, Definition::Score));
                all.extend(each("issues", &params.issue_thresholds, Definition::Issues));
            }
            Some(Scanner::Static) | None => {}
        }
        let answers = |definition: &Definition| {
            self.rows.keys().any(|facts| facts.flag(rater, *definition).is_some())
        };
        all.retain(|(_, definition)| answers(definition));
        all
    }

    fn cells(
        &self,
        (a, of_a): (usize, Definition),
        (b, of_b): (usize, Definition),
        missing: MissingPolicy,
    ) -> [u64; 4] {
        let mut cells = [0; 4];
        for (facts, count) in &self.rows {
            let flag = |rater: usize, definition| {
                let flag = facts.flag(rater, definition);
                // A verdict that is not there is none under any policy.
                if rater == VERDICT { flag } else { missing.apply(flag) }
            };
            if let (Some(x), Some(y)) = (flag(a, of_a), flag(b, of_b)) {
                cells[2 * usize::from(!x) + usize::from(!y)] += count;
            }
        }
        cells
    }
}

impl Facts {
    fn flag(&self, rater: usize, definition: Definition) -> Option<bool> {
        let above = |reached: Option<u8>, least: u8| reached.map(|reached| reached > least);
        match definition {
            Definition::Rule(rule) => self.flags[rule][rater],
            Definition::Engines(least) => above(self.engines, least),
            Definition::Score(least) => above(self.score, least),
            Definition::Issues(least) => above(self.issues, least),
            Definition::Verdict => self.not_clean,
        }
    }
}

/// How many of the rising thresholds a value reaches; lists longer than 255 are cut by the settings' check.
fn reached<T: PartialOrd>(thresholds: &[T], value: &T) -> u8 {
    thresholds.partition_point(|threshold| threshold <= value) as u8
}
