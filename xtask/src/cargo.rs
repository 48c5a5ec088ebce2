//! Calling cargo and the program it builds.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Failure;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    // Cargo names the manifest's folder, <root>/xtask, to what it runs. A folder that was known when
    // this was built would be another checkout's where two share a target folder.
    env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|xtask| Some(Path::new(&xtask).parent()?.to_owned()))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// A cargo command in the workspace's root, by the cargo that called us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // Cargo names this program's own package to it. Build scripts that look at such a name (ring's)
    // would run again for it, and all that stands on them would be built anew.
    for (name, _) in env::vars_os() {
        let of_ours =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(of_ours) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command and passes its exit code on.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        // A signal's death has no code; 1 is as good as any.
        Ok(status) => {
            Err(Failure::Exit(status.code().and_then(|c| c.try_into().ok()).unwrap_or(1)))
        }
        Err(e) => Err(Failure::Check(format!("cannot start {:?}: {e}", command.get_program()))),
    }
}

/// Runs a command and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|e| Failure::Check(format!("cannot start {:?}: {e}", command.get_program())))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::Check(format!("{command:?} failed:\n{why}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the program in release mode and gives its path.
pub(crate) fn build_clawsig() -> Result<PathBuf, Failure> {
    run(&mut cargo(&["build", "--release", "--locked", "--package", "clawsig"]))?;
    Ok(release_folder().join(format!("clawsig{}", env::consts::EXE_SUFFIX)))
}

/// Where cargo puts what it builds in release mode.
pub(crate) fn release_folder() -> PathBuf {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    // A relative target folder is meant from the folder that cargo was called in.
    target.join("release")
}

/// Builds the program and calls it, in the folder that we were called in.
pub(crate) fn clawsig(first: &[&str], rest: &[String]) -> Result<(), Failure> {
    let program = build_clawsig()?;
    run(Command::new(program).args(first).args(rest))
}
