//! One slice: raters, pairs, patterns and overlap.

use std::collections::BTreeMap;

use clawsig_agreement::{
    Estimate, NoInterval, Outcome, Overlap, PairStatistic, Precision, RatingStatistic, Ratings,
    Scale, Table, Weights, homogeneity, multi, proportion,
    resampling::{Resampled, Units, resample, resample_rating_units},
};
use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, Severity, Split, Verdict,
    agreement::{
        Benchmark, Conditional, CoverageStep, FlaggedBy, NamedEstimate, OVERALL_SLICE,
        OverlapResult, PairCounts, PairResult, Pattern, RaterSummary, Reading, SliceKind,
        SliceResult, UniqueFlags,
    },
    estimate,
};

use crate::{
    Flags, RATERS, StudyError, ValidStudyParams,
    collect::{Gathered, with_policy},
    progress::Counter,
    rater_name, stated, unrated,
};

/// The rows of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows {
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
    pub(crate) of: Rows,
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

/// Two raters and, for each kind of row, the cell of their table it falls into.
struct Pair {
    a: usize,
    b: usize,
    cells: Vec<Option<usize>>,
}

impl Pair {
    fn all(flags: &[Flags]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for a in 0..RATERS {
            for b in a + 1..RATERS {
                let cell = |flags: &Flags| {
                    let (x, y) = (flags[a]?, flags[b]?);
                    Some(2 * usize::from(!x) + usize::from(!y))
                };
                pairs.push(Pair { a, b, cells: flags.iter().map(cell).collect() });
            }
        }
        pairs
    }

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

/// Every statistic of every pair, pair by pair.
fn all_statistics(pairs: &[Pair], counts: &[u64], out: &mut [Outcome]) {
    for (pair, row) in pairs.iter().zip(out.chunks_mut(PairStatistic::ALL.len())) {
        let table = pair.table(counts);
        for (slot, statistic) in row.iter_mut().zip(PairStatistic::ALL) {
            *slot = statistic.value(&table);
        }
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
    let pairs = Pair::all(&counted.flags);
    let totals = counted.clusters.totals();
    let width = PairStatistic::ALL.len();
    let part = format!("bootstrap, {}", spec.name);
    let ranges: Vec<(f64, f64)> =
        pairs.iter().flat_map(|_| PairStatistic::ALL.iter().map(|one| one.range())).collect();
    let run = |units: &Units| {
        let mut resampled = counter.run(&part);
        resample(units, &settings.resampling, &ranges, |counts, out| {
            all_statistics(&pairs, counts, out);
            resampled();
        })
    };
    let by_owner = run(&counted.clusters);
    let overall = spec.name == OVERALL_SLICE;
    let by_row = overall.then(|| run(&Units::subjects(totals)));
    // Without owners both are the same resampling.
    let methods = if gathered.owners_known { 6 } else { 4 };
    let missing_rater = |rater: usize| counted.rows > 0 && counted.rated[rater] == 0;
    let pair_results = pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            let absent: Vec<usize> =
                [pair.a, pair.b].into_iter().filter(|&rater| missing_rater(rater)).collect();
            if absent.is_empty() {
                let first = index * width;
                pair_result(pair, &pair.table(totals), first, &by_owner, by_row.as_ref(), methods)
            } else {
                unrated_pair(pair, &absent)
            }
        })
        .collect();
    let absent: Vec<usize> =
        (0..Scanner::ALL.len()).filter(|&rater| missing_rater(rater)).collect();
    let (patterns, overlap) = overlap(&counted.flags, totals, &absent);
    Ok(SliceResult {
        name: spec.name.clone(),
        kind: spec.kind,
        rule: spec.rule,
        missing: spec.missing,
        rows: counted.rows,
        owners: counted.owners,
        raters: (0..RATERS).map(|rater| summary(rater, &counted)).collect(),
        pairs: pair_results,
        scanners: scanner_statistics(&counted, &absent, overall.then_some((settings, counter))),
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
        unrated([rater])
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

fn unrated_pair(pair: &Pair, absent: &[usize]) -> PairResult {
    let estimate = unrated(absent.iter().copied());
    let names = PairStatistic::ALL.iter().map(|statistic| statistic.name());
    PairResult {
        a: rater_name(pair.a).to_owned(),
        b: rater_name(pair.b).to_owned(),
        counts: PairCounts::default(),
        statistics: each_named(names.chain(["mcnemar_exact", "mcnemar_corrected"]), &estimate),
        intervals: Vec::new(),
        readings: Vec::new(),
    }
}

pub(crate) fn pair_counts(table: &Table) -> PairCounts {
    let cell = |place: usize| table.counts().get(place).copied().unwrap_or(0);
    PairCounts { both: cell(0), only_a: cell(1), only_b: cell(2), neither: cell(3) }
}

fn pair_result(
    pair: &Pair,
    table: &Table,
    first: usize,
    by_owner: &Resampled,
    by_row: Option<&Resampled>,
    methods: usize,
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
            ..by_owner.bca(place)
        };
        if matches!(statistic, PairStatistic::CohenKappa | PairStatistic::GwetAc1) {
            readings.extend(read(statistic.name(), &main));
        }
        statistics.push(named(statistic.name(), &main));
        if let Some(by_row) = by_row {
            let others = [
                analytic,
                by_row.jackknife(place),
                by_row.percentile(place),
                by_row.bca(place),
                by_owner.jackknife(place),
                by_owner.percentile(place),
            ];
            // A method that there is none of for this statistic has no line.
            let given = others.into_iter().take(methods).filter(|estimate| {
                estimate.method.is_some() && estimate.no_interval != Some(NoInterval::NoMethod)
            });
            intervals.extend(given.map(|e| named(statistic.name(), &Estimate { n, ..e })));
        }
    }
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
        a: rater_name(pair.a).to_owned(),
        b: rater_name(pair.b).to_owned(),
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

/// The names of the statistics of all scanners, in the order of [`all_scanners`].
const SCANNER_STATISTICS: [&str; 7] = [
    "percent_agreement",
    "fleiss_kappa",
    "conger_kappa",
    "light_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "krippendorff_alpha",
];

fn all_scanners() -> [RatingStatistic; 7] {
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

/// Analytic figures; with `settings`, those of resampled owners.
fn scanner_statistics(
    counted: &Counted,
    absent: &[usize],
    settings: Option<(&ValidStudyParams, &Counter<'_>)>,
) -> Vec<NamedEstimate> {
    if !absent.is_empty() {
        let estimate = unrated(absent.iter().copied());
        return each_named(SCANNER_STATISTICS, &estimate);
    }
    let scanners = Scanner::ALL.len();
    let pattern = |flags: &Flags| flags[..scanners].iter().map(|f| f.map(usize::from)).collect();
    let rows = counted.flags.iter().map(pattern).zip(counted.clusters.totals().iter().copied());
    let Ok(ratings) = Ratings::from_patterns(scanners, 2, rows) else {
        return Vec::new();
    };
    let statistics = all_scanners();
    let mut estimates =
        statistics.each_ref().map(|one| one.estimate(&ratings, &Precision::default()));
    if let Some((settings, counter)) = settings {
        // Rows that differ in the verdict alone are one pattern of the scanners.
        let places: BTreeMap<Vec<Option<usize>>, usize> = (ratings.patterns().enumerate())
            .map(|(place, (pattern, _))| (pattern.to_vec(), place))
            .collect();
        let kinds: Vec<usize> = counted.flags.iter().map(|flags| places[&pattern(flags)]).collect();
        let Ok(units) = counted.clusters.with_kinds(places.len(), &kinds) else {
            return Vec::new();
        };
        let mut told = counter.run("bootstrap, all scanners");
        let resampled = resample_rating_units(&ratings, &units, &settings.resampling, &statistics);
        told();
        for (place, estimate) in estimates.iter_mut().enumerate() {
            let own = resampled.bca(place);
            let Estimate { n, p_value, caution, .. } = *estimate;
            *estimate = Estimate { n, p_value, caution, ..own };
        }
    }
    SCANNER_STATISTICS.iter().zip(estimates).map(|(name, e)| named(name, &e)).collect()
}

/// The scanners' patterns and overlap, over rows on which every rating scanner has a flag.
fn overlap(flags: &[Flags], totals: &[u64], absent: &[usize]) -> (Vec<Pattern>, OverlapResult) {
    let scanners: Vec<usize> =
        (0..Scanner::ALL.len()).filter(|scanner| !absent.contains(scanner)).collect();
    let name = |place: usize| rater_name(scanners[place]).to_owned();
    let mut result = OverlapResult {
        scanners: scanners.iter().map(|&scanner| rater_name(scanner).to_owned()).collect(),
        rows: 0,
        union: 0,
        flagged_by: Vec::new(),
        total_overlap: unrated(absent.iter().copied()),
        conditional: Vec::new(),
        unique: Vec::new(),
        coverage: Vec::new(),
    };
    let Ok(mut sets) = Overlap::new(scanners.len()) else {
        return (Vec::new(), result);
    };
    for (flags, &count) in flags.iter().zip(totals) {
        let bits = scanners.iter().enumerate().try_fold(0_u64, |bits, (place, &scanner)| {
            flags[scanner].map(|flag| bits | u64::from(flag) << place)
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
            let mut flags = vec![None; Scanner::ALL.len()];
            for (place, &scanner) in scanners.iter().enumerate() {
                flags[scanner] = Some(bits >> place & 1 == 1);
            }
            Pattern { flags, rows: count, share: count as f64 / rows as f64 }
        })
        .collect();
    patterns.sort_by(|x, y| y.rows.cmp(&x.rows).then_with(|| x.flags.cmp(&y.flags)));
    (patterns, result)
}
