//! Reviewers' answers, read back from what people and annotation tools write.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_schema::{
    hostile::{from_stored_cell, printable},
    unread,
};
use serde_json::{Map, Value};

use crate::{AdjudicateError, CANNOT_TELL, questions::question};

/// One reviewer's answer to one question on one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewAnswer {
    /// The unit.
    pub item: String,
    /// The reviewer.
    pub reviewer: String,
    /// The question's name.
    pub question: &'static str,
    /// One of the question's answers; `None` for `cannot_tell`.
    pub answer: Option<&'static str>,
    /// Its place in the file.
    pub place: String,
}

/// The form that a file was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// A table with the columns `item`, `reviewer` and the questions: the sheet filled in, or Label
    /// Studio's CSV.
    Csv,
    /// Label Studio's JSON or JSON-MIN.
    LabelStudio,
    /// Argilla's records, nested or flat.
    Argilla,
}

impl AnswerForm {
    /// The form's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            AnswerForm::Csv => "a table of answers",
            AnswerForm::LabelStudio => "an export of Label Studio",
            AnswerForm::Argilla => "records of Argilla",
        }
    }
}

/// Reads a file of answers. `reviewer` is whose they are where the file does not say.
///
/// # Errors
/// A file of none of the forms, an answer that the question does not have, a row without its unit, or
/// a reviewer who answers one question on one unit twice.
pub fn read_answers(
    file: &str,
    bytes: &[u8],
    reviewer: Option<&str>,
) -> Result<(AnswerForm, Vec<ReviewAnswer>), AdjudicateError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut found = AnswerReader { file, reviewer, answers: Vec::new(), given: BTreeSet::new() };
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let form = match start {
        Some(b'[' | b'{') => found.json(bytes)?,
        _ => found.table(bytes)?,
    };
    if found.answers.is_empty() {
        let reason = format!("is {} without one answer; fill it in first", form.name());
        return Err(AdjudicateError::Answers { place: file.to_owned(), reason });
    }
    Ok((form, found.answers))
}

struct AnswerReader<'f> {
    file: &'f str,
    reviewer: Option<&'f str>,
    answers: Vec<ReviewAnswer>,
    given: BTreeSet<(String, String, &'static str)>,
}

impl AnswerReader<'_> {
    fn wrong<T>(&self, place: &str, reason: impl Into<String>) -> Result<T, AdjudicateError> {
        let place = match place {
            "" => self.file.to_owned(),
            place => format!("{}, {place}", self.file),
        };
        Err(AdjudicateError::Answers { place, reason: reason.into() })
    }

    /// Adds an answer. A question that is none of ours is the tool's own and left alone.
    fn add(
        &mut self,
        place: &str,
        item: &str,
        reviewer: Option<&str>,
        name: &str,
        answer: &str,
    ) -> Result<(), AdjudicateError> {
        let Some(asked) = question(name) else { return Ok(()) };
        let Some(reviewer) = reviewer.or(self.reviewer) else {
            return self.wrong(
                place,
                "does not say who answered; fill in the column reviewer, or name the reviewer with \
                 --reviewer",
            );
        };
        let answer = match asked.answers.iter().find(|known| **known == answer.trim()) {
            Some(known) => Some(*known),
            None if answer.trim() == CANNOT_TELL => None,
            None => {
                let reason = format!(
                    "`{}` is no answer to {name}; the answers are {}, {CANNOT_TELL}",
                    printable(answer, 60),
                    asked.answers.join(", ")
                );
                return self.wrong(place, reason);
            }
        };
        if !self.given.insert((item.to_owned(), reviewer.to_owned(), asked.name)) {
            let reason = format!(
                "{} answers {name} on `{}` a second time; keep one",
                printable(reviewer, 60),
                printable(item, 80)
            );
            return self.wrong(place, reason);
        }
        self.answers.push(ReviewAnswer {
            item: item.to_owned(),
            reviewer: reviewer.to_owned(),
            question: asked.name,
            answer,
            place: format!("{}, {place}", self.file),
        });
        Ok(())
    }

    fn table(&mut self, bytes: &[u8]) -> Result<AnswerForm, AdjudicateError> {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(e) => {
                return self
                    .wrong("", format!("{}; comma-separated text is expected", unread::csv(&e)));
            }
        };
        let column = |names: &[&str]| header.iter().position(|name| names.contains(&name));
        let Some(item) = column(&["item"]) else {
            return self.wrong(
                "",
                "has no column `item`; a filled-in sample.csv, or an export of Label Studio or \
                 Argilla, is expected",
            );
        };
        // `annotator` is Label Studio's.
        let who = column(&["reviewer", "annotator"]);
        let asked: Vec<(usize, &str)> =
            header.iter().enumerate().filter(|(_, name)| question(name).is_some()).collect();
        if asked.is_empty() {
            return self.wrong("", "has none of the questions' columns, such as posture");
        }
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(e) => return self.wrong("", unread::csv(&e)),
            };
            let place = format!("line {}", row.position().map_or(0, csv::Position::line));
            let cell = |at: usize| row.get(at).filter(|cell| !cell.trim().is_empty());
            let given: Vec<(&str, &str)> =
                asked.iter().filter_map(|(at, name)| Some((*name, cell(*at)?))).collect();
            if given.is_empty() {
                continue;
            }
            let Some(id) = cell(item).map(from_stored_cell) else {
                return self.wrong(&place, "has answers and no item; restore the item's cell");
            };
            let reviewer = who.and_then(cell).map(from_stored_cell);
            for (name, answer) in given {
                self.add(&place, &id, reviewer.as_deref(), name, answer)?;
            }
        }
        Ok(AnswerForm::Csv)
    }

    fn json(&mut self, bytes: &[u8]) -> Result<AnswerForm, AdjudicateError> {
        let objects: Vec<Map<String, Value>> = match serde_json::from_slice(bytes) {
            Ok(objects) => objects,
            Err(whole) => {
                let lines = bytes.split(|byte| *byte == b'\n');
                let lines = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace));
                match lines.map(serde_json::from_slice).collect() {
                    Ok(objects) => objects,
                    Err(_) => {
                        return self.wrong(
                            "",
                            format!("{}; an array of objects is expected", unread::json(&whole)),
                        );
                    }
                }
            }
        };
        let mut form = None;
        for (number, object) in (1..).zip(&objects) {
            let place = format!("entry {number}");
            let here = if object.contains_key("responses")
                || object.keys().any(|key| key.ends_with(".responses"))
            {
                self.argilla(&place, object)?;
                AnswerForm::Argilla
            } else if object.contains_key("annotations") || object.contains_key("item") {
                self.label_studio(&place, object)?;
                AnswerForm::LabelStudio
            } else {
                return self.wrong(
                    &place,
                    "is neither a task of Label Studio (with annotations) nor a record of Argilla (with \
                     responses); export with answers",
                );
            };
            form = Some(here);
        }
        form.map_or_else(|| self.wrong("", "holds nothing; export with answers"), Ok)
    }

    /// A task with annotations, or one annotation of JSON-MIN.
    fn label_studio(
        &mut self,
        place: &str,
        task: &Map<String, Value>,
    ) -> Result<(), AdjudicateError> {
        let Some(annotations) = task.get("annotations").and_then(Value::as_array) else {
            let Some(item) = task.get("item").and_then(Value::as_str) else {
                return self.wrong(place, "has no `item`; keep the data as they were imported");
            };
            let who = task.get("annotator").and_then(name_of);
            for (name, value) in task {
                let answer = value.as_str().or_else(|| value.get("choices")?.get(0)?.as_str());
                if let Some(answer) = answer {
                    self.add(place, item, who.as_deref(), name, answer)?;
                }
            }
            return Ok(());
        };
        let Some(item) = task.get("data").and_then(|data| data.get("item")).and_then(Value::as_str)
        else {
            return self.wrong(place, "has no `data.item`; keep the data as they were imported");
        };
        for annotation in annotations {
            // A skipped task has answers that nobody gave.
            if annotation.get("was_cancelled") == Some(&Value::Bool(true)) {
                continue;
            }
            let who = annotation.get("completed_by").and_then(name_of);
            let results = annotation.get("result").and_then(Value::as_array);
            for result in results.into_iter().flatten() {
                let name = result.get("from_name").and_then(Value::as_str).unwrap_or_default();
                let choices = result.get("value").and_then(|value| value.get("choices"));
                if let Some(answer) = choices.and_then(|all| all.get(0)).and_then(Value::as_str) {
                    self.add(place, item, who.as_deref(), name, answer)?;
                }
            }
        }
        Ok(())
    }

    /// A record, nested (`responses`) or flat (`secrets.responses` beside `secrets.responses.users`).
    fn argilla(&mut self, place: &str, record: &Map<String, Value>) -> Result<(), AdjudicateError> {
        let Some(item) = record.get("id").and_then(Value::as_str) else {
            return self.wrong(place, "has no `id`; keep the records' ids as they were");
        };
        let mut given = BTreeMap::<String, Vec<(Option<String>, &Value)>>::new();
        let submitted = |status: Option<&Value>| {
            status.and_then(Value::as_str).is_none_or(|status| status == "submitted")
        };
        if let Some(nested) = record.get("responses").and_then(Value::as_object) {
            for (name, all) in nested {
                for one in all.as_array().into_iter().flatten() {
                    if let (Some(value), true) = (one.get("value"), submitted(one.get("status"))) {
                        let who = one.get("user_id").and_then(name_of);
                        given.entry(name.clone()).or_default().push((who, value));
                    }
                }
            }
        }
        for (key, all) in record {
            let Some(name) = key.strip_suffix(".responses") else { continue };
            let beside = |ending: &str, at: usize| record.get(&format!("{key}.{ending}"))?.get(at);
            for (at, value) in all.as_array().into_iter().flatten().enumerate() {
                if submitted(beside("status", at)) {
                    let who = beside("users", at).and_then(name_of);
                    given.entry(name.to_owned()).or_default().push((who, value));
                }
            }
        }
        for (name, all) in given {
            for (who, value) in all {
                if let Some(answer) = value.as_str() {
                    self.add(place, item, who.as_deref(), &name, answer)?;
                }
            }
        }
        Ok(())
    }
}

/// A user as tools write one: a number, a name, or an object with an email or an id.
fn name_of(user: &Value) -> Option<String> {
    match user {
        Value::String(name) if name.is_empty() || name == "None" => None,
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(user) => user.get("email").or(user.get("id")).and_then(name_of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReviewUnit, Sheets};

    fn read(text: &str) -> Vec<(String, String, &'static str, Option<&'static str>)> {
        let (_, answers) = read_answers("f", text.as_bytes(), None).unwrap();
        answers.into_iter().map(|one| (one.item, one.reviewer, one.question, one.answer)).collect()
    }

    fn told(text: &str) -> String {
        read_answers("f", text.as_bytes(), None).unwrap_err().to_string()
    }

    #[test]
    fn every_form_gives_the_same_answers() {
        let expected = vec![
            ("=x".to_owned(), "7".to_owned(), "posture", Some("clean")),
            ("=x".to_owned(), "7".to_owned(), "secrets", None),
        ];
        let mut csv = read("item,reviewer,secrets,posture\n'=x,7,cannot_tell,clean\ny,7,,\n");
        csv.sort();
        assert_eq!(csv, expected);
        for text in [
            r#"[{"id":1,"data":{"item":"=x"},"annotations":[{"completed_by":7,"was_cancelled":false,"result":[
                {"from_name":"secrets","type":"choices","value":{"choices":["cannot_tell"]}},
                {"from_name":"note","type":"textarea","value":{"text":["hm"]}},
                {"from_name":"posture","type":"choices","value":{"choices":["clean"]}}]},
                {"completed_by":8,"was_cancelled":true,"result":[]}]}]"#,
            r#"[{"item":"=x","annotator":7,"secrets":"cannot_tell","posture":"clean","text":"none"}]"#,
            r#"[{"id":"=x","fields":{},"responses":{"secrets":[{"value":"cannot_tell","user_id":"7"}],
                "posture":[{"value":"clean","user_id":"7"},{"value":"clean","user_id":"8","status":"draft"}]}}]"#,
            r#"[{"id":"=x","secrets.responses":["cannot_tell"],"secrets.responses.users":["7"],"secrets.responses.status":["submitted"],
                "posture.responses":["clean","clean"],"posture.responses.users":["7","8"],"posture.responses.status":["submitted","discarded"]}]"#,
        ] {
            let mut found = read(text);
            found.sort();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn mistakes_name_place_and_remedy() {
        assert!(
            told("item,reviewer,posture\nx,a,fine\n")
                .contains("f, line 2: `fine` is no answer to posture")
        );
        assert!(
            told("item,reviewer,posture\nx,a,clean\nx,a,clean\n")
                .contains("line 3: a answers posture on `x` a second time")
        );
        assert!(told("item,posture\nx,clean\n").contains("--reviewer"));
        assert!(told("item,reviewer,posture\nx,a,\n").contains("without one answer"));
        assert!(told("who,what\n1,2\n").contains("no column `item`"));
        assert!(told("[{\"a\":1}]").contains("entry 1"));
        assert!(told("[]").contains("holds nothing"));
    }

    #[test]
    fn a_sheet_is_safe_and_comes_back() {
        let evil = "=cmd()\nfine\n@x\u{202e}";
        let sheets = Sheets {
            evidence: vec!["text"],
            units: vec![ReviewUnit { id: "=1+1\u{7}".to_owned(), evidence: vec![evil.to_owned()] }],
        };
        let csv = String::from_utf8(sheets.csv().unwrap()).unwrap();
        assert!(csv.contains("'=cmd()\nfine\n'@x\\u{202e}"), "{csv}");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])));
        let filled = format!("item,reviewer,posture\n{},ann,malicious\n", &row[0]);
        assert_eq!(read(&filled)[0].0, "=1+1\u{7}");
        assert_eq!(sheets.label_studio_tasks()[0]["data"]["item"], "=1+1\u{7}");
        assert!(sheets.label_studio_config().contains("<Choice value=\"malicious\"/>"));
    }
}
