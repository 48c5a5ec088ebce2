//! Scoring a folder of skills with a saved model, without the `clawsig` program.
//!
//! `score_folder RUN SKILLS`: RUN is the folder of a finished run, SKILLS one whose sub-folders
//! hold a SKILL.md each. It prints for each its verdict by the text-only model, the probability,
//! and the terms that moved it most.
#![expect(clippy::print_stdout, reason = "the example's result is its output")]

use std::{error::Error, fs, path::Path};

use clawsig_features::FittedFeatures;
use clawsig_ingest::parse_row;
use clawsig_model::TrainedModel;
use clawsig_schema::{hostile::printable, matrix::Csr};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, skills] = &arguments[..] else {
        return Err("usage: score_folder RUN SKILLS".into());
    };
    let run = Path::new(run);
    // Both files are checked when they are read; `score` checks that they belong together.
    let features =
        FittedFeatures::from_json(&fs::read_to_string(run.join("features/vectorizer.json"))?)?;
    let train = run.join("train");
    let model =
        TrainedModel::load(&train.join("model-text.json"), &train.join("model-text.safetensors"))?;

    let mut names: Vec<_> = fs::read_dir(skills)?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.join("SKILL.md").is_file())
        .collect();
    names.sort();
    let mut rows = Vec::new();
    for path in &names {
        // A row with a text and nothing else; with scanner results it would have more keys.
        let text = fs::read_to_string(path.join("SKILL.md"))?;
        let line = serde_json::json!({ "skill_md_content": text }).to_string();
        rows.push(features.transform_row(&parse_row(line.as_bytes())?.row)?);
    }
    let columns = features.columns();
    let x = Csr::from_rows(columns.len(), rows.iter().map(|r| (&r.columns[..], &r.values[..])))?;
    let classes = model.target.classes();
    for (path, score) in names.iter().zip(model.score(&x, &columns, 3)?) {
        let why = score.explanation.map(|found| found.in_words(3)).unwrap_or_default();
        println!(
            "{}: {} {:.4}; {}",
            printable(&path.display().to_string(), 80),
            classes[score.class],
            score.probabilities[score.class],
            why
        );
    }
    Ok(())
}
