//! What a whole corpus must hold.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

use clawsig_schema::{
    Scanner, Severity, Split, Verdict,
    column::{Column, ColumnKind, NullRule},
    owner_of_slug,
    raw::RawRow,
};
use clawsig_synth::{Origin, Synth, SynthParams, write_json_line, write_jsonl};
use proptest::prelude::*;
use serde_json::Value;

#[expect(clippy::unwrap_used, reason = "a test's helper: the parameters are the test's own")]
fn synth(params: SynthParams) -> Synth {
    Synth::new(params.check().unwrap())
}

fn small(seed: u64) -> Synth {
    synth(SynthParams { seed, rows: 300, ..SynthParams::sample() })
}

fn flag(row: &RawRow, scanner: Scanner) -> bool {
    let status = match scanner {
        Scanner::Static => &row.static_status,
        Scanner::VirusTotal => &row.virustotal_status,
        Scanner::SkillSpector => &row.skillspector_status,
    };
    matches!(status.as_deref(), Some("suspicious" | "malicious"))
}

#[test]
fn the_figures_of_20_000_rows_are_near_the_published_ones() {
    let synth = synth(SynthParams {
        rows: 20_000,
        seed: 5,
        mean_text_chars: 300,
        bundles: 0.0,
        ..SynthParams::default()
    });
    let mut verdicts = [0.0; 3];
    let mut flags = [[0.0; 3]; 3];
    let mut patterns = [0.0; 8];
    let (mut least_privilege, mut dangerous_exec) = (0.0, 0.0);
    let mut splits = [0.0; 4];
    let mut owners = HashSet::new();
    let mut statuses = HashSet::new();
    for row in synth.rows() {
        let verdict: Verdict = row.clawscan_verdict.parse().unwrap();
        verdicts[verdict.index()] += 1.0;
        let mut pattern = 0;
        for &scanner in Scanner::ALL {
            if flag(&row, scanner) {
                flags[verdict.index()][scanner.index()] += 1.0;
                pattern |= 1 << scanner.index();
            }
        }
        patterns[pattern] += 1.0;
        let holds =
            |list: &[String], name: &str| f64::from(u8::from(list.iter().any(|x| x == name)));
        least_privilege += holds(&row.skillspector_issue_categories, "MCP Least Privilege");
        dangerous_exec += holds(&row.static_reason_codes, "suspicious.dangerous_exec");
        splits[row.split.parse::<Split>().unwrap().index()] += 1.0;
        if let Some(owner) = row.skill_slug.as_deref().and_then(owner_of_slug) {
            owners.insert(owner.to_owned());
        }
        statuses.insert(row.virustotal_status.clone());
        if let Some(score) = row.skillspector_score {
            let stated: Severity = row.skillspector_severity.as_deref().unwrap().parse().unwrap();
            assert_eq!(Severity::of_score(score), Some(stated));
        } else {
            assert_eq!(row.skillspector_severity, None);
        }
        let listed = (row.skillspector_issue_count as usize).min(25);
        assert_eq!(listed, row.skillspector_issue_codes.len());
    }
    let n = 20_000.0;
    let near = |what: &str, found: f64, expected: f64, by: f64| {
        assert!((found - expected).abs() <= by, "{what}: {found}, expected {expected} ± {by}");
    };
    near("clean", verdicts[0] / n, 0.6188, 0.02);
    near("suspicious", verdicts[1] / n, 0.3781, 0.02);
    near("malicious", verdicts[2] / n, 0.003_05, 0.002);
    near("SkillSpector on suspicious", flags[1][2] / verdicts[1], 0.753, 0.02);
    near("SkillSpector on malicious", flags[2][2] / verdicts[2], 0.068, 0.12);
    near("VirusTotal on malicious", flags[2][1] / verdicts[2], 0.728, 0.2);
    let share = |scanner: usize| flags.iter().map(|of| of[scanner]).sum::<f64>() / n;
    near("static", share(0), 0.0654, 0.008);
    near("SkillSpector", share(2), 0.49, 0.02);
    near("all three", patterns[7] / n, 0.0069, 0.003);
    let any: f64 = patterns[1..].iter().sum();
    near("exactly one", (patterns[1] + patterns[2] + patterns[4]) / any, 0.819, 0.02);
    for (a, b) in [(1, 2), (1, 4), (2, 4)] {
        let rows = |test: &dyn Fn(usize) -> bool| {
            (0..8).filter(|&p| test(p)).map(|p| patterns[p]).sum::<f64>()
        };
        let overlap = rows(&|p| p & a != 0 && p & b != 0) / rows(&|p| p & (a | b) != 0);
        assert!(overlap < 0.125, "{a} and {b}: {overlap}");
    }
    near("MCP Least Privilege", least_privilege / n, 9_641.0 / 67_453.0, 0.015);
    near("dangerous_exec", dangerous_exec / n, 1_428.0 / 67_453.0, 0.005);
    for (found, expected) in splits.iter().zip([0.7, 0.15, 0.1, 0.05]) {
        near("split", found / n, expected, 0.012);
    }
    assert!(owners.len() > 4_000 && owners.len() < 15_000, "{}", owners.len());
    for status in ["clean", "suspicious", "malicious", "stale"] {
        assert!(statuses.contains(&Some(status.to_owned())), "{status}");
    }
    assert!(statuses.contains(&None));
}

#[test]
fn texts_cost_a_vectorizer_what_real_texts_cost() {
    let synth = synth(SynthParams { seed: 1, bundles: 0.0, ..SynthParams::default() });
    // Python's `\w`: vowel signs of Arabic and Devanagari are alphabetic, but no letters.
    let in_word = |c: char| match c {
        '\u{64b}'..='\u{652}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' => false,
        _ => c.is_alphanumeric() || c == '_',
    };
    let texts = (0..synth.len())
        .filter(|&index| synth.split(index) == Split::Train)
        .filter_map(|index| synth.row(index).skill_md_content)
        .map(|text| text.chars().take(6_000).collect::<String>().to_lowercase());
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let mut bigrams = HashSet::new();
    let (mut chars, mut ascii, mut tokens, mut letters, mut entries) = (0, 0, 0, 0, 0);
    for text in texts.take(10_000) {
        chars += text.chars().count();
        ascii += text.chars().filter(char::is_ascii).count();
        let (mut of_text, mut before) = (HashSet::new(), None);
        for word in text.split(|c| !in_word(c)) {
            let length = word.chars().count();
            if length < 2 {
                continue;
            }
            tokens += 1;
            letters += length;
            let next = numbers.len() as u64;
            let number = match numbers.get(word) {
                Some(&number) => number,
                None => *numbers.entry(word.to_owned()).or_insert(next),
            };
            of_text.insert(number);
            if let Some(before) = before.replace(number) {
                let bigram: u64 = (before + 1) << 32 | number;
                bigrams.insert(bigram);
                of_text.insert(bigram);
            }
        }
        entries += of_text.len();
    }
    // Measured on as many real texts, cut as these are.
    for (what, found, real) in [
        ("tokens a text", tokens as f64 / 1e4, 526.0),
        ("different tokens", numbers.len() as f64, 179_901.0),
        ("different bigrams", bigrams.len() as f64, 1_905_686.0),
        ("tokens and bigrams a text, each once", entries as f64 / 1e4, 677.0),
        ("characters a token", letters as f64 / tokens as f64, 5.88),
        ("per cent outside ASCII", 100.0 * (chars - ascii) as f64 / chars as f64, 1.7),
    ] {
        assert!((found / real - 1.0).abs() < 0.05, "{what}: {found}, real texts {real}");
    }
}

#[test]
fn json_lines_have_the_schema() {
    let synth = small(1);
    let mut ids = HashSet::new();
    for row in synth.rows() {
        let mut line = Vec::new();
        write_json_line(&row, &mut line).unwrap();
        assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
        let value: Value = serde_json::from_slice(&line).unwrap();
        let object = value.as_object().unwrap();
        assert_eq!(object.len(), Column::ALL.len());
        for column in Column::ALL {
            let value = &object[column.name()];
            let fits = match column.kind() {
                ColumnKind::Text => value.is_string(),
                ColumnKind::Count => value.is_u64(),
                ColumnKind::Number => value.is_number(),
                ColumnKind::TextList | ColumnKind::Bundle => value.is_array(),
                ColumnKind::Context => value.is_object(),
            };
            let missing = column.nulls() == NullRule::Missing && value.is_null();
            assert!(fits || missing, "{}: {value}", column.name());
        }
        let text = row.skill_md_content.unwrap_or_default();
        assert!(!text.contains('\n') && !text.is_empty() && text.chars().count() <= 120_000);
        assert!(ids.insert(row.id));
    }
}

#[test]
fn bytes_do_not_depend_on_threads_and_rows_come_in_order() {
    let synth = synth(SynthParams { rows: 700, ..SynthParams::sample() });
    let write = |threads| {
        let mut files: [Vec<u8>; 4] = Default::default();
        let counts = write_jsonl(&synth, &mut files, threads, &|_, _| {}).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 700);
        files
    };
    let one = write(1);
    assert_eq!(one, write(2));
    assert_eq!(one, write(5));
    let mut by_hand: [Vec<u8>; 4] = Default::default();
    for index in (0..700).rev() {
        let mut line = Vec::new();
        write_json_line(&synth.row(index), &mut line).unwrap();
        let file = &mut by_hand[synth.split(index).index()];
        file.splice(0..0, line);
    }
    assert_eq!(one, by_hand);
    let mut starts = Vec::new();
    let make = |_: &Synth, rows: std::ops::Range<u64>| rows.start;
    let done = synth.ordered_chunks(3..50, 7, 3, make, |start| -> Result<(), Infallible> {
        starts.push(start);
        Ok(())
    });
    assert_eq!(done, Ok(()));
    assert_eq!(starts, [3, 10, 17, 24, 31, 38, 45]);
    let stopped = synth
        .ordered_chunks(0..700, 7, 3, make, |start| if start > 20 { Err(start) } else { Ok(()) });
    assert_eq!(stopped, Err(21));
}

#[test]
fn the_sample_has_a_malicious_row_in_every_split() {
    let synth = synth(SynthParams::sample());
    let mut malicious = [0; 4];
    for index in 0..synth.len() {
        if synth.verdict(index) == Verdict::Malicious {
            malicious[synth.split(index).index()] += 1;
        }
    }
    assert!(malicious[0] >= 3 && malicious.iter().all(|&rows| rows > 0), "{malicious:?}");
}

#[test]
fn copies_are_what_they_claim_and_cross_splits() {
    let synth = synth(SynthParams { rows: 1_500, fold_newlines: false, ..SynthParams::sample() });
    let (mut copies, mut crossing) = (0, 0);
    for index in 0..synth.len() {
        match synth.origin(index) {
            Origin::Original => {}
            Origin::Copy { of } => {
                copies += 1;
                let (copy, original) = (synth.row(index), synth.row(of));
                assert_eq!(copy.clawscan_verdict, original.clawscan_verdict);
                assert_eq!(copy.skill_md_content, original.skill_md_content);
                assert_ne!(copy.id, original.id);
                crossing += u32::from(copy.split != original.split);
            }
            Origin::Renamed { of } | Origin::Edited { of } => {
                copies += 1;
                assert!(of < index && synth.origin(of) == Origin::Original);
                let (copy, original) = (synth.row(index), synth.row(of));
                if original.skill_md_content.is_some() {
                    assert_ne!(copy.skill_md_content, original.skill_md_content);
                }
            }
        }
    }
    assert!((80..160).contains(&copies), "{copies}");
    assert!(crossing > 5, "{crossing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_is_the_same_in_a_longer_corpus_and_its_labels_are_told_ahead(
        seed in any::<u64>(), index in 0_u64..1 << 40, rows in 0_u64..1 << 48,
    ) {
        let short = small(seed);
        let long = synth(SynthParams { seed, rows, ..SynthParams::sample() });
        let row = short.row(index);
        prop_assert_eq!(&row, &long.row(index));
        prop_assert_eq!(&row.id, &short.id(index));
        prop_assert_eq!(&row.split, short.split(index).as_str());
        prop_assert_eq!(&row.clawscan_verdict, short.verdict(index).as_str());
    }
}

#[test]
fn hostile_rows_keep_verdict_flags_and_split() {
    let plain = small(3);
    let hostile = synth(SynthParams { hostile: 1.0, ..plain.params().params().clone() });
    let mut long = 0;
    for (plain, hostile) in plain.rows().zip(hostile.rows()) {
        assert_eq!(plain.id, hostile.id);
        assert_eq!(plain.split, hostile.split);
        assert_eq!(plain.clawscan_verdict, hostile.clawscan_verdict);
        for &scanner in Scanner::ALL {
            assert_eq!(flag(&plain, scanner), flag(&hostile, scanner));
        }
        assert_ne!(plain.clawscan_summary, hostile.clawscan_summary);
        assert_ne!(plain.skill_version, hostile.skill_version);
        long += usize::from(hostile.skill_version.len() > 10_000);
    }
    assert!(long > 0);
}

#[test]
fn medians_and_bytes_hold_whatever_the_texts_are_made_of() {
    // Rows whose lengths lie on both sides of the median, copies among them.
    let synth = synth(SynthParams { rows: 3_000, near_duplicates: 0.3, ..SynthParams::sample() });
    let scale = f64::from(synth.params().params().mean_text_chars) / 7_067.0;
    let mut sides = [[0_u32; 2]; 2];
    for (index, row) in synth.rows().enumerate() {
        let verdict: Verdict = row.clawscan_verdict.parse().unwrap();
        let published = match verdict {
            Verdict::Clean => 3_955.0,
            Verdict::Suspicious => 5_562.0,
            Verdict::Malicious => continue,
        };
        let chars = row.skill_md_content.unwrap_or_default().chars().count() as f64;
        let above = usize::from(chars > (published * scale).round());
        let copied = usize::from(synth.origin(index as u64) != Origin::Original);
        sides[copied][above] += 1;
        for file in row.skill_bundle_content {
            assert_eq!(file.size_bytes, file.content.len() as u64);
        }
    }
    let [originals, copies] = sides;
    assert!(copies[0] > 100 && copies[1] > 100, "{copies:?}");
    let share = f64::from(originals[0] + copies[0]) / 3_000.0;
    assert!((share - 0.5).abs() < 0.04, "{share}");
}
