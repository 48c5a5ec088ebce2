//! Everything that has to hold before a change lands, in the order that fails fastest.

use crate::{
    Failure,
    cargo::{self, cargo, clawsig},
    tidy,
};

fn run_step(name: &str, arguments: &[&str]) -> Result<(), Failure> {
    println!("ci: {name}: cargo {}", arguments.join(" "));
    cargo::run(&mut cargo(arguments))
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
    println!("ci: documentation, warnings denied");
    let doc = ["doc", "--release", "--locked", "--workspace", "--no-deps"];
    cargo::run(cargo(&doc).env("RUSTDOCFLAGS", "-D warnings"))?;
    println!("ci: the main job, on the bundled sample");
    let out = std::env::temp_dir().join(format!("clawsig-ci-{}", std::process::id()));
    let result = clawsig(&["run", "--out"], &[out.display().to_string()]);
    // The folder is scratch: what can't be removed stays in the temporary folder.
    let _ = std::fs::remove_dir_all(&out);
    result?;
    run_step("tests", &["test", "--release", "--locked", "--workspace", "--no-fail-fast"])
}
