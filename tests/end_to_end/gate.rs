//! `clawsig predict` as a gate: what it prints and how it ends, case by case, held against
//! `gate.txt`. `UPDATE_RECORDS=1` writes that file anew; read the difference before you keep it.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use clawsig_test_record::compare;
use serde_json::Value;

use crate::program::{Outcome, Sandbox};

/// A run of a small dataset, the skill that its text-only model finds worst in `skills/bad`, the
/// best in `skills/good`.
fn trained() -> Sandbox {
    let sandbox = Sandbox::trained();
    let words = ["predict", "data-jsonl/train.jsonl", "--text-only", "--as", "jsonl", "-m", "run"];
    let scores = sandbox.clawsig(&words).done().stdout;
    let rows = fs::read_to_string(sandbox.path("data-jsonl/train.jsonl")).unwrap();
    let parsed = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut ranked: Vec<(f64, String)> = scores
        .lines()
        .zip(rows.lines())
        .filter(|(score, _)| parsed(score)["unlike_training"] == serde_json::json!([]))
        .map(|(score, row)| {
            let p = parsed(score)["probabilities"]["suspicious"].as_f64().unwrap();
            (p, parsed(row)["skill_md_content"].as_str().unwrap().to_owned())
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (name, (_, text)) in [("good", ranked.first().unwrap()), ("bad", ranked.last().unwrap())] {
        write(&sandbox, &format!("skills/{name}/SKILL.md"), text);
    }
    sandbox
}

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn sha256(sandbox: &Sandbox, skill: &str) -> String {
    let out = sandbox.clawsig(&["predict", skill, "-m", "run", "--as", "jsonl"]).done();
    let line: Value = serde_json::from_str(&out.stdout).unwrap();
    line["sha256"].as_str().unwrap().to_owned()
}

/// The text with hashes, numbers with a point and the scratch folder replaced: their digits are
/// not the gate's.
fn redacted(text: &str, folder: &Path) -> String {
    let text = text.replace(&*folder.to_string_lossy(), "FOLDER");
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '.' {
            word.push(c);
            continue;
        }
        let digits = word.bytes().any(|byte| byte.is_ascii_digit());
        let hex = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = word.trim_end_matches('.').contains('.') && word.parse::<f64>().is_ok();
        match (digits && hex, digits && number) {
            (true, _) => out.push_str("HASH"),
            (_, true) => out.push('#'),
            _ => out.push_str(&word),
        }
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

#[test]
fn the_gate_prints_and_ends_as_it_is_on_record() {
    let sandbox = trained();
    write(&sandbox, "odd.md", "Ein kurzer Satz, den hier niemand kennt.\n");
    write(&sandbox, "rows.csv", "id,skill_md_content\n1,hello\n");
    let score = || sandbox.clawsig(&["predict", "skills/good", "-m", "run"]).done().stdout;
    let before = score();
    write(&sandbox, "skills/good/.git/config", "[core]\n");
    write(&sandbox, "skills/good/.env", "A=1\n");
    assert_eq!(before, score(), "hidden files are no part of a skill's bundle");
    let entry = |expires: &str| {
        format!(
            "[[reviewed]]\nsha256 = \"{}\"\nreason = \"read line by line\"\nowner = \"ana\"\nexpires = \
             {expires}\n",
            sha256(&sandbox, "skills/bad")
        )
    };
    write(&sandbox, "baseline.toml", &entry("9999-12-31"));
    write(&sandbox, "expired.toml", &entry("2020-01-31"));
    let request = |skill: &str| {
        let folder = sandbox.path(&format!("skills/{skill}"));
        serde_json::json!({
            "protocolVersion": 1, "openclawVersion": "2026.6.1", "targetType": "skill",
            "targetName": skill, "sourcePath": folder, "sourcePathKind": "directory",
            "origin": { "type": "clawhub" },
            "request": { "kind": "skill-install", "mode": "install" },
        })
        .to_string()
    };
    let rows = fs::read_to_string(sandbox.path("data-jsonl/test.jsonl")).unwrap();
    let rows: String = rows.split_inclusive('\n').take(2).collect();

    let base = ["predict", "-m", "run", "--top", "0"];
    let flag = ["--threshold", "suspicious@fpr=0.05", "--fail-on", "flagged"];
    let policy = ["-", "--as", "install-policy", "--threshold", "suspicious@fpr=0.05"];
    let cases: [(&str, Vec<&str>, Option<String>, i32); 13] = [
        ("flagged", [&["skills/bad"], &flag[..]].concat(), None, 3),
        ("clean", [&["skills/good"], &flag[..]].concat(), None, 0),
        (
            "threshold missing",
            vec!["skills/good", "--threshold", "malicious@fpr=0.01", "--fail-on", "flagged"],
            None,
            2,
        ),
        ("unlike training", vec!["odd.md", "--fail-on", "unlike"], None, 3),
        ("hidden files", [&["skills"], &flag[..]].concat(), None, 3),
        ("baseline hit", [&["skills", "--baseline", "baseline.toml"], &flag[..]].concat(), None, 0),
        ("expired", [&["skills", "--baseline", "expired.toml"], &flag[..]].concat(), None, 3),
        ("wrong file", [&["rows.csv"], &flag[..]].concat(), None, 2),
        ("piped rows", vec!["-", "--as", "csv", "--fail-on", "malicious"], Some(rows), 0),
        (
            "SARIF",
            [&["skills", "--as", "sarif", "--baseline", "baseline.toml"], &flag[..]].concat(),
            None,
            0,
        ),
        ("install policy, allow", policy.to_vec(), Some(request("good")), 0),
        ("install policy, block", policy.to_vec(), Some(request("bad")), 0),
        ("install policy, not scored", policy.to_vec(), Some(request("nowhere")), 0),
    ];
    let mut found = String::new();
    for (name, words, input, code) in cases {
        let words = [&base[..], &words].concat();
        let Outcome { code: ended, stdout, stderr } = match input {
            Some(input) => sandbox.clawsig_fed(&words, input.as_bytes()),
            None => sandbox.clawsig(&words),
        };
        assert_eq!(ended, Some(code), "{name}\n{stdout}\n{stderr}");
        let printed = format!("{stdout}-- standard error\n{stderr}-- exit code {code}\n\n");
        let printed = redacted(&printed, &sandbox.path(""));
        found += &format!("## {name}\n$ clawsig {}\n{printed}", words.join(" "));
    }
    compare("end_to_end/gate.txt", &found);
}

#[test]
fn a_review_follows_the_content_and_leaves_sarif_counted() {
    let sandbox = trained();
    let hash = sha256(&sandbox, "skills/bad");
    let text = fs::read(sandbox.path("skills/bad/SKILL.md")).unwrap();
    write(
        &sandbox,
        "b.toml",
        &format!(
            "[[reviewed]]\nsha256 = \"{hash}\"\nreason = \"r\"\nowner = \"o\"\nexpires = 9999-12-31\n"
        ),
    );
    let gate = |words: &[&str]| {
        let flags = ["--threshold", "suspicious@fpr=0.05", "--fail-on", "flagged"];
        let base = ["predict", "-m", "run", "--baseline", "b.toml"];
        sandbox.clawsig(&[&base[..], &flags, words].concat())
    };
    let sarif: Value =
        serde_json::from_str(&gate(&["skills/bad", "--as", "sarif"]).done().stdout).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["results"], serde_json::json!([]));
    assert_eq!(run["properties"]["suppressed"], 1);
    assert_eq!(run["properties"]["models"][0]["synthetic"], true);
    // The same text as a file of any name, and on standard input.
    fs::write(sandbox.path("copy.txt"), &text).unwrap();
    gate(&["copy.txt"]).done();
    let words = ["predict", "-", "-m", "run", "--as", "jsonl"];
    let piped: Value =
        serde_json::from_str(&sandbox.clawsig_fed(&words, &text).done().stdout).unwrap();
    assert_eq!((&piped["sha256"], &piped["source"]), (&Value::from(hash), &Value::from("-")));
    // A byte more, or another file beside it, is another skill.
    let other = gate(&["skills/good", "--as", "csv"]).done();
    assert!(other.stderr.contains("1 entry of no skill"), "{}", other.stderr);
    write(&sandbox, "skills/bad/run.sh", "echo hello\n");
    let changed = sha256(&sandbox, "skills/bad");
    assert_ne!(Some(changed.as_str()), piped["sha256"].as_str());
    assert!(gate(&["skills/bad"]).stderr.contains("1 entry of no skill"));
}

/// Content that a reviewer saw can't change unseen, wherever in the folder it is.
#[test]
fn the_hash_of_a_review_is_that_of_all_files() {
    let sandbox = trained();
    let skill = "skills/good";
    let deep = format!("{}x.sh", "a/".repeat(40));
    let mut hashes = vec![sha256(&sandbox, skill)];
    for (name, text) in [
        (deep.as_str(), "echo 1"),
        (deep.as_str(), "echo 2"),
        (".env", "A=1"),
        (".hidden/run.sh", "echo 3"),
        ("a\nb\\c", "echo 4"),
    ] {
        write(&sandbox, &format!("{skill}/{name}"), text);
        hashes.push(sha256(&sandbox, skill));
    }
    // The recipe of the documentation.
    let recipe =
        "find . -type f -print0 | sort -z | sed -z 's|^./||' | xargs -0 sha256sum | sha256sum";
    let mut checksums = Command::new("bash");
    checksums.args(["-c", recipe]).env("LC_ALL", "C").current_dir(sandbox.path(skill));
    let printed = String::from_utf8(checksums.output().unwrap().stdout).unwrap();
    assert_eq!(printed.split(' ').next(), hashes.last().map(String::as_str));
    for target in ["/etc/hostname", "nowhere"] {
        let link = sandbox.path(&format!("{skill}/link"));
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
        hashes.push(sha256(&sandbox, skill));
    }
    write(&sandbox, &format!("{skill}/.git/index"), "changes with every commit");
    assert_eq!(hashes.last(), Some(&sha256(&sandbox, skill)));
    write(&sandbox, &format!("{skill}/deeper/.git/index"), "of no repository of the skill's own");
    hashes.push(sha256(&sandbox, skill));
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}

#[test]
fn a_gate_that_checks_nothing_is_no_success() {
    let sandbox = trained();
    let predict = |words: &[&str], input: &[u8]| {
        sandbox.clawsig_fed(&[&["predict", "-m", "run"], words].concat(), input)
    };
    predict(&["-", "--fail-on", "flagged"], b"{}").fails_with(2, &["--threshold"]);
    predict(&["-", "--fail-on", "clean"], b"{}").fails_with(2, &["every skill would fail"]);
    predict(&["-", "--fail-on", "evil"], b"{}").fails_with(2, &["unlike", "malicious"]);
    predict(&["-", "--fail-on", "malicious"], b"").fails_with(1, &["nothing was scored"]);
    predict(&["-", "--fail-on", "malicious"], b"{}\n").fails_with(1, &["1 of 1 inputs"]);
    // A goal is checked for every model that rows can need, before any is scored.
    let words = ["data-jsonl/test.jsonl", "--threshold", "malicious@fpr=0.01"];
    let out = predict(&words, b"").fails_with(2, &["the all model", "validation"]);
    assert_eq!(out.stdout, "");
    for (name, part) in [("a.csv", ".jsonl"), ("a.json", ".jsonl"), ("a.jsonl.gz", "gunzip")] {
        fs::write(sandbox.path(name), "x").unwrap();
        predict(&[name], b"").fails_with(2, &[name, part]);
    }
    fs::write(sandbox.path("bad.toml"), "[[reviewed]]\nsha256 = \"1\"\n").unwrap();
    let words = ["skills", "--baseline", "bad.toml"];
    predict(&words, b"")
        .fails_with(2, &["bad.toml", "`reason` is missing", "expires = 2027-01-31"]);
    let blocked = predict(&["-", "--as", "install-policy"], b"hello").done().stdout;
    let answer: Value = serde_json::from_str(&blocked).unwrap();
    assert_eq!((&answer["decision"], &answer["protocolVersion"]), (&"block".into(), &1.into()));
}

/// The commands of docs/gate, as GitHub's runner and git would call them.
#[test]
fn the_recipes_of_the_documentation_run() {
    let sandbox = trained();
    // The folder of this checkout: two that share a target folder share what was built in it.
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let docs = Path::new(&tests).parent().unwrap().join("docs/gate");
    fs::create_dir(sandbox.path("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_clawsig-under-test"), sandbox.path("bin/clawsig")).unwrap();
    let sh = |script: &str| {
        let path = std::env::var("PATH").unwrap();
        let status = Command::new("bash")
            .args(["-e", "-c", script])
            .current_dir(sandbox.path(""))
            .env("PATH", format!("{}:{path}", sandbox.path("bin").display()))
            .env("CLAWSIG_MODEL", "run")
            .env("CLAWSIG_THRESHOLD", "suspicious@fpr=0.05")
            .output()
            .unwrap();
        (status.status.code(), String::from_utf8_lossy(&status.stderr).into_owned())
    };
    write(&sandbox, "clawsig-baseline.toml", "");
    let workflow = fs::read_to_string(docs.join("skills.yml")).unwrap();
    let step = workflow.split_once("        run: |\n").unwrap().1;
    let script: String = step
        .lines()
        .take_while(|line| line.starts_with("          "))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(sh(&script).0, Some(3), "a flagged skill fails the step");
    let sarif: Value =
        serde_json::from_slice(&fs::read(sandbox.path("clawsig.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);

    let hook = docs.join("pre-commit");
    let commit = format!(
        "git init -q . && mkdir -p .git/hooks && cp {} .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit \
         && git add skills clawsig-baseline.toml && git -c user.name=a -c user.email=a@b.c commit -qm one",
        hook.display()
    );
    let (code, said) = sh(&commit);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("fail --fail-on flagged"), "{said}");
    fs::remove_dir_all(sandbox.path("skills/bad")).unwrap();
    let (code, said) = sh(&commit);
    assert_eq!(code, Some(0), "{said}");
    // A commit that touches no skill asks nothing.
    write(&sandbox, "notes.md", "x");
    let commit = "git add notes.md && git -c user.name=a -c user.email=a@b.c commit -qm two";
    let (code, said) = sh(commit);
    assert_eq!((code, said.as_str()), (Some(0), ""));
}
