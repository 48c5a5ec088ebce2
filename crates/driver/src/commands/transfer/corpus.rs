//! Labelled corpora: their rows, and what was left out of them.

use std::collections::{BTreeMap, HashSet};

use clawsig_store::hash_bytes;

use crate::cli::{CountsAs, TransferArgs};

/// One labelled text.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// SHA-256 of the text.
    pub(super) sha256: String,
    pub(super) text: String,
    pub(super) malicious: bool,
    /// Where the corpus has it from.
    pub(super) source: Option<String>,
    /// Who published it.
    pub(super) owner: Option<String>,
    /// The family that the corpus puts it into.
    pub(super) family: Option<String>,
    /// The corpus's own splits: a name, and the part of it.
    pub(super) official: Vec<(String, SplitPart)>,
}

/// A part of a corpus's own split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitPart {
    Train,
    Test,
    /// Validation, or excluded.
    Other,
}

impl SplitPart {
    pub(super) fn of(text: &str) -> SplitPart {
        match text {
            "train" => SplitPart::Train,
            "test" => SplitPart::Test,
            _ => SplitPart::Other,
        }
    }
}

/// A corpus that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Corpus {
    pub(super) name: String,
    /// What it was read as.
    pub(super) kind: &'static str,
    pub(super) samples: Vec<Sample>,
    /// Rows left out, by reason.
    pub(super) dropped: BTreeMap<String, u64>,
    seen: HashSet<String>,
}

impl Corpus {
    pub(super) fn new(name: impl Into<String>, kind: &'static str) -> Corpus {
        Corpus { name: name.into(), kind, ..Corpus::default() }
    }

    /// Takes in a row, or counts why it is left out. Of equal texts the first stays.
    pub(super) fn push(
        &mut self,
        label: Label,
        text: Option<String>,
        fill: impl FnOnce(&mut Sample),
    ) {
        let malicious = match label {
            Label::Class(malicious) => malicious,
            Label::Dropped(reason) => return self.drop_row(reason),
        };
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return self.drop_row("no text");
        };
        let sha256 = hash_bytes(text.as_bytes()).to_string();
        if !self.seen.insert(sha256.clone()) {
            return self.drop_row("repeats a text of the corpus");
        }
        let mut sample = Sample {
            sha256,
            text,
            malicious,
            source: None,
            owner: None,
            family: None,
            official: Vec::new(),
        };
        fill(&mut sample);
        self.samples.push(sample);
    }

    /// Counts a row that is left out.
    pub(super) fn drop_row(&mut self, reason: impl Into<String>) {
        *self.dropped.entry(reason.into()).or_default() += 1;
    }

    /// Malicious rows.
    pub(super) fn malicious(&self) -> usize {
        self.samples.iter().filter(|sample| sample.malicious).count()
    }

    /// Different values of a field.
    pub(super) fn different(&self, of: impl Fn(&Sample) -> Option<&String>) -> usize {
        self.samples.iter().filter_map(of).collect::<HashSet<_>>().len()
    }
}

/// What a label comes to.
pub(super) enum Label {
    /// Whether it is malicious.
    Class(bool),
    /// It is left out, for this reason.
    Dropped(String),
}

impl Label {
    /// Reads a corpus's word for a class.
    pub(super) fn of(word: Option<&str>, words: &TransferArgs) -> Label {
        let counted = |as_: CountsAs, name: &str| match as_ {
            CountsAs::Dropped => Label::Dropped(format!("labelled {name}")),
            CountsAs::Benign => Label::Class(false),
            CountsAs::Malicious => Label::Class(true),
        };
        let word = word.unwrap_or_default().trim().to_lowercase();
        match word.as_str() {
            "malicious" | "1" | "true" => Label::Class(true),
            "benign" | "clean" | "normal" | "safe" | "0" | "false" => Label::Class(false),
            "suspicious" => counted(words.suspicious, "suspicious"),
            "" | "unlabelled" | "unlabeled" | "unknown" => counted(words.unlabelled, "unlabelled"),
            other => Label::Dropped(format!(
                "labelled {}, which is neither class",
                clawsig_schema::hostile::printable(other, 40)
            )),
        }
    }
}
