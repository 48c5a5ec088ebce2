//! Numbers of the further statistics, printed by irrCAC 0.4.4, krippendorff 0.9.0, statsmodels 0.15.0,
//! SciPy 1.12.0 and pingouin 0.6.1 (tests/peers/further.py has the calls).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Chance, Estimate, Precision, RatingStatistic, Ratings, Table, Weights,
    homogeneity::{self, Test},
    multi::{self, Metric},
    scores::{Design, Scores, Unit},
    two_raters,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/further.json")).unwrap()
}

fn near(what: &str, ours: f64, theirs: &Value, tolerance: f64) {
    let theirs = theirs.as_f64().unwrap();
    let apart = (ours - theirs).abs();
    assert!(apart <= tolerance * theirs.abs().max(1.0), "{what}: {ours} but the peer has {theirs}");
}

fn estimate(what: &str, ours: &Estimate, theirs: &Value) {
    near(what, ours.value.unwrap(), &theirs[0], 1e-9);
    near(&format!("{what} se"), ours.standard_error.unwrap(), &theirs[1], 1e-9);
}

fn test(what: &str, ours: Test, theirs: &Value) {
    near(what, ours.statistic, &theirs[0], 1e-9);
    assert!((ours.p_value / theirs[1].as_f64().unwrap() - 1.0).abs() < 1e-9, "{what} p");
    assert_eq!(ours.freedom, theirs[2].as_u64(), "{what} degrees of freedom");
}

fn scheme(name: &str, q: usize) -> Weights {
    let ranks: Vec<f64> = (1..=q).map(|rank| rank as f64).collect();
    match name {
        "radical" => Weights::radical(q),
        "circular" => Weights::circular(q),
        "ratio" => Weights::ratio(&ranks).unwrap(),
        "bipolar" => Weights::bipolar(&ranks).unwrap(),
        other => panic!("unknown weights {other}"),
    }
}

#[test]
fn weights_symmetry_and_homogeneity_of_tables() {
    let golden = golden();
    let tables = golden["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 3);
    for entry in tables {
        let rows: Vec<Vec<u64>> = serde_json::from_value(entry["counts"].clone()).unwrap();
        let q = rows.len();
        let table = Table::from_counts(q, rows.concat()).unwrap();
        for name in ["radical", "ratio", "circular", "bipolar"] {
            let models =
                [("cohen", Chance::Cohen), ("gwet", Chance::Gwet), ("bp", Chance::BrennanPrediger)];
            for (key, model) in models {
                let found = two_raters::chance_corrected_estimate(
                    &table,
                    &scheme(name, q),
                    model,
                    &Precision::default(),
                );
                let what = format!("{key}_{name}");
                estimate(&what, &found, &entry[&what]);
            }
        }
        test("bowker", homogeneity::bowker(&table).unwrap(), &entry["bowker"]);
        test("bhapkar", homogeneity::bhapkar(&table).unwrap(), &entry["bhapkar"]);
        for (key, weights) in
            [("kappa_null", Weights::identity(q)), ("kappa_null_linear", Weights::linear(q))]
        {
            let found = two_raters::cohen_kappa_test(&table, &weights);
            near(key, found.standard_error.unwrap(), &entry[key][0], 1e-12);
            let p = entry[key][1].as_f64().unwrap();
            assert!(
                (found.p_value.unwrap() / p - 1.0).abs() < 1e-8,
                "{key} {:?} {p}",
                found.p_value
            );
        }
    }
}

#[test]
fn metrics_counts_ranks_and_scores_of_many_raters() {
    let golden = golden();
    let sets = golden["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 2);
    for entry in sets {
        let q = entry["categories"].as_u64().unwrap() as usize;
        let rows: Vec<Vec<Option<usize>>> = serde_json::from_value(entry["rows"].clone()).unwrap();
        let raters = rows[0].len();
        let ratings =
            Ratings::from_patterns(raters, q, rows.into_iter().map(|row| (row, 1))).unwrap();
        let ranks: Vec<f64> = (1..=q).map(|rank| rank as f64).collect();
        let root: Vec<f64> =
            (0..q * q).map(|cell| ((cell / q).abs_diff(cell % q) as f64).sqrt()).collect();
        let metrics = [
            ("nominal", Metric::Nominal),
            ("ordinal", Metric::Ordinal),
            ("interval", Metric::Distance(Weights::interval(&ranks).unwrap())),
            ("ratio", Metric::Distance(Weights::ratio(&ranks).unwrap())),
            ("circular", Metric::Distance(Weights::circular(q))),
            ("root", Metric::Distance(Weights::from_distances(q, &root).unwrap())),
        ];
        for (key, metric) in metrics {
            near(
                key,
                multi::krippendorff_alpha(&ratings, &metric).value.unwrap(),
                &entry[key],
                1e-9,
            );
        }
        let weights = Weights::radical(q);
        estimate("fleiss", &multi::fleiss_kappa(&ratings, &weights), &entry["fleiss_radical"]);
        estimate("gwet", &multi::gwet_ac1(&ratings, &weights), &entry["gwet_radical"]);
        estimate("conger", &multi::conger_kappa(&ratings, &weights), &entry["conger_radical"]);

        let counts: Vec<Vec<u32>> = serde_json::from_value(entry["counts"].clone()).unwrap();
        let unnamed = Ratings::from_category_counts(q, counts).unwrap();
        let fleiss = |ratings: &Ratings| {
            RatingStatistic::Fleiss(Weights::identity(ratings.categories())).value(ratings).unwrap()
        };
        near("fleiss of counts", fleiss(&unnamed), &entry["fleiss_counts"], 1e-12);
        for (category, theirs) in entry["fleiss_category"].as_array().unwrap().iter().enumerate() {
            let own = unnamed.one_against_rest(category).unwrap();
            near("fleiss of a category", fleiss(&own), theirs, 1e-12);
        }
        let binary: Vec<Vec<usize>> = serde_json::from_value(entry["binary"].clone()).unwrap();
        let binary = binary.into_iter().map(|row| (row.into_iter().map(Some).collect(), 1));
        let binary = Ratings::from_patterns(raters, 2, binary.collect::<Vec<_>>()).unwrap();
        test("cochran", homogeneity::cochran_q(&binary).unwrap(), &entry["cochran"]);

        let scores: Vec<Vec<f64>> = serde_json::from_value(entry["scores"].clone()).unwrap();
        let scores = Scores::new(scores).unwrap();
        let (w, found) = scores.kendall_w().unwrap();
        near("kendall", w, &entry["kendall"][0], 1e-12);
        near("kendall p", found.p_value, &entry["kendall"][1], 1e-9);
        let designs = [Design::OneWay, Design::TwoWayRandom, Design::TwoWayMixed];
        for (place, unit) in [Unit::Single, Unit::Mean].into_iter().enumerate() {
            for (form, design) in designs.into_iter().enumerate() {
                let theirs = &entry["icc"][place * 3 + form];
                let ours = scores.intraclass(design, unit, 0.95);
                let what = format!("{design:?} {unit:?}");
                near(&what, ours.value.unwrap(), &theirs[0], 1e-9);
                near(&format!("{what} p"), ours.p_value.unwrap(), &theirs[2], 1e-9);
                let ends = ours.interval.unwrap();
                // pingouin rounds its ends to two digits.
                near(&format!("{what} low"), ends.low, &theirs[3], 0.005_000_1);
                near(&format!("{what} high"), ends.high, &theirs[4], 0.005_000_1);
            }
        }
    }
}

/// A power of two changes no digit of a score, and so nothing of what does not depend on its unit.
#[test]
fn the_unit_of_scores_changes_nothing() {
    use clawsig_agreement::NoInterval;
    let rows = [[9.0, 2.0, 5.0], [6.0, 1.0, 3.0], [8.0, 4.0, 6.0], [7.0, 1.0, 2.0]];
    let at = |power: i32| Scores::new(rows.map(|row| row.map(|x| x * 2_f64.powi(power)))).unwrap();
    for power in [-1_000, -600, 600, 1_000] {
        for design in [Design::OneWay, Design::TwoWayRandom, Design::TwoWayMixed] {
            for unit in [Unit::Single, Unit::Mean] {
                let found = at(power).intraclass(design, unit, 0.95);
                assert_eq!(found, at(0).intraclass(design, unit, 0.95), "{power}");
            }
        }
        assert_eq!(at(power).kendall_w(), at(0).kendall_w());
    }
    let ends = Scores::new([[f64::MAX, -f64::MAX], [0.0, 5e-324]]).unwrap();
    let found = ends.intraclass(Design::OneWay, Unit::Single, 0.95);
    assert!((found.value.unwrap() + 1.0).abs() < 1e-12, "{found:?}");
    for level in [0.0, 0.49, 1.0, 7.0, f64::NAN] {
        let found = at(0).intraclass(Design::OneWay, Unit::Mean, level);
        assert_eq!((found.interval, found.no_interval), (None, Some(NoInterval::NoMethod)));
    }
}

#[test]
fn scores_without_variation_or_with_nonsense_have_a_reason() {
    use clawsig_agreement::{Error, NoInterval, Undefined};
    let of = |rows: &[[f64; 2]]| Scores::new(rows.iter());
    assert_eq!(
        of(&[[1.0, f64::NAN]]).unwrap_err().to_string(),
        "subject 0 has the score NaN of rater 1, expected a finite number"
    );
    assert!(matches!(Scores::new([vec![1.0], vec![1.0, 2.0]]), Err(Error::RaterCount { .. })));
    let flat = of(&[[2.0, 2.0], [2.0, 2.0]]).unwrap();
    let icc = |scores: &Scores, design| scores.intraclass(design, Unit::Single, 0.95);
    assert_eq!(icc(&flat, Design::OneWay).value, Err(Undefined::NoVariation));
    assert_eq!(flat.kendall_w(), Err(Undefined::NoVariation));
    let perfect = of(&[[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]).unwrap();
    let found = icc(&perfect, Design::TwoWayRandom);
    assert_eq!((found.value, found.interval), (Ok(1.0), None));
    assert_eq!(found.no_interval, Some(NoInterval::AtLimit));
    assert_eq!(perfect.kendall_w().unwrap().0, 1.0);
    let crossed = of(&[[1.0, 2.0], [2.0, 1.0]]).unwrap();
    let mean = crossed.intraclass(Design::OneWay, Unit::Mean, 0.95);
    assert_eq!(mean.value, Err(Undefined::NoVariance));
    let found = icc(&crossed, Design::TwoWayMixed);
    assert_eq!((found.value, found.no_interval), (Ok(-1.0), Some(NoInterval::AtLimit)));
    let one = of(&[[1.0, 2.0]]).unwrap();
    assert_eq!(icc(&one, Design::OneWay).value, Err(Undefined::TooFewSubjects));
    assert_eq!(one.kendall_w(), Err(Undefined::TooFewSubjects));
    let lone = Scores::new([[1.0], [2.0]]).unwrap();
    assert_eq!(icc(&lone, Design::OneWay).value, Err(Undefined::TooFewRaters));
}
