//! Ratings from what scanners of skills write: SARIF, clawscan's artifact, and the JSON of
//! SkillSpector and of Cisco's skill-scanner.
//!
//! A skill is named by the last folder of its path, so that several scanners' files speak of the same
//! items. The rating is `flagged` or `clean`, by a rule that each [`Scan`] states, or what stands at
//! a path of one's own choice.

use std::collections::BTreeMap;

use clawsig_schema::hostile::printable;
use serde_json::Value;

use crate::{Place, RatingsError, Record};

/// The two ratings that are made where no field is chosen.
const FLAGGED: &str = "flagged";
const CLEAN: &str = "clean";

/// A SkillSpector score above this is a flag, as in the registry's own exporter.
const SCORE_LIMIT: f64 = 20.0;

/// What a scanner's file gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// What the file was taken for, and which field became the rating.
    pub said: String,
    /// The ratings.
    pub records: Vec<Record>,
}

/// Reads a JSON file of a scanner; `None` for any other JSON. `fields` are dotted paths of one's own
/// choice, each for the scanner of that name.
///
/// # Errors
/// A scanner's file that lacks what its form always has, or that names two skills alike.
pub fn read_scan(
    file: &str,
    stem: &str,
    bytes: &[u8],
    fields: &[(String, String)],
) -> Result<Option<Scan>, RatingsError> {
    let values: Vec<Value> = match serde_json::from_slice(bytes) {
        Ok(Value::Array(values)) => values,
        Ok(value) => vec![value],
        Err(_) => {
            let lines = bytes.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace));
            match lines.map(serde_json::from_slice).collect() {
                Ok(values) => values,
                Err(_) => return Ok(None),
            }
        }
    };
    let Some(form) = values.first().and_then(Form::of) else { return Ok(None) };
    let mut reader =
        Reader { file, stem, fields, records: Vec::new(), paths: BTreeMap::new(), number: 0 };
    for value in &values {
        if Form::of(value) != Some(form) {
            let reason = format!("is not {}, as the entries before it are", form.name());
            return Err(RatingsError::row(&reader.place(), reason));
        }
        match form {
            Form::Sarif => reader.sarif(value)?,
            Form::Clawscan => reader.clawscan(value)?,
            Form::SkillSpector => reader.skillspector(value)?,
            Form::Cisco => reader.cisco(value)?,
        }
        reader.number += 1;
    }
    let is_here = |who: &String| reader.records.iter().any(|record| record.rater == *who);
    let chosen = fields.iter().filter(|(who, _)| is_here(who));
    let chosen: String = chosen.map(|(who, path)| format!("; chosen: {who}={path}")).collect();
    let said = format!("{}; {}{chosen}", form.name(), form.rule());
    Ok(Some(Scan { said, records: reader.records }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sarif,
    Clawscan,
    SkillSpector,
    Cisco,
}

impl Form {
    fn of(value: &Value) -> Option<Form> {
        let has = |keys: &[&str]| keys.iter().all(|key| value.get(key).is_some());
        if value.get("runs").is_some_and(Value::is_array) && has(&["version"]) {
            Some(Form::Sarif)
        } else if has(&["schemaVersion", "target", "scanners"]) {
            Some(Form::Clawscan)
        } else if has(&["skill", "risk_assessment"]) {
            Some(Form::SkillSpector)
        } else if has(&["skill_name", "is_safe"])
            || (has(&["summary"]) && value.get("results").is_some_and(Value::is_array))
        {
            Some(Form::Cisco)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Form::Sarif => "SARIF",
            Form::Clawscan => "an artifact of clawscan",
            Form::SkillSpector => "SkillSpector's JSON",
            Form::Cisco => "Cisco skill-scanner's JSON",
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Form::Sarif => "flagged is a result of level error or warning that is not suppressed",
            Form::Clawscan => {
                "each scanner that completed by its own form's rule; the judge by its verdict"
            }
            Form::SkillSpector => "flagged is a risk_assessment.score above 20",
            Form::Cisco => "flagged is is_safe = false",
        }
    }
}

struct Reader<'f> {
    file: &'f str,
    stem: &'f str,
    fields: &'f [(String, String)],
    records: Vec<Record>,
    /// For each rater and item the path that it came from.
    paths: BTreeMap<(String, String), String>,
    number: u64,
}

/// The value at a dotted path.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, key| match key.parse::<usize>() {
        Ok(place) if value.is_array() => value.get(place),
        _ => value.get(key),
    })
}

/// One value as a label.
fn label(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn flag(flagged: bool) -> Option<String> {
    Some(if flagged { FLAGGED } else { CLEAN }.to_owned())
}

/// The last folder of a skill's path: `skills/mail/SKILL.md` and `/x/mail/` are `mail`.
fn skill_of(path: &str) -> &str {
    let parts = || path.rsplit(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
    let is_manifest = |part: &&str| part.eq_ignore_ascii_case("SKILL.md");
    parts().find(|part| !is_manifest(part)).unwrap_or(path)
}

impl Reader<'_> {
    fn place(&self) -> Place {
        Place { file: self.file.to_owned(), unit: "entry", number: self.number + 1 }
    }

    fn lacks<T>(&self, what: &str) -> Result<T, RatingsError> {
        let reason = format!("has no `{what}`, which its form always has; is the file whole?");
        Err(RatingsError::row(&self.place(), reason))
    }

    /// The rating that the chosen field gives, else by the form's own rule.
    fn rating(&self, rater: &str, value: &Value, own: Option<String>) -> Option<String> {
        match self.fields.iter().find(|(who, _)| who == rater) {
            Some((_, path)) => at(value, path).and_then(label),
            None => own,
        }
    }

    fn add(
        &mut self,
        path: &str,
        rater: &str,
        version: Option<&str>,
        rating: Option<String>,
    ) -> Result<(), RatingsError> {
        let item = skill_of(path).to_owned();
        let before = self.paths.insert((rater.to_owned(), item.clone()), path.to_owned());
        if let Some(before) = before.filter(|before| before != path) {
            let reason = format!(
                "two skills end in the folder `{}` ({} and {}), and skills are told apart by it; rename \
                 one, or write the ratings as CSV",
                printable(&item, 60),
                printable(&before, 120),
                printable(path, 120)
            );
            return Err(RatingsError::row(&self.place(), reason));
        }
        self.records.push(Record {
            item,
            rater: rater.to_owned(),
            rating,
            cluster: None,
            weight: None,
            version: version.map(str::to_owned),
            time: None,
            place: self.place(),
        });
        Ok(())
    }

    fn cisco(&mut self, value: &Value) -> Result<(), RatingsError> {
        let own = [value.clone()];
        let results =
            value.get("results").and_then(Value::as_array).map_or(&own[..], Vec::as_slice);
        for result in results {
            let path =
                result.get("skill_path").or(result.get("skill_name")).and_then(Value::as_str);
            let Some(path) = path else { return self.lacks("skill_path") };
            let safe = result.get("is_safe").and_then(Value::as_bool);
            let rating = self.rating("cisco", result, safe.and_then(|safe| flag(!safe)));
            self.add(path, "cisco", None, rating)?;
        }
        Ok(())
    }

    fn skillspector(&mut self, value: &Value) -> Result<(), RatingsError> {
        let source = at(value, "skill.source").or(at(value, "skill.name")).and_then(Value::as_str);
        let Some(path) = source else { return self.lacks("skill.source") };
        let score = at(value, "risk_assessment.score").and_then(Value::as_f64);
        let own = score.and_then(|score| flag(score > SCORE_LIMIT));
        let rating = self.rating("skillspector", value, own);
        let version = at(value, "metadata.skillspector_version").and_then(Value::as_str);
        self.add(path, "skillspector", version, rating)
    }

    fn clawscan(&mut self, value: &Value) -> Result<(), RatingsError> {
        let target = at(value, "target.input").or(at(value, "target.resolvedPath"));
        let Some(path) = target.and_then(Value::as_str).map(str::to_owned) else {
            return self.lacks("target.input");
        };
        let Some(scanners) = value.get("scanners").and_then(Value::as_object) else {
            return self.lacks("scanners");
        };
        for (name, result) in scanners {
            // A scanner that failed has no opinion.
            let done = result.get("status").and_then(Value::as_str) == Some("completed");
            let raw = result.get("raw").filter(|_| done).unwrap_or(&Value::Null);
            let own = match Form::of(raw) {
                Some(Form::SkillSpector) => at(raw, "risk_assessment.score")
                    .and_then(Value::as_f64)
                    .and_then(|score| flag(score > SCORE_LIMIT)),
                Some(Form::Cisco) => {
                    let result = at(raw, "results.0").unwrap_or(raw);
                    result.get("is_safe").and_then(Value::as_bool).and_then(|safe| flag(!safe))
                }
                _ => ["verdict", "status"]
                    .iter()
                    .find_map(|key| raw.get(key).and_then(Value::as_str))
                    .and_then(verdict),
            };
            let rating = self.rating(name, raw, own);
            self.add(&path, name, None, rating)?;
        }
        if let Some(result) = at(value, "judge.result") {
            let own = result.get("verdict").and_then(Value::as_str).and_then(verdict);
            let rating = self.rating("judge", result, own);
            self.add(&path, "judge", None, rating)?;
        }
        Ok(())
    }

    fn sarif(&mut self, value: &Value) -> Result<(), RatingsError> {
        let runs = value.get("runs").and_then(Value::as_array);
        for run in runs.into_iter().flatten() {
            let Some(name) = at(run, "tool.driver.name").and_then(Value::as_str) else {
                return self.lacks("tool.driver.name");
            };
            let version = at(run, "tool.driver.semanticVersion").or(at(run, "tool.driver.version"));
            let version = version.and_then(Value::as_str);
            let uri = |of: &Value| at(of, "uri").and_then(Value::as_str).map(str::to_owned);
            // What was looked at, whether anything was found in it or not.
            let looked = run.get("artifacts").and_then(Value::as_array).into_iter().flatten();
            let mut skills: BTreeMap<String, &str> = looked
                .filter_map(|artifact| uri(artifact.get("location")?))
                .map(|uri| (self.folder(&uri), "none"))
                .collect();
            let results = run.get("results").and_then(Value::as_array);
            for result in results.into_iter().flatten() {
                let suppressed = result.get("suppressions").and_then(Value::as_array);
                let place =
                    at(result, "locations.0.physicalLocation.artifactLocation").and_then(uri);
                let folder = place.map_or_else(|| self.stem.to_owned(), |uri| self.folder(&uri));
                let level = result.get("level").and_then(Value::as_str).unwrap_or("warning");
                let level =
                    if suppressed.is_some_and(|all| !all.is_empty()) { "none" } else { level };
                let worst = skills.entry(folder).or_insert("none");
                if rank(level) > rank(worst) {
                    *worst = level;
                }
            }
            if skills.is_empty() {
                // A log without results and without a list of what was read is that of one skill.
                skills.insert(self.stem.to_owned(), "none");
            }
            for (folder, level) in skills {
                let chosen = self.fields.iter().find(|(who, _)| who == name);
                let rating = match chosen {
                    Some((_, path)) if path == "level" => Some(level.to_owned()),
                    Some((_, path)) => {
                        let reason = format!(
                            "of SARIF the field `level` alone becomes a rating, not `{}`",
                            printable(path, 60)
                        );
                        return Err(RatingsError::row(&self.place(), reason));
                    }
                    None => flag(rank(level) >= rank("warning")),
                };
                self.add(&folder, name, version, rating)?;
            }
        }
        Ok(())
    }

    /// The skill's folder in a path of SARIF: that of SKILL.md, or the first folder; without a folder
    /// the whole log is of one skill, which the file is named after.
    fn folder(&self, uri: &str) -> String {
        let uri = uri.strip_prefix("file://").unwrap_or(uri).trim_start_matches("./");
        match uri.rsplit_once('/') {
            Some((folder, name)) if name.eq_ignore_ascii_case("SKILL.md") => folder.to_owned(),
            // A skill's own folders: what stands in them belongs to the skill above.
            Some((folder, _)) => {
                let inner = ["scripts", "references", "assets", "src", "bin", "lib"];
                let parts: Vec<&str> = folder.split('/').collect();
                let end = parts.iter().position(|part| inner.contains(part)).unwrap_or(parts.len());
                match end {
                    0 => self.stem.to_owned(),
                    end => parts[..end].join("/"),
                }
            }
            None => self.stem.to_owned(),
        }
    }
}

/// How serious a level of SARIF is.
fn rank(level: &str) -> u8 {
    match level {
        "error" => 3,
        "warning" => 2,
        "note" => 1,
        _ => 0,
    }
}

/// A verdict in words.
fn verdict(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "malicious" | "suspicious" | "unsafe" | "flagged" => flag(true),
        "clean" | "benign" | "safe" | "harmless" => flag(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, fields: &[(&str, &str)]) -> Vec<(String, String, Option<String>)> {
        let fields: Vec<(String, String)> =
            fields.iter().map(|(who, path)| ((*who).to_owned(), (*path).to_owned())).collect();
        let scan = read_scan("f.json", "mail", text.as_bytes(), &fields).unwrap().unwrap();
        scan.records.into_iter().map(|one| (one.item, one.rater, one.rating)).collect()
    }

    fn row(item: &str, rater: &str, rating: &str) -> (String, String, Option<String>) {
        (item.to_owned(), rater.to_owned(), (!rating.is_empty()).then(|| rating.to_owned()))
    }

    const CISCO: &str = r#"{"summary":{},"results":[
        {"skill_name":"m","skill_path":"/x/mail","is_safe":false,"max_severity":"HIGH","findings":[]},
        {"skill_name":"n","skill_path":"/x/news","is_safe":true,"max_severity":"SAFE","findings":[]}]}"#;
    const SPECTOR: &str = r#"{"skill":{"name":"m","source":"skills/mail/SKILL.md"},"risk_assessment":{"score":21,"severity":"MEDIUM","recommendation":"CAUTION"}}"#;

    #[test]
    fn scanners_speak_of_the_same_skills() {
        assert_eq!(
            read(CISCO, &[]),
            [row("mail", "cisco", "flagged"), row("news", "cisco", "clean")]
        );
        assert_eq!(read(CISCO, &[("cisco", "max_severity")])[1], row("news", "cisco", "SAFE"));
        assert_eq!(read(SPECTOR, &[]), [row("mail", "skillspector", "flagged")]);
        assert_eq!(
            read(SPECTOR, &[("skillspector", "risk_assessment.score")])[0],
            row("mail", "skillspector", "21")
        );
        let artifact = format!(
            r#"{{"schemaVersion":"1","target":{{"input":"skills/mail"}},"scanners":{{"cisco":{{"status":"completed","raw":{CISCO}}},
            "skillspector":{{"status":"failed","raw":null}},"static":{{"status":"completed","raw":{{"status":"clean"}}}}}},"judge":{{"result":{{"verdict":"malicious"}}}}}}"#
        );
        let expected = [
            row("mail", "cisco", "flagged"),
            row("mail", "skillspector", ""),
            row("mail", "static", "clean"),
            row("mail", "judge", "flagged"),
        ];
        assert_eq!(read(&artifact, &[]), expected);
    }

    #[test]
    fn sarif_is_of_one_skill_or_of_many() {
        let log = |runs: &str| {
            format!(
                r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s","version":"2"}}}},{runs}}}]}}"#
            )
        };
        let result = |uri: &str, level: &str| {
            format!(
                r#"{{"level":"{level}","locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{uri}"}}}}}}]}}"#
            )
        };
        let one = log(&format!(
            r#""results":[{},{}]"#,
            result("SKILL.md", "note"),
            result("scripts/a.py", "note")
        ));
        assert_eq!(read(&one, &[]), [row("mail", "s", "clean")]);
        assert_eq!(read(&one, &[("s", "level")]), [row("mail", "s", "note")]);
        assert_eq!(read(&log(r#""results":[]"#), &[]), [row("mail", "s", "clean")]);
        let many = log(&format!(
            r#""artifacts":[{{"location":{{"uri":"skills/news/SKILL.md"}}}}],"results":[{},{},{{"level":"error","suppressions":[{{"kind":"external"}}],
            "locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"skills/old/SKILL.md"}}}}}}]}}]"#,
            result("skills/mail/SKILL.md", "note"),
            result("skills/mail/scripts/a.py", "error")
        ));
        let expected =
            [row("mail", "s", "flagged"), row("news", "s", "clean"), row("old", "s", "clean")];
        assert_eq!(read(&many, &[]), expected);
    }

    #[test]
    fn other_json_is_left_to_others_and_broken_files_are_told() {
        assert!(read_scan("f", "f", b"[{\"item\":1}]", &[]).unwrap().is_none());
        assert!(read_scan("f", "f", b"nonsense", &[]).unwrap().is_none());
        let twice = CISCO.replace("/x/news", "/y/mail");
        let told = read_scan("f", "f", twice.as_bytes(), &[]).unwrap_err().to_string();
        assert!(told.contains("two skills end in the folder `mail`"), "{told}");
        let lacks = SPECTOR.replace("source", "path").replace("name", "title");
        let told = read_scan("f", "f", lacks.as_bytes(), &[]).unwrap_err().to_string();
        assert!(told.contains("f, entry 1: has no `skill.source`"), "{told}");
    }
}
