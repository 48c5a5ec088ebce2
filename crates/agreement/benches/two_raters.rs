//! Times the two-rater statistics of three raters on 67,453 synthetic rows: run with
//! `cargo bench -p clawsig-agreement`. xtask/peers/agreement.py times scikit-learn on the same
//! counts.
#![expect(clippy::print_stdout, reason = "a bench's results belong on the terminal")]

use std::{hint::black_box, time::Instant};

use clawsig_agreement::{
    Error, Outcome, PairStatistic, Table,
    resampling::{Resampled, ResamplingParams, Units, resample},
};

/// Rows by the flags of three raters (bit 0 is the first), in the proportions of the study.
const PATTERNS: [u64; 8] = [35_104, 2_603, 4_377, 372, 22_018, 1_710, 804, 465];

/// Rows a synthetic owner has at most.
const OWNER_ROWS: usize = 9;

/// What the peer computes.
const PEERS: [PairStatistic; 5] = [
    PairStatistic::CohenKappa,
    PairStatistic::Phi,
    PairStatistic::Jaccard,
    PairStatistic::Dice,
    PairStatistic::ObservedAgreement,
];

fn tables(statistics: &[PairStatistic], counts: &[u64], out: &mut [Outcome]) {
    let pairs = [(0, 1), (0, 2), (1, 2)];
    for ((a, b), row) in pairs.into_iter().zip(out.chunks_mut(statistics.len())) {
        let mut cells = [0; 4];
        for (bits, count) in counts.iter().enumerate() {
            cells[2 * usize::from(bits >> a & 1 == 0) + usize::from(bits >> b & 1 == 0)] += count;
        }
        let table = Table::binary(cells[0], cells[1], cells[2], cells[3]);
        for (slot, statistic) in row.iter_mut().zip(statistics) {
            *slot = statistic.value(&table);
        }
    }
}

fn intervals(found: &Resampled) -> usize {
    (0..found.statistics()).filter(|&s| black_box(found.bca(s)).interval.is_some()).count()
}

fn main() -> Result<(), Error> {
    let rows: Vec<usize> = spread();
    println!("rows {}", rows.len());
    let settings = ResamplingParams { replicates: 2000, seed: 42, level: 0.95 }.check()?;
    let statistics = 3 * PairStatistic::ALL.len();
    let ranges: Vec<_> = PairStatistic::ALL.iter().map(|one| one.range()).collect();
    let ranges = ranges.repeat(3);
    let all = |counts: &[u64], out: &mut [Outcome]| tables(PairStatistic::ALL, counts, out);

    let start = Instant::now();
    let mut counts = vec![0_u64; 8];
    for &bits in &rows {
        counts[bits] += 1;
    }
    let units = Units::subjects(&counts);
    let found = resample(&units, &settings, &ranges, all);
    let given = intervals(&found);
    println!("rows resampled, 2000 replicates, {given} BCa intervals");
    println!("{{\"seconds\": {:.6}}}", start.elapsed().as_secs_f64());

    let kappa = PairStatistic::ALL.iter().position(|s| *s == PairStatistic::CohenKappa);
    for place in (kappa.unwrap_or(0)..statistics).step_by(PairStatistic::ALL.len()) {
        let estimate = found.bca(place);
        println!("kappa {:?} standard error {:?}", estimate.value, estimate.standard_error);
    }

    let start = Instant::now();
    let units = Units::clusters(8, owners_of(&rows))?;
    println!("owners {}", units.count());
    let given = intervals(&resample(&units, &settings, &ranges, all));
    println!("owners resampled, 2000 replicates, {given} BCa intervals");
    println!("{{\"owners_seconds\": {:.6}}}", start.elapsed().as_secs_f64());

    // From counts, as the peer's vectorised version starts too, and with its percentiles only.
    let start = Instant::now();
    let units = Units::subjects(&counts);
    let five = |counts: &[u64], out: &mut [Outcome]| tables(&PEERS, counts, out);
    let found = resample(&units, &settings, &PEERS.map(PairStatistic::range).repeat(3), five);
    let given = (0..found.statistics())
        .filter(|&s| black_box(found.percentile(s)).interval.is_some())
        .count();
    println!("the peer's five statistics, 2000 replicates, {given} percentile intervals");
    println!("{{\"five_seconds\": {:.6}}}", start.elapsed().as_secs_f64());
    Ok(())
}

/// The rows of [`PATTERNS`], mixed by a fixed stride so that neighbours differ.
fn spread() -> Vec<usize> {
    let sorted: Vec<usize> = PATTERNS
        .iter()
        .enumerate()
        .flat_map(|(bits, &count)| (0..count).map(move |_| bits))
        .collect();
    let stride = 25_771; // prime to the number of rows
    (0..sorted.len()).map(|i| sorted[i * stride % sorted.len()]).collect()
}

/// Owners of 1 to [`OWNER_ROWS`] rows in turn.
fn owners_of(rows: &[usize]) -> Vec<Vec<(usize, u64)>> {
    let mut rest = rows;
    let mut owners = Vec::new();
    let mut size = 1;
    while !rest.is_empty() {
        let (own, later) = rest.split_at(size.min(rest.len()));
        let mut counts = [0_u64; 8];
        for &bits in own {
            counts[bits] += 1;
        }
        owners.push(counts.iter().copied().enumerate().filter(|(_, c)| *c > 0).collect());
        rest = later;
        size = size % OWNER_ROWS + 1;
    }
    owners
}
