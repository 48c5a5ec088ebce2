//! Classes of any name and their numbers, saved, read back and refused.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use clawsig_model::{
    Classifier, ModelError,
    solver::{Coefficients, Problem, Solution, Solver, Stop},
};
use clawsig_schema::matrix::Csr;

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|&name| name.to_owned()).collect()
}

fn three_classes() -> (Csr, Solution) {
    let x = Csr::new(2, vec![0, 1, 2, 4, 5], vec![0, 1, 0, 1, 0], vec![1.0, 2.0, 0.5, 1.0, -1.0]);
    let x = x.unwrap();
    let problem = Problem::new(&x, &[0, 1, 2, 1], 3, 0.5).unwrap();
    let found = problem.solve(Solver::Auto, None, Stop::default(), &|_, _| {}).unwrap();
    (x, found)
}

#[test]
fn labels_of_ones_own_are_saved_and_loaded() {
    let (x, found) = three_classes();
    let classes = names(&["höflich", "knapp", "\u{1f600} \" \\"]);
    let classifier = Classifier::new(classes, found.coefficients.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    classifier.save(&path).unwrap();
    let again = Classifier::load(&path).unwrap();
    assert_eq!(again, classifier);
    assert_eq!(again.probabilities(&x).unwrap(), found.coefficients.probabilities(&x).unwrap());
    let first = std::fs::read(&path).unwrap();
    again.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first, "the same model, the same bytes");
}

#[test]
fn a_damaged_file_is_refused() {
    let (_, found) = three_classes();
    let classifier = Classifier::new(names(&["a", "b", "c"]), found.coefficients).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    classifier.save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = Classifier::load(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} for {expected}");
    };
    for cut in [0, 7, 8, 40, good.len() - 1] {
        refused(&good[..cut], "no weights file");
    }
    refused(&[&good[..], b"x"].concat(), "no weights file");
    refused(b"CLAWSIGW and more", "make it anew with `clawsig train`");
    let text = String::from_utf8_lossy(&good);
    let with = |from: &str, to: &str| {
        assert!(text.contains(from) && from.len() == to.len(), "{from}");
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    refused(&with("clawsig", "clawsag"), "its header has no `clawsig`");
    refused(&with("3.0", "3.1"), "newer than this clawsig reads");
    refused(&with("3.0", "4.0"), "newer than this clawsig reads");
    refused(&with("3.0", "2.7"), "older than this clawsig reads");
    refused(&with("F64", "I64"), "expected F64");
    refused(&with("weights", "weighty"), "no weights file");
    refused(&with("\\\"b\\\"", "\\\"a\\\""), "two classes are named `a`");
    let mut bytes = good.clone();
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    refused(&bytes, "weight 5 is NaN");
}

#[test]
fn numbers_that_do_not_fit_are_refused_and_do_not_panic() {
    let (x, found) = three_classes();
    let mut short = found.coefficients.clone();
    short.weights.pop();
    assert!(matches!(short.probabilities(&x), Err(ModelError::Shape { found: 5, .. })));
    assert!(Classifier::new(names(&["a", "b", "c"]), short).is_err());
    let error = Classifier::new(names(&["a", "b"]), found.coefficients.clone()).unwrap_err();
    assert!(matches!(error, ModelError::Shape { found: 2, expected: 3, .. }));
    let wide = Coefficients { cols: usize::MAX, ..found.coefficients.clone() };
    assert!(wide.check().is_err());
    let one = Coefficients { classes: 1, ..found.coefficients };
    assert!(one.check().is_err());
}

#[test]
fn what_was_fitted_goes_through_serde() {
    let (_, found) = three_classes();
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Solution>(&text).unwrap(), found);
    let classifier = Classifier::new(names(&["a", "b", "c"]), found.coefficients).unwrap();
    let text = serde_json::to_string(&classifier).unwrap();
    assert_eq!(serde_json::from_str::<Classifier>(&text).unwrap(), classifier);
    assert!(serde_json::from_str::<Classifier>(&text.replace("\"b\"", "\"a\"")).is_err());
    assert!(serde_json::from_str::<Classifier>(&text.replace("\"cols\":2", "\"cols\":3")).is_err());
}
