//! Time and peak memory of one vectorizer at the original notebook's settings.
//!
//! `bench_features generate ROWS FILE` writes a synthetic corpus, one JSON string a line, cut at
//! 6,000 characters. `bench_features clawsig FILE` and `bench_features linfa FILE` fit to it and
//! transform it. Each prints one line of JSON. Run each in its own process: peak memory is the
//! process's.
//!
//! `bench_features generate ROWS FILE copies` makes every fifth document a changed copy of the one
//! before; `bench_features duplicates FILE` groups near-duplicates, and `bench_features recall FILE`
//! prints how many of these copies are in their original's group, by their true similarity.
#![allow(clippy::print_stdout, reason = "printing the measurement is the purpose")]

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    time::Instant,
};

use clawsig_features::{
    TfIdf, VectorizerParams,
    duplicates::{SHINGLE, SIMILARITY, Signature, groups},
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
        ["generate", rows, file] => generate(rows.parse()?, file, false),
        ["generate", rows, file, "copies"] => generate(rows.parse()?, file, true),
        ["clawsig", file] => clawsig(file),
        ["linfa", file] => linfa(file),
        ["duplicates", file] => duplicates(file),
        ["recall", file] => recall(file),
        _ => Err("expected `generate ROWS FILE [copies]`, or `clawsig`, `linfa`, `duplicates` or \
                  `recall` and FILE"
            .into()),
    }
}

/// Of so many documents one is a copy, where there are copies.
const COPY_EVERY: u64 = 5;

fn generate(rows: u64, file: &str, copies: bool) -> Outcome {
    let mut out = BufWriter::new(File::create(file)?);
    for row in 0..rows {
        let text = if copies && row % COPY_EVERY == COPY_EVERY - 1 {
            changed(&document(row - 1), row)
        } else {
            document(row)
        };
        let text: String = text.chars().take(6_000).collect();
        serde_json::to_writer(&mut out, &text)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn random(row: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    rng.set_stream(row);
    rng
}

/// Words by a Zipf law over a vocabulary that grows with the text, with some bigrams favoured, as
/// in documents on one subject.
fn document(row: u64) -> String {
    let mut rng = random(row);
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
    text
}

/// The text with up to one in forty words replaced: similarities from 0.75 to 1.
fn changed(text: &str, row: u64) -> String {
    let mut rng = random(row);
    let rate = rng.random_range(0.0..0.025);
    let mut word = |word: &str| {
        if rng.random_bool(rate) { spelt(rng.random_range(0..3_000_000)) } else { word.to_owned() }
    };
    text.split(' ').map(|old| word(old) + " ").collect()
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
    let made = [("entries", matrix.entries()), ("columns", fitted.cols())];
    report("clawsig", file, matrix.rows(), seconds, &made)
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
    let made = [("entries", matrix.nnz()), ("columns", vectorizer.nentries())];
    report("linfa-preprocessing", file, texts.len(), seconds, &made)
}

fn signatures(file: &str) -> Result<Vec<Signature>, Box<dyn Error>> {
    let mut signatures: Vec<Signature> = Vec::new();
    let mut texts = lines(file)?.peekable();
    while texts.peek().is_some() {
        let batch: Vec<String> = texts.by_ref().take(1_024).collect();
        signatures.par_extend(batch.par_iter().map(|text| Signature::of(text)));
    }
    Ok(signatures)
}

fn duplicates(file: &str) -> Outcome {
    let begin = Instant::now();
    let mut groups = groups(&signatures(file)?, SIMILARITY)?;
    let rows = groups.len();
    groups.sort_unstable();
    groups.dedup();
    let seconds = begin.elapsed().as_secs_f64();
    report("clawsig duplicates", file, rows, seconds, &[("groups", groups.len())])
}

/// The true similarity of two texts of ASCII words: shared shingles over all shingles.
fn jaccard(a: &str, b: &str) -> f64 {
    let shingles = |text: &str| -> HashSet<String> {
        let text = text.to_lowercase();
        let words: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() > 1)
            .collect();
        words.windows(SHINGLE).map(|words| words.join(" ")).collect()
    };
    let (a, b) = (shingles(a), shingles(b));
    let shared = a.intersection(&b).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

fn recall(file: &str) -> Outcome {
    let groups = groups(&signatures(file)?, SIMILARITY)?;
    // Copies and those found, by the true similarity in steps of a twentieth.
    let mut found = [(0, 0); 21];
    let mut before = String::new();
    for (row, text) in lines(file)?.enumerate() {
        if row as u64 % COPY_EVERY == COPY_EVERY - 1 {
            let step = &mut found[(jaccard(&before, &text) * 20.0) as usize];
            step.0 += 1;
            step.1 += usize::from(groups[row] == groups[row - 1]);
        }
        before = text;
    }
    println!("true similarity from, copies, found");
    for (step, (copies, found)) in found.iter().enumerate().filter(|(_, (copies, _))| *copies > 0) {
        println!("{:.2}, {copies}, {found}", step as f64 / 20.0);
    }
    // Originals come alone, so what is beyond the pairs is wrong.
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    groups.iter().for_each(|&group| *sizes.entry(group).or_default() += 1);
    println!("groups of more than two: {}", sizes.values().filter(|&&size| size > 2).count());
    Ok(())
}

fn report(program: &str, file: &str, rows: usize, seconds: f64, made: &[(&str, usize)]) -> Outcome {
    let megabytes = fs::metadata(file)?.len() as f64 / 1e6;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0.0)
        / 1024.0;
    let mut line = serde_json::json!({
        "program": program,
        "rows": rows,
        "seconds": (seconds * 100.0).round() / 100.0,
        "megabytes_per_second": (megabytes / seconds).round(),
        "peak_megabytes": f64::round(peak),
        "threads": rayon::current_num_threads(),
    });
    for &(name, count) in made {
        line[name] = count.into();
    }
    println!("{line}");
    Ok(())
}
