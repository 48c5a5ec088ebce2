//! `--as install-policy`: the answer to a request of OpenClaw's `security.installPolicy`.
//!
//! OpenClaw writes one JSON request to standard input before it commits an install, and takes one JSON
//! object: allow, warn (it asks the user) or block. Whatever keeps a skill from being scored blocks
//! it, with a valid answer that says why. The protocol, version 1, is in
//! docs/openclaw-install-policy.md of openclaw/clawscan.

use std::{io::Read, path::PathBuf};

use clawsig_schema::{hostile::printable, unread, wording::with_causes};
use serde::{Deserialize, Serialize};

use super::{
    output::Prediction,
    skills::{self, AllPassedOver, SkillFile},
};
use crate::Error;

const PROTOCOL: u64 = 1;
/// The largest request, as ClawScan takes it.
const MAX_REQUEST: u64 = 256 << 10;
/// Findings in an answer at most, as ClawScan gives them.
const MAX_FINDINGS: usize = 100;

/// The part of a request that matters here; the rest is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    protocol_version: u64,
    target_type: String,
    source_path: PathBuf,
    source_path_kind: String,
}

/// Reads a request: the skills that it stands for, or why they can't be known.
pub(super) fn read(
    input: impl Read,
    passed_over: &mut AllPassedOver,
) -> Result<Vec<SkillFile>, String> {
    let mut bytes = Vec::new();
    let failed = |e: std::io::Error| format!("the request can't be read: {e}");
    input.take(MAX_REQUEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_REQUEST {
        return Err(format!("the request is larger than {} KiB", MAX_REQUEST >> 10));
    }
    let request: Request = serde_json::from_slice(&bytes)
        .map_err(|e| format!("the request is not of the protocol: {}", unread::json(&e)))?;
    if request.protocol_version != PROTOCOL {
        return Err(format!(
            "protocolVersion is {}, and this clawsig speaks {PROTOCOL}",
            request.protocol_version
        ));
    }
    if request.target_type != "skill" {
        return Err(format!(
            "a {} is no skill, and clawsig scores skills alone: set security.installPolicy.targets \
             to [\"skill\"]",
            printable(&request.target_type, 40)
        ));
    }
    let path = &request.source_path;
    match request.source_path_kind.as_str() {
        "file" => Ok(vec![SkillFile::alone(path)]),
        "directory" => skills::find(path, passed_over).map_err(|e| with_causes(&e)),
        other => Err(format!("sourcePathKind is {}", printable(other, 40))),
    }
}

/// What is done with an install, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Warn,
    Block,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyFinding {
    rule_id: String,
    severity: &'static str,
    message: String,
}

/// The answer under construction.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    protocol_version: u64,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<PolicyFinding>,
}

impl Policy {
    /// An answer that allows so far.
    pub(super) fn new() -> Policy {
        Policy {
            protocol_version: PROTOCOL,
            decision: Decision::Allow,
            code: None,
            reason: None,
            findings: Vec::new(),
        }
    }

    /// Takes in a skill. What fails the gate blocks, another verdict than the first class or a text
    /// unlike the training rows warns, a review that holds allows.
    pub(super) fn add(&mut self, prediction: &Prediction<'_>, classes: &[&str], model: &str) {
        let source = printable(prediction.source, 200);
        let scored = match &prediction.result {
            Ok(scored) => scored,
            Err(reason) => return self.fail(&format!("{source}: {reason}")),
        };
        if prediction.passes() {
            return;
        }
        let class = classes[scored.score.class];
        let (decision, severity) = match prediction.fails {
            true => (Decision::Block, "critical"),
            false if scored.score.class != 0 || !scored.unlike.is_empty() => {
                (Decision::Warn, "warn")
            }
            false => return,
        };
        let p = scored.score.probabilities[scored.score.class];
        let mut message = format!("{source} is predicted {class} with probability {p:.4}");
        if scored.flagged == Some(true) {
            message += ", and flagged";
        }
        if !scored.unlike.is_empty() {
            message += &format!("; unlike the training rows: {}", scored.unlike.join("; "));
        }
        let rule_id = match scored.score.class {
            0 if scored.flagged != Some(true) => "clawsig.unlike-training".to_owned(),
            _ => format!("clawsig.{class}"),
        };
        if decision > self.decision {
            self.decision = decision;
            self.code = Some(match decision {
                Decision::Block => "clawsig_blocked",
                _ => "clawsig_warned",
            });
            self.reason = Some(printable(&format!("{message} ({model})"), 1000));
        }
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(PolicyFinding {
                rule_id,
                severity,
                message: printable(&message, 1000),
            });
        }
    }

    /// Blocks because something could not be scored.
    pub(super) fn fail(&mut self, reason: &str) {
        if self.code != Some("clawsig_not_scored") {
            self.decision = Decision::Block;
            self.code = Some("clawsig_not_scored");
            self.reason = Some(printable(&format!("not scored, so not allowed: {reason}"), 1000));
        }
    }

    /// The answer, on a line.
    pub(super) fn answer(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::Output(e.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: &str) -> String {
        match read(request.as_bytes(), &mut AllPassedOver::default()) {
            Ok(found) => panic!("{} skills", found.len()),
            Err(reason) => reason,
        }
    }

    #[test]
    fn a_request_that_is_none_says_what_is_wrong() {
        let request = |version: u64, target: &str, kind: &str| {
            format!(
                r#"{{"protocolVersion":{version},"targetType":"{target}","sourcePath":"/nowhere",
                "sourcePathKind":"{kind}","more":1}}"#
            )
        };
        assert!(refused("").contains("not of the protocol"));
        assert!(refused("{}").contains("protocolVersion"));
        assert!(refused(&request(2, "skill", "directory")).contains("speaks 1"));
        assert!(refused(&request(1, "plugin", "directory")).contains("[\"skill\"]"));
        assert!(refused(&request(1, "skill", "link")).contains("sourcePathKind is link"));
        assert!(refused(&request(1, "skill", "directory")).contains("/nowhere"));
        let one = read(request(1, "skill", "file").as_bytes(), &mut AllPassedOver::default());
        assert_eq!(one.map(|found| found.len()), Ok(1));
        assert!(refused(&" ".repeat(300 << 10)).contains("256 KiB"));
    }

    #[test]
    fn a_failure_blocks_with_a_reason_and_the_first_one_stays() {
        let mut policy = Policy::new();
        assert_eq!(policy.answer().unwrap(), r#"{"protocolVersion":1,"decision":"allow"}"#);
        policy.fail("no SKILL.md");
        policy.fail("another");
        assert_eq!(
            policy.answer().unwrap(),
            r#"{"protocolVersion":1,"decision":"block","code":"clawsig_not_scored","reason":"not scored, so not allowed: no SKILL.md"}"#
        );
    }
}
