//! Coefficients, errors and intervals that irrCAC printed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Chance, Estimate, NoInterval, PairStatistic, Precision, RatingStatistic, Ratings, Table,
    Weights, multi::Metric, two_raters::chance_corrected_estimate,
};

/// `irrCAC.table.CAC(table, weights, confidence_level)`, irrCAC 0.4.4: value, standard error and the
/// ends at 95, 90 and 99 %. Scott's pi and alpha of the first table vary in no direction; irrCAC's
/// error is NaN there.
#[test]
fn weighted_coefficients_below_minus_1_equal_irrcac() {
    let first = Table::from_counts(3, vec![0, 0, 10, 0, 1, 0, 9, 0, 0]).unwrap();
    let counts = vec![0, 9, 0, 0, 11, 0, 0, 0, 0, 0, 0, 12, 0, 0, 10, 0];
    let second = Table::from_counts(4, counts).unwrap();
    let own = [1.0, 0.1, 0.9, 0.8, 0.1, 1.0, 0.9, 0.9, 0.9, 0.9, 1.0, 0.0, 0.8, 0.9, 0.0, 1.0];
    let own = Weights::from_matrix(4, &own).unwrap();
    let quadratic = Weights::quadratic(3);
    let levels = [0.95, 0.9, 0.99];
    let cases = [
        (
            &first,
            &quadratic,
            Chance::Cohen,
            -0.994_750_656_168,
            0.045_580_137,
            [
                (-1.090_150_979_313, -0.899_350_333_023),
                (-1.073_564_766_609, -0.915_936_545_727),
                (-1.125_152_447_478, -0.864_348_864_858),
            ],
        ),
        (
            &first,
            &quadratic,
            Chance::BrennanPrediger,
            -1.85,
            0.146_201_915_172,
            [
                (-2.156_004_125_256, -1.543_995_874_744),
                (-2.102_802_528_631, -1.597_197_471_369),
                (-2.268_274_118_645, -1.431_725_881_355),
            ],
        ),
        (
            &first,
            &quadratic,
            Chance::Gwet,
            -1.093_663_911_846,
            0.083_732_68,
            [
                (-1.268_918_42, -0.918_409_4),
                (-1.238_448_83, -0.948_878_99),
                (-1.333_217_63, -0.854_110_2),
            ],
        ),
        (
            &second,
            &own,
            Chance::Cohen,
            -2.136_669_156_087,
            0.079_662_105_369,
            [
                (-2.297_550_041_156, -1.975_788_271_017),
                (-2.270_730_760_678, -2.002_607_551_495),
                (-2.351_850_945_713, -1.921_487_366_46),
            ],
        ),
        (
            &second,
            &own,
            Chance::Scott,
            -2.157_894_736_842,
            0.041_691_492_64,
            [
                (-2.242_092_414_078, -2.073_697_059_606),
                (-2.228_056_432_61, -2.087_733_041_074),
                (-2.270_511_017_28, -2.045_278_456_404),
            ],
        ),
        (
            &second,
            &own,
            Chance::BrennanPrediger,
            -2.174_603_174_603,
            0.025_688_050_594,
            [
                (-2.226_481_245_063, -2.122_725_104_144),
                (-2.217_833_029_821, -2.131_373_319_385),
                (-2.243_991_256_593, -2.105_215_092_613),
            ],
        ),
        (
            &second,
            &own,
            Chance::Gwet,
            -2.169_014_084_507,
            0.010_473_83,
            [
                (-2.190_166_41, -2.147_861_76),
                (-2.186_640_26, -2.151_387_91),
                (-2.197_305_8, -2.140_722_37),
            ],
        ),
        (
            &second,
            &own,
            Chance::Krippendorff,
            -2.120_300_751_88,
            0.041_691_492_64,
            [
                (-2.204_498_429_116, -2.036_103_074_643),
                (-2.190_462_447_648, -2.050_139_056_111),
                (-2.232_917_032_317, -2.007_684_471_442),
            ],
        ),
    ];
    for (table, weights, model, value, error, ends) in cases {
        for (level, (low, high)) in levels.into_iter().zip(ends) {
            let precision = Precision::new(level, None).unwrap();
            let found = chance_corrected_estimate(table, weights, model, &precision);
            let interval = found.interval.unwrap();
            let ours = [found.value.unwrap(), found.standard_error.unwrap()];
            for (ours, theirs) in ours.into_iter().zip([value, error]) {
                assert!((ours - theirs).abs() < 1e-8, "{model:?} {level}: {ours} {theirs}");
            }
            let apart = (interval.low - low).abs().max((interval.high - high).abs());
            assert!(apart < 2e-8, "{model:?} {level}: {interval:?}");
        }
    }
    for (model, value) in [(Chance::Scott, -1.0), (Chance::Krippendorff, -0.95)] {
        let found = chance_corrected_estimate(&first, &quadratic, model, &Precision::default());
        assert!((found.value.unwrap() - value).abs() < 1e-12, "{found:?}");
        assert_eq!((found.interval, found.no_interval), (None, Some(NoInterval::NoSpread)));
    }
}

/// `irrCAC.table.CAC` and `irrCAC.raw.CAC` at two other levels, irrCAC 0.4.4.
#[test]
fn intervals_at_other_levels_equal_irrcac() {
    let close = |what: &str, found: Estimate, (low, high): (f64, f64)| {
        let ends = found.interval.unwrap();
        let apart = (ends.low - low).abs().max((ends.high - high).abs());
        assert!(apart < 1e-8, "{what}: {ends:?}");
    };
    let table = Table::binary(40, 9, 6, 45);
    let rows = [
        ([0, 0, 0], 14),
        ([0, 1, 0], 5),
        ([1, 1, 0], 3),
        ([1, 1, 1], 9),
        ([2, 2, 1], 2),
        ([2, 2, 2], 7),
    ];
    let rows = rows.map(|(row, count)| (row.map(Some).to_vec(), count));
    let ratings = Ratings::from_patterns(3, 3, rows).unwrap();
    let weights = || Weights::identity(3);
    for (level, pair, many) in [
        (
            0.9,
            [
                (PairStatistic::CohenKappa, (0.580_977_924_251, 0.818_060_537_287)),
                (PairStatistic::ScottPi, (0.580_391_105_373, 0.818_105_135_228)),
                (PairStatistic::BrennanPrediger, (0.581_424_353_961, 0.818_575_646_039)),
                (PairStatistic::GwetAc1, (0.582_276_23, 0.819_220_03)),
            ],
            [
                (RatingStatistic::Conger(weights()), (0.618_440_666_339, 0.861_741_269_983)),
                (RatingStatistic::Fleiss(weights()), (0.612_621_517_755, 0.862_788_318_31)),
                (
                    RatingStatistic::BrennanPrediger(weights()),
                    (0.633_174_930_075, 0.866_825_069_925),
                ),
                (RatingStatistic::Gwet(weights()), (0.641_573_730_425, 0.869_876_651_255)),
                (
                    RatingStatistic::Krippendorff(Metric::Nominal),
                    (0.614_807_310_105, 0.864_974_110_66),
                ),
            ],
        ),
        (
            0.99,
            [
                (PairStatistic::CohenKappa, (0.512_010_683_087, 0.887_027_778_451)),
                (PairStatistic::ScottPi, (0.511_240_185_298, 0.887_256_055_303)),
                (PairStatistic::BrennanPrediger, (0.512_437_134_089, 0.887_562_865_911)),
                (PairStatistic::GwetAc1, (0.513_349_36, 0.888_146_9)),
            ],
            [
                (RatingStatistic::Conger(weights()), (0.544_575_910_534, 0.935_606_025_789)),
                (RatingStatistic::Fleiss(weights()), (0.536_672_221_466, 0.938_737_614_6)),
                (
                    RatingStatistic::BrennanPrediger(weights()),
                    (0.562_240_003_218, 0.937_759_996_782),
                ),
                (RatingStatistic::Gwet(weights()), (0.572_262_190_527, 0.939_188_191_153)),
                (
                    RatingStatistic::Krippendorff(Metric::Nominal),
                    (0.538_858_013_816, 0.940_923_406_949),
                ),
            ],
        ),
    ] {
        let precision = Precision::new(level, None).unwrap();
        for (statistic, ends) in pair {
            close(statistic.name(), statistic.estimate_with(&table, &precision), ends);
        }
        for (statistic, ends) in many {
            close(&format!("{statistic:?}"), statistic.estimate(&ratings, &precision), ends);
        }
    }
}
