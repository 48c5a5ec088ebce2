//! Algebra that must hold on any table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Chance, Outcome, PairStatistic, Ratings, Table, Weights, multi,
    resampling::{ResamplingParams, Units, resample},
    two_raters,
};
use proptest::prelude::*;

fn tables() -> impl Strategy<Value = Table> {
    (2_usize..5).prop_flat_map(|q| {
        prop::collection::vec(0_u64..40, q * q)
            .prop_map(move |counts| Table::from_counts(q, counts).unwrap())
    })
}

fn close(a: Outcome, b: Outcome) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => (a - b).abs() < 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

/// The two raters of a table as ratings.
fn ratings(table: &Table) -> Ratings {
    let q = table.categories();
    let patterns = (0..q * q)
        .map(|cell| (vec![Some(cell / q), Some(cell % q)], table.count(cell / q, cell % q)));
    Ratings::from_patterns(2, q, patterns).unwrap()
}

proptest! {
    #[test]
    fn exchanging_the_raters_changes_nothing(table in tables()) {
        for statistic in PairStatistic::ALL {
            let (a, b) = (statistic.value(&table), statistic.value(&table.transposed()));
            let b = if *statistic == PairStatistic::BiasIndex { b.map(|bias| -bias) } else { b };
            prop_assert!(close(a, b), "{}", statistic.name());
        }
    }

    #[test]
    fn nominal_coefficients_do_not_know_the_order_of_categories(table in tables(), turn in 0_usize..5) {
        let q = table.categories();
        let place = |c: usize| (c + turn) % q;
        let mut turned = vec![0; q * q];
        for cell in 0..q * q {
            turned[place(cell / q) * q + place(cell % q)] = table.counts()[cell];
        }
        let turned = Table::from_counts(q, turned).unwrap();
        use PairStatistic::{BrennanPrediger, CohenKappa, GwetAc1, KrippendorffAlpha, ObservedAgreement, Phi, ScottPi};
        for statistic in [ObservedAgreement, CohenKappa, ScottPi, BrennanPrediger, GwetAc1, KrippendorffAlpha, Phi] {
            prop_assert!(close(statistic.value(&table), statistic.value(&turned)), "{}", statistic.name());
        }
    }

    #[test]
    fn identical_raters_agree_fully(diagonal in prop::collection::vec(1_u64..50, 2..5)) {
        let q = diagonal.len();
        let mut counts = vec![0; q * q];
        for (i, count) in diagonal.iter().enumerate() {
            counts[i * q + i] = *count;
        }
        let table = Table::from_counts(q, counts).unwrap();
        for model in [Chance::Cohen, Chance::Scott, Chance::BrennanPrediger, Chance::Gwet, Chance::Krippendorff] {
            for weights in [Weights::identity(q), Weights::linear(q), Weights::quadratic(q)] {
                prop_assert!(close(two_raters::chance_corrected(&table, &weights, model), Ok(1.0)));
            }
        }
        prop_assert!(close(two_raters::phi(&table), Ok(1.0)));
        prop_assert!(close(two_raters::jaccard(&table, 0), Ok(1.0)));
    }

    #[test]
    fn every_many_rater_coefficient_has_its_two_rater_form(table in tables()) {
        let (both, q) = (ratings(&table), table.categories());
        let identity = Weights::identity(q);
        if table.total() > 0 {
            let pairs = [
                (multi::conger_kappa(&both, &identity), two_raters::cohen_kappa(&table)),
                (multi::light_kappa(&both), two_raters::cohen_kappa(&table)),
                (multi::fleiss_kappa(&both, &identity), two_raters::scott_pi(&table)),
                (multi::gwet_ac1(&both, &identity), two_raters::gwet_ac1(&table)),
                (multi::brennan_prediger(&both, &identity), two_raters::brennan_prediger(&table)),
                (multi::krippendorff_alpha(&both, &multi::Metric::Nominal), two_raters::krippendorff_alpha(&table)),
                (multi::percent_agreement(&both, &identity), two_raters::observed_agreement(&table)),
            ];
            for (place, (many, two)) in pairs.into_iter().enumerate() {
                prop_assert!(close(many.value, two), "{place}: {:?} and {two:?}", many.value);
            }
        }
    }

    #[test]
    fn values_stay_in_their_range(table in tables()) {
        for statistic in PairStatistic::ALL {
            let (low, high) = statistic.range();
            if let Ok(value) = statistic.value(&table) {
                prop_assert!(value.is_finite() && value >= low - 1e-9 && value <= high + 1e-9, "{} {value}", statistic.name());
            }
        }
    }

    /// The analytic standard error is the delta method's, so it must be near the jackknife's where
    /// every cell is well filled.
    #[test]
    fn the_jackknife_is_near_the_analytic_error(counts in prop::collection::vec(60_u64..300, 4)) {
        let table = Table::from_counts(2, counts.clone()).unwrap();
        let settings = ResamplingParams { replicates: 100, ..ResamplingParams::default() }.check().unwrap();
        let found = resample(&Units::subjects(&counts), &settings, PairStatistic::ALL.len(), |counts, out| {
            let table = Table::from_counts(2, counts.to_vec()).unwrap();
            for (slot, statistic) in out.iter_mut().zip(PairStatistic::ALL) {
                *slot = statistic.value(&table);
            }
        });
        for (place, statistic) in PairStatistic::ALL.iter().enumerate() {
            if let Some(analytic) = statistic.estimate(&table).standard_error {
                let jackknife = found.jackknife(place, statistic.range()).standard_error.unwrap();
                prop_assert!((jackknife / analytic - 1.0).abs() < 0.05, "{}: {jackknife} {analytic}", statistic.name());
            }
        }
    }
}

#[test]
fn alternating_the_rows_changes_nothing() {
    let labels = clawsig_agreement::Categories::new(vec!["a", "b"]).unwrap();
    let rows = [[Some("a"), None], [Some("b"), Some("b")], [Some("a"), Some("b")]];
    let forward = Ratings::from_rows(&labels, 2, rows).unwrap();
    let backward = Ratings::from_rows(&labels, 2, rows.into_iter().rev()).unwrap();
    assert_eq!(forward, backward);
}
