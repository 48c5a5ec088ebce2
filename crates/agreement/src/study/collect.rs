//! Reading rows into counts, and putting the results together.

use std::collections::{BTreeMap, HashMap};

use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, Severity, SkillRow, Split, Verdict,
    agreement::{AGREEMENT_FORMAT, AgreementResults, OVERALL_SLICE, SliceKind, VerdictRow},
    estimate::Estimate,
    flags::flag,
};

use super::{
    Flags, VERDICT, ValidStudyParams,
    disagree::Lists,
    rater_name,
    slice::{Part, SliceSpec, slice_result},
    sweep::Sweep,
    truth, unrated,
};
use crate::proportion;

/// The bands of `owner_size`: the largest size of each and its name.
const OWNER_SIZES: [(u64, &str); 4] = [(1, "1"), (5, "2-5"), (20, "6-20"), (u64::MAX, ">20")];

/// All that the slices ask of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind {
    /// Each scanner's flag under each rule, in the order of [`FlagRule::ALL`].
    flags: [[Option<bool>; 3]; 3],
    pub(crate) verdict: Option<Verdict>,
    severity: Option<Severity>,
    split: Split,
}

impl Kind {
    fn of(row: &SkillRow) -> Kind {
        let mut flags = [[None; 3]; 3];
        for (by_scanner, &rule) in flags.iter_mut().zip(FlagRule::ALL) {
            for (cell, &scanner) in by_scanner.iter_mut().zip(Scanner::ALL) {
                *cell = flag(row, scanner, rule);
            }
        }
        let stated = row.skillspector.known_severity();
        let severity = stated.or_else(|| row.skillspector.score.and_then(Severity::of_score));
        Kind { flags, verdict: row.verdict, severity, split: row.split }
    }

    /// The raters' flags before the missing policy; a scanner that was never run has none.
    pub(crate) fn ratings(&self, rule: FlagRule, ran: [bool; 3]) -> Flags {
        let place = FlagRule::ALL.iter().position(|&known| known == rule).unwrap_or(0);
        let scanner = |i: usize| self.flags[place][i].filter(|_| ran[i]);
        [scanner(0), scanner(1), scanner(2), self.verdict.map(|v| v != Verdict::Clean)]
    }
}

/// The rows of one owner, or one kind of row without an owner.
pub(crate) struct Owner {
    /// Rows by kind.
    pub(crate) kinds: Vec<(Kind, u64)>,
    /// The owner's rows.
    pub(crate) size: u64,
    /// How many owners are exactly so: more than one only for rows without an owner.
    pub(crate) copies: u64,
}

/// The rows seen so far.
pub struct Study {
    settings: ValidStudyParams,
    rows: u64,
    owner_ids: HashMap<String, usize>,
    owners: Vec<BTreeMap<Kind, u64>>,
    ownerless: BTreeMap<Kind, u64>,
    /// Whether any row shows that the scanner was run.
    ran: [bool; 3],
    sweep: Sweep,
    lists: Lists,
}

impl Study {
    /// A study without rows.
    pub fn new(settings: &ValidStudyParams) -> Study {
        Study {
            settings: settings.clone(),
            rows: 0,
            owner_ids: HashMap::new(),
            owners: Vec::new(),
            ownerless: BTreeMap::new(),
            ran: [false; 3],
            sweep: Sweep::default(),
            lists: Lists::new(settings.params.top),
        }
    }

    /// Takes a row into account. The text is not looked at. The order of rows is of no
    /// consequence to the results.
    pub fn observe(&mut self, row: &SkillRow) {
        self.rows += 1;
        let kind = Kind::of(row);
        for (ran, &scanner) in self.ran.iter_mut().zip(Scanner::ALL) {
            *ran |= was_run(row, scanner);
        }
        match row.owner() {
            None => *self.ownerless.entry(kind).or_default() += 1,
            Some(owner) => {
                let id = match self.owner_ids.get(owner) {
                    Some(&id) => id,
                    None => {
                        self.owner_ids.insert(owner.to_owned(), self.owners.len());
                        self.owners.push(BTreeMap::new());
                        self.owners.len() - 1
                    }
                };
                *self.owners[id].entry(kind).or_default() += 1;
            }
        }
        let params = &self.settings.params;
        let flags = kind.ratings(params.rule, [true; 3]);
        self.sweep.observe(row, flags, params);
        self.lists.observe(row, with_policy(flags, params.missing));
    }

    /// Rows seen so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Computes everything. `progress` is told the parts done and the parts in all.
    pub fn finish(self, progress: &(dyn Fn(u64, u64) + Sync)) -> AgreementResults {
        let params = &self.settings.params;
        let (rule, missing) = (params.rule, params.missing);
        let mut owners: Vec<Owner> = self
            .owners
            .into_iter()
            .map(|kinds| Owner {
                size: kinds.values().sum(),
                kinds: kinds.into_iter().collect(),
                copies: 1,
            })
            .collect();
        owners.extend(self.ownerless.into_iter().map(|(kind, copies)| Owner {
            kinds: vec![(kind, 1)],
            size: 1,
            copies,
        }));
        let specs = slices(rule, missing);
        let steps = specs.len() as u64 + 2;
        progress(0, steps);
        let mut slices = Vec::with_capacity(specs.len());
        for (done, spec) in (1..).zip(&specs) {
            slices.push(slice_result(spec, &owners, self.ran, &self.settings));
            progress(done, steps);
        }
        let rated = rated_raters(&owners, rule, self.ran);
        let latent = truth::latent(&owners, &self.settings, self.ran, rated);
        progress(steps - 1, steps);
        let results = AgreementResults {
            format: AGREEMENT_FORMAT,
            parameters: self.settings.stated(),
            rows: self.rows,
            owners: owners.iter().map(|owner| owner.copies).sum(),
            raters: (0..super::RATERS).map(|rater| rater_name(rater).to_owned()).collect(),
            unrated: (0..super::RATERS)
                .filter(|&rater| !rated[rater])
                .map(|rater| rater_name(rater).to_owned())
                .collect(),
            slices,
            by_verdict: by_verdict(&owners, rule, missing, self.ran),
            sweep: self.sweep.finish(params, rated),
            latent,
            disagreements: self.lists.finish(rated),
        };
        progress(steps, steps);
        results
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

/// The scanners' flags under the policy; a missing verdict stays missing.
pub(crate) fn with_policy(flags: Flags, missing: MissingPolicy) -> Flags {
    let mut out = flags.map(|flag| missing.apply(flag));
    out[VERDICT] = flags[VERDICT];
    out
}

fn rated_raters(owners: &[Owner], rule: FlagRule, ran: [bool; 3]) -> [bool; super::RATERS] {
    let mut rated = [false; super::RATERS];
    for (kind, _) in owners.iter().flat_map(|owner| &owner.kinds) {
        for (any, flag) in rated.iter_mut().zip(kind.ratings(rule, ran)) {
            *any |= flag.is_some();
        }
    }
    rated
}

fn part_matches(part: Part, owner: &Owner, kind: &Kind) -> bool {
    match part {
        Part::All => true,
        Part::Verdict(verdict) => kind.verdict == Some(verdict),
        Part::Severity(severity) => kind.severity == severity,
        Part::Split(split) => kind.split == split,
        Part::OwnerSize(least, most) => (least..=most).contains(&owner.size),
    }
}

impl SliceSpec {
    /// Whether rows of this kind and owner are in the slice.
    pub(crate) fn holds(&self, owner: &Owner, kind: &Kind) -> bool {
        part_matches(self.part, owner, kind)
    }
}

/// Every slice, in the order of the results.
fn slices(rule: FlagRule, missing: MissingPolicy) -> Vec<SliceSpec> {
    let spec = |name: String, kind, part| SliceSpec { name, kind, rule, missing, part };
    let mut specs = vec![spec(OVERALL_SLICE.to_owned(), SliceKind::Overall, Part::All)];
    for &other_rule in FlagRule::ALL {
        for &other_policy in MissingPolicy::ALL {
            if (other_rule, other_policy) != (rule, missing) {
                specs.push(SliceSpec {
                    name: format!("rule={other_rule},missing={other_policy}"),
                    kind: SliceKind::Overall,
                    rule: other_rule,
                    missing: other_policy,
                    part: Part::All,
                });
            }
        }
    }
    for &verdict in Verdict::ALL {
        let name = format!("verdict={verdict}");
        specs.push(spec(name, SliceKind::Verdict, Part::Verdict(verdict)));
    }
    for &severity in Severity::ALL {
        let name = format!("severity={severity}");
        specs.push(spec(name, SliceKind::Severity, Part::Severity(Some(severity))));
    }
    specs.push(spec("severity=none".to_owned(), SliceKind::Severity, Part::Severity(None)));
    for &split in Split::ALL {
        specs.push(spec(format!("split={split}"), SliceKind::Split, Part::Split(split)));
    }
    let mut least = 1;
    for (most, name) in OWNER_SIZES {
        let part = Part::OwnerSize(least, most);
        specs.push(spec(format!("owner_size={name}"), SliceKind::OwnerSize, part));
        least = most.saturating_add(1);
    }
    specs
}

/// Scanner by verdict, then over all verdicts.
fn by_verdict(
    owners: &[Owner],
    rule: FlagRule,
    missing: MissingPolicy,
    ran: [bool; 3],
) -> Vec<VerdictRow> {
    let groups = Verdict::ALL.iter().map(|&verdict| Some(verdict)).chain([None]);
    let mut rows = Vec::new();
    for group in groups {
        for &scanner in Scanner::ALL {
            let (mut all, mut rated, mut used, mut flagged) = (0, 0, 0, 0);
            for owner in owners {
                for (kind, count) in &owner.kinds {
                    if group.is_some() && kind.verdict != group {
                        continue;
                    }
                    let count = count * owner.copies;
                    let flag = kind.ratings(rule, ran)[scanner.index()];
                    all += count;
                    rated += if flag.is_some() { count } else { 0 };
                    let counted = missing.apply(flag);
                    used += if counted.is_some() { count } else { 0 };
                    flagged += if counted == Some(true) { count } else { 0 };
                }
            }
            let estimate: Estimate = if rated == 0 && all > 0 {
                (used, flagged) = (0, 0);
                unrated([scanner.index()])
            } else {
                proportion(flagged, used).into()
            };
            rows.push(VerdictRow {
                verdict: group.map_or("all", Verdict::as_str).to_owned(),
                scanner: scanner.as_str().to_owned(),
                rows: all,
                used,
                flagged,
                share: estimate.value,
                low: estimate.low,
                high: estimate.high,
                undefined: estimate.undefined,
            });
        }
    }
    rows
}
