//! The registry's scanners, from the published counts: every statistic that counts allow, without a row.

use clawsig_agreement::proportion;
use clawsig_schema::{
    MissingPolicy, Progress, Scanner, Verdict,
    agreement::{VERDICT_RATER, VerdictRow},
    published::{
        Measure, PublishedFigure, PublishedFigures, Rounding, ScanSelection, ScanState, Selection,
    },
    registry::{FigureRow, REGISTRY_FORMAT, ReadingCheck, RegistryResults},
    settings::FlagParams,
};

use crate::{
    StudyError, StudyParams,
    bounds::{self, Bounds, Cells},
    missing::{finish, missing_row, pair_rows, share},
    patterns::{self, PatternCounts},
    readings::readings,
    stated,
};

/// The published counts that statistics are computed from.
struct RegistryCounts {
    patterns: PatternCounts,
    rows: u64,
    /// By verdict: its rows, and of each scanner the flagged ones.
    by_verdict: [(u64, [u64; 3]); 3],
    /// Rows without a result, by scanner.
    missing: [u64; 3],
    /// Of these, as far as it is published, those of the verdict.
    missing_of: [[Option<u64>; 3]; 3],
}

/// Computes the statistics. `run` holds the answer of a run's rows to each figure, a share as a
/// fraction, where there are rows.
///
/// # Errors
/// If the figures lack one of the counts, or contradict one another.
pub fn registry(
    published: &PublishedFigures,
    run: Option<&[Result<f64, String>]>,
    params: &StudyParams,
    progress: Progress<'_>,
) -> Result<RegistryResults, StudyError> {
    let counts = RegistryCounts::of(published)?;
    // Every published flag is there: the policy changes nothing.
    let flags = FlagParams { missing: MissingPolicy::Negative, ..params.flags };
    let settings = StudyParams { flags, ..params.clone() }.check()?;
    let agreement = counts.patterns.results(&settings, progress)?;
    let mut with_verdict = Vec::new();
    for &scanner in Scanner::ALL {
        let table = counts.with_verdict(scanner);
        let two = patterns::two(scanner.as_str(), VERDICT_RATER, table)?;
        with_verdict.extend(two.results(&settings, progress)?.pairs);
    }
    let figures = figure_rows(published, run);
    let by_name = |row: &FigureRow, name: &str| row.name == name;
    let of = |pick: fn(&FigureRow) -> Option<f64>| {
        let figures = &figures;
        move |name: &str| figures.iter().find(|row| by_name(row, name)).and_then(pick)
    };
    let of_registry = readings(&of(|row| row.published));
    let of_run = run.map(|_| readings(&of(|row| row.this_run)));
    let checks =
        of_registry.into_iter().enumerate().map(|(place, (reading, registry))| ReadingCheck {
            reading: reading.to_owned(),
            registry,
            this_run: of_run.as_ref().map(|found| found[place].1.clone()),
        });
    let readings = checks.collect();
    Ok(RegistryResults {
        format: REGISTRY_FORMAT,
        source: published.sources.get("paper").cloned().unwrap_or_default(),
        with_verdict,
        by_verdict: counts.by_verdict_rows(),
        missing: counts.missing_results(),
        agreement,
        figures,
        readings,
    })
}

fn figure_rows(
    published: &PublishedFigures,
    run: Option<&[Result<f64, String>]>,
) -> Vec<FigureRow> {
    let row = |(place, figure): (usize, &PublishedFigure)| {
        let found = run.and_then(|run| run.get(place));
        let scale = if figure.percent { 100.0 } else { 1.0 };
        FigureRow {
            name: figure.name.clone(),
            source: figure.source.clone(),
            place: figure.place.clone(),
            percent: u8::from(figure.percent),
            decimals: figure.rounding.decimals(),
            published: figure.value,
            this_run: found.and_then(|found| found.as_ref().ok()).map(|value| scale * value),
            why_none: found.and_then(|found| found.as_ref().err()).cloned(),
        }
    };
    published.figures.iter().enumerate().map(row).collect()
}

impl RegistryCounts {
    fn of(published: &PublishedFigures) -> Result<RegistryCounts, StudyError> {
        let lacks = |what: String| StudyError::Published(format!("they have no count of {what}"));
        let maybe = |wanted: &Selection| {
            published.figures.iter().find_map(|figure| match &figure.measure {
                Measure::Rows { among }
                    if among == wanted && figure.rounding == Rounding::Exact =>
                {
                    figure.value.filter(|value| *value >= 0.0).map(|value| value as u64)
                }
                _ => None,
            })
        };
        let count = |wanted: Selection, what: String| maybe(&wanted).ok_or_else(|| lacks(what));
        let mut of_patterns = Vec::new();
        for bits in 0..8_usize {
            let flags = [0, 1, 2].map(|scanner| bits >> scanner & 1 == 1);
            let wanted = Scanner::ALL.iter().copied().zip(flags).collect();
            let selection = Selection { flags: wanted, ..Selection::default() };
            let rows = count(selection, format!("the pattern {flags:?}"))?;
            of_patterns.push((flags.map(Some).to_vec(), rows));
        }
        let names = Scanner::ALL.iter().map(|scanner| scanner.as_str().to_owned()).collect();
        let patterns = PatternCounts::new(names, of_patterns)?;
        let rows = count(Selection::default(), "all rows".to_owned())?;
        let mut counts = RegistryCounts {
            patterns,
            rows,
            by_verdict: [(0, [0; 3]); 3],
            missing: [0; 3],
            missing_of: [[None; 3]; 3],
        };
        for (place, &verdict) in Verdict::ALL.iter().enumerate() {
            let of = || Selection { verdict: Some(verdict), ..Selection::default() };
            counts.by_verdict[place].0 = count(of(), format!("{verdict} rows"))?;
            for &scanner in Scanner::ALL {
                let flags = [(scanner, true)].into_iter().collect();
                let flagged = count(Selection { flags, ..of() }, format!("{scanner}, {verdict}"))?;
                counts.by_verdict[place].1[scanner.index()] = flagged;
                let scan = ScanSelection { scanner, state: ScanState::None };
                counts.missing_of[place][scanner.index()] =
                    maybe(&Selection { scan: Some(scan), ..of() });
            }
        }
        for &scanner in Scanner::ALL {
            let scan = ScanSelection { scanner, state: ScanState::Any };
            let wanted = Selection { scan: Some(scan), ..Selection::default() };
            let with = count(wanted, format!("rows with a result of {scanner}"))?;
            counts.missing[scanner.index()] = rows.saturating_sub(with);
        }
        counts.check()?;
        Ok(counts)
    }

    /// The patterns and the counts by verdict are of the same rows.
    fn check(&self) -> Result<(), StudyError> {
        let differs = |what: &str, x: u64, y: u64| match x == y {
            true => Ok(()),
            false => Err(StudyError::Published(format!("{what}: {x} and {y}"))),
        };
        let by_pattern = |scanner: usize| self.flagged(&|flags| flags[scanner]);
        differs("rows of the patterns and all rows", self.flagged(&|_| true), self.rows)?;
        let of_verdicts = self.by_verdict.iter().map(|(rows, _)| rows).sum();
        differs("rows of the verdicts and all rows", of_verdicts, self.rows)?;
        for &scanner in Scanner::ALL {
            let at = scanner.index();
            let of_verdicts = self.by_verdict.iter().map(|(_, flagged)| flagged[at]).sum();
            let what = format!("rows that {scanner} flags by pattern and by verdict");
            differs(&what, by_pattern(at), of_verdicts)?;
        }
        Ok(())
    }

    fn flagged(&self, holds: &dyn Fn([bool; 3]) -> bool) -> u64 {
        (0..8_usize)
            .map(|bits| [0, 1, 2].map(|scanner| bits >> scanner & 1 == 1))
            .filter(|flags| holds(*flags))
            .filter_map(|flags| self.patterns.count(&flags.map(Some)))
            .sum()
    }

    /// The scanner's flag against a verdict other than clean.
    fn with_verdict(&self, scanner: Scanner) -> [u64; 4] {
        let at = scanner.index();
        let mut cells = [0; 4];
        for (place, (rows, flagged)) in self.by_verdict.iter().enumerate() {
            let column = usize::from(Verdict::ALL[place] == Verdict::Clean);
            cells[column] += flagged[at];
            cells[2 + column] += rows - flagged[at];
        }
        cells
    }

    fn by_verdict_rows(&self) -> Vec<VerdictRow> {
        let of_verdicts = Verdict::ALL.iter().zip(self.by_verdict);
        let mut groups: Vec<(&str, u64, [u64; 3])> = of_verdicts
            .map(|(verdict, (rows, flagged))| (verdict.as_str(), rows, flagged))
            .collect();
        let all = [0, 1, 2].map(|scanner| self.flagged(&|flags| flags[scanner]));
        groups.push(("all", self.rows, all));
        let mut rows = Vec::new();
        for (verdict, of_verdict, flagged) in groups {
            for &scanner in Scanner::ALL {
                let flagged = flagged[scanner.index()];
                let share = stated(&proportion(flagged, of_verdict));
                rows.push(VerdictRow {
                    verdict: verdict.to_owned(),
                    scanner: scanner.as_str().to_owned(),
                    rows: of_verdict,
                    used: of_verdict,
                    flagged,
                    share: share.value,
                    low: share.low,
                    high: share.high,
                    undefined: share.undefined,
                });
            }
        }
        rows
    }

    fn missing_results(&self) -> clawsig_schema::agreement::MissingResults {
        let mut rates = Vec::new();
        for &scanner in Scanner::ALL {
            let at = scanner.index();
            let flagged = self.flagged(&|flags| flags[at]);
            rates.push(missing_row("all", "", scanner, self.rows, Some(self.missing[at]), flagged));
        }
        for (place, (rows, flagged)) in self.by_verdict.iter().enumerate() {
            for &scanner in Scanner::ALL {
                let at = scanner.index();
                let name = Verdict::ALL[place].as_str();
                let known = self.missing_of[place][at];
                let mut row = missing_row("verdict", name, scanner, *rows, known, flagged[at]);
                if known.is_none() {
                    // What is missing of the other verdicts is not published: as many as there can be.
                    let elsewhere: u64 = self.missing_of.iter().filter_map(|of| of[at]).sum();
                    let most = (self.missing[at].saturating_sub(elsewhere)).min(rows - flagged[at]);
                    row.highest = share(flagged[at] + most, *rows);
                }
                rates.push(row);
            }
        }
        let mut pairs = Vec::new();
        for a in 0..3 {
            for b in a + 1..3 {
                let cell = |x, y| self.flagged(&|flags| flags[a] == x && flags[b] == y);
                let cells =
                    [cell(true, true), cell(true, false), cell(false, true), cell(false, false)];
                let missing = [self.missing[a], self.missing[b]];
                let names = [Scanner::ALL[a].as_str(), Scanner::ALL[b].as_str()];
                let of = |one: fn(&Cells) -> Bounds| bounds::from_margins(cells, missing, one);
                pairs.extend(pair_rows(names, None, &of));
            }
        }
        for &scanner in Scanner::ALL {
            let cells = self.with_verdict(scanner);
            let missing = [self.missing[scanner.index()], 0];
            let of = |one: fn(&Cells) -> Bounds| bounds::from_margins(cells, missing, one);
            pairs.extend(pair_rows([scanner.as_str(), VERDICT_RATER], Some(missing[0]), &of));
        }
        finish(rates, pairs)
    }
}
