//! Counts at the end of the number range: every function returns, without panic or delay, a finite
//! number or a reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Chance, Estimate, MOST_SUBJECTS, Overlap, PairStatistic, Precision, RatingStatistic, Ratings,
    Table, Undefined, Weights, homogeneity,
    latent::{LatentParams, dawid_skene},
    multi, proportion,
    resampling::{ResamplingParams, Units, resample, resample_ratings, resample_table},
    two_raters,
};
use proptest::prelude::*;

/// Counts of every size, with the ends of the range among them.
fn counts(cells: usize) -> impl Strategy<Value = Vec<u64>> {
    let edge = MOST_SUBJECTS;
    let count = prop_oneof![
        Just(0),
        Just(1),
        Just(1 << 31),
        Just(edge / 4),
        Just(edge),
        Just(edge + 1),
        Just(1 << 63),
        Just(u64::MAX - 1),
        Just(u64::MAX),
        0_u64..50,
        any::<u64>(),
    ];
    prop::collection::vec(count, cells)
}

fn sound(estimate: &Estimate) -> bool {
    let finite = estimate.value.is_ok_and(f64::is_finite);
    let interval = estimate.interval.is_none_or(|i| i.low.is_finite() && i.high >= i.low);
    let error = estimate.standard_error.is_none_or(|e| e.is_finite() && e >= 0.0);
    let p = estimate.p_value.is_none_or(|p| (0.0..=1.0).contains(&p));
    (finite || estimate.value.is_err()) && interval && error && p
}

fn patterns(counts: &[u64]) -> impl Iterator<Item = (Vec<Option<usize>>, u64)> + '_ {
    // Three raters, three answers: the base-3 digits of the place, 2 for a gap.
    counts.iter().enumerate().map(|(place, &count)| {
        let digit = |power: usize| Some(place / power % 3).filter(|&d| d < 2);
        (vec![digit(1), digit(3), digit(9)], count)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn tables_of_any_size_give_a_number_or_a_reason(counts in (2_usize..4).prop_flat_map(|q| counts(q * q))) {
        let q = if counts.len() == 4 { 2 } else { 3 };
        let table = Table::from_counts(q, counts.clone()).unwrap();
        let exact = counts.iter().map(|&c| u128::from(c)).sum::<u128>();
        let settings = ResamplingParams { replicates: 100, ..Default::default() }.check().unwrap();
        let all = PairStatistic::ALL;
        let found = resample_table(&table, &settings, all);
        for (place, statistic) in all.iter().enumerate() {
            let name = statistic.name();
            prop_assert!(sound(&statistic.estimate(&table)), "{name}");
            let ways = [found.bca(place), found.percentile(place), found.jackknife(place)];
            prop_assert!(ways.iter().all(sound), "{name} {ways:?}");
            if exact > u128::from(MOST_SUBJECTS) {
                prop_assert!(statistic.value(&table).is_err(), "{name}");
            }
        }
        for model in [Chance::Cohen, Chance::Scott, Chance::BrennanPrediger, Chance::Gwet, Chance::Krippendorff] {
            prop_assert!(sound(&two_raters::chance_corrected_estimate(&table, &Weights::quadratic(q), model, &Precision::default())));
        }
        use homogeneity::*;
        let tests = [
            mcnemar_exact, mcnemar_corrected, mcnemar_uncorrected, stuart_maxwell, bhapkar, bowker,
        ];
        for test in tests.into_iter().filter_map(|test| test(&table).ok()) {
            prop_assert!(test.statistic >= 0.0 && test.statistic.is_finite());
            prop_assert!(test.p_value > 0.0 && test.p_value <= 1.0);
        }
    }

    #[test]
    fn ratings_of_any_size_give_a_number_or_a_reason(counts in counts(27)) {
        let ratings = Ratings::from_patterns(3, 2, patterns(&counts)).unwrap();
        let weights = Weights::identity(2);
        let compute = |ratings: &Ratings| [
            multi::percent_agreement(ratings, &weights),
            multi::fleiss_kappa(ratings, &weights),
            multi::conger_kappa(ratings, &weights),
            multi::light_kappa(ratings),
            multi::brennan_prediger(ratings, &weights),
            multi::gwet_ac1(ratings, &weights),
            multi::krippendorff_alpha(ratings, &multi::Metric::Nominal),
            multi::krippendorff_alpha(ratings, &multi::Metric::Ordinal),
            multi::krippendorff_alpha(ratings, &multi::Metric::Distance(Weights::linear(2))),
        ];
        prop_assert!(compute(&ratings).iter().all(sound));
        let settings = ResamplingParams { replicates: 100, ..Default::default() }.check().unwrap();
        let statistics = [
            RatingStatistic::PercentAgreement(weights.clone()),
            RatingStatistic::Fleiss(weights.clone()),
            RatingStatistic::Conger(weights.clone()),
            RatingStatistic::Light(weights.clone()),
            RatingStatistic::BrennanPrediger(weights.clone()),
            RatingStatistic::Gwet(weights.clone()),
            RatingStatistic::Krippendorff(multi::Metric::Nominal),
            RatingStatistic::Krippendorff(multi::Metric::Ordinal),
            RatingStatistic::Krippendorff(multi::Metric::Distance(weights.clone())),
        ];
        let found = resample_ratings(&ratings, &settings, &statistics);
        prop_assert!((0..9).all(|place| sound(&found.bca(place))));
        let quick = LatentParams { max_iterations: 50, ..Default::default() }.check().unwrap();
        if let Ok(model) = dawid_skene(&ratings, &quick) {
            prop_assert!(model.prevalence.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn overlaps_and_clusters_of_any_size_return(sizes in counts(8), shares in counts(2)) {
        let mut sets = Overlap::new(3).unwrap();
        for (bits, &count) in (0..).zip(&sizes) {
            sets.add(bits, count);
        }
        prop_assert!(sets.union() <= sets.subjects());
        prop_assert!(sound(&sets.total_overlap()) && sound(&sets.conditional(0, 1)));
        prop_assert!(sets.coverage().last().is_some_and(|step| step.covered == sets.union()));
        prop_assert!(sound(&proportion(shares[0], shares[1])));
        let clusters = sizes.iter().enumerate().map(|(i, &size)| (vec![(i % 4, size), (3, 1)], 1 + size / 2));
        let settings = ResamplingParams { replicates: 100, ..Default::default() }.check().unwrap();
        let found = resample(&Units::counted_clusters(4, clusters).unwrap(), &settings, &[(-1.0, 1.0)], |counts, out| {
            out[0] = two_raters::cohen_kappa(&Table::from_counts(2, counts.to_vec()).unwrap());
        });
        prop_assert!(sound(&found.bca(0)));
    }
}

/// The largest tables that count, and the first that do not.
#[test]
fn the_limit_is_where_the_constant_says() {
    let quarter = MOST_SUBJECTS / 4;
    let most = Table::binary(quarter, quarter, quarter, quarter);
    assert_eq!(two_raters::cohen_kappa(&most), Ok(0.0));
    let kappa = PairStatistic::CohenKappa.estimate(&Table::binary(quarter, 9, 9, 3 * quarter - 18));
    assert!((kappa.value.unwrap() - 1.0).abs() < 1e-12);
    let more = Table::binary(quarter, quarter, quarter, quarter + 1);
    for statistic in PairStatistic::ALL {
        assert_eq!(statistic.value(&more), Err(Undefined::TooManySubjects), "{}", statistic.name());
    }
    assert_eq!(homogeneity::mcnemar_exact(&more), Err(Undefined::TooManySubjects));
    assert_eq!(Table::binary(u64::MAX, 1, 0, 0).total(), u64::MAX);
    assert_eq!(proportion(3, 2).value, Err(Undefined::MoreHitsThanSubjects));
}
