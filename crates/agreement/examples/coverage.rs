//! How often the 95 % intervals hold the true value, on simulated tables of two raters.
//! Prints one row a scenario, statistic and method:
//! `cargo run --release -p clawsig-agreement --example coverage [simulations]`.
#![expect(clippy::print_stdout, reason = "the example's result is its output")]

use clawsig_agreement::{
    Error, Estimate, Outcome, PairStatistic, Table,
    resampling::{ResamplingParams, Units, resample},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Binomial, Distribution};

const STATISTICS: [PairStatistic; 4] =
    [PairStatistic::CohenKappa, PairStatistic::GwetAc1, PairStatistic::Jaccard, PairStatistic::Phi];

/// A name, the subjects of a table, and the cells' true shares in parts of 10,000.
const SCENARIOS: [(&str, u64, [u64; 4]); 4] = [
    ("balanced", 200, [4000, 1000, 1000, 4000]),
    ("rare", 200, [600, 400, 500, 8500]),
    ("rare", 2000, [600, 400, 500, 8500]),
    ("rarest", 2000, [60, 240, 140, 9560]),
];

fn draw(generator: &mut ChaCha8Rng, subjects: u64, shares: [u64; 4]) -> [u64; 4] {
    let (mut left, mut rest) = (subjects, 10_000);
    shares.map(|share| {
        let p = if rest > 0 { share as f64 / rest as f64 } else { 0.0 };
        // The share of what is left is between 0 and 1, which the sampler accepts.
        let taken = Binomial::new(left, p.min(1.0)).map_or(0, |b| b.sample(generator));
        left -= taken;
        rest -= share;
        taken
    })
}

fn main() -> Result<(), Error> {
    let simulations: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(500);
    println!("scenario,subjects,statistic,method,simulations,defined,covered");
    for (name, subjects, shares) in SCENARIOS {
        let truth = Table::binary(shares[0], shares[1], shares[2], shares[3]);
        let methods = ["analytic", "jackknife", "bootstrap-percentile", "bootstrap-bca"];
        let mut seen = [[(0_u64, 0_u64); 4]; 4];
        for simulation in 0..simulations {
            let mut generator = ChaCha8Rng::seed_from_u64(simulation);
            let counts = draw(&mut generator, subjects, shares);
            let settings =
                ResamplingParams { replicates: 1000, seed: simulation, level: 0.95 }.check()?;
            let compute = |counts: &[u64], out: &mut [Outcome]| {
                let table = Table::binary(counts[0], counts[1], counts[2], counts[3]);
                for (slot, statistic) in out.iter_mut().zip(STATISTICS) {
                    *slot = statistic.value(&table);
                }
            };
            let found = resample(
                &Units::subjects(&counts),
                &settings,
                &STATISTICS.map(PairStatistic::range),
                compute,
            );
            let table = Table::binary(counts[0], counts[1], counts[2], counts[3]);
            for (place, statistic) in STATISTICS.into_iter().enumerate() {
                let Ok(target) = statistic.value(&truth) else { continue };
                let estimates: [Estimate; 4] = [
                    statistic.estimate(&table),
                    found.jackknife(place),
                    found.percentile(place),
                    found.bca(place),
                ];
                for (cell, estimate) in seen[place].iter_mut().zip(estimates) {
                    if let Some(interval) = estimate.interval {
                        cell.0 += 1;
                        cell.1 += u64::from(interval.low <= target && target <= interval.high);
                    }
                }
            }
        }
        for (statistic, cells) in STATISTICS.iter().zip(seen) {
            for (method, (defined, covered)) in methods.iter().zip(cells) {
                let share = covered as f64 / defined.max(1) as f64;
                println!(
                    "{name},{subjects},{},{method},{simulations},{defined},{share:.3}",
                    statistic.name()
                );
            }
        }
    }
    Ok(())
}
