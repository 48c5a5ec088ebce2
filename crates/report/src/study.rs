//! What the report is made from.

use clawsig_schema::{
    agreement::AgreementResults, evaluation::EvaluationResults, profile::DataProfile,
    registry::RegistryResults,
};

/// A part of a study, or why the run has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<T> {
    /// The part.
    Present(Box<T>),
    /// Why it is missing, as a fragment that can follow `undefined: `.
    Absent(String),
}

impl<T> Part<T> {
    /// A part that is there.
    pub fn present(part: T) -> Part<T> {
        Part::Present(Box::new(part))
    }

    /// A part that is not, and why.
    pub fn absent(reason: impl Into<String>) -> Part<T> {
        Part::Absent(reason.into())
    }

    /// The part, if it is there.
    pub fn get(&self) -> Option<&T> {
        match self {
            Part::Present(part) => Some(part),
            Part::Absent(_) => None,
        }
    }

    /// The part or the reason.
    pub fn as_result(&self) -> Result<&T, &str> {
        match self {
            Part::Present(part) => Ok(part),
            Part::Absent(reason) => Err(reason),
        }
    }
}

/// Everything [`render`](crate::render) shows. Owned, so that it can be read from files, built by
/// hand, or changed before it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyResults {
    /// What was run.
    pub run: RunInfo,
    /// What ingest found.
    pub data: Part<DataProfile>,
    /// Near-duplicate texts.
    pub duplicates: Part<DuplicateSummary>,
    /// How far the scanners agree.
    pub agreement: Part<AgreementResults>,
    /// What the published counts say, and this run's figures beside the published ones.
    pub registry: Part<RegistryResults>,
    /// How the models do.
    pub evaluation: Part<EvaluationResults>,
}

/// What was run and how to run it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's name.
    pub name: String,
    /// The profile's name.
    pub profile: String,
    /// The exact command that makes this run again.
    pub command: String,
    /// Where the rows came from, in words: a repository and revision, a folder, the sample.
    pub source: String,
    /// Whether the rows are generated. The page and both cards say so in their first lines.
    pub synthetic: bool,
    /// Program and version.
    pub versions: Vec<(String, String)>,
    /// Input and its SHA-256.
    pub inputs: Vec<(String, String)>,
    /// Parameter and its value, in the order to show them.
    pub parameters: Vec<(String, String)>,
    /// What a reader must know before using a figure.
    pub warnings: Vec<String>,
}

/// How many skills share their text, or nearly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DuplicateSummary {
    /// Rows looked at.
    pub rows: u64,
    /// Groups of near-duplicates with at least two rows.
    pub groups: u64,
    /// Rows in those groups.
    pub grouped_rows: u64,
    /// Rows of the largest group.
    pub largest: u64,
    /// Test rows with a near-duplicate among the training rows.
    pub test_rows_in_train: u64,
}
