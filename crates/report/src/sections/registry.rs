//! What the published figures say, beside this run's.

use clawsig_schema::{
    agreement::PairResult,
    registry::{FigureRow, RegistryResults},
};

use crate::{
    page::{Block, PageTable, Section},
    study::StudyResults,
    words::{self, count, decimal, named, rater, rater_word, shown},
};

/// The statistics of a pair in the table of the registry.
const STATISTICS: [(&str, &str); 9] = [
    ("jaccard", "Jaccard"),
    ("cohen_kappa", "Cohen’s kappa"),
    ("max_kappa", "Largest kappa that the margins allow"),
    ("kappa_of_largest", "Kappa over the largest"),
    ("gwet_ac1", "Gwet’s AC1"),
    ("pabak", "PABAK"),
    ("krippendorff_alpha", "Krippendorff’s alpha"),
    ("odds_ratio", "Odds ratio"),
    ("mcnemar_exact", "McNemar, exact"),
];

/// The registry's scanners by the published counts, whatever this run's rows are.
pub(super) fn registry(study: &StudyResults) -> Section {
    let blocks = match study.registry.as_result() {
        Ok(found) => fill(found),
        Err(reason) => vec![Block::Note(format!("Undefined: {}.", shown(reason)))],
    };
    Section {
        id: "registry".to_owned(),
        title: "The registry, by the published counts".to_owned(),
        blocks,
    }
}

fn fill(found: &RegistryResults) -> Vec<Block> {
    let mut blocks = vec![Block::Text(format!(
        "Every figure of this section is about the {} real skills of the registry, computed from the counts that were \
         published ({}): flags by status, a missing one is none. It does not depend on this run’s rows, which the \
         sections below are about. Intervals resample rows.",
        count(found.agreement.rows),
        shown(&found.source),
    ))];
    for (caption, pairs) in [
        ("The scanners with one another", &found.agreement.pairs),
        ("Each scanner and the verdict (suspicious or malicious)", &found.with_verdict),
    ] {
        let names: Vec<String> = pairs
            .iter()
            .map(|pair| format!("{}, {}", rater_word(&pair.a), rater_word(&pair.b)))
            .collect();
        let columns: Vec<&str> =
            ["Statistic"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let rows = STATISTICS
            .iter()
            .map(|(statistic, name)| {
                let cell = |pair: &PairResult| {
                    let one = pair.statistics.iter().find(|one| one.statistic == *statistic);
                    one.map_or_else(String::new, words::statistic)
                };
                [(*name).to_owned()].into_iter().chain(pairs.iter().map(cell)).collect()
            })
            .collect();
        let table = PageTable::new(caption, &columns, rows).rest_in("agreement/registry_pairs.csv");
        blocks.push(table.block());
    }
    blocks.push(super::missing::rates(
        "Share flagged, and what missing results leave open",
        &found.missing,
    ));
    blocks.push(super::missing::pairs(&found.missing));
    blocks.extend(super::missing::warnings(&found.missing));
    if let Some(model) = found.agreement.latent.first() {
        let rates = model.rates.iter().map(|rates| {
            vec![
                rater(&rates.rater),
                words::rate(&rates.sensitivity),
                words::rate(&rates.specificity),
            ]
        });
        let caption = format!(
            "Latent class model of the three scanners: prevalence {} (raters taken as independent)",
            words::rate(&model.prevalence)
        );
        let columns = ["Scanner", "Sensitivity", "Specificity"];
        blocks.push(PageTable::new(&caption, &columns, rates.collect()).folded().block());
    }
    blocks
}

/// What the figures say against their reading, of the registry and of this run.
pub(super) fn readings(study: &StudyResults) -> Section {
    let blocks = match study.registry.as_result() {
        Ok(found) => {
            let rows = found
                .readings
                .iter()
                .map(|check| {
                    let said = named;
                    let run =
                        check.this_run.as_deref().map_or_else(|| "not asked".to_owned(), said);
                    vec![said(&check.reading), said(&check.registry), run]
                })
                .collect();
            let columns = ["Reading", "The registry, published counts", "This run"];
            vec![
                PageTable::new(
                    "Six readings of the paper, and the figures beside them",
                    &columns,
                    rows,
                )
                .block(),
            ]
        }
        Err(reason) => vec![Block::Note(format!("Undefined: {}.", shown(reason)))],
    };
    Section {
        id: "readings".to_owned(),
        title: "What the figures say against their reading".to_owned(),
        blocks,
    }
}

/// A table of the published figures whose name satisfies `of`, with this run's beside them; none
/// without the registry's results.
pub(super) fn beside(
    study: &StudyResults,
    caption: &str,
    of: &dyn Fn(&FigureRow) -> bool,
) -> Option<Block> {
    let found = study.registry.get()?;
    let rows: Vec<Vec<String>> = found
        .figures
        .iter()
        .filter(|row| row.published.is_some() && of(row))
        .map(|row| {
            vec![
                shown(&row.name),
                shown(if row.place.is_empty() { &row.source } else { &row.place }),
                value(row, row.published, 0),
                match row.this_run {
                    Some(_) => value(row, row.this_run, 1),
                    None => row.why_none.as_deref().map_or_else(|| "—".to_owned(), shown),
                },
            ]
        })
        .collect();
    let columns = ["Figure", "Where it stands", "Published", "This run"];
    let caption = format!("{caption}: published, and this run’s rows by the same definition");
    Some(PageTable::new(&caption, &columns, rows).rest_in("agreement/figures.csv").folded().block())
}

fn value(row: &FigureRow, value: Option<f64>, more: u8) -> String {
    let Some(value) = value else { return "—".to_owned() };
    let text = match row.decimals {
        0 if value.fract() == 0.0 && value >= 0.0 => count(value as u64),
        3.. => decimal(value),
        decimals => format!("{value:.*}", usize::from(decimals + more)),
    };
    if row.percent == 1 { format!("{text}\u{a0}%") } else { text }
}
