//! The examples in the help of every command, carried out as they stand.

use std::{fs, process::Command};

use crate::program::Sandbox;

/// Examples that need the Hub, others' corpora or raters, write outside of the sandbox, or make a gigabyte.
const ELSEWHERE: [&str; 7] = [
    "--profile paper",
    "source.kind=hub",
    "/etc/",
    "67453",
    "MaliciousSkillBench",
    "--ratings",
    // Reviewers have to answer in between: `adjudicate.rs` does.
    "adjudicate",
];

/// What another exit code than 0 means for an example.
const EXPECTED: [(&str, i32); 2] = [
    // Made of the paper's lock and figures, which are not of these rows.
    ("clawsig verify runs/mine --lock lock.json --published published.json", 3),
    // The rows of the run are of no locked snapshot, whose revision would be known.
    ("clawsig export leaderboard runs/paper --out submission", 2),
];

fn copy(sandbox: &Sandbox, from: &str, to: &str) {
    let words = ["-R".into(), sandbox.path(from), sandbox.path(to)];
    assert!(Command::new("cp").args(words).status().unwrap().success());
}

#[test]
fn every_example_does_what_it_says() {
    let sandbox = Sandbox::new();
    let quick = ["--set", "agreement.replicates=100", "--set", "evaluate.replicates=20"];
    let fewer = ["--set", "evaluate.refits=false", "--set", "model.max_iterations=100"];
    sandbox.clawsig(&[&["run"][..], &quick, &fewer].concat()).done();
    for run in ["paper", "last-week", "this-week", "a", "b"] {
        copy(&sandbox, "runs/sample", &format!("runs/{run}"));
    }
    // Rows of all three verdicts: the seed tutorial tells clean from malicious.
    let rows = ["synth", "--rows", "200", "--seed", "33", "--small", "--out", "data-jsonl"];
    sandbox.clawsig(&rows).done();
    let path = "source.path=data-jsonl";
    let own = ["run", "--out", "runs/mine", "--set", "source.kind=path", "--set", path];
    sandbox.clawsig(&[&own[..], &quick, &fewer].concat()).done();
    fs::create_dir_all(sandbox.path("skills/mail")).unwrap();
    fs::write(sandbox.path("skills/mail/SKILL.md"), "# Mail\nReads mail.\n").unwrap();
    copy(&sandbox, "data-jsonl/test.jsonl", "new.jsonl");
    let patterns = "pattern,count\nnone,50\na,12\nb,8\na+b,5\n";
    fs::write(sandbox.path("patterns.csv"), patterns).unwrap();
    fs::write(sandbox.path("skills.jsonl"), crate::transfer::leaky("a", 20)).unwrap();
    fs::write(sandbox.path("counts.jsonl"), crate::counts::COUNTS).unwrap();
    let reviewed =
        "[[reviewed]]\nsha256 = \"{}\"\nreason = \"read\"\nowner = \"me\"\nexpires = 2099-01-31\n";
    fs::write(sandbox.path("reviewed.toml"), reviewed.replace("{}", &"0".repeat(64))).unwrap();
    for name in ["dataset.lock.json", "published.json"] {
        let to = sandbox.path(name.trim_start_matches("dataset."));
        fs::copy(format!("../data/{name}"), to).unwrap();
    }

    let program = sandbox.clawsig(&["--help"]).done().stdout;
    let commands = program.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        // A line that is indented further continues the one above.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    fs::rename(sandbox.path("runs"), sandbox.path("pristine")).unwrap();
    let mut done = 0;
    let helps = commands.iter().map(|command| sandbox.clawsig(&[command, "--help"]).done().stdout);
    for help in std::iter::once(program.clone()).chain(helps) {
        // Each command's examples find the same runs, one after the other.
        let _ = fs::remove_dir_all(sandbox.path("runs"));
        copy(&sandbox, "pristine", "runs");
        done += carry_out(&sandbox, &help);
    }
    assert!(done > 40, "{done} examples");
}

/// Carries out the examples of a help text; gives how many there are.
fn carry_out(sandbox: &Sandbox, help: &str) -> usize {
    let mut done = 0;
    let rows = fs::read_to_string(sandbox.path("pristine/sample/features/rows_test.csv")).unwrap();
    let mut skill = rows.lines().nth(1).unwrap().split(',');
    let (id, slug) = (skill.next().unwrap(), skill.next().unwrap());
    for line in help.lines().filter(|line| line.starts_with("  clawsig ")) {
        // What follows two blanks is a remark.
        let typed = line.trim().split("  ").next().unwrap_or_default();
        if ELSEWHERE.iter().any(|word| typed.contains(word)) {
            continue;
        }
        let typed = typed.split('|').next().unwrap_or_default();
        let typed = typed.split("> ~").next().unwrap_or_default();
        let typed = typed.replace("FOLDER", "data-jsonl").replace("DIR", &format!("new{done}"));
        let typed = typed.replace("owner/skill", slug).replace("3f5a9c01", &id[..8]);
        let script = typed.replacen("clawsig", "\"$0\"", 1);
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(env!("CARGO_BIN_EXE_clawsig-under-test"))
            .current_dir(sandbox.path("."))
            .env("XDG_STATE_HOME", sandbox.path("state"))
            .env("HOME", sandbox.path("home"))
            .output()
            .unwrap();
        let expected = EXPECTED.iter().find(|(example, _)| typed.trim() == *example);
        assert_eq!(
            output.status.code(),
            Some(expected.map_or(0, |(_, code)| *code)),
            "{typed}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        done += 1;
    }
    done
}
