//! Random problems whose optimum is proven to 1e-12 another way: no reported gap is smaller than
//! the true one.

#[path = "../../../../crates/model/tests/reference/mod.rs"]
mod reference;

use crate::{CampaignOptions, CampaignReport};

pub(super) fn run(options: &CampaignOptions, report: &mut CampaignReport) {
    let tally = reference::compare(options.seed, options.count);
    report.cases += tally.problems;
    report.note(format!(
        "solver: seeds {} to {}: {} problems, the optimum of {} proven to 1e-12; {} solutions, {} of \
         them could not prove 1e-6 in 1,000 iterations and say so; {} violations",
        options.seed,
        options.seed + tally.drawn - 1,
        tally.drawn,
        tally.problems,
        tally.solutions,
        tally.unconverged.len(),
        tally.violations.len()
    ));
    report.broken.extend(tally.violations);
}
