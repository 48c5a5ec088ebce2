//! `cargo xtask torture`: builds the program and the campaigns, and calls them.

use std::{env, process::Command};

use crate::{
    Failure,
    cargo::{cargo, release_folder, run},
};

/// Passes campaign and options on; without a campaign the campaigns' own error lists them.
pub(crate) fn torture(arguments: &[String]) -> Result<(), Failure> {
    // All at once, as the tests build them: alone they would want dependencies with fewer features.
    run(&mut cargo(&["build", "--release", "--locked", "--workspace", "--bins"]))?;
    let built = |name: &str| release_folder().join(format!("{name}{}", env::consts::EXE_SUFFIX));
    run(Command::new(built("clawsig-torture"))
        .args(arguments)
        .arg("--program")
        .arg(built("clawsig")))
}
