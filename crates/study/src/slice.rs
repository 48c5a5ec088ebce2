//! One slice: raters, pairs, patterns and overlap.

use std::collections::BTreeMap;

use clawsig_agreement::{
    Estimate, NoInterval, Outcome, Overlap, PairStatistic, Precision, RatingStatistic, Ratings,
    Scale, Table, Undefined, Weights, homogeneity, multi, proportion,
    resampling::{Resampled, Units, resample, resample_rating_units},
    two_raters,
};
use clawsig_schema::{
    FlagRule, MissingPolicy, Severity, Split, Verdict,
    agreement::{
        Benchmark, Conditional, CoverageStep, FlaggedBy, NamedEstimate, OVERALL_SLICE,
        OverlapResult, PairCounts, PairResult, Pattern, RaterSummary, Reading, SliceKind,
        SliceResult, UniqueFlags,
    },
    estimate,
};

use crate::{
    Flags, RATERS, StudyError, VERDICT, ValidStudyParams,
    collect::{Gathered, with_policy},
    progress::Counter,
    rater_name, rater_names, stated, unrated,
};

/// The rows of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SliceRows {
    All,
    Verdict(Verdict),
    Severity(Option<Severity>),
    Split(Split),
    OwnerSize(u64, u64),
}

/// A slice to compute.
pub(crate) struct SliceSpec {
    pub(crate) name: String,
    pub(crate) kind: SliceKind,
    pub(crate) rule: FlagRule,
    pub(crate) missing: MissingPolicy,
    pub(crate) of: SliceRows,
}

/// The rows of a slice as counts of distinct flags, by owner.
pub(crate) struct Counted {
    /// The distinct flags, sorted.
    pub(crate) flags: Vec<Flags>,
    /// Whole owners over those, or single rows where owners are not known.
    pub(crate) clusters: Units,
    rated: [u64; RATERS],
    rows: u64,
    owners: u64,
}

/// Counts the slice's rows. A rater without a rating in the slice has none under any policy.
pub(crate) fn count_rows(spec: &SliceSpec, gathered: &Gathered) -> Result<Counted, StudyError> {
    let Gathered { owners, owners_known, ran, .. } = gathered;
    let mut rated = [0; RATERS];
    let (mut rows, mut slice_owners) = (0, 0);
    for owner in owners {
        let mut inside = false;
        for (kind, count) in owner.kinds.iter().filter(|(kind, _)| spec.holds(owner, kind)) {
            inside = true;
            let count = count * owner.copies;
            rows += count;
            for (sum, flag) in rated.iter_mut().zip(kind.ratings(spec.rule, *ran)) {
                *sum += if flag.is_some() { count } else { 0 };
            }
        }
        slice_owners += if inside { owner.copies } else { 0 };
    }
    let mut places = BTreeMap::<Flags, usize>::new();
    let mut clusters = Vec::new();
    for owner in owners {
        let mut cluster = BTreeMap::<Flags, u64>::new();
        for (kind, count) in owner.kinds.iter().filter(|(kind, _)| spec.holds(owner, kind)) {
            let mut flags = with_policy(kind.ratings(spec.rule, *ran), spec.missing);
            for (flag, sum) in flags.iter_mut().zip(rated) {
                *flag = flag.filter(|_| sum > 0);
            }
            places.entry(flags).or_default();
            *cluster.entry(flags).or_default() += count;
        }
        if !cluster.is_empty() {
            clusters.push((cluster, owner.copies));
        }
    }
    for (place, slot) in places.values_mut().enumerate() {
        *slot = place;
    }
    let placed = clusters.into_iter().map(|(cluster, copies)| {
        let cluster = cluster.into_iter().map(|(flags, count)| (places[&flags], count)).collect();
        (cluster, copies)
    });
    let owners = Units::counted_clusters(places.len(), placed)?;
    let clusters = if *owners_known { owners } else { Units::subjects(owners.totals()) };
    let flags = places.into_keys().collect();
    Ok(Counted { flags, clusters, rated, rows, owners: slice_owners })
}

/// Raters, the distinct rows of their flags, and how often each occurs, in units that are resampled
/// together.
pub(crate) struct Marks<'a, F> {
    pub(crate) names: &'a [&'a str],
    /// A flag a rater.
    pub(crate) flags: &'a [F],
    pub(crate) units: &'a Units,
    /// Raters without a rating.
    pub(crate) absent: Vec<usize>,
}

/// Two raters and, for each kind of row, the cell of their table it falls into.
struct Pair {
    a: usize,
    b: usize,
    cells: Vec<Option<usize>>,
}

impl Pair {
    fn table(&self, counts: &[u64]) -> Table {
        let mut cells = [0; 4];
        for (cell, count) in self.cells.iter().zip(counts) {
            if let Some(cell) = cell {
                cells[*cell] += count;
            }
        }
        Table::binary(cells[0], cells[1], cells[2], cells[3])
    }
}

/// The name of kappa over the largest kappa that the margins allow.
pub(crate) const KAPPA_OF_LARGEST: &str = "kappa_of_largest";

/// The names of the statistics of a pair, in the order of [`pair_values`].
fn pair_names() -> impl Iterator<Item = &'static str> {
    PairStatistic::ALL.iter().map(|one| one.name()).chain([KAPPA_OF_LARGEST])
}

/// Every statistic of a pair that can be resampled.
fn pair_values(table: &Table) -> impl Iterator<Item = Outcome> {
    let of_largest = two_raters::cohen_kappa(table).and_then(|kappa| {
        let largest = two_raters::max_kappa(table)?;
        if largest > 0.0 { Ok(kappa / largest) } else { Err(Undefined::ConstantRater) }
    });
    PairStatistic::ALL.iter().map(|one| one.value(table)).chain([of_largest])
}

impl<F: AsRef<[Option<bool>]>> Marks<'_, F> {
    fn each_pair(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for a in 0..self.names.len() {
            for b in a + 1..self.names.len() {
                let cell = |flags: &F| {
                    let (x, y) = (flags.as_ref()[a]?, flags.as_ref()[b]?);
                    Some(2 * usize::from(!x) + usize::from(!y))
                };
                pairs.push(Pair { a, b, cells: self.flags.iter().map(cell).collect() });
            }
        }
        pairs
    }

    /// The estimate of every statistic that needs raters without ratings.
    fn unrated(&self, absent: &[usize]) -> estimate::Estimate {
        unrated(absent.iter().map(|&rater| self.names[rater]))
    }

    /// Each pair, with intervals from resampled units; also by so many other methods where asked.
    pub(crate) fn pairs(
        &self,
        settings: &ValidStudyParams,
        counter: &Counter<'_>,
        part: &str,
        methods: Option<usize>,
    ) -> Vec<PairResult> {
        let pairs = self.each_pair();
        let totals = self.units.totals();
        let of_pair = PairStatistic::ALL.iter().map(|one| one.range());
        let range: Vec<(f64, f64)> = of_pair.chain([(f64::NEG_INFINITY, 1.0)]).collect();
        let width = range.len();
        let ranges: Vec<(f64, f64)> = pairs.iter().flat_map(|_| range.iter().copied()).collect();
        let run = |units: &Units| {
            let mut resampled = counter.run(part);
            resample(units, &settings.resampling, &ranges, |counts, out| {
                for (pair, row) in pairs.iter().zip(out.chunks_mut(width)) {
                    for (slot, value) in row.iter_mut().zip(pair_values(&pair.table(counts))) {
                        *slot = value;
                    }
                }
                resampled();
            })
        };
        let by_unit = run(self.units);
        let by_row = methods.map(|methods| (run(&Units::subjects(totals)), methods));
        (pairs.iter().enumerate())
            .map(|(index, pair)| {
                let names = [self.names[pair.a], self.names[pair.b]];
                let absent: Vec<usize> =
                    [pair.a, pair.b].into_iter().filter(|r| self.absent.contains(r)).collect();
                if absent.is_empty() {
                    let table = pair.table(totals);
                    pair_result(names, &table, index * width, &by_unit, by_row.as_ref())
                } else {
                    unrated_pair(names, &self.unrated(&absent))
                }
            })
            .collect()
    }
}

/// Computes a slice.
pub(crate) fn slice_result(
    spec: &SliceSpec,
    gathered: &Gathered,
    settings: &ValidStudyParams,
    counter: &Counter<'_>,
) -> Result<SliceResult, StudyError> {
    let counted = count_rows(spec, gathered)?;
    let overall = spec.name == OVERALL_SLICE;
    // Without owners both are the same resampling.
    let methods = overall.then_some(if gathered.owners_known { 6 } else { 4 });
    let missing_rater = |rater: &usize| counted.rows > 0 && counted.rated[*rater] == 0;
    let marks = Marks {
        names: &rater_names(),
        flags: &counted.flags,
        units: &counted.clusters,
        absent: (0..RATERS).filter(missing_rater).collect(),
    };
    let pairs = marks.pairs(settings, counter, &format!("bootstrap, {}", spec.name), methods);
    let (patterns, overlap) = marks.overlap(VERDICT);
    Ok(SliceResult {
        name: spec.name.clone(),
        kind: spec.kind,
        rule: spec.rule,
        missing: spec.missing,
        rows: counted.rows,
        owners: counted.owners,
        raters: (0..RATERS).map(|rater| summary(rater, &counted)).collect(),
        pairs,
        scanners: marks.together(VERDICT, overall.then_some((settings, counter))),
        patterns,
        overlap,
    })
}

fn summary(rater: usize, counted: &Counted) -> RaterSummary {
    let (mut used, mut flagged) = (0, 0);
    for (flags, count) in counted.flags.iter().zip(counted.clusters.totals()) {
        used += if flags[rater].is_some() { *count } else { 0 };
        flagged += if flags[rater] == Some(true) { *count } else { 0 };
    }
    let rated = counted.rated[rater];
    let rate = if rated == 0 && counted.rows > 0 {
        unrated([rater_name(rater)])
    } else {
        stated(&proportion(flagged, used))
    };
    RaterSummary { rater: rater_name(rater).to_owned(), rated, used, flagged, rate }
}

fn named(statistic: &str, estimate: &Estimate) -> NamedEstimate {
    NamedEstimate { statistic: statistic.to_owned(), estimate: stated(estimate) }
}

/// The same estimate of every statistic of these names.
fn each_named<'n>(
    names: impl IntoIterator<Item = &'n str>,
    estimate: &estimate::Estimate,
) -> Vec<NamedEstimate> {
    let named =
        |name: &str| NamedEstimate { statistic: name.to_owned(), estimate: estimate.clone() };
    names.into_iter().map(named).collect()
}

fn unrated_pair([a, b]: [&str; 2], estimate: &estimate::Estimate) -> PairResult {
    PairResult {
        a: a.to_owned(),
        b: b.to_owned(),
        counts: PairCounts::default(),
        statistics: each_named(
            pair_names().chain(["mcnemar_exact", "mcnemar_corrected"]),
            estimate,
        ),
        intervals: Vec::new(),
        readings: Vec::new(),
    }
}

pub(crate) fn pair_counts(table: &Table) -> PairCounts {
    let cell = |place: usize| table.counts().get(place).copied().unwrap_or(0);
    PairCounts { both: cell(0), only_a: cell(1), only_b: cell(2), neither: cell(3) }
}

fn pair_result(
    [a, b]: [&str; 2],
    table: &Table,
    first: usize,
    by_unit: &Resampled,
    by_row: Option<&(Resampled, usize)>,
) -> PairResult {
    let n = table.total();
    let mut statistics = Vec::new();
    let mut intervals = Vec::new();
    let mut readings = Vec::new();
    for (offset, statistic) in PairStatistic::ALL.iter().enumerate() {
        let place = first + offset;
        let analytic = statistic.estimate(table);
        let main = Estimate {
            n,
            p_value: analytic.p_value,
            caution: analytic.caution,
            ..by_unit.bca(place)
        };
        if matches!(statistic, PairStatistic::CohenKappa | PairStatistic::GwetAc1) {
            readings.extend(read(statistic.name(), &main));
        }
        statistics.push(named(statistic.name(), &main));
        if let Some((by_row, methods)) = by_row {
            let others = [
                analytic,
                by_row.jackknife(place),
                by_row.percentile(place),
                by_row.bca(place),
                by_unit.jackknife(place),
                by_unit.percentile(place),
            ];
            // A method that there is none of for this statistic has no line.
            let given = others.into_iter().take(*methods).filter(|estimate| {
                estimate.method.is_some() && estimate.no_interval != Some(NoInterval::NoMethod)
            });
            intervals.extend(given.map(|e| named(statistic.name(), &Estimate { n, ..e })));
        }
    }
    let place = first + PairStatistic::ALL.len();
    statistics.push(named(KAPPA_OF_LARGEST, &Estimate { n, ..by_unit.bca(place) }));
    let tests = [
        ("mcnemar_exact", homogeneity::mcnemar_exact(table)),
        ("mcnemar_corrected", homogeneity::mcnemar_corrected(table)),
    ];
    for (name, found) in tests {
        let point = Estimate::point(found.map(|test| test.statistic), n);
        let p_value = found.ok().map(|test| test.p_value);
        statistics.push(named(name, &Estimate { p_value, ..point }));
    }
    PairResult {
        a: a.to_owned(),
        b: b.to_owned(),
        counts: pair_counts(table),
        statistics,
        intervals,
        readings,
    }
}

fn read(statistic: &str, estimate: &Estimate) -> Vec<Reading> {
    let Ok(value) = estimate.value else {
        return Vec::new();
    };
    let reading = |scale: &Scale| Reading {
        statistic: statistic.to_owned(),
        scale: scale.name().to_owned(),
        word: scale.word(value).to_owned(),
        benchmark: estimate
            .standard_error
            .and_then(|error| scale.benchmark_word(value, error))
            .map(|(word, probability)| Benchmark { word: word.to_owned(), probability }),
    };
    Scale::ALL.iter().map(reading).collect()
}

/// The names of the statistics of several raters, in the order of [`together_statistics`].
const TOGETHER: [&str; 7] = [
    "percent_agreement",
    "fleiss_kappa",
    "conger_kappa",
    "light_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "krippendorff_alpha",
];

fn together_statistics() -> [RatingStatistic; 7] {
    let weights = || Weights::identity(2);
    [
        RatingStatistic::PercentAgreement(weights()),
        RatingStatistic::Fleiss(weights()),
        RatingStatistic::Conger(weights()),
        RatingStatistic::Light(weights()),
        RatingStatistic::BrennanPrediger(weights()),
        RatingStatistic::Gwet(weights()),
        RatingStatistic::Krippendorff(multi::Metric::Nominal),
    ]
}

impl<F: AsRef<[Option<bool>]>> Marks<'_, F> {
    fn absent_of(&self, raters: usize) -> Vec<usize> {
        self.absent.iter().copied().filter(|&rater| rater < raters).collect()
    }

    /// The statistics of the first raters together: analytic; with `settings`, from resampled units.
    pub(crate) fn together(
        &self,
        raters: usize,
        settings: Option<(&ValidStudyParams, &Counter<'_>)>,
    ) -> Vec<NamedEstimate> {
        let absent = self.absent_of(raters);
        if !absent.is_empty() {
            return each_named(TOGETHER, &self.unrated(&absent));
        }
        let pattern =
            |flags: &F| flags.as_ref()[..raters].iter().map(|f| f.map(usize::from)).collect();
        let rows = self.flags.iter().map(pattern).zip(self.units.totals().iter().copied());
        let Ok(ratings) = Ratings::from_patterns(raters, 2, rows) else {
            return Vec::new();
        };
        let statistics = together_statistics();
        let mut estimates =
            statistics.each_ref().map(|one| one.estimate(&ratings, &Precision::default()));
        if let Some((settings, counter)) = settings {
            // Rows that differ in the verdict alone are one pattern of the scanners.
            let places: BTreeMap<Vec<Option<usize>>, usize> = (ratings.patterns().enumerate())
                .map(|(place, (pattern, _))| (pattern.to_vec(), place))
                .collect();
            let kinds: Vec<usize> =
                self.flags.iter().map(|flags| places[&pattern(flags)]).collect();
            let Ok(units) = self.units.with_kinds(places.len(), &kinds) else {
                return Vec::new();
            };
            let mut told = counter.run("bootstrap, all together");
            let resampled =
                resample_rating_units(&ratings, &units, &settings.resampling, &statistics);
            told();
            for (place, estimate) in estimates.iter_mut().enumerate() {
                let own = resampled.bca(place);
                let Estimate { n, p_value, .. } = *estimate;
                *estimate = Estimate { n, p_value, ..own };
            }
        }
        TOGETHER.iter().zip(estimates).map(|(name, e)| named(name, &e)).collect()
    }

    /// The first raters' patterns and overlap, over rows on which each of them that rates has a flag.
    pub(crate) fn overlap(&self, raters: usize) -> (Vec<Pattern>, OverlapResult) {
        let absent = self.absent_of(raters);
        let scanners: Vec<usize> = (0..raters).filter(|rater| !absent.contains(rater)).collect();
        let name = |place: usize| self.names[scanners[place]].to_owned();
        let mut result = OverlapResult {
            scanners: (0..scanners.len()).map(name).collect(),
            rows: 0,
            union: 0,
            flagged_by: Vec::new(),
            total_overlap: self.unrated(&absent),
            conditional: Vec::new(),
            unique: Vec::new(),
            coverage: Vec::new(),
        };
        let Ok(mut sets) = Overlap::new(scanners.len()) else {
            return (Vec::new(), result);
        };
        for (flags, &count) in self.flags.iter().zip(self.units.totals()) {
            let bits = scanners.iter().enumerate().try_fold(0_u64, |bits, (place, &scanner)| {
                flags.as_ref()[scanner].map(|flag| bits | u64::from(flag) << place)
            });
            if let Some(bits) = bits {
                sets.add(bits, count);
            }
        }
        let (rows, union) = (sets.subjects(), sets.union());
        result.rows = rows;
        result.union = union;
        if absent.is_empty() {
            result.total_overlap = stated(&sets.total_overlap());
        }
        for many in 0..=scanners.len() {
            let hits = sets.flagged_by_exactly(many);
            result.flagged_by.push(FlaggedBy {
                scanners: many as u32,
                rows: hits,
                share: stated(&proportion(hits, rows)),
                share_of_flagged: if many == 0 {
                    estimate::Estimate::undefined("rows without a flag are not flagged rows", union)
                } else {
                    stated(&proportion(hits, union))
                },
            });
        }
        for given in 0..scanners.len() {
            for scanner in (0..scanners.len()).filter(|&scanner| scanner != given) {
                result.conditional.push(Conditional {
                    scanner: name(scanner),
                    given: name(given),
                    rate: stated(&sets.conditional(scanner, given)),
                });
            }
            let alone = sets.unique(given);
            result.unique.push(UniqueFlags {
                scanner: name(given),
                rows: alone,
                share_of_union: stated(&proportion(alone, union)),
            });
        }
        for step in sets.coverage() {
            result.coverage.push(CoverageStep {
                scanner: name(step.rater),
                added: step.added,
                covered: step.covered,
                share: stated(&proportion(step.covered, union)),
            });
        }
        let mut patterns: Vec<Pattern> = sets
            .patterns()
            .map(|(bits, count)| {
                let mut flags = vec![None; raters];
                for (place, &scanner) in scanners.iter().enumerate() {
                    flags[scanner] = Some(bits >> place & 1 == 1);
                }
                Pattern { flags, rows: count, share: count as f64 / rows as f64 }
            })
            .collect();
        patterns.sort_by(|x, y| y.rows.cmp(&x.rows).then_with(|| x.flags.cmp(&y.flags)));
        (patterns, result)
    }
}
