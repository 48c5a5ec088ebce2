//! Training and testing within and across labelled corpora.

use std::{collections::HashMap, fs};

use serde_json::{Value, json};

use crate::program::Sandbox;

/// Lines whose owners give each away: an owner's texts are all of one class and share words that no
/// other owner uses. Nothing else tells the classes apart.
pub(crate) fn leaky(corpus: &str, owners: usize) -> String {
    let mut lines = String::new();
    for owner in 0..owners {
        let label = if owner % 2 == 0 { "malicious" } else { "benign" };
        for skill in 0..6 {
            let text = format!(
                "mark{corpus}{owner} sign{corpus}{owner} reads file{} and word{} of part{corpus}{owner}x{skill}",
                skill % 3,
                owner % 5
            );
            let row = json!({
                "corpus": corpus, "label": label, "owner": format!("o{owner}"), "text": text,
                "source": format!("s{}", owner % 3),
            });
            lines += &format!("{row}\n");
        }
    }
    lines
}

fn results(stdout: &str) -> (Value, HashMap<(String, String, String), Value>) {
    let found: Value = serde_json::from_str(stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = found["results"].as_array().unwrap().iter().map(|line| {
        ((text(&line["split"]), text(&line["train"]), text(&line["test"])), line.clone())
    });
    let lines = lines.collect();
    (found, lines)
}

#[test]
fn owners_that_give_the_class_away_are_found_out() {
    let sandbox = Sandbox::new();
    let extra = [
        json!({"corpus": "a", "label": "suspicious", "text": "x"}),
        json!({"corpus": "a", "label": "unlabelled", "text": "y"}),
        json!({"corpus": "a", "label": "odd", "text": "z"}),
        json!({"corpus": "a", "label": "benign", "text": "  "}),
    ];
    let extra: String = extra.iter().map(|row| format!("{row}\n")).collect();
    let first = leaky("a", 20);
    let again = first.lines().next().unwrap().to_owned() + "\n";
    let lines = first + &again + &extra + &leaky("b", 20);
    fs::write(sandbox.path("skills.jsonl"), lines).unwrap();
    let set = ["--set", "tfidf.min_df=1", "--replicates", "50", "--format", "json"];
    let words = [&["transfer", "skills.jsonl", "--out", "out"], &set[..]].concat();
    let out = sandbox.clawsig(&words).done();
    for part in ["1 labelled suspicious", "1 labelled unlabelled", "1 labelled odd", "1 no text"] {
        assert!(out.stderr.contains(part), "{}", out.stderr);
    }
    assert!(out.stderr.contains("1 repeats a text"), "{}", out.stderr);
    let json = fs::read_to_string(sandbox.path("out/transfer.json")).unwrap();
    let (found, lines) = results(&json);
    assert_eq!(found["corpora"][0]["owners"], 20);
    let f1 = |split: &str, train: &str, test: &str| {
        let key = (split.to_owned(), train.to_owned(), test.to_owned());
        lines[&key]["macro_f1"]["value"].as_f64().unwrap()
    };
    assert!(f1("random", "a", "a") > 0.95);
    assert!(f1("owner-disjoint", "a", "a") < 0.7);
    assert!(f1("owner- and family-disjoint", "all", "all") < 0.8);
    assert!(f1("corpus to corpus", "a", "b") < 0.8);
    assert!(lines.keys().any(|(split, _, test)| split == "leave one source out" && test == "a/s1"));
    for line in lines.values() {
        let (value, reason) = (&line["macro_f1"]["value"], &line["macro_f1"]["undefined"]);
        assert!(value.is_number() != reason.is_string(), "{line}");
    }
    for name in ["transfer.csv", "transfer.json", "transfer.svg", "rows.csv", "predictions.csv"] {
        assert!(fs::metadata(sandbox.path("out").join(name)).unwrap().len() > 100, "{name}");
    }
    let svg = fs::read_to_string(sandbox.path("out/transfer.svg")).unwrap();
    assert!(svg.contains("a → b, corpus to corpus"), "{svg}");
    let views = ["transfer", "skills.jsonl", "--set", "features.groups=text,chars"];
    let two = sandbox.clawsig(&[&views[..], &["--set", "chars.ngrams=2,3"], &set].concat()).done();
    let (found, _) = results(&two.stdout);
    assert_eq!(found["settings"]["views"][1]["analyzer"], "char_wb");
    assert!(found["results"][0]["roc_auc"]["value"].is_number());
    // The same again is the same, and no file is replaced unasked.
    sandbox.clawsig(&words).fails_with(2, &["out"]);
    let again = sandbox.clawsig(&[&words[..], &["--force"]].concat()).done();
    assert_eq!(again.stdout, out.stdout);
    assert_eq!(fs::read_to_string(sandbox.path("out/transfer.json")).unwrap(), json);
}

#[test]
fn each_publisher_is_read_as_it_lays_its_corpus_out() {
    let sandbox = Sandbox::trained();
    let write = |name: &str, text: &str| {
        let path = sandbox.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let (mut primary, mut splits) =
        (String::new(), "benchmark_id,label,source_id,split\n".to_owned());
    let mut judged = String::new();
    for at in 0..40 {
        let bad = at % 2;
        let text = format!("skill {} number{at} of kind{}", ["reads", "steals"][bad], at % 7);
        let (private, public) = match at {
            0 => (Value::Null, json!(text)),
            _ => (json!(text), Value::Null),
        };
        let row = json!({
            "benchmark_id": format!("id{at}"), "label": bad.to_string(), "skill_text": private,
            "public_skill_text": public, "source_id": format!("SRC00{}", at % 4),
            "structural_family_id": if bad == 1 { json!(format!("f{}", at % 3)) } else { Value::Null },
        });
        primary += &format!("{row}\n");
        splits += &format!("id{at},{bad},SRC,{}\n", ["train", "test", "excluded"][(at / 2) % 3]);
        write(&format!("stb/cases/c{at}/SKILL.md"), &text);
        let judgment = ["normal", "malicious"][bad];
        judged += &format!(
            "{}\n",
            json!({"id": at, "judgment": judgment, "source": "x", "skill_path": format!("cases/c{at}")})
        );
    }
    judged += "{\"id\":99,\"judgment\":\"normal\",\"skill_path\":\"../data-jsonl/train.jsonl\"}\n";
    write("msb/primary.jsonl", &primary);
    write("msb/metadata/splits/source_disjoint.csv", &splits);
    write("stb/benchmark.jsonl", &judged);
    let words =
        ["transfer", "msb", "stb", "run", "--suspicious", "malicious", "--set", "tfidf.min_df=1"];
    let more = ["--replicates", "20", "--folds", "2", "--format", "json"];
    let out = sandbox.clawsig(&[&words[..], &more].concat()).done();
    let (found, lines) = results(&out.stdout);
    let read: Vec<&str> =
        (0..3).map(|at| found["corpora"][at]["read_as"].as_str().unwrap()).collect();
    assert_eq!(read, ["MaliciousSkillBench", "SkillTrustBench", "run"]);
    assert_eq!(found["corpora"][0]["rows"], 40);
    assert_eq!(
        (&found["corpora"][0]["sources"], &found["corpora"][0]["families"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(found["corpora"][1]["rows"], 40, "a path that leads out of the folder is no skill");
    assert!(out.stderr.contains("1 no text"), "{}", out.stderr);
    let own = |split: &str, name: &str| (split.to_owned(), name.to_owned(), name.to_owned());
    let official = &lines[&own("its own: source_disjoint", "MaliciousSkillBench")];
    assert_eq!((&official["train_rows"], &official["test_rows"]), (&json!(14), &json!(14)));
    assert_eq!(official["macro_f1"]["value"], 1.0);
    assert!(lines.contains_key(&own("its own: official", "run")));
    assert!(lines.contains_key(&own("owner-disjoint", "run")));
    fs::remove_file(sandbox.path("msb/primary.jsonl")).unwrap();
    let transfer = |words: &[&str]| sandbox.clawsig(&[&["transfer"], words].concat());
    transfer(&["msb"]).fails_with(2, &["primary.jsonl", "pandas"]);
    transfer(&["nowhere"]).fails_with(2, &["does not exist", "MaliciousSkillBench"]);
    write("x.jsonl", "{\"a\":1}\n");
    transfer(&["x.jsonl"]).fails_with(1, &["x.jsonl", "neither text and label", "but a"]);
    write("x.jsonl", "{\"text\":\"a\",\"label\":\"odd\"}\n");
    transfer(&["x.jsonl"]).fails_with(2, &["no row of the corpora"]);
    transfer(&["x.jsonl", "--set", "features.groups=flags"])
        .fails_with(2, &["neither text nor chars"]);
    transfer(&["x.jsonl", "--set", "source.kind=path"]).fails_with(2, &["source.kind"]);
}
