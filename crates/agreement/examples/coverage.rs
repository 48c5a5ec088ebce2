//! How often 95 % intervals hold the true value, on simulated ratings of three raters: rare and common
//! categories, with and without gaps, every method, and latent classes. Prints one row a scenario
//! and statistic; a cell is the share of given intervals that cover, and where less than all are
//! given, their share: `cargo run --release -p clawsig-agreement --example coverage [simulations]`.
#![expect(clippy::print_stdout, reason = "the example's result is its output")]

use clawsig_agreement::{
    Error, Estimate, Precision, RatingStatistic, Ratings, Undefined, Weights,
    latent::{LatentParams, dawid_skene, refit},
    multi::Metric,
    resampling::{ResamplingParams, Units, replicate, resample_ratings},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The raters' sensitivity and specificity.
const RATERS: [(f64, f64); 3] = [(0.9, 0.95), (0.8, 0.97), (0.85, 0.9)];

/// A name, subjects, prevalence, and the share of ratings that are missing.
const SCENARIOS: [(&str, u64, f64, f64); 4] = [
    ("common, no gaps", 300, 0.4, 0.0),
    ("common, 30 % gaps", 300, 0.4, 0.3),
    ("rare, no gaps", 600, 0.05, 0.0),
    ("rare, 30 % gaps", 600, 0.05, 0.3),
];

const METHODS: [&str; 4] = ["analytic", "jackknife", "percentile", "BCa"];

/// Replicates of the latent classes, each a fit of its own.
const LATENT_REPLICATES: u32 = 200;

fn share(generator: &mut ChaCha8Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn draw(generator: &mut ChaCha8Rng, prevalence: f64, gaps: f64) -> Vec<Option<usize>> {
    let positive = share(generator) < prevalence;
    let mut rating = |(sensitivity, specificity)| {
        let says = if positive { sensitivity } else { 1.0 - specificity };
        let flagged = share(generator) < says;
        (share(generator) >= gaps).then_some(usize::from(flagged))
    };
    RATERS.map(&mut rating).to_vec()
}

/// Intervals given and intervals that cover.
#[derive(Clone, Copy, Default)]
struct Cell {
    given: u64,
    covered: u64,
}

impl Cell {
    fn see(&mut self, found: &Estimate, truth: f64) {
        if let Some(interval) = found.interval {
            self.given += 1;
            self.covered += u64::from(interval.contains(truth));
        }
    }

    fn text(self, simulations: u64) -> String {
        let covered = self.covered as f64 / self.given.max(1) as f64;
        match (self.given, self.given == simulations) {
            (0, _) => "-".to_owned(),
            (_, true) => format!("{covered:.3}"),
            (_, false) => format!("{covered:.3} of {:.3}", self.given as f64 / simulations as f64),
        }
    }
}

fn main() -> Result<(), Error> {
    let simulations: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
    let identity = || Weights::identity(2);
    let statistics = [
        ("AC1", RatingStatistic::Gwet(identity())),
        ("alpha", RatingStatistic::Krippendorff(Metric::Nominal)),
        ("Fleiss' kappa", RatingStatistic::Fleiss(identity())),
        ("Conger's kappa", RatingStatistic::Conger(identity())),
    ];
    let all: Vec<RatingStatistic> = statistics.iter().map(|(_, one)| one.clone()).collect();
    println!(
        "{simulations} simulations, 95 % nominal; standard error of a cell about 0.007 per 1,000"
    );
    println!("| scenario | statistic | {} |", METHODS.join(" | "));
    println!("|---|---|{}", "---|".repeat(METHODS.len()));
    for (name, subjects, prevalence, gaps) in SCENARIOS {
        // A population so large that its own error does not matter.
        let truth = sample(u64::MAX, 2_000_000, prevalence, gaps)?;
        let mut cells = vec![[Cell::default(); 4]; all.len()];
        for simulation in 0..simulations {
            let ratings = sample(simulation, subjects, prevalence, gaps)?;
            let settings =
                ResamplingParams { replicates: 500, seed: simulation, level: 0.95 }.check()?;
            let drawn = resample_ratings(&ratings, &settings, &all);
            for (place, statistic) in all.iter().enumerate() {
                let Ok(target) = statistic.value(&truth) else { continue };
                let found = [
                    statistic.estimate(&ratings, &Precision::default()),
                    drawn.jackknife(place),
                    drawn.percentile(place),
                    drawn.bca(place),
                ];
                for (cell, estimate) in cells[place].iter_mut().zip(&found) {
                    cell.see(estimate, target);
                }
            }
        }
        for ((statistic, _), row) in statistics.iter().zip(cells) {
            let shown = row.map(|cell| cell.text(simulations)).join(" | ");
            println!("| {name} | {statistic} | {shown} |");
        }
        latent(name, (subjects, prevalence, gaps), simulations.div_ceil(5))?;
    }
    Ok(())
}

fn sample(seed: u64, subjects: u64, prevalence: f64, gaps: f64) -> Result<Ratings, Error> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    Ratings::from_patterns(
        RATERS.len(),
        2,
        (0..subjects).map(|_| (draw(&mut generator, prevalence, gaps), 1)),
    )
}

/// Prevalence, and a rater's sensitivity and specificity, by the bootstrap of the same estimator.
fn latent(
    name: &str,
    (subjects, prevalence, gaps): (u64, f64, f64),
    simulations: u64,
) -> Result<(), Error> {
    let params = LatentParams { starts: 0, ..LatentParams::default() }.check()?;
    let mut cells = [[Cell::default(); 2]; 3];
    for simulation in 0..simulations {
        let ratings = sample(simulation, subjects, prevalence, gaps)?;
        let Ok(model) = dawid_skene(&ratings, &params) else { continue };
        let settings =
            ResamplingParams { replicates: LATENT_REPLICATES, seed: simulation, level: 0.95 }
                .check()?;
        let mut drawn = ratings.clone();
        let units = Units::subjects(ratings.counts());
        let found = replicate(&units, &settings, &[(0.0, 1.0); 3], |counts, out| {
            let fitted = drawn.set_counts(counts).map_err(|_| Undefined::NoSubjects);
            match fitted.and_then(|()| refit(&model, &drawn, &params)) {
                Ok(found) => {
                    out[0] = Ok(found.prevalence[1]);
                    out[1] = Ok(found.confusion[0][1][1]);
                    out[2] = Ok(found.confusion[0][0][0]);
                }
                Err(why) => out.fill(Err(why)),
            }
        });
        let targets = [prevalence, RATERS[0].0, RATERS[0].1];
        for (place, target) in targets.into_iter().enumerate() {
            cells[place][0].see(&found.percentile(place), target);
            cells[place][1].see(&found.bca(place), target);
        }
    }
    let names = ["latent prevalence", "latent sensitivity", "latent specificity"];
    for (statistic, row) in names.into_iter().zip(cells) {
        let shown = row.map(|cell| cell.text(simulations)).join(" | ");
        println!("| {name} | {statistic} ({simulations} simulations) | - | - | {shown} |");
    }
    Ok(())
}
