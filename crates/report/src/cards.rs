//! The model card and the data card, in Markdown.
//!
//! Every text that isn't ours stands in a code span: nothing is markup or a link there.

use std::fmt::Write as _;

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{EvaluationResults, FOLDS, Goal, MACRO, ModelName, ModelResults, OVERALL, metric},
    hostile::printable,
};
use serde_json::{Value, json};

use crate::{
    study::StudyResults,
    words::{count, counted, estimate, kind, shown, upper},
    yaml,
};

/// A text as a code span, in a fence longer than any run of backticks in it.
fn code(text: &str) -> String {
    let text = printable(text, 200).replace('|', "\\|");
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    // A blank keeps a text's own backticks off the fence; Markdown takes it away again.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    if text.is_empty() { "(empty)".to_owned() } else { format!("{fence}{pad}{text}{pad}{fence}") }
}

fn table(out: &mut String, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let _ = writeln!(out, "| {} |", columns.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(columns.len()));
    for row in rows.into_iter().take(200) {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out.push('\n');
}

fn synthetic_note(study: &StudyResults) -> &'static str {
    if study.run.synthetic {
        "> **Synthetic data.** The rows are generated. Nothing here says anything about real \
         skills, scanners or publishers.\n\n"
    } else {
        ""
    }
}

fn front(value: &Value) -> String {
    format!("---\n{}---\n\n", yaml::document(value))
}

/// `MODEL_CARD.md`.
pub(crate) fn model_card(study: &StudyResults) -> String {
    let evaluation = study.evaluation.get();
    let model = evaluation.and_then(|found| found.models.first());
    let split = model.and_then(ModelResults::shown_split).unwrap_or("test");
    let mut metrics = Vec::new();
    if let Some(found) = model {
        let named = [
            (MACRO, metric::F1, "f1", "Macro F1"),
            (OVERALL, metric::ACCURACY, "accuracy", "Concordance with the registry's verdict"),
            (OVERALL, metric::MCC, "matthews_correlation", "Matthews correlation"),
        ];
        for (scope, key, kind, name) in named {
            // A figure without an interval, as one that rests on a handful of rows, is none to quote.
            let found = found.metrics.get(split, scope, key).filter(|found| found.low.is_some());
            let value = found.and_then(|found| found.value);
            if let Some(value) = value.filter(|value| value.is_finite()) {
                metrics.push(json!({"name": name, "type": kind, "value": value}));
            }
        }
    }
    let source = if study.run.synthetic { "synthetic sample" } else { "ClawHub Security Signals" };
    let mut head = json!({
        "language": ["en"],
        "library_name": "clawsig",
        "license": "mit",
        "pipeline_tag": "text-classification",
        "tags": ["agent-skills", "security", "tf-idf", "logistic-regression"],
    });
    if study.run.synthetic {
        head["tags"] = json!(["agent-skills", "security", "synthetic-data"]);
    } else {
        head["datasets"] = json!(["OpenClaw/clawhub-security-signals"]);
    }
    // The Hub refuses a model index whose results hold no metric.
    if !metrics.is_empty() {
        head["model-index"] = json!([{
            "name": format!("clawsig {}", study.run.name),
            "results": [{
                "task": {"type": "text-classification", "name": "Registry verdict of agent skills"},
                "dataset": {
                    "type": if study.run.synthetic { "synthetic" } else { "OpenClaw/clawhub-security-signals" },
                    "name": source,
                    "split": split,
                },
                "metrics": metrics,
            }],
        }]);
    }
    let mut out = front(&head);
    out.push_str("# Model card\n\n");
    out.push_str(synthetic_note(study));
    out.push_str(
        "A linear text classifier of agent skills. Its scores are concordance with the \
         registry's verdict, not rates of detecting malware.\n\n## Evaluation\n\n",
    );
    match study.evaluation.as_result() {
        Ok(found) => {
            let _ = writeln!(out, "Target {} on {}.\n", code(&found.target), code(split));
            for model in &found.models {
                one_model(&mut out, found, model, split);
            }
        }
        Err(reason) => {
            let _ = writeln!(out, "undefined: {}\n", code(reason));
        }
    }
    out.push_str(
        "## Intended use and limits\n\n\
         - For research on scanner agreement and for ordering a reviewer's queue; not for \
         blocking or clearing a skill by itself.\n\
         - The labels are silver: the registry's verdict, written by a judge that was shown \
         findings of the scanners.\n\
         - Malicious rows are few; read supports and intervals.\n\
         - Text written to deceive can move the score.\n\n## How to reproduce it\n\n",
    );
    let _ = writeln!(out, "{}", code(&study.run.command));
    out
}

/// What one model is and what it is worth.
fn one_model(out: &mut String, found: &EvaluationResults, model: &ModelResults, split: &str) {
    let (name, about) = match model.name {
        ModelName::All => ("The model on all columns", "skills with scanner results"),
        ModelName::TextOnly => ("The text-only model", "skills without scanner results"),
    };
    let groups: Vec<&str> = model.groups.iter().map(|group| group.as_str()).collect();
    let classes: Vec<String> = model
        .training_rows
        .iter()
        .map(|(class, rows)| format!("{} {}", count(*rows), code(class)))
        .collect();
    let _ = writeln!(
        out,
        "### {name}\n\nFor {about}. Columns: {}. C = {}. Training rows: {}. SHA-256 {}.\n",
        groups.join(", "),
        model.c,
        classes.join(", "),
        code(&model.sha256)
    );
    let said = |name: &str, value: &Estimate| {
        let said = match value.value {
            Some(rows) if name == metric::SUPPORT => count(rows.max(0.0) as u64),
            _ => estimate(value),
        };
        if value.undefined.is_some() { code(&said) } else { said }
    };
    let mut rows = Vec::new();
    for (scope, metrics) in model.metrics.0.get(split).into_iter().flatten() {
        for (name, value) in metrics {
            let mut cells = vec![code(scope), code(name), said(name, value), count(value.n)];
            if found.folds.is_some() {
                let apart = model.metrics.get(FOLDS, scope, name);
                cells.push(apart.map_or_else(String::new, |apart| said(name, apart)));
            }
            rows.push(cells);
        }
    }
    let apart = upper(&found.place(FOLDS));
    let mut columns = vec!["Class", "Metric", "Value (95 % interval)", "Rows"];
    columns.extend(found.folds.is_some().then_some(apart.as_str()));
    table(out, &columns, rows);
    let points = model.operating_points.iter().map(|point| {
        let (goal, most) = match point.goal {
            Goal::FalsePositiveRate(rate) => {
                (metric::FALSE_POSITIVE_RATE, format!("at most {rate}"))
            }
            Goal::Recall(share) => (metric::RECALL, format!("at least {share}")),
        };
        let threshold = match (point.threshold, &point.undefined) {
            (Some(threshold), _) => format!("{threshold:.4}"),
            (None, why) => code(why.as_deref().unwrap_or("undefined")),
        };
        let scores = point.scores.get(split);
        let score = |name: &str| {
            scores.and_then(|scores| scores.get(name)).map_or_else(String::new, |found| {
                let said = estimate(found);
                if found.undefined.is_some() { code(&said) } else { said }
            })
        };
        let (recall, rate) = (score(metric::RECALL), score(metric::FALSE_POSITIVE_RATE));
        vec![code(&point.class), format!("{} {most}", code(goal)), threshold, recall, rate]
    });
    out.push_str("Thresholds chosen on validation, and their rates on ");
    let _ = writeln!(out, "{}:\n", code(split));
    let columns = ["Class", "Chosen for", "Threshold", "Recall", "False-positive rate"];
    table(out, &columns, points);
}

/// The data card.
pub(crate) fn data_card(study: &StudyResults) -> String {
    let pretty = if study.run.synthetic {
        "Synthetic skills in the shape of ClawHub Security Signals"
    } else {
        "ClawHub Security Signals, as read by this run"
    };
    let mut out = front(&json!({
        "license": "mit",
        "pretty_name": pretty,
        "task_categories": ["text-classification"],
    }));
    out.push_str("# Data card\n\n");
    out.push_str(synthetic_note(study));
    let _ = writeln!(out, "Source: {}\n", code(&study.run.source));
    match study.data.as_result() {
        Ok(data) => {
            out.push_str("## Splits\n\n");
            let verdicts = data.verdicts();
            let rows = data.splits.iter().enumerate().map(|(at, split)| {
                let mut cells = vec![code(&split.split), count(split.rows)];
                cells.extend(verdicts.iter().map(|verdict| count(verdict.by_split[at])));
                cells
            });
            let names: Vec<String> =
                verdicts.iter().map(|verdict| code(&verdict.verdict)).collect();
            let columns: Vec<&str> =
                ["Split", "Rows"].into_iter().chain(names.iter().map(String::as_str)).collect();
            table(&mut out, &columns, rows);
            let _ = writeln!(
                out,
                "{} kept, {} rejected, {} left out by the sample.\n\n## Columns\n",
                counted(data.rows, "row"),
                count(data.rejected),
                count(data.sampled_out)
            );
            let rows = data.columns.iter().map(|column| {
                vec![
                    code(&column.name),
                    code(&kind(column.kind)),
                    count(column.nulls),
                    count(column.empty),
                ]
            });
            table(&mut out, &["Column", "Type", "Nulls", "Empty"], rows);
        }
        Err(reason) => {
            let _ = writeln!(out, "undefined: {}\n", code(reason));
        }
    }
    out.push_str("## Inputs\n\n");
    let rows = study.run.inputs.iter().map(|(name, hash)| vec![code(name), code(&shown(hash))]);
    table(&mut out, &["Input", "SHA-256"], rows);
    out.push_str(
        "## Labels\n\nThe verdict is the registry's own and a silver label: its judge was shown \
         findings of the scanners.\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_code_span() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a|b\nc"), "`a\\|b\\nc`");
        assert_eq!(code(""), "(empty)");
    }
}
