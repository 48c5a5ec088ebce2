//! The findings as one self-contained page.

use clawsig_ratings::{Findings, PairFindings};
use clawsig_report::{
    Chapter, Document, Grid, Heat, document, estimate_text, share_text, statistic_text,
};
use clawsig_schema::estimate::Estimate;

use super::{
    Results,
    words::{self, name},
};
use crate::{Error, terminal::count};

/// The page.
pub(super) fn page(results: &Results, listed: usize) -> Result<String, Error> {
    let found = &results.findings;
    let value = |names: &[&str]| {
        let one = found.coefficients.iter().find(|one| names.contains(&one.statistic.as_str()));
        one.map_or_else(|| "not computed".to_owned(), |one| estimate_text(&one.estimate))
    };
    let lead = [
        ("Items", count(found.items)),
        ("Raters", count(found.raters.len() as u64)),
        ("Krippendorff’s alpha", value(&["krippendorff_alpha"])),
        ("Gwet’s coefficient", value(&["gwet_ac1", "gwet_ac2"])),
        ("Items in dispute", count(found.disagreements.len() as u64)),
    ];
    let mut warnings = found.remarks.clone();
    if !results.ignored_columns.is_empty() {
        let names: Vec<String> =
            results.ignored_columns.iter().map(|column| name(column)).collect();
        warnings.push(format!("Columns not used: {}.", names.join(", ")));
    }
    let document_of = Document {
        kind: "clawsig agreement of raters".to_owned(),
        title: "Agreement of raters".to_owned(),
        intro: format!(
            "{}. Agreement is no accuracy: raters that share an error agree.",
            words::read(found)
        ),
        lead: lead.map(|(name, value)| (name.to_owned(), value, String::new())).to_vec(),
        warnings,
        chapters: chapters(results, listed),
    };
    Ok(document(&document_of)?)
}

fn texts(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

fn chapters(results: &Results, listed: usize) -> Vec<Chapter> {
    let found = &results.findings;
    let read =
        results.sources.iter().map(|source| vec![source.file.clone(), source.taken_for.clone()]);
    let shares = found.raters.iter().flat_map(|rater| {
        rater.labels.iter().map(move |label| {
            vec![
                rater.rater.clone(),
                label.label.clone(),
                count(label.count),
                share_text(&label.share),
            ]
        })
    });
    let raters = Chapter {
        title: "The raters".to_owned(),
        texts: words::positive(found).into_iter().collect(),
        heat: None,
        tables: vec![
            Grid {
                caption: "What was read".to_owned(),
                columns: texts(&["File", "Taken for"]),
                rows: read.collect(),
                file: "ratings.json",
                folded: false,
            },
            Grid {
                caption: "How often each rater gives each label".to_owned(),
                columns: texts(&["Rater", "Label", "Items", "Share of the rated (95 % interval)"]),
                rows: shares.collect(),
                file: "raters.csv",
                folded: false,
            },
        ],
    };
    let main = found
        .pairs
        .iter()
        .flat_map(|pair| words::main_statistics(pair).map(move |one| (pair, one)));
    let every =
        found.pairs.iter().flat_map(|pair| pair.statistics.iter().map(move |one| (pair, one)));
    let row = |(pair, one): (&PairFindings, &clawsig_ratings::Named)| {
        let pair_name = format!("{}, {}", name(&pair.a), name(&pair.b));
        vec![pair_name, count(pair.n), statistic_text(&one.statistic), estimate_text(&one.estimate)]
    };
    let tests = found.pairs.iter().flat_map(|pair| {
        pair.tests
            .iter()
            .map(move |one| vec![format!("{}, {}", name(&pair.a), name(&pair.b)), words::test(one)])
    });
    let columns = ["Pair", "Both rated", "Statistic", "Value (95 % interval)"];
    let grid = |caption: &str, columns: &[&str], rows: Vec<Vec<String>>, file, folded| Grid {
        caption: caption.to_owned(),
        columns: texts(columns),
        rows,
        file,
        folded,
    };
    let pairs = Chapter {
        title: "Pairs of raters".to_owned(),
        texts: Vec::new(),
        heat: square(found),
        tables: vec![
            grid(
                "The main statistics of each pair",
                &columns,
                main.map(row).collect(),
                "pairs.csv",
                false,
            ),
            grid(
                "Every statistic of each pair",
                &columns,
                every.map(row).collect(),
                "pairs.csv",
                true,
            ),
            grid(
                "Do both give the same shares?",
                &["Pair", "Test"],
                tests.collect(),
                "ratings.json",
                true,
            ),
        ],
    };
    let all = found.coefficients.iter().map(|one| {
        vec![statistic_text(&one.statistic), estimate_text(&one.estimate), count(one.estimate.n)]
    });
    let names: Vec<String> = found.raters.iter().map(|rater| rater.rater.clone()).collect();
    let combined = found.patterns.iter().map(|pattern| {
        let numbers = [count(pattern.count), format!("{:.1} %", pattern.share * 100.0)];
        numbers.into_iter().chain(pattern.ratings.iter().map(words::rating)).collect()
    });
    let together = Chapter {
        title: "All raters together".to_owned(),
        texts: found.tests.iter().map(words::test).collect(),
        heat: None,
        tables: vec![
            grid(
                "Coefficients",
                &["Statistic", "Value (95 % interval)", "Items"],
                all.collect(),
                "coefficients.csv",
                false,
            ),
            Grid {
                caption: "The commonest combinations of ratings".to_owned(),
                columns: texts(&["Items", "Share"]).into_iter().chain(names.clone()).collect(),
                rows: combined.take(20).collect(),
                file: "patterns.csv",
                folded: false,
            },
        ],
    };
    let disputed = found.disagreements.iter().take(listed).map(|one| {
        let first = [one.item.clone(), format!("{:.2}", one.disagreement)];
        first.into_iter().chain(one.ratings.iter().map(words::rating)).collect()
    });
    let disputes = Chapter {
        title: "Disagreements worth a look".to_owned(),
        texts: vec![format!(
            "{} items have ratings that differ; the file disagreements.csv has all of them.",
            count(found.disagreements.len() as u64)
        )],
        heat: None,
        tables: vec![Grid {
            caption: "The most disputed items".to_owned(),
            columns: texts(&["Item", "Apart"]).into_iter().chain(names).collect(),
            rows: disputed.collect(),
            file: "disagreements.csv",
            folded: false,
        }],
    };
    let again = found.retests.iter().map(|one| {
        let counts = [
            count(one.pairs),
            count(one.flips),
            share_text(&one.flip_rate),
            estimate_text(&one.cohen_kappa),
        ];
        [one.rater.clone(), words::rating(&one.from), words::rating(&one.to)]
            .into_iter()
            .chain(counts)
            .collect()
    });
    let again: Vec<Vec<String>> = again.collect();
    let mut chapters = vec![raters, pairs, together, disputes];
    if !again.is_empty() {
        chapters.push(Chapter {
            title: "The same rater again".to_owned(),
            texts: Vec::new(),
            heat: None,
            tables: vec![grid(
                "Ratings of one item by one rater that follow each other",
                &[
                    "Rater",
                    "From",
                    "To",
                    "Pairs",
                    "Flips",
                    "Flip rate (95 % interval)",
                    "Cohen’s kappa",
                ],
                again,
                "retests.csv",
                false,
            )],
        });
    }
    let models = found.label_models.models.iter().map(|model| {
        let (bic, shares, remarks) = words::model_cells(model, &found.labels);
        vec![words::model_name(model), bic, shares, remarks]
    });
    chapters.push(Chapter {
        title: "Label models, as a baseline".to_owned(),
        texts: found.label_models.reading.clone(),
        heat: None,
        tables: vec![grid(
            "Models of a hidden label",
            &["Model", "BIC", "Prevalence", "Remarks"],
            models.collect(),
            "posteriors.csv",
            false,
        )],
    });
    chapters
}

/// Cohen's kappa of each pair as a square.
fn square(found: &Findings) -> Option<Heat> {
    let names: Vec<String> = found.raters.iter().map(|rater| rater.rater.clone()).collect();
    let of = |a: &str, b: &str| -> Option<Estimate> {
        let pair = found
            .pairs
            .iter()
            .find(|pair| (pair.a == a && pair.b == b) || (pair.a == b && pair.b == a))?;
        pair.statistics
            .iter()
            .find(|one| one.statistic == "cohen_kappa")
            .map(|one| one.estimate.clone())
    };
    let cells = names.iter().map(|a| names.iter().map(|b| of(a, b)).collect()).collect();
    (names.len() > 2).then(|| Heat {
        name: "kappa",
        title: "Cohen’s kappa of each pair".to_owned(),
        names,
        cells,
    })
}
