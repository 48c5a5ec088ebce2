//! The report in a browser: of the bundled sample, and of rows whose texts attack the reader.

use std::{path::Path, process::Command};

use crate::{
    Failure,
    cargo::{build_clawsig, root, run},
};

/// Makes both reports and checks them in headless Chromium, or says why that was skipped.
/// `rest` may be `--shots FOLDER`: where the documentation's pictures are written anew.
pub(crate) fn check(rest: &[String]) -> Result<(), Failure> {
    let shots = match rest {
        [] => None,
        [option, folder] if option == "--shots" => Some(folder),
        _ => return Err(Failure::Usage("browser takes `--shots FOLDER` alone".to_owned())),
    };
    let scratch = std::env::temp_dir().join(format!("clawsig-browser-{}", std::process::id()));
    let result = check_in(&scratch, shots);
    // The folder is scratch: what can't be removed stays in the temporary folder.
    let _ = std::fs::remove_dir_all(&scratch);
    result
}

fn check_in(scratch: &Path, shots: Option<&String>) -> Result<(), Failure> {
    let program = build_clawsig()?;
    let clawsig = |words: &[&str]| run(Command::new(&program).args(words).arg("--quiet"));
    let at = |name: &str| scratch.join(name).display().to_string();
    let (sample, data, hostile) = (at("sample"), at("data"), at("hostile"));
    clawsig(&["run", "--out", &sample])?;
    let rows = ["synth", "--rows", "700", "--seed", "4", "--small", "--hostile", "0.5"];
    clawsig(&[&rows[..], &["--out", &data]].concat())?;
    let source = format!("source.path={data}");
    clawsig(&["run", "--set", "source.kind=path", "--set", &source, "--out", &hostile])?;
    let mut browser = Command::new("sh");
    browser.arg(root().join("crates/report/tests/browser/run.sh"));
    if let Some(folder) = shots {
        browser.arg("--shots").arg(folder);
    }
    for run in [sample, hostile] {
        browser.arg(Path::new(&run).join("report").join("report.html"));
    }
    run(&mut browser)
}
