//! Reading rows into counts, and putting the results together.

use std::collections::{BTreeMap, HashMap};

use clawsig_agreement::{MOST_SUBJECTS, proportion};
use clawsig_schema::{
    FlagRule, MissingPolicy, Progress, Scanner, Severity, SkillRow, Split, Verdict,
    agreement::{AGREEMENT_FORMAT, AgreementResults, OVERALL_SLICE, SliceKind, VerdictRow},
    estimate::Estimate,
};
use rayon::prelude::*;

use crate::{
    CountedRows, Flags, StudyError, VERDICT, ValidStudyParams,
    choices::Choices,
    disagree::Lists,
    findings::{Findings, Themes, themes_of},
    latent,
    missing::{self, Judges},
    progress::Counter,
    rater_name,
    slice::{SliceRows, SliceSpec, slice_result},
    stated,
    sweep::Sweep,
    unrated,
};

/// Verdicts that are none of the three and are listed by name; the rest of them is `(others)`.
const UNJUDGED: usize = 20;

/// The bands of `owner_size`: the largest size of each and its name.
const OWNER_SIZES: [(u64, &str); 4] = [(1, "1"), (5, "2-5"), (20, "6-20"), (u64::MAX, ">20")];

/// All that the slices ask of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind {
    /// Each scanner's flag under each rule, in the order of [`FlagRule::ALL`].
    flags: [[Option<bool>; 3]; 3],
    /// One of the three; a row of another verdict is not rated by it.
    pub(crate) verdict: Option<Verdict>,
    severity: Option<Severity>,
    split: Split,
}

impl Kind {
    fn of(rows: &CountedRows) -> Kind {
        let CountedRows { flags, severity, split, .. } = *rows;
        Kind { flags, verdict: rows.verdict.known(), severity, split }
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

/// The data that [`Study::finish`] computes from.
pub(crate) struct Gathered {
    pub(crate) owners: Vec<Owner>,
    /// Whether owners were told apart: if not, single rows are resampled.
    pub(crate) owners_known: bool,
    /// Whether any row shows that the scanner was run.
    pub(crate) ran: [bool; 3],
    /// The rows of each verdict that is none of the three.
    unjudged: BTreeMap<String, BTreeMap<Kind, u64>>,
}

/// The rows seen so far.
pub struct Study {
    settings: ValidStudyParams,
    rows: u64,
    owner_ids: HashMap<String, usize>,
    owners: Vec<BTreeMap<Kind, u64>>,
    ownerless: BTreeMap<Kind, u64>,
    owners_known: bool,
    ran: [bool; 3],
    unjudged: BTreeMap<String, BTreeMap<Kind, u64>>,
    sweep: Sweep,
    choices: Choices,
    judges: Judges,
    findings: Findings,
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
            owners_known: true,
            ran: [false; 3],
            unjudged: BTreeMap::new(),
            sweep: Sweep::default(),
            choices: Choices::default(),
            judges: Judges::default(),
            findings: Findings::default(),
            lists: Lists::new(settings.params.disagreements),
        }
    }

    /// A study of counts that do not tell owners apart: intervals resample single rows, and say so
    /// in their method, and there are no slices by owner size.
    pub fn without_owners(settings: &ValidStudyParams) -> Study {
        Study { owners_known: false, ..Study::new(settings) }
    }

    /// Takes rows into account, with their texts read on the current rayon pool. The order of rows is of no
    /// consequence to the results, but for the list of rows on which the rules differ. Without its
    /// text a row has no part in the themes.
    ///
    /// # Errors
    /// As [`Study::observe_counted`]; the rows up to there are taken in.
    pub fn observe(&mut self, rows: &[SkillRow]) -> Result<(), StudyError> {
        // The themes take longer than all else, and depend on no other row.
        let themes: Vec<Option<Themes>> = rows.par_iter().map(themes_of).collect();
        for (row, themes) in rows.iter().zip(themes) {
            let counted = CountedRows::of(row);
            self.observe_counted(&counted)?;
            let params = &self.settings.params;
            let flags = Kind::of(&counted).ratings(params.flags.rule, [true; 3]);
            self.lists.observe(row, with_policy(flags, params.flags.missing));
            self.judges.observe(row, params.flags.rule);
            self.findings.observe(row, themes);
        }
        Ok(())
    }

    /// Takes rows into account that are already counted: the results are those of the rows, but
    /// for the lists of disagreements. More than [`MOST_SUBJECTS`] rows in all are an error.
    pub fn observe_counted(&mut self, counted: &CountedRows) -> Result<(), StudyError> {
        let count = counted.rows;
        let rows = self.rows.checked_add(count).filter(|rows| *rows <= MOST_SUBJECTS);
        let Some(rows) = rows else { return Err(StudyError::TooManyRows) };
        self.rows = rows;
        if count == 0 {
            return Ok(());
        }
        let kind = Kind::of(counted);
        for (ran, more) in self.ran.iter_mut().zip(counted.ran) {
            *ran |= more;
        }
        if kind.verdict.is_none() {
            let name = counted.verdict.name().into_owned();
            *self.unjudged.entry(name).or_default().entry(kind).or_default() += count;
        }
        match counted.owner.as_deref().filter(|_| self.owners_known) {
            None => *self.ownerless.entry(kind).or_default() += count,
            Some(owner) => {
                let id = match self.owner_ids.get(owner) {
                    Some(&id) => id,
                    None => {
                        self.owner_ids.insert(owner.to_owned(), self.owners.len());
                        self.owners.push(BTreeMap::new());
                        self.owners.len() - 1
                    }
                };
                *self.owners[id].entry(kind).or_default() += count;
            }
        }
        let params = &self.settings.params;
        let flags = kind.ratings(params.flags.rule, [true; 3]);
        self.sweep.observe(counted, flags, params);
        self.choices.observe(counted, params);
        Ok(())
    }

    /// Rows seen so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Computes everything. `progress` is told what is being resampled, and how many replicates
    /// of how many are done.
    pub fn finish(self, progress: Progress<'_>) -> Result<AgreementResults, StudyError> {
        let params = &self.settings.params;
        let (rule, missing) = (params.flags.rule, params.flags.missing);
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
        let gathered = Gathered {
            owners,
            owners_known: self.owners_known,
            ran: self.ran,
            unjudged: few_names(self.unjudged),
        };
        let mut specs = slices(rule, missing);
        specs.retain(|spec| gathered.owners_known || spec.kind != SliceKind::OwnerSize);
        // Once a slice, twice more of all rows, and the two latent models.
        let counter = Counter::new(progress, params.replicates, specs.len() as u64 + 4);
        let of_slice = |spec| slice_result(spec, &gathered, &self.settings, &counter);
        let rated = rated_raters(&gathered, rule);
        let (findings, rule_differences) = self.findings.finish();
        // One slice at a time, since a few take most of the time.
        let (slices, latent) = rayon::join(
            || specs.par_iter().with_max_len(1).map(of_slice).collect::<Result<_, _>>(),
            || latent::latent(&gathered, &self.settings, rated, &counter),
        );
        Ok(AgreementResults {
            format: AGREEMENT_FORMAT,
            parameters: self.settings.stated(),
            rows: self.rows,
            owners: gathered.owners.iter().map(|owner| owner.copies).sum(),
            raters: (0..crate::RATERS).map(|rater| rater_name(rater).to_owned()).collect(),
            unrated: (0..crate::RATERS)
                .filter(|&rater| !rated[rater])
                .map(|rater| rater_name(rater).to_owned())
                .collect(),
            unjudged: gathered
                .unjudged
                .iter()
                .map(|(name, kinds)| (name.clone(), kinds.values().sum()))
                .collect(),
            slices: slices?,
            by_verdict: by_verdict(&gathered, rule, missing),
            sweep: self.sweep.finish(params, rated),
            latent: latent?,
            disagreements: self.lists.finish(rated),
            missing: missing::results(&gathered, self.judges, rule),
            choices: self.choices.finish(params),
            rule_differences,
            findings,
        })
    }
}

/// The scanners' flags under the policy; a missing verdict stays missing.
pub(crate) fn with_policy(flags: Flags, missing: MissingPolicy) -> Flags {
    let mut out = flags.map(|flag| missing.apply(flag));
    out[VERDICT] = flags[VERDICT];
    out
}

fn rated_raters(gathered: &Gathered, rule: FlagRule) -> [bool; crate::RATERS] {
    let mut rated = [false; crate::RATERS];
    for (kind, _) in gathered.owners.iter().flat_map(|owner| &owner.kinds) {
        for (any, flag) in rated.iter_mut().zip(kind.ratings(rule, gathered.ran)) {
            *any |= flag.is_some();
        }
    }
    rated
}

fn rows_match(rows: SliceRows, owner: &Owner, kind: &Kind) -> bool {
    match rows {
        SliceRows::All => true,
        SliceRows::Verdict(verdict) => kind.verdict == Some(verdict),
        SliceRows::Severity(severity) => kind.severity == severity,
        SliceRows::Split(split) => kind.split == split,
        SliceRows::OwnerSize(least, most) => (least..=most).contains(&owner.size),
    }
}

impl SliceSpec {
    /// Whether rows of this kind and owner are in the slice.
    pub(crate) fn holds(&self, owner: &Owner, kind: &Kind) -> bool {
        rows_match(self.of, owner, kind)
    }
}

/// Every slice, in the order of the results.
fn slices(rule: FlagRule, missing: MissingPolicy) -> Vec<SliceSpec> {
    let spec = |name: String, kind, of| SliceSpec { name, kind, rule, missing, of };
    let mut specs = vec![spec(OVERALL_SLICE.to_owned(), SliceKind::Overall, SliceRows::All)];
    for &other_rule in FlagRule::ALL {
        for &other_policy in MissingPolicy::ALL {
            if (other_rule, other_policy) != (rule, missing) {
                specs.push(SliceSpec {
                    name: format!("rule={other_rule},missing={other_policy}"),
                    kind: SliceKind::Overall,
                    rule: other_rule,
                    missing: other_policy,
                    of: SliceRows::All,
                });
            }
        }
    }
    for &verdict in Verdict::ALL {
        let name = format!("verdict={verdict}");
        specs.push(spec(name, SliceKind::Verdict, SliceRows::Verdict(verdict)));
    }
    for &severity in Severity::ALL {
        let name = format!("severity={severity}");
        specs.push(spec(name, SliceKind::Severity, SliceRows::Severity(Some(severity))));
    }
    specs.push(spec("severity=none".to_owned(), SliceKind::Severity, SliceRows::Severity(None)));
    for &split in Split::ALL {
        specs.push(spec(format!("split={split}"), SliceKind::Split, SliceRows::Split(split)));
    }
    let mut least = 1;
    for (most, name) in OWNER_SIZES {
        let of = SliceRows::OwnerSize(least, most);
        specs.push(spec(format!("owner_size={name}"), SliceKind::OwnerSize, of));
        least = most.saturating_add(1);
    }
    specs
}

/// Those with most rows by name, the others together.
fn few_names(
    names: BTreeMap<String, BTreeMap<Kind, u64>>,
) -> BTreeMap<String, BTreeMap<Kind, u64>> {
    let mut ranked: Vec<_> = names.into_iter().collect();
    ranked.sort_by_key(|(_, kinds)| std::cmp::Reverse(kinds.values().sum::<u64>()));
    let rest = ranked.split_off(ranked.len().min(UNJUDGED));
    let mut few: BTreeMap<_, _> = ranked.into_iter().collect();
    for (kind, count) in rest.into_iter().flat_map(|(_, kinds)| kinds) {
        *few.entry("(others)".to_owned()).or_default().entry(kind).or_default() += count;
    }
    few
}

/// Scanner by verdict, the three first, then over all verdicts.
fn by_verdict(gathered: &Gathered, rule: FlagRule, missing: MissingPolicy) -> Vec<VerdictRow> {
    let mut all: BTreeMap<Kind, u64> = BTreeMap::new();
    for owner in &gathered.owners {
        for &(kind, count) in &owner.kinds {
            *all.entry(kind).or_default() += count * owner.copies;
        }
    }
    let of = |verdict: Verdict| all.iter().filter(move |(kind, _)| kind.verdict == Some(verdict));
    let mut rows = Vec::new();
    for &verdict in Verdict::ALL {
        rows.extend(verdict_rows(verdict.as_str(), of(verdict), gathered.ran, rule, missing));
    }
    for (name, kinds) in &gathered.unjudged {
        // No verdict of that name may stand for all of them.
        let name = if name == "all" { "`all`" } else { name };
        rows.extend(verdict_rows(name, kinds.iter(), gathered.ran, rule, missing));
    }
    rows.extend(verdict_rows("all", all.iter(), gathered.ran, rule, missing));
    rows
}

/// Each scanner's flags among some rows.
fn verdict_rows<'a>(
    name: &str,
    kinds: impl Iterator<Item = (&'a Kind, &'a u64)> + Clone,
    ran: [bool; 3],
    rule: FlagRule,
    missing: MissingPolicy,
) -> Vec<VerdictRow> {
    let of_scanner = |&scanner: &Scanner| {
        let (mut all, mut rated, mut used, mut flagged) = (0, 0, 0, 0);
        for (kind, count) in kinds.clone() {
            let flag = kind.ratings(rule, ran)[scanner.index()];
            all += count;
            rated += if flag.is_some() { *count } else { 0 };
            let counted = missing.apply(flag);
            used += if counted.is_some() { *count } else { 0 };
            flagged += if counted == Some(true) { *count } else { 0 };
        }
        let estimate: Estimate = if rated == 0 && all > 0 {
            (used, flagged) = (0, 0);
            unrated([scanner.as_str()])
        } else {
            stated(&proportion(flagged, used))
        };
        VerdictRow {
            verdict: name.to_owned(),
            scanner: scanner.as_str().to_owned(),
            rows: all,
            used,
            flagged,
            share: estimate.value,
            low: estimate.low,
            high: estimate.high,
            undefined: estimate.undefined,
        }
    };
    Scanner::ALL.iter().map(of_scanner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_fewest_rows_are_counted_together() {
        let name = |number: u64| format!("name {number}");
        let kind = |split| Kind { flags: [[None; 3]; 3], verdict: None, severity: None, split };
        let (train, test) = (kind(Split::Train), kind(Split::Test));
        let mut names: BTreeMap<String, BTreeMap<Kind, u64>> =
            (1..=23).map(|number| (name(number), [(train, number)].into())).collect();
        names.entry(name(2)).or_default().insert(test, 1);
        let few = few_names(names.clone());
        assert_eq!(few.len(), UNJUDGED + 1);
        assert_eq!(few["(others)"], [(train, 1 + 2 + 3), (test, 1)].into());
        assert!((4..=23).all(|number| few[&name(number)] == names[&name(number)]));
        assert!(few_names(BTreeMap::new()).is_empty());
    }
}
