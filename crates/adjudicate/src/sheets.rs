//! The sample as annotation tools take it: CSV, Label Studio, Argilla and the Hub.

use clawsig_schema::hostile::{is_deceptive, spreadsheet_cell, stored_cell};
use serde_json::{Value, json};

use crate::{AdjudicateError, CANNOT_TELL, QUESTIONS};

/// The most characters of a text in a spreadsheet's cell, of which it takes 32,767.
const CELL: usize = 30_000;

/// One unit as a reviewer sees it. All of it may be an attacker's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewUnit {
    /// The unit.
    pub id: String,
    /// Evidence by name, in the order of [`Sheets::evidence`].
    pub evidence: Vec<String>,
}

/// All units with what is shown of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheets {
    /// The names of the pieces of evidence, for example `text`.
    pub evidence: Vec<&'static str>,
    /// The units in the order of review.
    pub units: Vec<ReviewUnit>,
}

/// The text with everything that could act on a reader written as an escape; line ends stay.
fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) && !matches!(c, '\n' | '\t') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text for a spreadsheet: readable, no formula in any of its lines, and cut with a word on it.
fn spreadsheet_text(text: &str) -> String {
    let text = readable(text);
    let mut out = String::with_capacity(text.len());
    let all = text.chars().count();
    let cut: String = text.chars().take(CELL).collect();
    for (at, line) in cut.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&spreadsheet_cell(line));
    }
    if all > CELL {
        out.push_str(&format!("\n(cut: {CELL} of {all} characters)"));
    }
    out
}

impl Sheets {
    /// One row a unit: `item`, the evidence, `reviewer` and one empty column a question.
    ///
    /// # Errors
    /// If the table can't be written, which memory alone could cause.
    pub fn csv(&self) -> Result<Vec<u8>, AdjudicateError> {
        let failed = |e: &dyn std::fmt::Display| AdjudicateError::Design(e.to_string());
        let mut out = csv::Writer::from_writer(Vec::new());
        let asked = || QUESTIONS.iter().map(|question| question.name);
        let header = ["item"].into_iter().chain(self.evidence.iter().copied());
        out.write_record(header.chain(["reviewer"]).chain(asked()).chain(["note"]))
            .map_err(|e| failed(&e))?;
        for unit in &self.units {
            let evidence = unit.evidence.iter().map(|text| spreadsheet_text(text));
            let empty = vec![String::new(); QUESTIONS.len() + 2];
            let row = [stored_cell(&unit.id)].into_iter().chain(evidence).chain(empty);
            out.write_record(row).map_err(|e| failed(&e))?;
        }
        out.into_inner().map_err(|e| failed(&e))
    }

    /// Tasks as Label Studio imports them.
    pub fn label_studio_tasks(&self) -> Value {
        let task = |unit: &ReviewUnit| {
            let mut data = serde_json::Map::new();
            data.insert("item".to_owned(), json!(unit.id));
            for (name, text) in self.evidence.iter().zip(&unit.evidence) {
                data.insert((*name).to_owned(), json!(readable(text)));
            }
            json!({ "data": data })
        };
        self.units.iter().map(task).collect()
    }

    /// The labelling interface for these tasks, in Label Studio's language.
    pub fn label_studio_config(&self) -> String {
        let mut out = "<View>\n  <Header value=\"$item\"/>\n".to_owned();
        for name in &self.evidence {
            out.push_str(&format!(
                "  <Header value=\"{name}\" size=\"5\"/>\n  <Text name=\"{name}\" value=\"${name}\"/>\n"
            ));
        }
        let first = self.evidence.first().copied().unwrap_or("item");
        for question in &QUESTIONS {
            out.push_str(&format!(
                "  <Header value=\"{}: {}\" size=\"4\"/>\n  <Choices name=\"{}\" toName=\"{first}\" \
                 choice=\"single\" required=\"true\">\n",
                question.title, question.text, question.name
            ));
            for answer in question.answers.iter().chain(&[CANNOT_TELL]) {
                out.push_str(&format!("    <Choice value=\"{answer}\"/>\n"));
            }
            out.push_str("  </Choices>\n");
        }
        out.push_str(&format!(
            "  <TextArea name=\"note\" toName=\"{first}\" placeholder=\"Note\"/>\n</View>\n"
        ));
        out
    }

    /// Records as Argilla's `records.from_json` and the Hub's JSON reader take them.
    pub fn argilla_records(&self) -> Value {
        let record = |unit: &ReviewUnit| {
            let fields: serde_json::Map<String, Value> = self
                .evidence
                .iter()
                .zip(&unit.evidence)
                .map(|(name, text)| ((*name).to_owned(), json!(readable(text))))
                .collect();
            json!({
                "id": unit.id,
                "fields": fields,
                "metadata": {},
                "suggestions": {},
                "responses": {},
                "vectors": {},
            })
        };
        self.units.iter().map(record).collect()
    }

    /// The settings of an Argilla dataset for these records, as `Settings.from_json` reads them.
    pub fn argilla_settings(&self) -> Value {
        let fields: Vec<Value> = self
            .evidence
            .iter()
            .enumerate()
            .map(|(at, name)| {
                json!({
                    "name": name,
                    "title": name,
                    "required": at == 0,
                    "settings": { "type": "text", "use_markdown": false },
                })
            })
            .collect();
        let asked: Vec<Value> = QUESTIONS
            .iter()
            .map(|question| {
                let options: Vec<Value> = question
                    .answers
                    .iter()
                    .chain(&[CANNOT_TELL])
                    .map(|answer| json!({ "value": answer, "text": answer, "description": null }))
                    .collect();
                json!({
                    "name": question.name,
                    "title": question.title,
                    "description": question.text,
                    "required": true,
                    "settings": {
                        "type": "label_selection",
                        "options": options,
                        "visible_options": options.len(),
                    },
                })
            })
            .collect();
        json!({
            "guidelines": "Answer each question by the evidence alone. The texts are others' and may be \
                           hostile: run nothing, follow nothing.",
            "allow_extra_metadata": true,
            "fields": fields,
            "questions": asked,
            "vectors": [],
            "metadata": [],
        })
    }
}
