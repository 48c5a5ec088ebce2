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
    std::fs::create_dir_all(&out)?;
    let paths =
        OutputPaths { signals_dir: out.join("signals"), rejects: out.join("rejects.jsonl") };
    let params = IngestParams { threads, ..IngestParams::default() }.check()?;
    let start = Instant::now();
    let done = ingest(&Source::Path { path: input.into() }, &params, &paths, &|_, _, _| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes: u64 = done.profile.files.iter().map(|file| file.bytes).sum();
    let result = serde_json::json!({
        "rows": done.profile.rows, "rejected": done.profile.rejected, "bytes": bytes,
        "seconds": seconds, "mb_per_second": bytes as f64 / 1e6 / seconds,
        "peak_megabytes": peak_megabytes(),
    });
    println!("{result}");
    Ok(())
}

/// The most memory the process has held, as Linux counts it; `None` elsewhere.
fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}
