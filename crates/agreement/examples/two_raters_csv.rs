//! How far two columns of a CSV file agree, whatever their labels are:
//! `cargo run --release -p clawsig-agreement --example two_raters_csv -- FILE.csv COLUMN COLUMN`.
//!
//! A row without a label in one of the columns takes no part.
#![expect(clippy::print_stdout, reason = "the example's result is its output")]

use std::error::Error;

use clawsig_agreement::{
    Categories, Outcome, PairStatistic, Scale, Table,
    resampling::{ResamplingParams, Units, resample},
};

const STATISTICS: [PairStatistic; 3] =
    [PairStatistic::ObservedAgreement, PairStatistic::CohenKappa, PairStatistic::GwetAc1];

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, a, b] = words.as_slice() else {
        return Err("usage: two_raters_csv FILE.csv COLUMN COLUMN".into());
    };
    let mut reader = csv::Reader::from_path(path).map_err(|e| format!("{path}: {e}"))?;
    let header = reader.headers()?.clone();
    let place = |name: &String| {
        let known = || header.iter().collect::<Vec<_>>().join(", ");
        header
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| format!("{path} has no column `{name}`; it has {}", known()))
    };
    let (a, b) = (place(a)?, place(b)?);
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut left_out = 0;
    for record in reader.records() {
        let record = record?;
        match (record.get(a), record.get(b)) {
            (Some(a), Some(b)) if !a.is_empty() && !b.is_empty() => {
                pairs.push((a.to_owned(), b.to_owned()));
            }
            _ => left_out += 1,
        }
    }
    let mut labels: Vec<String> = pairs.iter().flat_map(|(a, b)| [a, b]).cloned().collect();
    labels.sort();
    labels.dedup();
    let categories = Categories::new(labels)?;
    let table = Table::from_pairs(&categories, pairs.iter().map(|(a, b)| (a, b)))?;
    println!("{} rows rated by both, {left_out} left out", table.total());
    println!("labels: {}", categories.labels().join(", "));

    // Any statistic of the counts can be resampled; rows of one author would be drawn as one unit.
    let settings = ResamplingParams { replicates: 2_000, seed: 1, level: 0.95 }.check()?;
    let drawn = resample(
        &Units::subjects(table.counts()),
        &settings,
        &STATISTICS.map(PairStatistic::range),
        |counts, out: &mut [Outcome]| {
            let Ok(drawn) = Table::from_counts(table.categories(), counts.to_vec()) else { return };
            for (slot, statistic) in out.iter_mut().zip(STATISTICS) {
                *slot = statistic.value(&drawn);
            }
        },
    );
    for (place, statistic) in STATISTICS.into_iter().enumerate() {
        let estimate = drawn.bca(place);
        match (estimate.value, estimate.interval) {
            (Ok(value), Some(interval)) => {
                let (low, high) = (interval.low, interval.high);
                println!("{:<20} {value:.4} [{low:.4}, {high:.4}]", statistic.name());
            }
            (Ok(value), None) => println!("{:<20} {value:.4}", statistic.name()),
            (Err(why), _) => println!("{:<20} undefined: {why}", statistic.name()),
        }
    }
    if let Ok(kappa) = PairStatistic::CohenKappa.value(&table) {
        println!("Landis and Koch call that kappa {}", Scale::LandisKoch.word(kappa));
    }
    Ok(())
}
