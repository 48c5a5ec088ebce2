//! The `clawsig` program, built here so that the tests know its path.

use std::process::ExitCode;

fn main() -> ExitCode {
    clawsig::main_impl()
}
