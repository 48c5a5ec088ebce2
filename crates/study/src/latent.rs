//! The latent view: prevalence, sensitivity and specificity without a gold label.

use clawsig_agreement::{
    Ratings, Undefined,
    latent::{LatentParams, dawid_skene, degrees_of_freedom, refit},
    resampling::{ResamplingParams, replicate},
};
use clawsig_schema::{
    agreement::{LatentRates, LatentResult, OVERALL_SLICE, SliceKind},
    estimate::Estimate,
};

use crate::{
    RATERS, StudyError, VERDICT, ValidStudyParams,
    collect::Gathered,
    progress::Counter,
    rater_names,
    slice::{Marks, SliceRows, SliceSpec, count_rows},
    stated, unrated,
};

/// Replicates of a latent model at most: each one is a fit of its own.
const REPLICATES: u32 = 200;

const ASSUMPTIONS: [&str; 3] = [
    "each skill has one hidden state, flagged or not",
    "given that state the raters err independently of each other",
    "most raters are right more often than wrong",
];

const WITH_VERDICT: &str =
    "the verdict errs independently too, although its judge was shown two of the scanners";

/// Both models: the scanners alone, and with the verdict as a fourth rater.
pub(crate) fn latent(
    gathered: &Gathered,
    settings: &ValidStudyParams,
    rated: [bool; RATERS],
    counter: &Counter<'_>,
) -> Result<Vec<LatentResult>, StudyError> {
    let spec = SliceSpec {
        name: OVERALL_SLICE.to_owned(),
        kind: SliceKind::Overall,
        rule: settings.params.flags.rule,
        missing: settings.params.flags.missing,
        of: SliceRows::All,
    };
    let counted = count_rows(&spec, gathered)?;
    let marks = Marks {
        names: &rater_names(),
        flags: &counted.flags,
        units: &counted.clusters,
        absent: (0..RATERS).filter(|&rater| !rated[rater]).collect(),
    };
    let models = [("scanners", VERDICT), ("scanners_and_verdict", RATERS)];
    Ok(models
        .into_iter()
        .map(|(name, raters)| {
            let mut result = model(name, raters, &marks, settings, counter);
            if raters == RATERS {
                result.assumptions.push(WITH_VERDICT.to_owned());
            }
            result
        })
        .collect())
}

/// The model of the first raters.
pub(crate) fn model<F: AsRef<[Option<bool>]>>(
    name: &str,
    raters: usize,
    marks: &Marks<'_, F>,
    settings: &ValidStudyParams,
    counter: &Counter<'_>,
) -> LatentResult {
    let (absent, members): (Vec<usize>, Vec<usize>) =
        (0..raters).partition(|rater| marks.absent.contains(rater));
    let rater_name = |rater: usize| marks.names[rater];
    let ratings = |counts: &[u64]| {
        let rows = marks.flags.iter().zip(counts).map(|(flags, &count)| {
            let flags = flags.as_ref();
            let row = members.iter().map(|&rater| flags[rater].map(usize::from)).collect();
            (row, count)
        });
        Ratings::from_patterns(members.len(), 2, rows)
    };
    let totals = marks.units.totals();
    let rows = (marks.flags.iter().zip(totals))
        .filter(|(flags, _)| members.iter().any(|&rater| flags.as_ref()[rater].is_some()))
        .map(|(_, count)| count)
        .sum();
    let mut result = LatentResult {
        model: name.to_owned(),
        raters: members.iter().map(|&rater| rater_name(rater).to_owned()).collect(),
        assumptions: ASSUMPTIONS.map(str::to_owned).to_vec(),
        prevalence: Estimate::undefined("not fitted", rows),
        rates: Vec::new(),
        rows,
        log_likelihood: None,
        iterations: 0,
        converged: false,
        degrees_of_freedom: degrees_of_freedom(members.len(), 2),
        doubts: Vec::new(),
    };
    let fewer = ResamplingParams {
        replicates: settings.params.replicates.min(REPLICATES),
        ..settings.resampling.params()
    };
    let (Ok(fit), Ok(fewer)) = (LatentParams::default().check(), fewer.check()) else {
        return result;
    };
    let fitted = match ratings(totals) {
        Ok(ratings) => dawid_skene(&ratings, &fit),
        Err(_) => Err(Undefined::NoSubjects),
    };
    let mut estimates: Vec<Estimate> = match fitted {
        Ok(found) => {
            result.log_likelihood = Some(found.log_likelihood);
            result.iterations = found.iterations;
            result.converged = found.converged;
            result.doubts = found.doubts.iter().map(|doubt| doubt.reason().to_owned()).collect();
            let width = 1 + 2 * members.len();
            let mut told = counter.run("latent model");
            let resampled =
                replicate(marks.units, &fewer, &vec![(0.0, 1.0); width], |counts, out| {
                    let refit = match ratings(counts) {
                        Ok(ratings) => refit(&found, &ratings, &fit),
                        Err(_) => Err(Undefined::NoSubjects),
                    };
                    match refit {
                        Ok(model) => {
                            out[0] = Ok(model.prevalence[1]);
                            for (pair, by_hidden) in out[1..].chunks_mut(2).zip(&model.confusion) {
                                pair[0] = Ok(by_hidden[1][1]);
                                pair[1] = Ok(by_hidden[0][0]);
                            }
                        }
                        Err(why) => out.fill(Err(why)),
                    }
                    told();
                });
            let mut values = vec![found.prevalence[1]];
            for by_hidden in &found.confusion {
                values.extend([by_hidden[1][1], by_hidden[0][0]]);
            }
            let full = |(place, value): (usize, f64)| {
                let spread = resampled.percentile(place);
                stated(&clawsig_agreement::Estimate { value: Ok(value), n: rows, ..spread })
            };
            values.into_iter().enumerate().map(full).collect()
        }
        Err(why) => {
            let reason = if absent.is_empty() {
                why.reason().to_owned()
            } else {
                let names = absent.iter().map(|&rater| rater_name(rater));
                let missing = unrated(names).undefined.unwrap_or_default();
                format!("{missing}: {}", why.reason())
            };
            vec![Estimate::undefined(reason, rows); 1 + 2 * members.len()]
        }
    };
    let rates = estimates.split_off(1);
    if let Some(prevalence) = estimates.pop() {
        result.prevalence = prevalence;
    }
    result.rates = members
        .iter()
        .zip(rates.chunks(2))
        .map(|(&rater, pair)| LatentRates {
            rater: rater_name(rater).to_owned(),
            sensitivity: pair[0].clone(),
            specificity: pair[1].clone(),
        })
        .collect();
    // A scanner that never ran is listed with its reason, not left out in silence.
    result.rates.extend(absent.iter().map(|&rater| LatentRates {
        rater: rater_name(rater).to_owned(),
        sensitivity: unrated([rater_name(rater)]),
        specificity: unrated([rater_name(rater)]),
    }));
    result
}
