//! The disagreements to look at first.
//!
//! A row's priority is the product of the confidences of the raters that disagree, so that a row
//! comes first where each side is sure. A rater's confidence is read off its own output:
//! the static scanner by its number of findings f (f / (1 + f) where it flags), VirusTotal by the
//! share of engines, SkillSpector by its score, the verdict by its level and the judge's stated
//! confidence. An output that says nothing about confidence counts as one half.

use std::collections::BTreeMap;

use clawsig_schema::{
    Scanner, SkillRow, Verdict,
    agreement::{Disagreement, DisagreementKind},
};

use crate::{Flags, RATERS, VERDICT, rater_name, sweep::engines};

/// The least confidence that a flag or its absence has, so that a product never hides a row.
const FLOOR: f64 = 0.01;

/// The list that a row belongs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ListKey {
    /// The first rater flags, the second does not.
    Pair(usize, usize),
    /// The scanners' flags.
    Pattern([Option<bool>; 3]),
}

/// The best rows of each list so far.
pub(crate) struct Lists {
    top: usize,
    lists: BTreeMap<ListKey, Vec<Disagreement>>,
}

impl Lists {
    pub(crate) fn new(top: u32) -> Lists {
        Lists { top: top as usize, lists: BTreeMap::new() }
    }

    /// `flags` after the missing policy.
    pub(crate) fn observe(&mut self, row: &SkillRow, flags: Flags) {
        let mut sure = [0.0; RATERS];
        for (rater, slot) in sure.iter_mut().enumerate() {
            *slot = confidence(row, rater, flags[rater]).max(FLOOR);
        }
        for a in 0..RATERS {
            for b in (0..RATERS).filter(|&b| b != a) {
                if flags[a] == Some(true) && flags[b] == Some(false) {
                    self.offer(ListKey::Pair(a, b), row, flags, sure[a] * sure[b]);
                }
            }
        }
        let scanners = [flags[0], flags[1], flags[2]];
        if scanners.contains(&Some(true)) && scanners.contains(&Some(false)) {
            let known = (0..VERDICT).filter(|&s| scanners[s].is_some());
            let priority = known.map(|s| sure[s]).product();
            self.offer(ListKey::Pattern(scanners), row, flags, priority);
        }
    }

    fn offer(&mut self, place: ListKey, row: &SkillRow, flags: Flags, priority: f64) {
        let list = self.lists.entry(place).or_default();
        let at = list.partition_point(|kept| {
            let order = kept.priority.total_cmp(&priority).reverse();
            order
                .then_with(|| kept.id.as_str().cmp(&row.id))
                .then(kept.split.cmp(&row.split))
                .is_lt()
        });
        if at >= self.top {
            return;
        }
        list.truncate(self.top - 1);
        list.insert(
            at,
            Disagreement {
                kind: match place {
                    ListKey::Pair(..) => DisagreementKind::Pair,
                    ListKey::Pattern(_) => DisagreementKind::Pattern,
                },
                flagged_by: String::new(),
                not_flagged_by: String::new(),
                rank: 0,
                priority,
                id: row.id.clone(),
                slug: row.slug.clone(),
                version: row.version.clone(),
                split: row.split,
                verdict: row.verdict.printable(),
                flags: flags[..VERDICT].to_vec(),
                static_findings: row.static_scan.finding_count,
                virustotal_engines: engines(row),
                skillspector_score: row.skillspector.score,
            },
        );
    }

    /// The lists in order, ranked; raters without ratings are taken out of them.
    pub(crate) fn finish(self, rated: [bool; RATERS]) -> Vec<Disagreement> {
        let mut out = Vec::new();
        for (place, list) in self.lists {
            let (flagged, unflagged): (Vec<usize>, Vec<usize>) = match place {
                ListKey::Pair(a, b) => (vec![a], vec![b]),
                ListKey::Pattern(flags) => {
                    let with = |wanted| {
                        (0..VERDICT).filter(|&s| rated[s] && flags[s] == Some(wanted)).collect()
                    };
                    (with(true), with(false))
                }
            };
            let of_unrated = flagged.iter().chain(&unflagged).any(|&rater| !rated[rater]);
            // Without the unrated scanners a pattern may be no disagreement any more.
            if of_unrated || flagged.is_empty() || unflagged.is_empty() {
                continue;
            }
            let names = |raters: &[usize]| {
                raters.iter().map(|&rater| rater_name(rater)).collect::<Vec<_>>().join("+")
            };
            for (rank, mut found) in (1..).zip(list) {
                found.rank = rank;
                found.flagged_by = names(&flagged);
                found.not_flagged_by = names(&unflagged);
                for (flag, rated) in found.flags.iter_mut().zip(rated) {
                    *flag = flag.filter(|_| rated);
                }
                out.push(found);
            }
        }
        out
    }
}

/// How sure a rater is of its flag, 0 to 1; 0 without a flag.
fn confidence(row: &SkillRow, rater: usize, flag: Option<bool>) -> f64 {
    let Some(flag) = flag else { return 0.0 };
    let toward = |share: f64| if flag { share } else { 1.0 - share };
    match Scanner::ALL.get(rater) {
        Some(Scanner::Static) => {
            let findings = f64::from(row.static_scan.finding_count);
            toward(findings / (1.0 + findings))
        }
        Some(Scanner::VirusTotal) => {
            let vt = &row.virustotal;
            let quiet = f64::from(vt.harmless.unwrap_or(0)) + f64::from(vt.undetected.unwrap_or(0));
            match engines(row) {
                Some(hits) if f64::from(hits) + quiet > 0.0 => {
                    toward(f64::from(hits) / (f64::from(hits) + quiet))
                }
                _ => 0.5,
            }
        }
        Some(Scanner::SkillSpector) => {
            row.skillspector.score.map_or(0.5, |score| toward((score / 100.0).clamp(0.0, 1.0)))
        }
        None => {
            let level = match row.verdict.known() {
                Some(Verdict::Suspicious) => 0.75,
                Some(Verdict::Clean | Verdict::Malicious) => 1.0,
                None => return 0.0,
            };
            level * judge_confidence(row.judge.confidence.as_deref())
        }
    }
}

/// The judge's confidence: a word, a share or a percentage.
fn judge_confidence(text: Option<&str>) -> f64 {
    let text = text.unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        "high" => 1.0,
        "medium" => 0.6,
        "low" => 0.3,
        _ => match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => share,
            Ok(percent) if (0.0..=100.0).contains(&percent) => percent / 100.0,
            _ => 0.5,
        },
    }
}
