//! Training, saving, loading and evaluating on a small synthetic study.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use clawsig_model::{
    Calibration, EvaluateParams, ModelError, Scored, SplitData, TrainData, TrainParams,
    TrainedModel, evaluate,
    metrics::{Bootstrap, split_metrics},
    train,
};
use clawsig_schema::{
    Split, Target, Verdict, VerdictLabel,
    estimate::Estimate,
    evaluation::{GridRow, MACRO, ModelName, OVERALL, ScoreRow, metric},
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
            // A verdict that the registry may come to write.
            verdict: verdict.map_or(VerdictLabel::Other("review".to_owned()), VerdictLabel::from),
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
        let params = TrainParams { grid: vec![10.0, 0.1, 1.0], ..TrainParams::default() };
        let training = train(data, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        for model in [ModelName::All, ModelName::TextOnly] {
            let tried: Vec<&GridRow> =
                training.grid.iter().filter(|row| row.model == model).collect();
            assert_eq!(tried.iter().map(|row| row.c).collect::<Vec<_>>(), [0.1, 1.0, 10.0]);
            assert_eq!(tried.iter().filter(|row| row.chosen).count(), 1);
            let best = tried.iter().filter_map(|row| row.macro_f1.value).fold(0.0, f64::max);
            let chosen = tried.iter().find(|row| row.chosen).unwrap();
            assert_eq!(chosen.macro_f1.value, Some(best));
        }
        assert!(training.model.report.converged);
        let text_only = training.text_only.as_ref().unwrap();
        assert!(text_only.coefficients.column(9).iter().all(|w| *w == 0.0));

        let params = EvaluateParams {
            replicates: 50,
            calibration: Calibration::Platt,
            ..EvaluateParams::default()
        };
        let evaluated = || {
            let params = params.clone().check().unwrap();
            evaluate(data, None, &training, &params, &|_, _, _| {}).unwrap()
        };
        let found = evaluated();
        assert_eq!(found, evaluated());
        let results = &found.results;
        let names: Vec<ModelName> = results.models.iter().map(|model| model.name).collect();
        assert_eq!(names, [ModelName::All, ModelName::TextOnly]);
        for (model, (name, predictions)) in results.models.iter().zip(&found.predictions) {
            assert_eq!(model.name, *name);
            assert!(!model.metrics.0.contains_key("eval_holdout"));
            let accuracy = model.metrics.get("test", OVERALL, metric::ACCURACY).unwrap();
            assert!(accuracy.value.unwrap() > 0.6 && accuracy.low < accuracy.high);
            let test = || predictions.rows.iter().filter(|p| p.split == "test");
            assert_eq!(test().count() as u64, accuracy.n);
            let hits = test().filter(|p| p.verdict == p.predicted).count() as f64;
            assert_eq!(hits / accuracy.n as f64, accuracy.value.unwrap());
            assert!(model.errors.iter().all(|row| row.verdict != row.predicted));
            assert!(model.errors.iter().all(|row| row.explanation.is_some()));
            // VirusTotal rated no row, so there is nothing to compare with and nothing to score.
            assert_eq!(model.paired_tests.len(), 6);
            assert!(model.operating_points.iter().any(|point| point.threshold.is_some()));
            assert_eq!(model.calibration.len(), 2);
            assert_eq!(model.training_rows, training.model.training_rows);
            assert_eq!(model.grid.len(), 3);
            assert!(model.curves.iter().any(|curve| curve.split == "test"));
            assert!(model.leakage.iter().any(|row| row.name == "owner unseen in training"));
        }
        assert_ne!(results.models[0].sha256, results.models[1].sha256);
        let counts = &results.counts[2];
        assert_eq!(counts.rows + counts.unlabelled, 90);
        assert!(counts.unlabelled > 0);
        assert_eq!(counts.left_out, [("review".to_owned(), counts.unlabelled)].into());
        let all: u64 = results.counts.iter().map(|counts| counts.unlabelled).sum();
        let told = format!("{all} rows with the verdict `review`");
        assert!(results.warnings[0].starts_with(&told), "{:?}", results.warnings);
        assert_eq!(counts.classes.values().sum::<u64>(), counts.rows);
        let undefined = || results.baselines.iter().filter(|row| row.name == "virustotal-flag");
        assert!(undefined().count() > 0);
        for row in undefined() {
            assert_eq!(row.estimate.undefined.as_deref(), Some("virustotal rated no row"));
        }

        let alone = TrainParams { text_only: false, ..training.model.params.clone() };
        let alone = train(data, &alone.check().unwrap(), &|_, _, _| {}).unwrap();
        assert!(alone.text_only.is_none());
        let last = EvaluateParams { use_holdout: true, replicates: 0, ..EvaluateParams::default() };
        let last = last.check().unwrap();
        let found = evaluate(data, None, &alone, &last, &|_, _, _| {}).unwrap().results;
        assert!(found.models[0].metrics.0.contains_key("eval_holdout"));
        assert_eq!(found.models.len(), 1);
    });
}

/// One number has one interval, wherever it stands.
#[test]
fn a_figure_that_stands_in_several_tables_is_the_same_in_all() {
    with_data(|data| {
        let training =
            train(data, &TrainParams::default().check().unwrap(), &|_, _, _| {}).unwrap();
        let params = EvaluateParams { replicates: 60, ..EvaluateParams::default() };
        let params = params.check().unwrap();
        let results = evaluate(data, None, &training, &params, &|_, _, _| {}).unwrap().results;
        let of = |rows: &[ScoreRow], name: &str| -> Vec<(String, String, Estimate)> {
            let rows = rows.iter().filter(|row| row.name == name);
            rows.map(|r| (r.scope.clone(), r.metric.clone(), r.estimate.clone())).collect()
        };
        let model = of(&results.baselines, "model");
        assert_eq!(model.len(), 24);
        assert_eq!(model, of(&results.ablation, "all"));
        assert_eq!(model, of(&results.models[0].leakage, "all test rows")[..24]);
        let text_only = of(&results.baselines, "text-only model");
        assert_eq!(text_only, of(&results.ablation, "text only"));
        assert_eq!(text_only, of(&results.models[1].leakage, "all test rows")[..24]);
        for (scope, metric, estimate) in model {
            assert_eq!(results.models[0].metrics.get("test", &scope, &metric), Some(&estimate));
        }
    });
}

#[test]
fn rows_without_a_label_are_no_success() {
    with_data(|data| {
        let params = TrainParams::default().check().unwrap();
        let training = train(data, &params, &|_, _, _| {}).unwrap();
        let only_train = TrainData { splits: &data.splits[..1], columns: data.columns };
        let params = EvaluateParams::default().check().unwrap();
        let error = evaluate(&only_train, None, &training, &params, &|_, _, _| {}).unwrap_err();
        assert!(error.to_string().starts_with("no row of validation, test has a label"), "{error}");
        let without_test = TrainData { splits: &data.splits[..2], columns: data.columns };
        let found = evaluate(&without_test, None, &training, &params, &|_, _, _| {}).unwrap();
        let warning = "no test row has a label for target `verdict`";
        assert!(found.results.warnings.iter().any(|text| text.starts_with(warning)));
    });
}

#[test]
fn a_c_at_an_end_of_the_grid_and_a_class_without_rows_are_said() {
    with_data(|data| {
        let warnings = |grid: &[f64]| {
            let params = TrainParams { grid: grid.to_vec(), ..TrainParams::default() };
            train(data, &params.check().unwrap(), &|_, _, _| {}).unwrap().warnings
        };
        let ends = |grid: &[f64]| {
            let said = warnings(grid);
            ["least", "greatest"].map(|end| said.iter().any(|text| text.contains(end)))
        };
        // Far too strong a penalty beside a good one, from either side.
        assert_eq!(ends(&[1e-8, 1.0]), [false, true]);
        assert_eq!(ends(&[1.0]), [false, false]);
        // A list of one value asks validation nothing.
        let alone = TrainData { splits: &data.splits[..1], columns: data.columns };
        let params = TrainParams { grid: vec![1.0], ..TrainParams::default() };
        let said = train(&alone, &params.check().unwrap(), &|_, _, _| {}).unwrap().warnings;
        assert!(!said.iter().any(|text| text.contains("without effect")), "{said:?}");
        let benign: Vec<RowInfo> = data.splits[0]
            .rows
            .iter()
            .map(|row| RowInfo {
                verdict: match row.verdict.known() {
                    Some(Verdict::Malicious) => VerdictLabel::Absent,
                    _ => row.verdict.clone(),
                },
                ..row.clone()
            })
            .collect();
        let splits = [SplitData { rows: &benign, ..data.splits[0] }];
        let two = TrainData { splits: &splits, columns: data.columns };
        let params = TrainParams { grid: vec![0.1, 1.0], c: 2.0, ..TrainParams::default() };
        let found = train(&two, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        assert_eq!((found.model.params.c, found.grid.len()), (2.0, 0));
        let said = found.warnings.join("\n");
        assert!(said.contains("no training row is of class malicious"), "{said}");
        assert!(said.contains("model.grid is without effect"), "{said}");
    });
}

#[test]
fn a_rule_that_gives_the_class_is_said() {
    with_data(|data| {
        let rows_of = |split: &SplitData<'_>| -> Vec<RowInfo> {
            let flagged = |row: &RowInfo| row.verdict.known().map(|v| v != Verdict::Clean);
            split.rows.iter().map(|r| RowInfo { flag_static: flagged(r), ..r.clone() }).collect()
        };
        let rows: Vec<Vec<RowInfo>> = data.splits.iter().map(rows_of).collect();
        let splits: Vec<SplitData<'_>> = data
            .splits
            .iter()
            .zip(&rows)
            .map(|(split, rows)| SplitData { rows, ..*split })
            .collect();
        let given = TrainData { splits: &splits, columns: data.columns };
        let params = TrainParams { target: Target::NonClean, ..TrainParams::default() };
        let training = train(&given, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        let params = EvaluateParams { replicates: 0, refits: false, ..EvaluateParams::default() };
        let params = params.check().unwrap();
        let said = |data| {
            let found = evaluate(data, None, &training, &params, &|_, _, _| {}).unwrap().results;
            let about = found.warnings.into_iter().filter(|text| text.contains("gives the class"));
            about.collect::<Vec<_>>()
        };
        let found = said(&given);
        // The worst of all scanners says the same as this one.
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("the rule `static-flag` gives the class of every one of 8"));
        assert!(found[0].contains("the non-clean says nothing there"), "{found:?}");
        assert_eq!(said(data), [""; 0]);
    });
}

/// A selection that lacks a class is not compared by a mean over fewer classes.
#[test]
fn means_over_other_classes_are_not_compared() {
    with_data(|data| {
        // Every malicious test row has an owner that training knows.
        let mut test = data.splits[2].rows.to_vec();
        for row in &mut test {
            let known = row.verdict.known() == Some(Verdict::Malicious);
            row.owner = Some(if known { "owner1".to_owned() } else { row.id.clone() });
        }
        let mut splits = data.splits.to_vec();
        splits[2].rows = &test;
        let data = TrainData { splits: &splits, columns: data.columns };
        let training =
            train(&data, &TrainParams::default().check().unwrap(), &|_, _, _| {}).unwrap();
        let params = EvaluateParams { replicates: 20, refits: false, ..EvaluateParams::default() };
        let params = params.check().unwrap();
        let results = evaluate(&data, None, &training, &params, &|_, _, _| {}).unwrap().results;
        let rows = &results.models[0].leakage;
        let f1 = |name: &str, scope: &str| {
            let mut rows = rows.iter().filter(|r| r.name == name && r.scope == scope);
            rows.find(|row| row.metric == metric::F1).map(|row| row.estimate.clone())
        };
        assert!(f1("all test rows", MACRO).unwrap().value.is_some());
        let lacking = f1("owner unseen in training", MACRO).unwrap();
        assert!(lacking.undefined.unwrap().contains("the classes clean, suspicious, not those"));
        let common = "macro of clean, suspicious";
        let [all, unseen] = ["all test rows", "owner unseen in training"]
            .map(|name| f1(name, common).unwrap().value.unwrap());
        let mean = ["clean", "suspicious"]
            .map(|class| f1("owner unseen in training", class).unwrap().value.unwrap())
            .iter()
            .sum::<f64>()
            / 2.0;
        assert!((unseen - mean).abs() < 1e-12);
        assert!(all > 0.0 && f1("all test rows", MACRO).unwrap().value != Some(all));
    });
}

#[test]
fn a_class_of_one_row_gets_no_bootstrap_interval() {
    let labels: Vec<usize> = (0..60).map(|row| if row == 0 { 2 } else { row % 2 }).collect();
    let p = labels.iter().enumerate().map(|(row, &class)| {
        let mut p = vec![0.1; 3];
        p[if row % 7 == 3 { 1 - class } else { class }] = 0.8;
        p
    });
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let owners: Vec<usize> = (0..60).collect();
    let scored = Scored::from_probabilities(classes, labels.clone(), p.collect(), &owners).unwrap();
    let table = split_metrics(&scored, Some(Bootstrap { replicates: 100, seed: 1 }));
    for (scope, name) in [("c", "f1"), ("macro", "f1"), ("overall", "balanced_accuracy")] {
        let estimate = &table[scope][name];
        assert!(estimate.value.is_some() && estimate.low.is_none(), "{scope} {name}: {estimate:?}");
        assert_eq!(estimate.no_interval.as_deref(), Some("a class has fewer than 10 rows"));
    }
    for (scope, name) in [("a", "f1"), ("overall", "mcc"), ("c", "brier"), ("c", "recall")] {
        let estimate = &table[scope][name];
        assert!(estimate.low < estimate.high, "{scope} {name}: {estimate:?}");
    }
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
            ("\"format\": \"3.0\"", "\"format\": \"2.0\"", "anew with `clawsig train`"),
            ("\"format\": \"3.0\"", "\"format\": \"3.1\"", "newer than this clawsig reads"),
            ("\"format\": \"3.0\"", "\"format\": \"4.0\"", "update clawsig"),
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
