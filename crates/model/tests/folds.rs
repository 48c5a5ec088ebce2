//! Cross-validation in folds by owner and near-duplicates, beside models that are fitted by hand.
#![expect(clippy::unwrap_used, reason = "helpers of a test: a failed unwrap is a failed test")]

use std::collections::HashSet;

use clawsig_model::{
    CrossValidation, EvaluateParams, SplitData, TrainData, TrainParams, Training, evaluate,
    related_rows, train,
};
use clawsig_schema::{
    Split, Verdict, VerdictLabel,
    evaluation::{EvaluationResults, FOLDS, MACRO, ModelName, OVERALL, metric},
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
};

const GROUPS: [ColumnGroup; 3] = [ColumnGroup::Text, ColumnGroup::Chars, ColumnGroup::Shape];

/// Three columns of each group.
fn columns() -> Vec<ColumnInfo> {
    let named = (0..9_u32).map(|column| ColumnInfo {
        column,
        group: GROUPS[column as usize / 3],
        name: format!("column{column}"),
        reads: String::new(),
    });
    named.collect()
}

/// Rows whose columns lean towards their verdict, by a fixed arithmetic; five rows an owner, a row in
/// 20 without a verdict.
fn rows(n: usize) -> (Csr, Vec<RowInfo>) {
    let mut entries: Vec<([u32; 3], [f64; 3])> = Vec::new();
    let mut rows = Vec::new();
    for at in 0..n {
        let hash = at * 2_654_435_761 % 1_000;
        let class = if hash % 20 == 0 { None } else { Some(at % 2) };
        let lean = |salt: usize| match class {
            Some(class) if (hash / salt) % 10 < 7 => class as u32,
            _ => ((hash / salt) % 3) as u32,
        };
        let columns = [lean(1), 3 + lean(7), 6 + lean(31)];
        entries.push((columns, [1.0, 0.5, 1.0 + (hash % 3) as f64]));
        let verdict = class.map(|class| [Verdict::Clean, Verdict::Malicious][class]);
        rows.push(RowInfo {
            id: format!("row{at}"),
            owner: Some(format!("owner{}", at / 5)),
            split: [Split::Train, Split::Validation, Split::Test][(at / 5) % 3],
            verdict: verdict.map_or(VerdictLabel::default(), VerdictLabel::from),
            duplicate_group: at as u32,
            ..RowInfo::default()
        });
    }
    let lines = entries.iter().map(|(columns, values)| (&columns[..], &values[..]));
    (Csr::from_rows(9, lines).unwrap(), rows)
}

/// The rows with these numbers.
fn part(x: &Csr, numbers: &[usize]) -> Csr {
    Csr::from_rows(x.cols(), numbers.iter().map(|&row| x.row(row))).unwrap()
}

/// The study's own split of these rows, trained.
fn trained(x: &Csr, rows: &[RowInfo]) -> Training {
    with_splits(x, rows, |data| {
        let params = TrainParams { c: 0.7, ..TrainParams::default() };
        train(data, &params.check().unwrap(), &|_, _, _| {}).unwrap()
    })
}

fn with_splits<T>(x: &Csr, rows: &[RowInfo], run: impl FnOnce(&TrainData<'_>) -> T) -> T {
    let made: Vec<(Split, Csr, Vec<RowInfo>)> = [Split::Train, Split::Validation, Split::Test]
        .into_iter()
        .map(|split| {
            let numbers: Vec<usize> =
                (0..rows.len()).filter(|&at| rows[at].split == split).collect();
            let rows = numbers.iter().map(|&at| rows[at].clone()).collect();
            (split, part(x, &numbers), rows)
        })
        .collect();
    let splits: Vec<SplitData<'_>> =
        made.iter().map(|(split, x, rows)| SplitData { split: *split, x, rows }).collect();
    run(&TrainData { splits: &splits, columns: &columns() })
}

/// Scores every fold; `x` holds the labelled rows.
fn score_all(folds: &mut CrossValidation<'_>, x: &Csr) {
    for fold in folds.folds() {
        // In another order than theirs.
        let numbers: Vec<usize> = (0..folds.rows().len()).rev().collect();
        folds.score(fold, &columns(), (&part(x, &numbers), &numbers), &|_, _, _| {}).unwrap();
    }
}

fn evaluated(
    x: &Csr,
    rows: &[RowInfo],
    training: &Training,
    folds: &CrossValidation<'_>,
) -> EvaluationResults {
    let params = EvaluateParams { replicates: 40, refits: false, ..EvaluateParams::default() };
    let params = params.check().unwrap();
    with_splits(x, rows, |data| {
        evaluate(data, Some(folds), training, &params, &|_, _, _| {}).unwrap().results
    })
}

#[test]
fn every_row_is_scored_once_by_models_of_other_owners() {
    let (x, rows) = rows(300);
    let mut training = trained(&x, &rows);
    // The folds' models of all columns come by way of those below their C.
    training.model.params.grid = vec![0.1, 5.0, 0.02];
    let mut folds = CrossValidation::new(&rows, &training, 5, 3);
    let labelled: Vec<usize> = (0..300).filter(|&at| rows[at].verdict.known().is_some()).collect();
    assert_eq!(folds.rows().len(), labelled.len());
    assert!(labelled.len() < 300);
    assert_eq!(folds.folds(), [0, 1, 2, 3, 4]);
    for fold in folds.folds() {
        let owners = |tests: bool| -> HashSet<&str> {
            let of = folds.rows().iter().zip(folds.fold_of());
            let of = of.filter(move |(_, of)| (**of == fold) == tests);
            of.filter_map(|(row, _)| row.owner.as_deref()).collect()
        };
        assert!(owners(true).is_disjoint(&owners(false)));
        assert!(owners(true).len() > 5);
    }
    let x_labelled = part(&x, &labelled);
    score_all(&mut folds, &x_labelled);
    let params = EvaluateParams { replicates: 40, refits: false, ..EvaluateParams::default() };
    let params = params.check().unwrap();
    let found = with_splits(&x, &rows, |data| {
        evaluate(data, Some(&folds), &training, &params, &|_, _, _| {}).unwrap()
    });
    let results = &found.results;
    let folded = results.folds.as_ref().unwrap();
    let counts = &folded.counts;
    assert_eq!((folded.number, results.counts.len()), (5, 4));
    assert_eq!((counts.split.as_str(), counts.rows), (FOLDS, labelled.len() as u64));
    assert_eq!(counts.rows + counts.unlabelled, 300);
    assert_eq!((counts.owners, counts.classes.values().sum()), (60, counts.rows));
    for (model, (name, said)) in results.models.iter().zip(&found.folds) {
        assert_eq!((model.name, said.rows.len()), (*name, labelled.len()));
        let ids: Vec<&str> = folds.rows().iter().map(|row| row.id.as_str()).collect();
        assert_eq!(said.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ids);
        assert_eq!(said.rows[9].split, folds.rows()[9].split.as_str());
        let accuracy = model.metrics.get(FOLDS, OVERALL, metric::ACCURACY).unwrap();
        let right = said.rows.iter().filter(|row| row.verdict == row.predicted).count();
        assert_eq!(accuracy.value, Some(right as f64 / labelled.len() as f64));
        assert!(accuracy.low < accuracy.high);
        let confused: u64 =
            model.confusion.iter().filter(|row| row.split == FOLDS).map(|row| row.rows).sum();
        assert_eq!(confused, counts.rows);
        let row = model.leakage.iter().find(|row| row.split == FOLDS && row.scope == MACRO);
        assert_eq!(row.unwrap().name, "folds by owner and near-duplicates");
    }
    // One fold by hand: the same columns, C and rows through the solver.
    let of = folds.fold_of();
    let own: Vec<usize> = (0..of.len()).filter(|&row| of[row] != 2).collect();
    let label = |row: usize| match folds.rows()[row].verdict.known() {
        Some(Verdict::Clean) => 0,
        _ => 1_u32,
    };
    let labels: Vec<u32> = own.iter().map(|&row| label(row)).collect();
    let params = TrainParams { tolerance: 1e-12, ..training.model.params.clone() };
    let solved = params.solve(&part(&x_labelled, &own), &labels, &[0, 2], None, &|_, _| {});
    let at = of.iter().position(|&fold| fold == 2).unwrap();
    let by_hand = solved.unwrap().coefficients.probabilities(&part(&x_labelled, &[at])).unwrap();
    let said = &found.folds[0].1.rows[at].probabilities;
    assert!((said[0] - by_hand[0][0]).abs() < 1e-3, "{said:?} {by_hand:?}");
    assert_eq!(said[1], 0.0);
}

#[test]
fn each_view_of_the_text_is_left_out_in_the_same_folds() {
    let (x, rows) = rows(300);
    let training = trained(&x, &rows);
    let mut folds = CrossValidation::new(&rows, &training, 4, 3);
    let labelled: Vec<usize> = (0..300).filter(|&at| rows[at].verdict.known().is_some()).collect();
    score_all(&mut folds, &part(&x, &labelled));
    let results = evaluated(&x, &rows, &training, &folds);
    let text_only = results.model(ModelName::TextOnly).unwrap();
    let compared: Vec<&str> = text_only
        .paired_tests
        .iter()
        .filter(|test| test.split == FOLDS)
        .map(|test| test.baseline.as_str())
        .collect();
    assert_eq!(compared, ["without text", "without chars"]);
    let accuracy = |name: &str| {
        let row = results
            .ablation
            .iter()
            .find(|row| row.name == name && row.split == FOLDS && row.metric == metric::ACCURACY);
        row.unwrap().estimate.value.unwrap()
    };
    let test = text_only.paired_tests.last().unwrap();
    let difference =
        accuracy("text-only model, folds") - accuracy("text-only model without chars, folds");
    assert!((test.accuracy_difference.value.unwrap() - difference).abs() < 1e-12);
    assert!(test.accuracy_difference.low < test.accuracy_difference.high);
    assert_ne!(
        accuracy("text-only model without chars, folds"),
        accuracy("text-only model without text, folds")
    );
    assert!(results.ablation.iter().any(|row| row.metric == metric::ROC_AUC));
}

#[test]
fn what_can_not_be_divided_has_a_reason() {
    let (x, mut rows) = rows(60);
    let training = trained(&x, &rows);
    let reason_of = |folds: &CrossValidation<'_>| {
        let results = evaluated(&x, &rows_of(60), &training, folds);
        assert_eq!(results.folds, None);
        assert!(results.models.iter().all(|model| !model.metrics.0.contains_key(FOLDS)));
        results.warnings.into_iter().find(|text| text.starts_with("no folds")).unwrap()
    };
    let mut given_up = CrossValidation::new(&rows, &training, 3, 1);
    given_up.refuse("fold 1: no term is left");
    given_up.refuse("another");
    assert!(given_up.folds().is_empty());
    let expected = "no folds by owner and near-duplicates: fold 1: no term is left";
    assert_eq!(reason_of(&given_up), expected);

    rows.iter_mut().for_each(|row| row.owner = Some("one".to_owned()));
    let one = CrossValidation::new(&rows, &training, 3, 1);
    assert!(one.folds().is_empty());
    assert!(reason_of(&one).ends_with("of one owner or near-duplicates of one another"));

    // Two owners, each with a class of its own: no fold can train.
    for row in &mut rows {
        row.owner = Some(format!("{:?}", row.verdict));
    }
    let labelled: Vec<usize> = (0..60).filter(|&at| rows[at].verdict.known().is_some()).collect();
    let mut apart = CrossValidation::new(&rows, &training, 2, 1);
    score_all(&mut apart, &part(&x, &labelled));
    assert!(reason_of(&apart).ends_with("the training rows of a fold are of one class"));
}

fn rows_of(n: usize) -> Vec<RowInfo> {
    rows(n).1
}

#[test]
fn a_matrix_of_other_rows_is_refused() {
    let (x, rows) = rows(60);
    let training = trained(&x, &rows);
    let mut folds = CrossValidation::new(&rows, &training, 3, 1);
    let labelled: Vec<usize> = (0..60).filter(|&at| rows[at].verdict.known().is_some()).collect();
    let x = part(&x, &labelled);
    let numbers: Vec<usize> = (0..labelled.len()).collect();
    let mut twice = numbers.clone();
    twice[1] = 0;
    let mut beyond = numbers.clone();
    beyond[0] = numbers.len();
    let mut score = |x: &Csr, numbers: &[usize], columns: &[ColumnInfo]| {
        folds.score(0, columns, (x, numbers), &|_, _, _| {})
    };
    assert!(score(&x, &twice, &columns()).is_err());
    assert!(score(&x, &beyond, &columns()).is_err());
    assert!(score(&x, &numbers[1..], &columns()).is_err());
    assert!(score(&part(&x, &numbers[1..]), &numbers, &columns()).is_err());
    assert!(score(&x, &numbers, &columns()[1..]).is_err());
    assert!(score(&x, &numbers, &columns()).is_ok());
}

#[test]
fn rows_are_related_by_owner_and_by_near_duplicates() {
    let row = |owner: Option<&str>, group| RowInfo {
        owner: owner.map(str::to_owned),
        duplicate_group: group,
        ..RowInfo::default()
    };
    let rows = [
        row(Some("a"), 1),
        row(None, 2),
        row(Some("b"), 3),
        row(Some("a"), 4),
        row(Some("c"), 3),
        row(None, 4),
        row(None, 5),
    ];
    assert_eq!(related_rows(&rows.iter().collect::<Vec<_>>()), [0, 1, 2, 0, 2, 0, 3]);
}
