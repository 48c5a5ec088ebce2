//! Worst cases for patterns, hash tables, parsers and comparisons: twice the text, twice the time.

use std::{fs, path::Path, time::Instant};

use clawsig_features::{BoxError, FeatureParams, RowIter, RowSource, build};
use clawsig_ingest::{Columns, IngestParams, OutputPaths, SignalsReader, Source, ingest};
use clawsig_schema::{SkillRow, Split};
use clawsig_synth::{Synth, SynthParams, write_json_line};
use serde_json::{Value, json};

use crate::{CampaignOptions, CampaignReport, Failure};

/// Characters of each text: doubled four times.
const SIZES: [usize; 5] = [1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21];

/// Sixteen times the text may take this many times the time, which leaves room for caches that
/// are outgrown and a machine with other work; quadratic growth would be 256.
const LIMIT: f64 = 40.0;

type Make = fn(usize) -> String;

const PATTERNS: &[(&str, Make)] = &[
    ("one word", |n| "a".repeat(n)),
    ("one-letter words", |n| "a b ".repeat(n / 4)),
    ("words that are all different", |n| (0..n / 8).map(|i| format!("{i:07x} ")).collect()),
    ("words that differ in their end", |n| {
        (0..n / 64).map(|i| format!("{}{i:07x} ", "a".repeat(56))).collect()
    }),
    ("words of zero bytes' hashes", |n| {
        // Words whose eight-byte pieces repeat: weak mixing would collide them.
        (0..n / 33).map(|i| format!("{:0>8}{:0>8}{:0>8}{:0>8} ", i, i, i, i)).collect()
    }),
    ("one word again and again", |n| "scan ".repeat(n / 5)),
    ("nested brackets", |n| "[(".repeat(n / 2)),
    ("nested links", |n| "![a](".repeat(n / 5)),
    ("nested quotes and lists", |n| "> - ".repeat(n / 4)),
    ("back-ticks", |n| "`".repeat(n)),
    ("fences that never close", |n| "```\n~~~\n".repeat(n / 8)),
    ("angle brackets", |n| "<!--<".repeat(n / 5)),
    ("half addresses", |n| "http://a.".repeat(n / 9)),
    ("dashes of front matter", |n| "---\n".repeat(n / 4)),
    ("empty lines", |n| "\n".repeat(n)),
    ("combining marks", |n| "\u{301}".repeat(n)),
    ("letters that grow when lower-cased", |n| "İ".repeat(n)),
    ("zero-width joiners", |n| "a\u{200d}".repeat(n / 2)),
    ("base64", |n| "QUJDREVGR0g0NTY3ODkwKy8".repeat(n / 23)),
    ("escapes", |n| "\\\"\u{1}".repeat(n / 3)),
];

struct Rows(Vec<SkillRow>);

impl RowSource for Rows {
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
        let rows: Vec<SkillRow> = self.0.iter().filter(|row| row.split == split).cloned().collect();
        Ok(Box::new(rows.into_iter().map(Ok)))
    }
}

pub(super) fn run(options: &CampaignOptions, report: &mut CampaignReport) -> Result<(), Failure> {
    let params = SynthParams { rows: 1, seed: 3, mean_text_chars: 200, ..SynthParams::default() };
    let mut line = Vec::new();
    for row in Synth::new(params.check()?).rows() {
        write_json_line(&row, &mut line)?;
    }
    let sound: Value = serde_json::from_slice(&line)?;
    let kilo = |n: usize| format!("{}k", n >> 10);
    report.note(format!(
        "milliseconds of ingest and features for a text of {} characters (best of 3):",
        SIZES.map(kilo).join(", ")
    ));
    for (name, make) in PATTERNS {
        let mut times = Vec::new();
        for size in SIZES {
            times.push(time(&sound, &make(size), &options.scratch)?);
            report.cases += 1;
        }
        let growth = times[SIZES.len() - 1] / times[0];
        let shown: Vec<String> = times.iter().map(|ms| format!("{ms:.0}")).collect();
        report.note(format!("  {name}: {} (x {growth:.1} for x 16)", shown.join(" ")));
        report.hold(growth < LIMIT, || format!("{name}: x {growth:.0} the time for x 16 the text"));
    }
    Ok(())
}

/// The best of three times in milliseconds, for one training row with that text.
fn time(sound: &Value, text: &str, scratch: &Path) -> Result<f64, Failure> {
    let folder = scratch.join("curve");
    fs::create_dir_all(&folder)?;
    let path = folder.join("rows.jsonl");
    let mut row = sound.clone();
    // A word, as texts without one are refused.
    row["skill_md_content"] = json!(format!("{text} skill"));
    row["split"] = json!("train");
    fs::write(&path, format!("{row}\n"))?;
    let out =
        OutputPaths { signals_dir: folder.join("signals"), rejects: folder.join("rejects.jsonl") };
    let params = IngestParams { threads: 1, ..IngestParams::default() }.check()?;
    let features = FeatureParams::default().check()?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let started = Instant::now();
        ingest(&Source::Path { path: path.clone() }, &params, &out, &|_, _, _| {})?;
        let reader = SignalsReader::open(out.signals_dir.join("train.parquet"))?;
        let mut rows: Vec<SkillRow> = reader.rows(Columns::All).collect::<Result<_, _>>()?;
        // Two copies more, so that the comparison of near-duplicates has something to compare.
        for copy in 0..2 {
            let mut row = rows[0].clone();
            row.id = format!("{copy:064x}");
            rows.push(row);
        }
        let made = build(&features, &mut Rows(rows), &|_, _, _| {})?;
        let row = made.splits.first().map(|split| split.matrix.rows());
        if row != Some(3) {
            return Err("the matrix does not have its rows".into());
        }
        best = best.min(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}
