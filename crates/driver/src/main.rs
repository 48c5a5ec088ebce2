//! The `clawsig` program; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    clawsig::main_impl()
}
