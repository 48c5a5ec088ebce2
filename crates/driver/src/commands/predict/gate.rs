//! `--fail-on`: which scores end the command with exit code 3.

use super::scorer::ScoredSkill;
use crate::Error;

/// What fails the check.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    flagged: bool,
    unlike: bool,
    /// The class from which on a verdict fails.
    class: Option<usize>,
}

impl Gate {
    /// Checks the words against the model's classes, which rise from harmless to worst.
    pub(super) fn parse(
        words: &[String],
        classes: &[&str],
        has_threshold: bool,
    ) -> Result<Gate, Error> {
        let mut gate = Gate::default();
        for word in words {
            let wrong = |reason: String| Error::Usage(format!("--fail-on {word}: {reason}"));
            match word.as_str() {
                "flagged" if !has_threshold => {
                    return Err(wrong(
                        "nothing is flagged without --threshold, for example --threshold \
                         malicious@fpr=0.01"
                            .to_owned(),
                    ));
                }
                "flagged" => gate.flagged = true,
                "unlike" => gate.unlike = true,
                class => match classes.iter().position(|name| *name == class) {
                    Some(0) => return Err(wrong("every skill would fail".to_owned())),
                    Some(at) => gate.class = Some(gate.class.map_or(at, |least| least.min(at))),
                    None => {
                        return Err(wrong(format!(
                            "expected flagged, unlike, or a class: {}",
                            classes[1..].join(", ")
                        )));
                    }
                },
            }
        }
        Ok(gate)
    }

    /// What blocks an install unless it is said otherwise: what is flagged or, without a threshold,
    /// of the worst class.
    pub(super) fn of_policy(classes: &[&str], has_threshold: bool) -> Gate {
        match has_threshold {
            true => Gate { flagged: true, ..Gate::default() },
            false => Gate { class: classes.len().checked_sub(1), ..Gate::default() },
        }
    }

    /// Whether anything was asked for.
    pub(super) fn is_set(&self) -> bool {
        self.flagged || self.unlike || self.class.is_some()
    }

    /// Whether a score fails.
    pub(super) fn fails(&self, scored: &ScoredSkill) -> bool {
        let by_class = self.class.is_some_and(|least| scored.score.class >= least);
        by_class
            || self.flagged && scored.flagged == Some(true)
            || self.unlike && !scored.unlike.is_empty()
    }
}
