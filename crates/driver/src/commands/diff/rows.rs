//! The rows of two runs: which came, went, changed, and whose flags and verdicts flipped.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    FlagRule, Scanner, SkillRow, Split, VerdictLabel, flags::flag, hostile::printable,
};
use clawsig_stats::mcnemar_exact;
use clawsig_store::{Sha256Hex, hash_bytes};
use serde::Serialize;

use crate::{Error, stages::Stage, terminal::Progress};

/// How the rows of two runs differ.
#[derive(Debug, Serialize)]
pub(super) struct RowChanges {
    /// Rows of the first run.
    pub(super) rows_a: u64,
    /// Rows of the second run.
    pub(super) rows_b: u64,
    /// Skills in both: the same id, or the same `owner/slug` with another id.
    pub(super) common: u64,
    /// Of these, those with another id: another artifact under the same name.
    pub(super) updated: u64,
    /// Rows of the second run that are not in the first.
    pub(super) added: u64,
    /// Rows of the first run that are not in the second.
    pub(super) removed: u64,
    /// Added, removed and updated rows of each split (an updated row's in the second run).
    pub(super) by_split: BTreeMap<String, SplitChanges>,
    /// Skills in both whose split differs.
    pub(super) moved_split: u64,
    /// Rows with the same id and another text; absent unless texts were compared.
    pub(super) text_changed: Option<u64>,
    /// Skills in both whose verdict differs.
    pub(super) verdict_flips: u64,
    /// Those by old and new verdict.
    pub(super) flips: Vec<Flip>,
    /// The first of them.
    pub(super) flipped_skills: Vec<FlippedSkill>,
    /// Each scanner's ratings and flags.
    pub(super) scanners: Vec<ScannerChanges>,
    /// The flag rule laid over both runs.
    pub(super) rule: FlagRule,
}

/// The rows of one split.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct SplitChanges {
    pub(super) added: u64,
    pub(super) removed: u64,
    pub(super) updated: u64,
}

/// How many skills went from one verdict to another.
#[derive(Debug, Serialize)]
pub(super) struct Flip {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) rows: u64,
}

/// A skill whose verdict flipped. The name is its author's, made printable.
#[derive(Debug, Serialize)]
pub(super) struct FlippedSkill {
    pub(super) skill: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) updated: bool,
}

/// A scanner in both runs: how many rows it rated, and its flags on the skills that both hold.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ScannerChanges {
    pub(super) scanner: Scanner,
    /// Rows of the first run that it rated.
    pub(super) rated_a: u64,
    /// Rows of the second run that it rated.
    pub(super) rated_b: u64,
    /// Of the rows that are new in the second run, added or updated, those that it rated.
    pub(super) rated_new: u64,
    /// Skills in both that it rated in the first run alone.
    pub(super) lost_rating: u64,
    /// Skills in both that it rated in the second run alone.
    pub(super) gained_rating: u64,
    /// Skills with a flag in both runs.
    pub(super) both: u64,
    /// Skills that lost their flag.
    pub(super) only_a: u64,
    /// Skills that gained one.
    pub(super) only_b: u64,
    /// Skills with a flag in neither.
    pub(super) neither: u64,
    /// McNemar's exact p-value of the flags; absent where no flag flipped.
    pub(super) p_value: Option<f64>,
    /// The effect: gained less lost flags, as a share of the skills rated in both runs.
    pub(super) shift: Option<f64>,
    /// Flags that flipped either way, as a share of the skills rated in both runs.
    pub(super) flipped: Option<f64>,
}

/// The facts that are kept of a row.
struct Seen {
    id: String,
    slug: Option<String>,
    split: Split,
    verdict: VerdictLabel,
    flags: [Option<bool>; 3],
    /// Of the text, where texts are compared and there is one.
    text: Option<Sha256Hex>,
    matched: bool,
}

/// The place of a slug's row; of no use where there are several.
enum Named {
    Once(usize),
    Often,
}

/// Compares the rows. The second run is streamed; of the first, a line of facts a row is kept.
pub(super) fn compare(
    runs: [&Path; 2],
    rule: FlagRule,
    texts: bool,
    top: usize,
    quiet: bool,
) -> Result<RowChanges, Error> {
    let progress = Progress::new("diff", quiet);
    let mut comparison = Comparison::new(rule, texts, top);
    let mut before: Vec<Seen> = Vec::new();
    each_row(runs[0], rule, texts, |row| before.push(row))?;
    progress.set(1, 3);
    comparison.changes.rows_a = before.len() as u64;
    for was in &before {
        comparison.rated(was, |one| &mut one.rated_a);
    }
    let mut ids: HashMap<String, usize> = HashMap::with_capacity(before.len());
    for (place, row) in before.iter().enumerate() {
        ids.entry(row.id.clone()).or_insert(place);
    }
    let mut rest: Vec<Seen> = Vec::new();
    each_row(runs[1], rule, texts, |now| {
        comparison.changes.rows_b += 1;
        comparison.rated(&now, |one| &mut one.rated_b);
        match ids.get(&now.id).map(|&place| &mut before[place]) {
            Some(was) if !was.matched => comparison.same_id(was, &now),
            _ => rest.push(now),
        }
    })?;
    progress.set(2, 3);
    before.retain(|row| !row.matched);
    comparison.other_ids(&before, &rest);
    Ok(comparison.finish())
}

/// Calls `take` with the facts of a run's rows.
fn each_row(
    run: &Path,
    rule: FlagRule,
    texts: bool,
    mut take: impl FnMut(Seen),
) -> Result<(), Error> {
    let columns = if texts { Columns::All } else { Columns::WithoutText };
    let folder = run.join(Stage::Ingest.as_str()).join("signals");
    for split in Split::ALL {
        for row in SignalsReader::open(folder.join(format!("{split}.parquet")))?.rows(columns) {
            let row = row?;
            let text = row.text.as_ref().filter(|_| texts).map(|text| hash_bytes(text.as_bytes()));
            let mut flags = [None; 3];
            for &scanner in Scanner::ALL {
                flags[scanner.index()] = flag(&row, scanner, rule);
            }
            let SkillRow { id, slug, split, verdict, .. } = row;
            take(Seen { id, slug, split, verdict, flags, text, matched: false });
        }
    }
    Ok(())
}

fn by_slug(rows: &[Seen]) -> HashMap<&str, Named> {
    let mut named = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(slug) = &row.slug {
            named
                .entry(slug.as_str())
                .and_modify(|known| *known = Named::Often)
                .or_insert(Named::Once(place));
        }
    }
    named
}

/// A comparison under way.
struct Comparison {
    changes: RowChanges,
    /// Skills by old and new verdict.
    flips: BTreeMap<(String, String), u64>,
    /// The most flipped skills that are named.
    top: usize,
}

impl Comparison {
    fn new(rule: FlagRule, texts: bool, top: usize) -> Comparison {
        let scanner = |&scanner: &Scanner| ScannerChanges {
            scanner,
            rated_a: 0,
            rated_b: 0,
            rated_new: 0,
            lost_rating: 0,
            gained_rating: 0,
            both: 0,
            only_a: 0,
            only_b: 0,
            neither: 0,
            p_value: None,
            shift: None,
            flipped: None,
        };
        let changes = RowChanges {
            rows_a: 0,
            rows_b: 0,
            common: 0,
            updated: 0,
            added: 0,
            removed: 0,
            by_split: BTreeMap::new(),
            moved_split: 0,
            text_changed: texts.then_some(0),
            verdict_flips: 0,
            flips: Vec::new(),
            flipped_skills: Vec::new(),
            scanners: Scanner::ALL.iter().map(scanner).collect(),
            rule,
        };
        Comparison { changes, flips: BTreeMap::new(), top }
    }

    /// Counts the scanners that rated a row.
    fn rated(&mut self, row: &Seen, count: fn(&mut ScannerChanges) -> &mut u64) {
        for (one, flag) in self.changes.scanners.iter_mut().zip(row.flags) {
            *count(one) += u64::from(flag.is_some());
        }
    }

    fn split(&mut self, row: &Seen) -> &mut SplitChanges {
        self.changes.by_split.entry(row.split.to_string()).or_default()
    }

    /// A row that has its id in both runs.
    fn same_id(&mut self, was: &mut Seen, now: &Seen) {
        was.matched = true;
        if let Some(changed) = &mut self.changes.text_changed {
            *changed += u64::from(was.text != now.text);
        }
        self.pair(was, now, false);
    }

    /// The rows of each run whose ids the other lacks. Where one of each has a slug, they are one skill.
    fn other_ids(&mut self, before: &[Seen], after: &[Seen]) {
        let mut updated = vec![false; before.len()];
        let (named_before, named_after) = (by_slug(before), by_slug(after));
        for now in after {
            self.rated(now, |one| &mut one.rated_new);
            let slug = now.slug.as_deref().unwrap_or_default();
            match (named_before.get(slug), named_after.get(slug)) {
                (Some(&Named::Once(place)), Some(Named::Once(_))) => {
                    updated[place] = true;
                    self.changes.updated += 1;
                    self.split(now).updated += 1;
                    self.pair(&before[place], now, true);
                }
                _ => {
                    self.changes.added += 1;
                    self.split(now).added += 1;
                }
            }
        }
        for (was, _) in before.iter().zip(updated).filter(|(_, updated)| !updated) {
            self.changes.removed += 1;
            self.split(was).removed += 1;
        }
    }

    /// A skill of both runs.
    fn pair(&mut self, was: &Seen, now: &Seen, updated: bool) {
        let changes = &mut self.changes;
        changes.common += 1;
        changes.moved_split += u64::from(was.split != now.split);
        for (place, one) in changes.scanners.iter_mut().enumerate() {
            let cell = match (was.flags[place], now.flags[place]) {
                (Some(true), Some(true)) => &mut one.both,
                (Some(true), Some(false)) => &mut one.only_a,
                (Some(false), Some(true)) => &mut one.only_b,
                (Some(false), Some(false)) => &mut one.neither,
                (Some(_), None) => &mut one.lost_rating,
                (None, Some(_)) => &mut one.gained_rating,
                (None, None) => continue,
            };
            *cell += 1;
        }
        if was.verdict != now.verdict {
            let (from, to) = (was.verdict.name().into_owned(), now.verdict.name().into_owned());
            changes.verdict_flips += 1;
            if changes.flipped_skills.len() < self.top {
                let skill = printable(now.slug.as_deref().unwrap_or(&now.id), 80);
                let (from, to) = (from.clone(), to.clone());
                changes.flipped_skills.push(FlippedSkill { skill, from, to, updated });
            }
            *self.flips.entry((from, to)).or_default() += 1;
        }
    }

    fn finish(self) -> RowChanges {
        let mut changes = self.changes;
        let flips = self.flips.into_iter();
        changes.flips = flips.map(|((from, to), rows)| Flip { from, to, rows }).collect();
        for one in &mut changes.scanners {
            one.p_value = mcnemar_exact(one.only_a, one.only_b).map(|test| test.p_value);
            let rated = (one.both + one.only_a + one.only_b + one.neither) as f64;
            if rated > 0.0 {
                one.shift = Some((one.only_b as f64 - one.only_a as f64) / rated);
                one.flipped = Some((one.only_b + one.only_a) as f64 / rated);
            }
        }
        changes
    }
}
