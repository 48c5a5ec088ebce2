//! What reviewers are asked: one question a dimension, and the posture that decides.

/// One question with its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name in files.
    pub name: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What is asked.
    pub text: &'static str,
    /// The answers, from harmless to harmful.
    pub answers: &'static [&'static str],
}

/// How serious something is. [`CANNOT_TELL`] stands beside it.
const CONCERN: &[&str] = &["none", "some", "serious"];

/// The answer of a reviewer who has too little to go by; it counts as no answer.
pub const CANNOT_TELL: &str = "cannot_tell";

/// The question that decides: its answers are verdicts.
pub const POSTURE: &str = "posture";

/// The questions, the deciding one last.
pub const QUESTIONS: [Question; 10] = [
    Question {
        name: "declared_purpose",
        title: "Declared purpose",
        text: "Is there a concern with what the skill says that it is for?",
        answers: CONCERN,
    },
    Question {
        name: "observed_behaviour",
        title: "Observed behaviour",
        text: "Does what it does depart from what it says?",
        answers: CONCERN,
    },
    Question {
        name: "privilege",
        title: "Privilege",
        text: "Does it ask for more rights than its purpose needs?",
        answers: CONCERN,
    },
    Question {
        name: "data_sinks",
        title: "Data sinks",
        text: "Does it send data to where its purpose does not need them?",
        answers: CONCERN,
    },
    Question {
        name: "secrets",
        title: "Secrets",
        text: "Does it read, ask for or hold credentials in an unsafe way?",
        answers: CONCERN,
    },
    Question {
        name: "persistence",
        title: "Persistence",
        text: "Does it change what outlives the task: start-up files, memory, other skills?",
        answers: CONCERN,
    },
    Question {
        name: "hidden_instructions",
        title: "Hidden instructions",
        text: "Does it instruct the agent in a way that a user would not see?",
        answers: CONCERN,
    },
    Question {
        name: "bundled_code",
        title: "Bundled code",
        text: "Is there a concern with the files that come with it?",
        answers: CONCERN,
    },
    Question {
        name: "tool_use",
        title: "Tool use",
        text: "Does it run commands or tools in a way that can do harm?",
        answers: CONCERN,
    },
    Question {
        name: POSTURE,
        title: "Posture",
        text: "All in all, what is this skill?",
        answers: &["clean", "suspicious", "malicious"],
    },
];

/// The question of that name.
pub fn question(name: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.name == name)
}
