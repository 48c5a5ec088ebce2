//! Writes what the vectorizer makes of a list of texts, for comparison with scikit-learn.
//!
//! `features_parity texts FITTED HELD CASES OUT`: FITTED and HELD hold one JSON string a line,
//! CASES one JSON object `{"name", "params"}` a line. Each case is fitted to FITTED, which gives
//! OUT/NAME.npz and OUT/NAME.json, and transforms HELD with what it learned, which gives
//! OUT/NAME.held.npz. A case with the parameter `columns` is one of the hashing vectorizer.
//!
//! `features_parity characters OUT` writes a line for every character: its code point, whether it
//! is in words, whether it is white space, and the lower-cased forms of four strings with it.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
};

use clawsig_features::{
    TfIdf, VectorizerParams, npz,
    vectorizer::{
        Hashing, HashingParams,
        analyzer::{is_python_space, is_word_char},
    },
};
use clawsig_schema::matrix::Csr;
use serde::Deserialize;

type Outcome = Result<(), Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Params {
    TfIdf(Box<VectorizerParams>),
    Hashing(HashingParams),
}

#[derive(Deserialize)]
struct Case {
    name: String,
    params: Params,
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["texts", fitted, held, cases, out] => texts(fitted, held, cases, out),
        ["characters", out] => characters(out),
        _ => Err("expected `texts FITTED HELD CASES OUT` or `characters OUT`".into()),
    }
}

fn lines(file: &str) -> Result<Vec<String>, Box<dyn Error>> {
    Ok(fs::read_to_string(file)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn texts(fitted: &str, held: &str, cases: &str, out: &str) -> Outcome {
    let (texts, held) = (lines(fitted)?, lines(held)?);
    for line in fs::read_to_string(cases)?.lines() {
        let case: Case = serde_json::from_str(line)?;
        let write = |end: &str, matrix: &Csr| -> Outcome {
            let file = File::create(format!("{out}/{}{end}.npz", case.name))?;
            Ok(npz::write_npz(file, matrix)?)
        };
        match case.params {
            Params::TfIdf(params) => {
                let (fitted, matrix) = TfIdf::new(params.check()?).fit_transform(&texts)?;
                fs::write(format!("{out}/{}.json", case.name), fitted.to_json()?)?;
                write("", &matrix)?;
                write(".held", &fitted.transform(&held)?)?;
            }
            Params::Hashing(params) => {
                let hashing: Hashing = params.check()?;
                write("", &hashing.transform(&texts)?)?;
                write(".held", &hashing.transform(&held)?)?;
            }
        }
    }
    Ok(())
}

/// The last three strings show whether the character is a letter with case, or is passed over,
/// where the form of a sigma is decided.
fn characters(out: &str) -> Outcome {
    let mut out = BufWriter::new(File::create(out)?);
    let (major, minor, update) = char::UNICODE_VERSION;
    writeln!(out, "{major}.{minor}.{update}")?;
    for c in '\0'..=char::MAX {
        let forms = [format!("{c}"), format!("A{c}Σ"), format!("AΣ{c}"), format!("AΣ{c}A")];
        let forms = forms.map(|form| {
            let lowered = form.to_lowercase();
            lowered.chars().map(|c| format!("{:x}", c as u32)).collect::<Vec<_>>().join(".")
        });
        let (code, word, space) = (c as u32, is_word_char(c), is_python_space(c));
        writeln!(out, "{code:x} {} {} {}", u8::from(word), u8::from(space), forms.join(" "))?;
    }
    Ok(out.flush()?)
}
