//! Two whole trainings and evaluations, against what they found before.
//!
//! `UPDATE_RECORDS=1 cargo test -p clawsig-model` writes the record anew; read it before it is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::fmt::Write;

use clawsig_model::{
    Calibration, ClassWeight, CrossValidation, EvaluateParams, Penalty, SplitData, TrainData,
    TrainParams, evaluate, train,
};
use clawsig_schema::{
    Severity, Split, Target, Verdict, VerdictLabel,
    evaluation::ModelName,
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
    settings::SeedParams,
};
use clawsig_test_record::{compare, rounded};
use serde_json::Value;

fn columns() -> Vec<ColumnInfo> {
    let groups = [
        (ColumnGroup::Text, 9),
        (ColumnGroup::Chars, 3),
        (ColumnGroup::Flags, 3),
        (ColumnGroup::Numeric, 2),
    ];
    let all = groups.into_iter().flat_map(|(group, count)| {
        (0..count).map(move |at| (group, format!("{group}{at}"), String::new()))
    });
    (0..)
        .zip(all)
        .map(|(column, (group, name, reads))| ColumnInfo { column, group, name, reads })
        .collect()
}

/// A number below 1,000 for every pair, without a pattern.
fn draw(n: usize, of: usize) -> usize {
    let mixed = (n as u64 * 31 + of as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as usize % 1_000
}

/// A row of everything that evaluation looks at; its entries lean towards its verdict.
fn row(n: usize, split: Split) -> (Vec<(u32, f64)>, RowInfo) {
    let n = n + split.index() * 1_000;
    let verdict = match draw(n, 0) {
        0..60 => None,
        60..180 => Some(Verdict::Malicious),
        180..480 => Some(Verdict::Suspicious),
        _ => Some(Verdict::Clean),
    };
    let lean = verdict.map_or(0, Verdict::index);
    let right = |of: usize, share: usize| draw(n, of) < share;
    let mut entries = Vec::new();
    for term in 0..3 {
        let of = if right(1 + term, 400) { lean } else { draw(n, 4 + term) % 3 };
        entries.push(((term * 3 + of) as u32, 0.25 + draw(n, 7 + term) as f64 / 1_000.0));
    }
    entries.push((9 + (draw(n, 10) % 3) as u32, 1.0));
    let flags: [Option<bool>; 3] = std::array::from_fn(|scanner| {
        let rated = scanner != 1 || draw(n, 11) < 700;
        rated.then(|| if right(12 + scanner, 600) { lean > 0 } else { right(15 + scanner, 300) })
    });
    for (scanner, flag) in flags.into_iter().enumerate() {
        if flag == Some(true) {
            entries.push((12 + scanner as u32, 1.0));
        }
    }
    entries.push((15, draw(n, 18) as f64 / 100.0 - 5.0));
    if right(19, 400) {
        entries.push((16, lean as f64 / 2.0 + draw(n, 20) as f64 / 400.0));
    }
    let owner = draw(n, 21) % 23;
    let severity = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let info = RowInfo {
        id: format!("{split}-{n}"),
        slug: Some(format!("owner{owner}/skill{n}")),
        owner: right(22, 900).then(|| format!("owner{owner}")),
        split,
        verdict: verdict.map_or(VerdictLabel::Absent, VerdictLabel::from),
        severity: right(23, 900).then(|| severity[draw(n, 24) % 4]),
        flag_static: flags[0],
        flag_virustotal: flags[1],
        flag_skillspector: flags[2],
        duplicate_group: (draw(n, 25) % 200) as u32,
        copies_in_train: u32::from(right(26, 150)),
    };
    (entries, info)
}

fn matrix(rows: &[Vec<(u32, f64)>]) -> Csr {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for &(column, value) in rows.iter().flatten() {
        indices.push(column);
        values.push(value);
    }
    for row in rows {
        indptr.push(indptr[indptr.len() - 1] + row.len() as u64);
    }
    Csr::new(columns().len(), indptr, indices, values).unwrap()
}

fn plain(value: &Value) -> Value {
    rounded(value, &|_| true)
}

/// A line for each item of a list, of a long one for every fifth, and for each figure of a table. The
/// weights' hash has more digits than two machines agree on.
fn record(out: &mut String, place: &str, value: &Value) {
    match value {
        Value::Object(fields) if !fields.contains_key("n") => {
            for (name, value) in fields.iter().filter(|(name, _)| *name != "sha256") {
                record(out, &format!("{place}/{name}"), value);
            }
        }
        Value::Array(values) if values.iter().all(Value::is_object) => {
            for value in values.iter().step_by(if values.len() > 100 { 5 } else { 1 }) {
                writeln!(out, "{place}: {}", plain(value)).unwrap();
            }
        }
        value => writeln!(out, "{place}: {}", plain(value)).unwrap(),
    }
}

#[test]
fn training_and_evaluation_are_as_they_are_on_record() {
    let mut found = String::new();
    let columns = columns();
    let made: Vec<(Split, Csr, Vec<RowInfo>)> = Split::ALL
        .iter()
        .zip([160, 70, 80, 30])
        .map(|(&split, n)| {
            let (entries, rows): (Vec<_>, Vec<_>) = (0..n).map(|n| row(n, split)).unzip();
            (split, matrix(&entries), rows)
        })
        .collect();
    let splits: Vec<SplitData<'_>> =
        made.iter().map(|(split, x, rows)| SplitData { split: *split, x, rows }).collect();
    let data = TrainData { splits: &splits, columns: &columns };
    let random = SeedParams { seed: 5 };
    let verdict = TrainParams { grid: vec![0.3, 3.0, 30.0], random, ..TrainParams::default() };
    let flagged = TrainParams {
        c: 0.4,
        class_weight: ClassWeight::Given(vec![1.0, 2.5]),
        penalty: Penalty::ElasticNet(0.3),
        target: Target::NonClean,
        text_only: false,
        random,
        ..TrainParams::default()
    };
    for (params, calibration, folds) in
        [(verdict, Calibration::Platt, true), (flagged, Calibration::Isotonic, false)]
    {
        writeln!(found, "## {}", params.target).unwrap();
        let training = train(&data, &params.check().unwrap(), &|_, _, _| {}).unwrap();
        for row in &training.grid {
            writeln!(found, "grid: {}", plain(&serde_json::to_value(row).unwrap())).unwrap();
        }
        writeln!(found, "warnings: {:?}", training.warnings).unwrap();
        for term in training.model.strongest(&columns, 4) {
            writeln!(found, "strongest: {}", plain(&serde_json::to_value(term).unwrap())).unwrap();
        }
        let params = EvaluateParams {
            replicates: 30,
            errors: 6,
            calibration,
            random,
            use_holdout: !folds,
            ..EvaluateParams::default()
        };
        let cross = folds.then(|| {
            let rows = splits[..3].iter().flat_map(|split| split.rows);
            let mut cross = CrossValidation::new(rows, &training, 3, 5);
            let all: Vec<_> = splits[..3]
                .iter()
                .flat_map(|split| (0..split.rows.len()).map(move |at| (split, at)))
                .filter(|(split, at)| split.rows[*at].verdict.known().is_some())
                .map(|(split, at)| {
                    let (columns, values) = split.x.row(at);
                    columns.iter().copied().zip(values.iter().copied()).collect()
                })
                .collect();
            let numbers: Vec<usize> = (0..all.len()).collect();
            let x = matrix(&all);
            for fold in cross.folds() {
                cross.score(fold, &columns, (&x, &numbers), &|_, _, _| {}).unwrap();
            }
            cross
        });
        let results =
            evaluate(&data, cross.as_ref(), &training, &params.check().unwrap(), &|_, _, _| {})
                .unwrap();
        let mut value = serde_json::to_value(&results.results).unwrap();
        let models = value["models"].take();
        record(&mut found, "", &value);
        // The second model is treated alike.
        record(&mut found, "model", &models[0]);
        let all = results.predictions.iter().find(|(name, _)| *name == ModelName::All).unwrap();
        for row in all.1.rows.iter().step_by(9) {
            let row = plain(&serde_json::to_value(row).unwrap());
            writeln!(found, "prediction: {row}").unwrap();
        }
    }
    compare("tests/recorded.txt", &found);
}
