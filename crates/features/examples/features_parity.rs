//! Writes what the vectorizer makes of a list of texts, for comparison with scikit-learn.
//!
//! `features_parity TEXTS CASES OUT`: TEXTS holds one JSON string a line, CASES one JSON object
//! `{"name", "params"}` a line. For each case OUT/NAME.npz and OUT/NAME.json are written. A case
//! with the parameter `columns` is one of the hashing vectorizer.

use std::{error::Error, fs};

use clawsig_features::{
    TfIdf, VectorizerParams, npz,
    vectorizer::{Hashing, HashingParams},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
enum Params {
    TfIdf(VectorizerParams),
    Hashing(HashingParams),
}

#[derive(Deserialize)]
struct Case {
    name: String,
    params: Params,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [texts, cases, out] = &arguments[..] else {
        return Err("expected TEXTS CASES OUT".into());
    };
    let texts = fs::read_to_string(texts)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<String>, _>>()?;
    for line in fs::read_to_string(cases)?.lines() {
        let case: Case = serde_json::from_str(line)?;
        let matrix = match case.params {
            Params::TfIdf(params) => {
                let (fitted, matrix) = TfIdf::new(params.check()?).fit_transform(&texts)?;
                fs::write(format!("{out}/{}.json", case.name), fitted.to_json()?)?;
                matrix
            }
            Params::Hashing(params) => {
                let hashing: Hashing = params.check()?;
                hashing.transform(&texts)?
            }
        };
        npz::write_npz(fs::File::create(format!("{out}/{}.npz", case.name))?, &matrix)?;
    }
    Ok(())
}
