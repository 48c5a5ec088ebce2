//! Wrong use gives one clear error and the right exit code.

use std::fs;

use crate::program::Sandbox;

#[test]
fn an_unknown_profile_gets_a_suggestion() {
    Sandbox::new()
        .clawsig(&["run", "--profile", "tutoral"])
        .fails_with(2, &["tutoral", "did you mean `tutorial`"]);
}

#[test]
fn a_misspelt_key_gets_a_suggestion() {
    let sandbox = Sandbox::new();
    sandbox
        .clawsig(&["run", "--set", "tfidf.max_featurs=5"])
        .fails_with(2, &["tfidf.max_featurs", "did you mean `tfidf.max_features`"]);
    fs::write(sandbox.path("mine.toml"), "[model]\ntarge = \"verdict\"\n").unwrap();
    sandbox
        .clawsig(&["run", "--profile", "mine.toml"])
        .fails_with(2, &["mine.toml", "model.targe", "did you mean `model.target`"]);
}

#[test]
fn an_unknown_command_or_option_is_a_usage_error() {
    let outcome = Sandbox::new().clawsig(&["runn"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("run"), "{}", outcome.stderr);
}

#[test]
fn a_missing_an_empty_and_a_foreign_folder_are_told_apart() {
    let sandbox = Sandbox::new();
    let run = |path: &str| {
        let path = format!("source.path={path}");
        sandbox.clawsig(&["run", "--set", "source.kind=path", "--set", &path, "--out", "r"])
    };
    run("nowhere").fails_with(2, &["nowhere"]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    run("empty").fails_with(1, &["empty", "jsonl"]);
    fs::create_dir(sandbox.path("foreign")).unwrap();
    fs::write(sandbox.path("foreign/notes.txt"), "hello").unwrap();
    run("foreign").fails_with(1, &["foreign", "jsonl"]);
}

#[test]
fn a_path_source_without_a_path_is_a_usage_error() {
    Sandbox::new().clawsig(&["run", "--set", "source.kind=path"]).fails_with(2, &["source.path"]);
}

#[test]
fn a_run_folder_that_can_not_be_made_is_named() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("file"), "in the way").unwrap();
    sandbox.clawsig(&["run", "--out", "file/run"]).fails_with(2, &["file/run"]);
}

#[test]
fn a_parquet_file_cut_in_half_is_named() {
    let sandbox = Sandbox::new();
    let data = sandbox.dataset(60, "parquet");
    let train = sandbox.path(data).join("train.parquet");
    let bytes = fs::read(&train).unwrap();
    fs::write(&train, &bytes[..bytes.len() / 2]).unwrap();
    let path = format!("source.path={data}");
    sandbox
        .clawsig(&["run", "--set", "source.kind=path", "--set", &path, "--out", "r"])
        .fails_with(1, &["train.parquet"]);
    assert!(!sandbox.path("r/ingest").exists(), "nothing half-made stays behind");
}

#[test]
fn a_stage_without_what_it_needs_says_what_to_run() {
    Sandbox::new().clawsig(&["agreement", "--out", "r"]).fails_with(1, &["ingest", "run `clawsig"]);
}

#[test]
fn a_value_out_of_range_is_told_before_anything_runs() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["run", "--set", "model.c=-1", "--out", "r"]).fails_with(2, &["model.c"]);
    sandbox
        .clawsig(&["run", "--set", "features.groups=[]", "--out", "r"])
        .fails_with(2, &["features.groups"]);
    let leak = ["run", "--set", "model.target=severity", "--set", "features.numeric=notebook"];
    sandbox.clawsig(&[&leak[..], &["--out", "r"]].concat()).fails_with(2, &["skillspector_score"]);
    assert!(!sandbox.path("r").exists());
}

#[test]
fn an_error_is_json_where_results_are() {
    let sandbox = Sandbox::new();
    for (words, code) in [
        (&["verify", "nowhere", "--format", "json"][..], 2),
        (&["verify", "--format=json"], 2),
        (&["train", "--out", "nowhere", "--format", "json"], 1),
    ] {
        let outcome = sandbox.clawsig(words);
        assert_eq!(outcome.code, Some(code));
        let told: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
        assert_eq!(told["error"]["exit_code"], code, "{told}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_words_of_the_workspace_are_understood() {
    let sandbox = Sandbox::new();
    sandbox.clawsig(&["stage", "train", "--out", "nowhere"]).fails_with(1, &["`ingest` is not up"]);
    sandbox.clawsig(&["stage", "trian"]).fails_with(2, &["stage"]);
    let told = sandbox.clawsig(&["pipeline", "--dry-run"]).done().stdout;
    assert!(told.contains("every stage would run"), "{told}");
}
