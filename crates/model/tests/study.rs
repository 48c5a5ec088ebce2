//! Training, saving, loading and evaluating on a small synthetic study.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use clawsig_model::{
    Calibration, EvaluateParams, ModelError, SplitData, SplitPlan, TrainData, TrainParams,
    TrainedModel, evaluate,
    metrics::{Bootstrap, Scored, split_metrics},
    train,
};
use clawsig_schema::{
    Split, Verdict,
    evaluation::ScoreRow,
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
};

fn columns() -> Vec<ColumnInfo> {
    let text = (0..8).map(|at| (ColumnGroup::Text, format!("=term{at}")));
    let flags = ["flag_static", "flag_skillspector"].map(|n| (ColumnGroup::Flags, n.to_owned()));
    text.chain(flags)
        .enumerate()
        .map(|(at, (group, name))| ColumnInfo {
            column: at as u32,
            group,
            name,
            reads: String::new(),
        })
        .collect()
}

/// Rows whose terms and flags lean towards their verdict, by a fixed arithmetic.
fn split(split: Split, n: usize) -> (Csr, Vec<RowInfo>) {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut rows = Vec::new();
    for at in 0..n {
        let hash = (at * 2_654_435_761 + split.index() * 40_503) % 1_000;
        let verdict = match hash % 20 {
            0 => None,
            1 | 2 => Some(Verdict::Malicious),
            3..=8 => Some(Verdict::Suspicious),
            _ => Some(Verdict::Clean),
        };
        let lean = verdict.map_or(0, Verdict::index);
        let term = if hash % 7 < 5 { lean * 2 } else { hash % 8 };
        indices.push(term as u32);
        values.push(1.0);
        let flagged = lean > 0 && !hash.is_multiple_of(3);
        if flagged {
            indices.push(9);
            values.push(1.0);
        }
        indptr.push(indices.len() as u64);
        rows.push(RowInfo {
            id: format!("{split}-{at}"),
            slug: Some(format!("owner{}/skill{at}", at % 17)),
            owner: (!at.is_multiple_of(5)).then(|| format!("owner{}", at % 17)),
            split,
            verdict,
            severity: None,
            flag_static: Some(hash.is_multiple_of(11)),
            flag_virustotal: None,
            flag_skillspector: Some(flagged),
            duplicate_group: (at % 60) as u32,
            copies_in_train: 0,
        });
    }
    (Csr::new(10, indptr, indices, values).unwrap(), rows)
}

fn with_data<T>(run: impl Fn(&TrainData<'_>) -> T) -> T {
    let columns = columns();
    let made: Vec<_> =
        [200, 80, 90, 40].into_iter().zip(Split::ALL).map(|(n, &at)| (at, split(at, n))).collect();
    let splits: Vec<SplitData<'_>> =
        made.iter().map(|(split, (x, rows))| SplitData { split: *split, x, rows }).collect();
    run(&TrainData { splits: &splits, columns: &columns })
}

#[test]
fn a_study_from_training_to_evaluation() {
    with_data(|data| {
        let params = TrainParams {
            grid: vec![10.0, 0.1, 1.0],
            calibration: Calibration::Platt,
            ..TrainParams::default()
        };
        let training = train(data, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        assert_eq!(training.grid.len(), 3);
        assert_eq!(training.grid.iter().filter(|row| row.chosen).count(), 1);
        assert!(training.model.report.converged);
        let text_only = training.text_only.as_ref().unwrap();
        assert!(text_only.coefficients.column(9).iter().all(|w| *w == 0.0));

        let params = EvaluateParams { replicates: 50, ..EvaluateParams::default() };
        let result =
            evaluate(data, &training, &params.clone().check().unwrap(), &|_, _, _| {}).unwrap();
        assert!(!result.metrics.0.contains_key("eval_holdout"));
        let accuracy = result.metrics.get("test", "overall", "accuracy").unwrap();
        assert!(accuracy.value.unwrap() > 0.7 && accuracy.low < accuracy.high);
        let hits =
            result.predictions.iter().filter(|p| p.split == "test" && p.truth == p.predicted);
        assert_eq!(hits.count() as f64 / accuracy.n as f64, accuracy.value.unwrap());
        let counts = &result.file.counts[2];
        assert_eq!(counts.rows + counts.unlabelled, 90);
        assert!(counts.unlabelled > 0);
        assert!(result.errors.iter().all(|row| row.truth != row.predicted));
        assert!(result.ablation.iter().any(|row| row.name == "text only"));
        // VirusTotal rated no row, so there is nothing to compare with and nothing to score.
        assert_eq!(result.file.paired_tests.len(), 6);
        let virustotal = |row: &&ScoreRow| row.name == "virustotal-flag";
        let undefined = result.baselines.iter().filter(virustotal);
        assert!(undefined.clone().count() > 0);
        for row in undefined {
            assert_eq!(row.estimate.undefined.as_deref(), Some("virustotal rated no row"));
        }
        assert!(result.memorising.iter().any(|row| row.name.starts_with("group split")));

        let alone = TrainParams { text_only: false, ..training.model.params.clone() };
        let alone = train(data, &alone.check().unwrap(), &|_, _, _| {}).unwrap();
        assert!(alone.text_only.is_none());
        assert!(result.file.operating_points.iter().any(|point| point.threshold.is_some()));
        assert_eq!(result.file.calibration.len(), 2);
        let again = evaluate(data, &training, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        assert_eq!(result, again);

        let last = EvaluateParams { final_: true, replicates: 0, ..EvaluateParams::default() };
        let result = evaluate(data, &training, &last.check().unwrap(), &|_, _, _| {}).unwrap();
        assert!(result.metrics.0.contains_key("eval_holdout"));
    });
}

#[test]
fn a_class_of_one_row_gets_no_bootstrap_interval() {
    let truth: Vec<usize> = (0..60).map(|row| if row == 0 { 2 } else { row % 2 }).collect();
    let p = truth.iter().enumerate().map(|(row, &class)| {
        let mut p = vec![0.1; 3];
        p[if row % 7 == 3 { 1 - class } else { class }] = 0.8;
        p
    });
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let scored =
        Scored::from_probabilities(classes, truth.clone(), p.collect(), (0..60).collect()).unwrap();
    let table = split_metrics(&scored, Some(Bootstrap { replicates: 100, seed: 1 }));
    for (scope, name) in [("c", "f1"), ("macro", "f1"), ("overall", "balanced_accuracy")] {
        let estimate = &table[scope][name];
        assert!(estimate.value.is_some() && estimate.low.is_none(), "{scope} {name}: {estimate:?}");
        assert!(estimate.method.as_deref().unwrap().starts_with("no interval"));
    }
    for (scope, name) in [("a", "f1"), ("overall", "mcc"), ("c", "brier"), ("c", "recall")] {
        let estimate = &table[scope][name];
        assert!(estimate.low < estimate.high, "{scope} {name}: {estimate:?}");
    }
}

#[test]
fn the_stratified_plan_keeps_every_row_once_and_the_shares() {
    with_data(|data| {
        let params = TrainParams { split: SplitPlan::Stratified7030, ..TrainParams::default() };
        let parts = data.parts(&params).unwrap();
        assert_eq!(parts[1].rows.len(), 0);
        let (train, test) = (&parts[0], &parts[2]);
        assert_eq!(train.rows.len() + test.rows.len() + train.unlabelled as usize, 370);
        let share = test.rows.len() as f64 / (train.rows.len() + test.rows.len()) as f64;
        assert!((share - 0.3).abs() < 0.01, "{share}");
        assert_eq!(parts[3].rows.len() + parts[3].unlabelled as usize, 40);
    });
}

#[test]
fn a_model_reads_back_and_a_damaged_one_is_refused() {
    let folder = std::env::temp_dir().join(format!("clawsig-model-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (json, weights) = (folder.join("model.json"), folder.join("model.safetensors"));
    with_data(|data| {
        let params = TrainParams::default().check().unwrap();
        let model = train(data, &params, &|_, _, _| {}).unwrap().model;
        model.save(&json, &weights).unwrap();
        assert_eq!(TrainedModel::load(&json, &weights).unwrap(), model);
        let mut other = columns();
        other[3].name.push('x');
        assert!(matches!(model.check_columns(&other), Err(ModelError::Columns { .. })));

        let good = std::fs::read(&weights).unwrap();
        for cut in [0, 7, 24, good.len() - 1] {
            std::fs::write(&weights, &good[..cut]).unwrap();
            assert!(TrainedModel::load(&json, &weights).is_err(), "{cut}");
        }
        let mut bad = good.clone();
        bad[40] ^= 1;
        std::fs::write(&weights, &bad).unwrap();
        let error = TrainedModel::load(&json, &weights).unwrap_err();
        assert!(error.to_string().contains("hash"), "{error}");
        std::fs::write(&weights, &good).unwrap();
        let text = std::fs::read_to_string(&json).unwrap();
        for (from, to, expected) in [
            ("\"format\": \"2.0\"", "\"format\": \"1.0\"", "anew with `clawsig train`"),
            ("\"format\": \"2.0\"", "\"format\": \"2.1\"", "newer than this clawsig reads"),
            ("\"format\": \"2.0\"", "\"format\": \"3.0\"", "update clawsig"),
            ("\"format\"", "\"extra\": 1, \"format\"", "unknown field `extra`"),
            ("\"clean\"", "\"unclean\"", "not the target's"),
            ("\"columns\": 10", "\"columns\": 18446744073709551615", "classes or columns"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&json, text.replacen(from, to, 1)).unwrap();
            let error = TrainedModel::load(&json, &weights).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
