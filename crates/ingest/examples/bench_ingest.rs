//! Times one ingest: `bench_ingest INPUT OUTPUT [THREADS]` prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line is the result")]

use std::{env, error::Error, time::Instant};

use clawsig_ingest::{IngestParams, OutputPaths, Source, ingest};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(input), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bench_ingest INPUT OUTPUT [THREADS]".into());
    };
    let threads = match arguments.next() {
        Some(threads) => threads.to_string_lossy().parse()?,
        None => 0,
    };
    let out = std::path::PathBuf::from(out);
    let paths =
        OutputPaths { signals_dir: out.join("signals"), rejects: out.join("rejects.jsonl") };
    let params = IngestParams { threads, ..IngestParams::default() }.check()?;
    let start = Instant::now();
    let done = ingest(&Source::Path { path: input.into() }, &params, &paths, &|_, _| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes: u64 = done.profile.files.iter().map(|file| file.bytes).sum();
    let result = serde_json::json!({
        "rows": done.profile.rows, "rejected": done.profile.rejected, "bytes": bytes,
        "seconds": seconds, "mb_per_second": bytes as f64 / 1e6 / seconds,
    });
    println!("{result}");
    Ok(())
}
