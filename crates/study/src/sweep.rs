//! How agreement moves with the threshold of a scanner.

use std::collections::BTreeMap;

use clawsig_agreement::{PairStatistic, Table, proportion};
use clawsig_schema::{Scanner, SkillRow, agreement::SweepPoint, estimate};

use crate::{
    CountedRows, Flags, RATERS, StudyParams, collect::with_policy, rater_name, slice::pair_counts,
    stated, unrated,
};

/// Rows by what is swept, how many thresholds they reach (`None` without the quantity), and the
/// raters' flags before the missing policy.
#[derive(Default)]
pub(crate) struct Sweep {
    rows: BTreeMap<(Scanner, Option<usize>, Flags), u64>,
}

/// Engines that call a row malicious or suspicious; `None` where neither count is there.
pub(crate) fn engines(row: &SkillRow) -> Option<u32> {
    let vt = &row.virustotal;
    match (vt.malicious, vt.suspicious) {
        (None, None) => None,
        (malicious, suspicious) => {
            Some(malicious.unwrap_or(0).saturating_add(suspicious.unwrap_or(0)))
        }
    }
}

impl Sweep {
    pub(crate) fn observe(&mut self, counted: &CountedRows, flags: Flags, params: &StudyParams) {
        let engines = counted.engines;
        let reached =
            engines.map(|count| params.engine_thresholds.partition_point(|&t| t <= count));
        *self.rows.entry((Scanner::VirusTotal, reached, flags)).or_default() += counted.rows;
        let reached =
            counted.score.map(|score| params.score_thresholds.partition_point(|&t| t <= score));
        *self.rows.entry((Scanner::SkillSpector, reached, flags)).or_default() += counted.rows;
    }

    pub(crate) fn finish(&self, params: &StudyParams, rated: [bool; RATERS]) -> Vec<SweepPoint> {
        let engines: Vec<f64> = params.engine_thresholds.iter().map(|&t| f64::from(t)).collect();
        let mut points = self.points(Scanner::VirusTotal, "engines", &engines, params, rated);
        let scores = &params.score_thresholds;
        points.extend(self.points(Scanner::SkillSpector, "score", scores, params, rated));
        points
    }

    fn points(
        &self,
        scanner: Scanner,
        quantity: &str,
        thresholds: &[f64],
        params: &StudyParams,
        rated: [bool; RATERS],
    ) -> Vec<SweepPoint> {
        let rows: Vec<(Option<usize>, Flags, u64)> = self
            .rows
            .iter()
            .filter(|((swept, _, _), _)| *swept == scanner)
            .map(|(&(_, reached, flags), &count)| (reached, flags, count))
            .collect();
        let measured = rows.iter().any(|(reached, _, _)| reached.is_some());
        let mut points = Vec::new();
        for (step, &threshold) in thresholds.iter().enumerate() {
            for other in (0..RATERS).filter(|&other| other != scanner.index()) {
                let mut cells = [0; 4];
                let (mut flagged, mut used) = (0, 0);
                for &(reached, flags, count) in &rows {
                    let swept = params.flags.missing.apply(reached.map(|reached| reached > step));
                    let Some(swept) = swept.filter(|_| measured) else { continue };
                    used += count;
                    flagged += if swept { count } else { 0 };
                    if let Some(flag) = with_policy(flags, params.flags.missing)[other] {
                        cells[2 * usize::from(!swept) + usize::from(!flag)] += count;
                    }
                }
                if !rated[other] {
                    cells = [0; 4];
                }
                let table = Table::binary(cells[0], cells[1], cells[2], cells[3]);
                let absent = if !measured {
                    Some(scanner.index())
                } else {
                    (!rated[other]).then_some(other)
                };
                let of = |statistic: PairStatistic| -> estimate::Estimate {
                    match absent {
                        Some(rater) => unrated([rater_name(rater)]),
                        None => stated(&statistic.estimate(&table)),
                    }
                };
                points.push(SweepPoint {
                    scanner,
                    quantity: quantity.to_owned(),
                    threshold,
                    other: rater_name(other).to_owned(),
                    counts: pair_counts(&table),
                    rate: if measured {
                        stated(&proportion(flagged, used))
                    } else {
                        unrated([scanner.as_str()])
                    },
                    cohen_kappa: of(PairStatistic::CohenKappa),
                    gwet_ac1: of(PairStatistic::GwetAc1),
                    jaccard: of(PairStatistic::Jaccard),
                });
            }
        }
        points
    }
}
