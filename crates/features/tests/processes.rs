//! The same bytes from every process, for every number of threads and every order of the words.
//!
//! Hash tables are seeded anew in each process, so a result that depended on their order would
//! differ here.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use clawsig_features::{
    TfIdf, VectorizerParams,
    npz::write_npz,
    vectorizer::{Analyzer, DocumentFrequency, HashingParams},
};
use clawsig_schema::matrix::Csr;

const THREADS: &str = "CLAWSIG_TEST_THREADS";
const OUT: &str = "CLAWSIG_TEST_OUT";

/// Documents over 900 words and some characters beyond ASCII; `start` turns their order.
fn texts(start: usize) -> Vec<String> {
    let word = |n: usize| match n % 5 {
        0 => format!("wörd{}", n % 90),
        1 => format!("ΣΑΣ{}", n % 70),
        _ => format!("word{}", n % 900),
    };
    let text = |row: usize| (0..40).map(|i| word(row * row + i * (row % 7 + 1)) + " ").collect();
    let count = 500;
    (0..count).map(|row| text((row + start) % count)).collect()
}

fn settings() -> [VectorizerParams; 3] {
    let base = VectorizerParams { ngrams: (1, 3), sublinear: true, ..Default::default() };
    let min_df = DocumentFrequency::Count(2);
    [
        VectorizerParams { min_df, max_features: Some(700), ..base.clone() },
        VectorizerParams { analyzer: Analyzer::CharWb, max_features: Some(300), ..base.clone() },
        VectorizerParams { binary: true, max_df: DocumentFrequency::Share(0.5), ..base },
    ]
}

/// All that is written of the texts: states and matrices.
fn written(threads: usize) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut out = Vec::new();
    let mut write = |matrix: &Csr| {
        let mut file = std::io::Cursor::new(Vec::new());
        write_npz(&mut file, matrix).unwrap();
        out.extend(file.into_inner());
    };
    let mut states = String::new();
    pool.install(|| {
        for params in settings() {
            let (fitted, matrix) =
                TfIdf::new(params.check().unwrap()).fit_transform(texts(0)).unwrap();
            write(&matrix);
            states += &fitted.to_json().unwrap();
        }
        write(&HashingParams::default().check().unwrap().transform(texts(0)).unwrap());
    });
    out.extend(states.into_bytes());
    out
}

/// Runs in a process of its own, for the test below.
#[test]
fn write_in_another_process() {
    let (Ok(threads), Ok(out)) = (std::env::var(THREADS), std::env::var(OUT)) else { return };
    std::fs::write(out, written(threads.parse().unwrap())).unwrap();
}

#[test]
fn processes_and_threads_change_no_byte() {
    let expected = written(1);
    let folder = tempfile::tempdir().unwrap();
    for threads in ["1", "2", "8"] {
        let out = folder.path().join(threads);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "write_in_another_process", "--quiet"])
            .env(THREADS, threads)
            .env(OUT, &out)
            .output()
            .unwrap()
            .status;
        assert!(status.success());
        // Not assert_eq: it would print megabytes.
        assert!(std::fs::read(&out).unwrap() == expected, "{threads} threads");
    }
}

#[test]
fn the_order_of_insertion_changes_no_column_and_no_row() {
    for params in settings() {
        let fit = |start| {
            TfIdf::new(params.clone().check().unwrap()).fit_transform(texts(start)).unwrap()
        };
        let (fitted, matrix) = fit(0);
        for start in [1, 211, 499] {
            let (other, turned) = fit(start);
            assert!(other.to_json().unwrap() == fitted.to_json().unwrap());
            let order: Vec<usize> = (0..500).map(|row| (row + start) % 500).collect();
            assert!(turned == matrix.select_rows(&order));
        }
    }
}
