//! The questions that a reader asks first, answered in sentences.

use clawsig_schema::{
    agreement::{AgreementResults, OVERALL_SLICE, PairResult},
    evaluation::{EvaluationResults, FEW_ROWS, FOLDS, MACRO, ModelName, ModelResults, metric},
    registry::RegistryResults,
    wording::counted,
};

use crate::words::{count, decimal, estimate, percent, plain, shown, upper};

/// One answer, and where the page has its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A sentence.
    pub text: String,
    /// The section's `id` in the page.
    pub section: &'static str,
}

/// Whether the scanners agree, what missing results could turn, whether the model beats the best single
/// scanner, whether it holds for other owners, and on how many rows of the rarest class. An answer that no part gives is left out.
pub fn answers(
    agreement: Option<&AgreementResults>,
    registry: Option<&RegistryResults>,
    evaluation: Option<&EvaluationResults>,
    synthetic: bool,
) -> Vec<Answer> {
    let answer = |section, text| Answer { text, section };
    let mut all = Vec::new();
    if let Some(registry) = registry {
        let found = &registry.agreement;
        if let Some(text) = agree(&found.pairs.iter().collect::<Vec<_>>()) {
            all.push(answer(
                "registry",
                format!(
                    "Do the scanners agree? In the registry ({} real skills, published counts) {text}",
                    count(found.rows)
                ),
            ));
        }
        all.extend(
            turned("the registry", &registry.missing.warnings).map(|t| answer("registry", t)),
        );
    }
    if let Some(slice) = agreement.and_then(|found| found.slice(OVERALL_SLICE)) {
        let scanners: Vec<&PairResult> =
            slice.pairs.iter().filter(|pair| pair.b != "verdict").collect();
        if let Some(text) = agree(&scanners) {
            let kind = if synthetic { "synthetic skills" } else { "skills" };
            all.push(answer(
                "scanners",
                format!("In this run’s {} {kind} {text}", count(slice.rows)),
            ));
        }
    }
    if let Some(found) = agreement {
        all.extend(turned("this run", &found.missing.warnings).map(|t| answer("scanners", t)));
    }
    if let Some(evaluation) = evaluation {
        all.extend(beats(evaluation).map(|text| answer("model", text)));
        all.extend(holds(evaluation).map(|text| answer("model", text)));
        all.extend(rarest(evaluation).map(|text| answer("model", text)));
    }
    all
}

/// The range of kappa over pairs, what their rates allow, and the largest overlap.
fn agree(pairs: &[&PairResult]) -> Option<String> {
    let values = |name: &str| -> Vec<f64> {
        let of = |pair: &&PairResult| {
            let found = pair.statistics.iter().find(|one| one.statistic == name)?;
            found.estimate.value
        };
        pairs.iter().filter_map(of).collect()
    };
    let range = |name: &str| -> Option<String> {
        let values = values(name);
        let (least, most) =
            (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
        let (least, most) = (decimal(least), decimal(most));
        Some(if least == most { least } else { format!("{least} to {most}") })
    };
    let kappa = range("cohen_kappa")?;
    let allowed = range("max_kappa").map_or_else(String::new, |most| {
        format!(", where the positive rates allow at most {most}")
    });
    let overlap =
        values("jaccard").into_iter().reduce(f64::max).map_or_else(String::new, |largest| {
            format!("; of the skills that one of two flags both flag {} at most", percent(largest))
        });
    let (defined, all) = (values("cohen_kappa").len(), pairs.len());
    let only = if defined < all {
        format!(" (it is defined for {defined} of {})", counted(all as u64, "pair"))
    } else {
        String::new()
    };
    Some(format!("Cohen’s kappa of two scanners is {kappa}{only}{allowed}{overlap}."))
}

/// How many headlines missing results could turn.
fn turned(of: &str, warnings: &[String]) -> Option<String> {
    (!warnings.is_empty()).then(|| {
        let headlines = counted(warnings.len() as u64, "headline");
        format!("Missing results could turn {headlines} of {of}.")
    })
}

/// The model on all columns against the single scanner of the highest macro F1.
fn beats(evaluation: &EvaluationResults) -> Option<String> {
    let model = evaluation.model(ModelName::All)?;
    let split = model.shown_split()?;
    let of_scanners = evaluation.baselines.iter().filter(|row| {
        row.is_of_one_scanner()
            && row.split == split
            && row.scope == MACRO
            && row.metric == metric::F1
    });
    let (best, name) = of_scanners
        .filter_map(|row| Some((row.estimate.value?, &row.name)))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let test =
        model.paired_tests.iter().find(|test| test.split == split && test.baseline == *name)?;
    let own = model.metrics.get(split, MACRO, metric::F1)?.value?;
    let rows = evaluation.counts.iter().find(|counts| counts.split == split)?.rows;
    let exact: Vec<String> = evaluation
        .exact_rules()
        .filter(|rule| rule.split == split)
        .map(|rule| format!(" The rule {} gives the class of every one of these rows.", rule.name))
        .collect();
    Some(format!(
        "Does the model beat the best single scanner? Macro F1 on {} {split} rows is {} against {} of {}: the \
         difference is {}, of accuracy {}.{}",
        count(rows),
        decimal(own),
        decimal(best),
        plain(name),
        estimate(&test.macro_f1_difference),
        estimate(&test.accuracy_difference),
        exact.concat()
    ))
}

/// Both models where owners and near-duplicates are kept apart, beside the split that is shown first.
fn holds(evaluation: &EvaluationResults) -> Option<String> {
    let rows = evaluation.folds.as_ref()?.counts.rows;
    let mut bare = None;
    let mut f1 = |model: &ModelResults, split: &str| {
        let found = model.metrics.get(split, MACRO, metric::F1)?;
        let value = found.value?;
        // Why there is no interval is said once, of all of them.
        Some(match (&found.no_interval, found.low) {
            (Some(reason), None) => {
                bare.get_or_insert(format!(" (no interval: {reason})"));
                decimal(value)
            }
            _ => estimate(found),
        })
    };
    let mut apart = Vec::new();
    let mut shown_first = Vec::new();
    for model in &evaluation.models {
        let name = match model.name {
            ModelName::All => "the model",
            ModelName::TextOnly => "the text-only model",
        };
        apart.push(format!("{} for {name}", f1(model, FOLDS)?));
        shown_first.push(f1(model, model.shown_split()?)?);
    }
    let split = evaluation.models.first()?.shown_split()?;
    Some(format!(
        "Does it hold for owners that training has not met? {}, with features and models made anew for each \
         ({} rows), macro F1 is {}; {} it is {}{}.",
        upper(&evaluation.place(FOLDS)),
        count(rows),
        apart.join(" and "),
        evaluation.place(split),
        shown_first.join(" and "),
        bare.unwrap_or_default()
    ))
}

/// The class with the fewest rows where those are few.
fn rarest(evaluation: &EvaluationResults) -> Option<String> {
    let model = evaluation.model(ModelName::All)?;
    let split = model.shown_split()?;
    let counts = evaluation.counts.iter().find(|counts| counts.split == split)?;
    let of = |class: &String| counts.classes.get(class).copied().unwrap_or(0);
    let class = evaluation.classes.iter().min_by_key(|class| of(class))?;
    (of(class) < FEW_ROWS).then(|| {
        format!(
            "The rarest class, {}, has {} to test on and {} to train on: no figure of it, and none of all classes \
             alike, is firm.",
            shown(class),
            counted(of(class), "row"),
            count(model.training_rows.get(class).copied().unwrap_or(0))
        )
    })
}

#[cfg(test)]
mod tests {
    use clawsig_schema::{
        agreement::{NamedEstimate, PairCounts},
        estimate::Estimate,
    };
    use serde_json::json;

    use super::*;

    fn pair(kappa: Option<f64>, jaccard: f64) -> PairResult {
        let estimate = |value: Option<f64>| {
            value.map_or_else(|| Estimate::undefined("rated no row", 0), |v| Estimate::point(v, 9))
        };
        let values = [
            ("cohen_kappa", kappa),
            ("max_kappa", kappa.map(|kappa| 2.0 * kappa)),
            ("jaccard", kappa.map(|_| jaccard)),
        ];
        let named = |(name, value): (&str, Option<f64>)| NamedEstimate {
            statistic: name.to_owned(),
            estimate: estimate(value),
        };
        PairResult {
            a: "static".to_owned(),
            b: "virustotal".to_owned(),
            counts: PairCounts::default(),
            statistics: values.into_iter().map(named).collect(),
            intervals: Vec::new(),
            readings: Vec::new(),
        }
    }

    #[test]
    fn a_range_of_one_is_one_number_and_undefined_pairs_are_told() {
        let (low, high, none) = (pair(Some(0.1), 0.2), pair(Some(0.4), 0.3), pair(None, 0.0));
        assert_eq!(
            agree(&[&low, &high]).unwrap(),
            "Cohen’s kappa of two scanners is 0.100 to 0.400, where the positive rates allow at most \
             0.200 to 0.800; of the skills that one of two flags both flag 30.0\u{a0}% at most."
        );
        assert_eq!(
            agree(&[&low, &none, &none]).unwrap(),
            "Cohen’s kappa of two scanners is 0.100 (it is defined for 1 of 3 pairs), where the positive \
             rates allow at most 0.200; of the skills that one of two flags both flag 20.0\u{a0}% at most."
        );
        assert_eq!(agree(&[&none]), None);
        assert_eq!(turned("this run", &[]), None);
    }

    #[test]
    fn what_the_folds_say_stands_beside_the_test_rows() {
        let results = |folds: Option<f64>, no_interval: Option<&str>| -> EvaluationResults {
            let f1 = |value: f64| {
                let mut found = Estimate::point(value, 90);
                match no_interval {
                    Some(reason) => found.no_interval = Some(reason.to_owned()),
                    None => found = found.with_interval(value - 0.1, value + 0.1, "bootstrap"),
                }
                json!({ "macro": { "f1": found } })
            };
            let mut metrics = json!({ "test": f1(0.8) });
            if let Some(value) = folds {
                metrics["folds"] = f1(value);
            }
            let model = json!({
                "name": "all", "sha256": "", "groups": [], "c": 1.0, "training_rows": {}, "grid": [],
                "metrics": metrics, "confusion": [], "reliability": [], "curves": [],
                "operating_points": [], "calibration": [], "leakage": [], "paired_tests": [],
                "strongest": [], "errors": [],
            });
            let counts = json!({
                "split": "folds", "rows": 1234, "classes": {}, "unlabelled": 0, "owners": 9,
            });
            let folds = folds.map(|_| json!({ "number": 5, "counts": counts }));
            let results = json!({
                "format": "2.2", "target": "verdict", "classes": [], "folds": folds, "models": [model],
                "counts": [],
                "baselines": [], "ablation": [], "warnings": [],
            });
            serde_json::from_value(results).unwrap()
        };
        assert_eq!(
            holds(&results(Some(0.5), None)).unwrap(),
            "Does it hold for owners that training has not met? In 5 folds by owner and near-duplicates, \
             with features and models made anew for each (1,234 rows), macro F1 is \
             0.500 (0.400\u{a0}to\u{a0}0.600) for the model; on test it is 0.800 (0.700\u{a0}to\u{a0}0.900)."
        );
        let bare = holds(&results(Some(0.5), Some("a class has fewer than 10 rows"))).unwrap();
        let end = "macro F1 is 0.500 for the model; on test it is 0.800 (no interval: a class has fewer \
                   than 10 rows).";
        assert!(bare.ends_with(end), "{bare}");
        assert_eq!(holds(&results(None, None)), None);
    }
}
