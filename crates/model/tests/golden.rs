//! Agreement with scikit-learn 1.9.1, from the numbers that tests/data/golden.py printed.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use clawsig_model::{
    Calibration, Scored,
    curves::Calibrator,
    metrics::split_metrics,
    solver::{Compact, Problem, Solver, Stop},
};
use clawsig_schema::{
    evaluation::{MACRO, OVERALL, WEIGHTED, metric},
    matrix::Csr,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/golden.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn classes_of(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

fn scored_of(case: &Value) -> Scored {
    let truth = classes_of(&case["truth"]);
    let p: Vec<Vec<f64>> = case["p"].as_array().unwrap().iter().map(list).collect();
    let k = case["k"].as_u64().unwrap() as usize;
    let classes: Vec<String> = (0..k).map(|class| class.to_string()).collect();
    let owners: Vec<usize> = (0..truth.len()).collect();
    Scored::from_probabilities(classes, truth, p, &owners).unwrap()
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let golden = golden();
    let cases = golden["metrics"].as_array().unwrap();
    assert!(cases.len() >= 10);
    let mut compared = 0;
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let scored = scored_of(case);
        let classes = scored.classes().to_vec();
        let table = split_metrics(&scored, None);
        let mut check = |scope: &str, metric: &str, expected: &Value| {
            let found = &table[scope][metric];
            match expected.as_f64() {
                Some(expected) => {
                    let value = found.value.unwrap();
                    assert!(
                        (value - expected).abs() <= 1e-10,
                        "{name} {scope} {metric}: {value} {expected}"
                    );
                }
                None => assert!(found.undefined.is_some(), "{name} {scope} {metric}: {found:?}"),
            }
            compared += 1;
        };
        for metric in ["accuracy", "balanced_accuracy", "kappa", "mcc", "log_loss", "brier"] {
            check(OVERALL, metric, &case[metric]);
        }
        check(OVERALL, metric::ECE, &case["ece"]);
        for average in [MACRO, WEIGHTED] {
            for metric in ["precision", "recall", "f1"] {
                check(average, metric, &case[average][metric]);
            }
        }
        for (metric, expected) in [
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1"),
            ("roc_auc", "roc_auc"),
            ("pr_auc", "pr_auc"),
            (metric::ECE, "class_ece"),
            (metric::RECALL_AT_FPR_0_1, "recall_at_fpr_0_1"),
            (metric::RECALL_AT_FPR_0_5, "recall_at_fpr_0_5"),
            (metric::RECALL_AT_FPR_1, "recall_at_fpr_1"),
            (metric::RECALL_AT_FPR_5, "recall_at_fpr_5"),
        ] {
            for (class, expected) in classes.iter().zip(case[expected].as_array().unwrap()) {
                check(class, metric, expected);
            }
        }
    }
    assert!(compared > 450);
}

#[test]
fn calibrated_probabilities_are_those_of_scikit_learn() {
    let mut compared = 0;
    for case in golden()["metrics"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let scored = scored_of(case);
        for (method, key, tolerance) in
            [(Calibration::Isotonic, "isotonic", 1e-12), (Calibration::Platt, "platt", 1e-7)]
        {
            let fitted = Calibrator::fit(method, &scored);
            let Some(expected) = case[key].as_array() else {
                assert!(fitted.is_none(), "{name} {key}");
                continue;
            };
            let after = fitted.unwrap().apply(&scored).unwrap();
            for (found, expected) in after.probabilities().iter().zip(expected) {
                for (found, expected) in found.iter().zip(list(expected)) {
                    assert!(
                        (found - expected).abs() <= tolerance,
                        "{name} {key}: {found} {expected}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 3_000);
}

/// Equal log-odds carry nothing but the shares: Platt's targets have the mean
/// `(hits * high + misses * low) / n`, which is the optimum without a slope.
#[test]
fn equal_probabilities_become_the_mean_of_the_targets() {
    for (n, hits) in [(2, 1), (3, 2), (400, 37), (20_000, 6_000)] {
        for p in [0.0, 1e-9, 0.1, 0.5, 0.9, 1.0] {
            let labels = (0..n).map(|row| usize::from(row < hits)).collect();
            let owners: Vec<usize> = (0..n).collect();
            let classes = ["no", "yes"].map(str::to_owned).to_vec();
            let rows = vec![vec![1.0 - p, p]; n];
            let scored = Scored::from_probabilities(classes, labels, rows, &owners).unwrap();
            let fitted = Calibrator::fit(Calibration::Platt, &scored).unwrap();
            let after = fitted.apply(&scored).unwrap();
            let (hits, misses) = (hits as f64, (n - hits) as f64);
            let high = (hits + 1.0) / (hits + 2.0);
            let mean = (hits * high + misses / (misses + 2.0)) / n as f64;
            for found in after.probabilities() {
                assert!((found[1] - mean).abs() < 1e-9, "{n} {hits} {p}: {} {mean}", found[1]);
            }
        }
    }
}

fn matrix(case: &Value) -> Csr {
    let rows: Vec<Vec<f64>> = case["x"].as_array().unwrap().iter().map(list).collect();
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in &rows {
        for (column, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as u32);
            values.push(*value);
        }
        indptr.push(indices.len() as u64);
    }
    Csr::new(rows[0].len(), indptr, indices, values).unwrap()
}

#[test]
fn the_optimum_is_scikit_learns_or_lower() {
    for case in golden()["optima"].as_array().unwrap() {
        let x = matrix(case);
        let y: Vec<u32> = classes_of(&case["y"]).into_iter().map(|y| y as u32).collect();
        let k = case["k"].as_u64().unwrap() as usize;
        let (c, l1) = (case["c"].as_f64().unwrap(), case["l1_ratio"].as_f64().unwrap());
        let mut counts = vec![0_usize; k];
        y.iter().for_each(|&y| counts[y as usize] += 1);
        let balanced = case["balanced"].as_bool().unwrap();
        let weight = |y: u32| y_weight(balanced, x.rows(), k, counts[y as usize]);
        let problem = Problem::new(&x, &y, k, (1.0 - l1) / c)
            .unwrap()
            .with_l1(l1 / c)
            .unwrap()
            .with_weights(y.iter().map(|&y| weight(y)).collect())
            .unwrap();
        let stop = Stop { tolerance: 1e-9, max_iterations: 10_000 };
        let mut solvers = vec![Solver::Auto, Solver::ProximalNewton];
        if l1 == 0.0 {
            solvers.extend([Solver::Lbfgs, Solver::NewtonCg]);
            if !balanced {
                solvers.push(Solver::Linfa);
            }
        }
        let expected = case["objective"].as_f64().unwrap();
        for solver in solvers {
            let found = problem.solve(solver, None, stop, &|_, _| {}).unwrap();
            let value = problem.objective(&found.coefficients).unwrap();
            let name = solver.as_str();
            assert!(value <= expected * (1.0 + 1e-6), "{name} k {k}: {value} {expected}");
            assert!(value >= expected * (1.0 - 1e-6), "{name} k {k}: {value} {expected}");
            assert!((value - found.report.objective).abs() <= 1e-9 * value, "{name} k {k}");
            if name != "linfa" {
                assert!(found.report.converged, "{name} k {k}: {:?}", found.report);
            }
        }
    }
}

fn y_weight(balanced: bool, rows: usize, classes: usize, count: usize) -> f64 {
    if balanced { rows as f64 / (classes * count) as f64 } else { 1.0 }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let golden = golden();
    let case = &golden["optima"][3];
    let x = matrix(case);
    let y: Vec<u32> = classes_of(&case["y"]).into_iter().map(|y| y as u32).collect();
    let solve = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let problem = Problem::new(&x, &y, 3, 0.25).unwrap();
            problem.solve(Solver::Auto, None, Stop::default(), &|_, _| {}).unwrap()
        })
    };
    assert_eq!(solve(1), solve(5));
}

/// Enough rows for a sample, each with 12 of 300 columns; the third class has 1 % of the rows.
fn many_rows() -> (Csr, Vec<u32>) {
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut indptr, mut indices, mut values, mut y) =
        (vec![0], Vec::new(), Vec::new(), Vec::new());
    for _ in 0..12_000 {
        let label = match draw(100) {
            0 => 2,
            1..=38 => 1,
            _ => 0_u32,
        };
        let mut columns: Vec<u32> = (0..12).map(|_| draw(300) as u32).collect();
        columns.push(label * 5 + draw(20) as u32);
        columns.sort_unstable();
        columns.dedup();
        values.extend(columns.iter().map(|_| (draw(1000) as f64 + 1.0) / 500.0));
        indices.extend(columns);
        indptr.push(indices.len() as u64);
        y.push(label);
    }
    (Csr::new(300, indptr, indices, values).unwrap(), y)
}

#[test]
fn a_sample_of_the_rows_leads_to_the_same_optimum() {
    let (x, y) = many_rows();
    let compact = Compact::of(&x).unwrap();
    let problem = Problem::new(&x, &y, 3, 0.25).unwrap();
    let stop = Stop { tolerance: 1e-9, max_iterations: 10_000 };
    let solve = |solver: Solver, problem: &Problem<'_>| {
        problem.solve(solver, None, stop, &|_, _| {}).unwrap()
    };
    let newton = solve(Solver::NewtonCg, &problem);
    let sampled = solve(Solver::SampledNewton, &problem);
    let rounded = solve(Solver::SampledNewton, &Problem::new(&compact, &y, 3, 0.25).unwrap());
    assert!(sampled.report.iterations > newton.report.iterations);
    for other in [&sampled, &rounded] {
        assert!(other.report.converged);
        let value = problem.objective(&other.coefficients).unwrap();
        let change = value / newton.report.objective - 1.0;
        assert!(change.abs() < 1e-8, "{change}");
    }
}

#[test]
fn a_sample_does_not_depend_on_the_number_of_threads() {
    let (x, y) = many_rows();
    let solve = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let problem = Problem::new(&x, &y, 3, 0.25).unwrap();
            problem.solve(Solver::SampledNewton, None, Stop::default(), &|_, _| {}).unwrap()
        })
    };
    assert_eq!(solve(1), solve(5));
}
