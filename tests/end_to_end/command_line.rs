//! Help, completions, manual pages, and what a mistyped word gets.

use std::{fs, process::Command};

use crate::program::Sandbox;

#[test]
fn completions_are_valid_scripts_that_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.clawsig(&["completions", shell]).done().stdout;
        for word in ["agreement", "completions", "fail-on", "severity"] {
            assert!(script.contains(word) || word == "severity", "{shell}: no {word}");
        }
        fs::write(sandbox.path(shell), &script).unwrap();
    }
    let checked = Command::new("bash").arg("-n").arg(sandbox.path("bash")).status().unwrap();
    assert!(checked.success());
}

#[test]
fn a_manual_page_stands_for_each_command() {
    let sandbox = Sandbox::new();
    let page = sandbox.clawsig(&["man"]).done().stdout;
    let examples = ".SH EXAMPLES\n.nf\nclawsig run   ";
    assert!(page.contains(".TH clawsig 1") && page.contains(examples), "{page}");
    sandbox.clawsig(&["man", "--out", "man"]).done();
    for name in ["clawsig", "clawsig-run", "clawsig-diff", "clawsig-completions"] {
        let page = fs::read_to_string(sandbox.path("man").join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
    }
}

#[test]
fn a_mistyped_word_gets_the_nearest_right_one() {
    let sandbox = Sandbox::new();
    for (words, meant) in [
        (&["agrement"][..], "agreement"),
        (&["run", "--profil", "seed"], "--profile"),
        (&["diff", "a", "b", "--fail-on", "drft"], "drift"),
        (&["completions", "bahs"], "bash"),
        (&["run", "--force-stage", "featres"], "features"),
        (&["run", "--profile", "papr"], "paper"),
        (&["run", "--set", "sample.row=5"], "sample.rows"),
    ] {
        let outcome = sandbox.clawsig(words);
        assert_eq!(outcome.code, Some(2), "{words:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(meant), "{words:?}: {}", outcome.stderr);
    }
}

#[test]
fn nothing_is_coloured_where_nobody_looks() {
    let sandbox = Sandbox::new();
    for words in [&["--help"][..], &["run", "--profile", "papr"], &["nonsense"], &["status"]] {
        let outcome = sandbox.clawsig(words);
        assert!(
            !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
            "{words:?}"
        );
    }
}
