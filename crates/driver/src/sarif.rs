//! SARIF 2.1.0, as much of it as findings about whole skills need.
//!
//! The format is OASIS's; the object model here is a small part of it that validates against the
//! published schema.

use std::collections::BTreeMap;

use clawsig_schema::hostile::printable;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where a finding is.
pub(crate) enum Location {
    /// A file on disk.
    File(String),
    /// A skill that has no file here: its slug or id.
    Skill(String),
}

/// One finding.
pub(crate) struct SarifResult {
    /// Which rule: the position of a class, or what [`Sarif::rule`] gave.
    pub(crate) rule: usize,
    /// What is found, in words.
    pub(crate) message: String,
    /// Where.
    pub(crate) location: Location,
    /// Probability by class, if a model says so.
    pub(crate) probabilities: BTreeMap<String, f64>,
    /// SHA-256 of the skill's content, by which an upload knows it again.
    pub(crate) sha256: Option<String>,
}

/// A log under construction.
pub(crate) struct Sarif {
    rules: Vec<Rule>,
    results: Vec<Value>,
    failures: Vec<Value>,
    properties: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Value,
    default_configuration: Value,
}

impl Sarif {
    /// A log with a rule a class, `clawsig/<class>`.
    pub(crate) fn new(classes: &[&str]) -> Sarif {
        let mut sarif = Sarif {
            rules: Vec::new(),
            results: Vec::new(),
            failures: Vec::new(),
            properties: Map::new(),
        };
        for (at, class) in classes.iter().enumerate() {
            let level = match (at, *class) {
                (0, _) => "note",
                (_, "malicious" | "HIGH" | "CRITICAL") => "error",
                _ => "warning",
            };
            let about = format!("The classifier predicts that the registry calls it {class}");
            sarif.rule(class, &about, level);
        }
        sarif
    }

    /// Adds a rule and gives its number.
    pub(crate) fn rule(&mut self, name: &str, about: &str, level: &'static str) -> usize {
        self.rules.push(Rule {
            id: format!("clawsig/{name}"),
            short_description: json!({ "text": about }),
            default_configuration: json!({ "level": level }),
        });
        self.rules.len() - 1
    }

    /// Says something of the whole log, as a property of its run.
    pub(crate) fn property(&mut self, name: &str, value: Value) {
        self.properties.insert(name.to_owned(), value);
    }

    /// Adds a finding.
    pub(crate) fn add(&mut self, finding: SarifResult) {
        let rule = &self.rules[finding.rule];
        let mut result = json!({
            "ruleId": rule.id,
            "ruleIndex": finding.rule,
            "level": rule.default_configuration["level"],
            "message": { "text": printable(&finding.message, 2000) },
            "locations": [location(&finding.location)],
        });
        if !finding.probabilities.is_empty() {
            result["properties"] = json!({ "probabilities": finding.probabilities });
        }
        if let Some(sha256) = &finding.sha256 {
            result["partialFingerprints"] = json!({ "skillSha256/v1": sha256 });
        }
        self.results.push(result);
    }

    /// Adds an input that could not be looked at.
    pub(crate) fn fail(&mut self, at: &Location, reason: &str) {
        self.failures.push(json!({
            "level": "error",
            "message": { "text": printable(reason, 2000) },
            "locations": [location(at)],
        }));
    }

    /// The number of findings.
    pub(crate) fn len(&self) -> usize {
        self.results.len()
    }

    /// The whole log.
    pub(crate) fn log(&self) -> Value {
        let mut run = json!({
            "tool": { "driver": {
                "name": "clawsig",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": self.rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": self.results,
        });
        if !self.properties.is_empty() {
            run["properties"] = json!(self.properties);
        }
        if !self.failures.is_empty() {
            run["invocations"] = json!([{
                "executionSuccessful": false,
                "toolExecutionNotifications": self.failures,
            }]);
        }
        json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] })
    }
}

fn location(location: &Location) -> Value {
    match location {
        Location::File(path) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": { "startLine": 1 },
        } }),
        Location::Skill(name) => json!({ "logicalLocations": [{
            "fullyQualifiedName": printable(name, 400),
            "kind": "module",
        }] }),
    }
}

/// A path as a relative or file URI: everything but plain characters is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris_and_hostile_names_text() {
        assert_eq!(uri("./a b/SKILL.md"), "a%20b/SKILL.md");
        assert_eq!(uri("/x/é:?#.md"), "file:///x/%C3%A9%3A%3F%23.md");
        let mut sarif = Sarif::new(&["clean", "malicious"]);
        sarif.add(SarifResult {
            rule: 1,
            message: "a\u{202e}b".to_owned(),
            location: Location::Skill("x\u{1b}[31m".to_owned()),
            probabilities: BTreeMap::new(),
            sha256: None,
        });
        let log = sarif.log();
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["message"]["text"], "a\\u{202e}b");
        assert_eq!(result["level"], "error");
        let name = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
        assert_eq!(name, "x\\u{1b}[31m");
    }
}
