//! What a model must beat: constant, random and scanner answers on the same rows.

use clawsig_schema::{estimate::Estimate, evaluation::PairedTest, matrix::RowInfo, target::Target};
use clawsig_stats::{below, generator, mcnemar_exact};
use rayon::prelude::*;

use crate::{
    error::{ModelError, Result},
    metrics::{Bootstrap, LEAST_SUPPORT, too_few},
    scored::{Scored, owner_units},
};

/// Each baseline's name and its answer for every row, as positions in the target's classes.
///
/// `majority` and `stratified` know the training labels; `always-<class>` names the second class
/// (suspicious, or the positive one); a scanner that flags a row answers the second class, one
/// that doesn't, or has no result, the first. Scanners don't answer for a severity. A baseline
/// whose scanners have no result for any of the rows has a reason in place of answers: silence of
/// a scanner that was never run is not a "clean".
pub fn baselines(
    target: Target,
    train: &[usize],
    rows: &[&RowInfo],
    seed: u64,
) -> Vec<(String, std::result::Result<Vec<usize>, String>)> {
    let names = target.classes();
    let mut counts = vec![0_usize; names.len()];
    train.iter().for_each(|&label| counts[label] += 1);
    let mut majority = 0;
    for (class, count) in counts.iter().enumerate() {
        if *count > counts[majority] {
            majority = class;
        }
    }
    let mut generator = generator(seed, 0);
    let total: usize = counts.iter().sum();
    let mut draw = || {
        let mut left = below(&mut generator, total);
        for (class, &count) in counts.iter().enumerate() {
            if left < count {
                return class;
            }
            left -= count;
        }
        majority
    };
    let mut all = vec![
        ("majority".to_owned(), Ok(vec![majority; rows.len()])),
        ("stratified".to_owned(), Ok(rows.iter().map(|_| draw()).collect())),
        (format!("always-{}", names[1]), Ok(vec![1; rows.len()])),
    ];
    if target != Target::Severity {
        type Flags = (&'static str, &'static str, fn(&RowInfo) -> [Option<bool>; 3]);
        let scanners: [Flags; 4] = [
            ("static-flag", "static", |row| [row.flag_static, None, None]),
            ("virustotal-flag", "virustotal", |row| [row.flag_virustotal, None, None]),
            ("skillspector-flag", "skillspector", |row| [row.flag_skillspector, None, None]),
            ("worst-of-scanners", "no scanner", |row| {
                [row.flag_static, row.flag_virustotal, row.flag_skillspector]
            }),
        ];
        for (name, scanner, flags) in scanners {
            let rated = rows.iter().any(|row| flags(row).iter().any(Option::is_some));
            let answers =
                || rows.iter().map(|row| usize::from(flags(row).contains(&Some(true)))).collect();
            let answers = if rated {
                Ok(answers())
            } else if scanner == "no scanner" {
                Err("no scanner rated a row".to_owned())
            } else {
                Err(format!("{scanner} rated no row"))
            };
            all.push((name.to_owned(), answers));
        }
    }
    all
}

/// Answers as predictions that are certain of themselves.
///
/// # Errors
/// If lengths disagree.
pub fn as_scored(
    classes: &[String],
    labels: &[usize],
    answers: &[usize],
    rows: &[&RowInfo],
) -> Result<Scored> {
    let certain = |answer: usize| {
        (0..classes.len()).map(|class| if class == answer { 1.0 } else { 0.0 }).collect()
    };
    Scored::from_probabilities(
        classes.to_vec(),
        labels.to_vec(),
        answers.iter().map(|&answer| certain(answer)).collect(),
        &owner_units(rows.iter().copied()),
    )
}

/// Accuracy, and the mean F1 of the given classes, under row weights; `None` where the weights leave no
/// rows, or no rows of one of the classes.
fn accuracy_and_f1(s: &Scored, classes: &[usize], w: &[f64]) -> [Option<f64>; 2] {
    let k = s.classes.len();
    let (mut hits, mut support, mut called) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
    for row in 0..s.len() {
        support[s.labels[row]] += w[row];
        called[s.predicted[row]] += w[row];
        if s.labels[row] == s.predicted[row] {
            hits[s.labels[row]] += w[row];
        }
    }
    let n: f64 = support.iter().sum();
    let all = !classes.is_empty() && classes.iter().all(|&c| support[c] > 0.0);
    let f1 = || classes.iter().map(|&c| 2.0 * hits[c] / (support[c] + called[c])).sum::<f64>();
    [(n > 0.0).then(|| hits.iter().sum::<f64>() / n), all.then(|| f1() / classes.len() as f64)]
}

/// The model against a baseline on the same rows: McNemar's exact test, and the differences in
/// accuracy and macro F1 with percentile intervals of replicates that draw the same owners for both. The
/// latter has none where a class has fewer than [`LEAST_SUPPORT`] rows.
///
/// # Errors
/// If the two have other classes or labels.
pub fn paired_test(
    split: &str,
    name: &str,
    model: &Scored,
    baseline: &Scored,
    bootstrap: Bootstrap,
) -> Result<PairedTest> {
    if model.labels != baseline.labels || model.classes != baseline.classes {
        return Err(ModelError::Shape {
            what: "a baseline on the rows and classes of the model",
            found: baseline.len(),
            expected: model.len(),
        });
    }
    let (mut only_model, mut only_baseline) = (0_u64, 0_u64);
    for row in 0..model.len() {
        match (
            model.predicted[row] == model.labels[row],
            baseline.predicted[row] == model.labels[row],
        ) {
            (true, false) => only_model += 1,
            (false, true) => only_baseline += 1,
            _ => {}
        }
    }
    let n = model.len() as u64;
    let mcnemar = match mcnemar_exact(only_model, only_baseline) {
        Some(test) => {
            let p_value = Some(test.p_value);
            Estimate { p_value, ..Estimate::point(test.statistic, n) }
        }
        None => Estimate::undefined("model and baseline are right on the same rows", n),
    };
    let support = model.support();
    let classes: Vec<usize> = (0..support.len()).filter(|&c| support[c] > 0).collect();
    let difference = |w: &[f64]| {
        let (model, baseline) =
            (accuracy_and_f1(model, &classes, w), accuracy_and_f1(baseline, &classes, w));
        [0, 1].map(|at| Some(model[at]? - baseline[at]?))
    };
    let replicates: Vec<[Option<f64>; 2]> = (0..bootstrap.replicates)
        .into_par_iter()
        .map(|replicate| difference(&bootstrap.weights(model, replicate)))
        .collect();
    let whole = difference(&vec![1.0; model.len()]);
    let least = classes.iter().map(|&class| support[class]).min().unwrap_or(0);
    let estimate = |at: usize| match whole[at] {
        None => Estimate::undefined("no rows", 0),
        // As everywhere, a mean of the classes is no surer than its rarest class.
        Some(value) if at == 1 && least < LEAST_SUPPORT && bootstrap.replicates > 0 => {
            too_few(Estimate::point(value, n))
        }
        Some(value) => {
            let replicates = replicates.iter().map(|found| found[at]);
            let method = "paired-bootstrap-owners";
            Bootstrap::estimate(model, value, replicates, (-1.0, 1.0), method)
        }
    };
    Ok(PairedTest {
        split: split.to_owned(),
        baseline: name.to_owned(),
        only_model_right: only_model,
        only_baseline_right: only_baseline,
        mcnemar,
        accuracy_difference: estimate(0),
        macro_f1_difference: estimate(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(labels: &[usize], predicted: &[usize]) -> Scored {
        let classes: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let rows = vec![RowInfo::default(); labels.len()];
        let rows: Vec<&RowInfo> = rows.iter().collect();
        as_scored(&classes, labels, predicted, &rows).unwrap()
    }

    /// scikit-learn 1.9.1: `accuracy_score` and `f1_score(average="macro")` with `sample_weight`.
    #[test]
    fn accuracy_and_f1_are_those_of_weighted_rows() {
        let found = scored(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 2, 2]);
        let of = |classes: &[usize], w: &[f64]| accuracy_and_f1(&found, classes, w);
        let both = |w: &[f64]| of(&[0, 1, 2], w).map(Option::unwrap);
        let [accuracy, f1] = both(&[1.0, 2.0, 1.0, 3.0, 1.0, 2.0]);
        assert!((accuracy - 0.8).abs() < 1e-15, "{accuracy}");
        assert!((f1 - (6.0 / 7.0 + 6.0 / 8.0 + 4.0 / 5.0) / 3.0).abs() < 1e-15, "{f1}");
        let [accuracy, f1] = both(&[1.0; 6]);
        assert!((accuracy - 4.0 / 6.0).abs() < 1e-15, "{accuracy}");
        assert!((f1 - (4.0 / 5.0 + 1.0 / 2.0 + 2.0 / 3.0) / 3.0).abs() < 1e-15, "{f1}");
        // Without a row of one class the mean would be of another set of classes.
        assert_eq!(of(&[0, 1, 2], &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), [Some(0.6), None]);
        assert!(of(&[0, 1], &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0])[1].is_some());
        assert_eq!(of(&[], &[1.0; 6])[1], None);
        assert_eq!(of(&[0, 1, 2], &[0.0; 6]), [None, None]);
    }

    #[test]
    fn a_stratified_draw_has_the_shares_of_training() {
        let train: Vec<usize> = [vec![0; 60], vec![1; 30], vec![2; 10]].concat();
        let rows = vec![RowInfo::default(); 20_000];
        let rows: Vec<&RowInfo> = rows.iter().collect();
        let draw = |seed| {
            let all = baselines(Target::Verdict, &train, &rows, seed);
            let (name, answers) = all[1].clone();
            assert_eq!(name, "stratified");
            answers.unwrap()
        };
        let drawn = draw(3);
        for (class, share) in [(0, 0.6), (1, 0.3), (2, 0.1)] {
            let found = drawn.iter().filter(|&&answer| answer == class).count() as f64 / 20_000.0;
            // Four standard deviations.
            let within = 4.0 * (share * (1.0 - share) / 20_000.0_f64).sqrt();
            assert!((found - share).abs() < within, "{class}: {found}");
        }
        assert_eq!(drawn, draw(3));
        assert_ne!(drawn, draw(4));
        let only = baselines(Target::Verdict, &[], &rows[..2], 1);
        assert_eq!(only[1].1, Ok(vec![0, 0]), "without training rows: the first class");
    }

    #[test]
    fn rules_answer_by_their_flags_and_say_when_they_can_not() {
        let row = |flag_static, flag_skillspector| RowInfo {
            flag_static,
            flag_skillspector,
            ..RowInfo::default()
        };
        let rows = [row(Some(true), None), row(Some(false), Some(true)), row(None, Some(false))];
        let rows: Vec<&RowInfo> = rows.iter().collect();
        let found = baselines(Target::Verdict, &[2, 1, 1, 0], &rows, 1);
        let of = |name: &str| found.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(of("majority"), Ok(vec![1; 3]));
        assert_eq!(of("always-suspicious"), Ok(vec![1; 3]));
        assert_eq!(of("static-flag"), Ok(vec![1, 0, 0]));
        assert_eq!(of("skillspector-flag"), Ok(vec![0, 1, 0]));
        assert_eq!(of("worst-of-scanners"), Ok(vec![1, 1, 0]));
        assert_eq!(of("virustotal-flag"), Err("virustotal rated no row".to_owned()));
        let none = [&RowInfo::default()];
        let unrated = baselines(Target::NonClean, &[0], &none, 1);
        assert_eq!(unrated[6].1, Err("no scanner rated a row".to_owned()));
        assert_eq!(unrated[0].1, Ok(vec![0]));
        let severity = baselines(Target::Severity, &[3, 3], &none, 1);
        let names: Vec<&str> = severity.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["majority", "stratified", "always-MEDIUM"]);
        assert_eq!(severity[0].1, Ok(vec![3]));
    }

    #[test]
    fn a_paired_test_counts_who_is_right_alone() {
        // The model alone is right on 7 rows, the baseline alone on 1, both on 4, neither on 2.
        let labels = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 2, 2];
        let model = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0];
        let rule = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        let bootstrap = Bootstrap { replicates: 200, seed: 1 };
        let (model, rule) = (scored(&labels, &model), scored(&labels, &rule));
        let found = paired_test("test", "rule", &model, &rule, bootstrap).unwrap();
        assert_eq!((found.only_model_right, found.only_baseline_right), (7, 1));
        assert_eq!(found.mcnemar.value, Some(1.0));
        // statsmodels 0.15.0: mcnemar([[4, 7], [1, 2]], exact=True).pvalue
        assert!((found.mcnemar.p_value.unwrap() - 0.0703125).abs() < 1e-12);
        let accuracy = &found.accuracy_difference;
        assert!((accuracy.value.unwrap() - 6.0 / 14.0).abs() < 1e-12);
        assert!(accuracy.low.unwrap() < 6.0 / 14.0 && accuracy.high.unwrap() > 6.0 / 14.0);
        let f1 = &found.macro_f1_difference;
        assert!(f1.value.unwrap() > 0.0 && f1.low.is_none());
        assert_eq!(f1.no_interval.as_deref(), Some("a class has fewer than 10 rows"));
        let five_times = |scored_rows: &Scored| {
            let rows = |of: &[usize]| of.repeat(5);
            scored(&rows(&scored_rows.labels), &rows(&scored_rows.predicted))
        };
        let (many, rules) = (five_times(&model), five_times(&rule));
        let firm = paired_test("test", "rule", &many, &rules, bootstrap).unwrap();
        let f1 = firm.macro_f1_difference;
        assert!(f1.low.unwrap() < f1.value.unwrap() && f1.value.unwrap() < f1.high.unwrap());
        let same = paired_test("test", "itself", &model, &model, bootstrap).unwrap();
        assert!(same.mcnemar.undefined.is_some());
        assert_eq!(
            (same.accuracy_difference.value, same.accuracy_difference.low),
            (Some(0.0), None)
        );
        assert!(same.accuracy_difference.no_interval.is_some());
        let other = scored(&[0], &[0]);
        assert!(paired_test("test", "short", &model, &other, bootstrap).is_err());
    }
}
