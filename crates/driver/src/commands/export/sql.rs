//! `clawsig export sql`: the counts behind the agreement stage as SQL, for data that is better
//! counted where it lies.
//!
//! `skills.sql` makes the view `skills` in the engine's own dialect, over `signals/*.parquet` of a
//! run or over raw JSON lines; `counts.sql`, `counts_by_owner.sql` and `profile.sql` ask it in SQL
//! that DuckDB and Spark read alike. The rules are those of `clawsig_schema::flags`, with two
//! limits: TRIM takes spaces away and no other white space, and a scanner's output counts as there
//! when it is an object with a member that is not null.

use std::{fmt::Write, path::Path};

use clawsig_schema::{
    Scanner,
    column::Column,
    flags::SKILLSPECTOR_SCORE_LIMIT,
    signal::{Signal, SignalKind},
};
use clawsig_study::StudyParams;

use super::place::FolderPlace;
use crate::{
    Error,
    cli::{Global, SqlArgs, SqlEngine, SqlOver},
    files,
};

/// The columns of the view `skills`.
const COLUMNS: [Signal; 16] = [
    Signal::SkillSlug,
    Signal::Split,
    Signal::ClawscanVerdict,
    Signal::StaticStatus,
    Signal::StaticHasOutput,
    Signal::VirustotalStatus,
    Signal::VirustotalVerdictText,
    Signal::VirustotalMaliciousCount,
    Signal::VirustotalSuspiciousCount,
    Signal::VirustotalHasOutput,
    Signal::SkillspectorStatus,
    Signal::SkillspectorRecommendation,
    Signal::SkillspectorScore,
    Signal::SkillspectorSeverity,
    Signal::SkillspectorIssueCount,
    Signal::SkillspectorHasOutput,
];

/// Writes the queries.
pub(super) fn export(arguments: &SqlArgs, global: &Global) -> Result<(), Error> {
    let view = view(arguments.engine, arguments.over, &arguments.path)?;
    let place = FolderPlace::at(&arguments.out, arguments.force)?;
    let params = StudyParams::default();
    files::write_text(&place.path("skills.sql")?, &view)?;
    files::write_text(&place.path("counts.sql")?, &counts(false, &params))?;
    files::write_text(&place.path("counts_by_owner.sql")?, &counts(true, &params))?;
    files::write_text(&place.path("profile.sql")?, PROFILE)?;
    place.finish("the view `skills` and three queries over it", global)
}

/// The view in the engine's dialect.
fn view(engine: SqlEngine, over: SqlOver, path: &Path) -> Result<String, Error> {
    let folder = path.to_str().filter(|text| {
        !text.is_empty() && !text.contains(['\'', '\\', '*', '?', '[', '{']) && !text.contains('\0')
    });
    let Some(folder) = folder else {
        return Err(Error::Usage(format!(
            "{}: a path in SQL must be UTF-8 without quotes, backslashes and wild cards; link the folder under another name",
            path.display()
        )));
    };
    let names: Vec<&str> = COLUMNS.iter().map(|signal| signal.name()).collect();
    let list = names.join(",\n  ");
    Ok(match (engine, over) {
        (SqlEngine::Duckdb, SqlOver::Signals) => format!(
            "CREATE OR REPLACE TEMP VIEW skills AS\nSELECT\n  {list}\nFROM read_parquet('{folder}/*.parquet');\n"
        ),
        (SqlEngine::Spark, SqlOver::Signals) => format!(
            "CREATE OR REPLACE TEMPORARY VIEW skills AS\nSELECT\n  {list}\nFROM parquet.`{}/*.parquet`\n",
            spark_path(folder)?
        ),
        (SqlEngine::Duckdb, SqlOver::Jsonl) => {
            let types = raw_columns(&|name, kind| format!("{name}: '{kind}'"), "VARCHAR", "JSON");
            let derived = derived(
                &|path| format!("json_extract_string(clawscan_context, '$.{path}')"),
                // The types of the members, one by one.
                &|scanner| {
                    format!(
                        "COALESCE(LIST_HAS_ANY(json_type(clawscan_context, '$.{scanner}.*'), ['VARCHAR', 'OBJECT', 'ARRAY', 'BOOLEAN', 'BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE']), FALSE)"
                    )
                },
            );
            format!(
                "CREATE OR REPLACE TEMP VIEW skills AS\nSELECT\n  *,\n  {derived}\nFROM read_json('{folder}/*.jsonl', format = 'newline_delimited',\n  maximum_object_size = 268435456, columns = {{\n    {types}\n  }});\n"
            )
        }
        (SqlEngine::Spark, SqlOver::Jsonl) => {
            let types = raw_columns(&|name, kind| format!("{name} {kind}"), "STRING", "STRING");
            let derived = derived(
                &|path| format!("GET_JSON_OBJECT(clawscan_context, '$.{path}')"),
                &|scanner| {
                    format!(
                        "COALESCE(EXISTS(MAP_VALUES(FROM_JSON(GET_JSON_OBJECT(clawscan_context, '$.{scanner}'), 'MAP<STRING,STRING>')), member -> member IS NOT NULL), FALSE)"
                    )
                },
            );
            format!(
                "CREATE OR REPLACE TEMPORARY VIEW raw_skills (\n    {types}\n) USING json OPTIONS (path '{folder}/*.jsonl');\n\nCREATE OR REPLACE TEMPORARY VIEW skills AS\nSELECT\n  *,\n  {derived}\nFROM raw_skills;\n"
            )
        }
    })
}

/// Spark quotes a path in backticks.
fn spark_path(folder: &str) -> Result<&str, Error> {
    if folder.contains('`') {
        return Err(Error::Usage(format!("{folder}: a path for Spark must not hold a backtick")));
    }
    Ok(folder)
}

/// The raw columns that the view needs, without those that are derived from the context.
fn raw_columns(one: &dyn Fn(&str, &str) -> String, text: &str, json: &str) -> String {
    let mut columns: Vec<String> = COLUMNS
        .iter()
        .filter(|signal| signal.column().is_some())
        .map(|signal| {
            let kind = match signal.kind() {
                SignalKind::Count | SignalKind::Bytes => "BIGINT",
                SignalKind::Number => "DOUBLE",
                SignalKind::Flag => "BOOLEAN",
                SignalKind::Text | SignalKind::TextList | SignalKind::CountList => text,
            };
            one(signal.name(), kind)
        })
        .collect();
    columns.push(one(Column::ClawscanContext.name(), json));
    columns.join(",\n    ")
}

/// The columns that ingest derives from the context.
fn derived(text: &dyn Fn(&str) -> String, present: &dyn Fn(&str) -> String) -> String {
    let mut columns: Vec<String> = ["static", "virustotal", "skillspector"]
        .map(|scanner| format!("{} AS {scanner}_has_output", present(scanner)))
        .to_vec();
    columns.push(format!("{} AS virustotal_verdict_text", text("virustotal.verdict")));
    columns.push(format!(
        "COALESCE({}, {}) AS skillspector_recommendation",
        text("skillspector.verdict"),
        text("skillspector.recommendation")
    ));
    columns.join(",\n  ")
}

const PROFILE: &str = "\
SELECT split, LOWER(clawscan_verdict) AS verdict, COUNT(*) AS row_count
FROM skills
GROUP BY split, LOWER(clawscan_verdict)
";

/// 1 for a text that the exporter reads as suspicious or malicious, 0 for a clean one.
fn text_label(column: &str) -> String {
    let any = |words: &[&str]| {
        let tests: Vec<String> =
            words.iter().map(|word| format!("LOWER({column}) LIKE '%{word}%'")).collect();
        tests.join(" OR ")
    };
    format!(
        "CASE WHEN {} THEN 1 WHEN {} THEN 0 END",
        any(&["malicious", "malware", "suspicious"]),
        any(&["clean", "safe", "harmless"])
    )
}

/// The greatest threshold that a value reaches, 0 below all of them, null without a value.
fn reached(value: &str, thresholds: &[f64]) -> String {
    let mut text = "CASE".to_owned();
    for threshold in thresholds.iter().rev() {
        // Writing to a String does not fail.
        let _ = write!(text, " WHEN {value} >= {threshold} THEN {threshold}");
    }
    let _ = write!(text, " WHEN {value} IS NOT NULL THEN 0 END");
    text
}

/// One row for every combination of all that the agreement stage looks at.
fn counts(by_owner: bool, params: &StudyParams) -> String {
    let mut keys: Vec<(String, String)> = Vec::new();
    let mut key = |name: &str, value: String| keys.push((name.to_owned(), value));
    if by_owner {
        key(
            "owner",
            "CASE WHEN POSITION('/' IN skill_slug) > 1 \
             THEN SUBSTRING(skill_slug, 1, POSITION('/' IN skill_slug) - 1) END"
                .to_owned(),
        );
    }
    key("split", "LOWER(split)".to_owned());
    key(
        "verdict",
        "CASE WHEN LOWER(clawscan_verdict) IN ('clean', 'suspicious', 'malicious') \
         THEN LOWER(clawscan_verdict) ELSE clawscan_verdict END"
            .to_owned(),
    );
    key(
        "severity",
        "CASE WHEN LOWER(TRIM(skillspector_severity)) IN ('low', 'medium', 'high', 'critical') \
         THEN LOWER(TRIM(skillspector_severity)) \
         WHEN skillspector_score < 0 OR skillspector_score > 100 THEN NULL \
         WHEN skillspector_score <= 20 THEN 'low' WHEN skillspector_score <= 50 THEN 'medium' \
         WHEN skillspector_score <= 80 THEN 'high' WHEN skillspector_score <= 100 THEN 'critical' END"
            .to_owned(),
    );
    for scanner in Scanner::ALL {
        key(
            &format!("status_{scanner}"),
            format!(
                "CASE WHEN {scanner}_status IS NULL THEN NULL \
                 WHEN LOWER(TRIM({scanner}_status)) IN ('suspicious', 'malicious') THEN 1 ELSE 0 END"
            ),
        );
    }
    key("label_static", text_label("static_status"));
    key(
        "label_virustotal",
        format!(
            "CASE WHEN virustotal_malicious_count > 0 OR virustotal_suspicious_count > 0 THEN 1 \
             ELSE {} END",
            text_label("COALESCE(virustotal_verdict_text, virustotal_status)")
        ),
    );
    key(
        "label_skillspector",
        format!(
            "CASE WHEN LOWER(TRIM(skillspector_status)) IN ('error', 'failed') THEN NULL \
             ELSE COALESCE({}, CASE \
             WHEN LOWER(skillspector_recommendation) LIKE '%do not install%' \
             OR LOWER(skillspector_recommendation) LIKE '%caution%' \
             OR skillspector_issue_count > 0 OR skillspector_score > {SKILLSPECTOR_SCORE_LIMIT} THEN 1 \
             WHEN skillspector_status IS NULL AND skillspector_score IS NULL \
             AND NOT COALESCE(skillspector_has_output, FALSE) THEN NULL ELSE 0 END) END",
            text_label("skillspector_status")
        ),
    );
    for scanner in Scanner::ALL {
        let output = format!("CASE WHEN {scanner}_has_output THEN 1 ELSE 0 END");
        key(&format!("any_{scanner}"), output);
    }
    let engines: Vec<f64> = params.engine_thresholds.iter().map(|&t| f64::from(t)).collect();
    let counted = "CASE WHEN virustotal_malicious_count IS NULL AND virustotal_suspicious_count IS NULL \
         THEN NULL ELSE CAST(COALESCE(virustotal_malicious_count, 0) AS BIGINT) \
         + CAST(COALESCE(virustotal_suspicious_count, 0) AS BIGINT) END";
    key("engines", reached(&format!("({counted})"), &engines));
    key("score", reached("skillspector_score", &params.score_thresholds));

    let seen = [
        ("static_ran", "static_status IS NOT NULL OR static_has_output"),
        (
            "virustotal_ran",
            "virustotal_status IS NOT NULL OR virustotal_has_output \
             OR virustotal_malicious_count IS NOT NULL OR virustotal_suspicious_count IS NOT NULL",
        ),
        (
            "skillspector_ran",
            "skillspector_status IS NOT NULL OR skillspector_has_output OR skillspector_score IS NOT NULL",
        ),
    ];
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let most: Vec<String> = seen.iter().map(|(name, _)| format!("MAX({name}) AS {name}")).collect();
    let mut inner: Vec<String> =
        keys.iter().map(|(name, value)| format!("{value} AS {name}")).collect();
    inner.extend(
        seen.iter().map(|(name, test)| format!("CASE WHEN {test} THEN 1 ELSE 0 END AS {name}")),
    );
    format!(
        "SELECT\n  {},\n  {},\n  COUNT(*) AS row_count\nFROM (\n  SELECT\n    {}\n  FROM skills\n) AS kinds\nGROUP BY\n  {}\n",
        names.join(",\n  "),
        most.join(",\n  "),
        inner.join(",\n    "),
        names.join(",\n  ")
    )
}
