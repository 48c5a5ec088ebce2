//! Writes a report with made-up figures: `cargo run --release -p clawsig-report --example
//! demo_report -- FOLDER`.
//!
//! The result structs are read from JSON, as a program does that finds them in a run's folder.

use std::{env, error::Error, fs, path::PathBuf};

use clawsig_report::{DuplicateSummary, Part, RunInfo, StudyResults, render};
use clawsig_schema::evaluation::EvaluationResults;
use serde_json::{Value, json};

const HOSTILE: &str = "<script>document.title='ran'</script>\u{202e}=cmd()";

fn estimate(value: f64, n: u64) -> Value {
    json!({"value": value, "low": value - 0.03, "high": value + 0.04, "n": n, "method": "made-up"})
}

fn named(statistic: &str, value: f64) -> Value {
    let mut named = estimate(value, 1_000);
    named["statistic"] = statistic.into();
    named
}

fn quantiles(five: [f64; 5]) -> Value {
    let [min, p25, p50, p75, max] = five;
    json!({"n": 900, "min": min, "p5": min, "p25": p25, "p50": p50, "p75": p75, "p95": max,
           "max": max, "mean": p50})
}

fn agreement() -> Value {
    let undefined = json!({"n": 0, "undefined": "no ratings"});
    let raters = ["static", "virustotal", "skillspector", "verdict"];
    let mut pairs = Vec::new();
    for (i, a) in raters.iter().enumerate() {
        for b in &raters[i + 1..] {
            let value = if *b == "verdict" { 0.44 } else { 0.08 - 0.06 * i as f64 };
            pairs.push(json!({"a": a, "b": b,
                "counts": {"both": 40, "only_a": 60, "only_b": 300, "neither": 600},
                "statistics": [named("cohen_kappa", value), named("gwet_ac1", value + 0.4),
                               named("jaccard", value.abs())],
                "readings": [{"statistic": "cohen_kappa", "scale": "landis-koch", "word": "slight"}]}));
        }
    }
    let rates = [0.066, 0.021, 0.494, 0.39];
    let summaries: Vec<Value> = raters
        .iter()
        .zip(rates)
        .map(|(rater, rate)| {
            json!({
        "rater": rater, "rated": 1000, "used": 1000, "flagged": (rate * 1000.0) as u64,
        "rate": {"value": rate, "low": rate * 0.9, "high": rate * 1.1, "n": 1000}})
        })
        .collect();
    let patterns: Vec<Value> =
        [(0, 480), (4, 420), (1, 40), (5, 28), (2, 12), (6, 10), (3, 6), (7, 4)]
            .iter()
            .map(|&(bits, rows)| {
                json!({"flags": [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0],
            "rows": rows, "share": f64::from(rows) / 1000.0})
            })
            .collect();
    let by_verdict: Vec<Value> = [("clean", 0.03), ("suspicious", 0.35), ("malicious", 0.71)]
        .iter()
        .flat_map(|(verdict, share)| {
            raters[..3].iter().map(move |scanner| {
                json!({
            "verdict": verdict, "scanner": scanner, "rows": 300, "used": 300, "flagged": 90,
            "share": share, "low": share - 0.02, "high": share + 0.02, "undefined": null})
            })
        })
        .collect();
    let sweep: Vec<Value> = [0.0, 10.0, 20.0, 30.0, 50.0, 80.0]
        .iter()
        .map(|threshold| {
            json!({"scanner": "skillspector", "quantity": "score",
            "threshold": threshold, "other": "verdict",
            "counts": {"both": 1, "only_a": 1, "only_b": 1, "neither": 1},
            "rate": estimate(0.5, 1000), "cohen_kappa": estimate(0.2 + threshold / 200.0, 1000),
            "gwet_ac1": estimate(0.5, 1000), "jaccard": undefined})
        })
        .collect();
    json!({"format": "1.0",
        "parameters": {"rule": "label", "missing": "exclude", "replicates": 200, "seed": 42,
                       "level": 0.95, "top": 10},
        "rows": 1000, "owners": 412, "raters": raters, "unrated": [],
        "slices": [{"name": "all", "kind": "overall", "rule": "label", "missing": "exclude",
            "rows": 1000, "owners": 412, "raters": summaries, "pairs": pairs,
            "scanners": [named("fleiss_kappa", 0.04)], "patterns": patterns,
            "overlap": {"scanners": raters[..3], "rows": 1000, "union": 520,
                "flagged_by": [{"scanners": 0, "rows": 480, "share": estimate(0.48, 1000),
                                "share_of_flagged": undefined}],
                "total_overlap": estimate(0.0077, 520), "conditional": [], "unique": [],
                "coverage": []}}],
        "by_verdict": by_verdict, "sweep": sweep, "latent": [],
        "disagreements": [{"kind": "pattern", "flagged_by": "static",
            "not_flagged_by": "virustotal+skillspector", "rank": 1, "priority": 0.93, "id": "ab",
            "slug": HOSTILE, "version": "1.0", "split": "test", "verdict": "suspicious",
            "flags": [true, false, false], "static_findings": 3}]})
}

fn evaluation() -> Result<EvaluationResults, Box<dyn Error>> {
    let classes = ["clean", "suspicious", "malicious"];
    let scope = |f1: f64| {
        json!({"precision": estimate(f1, 300), "recall": estimate(f1 - 0.05, 300),
        "f1": estimate(f1, 300), "support": {"value": 300.0, "n": 300},
        "pr_auc": {"n": 0, "undefined": "no positive row"}})
    };
    let curve = |class: &str, kind: &str, bend: f64| {
        let points: Vec<Value> = (0..=60)
            .map(|i| {
                let x = f64::from(i) / 60.0;
                let y = if kind == "roc" { x.powf(bend) } else { 1.0 - x.powf(1.0 / bend) * 0.7 };
                json!({"x": x, "y": y, "threshold": 1.0 - x})
            })
            .collect();
        json!({"split": "test", "class": class, "kind": kind, "area": estimate(0.84, 900),
               "prevalence": bend / 3.0, "points": points})
    };
    let mut curves = Vec::new();
    for (class, bend) in classes.iter().zip([0.2, 0.35, 0.12]) {
        curves.push(curve(class, "roc", bend));
        curves.push(curve(class, "precision_recall", bend));
    }
    let bins: Vec<Value> = (0..10).map(|i| {
        let middle = f64::from(i) / 10.0 + 0.05;
        json!({"split": "test", "class": "overall", "probabilities": "model", "low": middle - 0.05,
            "high": middle + 0.05, "rows": 90, "mean_probability": middle,
            "observed": estimate(middle * 0.9, 90)})
    }).collect();
    let confusion: Vec<Value> = classes
        .iter()
        .flat_map(|verdict| {
            classes.iter().map(move |predicted| {
                let same = verdict == predicted;
                json!({"split": "test", "verdict": verdict, "predicted": predicted,
            "rows": if same { 240 } else { 30 }, "share_of_verdict": if same { 0.8 } else { 0.1 }})
            })
        })
        .collect();
    let score = |name: &str, value: f64| {
        json!({"name": name, "split": "test", "scope": "macro",
        "metric": "f1", "estimate": estimate(value, 900)})
    };
    let errors = json!([{"split": "test", "id": "cd", "slug": HOSTILE, "verdict": "clean",
        "predicted": "malicious", "probabilities": [0.1, 0.1, 0.8], "explanation": null,
        "near_duplicates": 3, "near_duplicates_other_label": 1, "other_label_ids": []}]);
    let model = json!({"name": "all", "sha256": "00", "groups": ["text", "flags"], "c": 4.0,
        "training_rows": {"clean": 900, "suspicious": 500, "malicious": 40}, "grid": [],
        "metrics": {"test": {"clean": scope(0.86), "suspicious": scope(0.71),
            "malicious": scope(0.4), "macro": scope(0.66),
            "overall": {"accuracy": estimate(0.8, 900), "mcc": estimate(0.6, 900)}}},
        "confusion": confusion, "reliability": bins, "curves": curves, "operating_points": [],
        "calibration": [], "paired_tests": [], "errors": errors,
        "leakage": [score("all test rows", 0.66), score("owner unseen in training", 0.55)],
        "strongest": [{"class": "malicious", "group": "text", "name": HOSTILE, "weight": 2.5}]});
    let results = json!({"format": "2.0", "target": "verdict", "classes": classes, "counts": [],
        "models": [model], "warnings": [],
        "baselines": [score("majority", 0.26), score("always-suspicious", 0.18),
            score("skillspector-flag", 0.43)],
        "ablation": [score("text only", 0.6), score("flags only", 0.45)]});
    Ok(serde_json::from_value(results)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = env::args_os().nth(1).ok_or("usage: demo_report FOLDER")?.into();
    let splits: Vec<Value> = ["train", "validation", "test", "eval_holdout"].iter().map(|split| {
        json!({"split": split, "rows": 250, "verdicts": {"clean": 155, "suspicious": 94, "malicious": 1},
            "statuses": {}, "severities": {}, "text_chars": quantiles([40.0, 900.0, 2400.0, 6100.0, 98000.0])})
    }).collect();
    let data = json!({"format": "2.0", "synthetic": true, "files": [], "rows": 1000,
        "sampled_out": 0, "rejected": 2, "rejected_by_reason": {(HOSTILE): 2}, "extra_columns": {},
        "columns": [{"name": "id", "kind": "text", "nulls": 0, "empty": 0}], "splits": splits,
        "reason_codes": {"suspicious.dangerous_exec": 14},
        "issue_categories": {"MCP Least Privilege": 120},
        "score_by_verdict": {"clean": quantiles([0.0, 0.0, 10.0, 25.0, 80.0]),
            "suspicious": quantiles([0.0, 20.0, 40.0, 65.0, 100.0]), "malicious": quantiles([0.0, 0.0, 0.0, 10.0, 60.0])},
        "bundles": {"rows": 200, "files": 860, "bytes": 1, "duplicate_paths": 0, "unsafe_paths": 0, "extensions": {}},
        "examples": {}, "warnings": ["The rows are generated."]});
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let report = render(&StudyResults {
        run: RunInfo {
            name: "demo".to_owned(),
            profile: "sample".to_owned(),
            command: "clawsig run --profile sample --set run.seed=42".to_owned(),
            source: "made-up figures".to_owned(),
            synthetic: true,
            versions: vec![pair("clawsig", "0.1.0")],
            inputs: vec![pair("train.jsonl", &"9a216aed".repeat(8))],
            parameters: vec![pair("tfidf.max_features", "20000"), pair("model.c", "4")],
            warnings: vec![HOSTILE.to_owned()],
        },
        data: Part::present(serde_json::from_value(data)?),
        duplicates: Part::present(DuplicateSummary {
            rows: 1000,
            groups: 40,
            grouped_rows: 130,
            largest: 12,
            test_rows_in_train: 21,
        }),
        agreement: Part::present(serde_json::from_value(agreement())?),
        registry: Part::absent("the example has no published counts"),
        evaluation: Part::present(evaluation()?),
    })?;
    fs::create_dir_all(folder.join("figures"))?;
    fs::write(folder.join("report.html"), report.html)?;
    fs::write(folder.join("MODEL_CARD.md"), report.model_card)?;
    fs::write(folder.join("DATA_CARD.md"), report.data_card)?;
    for figure in report.figures {
        fs::write(folder.join(format!("figures/{}.svg", figure.name)), figure.svg)?;
        fs::write(folder.join(format!("figures/{}.csv", figure.name)), figure.csv)?;
    }
    Ok(())
}
