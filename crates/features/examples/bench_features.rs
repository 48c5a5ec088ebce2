//! Time and peak memory of one vectorizer at the original notebook's settings.
//!
//! `bench_features generate ROWS FILE` writes a synthetic corpus, one JSON string a line, cut at
//! 6,000 characters. `bench_features clawsig FILE` and `bench_features linfa FILE` fit to it and
//! transform it. Each prints one line of JSON. Run each in its own process: peak memory is the
//! process's.
//!
//! `bench_features duplicates FILE` groups near-duplicates, and `bench_features recall FILE` compares the
//! groups of the first 10,000 documents with the exact similarities of all pairs.
#![allow(clippy::print_stdout, reason = "printing the measurement is the purpose")]

#[path = "../tests/exact/mod.rs"]
mod exact;

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    ops::Range,
    time::Instant,
};

use clawsig_features::{
    TfIdf, VectorizerParams,
    duplicates::{Sketches, groups},
    vectorizer::DocumentFrequency,
};
use clawsig_schema::raw::RawRow;
use clawsig_synth::{Synth, SynthParams};
use linfa_preprocessing::tf_idf_vectorization::TfIdfVectorizer;
use ndarray::Array1;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["generate", rows, file] => generate(rows.parse()?, file),
        ["clawsig", file] => clawsig(file),
        ["linfa", file] => linfa(file),
        ["duplicates", file] => duplicates(file),
        ["recall", file] => recall(file),
        _ => Err("expected `generate ROWS FILE`, or `clawsig`, `linfa`, `duplicates` or `recall` and FILE".into()),
    }
}

/// Writes the texts of a synthetic corpus of so many rows, each cut at 6,000 characters.
fn generate(rows: u64, file: &str) -> Outcome {
    let params = SynthParams { rows, seed: 42, bundles: 0.0, ..SynthParams::default() };
    let synth = Synth::new(params.check()?);
    let mut out = BufWriter::new(File::create(file)?);
    let threads = rayon::current_num_threads();
    let text = |row: RawRow| row.skill_md_content.unwrap_or_default().chars().take(6_000).collect();
    let texts = |synth: &Synth, rows: Range<u64>| -> Vec<String> {
        rows.map(|row| text(synth.row(row))).collect()
    };
    synth.ordered_chunks(0..rows, 256, threads, texts, |texts| -> Outcome {
        for text in texts {
            serde_json::to_writer(&mut out, &text)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    Ok(out.flush()?)
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

fn duplicates(file: &str) -> Outcome {
    let begin = Instant::now();
    let mut sketches = Sketches::default();
    let mut texts = lines(file)?.peekable();
    while texts.peek().is_some() {
        let batch: Vec<String> = texts.by_ref().take(1_024).collect();
        sketches.push(&batch);
    }
    let mut suspects = sketches.suspects()?;
    let documents = suspects.documents().to_vec();
    let mut wanted = documents.iter().peekable();
    let mut texts = (0_u32..)
        .zip(lines(file)?)
        .filter(|(number, _)| wanted.next_if_eq(&number).is_some())
        .map(|(_, text)| text)
        .peekable();
    while texts.peek().is_some() {
        let batch: Vec<String> = texts.by_ref().take(1_024).collect();
        suspects.push(&batch)?;
    }
    let mut groups = suspects.groups()?;
    let rows = groups.len();
    groups.sort_unstable();
    groups.dedup();
    let seconds = begin.elapsed().as_secs_f64();
    let made = [("read_again", documents.len()), ("groups", groups.len())];
    report("clawsig duplicates", file, rows, seconds, &made)
}

/// Texts of which all pairs are compared.
const COMPARED: usize = 10_000;

fn recall(file: &str) -> Outcome {
    let texts: Vec<String> = lines(file)?.take(COMPARED).collect();
    let similar = exact::similar_pairs(&texts);
    let found = exact::grouped_pairs(&groups(&texts)?);
    let connected = exact::grouped_pairs(&exact::connected(texts.len(), similar.keys()));
    // Pairs and those found, by the exact similarity in steps of a twentieth.
    let mut steps = [(0, 0); 21];
    for (pair, similarity) in &similar {
        let step = &mut steps[(similarity * 20.0) as usize];
        step.0 += 1;
        step.1 += usize::from(found.contains(pair));
    }
    println!("similarity from, pairs, found");
    for (step, (pairs, found)) in steps.iter().enumerate().filter(|(_, (pairs, _))| *pairs > 0) {
        println!("{:.2}, {pairs}, {found}", step as f64 / 20.0);
    }
    println!(
        "{} texts: {} similar pairs, {} connected through similar pairs, {} in one group, {} of them connected",
        texts.len(),
        similar.len(),
        connected.len(),
        found.len(),
        found.intersection(&connected).count()
    );
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
