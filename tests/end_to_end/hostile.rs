//! Texts that attack whoever shows them are harmless in everything the program prints and writes.

use std::path::Path;

use clawsig_schema::hostile::is_deceptive;

use crate::program::{Sandbox, artifacts};

/// Endings of the files that people open: the rest is JSON, Parquet and matrices for programs.
const FOR_PEOPLE: [&str; 4] = ["html", "svg", "csv", "md"];

/// Nothing in it acts on a terminal or turns a text around.
#[track_caller]
fn assert_printable(text: &str, place: &str) {
    let found = text.chars().find(|&c| is_deceptive(c) && c != '\n');
    assert_eq!(found, None, "{place} holds {found:?}");
}

/// No cell is a formula to a spreadsheet: a sign is a number's or stands behind a quote.
#[track_caller]
fn assert_no_formula(bytes: &[u8], place: &str) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    for record in reader.records() {
        for cell in &record.unwrap() {
            let is_number = cell.parse::<f64>().is_ok();
            let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
            assert!(!risky, "{place}: {cell:?}");
        }
    }
}

/// Every tag and attribute is one of the page's own: nothing from the data became markup.
#[track_caller]
fn assert_own_markup(markup: &str, place: &str) {
    let lower = markup.to_lowercase();
    for tag in ["<script", "<img", "<iframe", "<a href=javascript", "srcdoc=\"", "<!--"] {
        assert!(!lower.contains(tag), "{place} holds {tag}");
    }
    for piece in lower.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        // What stands between quotes is a value.
        let mut names = tag.split('"').step_by(2);
        assert!(!names.any(|n| n.contains(" on")), "{place}: an event handler in <{tag}>");
    }
}

#[test]
fn planted_attacks_are_harmless_everywhere() {
    let sandbox = Sandbox::new();
    let words = ["synth", "--rows", "700", "--seed", "4", "--small", "--hostile", "0.5"];
    sandbox.clawsig(&[&words[..], &["--out", "data"]].concat()).done();
    let source = ["--set", "source.kind=path", "--set", "source.path=data"];
    let run = sandbox.clawsig(&[&["run"][..], &source, &["--out", "r"]].concat()).done();
    let mut printed = vec![("run", run)];
    printed.push(("inspect", sandbox.clawsig(&["inspect", "data"]).done()));
    printed.push(("inspect json", sandbox.clawsig(&["inspect", "r", "--format", "json"]).done()));
    let words = ["run", "--set", "sample.rows=100", "--out", "r2"];
    sandbox.clawsig(&[&words[..], &source].concat()).done();
    printed.push(("diff", sandbox.clawsig(&["diff", "r", "r2"]).done()));
    for (command, outcome) in &printed {
        assert_printable(&outcome.stdout, command);
        assert_printable(&outcome.stderr, command);
    }

    let mut seen = 0;
    for (name, bytes) in artifacts(&sandbox.path("r")) {
        let ending = Path::new(&name).extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !FOR_PEOPLE.contains(&ending) {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        assert_printable(&text, &name);
        match ending {
            "csv" => assert_no_formula(text.as_bytes(), &name),
            "md" => {
                assert_eq!(text.lines().filter(|line| *line == "---").count(), 2, "{name}");
                assert!(!text.contains("\n# h"), "{name}");
            }
            _ => assert_own_markup(&text, &name),
        }
        seen += usize::from(text.contains("window.ran") || text.contains("cmd|"));
    }
    // The attacks have reached the page and the tables; otherwise this test shows nothing.
    assert!(seen >= 3, "the planted texts are in {seen} files only");
    let page = sandbox.path("r/report/report.html");
    assert!(std::fs::read_to_string(&page).unwrap().contains("&#60;script&#62;window.ran"));
}
