//! The library crates as others use them: packaged, by an older compiler, and from a project of their own.

use std::{fs, path::Path, process::Command, time::Instant};

use crate::{
    Failure,
    cargo::{cargo, output, root, run},
};

/// The crates that build with [`OLDEST`], beside the workspace's own version.
const LEAVES: [&str; 2] = ["clawsig-stats", "clawsig-agreement"];

/// The Rust version that the leaves state.
const OLDEST: &str = "1.89";

/// An outside program that needs nothing but the statistics.
const PROGRAM: &str = r#"use clawsig_agreement::{Table, two_raters};

fn main() {
    let kappa = two_raters::cohen_kappa(&Table::binary(20, 5, 4, 71));
    println!("kappa {kappa:?}");
}
"#;

/// Packages every library crate, builds the leaves with the oldest Rust, and two outside projects.
pub(crate) fn check() -> Result<(), Failure> {
    package()?;
    oldest()?;
    outside()
}

/// `cargo package` of every crate that is not kept from being published.
fn package() -> Result<(), Failure> {
    let mut words = vec!["package".to_owned(), "--locked".to_owned(), "--allow-dirty".to_owned()];
    let folder = root().join("crates");
    let fail = |e| Failure::Check(format!("cannot read {}: {e}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let manifest =
            fs::read_to_string(entry.map_err(fail)?.path().join("Cargo.toml")).unwrap_or_default();
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
        if let Some(name) = name.filter(|_| !manifest.contains("publish.workspace")) {
            names.push(name.trim_matches('"').to_owned());
        }
    }
    names.sort();
    words.extend(names.iter().flat_map(|name| ["--package".to_owned(), name.clone()]));
    run(&mut cargo(&words.iter().map(String::as_str).collect::<Vec<_>>()))?;
    println!("package: {} crates packaged and built from their packages", names.len());
    Ok(())
}

/// The leaves by the Rust that they state, where it is installed.
fn oldest() -> Result<(), Failure> {
    for leaf in LEAVES {
        let path =
            root().join("crates").join(leaf.trim_start_matches("clawsig-")).join("Cargo.toml");
        let stated = format!("rust-version = \"{OLDEST}\"");
        if !fs::read_to_string(&path).unwrap_or_default().contains(&stated) {
            return Err(Failure::Check(format!("{} does not state {stated}", path.display())));
        }
    }
    let toolchain = format!("{OLDEST}.0");
    let known = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    if !known.contains(&toolchain) {
        println!(
            "package: Rust {OLDEST} is not installed (`rustup toolchain install {toolchain}`): not tried"
        );
        return Ok(());
    }
    let mut check = Command::new("rustup");
    check.args(["run", &toolchain, "cargo", "check", "--locked", "--target-dir"]);
    check.arg(root().join("target").join(OLDEST)).current_dir(root());
    check.args(LEAVES.iter().flat_map(|leaf| ["--package", leaf]));
    // Cargo hands its own to programs that it runs; the other toolchain has to find its own.
    check.env_remove("RUSTC").env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    run(&mut check)?;
    println!("package: {} build with Rust {OLDEST}", LEAVES.join(" and "));
    Ok(())
}

/// A fresh project that depends on the statistics alone, by path and, from a repository, by git.
pub(crate) fn outside() -> Result<(), Failure> {
    let scratch = std::env::temp_dir().join(format!("clawsig-outside-{}", std::process::id()));
    let places = [
        ("path", format!("path = \"{}\"", root().join("crates").join("agreement").display())),
        ("git", format!("git = \"file://{}\"", root().display())),
    ];
    let is_repository = root().join(".git").exists();
    if !is_repository {
        println!("package: not tried by git: {} is no repository", root().display());
    }
    let result = places
        .iter()
        .filter(|(by, _)| *by == "path" || is_repository)
        .try_for_each(|(by, dependency)| project(&scratch.join(by), by, dependency));
    // The folder is scratch: what can't be removed stays in the temporary folder.
    let _ = fs::remove_dir_all(&scratch);
    result
}

fn project(folder: &Path, by: &str, dependency: &str) -> Result<(), Failure> {
    let fail = |e| Failure::Check(format!("cannot write {}: {e}", folder.display()));
    fs::create_dir_all(folder.join("src")).map_err(fail)?;
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         clawsig-agreement = {{ {dependency} }}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).map_err(fail)?;
    fs::write(folder.join("src").join("main.rs"), PROGRAM).map_err(fail)?;
    let at = |words: &[&str]| {
        let mut command = cargo(words);
        command.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
        command
    };
    let tree = output(&mut at(&["tree", "--edges", "normal,build", "--prefix", "none"]))?;
    let packages: std::collections::BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(" (*)").next())
        .filter(|line| !line.is_empty())
        .collect();
    let begin = Instant::now();
    let printed = output(&mut at(&["run", "--quiet"]))?;
    let seconds = begin.elapsed().as_secs_f64();
    if !printed.contains("kappa Ok(0.7") {
        return Err(Failure::Check(format!("the outside project by {by} printed {printed}")));
    }
    println!(
        "package: an outside project by {by} builds {} packages, itself included, in {seconds:.1} s",
        packages.len()
    );
    Ok(())
}
