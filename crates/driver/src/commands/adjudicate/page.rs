//! The scores as one self-contained page.

use clawsig_report::{
    Chapter, Document, Grid, document, estimate_text, share_text, statistic_text,
};

use super::{score::ReviewResult, words};
use crate::{Error, terminal::count};

/// The page.
pub(super) fn page(scored: &ReviewResult) -> Result<String, Error> {
    let grid = |caption: &str, columns: &[&str], rows: Vec<Vec<String>>, file| Grid {
        caption: caption.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows,
        file,
        folded: false,
    };
    let chapter = |title: &str, texts: Vec<String>, tables| Chapter {
        title: title.to_owned(),
        texts,
        heat: None,
        tables,
    };
    let shares = words::shares(scored)
        .into_iter()
        .map(|(who, what, share)| {
            let [estimate, plain, more] = words::cells(share);
            let total = share.horvitz_thompson.as_ref().map_or_else(|| "–".to_owned(), share_text);
            vec![who, what.to_owned(), estimate, total, plain, more]
        })
        .collect();
    let wanted = format!("More reviews for a width of {}", scored.wanted_width);
    let columns =
        ["Claimant", "Metric", "Hájek (95 % interval)", "Horvitz-Thompson", "Unweighted", &wanted];
    let strata = scored
        .strata
        .iter()
        .map(|one| {
            let stratum = &one.stratum;
            let counts = [stratum.population, stratum.drawn, one.resolved].map(count);
            [stratum.name.clone()]
                .into_iter()
                .chain(counts)
                .chain([stratum.meaning.clone()])
                .collect()
        })
        .collect();
    let agreed = scored
        .questions
        .iter()
        .flat_map(|asked| {
            asked.coefficients.iter().map(|one| {
                let name = asked.question.replace('_', " ");
                vec![
                    name,
                    count(asked.skills),
                    statistic_text(&one.statistic),
                    estimate_text(&one.estimate),
                ]
            })
        })
        .collect();
    let given = scored
        .questions
        .iter()
        .flat_map(|asked| {
            let name = asked.question.replace('_', " ");
            asked
                .answers
                .iter()
                .map(move |(answer, times)| vec![name.clone(), answer.clone(), count(*times)])
        })
        .collect();
    let crossed = scored
        .verdicts
        .iter()
        .map(|row| {
            let weighted = count(row.weighted.round() as u64);
            vec![row.verdict.clone(), row.posture.to_owned(), count(row.reviewed), weighted]
        })
        .collect();
    let partings = scored
        .partings
        .iter()
        .map(|one| {
            let weight = format!("{:.1}", one.weight);
            vec![
                one.item.clone(),
                one.slug.clone(),
                one.stratum.clone(),
                one.verdict.clone(),
                one.posture.to_owned(),
                weight,
            ]
        })
        .collect();
    let read = scored
        .files
        .iter()
        .map(|source| vec![source.file.clone(), source.taken_for.to_owned(), count(source.answers)])
        .collect();
    let found = Document {
        kind: "clawsig adjudication".to_owned(),
        title: "What the reviewers found".to_owned(),
        intro: format!("{}.", words::reading(scored)),
        lead: vec![
            ("Reviewed skills".to_owned(), count(scored.resolved), String::new()),
            ("Positive".to_owned(), share_text(&scored.estimates.prevalence.hajek), String::new()),
            (
                "Verdict and posture differ".to_owned(),
                count(scored.partings.len() as u64),
                String::new(),
            ),
        ],
        warnings: scored.remarks.clone(),
        chapters: vec![
            chapter(
                "Scanners, verdict and model against the reviewers",
                Vec::new(),
                vec![grid("Weighted by the design", &columns, shares, "estimates.csv")],
            ),
            chapter(
                "Where verdict and reviewers part",
                Vec::new(),
                vec![
                    grid(
                        "Verdict and posture",
                        &["Verdict", "Posture", "Reviewed", "Stand for"],
                        crossed,
                        "review.json",
                    ),
                    grid(
                        "Skills on which they part, those that stand for most first",
                        &["Item", "Slug", "Stratum", "Verdict", "Posture", "Weight"],
                        partings,
                        "partings.csv",
                    ),
                ],
            ),
            chapter(
                "How far reviewers agree",
                Vec::new(),
                vec![
                    grid(
                        "Agreement on each question",
                        &["Question", "Skills", "Statistic", "Value (95 % interval)"],
                        agreed,
                        "review.json",
                    ),
                    grid("Answers given", &["Question", "Answer", "Times"], given, "review.json"),
                ],
            ),
            chapter(
                "The design",
                Vec::new(),
                vec![
                    grid(
                        "Strata",
                        &["Stratum", "Skills", "Drawn", "Decided", "Meaning"],
                        strata,
                        "review.json",
                    ),
                    grid("Files", &["File", "Taken for", "Answers"], read, "review.json"),
                ],
            ),
        ],
    };
    Ok(document(&found)?)
}
