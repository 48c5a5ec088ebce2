//! Intervals: coverage in a small seeded simulation, clusters, seeds, and the edges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Categories, Error, Method, Outcome, Overlap, PairStatistic, Ratings, Scale, Table, Undefined,
    Weights,
    latent::{LatentParams, dawid_skene},
    multi, proportion,
    resampling::{Resampled, ResamplingParams, Units, resample},
    two_raters,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

fn kappa(counts: &[u64], out: &mut [Outcome]) {
    out[0] = two_raters::cohen_kappa(&Table::from_counts(2, counts.to_vec()).unwrap());
}

fn run(units: &Units, replicates: u32, seed: u64) -> Resampled {
    let settings = ResamplingParams { replicates, seed, level: 0.95 }.check().unwrap();
    resample(units, &settings, &[(-1.0, 1.0)], kappa)
}

/// A table drawn one subject at a time from shares in parts of 100.
fn simulated(seed: u64, subjects: u64, shares: [u64; 4]) -> Vec<u64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut counts = vec![0; 4];
    for _ in 0..subjects {
        let mut point = generator.next_u64() % 100;
        let mut cell = 0;
        while point >= shares[cell] {
            point -= shares[cell];
            cell += 1;
        }
        counts[cell] += 1;
    }
    counts
}

/// 1,000 simulations at a true level of 0.95 have a standard deviation of 0.0069: the band is three
/// of them wide on either side, and half a point more below for the replicates' own noise.
#[test]
fn intervals_cover_at_about_their_level() {
    const SIMULATIONS: u32 = 1000;
    let shares = [40, 12, 8, 40];
    let truth = two_raters::cohen_kappa(&Table::from_counts(2, shares.to_vec()).unwrap()).unwrap();
    let mut covered = [0; 4];
    for simulation in 0..u64::from(SIMULATIONS) {
        let counts = simulated(1_000_000 + simulation, 150, shares);
        let found = run(&Units::subjects(&counts), 1000, simulation);
        let table = Table::from_counts(2, counts).unwrap();
        let estimates = [
            PairStatistic::CohenKappa.estimate(&table),
            found.jackknife(0),
            found.percentile(0),
            found.bca(0),
        ];
        for (count, estimate) in covered.iter_mut().zip(estimates) {
            let interval = estimate.interval.unwrap();
            *count += u32::from((interval.low..=interval.high).contains(&truth));
        }
    }
    let shares = covered.map(|count| f64::from(count) / f64::from(SIMULATIONS));
    assert!(shares.iter().all(|share| (0.924..=0.971).contains(share)), "{shares:?}");
}

/// Owners that hold every subject twice carry half the information: the error grows by root 2.
#[test]
fn whole_clusters_widen_the_interval() {
    let counts = [60, 25, 20, 95];
    let doubled: Vec<u64> = counts.iter().map(|count| 2 * count).collect();
    let clusters = counts
        .iter()
        .enumerate()
        .flat_map(|(kind, &count)| (0..count).map(move |_| vec![(kind, 2)]));
    let clusters = Units::clusters(4, clusters).unwrap();
    assert_eq!(clusters.totals(), doubled);
    assert_eq!(clusters.count(), 200);
    let by_cluster = run(&clusters, 4000, 1);
    let by_subject = run(&Units::subjects(&doubled), 4000, 1);
    let ratio = by_cluster.percentile(0).standard_error.unwrap()
        / by_subject.percentile(0).standard_error.unwrap();
    assert!((ratio - 2_f64.sqrt()).abs() < 0.06, "{ratio}");
    assert_eq!(by_cluster.bca(0).method, Some(Method::ClusterBootstrapBca));
    let ratio = by_cluster.jackknife(0).standard_error.unwrap()
        / by_subject.jackknife(0).standard_error.unwrap();
    assert!((ratio - 2_f64.sqrt()).abs() < 0.01, "{ratio}");
}

/// Clusters of one subject drawn one at a time are the same bootstrap as subjects drawn in bulk.
#[test]
fn bulk_and_single_draws_have_one_distribution() {
    let counts = [9, 4, 3, 14];
    let subjects = run(&Units::subjects(&counts), 20_000, 5).percentile(0);
    let singles = counts
        .iter()
        .enumerate()
        .flat_map(|(kind, &count)| (0..count).map(move |_| vec![(kind, 1)]));
    let clusters = run(&Units::clusters(4, singles).unwrap(), 20_000, 6).percentile(0);
    let (a, b) = (subjects.standard_error.unwrap(), clusters.standard_error.unwrap());
    assert!((a / b - 1.0).abs() < 0.03, "{a} {b}");
}

#[test]
fn a_seed_gives_the_same_figures_and_another_seed_others() {
    let units = Units::subjects(&[30, 12, 9, 70]);
    assert_eq!(run(&units, 500, 9).bca(0), run(&units, 500, 9).bca(0));
    assert_ne!(run(&units, 500, 9).bca(0), run(&units, 500, 10).bca(0));
}

#[test]
fn what_has_no_value_has_no_interval() {
    let constant = run(&Units::subjects(&[5, 0, 0, 0]), 100, 0);
    assert_eq!(constant.bca(0).value, Err(Undefined::OneCategory));
    assert_eq!(constant.bca(0).interval, None);
    let empty = run(&Units::subjects(&[0; 4]), 100, 0);
    assert_eq!(empty.percentile(0).value, Err(Undefined::NoSubjects));
    assert_eq!(empty.jackknife(0).interval, None);
    let single = run(&Units::subjects(&[0, 1, 0, 0]), 100, 0);
    assert_eq!(single.bca(0).interval, None);
    // One of two subjects left out leaves a constant table: no jackknife.
    let two = run(&Units::subjects(&[1, 0, 0, 1]), 100, 0);
    assert_eq!(two.jackknife(0).standard_error, None);
}

/// All replicates of a table without disagreement are 1: that is no interval.
#[test]
fn a_bootstrap_without_spread_gives_no_interval() {
    let found = run(&Units::subjects(&[20, 0, 0, 30]), 200, 0);
    assert_eq!(found.bca(0).value, Ok(1.0));
    assert_eq!((found.bca(0).interval, found.bca(0).standard_error), (None, None));
    let analytic = PairStatistic::CohenKappa.estimate(&Table::binary(20, 0, 0, 30));
    assert_eq!((analytic.interval, analytic.p_value), (None, None));
}

#[test]
fn wilson_intervals_equal_statsmodels() {
    // statsmodels 0.15.0, proportion_confint(count, nobs, method="wilson").
    let cases = [
        (14, 206, 0.040_911_280_8, 0.110_829_271_3),
        (0, 10, 0.0, 0.277_532_799_9),
        (10, 10, 0.722_467_200_1, 1.0),
    ];
    for (hits, of, low, high) in cases {
        let interval = proportion(hits, of).interval.unwrap();
        assert!((interval.low - low).abs() < 1e-8, "{hits}/{of}: {}", interval.low);
        assert!((interval.high - high).abs() < 1e-8, "{hits}/{of}: {}", interval.high);
    }
    assert_eq!(proportion(0, 0).value, Err(Undefined::NoSubjects));
}

#[test]
fn wrong_input_is_named() {
    let labels = Categories::new(vec!["a", "b"]).unwrap();
    assert_eq!(Categories::new(vec![1, 1]), Err(Error::BadCategories));
    let lengths = Table::from_labels(&labels, &["a"], &["a", "b"]);
    assert_eq!(lengths, Err(Error::LengthMismatch { a: 1, b: 2 }));
    let strange = Table::from_labels(&labels, &["a", "c"], &["a", "b"]);
    assert_eq!(strange, Err(Error::UnknownCategory { subject: 1 }));
    assert!(Table::from_counts(2, vec![1, 2, 3]).is_err());
    assert!(Weights::from_matrix(2, &[1.0, 0.5, 0.4, 1.0]).is_err());
    assert!(Weights::from_matrix(2, &[1.0, 0.5, 0.5, 1.0]).is_ok());
    assert!(Weights::from_matrix(2, &[1.0, f64::NAN, f64::NAN, 1.0]).is_err());
    assert!(Weights::interval(&[1.0, 1.0]).is_err());
    let table = Table::binary(1, 2, 3, 4);
    let mismatch = two_raters::weighted_kappa(&table, &Weights::linear(3));
    assert_eq!(mismatch, Err(Undefined::WeightsShape));
    assert!(Overlap::new(65).is_err());
    assert!(ResamplingParams { level: 1.0, ..Default::default() }.check().is_err());
    let short = Ratings::from_patterns(3, 2, [(vec![Some(0)], 1)]);
    assert!(matches!(short, Err(Error::RaterCount { subject: 0, found: 1, expected: 3 })));
}

#[test]
fn raters_without_ratings_are_reasons() {
    let ratings = Ratings::from_patterns(
        3,
        2,
        [(vec![Some(0), Some(1), None], 4), (vec![Some(1), Some(1), None], 6)],
    )
    .unwrap();
    let identity = Weights::identity(2);
    let conger = multi::conger_kappa(&ratings, &identity);
    assert_eq!(conger.value, Err(Undefined::UnratedRater));
    assert!(multi::light_kappa(&ratings).value.is_err());
    assert!(multi::fleiss_kappa(&ratings, &identity).value.is_ok());
    let params = LatentParams::default().check().unwrap();
    assert_eq!(dawid_skene(&ratings, &params), Err(Undefined::UnratedRater));
    let two = Ratings::from_patterns(2, 2, [(vec![Some(0), Some(1)], 4)]).unwrap();
    assert_eq!(dawid_skene(&two, &params), Err(Undefined::TooFewRaters));
}

#[test]
fn overlap_counts_and_orders() {
    let mut sets = Overlap::new(3).unwrap();
    for (bits, count) in [(0b000, 50), (0b001, 10), (0b010, 10), (0b011, 5), (0b111, 2), (0b100, 1)]
    {
        sets.add(bits, count);
    }
    assert_eq!((sets.subjects(), sets.union(), sets.intersection()), (78, 28, 2));
    assert_eq!([0, 1, 2, 3].map(|k| sets.flagged_by_exactly(k)), [50, 21, 5, 2]);
    assert_eq!(sets.pairwise(0, 1), Ok(7.0 / 27.0));
    assert_eq!([0, 1, 2].map(|rater| sets.unique(rater)), [10, 10, 1]);
    // The first two tie; the earlier comes first.
    let order: Vec<_> = sets.coverage().iter().map(|step| (step.rater, step.added)).collect();
    assert_eq!(order, [(0, 17), (1, 10), (2, 1)]);
    assert_eq!(Overlap::new(2).unwrap().pairwise(0, 1), Err(Undefined::CategoryUnused));
}

#[test]
fn readings_follow_their_scales() {
    let words = [-0.1, 0.0, 0.1, 0.3, 0.5, 0.7, 0.9].map(|value| Scale::LandisKoch.word(value));
    let expected =
        ["poor", "slight", "slight", "fair", "moderate", "substantial", "almost perfect"];
    assert_eq!(words, expected);
    assert_eq!(Scale::Fleiss.word(0.76), "excellent");
    assert_eq!(Scale::Altman.benchmark(0.5, 0.0), None);
    // irrCAC 0.4.4, Benchmark(0.67, 0.15).altman()["CumProb"].
    let levels = Scale::Altman.benchmark(0.67, 0.15).unwrap();
    for ((_, ours), theirs) in levels.iter().zip([0.18168, 0.67511, 0.96356, 0.99912, 1.0]) {
        assert!((ours - theirs).abs() < 1e-5);
    }
}
