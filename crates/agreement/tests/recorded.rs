//! Every statistic by every method on small tables, ratings and scores, held against its record. The other
//! tests hold values against other programs and exact arithmetic; this one also holds what those do not
//! give: reasons, cautions, intervals from resampling.
//!
//! `UPDATE_RECORDS=1 cargo test -p clawsig-agreement` writes the record anew; read it before it is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::fmt::Write;

use clawsig_agreement::{
    Estimate, Outcome, Overlap, PairStatistic, Precision, Ratings, Scale, Table, Undefined,
    Weights,
    homogeneity::{self, Test},
    latent::{LatentParams, dawid_skene, degrees_of_freedom},
    multi::{Metric, RatingStatistic},
    resampling::{
        Resampling, ResamplingParams, Units, resample_rating_units, resample_ratings,
        resample_table,
    },
    scores::{Design, Scores, Unit},
    two_raters,
};
use clawsig_test_record::{compare, rounded};
use serde_json::{Value, json};

fn line(out: &mut String, name: &str, value: &Value) {
    writeln!(out, "{name}: {}", rounded(value, &|_| true)).unwrap();
}

fn outcome(out: &mut String, name: &str, found: Outcome) {
    line(out, name, &found.map_or_else(|why| json!(why.to_string()), |value| json!(value)));
}

fn shown(found: &Estimate) -> Value {
    if let Err(why) = found.value {
        return json!({"n": found.n, "undefined": why.to_string()});
    }
    json!({
        "value": found.value.ok(),
        "standard_error": found.standard_error,
        "low": found.interval.map(|interval| interval.low),
        "high": found.interval.map(|interval| interval.high),
        "no_interval": found.no_interval.map(|why| why.reason()),
        "n": found.n,
        "method": found.method.map(|method| method.as_str()),
        "p_value": found.p_value,
        "caution": found.caution.map(|caution| caution.to_string()),
    })
}

fn test(out: &mut String, name: &str, found: Result<Test, Undefined>) {
    let found = found.map(|test| json!([test.statistic, test.freedom, test.p_value]));
    line(out, name, &found.unwrap_or_else(|why| json!(why.to_string())));
}

fn settings() -> Resampling {
    ResamplingParams { replicates: 200, seed: 5, level: 0.9 }.check().unwrap()
}

fn table_record(out: &mut String, categories: usize, counts: &[u64]) {
    writeln!(out, "\n# table {counts:?}").unwrap();
    let table = Table::from_counts(categories, counts.to_vec()).unwrap();
    let few = Precision::new(0.9, Some(1_000)).unwrap();
    let resampled = resample_table(&table, &settings(), PairStatistic::ALL);
    for (place, statistic) in PairStatistic::ALL.iter().enumerate() {
        let name = statistic.name();
        line(out, name, &shown(&statistic.estimate(&table)));
        line(out, &format!("{name}, of 1000"), &shown(&statistic.estimate_with(&table, &few)));
        for found in [resampled.jackknife(place), resampled.percentile(place), resampled.bca(place)]
        {
            line(out, name, &shown(&found));
        }
    }
    let weights = Weights::quadratic(categories);
    line(out, "test of kappa", &shown(&two_raters::cohen_kappa_test(&table, &weights)));
    outcome(out, "weighted kappa", two_raters::weighted_kappa(&table, &weights));
    outcome(out, "AC2", two_raters::gwet_ac2(&table, &weights));
    test(out, "mcnemar, exact", homogeneity::mcnemar_exact(&table));
    test(out, "mcnemar, corrected", homogeneity::mcnemar_corrected(&table));
    test(out, "mcnemar", homogeneity::mcnemar_uncorrected(&table));
    test(out, "stuart and maxwell", homogeneity::stuart_maxwell(&table));
    test(out, "bhapkar", homogeneity::bhapkar(&table));
    test(out, "bowker", homogeneity::bowker(&table));
}

fn ratings_record(out: &mut String, name: &str, ratings: &Ratings) {
    writeln!(out, "\n# ratings, {name}").unwrap();
    let q = ratings.categories();
    let statistics = |weights: Weights| {
        [
            RatingStatistic::PercentAgreement(weights.clone()),
            RatingStatistic::Fleiss(weights.clone()),
            RatingStatistic::Conger(weights.clone()),
            RatingStatistic::Light(weights.clone()),
            RatingStatistic::BrennanPrediger(weights.clone()),
            RatingStatistic::Gwet(weights.clone()),
            RatingStatistic::Krippendorff(Metric::Distance(weights)),
        ]
    };
    let plain =
        ["percent", "fleiss", "conger", "light", "brennan_prediger", "gwet", "krippendorff"];
    let mut all = Vec::new();
    for (weights, of) in [("identity", Weights::identity(q)), ("linear", Weights::linear(q))] {
        all.extend(plain.map(|name| format!("{name}, {weights}")).into_iter().zip(statistics(of)));
    }
    for (name, metric) in [("nominal", Metric::Nominal), ("ordinal", Metric::Ordinal)] {
        all.push((format!("krippendorff, {name}"), RatingStatistic::Krippendorff(metric)));
    }
    let (names, all): (Vec<String>, Vec<RatingStatistic>) = all.into_iter().unzip();
    let counts: Vec<(usize, u64)> = ratings.counts().iter().copied().enumerate().collect();
    let owners = counts.chunks(2).map(<[_]>::to_vec);
    let clusters = Units::clusters(counts.len(), owners).unwrap();
    let by_subject = resample_ratings(ratings, &settings(), &all);
    let by_cluster = resample_rating_units(ratings, &clusters, &settings(), &all);
    let few = Precision::new(0.9, Some(50)).unwrap();
    for (place, (statistic, name)) in all.iter().zip(&names).enumerate() {
        line(out, name, &shown(&statistic.estimate(ratings, &Precision::default())));
        line(out, &format!("{name}, of 50"), &shown(&statistic.estimate(ratings, &few)));
        for resampled in [&by_subject, &by_cluster] {
            line(out, name, &shown(&resampled.jackknife(place)));
            line(out, name, &shown(&resampled.percentile(place)));
            line(out, name, &shown(&resampled.bca(place)));
        }
    }
    test(out, "cochran", homogeneity::cochran_q(ratings));
    let model = dawid_skene(ratings, &LatentParams::default().check().unwrap());
    let model = model.map(|model| {
        json!({
            "prevalence": model.prevalence,
            "confusion": model.confusion,
            "log_likelihood": model.log_likelihood,
            "converged": model.converged,
            "degrees_of_freedom": model.degrees_of_freedom,
            "solution": format!("{:?}", model.solution),
            "fit_p_value": model.fit_p_value,
            "doubts": model.doubts.iter().map(|doubt| doubt.reason()).collect::<Vec<_>>(),
            "posterior": model.posterior(&vec![Some(0); ratings.raters()]),
        })
    });
    line(out, "latent classes", &model.unwrap_or_else(|why| json!(why.to_string())));
}

#[test]
fn tables_are_as_they_are_on_record() {
    let mut found = String::new();
    for (categories, counts) in [
        (2, vec![0; 4]),
        (2, vec![1, 0, 0, 0]),
        (2, vec![5, 0, 0, 5]),
        (2, vec![0, 3, 4, 0]),
        (2, vec![7, 2, 3, 20]),
        (2, vec![6, 0, 5, 30]),
        (2, vec![4, 9, 0, 0]),
        (2, vec![303, 2_905, 4_112, 67_453]),
        (3, vec![10, 2, 1, 3, 12, 4, 0, 5, 9]),
        (3, vec![8, 0, 1, 2, 0, 3, 0, 0, 6]),
    ] {
        table_record(&mut found, categories, &counts);
    }
    compare("tests/recorded_tables.txt", &found);
}

#[test]
fn ratings_are_as_they_are_on_record() {
    let mut found = String::new();
    let (no, a, b, c) = (None, Some(0), Some(1), Some(2));
    let binary = [
        (vec![a, a, a], 40),
        (vec![a, a, b], 6),
        (vec![a, b, a], 4),
        (vec![b, a, a], 5),
        (vec![a, b, b], 3),
        (vec![b, a, b], 2),
        (vec![b, b, a], 3),
        (vec![b, b, b], 12),
    ];
    let gaps = [
        (vec![a, a, no, b], 5),
        (vec![b, b, b, no], 7),
        (vec![c, b, c, c], 4),
        (vec![no, no, a, no], 2),
        (vec![c, c, no, c], 6),
        (vec![a, a, a, a], 9),
        (vec![b, c, b, b], 3),
        (vec![no, a, c, a], 1),
    ];
    let unrated = [(vec![a, no, b], 4), (vec![b, no, b], 6), (vec![a, no, a], 5)];
    let constant = [(vec![a, a], 9)];
    for (name, ratings) in [
        ("two categories", Ratings::from_patterns(3, 2, binary)),
        ("three categories with gaps", Ratings::from_patterns(4, 3, gaps)),
        ("a rater without a rating", Ratings::from_patterns(3, 2, unrated)),
        ("one category", Ratings::from_patterns(2, 2, constant)),
        ("none", Ratings::from_patterns(2, 2, [])),
        (
            "unknown raters",
            Ratings::from_category_counts(
                3,
                [[3, 0, 1], [0, 4, 0], [1, 1, 2], [0, 0, 3], [2, 0, 0]],
            ),
        ),
    ] {
        ratings_record(&mut found, name, &ratings.unwrap());
    }
    for (raters, categories) in [(2, 2), (3, 2), (4, 3), (64, 200)] {
        let free = degrees_of_freedom(raters, categories);
        writeln!(found, "{raters} raters, {categories} categories: {free}").unwrap();
    }
    compare("tests/recorded_ratings.txt", &found);
}

#[test]
fn scores_overlap_and_words_are_as_they_are_on_record() {
    let mut found = String::new();
    let rows = [
        vec![9.0, 2.0, 5.0, 8.0],
        vec![6.0, 1.0, 3.0, 2.0],
        vec![8.0, 4.0, 6.0, 8.5],
        vec![7.0, 1.0, 2.0, 6.0],
        vec![10.0, 5.0, 6.0, 9.0],
        vec![6.0, 2.0, 4.0, 7.0],
    ];
    let same = vec![vec![1.0, 1.0]; 3];
    let opposed = vec![vec![1.0, 3.0], vec![2.0, 2.0], vec![3.0, 1.0]];
    for (name, rows) in [
        ("six", rows.to_vec()),
        ("equal", same),
        ("opposed", opposed),
        ("one", rows[..1].to_vec()),
        ("none", Vec::new()),
    ] {
        let scores = Scores::new(rows).unwrap();
        writeln!(found, "\n# scores, {name}").unwrap();
        for design in [Design::OneWay, Design::TwoWayRandom, Design::TwoWayMixed] {
            for unit in [Unit::Single, Unit::Mean] {
                let estimate = scores.intraclass(design, unit, 0.95);
                line(&mut found, &format!("{design:?}, {unit:?}"), &shown(&estimate));
            }
        }
        let concordance = scores.kendall_w();
        outcome(&mut found, "kendall", concordance.map(|(w, _)| w));
        test(&mut found, "test", concordance.map(|(_, test)| test));
    }
    let flags = |bits: u32| [0, 1, 2, 3].map(|rater| bits >> rater & 1 == 1);
    for (name, rows) in [
        ("some", (0..40_u32).map(|n| flags(n * n % 13)).collect()),
        ("no flag", vec![[false; 4]; 3]),
        ("none", Vec::new()),
    ] {
        let overlap = Overlap::from_rows(4, rows).unwrap();
        writeln!(found, "\n# overlap, {name}").unwrap();
        let counts = json!([overlap.subjects(), overlap.union(), overlap.intersection()]);
        line(&mut found, "subjects, union, intersection", &counts);
        line(&mut found, "total", &shown(&overlap.total_overlap()));
        for a in 0..5 {
            line(&mut found, "flagged", &json!([overlap.flagged(a), overlap.unique(a)]));
            line(&mut found, "exactly", &json!(overlap.flagged_by_exactly(a)));
            line(&mut found, "marginal", &shown(&overlap.marginal(a)));
            for b in 0..5 {
                outcome(&mut found, &format!("{a} and {b}"), overlap.pairwise(a, b));
                line(&mut found, &format!("{a} given {b}"), &shown(&overlap.conditional(a, b)));
            }
        }
        for step in overlap.coverage() {
            line(&mut found, "coverage", &json!([step.rater, step.added, step.covered]));
        }
    }
    writeln!(found, "\n# words").unwrap();
    for &scale in Scale::ALL {
        for value in [-1.0, -0.01, 0.0, 0.2, 0.21, 0.4, 0.41, 0.6, 0.75, 0.81, 1.0] {
            let benchmark = scale.benchmark(value, 0.1);
            let word = scale.benchmark_word(value, 0.1);
            let words = json!({"word": scale.word(value), "benchmark": benchmark, "read": word});
            line(&mut found, &format!("{} {value}", scale.name()), &words);
        }
    }
    compare("tests/recorded_scores.txt", &found);
}
