//! One skill's whole evidence.

use serde_json::Value;

use crate::program::Sandbox;

#[test]
fn a_skill_is_shown_whole_and_hostile_text_is_harmless() {
    let sandbox = Sandbox::new();
    let words = ["synth", "--rows", "300", "--seed", "4", "--small", "--hostile", "0.5"];
    sandbox.clawsig(&[&words[..], &["--out", "data"]].concat()).done();
    let source =
        ["--set", "source.kind=path", "--set", "source.path=data", "--out", "r", "--quiet"];
    sandbox.clawsig(&[&["ingest"][..], &source].concat()).done();
    // A row whose slug attacks the terminal.
    let text = std::fs::read_to_string(sandbox.path("data/train.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with_slug =
        |row: &&Value| row["skill_slug"].as_str().is_some_and(|slug| slug.contains('/'));
    let hostile = rows.iter().filter(with_slug).find(|row| row.to_string().contains("u001b"));
    let row = hostile.unwrap();
    let (slug, id) = (row["skill_slug"].as_str().unwrap(), row["id"].as_str().unwrap());

    let early = sandbox.clawsig(&["show", id, "r"]).done().stdout;
    assert!(early.contains("the run has no trained model"), "{early}");
    assert!(early.contains("the run has no finished features stage"), "{early}");
    sandbox.clawsig(&[&["features"][..], &source].concat()).done();
    sandbox.clawsig(&[&["train", "--set", "model.grid=[]"][..], &source].concat()).done();
    for name in [slug, id, &id[..12]] {
        let shown = sandbox.clawsig(&["show", name, "r"]).done().stdout;
        for text in ["verdict", "virustotal", "engines:", "recommendation", "log-odds", "intercept"]
        {
            assert!(shown.contains(text), "no {text:?} in:\n{shown}");
        }
        assert!(shown.contains(id), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    }
    let json = sandbox.clawsig(&["show", id, "r", "--format", "json"]).done().stdout;
    assert!(!json.contains('\u{1b}'));
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found[0]["id"], id);
    assert_eq!(found[0]["flags"].as_array().map(Vec::len), Some(3));
    let why = &found[0]["model"]["explanation"];
    let terms: f64 = why["contributions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|term| term["log_odds"].as_f64().unwrap())
        .sum();
    let sum = terms + why["intercept"].as_f64().unwrap() + why["rest"].as_f64().unwrap();
    assert!((sum - why["log_odds"].as_f64().unwrap()).abs() < 1e-9);

    // One character wrong: the right one is named.
    let wrong = format!("{slug}x");
    let near = sandbox.clawsig(&["show", &wrong, "r"]).fails_with(2, &["nearest are"]).stderr;
    assert!(!near.contains('\u{1b}'), "{near:?}");
    sandbox.clawsig(&["show", id, "nowhere"]).fails_with(2, &["nowhere"]);
}
