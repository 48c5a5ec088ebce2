//! The section on the scanners.

use clawsig_schema::{
    Scanner, Verdict,
    agreement::{AgreementResults, PairResult, SliceResult},
    estimate::Estimate,
    registry::FigureRow,
};

use super::{choices, missing, registry};
use crate::{
    error::ReportError,
    figures::{
        Bar, BarScale, Combination, HeatCell, Inlined, LinePlot, Series, bars, finish, heat, lines,
        upset,
    },
    page::{Block, PageTable, Section},
    sheet::{Sheet, estimate_cells, number, text},
    study::StudyResults,
    words::{self, count, counted, decimal, percent, plain, rater, rater_word, shown},
};

/// The raters and thresholds a figure has room for.
const RATER_LIMIT: usize = 5;

/// Rates, overlap, agreement of pairs, verdicts, thresholds.
pub(super) fn scanners(study: &StudyResults) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    match study.agreement.as_result() {
        Ok(found) => match found.slices.first() {
            Some(slice) => fill(study, found, slice, &mut blocks)?,
            None => blocks.push(Block::Note("Agreement: undefined: no slice.".to_owned())),
        },
        Err(reason) => {
            blocks.push(Block::Note(format!("Agreement: undefined: {}.", shown(reason))));
        }
    }
    Ok(Section { id: "scanners".to_owned(), title: "The scanners".to_owned(), blocks })
}

fn fill(
    study: &StudyResults,
    found: &AgreementResults,
    slice: &SliceResult,
    blocks: &mut Vec<Block>,
) -> Result<(), ReportError> {
    blocks.push(Block::Text(format!(
        "{} of {}; intervals at 95 %, those of pairs by resampling whole owners.",
        counted(found.rows, "skill"),
        counted(found.owners, "owner")
    )));
    if !found.unrated.is_empty() {
        let names: Vec<String> = found.unrated.iter().map(|name| rater(name)).collect();
        blocks.push(Block::Note(format!(
            "Without a single rating in this data, so every figure is undefined: {}.",
            names.join(", ")
        )));
    }
    let beside =
        |caption: &str, of: &dyn Fn(&FigureRow) -> bool| registry::beside(study, caption, of);
    heading(blocks, "What the scanners see");
    blocks.push(Block::Figures(vec![positive_rates(slice)?]));
    blocks.extend(beside("Coverage and status of each scanner", &is_of_coverage));
    heading(blocks, "Where they overlap");
    blocks.push(Block::Figures(vec![overlap(slice)?]));
    blocks.push(flagged_by(slice));
    blocks.extend(beside("Patterns and pairs", &is_of_overlap));
    heading(blocks, "How far they agree, with each other and with the verdict");
    agree(found, slice, blocks)?;
    heading(blocks, "By verdict");
    blocks.push(Block::Figures(vec![by_verdict(found)?]));
    blocks.extend(beside("Scanners, scores and lengths by verdict", &is_by_verdict));
    blocks.extend(findings(found));
    blocks.extend(beside("Categories and codes", &is_of_findings));
    heading(blocks, "What is missing");
    blocks.extend(missing::blocks(found)?);
    heading(blocks, "How it depends on the rule and the threshold");
    blocks.extend(choices::blocks(found)?);
    let mut figures = Vec::new();
    for &scanner in Scanner::ALL {
        if found.sweep.iter().any(|point| point.scanner == scanner) {
            figures.push(sweep(found, scanner)?);
        }
    }
    if !figures.is_empty() {
        blocks.push(Block::Figures(figures));
    }
    if found.sweep.is_empty() {
        blocks.push(Block::Note("Threshold sweep: undefined: no scanner was swept.".to_owned()));
    }
    Ok(())
}

fn heading(blocks: &mut Vec<Block>, text: &str) {
    blocks.push(Block::Heading(text.to_owned()));
}

fn starts(row: &FigureRow, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| row.name.starts_with(beginning))
}

fn is_of_coverage(row: &FigureRow) -> bool {
    let scanner = Scanner::NAMES.iter().any(|name| row.name.starts_with(name));
    scanner
        && !is_by_verdict(row)
        && !row.name.contains(" of test")
        && !row.name.contains(" of eval_holdout")
}

fn is_of_overlap(row: &FigureRow) -> bool {
    let beginnings = [
        "pattern ",
        "any positive",
        "exactly one",
        "all three",
        "jaccard ",
        "cohen kappa ",
        "largest ",
    ];
    starts(row, &beginnings) || row.name.contains("positives that SkillSpector flags")
}

fn is_by_verdict(row: &FigureRow) -> bool {
    let verdict = |name: &&str| {
        row.name.contains(&format!("of {name}")) || row.name.ends_with(&format!(", {name}"))
    };
    !is_of_findings(row)
        && (Verdict::NAMES.iter().any(verdict)
            || starts(row, &["malicious rows that", "malicious rows with"]))
}

fn is_of_findings(row: &FigureRow) -> bool {
    starts(row, &["category ", "code "])
}

/// Categories, codes and the two lenses, by verdict.
fn findings(found: &AgreementResults) -> Vec<Block> {
    let kinds = [
        ("owasp", "The paper’s OWASP lens over categories and codes (Table 7), rows by verdict"),
        (
            "theme",
            "A lens over the text, rows by verdict: the paper’s themes, but clawsig’s own list of words, since the \
             paper’s is not published",
        ),
        ("category", "SkillSpector issue categories, rows by verdict"),
        ("code", "Static reason codes, rows by verdict"),
    ];
    kinds
        .into_iter()
        .map(|(kind, caption)| {
            let rows = found.findings.iter().filter(|row| row.kind == kind);
            let rows = rows.map(|row| {
                let ratio = row.suspicious_over_clean;
                vec![
                    shown(&row.name),
                    count(row.rows),
                    count(row.clean),
                    count(row.suspicious),
                    count(row.malicious),
                    ratio.map_or_else(|| "—".to_owned(), |ratio| format!("{ratio:.2}")),
                ]
            });
            let columns = [
                "Finding",
                "Rows",
                "Clean",
                "Suspicious",
                "Malicious",
                "Suspicious over clean, per row",
            ];
            let table = PageTable::new(caption, &columns, rows.collect()).first(25);
            let table = table.rest_in("agreement/findings.csv");
            if matches!(kind, "category" | "code") { table.folded().block() } else { table.block() }
        })
        .collect()
}

fn flagged_by(slice: &SliceResult) -> Block {
    let shared: Vec<Vec<String>> = slice
        .overlap
        .flagged_by
        .iter()
        .map(|one| {
            vec![
                one.scanners.to_string(),
                count(one.rows),
                words::rate(&one.share),
                words::rate(&one.share_of_flagged),
            ]
        })
        .collect();
    let columns = ["Scanners that flag", "Skills", "Share of all", "Share of flagged"];
    PageTable::new("Skills by the number of scanners that flag", &columns, shared).block()
}

/// Every pair, and all scanners together.
fn agree(
    found: &AgreementResults,
    slice: &SliceResult,
    blocks: &mut Vec<Block>,
) -> Result<(), ReportError> {
    let mut figures = Vec::new();
    for (statistic, name) in [
        ("cohen_kappa", "kappa-heatmap"),
        ("gwet_ac1", "ac1-heatmap"),
        ("jaccard", "jaccard-heatmap"),
    ] {
        figures.push(pair_heat(found, slice, statistic, name)?);
    }
    let (forests, without) = choices::forests(found)?;
    figures.extend(forests);
    blocks.push(Block::Figures(figures));
    blocks.extend(without);
    let all = slice
        .scanners
        .iter()
        .map(|one| vec![plain(&one.statistic), words::estimate(&one.estimate)])
        .collect();
    blocks.push(
        PageTable::new("Agreement of all scanners", &["Statistic", "Value (95 % interval)"], all)
            .block(),
    );
    let rows = slice
        .pairs
        .iter()
        .flat_map(|pair| {
            pair.statistics.iter().map(move |one| {
                vec![
                    format!("{}, {}", rater(&pair.a), rater(&pair.b)),
                    plain(&one.statistic),
                    words::statistic(one),
                    count(one.estimate.n),
                    reading(pair, &one.statistic),
                ]
            })
        })
        .collect();
    let columns = ["Pair", "Statistic", "Value (95 % interval)", "Rows", "Reading (Landis, Koch)"];
    let table =
        PageTable::new("Every pair and statistic", &columns, rows).rest_in("agreement/pairs.csv");
    blocks.push(table.folded().block());
    let rows = found
        .latent
        .iter()
        .flat_map(|model| {
            model.rates.iter().map(move |rates| {
                vec![
                    plain(&model.model),
                    rater(&rates.rater),
                    words::rate(&rates.sensitivity),
                    words::rate(&rates.specificity),
                    words::rate(&model.prevalence),
                ]
            })
        })
        .collect();
    let columns = ["Model", "Rater", "Sensitivity", "Specificity", "Prevalence"];
    for model in found.latent.iter().filter(|model| !model.doubts.is_empty()) {
        let listed = |texts: Vec<String>, between: &str| texts.join(between);
        blocks.push(Block::Note(format!(
            "Against the latent class model of {}: {}.",
            listed(model.raters.iter().map(|name| rater(name)).collect(), ", "),
            listed(model.doubts.iter().map(|doubt| shown(doubt)).collect(), "; ")
        )));
    }
    let caption = "Latent class models without a gold label (raters taken as independent)";
    blocks.push(PageTable::new(caption, &columns, rows).folded().block());
    Ok(())
}

fn reading(pair: &PairResult, statistic: &str) -> String {
    pair.readings
        .iter()
        .find(|one| one.statistic == statistic && one.scale == "landis-koch")
        .map_or_else(|| "—".to_owned(), |one| shown(&one.word))
}

fn positive_rates(slice: &SliceResult) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::with_estimate(&["rater", "flagged", "used"]);
    let mut rows = Vec::new();
    let mut said = Vec::new();
    for one in slice.raters.iter().take(RATER_LIMIT) {
        let mut cells = vec![text(&one.rater), one.flagged.to_string(), one.used.to_string()];
        cells.extend(estimate_cells(&one.rate));
        sheet.push(cells);
        said.push(format!("{} {}", rater(&one.rater), words::rate(&one.rate)));
        rows.push(Bar {
            label: rater(&one.rater),
            value: one.rate.value,
            interval: one.rate.low.zip(one.rate.high),
            shown: words::rate(&one.rate),
        });
    }
    let caption = "Share of skills flagged, with 95 % intervals.";
    let drawing = bars(&rows, BarScale::Share, "Share of skills flagged");
    finish("positive-rates", "Positive rate by scanner", caption, &said.join(", "), drawing, &sheet)
}

fn overlap(slice: &SliceResult) -> Result<Inlined, ReportError> {
    let sets: Vec<String> =
        Scanner::ALL.iter().map(|scanner| rater_word(scanner.as_str())).collect();
    let mut header: Vec<&str> = Scanner::NAMES.to_vec();
    header.extend(["rows", "share"]);
    let mut sheet = Sheet::new(&header);
    let mut combinations = Vec::new();
    let mut said = Vec::new();
    for pattern in slice.patterns.iter().take(8) {
        let flags = pattern.flags.iter().take(sets.len());
        let mut cells: Vec<String> = flags
            .clone()
            .map(|flag| flag.map_or_else(String::new, |flag| u8::from(flag).to_string()))
            .collect();
        cells.extend([pattern.rows.to_string(), number(Some(pattern.share))]);
        sheet.push(cells);
        let members: Vec<bool> = flags.map(|flag| *flag == Some(true)).collect();
        let named: Vec<&str> = sets
            .iter()
            .zip(&members)
            .filter(|(_, member)| **member)
            .map(|(name, _)| name.as_str())
            .collect();
        let named = if named.is_empty() { "none".to_owned() } else { named.join(" and ") };
        said.push(format!("{named} {} ({})", count(pattern.rows), percent(pattern.share)));
        combinations.push(Combination {
            sets: members,
            rows: pattern.rows,
            share: percent(pattern.share),
        });
    }
    let caption = "Skills by the exact set of scanners that flag them (UpSet): filled dots name \
                   the set; the grey bar without one holds the skills that none flags.";
    let drawing = upset(&sets, &combinations);
    finish("overlap", "Overlap patterns", caption, &said.join(", "), drawing, &sheet)
}

fn pair_heat(
    found: &AgreementResults,
    slice: &SliceResult,
    statistic: &str,
    name: &str,
) -> Result<Inlined, ReportError> {
    let raters: Vec<&String> = found.raters.iter().take(RATER_LIMIT).collect();
    let mut sheet = Sheet::with_estimate(&["a", "b", "statistic"]);
    let mut said = Vec::new();
    for pair in &slice.pairs {
        if let Some(estimate) = named(pair, statistic) {
            let mut cells = vec![text(&pair.a), text(&pair.b), text(statistic)];
            cells.extend(estimate_cells(estimate));
            sheet.push(cells);
            let value = words::estimate(estimate);
            said.push(format!("{} and {} {value}", rater(&pair.a), rater(&pair.b)));
        }
    }
    let cell = |a: &String, b: &String| {
        if a == b {
            return HeatCell { value: None, shown: "—".to_owned(), note: String::new() };
        }
        let pair = slice
            .pairs
            .iter()
            .find(|pair| (&pair.a, &pair.b) == (a, b) || (&pair.a, &pair.b) == (b, a));
        match pair.and_then(|pair| named(pair, statistic)) {
            Some(Estimate { value: Some(value), low, high, .. }) => HeatCell {
                value: Some(*value),
                shown: decimal(*value),
                note: low.zip(*high).map_or_else(
                    || "no interval".to_owned(),
                    |(low, high)| format!("{} to {}", two(low), two(high)),
                ),
            },
            _ => HeatCell { value: None, shown: "undefined".to_owned(), note: String::new() },
        }
    };
    let cells: Vec<Vec<HeatCell>> =
        raters.iter().map(|a| raters.iter().map(|b| cell(a, b)).collect()).collect();
    let names: Vec<String> = raters.iter().map(|name| rater_word(name)).collect();
    let title = format!("{} of each pair", plain(statistic));
    let caption = match statistic {
        "cohen_kappa" => {
            "Agreement beyond what the raters’ own rates would give by chance: 0 is chance, 1 is \
             full agreement; orange is below chance. Below each value its 95 % interval."
        }
        "gwet_ac1" => {
            "Agreement beyond chance, by a model of chance that rare flags do not inflate. Below \
             each value its 95 % interval."
        }
        _ => {
            "Skills that both flag over skills that either flags. Below each value its 95 % \
             interval."
        }
    };
    finish(name, &title, caption, &said.join("; "), heat(&names, &names, &cells, ("", "")), &sheet)
}

fn two(value: f64) -> String {
    format!("{value:.2}").replace('-', "−")
}

fn named<'a>(pair: &'a PairResult, statistic: &str) -> Option<&'a Estimate> {
    pair.statistics.iter().find(|one| one.statistic == statistic).map(|one| &one.estimate)
}

fn by_verdict(found: &AgreementResults) -> Result<Inlined, ReportError> {
    let mut verdicts: Vec<&String> = Vec::new();
    for row in &found.by_verdict {
        if !verdicts.contains(&&row.verdict) && verdicts.len() < RATER_LIMIT {
            verdicts.push(&row.verdict);
        }
    }
    let mut sheet = Sheet::new(&[
        "verdict",
        "scanner",
        "rows",
        "used",
        "flagged",
        "share",
        "low",
        "high",
        "undefined",
    ]);
    let mut said = Vec::new();
    for row in &found.by_verdict {
        sheet.push(vec![
            text(&row.verdict),
            text(&row.scanner),
            row.rows.to_string(),
            row.used.to_string(),
            row.flagged.to_string(),
            number(row.share),
            number(row.low),
            number(row.high),
            text(row.undefined.as_deref().unwrap_or_default()),
        ]);
        if let Some(share) = row.share.filter(|_| said.len() < 20) {
            let name = rater(&row.scanner);
            said.push(format!("{name} flags {} of {}", percent(share), shown(&row.verdict)));
        }
    }
    let cells: Vec<Vec<HeatCell>> = verdicts
        .iter()
        .map(|verdict| {
            Scanner::NAMES
                .iter()
                .map(|scanner| {
                    let row = found
                        .by_verdict
                        .iter()
                        .find(|row| row.verdict == **verdict && row.scanner == **scanner);
                    match row.and_then(|row| row.share.map(|share| (row, share))) {
                        Some((row, share)) => HeatCell {
                            value: Some(share),
                            shown: percent(share),
                            note: format!("{} of {}", count(row.flagged), count(row.used)),
                        },
                        None => HeatCell {
                            value: None,
                            shown: "undefined".to_owned(),
                            note: String::new(),
                        },
                    }
                })
                .collect()
        })
        .collect();
    let rows: Vec<String> = verdicts.iter().map(|verdict| shown(verdict)).collect();
    let columns: Vec<String> = Scanner::NAMES.iter().map(|name| rater_word(name)).collect();
    let drawing = heat(&rows, &columns, &cells, ("Verdict", "Share flagged by"));
    let caption = "Share of each verdict’s skills that a scanner flags; intervals are in the CSV.";
    finish("scanner-by-verdict", "Scanner by verdict", caption, &said.join("; "), drawing, &sheet)
}

fn sweep(found: &AgreementResults, scanner: Scanner) -> Result<Inlined, ReportError> {
    let points: Vec<_> = found.sweep.iter().filter(|point| point.scanner == scanner).collect();
    let mut sheet =
        Sheet::with_estimate(&["scanner", "quantity", "threshold", "other", "statistic"]);
    let mut series: Vec<(String, Series)> = Vec::new();
    let (mut low, mut top) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut least, mut most) = (0.0f64, 0.2f64);
    for point in &points {
        let statistics = [
            ("rate", &point.rate),
            ("cohen_kappa", &point.cohen_kappa),
            ("gwet_ac1", &point.gwet_ac1),
            ("jaccard", &point.jaccard),
        ];
        for (statistic, estimate) in statistics {
            let mut cells = vec![
                scanner.to_string(),
                text(&point.quantity),
                number(Some(point.threshold)),
                text(&point.other),
                statistic.to_owned(),
            ];
            cells.extend(estimate_cells(estimate));
            sheet.push(cells);
        }
        low = low.min(point.threshold);
        top = top.max(point.threshold);
        let Some(kappa) = point.cohen_kappa.value else { continue };
        least = least.min(kappa);
        most = most.max(kappa);
        let one = (point.threshold, kappa);
        match series.iter_mut().find(|(other, _)| *other == point.other) {
            Some((_, line)) => line.points.push(one),
            None => series.push((
                point.other.clone(),
                Series {
                    label: format!("with {}", rater(&point.other)),
                    points: vec![one],
                    reference: None,
                    dots: true,
                },
            )),
        }
    }
    let said: Vec<String> = series
        .iter()
        .filter_map(|(other, line)| {
            let best = line.points.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
            Some(format!(
                "highest with {} at threshold {}, kappa {}",
                rater(other),
                best.0,
                decimal(best.1)
            ))
        })
        .collect();
    let said =
        if said.is_empty() { "undefined at every threshold".to_owned() } else { said.join("; ") };
    let series: Vec<Series> = series.into_iter().map(|(_, line)| line).collect();
    let across = match points.first().map_or("score", |point| point.quantity.as_str()) {
        "engines" => "Flagged from so many engines on".to_owned(),
        quantity => format!("Flagged from this {} on", shown(quantity)),
    };
    let plot = LinePlot {
        x: (low, top),
        y: ((least * 20.0).floor() / 20.0, (most * 10.0).ceil() / 10.0),
        titles: (&across, "Cohen’s kappa"),
        diagonal: false,
    };
    let name = format!("sweep-{scanner}");
    let title = format!("Threshold sweep of {}", rater(scanner.as_str()));
    let caption = "Cohen’s kappa with each other rater if the scanner flagged from another \
                   threshold on; rates, AC1, Jaccard and intervals are in the CSV.";
    finish(&name, &title, caption, &said, lines(&plot, &series), &sheet)
}
