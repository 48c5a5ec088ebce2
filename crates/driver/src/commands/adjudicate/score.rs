//! Reading the reviewers' answers, and scoring everyone against them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

use clawsig_adjudicate::{
    EstimateParams, Estimates, POSTURE, QUESTIONS, Review, ReviewAnswer, Reviewed, Stratum,
    estimates, question, read_answers,
};
use clawsig_ingest::Columns;
use clawsig_ratings::{LabelScale, Layout, Named, Place, RatingTable, Record, Records, study};
use clawsig_schema::{
    estimate::Estimate,
    evaluation::number_cell,
    hostile::{printable, stored_cell},
};
use clawsig_stats::ResamplingParams;
use serde::Serialize;

use super::{DESIGN, StoredDesign, VERSION, page, skills::Skills, words};
use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, ScoreArgs},
    commands::export::place::FolderPlace,
    files, terminal,
};

/// Everything that came of a review.
#[derive(Serialize)]
pub(super) struct ReviewResult {
    pub(super) files: Vec<SourceFile>,
    pub(super) reviewers: Vec<Reviewer>,
    /// Skills drawn, with a posture, and without one though reviewed.
    pub(super) drawn: u64,
    pub(super) resolved: u64,
    pub(super) unresolved: u64,
    /// The postures that count as positive.
    pub(super) positive: Vec<String>,
    pub(super) strata: Vec<StratumState>,
    pub(super) questions: Vec<QuestionAgreement>,
    pub(super) claimants: Vec<String>,
    pub(super) estimates: Estimates,
    pub(super) wanted_width: f64,
    pub(super) verdicts: Vec<PostureRow>,
    #[serde(skip)]
    pub(super) partings: Vec<Parting>,
    pub(super) remarks: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct SourceFile {
    pub(super) file: String,
    pub(super) taken_for: &'static str,
    pub(super) answers: u64,
}

#[derive(Serialize)]
pub(super) struct Reviewer {
    pub(super) reviewer: String,
    pub(super) skills: u64,
}

#[derive(Serialize)]
pub(super) struct StratumState {
    #[serde(flatten)]
    pub(super) stratum: Stratum,
    /// Drawn skills whose posture is decided.
    pub(super) resolved: u64,
}

/// How far reviewers agree on one question.
#[derive(Serialize)]
pub(super) struct QuestionAgreement {
    pub(super) question: &'static str,
    /// Skills with two answers or more.
    pub(super) skills: u64,
    pub(super) coefficients: Vec<Named>,
    /// How often each answer was given.
    pub(super) answers: BTreeMap<String, u64>,
}

/// Verdict against posture.
#[derive(Serialize)]
pub(super) struct PostureRow {
    pub(super) verdict: String,
    pub(super) posture: &'static str,
    pub(super) reviewed: u64,
    /// How many skills of the run these stand for.
    pub(super) weighted: f64,
}

/// A skill on which verdict and reviewers part.
pub(super) struct Parting {
    pub(super) item: String,
    pub(super) slug: String,
    pub(super) stratum: String,
    pub(super) verdict: String,
    pub(super) posture: &'static str,
    pub(super) weight: f64,
}

/// Scores.
pub(super) fn score(words: &ScoreArgs, global: &Global) -> Result<ExitStatus, Error> {
    let postures = question(POSTURE).map_or(&[][..], |posture| posture.answers);
    if let Some(other) = words.positive.iter().find(|name| !postures.contains(&name.as_str())) {
        return Err(Error::Usage(format!(
            "--positive {other} is no posture; the postures are {}",
            postures.join(", ")
        )));
    }
    let place = words.out.as_ref().map(|out| FolderPlace::at(out, words.force)).transpose()?;
    let scored = scored(words)?;
    if let Some(place) = place {
        let at = |name: &str| place.root().join(name);
        files::write_json(&at("review.json"), &scored)?;
        write_estimates(&at("estimates.csv"), &scored)?;
        let rows = scored.partings.iter().map(|one| {
            vec![
                stored_cell(&one.item),
                stored_cell(&one.slug),
                one.stratum.clone(),
                stored_cell(&one.verdict),
                one.posture.to_owned(),
                number_cell(one.weight),
            ]
        });
        let header = ["item", "slug", "stratum", "verdict", "posture", "weight"];
        files::write_cells(&at("partings.csv"), header, rows)?;
        files::write_text(&at("report.html"), &page::page(&scored)?)?;
        place.close()?;
    }
    match global.format {
        OutputFormat::Json => {
            let text = serde_json::to_string_pretty(&scored)
                .map_err(|e| Error::Output(std::io::Error::other(e)))?;
            terminal::print(&format!("{text}\n"))?;
        }
        OutputFormat::Text if global.quiet => {}
        OutputFormat::Text => {
            let mut text = words::summary(&scored);
            if let Some(out) = &words.out {
                text.push_str(&format!(
                    "\n{}: report.html, review.json, estimates.csv, partings.csv\n",
                    out.display()
                ));
            }
            terminal::print(&text)?;
        }
    }
    Ok(ExitStatus::Done)
}

fn scored(words: &ScoreArgs) -> Result<ReviewResult, Error> {
    let path = words.sample.join(DESIGN);
    let stored: StoredDesign = files::read_json(&path)?;
    let artifact = |reason: String| Error::Artifact { path: path.clone(), reason };
    if stored.version != VERSION {
        return Err(artifact(format!(
            "is of version {}, and this program reads {VERSION}; draw the sample anew",
            stored.version
        )));
    }
    let skills = Skills::open(&words.run)?;
    if stored.rows != skills.rows.to_string() {
        return Err(Error::Usage(format!(
            "{} was drawn from other rows than {} holds now; name the run as it was, or draw a new \
             sample",
            words.sample.display(),
            words.run.display()
        )));
    }
    let design = stored.design;
    if design.drawn.iter().any(|drawn| drawn.stratum >= design.strata.len()) {
        return Err(artifact(
            "names a stratum that it does not have; draw the sample anew".to_owned(),
        ));
    }
    let places: HashMap<&str, usize> =
        design.drawn.iter().map(|drawn| (drawn.id.as_str(), drawn.stratum)).collect();
    let (files, answers) = answers(words, &places)?;
    let decided = decided(words, &answers)?;

    let mut remarks = skills.remarks.clone();
    let claimants = skills.claimants.clone();
    let populations = design.strata.iter().map(|one| one.population).collect();
    let mut review = Review { populations, units: Vec::new(), claimed: vec![0; claimants.len()] };
    let mut rows = Vec::new();
    skills.each(Columns::WithoutText, |skill| {
        for (sum, claim) in review.claimed.iter_mut().zip(&skill.claims) {
            *sum += u64::from(*claim == Some(true));
        }
        if let (Some(&stratum), Some(&posture)) =
            (places.get(skill.item.as_str()), decided.postures.get(&skill.item))
        {
            let truth = words.positive.iter().any(|positive| positive == posture);
            review.units.push(Reviewed { stratum, truth, claims: skill.claims });
            let verdict = skill.row.verdict.text().unwrap_or("none").to_owned();
            rows.push((skill.item, skill.row.slug.unwrap_or_default(), stratum, verdict, posture));
        }
        Ok(())
    })?;
    let params = EstimateParams {
        replicates: words.replicates,
        seed: words.seed,
        wanted: words.width,
        level: design.level,
    };
    let found = estimates(&review, &params)?;
    remarks.extend(found.remarks.iter().cloned());
    let mut resolved = vec![0_u64; design.strata.len()];
    rows.iter().for_each(|row| resolved[row.2] += 1);
    let weight =
        |stratum: usize| design.strata[stratum].population as f64 / resolved[stratum] as f64;
    let mut crossed = BTreeMap::<(String, &'static str), (u64, f64)>::new();
    let mut partings = Vec::new();
    for (item, slug, stratum, verdict, posture) in rows {
        let sum = crossed.entry((verdict.clone(), posture)).or_default();
        *sum = (sum.0 + 1, sum.1 + weight(stratum));
        if verdict != posture {
            let name = design.strata[stratum].name.clone();
            partings.push(Parting {
                item,
                slug,
                stratum: name,
                verdict,
                posture,
                weight: weight(stratum),
            });
        }
    }
    partings.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.item.cmp(&b.item)));
    let drawn = design.drawn.len() as u64;
    let done: u64 = resolved.iter().sum();
    if done < drawn {
        remarks.push(format!(
            "{} of {drawn} drawn skills have no decided posture; within a stratum they are taken to be \
             like the others",
            drawn - done
        ));
    }
    let strata = design.strata.into_iter().zip(&resolved);
    Ok(ReviewResult {
        files,
        reviewers: reviewers(&answers),
        drawn,
        resolved: done,
        unresolved: decided.unresolved,
        positive: words.positive.clone(),
        strata: strata.map(|(stratum, &resolved)| StratumState { stratum, resolved }).collect(),
        questions: agreement(&answers, words)?,
        claimants,
        estimates: found,
        wanted_width: words.width,
        verdicts: crossed
            .into_iter()
            .map(|((verdict, posture), (reviewed, weighted))| PostureRow {
                verdict,
                posture,
                reviewed,
                weighted,
            })
            .collect(),
        partings,
        remarks,
    })
}

/// Every file's answers, all of them on skills that were drawn.
fn answers(
    words: &ScoreArgs,
    places: &HashMap<&str, usize>,
) -> Result<(Vec<SourceFile>, Vec<ReviewAnswer>), Error> {
    let (mut sources, mut all) = (Vec::new(), Vec::<ReviewAnswer>::new());
    let mut given = HashMap::new();
    for path in &words.files {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let file = printable(&path.display().to_string(), 200);
        let (form, found) = read_answers(&file, &bytes, words.reviewer.as_deref())?;
        sources.push(SourceFile { file, taken_for: form.name(), answers: found.len() as u64 });
        for one in found {
            let wrong = |reason: String| clawsig_adjudicate::AdjudicateError::Answers {
                place: one.place.clone(),
                reason,
            };
            if !places.contains_key(one.item.as_str()) {
                let reason = format!(
                    "`{}` is not in the sample; answers to the sample in --sample are expected",
                    printable(&one.item, 80)
                );
                return Err(wrong(reason).into());
            }
            let key = (one.item.clone(), one.reviewer.clone(), one.question);
            if let Some(before) = given.insert(key, one.place.clone()) {
                let reason = format!(
                    "{} answered {} on `{}` before, at {before}; keep one",
                    printable(&one.reviewer, 60),
                    one.question,
                    printable(&one.item, 80)
                );
                return Err(wrong(reason).into());
            }
            all.push(one);
        }
    }
    Ok((sources, all))
}

struct Decided {
    postures: HashMap<String, &'static str>,
    unresolved: u64,
}

/// The posture of each skill: the deciding reviewer's, else that of more than half of its reviewers.
fn decided(words: &ScoreArgs, answers: &[ReviewAnswer]) -> Result<Decided, Error> {
    if let Some(name) = &words.decides
        && !answers.iter().any(|one| one.reviewer == *name)
    {
        return Err(Error::Usage(format!(
            "--decides {name}: no file has answers of that reviewer; the reviewers are {}",
            reviewers(answers)
                .iter()
                .map(|one| printable(&one.reviewer, 40))
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    let mut by_item = BTreeMap::<&str, Vec<&ReviewAnswer>>::new();
    for one in answers.iter().filter(|one| one.question == POSTURE) {
        by_item.entry(&one.item).or_default().push(one);
    }
    let mut found = Decided { postures: HashMap::new(), unresolved: 0 };
    for (item, given) in by_item {
        let deciding = given.iter().find(|one| words.decides.as_ref() == Some(&one.reviewer));
        let mut counts = BTreeMap::<&'static str, usize>::new();
        given
            .iter()
            .filter_map(|one| one.answer)
            .for_each(|answer| *counts.entry(answer).or_default() += 1);
        let all: usize = counts.values().sum();
        let most = counts.iter().find(|(_, count)| **count * 2 > all).map(|(answer, _)| *answer);
        match deciding.map_or(most, |one| one.answer) {
            Some(posture) => {
                found.postures.insert(item.to_owned(), posture);
            }
            None => found.unresolved += 1,
        }
    }
    Ok(found)
}

fn reviewers(answers: &[ReviewAnswer]) -> Vec<Reviewer> {
    let mut items = BTreeMap::<&str, std::collections::BTreeSet<&str>>::new();
    for one in answers {
        items.entry(&one.reviewer).or_default().insert(&one.item);
    }
    items
        .into_iter()
        .map(|(name, items)| Reviewer { reviewer: name.to_owned(), skills: items.len() as u64 })
        .collect()
}

/// The reviewers' agreement on each question, by the statistics of any ratings.
fn agreement(answers: &[ReviewAnswer], words: &ScoreArgs) -> Result<Vec<QuestionAgreement>, Error> {
    let resampling = ResamplingParams {
        replicates: words.replicates,
        seed: words.seed,
        ..ResamplingParams::default()
    };
    let checked = resampling.check().map_err(|e| Error::Usage(e.to_string()))?;
    let mut found = Vec::new();
    for asked in &QUESTIONS {
        let own: Vec<&ReviewAnswer> =
            answers.iter().filter(|one| one.question == asked.name).collect();
        let mut counts = BTreeMap::<String, u64>::new();
        for one in &own {
            *counts
                .entry(one.answer.unwrap_or(clawsig_adjudicate::CANNOT_TELL).to_owned())
                .or_default() += 1;
        }
        let mut coefficients = Vec::new();
        let mut skills = 0;
        if own.iter().any(|one| one.answer.is_some()) {
            let records = own.iter().map(|one| Record {
                item: one.item.clone(),
                rater: one.reviewer.clone(),
                rating: one.answer.map(str::to_owned),
                cluster: None,
                weight: None,
                version: None,
                time: None,
                place: Place { file: one.place.clone(), unit: "answer", number: 1 },
            });
            let mut all = Records::default();
            all.extend(records, &Layout::default())?;
            let order: Vec<String> =
                asked.answers.iter().map(|&answer| answer.to_owned()).collect();
            let table = RatingTable::new(&all, LabelScale::Ordinal, &order)?;
            skills =
                table.ratings.iter().filter(|row| row.iter().flatten().count() > 1).count() as u64;
            let kept = ["percent_agreement", "gwet_ac2", "krippendorff_alpha"];
            coefficients = study(&table, &checked, &|_, _| ())?.coefficients;
            coefficients.retain(|one| kept.contains(&one.statistic.as_str()));
        }
        found.push(QuestionAgreement {
            question: asked.name,
            skills,
            coefficients,
            answers: counts,
        });
    }
    Ok(found)
}

fn write_estimates(path: &std::path::Path, scored: &ReviewResult) -> Result<(), Error> {
    let number = |value: Option<f64>| value.map(number_cell).unwrap_or_default();
    let cells = |who: &str, what: &str, share: &clawsig_adjudicate::Share| {
        let hajek: &Estimate = &share.hajek;
        let total = share.horvitz_thompson.as_ref().and_then(|one| one.value);
        vec![
            who.to_owned(),
            what.to_owned(),
            number(hajek.value),
            number(hajek.standard_error),
            number(hajek.low),
            number(hajek.high),
            hajek.n.to_string(),
            number(total),
            number(share.unweighted),
            share
                .more
                .as_ref()
                .map(|more| more.iter().sum::<u64>().to_string())
                .unwrap_or_default(),
            hajek.undefined.clone().or_else(|| hajek.remark()).unwrap_or_default(),
        ]
    };
    let mut rows = vec![cells("reviewers", "prevalence", &scored.estimates.prevalence)];
    for (who, quality) in scored.claimants.iter().zip(&scored.estimates.claimants) {
        rows.push(cells(who, "precision", &quality.precision));
        rows.push(cells(who, "recall", &quality.recall));
        rows.push(cells(who, "specificity", &quality.specificity));
    }
    let header = [
        "claimant",
        "metric",
        "hajek",
        "standard_error",
        "low",
        "high",
        "n",
        "horvitz_thompson",
        "unweighted",
        "more_reviews",
        "undefined",
    ];
    files::write_cells(path, header, rows)
}
