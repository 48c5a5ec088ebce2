//! Writes a synthetic corpus as one JSONL file a split:
//! `cargo run --release -p clawsig-synth --example write_jsonl -- ROWS SEED OUT [full|sample|hostile]`;
//! `hostile` is `sample` with an attack in every row.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::{env, error::Error, fs::File, io::BufWriter, path::Path, thread, time::Instant};

use clawsig_schema::Split;
use clawsig_synth::{Synth, SynthParams, write_jsonl};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [rows, seed, out, preset @ ..] = arguments.as_slice() else {
        return Err("usage: write_jsonl ROWS SEED OUT [full|sample|hostile]".into());
    };
    let preset = match preset {
        [] => SynthParams::default(),
        [name] if name == "full" => SynthParams::default(),
        [name] if name == "sample" => SynthParams::sample(),
        [name] if name == "hostile" => SynthParams { hostile: 1.0, ..SynthParams::sample() },
        _ => return Err("expected `full`, `sample` or `hostile` after OUT".into()),
    };
    let params = SynthParams { rows: rows.parse()?, seed: seed.parse()?, ..preset }.check()?;
    std::fs::create_dir_all(out)?;
    let open = |split: Split| File::create(Path::new(out).join(format!("{split}.jsonl")));
    let mut files = Vec::new();
    for &split in Split::ALL {
        files.push(BufWriter::new(open(split)?));
    }
    let mut files: [_; 4] = files.try_into().map_err(|_| "four splits")?;
    let start = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let counts = write_jsonl(&Synth::new(params), &mut files, threads, &|_, _| {})?;
    println!("synthetic rows by split: {counts:?}, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
