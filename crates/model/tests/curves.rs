//! Curves against scikit-learn 1.9.1, from the numbers that tests/data/curves.py printed.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use clawsig_model::{
    Scored,
    curves::{curves, operating_points},
};
use clawsig_schema::evaluation::{Curve, CurveKind, CurvePoint, Goal};
use serde_json::Value;

fn rare() -> (Vec<usize>, Vec<f64>) {
    let row = |at: usize| {
        let (positive, rank) = (at.is_multiple_of(333) && at / 333 < 60, (at / 333) as f64);
        let score = match (positive, rank < 42.0) {
            (true, true) => 0.95 + rank / 10_000.0,
            (true, false) => 0.5 + rank / 1_000.0,
            (false, _) => (at * 7_919 % 20_011) as f64 / 20_011.0 * 0.9,
        };
        (usize::from(positive), score)
    };
    (0..20_000).map(row).unzip()
}

fn ties() -> (Vec<usize>, Vec<f64>) {
    let positive = |at: usize| usize::from(at * 53 % 97 < 30 + at % 11);
    (0..400).map(|at| (positive(at), (at * 37 % 101 / 5) as f64 / 32.0)).unzip()
}

/// The precision-recall and the ROC curve of the second of two classes.
fn both((labels, p): (Vec<usize>, Vec<f64>)) -> (Curve, Curve) {
    let classes = ["no", "yes"].map(str::to_owned).to_vec();
    let rows = p.iter().map(|&p| vec![1.0 - p, p]).collect();
    let owners: Vec<usize> = (0..labels.len()).collect();
    let scored = Scored::from_probabilities(classes, labels, rows, &owners).unwrap();
    let found = curves(&scored, "test");
    assert_eq!(found.len(), 4);
    let of = |kind| found.iter().find(|c| c.kind == kind && c.class == "yes").unwrap().clone();
    (of(CurveKind::PrecisionRecall), of(CurveKind::Roc))
}

fn numbers(value: &Value) -> Vec<Vec<f64>> {
    let list = |row: &Value| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    value.as_array().unwrap().iter().map(list).collect()
}

fn near(found: f64, expected: &Value, within: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= within, "{found} {expected}");
}

#[test]
fn curves_are_those_of_scikit_learn() {
    let golden: Value = serde_json::from_str(include_str!("data/curves.json")).unwrap();
    for (name, rows) in [("rare", rare()), ("ties", ties())] {
        let expected = &golden[name];
        let (pr, roc) = both(rows);
        near(pr.area.value.unwrap(), &expected["average_precision"], 1e-12);
        near(roc.area.value.unwrap(), &expected["roc_auc"], 1e-12);
        // Every point where recall grows is there: a rare class's curve is exact.
        let points = numbers(&expected["precision_recall"]);
        assert_eq!(pr.points.len(), points.len(), "{name}");
        for (found, expected) in pr.points.iter().zip(&points) {
            let threshold = found.threshold.unwrap();
            for (found, expected) in [found.x, found.y, threshold].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{name}: {found} {expected}");
            }
        }
        // Precision holds back to the recall before: the steps' area is average precision.
        let mut recalled = 0.0;
        let area: f64 =
            pr.points.iter().map(|p| p.y * (p.x - std::mem::replace(&mut recalled, p.x))).sum();
        near(area, &expected["average_precision"], 1e-12);
        let corners = numbers(&expected["roc"]);
        let apart =
            |p: &CurvePoint, corner: &[f64]| (p.x - corner[0]).abs().max((p.y - corner[1]).abs());
        for point in &roc.points {
            assert!(corners.iter().any(|corner| apart(point, corner) < 1e-12), "{point:?}");
        }
        // scikit-learn keeps the first threshold's point, whether the curve turns there or not.
        for corner in corners.iter().filter(|corner| corner[0] > 0.0) {
            assert!(roc.points.iter().any(|p| apart(p, corner) <= 0.001), "{corner:?}");
        }
        assert!(roc.points.len() + 2 > corners.len(), "{name}");
        assert_eq!(roc.points[0].threshold, None);
    }
}

#[test]
fn precision_stays_1_up_to_the_recall_that_has_no_false_positive() {
    let (pr, _) = both(rare());
    let precision_at = |recall: f64| pr.points.iter().find(|p| p.x >= recall).unwrap().y;
    assert_eq!([0.2, 0.5, 0.7].map(precision_at), [1.0; 3]);
    assert!(precision_at(0.71) < 0.02);
    assert!((pr.prevalence - 0.003).abs() < 1e-12);
}

/// What no drawing can tell apart is left out, and nothing else.
#[test]
fn a_long_curve_is_thinned_within_a_thousandth() {
    let rows = (0..40_000_usize).map(|at| (usize::from(at * 7_919 % 10_007 < at / 8), at));
    let (labels, p): (Vec<usize>, Vec<f64>) =
        rows.map(|(label, at)| (label, at as f64 / 40_000.0)).unzip();
    let positives = labels.iter().sum::<usize>() as f64;
    let (pr, roc) = both((labels.clone(), p.clone()));
    let negatives = labels.len() as f64 - positives;
    let (mut tp, mut fp) = (0.0, 0.0);
    for row in (0..labels.len()).rev() {
        let grows = labels[row] == 1;
        if grows {
            tp += 1.0
        } else {
            fp += 1.0
        }
        let close = |curve: &Curve, x: f64, y: f64| {
            let within = |a: f64, value: f64, b: f64| a - 0.001 <= value && value <= b + 0.001;
            curve.points.windows(2).any(|pair| {
                let (a, b) = (pair[0], pair[1]);
                let flat = b.x - a.x <= 0.002 || (b.y - a.y).abs() <= 0.002;
                flat && within(a.x, x, b.x) && within(a.y.min(b.y), y, a.y.max(b.y))
            })
        };
        if row % 97 == 0 {
            assert!(close(&roc, fp / negatives, tp / positives), "{row}");
            assert!(!grows || close(&pr, tp / positives, tp / (tp + fp)), "{row}");
        }
    }
    for curve in [&pr, &roc] {
        assert!((400..4_000).contains(&curve.points.len()), "{}", curve.points.len());
        let last = curve.points.last().unwrap();
        assert!((last.x - 1.0).abs() < 1e-12, "{last:?}");
    }
    assert_eq!(roc.points[0].x, 0.0);
}

#[test]
fn a_threshold_needs_rows_of_both_kinds() {
    let classes = || ["no", "yes"].map(str::to_owned).to_vec();
    let scored = |labels: Vec<usize>| {
        let p = [0.9, 0.6, 0.4].map(|p| vec![p, 1.0 - p]).to_vec();
        Scored::from_probabilities(classes(), labels, p, &[0, 1, 2]).unwrap()
    };
    let goals = [Goal::Recall(1.0), Goal::Recall(0.5), Goal::FalsePositiveRate(0.5)];
    let one = operating_points(&scored(vec![0, 0, 0]), &[], &goals).unwrap();
    for point in &one {
        let why = match point.class.as_str() {
            "no" => "every validation row is of the class",
            _ => "the class has no validation rows",
        };
        assert_eq!((point.threshold, point.undefined.as_deref()), (None, Some(why)), "{point:?}");
    }
    // By hand: "yes" ranks the third row, which it is, then the second, then the first, which it is.
    let both = operating_points(&scored(vec![1, 0, 1]), &[], &goals).unwrap();
    let yes: Vec<_> = both.iter().filter(|point| point.class == "yes").collect();
    let thresholds: Vec<Option<f64>> = yes.iter().map(|point| point.threshold).collect();
    assert_eq!(thresholds, [Some(1.0 - 0.9), Some(1.0 - 0.4), Some(1.0 - 0.4)]);
    let f1 = |at: usize| yes[at].scores["validation"]["f1"].value.unwrap();
    assert!((f1(0) - 0.8).abs() < 1e-12 && (f1(1) - 2.0 / 3.0).abs() < 1e-12);
}
