//! The invariants of ARCHITECTURE.md as a command: who may depend on whom, what every file has,
//! and that the documents name what is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure,
    cargo::{cargo, output, root},
    supply,
};

/// Packages that some crates must be free of.
const POLARS: &[&str] = &["polars", "polars-core", "polars-arrow", "polars-parquet"];
const HUB: &[&str] = &["hf-hub", "hf-xet", "reqwest"];
const LINFA: &[&str] = &["linfa", "linfa-logistic", "linfa-preprocessing"];
const COMMAND_LINE: &[&str] = &["clap", "indicatif", "signal-hook"];
const STAGES: &[&str] =
    &["clawsig-ingest", "clawsig-study", "clawsig-features", "clawsig-model", "clawsig-report"];

/// What the statistics know nothing of.
const OURS: &[&str] = &["clawsig-schema", "clawsig-store", "clawsig-study"];

/// A crate's part of the dependency invariants.
struct Rule {
    package: &'static str,
    /// Groups of packages it must not reach.
    free_of: &'static [&'static [&'static str]],
}

const RULES: &[Rule] = &[
    Rule { package: "clawsig-stats", free_of: &[OURS, &["clawsig-agreement", "rayon"]] },
    Rule { package: "clawsig-agreement", free_of: &[OURS, &["rayon"]] },
    Rule { package: "clawsig-study", free_of: &[POLARS, HUB, LINFA, COMMAND_LINE] },
    Rule { package: "clawsig-features", free_of: &[POLARS, HUB, COMMAND_LINE] },
    Rule { package: "clawsig-model", free_of: &[POLARS, HUB, COMMAND_LINE] },
    Rule { package: "clawsig-report", free_of: &[POLARS, HUB, LINFA, COMMAND_LINE] },
    Rule { package: "clawsig-ingest", free_of: &[LINFA, &["clap"]] },
    // Its core takes as long to build as all else; only ingest's feature `frame` needs it.
    Rule { package: "clawsig", free_of: &[&["polars", "polars-core"]] },
    Rule { package: "clawsig-synth", free_of: &[POLARS, HUB, LINFA, COMMAND_LINE] },
    Rule { package: "clawsig-ratings", free_of: &[POLARS, HUB, LINFA, COMMAND_LINE] },
    Rule {
        package: "clawsig-adjudicate",
        free_of: &[POLARS, HUB, LINFA, COMMAND_LINE, &["rayon"]],
    },
    Rule { package: "clawsig-store", free_of: &[POLARS, HUB, LINFA, COMMAND_LINE] },
];

/// What `clawsig-schema` may reach: serde and what its derive macro is built of.
const SCHEMA_MAY_REACH: &[&str] = &[
    "clawsig-schema",
    "proc-macro2",
    "quote",
    "serde",
    "serde_core",
    "serde_derive",
    "syn",
    "unicode-ident",
];

/// The most lines of a source file that one can hold in mind.
const MAX_LINES: usize = 700;

/// Checks everything and reports every breach, not just the first.
pub(crate) fn check() -> Result<(), Failure> {
    let mut breaches = Vec::new();
    let crates = crate_names()?;
    dependencies(&crates, &mut breaches)?;
    documents(&crates, &mut breaches)?;
    sources(&mut breaches)?;
    supply::check(&mut breaches)?;
    if breaches.is_empty() {
        println!("tidy: {} crates, no breach", crates.len());
        Ok(())
    } else {
        Err(Failure::Check(format!("tidy found {}:\n  {}", breaches.len(), breaches.join("\n  "))))
    }
}

/// The packages below crates/ and tests/, by their manifests.
fn crate_names() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let mut folders = entries(&root().join("crates"))?;
    folders.extend(entries(&root().join("tests"))?);
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    for folder in folders {
        let manifest = read(&folder.join("Cargo.toml"))?;
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
        names.push(name.unwrap_or_default().trim_matches('"').to_owned());
    }
    Ok(names)
}

/// Every package that `package` needs to be built or run, itself included.
fn reach(package: &str) -> Result<BTreeSet<String>, Failure> {
    // Tests may use more; what a dependent builds is what counts.
    let arguments =
        ["tree", "--locked", "--package", package, "--edges", "normal,build", "--prefix", "none"];
    let tree = output(&mut cargo(&arguments))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn dependencies(crates: &[String], breaches: &mut Vec<String>) -> Result<(), Failure> {
    for package in crates {
        let reached = reach(package)?;
        println!("tidy: {package} builds {} packages", reached.len());
        if STAGES.contains(&package.as_str()) {
            for stage in STAGES.iter().filter(|stage| **stage != package) {
                if reached.contains(*stage) {
                    breaches.push(format!("stage crate {package} depends on stage crate {stage}"));
                }
            }
        }
        for rule in RULES.iter().filter(|rule| rule.package == package) {
            for name in rule.free_of.iter().copied().flatten() {
                if reached.contains(*name) {
                    breaches.push(format!("{package} must not depend on {name}"));
                }
            }
        }
        if package == "clawsig-schema" {
            let allowed: BTreeSet<String> = SCHEMA_MAY_REACH.iter().map(|&n| n.into()).collect();
            for name in reached.difference(&allowed) {
                breaches.push(format!("clawsig-schema depends on {name}, it may on serde alone"));
            }
        }
    }
    let xtask = reach("xtask")?;
    if xtask.len() > 1 {
        breaches.push("xtask has dependencies; it must start in seconds".to_owned());
    }
    Ok(())
}

/// Each crate and each direct dependency has its place in ARCHITECTURE.md, and nothing else has.
fn documents(crates: &[String], breaches: &mut Vec<String>) -> Result<(), Failure> {
    let architecture = read(&root().join("ARCHITECTURE.md"))?;
    let words: BTreeSet<&str> = architecture.split('`').skip(1).step_by(2).collect();
    for name in crates.iter().map(String::as_str).chain(["xtask"]) {
        if !words.contains(name) {
            breaches.push(format!("ARCHITECTURE.md does not name the crate `{name}`"));
        }
    }
    for word in &words {
        if word.starts_with("clawsig-")
            && *word != "clawsig-tests"
            // A file has an ending, a crate has none.
            && !word.contains('.')
            && !crates.iter().any(|c| c == word)
        {
            breaches.push(format!("ARCHITECTURE.md names `{word}`, which is no crate"));
        }
    }
    let manifest = read(&root().join("Cargo.toml"))?;
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    for line in table.lines().take_while(|line| !line.starts_with('[')) {
        let Some((name, _)) = line.split_once(" = ") else { continue };
        if !name.starts_with(['#', 'c']) || !(name.starts_with('#') || name.starts_with("clawsig"))
        {
            let name = name.trim();
            if !words.contains(name) {
                breaches.push(format!("ARCHITECTURE.md does not say why `{name}` is a dependency"));
            }
        }
    }
    Ok(())
}

/// What every tracked file has, or must not have.
fn sources(breaches: &mut Vec<String>) -> Result<(), Failure> {
    let tracked = output(Command::new("git").args(["ls-files"]).current_dir(root()))?;
    // Written in two parts, so that this file does not hold what it looks for.
    let machine_paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    for name in tracked.lines() {
        let path = root().join(name);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for place in machine_paths {
            if text.contains(place) {
                breaches.push(format!("{name} holds a path of some machine ({place}...)"));
            }
        }
        if name.ends_with("Cargo.toml")
            && name != "Cargo.toml"
            // A workspace of its own can't take them.
            && !name.starts_with("fuzz/")
            && !text.contains("[lints]\nworkspace = true")
        {
            breaches.push(format!("{name} does not take the workspace's lints"));
        }
        if name == "Cargo.toml" && !text.contains("unsafe_code = \"forbid\"") {
            breaches.push("the workspace's lints do not forbid unsafe code".to_owned());
        }
        let starts_nothing = name.starts_with("crates/") && name.contains("/src/");
        if starts_nothing && text.contains("process::Command") {
            breaches.push(format!("{name} starts programs; what reads skills must not"));
        }
        if name.ends_with(".rs") {
            let begins = text.starts_with("//!") || text.starts_with("#![doc");
            if !begins && !name.contains("/data/") {
                breaches.push(format!("{name} does not begin with what it holds (`//!`)"));
            }
            let lines = text.lines().count();
            if lines > MAX_LINES {
                breaches.push(format!("{name} has {lines} lines, split it (at most {MAX_LINES})"));
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |e| Failure::Check(format!("cannot read {}: {e}", folder.display()));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        paths.push(entry.map_err(fail)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|e| Failure::Check(format!("cannot read {}: {e}", path.display())))
}
