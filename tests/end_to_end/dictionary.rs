//! The data dictionary against what a run leaves.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::program::Sandbox;

/// The paths of the files below a folder, in it.
fn files(root: &Path, folder: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            files(root, &path, found);
        } else {
            found.push(path);
        }
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
                && !name[before.len()..name.len() - after.len()].contains('/')
        }
        None => pattern == name,
    }
}

fn names(columns: &Value) -> Vec<String> {
    let columns = columns.as_array().unwrap().iter();
    columns.map(|column| column["name"].as_str().unwrap().to_owned()).collect()
}

/// Every file of a run is described and so is every column of its tables; nothing is described that
/// no run writes.
#[test]
fn every_file_and_column_is_described() {
    let sandbox = Sandbox::new();
    let path = format!("source.path={}", sandbox.dataset(500, "parquet"));
    let words = ["run", "--set", "source.kind=path", "--set", &path, "--out", "r", "--final"];
    sandbox.clawsig(&[&words[..], &["--set", "evaluate.replicates=20"]].concat()).done();
    let told = sandbox.clawsig(&["dictionary", "--format", "json"]).done().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let common = names(&told["columns_of_every_table"]);

    let mut written = Vec::new();
    files(&sandbox.path("r"), "", &mut written);
    let mut used = BTreeSet::new();
    let (mut used_columns, mut missing) = (BTreeSet::new(), Vec::new());
    for file in &written {
        let entries = told["files"].as_array().unwrap().iter();
        let entry = entries
            .filter(|entry| fits(entry["path"].as_str().unwrap(), file))
            .max_by_key(|entry| entry["path"].as_str().unwrap().len());
        let Some(entry) = entry else {
            missing.push(format!("the file {file}"));
            continue;
        };
        let pattern = entry["path"].as_str().unwrap().to_owned();
        used.insert(pattern.clone());
        if !file.ends_with(".csv") {
            continue;
        }
        let own = names(&entry["columns"]);
        let text = fs::read_to_string(sandbox.path("r").join(file)).unwrap();
        for column in text.lines().next().unwrap().split(',') {
            if let Some(name) = own.iter().find(|name| fits(name, column)) {
                used_columns.insert((pattern.clone(), name.clone()));
            } else if let Some(name) = common.iter().find(|name| fits(name, column)) {
                used_columns.insert((String::new(), name.clone()));
            } else {
                missing.push(format!("{column} of {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "not described: {missing:#?}");

    let mut idle: Vec<String> = common
        .iter()
        .filter(|name| !used_columns.contains(&(String::new(), (*name).clone())))
        .cloned()
        .collect();
    for entry in told["files"].as_array().unwrap() {
        let pattern = entry["path"].as_str().unwrap();
        // A source on the Hub alone has it.
        if !used.contains(pattern) && pattern != "ingest/source.json" {
            idle.push(pattern.to_owned());
        }
        let own = names(&entry["columns"]).into_iter();
        idle.extend(
            own.filter(|name| {
                used.contains(pattern)
                    && !used_columns.contains(&(pattern.to_owned(), name.clone()))
            })
            .map(|name| format!("{name} of {pattern}")),
        );
    }
    assert!(idle.is_empty(), "described, and no run has it: {idle:#?}");
}

#[test]
fn a_file_is_explained_alone_and_an_unknown_one_is_refused() {
    let sandbox = Sandbox::new();
    let told = sandbox.clawsig(&["dictionary", "agreement/coverage.csv"]).done().stdout;
    assert!(told.starts_with("agreement/coverage.csv\n"), "{told}");
    assert!(told.contains("covered") && !told.contains("train/grid.csv"), "{told}");
    sandbox
        .clawsig(&["dictionary", "agreement/pair.csv"])
        .fails_with(2, &["agreement/pair.csv", "did you mean `agreement/pairs.csv`?"]);
}
