//! Everything that has to hold before a change lands, in the order that fails fastest.

use std::process::Command;

use crate::{
    Failure, browser,
    cargo::{self, cargo, clawsig},
    interop, package, recordings, tidy,
};

/// The examples for library users: package, example, what it is called with. RUN stands for the
/// folder of the main job's run.
const EXAMPLES: &[(&str, &str, &[&str])] = &[
    (
        "clawsig-agreement",
        "two_raters_csv",
        &["crates/agreement/examples/ratings.csv", "ann", "bob"],
    ),
    (
        "clawsig-tests",
        "text_classifier",
        &[
            "tests/examples/messages.csv",
            "label",
            "text",
            "target/messages.safetensors",
            "a free prize",
            "the team's report",
        ],
    ),
    ("clawsig-tests", "score_folder", &["RUN", "tests/examples/skills"]),
];

fn run_step(name: &str, arguments: &[&str]) -> Result<(), Failure> {
    println!("ci: {name}: cargo {}", arguments.join(" "));
    cargo::run(&mut cargo(arguments))
}

/// Holds the public items of the library crates against the last release, where there is one and the tool is installed.
fn semver() -> Result<(), Failure> {
    let printed = |command: &mut Command| {
        let done = command.output().ok().filter(|done| done.status.success())?;
        Some(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    };
    let tag = ["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"];
    let Some(release) = printed(Command::new("git").args(tag)) else {
        println!("ci: semver: skipped, as there is no release to hold the crates against");
        return Ok(());
    };
    if printed(&mut cargo(&["semver-checks", "--version"])).is_none() {
        println!("ci: semver: skipped, as cargo-semver-checks is not installed");
        return Ok(());
    }
    run_step("semver", &["semver-checks", "--workspace", "--baseline-rev", &release])
}

pub(crate) fn run() -> Result<(), Failure> {
    run_step("format", &["fmt", "--all", "--check"])?;
    println!("ci: invariants");
    tidy::check()?;
    run_step(
        "clippy",
        &[
            "clippy",
            "--release",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    // Where it is not installed, tidy has checked the same list.
    if cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        run_step("supply chain", &["deny", "--offline", "check", "licenses", "sources", "bans"])?;
    }
    semver()?;
    println!("ci: documentation, warnings denied");
    let doc = ["doc", "--release", "--locked", "--workspace", "--no-deps"];
    cargo::run(cargo(&doc).env("RUSTDOCFLAGS", "-D warnings"))?;
    println!("ci: the main job, on the bundled sample");
    let out = std::env::temp_dir().join(format!("clawsig-ci-{}", std::process::id()));
    let result = clawsig(&["run", "--out"], &[out.display().to_string()]).and_then(|()| {
        EXAMPLES.iter().try_for_each(|(package, example, words)| {
            let run =
                ["run", "--release", "--locked", "--package", package, "--example", example, "--"];
            let of_run = out.display().to_string();
            let words = words.iter().map(|&word| if word == "RUN" { &*of_run } else { word });
            let arguments: Vec<&str> = run.iter().copied().chain(words).collect();
            run_step("example", &arguments)
        })
    });
    // The folder is scratch: what can't be removed stays in the temporary folder.
    let _ = std::fs::remove_dir_all(&out);
    result?;
    println!("ci: what the documents show of the terminal");
    recordings::record(true)?;
    println!("ci: an outside project on the statistics alone");
    package::outside()?;
    println!("ci: what other tools make of the exports");
    interop::check()?;
    println!("ci: the report in a browser");
    browser::check(&[])?;
    // polars' frame is a feature that nothing else builds.
    let frame = ["--package", "clawsig-ingest", "--features", "frame", "--test", "frame"];
    run_step("data frame", &[&["test", "--release", "--locked"][..], &frame].concat())?;
    run_step("tests", &["test", "--release", "--locked", "--workspace", "--no-fail-fast"])
}
