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
    let patterns =
        (0..q * q).map(|cell| (vec![Some(cell / q), Some(cell % q)], table.counts()[cell]));
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
        let ranges: Vec<_> = PairStatistic::ALL.iter().map(|statistic| statistic.range()).collect();
        let found = resample(&Units::subjects(&counts), &settings, &ranges, |counts, out| {
            let table = Table::from_counts(2, counts.to_vec()).unwrap();
            for (slot, statistic) in out.iter_mut().zip(PairStatistic::ALL) {
                *slot = statistic.value(&table);
            }
        });
        for (place, statistic) in PairStatistic::ALL.iter().enumerate() {
            if let Some(analytic) = statistic.estimate(&table).standard_error {
                let jackknife = found.jackknife(place).standard_error.unwrap();
                prop_assert!((jackknife / analytic - 1.0).abs() < 0.05, "{}: {jackknife} {analytic}", statistic.name());
            }
        }
    }
}

/// Rows of three raters with gaps.
fn rows() -> impl Strategy<Value = (usize, Vec<Vec<Option<usize>>>)> {
    (2_usize..5).prop_flat_map(|q| {
        let rating = prop::option::weighted(0.85, 0..q);
        (Just(q), prop::collection::vec(prop::collection::vec(rating, 3), 1..60))
    })
}

fn counted(q: usize, rows: &[Vec<Option<usize>>]) -> Ratings {
    Ratings::from_patterns(3, q, rows.iter().map(|row| (row.clone(), 1))).unwrap()
}

/// Every coefficient of many raters with identity weights.
fn nominal(ratings: &Ratings) -> [Outcome; 7] {
    let identity = Weights::identity(ratings.categories());
    [
        multi::percent_agreement(ratings, &identity).value,
        multi::fleiss_kappa(ratings, &identity).value,
        multi::conger_kappa(ratings, &identity).value,
        multi::light_kappa(ratings).value,
        multi::brennan_prediger(ratings, &identity).value,
        multi::gwet_ac1(ratings, &identity).value,
        multi::krippendorff_alpha(ratings, &multi::Metric::Nominal).value,
    ]
}

proptest! {
    #[test]
    fn many_raters_do_not_know_rows_raters_or_names((q, rows) in rows(), turn in 0_usize..5) {
        let here = counted(q, &rows);
        let backwards: Vec<_> = rows.iter().rev().cloned().collect();
        prop_assert_eq!(&here, &counted(q, &backwards));
        let exchanged: Vec<_> = rows.iter().map(|r| vec![r[2], r[0], r[1]]).collect();
        let renamed: Vec<_> = rows
            .iter()
            .map(|r| r.iter().map(|c| c.map(|c| (c + turn) % q)).collect::<Vec<_>>())
            .collect();
        let found = nominal(&here);
        for other in [counted(q, &exchanged), counted(q, &renamed)] {
            for (place, (a, b)) in found.into_iter().zip(nominal(&other)).enumerate() {
                // Which of two undefined pairs is met first may differ.
                prop_assert!(close(a, b) || (a.is_err() && b.is_err()), "{place}: {a:?} {b:?}");
            }
        }
        // Turning the scale round keeps the distances of ordinal and interval data.
        let mirrored: Vec<_> =
            rows.iter().map(|r| r.iter().map(|c| c.map(|c| q - 1 - c)).collect::<Vec<_>>()).collect();
        let scores: Vec<f64> = (0..q).map(|c| c as f64).collect();
        for metric in [multi::Metric::Ordinal, multi::Metric::Distance(Weights::interval(&scores).unwrap())] {
            let (a, b) = (
                multi::krippendorff_alpha(&here, &metric).value,
                multi::krippendorff_alpha(&counted(q, &mirrored), &metric).value,
            );
            prop_assert!(close(a, b), "{metric:?}: {a:?} {b:?}");
        }
    }

    #[test]
    fn identical_raters_agree_fully_however_many((q, rows) in rows()) {
        let same: Vec<_> = rows.iter().map(|r| vec![r[0]; 3]).collect();
        for value in nominal(&counted(q, &same)).into_iter().flatten() {
            prop_assert!((value - 1.0).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn weighted_coefficients_have_their_two_rater_form(table in tables()) {
        let (both, q) = (ratings(&table), table.categories());
        for weights in [Weights::linear(q), Weights::quadratic(q), Weights::ordinal(q)] {
            let pairs = [
                (multi::conger_kappa(&both, &weights), Chance::Cohen),
                (multi::fleiss_kappa(&both, &weights), Chance::Scott),
                (multi::gwet_ac1(&both, &weights), Chance::Gwet),
                (multi::brennan_prediger(&both, &weights), Chance::BrennanPrediger),
            ];
            for (many, model) in pairs {
                let two = two_raters::chance_corrected(&table, &weights, model);
                prop_assert!(close(many.value, two), "{model:?}: {:?} and {two:?}", many.value);
            }
        }
        let scores: Vec<f64> = (0..q).map(|c| c as f64).collect();
        let many = multi::krippendorff_alpha(&both, &multi::Metric::Distance(Weights::interval(&scores).unwrap())).value;
        let two = two_raters::chance_corrected(&table, &Weights::quadratic(q), Chance::Krippendorff);
        prop_assert!(close(many, two), "{many:?} and {two:?}");
    }
}
