//! Analytic standard errors against the influence of one more subject, which needs no formula.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Caution, Chance, Overlap, PairStatistic, Precision, RatingStatistic, Ratings, Table, Undefined,
    Weights,
    latent::{LatentParams, dawid_skene},
    multi::Metric,
    proportion,
    resampling::{ResamplingParams, resample_ratings},
    two_raters::chance_corrected_estimate,
};

/// The delta method's standard error: of every kind of subject, the change of the value by one more.
fn standard_error(counts: &[u64], value: &dyn Fn(&[u64]) -> f64) -> f64 {
    let n = counts.iter().sum::<u64>() as f64;
    let (before, mut more) = (value(counts), counts.to_vec());
    let mut square = 0.0;
    for (place, &count) in counts.iter().enumerate() {
        more[place] += 1;
        let influence = (n + 1.0) * (value(&more) - before);
        more[place] -= 1;
        square += count as f64 / n * influence * influence;
    }
    (square / n).sqrt()
}

fn near(what: &str, found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-4, "{what}: {found}, expected {expected}");
}

#[test]
fn a_pair_s_errors_are_those_of_its_influences() {
    let counts = [200_000, 50_000, 110_000, 150_000];
    let table = Table::from_counts(2, counts.to_vec()).unwrap();
    let mut compared = 0;
    for &statistic in PairStatistic::ALL {
        // The odds ratio's error is that of its logarithm, and the greatest kappa has none.
        if matches!(statistic, PairStatistic::OddsRatio | PairStatistic::MaxKappa) {
            continue;
        }
        let value = |counts: &[u64]| {
            statistic.value(&Table::from_counts(2, counts.to_vec()).unwrap()).unwrap()
        };
        let found = statistic.estimate(&table).standard_error.unwrap();
        // A share has Wilson's interval and the same error.
        near(statistic.name(), found, standard_error(&counts, &value));
        compared += 1;
    }
    assert_eq!(compared, PairStatistic::ALL.len() - 2);
}

#[test]
fn many_raters_errors_are_those_of_their_influences() {
    let kinds: [[Option<usize>; 3]; 8] = [
        [Some(0), Some(0), Some(1)],
        [Some(1), Some(1), Some(1)],
        [Some(2), Some(3), None],
        [Some(3), Some(3), Some(0)],
        [Some(0), Some(2), Some(2)],
        [None, Some(1), Some(2)],
        [Some(3), Some(1), Some(3)],
        [Some(0), Some(0), Some(0)],
    ];
    let counts = [50_000, 90_000, 40_000, 60_000, 30_000, 70_000, 20_000, 80_000];
    let of = |counts: &[u64]| {
        let rows = kinds.iter().zip(counts).map(|(kind, &count)| (kind.to_vec(), count));
        Ratings::from_patterns(3, 4, rows.collect::<Vec<_>>()).unwrap()
    };
    let distances = Weights::identity(4);
    for statistic in [
        RatingStatistic::PercentAgreement(distances.clone()),
        RatingStatistic::Fleiss(distances.clone()),
        RatingStatistic::BrennanPrediger(distances.clone()),
        RatingStatistic::Gwet(distances),
        RatingStatistic::Krippendorff(Metric::Nominal),
        RatingStatistic::Krippendorff(Metric::Ordinal),
    ] {
        let value = |counts: &[u64]| statistic.value(&of(counts)).unwrap();
        let estimate = statistic.estimate(&of(&counts), &Precision::default());
        let found = estimate.standard_error.unwrap();
        near(&format!("{statistic:?}"), found, standard_error(&counts, &value));
        // A subject that nobody rated is none.
        let rows = kinds.iter().zip(counts).map(|(kind, count)| (kind.to_vec(), count));
        let rows: Vec<_> = rows.chain([(vec![None; 3], 70_000)]).collect();
        let unrated = Ratings::from_patterns(3, 4, rows).unwrap();
        let with = statistic.estimate(&unrated, &Precision::default());
        assert_eq!((with.value, with.standard_error), (estimate.value, estimate.standard_error));
    }
}

#[test]
fn a_constant_rater_is_told_where_there_is_a_value() {
    let caution = |table: &Table| {
        let weights = Weights::identity(2);
        chance_corrected_estimate(table, &weights, Chance::Cohen, &Precision::default()).caution
    };
    assert_eq!(caution(&Table::binary(20, 5, 10, 15)), None);
    assert_eq!(caution(&Table::binary(20, 0, 10, 0)), Some(Caution::ConstantRater));
    // Two constant raters who agree: no value, and so nothing to be careful of.
    assert_eq!(caution(&Table::binary(20, 0, 0, 0)), None);
    for caution in [Caution::ConstantRater, Caution::ZeroCell] {
        assert_eq!(caution.to_string(), caution.reason());
    }
}

#[test]
fn a_share_has_the_error_of_a_binomial() {
    near("10 of 40", proportion(10, 40).standard_error.unwrap(), (0.25 * 0.75 / 40.0_f64).sqrt());
}

#[test]
fn bits_of_raters_that_do_not_exist_are_ignored() {
    let mut overlap = Overlap::new(3).unwrap();
    overlap.add(0b1111_0101, 2);
    overlap.add(0b101, 1);
    assert_eq!(overlap.patterns().collect::<Vec<_>>(), [(0b101, 3)]);
}

#[test]
fn subjects_without_ratings_have_no_latent_classes() {
    let ratings = Ratings::from_patterns(3, 2, vec![(vec![None; 3], 5)]).unwrap();
    let found = dawid_skene(&ratings, &LatentParams::default().check().unwrap());
    assert_eq!(found.unwrap_err(), Undefined::NoSubjects);
}

#[test]
fn a_resampling_knows_its_statistics() {
    let rows = [([Some(0), Some(1)], 3), ([Some(1), Some(1)], 5), ([Some(0), Some(0)], 4)];
    let rows = rows.map(|(kind, count)| (kind.to_vec(), count));
    let ratings = Ratings::from_patterns(2, 2, rows).unwrap();
    let settings = ResamplingParams { replicates: 100, ..ResamplingParams::default() };
    let statistics = [
        RatingStatistic::Fleiss(Weights::identity(2)),
        RatingStatistic::Krippendorff(Metric::Nominal),
    ];
    let drawn = resample_ratings(&ratings, &settings.check().unwrap(), &statistics);
    assert_eq!(drawn.statistics(), 2);
}
