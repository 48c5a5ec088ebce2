//! A whole study of rows that have everything a row may have, held against its record.
//!
//! `UPDATE_RECORDS=1 cargo test -p clawsig-study` writes the record anew; read it before it is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::fmt::Write;

use clawsig_schema::{
    FlagRule, JudgeFields, MissingPolicy, SkillRow, SkillSpectorSignals, Split, StaticSignals,
    Verdict, VerdictLabel, VirusTotalSignals,
    settings::{FlagParams, SeedParams},
};
use clawsig_study::{Study, StudyParams, registry};
use clawsig_test_record::{compare, rounded, word, words};
use serde_json::Value;

/// A row whose fields go through their values at different speeds.
fn row(n: usize) -> SkillRow {
    let texts = [
        "",
        "Keep the API key in .env",
        "CRON runs sudo pip install",
        "a plain text",
        "webhook; export API_KEY",
        "nothing of the kind",
        "npx over SSH \n as root",
    ];
    let verdict = match n % 9 {
        0..=3 => Verdict::Clean.into(),
        4..=6 => Verdict::Suspicious.into(),
        7 => Verdict::Malicious.into(),
        _ => VerdictLabel::Other("pending".to_owned()),
    };
    let engines = |every: usize, of: u32| {
        (n % 5 != 1).then_some(if n.is_multiple_of(every) { of } else { 0 })
    };
    let scanned = n % 8 != 6;
    SkillRow {
        id: format!("{n:064x}"),
        slug: (n % 6 != 5).then(|| format!("owner{}/=skill{n}", n * n % 13)),
        version: "1".to_owned(),
        text: word(&texts, n),
        verdict,
        judge: JudgeFields {
            confidence: word(&["high", "", "Low", "0.8", "70", "medium", "-1"], n / 2),
            model: word(&["judge-a", " judge-b ", "", "judge-a", "judge-c"], n / 3),
            summary: None,
        },
        static_scan: StaticSignals {
            status: word(&["clean", "suspicious", "", "clean", "malicious", "odd"], n),
            finding_count: (n % 4) as u32,
            reason_codes: words(
                &["suspicious.dangerous_exec", "suspicious.install_untrusted_source", "=1+1"],
                n / 4,
            ),
            has_output: n % 7 != 3,
        },
        virustotal: VirusTotalSignals {
            status: word(&["clean", "", "suspicious", "clean", "stale"], n / 2),
            verdict_text: word(&["", "", "harmless", "malware"], n),
            malicious: engines(4, 3),
            suspicious: engines(7, 1),
            harmless: n.is_multiple_of(3).then_some(2),
            undetected: engines(1, 60),
            has_output: n % 5 != 1 && n % 11 != 4,
        },
        skillspector: SkillSpectorSignals {
            status: word(&["clean", "suspicious", "error", "", "clean"], n / 3).filter(|_| scanned),
            recommendation: word(&["", "CAUTION", "safe"], n),
            score: scanned.then(|| [0.0, 11.0, 20.5, 55.0, 100.0][n % 5]),
            severity: None,
            issue_count: (n % 4) as u32,
            issue_codes: words(&["LP3", "TP1"], n),
            issue_categories: words(
                &["MCP Least Privilege", "Data Flow", "Supply Chain", "Rogue Agent"],
                n / 2,
            ),
            has_output: scanned && n % 10 != 2,
        },
        split: Split::ALL[n % 4],
        ..SkillRow::default()
    }
}

fn plain(value: &Value) -> Value {
    rounded(value, &|_| true)
}

/// A line for each item of the list at a place in the results.
fn record(out: &mut String, results: &Value, place: &str) {
    writeln!(out, "\n# {place}").unwrap();
    for item in results.pointer(place).unwrap().as_array().unwrap() {
        writeln!(out, "{}", plain(item)).unwrap();
    }
}

/// Of all slices but the first what is counted alone.
fn leave_counts(slices: &mut Value) {
    for slice in slices.as_array_mut().unwrap().iter_mut().skip(1) {
        let slice = slice.as_object_mut().unwrap();
        slice.retain(|name, _| !["overlap", "scanners", "raters"].contains(&&**name));
        for pair in slice["pairs"].as_array_mut().unwrap() {
            pair.as_object_mut().unwrap().retain(|name, _| ["a", "b", "counts"].contains(&&**name));
        }
    }
}

#[test]
fn a_study_is_as_it_is_on_record() {
    let mut found = String::new();
    for (rule, missing) in
        [(FlagRule::Status, MissingPolicy::Negative), (FlagRule::Label, MissingPolicy::Exclude)]
    {
        let params = StudyParams {
            flags: FlagParams { rule, missing },
            random: SeedParams { seed: 3 },
            replicates: 100,
            disagreements: 2,
            engine_thresholds: vec![3],
            score_thresholds: vec![11.0, 41.0],
            issue_thresholds: vec![2],
        };
        let mut study = Study::new(&params.check().unwrap());
        let rows: Vec<SkillRow> = (0..120).map(row).collect();
        study.observe(&rows).unwrap();
        let results = study.finish(&|_, _, _| {}).unwrap();
        let mut results = serde_json::to_value(&results).unwrap();
        leave_counts(&mut results["slices"]);
        writeln!(found, "\n## {rule}, {missing}").unwrap();
        for name in ["rows", "owners", "raters", "unrated", "unjudged"] {
            writeln!(found, "{name}: {}", results[name]).unwrap();
        }
        for place in [
            "/by_verdict",
            "/sweep",
            "/latent",
            "/disagreements",
            "/missing/rates",
            "/missing/pairs",
            "/missing/warnings",
            "/choices",
            "/rule_differences/rows",
            "/rule_differences/listed",
            "/findings",
            "/slices",
        ] {
            record(&mut found, &results, place);
        }
    }
    compare("tests/recorded.txt", &found);
}

#[test]
fn what_the_published_counts_give_is_as_it_is_on_record() {
    let published = serde_json::from_str(include_str!("../../../data/published.json")).unwrap();
    let params = StudyParams { replicates: 100, ..StudyParams::default() };
    let results = registry(&published, None, &params, &|_, _, _| {}).unwrap();
    let results = serde_json::to_value(&results).unwrap();
    let mut found = String::new();
    // The figures are the input.
    for (name, value) in results.as_object().unwrap().iter().filter(|(name, _)| *name != "figures")
    {
        match value.as_array() {
            Some(_) => record(&mut found, &results, &format!("/{name}")),
            None => writeln!(found, "\n# /{name}\n{}", plain(value)).unwrap(),
        }
    }
    compare("tests/recorded_registry.txt", &found);
}
