//! The tables and sentences of the structs that cross between stages, read from the JSON that a stage would write.
#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use clawsig_schema::{
    agreement::AgreementResults,
    evaluation::{EvaluationResults, ModelName},
};
use serde_json::{Value, json};

/// An estimate that has ends of its own.
fn estimate(value: f64) -> Value {
    json!({"value": value, "low": value / 2.0, "high": value * 1.5, "n": 40, "note": "few rows"})
}

fn named(statistic: &str, value: f64) -> Value {
    let mut named = estimate(value);
    named["statistic"] = json!(statistic);
    named
}

fn agreement() -> AgreementResults {
    let counts = json!({"both": 1, "only_a": 2, "only_b": 3, "neither": 4});
    let pair = json!({
        "a": "static", "b": "virustotal", "counts": counts,
        "statistics": [named("jaccard", 0.25), named("mcnemar_exact", 0.5)],
        "intervals": [named("jaccard", 0.375)],
        "readings": [],
    });
    let overlap = json!({
        "scanners": ["static", "virustotal"], "rows": 40, "union": 9, "flagged_by": [],
        "total_overlap": estimate(0.5), "conditional": [], "unique": [],
        "coverage": [
            {"scanner": "static", "added": 7, "covered": 7, "share": estimate(0.75)},
            {"scanner": "virustotal", "added": 2, "covered": 9, "share": estimate(1.0)},
        ],
    });
    let slice = |name: &str| {
        json!({
            "name": name, "kind": "overall", "rule": "status", "missing": "negative", "rows": 40,
            "owners": 3, "raters": [], "pairs": [pair], "scanners": [],
            "patterns": [{"flags": [true, null, false], "rows": 6, "share": 0.6}],
            "overlap": overlap,
        })
    };
    serde_json::from_value(json!({
        "format": "1.0",
        "parameters": {
            "rule": "status", "missing": "negative", "replicates": 20, "seed": 1, "level": 0.95,
            "top": 5,
        },
        "rows": 40, "owners": 3, "raters": ["static", "virustotal"], "unrated": [],
        "slices": [slice("all"), slice("split=test")],
        "by_verdict": [],
        "sweep": [{
            "scanner": "virustotal", "quantity": "engines", "threshold": 2.0, "other": "static",
            "counts": counts, "rate": estimate(0.125), "cohen_kappa": estimate(0.25),
            "gwet_ac1": estimate(0.5), "jaccard": estimate(0.75),
        }],
        "latent": [{
            "model": "scanners", "raters": ["static"], "assumptions": [],
            "prevalence": estimate(0.25),
            "rates": [
                {"rater": "static", "sensitivity": estimate(0.5), "specificity": estimate(0.75)},
            ],
            "rows": 40, "iterations": 5, "converged": true, "degrees_of_freedom": 0,
            "doubts": ["three raters"],
        }],
        "disagreements": [],
    }))
    .unwrap()
}

#[test]
fn a_table_has_a_row_for_every_figure() {
    let found = agreement();
    let pairs: Vec<_> = found.pair_rows().collect();
    let places: Vec<_> =
        pairs.iter().map(|row| (row.slice.as_str(), row.statistic.as_str())).collect();
    let once = ["jaccard", "mcnemar_exact"];
    let expected: Vec<_> = ["all", "split=test"]
        .into_iter()
        .flat_map(|slice| once.map(|name| (slice, name)))
        .collect();
    assert_eq!(places, expected);
    let first = &pairs[0];
    assert_eq!((first.a.as_str(), first.b.as_str(), first.n), ("static", "virustotal", 40));
    assert_eq!((first.value, first.low, first.high), (Some(0.25), Some(0.125), Some(0.375)));
    assert_eq!(first.note.as_deref(), Some("few rows"));
    assert_eq!(found.interval_rows().map(|row| row.value).collect::<Vec<_>>(), [Some(0.375); 2]);

    let patterns: Vec<_> = found.pattern_rows().collect();
    assert_eq!(patterns.len(), 2);
    let one = &patterns[1];
    assert_eq!((one.slice.as_str(), one.rows, one.share), ("split=test", 6, 0.6));
    assert_eq!((one.static_scan, one.virustotal, one.skillspector), (Some(1), None, Some(0)));

    let sweep: Vec<_> = found.sweep_rows().map(|row| (row.statistic, row.value)).collect();
    let expected = [("rate", 0.125), ("cohen_kappa", 0.25), ("gwet_ac1", 0.5), ("jaccard", 0.75)];
    assert_eq!(sweep, expected.map(|(name, value)| (name.to_owned(), Some(value))));

    let latent: Vec<_> = found.latent_rows().collect();
    let values: Vec<_> =
        latent.iter().map(|row| (row.rater.as_str(), row.statistic.as_str(), row.value)).collect();
    let expected = [
        ("", "prevalence", Some(0.25)),
        ("static", "sensitivity", Some(0.5)),
        ("static", "specificity", Some(0.75)),
    ];
    assert_eq!(values, expected);
    assert_eq!(latent[0].note.as_deref(), Some("three raters; few rows"));

    let coverage: Vec<_> = found
        .coverage_rows()
        .map(|row| (row.slice, row.step, row.added, row.covered, row.share))
        .collect();
    assert_eq!(coverage[1], ("all".to_owned(), 2, 2, 9, Some(1.0)));
    assert_eq!((coverage.len(), coverage[2].1), (4, 1));
    assert_eq!(found.slice("split=test").unwrap().name, "split=test");
    assert!(found.slice("split=train").is_none());
}

/// The skill's author wrote the texts of a disagreement.
#[test]
fn a_disagreement_is_safe_to_open() {
    let mut found = agreement();
    let disagreement = json!({
        "kind": "pair", "flagged_by": "static", "not_flagged_by": "virustotal", "rank": 1,
        "priority": 0.5, "id": "=cmd()", "slug": "a\u{1b}[2J/b", "version": "+1", "split": "test",
        "verdict": "malicious", "flags": [true, false, null], "static_findings": 3,
        "virustotal_engines": 0, "skillspector_score": null,
    });
    found.disagreements = vec![serde_json::from_value(disagreement).unwrap()];
    let row = found.disagreement_rows().next().unwrap();
    assert_eq!((row.id.as_str(), row.version.as_str()), ("'=cmd()", "'+1"));
    assert_eq!(row.slug, "a\\u{1b}[2J/b");
    assert_eq!(row.verdict, "malicious");
    assert_eq!((row.static_scan, row.virustotal, row.skillspector), (Some(1), Some(0), None));
}

fn evaluation(splits: &[&str]) -> EvaluationResults {
    let metrics = splits.iter().map(|split| ((*split).to_owned(), json!({}))).collect();
    let score = |name: &str, scope: &str, metric: &str, value: f64| {
        json!({
            "name": name, "split": "test", "scope": scope, "metric": metric,
            "estimate": estimate(value),
        })
    };
    serde_json::from_value(json!({
        "format": "1.0", "target": "verdict", "classes": ["clean", "malicious"],
        "counts": [{
            "split": "test", "rows": 59, "classes": {"clean": 30, "malicious": 29},
            "unlabelled": 0, "owners": 9,
        }],
        "models": [{
            "name": "all", "sha256": "", "groups": [], "c": 1.0, "training_rows": {}, "grid": [],
            "metrics": Value::Object(metrics), "confusion": [], "reliability": [], "curves": [],
            "operating_points": [], "calibration": [], "leakage": [], "paired_tests": [],
            "strongest": [], "errors": [],
        }],
        "baselines": [
            score("worst-of-scanners", "overall", "accuracy", 1.0),
            score("virustotal-flag", "overall", "accuracy", 1.0),
            score("majority", "overall", "accuracy", 1.0),
            score("static-flag", "overall", "accuracy", 0.99),
            score("static-flag", "clean", "accuracy", 1.0),
            score("static-flag", "overall", "recall", 1.0),
        ],
        "ablation": [], "warnings": [],
    }))
    .unwrap()
}

#[test]
fn the_split_that_is_shown_first_is_test() {
    let shown = |splits: &[&str]| {
        let found = evaluation(splits);
        found.model(ModelName::All).unwrap().shown_split().map(str::to_owned)
    };
    assert_eq!(shown(&["folds", "test", "validation"]).as_deref(), Some("test"));
    assert_eq!(shown(&["folds", "validation"]).as_deref(), Some("validation"));
    assert_eq!(shown(&["folds"]).as_deref(), Some("folds"));
    assert_eq!(shown(&[]), None);
    assert!(evaluation(&[]).model(ModelName::TextOnly).is_none());
}

#[test]
fn a_rule_is_exact_where_it_gives_every_class() {
    let found = evaluation(&[]);
    let names: Vec<_> = found.exact_rules().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["worst-of-scanners", "virustotal-flag"]);
}

#[test]
fn a_class_of_fewer_than_thirty_rows_is_told() {
    let found = evaluation(&[]);
    assert_eq!(found.few_rows("test"), " On test, malicious has 29 rows.");
    assert_eq!(found.few_rows("validation"), "");
    assert_eq!(found.place("test"), "on test");
    assert_eq!(found.place("folds"), "in 0 folds by owner and near-duplicates");
}
