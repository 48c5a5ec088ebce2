//! Whole feature sets of rows that have everything a row may have, held against their record.
//!
//! `UPDATE_RECORDS=1 cargo test -p clawsig-features` writes the record anew; read it before it is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::fmt::Write as _;

use clawsig_features::{
    BoxError, CharsParams, FeatureParams, NumericColumns, RowIter, RowSource, VectorizerParams,
    build,
    vectorizer::{Analyzer, DocumentFrequency, Idf, Norm},
};
use clawsig_schema::{
    BundleStats, ExtensionCount, FlagRule, MissingPolicy, SkillRow, SkillSpectorSignals, Split,
    StaticSignals, Target, Verdict, VerdictLabel, VirusTotalSignals, matrix::ColumnGroup,
    settings::FlagParams,
};
use clawsig_test_record::{compare, word, words};

struct Made(Vec<SkillRow>);

impl RowSource for Made {
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
        Ok(Box::new(self.0.iter().filter(move |row| row.split == split).cloned().map(Ok)))
    }
}

/// A text of some parts that a document may have; that of three rows in ten is nearly that of the row before.
fn text(n: usize) -> Option<String> {
    if n % 13 == 12 {
        return None;
    }
    let of = if matches!(n % 10, 1 | 6 | 9) { n - 1 } else { n };
    let parts = [
        "--- name: tool version_2: x --- Read the file",
        "# Title ## Part read, Read; write",
        "```bash rm -rf x ``` and ~~~ py ```js ~~~",
        "see HTTPS://User@Example.org:80/a and http://example.org. ftp://no",
        "Straße ΟΔΟΣ İx 漢字 漢字 zero\u{200b}width \u{202e}turned",
        "token token token a_b 42 a b",
        "```yaml k: v ``` ```rust fn ``` ``` plain ```",
        "",
    ];
    let mut text = words(&parts, of * 37 % 251).join(" ");
    for at in 0..of % 9 * 6 {
        write!(text, " word{}", (of * 7 + at * at) % 23).unwrap();
    }
    if of != n {
        text.push_str(" copy");
    }
    Some(text)
}

/// A row whose fields go through their values at different speeds.
fn row(n: usize) -> SkillRow {
    let verdict = match n % 7 {
        0..=2 => Verdict::Clean.into(),
        3 | 4 => Verdict::Suspicious.into(),
        5 => Verdict::Malicious.into(),
        _ => VerdictLabel::Other("pending".to_owned()),
    };
    let extensions = [("", 1), ("md", 2), ("py", 3), ("sh", 1)];
    let bundle = BundleStats {
        files: (n % 4) as u32,
        bytes: 100 * n as u64,
        extensions: extensions[..n % 4]
            .iter()
            .map(|&(extension, files)| ExtensionCount { extension: extension.to_owned(), files })
            .collect(),
        ..BundleStats::default()
    };
    let engines = |every: usize| {
        (n % 5 != 1).then_some(if n.is_multiple_of(every) { 1 + n as u32 } else { 0 })
    };
    SkillRow {
        id: format!("{n:064x}"),
        slug: (n % 6 != 5).then(|| format!("owner{}/skill{n}", n % 8)),
        version: "1".to_owned(),
        text: text(n),
        bundle,
        verdict,
        static_scan: StaticSignals {
            status: word(&["clean", "suspicious", "", "clean", "malicious", "odd"], n),
            finding_count: (n % 4) as u32,
            reason_codes: words(&["suspicious.a", "suspicious.b", "=1+1"], n / 2),
            has_output: n % 7 != 3,
        },
        virustotal: VirusTotalSignals {
            status: word(&["clean", "", "suspicious", "clean", "stale"], n / 2),
            verdict_text: None,
            malicious: engines(4),
            suspicious: engines(7),
            harmless: n.is_multiple_of(3).then_some(2),
            undetected: engines(1),
            has_output: n % 5 != 1,
        },
        skillspector: SkillSpectorSignals {
            status: word(&["clean", "suspicious", "error", ""], n / 3),
            score: (n % 8 != 6).then_some([0.0, 11.0, 20.5, 55.0, 100.0][n % 5]),
            severity: word(&["low", "", "HIGH", "critical"], n / 3),
            issue_count: (n % 4) as u32,
            issue_codes: words(&["LP3", "TP1"], n),
            issue_categories: words(&["Data Flow", "Supply Chain"], n),
            has_output: n % 8 != 6,
            ..SkillSpectorSignals::default()
        },
        split: Split::ALL[[0, 1, 1, 0, 2, 0, 1, 1, 3, 2][n % 10]],
        ..SkillRow::default()
    }
}

/// Builds the features of so many rows and writes down all that comes of it.
fn record(out: &mut String, title: &str, rows: usize, params: FeatureParams) {
    writeln!(out, "\n# {title}").unwrap();
    let params = params.check().unwrap();
    let set = build(&params, &mut Made((0..rows).map(row).collect()), &|_, _, _| ()).unwrap();
    for left in params.left_out() {
        writeln!(out, "left out: {left:?}").unwrap();
    }
    for column in &set.columns {
        writeln!(out, "{} {} {:?} of {}", column.column, column.group, column.name, column.reads)
            .unwrap();
    }
    for term in set.fitted.vocabulary() {
        writeln!(out, "{:?} in {}, {:.4e}", term.term, term.document_frequency, term.idf).unwrap();
    }
    for split in &set.splits {
        for (at, info) in split.rows.iter().enumerate() {
            let (columns, values) = split.matrix.row(at);
            let entry = |(column, value): (&u32, &f64)| format!("{column}:{value:.4e}");
            let entries: Vec<String> = columns.iter().zip(values).map(entry).collect();
            let info = serde_json::to_string(info).unwrap();
            let info = info.replace(&"0".repeat(62), "");
            writeln!(out, "{} {info} {}", split.split, entries.join(" ")).unwrap();
        }
    }
    writeln!(out, "{}", serde_json::to_string(&set.novelty).unwrap()).unwrap();
}

#[test]
fn rows_become_the_numbers_that_are_on_record() {
    let mut found = String::new();
    let words = VectorizerParams {
        min_df: DocumentFrequency::Count(4),
        max_df: DocumentFrequency::Share(0.8),
        ngrams: (1, 2),
        max_features: Some(40),
        sublinear: true,
        ..VectorizerParams::default()
    };
    let chars = CharsParams {
        analyzer: Analyzer::CharWb,
        ngrams: (2, 4),
        min_df: DocumentFrequency::Share(0.1),
        max_features: Some(25),
        max_chars: Some(60),
        ..CharsParams::default()
    };
    let all = FeatureParams {
        groups: ColumnGroup::ALL.to_vec(),
        text: words.clone(),
        chars,
        ..FeatureParams::default()
    };
    record(&mut found, "every group", 60, all.clone());
    let notebook = FeatureParams {
        groups: vec![ColumnGroup::Text, ColumnGroup::Numeric, ColumnGroup::Flags],
        numeric: NumericColumns::Notebook,
        text: VectorizerParams {
            idf: Idf::None,
            norm: Norm::L1,
            binary: true,
            sublinear: false,
            lowercase: false,
            max_features: Some(12),
            stop_words: ["and".to_owned(), "the".to_owned()].into(),
            ..words.clone()
        },
        flags: FlagParams { rule: FlagRule::AnyOutput, missing: MissingPolicy::Exclude },
        ..all.clone()
    };
    record(&mut found, "the notebook's numbers, flags of any output", 60, notebook);
    let severity =
        FeatureParams { target: Target::Severity, groups: ColumnGroup::ALL.to_vec(), ..all };
    record(&mut found, "severity", 30, severity);
    compare("tests/recorded.txt", &found);
}
