//! Time and peak memory of one vectorizer at the original notebook's settings.
//!
//! `bench_features generate ROWS FILE` writes a synthetic corpus, one JSON string a line, cut at
//! 6,000 characters. `bench_features clawsig FILE` and `bench_features linfa FILE` fit to it and
//! transform it; `bench_features duplicates FILE` groups near-duplicates. Each prints one line of
//! JSON. Run each in its own process: peak memory is the process's.
#![allow(clippy::print_stdout, reason = "printing the measurement is the purpose")]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    time::Instant,
};

use clawsig_features::{
    TfIdf, VectorizerParams,
    duplicates::{SIMILARITY, Signature, groups},
    vectorizer::DocumentFrequency,
};
use linfa_preprocessing::tf_idf_vectorization::TfIdfVectorizer;
use ndarray::Array1;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["generate", rows, file] => generate(rows.parse()?, file),
        ["clawsig", file] => clawsig(file),
        ["linfa", file] => linfa(file),
        ["duplicates", file] => duplicates(file),
        _ => Err("expected generate ROWS FILE, or clawsig | linfa | duplicates and FILE".into()),
    }
}

/// Words by a Zipf law over a vocabulary that grows with the text, with some bigrams favoured, as
/// in documents on one subject.
fn generate(rows: u64, file: &str) -> Outcome {
    let mut out = BufWriter::new(File::create(file)?);
    for row in 0..rows {
        let mut rng = ChaCha8Rng::seed_from_u64(42);
        rng.set_stream(row);
        let length = 800 + rng.random_range(0..9_000_usize);
        let mut text = String::from("---\nname: skill\n---\n");
        let subject = rng.random_range(0..2_000_u64);
        while text.len() < length {
            // The inverse of a Zipf distribution function with an exponent near 1.
            let share: f64 = rng.random();
            let mut word = (share * (3.0e6_f64).ln()).exp() as u64;
            if word > 300 && rng.random_bool(0.5) {
                word = 300 + subject * 40 + word % 40;
            }
            text.push_str(&spelt(word));
            text.push_str(if rng.random_bool(0.1) { ". " } else { " " });
        }
        let text: String = text.chars().take(6_000).collect();
        serde_json::to_writer(&mut out, &text)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// A pronounceable word for a number.
fn spelt(mut number: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "ta", "re", "mi", "con", "po", "se", "lu", "an", "di", "ver", "ka", "no", "est", "fi",
        "ro", "gu",
    ];
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[(number % 16) as usize]);
        number /= 16;
        if number == 0 {
            return word;
        }
    }
}

fn lines(file: &str) -> Result<impl Iterator<Item = String>, Box<dyn Error>> {
    let reader = BufReader::with_capacity(1 << 20, File::open(file)?);
    Ok(reader
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<String>(&line).ok()))
}

fn clawsig(file: &str) -> Outcome {
    let params = VectorizerParams {
        ngrams: (1, 2),
        min_df: DocumentFrequency::Count(3),
        max_features: Some(20_000),
        sublinear: true,
        max_chars: Some(6_000),
        ..Default::default()
    };
    let begin = Instant::now();
    let (fitted, matrix) = TfIdf::new(params.check()?).fit_transform(lines(file)?)?;
    let seconds = begin.elapsed().as_secs_f64();
    report("clawsig", file, matrix.rows(), seconds, matrix.entries(), fitted.cols())
}

fn linfa(file: &str) -> Outcome {
    let texts = Array1::from_vec(lines(file)?.collect());
    let begin = Instant::now();
    // min_df is a share here; there is no sublinear tf and no norm.
    let vectorizer = TfIdfVectorizer::default()
        .n_gram_range(1, 2)
        .document_frequency(3.0 / texts.len() as f32, 1.0)
        .max_features(Some(20_000))
        .fit(&texts)?;
    let fit = begin.elapsed().as_secs_f64();
    let matrix = vectorizer.transform(&texts)?;
    println!("{{\"program\":\"linfa-preprocessing\",\"fit_seconds\":{fit:.2}}}");
    let seconds = begin.elapsed().as_secs_f64();
    report("linfa-preprocessing", file, texts.len(), seconds, matrix.nnz(), vectorizer.nentries())
}

fn duplicates(file: &str) -> Outcome {
    let begin = Instant::now();
    let mut signatures: Vec<Signature> = Vec::new();
    let mut texts = lines(file)?.peekable();
    while texts.peek().is_some() {
        let batch: Vec<String> = texts.by_ref().take(1_024).collect();
        signatures.par_extend(batch.par_iter().map(|text| Signature::of(text)));
    }
    let mut groups = groups(&signatures, SIMILARITY)?;
    let rows = groups.len();
    groups.sort_unstable();
    groups.dedup();
    let seconds = begin.elapsed().as_secs_f64();
    report("clawsig duplicates", file, rows, seconds, rows, groups.len())
}

fn report(
    program: &str,
    file: &str,
    rows: usize,
    seconds: f64,
    entries: usize,
    columns: usize,
) -> Outcome {
    let megabytes = fs::metadata(file)?.len() as f64 / 1e6;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0.0)
        / 1024.0;
    println!(
        "{}",
        serde_json::json!({
            "program": program,
            "rows": rows,
            "seconds": (seconds * 100.0).round() / 100.0,
            "megabytes_per_second": (megabytes / seconds).round(),
            "entries": entries,
            "columns": columns,
            "peak_megabytes": f64::round(peak),
            "threads": rayon::current_num_threads(),
        })
    );
    Ok(())
}
