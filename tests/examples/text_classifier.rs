//! A text classifier on any labelled CSV, with `clawsig-features` and `clawsig-model` alone.
//!
//! `text_classifier FILE.csv LABEL_COLUMN TEXT_COLUMN MODEL.safetensors [NEW TEXT...]` fits TF-IDF
//! and a multinomial logistic regression, tells how far training got, saves the model under the
//! file's own labels, and classifies the new texts with what it reads back.
#![expect(clippy::print_stdout, reason = "the example's result is its output")]

use std::{error::Error, path::Path};

use clawsig_features::{TfIdf, VectorizerParams};
use clawsig_model::{
    Classifier,
    solver::{Problem, Solver, Stop},
};
use clawsig_schema::hostile::printable;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, label, text, model, new @ ..] = &arguments[..] else {
        let usage = "text_classifier FILE.csv LABEL_COLUMN TEXT_COLUMN MODEL [NEW TEXT...]";
        return Err(format!("usage: {usage}").into());
    };
    let mut reader = csv::Reader::from_path(file)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|found| found == name)
            .ok_or_else(|| format!("{file} has no column `{name}`"))
    };
    let (label, text) = (column(label)?, column(text)?);
    let (mut names, mut texts) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record?;
        names.push(record[label].to_owned());
        texts.push(record[text].to_owned());
    }
    let mut classes = names.clone();
    classes.sort();
    classes.dedup();
    let labels: Vec<u32> = names
        .iter()
        .filter_map(|name| classes.binary_search(name).ok())
        .map(|class| class as u32)
        .collect();

    let params = VectorizerParams { ngrams: (1, 2), sublinear: true, ..Default::default() };
    let (fitted, x) = TfIdf::new(params.check()?).fit_transform(&texts)?;
    // 1 / C with C = 1, as scikit-learn's default.
    let problem = Problem::new(&x, &labels, classes.len(), 1.0)?;
    let solution = problem.solve(Solver::Auto, None, Stop::default(), &|_, _| {})?;
    println!(
        "{} texts, {} classes, {} terms; {} after {} iterations",
        texts.len(),
        classes.len(),
        fitted.cols(),
        if solution.report.converged { "converged" } else { "not converged" },
        solution.report.iterations.unwrap_or_default()
    );

    let model = Path::new(model);
    if let Some(folder) = model.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Classifier::new(classes, solution.coefficients)?.save(model)?;
    let classifier = Classifier::load(model)?;

    let shown = if new.is_empty() { &texts[..] } else { new };
    let matrix = fitted.transform(shown)?;
    for (text, p) in shown.iter().zip(classifier.probabilities(&matrix)?) {
        let best = (0..p.len()).reduce(|a, b| if p[b] > p[a] { b } else { a }).unwrap_or(0);
        // Texts of a file are shown as text, whatever they hold.
        println!(
            "{:.3}  {}  {}",
            p[best],
            printable(&classifier.classes()[best], 20),
            printable(text, 60)
        );
    }
    Ok(())
}
