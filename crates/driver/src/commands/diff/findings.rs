//! The findings of a comparison: what a person should look at, in words, first things first.

use clawsig_schema::hostile::printable;
use clawsig_stats::{mcnemar_exact, p_value_text};
use serde::Serialize;

use super::{
    Difference, Outcome,
    changes::{Change, SMALLEST, share_change},
    profile::{NamedCount, ProfileChanges},
    rows::{RowChanges, ScannerChanges},
    show,
};
use crate::{
    cli::Concern,
    terminal::{count, counted},
};

/// Something that a reader of a weekly comparison should look at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) concern: Concern,
    pub(super) text: String,
}

/// The level below which a shift of a scanner's flags or ratings on the same skills is no
/// accident. Weekly looks at three scanners give a false alarm in about 33 weeks at 1 %.
const LEVEL: f64 = 0.01;
/// The smallest part of a scanner's flags or ratings that counts where it is less than
/// [`SMALLEST`] of all skills: a scanner that flags few skills may lose all it has.
const SMALLEST_PART: f64 = 0.2;
/// The share of flags flipped either way that counts though as many were gained as lost.
const CHURN: f64 = 0.05;
/// The share of skills that are gone, or of filled cells, that counts.
const LOSS: f64 = 0.05;
/// The fewest rows from which a share is judged.
const FEW: u64 = 10;
/// Names of one kind that are listed.
const NAMED: usize = 5;

/// The findings, in the order in which they matter. What `fail_on` asks about and can't be
/// compared is one too: a check that was not made has not passed.
pub(super) fn find(difference: &Difference, fail_on: &[Concern]) -> Vec<Finding> {
    let mut found = FindingList(Vec::new());
    match &difference.data {
        Outcome::Compared(data) => {
            found.rows(&data.rows, &data.profile);
            found.scanners(&data.rows, &data.profile);
            found.columns(&data.profile, [data.rows.rows_a, data.rows.rows_b]);
            found.rejects(&data.profile, [data.rows.rows_a, data.rows.rows_b]);
            found.verdicts(&data.rows, &data.profile);
            found.drift(&data.rows);
        }
        Outcome::Undefined(why) => {
            for concern in [Concern::Coverage, Concern::Rejects, Concern::Verdicts, Concern::Drift]
            {
                found.not_compared(concern, why, fail_on);
            }
        }
    }
    for (concern, part) in
        [(Concern::Agreement, &difference.agreement), (Concern::Metrics, &difference.metrics)]
    {
        match part {
            Outcome::Compared(changes) => found.statistics(concern, changes),
            Outcome::Undefined(why) => found.not_compared(concern, why, fail_on),
        }
    }
    found.0
}

struct FindingList(Vec<Finding>);

impl FindingList {
    fn say(&mut self, concern: Concern, text: String) {
        self.0.push(Finding { concern, text });
    }

    fn not_compared(&mut self, concern: Concern, why: &str, fail_on: &[Concern]) {
        if fail_on.contains(&concern) {
            self.say(concern, format!("not compared: {why}"));
        }
    }

    /// Rows that are gone.
    fn rows(&mut self, rows: &RowChanges, profile: &ProfileChanges) {
        if rows.removed as f64 > LOSS * rows.rows_a as f64 {
            let rejected: u64 = profile.rejects.iter().map(|one| one.b).sum();
            let where_to = match rejected {
                0 => String::new(),
                rejected => format!(" ({} rejected)", counted(rejected, "row")),
            };
            self.say(
                Concern::Coverage,
                format!(
                    "{} of {} are gone{where_to}",
                    count(rows.removed),
                    counted(rows.rows_a, "skill")
                ),
            );
        }
        if let Some(changed) = rows.text_changed.filter(|changed| *changed > 0) {
            self.say(
                Concern::Coverage,
                format!("{} another text under the same id", have(changed, "skill")),
            );
        }
    }

    /// Scanners that rate less, and statuses that are new.
    fn scanners(&mut self, rows: &RowChanges, profile: &ProfileChanges) {
        for one in &rows.scanners {
            if let Some(text) = silence(one, rows) {
                self.say(Concern::Coverage, text);
            }
            let of_scanner =
                || profile.statuses.iter().filter(|s| s.scanner == one.scanner.as_str());
            let new: Vec<String> = of_scanner()
                .filter(|status| status.a == 0)
                .map(|status| {
                    format!("`{}` ({})", printable(&status.status, 40), counted(status.b, "row"))
                })
                .collect();
            if !new.is_empty() {
                let gone: Vec<String> = of_scanner()
                    .filter(|status| status.b == 0)
                    .map(|s| format!("`{}` ({})", printable(&s.status, 40), counted(s.a, "row")))
                    .collect();
                let gone = match gone.is_empty() {
                    true => String::new(),
                    false => format!("; gone: {}", listed(&gone)),
                };
                self.say(
                    Concern::Coverage,
                    format!(
                        "{} has a status that it did not have: {}{gone}",
                        one.scanner,
                        listed(&new)
                    ),
                );
            }
        }
    }

    /// Columns that came, went or emptied.
    fn columns(&mut self, profile: &ProfileChanges, rows: [u64; 2]) {
        let named = |one: &NamedCount| {
            let name = printable(&one.name, 60);
            format!("`{name}` ({})", counted(one.a.max(one.b), "row"))
        };
        let mut kinds = [Vec::new(), Vec::new()];
        for one in &profile.extra_columns {
            kinds[usize::from(one.b == 0)].push(named(one));
        }
        for (names, what) in kinds.iter().zip(["new", "gone"]) {
            if !names.is_empty() {
                let text = format!("columns outside the schema that are {what}: {}", listed(names));
                self.say(Concern::Coverage, text);
            }
        }
        let mut emptied = Vec::new();
        for one in profile.filled.iter().filter(|one| one.a >= FEW) {
            let lost_all = one.b == 0 && rows[1] > 0;
            let less = share_change((one.a, rows[0]), (one.b, rows[1]));
            if lost_all || less.is_some_and(|(_, high)| high < -LOSS) {
                emptied.push(format!(
                    "{} in {} of {} (before {} of {})",
                    one.name,
                    count(one.b),
                    counted(rows[1], "row"),
                    count(one.a),
                    count(rows[0]),
                ));
            }
        }
        if !emptied.is_empty() {
            self.say(Concern::Coverage, format!("columns with fewer values: {}", listed(&emptied)));
        }
    }

    /// Rows that were not read.
    fn rejects(&mut self, profile: &ProfileChanges, rows: [u64; 2]) {
        let of = |at: usize| -> u64 {
            profile.rejects.iter().map(|one| if at == 0 { one.a } else { one.b }).sum()
        };
        let more: Vec<String> = profile
            .rejects
            .iter()
            .filter(|one| one.b > one.a)
            .map(|one| format!("{} {} (before {})", count(one.b), one.name, count(one.a)))
            .collect();
        if !more.is_empty() {
            self.say(
                Concern::Rejects,
                format!(
                    "{} of {} rejected: {}",
                    count(of(1)),
                    counted(rows[1] + of(1), "row"),
                    listed(&more)
                ),
            );
        }
    }

    /// Verdicts with a new name, without a row, and those that flipped.
    fn verdicts(&mut self, rows: &RowChanges, profile: &ProfileChanges) {
        for one in &profile.verdicts {
            let name = printable(&one.name, 40);
            match (one.a, one.b) {
                (0, now) if now > 0 => self.say(
                    Concern::Verdicts,
                    format!("the verdict `{name}` is new: {}", counted(now, "row")),
                ),
                (before, 0) if before > 0 => self.say(
                    Concern::Verdicts,
                    format!("no row has the verdict `{name}` any more (before {})", count(before)),
                ),
                _ => {}
            }
        }
        if rows.verdict_flips > 0 {
            let ways: Vec<String> = rows
                .flips
                .iter()
                .map(|flip| format!("{} {} to {}", count(flip.rows), flip.from, flip.to))
                .collect();
            self.say(
                Concern::Verdicts,
                format!(
                    "another verdict for {} of the {} in both runs: {}",
                    count(rows.verdict_flips),
                    counted(rows.common, "skill"),
                    listed(&ways)
                ),
            );
        }
    }

    /// Scanners that flag the same skills differently.
    fn drift(&mut self, rows: &RowChanges) {
        for one in &rows.scanners {
            let (Some(p), Some(shift), Some(flipped)) = (one.p_value, one.shift, one.flipped)
            else {
                continue;
            };
            let flags = one.both + one.only_a.max(one.only_b);
            let part = one.only_a.abs_diff(one.only_b) as f64 / flags.max(1) as f64;
            let shifted = p < LEVEL && (shift.abs() >= SMALLEST || part >= SMALLEST_PART);
            if shifted || (flipped >= CHURN && one.only_a + one.only_b >= FEW) {
                let both = one.both + one.only_a + one.only_b + one.neither;
                self.say(
                    Concern::Drift,
                    format!(
                        "{} flags the same skills differently: {} newly flagged, {} no longer, of \
                         {} ({:+.1} points, {})",
                        one.scanner,
                        count(one.only_b),
                        count(one.only_a),
                        count(both),
                        100.0 * shift,
                        p_value_text(p),
                    ),
                );
            }
        }
    }

    /// Statistics that are no more, and those that moved.
    fn statistics(&mut self, concern: Concern, changes: &[Change]) {
        let lost: Vec<(&Change, &str)> =
            changes.iter().filter_map(|change| Some((change, change.lost()?))).collect();
        let mut reasons: Vec<&str> = lost.iter().map(|(_, why)| *why).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let names: Vec<String> = lost
                .iter()
                .filter(|(_, why)| *why == reason)
                .map(|(change, _)| change.name())
                .collect();
            let number = counted(names.len() as u64, "statistic");
            self.say(concern, format!("{number} became undefined ({reason}): {}", listed(&names)));
        }
        for change in changes.iter().filter(|change| change.is_headline() && change.counts()) {
            self.say(concern, format!("{} moved: {}", change.name(), show::moved(change)));
        }
    }
}

/// That a scanner rates fewer rows, if it does.
fn silence(one: &ScannerChanges, rows: &RowChanges) -> Option<String> {
    let name = one.scanner;
    let (before, now) = (count(one.rated_a), count(one.rated_b));
    if one.rated_a > 0 && one.rated_b == 0 {
        return Some(format!("{name} has gone silent: rated {before}, now 0"));
    }
    let lost = one.lost_rating.saturating_sub(one.gained_rating);
    let of_common = lost as f64 >= SMALLEST * rows.common.max(1) as f64;
    let of_rated = lost as f64 >= SMALLEST_PART * one.rated_a.max(1) as f64;
    let test = mcnemar_exact(one.lost_rating, one.gained_rating);
    if (of_common || of_rated) && test.is_some_and(|test| test.p_value < LEVEL) {
        return Some(format!(
            "{name} rates fewer: rated {before} of {}, now {now} of {}; of the {} in both runs it \
             no longer rates {}, and rates {} that it did not",
            counted(rows.rows_a, "row"),
            count(rows.rows_b),
            counted(rows.common, "skill"),
            count(one.lost_rating),
            count(one.gained_rating),
        ));
    }
    // Skills that stay keep what a dead scanner said of them: the new ones tell.
    let new = rows.added + rows.updated;
    let usual = one.rated_a as f64 / rows.rows_a.max(1) as f64;
    let less = share_change((one.rated_a, rows.rows_a), (one.rated_new, new));
    (new >= FEW && less.is_some_and(|(_, high)| high < -usual / 2.0)).then(|| {
        format!(
            "{name} rates few of the new: {} of {}, of those before {before} of {}",
            count(one.rated_new),
            counted(new, "new or updated skill"),
            count(rows.rows_a),
        )
    })
}

/// `1 skill has`, `2 skills have`
fn have(number: u64, noun: &str) -> String {
    format!("{} {}", counted(number, noun), if number == 1 { "has" } else { "have" })
}

/// The first of a list, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {} more", count(more as u64)),
    }
}
