//! Values at the edges of what can be counted, against exact rational arithmetic (Python's
//! `fractions`, evaluated by hand from the formulas) and outside programs, and the intervals there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Chance, Error, Estimate, NoInterval, Outcome, Overlap, PairStatistic, Precision,
    RatingStatistic, Ratings, Table, Undefined, Weights,
    homogeneity::{self, Test},
    multi::{self, Metric},
    resampling::{ResamplingParams, Units, replicate, resample, resample_ratings, resample_table},
    two_raters::{self, chance_corrected_estimate},
};

fn near(ours: Outcome, wanted: f64) {
    let ours = ours.unwrap();
    assert!((ours - wanted).abs() <= 1e-12 * wanted.abs(), "{ours:e} for {wanted:e}");
}

fn weighted(off_diagonal: f64) -> Weights {
    Weights::from_matrix(2, &[1.0, off_diagonal, off_diagonal, 1.0]).unwrap()
}

#[test]
fn phi_keeps_its_digits_beside_large_counts() {
    let phi = |a, b, c, d| two_raters::phi(&Table::binary(a, b, c, d));
    assert_eq!(phi(0, 51, 2_070_366_244_862_899, 0), Ok(-1.0));
    assert_eq!(phi(0, 1, 860_831_130_730_678, 0), Ok(-1.0));
    assert!((phi(3, 5, 7, 1_000_000_000_000_000).unwrap() - 0.335_410_196_624_962_5).abs() < 1e-12);
}

#[test]
fn kappa_keeps_its_digits_where_agreement_by_chance_is_certain() {
    // 1 - 2 n / (n^2 - sum r c), in Python's fractions.
    near(two_raters::cohen_kappa(&Table::binary(1, 1, 1, 10_000_000_000_000)), 0.499_999_999_999_9);
    near(
        two_raters::cohen_kappa(&Table::binary(3, 5, 7, 1_000_000_000_000)),
        0.333_333_333_327_407_4,
    );
    let kappa = |counts: [u64; 4], weight| {
        let [a, b, c, d] = counts;
        two_raters::weighted_kappa(&Table::binary(a, b, c, d), &weighted(weight))
    };
    near(kappa([7_827_578, 1, 1, 1], 0.997), 0.499_999_872_246_578_44);
    // The factor that all distances share cancels: unweighted kappa, by irrCAC 0.4.4 too.
    near(kappa([40, 5, 4, 51], 1.0 - 1e-12), 0.817_813_765_182_186_2);
}

#[test]
fn every_model_of_chance_keeps_its_digits() {
    let table = Table::binary(1, 1, 1, 1_000_000_000_000_000);
    let n = 1_000_000_000_000_003.0_f64;
    let identity = Weights::identity(2);
    let of = |model| two_raters::chance_corrected(&table, &identity, model);
    // Both margins are (2, n - 2): 1 - pe is 4 (n - 2) / n^2, 1 - pa is 2 / n.
    near(of(Chance::Scott), 1.0 - n / (2.0 * (n - 2.0)));
    near(of(Chance::Krippendorff), 1.0 - (2.0 * n - 1.0) / (4.0 * (n - 2.0)));
    near(of(Chance::BrennanPrediger), 1.0 - 4.0 / n);
    near(two_raters::max_kappa(&table), 1.0);
    // Of two categories with equal margins the error under independence is 1 / sqrt(n).
    let test = two_raters::cohen_kappa_test(&table, &identity).standard_error.unwrap();
    assert!((test * n.sqrt() - 1.0).abs() < 1e-9, "{test:e}");
    let ac1 = PairStatistic::GwetAc1.estimate(&table);
    // The jackknife of the same table says 1.4e-15 too.
    let error = ac1.standard_error.unwrap();
    assert!((error / 1.414_213_562_373e-15 - 1.0).abs() < 1e-6, "{error:e}");
}

#[test]
fn weighted_coefficients_have_their_own_ranges() {
    let table = Table::from_counts(3, vec![0, 0, 10, 0, 1, 0, 9, 0, 0]).unwrap();
    let found = chance_corrected_estimate(
        &table,
        &Weights::quadratic(3),
        Chance::BrennanPrediger,
        &Precision::default(),
    );
    let interval = found.interval.unwrap();
    // irrCAC 0.4.4: CAC(table, weights="quadratic").bp().
    assert!((found.value.unwrap() + 1.85).abs() < 1e-12);
    assert!(
        (interval.low + 2.156).abs() < 5e-4 && (interval.high + 1.544).abs() < 5e-4,
        "{interval:?}"
    );
    assert_eq!(Chance::BrennanPrediger.range(&Weights::quadratic(3)), (f64::NEG_INFINITY, 1.0));
    assert_eq!(Chance::Gwet.range(&Weights::identity(3)), (-0.5, 1.0));
    assert_eq!(Chance::Gwet.range(&Weights::identity(1)), (-1.0, 1.0));
    assert_eq!(Chance::Cohen.range(&Weights::identity(9)), (-1.0, 1.0));
    assert_eq!(Chance::Cohen.range(&Weights::linear(3)), (f64::NEG_INFINITY, 1.0));
}

/// Perfect subjects with two ratings and others with one or none: whatever the statistic, the lone
/// ratings are no evidence of disagreement.
#[test]
fn no_statistic_takes_single_ratings_for_evidence() {
    let rows = [
        (vec![Some(0), Some(0), None], 5),
        (vec![Some(1), None, Some(1)], 5),
        (vec![None, Some(0), None], 10),
        (vec![None; 3], 7),
    ];
    let ratings = Ratings::from_patterns(3, 2, rows).unwrap();
    let weights = || Weights::identity(2);
    for statistic in [
        RatingStatistic::PercentAgreement(weights()),
        RatingStatistic::Fleiss(weights()),
        RatingStatistic::Conger(weights()),
        RatingStatistic::BrennanPrediger(weights()),
        RatingStatistic::Gwet(weights()),
        RatingStatistic::Krippendorff(Metric::Nominal),
        RatingStatistic::Krippendorff(Metric::Ordinal),
    ] {
        let found = statistic.estimate(&ratings, &Precision::default());
        let told = (found.value, found.standard_error, found.interval, found.no_interval);
        assert_eq!(told, (Ok(1.0), Some(0.0), None, Some(NoInterval::NoSpread)), "{statistic:?}");
        let drawn = resample_ratings(&ratings, &settings(100), &[statistic]);
        for found in [drawn.jackknife(0), drawn.percentile(0), drawn.bca(0)] {
            assert_eq!((found.value, found.interval), (Ok(1.0), None));
        }
    }
}

/// Coefficients of many raters beside 10^15 subjects that agree, as `fractions` of Python 3.11 has
/// them for two raters: 1 - n / (2 (n - 2)) and its like.
#[test]
fn coefficients_of_many_raters_keep_their_digits() {
    let n = 1_000_000_000_000_003.0_f64;
    let rows = [([0, 0], 1), ([0, 1], 1), ([1, 0], 1), ([1, 1], 1_000_000_000_000_000)];
    let rows = rows.map(|(row, count)| (row.map(Some).to_vec(), count));
    let ratings = Ratings::from_patterns(2, 2, rows).unwrap();
    let weights = || Weights::identity(2);
    let of = |statistic: RatingStatistic| statistic.value(&ratings);
    near(of(RatingStatistic::Fleiss(weights())), 1.0 - n / (2.0 * (n - 2.0)));
    near(of(RatingStatistic::Conger(weights())), 1.0 - n / (2.0 * (n - 2.0)));
    near(of(RatingStatistic::Light(weights())), 1.0 - n / (2.0 * (n - 2.0)));
    near(
        of(RatingStatistic::Krippendorff(Metric::Nominal)),
        1.0 - (2.0 * n - 1.0) / (4.0 * (n - 2.0)),
    );
}

#[test]
fn an_unused_far_category_changes_nothing() {
    let says = |a: usize, b: usize| vec![Some(a), Some(b)];
    let rows =
        [(says(0, 0), 5), (says(0, 1), 2), (says(1, 1), 4), (says(2, 1), 2), (says(2, 2), 4)];
    let ratings = Ratings::from_patterns(2, 4, rows).unwrap();
    let alpha = |far: f64| {
        let weights = Weights::interval(&[1.0, 2.0, 3.0, far]).unwrap();
        multi::krippendorff_alpha(&ratings, &Metric::Distance(weights))
    };
    let close = alpha(4.0);
    for far in [1e6, 1e8, 1e9, 1e12, 1e15] {
        let found = alpha(far);
        near(found.value, close.value.unwrap());
        let (ours, wanted) = (found.standard_error.unwrap(), close.standard_error.unwrap());
        assert!((ours / wanted - 1.0).abs() < 1e-9, "{far}: {ours} {wanted}");
    }
}

#[test]
fn scores_weights_and_distances_are_checked() {
    for scores in
        [[f64::NAN, 1.0, 2.0], [1.0, f64::INFINITY, 2.0], [1.0; 3], [f64::MAX, 0.0, -f64::MAX]]
    {
        assert!(Weights::interval(&scores).is_err(), "{scores:?}");
        assert!(Weights::ratio(&scores).is_err(), "{scores:?}");
        assert!(Weights::bipolar(&scores).is_err(), "{scores:?}");
    }
    assert!(
        Weights::ratio(&[-1.0, 2.0, 3.0]).is_err() && Weights::ratio(&[0.0, 0.0, 3.0]).is_err()
    );
    assert!(Weights::bipolar(&[1.0, 1.0, 3.0]).is_err());
    for distances in [
        [0.0, f64::NAN, f64::NAN, 0.0],
        [0.0, 1.0, 2.0, 0.0],
        [0.0; 4],
        [1.0, 2.0, 2.0, 0.0],
        [0.0, -1.0, -1.0, 0.0],
    ] {
        assert_eq!(
            Weights::from_distances(2, &distances),
            Err(Error::BadDistances { categories: 2 })
        );
    }
    assert!(Weights::from_matrix(2, &[1.0, 0.5, 0.5]).is_err());
    assert!(Weights::from_matrix(0, &[]).is_err() && Weights::from_distances(0, &[]).is_err());
    let huge = Weights::interval(&[0.0, 1e-200, 2e-200]).unwrap();
    assert_eq!(huge.get(0, 1), Some(0.75));
}

#[test]
fn an_index_outside_gives_nothing() {
    let table = Table::binary(1, 2, 3, 4);
    assert_eq!((table.count(0, 1), table.count(0, 2), table.count(2, 0)), (Some(2), None, None));
    assert_eq!((Weights::linear(3).get(0, 2), Weights::linear(3).get(0, 4)), (Some(0.0), None));
    let mut changed = table.clone();
    assert_eq!(changed.set_counts(&[9]), Err(Error::CountsLength { found: 1, expected: 4 }));
    assert_eq!(changed, table);
    let ratings = Ratings::from_patterns(2, 2, [(vec![Some(0), Some(1)], 3)]).unwrap();
    assert!(
        ratings.clone().set_counts(&[1, 2]).is_err() && ratings.clone().set_counts(&[8]).is_ok()
    );
    assert!(ratings.one_against_rest(2).is_err());
    let sets = Overlap::from_rows(2, [[true, false], [true, true]]).unwrap();
    assert_eq!(sets.conditional(9, 0).value, Err(Undefined::NoSuchRater));
    assert_eq!(sets.pairwise(0, 2), Err(Undefined::NoSuchRater));
    assert_eq!(sets.marginal(2).value, Err(Undefined::NoSuchRater));
    assert_eq!(sets.conditional(1, 0).value, Ok(0.5));
    let found = resample_table(&table, &settings(100), &[PairStatistic::Phi]);
    assert_eq!(found.bca(9).value, Err(Undefined::NoSuchStatistic));
    assert!(Units::clusters(2, [vec![(5, 1)]]).is_err());
    assert_eq!(clawsig_agreement::proportion(1, 1 << 60).value, Err(Undefined::TooManySubjects));
}

fn settings(replicates: u32) -> clawsig_agreement::resampling::Resampling {
    ResamplingParams { replicates, ..Default::default() }.check().unwrap()
}

#[test]
fn no_method_gives_an_interval_without_spread() {
    let kappa = [PairStatistic::CohenKappa];
    let perfect = Table::binary(20, 0, 0, 30);
    let found = resample_table(&perfect, &settings(200), &kappa);
    let analytic = PairStatistic::CohenKappa.estimate(&perfect);
    for estimate in [found.jackknife(0), found.percentile(0), found.bca(0), analytic] {
        assert_eq!((estimate.interval, estimate.value), (None, Ok(1.0)), "{estimate:?}");
        assert_eq!(estimate.no_interval, Some(NoInterval::NoSpread));
    }
    let of = |counts: &[u64], out: &mut [Outcome]| {
        out[0] = two_raters::cohen_kappa(&Table::from_counts(2, counts.to_vec()).unwrap());
    };
    let equal = vec![vec![(0, 3), (1, 1), (2, 2), (3, 5)]; 20];
    let clusters =
        resample(&Units::clusters(4, equal).unwrap(), &settings(200), &[(-1.0, 1.0)], of);
    for estimate in [clusters.jackknife(0), clusters.percentile(0), clusters.bca(0)] {
        assert_eq!(estimate.no_interval, Some(NoInterval::NoSpread), "{estimate:?}");
    }
    let constant = resample_table(&Table::binary(30, 20, 0, 0), &settings(200), &kappa);
    for estimate in [constant.jackknife(0), constant.percentile(0), constant.bca(0)] {
        assert_eq!((estimate.value, estimate.interval), (Ok(0.0), None));
        assert!(estimate.caution.is_some(), "the caution is kept");
    }
    let nothing = resample(&Units::subjects(&[3, 4]), &settings(100), &[(-1.0, 1.0)], |_, out| {
        out[0] = Ok(f64::NAN);
    });
    for estimate in [nothing.jackknife(0), nothing.percentile(0), nothing.bca(0)] {
        assert_eq!((estimate.interval, estimate.standard_error), (None, None));
    }
    let costly = replicate(&Units::subjects(&[9, 4, 4, 9]), &settings(200), &[(-1.0, 1.0)], of);
    assert_eq!(costly.jackknife(0).no_interval, Some(NoInterval::NoMethod));
    assert!(costly.percentile(0).interval.is_some());
}

#[test]
fn other_levels_and_finite_populations() {
    let table = Table::binary(40, 9, 6, 45);
    let at = |level, population| {
        let precision = Precision::new(level, population).unwrap();
        PairStatistic::CohenKappa.estimate_with(&table, &precision)
    };
    let width = |found: Estimate| found.interval.map(|ends| ends.high - ends.low).unwrap();
    assert!(width(at(0.5, None)) < width(at(0.9, None)));
    assert!(width(at(0.9, None)) < width(at(0.99, None)));
    assert_eq!(at(0.95, None), PairStatistic::CohenKappa.estimate(&table));
    // `CAC(..., n=100, N=400)` of R's irrCAC multiplies the variance by 1 - n / N.
    let (whole, half) = (at(0.95, None), at(0.95, Some(400)));
    let ratio = half.standard_error.unwrap() / whole.standard_error.unwrap();
    assert!((ratio - 0.75_f64.sqrt()).abs() < 1e-12, "{ratio}");
    assert_eq!(at(0.95, Some(100)).no_interval, Some(NoInterval::NoSpread));
    assert_eq!(at(0.95, Some(99)).no_interval, Some(NoInterval::NoMethod));
    assert!(Precision::new(1.0, None).is_err() && Precision::new(f64::NAN, None).is_err());
    let odds = |level| {
        PairStatistic::OddsRatio.estimate_with(&table, &Precision::new(level, None).unwrap())
    };
    assert!(width(odds(0.5)) < width(odds(0.95)));
}

#[test]
fn single_ratings_are_no_evidence() {
    let rows =
        [(vec![Some(0), Some(0)], 5), (vec![Some(1), Some(1)], 5), (vec![Some(0), None], 10)];
    let ratings = Ratings::from_patterns(2, 2, rows).unwrap();
    let ac1 = multi::gwet_ac1(&ratings, &Weights::identity(2));
    assert_eq!((ac1.value, ac1.standard_error, ac1.interval), (Ok(1.0), Some(0.0), None));
    let two =
        Ratings::from_patterns(2, 2, [(vec![Some(0), Some(1)], 1), (vec![Some(1), Some(1)], 1)]);
    let ac1 = multi::gwet_ac1(&two.unwrap(), &Weights::identity(2));
    let interval = ac1.interval.unwrap();
    assert!(interval.low >= -1.0 && interval.high <= 1.0, "{interval:?}");
    let light = multi::light_kappa(&ratings);
    assert_eq!(light.n, 10, "subjects with two ratings");
}

/// With gaps the analytic standard error is near the bootstrap's.
#[test]
fn the_analytic_error_is_right_with_gaps() {
    let mut rows = Vec::new();
    for subject in 0..400_usize {
        let truth = usize::from(subject % 3 == 0);
        let rating = |rater: usize| {
            let hash = (subject * 7919 + rater * 104_729) % 1000;
            let given = if hash.is_multiple_of(10) { 1 - truth } else { truth };
            ((subject * 31 + rater * 17) % 10 >= 3).then_some(given)
        };
        rows.push(((0..3).map(rating).collect::<Vec<_>>(), 1));
    }
    let ratings = Ratings::from_patterns(3, 2, rows).unwrap();
    let weights = || Weights::identity(2);
    let statistics = [
        RatingStatistic::PercentAgreement(weights()),
        RatingStatistic::Fleiss(weights()),
        RatingStatistic::Conger(weights()),
        RatingStatistic::BrennanPrediger(weights()),
        RatingStatistic::Gwet(weights()),
        RatingStatistic::Krippendorff(Metric::Nominal),
        RatingStatistic::Krippendorff(Metric::Ordinal),
    ];
    let drawn = resample_ratings(&ratings, &settings(2000), &statistics);
    for (place, statistic) in statistics.iter().enumerate() {
        let analytic = statistic.estimate(&ratings, &Precision::default());
        let ours = analytic.standard_error.unwrap();
        let bootstrap = drawn.percentile(place).standard_error.unwrap();
        let jackknife = drawn.jackknife(place).standard_error.unwrap();
        assert!((ours / bootstrap - 1.0).abs() < 0.08, "{statistic:?}: {ours} {bootstrap}");
        assert!((ours / jackknife - 1.0).abs() < 0.03, "{statistic:?}: {ours} {jackknife}");
    }
}

/// Every way to spread so many subjects over so many cells.
fn every(cells: usize, subjects: u64) -> Vec<Vec<u64>> {
    if cells == 1 {
        return vec![vec![subjects]];
    }
    let with = |first: u64| {
        every(cells - 1, subjects - first).into_iter().map(move |mut rest| {
            rest.push(first);
            rest
        })
    };
    (0..=subjects).flat_map(with).collect()
}

/// With few subjects a value that is not 0 is no smaller than a millionth, and neither is a standard
/// error: anything below is what rounding made of 0.
fn no_noise(what: &str, found: &Estimate, range: (f64, f64)) {
    let Ok(value) = found.value else { return };
    let told = |number: f64| number == 0.0 || number.abs() > 1e-6;
    assert!(told(value) && (range.0..=range.1).contains(&value), "{what}: {found:?}");
    assert!(found.standard_error.is_none_or(told), "{what}: {found:?}");
    if let Some(ends) = found.interval {
        assert!(ends.contains(value) && ends.high - ends.low > 1e-6, "{what}: {found:?}");
    }
}

#[test]
fn rounding_makes_no_value_and_no_error_of_small_tables() {
    let models =
        [Chance::Cohen, Chance::Scott, Chance::BrennanPrediger, Chance::Gwet, Chance::Krippendorff];
    let scores = [1.0, 7.0, 8.5];
    for (q, most) in [(2, 7), (3, 3)] {
        // One less them is no number of an f64.
        let off = (0..q * q).map(|cell| if cell / q == cell % q { 1.0 } else { 0.1 });
        let all = [
            Weights::identity(q),
            Weights::linear(q),
            Weights::quadratic(q),
            Weights::radical(q),
            Weights::ordinal(q),
            Weights::circular(q),
            Weights::interval(&scores[..q]).unwrap(),
            Weights::ratio(&scores[..q]).unwrap(),
            Weights::from_matrix(q, &off.collect::<Vec<_>>()).unwrap(),
        ];
        for counts in (0..=most).flat_map(|subjects| every(q * q, subjects)) {
            let table = Table::from_counts(q, counts.clone()).unwrap();
            for weights in &all {
                for model in models {
                    let found =
                        chance_corrected_estimate(&table, weights, model, &Precision::default());
                    no_noise(&format!("{counts:?} {model:?}"), &found, model.range(weights));
                }
                let found = two_raters::cohen_kappa_test(&table, weights);
                no_noise(&format!("{counts:?}"), &found, Chance::Cohen.range(weights));
            }
            for one in PairStatistic::ALL {
                no_noise(&format!("{counts:?} {}", one.name()), &one.estimate(&table), one.range());
            }
        }
    }
}

#[test]
fn rounding_makes_no_value_and_no_error_of_few_ratings() {
    let digits = |pattern: usize, rater: u32| pattern / 3_usize.pow(rater) % 3;
    let pattern = |place: usize| -> Vec<Option<usize>> {
        (0..3).map(|rater| Some(digits(place, rater)).filter(|&digit| digit < 2)).collect()
    };
    for (a, b) in (0..27).flat_map(|a| (0..=a).map(move |b| (a, b))) {
        for (counts, c) in [([1, 1, 0], 0), ([1, 2, 0], 0), ([2, 1, 5], 4), ([3, 3, 1], 13)] {
            let rows = [(pattern(a), counts[0]), (pattern(b), counts[1]), (pattern(c), counts[2])];
            let ratings = Ratings::from_patterns(3, 2, rows.clone()).unwrap();
            let weights = || Weights::identity(2);
            for statistic in [
                RatingStatistic::PercentAgreement(weights()),
                RatingStatistic::Fleiss(weights()),
                RatingStatistic::Conger(weights()),
                RatingStatistic::Light(weights()),
                RatingStatistic::BrennanPrediger(weights()),
                RatingStatistic::Gwet(weights()),
                RatingStatistic::Krippendorff(Metric::Nominal),
                RatingStatistic::Krippendorff(Metric::Ordinal),
            ] {
                let found = statistic.estimate(&ratings, &Precision::default());
                no_noise(&format!("{rows:?} {statistic:?}"), &found, statistic.range(&ratings));
            }
        }
    }
}

#[test]
fn stuart_maxwell_of_lower_rank_has_a_value() {
    let of = |q, counts: &[u64]| {
        homogeneity::stuart_maxwell(&Table::from_counts(q, counts.to_vec()).unwrap())
    };
    let near = |found: Result<Test, Undefined>, statistic: f64, freedom: u64| {
        let found = found.unwrap();
        assert!((found.statistic - statistic).abs() < 1e-12, "{found:?}");
        assert_eq!(found.freedom, Some(freedom));
    };
    near(of(3, &[10, 3, 0, 1, 8, 0, 0, 0, 7]), 1.0, 1);
    near(of(4, &[5, 2, 0, 0, 1, 5, 0, 0, 0, 0, 5, 3, 0, 0, 1, 5]), 4.0 / 3.0, 2);
    assert_eq!(of(3, &[10, 0, 0, 0, 8, 0, 0, 0, 7]), Err(Undefined::NoDisagreement));
    let corrected = homogeneity::mcnemar_corrected(&Table::binary(10, 1, 1, 20)).unwrap();
    assert_eq!((corrected.statistic, corrected.p_value), (0.0, 1.0));
    let far = homogeneity::mcnemar_exact(&Table::binary(0, 0, 1 << 52, 0)).unwrap();
    assert_eq!(far.p_value, 1e-300, "a bound, never 0");
}

/// Leaving one subject out is the statistic without it, for every statistic of many raters.
#[test]
fn leaving_one_out_by_sums_is_the_statistic_without_it() {
    let s = Some;
    let rows = [
        (vec![s(0), s(0), None], 3),
        (vec![s(1), s(2), s(1)], 2),
        (vec![s(2), s(2), s(2)], 4),
        (vec![None, s(1), s(1)], 5),
        (vec![s(0), None, None], 2),
        (vec![None, None, None], 1),
        (vec![s(2), s(0), s(1)], 1),
    ];
    let ratings = Ratings::from_patterns(3, 3, rows).unwrap();
    let weights = || Weights::linear(3);
    let statistics = [
        RatingStatistic::PercentAgreement(weights()),
        RatingStatistic::Fleiss(weights()),
        RatingStatistic::Conger(weights()),
        RatingStatistic::Light(weights()),
        RatingStatistic::BrennanPrediger(weights()),
        RatingStatistic::Gwet(weights()),
        RatingStatistic::Krippendorff(Metric::Ordinal),
        RatingStatistic::Krippendorff(Metric::Distance(weights())),
    ];
    let fast = resample_ratings(&ratings, &settings(100), &statistics);
    let ranges: Vec<_> = statistics.iter().map(|one| one.range(&ratings)).collect();
    let slow =
        resample(&Units::subjects(ratings.counts()), &settings(100), &ranges, |counts, out| {
            let mut drawn = ratings.clone();
            drawn.set_counts(counts).unwrap();
            for (slot, statistic) in out.iter_mut().zip(&statistics) {
                *slot = statistic.value(&drawn);
            }
        });
    for place in 0..statistics.len() {
        let (a, b) = (fast.jackknife(place), slow.jackknife(place));
        assert_eq!(a.value, b.value, "{place}");
        let (x, y) = (a.standard_error.unwrap(), b.standard_error.unwrap());
        assert!((x / y - 1.0).abs() < 1e-12, "{place}: {x} {y}");
        assert_eq!(fast.percentile(place).interval, slow.percentile(place).interval);
    }
}
