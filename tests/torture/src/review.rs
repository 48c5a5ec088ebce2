//! Review studies of a planted truth: how often the weighted intervals hold it, and how often those
//! of the unweighted sample do. A count of `n` is `n` studies of one synthetic population.

use clawsig_adjudicate::{
    DesignParams, EstimateParams, Estimates, Review, Reviewed, STRATA, Share, Signs, Size, draw,
    estimates, stratum_of,
};
use clawsig_ingest::parse_row;
use clawsig_schema::{
    Scanner, Verdict,
    flags::{FlagRule, flag},
    published::CODE_EXTENSIONS,
};
use clawsig_stats::{below, generator, wilson};
use clawsig_synth::{Synth, SynthParams, write_json_line};

use crate::{CampaignOptions, CampaignReport, Failure};

/// Skills of the population, and reviews of one study.
const ROWS: u64 = 12_000;
const REVIEWS: u64 = 500;
/// The level of the intervals.
const LEVEL: f64 = 0.95;

struct Skill {
    stratum: usize,
    truth: bool,
    claims: Vec<Option<bool>>,
}

/// One share's tally over all studies.
struct Line {
    name: String,
    truth: f64,
    sum: f64,
    defined: u64,
    given: u64,
    covered: u64,
    width: f64,
    unweighted: f64,
    naive: u64,
}

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let rows = if options.short { ROWS / 4 } else { ROWS };
    let skills = population(rows, options.seed)?;
    let mut lines = truths(&skills);
    let claimed = (0..skills[0].claims.len())
        .map(|who| skills.iter().filter(|skill| skill.claims[who] == Some(true)).count() as u64)
        .collect::<Vec<_>>();
    let names = STRATA.map(|(name, meaning)| (name.to_owned(), meaning.to_owned()));
    let units: Vec<(String, usize)> =
        skills.iter().enumerate().map(|(at, skill)| (at.to_string(), skill.stratum)).collect();
    for study in 0..options.count {
        let seed = options.seed.wrapping_mul(1_000_003).wrapping_add(study);
        let design = DesignParams { size: Size::Reviews(REVIEWS), level: LEVEL, seed };
        let design = draw(&names, &units, &design)?;
        let reviewed = design.drawn.iter().map(|drawn| {
            let skill = &skills[drawn.id.parse::<usize>()?];
            Ok(Reviewed {
                stratum: drawn.stratum,
                truth: skill.truth,
                claims: skill.claims.clone(),
            })
        });
        let review = Review {
            populations: design.strata.iter().map(|stratum| stratum.population).collect(),
            units: reviewed.collect::<Result<_, Failure>>()?,
            claimed: claimed.clone(),
        };
        let params = EstimateParams { replicates: 400, level: LEVEL, seed, wanted: 0.1 };
        let found = estimates(&review, &params)?;
        for (line, share) in lines.iter_mut().zip(shares(&found)) {
            line.add(share);
        }
    }
    report.cases += options.count;
    report.note(format!(
        "{} studies of {rows} synthetic skills, {REVIEWS} reviewed each, intervals at {LEVEL}, seed {}",
        options.count, options.seed
    ));
    report.note("| share | truth | mean weighted | covered | given | mean width | mean unweighted | unweighted covers |");
    report.note("|---|---|---|---|---|---|---|---|");
    let studies = options.count as f64;
    // Three standard errors of a share of 0.95 over so many studies. A short campaign shows that the
    // studies can be carried out; a small population has shares too rare to be held to their level.
    let slack = if options.short { 0.15 } else { 0.005 };
    let least = LEVEL - 3.0 * (LEVEL * (1.0 - LEVEL) / studies).sqrt() - slack;
    let mut missed = 0;
    for line in &lines {
        let covered = line.covered as f64 / line.given.max(1) as f64;
        let naive = line.naive as f64 / studies;
        report.note(format!(
            "| {} | {:.3} | {:.3} | {covered:.3} | {:.3} | {:.3} | {:.3} | {naive:.3} |",
            line.name,
            line.truth,
            line.sum / line.defined.max(1) as f64,
            line.given as f64 / studies,
            line.width / line.given.max(1) as f64,
            line.unweighted / line.defined.max(1) as f64,
        ));
        report.hold(covered >= least, || {
            format!("{}: intervals hold the truth in {covered:.3} of the studies", line.name)
        });
        missed += u64::from(naive < 0.5);
    }
    report.note(format!(
        "unweighted intervals hold the truth in less than half of the studies for {missed} of {} shares",
        lines.len()
    ));
    report.hold(missed > 0, || "unweighted shares do as well as weighted ones".to_owned());
    Ok(())
}

/// Synthetic skills with a truth that depends on verdict and flags, and a model that is right most often.
fn population(rows: u64, seed: u64) -> Result<Vec<Skill>, Failure> {
    let params = SynthParams { rows, seed, ..SynthParams::sample() };
    let synth = Synth::new(params.check()?);
    let mut draws = generator(seed, 1);
    let mut chance = |share: f64| (below(&mut draws, 1 << 20) as f64) < share * f64::from(1 << 20);
    let (mut skills, mut line) = (Vec::new(), Vec::new());
    for raw in synth.rows() {
        line.clear();
        write_json_line(&raw, &mut line)?;
        let row = parse_row(&line).map_err(|e| format!("{:?}: {}", e.reason, e.detail))?.row;
        let flags: Vec<Option<bool>> = Scanner::ALL
            .iter()
            .map(|&scanner| Some(flag(&row, scanner, FlagRule::Status) == Some(true)))
            .collect();
        let flagged = flags.iter().filter(|flag| **flag == Some(true)).count() as f64;
        let verdict = row.verdict.known();
        let truth = chance(match verdict {
            Some(Verdict::Malicious) => 0.9,
            Some(Verdict::Suspicious) => 0.55 + 0.12 * flagged,
            _ => 0.08 + 0.15 * flagged,
        });
        let model = Some(truth == chance(0.8));
        let extensions = &row.bundle.extensions;
        let code = extensions.iter().any(|one| CODE_EXTENSIONS.contains(&one.extension.as_str()));
        let mut claims = flags.clone();
        claims.extend([verdict.map(|verdict| verdict != Verdict::Clean), model]);
        let stratum = stratum_of(&Signs { verdict, flags, model, code });
        skills.push(Skill { stratum, truth, claims });
    }
    Ok(skills)
}

fn shares(found: &Estimates) -> Vec<&Share> {
    let mut all = vec![&found.prevalence];
    all.extend(
        found.claimants.iter().flat_map(|one| [&one.precision, &one.recall, &one.specificity]),
    );
    all
}

/// What each share is in the population, in the order of [`shares`].
fn truths(skills: &[Skill]) -> Vec<Line> {
    let share = |above: &dyn Fn(&Skill) -> bool, below: &dyn Fn(&Skill) -> bool| {
        let count =
            |of: &dyn Fn(&Skill) -> bool| skills.iter().filter(|skill| of(skill)).count() as f64;
        count(&|skill| above(skill) && below(skill)) / count(below)
    };
    let line = |name: String, truth| Line {
        name,
        truth,
        sum: 0.0,
        defined: 0,
        given: 0,
        covered: 0,
        width: 0.0,
        unweighted: 0.0,
        naive: 0,
    };
    let mut lines = vec![line("prevalence".to_owned(), share(&|skill| skill.truth, &|_| true))];
    let names = Scanner::NAMES.iter().copied().chain(["verdict", "model"]);
    for (who, name) in names.enumerate() {
        let says = move |skill: &Skill| skill.claims[who] == Some(true);
        let true_of = |skill: &Skill| skill.truth;
        let not_true = |skill: &Skill| !skill.truth;
        lines.push(line(format!("{name} precision"), share(&true_of, &says)));
        lines.push(line(format!("{name} recall"), share(&says, &true_of)));
        lines.push(line(format!("{name} specificity"), share(&|skill| !says(skill), &not_true)));
    }
    lines
}

impl Line {
    fn add(&mut self, share: &Share) {
        let Some(value) = share.hajek.value else { return };
        self.sum += value;
        self.defined += 1;
        if let (Some(low), Some(high)) = (share.hajek.low, share.hajek.high) {
            self.given += 1;
            self.width += high - low;
            self.covered += u64::from((low..=high).contains(&self.truth));
        }
        if let Some(plain) = share.unweighted {
            self.unweighted += plain;
            let n = share.hajek.n as f64;
            let naive = wilson((plain * n).round(), n, LEVEL);
            self.naive += u64::from(naive.is_some_and(|interval| interval.contains(self.truth)));
        }
    }
}
