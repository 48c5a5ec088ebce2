//! Missing as a finding: where results are missing, what they could have been, and which headlines that
//! leaves open.

use std::collections::BTreeMap;

use clawsig_agreement::Scale;
use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, SkillRow, Verdict,
    agreement::{MissingResults, MissingRow, PairBounds},
    flags,
    hostile::{printable, spreadsheet_cell},
    wording::grouped,
};

use crate::{
    Flags, RATERS,
    bounds::{self, Bounds, Cells},
    collect::Gathered,
    rater_name,
};

/// Judges that are told apart; the rest is one group.
const JUDGES: usize = 8;
/// The name of the judges beyond those.
const OTHER_JUDGES: &str = "others";
/// Judges that are counted at all: a column of free text is no group of rows.
const MOST_JUDGES: usize = 1_000;

/// Rows, and of each scanner the missing and the flagged ones.
#[derive(Clone, Copy, Debug, Default)]
struct MissingTally {
    rows: u64,
    missing: [u64; 3],
    flagged: [u64; 3],
}

impl MissingTally {
    fn add(&mut self, flags: &[Option<bool>; 3], rows: u64) {
        self.rows += rows;
        for (scanner, flag) in flags.iter().enumerate() {
            self.missing[scanner] += if flag.is_none() { rows } else { 0 };
            self.flagged[scanner] += if *flag == Some(true) { rows } else { 0 };
        }
    }

    /// Takes what a rule makes of no output for missing where a scanner never ran.
    fn of_those_that_ran(mut self, ran: [bool; 3]) -> MissingTally {
        for scanner in (0..3).filter(|&scanner| !ran[scanner]) {
            (self.missing[scanner], self.flagged[scanner]) = (self.rows, 0);
        }
        self
    }

    fn with(mut self, other: &MissingTally) -> MissingTally {
        self.rows += other.rows;
        for scanner in 0..3 {
            self.missing[scanner] += other.missing[scanner];
            self.flagged[scanner] += other.flagged[scanner];
        }
        self
    }
}

/// Rows by the judge's model.
#[derive(Default)]
pub(crate) struct Judges(BTreeMap<String, MissingTally>);

impl Judges {
    pub(crate) fn observe(&mut self, row: &SkillRow, rule: FlagRule) {
        let model = row.judge.model.as_deref().map_or("none", str::trim);
        let known = self.0.contains_key(model) || self.0.len() < MOST_JUDGES;
        let key = if known { model } else { OTHER_JUDGES };
        let flags = [0, 1, 2].map(|at| flags::flag(row, Scanner::ALL[at], rule));
        self.0.entry(key.to_owned()).or_default().add(&flags, 1);
    }

    /// The most frequent judges, then all others together.
    fn groups(self) -> Vec<(String, MissingTally)> {
        let mut all: Vec<(String, MissingTally)> = self.0.into_iter().collect();
        all.sort_by(|x, y| y.1.rows.cmp(&x.1.rows).then_with(|| x.0.cmp(&y.0)));
        let rest = all.split_off(all.len().min(JUDGES));
        let mut groups: Vec<(String, MissingTally)> =
            all.into_iter().map(|(name, tally)| (printable(&name, 80), tally)).collect();
        if !rest.is_empty() {
            let sum = rest.iter().fold(MissingTally::default(), |sum, (_, tally)| sum.with(tally));
            groups.push((OTHER_JUDGES.to_owned(), sum));
        }
        groups
    }
}

/// Everything about missing flags under a rule, from counted rows.
pub(crate) fn results(gathered: &Gathered, judges: Judges, rule: FlagRule) -> MissingResults {
    let mut by_verdict: BTreeMap<Option<Verdict>, MissingTally> = BTreeMap::new();
    let mut cells = [[[[0_u64; 3]; 3]; RATERS]; RATERS];
    for owner in &gathered.owners {
        for (kind, count) in &owner.kinds {
            let rows = count * owner.copies;
            let flags: Flags = kind.ratings(rule, gathered.ran);
            let scanners = [flags[0], flags[1], flags[2]];
            by_verdict.entry(kind.verdict).or_default().add(&scanners, rows);
            let place = |flag: Option<bool>| flag.map_or(2, |flag| usize::from(!flag));
            for a in 0..RATERS {
                for b in a + 1..RATERS {
                    // A verdict that is not there is no missing flag: it is no rating at all.
                    if b < crate::VERDICT || flags[b].is_some() {
                        cells[a][b][place(flags[a])][place(flags[b])] += rows;
                    }
                }
            }
        }
    }
    let all = by_verdict.values().fold(MissingTally::default(), |sum, tally| sum.with(tally));
    // A scanner that rated no row agrees with nobody, as in the study's slices.
    let is_silent = |rater: usize| all.missing.get(rater) == Some(&all.rows);
    let mut rates = rows_of("all", "", &all);
    for &verdict in Verdict::ALL {
        if let Some(tally) = by_verdict.get(&Some(verdict)) {
            rates.extend(rows_of("verdict", verdict.as_str(), tally));
        }
    }
    for (name, tally) in judges.groups() {
        let tally = tally.of_those_that_ran(gathered.ran);
        rates.extend(rows_of("judge", &spreadsheet_cell(&name), &tally));
    }
    let mut pairs = Vec::new();
    for (a, of_a) in cells.iter().enumerate() {
        for (b, n) in of_a.iter().enumerate().skip(a + 1) {
            let missing = n[2].iter().sum::<u64>() + n[0][2] + n[1][2];
            let names = [rater_name(a), rater_name(b)];
            let silent = is_silent(a) || is_silent(b);
            let of = |bounds: fn(&Cells) -> Bounds| {
                let found = bounds(n);
                Bounds { value: found.value.filter(|_| !silent), ..found }
            };
            pairs.extend(pair_rows(names, Some(missing), &of));
        }
    }
    finish(rates, pairs)
}

fn rows_of(group: &str, name: &str, tally: &MissingTally) -> Vec<MissingRow> {
    let of = |scanner: &Scanner| {
        let at = scanner.index();
        missing_row(group, name, *scanner, tally.rows, Some(tally.missing[at]), tally.flagged[at])
    };
    Scanner::ALL.iter().map(of).collect()
}

/// A part's share of the whole, where there is one.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A row of one group whose missing results are all known, or of which none is told.
pub(crate) fn missing_row(
    group: &str,
    name: &str,
    scanner: Scanner,
    rows: u64,
    missing: Option<u64>,
    flagged: u64,
) -> MissingRow {
    MissingRow {
        group: group.to_owned(),
        name: name.to_owned(),
        scanner: scanner.as_str().to_owned(),
        rows,
        missing,
        flagged,
        rate: share(flagged, rows).filter(|_| missing != Some(rows)),
        rate_of_rated: missing.and_then(|missing| share(flagged, rows - missing)),
        lowest: share(flagged, rows),
        highest: missing.and_then(|missing| share(flagged + missing, rows)),
    }
}

/// Jaccard and kappa of a pair.
pub(crate) fn pair_rows(
    [a, b]: [&str; 2],
    missing: Option<u64>,
    of: &dyn Fn(fn(&Cells) -> Bounds) -> Bounds,
) -> [PairBounds; 2] {
    let row = |statistic: &str, found: Bounds| PairBounds {
        a: a.to_owned(),
        b: b.to_owned(),
        statistic: statistic.to_owned(),
        missing,
        value: found.value,
        lowest: found.lowest,
        highest: found.highest,
    };
    [row("jaccard", of(bounds::jaccard)), row("cohen_kappa", of(bounds::cohen_kappa))]
}

/// Adds the warnings.
pub(crate) fn finish(rates: Vec<MissingRow>, pairs: Vec<PairBounds>) -> MissingResults {
    let mut turns = Vec::new();
    let of_verdicts: Vec<&MissingRow> = rates.iter().filter(|row| row.group == "verdict").collect();
    for (place, x) in of_verdicts.iter().enumerate() {
        for y in &of_verdicts[place + 1..] {
            if (x.scanner == y.scanner) != (x.name == y.name) {
                turns.extend(turned(x, y));
            }
        }
    }
    // What is known to be missing goes before what may be, and the widest gap before the others.
    turns.sort_by(|x, y| y.0.cmp(&x.0).then_with(|| y.1.total_cmp(&x.1)));
    let mut warnings: Vec<String> = turns.into_iter().map(|(_, _, text)| text).collect();
    for row in pairs.iter().filter(|row| row.statistic == "cohen_kappa") {
        warnings.extend(reread(row));
    }
    MissingResults { rates, pairs, warnings }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A warning where the order of two rates could be the other way round; before it whether the missing rows are known,
/// and how far they reach.
fn turned(x: &MissingRow, y: &MissingRow) -> Option<(bool, f64, String)> {
    let (rate_x, rate_y) = (x.rate?, y.rate?);
    let (less, more) = if rate_x <= rate_y { (x, y) } else { (y, x) };
    let (low, high) = (less.rate?, more.rate?);
    // The rate with missing as not flagged is the lowest of both.
    if low == high || less.highest? <= high {
        return None;
    }
    let missing = match less.missing {
        Some(missing) => format!(
            "{} of the {} {} rows have no result of it, and it flags {} of the other {}",
            grouped(missing),
            grouped(less.rows),
            less.name,
            grouped(less.flagged),
            grouped(less.rows - missing),
        ),
        None => format!("up to {} of them could be flags", percent(less.highest? - low)),
    };
    let first = if less.scanner == more.scanner {
        format!(
            "{} flags fewer {} rows ({}) than {} ones ({})",
            less.scanner,
            less.name,
            percent(low),
            more.name,
            percent(high)
        )
    } else {
        format!(
            "of the {} rows {} flags fewer ({}) than {} ({})",
            less.name,
            less.scanner,
            percent(low),
            more.scanner,
            percent(high)
        )
    };
    let text =
        format!("{first}, and with the missing results it could be the other way round: {missing}");
    Some((less.missing.is_some(), less.highest? - low, text))
}

/// A warning where kappa would be read in another word.
fn reread(row: &PairBounds) -> Option<String> {
    let (value, low, high) = (row.value?, row.lowest?, row.highest?);
    let word = |kappa: f64| Scale::LandisKoch.word(kappa);
    if word(low) == word(high) {
        return None;
    }
    Some(format!(
        "kappa of {} and {}, missing as not flagged, reads `{}` ({value:.3}); the missing results allow `{}` ({low:.3}) to `{}` ({high:.3})",
        row.a,
        row.b,
        word(value),
        word(low),
        word(high),
    ))
}

/// The flag that the published figures mean: by status, missing as not flagged.
pub(crate) fn published_flag(row: &SkillRow, scanner: Scanner) -> bool {
    MissingPolicy::Negative.apply(flags::flag(row, scanner, FlagRule::Status)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_rows_has_no_share() {
        assert_eq!((share(0, 0), share(0, 4), share(3, 4)), (None, Some(0.0), Some(0.75)));
        let row = missing_row("verdict", "malicious", Scanner::Static, 0, Some(0), 0);
        assert_eq!(
            (row.rate, row.rate_of_rated, row.lowest, row.highest),
            (None, None, None, None)
        );
    }

    #[test]
    fn beyond_the_most_judges_their_rows_are_the_others() {
        let mut judges = Judges::default();
        let rows = |judges: &Judges, name: &str| judges.0.get(name).map(|tally| tally.rows);
        for number in 0..MOST_JUDGES + 2 {
            let mut row = SkillRow::default();
            row.judge.model = Some(format!(" judge {number}"));
            judges.observe(&row, FlagRule::Status);
        }
        assert_eq!(judges.0.len(), MOST_JUDGES + 1);
        assert_eq!(rows(&judges, OTHER_JUDGES), Some(2));
        judges.observe(&SkillRow::default(), FlagRule::Status);
        let mut known = SkillRow::default();
        known.judge.model = Some("judge 3".to_owned());
        judges.observe(&known, FlagRule::Status);
        assert_eq!((rows(&judges, OTHER_JUDGES), rows(&judges, "judge 3")), (Some(3), Some(2)));
    }
}
