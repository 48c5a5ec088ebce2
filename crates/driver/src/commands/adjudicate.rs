//! `clawsig adjudicate`: the review that decides.

mod page;
mod sample;
mod score;
mod skills;
mod words;

use clawsig_adjudicate::Design;
use serde::{Deserialize, Serialize};

use crate::{
    Error, ExitStatus,
    cli::{AdjudicateArgs, AdjudicateTask, Global},
};

/// The file of a sample that its estimates need. Reviewers need not see it.
const DESIGN: &str = "design.json";

/// What [`DESIGN`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct StoredDesign {
    /// The file's own version.
    version: u32,
    /// The seal of the rows that the sample was drawn from.
    rows: String,
    /// Whose claims made the strata.
    claimants: Vec<String>,
    design: Design,
}

/// The version of [`StoredDesign`] that is written and read.
const VERSION: u32 = 1;

/// Draws a sample or scores one.
pub(crate) fn adjudicate(arguments: &AdjudicateArgs, global: &Global) -> Result<ExitStatus, Error> {
    match &arguments.task {
        AdjudicateTask::Sample(words) => sample::sample(words, global),
        AdjudicateTask::Score(words) => score::score(words, global),
    }
}
