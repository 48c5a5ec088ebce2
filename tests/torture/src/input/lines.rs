//! JSON lines that were cut, mutated, or written by someone with other ideas of JSON.

use clawsig_schema::column::Column;
use serde_json::{Map, Value, json};

use super::{Case, Material};
use crate::rng::CaseRng;

/// The lines of a file: what ends with a newline, and what follows the last one.
pub(super) fn count(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
    ends + u64::from(bytes.last().is_some_and(|&byte| byte != b'\n'))
}

type Make = fn(&Material, u64, &mut CaseRng) -> Vec<u8>;

const KINDS: &[(&str, Make)] = &[
    ("cut", cut),
    ("bytes changed", bytes_changed),
    ("punctuation inserted", punctuation),
    ("pieces moved", pieces),
    ("deep nesting", nesting),
    ("odd numbers", numbers),
    ("duplicate keys", duplicates),
    ("wrong types", wrong_types),
    ("missing and extra columns", columns),
    ("odd texts", texts),
    ("odd ids, verdicts and splits", names),
    ("line ends and blanks", ends),
    ("other formats", formats),
    ("oversized rows", oversized),
    ("not objects", not_objects),
    ("repeated rows", repeated),
];

/// The case of that number: kinds in turn, their content by chance.
pub(super) fn case(material: &Material, number: u64, rng: &mut CaseRng) -> Case {
    let (kind, make) = KINDS[number as usize % KINDS.len()];
    Case { kind, name: "train.jsonl", bytes: make(material, number / KINDS.len() as u64, rng) }
}

fn line(material: &Material, rng: &mut CaseRng) -> Vec<u8> {
    rng.pick(&material.lines).clone()
}

fn object(material: &Material, rng: &mut CaseRng) -> Map<String, Value> {
    // The generator's lines are sound.
    serde_json::from_slice(&line(material, rng)).unwrap_or_default()
}

fn text_of(object: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_default()
}

/// A file of the line between sound ones.
fn around(material: &Material, rng: &mut CaseRng, bad: &[u8]) -> Vec<u8> {
    let mut bytes = line(material, rng);
    bytes.extend_from_slice(bad);
    bytes.push(b'\n');
    bytes.extend(line(material, rng));
    bytes
}

fn cut(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..3).flat_map(|_| line(material, rng)).collect();
    bytes.truncate(rng.below(bytes.len()));
    bytes
}

fn bytes_changed(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..3).flat_map(|_| line(material, rng)).collect();
    for _ in 0..=rng.below(16) {
        let at = rng.below(bytes.len());
        bytes[at] = rng.next() as u8;
    }
    bytes
}

fn punctuation(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let mut bytes = line(material, rng);
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len());
        bytes.insert(at, *rng.pick(b"{}[]\",:\\/-+.eE0 \t\n\r\x00ntf'"));
    }
    around(material, rng, &bytes)
}

fn pieces(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..2).flat_map(|_| line(material, rng)).collect();
    let from = rng.below(bytes.len());
    let to = (from + rng.below(400)).min(bytes.len());
    let piece: Vec<u8> = bytes[from..to].to_vec();
    match rng.below(3) {
        0 => drop(bytes.drain(from..to)),
        1 => {
            let at = rng.below(bytes.len());
            bytes.splice(at..at, piece);
        }
        _ => bytes.splice(from..from, piece.repeat(3)).for_each(drop),
    }
    bytes
}

/// A row whose column is this piece of JSON.
fn with_raw(material: &Material, rng: &mut CaseRng, column: &str, raw: &[u8]) -> Vec<u8> {
    let mut row = object(material, rng);
    row.insert(column.to_owned(), json!("@@@"));
    let text = String::from_utf8(text_of(&row)).unwrap_or_default();
    let (before, after) = text.split_once("\"@@@\"").unwrap_or_default();
    let mut bytes = before.as_bytes().to_vec();
    bytes.extend_from_slice(raw);
    bytes.extend_from_slice(after.as_bytes());
    bytes
}

fn any_column(rng: &mut CaseRng) -> &'static str {
    rng.pick(Column::ALL).name()
}

fn nesting(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let depth = [100, 127, 128, 129, 1_000, 15_000][number as usize % 6];
    let (open, close) = *rng.pick(&[("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]"), ("[", "")]);
    let depth = depth / open.len().min(4);
    let inner = if close.is_empty() { "" } else { "1" };
    let deep = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
    let column = if rng.below(2) == 0 { "clawscan_context" } else { any_column(rng) };
    let bad = match rng.below(3) {
        0 => deep.into_bytes(),
        _ => with_raw(material, rng, column, deep.as_bytes()),
    };
    around(material, rng, &bad)
}

fn numbers(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    const ODD: &[&str] = &[
        "1e999",
        "-1e999",
        "1e-999",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "inf",
        "-0",
        "-0.0",
        "0x10",
        "010",
        "+1",
        ".5",
        "5.",
        "1e",
        "1e+",
        "--1",
        "4294967295",
        "4294967296",
        "-1",
        "1.5",
        "9223372036854775808",
        "18446744073709551616",
        "1E2",
        "100.0000000000001",
        "2e0",
        "1_000",
        "0.1e-400",
        "100",
        "101",
        "-1e-5",
    ];
    let column = *rng.pick(&[
        "skillspector_score",
        "static_finding_count",
        "virustotal_malicious_count",
        "skillspector_issue_count",
    ]);
    let raw = match number as usize % (ODD.len() + 2) {
        at if at < ODD.len() => ODD[at].to_owned(),
        at if at == ODD.len() => "9".repeat(1 + rng.below(5_000)),
        _ => format!("0.{}1", "0".repeat(rng.below(5_000))),
    };
    let column = if rng.below(5) == 0 { any_column(rng) } else { column };
    let bad = with_raw(material, rng, column, raw.as_bytes());
    around(material, rng, &bad)
}

fn duplicates(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let row = object(material, rng);
    let column = any_column(rng);
    let value = match rng.below(3) {
        0 => row.get(column).cloned().unwrap_or_default(),
        1 => Value::Null,
        _ => json!("other"),
    };
    let text = text_of(&row);
    // Keys may also be written with escapes.
    let key = if rng.below(3) == 0 {
        let escapes: String = column.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        format!("\"{escapes}\"")
    } else {
        format!("\"{column}\"")
    };
    let mut bad = format!("{{{key}:{value},").into_bytes();
    bad.extend_from_slice(&text[1..]);
    around(material, rng, &bad)
}

/// Every type in every column, in turn.
fn wrong_types(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let values = [
        json!(null),
        json!(true),
        json!(-3),
        json!(7),
        json!(2.5),
        json!(""),
        json!("text"),
        json!([]),
        json!([1, null, "x"]),
        json!([[["x"]]]),
        json!({}),
        json!({ "path": 3, "content": [], "sha256": null, "sizeBytes": "9" }),
        json!([{ "path": 3, "content": [], "sha256": null, "sizeBytes": -9 }]),
        json!([{ "path": "a", "content": "b" }, null, 4]),
        json!({ "static": 3, "virustotal": [], "skillspector": { "issues": "many" } }),
    ];
    let column = Column::ALL[number as usize % Column::ALL.len()].name();
    let value = &values[(number as usize / Column::ALL.len()) % values.len()];
    let mut row = object(material, rng);
    row.insert(column.to_owned(), value.clone());
    around(material, rng, &text_of(&row))
}

fn columns(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let mut row = object(material, rng);
    let column = Column::ALL[number as usize % Column::ALL.len()].name();
    match rng.below(4) {
        0 => drop(row.remove(column)),
        1 => {
            let value = row.remove(column).unwrap_or_default();
            row.insert(column.to_uppercase(), value);
        }
        2 => {
            for at in 0..rng.below(300) {
                row.insert(format!("extra_{at}\u{1b}[31m<b>"), json!(at));
            }
        }
        _ => row.retain(|_, _| rng.below(3) > 0),
    }
    let bad = text_of(&row);
    // Sometimes the whole file is like this.
    if rng.below(3) == 0 { [bad, b"\n".to_vec()].concat() } else { around(material, rng, &bad) }
}

fn texts(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    const ODD: &[&[u8]] = &[
        b"\"a\\u0000b\"",
        b"\"a\x00b\"",
        b"\"\\ud800\"",
        b"\"\\udfff\\ud800\"",
        b"\"\\ud83d\\u0041\"",
        b"\"\xff\xfe\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xe2\x82\"",
        b"\"\\x41\"",
        b"\"\\u12\"",
        b"\"\\u{41}\"",
        b"\"tab\tin text\"",
        b"\"\x1b[2J\x07\"",
        b"'single'",
        b"\"open",
        b"\"\\\"",
        b"\"\xef\xbb\xbf\"",
        b"\"\\u202e\\u2066\"",
        b"\"\xf3\xa0\x81\x81\"",
        b"\"\\/\\b\\f\"",
    ];
    let raw = ODD[number as usize % ODD.len()];
    let column = *rng.pick(&[
        "skill_md_content",
        "skill_slug",
        "clawscan_summary",
        "id",
        "static_status",
        "skillspector_severity",
    ]);
    let (column, raw) = match rng.below(4) {
        0 => ("static_reason_codes", [b"[", raw, b"]"].concat()),
        1 => ("clawscan_context", [b"{\"static\":{\"status\":", raw, b"}}"].concat()),
        _ => (column, raw.to_vec()),
    };
    let bad = with_raw(material, rng, column, &raw);
    around(material, rng, &bad)
}

fn names(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let ids = ["", "0", "../../etc/passwd", "\u{1b}[2J", "=1+1", "<b>", "İ", "\u{202e}"];
    let words = [
        "",
        "Clean",
        "CLEAN",
        "clean ",
        "unknown",
        "benign",
        "ｃｌｅａｎ",
        "clean\u{0}",
        "train",
        "latest",
        "eval-holdout",
        "TEST",
        "../train",
    ];
    let mut row = object(material, rng);
    let (column, value) = match number % 4 {
        0 => ("id", json!(rng.pick(&ids))),
        1 => ("clawscan_verdict", json!(rng.pick(&words))),
        2 => ("split", json!(rng.pick(&words))),
        _ => ("id", json!("A".repeat(rng.below(4_000)))),
    };
    row.insert(column.to_owned(), value);
    around(material, rng, &text_of(&row))
}

fn ends(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let (a, b) = (line(material, rng), line(material, rng));
    let (a, b) = (a.trim_ascii_end(), b.trim_ascii_end());
    let blank: Vec<u8> = (0..rng.below(50)).map(|_| *rng.pick(b"\n\n \t\r")).collect();
    let ends: [&[u8]; 6] = [b"\r\n", b"\r", b"\n\n\n", b"\x0b\n", b"\xc2\x85", b"\xe2\x80\xa8"];
    match number as usize % 10 {
        at if at < 6 => [a, ends[at], b, ends[at]].concat(),
        6 => [b"\xef\xbb\xbf", a, b"\n\xef\xbb\xbf", b].concat(),
        7 => [&blank[..], a, b"\n", &blank, b].concat(),
        8 => blank,
        _ => [a, b" ", b].concat(),
    }
}

fn formats(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let text = line(material, rng);
    match number % 9 {
        0 => [&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..], &text].concat(),
        1 => [&b"\x28\xb5\x2f\xfd"[..], &text].concat(),
        2 => [&b"PK\x03\x04"[..], &text].concat(),
        3 => rng.pick(&material.tables).clone(),
        4 => {
            let text = String::from_utf8_lossy(&text).into_owned();
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
        5 => [b"[", text.trim_ascii_end(), b",", text.trim_ascii_end(), b"]\n"].concat(),
        6 => Vec::new(),
        7 => b"id,skill_slug,split\n1,a/b,train\n".to_vec(),
        _ => {
            let length = rng.below(5_000);
            rng.bytes(length)
        }
    }
}

fn oversized(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    let limit = super::MAX_ROW as usize;
    let length = match number % 4 {
        0 => limit - 1_500,
        1 => limit,
        2 => limit + 1,
        _ => limit * (2 + rng.below(4)),
    };
    let mut row = object(material, rng);
    row.insert("clawscan_summary".to_owned(), json!("x".repeat(length)));
    let mut bad = text_of(&row);
    if rng.below(3) == 0 {
        // No end of the text, and perhaps none of the line.
        bad.truncate(length);
    }
    around(material, rng, &bad)
}

fn not_objects(material: &Material, number: u64, rng: &mut CaseRng) -> Vec<u8> {
    const OTHER: &[&str] = &[
        "null",
        "true",
        "[]",
        "{}",
        "0",
        "\"\"",
        "[{}]",
        "{}{}",
        "{},",
        "nul",
        "-",
        "{\"id\"}",
        "{\"id\":}",
        "{id:1}",
        "{\"a\":1,}",
        "//",
        "/**/{}",
        "#",
        "{\"\":{}}",
        "}",
        "]",
        ",",
        ":",
        "\\",
    ];
    around(material, rng, OTHER[number as usize % OTHER.len()].as_bytes())
}

fn repeated(material: &Material, _: u64, rng: &mut CaseRng) -> Vec<u8> {
    let row = line(material, rng);
    let mut bytes = row.repeat(2 + rng.below(20));
    bytes.extend(line(material, rng));
    bytes
}
