//! `cargo xtask`: the project's chores as one small program.
//!
//! It links no stage crate and depends on nothing, so it starts in seconds; whatever needs the
//! product builds the `clawsig` program in release mode and calls it.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod bench;
mod browser;
mod cargo;
mod ci;
mod interop;
mod package;
mod parity;
mod peers;
mod recordings;
mod scale;
mod size;
mod supply;
mod tidy;
mod torture;

use std::{path::Path, process::ExitCode};

const HELP: &str = "\
cargo xtask <command>

  pipeline [OPTIONS]      build clawsig and run the whole study; options as for `clawsig run`
  stage NAME [OPTIONS]    build clawsig and run one stage: ingest, agreement, features, train,
                          evaluate, report
  clawsig [ARGUMENTS]     build clawsig and call it
  sample                  make the bundled sample in data/sample anew
  tidy                    check the dependency invariants, the supply chain and the documents
  tidy --figures [BEFORE] lines of product code, types and public items by crate; BEFORE is another
                          checkout to compare with
  bench [NAME]            measure against named peers: ingest, agreement, features, model,
                          notebook, predict
  bench scale [TIMES...]  time and peak memory of each stage on TIMES 67,453 synthetic rows (1)
  peers scale [ROWS]      the same counts, statistics and predictions by DuckDB and Spark
  peers formats           files written by pandas, pyarrow, polars, DuckDB, datasets and others, read back
                          cell by cell or refused with a known sentence
  peers transfer CORPUS...
                          the table of `clawsig transfer` by scikit-learn on the same rows
  peers registry          the statistics of the published counts by irrCAC, statsmodels and numpy
  peers ratings [FILE...] coefficients of any raters by irrCAC and krippendorff, to 1e-9
  browser [--shots DIR]   check the report in headless Chromium, or say why not; --shots makes the
                          pictures of the documentation anew (in docs)
  recordings [--check]    make what the documents show of the terminal anew, or find what is stale
  interop                 open what `clawsig export` writes with pandas, SciPy, polars, mlcroissant
                          and the SARIF schema, or say why not
  package                 package the library crates, build the leaves with the Rust that they state, and
                          projects that depend on clawsig-agreement alone by path and by git
  parity features [FILE...]
                          compare the vectorizers with scikit-learn's, on the texts of JSONL files
                          or of two synthetic corpora
  parity model [FOLDER]   compare training with scikit-learn, on synthetic rows and on FOLDER's
  parity families FOLDER  try other families of models on FOLDER's rows, chosen on validation
  torture CAMPAIGN        kill, starve, corrupt and attack the program: kill, disk, bits, input,
                          hostile, untrusted, foreign, numbers, review, all; [--count N] [--seed S] [--short]
  unicode                 list in crates/features/UNICODE.md where Python's Unicode differs
  ci                      everything that has to hold before a change lands
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "pipeline" => cargo::clawsig(&["run"], rest),
        "stage" => match rest.split_first() {
            Some((name, rest)) if STAGES.contains(&name.as_str()) => cargo::clawsig(&[name], rest),
            Some((name, _)) => {
                Err(Failure::Usage(format!("no stage `{name}`: {}", STAGES.join(", "))))
            }
            None => Err(Failure::Usage(format!("which stage? {}", STAGES.join(", ")))),
        },
        "clawsig" => cargo::clawsig(&[], rest),
        "sample" => cargo::clawsig(
            &["synth", "--rows", "2000", "--small", "--as", "parquet", "--out"],
            &["data/sample".to_owned()],
        ),
        "tidy" => match rest {
            [] => tidy::check(),
            [figures] if figures == "--figures" => size::print(None),
            [figures, before] if figures == "--figures" => size::print(Some(Path::new(before))),
            _ => Err(Failure::Usage("tidy takes nothing, or --figures [BEFORE]".to_owned())),
        },
        "bench" => bench::run(rest),
        "peers" => peers::run(rest),
        "browser" => browser::check(rest),
        "recordings" => match rest {
            [] => recordings::record(false),
            [check] if check == "--check" => recordings::record(true),
            _ => Err(Failure::Usage("recordings takes nothing, or --check".to_owned())),
        },
        "interop" => interop::check(),
        "package" => package::check(),
        "parity" => match rest.split_first() {
            Some((name, rest)) if name == "features" => parity::run(rest),
            Some((name, rest)) if name == "model" => bench::parity(rest),
            Some((name, rest)) if name == "families" => bench::families(rest),
            _ => Err(Failure::Usage("parity of what? features, model, families".to_owned())),
        },
        "torture" => torture::torture(rest),
        "unicode" => parity::unicode(),
        "ci" => ci::run(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("no command `{other}`"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Exit(code)) => ExitCode::from(code),
        Err(Failure::Usage(message)) => {
            eprint!("error: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Check(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(1)
        }
    }
}

/// The stages that can be run alone.
const STAGES: [&str; 6] = ["ingest", "agreement", "features", "train", "evaluate", "report"];

/// How a chore ends when it does not end well.
#[derive(Debug)]
enum Failure {
    /// A program that we called has said why and gave this exit code.
    Exit(u8),
    /// The command line makes no sense.
    Usage(String),
    /// Something does not hold, or can't be done.
    Check(String),
}
