//! The section on disagreements and errors worth a look.

use clawsig_schema::{
    agreement::DisagreementKind,
    evaluation::{ModelName, ModelResults},
};

use crate::{
    answers::answers,
    page::{Block, PageTable, Section},
    study::StudyResults,
    words::{count, decimal, rater, shown},
};

/// The answers, each with a link to its figures.
pub(super) fn findings(study: &StudyResults) -> Section {
    let (agreement, registry) = (study.agreement.get(), study.registry.get());
    let found = answers(agreement, registry, study.evaluation.get(), study.run.synthetic);
    let blocks = match found.is_empty() {
        true => vec![Block::Note("Undefined: no stage that answers has run.".to_owned())],
        false => vec![Block::Answers(found)],
    };
    Section { id: "findings".to_owned(), title: "Findings".to_owned(), blocks }
}

/// The rows of a table that is not folded.
const OPEN_ROWS: usize = 12;

fn raters(joined: &str) -> String {
    joined.split('+').map(rater).collect::<Vec<_>>().join(", ")
}

/// The skills and the errors to look at first.
pub(super) fn disagreements(study: &StudyResults) -> Section {
    let mut blocks = vec![Block::Note(
        "Names below are their authors’ own words: shown as text, never as links.".to_owned(),
    )];
    match study.agreement.as_result() {
        Ok(found) => {
            for (kind, caption) in [
                (DisagreementKind::Pattern, "Scanners that disagree: the clearest of each pattern"),
                (DisagreementKind::Pair, "Pairs of raters that disagree, most confident first"),
            ] {
                let mut listed: Vec<_> =
                    found.disagreements.iter().filter(|one| one.kind == kind).collect();
                if kind == DisagreementKind::Pattern {
                    // The first of every pattern before the second of one.
                    listed.sort_by_key(|one| one.rank);
                }
                let rows = listed
                    .into_iter()
                    .map(|one| {
                        vec![
                            shown(one.slug.as_deref().unwrap_or(&one.id)),
                            raters(&one.flagged_by),
                            raters(&one.not_flagged_by),
                            shown(&one.verdict.name()),
                            decimal(one.priority),
                        ]
                    })
                    .collect();
                let columns = ["Skill", "Flagged by", "Not flagged by", "Verdict", "Priority"];
                let table = PageTable::new(caption, &columns, rows);
                let table = table.rest_in("agreement/disagreements.csv");
                blocks.push(match kind {
                    DisagreementKind::Pattern => table.first(OPEN_ROWS).block(),
                    DisagreementKind::Pair => table.folded().block(),
                });
            }
        }
        Err(reason) => {
            blocks.push(Block::Note(format!("Disagreements: undefined: {}.", shown(reason))));
        }
    }
    match study.evaluation.as_result() {
        Ok(evaluation) => {
            blocks.extend(evaluation.models.iter().map(|model| errors(model, &evaluation.classes)));
        }
        Err(reason) => {
            blocks.push(Block::Note(format!("Model errors: undefined: {}.", shown(reason))));
        }
    }
    Section {
        id: "disagreements".to_owned(),
        title: "Disagreements and errors worth a look".to_owned(),
        blocks,
    }
}

/// Where a model and the verdict differ.
fn errors(model: &ModelResults, classes: &[String]) -> Block {
    let rows = model
        .errors
        .iter()
        .map(|error| {
            let place = classes.iter().position(|class| *class == error.predicted);
            let probability = place.and_then(|place| error.probabilities.get(place));
            let why = error.explanation.as_ref().map(|found| shown(&found.in_words(5)));
            vec![
                shown(error.slug.as_deref().unwrap_or(&error.id)),
                shown(&error.verdict),
                shown(&error.predicted),
                probability.map_or("undefined: not given".to_owned(), |&p| decimal(p)),
                why.unwrap_or_else(|| "undefined: one class alone".to_owned()),
                format!(
                    "{} of {}",
                    count(error.near_duplicates_other_label),
                    count(error.near_duplicates)
                ),
            ]
        })
        .collect();
    let columns = [
        "Skill",
        "Verdict",
        "Predicted",
        "Probability",
        "Why",
        "Near-duplicates labelled otherwise",
    ];
    let (caption, file) = match model.name {
        ModelName::All => ("Where the model and the verdict differ", "evaluate/errors.csv"),
        ModelName::TextOnly => {
            ("Where the text-only model and the verdict differ", "evaluate/text-only/errors.csv")
        }
    };
    let caption = format!("{caption}, most confident first");
    let table = PageTable::new(&caption, &columns, rows);
    match model.name {
        ModelName::All => table.first(OPEN_ROWS).rest_in(file).block(),
        ModelName::TextOnly => table.folded().rest_in(file).block(),
    }
}

/// What the study can't tell.
pub(super) fn limits(study: &StudyResults) -> Section {
    let mut texts = vec![
        "The labels are silver. The verdict is the registry’s moderation consensus, not the \
         outcome of an investigation: where it is wrong, a model that agrees with it is wrong too.",
        "The judge saw the scanners. It is shown findings of the static scanner and of \
         SkillSpector before it writes the verdict, so verdict and scanners are not independent \
         and their agreement is inflated.",
        "Scores measure concordance with the registry’s verdict. They are no rates of detecting \
         malware, and nothing here shows that a clean skill is safe.",
        "Malicious rows are few, so figures about them have wide intervals; read the support and \
         the interval before the figure.",
        "The official split does not separate owners or families of skills: compare it with the \
         de-duplicated rows and the unseen owners before you trust a score elsewhere.",
    ];
    if study.run.synthetic {
        texts.push(
            "The rows are synthetic. They exercise the program and say nothing about the \
             registry, its publishers or the scanners.",
        );
    }
    let blocks = texts.into_iter().map(|text| Block::Text(text.to_owned())).collect();
    Section { id: "limits".to_owned(), title: "What this can’t tell".to_owned(), blocks }
}
