//! JSON as the exporter and other programs write it.

use super::*;

fn row(line: &str) -> Row<'_> {
    parse(line, Nulls::Anywhere).unwrap()
}

fn fault(line: &str) -> (RejectReason, String) {
    let fault = parse(line, Nulls::AsTheDataset).unwrap_err();
    (fault.reason, fault.detail)
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let plain = row(r#"{"skill_md_content": "plain é", "skill_slug": "a\tb"}"#);
    assert!(matches!(plain.skill.text, Some(Cow::Borrowed("plain é"))));
    assert_eq!(plain.skill.slug.as_deref(), Some("a\tb"));
}

/// The right values are those of CPython 3.13's `json.loads`, with each lone surrogate replaced.
#[test]
fn lone_surrogates_become_replacement_characters_and_pairs_stay() {
    for (escaped, text) in [
        (r"a\ud83d", "a\u{fffd}"),
        (r"\udc00b", "\u{fffd}b"),
        (r"\ud83d\ude00", "\u{1f600}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\uD83Dx\uDE00é", "\u{fffd}x\u{fffd}é"),
        (r"\ud83d\u0000", "\u{fffd}\0"),
    ] {
        let line = format!(r#"{{"skill_md_content": "{escaped}", "static_finding_count": 3}}"#);
        let read = row(&line);
        assert_eq!(read.skill.text.as_deref(), Some(text), "{escaped}");
        assert_eq!(read.skill.static_scan.finding_count, 3);
    }
}

#[test]
fn members_that_are_not_kept_are_not_judged() {
    let line = r#"{"skill_bundle_content": [{"content": "\ud83d", "path": "a", "sizeBytes": 1,
        "x\ud83d": 1e999}], "clawscan_context": {"static": {"a": {"b": "\ud83d", "c": 1e400}},
        "\udc00": 1}, "other\ud83d": [1e999], "static_reason_codes": ["x\ud83d"]}"#;
    let read = row(line);
    assert_eq!(read.skill.bundle.files, 1);
    assert!(read.skill.static_scan.has_output);
    assert_eq!(read.extra, ["other\u{fffd}"]);
    assert_eq!(read.skill.static_scan.reason_codes, ["x\u{fffd}"]);
}

#[test]
fn a_nul_is_a_character() {
    let read = row(r#"{"skill_md_content": "a\u0000b", "static_reason_codes": ["\u0000"]}"#);
    assert_eq!(read.skill.text.as_deref(), Some("a\0b"));
    assert_eq!(read.skill.static_scan.reason_codes, ["\0"]);
    assert_eq!(fault("{\"skill_slug\": \"a\0b\"}").0, RejectReason::BadJson);
}

#[test]
fn nulls_are_empty_lists_bundles_and_contexts() {
    let read = parse(
        r#"{"static_reason_codes": null, "skill_bundle_content": null, "clawscan_context": null}"#,
        Nulls::AsTheDataset,
    );
    let skill = read.unwrap().skill;
    assert!(skill.static_scan.reason_codes.is_empty() && skill.bundle.files == 0);
    assert!(!skill.static_scan.has_output);
    let (reason, detail) = fault(r#"{"static_reason_codes": ["a", null]}"#);
    assert_eq!(reason, RejectReason::WrongType);
    assert_eq!(
        detail,
        "column `static_reason_codes`: an item of the list is null, expected a string"
    );
}

#[test]
fn a_bundle_is_read_in_every_shape_or_refused() {
    let bundle = |value: &str| {
        let line = format!(r#"{{"skill_bundle_content": {value}}}"#);
        let read = parse(&line, Nulls::AsTheDataset).map(|row| row.skill.bundle);
        read.map(|bundle| (bundle.files, bundle.bytes)).map_err(|fault| fault.detail)
    };
    let text = |json: &str| serde_json::to_string(json).unwrap();
    let files = r#"[{"path": "a", "sizeBytes": 3.0}, {"size_bytes": 4, "path": "b"}]"#;
    assert_eq!(bundle(files), Ok((2, 7)));
    assert_eq!(bundle(&text(files)), Ok((2, 7)));
    let one = text(r#"{"path": "a", "sizeBytes": 3}"#);
    assert_eq!(bundle(&format!("[{one}]")), Ok((1, 3)));
    assert_eq!(bundle(r#"{"path": ["a", "b"], "sizeBytes": [1, 2]}"#), Ok((2, 3)));
    assert_eq!(bundle("{}"), Ok((0, 0)));
    assert_eq!(bundle("[]"), Ok((0, 0)));
    for (value, told) in [
        (r#"[{"path": "a"}]"#, "the sizeBytes of a file is null"),
        (r#"[{"path": "a", "sizeBytes": "3"}]"#, "the sizeBytes of a file is a string"),
        (r#"[{"path": "a", "sizeBytes": 2.5}]"#, "the sizeBytes of a file is 2.5"),
        (r#"[{"sizeBytes": 3}]"#, "the path of a file is null"),
        ("[null]", "is not a list of objects"),
        ("[3]", "is not a list of objects"),
        ("3", "is not a list of objects"),
        (r#"{"path": ["a"]}"#, "has 1 paths and 0 sizes"),
        (r#""a.py""#, "as JSON text is no list of objects"),
        (r#"["a.py"]"#, "expected"),
    ] {
        let detail = bundle(value).unwrap_err();
        assert!(detail.starts_with("column `skill_bundle_content`: "), "{value}: {detail}");
        assert!(detail.contains(told), "{value}: {detail}");
    }
}

#[test]
fn a_context_is_an_object_or_its_text() {
    let context = r#"{"virustotal": {"verdict": "x", "n": null}, "static": {"a": null},
        "skillspector": {"verdict": {"no": "text"}, "recommendation": "CAUTION"}, "z": [1]}"#;
    let text = serde_json::to_string(context).unwrap();
    for value in [context.to_owned(), text] {
        let line = format!(r#"{{"clawscan_context": {value}}}"#);
        let read = row(&line).skill;
        assert_eq!(read.virustotal.verdict_text.as_deref(), Some("x"));
        assert_eq!(read.skillspector.recommendation.as_deref(), Some("CAUTION"));
        let outputs = [&read.static_scan.has_output, &read.virustotal.has_output];
        assert_eq!(outputs, [&false, &true]);
    }
    for (output, there) in [
        ("null", false),
        ("{}", false),
        ("[]", false),
        ("[0]", true),
        ("\"\"", false),
        ("\"x\"", true),
        ("false", false),
        ("true", true),
        ("0", true),
        ("-1", true),
        ("0.5", true),
        (r#"{"verdict": 3}"#, true),
        (r#"{"verdict": null}"#, false),
        (r#"{"a": {"b": null}}"#, true),
    ] {
        let line = format!(r#"{{"clawscan_context": {{"static": {output}}}}}"#);
        assert_eq!(row(&line).skill.static_scan.has_output, there, "{output}");
    }
    let (_, detail) = fault(r#"{"clawscan_context": "no object"}"#);
    assert!(detail.contains("as JSON text is no"), "{detail}");
}

#[test]
fn faults_name_the_column_and_the_reason() {
    use RejectReason::{BadJson, NumberOutOfRange, WrongType};
    for (line, reason, told) in [
        ("[1]", BadJson, "a list stands where one JSON object is expected"),
        (
            "{\"id\": ",
            BadJson,
            "at byte 7 the text ends where a value is expected; expected one JSON object",
        ),
        (r#"{"id": "a"} x"#, BadJson, "at byte 13 more text follows the end of the value"),
        (r#"{"id": "a", "id": "b"}"#, BadJson, "column `id`: occurs twice"),
        (r#"{"id": 3}"#, WrongType, "column `id`: is a whole number, expected a string"),
        (r#"{"id": [3]}"#, WrongType, "column `id`: is a list, expected a string"),
        (r#"{"id": {"a": 1}}"#, WrongType, "column `id`: is an object"),
        (r#"{"id": true}"#, WrongType, "column `id`: is true or false"),
        (r#"{"static_finding_count": "3"}"#, WrongType, "is a string, expected a whole number"),
        (r#"{"static_finding_count": -1}"#, NumberOutOfRange, "is -1"),
        (r#"{"skillspector_score": 100.5}"#, NumberOutOfRange, "is 100.5"),
        (
            r#"{"skillspector_score": 1e400}"#,
            NumberOutOfRange,
            "column `skillspector_score`: at byte 28 a number is too large",
        ),
        (r#"{"static_reason_codes": 3}"#, WrongType, "is not a list of strings"),
    ] {
        let (found, detail) = fault(line);
        assert_eq!(found, reason, "{line}: {detail}");
        assert!(detail.contains(told), "{line}: {detail}");
    }
}
