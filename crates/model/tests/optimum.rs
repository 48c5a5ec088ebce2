//! The reported gap is a bound: columns with a mean, constants, rare classes, warm starts, tiny and
//! huge penalties.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

mod reference;

use clawsig_model::solver::{Problem, Solution, Solver, Stop};
use clawsig_schema::matrix::Csr;

const RIDGE: [Solver; 5] =
    [Solver::Auto, Solver::SampledNewton, Solver::NewtonCg, Solver::Lbfgs, Solver::ProximalNewton];

fn dense(rows: &[Vec<f64>]) -> Csr {
    let columns: Vec<u32> = (0..rows[0].len() as u32).collect();
    Csr::from_rows(columns.len(), rows.iter().map(|row| (&columns[..], &row[..]))).unwrap()
}

fn years() -> (Csr, [u32; 10]) {
    let years = [1998, 1999, 2000, 2001, 2002, 2003, 1999, 2001, 2002, 2000];
    let x = dense(&years.map(|year| vec![f64::from(year)]));
    (x, [0, 0, 0, 1, 1, 1, 1, 0, 1, 0])
}

fn solve(problem: &Problem<'_>, solver: Solver, tolerance: f64) -> Solution {
    let stop = Stop { tolerance, max_iterations: 1_000 };
    let found = problem.solve(solver, None, stop, &|_, _| {}).unwrap();
    let objective = problem.objective(&found.coefficients).unwrap();
    let change = (objective - found.report.objective).abs();
    assert!(change <= 1e-10 * objective, "{solver}: {objective} {:?}", found.report);
    found
}

/// The optima by C, ridge and L1, as SciPy 1.17.1's `minimize` (Nelder-Mead, `fatol` 1e-15) found
/// them on centred years.
#[test]
fn a_column_of_years_is_solved_to_its_optimum() {
    let (x, y) = years();
    for (c, ridge, l1) in [
        (0.01, 6.835_612_126, 6.931_471_806),
        (0.1, 6.279_967_034, 6.931_471_806),
        (1.0, 5.279_028_082, 5.752_072_455),
        (100.0, 4.854_618_641, 4.859_573_888),
    ] {
        let problem = Problem::new(&x, &y, 2, 1.0 / c).unwrap();
        for solver in RIDGE {
            let report = solve(&problem, solver, 1e-10).report;
            assert!(report.converged && report.iterations < Some(20), "{c} {report:?}");
            assert!((report.objective - ridge).abs() < 1e-9, "{c} {report:?}");
        }
        let problem = Problem::new(&x, &y, 2, 0.0).unwrap().with_l1(1.0 / c).unwrap();
        let report = solve(&problem, Solver::Auto, 1e-10).report;
        assert!(report.converged && report.iterations < Some(10), "{c} {report:?}");
        assert!((report.objective - l1).abs() < 1e-9, "{c} {report:?}");
    }
}

/// 5 of 50 positive: with no weights left the optimum is 50 times the entropy of a tenth, at the
/// intercept ln(5 / 45).
#[test]
fn penalties_that_leave_no_weights_leave_the_intercept_of_the_shares() {
    let rows: Vec<Vec<f64>> = (0..50).map(|row| vec![f64::from(row % 7), f64::from(row)]).collect();
    let x = dense(&rows);
    let y: Vec<u32> = (0..50).map(|row| u32::from(row % 10 == 3)).collect();
    let entropy = -50.0 * (0.1 * 0.1_f64.ln() + 0.9 * 0.9_f64.ln());
    for (c, ratio) in [(1e-8, 1.0), (1e-7, 1.0), (1e-7, 0.5), (1e-6, 0.5)] {
        let problem = Problem::new(&x, &y, 2, (1.0 - ratio) / c).unwrap();
        let problem = problem.with_l1(ratio / c).unwrap();
        let found = solve(&problem, Solver::Auto, 1e-10);
        assert!(found.report.converged);
        assert!((found.report.objective - entropy).abs() < 1e-9, "{:?}", found.report);
        assert!((found.report.objective - 16.254_148_6).abs() < 1e-6, "{:?}", found.report);
        assert!((found.coefficients.intercepts[0] + 9.0_f64.ln()).abs() < 1e-9);
        assert_eq!(found.coefficients.used_columns(), 0);
    }
}

#[test]
fn a_constant_column_has_no_weight_and_a_far_one_converges() {
    let rows: Vec<Vec<f64>> = (0..40)
        .map(|row| {
            let noise = f64::from(row * 37 % 11) - 5.0;
            vec![14.62, 1e6 + noise, 20_261_126.0 + 100.0 * noise + f64::from(row % 3)]
        })
        .collect();
    let x = dense(&rows);
    let y: Vec<u32> = (0..40).map(|row| u32::from(row * 37 % 11 + row % 4 > 6)).collect();
    for ratio in [0.0, 0.5, 1.0] {
        let problem = Problem::new(&x, &y, 2, 0.1 * (1.0 - ratio)).unwrap();
        let problem = problem.with_l1(0.1 * ratio).unwrap();
        let found = solve(&problem, Solver::Auto, 1e-9);
        assert!(found.report.converged, "{:?}", found.report);
        assert!(found.report.iterations < Some(60), "{:?}", found.report);
        assert!(found.coefficients.column(0)[0].abs() < 1e-9, "{:?}", found.coefficients);
        assert!(found.report.objective < 20.0, "{:?}", found.report);
    }
}

#[test]
fn a_problem_without_an_optimum_says_so() {
    let (x, y) = years();
    let solve = |problem: Problem<'_>, stop: Stop| {
        problem.solve(Solver::Auto, None, stop, &|_, _| {}).unwrap_err().to_string()
    };
    let none = Problem::new(&x, &y, 2, 0.0).unwrap();
    assert!(solve(none, Stop::default()).contains("without a penalty"));
    let ones = [1; 10];
    let one = Problem::new(&x, &ones, 2, 1.0).unwrap();
    assert!(solve(one.clone(), Stop::default()).contains("class 0 has no row with a weight"));
    let found = one.without_intercept().solve(Solver::Auto, None, Stop::default(), &|_, _| {});
    assert!(found.unwrap().report.converged, "without an intercept there is an optimum");
    let weights = y.map(|y| f64::from(1 - y)).to_vec();
    let light = Problem::new(&x, &y, 2, 1.0).unwrap().with_weights(weights).unwrap();
    assert!(solve(light, Stop::default()).contains("class 1 has no row with a weight"));
    let nothing = Problem::new(&x, &y, 2, 1.0).unwrap().with_weights(vec![0.0; 10]).unwrap();
    assert!(solve(nothing, Stop::default()).contains("sum to 0"));
    assert!(Problem::new(&x, &ones, 1, 1.0).unwrap_err().to_string().contains("one class only"));
    for tolerance in [f64::NAN, 0.0, -1e-6, 1.0, f64::INFINITY] {
        let problem = Problem::new(&x, &y, 2, 1.0).unwrap();
        let error = solve(problem, Stop { tolerance, max_iterations: 10 });
        assert!(error.contains("expected a number above 0 and below 1"), "{error}");
    }
}

#[test]
fn a_start_far_away_leads_to_the_same_optimum() {
    let (x, y) = years();
    let problem = Problem::new(&x, &y, 2, 1.0).unwrap();
    let best = solve(&problem, Solver::Auto, 1e-12);
    for (weight, intercept) in [(0.3, -600.0), (-5.0, 1e4), (1e6, 0.0), (1e300, -1e300)] {
        let mut start = best.coefficients.clone();
        (start.weights[0], start.intercepts[0]) = (weight, intercept);
        for solver in RIDGE {
            let stop = Stop { tolerance: 1e-10, max_iterations: 1_000 };
            let found = problem.solve(solver, Some(&start), stop, &|_, _| {}).unwrap();
            assert!(found.report.converged, "{solver} {weight} {:?}", found.report);
            let change = found.report.objective - best.report.objective;
            assert!(change.abs() <= 2e-10 * best.report.objective, "{solver} {weight}");
        }
    }
}

#[test]
fn the_gap_of_random_problems_is_a_bound_of_the_true_one() {
    let tally = reference::compare(1, 25);
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    // Penalties near the rounding of huge columns can't be resolved, and say so.
    assert!(tally.unconverged.len() <= 2, "{:#?}", tally.unconverged);
    assert!(tally.solutions > 200 && tally.drawn < 30, "{tally:?}");
}

/// Nearly every row is certain of its class, so that what the intercept would do is rounding.
#[test]
fn a_start_where_the_intercept_has_no_curvature_leads_on() {
    let tally = reference::compare(548, 1);
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    assert_eq!((tally.problems, tally.solutions), (1, 8));
}
