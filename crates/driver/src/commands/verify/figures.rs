//! The published figures against the same questions to this run's rows.

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    Split,
    profile::DataProfile,
    published::{Measure, PublishedFigure, PublishedFigures},
};
use clawsig_store::RunFolder;
use clawsig_study::FigureCounts;

use super::{Check, CheckResult, Section};
use crate::{Error, terminal::count};

/// One line a figure.
pub(super) fn compare(
    published: &PublishedFigures,
    profile: &DataProfile,
    run: &RunFolder,
) -> Result<Section, Error> {
    let mut counts = FigureCounts::new(published);
    for &split in Split::ALL {
        let path = run.verified("ingest", &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&path)?.rows(Columns::All) {
            counts.observe(&row?);
        }
    }
    let figures = published.figures.iter().zip(counts.values(profile));
    let checks = figures
        .map(|(figure, value)| {
            let needs_all = !matches!(figure.measure, Measure::Elsewhere { .. });
            let whole = split_of(&figure.measure).is_some_and(|split| split != Split::Train);
            match profile.sampled_out {
                rows if rows > 0 && needs_all && !whole => {
                    check(figure, Err(format!("the run left {} training rows out", count(rows))))
                }
                _ => check(figure, value),
            }
        })
        .collect();
    let sources: Vec<String> =
        published.sources.iter().map(|(name, what)| format!("{name}: {what}")).collect();
    let note = format!(
        "flags by rule `status`, missing ones negative; expected is the published figure\n  {}",
        sources.join("\n  ")
    );
    Ok(Section { title: "published figures", note: Some(note), checks })
}

/// The split whose rows alone answer a measure.
fn split_of(measure: &Measure) -> Option<Split> {
    match measure {
        Measure::Rows { among }
        | Measure::Sum { among, .. }
        | Measure::Mean { among, .. }
        | Measure::Median { among, .. } => among.split,
        Measure::Share { whole, .. } => whole.split,
        Measure::F1 { within, .. } => within.split,
        Measure::Missing { .. }
        | Measure::Pair { .. }
        | Measure::LargestJaccard
        | Measure::PairsRead { .. }
        | Measure::Elsewhere { .. } => None,
    }
}

fn check(figure: &PublishedFigure, value: Result<f64, String>) -> Check {
    let shown = |value: f64, more: u8| {
        let text = match figure.rounding.decimals() {
            0 if value.fract() == 0.0 && value >= 0.0 => count(value as u64),
            decimals => format!("{value:.*}", usize::from(decimals + more)),
        };
        if figure.percent { format!("{text} %") } else { text }
    };
    let source = match figure.place.as_str() {
        "" => figure.source.clone(),
        place => format!("{}, {place}", figure.source),
    };
    let mut check = Check {
        name: figure.name.clone(),
        source,
        expected: figure.value.map_or_else(String::new, |value| shown(value, 0)),
        found: String::new(),
        result: CheckResult::NotInThisRun,
        why: None,
    };
    match (value, figure.value) {
        (Ok(value), Some(published)) => {
            let value = if figure.percent { 100.0 * value } else { value };
            // Two digits more than were published show how near the edge it is.
            check.found = shown(value, 2);
            let holds = figure.rounding.holds(published, value);
            check.result = if holds { CheckResult::Holds } else { CheckResult::Differs };
        }
        (Ok(_), None) => check.why = Some("no number was published".to_owned()),
        (Err(why), _) => check.why = Some(why),
    }
    check
}
