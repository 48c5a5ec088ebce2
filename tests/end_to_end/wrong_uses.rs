//! Wrong uses with what they are answered: one list, so that a change of wording is seen as a whole.
//!
//! `UPDATE_RECORDS=1 cargo test --test end-to-end wrong_uses` writes it anew.

use std::fs;

use clawsig_test_record::compare;

use crate::program::Sandbox;

/// Lines of an answer that are kept: a usage error repeats the command's help.
const LINES: usize = 8;

/// Typed one a line, in a folder with a finished run `r`, a text, a page, a folder of other files.
const USES: &str = "\
runn
piplein
run extra
run --profile tutoral
run --profile nowhere.toml
run --profile notes.txt
run --profile wrong.toml
run --set tfidf.max_features=20,000
run --set tfidf.max_features=-1
run --set tfidf.max_features
run --set tfidf.max_featurs=5
run --set =5
run --set model.penalty=l3
run --set model.target=nonsense
run --set model.grid=0
run --set model.grid=[1,x]
run --set model.tolerance=0
run --set evaluate.replicates=ten
run --set source.kind=ftp
run --set source.kind=path
run --set source.kind=path --set source.path=nowhere
run --set source.kind=path --set source.path=empty
run --set source.kind=path --set source.path=foreign
run --set source.kind=path --set source.path=page.jsonl
run --set source.kind=path --set source.path=cut.parquet
run --set source.path=data-jsonl
run --set source.kind=hub --offline
run --out notes.txt
run --out foreign
run --out notes.txt/run
run --force-stage trian
train --out nowhere
train --out foreign
train --out r --set model.target=severity
train --out r --set evaluate.replicates=9
train --out r --set model.c=3
ingest --out r --set source.kind=sample
status --out notes.txt
status --out foreign
verify nowhere
verify foreign
verify notes.txt
verify r --lock nowhere.json
verify r --published notes.txt
diff r
diff r nowhere
diff r r --fail-on everything
export csv nowhere --out x.csv
export pdf r --out x
export csv r
export leaderboard r --out submission
predict nowhere --model r
predict foreign --model r
predict skills --model nowhere
predict skills --model r --threshold malicious
predict skills --model r --threshold wicked@fpr=0.01
predict skills --model r --threshold malicious@fpr=7
predict skills --model r --as xml
inspect nowhere
inspect page.jsonl
inspect --rows many
lock foreign
synth --rows -1 --out s
synth --rows x --out s
synth --out s
synth --rows 5 --out foreign
agreement --counts nowhere
agreement --counts notes.txt
settings tfidf.max
dictionary agreement/pair.csv
profile --profile nope
completions tcsh
";

#[test]
fn each_wrong_use_gets_the_answer_of_the_list() {
    let sandbox = Sandbox::new();
    let rows = sandbox.dataset(150, "jsonl");
    let path = format!("source.path={rows}");
    let quick = ["--set", "agreement.replicates=100", "--set", "evaluate.replicates=20"];
    let words = ["run", "--quiet", "--out", "r", "--set", "source.kind=path", "--set", &path];
    sandbox.clawsig(&[&words[..], &quick].concat()).done();
    for folder in ["empty", "foreign", "skills/mail"] {
        fs::create_dir_all(sandbox.path(folder)).unwrap();
    }
    for (name, text) in [
        ("notes.txt", "Notes of my own.\n"),
        ("wrong.toml", "[model]\ntarge = \"verdict\"\n"),
        ("page.jsonl", "<!DOCTYPE html>\n<html><body>Log in</body></html>\n"),
        ("cut.parquet", "PAR1 and no more"),
        ("foreign/thesis.tex", "\\section{Mine}\n"),
        ("skills/mail/SKILL.md", "# Mail\nReads mail.\n"),
    ] {
        fs::write(sandbox.path(name), text).unwrap();
    }
    let home = sandbox.path("hf").display().to_string();
    let mut answers = String::new();
    for line in USES.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = sandbox.clawsig_with(&words, &[("HF_HOME", &home), ("COLUMNS", "100")]);
        let code = outcome.code.unwrap();
        let told = outcome.stdout + &outcome.stderr;
        let told: Vec<&str> = told.trim_end().lines().take(LINES).collect();
        answers += &format!("$ clawsig {line}\n{}\nexit code {code}\n\n", told.join("\n"));
    }
    let here = fs::canonicalize(sandbox.path(".")).unwrap().display().to_string();
    let answers = answers.replace(&here, "HERE").replace("clawsig-under-test", "clawsig");
    compare("end_to_end/wrong_uses.txt", &answers);
}
